use weir_findings::{RulePage, Severity};
use weir_model::{PatternType, Permission, Resource, Route, StageView};

use crate::{
    Rule,
    context::{Context, access},
    out::Out,
};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "group-owner",
        severity: Severity::Warning,
        waivable: Some(Severity::Warning),
        title: "consumer groups and transactional ids belong to one team",
        what: "If an account of one team uses a consumer group or transactional id by its full name, no account of \
               another team uses it or reaches it by a pattern. Rules that deny are exempt, and a `reason` opens \
               nothing. In a workspace with `ownership`, the rule `sharing-consent` takes the place of this one.",
        why: "A consumer that joins another team's group takes some of its records. An account that may delete or \
              reset the group decides which records the group reads again. A second producer with the same \
              transactional id fences the first.",
        bad: "# group `cards-ledger` is used by team cards\nallow:\n  - {consume: cards.status.v1, group: cards-ledger}   # an account of team toll",
        good: "allow:\n  - {consume: cards.status.v1, group: toll-billing}",
        remedy: "Use a group of your own. For a program that watches the lag of all groups, waive the warning, or write \
                 `ownership` and a consent of the platform team.",
    },
    check,
};

/// A group or transactional id in an access control list, or the beginning of several.
struct Use<'c> {
    resource: Resource,
    name: &'c str,
    team: &'c str,
    at: Place<'c>,
}

/// Place of the name in the files.
#[derive(Clone, Copy)]
struct Place<'c> {
    list: &'c str,
    part: &'static str,
    index: usize,
    field: &'static str,
}

fn check(cx: &Context<'_>, out: &mut Out) {
    // With `ownership`, the rule `sharing-consent` judges these names as well.
    if cx.ownership.is_some() {
        return;
    }
    for view in &cx.stages {
        stage(cx, out, view);
    }
}

fn stage(cx: &Context<'_>, out: &mut Out, view: &StageView<'_>) {
    let (mut names, mut patterns) = (Vec::new(), Vec::new());
    for (list, granted) in &view.access {
        let Some(account) = cx.accounts.get(&granted.entity.spec.service_account) else { continue };
        let team = account.metadata.team.as_str();
        let mut add = |resource, name, open: bool, at| {
            if open { &mut patterns } else { &mut names }.push(Use { resource, name, team, at });
        };
        for (index, grant) in granted.allow.iter().enumerate() {
            for (resource, field, name) in [
                (Resource::Group, "group", &grant.group),
                (Resource::TransactionalId, "transactionalId", &grant.transactional_id),
            ] {
                let Some(name) = name.as_deref() else { continue };
                let at = Place { list, part: "allow", index, field };
                match name.strip_suffix('*') {
                    Some(beginning) => add(resource, beginning, true, at),
                    None => add(resource, name, false, at),
                }
            }
        }
        for (index, rule) in granted.rules.iter().enumerate() {
            let about = matches!(rule.resource, Resource::Group | Resource::TransactionalId);
            if !about || rule.permission == Permission::Deny {
                continue;
            }
            let Some(name) = rule.name.as_deref() else { continue };
            let at = Place { list, part: "rules", index, field: "name" };
            match rule.pattern {
                PatternType::Literal if name == "*" => add(rule.resource, "", true, at),
                PatternType::Literal => add(rule.resource, name, false, at),
                PatternType::Prefixed => add(rule.resource, name, true, at),
            }
        }
    }
    names.sort_by(|a, b| (a.resource, a.name).cmp(&(b.resource, b.name)));
    for same in names.chunk_by(|a, b| (a.resource, a.name) == (b.resource, b.name)) {
        // The owner is the team whose name begins the group's name, or else the team that comes first.
        let Some(owner) = same.iter().find(|one| one.name.starts_with(one.team)).or_else(|| same.first()) else {
            continue;
        };
        for other in same.iter().filter(|other| other.team != owner.team) {
            let name = format!("the {} `{}`", what(other.resource), other.name);
            report(out, view, other, owner, format!("{name} is also used by team `{}`", owner.team));
        }
    }
    for pattern in &patterns {
        let from = names.partition_point(|one| (one.resource, one.name) < (pattern.resource, pattern.name));
        let reached = names[from..]
            .iter()
            .take_while(|one| one.resource == pattern.resource && one.name.starts_with(pattern.name))
            .find(|one| one.team != pattern.team);
        if let Some(reached) = reached {
            let (kind, name, owner) = (what(reached.resource), reached.name, reached.team);
            let message = format!("`{}*` matches the {kind} `{name}`, which team `{owner}` uses", pattern.name);
            report(out, view, pattern, reached, message);
        }
    }
}

fn what(resource: Resource) -> &'static str {
    if resource == Resource::Group { "consumer group" } else { "transactional id" }
}

fn report(out: &mut Out, view: &StageView<'_>, found: &Use<'_>, owner: &Use<'_>, message: String) {
    let place = |at: Place<'_>| -> Option<Route> {
        let list = view.access.get(at.list)?;
        Some(access(view, list, at.part, at.index, at.field))
    };
    let (Some(at), Some(other)) = (place(found.at), place(owner.at)) else { return };
    let finding = out.warning(at, message).help("use a name that no other team uses").related(other, "used here");
    out.push_in(view.index, finding);
}
