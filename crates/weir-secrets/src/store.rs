//! Stores secrets.

use std::collections::{BTreeMap, BTreeSet};

use azure_core::time::OffsetDateTime;
use azure_security_keyvault_secrets::models::{SecretAttributes, SetSecretParameters};
use jiff::Timestamp;
use weir_planning::{ObservedSecret, SecretRef};
use weir_ports::{ExposeSecret as _, PortError, SecretString, check_secret};
use weir_retry::{Repeatable as _, Tries};

use crate::{
    KeyVaults,
    failure::{Failure, Why},
    rules,
    vault::{State, Tags, Vault},
};

/// The content type of a service account's credentials: a JSON object of client properties.
pub const CREDENTIALS: &str = "application/vnd.weir.credentials+json;v=1";

/// The metadata of a value beside its tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The content type.
    pub kind: String,
    /// The expiry of the value. It is only a reminder: vaults also return expired values.
    pub expires: Option<Timestamp>,
}

impl Default for Content {
    /// Credentials that do not expire.
    fn default() -> Self {
        Self { kind: CREDENTIALS.to_owned(), expires: None }
    }
}

impl Content {
    /// Returns the content type and expiry for a value with these tags: plain text for a projection, credentials
    /// otherwise.
    pub(crate) fn of(tags: &BTreeMap<String, String>) -> Self {
        let kind = if tags.contains_key(ObservedSecret::TAG_PROJECTION) { "text/plain" } else { CREDENTIALS };
        Self { kind: kind.to_owned(), expires: ObservedSecret::expires(tags) }
    }
}

/// The progress of a store.
#[derive(Default)]
struct Progress {
    /// The versions before the first try.
    before: Option<BTreeSet<String>>,
    /// `true` after a try whose effect is unknown.
    lost: bool,
}

impl KeyVaults {
    /// Does the work of [`store`](weir_ports::SecretSink::store), with a given content type and expiry.
    ///
    /// # Errors
    /// The errors of `store`: `Refused` for a foreign secret and for content that no vault accepts, `Denied`, `Retry`
    /// while the name is busy or the vault throttles, `Unavailable` if the vault was not reached, `Ambiguous` if the
    /// value may have been stored.
    pub async fn store_as(
        &self,
        at: &SecretRef,
        value: &SecretString,
        tags: &BTreeMap<String, String>,
        content: &Content,
    ) -> Result<(), PortError> {
        let (vault, name) = self.place(at)?;
        check_secret(value, tags)?;
        let turn = vault.turn(&name);
        let _turn = turn.lock().await;
        let mut patience = self.patience();
        let mut progress = Progress::default();
        let stored = self.store_at(&vault, at, &name, (value, tags, content), &mut progress, &mut patience).await;
        let version = stored.map_err(|error| match progress.lost {
            true => PortError::ambiguous(format!("{}; an earlier try may have stored it", error.message)),
            false => error,
        })?;
        self.read_back(&vault, at, &name, &version, tags, &mut patience).await
    }

    async fn store_at(
        &self,
        vault: &Vault,
        at: &SecretRef,
        name: &str,
        (value, tags, content): (&SecretString, &Tags, &Content),
        progress: &mut Progress,
        patience: &mut Tries,
    ) -> Result<String, PortError> {
        loop {
            let state = vault.state(name, patience).await;
            let versions = match state.map_err(|failure| failure.into_port(&format!("look at the secret {at}")))? {
                State::Absent => Vec::new(),
                State::Live(newest, versions) => {
                    rules::ours(at, &newest.tags)?;
                    versions
                }
                State::Deleted(deleted) => {
                    rules::ours(at, &deleted)?;
                    self.recover(vault, at, name, patience).await?;
                    continue;
                }
            };
            let before = progress.before.get_or_insert_with(|| versions.iter().map(|v| v.id.clone()).collect());
            // A version from an earlier try: its tags name the key inside, and the lock keeps other writers of this
            // process out.
            let left = versions.iter().find(|version| !before.contains(&version.id) && version.tags == *tags);
            if let (true, Some(left)) = (progress.lost, left) {
                return Ok(left.id.clone());
            }
            let failure = match vault.set(name, parameters(value, tags, content)).await {
                Ok(version) => return Ok(version),
                Err(failure) => failure.without(value),
            };
            progress.lost |= failure.why == Why::Lost;
            let again = failure.may_repeat() || failure.why == Why::Deleted;
            if !again || patience.again(failure.retry_after()).await.is_err() {
                return Err(failure.into_port(&format!("store the secret {at}")));
            }
        }
    }

    /// Recovers a deleted secret and waits until the vault shows it. The write itself then tests whether it is
    /// allowed.
    async fn recover(&self, vault: &Vault, at: &SecretRef, name: &str, patience: &mut Tries) -> Result<(), PortError> {
        let error = |failure: Failure| failure.into_port(&format!("recover the deleted secret {at}"));
        match patience.insist(|| vault.recover(name)).await {
            Ok(()) => {}
            // Another client, or an earlier try, has begun the recovery.
            Err(failure) if matches!(failure.why, Why::Missing) => {}
            Err(failure) => return Err(error(failure)),
        }
        loop {
            if !patience.insist(|| vault.versions(name)).await.map_err(error)?.is_empty() {
                return Ok(());
            }
            let busy = Failure::new(Why::Busy, "its recovery takes longer than this waits");
            if patience.again(busy.retry_after()).await.is_err() {
                return Err(error(busy));
            }
        }
    }

    /// Waits until the vault shows a version as it was stored.
    async fn read_back(
        &self,
        vault: &Vault,
        at: &SecretRef,
        name: &str,
        version: &str,
        tags: &Tags,
        patience: &mut Tries,
    ) -> Result<(), PortError> {
        let unseen =
            |why: String| PortError::ambiguous(format!("the secret {at} was stored, but does not read back: {why}"));
        loop {
            let versions = patience.insist(|| vault.versions(name)).await.map_err(|failure| unseen(failure.text))?;
            let why = match versions.iter().find(|found| found.id == version) {
                Some(found) if found.tags == *tags && found.enabled => return Ok(()),
                Some(_) => return Err(unseen("its tags differ, or it is disabled".to_owned())),
                None => "it is not seen".to_owned(),
            };
            if patience.again(None).await.is_err() {
                return Err(unseen(why));
            }
        }
    }
}

fn parameters(value: &SecretString, tags: &Tags, content: &Content) -> SetSecretParameters {
    let expires = content.expires.and_then(|at| OffsetDateTime::from_unix_timestamp(at.as_second()).ok());
    SetSecretParameters {
        value: Some(value.expose_secret().to_owned()),
        content_type: Some(content.kind.clone()),
        tags: Some(tags.clone().into_iter().collect()),
        secret_attributes: expires
            .map(|expires| SecretAttributes { expires: Some(expires), ..SecretAttributes::default() }),
    }
}
