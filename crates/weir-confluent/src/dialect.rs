//! Where Confluent Cloud differs from Apache Kafka.

use weir_kafka::Dialect;
use weir_model::settings::KafkaValue;
use weir_planning::{Change, ClusterFacts, SettingChange};

/// Copies of each record: this many, always.
pub(crate) const REPLICAS: u16 = 3;
/// Partitions of a topic that asks for none.
const PARTITIONS: u32 = 6;

const POLICY: &str = "cleanup.policy";

/// Settings that topics may not have: what clusters say themselves counts; this is for when none can be asked. The
/// first is written by the service.
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

/// What the brokers do otherwise.
pub(crate) const DIALECT: Dialect = Dialect {
    defaults: Some((PARTITIONS, REPLICAS)),
    // Both come back as if the topic's owner had set them.
    writes: &[("confluent.topic.type", None), ("confluent.schema.validation.context.name", Some("default"))],
};

/// Whether a topic belongs to the service: `is_internal` does not cover these.
pub(crate) fn is_internal(topic: &str) -> bool {
    topic.starts_with("__")
        || topic == "_schemas"
        || topic == "confluent-audit-log-events"
        || topic.starts_with("pksqlc-")
        || topic.starts_with("dlq-lcc-")
}

/// What holds on every cluster of the service, whatever its brokers say.
pub(crate) fn facts(facts: &mut ClusterFacts) {
    // So many replicas are the most there can be, however many brokers there are.
    facts.brokers = REPLICAS.into();
    facts.default_partitions = PARTITIONS;
    facts.default_replication_factor = REPLICAS;
    facts.can_change_replication_factor = false;
    if facts.read_only_settings.is_empty() {
        facts.read_only_settings = READ_ONLY.map(str::to_owned).into();
    }
    facts.read_only_settings.insert(READ_ONLY[0].to_owned());
}

/// What must be done before a change of settings: from `delete` to `compact,delete` there is no direct way. A run that is
/// stopped in between does it again: the plan takes the topic for what it was.
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
    fn both_policies_are_reached_by_way_of_compact() {
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
    fn the_services_own_topics_are_known() {
        for own in ["_schemas", "__consumer_offsets", "confluent-audit-log-events", "pksqlc-a1-x", "dlq-lcc-1"] {
            assert!(is_internal(own), "{own}");
        }
        assert!(!is_internal("dev.toll.transactions.v1") && !is_internal("_ours") && !is_internal("confluent-x"));
    }
}
