use std::ffi::c_int;

use rdkafka::bindings::*;
use rdkafka::client::ClientContext;

use crate::acl::AclOperation;
use crate::admin::{Admin, Op};
use crate::error::Error;
use crate::ffi;
use crate::native::{Ref, getters};
use crate::options::{Options, Particular};

/// A broker.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Node {
    /// Its id.
    pub id: i32,
    /// Its host name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Its rack, if it has one.
    pub rack: Option<String>,
}

/// What a cluster says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterDescription {
    /// The cluster's id. Brokers before 0.10.1 have none.
    pub cluster_id: Option<String>,
    /// The broker that takes administrative requests.
    pub controller: Option<Node>,
    /// The brokers that are up.
    pub nodes: Vec<Node>,
    /// What this client may do with the cluster as a whole. Brokers before 2.3 do not say.
    pub authorized_operations: Vec<AclOperation>,
}

impl<C: ClientContext + 'static> Admin<C> {
    /// The cluster's id, its brokers, and what this client may do with it (`rd_kafka_DescribeCluster`).
    ///
    /// # Errors
    ///
    /// [`Error::Request`].
    pub async fn describe_cluster(&self, options: &Options) -> Result<ClusterDescription, Error> {
        let op = Op::new(rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECLUSTER, RD_KAFKA_EVENT_DESCRIBECLUSTER_RESULT)
            .with(Particular { authorized_operations: true, ..Particular::default() });
        let reply = self.request(
            op,
            options,
            // SAFETY: everything is alive.
            |to| unsafe { rd_kafka_DescribeCluster(to.client, to.options, to.queue) },
            |event| {
                Ok(ClusterDescription {
                    cluster_id: event.cluster_id(),
                    controller: event.controller().map(Ref::<rd_kafka_Node_t>::read),
                    nodes: event.nodes().map(Ref::<rd_kafka_Node_t>::read).collect(),
                    authorized_operations: operations(event.authorized_operations()),
                })
            },
        )?;
        reply.get().await
    }
}

/// The operations of an answer.
pub(crate) fn operations(numbers: Option<&[c_int]>) -> Vec<AclOperation> {
    numbers.unwrap_or_default().iter().map(|number| AclOperation::from_number(*number)).collect()
}

getters! {
    rd_kafka_event_t {
        text cluster_id = rd_kafka_DescribeCluster_result_cluster_id;
        object controller: rd_kafka_Node_t = rd_kafka_DescribeCluster_result_controller;
        list nodes: rd_kafka_Node_t = rd_kafka_DescribeCluster_result_nodes;
        numbers authorized_operations = ffi::rd_kafka_DescribeCluster_result_authorized_operations;
    }
}

getters! {
    rd_kafka_Node_t {
        number id: c_int = rd_kafka_Node_id;
        text host = rd_kafka_Node_host;
        number port: u16 = rd_kafka_Node_port;
        text rack = rd_kafka_Node_rack;
    }
}

impl Ref<'_, rd_kafka_Node_t> {
    /// A copy.
    pub(crate) fn read(self) -> Node {
        Node { id: self.id(), host: self.host().unwrap_or_default(), port: self.port(), rack: self.rack() }
    }
}
