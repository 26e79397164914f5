//! The limits of Azure Key Vault; every stand-in for one has the same limits
//! (`azure-docs: articles/key-vault/general/about-keys-secrets-certificates.md`, `secrets/about-secrets.md`).

use std::collections::BTreeMap;

use secrecy::{ExposeSecret as _, SecretString};

use crate::PortError;

const NAME_LENGTH: usize = 127;
const VALUE_BYTES: usize = 25 * 1024;
const TAG_LENGTH: usize = 512;

/// Maximum number of tags of a secret.
pub const SECRET_TAGS: usize = 15;

/// Refuses a name that no secret can have.
///
/// # Errors
/// `Refused`.
pub fn check_secret_name(name: &str) -> Result<(), PortError> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if name.is_empty() || name.len() > NAME_LENGTH || !name.bytes().all(legal) {
        let message = format!("`{name}` is no secret's name; it must be 1 to {NAME_LENGTH} letters, digits and `-`");
        return Err(PortError::refused(message));
    }
    Ok(())
}

/// Refuses a value or tags that are too large.
///
/// # Errors
/// `Refused`; the value is not told.
pub fn check_secret(value: &SecretString, tags: &BTreeMap<String, String>) -> Result<(), PortError> {
    let length = value.expose_secret().len();
    if length > VALUE_BYTES {
        return Err(PortError::refused(format!("the secret has {length} bytes, a vault takes {VALUE_BYTES}")));
    }
    if tags.len() > SECRET_TAGS {
        return Err(PortError::refused(format!("the secret has {} tags, a vault takes {SECRET_TAGS}", tags.len())));
    }
    match tags.iter().find(|(name, value)| name.len() > TAG_LENGTH || value.len() > TAG_LENGTH) {
        Some((name, _)) => {
            Err(PortError::refused(format!("the tag `{name:.40}` is longer than {TAG_LENGTH} characters")))
        }
        None => Ok(()),
    }
}
