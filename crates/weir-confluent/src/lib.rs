//! Confluent Cloud: [`ConfluentCloud`] is a [`weir_ports::Cluster`] with two planes.
//!
//! - The **control plane** is Confluent's public API: service accounts, API keys, the cluster's address, quotas. Calls
//!   are built ([`Request`]) apart from being sent. Lists are read page by page to their end, or are an error. All that
//!   ask one host share its rate. Only what may be done twice is tried again; a creation whose answer is lost is
//!   [`ErrorKind::Ambiguous`](weir_ports::ErrorKind::Ambiguous). "Forbidden" is what Confluent answers for what is gone,
//!   too: absent is only what a list does not have.
//! - The **data plane** is weir-kafka's, with Confluent's differences: principals are ids, outside of this crate they are
//!   names; bindings are listed by `UserV2:*`, and principals that are numbers are an error; three replicas of everything;
//!   settings and topics that the service itself makes are nobody's.
//!
//! Either plane may be out of reach: then what belongs to it is
//! [`ErrorKind::Unavailable`](weir_ports::ErrorKind::Unavailable). Without the control plane the ids of accounts are
//! handed in.
//!
//! This crate must not know plans' order, workspaces, vaults or command lines, and does not decide what is done.
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
mod cloud;
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
