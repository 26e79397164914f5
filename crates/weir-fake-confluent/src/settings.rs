//! Settings of topics, where Confluent Cloud differs from Kafka.

/// Settings that customers may change. Brokers show all others as read-only.
pub(super) const EDITABLE: [&str; 19] = [
    "cleanup.policy",
    "confluent.key.schema.validation",
    "confluent.key.subject.name.strategy",
    "confluent.schema.validation.context.name",
    "confluent.value.schema.validation",
    "confluent.value.subject.name.strategy",
    "delete.retention.ms",
    "max.compaction.lag.ms",
    "max.message.bytes",
    "message.timestamp.after.max.ms",
    "message.timestamp.before.max.ms",
    "message.timestamp.difference.max.ms",
    "message.timestamp.type",
    "min.compaction.lag.ms",
    "min.insync.replicas",
    "retention.bytes",
    "retention.ms",
    "segment.bytes",
    "segment.ms",
];

/// Settings that brokers report as changed although nobody set them.
pub(super) const PHANTOMS: [(&str, &str); 2] =
    [("confluent.topic.type", "standard"), ("confluent.schema.validation.context.name", "default")];
