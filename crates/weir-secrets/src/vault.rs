//! A vault: single requests, of which a limited number run at once.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use azure_core::{
    credentials::TokenCredential,
    http::{ClientOptions, RetryOptions},
};
use azure_security_keyvault_secrets::{
    ResourceExt as _, SecretClient, SecretClientOptions,
    models::{
        DeletedSecret, Secret, SecretAttributes, SecretClientGetSecretOptions,
        SecretClientUpdateSecretPropertiesOptions, SecretProperties, SetSecretParameters,
        UpdateSecretPropertiesParameters,
    },
};
use futures::TryStreamExt as _;
use tokio::sync::{Semaphore, SemaphorePermit};
use weir_model::{AZURE_VAULT_DOMAINS, VaultAddress};
use weir_planning::SecretState;
use weir_ports::{PortError, SecretString};
use weir_retry::{Repeatable as _, Tries};

use crate::{
    Options,
    failure::{Failure, Why, chain},
    http::Http,
    login::OnlyFor,
};

pub(crate) type Tags = BTreeMap<String, String>;

/// A version of a secret, without its value.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(crate) id: String,
    pub(crate) enabled: bool,
    /// Seconds since 1970; Azure keeps no fractions.
    created: i64,
    pub(crate) tags: Tags,
}

/// The state of a name.
#[derive(Clone, Debug)]
pub(crate) enum State {
    /// The vault shows no secret with this name.
    Absent,
    /// A secret: its newest version, and all versions.
    Live(Version, Vec<Version>),
    /// A deleted secret that can be recovered.
    Deleted(Tags),
}

/// A secret's entry in a list.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) state: SecretState,
    pub(crate) tags: Tags,
}

impl Listed {
    /// Returns `true` if `version` would look like this in a list.
    fn shows(&self, version: &Version) -> bool {
        self.tags == version.tags && (self.state == SecretState::Present) == version.enabled
    }
}

/// The known rights of the login in a vault.
#[derive(Debug, Default)]
pub(crate) struct Rights {
    /// `true` once the vault allowed the login to set a secret.
    pub(crate) may_set: bool,
    /// `true` once the wait for the missing right was in vain. It is not repeated.
    pub(crate) waited: bool,
}

/// A client of one vault.
pub(crate) struct Vault {
    pub(crate) address: String,
    client: SecretClient,
    at_once: Semaphore,
    turns: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    pub(crate) rights: tokio::sync::Mutex<Rights>,
    /// `true` once reading one deleted secret was denied: then the list of deleted secrets is used instead.
    lists_deleted: AtomicBool,
}

impl Vault {
    pub(crate) fn new(
        address: &VaultAddress,
        options: &Options,
        credential: Arc<dyn TokenCredential>,
        http: &Http,
    ) -> Result<Self, PortError> {
        let azure = address.azure();
        // A listed host that stands in for a vault may ask for a token for vaults of any cloud, and for no other.
        let domains = azure.map_or_else(|| AZURE_VAULT_DOMAINS.to_vec(), |(_, domain)| vec![domain]);
        let address = address.to_string();
        let client_options = SecretClientOptions {
            // A vault of Azure names a resource on its own domain; a stand-in cannot.
            verify_challenge_resource: Some(azure.is_some()),
            client_options: ClientOptions {
                transport: Some(http.transport(Some(&address))?),
                // Retries are made by the callers, since they depend on the request.
                retry: RetryOptions::none(),
                ..ClientOptions::default()
            },
            ..SecretClientOptions::default()
        };
        let client = SecretClient::new(&address, Arc::new(OnlyFor { from: credential, domains }), Some(client_options))
            .map_err(|error| PortError::refused(format!("`{address}` is not a vault's address: {}", chain(&error))))?;
        Ok(Self {
            address,
            client,
            at_once: Semaphore::new(options.at_once.max(1)),
            turns: Mutex::default(),
            rights: tokio::sync::Mutex::default(),
            lists_deleted: AtomicBool::new(false),
        })
    }

    /// Returns the lock for changes of `name`: two changes at once would only make the vault refuse one of them.
    pub(crate) fn turn(&self, name: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(turns.entry(name.to_owned()).or_default())
    }

    async fn place(&self) -> Result<SemaphorePermit<'_>, Failure> {
        let closed = |_| Failure::new(Why::NotReached, "the program ends");
        self.at_once.acquire().await.map_err(closed)
    }

    /// Returns the state of `name`.
    pub(crate) async fn state(&self, name: &str, patience: &mut Tries) -> Result<State, Failure> {
        loop {
            let versions = patience.insist(|| self.versions(name)).await?;
            let Some(latest) = versions.iter().map(|version| version.created).max() else {
                let deleted = patience.insist(|| self.deleted(name)).await?;
                return Ok(deleted.map_or(State::Absent, State::Deleted));
            };
            let mut newest: Vec<_> = versions.iter().filter(|version| version.created == latest).collect();
            if newest.len() > 1 {
                // Several versions are from the same second: only the list of secrets shows which one is current.
                // Versions that look the same in the list need no distinction.
                let current = patience.insist(|| self.current(name)).await?;
                newest.retain(|version| current.as_ref().is_some_and(|current| current.shows(version)));
            }
            if let Some(newest) = newest.first().copied().cloned() {
                return Ok(State::Live(newest, versions));
            }
            // The secret changed between the two answers.
            let changing = Failure::new(Why::Busy, "somebody else is changing the secret");
            if patience.again(changing.retry_after()).await.is_err() {
                return Err(changing);
            }
        }
    }

    /// Returns all versions of `name`, in no order. Empty if there is no such secret.
    pub(crate) async fn versions(&self, name: &str) -> Result<Vec<Version>, Failure> {
        let _place = self.place().await?;
        let found = self.client.list_secret_properties_versions(name, None)?.try_collect::<Vec<_>>().await;
        match found.map_err(Failure::from) {
            Ok(found) => Ok(found.into_iter().filter_map(version).collect()),
            Err(failure) if failure.why == Why::Missing => Ok(Vec::new()),
            Err(failure) => Err(failure),
        }
    }

    /// Returns the tags of a deleted secret.
    async fn deleted(&self, name: &str) -> Result<Option<Tags>, Failure> {
        if !self.lists_deleted.load(Ordering::Relaxed) {
            let place = self.place().await?;
            let found = async { self.client.get_deleted_secret(name, None).await?.into_model() }.await;
            drop(place);
            match found.map_err(Failure::from) {
                Ok(DeletedSecret { tags, .. }) => return Ok(Some(tags.unwrap_or_default().into_iter().collect())),
                Err(failure) if failure.why == Why::Missing => return Ok(None),
                // A login without the right to read values may still list deleted secrets.
                Err(failure) if failure.why == Why::Role => self.lists_deleted.store(true, Ordering::Relaxed),
                Err(failure) => return Err(failure),
            }
        }
        Ok(self.list_deleted().await?.remove(name).map(|listed| listed.tags))
    }

    /// Returns the entry of `name` in the list of secrets.
    async fn current(&self, name: &str) -> Result<Option<Listed>, Failure> {
        let _place = self.place().await?;
        let mut all = self.client.list_secret_properties(None)?;
        while let Some(secret) = all.try_next().await? {
            match listed(secret) {
                Some((found, listed)) if found == name => return Ok(Some(listed)),
                _ => {}
            }
        }
        Ok(None)
    }

    /// Returns all secrets.
    pub(crate) async fn list(&self) -> Result<BTreeMap<String, Listed>, Failure> {
        let _place = self.place().await?;
        let found = self.client.list_secret_properties(None)?.try_collect::<Vec<_>>().await?;
        Ok(found.into_iter().filter_map(listed).collect())
    }

    /// Returns all deleted secrets that can be recovered.
    pub(crate) async fn list_deleted(&self) -> Result<BTreeMap<String, Listed>, Failure> {
        let _place = self.place().await?;
        let found = self.client.list_deleted_secret_properties(None)?.try_collect::<Vec<_>>().await?;
        let listed = found.into_iter().filter_map(|secret| {
            let name = secret.resource_id().ok()?.name.to_ascii_lowercase();
            let tags = secret.tags.unwrap_or_default().into_iter().collect();
            Some((name, Listed { state: SecretState::Deleted, tags }))
        });
        Ok(listed.collect())
    }

    /// Adds a version; returns its id.
    pub(crate) async fn set(&self, name: &str, what: SetSecretParameters) -> Result<String, Failure> {
        let _place = self.place().await?;
        let request = what.try_into()?;
        let mut stored: Secret = self.client.set_secret(name, request, None).await?.into_model()?;
        wipe(&mut stored);
        let lost = || Failure::new(Why::Lost, "the vault's answer names no version");
        stored.resource_id().ok().and_then(|id| id.version).ok_or_else(lost)
    }

    pub(crate) async fn disable(&self, name: &str, version: &str) -> Result<(), Failure> {
        let _place = self.place().await?;
        let disabled = SecretAttributes { enabled: Some(false), ..SecretAttributes::default() };
        let change =
            UpdateSecretPropertiesParameters { secret_attributes: Some(disabled), ..Default::default() }.try_into()?;
        let of = SecretClientUpdateSecretPropertiesOptions {
            secret_version: Some(version.to_owned()),
            ..Default::default()
        };
        self.client.update_secret_properties(name, change, Some(of)).await?;
        Ok(())
    }

    pub(crate) async fn delete(&self, name: &str) -> Result<(), Failure> {
        let _place = self.place().await?;
        self.client.delete_secret(name, None).await?;
        Ok(())
    }

    pub(crate) async fn recover(&self, name: &str) -> Result<(), Failure> {
        let _place = self.place().await?;
        self.client.recover_deleted_secret(name, None).await?;
        Ok(())
    }

    /// Reads a value: the only request that does.
    pub(crate) async fn read(&self, name: &str, version: Option<&str>) -> Result<Option<SecretString>, Failure> {
        let _place = self.place().await?;
        let of = SecretClientGetSecretOptions { secret_version: version.map(str::to_owned), ..Default::default() };
        let secret: Secret = self.client.get_secret(name, Some(of)).await?.into_model()?;
        Ok(secret.value.map(SecretString::from))
    }
}

/// Wipes the value in the answer to a store, in place and without a copy.
fn wipe(stored: &mut Secret) {
    drop(stored.value.take().map(SecretString::from));
}

fn version(properties: SecretProperties) -> Option<Version> {
    let id = properties.resource_id().ok()?.version?;
    let attributes = properties.attributes.unwrap_or_default();
    Some(Version {
        id,
        enabled: attributes.enabled.unwrap_or(true),
        created: attributes.created.map_or(0, |created| created.unix_timestamp()),
        tags: properties.tags.unwrap_or_default().into_iter().collect(),
    })
}

fn listed(properties: SecretProperties) -> Option<(String, Listed)> {
    let name = properties.resource_id().ok()?.name.to_ascii_lowercase();
    let enabled = properties.attributes.and_then(|attributes| attributes.enabled).unwrap_or(true);
    let state = if enabled { SecretState::Present } else { SecretState::Disabled };
    Some((name, Listed { state, tags: properties.tags.unwrap_or_default().into_iter().collect() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_to_a_store_is_wiped() {
        let mut stored = Secret::default();
        stored.value = Some("s3cret".to_owned());
        wipe(&mut stored);
        assert_eq!(stored.value, None);
    }
}
