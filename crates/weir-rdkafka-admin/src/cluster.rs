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
    /// Id of the broker.
    pub id: i32,
    /// Host name of the broker.
    pub host: String,
    /// Port of the broker.
    pub port: u16,
    /// Rack of the broker, if one is configured.
    pub rack: Option<String>,
}

/// Description of a cluster, as the cluster reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterDescription {
    /// Id of the cluster. Brokers before 0.10.1 report none.
    pub cluster_id: Option<String>,
    /// The broker that handles administrative requests.
    pub controller: Option<Node>,
    /// The brokers that are running.
    pub nodes: Vec<Node>,
    /// Operations that this client may do on the cluster as a whole. Empty from brokers before 2.3.
    pub authorized_operations: Vec<AclOperation>,
}

impl<C: ClientContext + 'static> Admin<C> {
    /// Returns the cluster's id, its brokers, and the operations that this client may do on it
    /// (`rd_kafka_DescribeCluster`).
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

/// Converts the operations of an answer.
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
    /// Copies the broker.
    pub(crate) fn read(self) -> Node {
        Node { id: self.id(), host: self.host().unwrap_or_default(), port: self.port(), rack: self.rack() }
    }
}
