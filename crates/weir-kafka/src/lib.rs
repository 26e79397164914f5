//! The data plane of any Apache Kafka cluster, over the admin protocol: [`Kafka`] is a [`weir_ports::Cluster`].
//!
//! - **Reading** takes a fixed number of requests for each kind of object: all names at once, topics and their
//!   settings 2,000 at a time, all ACLs and all SCRAM users at once (or those of a few accounts). A topic that may not
//!   be seen is an error, never absent.
//! - **Changing** is done in batches that stay well below the 10,000 metadata records a broker takes, with an answer
//!   for each change. What is done already is a success.
//! - **Service accounts** are SCRAM users. What a SCRAM user has no place for (that it exists without a credential, its
//!   description, which key weir made, for what and when) is kept in *notes*: ACL bindings that deny the account a
//!   transactional id nobody uses, and so bind nothing.
//! - **An API key** is the account's SCRAM-SHA-512 credential, so an account has one at most, and a new one takes the
//!   place of the old one at once. The number of iterations tells them apart. A credential that weir did not make is
//!   never replaced. Each new one is tried by a real log-in before it is handed out.
//!
//! librdkafka cannot move replicas, and has no names for delegation tokens: such changes are refused, such bindings
//! are left alone.
//!
//! A service that keeps its accounts elsewhere uses [`Kafka`] for the rest: [`Kafka::observe_with`], [`Kafka::acls`], and
//! [`apply`](weir_ports::Cluster::apply) for changes of topics and bindings. Where it differs from Apache's brokers, a
//! [`Dialect`] says so.
//!
//! This crate must not know plans' order, workspaces, vaults or command lines, and does not decide what is done.
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
