//! Topics: created, changed, deleted, or left with a reason.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use weir_findings::count;
use weir_model::{Ensure, Kind, settings::KafkaValue};

use super::{
    draft::{Draft, Owner},
    origin::{self, Standing},
    settings::{self, Judge, day},
};
use crate::{Change, Desired, DesiredTopic, Observed, ObservedTopic, Provider, ReportKind, Risk, SettingChange};

/// Topics whose facts decide a risk.
pub(super) fn facts_needed(desired: &Desired, observed: &Observed) -> BTreeSet<String> {
    let needs = |name: &String, topic: &ObservedTopic| match desired.topics.get(name) {
        _ if is_internal(name) || topic.mirror => false,
        None => desired.prune && desired.owns.owns_topic(name),
        Some(declared) => match declared.ensure {
            Ensure::Absent => true,
            Ensure::Unmanaged => false,
            Ensure::Present => SettingChange::may_lose_data(&settings::diff(&declared.config, &topic.config)),
        },
    };
    observed.topics.iter().filter(|(name, topic)| needs(name, topic)).map(|(name, _)| name.clone()).collect()
}

/// Kafka's own topics, and those of tools that keep to its habit.
pub(super) fn is_internal(name: &str) -> bool {
    name.starts_with('_')
}

pub(super) fn plan(draft: &mut Draft<'_>, now: Timestamp) {
    let (desired, observed) = (draft.desired, draft.observed);
    let mut created = Vec::new();
    for (name, why) in &observed.hidden_topics {
        let declared = desired.topics.get(name);
        if declared.is_none_or(|topic| topic.ensure != Ensure::Unmanaged) {
            draft.blocks.topic(name, declared.map(|topic| topic.team.as_str()), why);
        }
    }
    for (name, topic) in &desired.topics {
        let owner = Owner::new(Kind::Topic, &topic.entity, &topic.team);
        let there = observed.topics.get(name);
        if topic.ensure == Ensure::Unmanaged || observed.hidden_topics.contains_key(name) {
            continue;
        }
        if is_internal(name) || there.is_some_and(|t| t.mirror) {
            untouchable(draft, name, topic, owner);
            continue;
        }
        let (before, found) = (draft.steps.len(), draft.findings.len());
        match (topic.ensure, there) {
            (Ensure::Present, None) => {
                create(draft, name, topic, owner);
                created.push((name.as_str(), owner));
            }
            (Ensure::Present, Some(there)) => change(draft, name, topic, there, owner, now),
            (Ensure::Absent, Some(there)) => delete(draft, name, there, owner),
            (Ensure::Absent, None) => draft.report(
                ReportKind::TombstoneDone,
                name,
                format!("the topic is gone; the file of Topic/{} can be removed", topic.entity),
            ),
            (Ensure::Unmanaged, _) => {}
        }
        // A topic that is as the files say stays as it is, whosever it is.
        if there.is_none() || draft.steps.len() == before && draft.findings.len() == found {
            continue;
        }
        match origin::topic(draft, name) {
            Standing::Own => {}
            Standing::Adopted(origin) => {
                // Each step says it: a run that was stopped continues with any of them.
                for step in &mut draft.steps[before..] {
                    step.meaning.insert(0, origin.clone());
                }
            }
            Standing::Foreign(origin) => {
                draft.steps.truncate(before);
                draft.findings.truncate(found);
                origin::refuse(draft, ("topic", "topics"), name, topic.ensure, &origin, owner);
            }
        }
    }
    for (name, topic) in &observed.topics {
        if !desired.topics.contains_key(name) {
            undeclared(draft, name, topic);
        }
    }
    collisions(draft, &created);
}

fn untouchable(draft: &mut Draft<'_>, name: &str, topic: &DesiredTopic, owner: Owner<'_>) {
    let (what, help) = if is_internal(name) {
        ("is internal: its name begins with `_`", "choose a name that does not begin with `_`")
    } else {
        ("is filled by a cluster link", "say `ensure: unmanaged`, or promote the mirror topic first")
    };
    let at = owner.route(draft.desired, &["metadata", "name"]);
    draft.error("declared-untouchable", at, format!("the topic `{name}` {what}, so it is never changed"), help);
    let message = format!("the topic {what}; Topic/{} declares it, but it is never touched", topic.entity);
    draft.report(ReportKind::Untouchable, name, message);
}

fn undeclared(draft: &mut Draft<'_>, name: &str, topic: &ObservedTopic) {
    let owns = &draft.desired.owns;
    if is_internal(name) || topic.mirror {
        let matched = owns.topics.iter().any(|p| p.matches(name));
        if matched {
            let what = if topic.mirror { "filled by a cluster link" } else { "internal" };
            draft.report(ReportKind::Untouchable, name, format!("the topic is {what}, so it is never touched"));
        }
    } else if owns.owns_topic(name) {
        if draft.desired.prune {
            let team = draft.desired.owner(|team| &team.topics, name);
            delete(draft, name, topic, Owner { entity: None, team });
        } else {
            draft.report(
                ReportKind::UnmanagedTopic,
                name,
                "no file declares the topic; declare it, or declare it with `ensure: absent` to have it deleted",
            );
        }
    }
}

fn create(draft: &mut Draft<'_>, name: &str, topic: &DesiredTopic, owner: Owner<'_>) {
    let cluster = &draft.observed.cluster;
    let replication = topic.replication_factor.unwrap_or(cluster.default_replication_factor);
    replication_possible(draft, name, topic, replication, owner);
    in_sync_possible(draft, name, topic, replication, owner);
    let config: BTreeMap<String, KafkaValue> =
        topic.config.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?))).collect();
    settings_editable(draft, name, config.keys(), owner);
    let change = Change::CreateTopic {
        topic: name.to_owned(),
        partitions: topic.partitions,
        replication_factor: topic.replication_factor,
        config,
    };
    draft.step(change, owner, Risk::Additive, Vec::new());
}

fn change(
    draft: &mut Draft<'_>,
    name: &str,
    topic: &DesiredTopic,
    there: &ObservedTopic,
    owner: Owner<'_>,
    now: Timestamp,
) {
    partitions(draft, name, topic, there, owner);
    let replication = replication(draft, name, topic, there, owner);
    let changes = settings::diff(&topic.config, &there.config);
    if changes.contains_key("min.insync.replicas") || replication != there.replication_factor {
        in_sync_possible(draft, name, topic, replication, owner);
    }
    if !changes.is_empty() {
        settings_editable(draft, name, changes.keys(), owner);
        let judge = Judge { topic: there, cluster: &draft.observed.cluster, changes: &changes, now };
        let (risk, mut meaning) = judge.judge();
        let change = Change::AlterConfig { topic: name.to_owned(), settings: changes };
        if draft.desired.provider == Provider::ConfluentCloud && change.goes_by_way_of_compact() {
            meaning.push("Confluent Cloud takes it by way of `compact` alone: one step, two requests".to_owned());
        }
        draft.step(change, owner, risk, meaning);
    }
    for (setting, value) in &there.config {
        if !topic.config.contains_key(setting) {
            let message = format!(
                "the topic's own `{setting}` is `{value}`, which no file declares; declare it, or write `{setting}: default`"
            );
            draft.report(ReportKind::UndeclaredSetting, name, message);
        }
    }
}

fn partitions(draft: &mut Draft<'_>, name: &str, topic: &DesiredTopic, there: &ObservedTopic, owner: Owner<'_>) {
    let (from, Some(to)) = (there.partitions, topic.partitions) else { return };
    if to < from {
        let at = owner.route(draft.desired, &["spec", "partitions"]);
        draft.error(
            "partitions-only-grow",
            at,
            format!("the topic `{name}` cannot go from {from} partitions to {to}"),
            format!("keep {from}, or create another topic with {to} partitions and migrate"),
        );
    } else if to > from {
        let meaning = vec!["records with the same key may go to other partitions than before".to_owned()];
        draft.step(Change::AddPartitions { topic: name.to_owned(), from, to }, owner, Risk::Change, meaning);
    }
}

/// The replication factor after the plan.
fn replication(
    draft: &mut Draft<'_>,
    name: &str,
    topic: &DesiredTopic,
    there: &ObservedTopic,
    owner: Owner<'_>,
) -> u16 {
    let from = there.replication_factor;
    let Some(to) = topic.replication_factor.filter(|to| *to != from) else { return from };
    if !draft.observed.cluster.can_change_replication_factor {
        let at = owner.route(draft.desired, &["spec", "replicationFactor"]);
        draft.error(
            "replication-factor-fixed",
            at,
            format!("the topic `{name}` has replication factor {from}, which this cluster cannot change to {to}"),
            format!("write {from}"),
        );
        return from;
    }
    if replication_possible(draft, name, topic, to, owner) {
        let meaning = if to < from {
            format!("keeps {to} replicas of each record instead of {from}: fewer broker failures are survived")
        } else {
            format!("keeps {to} replicas of each record instead of {from}; copying loads the brokers")
        };
        draft.step(
            Change::ChangeReplicationFactor { topic: name.to_owned(), from, to },
            owner,
            Risk::Change,
            vec![meaning],
        );
    }
    to
}

fn replication_possible(
    draft: &mut Draft<'_>,
    name: &str,
    topic: &DesiredTopic,
    replication: u16,
    owner: Owner<'_>,
) -> bool {
    let brokers = draft.observed.cluster.brokers;
    // A cluster that does not report its number of brokers has 0 here.
    if brokers == 0 || u32::from(replication) <= brokers || topic.replication_factor.is_none() {
        return true;
    }
    let at = owner.route(draft.desired, &["spec", "replicationFactor"]);
    draft.error(
        "replication-exceeds-brokers",
        at,
        format!("the topic `{name}` asks for replication factor {replication}, the cluster has {brokers} brokers"),
        format!("write {brokers} or less"),
    );
    false
}

/// `min.insync.replicas` against the replicas there will really be.
fn in_sync_possible(draft: &mut Draft<'_>, name: &str, topic: &DesiredTopic, replication: u16, owner: Owner<'_>) {
    const SETTING: &str = "min.insync.replicas";
    let observed = draft.observed;
    let own = observed.topics.get(name).and_then(|t| t.config.get(SETTING));
    let default = observed.cluster.defaults.get(SETTING);
    let value = match topic.config.get(SETTING) {
        Some(declared) => declared.as_ref().or(default),
        None => own.or(default),
    };
    let Some(wanted) = value.and_then(KafkaValue::number).and_then(|number| u64::try_from(number).ok()) else { return };
    if replication > 0 && wanted > u64::from(replication) {
        let at = owner.route(draft.desired, &["spec", "config", SETTING]);
        draft.error(
            "min-insync-exceeds-replication",
            at,
            format!("the topic `{name}` would need {wanted} in-sync replicas but has {replication}: every write with acks=all would be refused"),
            format!("write {} or less, so that a broker may fail", replication.saturating_sub(1).max(1)),
        );
    }
}

fn settings_editable<'s>(
    draft: &mut Draft<'_>,
    name: &str,
    settings: impl Iterator<Item = &'s String>,
    owner: Owner<'_>,
) {
    let cluster = &draft.observed.cluster;
    for setting in settings {
        let why = if cluster.read_only_settings.contains(setting) {
            "the cluster does not let it be set"
        } else if cluster.unknown_settings.contains(setting) {
            "the cluster's brokers do not know it; they are of another version"
        } else {
            continue;
        };
        let at = owner.route(draft.desired, &["spec", "config", setting]);
        let message = format!("the topic `{name}` cannot have its own `{setting}`: {why}");
        draft.error("setting-refused-by-cluster", at, message, format!("remove `{setting}`"));
    }
}

fn delete(draft: &mut Draft<'_>, name: &str, there: &ObservedTopic, owner: Owner<'_>) {
    let mut meaning = Vec::new();
    let risk = match &there.facts {
        None => {
            meaning.push("deletes all records of the topic; their number is unknown".to_owned());
            Risk::DataLoss
        }
        Some(facts) => {
            let groups = facts.groups.len();
            let active = facts.groups.values().filter(|g| g.members > 0).count();
            if facts.records > 0 {
                let newest = facts.newest.map_or_else(String::new, |t| format!(", the newest of {}", day(t)));
                meaning.push(format!("deletes {}{newest}", count(facts.records, "record")));
            }
            if groups > 0 {
                let names: Vec<_> = facts.groups.keys().take(3).map(String::as_str).collect();
                let more = if groups > 3 { ", …" } else { "" };
                meaning.push(format!(
                    "{} read it ({}{more}), {active} of them attached now",
                    count(groups as u64, "consumer group"),
                    names.join(", "),
                ));
            }
            let unknown = facts.unknown_groups;
            if unknown > 0 {
                meaning.push(format!(
                    "{} could not be looked into and may read it: weir may not describe them",
                    count(unknown, "consumer group"),
                ));
            }
            if facts.records > 0 || active > 0 || unknown > 0 {
                Risk::DataLoss
            } else {
                meaning.push("the topic is empty".to_owned());
                Risk::Destroy
            }
        }
    };
    if owner.entity.is_none() {
        meaning.push("no file declares the topic, and the stage prunes".to_owned());
    }
    draft.step(Change::delete_topic(name, there), owner, risk, meaning);
}

/// New names against all names of the cluster: `.` and `_` are the same in Kafka's metric names.
fn collisions(draft: &mut Draft<'_>, created: &[(&str, Owner<'_>)]) {
    if created.is_empty() {
        return;
    }
    let observed = draft.observed;
    let mut new = BTreeMap::<String, Vec<usize>>::new();
    for (index, (name, _)) in created.iter().enumerate() {
        new.entry(name.replace('.', "_")).or_default().push(index);
    }
    let mut found: Vec<(usize, &str)> = Vec::new();
    for indices in new.values().filter(|indices| indices.len() > 1) {
        found.extend(indices[1..].iter().map(|i| (*i, created[indices[0]].0)));
    }
    let mut folded = String::new();
    for existing in observed.topics.keys().chain(&observed.other_topics) {
        folded.clear();
        folded.extend(existing.chars().map(|c| if c == '.' { '_' } else { c }));
        found.extend(new.get(&folded).into_iter().flatten().map(|i| (*i, existing.as_str())));
    }
    found.sort_unstable();
    found.dedup();
    for (index, other) in found {
        let (name, owner) = created[index];
        let message = if name == other {
            format!("the topic `{name}` exists, but was not observed")
        } else {
            format!("the topic `{name}` collides with `{other}`: Kafka takes `.` and `_` in names for the same")
        };
        let at = owner.route(draft.desired, &["metadata", "name"]);
        draft.error("name-collides", at, message, "choose another name");
    }
}
