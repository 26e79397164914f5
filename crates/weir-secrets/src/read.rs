//! Reads one of weir's own credentials from a vault.

use azure_core::http::Url;
use weir_ports::{PortError, SecretString};

use crate::{KeyVaults, failure::Why, rules};

impl KeyVaults {
    /// Returns the value of the secret at `address`: `https://VAULT/secrets/NAME`, or with `/VERSION`.
    ///
    /// Needs the right to read values, unlike all other calls of this crate.
    ///
    /// # Errors
    /// `Refused` if the address is not a secret's, or if the secret does not exist or is disabled; `Denied`;
    /// `Unavailable`.
    pub async fn read(&self, address: &str) -> Result<SecretString, PortError> {
        let (vault, name, version) = parse(address)?;
        let vault = self.vault(&vault)?;
        let read = self.patience().insist(|| vault.read(&name, version.as_deref())).await;
        let value = read.map_err(|failure| {
            let login = failure.why == Why::Role;
            let mut error = failure.into_port(&format!("read the secret {address}"));
            if login {
                error.message.push_str("; reading a value needs `getSecret`, as in the role Key Vault Secrets User");
            }
            error
        })?;
        value.ok_or_else(|| PortError::unavailable(format!("the secret {address} has no value")))
    }
}

/// Splits an address into vault, name and version.
fn parse(address: &str) -> Result<(String, String, Option<String>), PortError> {
    let wrong = || {
        PortError::refused(format!(
            "`{address}` is not a secret's address; write https://VAULT/secrets/NAME, as the vault shows"
        ))
    };
    let mut vault = Url::parse(address).map_err(|_| wrong())?;
    let path = vault.path().to_owned();
    let mut parts = path.trim_matches('/').split('/');
    let (Some("secrets"), Some(name), version, None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(wrong());
    };
    let (name, version) = (rules::name(name)?, version.map(rules::name).transpose()?);
    vault.set_path("");
    Ok((vault.to_string(), name, version))
}

#[cfg(test)]
mod tests {
    use weir_ports::ErrorKind;

    use super::*;

    #[test]
    fn addresses_of_secrets_are_parsed() {
        let (vault, name, version) = parse("https://kv.vault.azure.net/secrets/Weir-Api/0A1b").unwrap();
        assert_eq!(vault, "https://kv.vault.azure.net/");
        assert_eq!((name.as_str(), version.as_deref()), ("weir-api", Some("0a1b")));
        for wrong in
            ["", "kv", "https://kv.vault.azure.net", "https://kv.vault.azure.net/keys/n", "https://k/secrets/a/b/c"]
        {
            assert_eq!(parse(wrong).unwrap_err().kind, ErrorKind::Refused, "{wrong}");
        }
    }
}
