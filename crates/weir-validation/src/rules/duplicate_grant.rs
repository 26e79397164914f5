use std::collections::BTreeMap;

use weir_findings::{RulePage, Severity};

use crate::{
    Rule,
    context::{Context, written},
    out::Out,
};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "duplicate-grant",
        severity: Severity::Warning,
        waivable: Some(Severity::Warning),
        title: "a right is written once",
        what: "Each grant and each raw rule occurs once in its list.",
        why: "A later change that removes one of two equal grants leaves the right in place.",
        bad: "allow:\n  - {produce: toll.transactions.v1}\n  - {produce: toll.transactions.v1}",
        good: "allow:\n  - {produce: toll.transactions.v1}",
        remedy: "",
    },
    check,
};

fn check(cx: &Context<'_>, out: &mut Out) {
    for acl in cx.workspace.access_control_lists.values() {
        for level in written(acl).filter(|level| level.allow.len() > 1 || level.rules.len() > 1) {
            let grants = level.allow.iter().map(|g| {
                (g.produce.as_deref(), g.transactional_id.as_deref(), g.consume.as_deref(), g.group.as_deref())
            });
            let rules = level.rules.iter().map(|r| {
                let mut operations = r.operations.clone();
                operations.sort_unstable();
                (r.resource, r.name.as_deref(), r.pattern, operations, r.permission, r.host.as_deref().unwrap_or("*"))
            });
            let again = repeated(grants).into_iter().map(|pair| ("allow", "grant", pair));
            for (list, what, (i, first)) in again.chain(repeated(rules).into_iter().map(|pair| ("rules", "rule", pair))) {
                let finding = out
                    .warning(level.route(acl, list, i, ""), format!("the {what} is written twice"))
                    .help("remove one of the two")
                    .related(level.route(acl, list, first, ""), "the other one")
                    .fix("remove it", level.route(acl, list, i, ""), "");
                out.push(finding);
            }
        }
    }
}

/// Returns each item that repeats an earlier one, and the earlier one, by index.
fn repeated<T: Ord>(items: impl Iterator<Item = T>) -> Vec<(usize, usize)> {
    let mut first = BTreeMap::new();
    let mut again = Vec::new();
    for (i, item) in items.enumerate() {
        let seen = *first.entry(item).or_insert(i);
        if seen != i {
            again.push((i, seen));
        }
    }
    again
}
