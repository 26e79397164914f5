//! From a folder of files to a receipt: the stages of weir, one after the other, for programs that embed it.
//!
//! [`read`] reads a folder, [`ReadWorkspace::check`] checks it by all rules and policies, [`Checked::accept`] refuses
//! errors. An [`Accepted`] workspace is planned ([`Accepted::plan`]), [`Planned::accept`] refuses a plan with errors,
//! [`admit`] checks that a plan may be deployed, and [`Admitted::deploy`] deploys it. weir's own command line is made
//! of these functions.
//!
//! The time is an argument everywhere. This crate must not print, nor know arguments or terminals.

mod check;
mod commit;
mod deploy;
mod drift;
mod plan;
mod read;
mod rules;

pub use weir_adapters::{Live, OpenError, Reach, observe, observe_everything, open, patience, query};

pub use crate::{
    check::{Accepted, Checked, Rejected, judge},
    commit::commit,
    deploy::{Admitted, JournalFolderError, Refused, admit, journal_path},
    drift::{RevisionError, drift_since},
    plan::{PlanError, Planned},
    read::{ReadError, ReadWorkspace, read, read_at},
    rules::rule_pages,
};
