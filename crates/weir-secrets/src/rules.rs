//! The rules of all vaults, checked before a request is sent, and the protection of secrets that weir did not write.

use std::collections::BTreeMap;

use azure_core::http::Url;
use weir_planning::{ObservedSecret, SecretRef};
use weir_ports::{PortError, check_secret_name};

/// Returns a vault's address in normal form: `https://host` or `https://host:port`.
pub(crate) fn address(vault: &str) -> Result<String, PortError> {
    let wrong = || PortError::refused(format!("`{vault}` is not a vault's address; write https:// and a host name"));
    let url = Url::parse(vault).map_err(|_| wrong())?;
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(wrong)?;
    let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    if url.scheme() != "https" || !bare || !url.username().is_empty() || url.password().is_some() {
        return Err(wrong());
    }
    Ok(url.port().map_or_else(|| format!("https://{host}"), |port| format!("https://{host}:{port}")))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_vaults_are_normalised() {
        for (given, expected) in [
            ("https://kv-toll-dev.vault.azure.net", Some("https://kv-toll-dev.vault.azure.net")),
            ("https://KV-Toll.vault.azure.net/", Some("https://kv-toll.vault.azure.net")),
            ("https://kv.localhost:8443", Some("https://kv.localhost:8443")),
            ("https://kv.vault.azure.net:443", Some("https://kv.vault.azure.net")),
            ("http://kv.vault.azure.net", None),
            ("https://kv.vault.azure.net/secrets/x", None),
            ("https://user@kv.vault.azure.net", None),
            ("https://", None),
            ("kv-toll", None),
            ("", None),
        ] {
            assert_eq!(address(given).ok().as_deref(), expected, "{given}");
        }
    }
}
