use std::collections::BTreeMap;

use super::{concise::one_line, words::line};
use crate::{FileId, Finding, Severity, Sources};

/// Renders the findings as a JUnit report. Each file is a test case, which fails if the file has errors; warnings and
/// remarks are the case's output.
///
/// A case has one `failure` with all its errors, because most readers show only the first. The report contains no time:
/// the same input gives the same bytes.
pub fn junit(findings: &[Finding], sources: &Sources) -> String {
    let mut by_file: BTreeMap<FileId, (Vec<&Finding>, Vec<&Finding>)> = BTreeMap::new();
    for finding in findings {
        let (errors, others) = by_file.entry(finding.at.file).or_default();
        if finding.severity == Severity::Error { errors.push(finding) } else { others.push(finding) }
    }
    let failures = by_file.values().filter(|(errors, _)| !errors.is_empty()).count();
    let counts =
        format!("name=\"weir-validate\" tests=\"{}\" failures=\"{failures}\" errors=\"0\"", sources.iter().count());
    let mut out =
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {counts}>\n  <testsuite {counts}>\n");
    let mut files: Vec<_> = sources.iter().collect();
    files.sort_by_key(|(_, file)| file.path());
    for (id, file) in files {
        let (folder, name) = file.path().rsplit_once('/').unwrap_or((".", file.path()));
        out.push_str(&format!("    <testcase classname=\"{}\" name=\"{}\"", attribute(folder), attribute(name)));
        let Some((errors, others)) = by_file.get(&id) else {
            out.push_str("/>\n");
            continue;
        };
        out.push_str(">\n");
        if let Some(first) = errors.first() {
            let more = if errors.len() > 1 { format!(" (and {} more)", errors.len() - 1) } else { String::new() };
            out.push_str(&format!(
                "      <failure type=\"{}\" message=\"{}{more}\">{}</failure>\n",
                attribute(first.rule.as_str()),
                attribute(&first.message),
                content(errors, sources)
            ));
        }
        if !others.is_empty() {
            out.push_str(&format!("      <system-out>{}</system-out>\n", content(others, sources)));
        }
        out.push_str("    </testcase>\n");
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

fn content(findings: &[&Finding], sources: &Sources) -> String {
    let mut out = String::new();
    for finding in findings {
        out.push_str(&escaped(&one_line(finding, sources)));
        out.push('\n');
        for (what, words) in [("note", &finding.note), ("help", &finding.help)] {
            if let Some(words) = words {
                out.push_str(&format!("  {what}: {}\n", escaped(&line(words))));
            }
        }
    }
    out
}

/// Escapes text for an attribute in double quotes. A reader would turn a plain tab into a space.
fn attribute(text: &str) -> String {
    escaped(&line(text)).replace('\t', "&#9;")
}

/// Escapes text that is already harmless and so has no control character. XML 1.0 cannot represent U+FFFE and U+FFFF.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
