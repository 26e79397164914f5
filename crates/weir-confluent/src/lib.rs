//! Confluent Cloud: [`ConfluentCloud`] is a [`weir_ports::Cluster`] with two planes.
//!
//! - The **control plane** is Confluent's public API: service accounts, API keys, the cluster's address, quotas.
//!   Calls are built ([`Request`]) apart from being sent. Lists are read to their last page, or are an error. All
//!   clients of a host share one rate. Only calls that may safely be repeated are repeated; a creation whose answer is
//!   lost is [`ErrorKind::Ambiguous`](weir_ports::ErrorKind::Ambiguous). Confluent answers 403 for deleted objects too,
//!   so an object is absent only if a complete list lacks it.
//! - The **data plane** is weir-kafka's, with Confluent's differences: brokers name principals by id, and this crate
//!   translates ids and names; `UserV2:*` lists bindings by id, and numeric principals are an error; every topic has
//!   three replicas; settings and topics that the service itself creates are ignored.
//!
//! Either plane may be out of reach: then its operations answer
//! [`ErrorKind::Unavailable`](weir_ports::ErrorKind::Unavailable). Without the control plane, the caller passes the
//! ids of accounts.
//!
//! This crate must not know the order of plans, workspaces, vaults or command lines, and does not make choices.
//!
//! ```no_run
//! use weir_confluent::{ApiKey, ConfluentCloud, Control, Data, Options};
//! use weir_ports::{Cluster, Query};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let key = |name: &str| -> Result<ApiKey, std::env::VarError> {
//!     Ok(ApiKey {
//!         id: std::env::var(format!("{name}_API_KEY"))?,
//!         secret: std::env::var(format!("{name}_API_SECRET"))?.into(),
//!     })
//! };
//! let cloud = ConfluentCloud::new(Options {
//!     cluster: "lkc-a1".into(),
//!     control: Some(Control::new("env-x1", key("CONFLUENT_CLOUD")?)),
//!     data: Some(Data::new(key("NONPROD_KAFKA")?)),
//! })?;
//! let observed = cloud.observe(&Query::default()).await?;
//! println!("{} is used by {:?}", observed.cluster.id, observed.cluster.deployer);
//! # Ok(())
//! # }
//! ```

mod accounts;
mod answer;
mod apply;
mod budget;
mod buffer;
mod cloud;
mod cluster;
mod control;
mod dialect;
mod failure;
mod http;
mod keys;
mod limits;
mod names;
mod observe;
mod options;
mod request;

pub use crate::{
    cloud::ConfluentCloud,
    options::{ApiKey, Control, Data, Options, Takes},
    request::{Method, Request},
};

/// The example of the README, compiled with the examples of this documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
