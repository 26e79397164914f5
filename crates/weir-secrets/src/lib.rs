//! Secrets in Azure Key Vaults: a [`SecretSink`](weir_ports::SecretSink), and a reader for weir's own credentials.
//!
//! [`KeyVaults`] stores each service account's credentials in its team's vault. It does not need the right to read a
//! value: it recognises its own secrets by their properties (tags, versions, state). If the answer to a change is
//! lost, it looks for the effect instead of blindly repeating the change.
//!
//! This crate must not know plans, clusters, or how credentials are made. The caller chooses every change.
//!
//! Facts about the service are from Microsoft's REST reference; `docs/key-vault.md` lists assumptions about gaps in
//! the reference.

mod failure;
mod http;
mod inspect;
mod login;
mod options;
mod preflight;
mod read;
mod retire;
mod rules;
mod store;
mod vault;
mod vaults;

pub use crate::{
    login::Login,
    options::Options,
    store::{CREDENTIALS, Content},
    vaults::KeyVaults,
};

/// The example of the README, compiled with the examples of this documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
