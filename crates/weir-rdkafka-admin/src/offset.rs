use std::collections::BTreeMap;

use rdkafka::bindings::*;
use rdkafka::client::ClientContext;

use crate::admin::{Admin, Op};
use crate::error::{Error, ItemError};
use crate::native::{Ref, getters, partitions};
use crate::options::{Options, Particular};

/// The offset to look up in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OffsetSpec {
    /// Offset of the first record.
    Earliest,
    /// Offset of the next record to be written.
    Latest,
    /// Offset of the record with the greatest timestamp. Requires brokers from 3.0 on.
    MaxTimestamp,
    /// Offset of the first record at or after this time, in milliseconds since 1970.
    Timestamp(u64),
}

/// A query for an offset of a partition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OffsetQuery {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset to look up.
    pub spec: OffsetSpec,
}

/// An offset of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedOffset {
    /// The offset; `None` if there is no such record.
    pub offset: Option<i64>,
    /// The record's timestamp, in milliseconds since 1970; `None` for `Earliest` and `Latest`.
    pub timestamp: Option<i64>,
}

/// Treatment of records of open transactions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IsolationLevel {
    /// Such records count.
    #[default]
    ReadUncommitted,
    /// Such records do not count: `Latest` is the last stable offset.
    ReadCommitted,
}

impl<C: ClientContext + 'static> Admin<C> {
    /// Returns offsets of partitions (`rd_kafka_ListOffsets`). Sends one request to each broker that leads some of the
    /// partitions.
    ///
    /// The results are in the order of `queries`. No partition may occur twice.
    ///
    /// # Errors
    ///
    /// [`Error::Item`] for a NUL character; [`Error::Request`], also if the whole cluster does not know a topic.
    pub async fn list_offsets(
        &self,
        queries: &[OffsetQuery],
        isolation: IsolationLevel,
        options: &Options,
    ) -> Result<Vec<Result<ListedOffset, ItemError>>, Error> {
        if queries.is_empty() {
            return Ok(Vec::new());
        }
        let reply = {
            let native = partitions(queries.iter().map(|q| (q.topic.as_str(), q.partition, q.spec.number())))?;
            let read_committed = isolation == IsolationLevel::ReadCommitted;
            let op = Op::new(rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTOFFSETS, RD_KAFKA_EVENT_LISTOFFSETS_RESULT)
                .with(Particular { read_committed, ..Particular::default() });
            self.request(
                op,
                options,
                // SAFETY: everything is alive, the partitions are copied.
                |to| unsafe { rd_kafka_ListOffsets(to.client, native.as_ptr(), to.options, to.queue) },
                |event| {
                    let mut answers = BTreeMap::new();
                    for info in event.listed_offsets() {
                        let Some(partition) = info.partition().map(Ref::<rd_kafka_topic_partition_t>::read) else {
                            continue;
                        };
                        let offset = ListedOffset {
                            offset: (partition.offset >= 0).then_some(partition.offset),
                            timestamp: (info.timestamp() >= 0).then_some(info.timestamp()),
                        };
                        let result = partition.result.map(|()| offset);
                        answers.insert((partition.topic, partition.partition), result);
                    }
                    Ok(answers)
                },
            )?
        };
        let mut answers = reply.get().await?;
        let answer = |q: &OffsetQuery| answers.remove(&(q.topic.clone(), q.partition)).unwrap_or_else(no_answer);
        Ok(queries.iter().map(answer).collect())
    }
}

fn no_answer() -> Result<ListedOffset, ItemError> {
    const BAD_MSG: i32 = -199;
    Err(ItemError::new(BAD_MSG, Some("the broker gave no answer for this partition".into())))
}

impl OffsetSpec {
    fn number(self) -> i64 {
        match self {
            Self::MaxTimestamp => -3,
            Self::Earliest => -2,
            Self::Latest => -1,
            Self::Timestamp(ms) => i64::try_from(ms).unwrap_or(i64::MAX),
        }
    }
}

getters! {
    rd_kafka_event_t {
        list listed_offsets: rd_kafka_ListOffsetsResultInfo_t = rd_kafka_ListOffsets_result_infos;
    }
}

getters! {
    rd_kafka_ListOffsetsResultInfo_t {
        object partition: rd_kafka_topic_partition_t = rd_kafka_ListOffsetsResultInfo_topic_partition;
        number timestamp: i64 = rd_kafka_ListOffsetsResultInfo_timestamp;
    }
}
