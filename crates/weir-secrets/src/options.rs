//! Options for the connection to vaults.

use std::{path::PathBuf, time::Duration};

use weir_model::VaultHosts;

use crate::Login;

/// Options for the connection to vaults.
#[derive(Clone, Debug)]
pub struct Options {
    /// The login.
    pub login: Login,
    /// The hosts of vaults. A vault on another host gets no request.
    pub hosts: VaultHosts,
    /// The address of the token endpoint: `https://…`, without the tenant. `None`: the environment's
    /// `AZURE_AUTHORITY_HOST`, or else Entra of the public cloud. Managed identities, the CLI and given tokens do not
    /// use it.
    pub authority: Option<String>,
    /// Additional certificates to trust, as a PEM file.
    pub ca: Option<PathBuf>,
    /// The largest number of simultaneous requests to a vault.
    pub at_once: usize,
    /// Time limit of a request.
    pub timeout: Duration,
    /// Time limit of a call, including throttling, recoveries and retries.
    pub patience: Duration,
    /// Time that a preflight waits for a missing right: a new role assignment takes minutes to take effect.
    pub rights: Duration,
    /// The first pause before a retry; each further pause doubles, up to sixteen times the first.
    pub pause: Duration,
}

impl Options {
    /// Makes options for `login`: the vaults of Azure's clouds, 8 requests at once, 30 s for a request, 2 minutes for a call, 1 minute for rights,
    /// pauses from 1 s.
    pub fn new(login: Login) -> Self {
        Self {
            login,
            hosts: VaultHosts::default(),
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
