//! From a workspace's folder to entities and to live adapters: the one place that knows them all.
//!
//! - [`read_workspace`] reads the files of a folder.
//! - [`open`] reaches the cluster and the vaults of a stage, [`open_planes`] a part of them; [`observe`] asks them what a plan needs to know,
//!   [`observe_everything`] for all there is.
//! - [`commit`] names the state of the files for plans.
//!
//! This crate must not decide what is done with any of it.

mod commit;
#[cfg(feature = "confluent")]
mod confluent;
#[cfg(feature = "kafka")]
mod credentials;
mod files;
#[cfg(feature = "kafka")]
mod kafka;
mod live;
#[cfg(feature = "confluent")]
mod unreached;
#[cfg(feature = "kafka")]
mod vaults;

pub use crate::{
    commit::commit,
    files::{ReadError, ReadWorkspace, read_workspace, read_workspace_at, rule_pages},
    live::{Live, OpenError, Reach, observe, observe_everything, open, open_planes, patience, query},
};
