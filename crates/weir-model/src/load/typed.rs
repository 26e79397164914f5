//! A part of a document as a typed value, with everything that does not fit in it.
//!
//! serde stops at the first error. So each error is noted, its cause is made to pass as any type, and the part is
//! read again, until nothing new comes up.

use std::ops::Range;

use serde::de::DeserializeOwned;
use weir_findings::{FileId, Finding, Span, closest, unmistakable};

use crate::{
    rules, settings,
    yaml::{Instead, NodeId, Problem, Tape, Trust, TypeError, deserialize, listed},
};

/// Largest number of findings in one part of a document. After that many, people start repairing.
const MOST: usize = 50;

/// Reads the node `at`. The value is whole only when no finding was added; absent when it could not even be made up.
pub(super) fn read<T: DeserializeOwned>(
    tape: &mut Tape<'_>,
    at: NodeId,
    file: FileId,
    findings: &mut Vec<Finding>,
) -> Option<T> {
    for _ in 0..MOST {
        match deserialize(tape, at) {
            Ok(value) => return Some(value),
            Err(error) => note(error, tape, file, findings)?,
        }
    }
    None
}

/// Notes an error and disarms its cause. `None` when it cannot be disarmed.
fn note(error: TypeError, tape: &mut Tape<'_>, file: FileId, findings: &mut Vec<Finding>) -> Option<()> {
    let (node, problem) = error.into_parts();
    let node = node?;
    if tape.node(node).trust == Trust::Anything && !matches!(problem, Problem::MissingField(_)) {
        // The stand-in for a wrong value is refused too: leave the field out.
        let key = tape.key_above(node)?;
        tape.nodes[key as usize].trust = Trust::Skip;
        return Some(());
    }
    let mut add = |rule, range: Range<u32>, message: String, help: Option<String>, fix: Option<String>| {
        let at = Span { file, start: range.start, end: range.end };
        let finding = Finding { help, ..Finding::error(rule, at, message) };
        findings.push(match fix {
            Some(text) => finding.fix(format!("write `{text}`"), at, text),
            None => finding,
        });
    };
    let here = tape.span(file, node);
    let here = here.start..here.end;
    let trust = match problem {
        Problem::UnknownField { name, known } => {
            let help = Some(field_help(&name, known));
            let fix = field_meant(tape, node, known).map(str::to_owned);
            add(rules::UNKNOWN_FIELD, here, format!("there is no field `{name}`"), help, fix);
            Trust::Skip
        }
        Problem::MissingField(field) => {
            if tape.missing.contains(&(node, field)) {
                return None;
            }
            // A misspelt field is reported already, and is not missing.
            let written = |key: NodeId| closest(&tape.node(key).text, [field]).is_some();
            if !tape.all_entries(node).any(|(key, _)| tape.node(key).trust == Trust::Skip && written(key)) {
                add(rules::MISSING_FIELD, tape.name_of_node(node), format!("`{field}` is missing"), None, None);
            }
            tape.missing.push((node, field));
            return Some(());
        }
        Problem::UnknownVariant { name, known } => {
            let help = match closest(&name, known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("write one of {}", listed(known.iter().copied())),
            };
            add(rules::UNKNOWN_VALUE, here, format!("`{name}` is not a value of this field"), Some(help), None);
            Trust::Anything
        }
        Problem::Other(message, Instead { help, text }) => {
            let place = if here.is_empty() || !tape.node(node).is_scalar() { tape.name_of_node(node) } else { here };
            add(rules::WRONG_TYPE, place, message, help, text);
            Trust::Anything
        }
    };
    let node = &mut tape.nodes[node as usize];
    (node.trust == Trust::AsWritten).then(|| node.trust = trust)
}

/// Returns the only field that the unknown `key` can stand for; never the name of a field that is written beside it.
/// neither.
pub(super) fn field_meant<'k>(tape: &Tape<'_>, key: NodeId, known: &[&'k str]) -> Option<&'k str> {
    let meant = unmistakable(&tape.node(key).text, known.iter().copied())?;
    let holds = |mapping: &NodeId| tape.all_entries(*mapping).any(|(k, _)| k == key);
    let mapping = (0..key).rev().find(holds)?;
    tape.all_entries(mapping).all(|(k, _)| tape.node(k).text != meant).then_some(meant)
}

/// Returns the help for a field that does not exist.
pub(super) fn field_help(name: &str, known: &[&str]) -> String {
    if let Some(meant) = closest(name, known.iter().copied()) {
        format!("did you mean `{meant}`?")
    } else if known.contains(&"config") && settings::lookup(name).is_some() {
        "it is a topic setting: write it under `config`".to_owned()
    } else {
        format!("the fields are {}", listed(known.iter().copied()))
    }
}
