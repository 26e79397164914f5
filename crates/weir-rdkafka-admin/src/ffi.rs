//! Declares functions of librdkafka that return a number chosen by the broker.
//!
//! `rdkafka-sys` declares the results of these functions as Rust enums. If a newer broker sends a code that such an
//! enum does not name, the result is undefined behaviour. Here the results are plain integers, which is the ABI of a C
//! enum (4 bytes wide on every target of librdkafka). The symbols are those of the library that `rdkafka-sys` builds
//! and links.

use std::ffi::{c_char, c_int, c_void};

use rdkafka::bindings::*;

unsafe extern "C" {
    pub(crate) fn rd_kafka_err2str(err: c_int) -> *const c_char;
    pub(crate) fn rd_kafka_event_error(event: *mut rd_kafka_event_t) -> c_int;
    pub(crate) fn rd_kafka_error_code(error: *const rd_kafka_error_t) -> c_int;
    pub(crate) fn rd_kafka_topic_result_error(result: *const rd_kafka_topic_result_t) -> c_int;

    pub(crate) fn rd_kafka_ConfigResource_error(resource: *const rd_kafka_ConfigResource_t) -> c_int;
    pub(crate) fn rd_kafka_ConfigEntry_source(entry: *const rd_kafka_ConfigEntry_t) -> c_int;

    pub(crate) fn rd_kafka_AclBinding_restype(acl: *const rd_kafka_AclBinding_t) -> c_int;
    pub(crate) fn rd_kafka_AclBinding_operation(acl: *const rd_kafka_AclBinding_t) -> c_int;
    pub(crate) fn rd_kafka_AclBinding_permission_type(acl: *const rd_kafka_AclBinding_t) -> c_int;
    pub(crate) fn rd_kafka_AclBinding_resource_pattern_type(acl: *const rd_kafka_AclBinding_t) -> c_int;

    pub(crate) fn rd_kafka_ScramCredentialInfo_mechanism(info: *const rd_kafka_ScramCredentialInfo_t) -> c_int;

    pub(crate) fn rd_kafka_ConsumerGroupListing_state(group: *const rd_kafka_ConsumerGroupListing_t) -> c_int;
    pub(crate) fn rd_kafka_ConsumerGroupListing_type(group: *const rd_kafka_ConsumerGroupListing_t) -> c_int;
    pub(crate) fn rd_kafka_ConsumerGroupDescription_state(group: *const rd_kafka_ConsumerGroupDescription_t) -> c_int;
    pub(crate) fn rd_kafka_ConsumerGroupDescription_type(group: *const rd_kafka_ConsumerGroupDescription_t) -> c_int;

    pub(crate) fn rd_kafka_DescribeCluster_result_authorized_operations(
        result: *const rd_kafka_event_t,
        count: *mut usize,
    ) -> *const c_int;
    pub(crate) fn rd_kafka_TopicDescription_authorized_operations(
        topic: *const rd_kafka_TopicDescription_t,
        count: *mut usize,
    ) -> *const c_int;
    pub(crate) fn rd_kafka_ConsumerGroupDescription_authorized_operations(
        group: *const rd_kafka_ConsumerGroupDescription_t,
        count: *mut usize,
    ) -> *const c_int;
}

/// `rd_kafka_topic_partition_t` with its error as a number.
#[repr(C)]
pub(crate) struct TopicPartition {
    pub(crate) topic: *const c_char,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) metadata: *mut c_void,
    pub(crate) metadata_size: usize,
    pub(crate) opaque: *mut c_void,
    pub(crate) err: c_int,
    _private: *mut c_void,
}

// The two declarations describe the same memory.
const _: () = {
    assert!(size_of::<TopicPartition>() == size_of::<rd_kafka_topic_partition_t>());
    assert!(align_of::<TopicPartition>() == align_of::<rd_kafka_topic_partition_t>());
    assert!(std::mem::offset_of!(TopicPartition, offset) == std::mem::offset_of!(rd_kafka_topic_partition_t, offset));
    assert!(std::mem::offset_of!(TopicPartition, err) == std::mem::offset_of!(rd_kafka_topic_partition_t, err));
    assert!(size_of::<rd_kafka_resp_err_t>() == size_of::<c_int>());
    assert!(size_of::<rd_kafka_AclOperation_t>() == size_of::<c_int>());
};
