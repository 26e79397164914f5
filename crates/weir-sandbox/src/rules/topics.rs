//! Topics.

use std::collections::BTreeMap;

use weir_model::settings::KafkaValue;
use weir_planning::SettingChange;
use weir_ports::PortError;

use super::{room, settings};
use crate::{
    random,
    state::{State, TOPICS, Topic},
    transaction::Transaction,
};

/// The longest name, in characters (Kafka: `Topic.MAX_NAME_LENGTH`).
const NAME_LENGTH: usize = 249;
/// The largest number of partitions that a controller creates in one request.
const PARTITIONS_AT_ONCE: u32 = 10_000;
/// The topics that brokers keep for themselves.
const INTERNAL: [&str; 4] = ["__cluster_metadata", "__consumer_offsets", "__share_group_state", "__transaction_state"];

pub(crate) fn create(
    on: &mut Transaction<'_>,
    name: &str,
    partitions: Option<u32>,
    replication_factor: Option<u16>,
    config: &BTreeMap<String, KafkaValue>,
) -> Result<(), PortError> {
    let state = on.state();
    let partitions = partitions.unwrap_or(state.cluster.default_partitions);
    let replication_factor = replication_factor.unwrap_or(state.cluster.default_replication_factor);
    if let Some(found) = state.topics.get(name) {
        return already_there(name, found, partitions, replication_factor, config);
    }
    check_name(state, name)?;
    check_partitions(partitions)?;
    check_replication(state, replication_factor)?;
    settings::check(&state.cluster.read_only_settings, config.keys().map(String::as_str), config)?;
    room("partitions", state.topics.partitions() + u64::from(partitions), state.cluster.limits.partitions)?;
    let topic = Topic {
        topic_id: random::topic_id()?,
        partitions,
        replication_factor,
        config: config.clone(),
        mirror: false,
        facts: None,
    };
    on.edit(TOPICS).topics.insert(name.to_owned(), topic);
    Ok(())
}

/// Compares an existing topic with the wanted one: creating the same topic again succeeds.
fn already_there(
    name: &str,
    found: &Topic,
    partitions: u32,
    replication_factor: u16,
    config: &BTreeMap<String, KafkaValue>,
) -> Result<(), PortError> {
    let difference = if found.partitions != partitions {
        format!("{} partitions, not {partitions}", found.partitions)
    } else if found.replication_factor != replication_factor {
        format!("the replication factor {}, not {replication_factor}", found.replication_factor)
    } else if let Some(setting) = settings::difference(&found.config, config) {
        format!("another `{setting}`")
    } else {
        return Ok(());
    };
    Err(PortError::refused(format!("the topic `{name}` exists already, with {difference}")))
}

pub(crate) fn add_partitions(on: &mut Transaction<'_>, name: &str, to: u32) -> Result<(), PortError> {
    let state = on.state();
    let topic = state.topics.get(name).ok_or_else(|| absent(name))?;
    let from = topic.partitions;
    if to == from {
        return Ok(());
    }
    refuse_mirror(name, topic)?;
    if to < from {
        return Err(PortError::refused(format!(
            "the topic `{name}` has {from} partitions already, {to} would be fewer"
        )));
    }
    check_partitions(to - from)?;
    room("partitions", state.topics.partitions() + u64::from(to - from), state.cluster.limits.partitions)?;
    on.edit(TOPICS).topics.set_partitions(name, to);
    Ok(())
}

pub(crate) fn change_replication(on: &mut Transaction<'_>, name: &str, to: u16) -> Result<(), PortError> {
    let state = on.state();
    let topic = state.topics.get(name).ok_or_else(|| absent(name))?;
    if topic.replication_factor == to {
        return Ok(());
    }
    refuse_mirror(name, topic)?;
    if !state.cluster.can_change_replication_factor {
        return Err(PortError::refused(format!(
            "this cluster cannot change a replication factor; the topic `{name}` has {}",
            topic.replication_factor
        )));
    }
    check_replication(state, to)?;
    if let Some(topic) = on.edit(TOPICS).topics.get_mut(name) {
        topic.replication_factor = to;
    }
    Ok(())
}

pub(crate) fn alter_config(
    on: &mut Transaction<'_>,
    name: &str,
    changes: &BTreeMap<String, SettingChange>,
) -> Result<(), PortError> {
    let state = on.state();
    let topic = state.topics.get(name).ok_or_else(|| absent(name))?;
    let mut config = topic.config.clone();
    for (setting, change) in changes {
        match &change.to {
            Some(value) => config.insert(setting.clone(), value.clone()),
            None => config.remove(setting),
        };
    }
    if config == topic.config {
        return Ok(());
    }
    refuse_mirror(name, topic)?;
    settings::check(&state.cluster.read_only_settings, changes.keys().map(String::as_str), &config)?;
    if let Some(topic) = on.edit(TOPICS).topics.get_mut(name) {
        topic.config = config;
    }
    Ok(())
}

pub(crate) fn delete(on: &mut Transaction<'_>, name: &str) {
    if on.state().topics.get(name).is_some() {
        on.edit(TOPICS).topics.remove(name);
    }
}

pub(crate) fn absent(name: &str) -> PortError {
    PortError::refused(format!("there is no topic `{name}`"))
}

fn refuse_mirror(name: &str, topic: &Topic) -> Result<(), PortError> {
    if topic.mirror {
        return Err(PortError::refused(format!(
            "the topic `{name}` is filled by a cluster link and cannot be changed"
        )));
    }
    Ok(())
}

fn check_name(state: &State, name: &str) -> Result<(), PortError> {
    let wrong = if name.is_empty() {
        "is empty".to_owned()
    } else if name == "." || name == ".." {
        "cannot be `.` or `..`".to_owned()
    } else if name.len() > NAME_LENGTH {
        format!("is longer than {NAME_LENGTH} characters")
    } else if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
        "holds something else than ASCII letters, digits, `.`, `_` and `-`".to_owned()
    } else if INTERNAL.contains(&name) {
        "is one of the broker's own".to_owned()
    } else if let Some(other) = state.topics.collision(name) {
        format!("collides with the topic `{other}`: they differ in `.` and `_` only")
    } else {
        return Ok(());
    };
    Err(PortError::refused(format!("the topic name `{name}` {wrong}")))
}

fn check_partitions(number: u32) -> Result<(), PortError> {
    match number {
        0 => Err(PortError::refused("a topic cannot have 0 partitions; it must have at least 1")),
        1..=PARTITIONS_AT_ONCE => Ok(()),
        _ => Err(PortError::refused(format!(
            "{number} partitions are more than the {PARTITIONS_AT_ONCE} that one request may make"
        ))),
    }
}

/// Checks a replication factor. Like Kafka, the sandbox accepts a `min.insync.replicas` above the replication factor,
/// with which no producer can write with `acks=all`. Reporting that is the planner's task.
fn check_replication(state: &State, factor: u16) -> Result<(), PortError> {
    let brokers = state.cluster.brokers;
    if factor == 0 {
        return Err(PortError::refused("the replication factor cannot be 0; it must be at least 1"));
    }
    if factor > brokers {
        return Err(PortError::refused(format!(
            "the replication factor {factor} is larger than the {brokers} brokers"
        )));
    }
    Ok(())
}
