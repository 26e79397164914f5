//! Steps in words.

use std::collections::BTreeMap;

use weir_findings::count;
use weir_model::{Permission, settings::KafkaValue};

use super::cut::cut;
use crate::{Acl, Blocked, Change, Host, Plan, Principal, ReportItem, ReportKind, Risk, Step, Verb, acl::target};

/// The kind of change for a reader of the plan: a key that takes the place of another changes its slot.
pub(super) fn verb(change: &Change) -> Verb {
    match change {
        Change::CreateKey { replaces: Some(_), .. } => Verb::Update,
        _ => change.about().verb,
    }
}

/// `dev-toll-billing may Read topic dev.cards.status.v1`
pub(crate) fn binding(principal: &Principal, acl: &Acl) -> String {
    let account = principal.user().unwrap_or(principal);
    let may = match acl.permission {
        Permission::Allow => "may",
        Permission::Deny => "may not",
    };
    let what = target(acl.resource, acl.pattern, &acl.name);
    let from = match &acl.host {
        Host::Any => String::new(),
        Host::Address(address) => format!(" from {address}"),
    };
    format!("{account} {may} {} {what}{from}", acl.operation.as_str())
}

/// The step in one line.
pub(super) fn headline(change: &Change) -> String {
    match change {
        Change::AdoptAccount { account, .. } => format!("service account {account}: taken over"),
        Change::CreateAccount { account, .. } | Change::DeleteAccount { account, .. } => {
            format!("service account {account}")
        }
        Change::UpdateAccount { account, .. } => format!("service account {account}: description"),
        Change::CreateTopic { topic, .. } | Change::DeleteTopic { topic, .. } => format!("topic {topic}"),
        Change::AddPartitions { topic, from, to } => format!("topic {topic}: partitions {from} → {to}"),
        Change::ChangeReplicationFactor { topic, from, to } => {
            format!("topic {topic}: replication factor {from} → {to}")
        }
        Change::AlterConfig { topic, settings } => {
            format!("topic {topic}: {}", count(settings.len(), "setting"))
        }
        Change::CreateAcl { principal, acl } | Change::DeleteAcl { principal, acl } => binding(principal, acl),
        Change::CreateKey { account, slot, replaces, .. } => match replaces {
            Some(old) => format!("API key {account}/{slot}, in place of {old}"),
            None => format!("API key {account}/{slot}"),
        },
        Change::DeleteKey { account, slot, key, delete_secret, .. } => {
            let slot = slot.as_ref().map(|slot| format!("/{slot}")).unwrap_or_default();
            let secret = if *delete_secret { " and its secret" } else { "" };
            format!("API key {key} of {account}{slot}{secret}")
        }
    }
}

/// Returns the lines below the headline: the meaning, then the values, each with at most `most` characters.
pub(super) fn details(step: &Step, most: usize) -> Vec<String> {
    let mut lines = step.meaning.clone();
    lines.extend(content(&step.change, most));
    lines
}

/// Returns the values before and after a change, for a reader who knows its object. An API key has none.
pub fn from_to(change: &Change) -> Vec<String> {
    match change {
        Change::AddPartitions { topic: _, from, to } => vec![format!("partitions: {from} → {to}")],
        Change::ChangeReplicationFactor { topic: _, from, to } => vec![format!("replication factor: {from} → {to}")],
        Change::CreateKey { .. } | Change::DeleteKey { .. } => Vec::new(),
        Change::AdoptAccount { .. }
        | Change::CreateAccount { .. }
        | Change::UpdateAccount { .. }
        | Change::CreateTopic { .. }
        | Change::AlterConfig { .. }
        | Change::CreateAcl { .. }
        | Change::DeleteAcl { .. }
        | Change::DeleteTopic { .. }
        | Change::DeleteAccount { .. } => content(change, WHOLE),
    }
}

/// No limit for the characters of a value.
pub(super) const WHOLE: usize = usize::MAX;

/// Returns the lines of a change that stand below its headline. Longer values than `most` characters are shortened.
fn content(change: &Change, most: usize) -> Vec<String> {
    let mut lines = Vec::new();
    match change {
        Change::CreateAccount { account: _, description, maker: _ }
        | Change::DeleteAccount { account: _, description } => {
            if !description.is_empty() {
                lines.push(format!("description: {}", cut(description, most)));
            }
        }
        Change::AdoptAccount { account: _, from, maker } => {
            let from = from.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
            lines.push(format!("weir's mark: {from} → {maker}"));
        }
        Change::UpdateAccount { account: _, from, to } => {
            lines.push(format!("“{}” → “{}”", cut(from, most), cut(to, most)));
        }
        Change::CreateTopic { topic: _, partitions, replication_factor, config } => {
            lines.extend(topic(*partitions, *replication_factor, config, most));
        }
        Change::DeleteTopic { topic: _, partitions, replication_factor, config } => {
            lines.extend(topic(Some(*partitions), Some(*replication_factor), config, most));
        }
        Change::AlterConfig { topic: _, settings } => {
            for (name, change) in settings {
                let value = |value: &Option<KafkaValue>| {
                    cut(value.as_ref().map_or("default", KafkaValue::as_str), most).into_owned()
                };
                lines.push(format!("{name}: {} → {}", value(&change.from), value(&change.to)));
            }
        }
        Change::CreateKey { secret, projections, .. } => {
            let parts: Vec<_> = projections.keys().map(|part| format!(" and -{part}")).collect();
            lines.push(format!("stored in {secret}{}", parts.concat()));
        }
        Change::DeleteKey { secret: Some(secret), projections, .. } => {
            let more = match projections.len() {
                0 => String::new(),
                more => format!(" and {more} beside it"),
            };
            lines.push(format!("secret {secret}{more}"));
        }
        // The headline says it all.
        Change::AddPartitions { .. }
        | Change::ChangeReplicationFactor { .. }
        | Change::CreateAcl { .. }
        | Change::DeleteAcl { .. }
        | Change::DeleteKey { secret: None, .. } => {}
    }
    lines
}

/// The lines of a whole topic: its partitions and replicas, as far as known, then its settings.
fn topic(
    partitions: Option<u32>,
    replication_factor: Option<u16>,
    config: &BTreeMap<String, KafkaValue>,
    most: usize,
) -> impl Iterator<Item = String> {
    let partitions = partitions.map(|n| count(n, "partition"));
    let replicas = replication_factor.map(|n| format!("replication factor {n}"));
    let shape: Vec<_> = partitions.into_iter().chain(replicas).collect();
    let shape = Some(shape.join(", ")).filter(|shape| !shape.is_empty());
    shape
        .into_iter()
        .chain(config.iter().map(move |(name, value)| format!("{name}: {}", cut(&value.human_readable(name), most))))
}

/// Numbers of steps by verb, and the highest risk.
#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) add: usize,
    pub(super) change: usize,
    pub(super) delete: usize,
    pub(super) risk: Option<Risk>,
}

impl Counts {
    pub(super) fn of<'a>(steps: impl IntoIterator<Item = &'a Step>) -> Self {
        let mut counts = Self::default();
        for step in steps {
            match verb(&step.change) {
                Verb::Create => counts.add += 1,
                Verb::Update => counts.change += 1,
                Verb::Delete => counts.delete += 1,
            }
            counts.risk = counts.risk.max(Some(step.risk));
        }
        counts
    }

    /// `2 to add, 1 to change, 0 to delete`
    pub(super) fn sentence(&self) -> String {
        format!("{} to add, {} to change, {} to delete", self.add, self.change, self.delete)
    }
}

/// Returns the steps by team, each team's in executable order; steps without a team come last, under `None`.
pub(super) fn by_team(plan: &Plan) -> Vec<(Option<&str>, Vec<&Step>)> {
    let mut teams = BTreeMap::<_, Vec<_>>::new();
    for step in &plan.steps {
        teams.entry((step.team.is_none(), step.team.as_deref())).or_default().push(step);
    }
    teams.into_iter().map(|((_, team), steps)| (team, steps)).collect()
}

/// The heading of a team's steps.
pub(super) fn team_name(team: Option<&str>) -> &str {
    team.unwrap_or("no team (not declared)")
}

/// Returns the sentence of an empty plan.
pub(super) fn nothing(plan: &Plan) -> String {
    match plan.blocked.len() {
        0 => format!("No changes: stage {} is as its files say.", plan.stage),
        some => format!("No changes in what can be planned of stage {}; {}.", plan.stage, are_blocked(some)),
    }
}

/// Returns the items of the report to show. Many keys that will be due make one item; an empty plan leaves them out, since
/// they need no action.
pub(super) fn reported(plan: &Plan) -> Vec<ReportItem> {
    let is_due = |item: &&ReportItem| item.kind == ReportKind::KeyDue;
    let due = plan.report.items.iter().filter(is_due).count();
    let mut items = plan.report.items.clone();
    if due > 3 || plan.is_empty() {
        items.retain(|item| item.kind != ReportKind::KeyDue);
    }
    if due > 3 && !plan.is_empty() {
        let message = format!("{due} keys are not due yet; the plan file says when");
        items.push(ReportItem { kind: ReportKind::KeyDue, object: "API keys".to_owned(), message });
    }
    items
}

/// `1 object is blocked`
pub(super) fn are_blocked(number: usize) -> String {
    let verb = if number == 1 { "is" } else { "are" };
    format!("{} {verb} blocked", count(number, "object"))
}

/// Returns one line for each blocked object.
pub(super) fn blocked(blocked: &[Blocked]) -> impl Iterator<Item = String> + '_ {
    blocked.iter().map(|Blocked { object, team, why }| {
        let team = team.as_ref().map(|team| format!(" ({team})")).unwrap_or_default();
        format!("{object}{team}: {why}")
    })
}
