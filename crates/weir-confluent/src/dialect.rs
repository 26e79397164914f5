//! Differences between Confluent Cloud and Apache Kafka.

use weir_kafka::Dialect;
use weir_model::settings::KafkaValue;
use weir_planning::{Change, ClusterFacts, SettingChange};

/// The replication factor of every topic.
pub(crate) const REPLICAS: u16 = 3;
/// Partitions of a topic that is created without a number of partitions.
const PARTITIONS: u32 = 6;

const POLICY: &str = "cleanup.policy";

/// Settings that topics must not have, for when the cluster cannot be asked; a cluster's own answer counts more. The
/// service itself sets the first one.
const READ_ONLY: [&str; 8] = [
    "confluent.topic.type",
    "compression.type",
    "flush.messages",
    "flush.ms",
    "index.interval.bytes",
    "preallocate",
    "segment.jitter.ms",
    "unclean.leader.election.enable",
];

/// weir-kafka's options for Confluent Cloud's brokers.
pub(crate) const DIALECT: Dialect = Dialect {
    defaults: Some((PARTITIONS, REPLICAS)),
    // Brokers report both settings as if the topic's owner had set them.
    writes: &[("confluent.topic.type", None), ("confluent.schema.validation.context.name", Some("default"))],
};

/// Returns `true` if a topic belongs to the service: `is_internal` does not cover all of these.
pub(crate) fn is_internal(topic: &str) -> bool {
    topic.starts_with("__")
        || topic == "_schemas"
        || topic == "confluent-audit-log-events"
        || topic.starts_with("pksqlc-")
        || topic.starts_with("dlq-lcc-")
}

/// Sets the facts that hold on every cluster of the service, whatever its brokers report.
pub(crate) fn facts(facts: &mut ClusterFacts) {
    // The replication factor cannot be larger, however many brokers there are.
    facts.brokers = REPLICAS.into();
    facts.default_partitions = PARTITIONS;
    facts.default_replication_factor = REPLICAS;
    facts.can_change_replication_factor = false;
    if facts.read_only_settings.is_empty() {
        facts.read_only_settings = READ_ONLY.map(str::to_owned).into();
    }
    facts.read_only_settings.insert(READ_ONLY[0].to_owned());
}

/// Returns the change that must come before a change of settings: there is no direct way from `delete` to
/// `compact,delete`. If a run stops between the two, the next run repeats both, since the plan was made for the
/// original topic.
pub(crate) fn before(change: &Change) -> Option<Change> {
    let Change::AlterConfig { topic, settings: changes } = change else { return None };
    let SettingChange { from, to: _ } = changes.get(POLICY).filter(|_| change.goes_by_way_of_compact())?;
    Some(Change::AlterConfig {
        topic: topic.clone(),
        settings: [(
            POLICY.to_owned(),
            SettingChange { from: from.clone(), to: Some(KafkaValue::observed(POLICY, "compact")) },
        )]
        .into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alter(from: Option<&str>, to: Option<&str>) -> Change {
        let change = SettingChange::new(POLICY, from, to);
        let other = SettingChange::new("retention.ms", None, Some("1"));
        let settings = [(POLICY.to_owned(), change), ("retention.ms".to_owned(), other)];
        Change::AlterConfig { topic: "t".to_owned(), settings: settings.into() }
    }

    #[test]
    fn both_policies_are_reached_through_compact() {
        let first = before(&alter(None, Some("compact,delete")));
        let expected = SettingChange::new(POLICY, None, Some("compact"));
        let settings = [(POLICY.to_owned(), expected)].into();
        assert_eq!(first, Some(Change::AlterConfig { topic: "t".to_owned(), settings }));
        assert!(before(&alter(Some("delete"), Some("delete, compact"))).is_some());
        for (from, to) in [
            (Some("compact"), Some("compact,delete")),
            (Some("delete"), Some("compact")),
            (Some("compact,delete"), Some("delete")),
            (Some("compact,delete"), None),
        ] {
            assert_eq!(before(&alter(from, to)), None, "{from:?} to {to:?}");
        }
    }

    #[test]
    fn topics_of_the_service_are_recognised() {
        for own in ["_schemas", "__consumer_offsets", "confluent-audit-log-events", "pksqlc-a1-x", "dlq-lcc-1"] {
            assert!(is_internal(own), "{own}");
        }
        assert!(!is_internal("dev.toll.transactions.v1") && !is_internal("_ours") && !is_internal("confluent-x"));
    }
}
