//! A whole Kafka cluster and its key vaults in a folder.
//!
//! The embedded default: `weir up` runs on it without a broker or a cloud account. It is also the fake in tests: it
//! refuses what a broker refuses, lets reads lag behind writes, and fails at chosen points ([`Faults`]).
//!
//! - All files are human-readable JSON: a file per kind, a line per entry. Facts about the cluster (brokers, limits,
//!   the deploying principal) are in `cluster.json` and may be edited.
//! - A write replaces a file whole or not at all, so a process that is killed at any moment leaves a readable folder.
//!   Any number of processes may use a folder at the same time.
//! - The vaults are also available alone, for a cluster elsewhere ([`Vaults`]).
//! - The secret of an API key is only in the vault's file; the cluster keeps its SHA-256 to check a login.
//!
//! Each call completes its work before it returns: the methods are `async` only because the ports are, and block for
//! as long as a few small files take.
//!
//! This crate must not know plans, workspaces or command lines.
//!
//! ```
//! use weir_planning::Change;
//! use weir_ports::{Cluster, Query};
//! use weir_sandbox::{Options, Sandbox};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! let sandbox = Sandbox::open(folder.path(), Options::default())?;
//!
//! let create = Change::CreateTopic {
//!     topic: "dev.toll.transactions.v1".into(),
//!     partitions: Some(6),
//!     replication_factor: None,
//!     config: weir_model::settings::observed([("retention.ms", "604800000")]),
//! };
//! let answers = sandbox.apply(&[&create]).await;
//! assert!(answers[0].is_ok());
//!
//! let mut query = Query::default();
//! query.topics.names.insert("dev.toll.transactions.v1".into());
//! let observed = sandbox.observe(&query).await?;
//! assert_eq!(observed.topics["dev.toll.transactions.v1"].partitions, 6);
//! # Ok(())
//! # }
//! ```

mod cluster;
mod faults;
mod folder;
mod random;
mod rules;
mod sandbox;
mod secret;
mod state;
mod transaction;
mod vault;

pub use faults::{Call, FaultError, Faults};
pub use sandbox::{Options, Sandbox};
pub use secret::SecretVersion;
pub use state::{ClusterSettings, SandboxLimits};
pub use vault::Vaults;

/// The example of the README, compiled with the examples of this documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
