//! Secrets and ids.

use secrecy::{SecretString, zeroize::Zeroizing};
use weir_ports::{ErrorKind, PortError};

/// 64 characters, so that a random byte's lower six bits choose one without bias.
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// 32 characters without lookalikes, for ids that people read out.
const READABLE: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// `length` characters of `alphabet`, whose length must divide 256.
fn text(length: usize, alphabet: &[u8]) -> Result<Zeroizing<String>, PortError> {
    let mut bytes = Zeroizing::new(vec![0; length]);
    getrandom::fill(&mut bytes)
        .map_err(|e| PortError::new(ErrorKind::Unavailable, "the system has no random numbers").because(e))?;
    Ok(Zeroizing::new(bytes.iter().map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()])).collect()))
}

/// A secret of 384 bits.
pub(crate) fn secret() -> Result<SecretString, PortError> {
    Ok(SecretString::from(text(64, URL_SAFE)?.as_str()))
}

/// An API key's id: 16 upper-case characters.
pub(crate) fn key_id() -> Result<String, PortError> {
    Ok(text(16, READABLE)?.to_ascii_uppercase())
}

/// A service account's id: `sa-1a2b3c`.
pub(crate) fn account_id() -> Result<String, PortError> {
    Ok(format!("sa-{}", text(6, READABLE)?.as_str()))
}

/// A topic's id, of the length Kafka's have.
pub(crate) fn topic_id() -> Result<String, PortError> {
    Ok(text(22, URL_SAFE)?.to_string())
}

/// The id of a cluster that was given none.
pub(crate) fn cluster_id() -> Result<String, PortError> {
    Ok(format!("sandbox-{}", text(8, READABLE)?.as_str()))
}

/// A secret version's id, of the length Key Vault's have.
pub(crate) fn version_id() -> Result<String, PortError> {
    Ok(text(32, READABLE)?.to_string())
}
