//! Tests each folder of `cases`. `cases/<rule>/pass*` is a workspace without findings; in `cases/<rule>/fail*` the rule
//! reports the findings in `findings.txt`. A case without a `weir.yaml` uses `base/weir.yaml`, or `base/governed.yaml` if it
//! has a folder `teams`. The warning about a workspace without `ownership` is left out, except in its own cases.
//!
//! `WEIR_BLESS=1` rewrites the expected files.

use std::{fmt::Write as _, fs, path::Path};

use weir_findings::{Finding, Severity, Sources, Span};

const BASE: &str = include_str!("base/weir.yaml");
const GOVERNED: &str = include_str!("base/governed.yaml");
/// The day of the cases.
const TODAY: &str = "2026-11-30";

fn case(file: &Path) -> datatest_stable::Result<()> {
    let folder = file.parent().ok_or("no folder")?;
    let rule = folder.parent().and_then(Path::file_name).ok_or("no rule")?.to_string_lossy().into_owned();
    let name = folder.file_name().ok_or("no case")?.to_string_lossy().into_owned();

    let mut files = Vec::new();
    collect(folder, folder, &mut files)?;
    if !files.iter().any(|(name, _)| name == "weir.yaml") {
        let base = if folder.join("teams").is_dir() { GOVERNED } else { BASE };
        files.push(("weir.yaml".to_owned(), base.to_owned()));
    }
    let loaded = weir_model::load(files);
    let mut findings = weir_validation::validate(&loaded, None, Some(TODAY.parse()?)).expect("all stages");
    if rule != "path-authority" {
        findings.retain(|finding| finding.rule.as_str() != "path-authority" || finding.severity == Severity::Error);
    }
    let text = describe(&findings, &loaded.sources)?;

    if name.starts_with("pass") {
        return if findings.is_empty() { Ok(()) } else { Err(format!("expected no finding:\n{text}").into()) };
    }
    if !findings.iter().any(|finding| finding.rule.as_str() == rule) {
        return Err(format!("`{rule}` found nothing:\n{text}").into());
    }
    let expected = folder.join("findings.txt");
    weir_testkit::expect(expected, &text);
    Ok(())
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, String)>) -> datatest_stable::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            files.push((path.strip_prefix(root)?.to_string_lossy().into_owned(), read(&path)?));
        }
    }
    Ok(())
}

/// Returns findings with the text at their places, so that a wrong place is visible.
fn describe(findings: &[Finding], sources: &Sources) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    let place = |span: Span| {
        let (file, position) = (sources.file(span.file), sources.position(span));
        let shown = file.text()[span.range()].lines().next().unwrap_or_default();
        format!("{}:{}:{} {shown}", file.path(), position.line, position.column)
    };
    for Finding { rule, severity, message, at, label, note, help, related, fix } in findings {
        writeln!(text, "{severity}[{rule}]: {message}\n  at   {}", place(*at))?;
        if let Some(label) = label {
            writeln!(text, "       {label}")?;
        }
        for other in related {
            writeln!(text, "  see  {} ({})", place(other.at), other.message)?;
        }
        if let Some(note) = note {
            writeln!(text, "  note {note}")?;
        }
        if let Some(help) = help {
            writeln!(text, "  help {help}")?;
        }
        for edit in fix.iter().flat_map(|fix| &fix.edits) {
            writeln!(text, "  fix  {} → {:?}", place(edit.at), edit.text)?;
        }
    }
    Ok(text)
}

#[expect(clippy::disallowed_methods, reason = "the cases are files")]
fn read(path: &Path) -> std::io::Result<String> {
    fs::read_to_string(path)
}

datatest_stable::harness! {
    { test = case, root = "tests/cases", pattern = r"/(pass|fail)[^/]*/case\.yaml$" },
}
