use std::ffi::{CString, c_char, c_int};

use rdkafka::bindings::*;
use rdkafka::client::ClientContext;

use crate::acl::AclOperation;
use crate::admin::{Admin, Op};
use crate::cluster::{Node, operations};
use crate::error::{Error, ItemError};
use crate::ffi;
use crate::native::{Owned, REASON_SIZE, Reason, Ref, array, c_string, check, getters, refused};
use crate::options::{Options, Particular};

/// A topic to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTopic {
    /// Name of the topic.
    pub name: String,
    /// Number of partitions; `None` for the broker's default.
    pub partitions: Option<i32>,
    /// Number of replicas of each partition; `None` for the broker's default.
    pub replication_factor: Option<i32>,
    /// Settings of the topic.
    pub config: Vec<(String, String)>,
}

/// Description of a topic, as the cluster reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicDescription {
    /// Name of the topic.
    pub name: String,
    /// Topic id, in Kafka's base64. A topic that is deleted and created again has another id. Empty from brokers before
    /// 2.8.
    pub id: String,
    /// `true` if the topic is internal to Kafka.
    pub internal: bool,
    /// Partitions of the topic, by number.
    pub partitions: Vec<PartitionDescription>,
    /// Operations that this client may do on the topic.
    pub authorized_operations: Vec<AclOperation>,
}

/// A partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionDescription {
    /// Number of the partition, from 0.
    pub partition: i32,
    /// Leader of the partition, if there is one.
    pub leader: Option<Node>,
    /// Brokers with a replica, the preferred leader first.
    pub replicas: Vec<Node>,
    /// Brokers with an in-sync replica.
    pub in_sync: Vec<Node>,
}

impl<C: ClientContext + 'static> Admin<C> {
    /// Creates topics (`rd_kafka_CreateTopics`). rdkafka also has this call, but without the broker's message for a
    /// refusal.
    ///
    /// The results are in the order of `topics`.
    ///
    /// # Errors
    ///
    /// [`Error::Item`] for an empty name, a number out of range or a NUL character; [`Error::Request`].
    pub async fn create_topics(
        &self,
        topics: &[NewTopic],
        options: &Options,
    ) -> Result<Vec<Result<(), ItemError>>, Error> {
        if topics.is_empty() {
            return Ok(Vec::new());
        }
        let reply = {
            let mut natives = topics.iter().enumerate().map(new_topic).collect::<Result<Vec<_>, _>>()?;
            let op = Op::new(rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_CREATETOPICS, RD_KAFKA_EVENT_CREATETOPICS_RESULT);
            self.request(
                op,
                options,
                // SAFETY: everything is alive, the topics are copied.
                |to| unsafe {
                    rd_kafka_CreateTopics(to.client, array(&mut natives), natives.len(), to.options, to.queue);
                },
                |event| Ok(event.created_topics().map(answer).collect()),
            )?
        };
        in_order(topics.iter().map(|t| t.name.as_str()), reply.get().await?)
    }

    /// Deletes topics (`rd_kafka_DeleteTopics`). rdkafka also has this call, but without the broker's message for a
    /// refusal.
    ///
    /// The results are in the order of `topics`.
    ///
    /// # Errors
    ///
    /// [`Error::Item`] for an empty name or a NUL character; [`Error::Request`].
    pub async fn delete_topics(&self, topics: &[&str], options: &Options) -> Result<Vec<Result<(), ItemError>>, Error> {
        if topics.is_empty() {
            return Ok(Vec::new());
        }
        let reply = {
            let mut natives = Vec::with_capacity(topics.len());
            for (index, topic) in topics.iter().enumerate() {
                let name = named(index, topic)?;
                // SAFETY: the name is copied, the new object is ours.
                let native = unsafe { Owned::new(rd_kafka_DeleteTopic_new(name.as_ptr())) };
                natives.push(native.ok_or_else(|| refused(index, "not a topic"))?);
            }
            let op = Op::new(rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DELETETOPICS, RD_KAFKA_EVENT_DELETETOPICS_RESULT);
            self.request(
                op,
                options,
                // SAFETY: everything is alive, the topics are copied.
                |to| unsafe {
                    rd_kafka_DeleteTopics(to.client, array(&mut natives), natives.len(), to.options, to.queue);
                },
                |event| Ok(event.deleted_topics().map(answer).collect()),
            )?
        };
        in_order(topics.iter().copied(), reply.get().await?)
    }

    /// Increases the number of partitions of topics to the given number (`rd_kafka_CreatePartitions`). rdkafka also has
    /// this call, but without the broker's message for a refusal.
    ///
    /// The results are in the order of `topics`.
    ///
    /// # Errors
    ///
    /// [`Error::Item`] for an empty name, a number out of range or a NUL character; [`Error::Request`].
    pub async fn create_partitions(
        &self,
        topics: &[(&str, usize)],
        options: &Options,
    ) -> Result<Vec<Result<(), ItemError>>, Error> {
        if topics.is_empty() {
            return Ok(Vec::new());
        }
        let reply = {
            let mut natives = Vec::with_capacity(topics.len());
            for (index, (topic, partitions)) in topics.iter().enumerate() {
                let name = named(index, topic)?;
                let mut reason = Reason::new();
                // SAFETY: the name is copied, the buffer has the size given, the new object is ours.
                let native = unsafe {
                    Owned::new(rd_kafka_NewPartitions_new(name.as_ptr(), *partitions, reason.as_mut_ptr(), REASON_SIZE))
                };
                natives.push(native.ok_or_else(|| refused(index, &reason.or("not a number of partitions")))?);
            }
            let op = Op::new(
                rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_CREATEPARTITIONS,
                RD_KAFKA_EVENT_CREATEPARTITIONS_RESULT,
            );
            self.request(
                op,
                options,
                // SAFETY: everything is alive, the numbers are copied.
                |to| unsafe {
                    rd_kafka_CreatePartitions(to.client, array(&mut natives), natives.len(), to.options, to.queue);
                },
                |event| Ok(event.grown_topics().map(answer).collect()),
            )?
        };
        in_order(topics.iter().map(|(topic, _)| *topic), reply.get().await?)
    }

    /// Returns the descriptions of topics by name (`rd_kafka_DescribeTopics`).
    ///
    /// The results are in the order of `topics`. A missing topic and a topic that this client may not see have
    /// different errors.
    ///
    /// # Errors
    ///
    /// [`Error::Item`] for an empty name or a NUL character; [`Error::Request`].
    pub async fn describe_topics(
        &self,
        topics: &[&str],
        options: &Options,
    ) -> Result<Vec<Result<TopicDescription, ItemError>>, Error> {
        if topics.is_empty() {
            return Ok(Vec::new());
        }
        let reply = {
            let named = topics.iter().enumerate().map(|(index, topic)| named(index, topic));
            let names = named.collect::<Result<Vec<CString>, _>>()?;
            let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
            // SAFETY: the names are copied, the new object is ours.
            let natives =
                unsafe { Owned::new(rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len())) };
            let natives = natives.ok_or_else(|| refused(0, "not topics"))?;
            let op =
                Op::new(rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, RD_KAFKA_EVENT_DESCRIBETOPICS_RESULT)
                    .with(Particular { authorized_operations: true, ..Particular::default() });
            self.request(
                op,
                options,
                // SAFETY: everything is alive, the names are copied.
                |to| unsafe { rd_kafka_DescribeTopics(to.client, natives.as_ptr(), to.options, to.queue) },
                |event| {
                    let topics = event.described_topics();
                    Ok(topics.map(|topic| (topic.name().unwrap_or_default(), topic.read())).collect())
                },
            )?
        };
        in_order(topics.iter().copied(), reply.get().await?)
    }
}

/// Kafka's base64 of the zero id, which means "no id".
const NO_ID: &str = "AAAAAAAAAAAAAAAAAAAAAA";

/// Puts the answers in the order of `asked`. The broker keeps that order but may leave out answers, which become
/// errors.
pub(crate) fn in_order<'a, T>(
    asked: impl Iterator<Item = &'a str>,
    answers: Vec<(String, Result<T, ItemError>)>,
) -> Result<Vec<Result<T, ItemError>>, Error> {
    const BAD_MSG: i32 = -199;
    let mut answers = answers.into_iter().peekable();
    Ok(asked
        .map(|name| match answers.next_if(|(answer, _)| answer == name) {
            Some((_, result)) => result,
            None => Err(ItemError::new(BAD_MSG, Some(format!("the broker gave no answer for {name}")))),
        })
        .collect())
}

fn answer(topic: Ref<'_, rd_kafka_topic_result_t>) -> (String, Result<(), ItemError>) {
    (topic.name().unwrap_or_default(), check(topic.error(), topic.error_message()))
}

fn named(index: usize, topic: &str) -> Result<CString, Error> {
    if topic.is_empty() { Err(refused(index, "a topic without a name")) } else { c_string(index, "topic", topic) }
}

fn new_topic((index, topic): (usize, &NewTopic)) -> Result<Owned<rd_kafka_NewTopic_t>, Error> {
    let name = named(index, &topic.name)?;
    let mut reason = Reason::new();
    // SAFETY: the name is copied, the buffer has the size given, the new object is ours.
    let native = unsafe {
        Owned::new(rd_kafka_NewTopic_new(
            name.as_ptr(),
            topic.partitions.unwrap_or(-1),
            topic.replication_factor.unwrap_or(-1),
            reason.as_mut_ptr(),
            REASON_SIZE,
        ))
    };
    let native = native.ok_or_else(|| refused(index, &reason.or("not a topic")))?;
    for (setting, value) in &topic.config {
        let (key, value) = (c_string(index, "setting", setting)?, c_string(index, "value", value)?);
        // SAFETY: the topic is alive, the strings are copied.
        let code = unsafe { rd_kafka_NewTopic_set_config(native.as_ptr(), key.as_ptr(), value.as_ptr()) };
        if code != rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Err(refused(index, &format!("the setting {setting:?} is not accepted")));
        }
    }
    Ok(native)
}

getters! {
    rd_kafka_event_t {
        list created_topics: rd_kafka_topic_result_t = rd_kafka_CreateTopics_result_topics;
        list deleted_topics: rd_kafka_topic_result_t = rd_kafka_DeleteTopics_result_topics;
        list grown_topics: rd_kafka_topic_result_t = rd_kafka_CreatePartitions_result_topics;
        list described_topics: rd_kafka_TopicDescription_t = rd_kafka_DescribeTopics_result_topics;
    }
}

getters! {
    rd_kafka_topic_result_t {
        text name = rd_kafka_topic_result_name;
        number error: c_int = ffi::rd_kafka_topic_result_error;
        text error_message = rd_kafka_topic_result_error_string;
    }
}

getters! {
    rd_kafka_TopicDescription_t {
        text name = rd_kafka_TopicDescription_name;
        object id: rd_kafka_Uuid_t = rd_kafka_TopicDescription_topic_id;
        number is_internal: c_int = rd_kafka_TopicDescription_is_internal;
        object error: rd_kafka_error_t = rd_kafka_TopicDescription_error;
        list partitions: rd_kafka_TopicPartitionInfo_t = rd_kafka_TopicDescription_partitions;
        numbers authorized_operations = ffi::rd_kafka_TopicDescription_authorized_operations;
    }
}

getters! {
    rd_kafka_Uuid_t {
        text base64 = rd_kafka_Uuid_base64str;
    }
}

getters! {
    rd_kafka_TopicPartitionInfo_t {
        number partition: c_int = rd_kafka_TopicPartitionInfo_partition;
        object leader: rd_kafka_Node_t = rd_kafka_TopicPartitionInfo_leader;
        list replicas: rd_kafka_Node_t = rd_kafka_TopicPartitionInfo_replicas;
        list in_sync: rd_kafka_Node_t = rd_kafka_TopicPartitionInfo_isr;
    }
}

impl Ref<'_, rd_kafka_TopicDescription_t> {
    fn read(self) -> Result<TopicDescription, ItemError> {
        self.error().map_or(Ok(()), Ref::check)?;
        let partition = |p: Ref<'_, rd_kafka_TopicPartitionInfo_t>| PartitionDescription {
            partition: p.partition(),
            leader: p.leader().map(Ref::<rd_kafka_Node_t>::read),
            replicas: p.replicas().map(Ref::<rd_kafka_Node_t>::read).collect(),
            in_sync: p.in_sync().map(Ref::<rd_kafka_Node_t>::read).collect(),
        };
        let mut partitions: Vec<_> = self.partitions().map(partition).collect();
        partitions.sort_by_key(|p| p.partition);
        Ok(TopicDescription {
            name: self.name().unwrap_or_default(),
            id: self.id().and_then(Ref::<rd_kafka_Uuid_t>::base64).filter(|id| id != NO_ID).unwrap_or_default(),
            internal: self.is_internal() != 0,
            partitions,
            authorized_operations: operations(self.authorized_operations()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic() -> NewTopic {
        NewTopic { name: "t".into(), partitions: Some(1), replication_factor: None, config: Vec::new() }
    }

    #[test]
    fn a_rejection_names_the_item() {
        let refused = |topic: NewTopic| new_topic((1, &topic)).unwrap_err().to_string();
        assert_eq!(refused(NewTopic { name: String::new(), ..topic() }), "item 1: a topic without a name");
        assert_eq!(
            refused(NewTopic { partitions: Some(-2), ..topic() }),
            "item 1: num_partitions out of expected range 1..100000 or -1 for broker default"
        );
        assert_eq!(
            refused(NewTopic { config: vec![("a".into(), "\0".into())], ..topic() }),
            r#"item 1: the value "\0" holds a NUL character"#
        );
        new_topic((0, &topic())).unwrap();
    }

    #[test]
    fn a_missing_answer_is_an_error_of_its_item() {
        let answers = vec![("a".to_owned(), Ok(1)), ("c".to_owned(), Ok(3))];
        let ordered = in_order(["a", "b", "c"].into_iter(), answers).unwrap();
        assert_eq!((&ordered[0], &ordered[2]), (&Ok(1), &Ok(3)));
        assert_eq!(ordered[1].as_ref().unwrap_err().message, "the broker gave no answer for b");
    }
}
