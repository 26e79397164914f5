//! Secrets in Azure Key Vaults: a [`SecretSink`](weir_ports::SecretSink), and a reader for weir's own credentials.
//!
//! [`KeyVaults`] stores each service account's credentials in its team's vault. It needs no right to read a value: it
//! looks at properties alone (tags, versions, state), and what it stored it recognises by them. Whatever took effect
//! although the answer was lost is found by looking, never by trying blindly again.
//!
//! Must not know: plans, clusters, how credentials are made. What the vault is asked is chosen by whoever calls.
//!
//! Facts about the service are from Microsoft's REST reference; where that is silent, `docs/key-vault.md` says what is
//! assumed.

mod failure;
mod http;
mod inspect;
mod login;
mod options;
mod patience;
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
