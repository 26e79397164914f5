//! Random secrets and ids.

use secrecy::{SecretString, zeroize::Zeroizing};
use weir_ports::PortError;

/// 64 characters, so that a random byte's lower six bits choose one without bias.
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// 32 characters without lookalikes, for ids that people read out.
const READABLE: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Returns `length` random characters of `alphabet`, whose length must divide 256.
fn text(length: usize, alphabet: &[u8]) -> Result<Zeroizing<String>, PortError> {
    let mut bytes = Zeroizing::new(vec![0; length]);
    getrandom::fill(&mut bytes).map_err(|e| PortError::unavailable("the system has no random numbers").because(e))?;
    Ok(Zeroizing::new(bytes.iter().map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()])).collect()))
}

/// Returns a secret of 384 bits.
pub(crate) fn secret() -> Result<SecretString, PortError> {
    Ok(SecretString::from(text(64, URL_SAFE)?.as_str()))
}

/// Returns an API key's id: 16 upper-case characters.
pub(crate) fn key_id() -> Result<String, PortError> {
    Ok(text(16, READABLE)?.to_ascii_uppercase())
}

/// Returns a service account's id: `sa-1a2b3c`.
pub(crate) fn account_id() -> Result<String, PortError> {
    Ok(format!("sa-{}", text(6, READABLE)?.as_str()))
}

/// Returns a topic's id, as long as Kafka's.
pub(crate) fn topic_id() -> Result<String, PortError> {
    Ok(text(22, URL_SAFE)?.to_string())
}

/// Returns an id for a cluster that was created without one.
pub(crate) fn cluster_id() -> Result<String, PortError> {
    Ok(format!("sandbox-{}", text(8, READABLE)?.as_str()))
}

/// Returns a secret version's id, as long as Key Vault's.
pub(crate) fn version_id() -> Result<String, PortError> {
    Ok(text(32, READABLE)?.to_string())
}
