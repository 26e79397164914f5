//! API keys.

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use weir_ports::{ExposeSecret as _, PortError, SecretString};

use super::{accounts, room};
use crate::{
    random,
    state::{KEYS, Key},
    transaction::Transaction,
};

/// Creates a key; returns its id and secret.
pub(crate) fn create(
    on: &mut Transaction<'_>,
    account: &str,
    description: &str,
    now: Timestamp,
) -> Result<(String, SecretString), PortError> {
    let state = on.state();
    if !state.accounts.contains_key(account) {
        return Err(accounts::absent(account));
    }
    let limits = &state.cluster.limits;
    room("API keys", state.keys.len() as u64 + 1, limits.keys)?;
    if let Some(limit) = limits.keys_per_account {
        let used = state.keys.values().filter(|key| key.account == account).count() as u64;
        if used >= limit {
            return Err(PortError::refused(format!(
                "the service account `{account}` has {used} API keys already, of {limit}"
            )));
        }
    }
    let id = loop {
        let id = random::key_id()?;
        if !state.keys.contains_key(&id) {
            break id;
        }
    };
    let secret = random::secret()?;
    let key =
        Key { account: account.to_owned(), description: description.to_owned(), created: now, sha256: hash(&secret) };
    on.edit(KEYS).keys.insert(id.clone(), key);
    Ok((id, secret))
}

pub(crate) fn delete(on: &mut Transaction<'_>, account: &str, id: &str) -> Result<(), PortError> {
    match on.state().keys.get(id) {
        None => Ok(()),
        Some(key) if key.account != account => Err(PortError::refused(format!(
            "the API key {id} belongs to the service account `{}`, not to `{account}`",
            key.account
        ))),
        Some(_) => {
            on.edit(KEYS).keys.remove(id);
            Ok(())
        }
    }
}

/// Returns the hash that the cluster keeps of a secret. SHA-256 is enough, since a secret has 384 random bits.
pub(crate) fn hash(secret: &SecretString) -> String {
    let digest = Sha256::digest(secret.expose_secret().as_bytes());
    digest
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|n| char::from(b"0123456789abcdef"[usize::from(n)]))
        .collect()
}
