//! The summary of an import, in words.

use std::fmt::Write as _;

use weir_findings::{count, render::inert};

use crate::{Imported, Left, LeftKind, settings::lines};

/// Largest number of objects that are named in one list of prunable objects. Of the others, the number is enough.
const NAMED: usize = 20;

/// Returns a summary for people: the entities in the files, then everything left out, each with its reason.
pub fn summary(imported: &Imported) -> String {
    let counts: Vec<String> = imported.counts.iter().map(|(kind, number)| count(*number, &kind.noun())).collect();
    let mut text = format!("imported {}\n", counts.join(", "));
    for (kind, title) in [
        (LeftKind::Topic, "topics that are not imported"),
        (LeftKind::Account, "service accounts that are not imported"),
        (LeftKind::Principal, "principals that are not imported"),
        (LeftKind::UnmanagedTopic, "topics that are declared and not managed"),
        (LeftKind::UnmanagedAccount, "service accounts that are declared and not managed"),
        (LeftKind::Setting, "settings that stay undeclared"),
        (LeftKind::Description, "descriptions that stay undeclared"),
        (LeftKind::Key, "API keys that are not imported"),
    ] {
        let left: Vec<&Left> = imported.left.iter().filter(|left| left.kind == kind).collect();
        if !left.is_empty() {
            let _ = writeln!(text, "\n{title}:");
            left.iter().for_each(|left| one(left, &mut text));
        }
    }
    if !imported.adopt.is_empty() {
        let _ = writeln!(
            text,
            "\nweir did not make these objects; the files take them over if `ownership` in weir.yaml has the list:\nadopt:"
        );
        for line in lines(&imported.adopt) {
            let _ = writeln!(text, "  {}", inert(&line));
        }
    }
    for (stage, objects) in &imported.pruned {
        let names: Vec<&str> = objects.iter().take(NAMED).map(String::as_str).collect();
        let more = match objects.len() - names.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let _ = writeln!(
            text,
            "\nwarning: stage {stage} says `prune: true`; its next plan would delete objects that no file declares: {}{more}",
            inert(&names.join(", ")),
        );
    }
    text
}

fn one(left: &Left, text: &mut String) {
    let Left { kind: _, stage, object, why, bindings } = left;
    let _ = writeln!(text, "  {stage}: {}: {}", inert(object), inert(why));
    for binding in bindings {
        let _ = writeln!(text, "    {}", inert(binding));
    }
}
