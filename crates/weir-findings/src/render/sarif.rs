use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    inert_json,
    json::MOST_RELATED,
    words::{brief, more_places, some},
};
use crate::{Finding, Fix, RulePage, Severity, Sources, Span, fnv1a};

/// Base of the paths in the report: the repository's root.
const ROOT: &str = "%SRCROOT%";

/// Renders the findings as SARIF 2.1.0, for code scanning and editors, with a final line break.
///
/// `root` is the workspace's path in the repository: empty, or ending in `/`. `pages` explain the rules; a rule without
/// a page appears with its id only. Columns count characters, from 1.
pub fn sarif(findings: &[Finding], sources: &Sources, root: &str, pages: &[&RulePage<'_>]) -> String {
    let writer = Writer { sources, root };
    let mut rules: BTreeMap<&str, usize> = findings.iter().map(|finding| (finding.rule.as_str(), 0)).collect();
    for (index, place) in rules.values_mut().enumerate() {
        *place = index;
    }
    let mut seen = BTreeMap::new();
    let results: Vec<Value> = findings
        .iter()
        .map(|finding| {
            let mut result = writer.result(finding, &mut seen);
            result["ruleIndex"] = rules[finding.rule.as_str()].into();
            result
        })
        .collect();
    let rules: Vec<Value> =
        rules.keys().map(|id| rule(id, pages.iter().find(|page| page.id == *id).copied())).collect();
    let document = json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "weir",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": {ROOT: {"description": {"text": "The root of the repository."}}},
            "results": results,
        }],
    });
    inert_json(format!("{document:#}\n"))
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

fn rule(id: &str, page: Option<&RulePage<'_>>) -> Value {
    let Some(page) = page else { return json!({"id": id}) };
    let markdown = page.markdown();
    // The heading is the id, which viewers show anyway.
    let body = markdown.split_once("\n\n").map_or(markdown.as_str(), |(_, body)| body);
    let mut plain = format!("{} {}", page.what.trim(), page.why.trim());
    if !page.remedy.trim().is_empty() {
        plain = format!("{plain} {}", page.remedy.trim());
    }
    json!({
        "id": id,
        "name": id,
        "shortDescription": {"text": page.title},
        "fullDescription": {"text": page.what.trim()},
        "help": {"text": plain, "markdown": body},
        "defaultConfiguration": {"level": level(page.severity)},
    })
}

struct Writer<'a> {
    sources: &'a Sources,
    root: &'a str,
}

impl<'a> Writer<'a> {
    fn result(&self, finding: &'a Finding, seen: &mut BTreeMap<(&'a str, &'a str, String), usize>) -> Value {
        let mut text = brief(&finding.message).into_owned();
        for more in [&finding.note, &finding.help].into_iter().flatten() {
            text = format!("{text}\n{}", brief(more));
        }
        let (related, more) = some(&finding.related, MOST_RELATED);
        if more > 0 {
            text = format!("{text}\n{}", more_places(more));
        }
        let mut result = json!({
            "ruleId": finding.rule.as_str(),
            "level": level(finding.severity),
            "message": {"text": text},
            "locations": [{"physicalLocation": self.place(finding.at)}],
            "partialFingerprints": {"weirFinding/v1": self.fingerprint(finding, seen)},
        });
        if !related.is_empty() {
            let related = related.iter().enumerate().map(|(id, related)| {
                json!({
                    "id": id,
                    "message": {"text": brief(&related.message)},
                    "physicalLocation": self.place(related.at),
                })
            });
            result["relatedLocations"] = related.collect();
        }
        if let Some(fix) = &finding.fix {
            result["fixes"] = json!([self.fix(fix)]);
        }
        result
    }

    fn fix(&self, fix: &Fix) -> Value {
        let mut changes: BTreeMap<_, Vec<Value>> = BTreeMap::new();
        for edit in &fix.edits {
            changes.entry(edit.at.file).or_default().push(json!({
                "deletedRegion": self.region(edit.at),
                "insertedContent": {"text": edit.text},
            }));
        }
        let changes: Vec<Value> = changes
            .into_iter()
            .map(|(file, replacements)| {
                let at = Span { file, start: 0, end: 0 };
                json!({"artifactLocation": self.artifact(at), "replacements": replacements})
            })
            .collect();
        json!({"description": {"text": fix.title}, "artifactChanges": changes})
    }

    fn place(&self, at: Span) -> Value {
        json!({"artifactLocation": self.artifact(at), "region": self.region(at)})
    }

    fn artifact(&self, at: Span) -> Value {
        let path = format!("{}{}", self.root, self.sources.file(at.file).path());
        json!({"uri": uri(&path), "uriBaseId": ROOT})
    }

    fn region(&self, at: Span) -> Value {
        let file = self.sources.file(at.file);
        let (start, end) = (file.position(at.start as usize), file.position(at.end as usize));
        json!({
            "startLine": start.line,
            "startColumn": start.column,
            "endLine": end.line,
            "endColumn": end.column,
        })
    }

    /// Returns a fingerprint that stays the same when lines are added above the finding. It depends on the rule, the
    /// path, the text of the line, and the number of equal findings before it.
    fn fingerprint(&self, finding: &'a Finding, seen: &mut BTreeMap<(&'a str, &'a str, String), usize>) -> String {
        let file = self.sources.file(finding.at.file);
        let line = file.position(finding.at.start as usize).line;
        let text = file.shown(file.lines(line, line)).trim().to_owned();
        // Each part has an end mark that no text contains.
        let parts = [finding.rule.as_str(), file.path(), &text].into_iter();
        let hash = fnv1a(parts.flat_map(|part| part.bytes().chain([0xff])));
        let before = seen.entry((finding.rule.as_str(), file.path(), text)).or_default();
        *before += 1;
        format!("{hash:016x}:{before}")
    }
}

/// Turns a relative path into a URI reference. A colon in the first segment would make that segment a scheme, so every
/// colon is escaped.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b'@' | b'+' => {
                out.push(char::from(byte));
            }
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
