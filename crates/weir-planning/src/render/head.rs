//! The head of authority, as lines.

use std::collections::BTreeMap;

use crate::{AuthorityItem, AuthorityKind, Plan};

/// Returns the items under their headings, the most dangerous first.
pub(super) fn by_kind(plan: &Plan) -> impl Iterator<Item = (&'static str, Vec<&AuthorityItem>)> {
    let mut kinds = BTreeMap::<_, Vec<_>>::new();
    for item in &plan.authority {
        kinds.entry(item.kind).or_default().push(item);
    }
    kinds.into_iter().map(|(kind, items)| (heading(kind), items))
}

/// Returns the items of some kinds as one sentence: `2 escalation, 1 waiver`.
pub(super) fn counts(plan: &Plan) -> String {
    let mut kinds = BTreeMap::<_, usize>::new();
    for item in &plan.authority {
        *kinds.entry(item.kind).or_default() += 1;
    }
    kinds.into_iter().map(|(kind, number)| format!("{number} {kind}")).collect::<Vec<_>>().join(", ")
}

fn heading(kind: AuthorityKind) -> &'static str {
    match kind {
        AuthorityKind::Escalation => "Rights that make rights",
        AuthorityKind::PlatformWide => "Rights beyond the names of the team",
        AuthorityKind::Governance => "Paths, reviewers and approvals that changed",
        AuthorityKind::Owner => "Objects that change their team",
        AuthorityKind::Adoption => "Objects that weir did not make",
        AuthorityKind::Vault => "Credentials that go to a new place",
        AuthorityKind::Consent => "Consents that are new, changed or gone",
        AuthorityKind::Shared => "Rights on names of another team",
        AuthorityKind::Waiver => "Waivers in force",
        AuthorityKind::Withdrawn => "Rights that end with this plan",
        AuthorityKind::Ends => "Rights that end soon",
    }
}

/// Returns an item in one line: the team, the fact, the last day, the entity and its file.
pub(super) fn line(item: &AuthorityItem) -> String {
    let AuthorityItem { kind: _, team, object: _, message, until, entity, file, step: _ } = item;
    let team = team.as_ref().map(|team| format!("team {team}: ")).unwrap_or_default();
    let until = until.map(|until| format!("; until {until}")).unwrap_or_default();
    let place = match (entity, file) {
        (None, None) => String::new(),
        (Some(entity), None) => format!(" ({entity})"),
        (None, Some(file)) => format!(" ({file})"),
        (Some(entity), Some(file)) => format!(" ({entity}, {file})"),
    };
    format!("{team}{message}{until}{place}")
}
