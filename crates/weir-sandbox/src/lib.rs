//! A whole Kafka cluster and its key vaults in a folder.
//!
//! The embedded default: `weir up` runs on it without a broker or an account anywhere. And the fake in tests: it
//! refuses what a broker refuses, lets reads lag behind writes, and fails at chosen points ([`Faults`]).
//!
//! - Everything is human-readable JSON, a file per kind; an entry is a line. Facts about the cluster (brokers,
//!   limits, who deploys) are in `cluster.json` and may be edited.
//! - A write replaces a whole file or nothing of it, so that a process killed at any moment leaves a folder that the
//!   next one reads. Any number of processes may use a folder at once.
//! - The vaults can also be had alone, for a cluster that is somewhere else ([`Vaults`]).
//! - The secret of an API key is in the vault's file only; the cluster keeps its SHA-256 to check a login.
//!
//! What happens in a call is done before it returns: the methods are `async` only because the ports are, and block
//! for as long as a few small files take.
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
