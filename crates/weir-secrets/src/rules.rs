//! The rules of all vaults, checked before a request is sent, and the protection of secrets that weir did not write.

use std::collections::BTreeMap;

use weir_model::{VaultAddress, VaultHosts};
use weir_planning::{ObservedSecret, SecretRef};
use weir_ports::{PortError, check_secret_name};

/// Reads a vault's address, and refuses a vault that no request may be sent to.
pub(crate) fn address(vault: &str, hosts: &VaultHosts) -> Result<VaultAddress, PortError> {
    let address = VaultAddress::parse(vault)
        .map_err(|fault| PortError::refused(format!("`{vault}` {fault}; write https:// and a host name")))?;
    if !hosts.allow(&address) {
        return Err(PortError::refused(format!(
            "no request is sent to the vault {address}: it is not on one of Azure's domains, and `ownership.vaultHosts` of \
             weir.yaml does not list its host"
        )));
    }
    Ok(address)
}

/// Returns a secret's name in normal form: names that differ only in case are the same secret.
pub(crate) fn name(name: &str) -> Result<String, PortError> {
    check_secret_name(name)?;
    Ok(name.to_ascii_lowercase())
}

/// Refuses a secret that weir did not write.
pub(crate) fn ours(at: &SecretRef, tags: &BTreeMap<String, String>) -> Result<(), PortError> {
    if ObservedSecret::are_ours(tags) {
        return Ok(());
    }
    Err(PortError::refused(format!(
        "the secret {at} was not written by weir (it has no tag `managed-by: weir`); it is left alone"
    )))
}
