//! The facts that pass from a request to its answer.

use kafka_protocol::{
    messages::{
        create_partitions_response::CreatePartitionsTopicResult, create_topics_response::CreatableTopicResult,
        delete_topics_response::DeletableTopicResult, incremental_alter_configs_response::AlterConfigsResourceResponse,
    },
    protocol::StrBytes,
};

use super::principals::{Refused, Style};

/// Number of simulated brokers, and so the replication factor of every topic.
pub(super) const FACTOR: i16 = 3;

/// The data that the answer to a request depends on.
#[derive(Debug)]
pub(super) enum Context {
    Nothing,
    /// `DescribeAcls`
    Described(Style),
    /// `DeleteAcls`
    Deleted(Vec<Style>),
    /// `CreateAcls`
    Created(Refused),
    /// `Metadata`: `true` if the client asked for all topics.
    Metadata {
        all: bool,
    },
    /// `CreateTopics`: topics that the front refuses, and whether the request only validates.
    Topics {
        refused: Vec<CreatableTopicResult>,
        validated: bool,
    },
    /// `CreatePartitions`: topics that the front refuses.
    More(Vec<CreatePartitionsTopicResult>),
    /// `DeleteTopics`: topics that the front deletes later.
    Later(Vec<DeletableTopicResult>),
    /// `IncrementalAlterConfigs`: resources that the front answers itself.
    Resources(Vec<AlterConfigsResourceResponse>),
    /// `DescribeConfigs`: the broker in the request, whether phantom settings were asked for, and whether synonyms
    /// were.
    Settings {
        broker: Option<StrBytes>,
        phantoms: bool,
        synonyms: bool,
    },
}
