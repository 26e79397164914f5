use std::collections::BTreeMap;

use weir_findings::{RulePage, Severity};
use weir_model::{ApiKey, Route};

use crate::{
    Rule,
    context::{Context, overlays, set, spec},
    out::Out,
};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "slot-name",
        severity: Severity::Error,
        waivable: None,
        title: "slots with different, valid names",
        what: "The slots of a service account have different names of 1 to 32 lower-case letters, digits and hyphens, with a letter \
               or digit at both ends.",
        why: "The slot is part of the secret's name in the key vault, and of the mark by which weir recognises its \
              keys.",
        bad: "apiKeys: [{slot: Batch_1}, {slot: Batch_1}]",
        good: "apiKeys: [{slot: batch-1}, {slot: batch-2}]",
        remedy: "",
    },
    check,
};

fn check(cx: &Context<'_>, out: &mut Out) {
    for account in cx.workspace.service_accounts.values() {
        slots(out, &account.spec.api_keys, |path| spec(account.entity_ref(), ["apiKeys"].iter().chain(path).copied()));
        for (stage, overlay) in overlays(&account.spec.stages) {
            if let Some(keys) = set(&overlay.api_keys) {
                slots(out, keys, |path| {
                    spec(account.entity_ref(), ["stages", stage, "apiKeys"].iter().chain(path).copied())
                });
            }
        }
    }
}

fn slots(out: &mut Out, keys: &[ApiKey], route: impl Fn(&[&str]) -> Route) {
    let mut first = BTreeMap::new();
    for (i, key) in keys.iter().enumerate() {
        let slot = key.slot.as_str();
        let at = |i: usize| route(&[&i.to_string(), "slot"]);
        if !legal(slot) {
            let help = "use 1 to 32 lower-case letters, digits and hyphens, no hyphen at either end";
            out.push(out.error(at(i), format!("`{}` is not a valid slot name", slot.escape_debug())).help(help));
        }
        if let Some(other) = first.insert(slot, i) {
            let finding = out.error(at(i), format!("the slot `{slot}` is listed twice"));
            out.push(finding.help("give each key a slot of its own").related(at(other), "the other one"));
        }
    }
}

fn legal(slot: &str) -> bool {
    (1..=32).contains(&slot.len())
        && slot.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !slot.starts_with('-')
        && !slot.ends_with('-')
}
