//! Differences between Confluent Cloud and the broker, message by message.

use std::io;

use bytes::Bytes;
use kafka_protocol::{
    ResponseError,
    messages::{
        ApiKey as Api, ApiVersionsResponse, BrokerId, CreateAclsRequest, CreateAclsResponse, CreatePartitionsRequest,
        CreatePartitionsResponse, CreateTopicsRequest, CreateTopicsResponse, DeleteAclsRequest, DeleteAclsResponse,
        DeleteTopicsRequest, DeleteTopicsResponse, DescribeAclsRequest, DescribeAclsResponse, DescribeClusterResponse,
        FindCoordinatorResponse, IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, MetadataRequest,
        MetadataResponse, TopicName, create_topics_response::CreatableTopicResult,
        delete_topics_response::DeletableTopicResult, describe_cluster_response::DescribeClusterBroker,
        metadata_response::MetadataResponseBroker,
    },
    protocol::{Decodable, Encodable, StrBytes},
};

use super::{
    Front,
    context::{Context, FACTOR},
    limits, principals,
    settings::{alter_configs, describe_configs, described_configs, is_ignored},
    wire::{self, Head},
};
use crate::server::lock;

/// The id of the real broker.
const REAL: i32 = 1;

/// Messages that the front reads. The front offers them only in versions that the library knows.
const READ: [Api; 14] = [
    Api::Metadata,
    Api::DeleteTopics,
    Api::FindCoordinator,
    Api::SaslHandshake,
    Api::ApiVersions,
    Api::CreateTopics,
    Api::DescribeAcls,
    Api::CreateAcls,
    Api::DeleteAcls,
    Api::DescribeConfigs,
    Api::SaslAuthenticate,
    Api::CreatePartitions,
    Api::IncrementalAlterConfigs,
    Api::DescribeCluster,
];

/// Messages that Confluent Cloud does not offer to customers.
const HIDDEN: [Api; 12] = [
    Api::CreateDelegationToken,
    Api::RenewDelegationToken,
    Api::ExpireDelegationToken,
    Api::DescribeDelegationToken,
    Api::ElectLeaders,
    Api::AlterPartitionReassignments,
    Api::ListPartitionReassignments,
    Api::DescribeUserScramCredentials,
    Api::AlterUserScramCredentials,
    Api::AlterConfigs,
    Api::AlterReplicaLogDirs,
    // Clients use `Metadata` instead.
    Api::DescribeTopicPartitions,
];

/// Returns the request for the broker and the context for its answer; `None` if the request is passed on unchanged.
pub(super) async fn request(
    front: &Front,
    head: &Head,
    frame: Bytes,
    is_admin: bool,
) -> io::Result<(Bytes, Option<Context>)> {
    let Some(api) = head.api else { return Ok((frame, None)) };
    Ok(match api {
        Api::ApiVersions | Api::FindCoordinator | Api::DescribeCluster => (frame, Some(Context::Nothing)),
        Api::Metadata => {
            let asked: MetadataRequest = wire::request(head, &frame)?;
            let all = asked.topics.is_none_or(|topics| head.version == 0 && topics.is_empty());
            (frame, Some(Context::Metadata { all }))
        }
        Api::DescribeAcls => {
            edit(head, &frame, |r: &mut DescribeAclsRequest| Context::Described(lock(&front.world).org.describe(r)))?
        }
        Api::DeleteAcls => {
            edit(head, &frame, |r: &mut DeleteAclsRequest| Context::Deleted(lock(&front.world).org.delete(r)))?
        }
        Api::CreateAcls => {
            let room = limits::room_for_bindings(front).await?;
            edit(head, &frame, |r: &mut CreateAclsRequest| Context::Created(lock(&front.world).org.create(r, room)))?
        }
        Api::CreateTopics => {
            let mut room = limits::Partitions::of(front).await?;
            edit(head, &frame, |request| create_topics(front, request, &mut room))?
        }
        Api::CreatePartitions => {
            let mut room = limits::Partitions::of(front).await?;
            edit(head, &frame, |request: &mut CreatePartitionsRequest| {
                for assignment in request.topics.iter_mut().flat_map(|topic| &mut topic.assignments).flatten() {
                    assignment.broker_ids = vec![BrokerId(REAL)];
                }
                Context::More(limits::more_partitions(request, &mut room))
            })?
        }
        Api::DeleteTopics if is_admin && !lock(&front.world).org.behaviour.topics_deleted_after.is_zero() => {
            let there = front.admin().await?.partitions().await?;
            edit(head, &frame, |request| delete_topics(front, request, |name| there.contains_key(name)))?
        }
        Api::DescribeConfigs => edit(head, &frame, describe_configs)?,
        Api::IncrementalAlterConfigs => {
            let mut message: IncrementalAlterConfigsRequest = wire::request(head, &frame)?;
            let refused = alter_configs(front, &mut message).await?;
            (wire::with_request(head, &frame, &message)?, Some(Context::Resources(refused)))
        }
        _ => (frame, None),
    })
}

fn edit<M: Decodable + Encodable>(
    head: &Head,
    frame: &Bytes,
    change: impl FnOnce(&mut M) -> Context,
) -> io::Result<(Bytes, Option<Context>)> {
    let mut message: M = wire::request(head, frame)?;
    let context = change(&mut message);
    Ok((wire::with_request(head, frame, &message)?, Some(context)))
}

/// Returns the answer for the client. An answer that cannot be read is passed on unchanged: a broker answers in an
/// older version if it does not know the requested one.
pub(super) fn answer(front: &Front, head: &Head, context: Context, frame: Bytes) -> Bytes {
    let told = match (head.api, context) {
        (Some(Api::ApiVersions), _) => tell(head, &frame, api_versions),
        (_, Context::Metadata { all }) => tell(head, &frame, |message| metadata(front, message, all)),
        (Some(Api::FindCoordinator), _) => tell(head, &frame, |message| find_coordinator(front, message)),
        (Some(Api::DescribeCluster), _) => tell(head, &frame, |message| describe_cluster(front, message)),
        (_, Context::Described(style)) => tell(head, &frame, |message: &mut DescribeAclsResponse| {
            lock(&front.world).org.described(message, style);
        }),
        (_, Context::Deleted(styles)) => tell(head, &frame, |message: &mut DeleteAclsResponse| {
            lock(&front.world).org.deleted(message, &styles);
        }),
        (_, Context::Created(refused)) => tell(head, &frame, |message: &mut CreateAclsResponse| {
            principals::created(message, refused);
        }),
        (_, Context::Topics { refused, validated }) => tell(head, &frame, |message: &mut CreateTopicsResponse| {
            for topic in message.topics.iter().filter(|topic| topic.error_code == 0 && !validated) {
                front.note_topic(&topic.name);
            }
            let zeros = lock(&front.world).org.behaviour.created_with_zeros;
            for topic in message.topics.iter_mut().filter(|topic| topic.replication_factor > 0) {
                topic.replication_factor = if zeros { 0 } else { FACTOR };
                topic.num_partitions = if zeros { 0 } else { topic.num_partitions };
            }
            message.topics.extend(refused);
        }),
        (_, Context::More(refused)) => tell(head, &frame, |message: &mut CreatePartitionsResponse| {
            message.results.extend(refused);
        }),
        (_, Context::Later(deleted)) => tell(head, &frame, |message: &mut DeleteTopicsResponse| {
            message.responses.extend(deleted);
        }),
        (_, Context::Resources(refused)) => tell(head, &frame, |message: &mut IncrementalAlterConfigsResponse| {
            message.responses.extend(refused);
        }),
        (_, Context::Settings { broker, phantoms, synonyms }) => {
            let phantom = phantoms.then_some(synonyms);
            tell(head, &frame, |message| described_configs(front, message, broker.as_ref(), phantom))
        }
        (_, Context::Nothing) => Ok(frame.clone()),
    };
    told.unwrap_or(frame)
}

fn tell<M: Decodable + Encodable>(head: &Head, frame: &Bytes, change: impl FnOnce(&mut M)) -> io::Result<Bytes> {
    let mut message: M = wire::answer(head, frame)?;
    change(&mut message);
    wire::encode(head, &message)
}

fn api_versions(answer: &mut ApiVersionsResponse) {
    answer.api_keys.retain_mut(|offered| {
        let Ok(api) = Api::try_from(offered.api_key) else { return true };
        if READ.contains(&api) {
            let known = api.valid_versions();
            offered.min_version = offered.min_version.max(known.min);
            offered.max_version = offered.max_version.min(known.max);
        }
        !HIDDEN.contains(&api)
    });
}

impl Front {
    /// Returns ids and ports of the simulated brokers.
    fn brokers(&self) -> impl Iterator<Item = (BrokerId, i32)> {
        self.ports.iter().zip(1..).map(|(port, id)| (BrokerId(id), i32::from(*port)))
    }

    /// The port of broker 1, which coordinates all groups and transactions.
    fn first(&self) -> i32 {
        self.ports.first().copied().map_or(0, i32::from)
    }
}

const HOST: StrBytes = StrBytes::from_static_str("127.0.0.1");

fn metadata(front: &Front, answer: &mut MetadataResponse, all: bool) {
    answer.topics.retain_mut(|topic| {
        let unseen = topic.error_code == 0 && topic.name.as_ref().is_some_and(|name| front.is_unseen(name));
        if unseen {
            topic.error_code = ResponseError::UnknownTopicOrPartition.code();
            topic.partitions.clear();
        }
        !(unseen && all)
    });
    let broker = |(id, port)| MetadataResponseBroker::default().with_node_id(id).with_host(HOST).with_port(port);
    answer.brokers = front.brokers().map(broker).collect();
    if answer.cluster_id.is_some() {
        answer.cluster_id = Some(front.cluster.clone().into());
    }
    let all: Vec<BrokerId> = front.brokers().map(|(id, _)| id).collect();
    for partition in answer.topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
        if *partition.leader_id == REAL {
            let number = usize::try_from(partition.partition_index).unwrap_or_default();
            partition.leader_id = all[number % all.len()];
        }
        for nodes in [&mut partition.replica_nodes, &mut partition.isr_nodes] {
            if !nodes.is_empty() {
                nodes.clone_from(&all);
            }
        }
    }
}

fn describe_cluster(front: &Front, answer: &mut DescribeClusterResponse) {
    let broker = |(id, port)| DescribeClusterBroker::default().with_broker_id(id).with_host(HOST).with_port(port);
    answer.brokers = front.brokers().map(broker).collect();
    answer.cluster_id = front.cluster.clone().into();
}

fn find_coordinator(front: &Front, answer: &mut FindCoordinatorResponse) {
    if answer.node_id == REAL {
        answer.host = HOST;
        answer.port = front.first();
    }
    for coordinator in answer.coordinators.iter_mut().filter(|coordinator| coordinator.node_id == REAL) {
        coordinator.host = HOST;
        coordinator.port = front.first();
    }
}

/// Answers the deletion of existing topics at once; the front deletes them later.
fn delete_topics(front: &Front, request: &mut DeleteTopicsRequest, is_there: impl Fn(&str) -> bool) -> Context {
    let mut later = Vec::new();
    let mut hold = |name: &TopicName| {
        let held = is_there(name);
        if held {
            front.note_deleted(name);
            later.push(DeletableTopicResult::default().with_name(Some(name.clone())));
        }
        held
    };
    request.topic_names.retain(|name| !hold(name));
    request.topics.retain(|topic| !topic.name.as_ref().is_some_and(&mut hold));
    Context::Later(later)
}

/// Turns three replicas into one, and silently drops settings that cannot be changed.
fn create_topics(front: &Front, request: &mut CreateTopicsRequest, room: &mut limits::Partitions) -> Context {
    let refusal = |name: &TopicName, why: String| {
        CreatableTopicResult::default()
            .with_name(name.clone())
            .with_error_code(ResponseError::PolicyViolation.code())
            .with_error_message(Some(why.into()))
            .with_num_partitions(-1)
            .with_replication_factor(-1)
            .with_configs(None)
    };
    let mut refused = Vec::new();
    request.topics.retain_mut(|topic| {
        let factor_is_wrong = ![-1, FACTOR].contains(&topic.replication_factor);
        let assigned_is_wrong =
            topic.assignments.iter().any(|one| one.broker_ids.len() != usize::from(FACTOR.unsigned_abs()));
        if if topic.assignments.is_empty() { factor_is_wrong } else { assigned_is_wrong } {
            refused.push(refusal(&topic.name, "Topic replication factor must be 3".to_owned()));
            return false;
        }
        let asked = match topic.assignments.len() {
            0 => topic.num_partitions,
            assigned => i32::try_from(assigned).unwrap_or(i32::MAX),
        };
        if let Err(why) = room.take(&topic.name, asked) {
            refused.push(refusal(&topic.name, why));
            return false;
        }
        topic.replication_factor = if topic.replication_factor == FACTOR { 1 } else { -1 };
        for assignment in &mut topic.assignments {
            assignment.broker_ids = vec![BrokerId(REAL)];
        }
        topic.configs.retain(|setting| !is_ignored(front, &setting.name));
        true
    });
    Context::Topics { refused, validated: request.validate_only }
}
