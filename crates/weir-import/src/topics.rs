//! One entity for a topic of several stages.

use std::collections::{BTreeMap, BTreeSet};

use weir_model::{
    Duration, Ensure, OwnedMetadata, Patch, Profile, SettingValue, Topic, TopicOverlay, TopicSpec, Workspace,
    settings::{self, KafkaValue, SettingKind},
};
use weir_planning::ObservedTopic;

use crate::{
    built::{ORIGIN, placed},
    layers::{Base, Layers, layers},
    seen::{Seen, SeenTopic},
};

const CLEANUP: &str = "cleanup.policy";

/// The exceptions of a topic.
pub(crate) struct TopicNotes<'n> {
    /// Settings that no file can declare.
    pub(crate) left_out: &'n BTreeSet<String>,
    /// Stages in which the topic is not managed.
    pub(crate) unmanaged: &'n BTreeSet<usize>,
}

/// Stages in which the topic's clean-up differs from that in its last stage: the files keep to one.
pub(crate) fn contradicting(seen: &SeenTopic<'_>, notes: &TopicNotes<'_>) -> BTreeSet<usize> {
    let policy = |topic: &ObservedTopic| {
        let own = topic.config.get(CLEANUP).filter(|_| !notes.left_out.contains(CLEANUP));
        own.cloned().unwrap_or_else(|| KafkaValue::observed(CLEANUP, "delete"))
    };
    let managed = || managed(seen, notes.unmanaged);
    let Some(last) = managed().last().map(|(_, topic)| policy(topic)) else { return BTreeSet::new() };
    managed().filter(|(_, topic)| policy(topic) != last).map(|(stage, _)| stage).collect()
}

fn managed<'t>(
    seen: &'t SeenTopic<'_>,
    unmanaged: &'t BTreeSet<usize>,
) -> impl Iterator<Item = (usize, &'t ObservedTopic)> {
    seen.stages.iter().filter(|(stage, _)| !unmanaged.contains(*stage)).map(|(stage, topic)| (*stage, *topic))
}

/// Returns the topic's entity.
pub(crate) fn topic(
    workspace: &Workspace,
    all: &Seen<'_>,
    name: &str,
    seen: &SeenTopic<'_>,
    notes: &TopicNotes<'_>,
) -> Topic {
    let there: Vec<(usize, &ObservedTopic)> = managed(seen, notes.unmanaged).collect();
    let mut spec = TopicSpec::default();
    let mut overlays: BTreeMap<usize, TopicOverlay> = BTreeMap::new();
    if there.is_empty() {
        spec.ensure = Ensure::Unmanaged;
    } else {
        for stage in notes.unmanaged {
            overlays.entry(*stage).or_default().ensure = Patch::Set(Ensure::Unmanaged);
        }
        let (profile, fitted) = fitting(workspace, &there, notes.left_out);
        spec.profile = profile;
        fitted.write(&mut spec, &mut overlays);
    }
    let present: BTreeSet<usize> = seen.stages.keys().chain(notes.unmanaged).copied().collect();
    let (stages, not_in) = placed(workspace, all, &present, overlays);
    spec.stages = stages;
    spec.not_in = not_in;
    let metadata =
        OwnedMetadata { name: name.to_owned(), team: seen.team.clone(), description: None, labels: BTreeMap::new() };
    Topic { metadata, spec, origin: ORIGIN }
}

/// A topic over a profile.
struct Fitted {
    partitions: Layers<u32>,
    replication_factor: Layers<u16>,
    config: BTreeMap<String, Layers<KafkaValue>>,
}

/// Returns the profile with the fewest values to write beside it, unless it is the workspace's own, and these values.
fn fitting(
    workspace: &Workspace,
    there: &[(usize, &ObservedTopic)],
    left_out: &BTreeSet<String>,
) -> (Option<String>, Fitted) {
    let settings = &workspace.settings.spec;
    let usual = settings.defaults.profile.as_ref().and_then(|name| settings.profiles.get(name));
    let mut best = (None, fit(usual, there, left_out));
    let mut least = best.1.entries();
    for (name, profile) in &settings.profiles {
        let fitted = fit(Some(profile), there, left_out);
        // The name of the profile is an entry too.
        if settings.defaults.profile.as_ref() != Some(name) && fitted.entries() + 1 < least {
            least = fitted.entries() + 1;
            best = (Some(name.clone()), fitted);
        }
    }
    best
}

fn fit(profile: Option<&Profile>, there: &[(usize, &ObservedTopic)], left_out: &BTreeSet<String>) -> Fitted {
    let below: BTreeMap<&str, KafkaValue> = profile
        .iter()
        .flat_map(|profile| &profile.config)
        .filter(|(_, value)| !value.is_default())
        .map(|(name, value)| {
            (
                name.as_str(),
                settings::canonical(name, value).unwrap_or_else(|_| KafkaValue::observed(name, value.to_string())),
            )
        })
        .collect();
    let own = there.iter().flat_map(|(_, topic)| topic.config.keys().map(String::as_str));
    let names: BTreeSet<&str> = own.chain(below.keys().copied()).collect();
    let config = names
        .into_iter()
        .filter_map(|name| {
            let below = below.get(name);
            if left_out.contains(name) {
                // `default` would remove the cluster's own value; `null` says nothing.
                let overlays = there.iter().map(|(stage, _)| (*stage, Patch::Remove)).collect();
                return below.map(|_| (name.to_owned(), Layers { base: Base::Silent, overlays }));
            }
            let values: Vec<(usize, Option<KafkaValue>)> =
                there.iter().map(|(stage, topic)| (*stage, topic.config.get(name).cloned())).collect();
            Some((name.to_owned(), layers(&values, below)))
        })
        .collect();
    let partitions: Vec<_> = there.iter().map(|(stage, topic)| (*stage, Some(topic.partitions))).collect();
    let replicas: Vec<_> = there.iter().map(|(stage, topic)| (*stage, Some(topic.replication_factor))).collect();
    Fitted {
        partitions: layers(&partitions, profile.and_then(|p| p.partitions).as_ref()),
        replication_factor: layers(&replicas, profile.and_then(|p| p.replication_factor).as_ref()),
        config,
    }
}

impl Fitted {
    fn entries(&self) -> usize {
        let config: usize = self.config.values().map(Layers::entries).sum();
        self.partitions.entries() + self.replication_factor.entries() + config
    }

    fn write(self, spec: &mut TopicSpec, overlays: &mut BTreeMap<usize, TopicOverlay>) {
        let Self { partitions, replication_factor, config } = self;
        if let Base::Value(number) = partitions.base {
            spec.partitions = Some(number);
        }
        for (stage, patch) in partitions.overlays {
            overlays.entry(stage).or_default().partitions = patch;
        }
        if let Base::Value(number) = replication_factor.base {
            spec.replication_factor = Some(number);
        }
        for (stage, patch) in replication_factor.overlays {
            overlays.entry(stage).or_default().replication_factor = patch;
        }
        for (name, Layers { base, overlays: differing }) in config {
            for (stage, patch) in differing {
                let patch = match patch {
                    Patch::Set(value) => Patch::Set(written(&name, &value)),
                    Patch::Remove => Patch::Remove,
                    Patch::Keep => Patch::Keep,
                };
                overlays.entry(stage).or_default().config.insert(name.clone(), patch);
            }
            match base {
                Base::Silent => {}
                Base::Dropped => {
                    spec.config.insert(name, SettingValue::Scalar(SettingValue::DEFAULT.to_owned()));
                }
                Base::Value(value) => {
                    let value = written(&name, &value);
                    spec.config.insert(name, value);
                }
            }
        }
    }
}

/// Returns a value as people write it, if that text means the same.
fn written(name: &str, kafka: &KafkaValue) -> SettingValue {
    let exact = |value: &SettingValue| settings::canonical(name, value).is_ok_and(|back| back == *kafka);
    let words = settings::lookup(name).is_some_and(|setting| matches!(setting.kind, SettingKind::Words(_)));
    let human = if words {
        SettingValue::List(kafka.words().map(str::to_owned).collect())
    } else {
        SettingValue::Scalar(kafka.human_readable(name))
    };
    if exact(&human) { human } else { SettingValue::Scalar(kafka.to_string()) }
}

/// Time for which a replaced key stays valid, if the files name none.
pub(crate) const OVERLAP: Duration = Duration::from_millis(2 * 86_400_000);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_for_people_where_that_is_exact() {
        let scalar = |text: &str| SettingValue::Scalar(text.to_owned());
        for (name, kafka, people) in [
            ("retention.ms", "604800000", scalar("7d")),
            ("retention.ms", "604800001", scalar("604800001ms")),
            ("retention.bytes", "-1", scalar("unlimited")),
            ("retention.ms", "0604800000", scalar("0604800000")),
            ("min.cleanable.dirty.ratio", "0.3", scalar("0.3")),
            ("no.such.setting", "60000", scalar("60000")),
            ("cleanup.policy", "compact,delete", SettingValue::List(vec!["compact".into(), "delete".into()])),
        ] {
            assert_eq!(written(name, &KafkaValue::observed(name, kafka)), people, "{name}: {kafka}");
        }
    }
}
