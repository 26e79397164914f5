//! The sources of weir's own credentials: environment, key vault, the workspace's folder.

use std::{path::Path, time::Duration};

use weir_model::{KeyVault, VaultHosts};

/// Returns the value of an environment variable.
pub(crate) type Env<'a> = dyn Fn(&str) -> Option<String> + Sync + 'a;

/// The sources of credentials, and the time to read them.
pub(crate) struct Source<'a> {
    /// The environment's variables.
    pub(crate) env: &'a Env<'a>,
    /// The login to key vaults, if the workspace has one.
    pub(crate) key_vault: Option<&'a KeyVault>,
    /// The hosts of key vaults that may get a request; an error if `weir.yaml` lists something else.
    #[cfg_attr(not(feature = "azure"), expect(dead_code, reason = "only Azure's adapter sends requests to vaults"))]
    pub(crate) hosts: Result<VaultHosts, String>,
    /// The workspace's folder.
    pub(crate) dir: &'a Path,
    /// The longest time for which a call is repeated.
    pub(crate) patience: Duration,
}
