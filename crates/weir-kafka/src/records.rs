//! Reads the facts that a deletion of topics would destroy: records, their times, and the groups that read them.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _, future::try_join3, stream};
use jiff::Timestamp;
use weir_planning::{GroupFacts, TopicFacts};
use weir_ports::{ErrorKind, PortError};
use weir_rdkafka_admin::{
    Assignment, GroupDescription, GroupOffset, IsolationLevel, ListedOffset, OffsetQuery, OffsetSpec,
    rdkafka::types::RDKafkaErrorCode as Code,
};

use crate::{
    Kafka,
    failure::{self, Purpose},
    observe,
};

/// The largest number of groups whose offsets are read at the same time.
const AT_ONCE: usize = 16;
/// The largest number of groups in one request.
const GROUPS: usize = 500;

type Place = (String, i32);

pub(crate) async fn facts(kafka: &Kafka, topics: &BTreeSet<String>) -> Result<BTreeMap<String, TopicFacts>, PortError> {
    let names: Vec<&str> = topics.iter().map(String::as_str).filter(|name| observe::is_topic_name(name)).collect();
    let mut facts = BTreeMap::new();
    let mut places: Vec<Place> = Vec::new();
    for topic in observe::describe(kafka, &names).await? {
        places.extend(topic.partitions.iter().map(|partition| (topic.name.clone(), partition.partition)));
        facts.insert(topic.name, TopicFacts::default());
    }
    if places.is_empty() {
        return Ok(facts);
    }
    let (starts, ends, newest) = try_join3(
        offsets(kafka, &places, OffsetSpec::Earliest),
        offsets(kafka, &places, OffsetSpec::Latest),
        offsets(kafka, &places, OffsetSpec::MaxTimestamp),
    )
    .await?;
    let oldest = offsets(kafka, &places, OffsetSpec::Timestamp(0)).await?;
    let offset =
        |of: &BTreeMap<Place, ListedOffset>, place: &Place| of.get(place).and_then(|listed| listed.offset).unwrap_or(0);
    let time =
        |of: &BTreeMap<Place, ListedOffset>, place: &Place| Timestamp::from_millisecond(of.get(place)?.timestamp?).ok();
    for place in &places {
        let Some(topic) = facts.get_mut(&place.0) else { continue };
        let records = offset(&ends, place) - offset(&starts, place);
        if records <= 0 {
            continue;
        }
        topic.records += u64::try_from(records).unwrap_or(0);
        topic.oldest = [topic.oldest, time(&oldest, place)].into_iter().flatten().min();
        topic.newest = [topic.newest, time(&newest, place)].into_iter().flatten().max();
    }
    groups(kafka, &places, &starts, &ends, &mut facts).await?;
    Ok(facts)
}

/// Returns an offset for each partition; partitions without one are left out.
async fn offsets(
    kafka: &Kafka,
    places: &[Place],
    spec: OffsetSpec,
) -> Result<BTreeMap<Place, ListedOffset>, PortError> {
    let queries: Vec<OffsetQuery> = places
        .iter()
        .map(|(topic, partition)| OffsetQuery { topic: topic.clone(), partition: *partition, spec })
        .collect();
    let options = kafka.request_options();
    let answers = kafka
        .read("cannot read offsets", kafka.admin.list_offsets(&queries, IsolationLevel::default(), &options))
        .await?;
    let mut found = BTreeMap::new();
    for (place, answer) in places.iter().zip(answers) {
        match answer {
            Ok(offset) => {
                found.insert(place.clone(), offset);
            }
            // Brokers before 3.0 cannot report the newest record's time; a topic that was just deleted has no
            // offsets.
            Err(error) if matches!(error.code, Code::UnsupportedVersion | Code::UnknownTopicOrPartition) => {}
            Err(error) => {
                let what = format!("cannot read the offsets of the topic `{}`", place.0);
                return Err(failure::item(&error, Purpose::Read, what));
            }
        }
    }
    Ok(found)
}

/// Adds the groups that have offsets in the topics, or members that read them. A group that the client may not
/// describe might read any topic, so it counts for every topic.
async fn groups(
    kafka: &Kafka,
    places: &[Place],
    starts: &BTreeMap<Place, ListedOffset>,
    ends: &BTreeMap<Place, ListedOffset>,
    facts: &mut BTreeMap<String, TopicFacts>,
) -> Result<(), PortError> {
    let options = kafka.request_options();
    let listed = kafka.read("cannot list consumer groups", kafka.admin.list_groups(&options)).await?;
    if let Some(error) = listed.errors.first() {
        return Err(failure::item(error, Purpose::Read, "not every broker listed its consumer groups"));
    }
    let names = listed.groups.into_iter().map(|group| group.group);
    let assignments: Vec<Assignment> =
        places.iter().map(|(topic, partition)| Assignment { topic: topic.clone(), partition: *partition }).collect();
    let answers: Vec<(String, Look<Vec<GroupOffset>>)> = stream::iter(names)
        .map(|name| {
            let (assignments, options) = (&assignments, &options);
            async move {
                let answer = kafka.ask(kafka.admin.list_group_offsets(&name, Some(assignments), options)).await;
                let look = match answer {
                    Ok(offsets) => Look::Seen(offsets),
                    Err(error) => {
                        let code = error.code().unwrap_or(Code::Unknown);
                        let what = format!("cannot read the offsets of the group `{name}`");
                        Look::failed(code, || failure::call(error, Purpose::Read, &what))?
                    }
                };
                Ok::<_, PortError>((name, look))
            }
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    let (mut unknown, mut names) = (0, Vec::new());
    for (name, answer) in answers {
        let offsets = match answer {
            Look::Seen(offsets) => offsets,
            Look::Gone => continue,
            Look::Hidden => {
                unknown += 1;
                continue;
            }
        };
        let mut untold = BTreeSet::new();
        for offset in offsets {
            let at = match offset.offset {
                Ok(Some(at)) => at,
                Ok(None) => continue,
                Err(_) => {
                    untold.insert(offset.topic);
                    continue;
                }
            };
            let Some(topic) = facts.get_mut(&offset.topic) else { continue };
            let place = (offset.topic, offset.partition);
            let known =
                |of: &BTreeMap<Place, ListedOffset>| of.get(&place).and_then(|listed| listed.offset).unwrap_or(0);
            // Records that were deleted unread cannot be lost any more.
            let lag = known(ends) - at.max(known(starts));
            topic.groups.entry(name.clone()).or_default().lag += u64::try_from(lag).unwrap_or(0);
        }
        for topic in untold {
            let Some(topic) = facts.get_mut(&topic) else { continue };
            topic.unknown_groups += u64::from(!topic.groups.contains_key(&name));
        }
        names.push(name);
    }
    let (described, hidden) = describe(kafka, &names).await?;
    for topic in facts.values_mut() {
        topic.unknown_groups += unknown + hidden;
    }
    for group in described {
        let mut members = BTreeMap::<&str, u32>::new();
        for member in &group.members {
            let topics: BTreeSet<&str> = member.assignment.iter().map(|part| part.topic.as_str()).collect();
            for topic in topics {
                *members.entry(topic).or_default() += 1;
            }
        }
        for (topic, count) in members {
            if let Some(topic) = facts.get_mut(topic) {
                let seen = topic.groups.entry(group.group.clone()).or_insert_with(GroupFacts::default);
                seen.members = count;
            }
        }
    }
    Ok(())
}

/// The result of describing a group.
enum Look<T> {
    Seen(T),
    /// The group was deleted meanwhile.
    Gone,
    /// The client may not describe the group, or the group is of a kind without offsets.
    Hidden,
}

impl<T> Look<T> {
    /// Returns a result for an expected error code, or else the error.
    fn failed(code: Code, error: impl FnOnce() -> PortError) -> Result<Self, PortError> {
        match (code, failure::kind(code, Purpose::Read)) {
            (Code::GroupIdNotFound, _) => Ok(Self::Gone),
            (Code::GroupAuthorizationFailed | Code::TopicAuthorizationFailed, _) | (_, ErrorKind::Refused) => {
                Ok(Self::Hidden)
            }
            _ => Err(error()),
        }
    }
}

/// Describes groups by name; returns also the number of groups that the client may not describe.
async fn describe(kafka: &Kafka, names: &[String]) -> Result<(Vec<GroupDescription>, u64), PortError> {
    let (mut found, mut hidden) = (Vec::new(), 0);
    for chunk in names.chunks(GROUPS) {
        let chunk: Vec<&str> = chunk.iter().map(String::as_str).collect();
        let options = kafka.request_options();
        let answers =
            kafka.read("cannot describe consumer groups", kafka.admin.describe_groups(&chunk, &options)).await?;
        for (name, answer) in chunk.iter().zip(answers) {
            let look = match answer {
                Ok(group) => Look::Seen(group),
                Err(error) => {
                    let what = format!("cannot describe the group `{name}`");
                    Look::failed(error.code, || failure::item(&error, Purpose::Read, what))?
                }
            };
            match look {
                Look::Seen(group) => found.push(group),
                Look::Gone => {}
                Look::Hidden => hidden += 1,
            }
        }
    }
    Ok((found, hidden))
}
