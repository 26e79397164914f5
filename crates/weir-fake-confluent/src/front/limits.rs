//! Limits on the partitions and ACL bindings of a cluster.

use std::{collections::BTreeMap, io};

use kafka_protocol::{
    ResponseError,
    messages::{CreatePartitionsRequest, create_partitions_response::CreatePartitionsTopicResult},
};

use super::Front;
use crate::server::lock;

/// Partitions of a topic that is created without a number of partitions.
const USUAL: u32 = 6;

/// The partitions of a cluster, and their limit.
pub(super) struct Partitions {
    limit: Option<u32>,
    topics: BTreeMap<String, u32>,
}

impl Partitions {
    pub(super) async fn of(front: &Front) -> io::Result<Self> {
        let limit = lock(&front.world).org.behaviour.partition_limit;
        let topics = match limit {
            Some(_) => front.admin().await?.partitions().await?,
            None => BTreeMap::new(),
        };
        Ok(Self { limit, topics })
    }

    /// Counts the partitions of a new topic, or returns the reason for a refusal.
    pub(super) fn take(&mut self, topic: &str, partitions: i32) -> Result<(), String> {
        let Some(limit) = self.limit else { return Ok(()) };
        let asked = u32::try_from(partitions).unwrap_or(USUAL);
        let others: u32 = self.topics.iter().filter(|(name, _)| *name != topic).map(|(_, partitions)| partitions).sum();
        let has = self.topics.get(topic).copied().unwrap_or_default();
        if asked > has && others.saturating_add(asked) > limit {
            return Err(format!("Adding the requested number of partitions will exceed {limit} total partitions."));
        }
        self.topics.insert(topic.to_owned(), asked.max(has));
        Ok(())
    }
}

/// Removes topics from the request that may not get more partitions.
pub(super) fn more_partitions(
    request: &mut CreatePartitionsRequest,
    room: &mut Partitions,
) -> Vec<CreatePartitionsTopicResult> {
    let mut refused = Vec::new();
    request.topics.retain(|topic| match room.take(&topic.name, topic.count) {
        Ok(()) => true,
        Err(why) => {
            let result = CreatePartitionsTopicResult::default()
                .with_name(topic.name.clone())
                .with_error_code(ResponseError::PolicyViolation.code())
                .with_error_message(Some(why.into()));
            refused.push(result);
            false
        }
    });
    refused
}

/// Returns the number of ACL bindings that may still be created.
pub(super) async fn room_for_bindings(front: &Front) -> io::Result<usize> {
    let Some(limit) = lock(&front.world).org.behaviour.acl_limit else { return Ok(usize::MAX) };
    Ok((limit as usize).saturating_sub(front.admin().await?.bindings().await?))
}
