//! The places where weir's own credentials, and files named by weir.yaml, are found.

use std::path::Path;

use weir_model::KeyVault;
use weir_ports::{ErrorKind, PortError};

/// Returns the value of an environment variable.
pub(crate) type Env<'a> = dyn Fn(&str) -> Option<String> + Sync + 'a;

/// The places where credentials are found.
pub(crate) struct Source<'a> {
    /// The environment's variables.
    pub(crate) env: &'a Env<'a>,
    /// The log-in to key vaults, when the workspace has one.
    pub(crate) key_vault: Option<&'a KeyVault>,
    /// The workspace's folder.
    pub(crate) dir: &'a Path,
}

/// A configuration that cannot be used.
pub(crate) fn refused(message: impl Into<String>) -> PortError {
    PortError::new(ErrorKind::Refused, message)
}
