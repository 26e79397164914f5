//! Every folder of `tests/cases` is a workspace with something wrong in its form, and the findings expected.
//!
//! `WEIR_BLESS=1` rewrites the expected files.

#![expect(clippy::disallowed_methods, reason = "a case is a folder of files")]

use std::{fmt::Write as _, fs, path::Path};

use weir_findings::{Finding, Sources};
use weir_testkit::expect;

fn case(expected_file: &Path) -> datatest_stable::Result<()> {
    let folder = expected_file.parent().ok_or("a case is a file in a folder")?;
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "yaml") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.push((name, fs::read_to_string(&path)?));
        }
    }
    let loaded = weir_model::load(files);
    let found = text(&loaded.findings, &loaded.sources);
    expect(expected_file, &found);
    Ok(())
}

/// One finding a paragraph, with the text that each place covers.
fn text(findings: &[Finding], sources: &Sources) -> String {
    let mut out = String::new();
    for finding in findings {
        let place = |span: weir_findings::Span| {
            let file = sources.file(span.file);
            let position = sources.position(span);
            (
                format!("{}:{}:{}", file.path(), position.line, position.column),
                format!("{:?}", &file.text()[span.range()]),
            )
        };
        let (at, covered) = place(finding.at);
        let _ = writeln!(out, "{at} {}[{}] {}\n  at {covered}", finding.severity, finding.rule, finding.message);
        for related in &finding.related {
            let (at, covered) = place(related.at);
            let _ = writeln!(out, "  see {at} {covered}: {}", related.message);
        }
        if let Some(help) = &finding.help {
            let _ = writeln!(out, "  help: {help}");
        }
    }
    out
}

datatest_stable::harness! {
    { test = case, root = "tests/cases", pattern = r"findings\.txt$" },
}
