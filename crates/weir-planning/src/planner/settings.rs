//! The meaning and the risk of a change of a topic's settings.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use weir_model::{
    Duration,
    settings::{self, KafkaValue},
};

use crate::{ClusterFacts, ObservedTopic, Risk, SettingChange, TopicFacts};

const RETENTION: &str = "retention.ms";
const RETENTION_BYTES: &str = "retention.bytes";
const CLEANUP: &str = "cleanup.policy";

/// The changes from a topic's own settings to the declared ones. An own setting that is not declared is left.
///
/// A declared value is set even where it equals the cluster's default: declared means pinned, so a later change of
/// the default does not reach the topic.
pub(super) fn diff(
    declared: &BTreeMap<String, Option<KafkaValue>>,
    own: &BTreeMap<String, KafkaValue>,
) -> BTreeMap<String, SettingChange> {
    let mut changes = BTreeMap::new();
    for (name, to) in declared {
        let from = own.get(name);
        if from != to.as_ref() {
            changes.insert(name.clone(), SettingChange { from: from.cloned(), to: to.clone() });
        }
    }
    changes
}

/// Judges changes of one topic's settings.
pub(super) struct Judge<'a> {
    pub(super) topic: &'a ObservedTopic,
    pub(super) cluster: &'a ClusterFacts,
    pub(super) changes: &'a BTreeMap<String, SettingChange>,
    pub(super) now: Timestamp,
}

impl<'a> Judge<'a> {
    /// The risk of all changes together and a sentence for each, the worst first.
    pub(super) fn judge(&self) -> (Risk, Vec<String>) {
        let mut judged: Vec<(Risk, Option<String>)> =
            self.changes.iter().map(|(name, change)| self.judge_one(name, change)).collect();
        judged.sort_by_key(|(risk, _)| std::cmp::Reverse(*risk));
        let risk = judged.first().map_or(Risk::Change, |(risk, _)| *risk);
        (risk, judged.into_iter().filter_map(|(_, meaning)| meaning).collect())
    }

    fn default_of(&self, name: &str) -> Option<&'a KafkaValue> {
        self.cluster.defaults.get(name)
    }

    /// Returns the value that applies before the plan; absent when unknown.
    fn before(&self, name: &str) -> Option<&'a KafkaValue> {
        self.topic.config.get(name).or_else(|| self.default_of(name))
    }

    /// Returns the value that applies after the plan; absent when unknown.
    fn after(&self, name: &str) -> Option<&'a KafkaValue> {
        match self.changes.get(name) {
            Some(change) => change.to.as_ref().or_else(|| self.default_of(name)),
            None => self.before(name),
        }
    }

    fn judge_one(&self, name: &str, change: &SettingChange) -> (Risk, Option<String>) {
        let (before, after) = (self.before(name), self.after(name));
        let arrow = format!("{} {} → {}", label(name), shown(name, before), shown(name, after));
        if let (Some(before), Some(after)) = (before, after)
            && before == after
        {
            let value = shown(name, Some(after));
            let (risk, why) = match change.to {
                Some(_) => (Risk::Additive, "pinned on the topic"),
                None => (Risk::Change, "left to the cluster's default"),
            };
            return (risk, Some(format!("{} stays {value}: {why}", label(name))));
        }
        let (risk, meaning) = match name {
            RETENTION => self.retention(before, after),
            RETENTION_BYTES => self.retention_bytes(before, after),
            CLEANUP => self.cleanup(before, after),
            "max.message.bytes" => {
                (Risk::Change, limit(before, after, "refuses larger records", "takes larger records"))
            }
            "min.insync.replicas" => (
                Risk::Change,
                limit(
                    before,
                    after,
                    "acknowledges writes with fewer replicas",
                    "refuses writes (acks=all) while fewer replicas are in sync",
                ),
            ),
            "unclean.leader.election.enable" if after.is_some_and(|value| *value == "true") => {
                (Risk::Change, Some("prefers being available to keeping acknowledged records".to_owned()))
            }
            "message.timestamp.type" => {
                (Risk::Change, Some("records written from now on carry another kind of timestamp".to_owned()))
            }
            _ if settings::lookup(name).is_some_and(|setting| setting.lossy) && !self.is_empty() => {
                (Risk::DataLoss, Some("may delete records".to_owned()))
            }
            _ => (Risk::Change, None),
        };
        let readable = [before, after].into_iter().flatten().any(|value| value.human_readable(name) != value.as_str());
        (risk, meaning.map(|meaning| format!("{arrow}: {meaning}")).or_else(|| readable.then(|| arrow.clone())))
    }

    fn facts(&self) -> Option<&'a TopicFacts> {
        self.topic.facts.as_ref()
    }

    fn is_empty(&self) -> bool {
        self.facts().is_some_and(|facts| facts.records == 0)
    }

    /// Returns `true` if cleanup by age or size runs after the plan, or if that is unknown.
    fn deletes(&self) -> bool {
        self.after(CLEANUP).is_none_or(|policy| policy.has("delete"))
    }

    fn retention(&self, before: Option<&KafkaValue>, after: Option<&KafkaValue>) -> (Risk, Option<String>) {
        let Some(after) = after.and_then(KafkaValue::number) else {
            return (Risk::DataLoss, Some("the new retention is not known, so data may be deleted".to_owned()));
        };
        if after < 0 {
            return (Risk::Change, Some("keeps data for ever".to_owned()));
        }
        let before = before.and_then(KafkaValue::number);
        if before.is_some_and(|before| (0..=after).contains(&before)) {
            return (Risk::Change, Some("keeps data longer".to_owned()));
        }
        if !self.deletes() {
            return (Risk::Change, Some("has no effect while the topic is only compacted".to_owned()));
        }
        let (risk, why) = self.loss_by_age(after);
        (risk, Some(format!("deletes data older than {}{why}", words(after as u64))))
    }

    /// Returns the risk of deleting records older than `retention` milliseconds, with a reason from the facts.
    fn loss_by_age(&self, retention: i64) -> (Risk, String) {
        let Some(facts) = self.facts() else {
            return (Risk::DataLoss, " (the topic's records are not known)".to_owned());
        };
        if facts.records == 0 {
            return (Risk::Change, " (the topic is empty)".to_owned());
        }
        let Some(oldest) = facts.oldest else {
            return (Risk::DataLoss, " (the age of its oldest record is not known)".to_owned());
        };
        let kept_from = self.now.checked_sub(SignedDuration::from_millis(retention)).unwrap_or(Timestamp::MIN);
        if oldest < kept_from {
            (Risk::DataLoss, format!(" (the oldest record is of {})", day(oldest)))
        } else {
            (Risk::Change, format!(" (the oldest record is of {}: nothing is deleted today)", day(oldest)))
        }
    }

    fn retention_bytes(&self, before: Option<&KafkaValue>, after: Option<&KafkaValue>) -> (Risk, Option<String>) {
        let Some(after) = after.and_then(KafkaValue::number) else {
            return (Risk::DataLoss, Some("the new limit is not known, so data may be deleted".to_owned()));
        };
        let before = before.and_then(KafkaValue::number);
        if after < 0 || before.is_some_and(|before| (0..=after).contains(&before)) {
            return (Risk::Change, Some("keeps more data".to_owned()));
        }
        if !self.deletes() {
            return (Risk::Change, Some("has no effect while the topic is only compacted".to_owned()));
        }
        let cut = "deletes the oldest data of each partition beyond that size";
        // No partition is larger than all of them together.
        let small = self.facts().and_then(|facts| facts.bytes).is_some_and(|bytes| bytes <= after as u64);
        if self.is_empty() || small {
            (Risk::Change, Some(format!("{cut} (there is less today)")))
        } else {
            (Risk::DataLoss, Some(cut.to_owned()))
        }
    }

    fn cleanup(&self, before: Option<&KafkaValue>, after: Option<&KafkaValue>) -> (Risk, Option<String>) {
        let (Some(before), Some(after)) = (before, after) else {
            let risk = if self.is_empty() { Risk::Change } else { Risk::DataLoss };
            return (risk, Some("`cleanup.policy` changes, so records may be deleted".to_owned()));
        };
        let gains = |policy| after.has(policy) && !before.has(policy);
        let mut judged = Vec::new();
        if gains("compact") {
            let risk = if self.is_empty() { Risk::Change } else { Risk::DataLoss };
            judged.push((risk, "keeps only the newest record of each key and refuses records without key".to_owned()));
        }
        if gains("delete") {
            judged.push(match self.after(RETENTION).and_then(KafkaValue::number) {
                Some(retention) if retention >= 0 => {
                    let (risk, why) = self.loss_by_age(retention);
                    (risk, format!("deletes data older than {}{why}", words(retention as u64)))
                }
                Some(_) => (Risk::Change, "deletes data beyond the retention".to_owned()),
                None => {
                    let risk = if self.is_empty() { Risk::Change } else { Risk::DataLoss };
                    (risk, "deletes data beyond the retention".to_owned())
                }
            });
        }
        if judged.is_empty() {
            judged.push((Risk::Change, "cleans less than before".to_owned()));
        }
        let risk = judged.iter().map(|(risk, _)| *risk).max().unwrap_or(Risk::Change);
        (risk, Some(judged.into_iter().map(|(_, meaning)| meaning).collect::<Vec<_>>().join("; ")))
    }
}

/// Returns the meaning of lowering or raising a number.
fn limit(before: Option<&KafkaValue>, after: Option<&KafkaValue>, lower: &str, raise: &str) -> Option<String> {
    let (before, after) = (before?.number()?, after?.number()?);
    Some(if after < before { lower } else { raise }.to_owned())
}

/// A setting's name in sentences.
fn label(name: &str) -> &str {
    settings::lookup(name).map_or(name, |setting| setting.label)
}

/// A value as people write it.
fn shown(name: &str, value: Option<&KafkaValue>) -> String {
    value.map_or_else(|| "the cluster's default".to_owned(), |value| value.human_readable(name))
}

/// Milliseconds in words: `1 day`, `12 hours`.
pub(super) fn words(millis: u64) -> String {
    Duration::from_millis(millis).in_words()
}

/// The day of a time, in UTC.
pub(super) fn day(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}
