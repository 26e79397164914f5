use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::Serialize;

use super::{
    inert_json,
    words::{brief, some},
};
use crate::{Finding, Fix, Severity, Sources, Span};

/// The format that [`json`] writes.
pub const FORMAT: &str = "weir.findings/v1";

/// So many other places of a finding are written; of more, only their number is told.
pub(super) const MOST_RELATED: usize = 100;

/// The JSON Schema of what [`json`] writes.
pub fn schema() -> Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Document<'_>>()
}

/// What is wrong in a workspace.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Findings")]
struct Document<'a> {
    /// `weir.findings/v1`.
    format: &'static str,
    /// How many errors there are; one is enough to stop a pipeline.
    errors: usize,
    /// How many warnings there are.
    warnings: usize,
    /// The findings, by file and place.
    findings: Vec<Item<'a>>,
}

/// Something wrong, or doubtful.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Finding")]
struct Item<'a> {
    /// The rule's id; `weir-validate explain RULE` says more.
    rule: &'a str,
    /// How bad it is.
    severity: Severity,
    /// What is wrong.
    message: String,
    /// A few words to show at the place.
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    /// Why it matters, where the rule's page is not enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// What to write instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
    #[serde(flatten)]
    place: Place<'a>,
    /// Other places that matter, at most 100.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related: Vec<RelatedItem<'a>>,
    /// How many more places there are.
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
    /// What is there.
    message: String,
    #[serde(flatten)]
    place: Place<'a>,
}

/// A change that puts a finding right.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Fix")]
struct FixItem<'a> {
    /// What it does.
    title: &'a str,
    /// What to write where. The edits do not overlap.
    edits: Vec<EditItem<'a>>,
}

/// Some text in place of other text.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Edit")]
struct EditItem<'a> {
    /// The text instead of what is at the place.
    text: &'a str,
    #[serde(flatten)]
    place: Place<'a>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Place<'a> {
    /// The path, relative to the workspace, with `/`.
    file: &'a str,
    /// The line it begins in, from 1.
    line: usize,
    /// The column it begins at, in characters, from 1.
    column: usize,
    /// The line it ends in, from 1.
    end_line: usize,
    /// The column behind its last character.
    end_column: usize,
    /// The offset of its first byte.
    start_byte: u32,
    /// The offset behind its last byte.
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

/// The findings as one JSON document, `weir.findings/v1`, with a line break at its end.
///
/// Lines and columns count from 1, columns in characters; the end is behind the last character, as is `endByte`.
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
