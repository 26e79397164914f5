//! The data plane of any Apache Kafka cluster, over the admin protocol: [`Kafka`] is a [`weir_ports::Cluster`].
//!
//! - **Reading** takes a fixed number of requests for each kind of object: one for all names, one for each 2,000
//!   topics and their settings, one for all ACLs and one for all SCRAM users (or those of a few accounts). A topic that
//!   the client may not see is an error, never absent.
//! - **Changes** are applied in batches, well below the 10,000 metadata records that a broker accepts, with an answer
//!   for each change. A change that is already in effect succeeds.
//! - **Service accounts** are SCRAM users. A SCRAM user has no place for a description, for keys' marks and times, or
//!   for its existence without a credential. weir keeps this data in *notes*: ACL bindings without effect, which deny
//!   the account a transactional id that no client uses.
//! - **An API key** is the account's SCRAM-SHA-512 credential. So an account has at most one, and a new key replaces
//!   the old one at once. The number of iterations distinguishes them. weir never replaces a foreign credential. weir
//!   tests each new key by a real login before it returns the key.
//!
//! librdkafka cannot move replicas, and has no names for delegation tokens: weir refuses such changes, and ignores
//! such bindings.
//!
//! A service that keeps its accounts elsewhere uses [`Kafka`] for the rest: [`Kafka::observe_with`], [`Kafka::acls`],
//! and [`apply`](weir_ports::Cluster::apply) for changes of topics and bindings. A [`Dialect`] describes its
//! differences from Apache's brokers.
//!
//! This crate must not know the order of plans, workspaces, vaults or command lines, and does not make choices.
//!
//! ```no_run
//! use weir_kafka::{Kafka, Login, Options, SaslMechanism, SecurityProtocol};
//! use weir_ports::{Cluster, Query};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let kafka = Kafka::new(Options {
//!     protocol: SecurityProtocol::SaslSsl,
//!     login: Some(Login {
//!         mechanism: SaslMechanism::ScramSha512,
//!         username: "weir".into(),
//!         password: std::env::var("ONPREM_PASSWORD")?.into(),
//!         tokens: None,
//!     }),
//!     ..Options::new("broker-1:9093")
//! })?;
//! let observed = kafka.observe(&Query::default()).await?;
//! println!("{} has {} brokers", observed.cluster.id, observed.cluster.brokers);
//! # Ok(())
//! # }
//! ```

mod accounts;
mod acl;
mod apply;
mod dialect;
mod failure;
mod kafka;
mod keys;
mod login;
mod note;
mod observe;
mod options;
mod records;
mod tokens;

pub use weir_model::{SaslMechanism, SecurityProtocol};

pub use crate::dialect::Dialect;
pub use crate::kafka::Kafka;
pub use crate::observe::Access;
pub use crate::options::{Login, Options};

/// The example of the README, compiled with the examples of this documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
