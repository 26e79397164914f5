use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::Serialize;

use super::{
    inert_json,
    words::{brief, some},
};
use crate::{Finding, Fix, Severity, Sources, Span};

/// Name and version of the format that [`json`] writes.
pub const FORMAT: &str = "weir.findings/v1";

/// Maximum of related places that are written for one finding; the rest are only counted.
pub(super) const MOST_RELATED: usize = 100;

/// Returns the JSON Schema of the document that [`json`] writes.
pub fn schema() -> Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Document<'_>>()
}

/// The findings in a workspace.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Findings")]
struct Document<'a> {
    /// `weir.findings/v1`.
    format: &'static str,
    /// Number of errors; a single error stops the pipeline.
    errors: usize,
    /// Number of warnings.
    warnings: usize,
    /// The findings, sorted by file and place.
    findings: Vec<Item<'a>>,
}

/// A problem or a doubt.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Finding")]
struct Item<'a> {
    /// Id of the rule; `weir-validate explain RULE` shows its page.
    rule: &'a str,
    /// Severity of the finding.
    severity: Severity,
    /// The problem.
    message: String,
    /// Label to show beside the place.
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    /// The reason, if the rule's page does not state it.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// The text to write instead, as advice.
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
    #[serde(flatten)]
    place: Place<'a>,
    /// Other places that belong to the problem, at most 100.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related: Vec<RelatedItem<'a>>,
    /// Number of related places beyond these 100.
    #[serde(rename = "moreRelated", skip_serializing_if = "Option::is_none")]
    more_related: Option<usize>,
    /// The change that `--fix` makes.
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<FixItem<'a>>,
}

/// A second place of a finding.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Related")]
struct RelatedItem<'a> {
    /// Relation of the place to the problem, in a few words.
    message: String,
    #[serde(flatten)]
    place: Place<'a>,
}

/// A change that solves the problem of a finding.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Fix")]
struct FixItem<'a> {
    /// The instruction, in lower case.
    title: &'a str,
    /// The edits of the fix; they do not overlap.
    edits: Vec<EditItem<'a>>,
}

/// A replacement of text.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Edit")]
struct EditItem<'a> {
    /// The new text; it replaces the text at the place.
    text: &'a str,
    #[serde(flatten)]
    place: Place<'a>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Place<'a> {
    /// Path of the file, relative to the workspace, with `/`.
    file: &'a str,
    /// First line, from 1.
    line: usize,
    /// Column of the first character, from 1; columns count characters.
    column: usize,
    /// Last line, from 1.
    end_line: usize,
    /// Column behind the last character.
    end_column: usize,
    /// Byte offset of the start.
    start_byte: u32,
    /// Byte offset of the end, exclusive.
    end_byte: u32,
}

fn place(sources: &Sources, at: Span) -> Place<'_> {
    let file = sources.file(at.file);
    let (start, end) = (file.position(at.start as usize), file.position(at.end as usize));
    Place {
        file: file.path(),
        line: start.line,
        column: start.column,
        end_line: end.line,
        end_column: end.column,
        start_byte: at.start,
        end_byte: at.end,
    }
}

/// Renders the findings as one JSON document, `weir.findings/v1`, with a final line break.
///
/// Lines and columns count from 1, and columns count characters. The end is exclusive, for columns as for bytes.
pub fn json(findings: &[Finding], sources: &Sources) -> String {
    let count = |severity| findings.iter().filter(|f| f.severity == severity).count();
    let document = Document {
        format: FORMAT,
        errors: count(Severity::Error),
        warnings: count(Severity::Warning),
        findings: findings.iter().map(|finding| item(finding, sources)).collect(),
    };
    #[expect(clippy::expect_used, reason = "text and numbers under text keys always have a JSON form")]
    let mut text = serde_json::to_string_pretty(&document).expect("findings have a JSON form");
    text.push('\n');
    inert_json(text)
}

fn item<'a>(finding: &'a Finding, sources: &'a Sources) -> Item<'a> {
    let Finding { rule, severity, message, at, label, note, help, related, fix } = finding;
    let (related, more) = some(related, MOST_RELATED);
    let brief = |text: &String| brief(text).into_owned();
    let edits = |fix: &'a Fix| {
        fix.edits.iter().map(|edit| EditItem { text: &edit.text, place: place(sources, edit.at) }).collect()
    };
    Item {
        rule: rule.as_str(),
        severity: *severity,
        message: brief(message),
        label: label.as_ref().map(brief),
        note: note.as_ref().map(brief),
        help: help.as_ref().map(brief),
        place: place(sources, *at),
        related: related
            .iter()
            .map(|related| RelatedItem { message: brief(&related.message), place: place(sources, related.at) })
            .collect(),
        more_related: (more > 0).then_some(more),
        fix: fix.as_ref().map(|fix| FixItem { title: &fix.title, edits: edits(fix) }),
    }
}
