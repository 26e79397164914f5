//! What would be lost with topics: records, when they were written, who reads them.

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

/// Groups whose offsets are asked for at the same time.
const AT_ONCE: usize = 16;
/// Groups in one request.
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

/// An offset of each place; those that have none are left out.
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
            // Brokers before 3.0 do not know times of newest records; a topic that was just deleted has none.
            Err(error) if matches!(error.code, Code::UnsupportedVersion | Code::UnknownTopicOrPartition) => {}
            Err(error) => {
                let what = format!("cannot read the offsets of the topic `{}`", place.0);
                return Err(failure::item(&error, Purpose::Read, what));
            }
        }
    }
    Ok(found)
}

/// Adds the groups that have offsets in the topics, or members that read them.
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
        return Err(failure::item(error, Purpose::Read, "not every broker told of its consumer groups"));
    }
    let names: Vec<String> = listed.groups.into_iter().map(|group| group.group).collect();
    let assignments: Vec<Assignment> =
        places.iter().map(|(topic, partition)| Assignment { topic: topic.clone(), partition: *partition }).collect();
    let committed: Vec<(String, Vec<GroupOffset>)> = stream::iter(names.clone())
        .map(|name| {
            let (assignments, options) = (&assignments, &options);
            async move {
                let what = format!("cannot read the offsets of the group `{name}`");
                let answer = kafka.read(&what, kafka.admin.list_group_offsets(&name, Some(assignments), options)).await;
                match answer {
                    Ok(offsets) => Ok((name, offsets)),
                    // Gone in the meantime, or none that keeps offsets.
                    Err(e) if e.kind == ErrorKind::Refused => Ok((name, Vec::new())),
                    Err(e) => Err(e),
                }
            }
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    for (name, offsets) in committed {
        for offset in offsets {
            let Ok(Some(at)) = offset.offset else { continue };
            let Some(topic) = facts.get_mut(&offset.topic) else { continue };
            let place = (offset.topic, offset.partition);
            let known =
                |of: &BTreeMap<Place, ListedOffset>| of.get(&place).and_then(|listed| listed.offset).unwrap_or(0);
            // What was deleted before it was read is not there to be lost.
            let lag = known(ends) - at.max(known(starts));
            topic.groups.entry(name.clone()).or_default().lag += u64::try_from(lag).unwrap_or(0);
        }
    }
    for group in describe(kafka, &names).await? {
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

async fn describe(kafka: &Kafka, names: &[String]) -> Result<Vec<GroupDescription>, PortError> {
    let mut found = Vec::new();
    for chunk in names.chunks(GROUPS) {
        let chunk: Vec<&str> = chunk.iter().map(String::as_str).collect();
        let options = kafka.request_options();
        let answers =
            kafka.read("cannot describe consumer groups", kafka.admin.describe_groups(&chunk, &options)).await?;
        for (name, answer) in chunk.iter().zip(answers) {
            match answer {
                Ok(group) => found.push(group),
                Err(error) if error.code == Code::GroupIdNotFound => {}
                Err(error) => {
                    return Err(failure::item(&error, Purpose::Read, format!("cannot describe the group `{name}`")));
                }
            }
        }
    }
    Ok(found)
}
