//! From a folder of files to a receipt: the stages of weir, one after the other, for programs that embed it.
//!
//! [`read`] reads a folder, [`ReadWorkspace::check`] checks it by all rules and policies, [`Checked::accept`] refuses
//! errors. An [`Accepted`] workspace is planned ([`Accepted::plan`]), [`Planned::accept`] refuses a plan with errors,
//! [`Accepted::admit`] checks that a plan may be deployed, and [`Admitted::deploy`] makes it again and deploys it. weir's
//! own command line is made of these functions.
//!
//! ```
//! use weir_deployment::{MemoryJournal, Options, Outcome};
//! use weir_findings::render::concise;
//! use weir_pipeline::read;
//! use weir_ports::{Clock, SystemClock};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let dir = folder.path();
//! // `weir.yaml`, and any other YAML files below `dir`.
//! std::fs::write(dir.join("weir.yaml"), "
//! apiVersion: weir/v1
//! kind: Workspace
//! metadata: {name: shop}
//! spec:
//!   clusters: {local: {sandbox: {path: .weir/local}}}
//!   stages: [{name: dev, cluster: local, prefix: {topic: dev.}}]
//! ---
//! apiVersion: weir/v1
//! kind: Team
//! metadata: {name: orders}
//! ---
//! apiVersion: weir/v1
//! kind: Topic
//! metadata: {name: orders.placed.v1, team: orders}
//! spec: {partitions: 6}
//! ")?;
//!
//! let checked = read(dir)?.check(Some("dev"), SystemClock.now())?;
//! print!("{}", concise(&checked.findings, &checked.loaded.sources));
//! let workspace = checked.accept()?;
//!
//! let planned = workspace.plan("dev").await?;
//! print!("{}", concise(&planned.findings, &checked.loaded.sources));
//! let plan = planned.accept()?;
//! assert_eq!(plan.steps[0].id.to_string(), "create-topic dev.orders.placed.v1");
//!
//! // An approval goes into the options, as does the highest risk of a step.
//! let options = Options { approved: Some(plan.digest.clone()), ..Options::default() };
//! let admitted = workspace.admit(&plan, options)?;
//! let live = admitted.open().await?;
//! let receipt = admitted.deploy(&live, &mut MemoryJournal::default(), &SystemClock, &()).await?;
//! assert_eq!(receipt.outcome, Outcome::Complete);
//!
//! assert!(workspace.plan("dev").await?.accept()?.is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! The features `kafka`, `confluent` and `azure` add clusters and vaults; without them there are sandboxes only. The
//! time is an argument everywhere. This crate must not print, nor know arguments or terminals.

mod aside;
mod check;
mod codeowners;
mod commit;
mod deploy;
mod drift;
mod git;
mod import;
mod plan;
mod read;
mod rules;
mod signature;

pub use weir_adapters::{Live, OpenError, Reach, observe, open, query};

pub use crate::{
    check::{Accepted, Checked, Rejected, judge},
    codeowners::{committed_codeowners, place_in_repository, read_codeowners},
    commit::commit,
    deploy::{Admitted, JournalFolderError, Refused, belongs, journal_path},
    drift::{Deployed, RevisionError},
    import::ImportFailure,
    plan::{Held, PlanError, Planned, UnknownTeam},
    read::{ReadError, ReadWorkspace, read, read_at},
    rules::rule_pages,
    signature::{KeySource, KeySourceError, SignError, Signer},
};

/// The example of the README, compiled with the examples of this documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
