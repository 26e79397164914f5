//! From a stage to live adapters: the one place that knows them all.
//!
//! [`open`] opens the cluster and the vaults of a stage, [`open_planes`] a part of them. [`observe`] reads the state
//! that a plan needs to know, [`observe_everything`] all there is. [`read_secret`] reads a secret of weir's own.
//!
//! This crate must not decide what is done with any of it, nor read a workspace's files.

#[cfg(feature = "confluent")]
mod confluent;
#[cfg(feature = "kafka")]
mod credentials;
#[cfg(feature = "kafka")]
mod kafka;
mod live;
#[cfg(feature = "kafka")]
mod source;
#[cfg(feature = "confluent")]
mod unreached;
#[cfg(feature = "kafka")]
mod vaults;

pub use crate::live::{
    Live, OpenError, Reach, observe, observe_everything, observe_planes, open, open_planes, query, read_secret,
};

/// The example of the README, compiled with the examples of this documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
