//! How vaults are reached.

use std::{path::PathBuf, time::Duration};

use crate::Login;

/// How vaults are reached.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who asks.
    pub login: Login,
    /// Where tokens come from: `https://…`, without the tenant. Absent: the environment's `AZURE_AUTHORITY_HOST`, else
    /// Entra of the public cloud. Managed identities, the CLI and ready-made tokens do not use it.
    pub authority: Option<String>,
    /// Certificates to trust beside those the system trusts, as a PEM file.
    pub ca: Option<PathBuf>,
    /// How many requests a vault gets at once, at most.
    pub at_once: usize,
    /// How long one request may take.
    pub timeout: Duration,
    /// How long one call may take in all: waiting out throttling and recoveries, looking again.
    pub patience: Duration,
    /// How long a preflight waits for a right that is lacking: an assignment of a role takes minutes to count.
    pub rights: Duration,
    /// The first pause before trying again; each further one is twice as long, up to sixteen times.
    pub pause: Duration,
}

impl Options {
    /// Options for `login`: 8 requests at once, 30 s for one, 2 minutes for a call, 1 minute for rights, pauses from 1 s.
    pub fn new(login: Login) -> Self {
        Self {
            login,
            authority: None,
            ca: None,
            at_once: 8,
            timeout: Duration::from_secs(30),
            patience: Duration::from_secs(120),
            rights: Duration::from_secs(60),
            pause: Duration::from_secs(1),
        }
    }
}
