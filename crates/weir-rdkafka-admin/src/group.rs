use std::ffi::{CString, c_char, c_int};

use rdkafka::bindings::*;
use rdkafka::client::ClientContext;

use crate::acl::AclOperation;
use crate::admin::{Admin, Op};
use crate::cluster::{Node, operations};
use crate::error::{Error, ItemError};
use crate::ffi;
use crate::native::{Owned, Ref, c_string, getters, partitions, refused};
use crate::options::{Options, Particular};
use crate::topic::in_order;

/// State of a consumer group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum GroupState {
    /// The group waits for its members.
    PreparingRebalance,
    /// The group divides the partitions.
    CompletingRebalance,
    /// The members consume.
    Stable,
    /// The group no longer exists.
    Dead,
    /// The group has no members; its offsets are kept.
    Empty,
    /// Another value, or none reported.
    Unknown,
}

/// Protocol of a consumer group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum GroupKind {
    /// Brokers divide the partitions (KIP-848).
    Consumer,
    /// Members divide the partitions.
    Classic,
    /// Another value, or none reported.
    Unknown,
}

/// A consumer group in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupListing {
    /// Name of the group.
    pub group: String,
    /// `true` if the group only stores offsets, for clients that choose their partitions themselves.
    pub simple: bool,
    /// State of the group.
    pub state: GroupState,
    /// Protocol of the group.
    pub kind: GroupKind,
}

/// The consumer groups of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupsListed {
    /// The groups that brokers reported and this client may see.
    pub groups: Vec<GroupListing>,
    /// Errors of brokers that did not answer. If there are any, groups may be missing.
    pub errors: Vec<ItemError>,
}

/// A consumer group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupDescription {
    /// Name of the group.
    pub group: String,
    /// `true` if the group only stores offsets, for clients that choose their partitions themselves.
    pub simple: bool,
    /// State of the group. A group that does not exist is `Dead`.
    pub state: GroupState,
    /// Protocol of the group.
    pub kind: GroupKind,
    /// Name of the assignor that divides the partitions.
    pub assignor: Option<String>,
    /// The broker that coordinates the group.
    pub coordinator: Option<Node>,
    /// Members of the group.
    pub members: Vec<GroupMember>,
    /// Operations that this client may do on the group.
    pub authorized_operations: Vec<AclOperation>,
}

/// A member of a consumer group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMember {
    /// Id that the broker assigned to the member.
    pub member: String,
    /// Id that the member chose, if its membership is static.
    pub instance: Option<String>,
    /// Client id of the member.
    pub client: String,
    /// Address of the member.
    pub host: String,
    /// Partitions that are assigned to the member.
    pub assignment: Vec<Assignment>,
}

/// A partition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Assignment {
    /// Topic of the partition.
    pub topic: String,
    /// Number of the partition.
    pub partition: i32,
}

/// Committed offset of a group for a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupOffset {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset of the next record; `None` if the group has committed none.
    pub offset: Result<Option<i64>, ItemError>,
}

impl<C: ClientContext + 'static> Admin<C> {
    /// Returns the consumer groups that this client may see (`rd_kafka_ListConsumerGroups`). Asks every broker.
    ///
    /// # Errors
    ///
    /// [`Error::Request`].
    pub async fn list_groups(&self, options: &Options) -> Result<GroupsListed, Error> {
        let op = Op::new(
            rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS,
            RD_KAFKA_EVENT_LISTCONSUMERGROUPS_RESULT,
        );
        let reply = self.request(
            op,
            options,
            // SAFETY: everything is alive.
            |to| unsafe { rd_kafka_ListConsumerGroups(to.client, to.options, to.queue) },
            |event| {
                let listing = |group: Ref<'_, rd_kafka_ConsumerGroupListing_t>| GroupListing {
                    group: group.id().unwrap_or_default(),
                    simple: group.is_simple() != 0,
                    state: GroupState::from_number(group.state()),
                    kind: GroupKind::from_number(group.kind()),
                };
                Ok(GroupsListed {
                    groups: event.listed_groups().map(listing).collect(),
                    errors: event.list_errors().filter_map(|error| error.check().err()).collect(),
                })
            },
        )?;
        reply.get().await
    }

    /// Returns the descriptions of consumer groups by name (`rd_kafka_DescribeConsumerGroups`).
    ///
    /// The results are in the order of `groups`. For a group that does not exist, older brokers answer `Dead`, newer
    /// ones an error.
    ///
    /// # Errors
    ///
    /// [`Error::Item`] for an empty name or a NUL character; [`Error::Request`].
    pub async fn describe_groups(
        &self,
        groups: &[&str],
        options: &Options,
    ) -> Result<Vec<Result<GroupDescription, ItemError>>, Error> {
        if groups.is_empty() {
            return Ok(Vec::new());
        }
        let reply = {
            let named = groups.iter().enumerate().map(|(index, group)| named(index, group));
            let names = named.collect::<Result<Vec<CString>, _>>()?;
            let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
            let op = Op::new(
                rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS,
                RD_KAFKA_EVENT_DESCRIBECONSUMERGROUPS_RESULT,
            )
            .with(Particular { authorized_operations: true, ..Particular::default() });
            self.request(
                op,
                options,
                // SAFETY: everything is alive, the names are copied.
                |to| unsafe {
                    let count = pointers.len();
                    rd_kafka_DescribeConsumerGroups(to.client, pointers.as_mut_ptr(), count, to.options, to.queue);
                },
                |event| {
                    let groups = event.described_groups();
                    Ok(groups.map(|group| (group.id().unwrap_or_default(), group.read())).collect())
                },
            )?
        };
        in_order(groups.iter().copied(), reply.get().await?)
    }

    /// Returns the committed offsets of a group for the partitions `of`, or for all its partitions if `of` is `None`
    /// (`rd_kafka_ListConsumerGroupOffsets`, which takes one group). The call waits until no open transaction has
    /// pending offsets.
    ///
    /// A group that does not exist has no committed offsets.
    ///
    /// # Errors
    ///
    /// [`Error::Item`] for an empty name or a NUL character; [`Error::Request`].
    pub async fn list_group_offsets(
        &self,
        group: &str,
        of: Option<&[Assignment]>,
        options: &Options,
    ) -> Result<Vec<GroupOffset>, Error> {
        if of.is_some_and(<[_]>::is_empty) {
            return Ok(Vec::new());
        }
        let reply = {
            let name = named(0, group)?;
            let of = of.map(|of| partitions(of.iter().map(|p| (p.topic.as_str(), p.partition, -1)))).transpose()?;
            let of = of.as_ref().map_or(std::ptr::null(), |of| of.as_ptr().cast_const());
            // SAFETY: the name and the partitions (null: all) are copied, the new object is ours.
            let native = unsafe { Owned::new(rd_kafka_ListConsumerGroupOffsets_new(name.as_ptr(), of)) };
            let mut native = [native.ok_or_else(|| refused(0, "not a group"))?];
            let op = Op::new(
                rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS,
                RD_KAFKA_EVENT_LISTCONSUMERGROUPOFFSETS_RESULT,
            )
            .with(Particular { stable_offsets: true, ..Particular::default() });
            self.request(
                op,
                options,
                // SAFETY: everything is alive, the query is copied.
                |to| unsafe {
                    let native = crate::native::array(&mut native);
                    rd_kafka_ListConsumerGroupOffsets(to.client, native, 1, to.options, to.queue);
                },
                |event| {
                    let mut offsets = Vec::new();
                    for group in event.groups_with_offsets() {
                        group
                            .error()
                            .map_or(Ok(()), Ref::check)
                            .map_err(|error| Error::Request { error, cause: None })?;
                        offsets.extend(group.partitions().map(Ref::<rd_kafka_topic_partition_list_t>::read));
                    }
                    let offset = |p: crate::native::PartitionItem| GroupOffset {
                        topic: p.topic,
                        partition: p.partition,
                        offset: p.result.map(|()| (p.offset >= 0).then_some(p.offset)),
                    };
                    Ok(offsets.into_iter().flatten().map(offset).collect())
                },
            )?
        };
        reply.get().await
    }
}

fn named(index: usize, group: &str) -> Result<CString, Error> {
    if group.is_empty() { Err(refused(index, "a group without a name")) } else { c_string(index, "group", group) }
}

getters! {
    rd_kafka_event_t {
        list listed_groups: rd_kafka_ConsumerGroupListing_t = rd_kafka_ListConsumerGroups_result_valid;
        list list_errors: rd_kafka_error_t = rd_kafka_ListConsumerGroups_result_errors;
        list described_groups: rd_kafka_ConsumerGroupDescription_t = rd_kafka_DescribeConsumerGroups_result_groups;
        list groups_with_offsets: rd_kafka_group_result_t = rd_kafka_ListConsumerGroupOffsets_result_groups;
    }
}

getters! {
    rd_kafka_group_result_t {
        object error: rd_kafka_error_t = rd_kafka_group_result_error;
        object partitions: rd_kafka_topic_partition_list_t = rd_kafka_group_result_partitions;
    }
}

getters! {
    rd_kafka_ConsumerGroupListing_t {
        text id = rd_kafka_ConsumerGroupListing_group_id;
        number is_simple: c_int = rd_kafka_ConsumerGroupListing_is_simple_consumer_group;
        number state: c_int = ffi::rd_kafka_ConsumerGroupListing_state;
        number kind: c_int = ffi::rd_kafka_ConsumerGroupListing_type;
    }
}

getters! {
    rd_kafka_ConsumerGroupDescription_t {
        text id = rd_kafka_ConsumerGroupDescription_group_id;
        object error: rd_kafka_error_t = rd_kafka_ConsumerGroupDescription_error;
        number is_simple: c_int = rd_kafka_ConsumerGroupDescription_is_simple_consumer_group;
        text assignor = rd_kafka_ConsumerGroupDescription_partition_assignor;
        number state: c_int = ffi::rd_kafka_ConsumerGroupDescription_state;
        number kind: c_int = ffi::rd_kafka_ConsumerGroupDescription_type;
        object coordinator: rd_kafka_Node_t = rd_kafka_ConsumerGroupDescription_coordinator;
        number member_count: usize = rd_kafka_ConsumerGroupDescription_member_count;
        numbers authorized_operations = ffi::rd_kafka_ConsumerGroupDescription_authorized_operations;
    }
}

getters! {
    rd_kafka_MemberDescription_t {
        text id = rd_kafka_MemberDescription_consumer_id;
        text instance = rd_kafka_MemberDescription_group_instance_id;
        text client = rd_kafka_MemberDescription_client_id;
        text host = rd_kafka_MemberDescription_host;
        object assignment: rd_kafka_MemberAssignment_t = rd_kafka_MemberDescription_assignment;
    }
}

getters! {
    rd_kafka_MemberAssignment_t {
        object partitions: rd_kafka_topic_partition_list_t = rd_kafka_MemberAssignment_partitions;
    }
}

impl Ref<'_, rd_kafka_ConsumerGroupDescription_t> {
    fn read(self) -> Result<GroupDescription, ItemError> {
        self.error().map_or(Ok(()), Ref::check)?;
        // SAFETY: `self` is alive, the index is below the count, and the member lives as long as the group.
        let member = |index| unsafe { Ref::new(rd_kafka_ConsumerGroupDescription_member(self.as_ptr(), index)) };
        Ok(GroupDescription {
            group: self.id().unwrap_or_default(),
            simple: self.is_simple() != 0,
            state: GroupState::from_number(self.state()),
            kind: GroupKind::from_number(self.kind()),
            assignor: self.assignor().filter(|name| !name.is_empty()),
            coordinator: self.coordinator().map(Ref::<rd_kafka_Node_t>::read),
            members: (0..self.member_count())
                .filter_map(member)
                .map(Ref::<rd_kafka_MemberDescription_t>::read)
                .collect(),
            authorized_operations: operations(self.authorized_operations()),
        })
    }
}

impl Ref<'_, rd_kafka_MemberDescription_t> {
    fn read(self) -> GroupMember {
        let partitions = self.assignment().and_then(Ref::<rd_kafka_MemberAssignment_t>::partitions);
        let partitions = partitions.map(Ref::<rd_kafka_topic_partition_list_t>::read).unwrap_or_default();
        GroupMember {
            member: self.id().unwrap_or_default(),
            instance: self.instance(),
            client: self.client().unwrap_or_default(),
            host: self.host().unwrap_or_default(),
            assignment: partitions.into_iter().map(|p| Assignment { topic: p.topic, partition: p.partition }).collect(),
        }
    }
}

impl GroupState {
    fn from_number(number: c_int) -> Self {
        match number {
            1 => Self::PreparingRebalance,
            2 => Self::CompletingRebalance,
            3 => Self::Stable,
            4 => Self::Dead,
            5 => Self::Empty,
            _ => Self::Unknown,
        }
    }
}

impl GroupKind {
    fn from_number(number: c_int) -> Self {
        match number {
            1 => Self::Consumer,
            2 => Self::Classic,
            _ => Self::Unknown,
        }
    }
}
