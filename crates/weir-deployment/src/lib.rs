//! Carries out a plan over the ports, and reports what was really done.
//!
//! Every choice is in the plan; [`deploy`] reads each object again before it touches it, and reads back each change.
//! A run may be killed anywhere: the next one ends in the same state, since state is read and never remembered. The
//! [`journal`] is for people.
//!
//! This crate must not know which systems are behind the ports, nor how plans are made.
//!
//! ```
//! use weir_deployment::{MemoryJournal, Options, Outcome, Ports, deploy, render};
//! use weir_planning::{Desired, PlanOptions, plan};
//! use weir_ports::{Clock as _, Cluster as _, Query, SystemClock};
//! use weir_sandbox::Sandbox;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let desired: Desired = serde_json::from_str(r#"{
//! #     "format": "weir.desired/v1", "workspace": "cps", "stage": "dev", "cluster": "local", "provider": "sandbox",
//! #     "clusterId": null, "governed": false, "warnBefore": 1209600000, "owns": {"topics": [], "serviceAccounts": []}, "prune": false, "approvalRequired": false,
//! #     "thresholdPercent": 30, "thresholdMinimum": 10, "accounts": {}, "topics": {"dev.toll": {
//! #         "entity": "toll", "team": "toll", "ownName": true, "ensure": "present", "partitions": 6, "replicationFactor": 3,
//! #         "config": {}}}}"#)?;
//! let sandbox = Sandbox::open(folder.path(), Default::default())?;
//! let observed = sandbox.observe(&Query::default()).await?;
//! let plan = plan(&desired, &observed, &PlanOptions { now: SystemClock.now(), commit: None }).plan;
//!
//! let mut journal = MemoryJournal::default();
//! let ports =
//!     Ports { cluster: &sandbox, vaults: &sandbox, clock: &SystemClock, journal: &mut journal, progress: &() };
//! let receipt = deploy(&plan, ports, &Options::default()).await?;
//! assert_eq!(receipt.outcome, Outcome::Complete);
//! assert!(render::text(&receipt).starts_with("+ created     create-topic dev.toll"));
//! # Ok(())
//! # }
//! ```

mod batch;
mod deploy;
mod elsewhere;
mod gate;
pub mod journal;
mod key;
mod look;
mod options;
mod progress;
mod ready;
mod receipt;
pub mod render;
mod run;
mod shape;

pub use deploy::{DeployError, Ports, deploy};
pub use gate::{Owner, Refusal, check};
pub use journal::{Entry, Event, FileJournal, Journal, JournalError, MemoryJournal};
pub use options::{Options, Wanted};
pub use progress::Progress;
pub use receipt::{Counts, Outcome, Receipt, ReceiptError, StepOutcome, StepReceipt, Verdict};
pub use weir_retry::Pauses;

/// The example of the README, compiled with the examples of this documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
