//! The set of all vaults.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use azure_core::credentials::TokenCredential;
use weir_model::VaultAddress;
use weir_planning::{ObservedSecret, SecretRef};
use weir_ports::{PortError, SecretSink, SecretString};
use weir_retry::{Pauses, Tries};

use crate::{Content, Options, http::Http, login, rules, vault::Vault};

/// Azure Key Vaults, by address: a [`SecretSink`].
///
/// All vaults share a connection pool; each vault has a client. No more than [`Options::at_once`] requests are sent
/// to a vault at a time. Every call repeats its requests itself, until [`Options::patience`] is over.
pub struct KeyVaults {
    pub(crate) options: Options,
    http: Http,
    credential: Arc<dyn TokenCredential>,
    vaults: Mutex<HashMap<VaultAddress, Arc<Vault>>>,
}

impl fmt::Debug for KeyVaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyVaults").field("options", &self.options).finish_non_exhaustive()
    }
}

impl KeyVaults {
    /// Prepares the login, without sending a request.
    ///
    /// # Errors
    /// `Refused` if the certificates cannot be read, or if the login is incomplete.
    pub fn open(options: Options) -> Result<Self, PortError> {
        let http = Http::new(&options)?;
        let credential = login::credential(&options, &http)?;
        Ok(Self { options, http, credential, vaults: Mutex::default() })
    }

    pub(crate) fn vault(&self, address: &str) -> Result<Arc<Vault>, PortError> {
        let address = rules::address(address, &self.options.hosts)?;
        let mut vaults = self.vaults.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(vault) = vaults.get(&address) {
            return Ok(Arc::clone(vault));
        }
        let vault = Arc::new(Vault::new(&address, &self.options, Arc::clone(&self.credential), &self.http)?);
        vaults.insert(address, Arc::clone(&vault));
        Ok(vault)
    }

    /// Returns a secret's vault, and the secret's name in normal form.
    pub(crate) fn place(&self, at: &SecretRef) -> Result<(Arc<Vault>, String), PortError> {
        let name = rules::name(&at.name)?;
        Ok((self.vault(&at.vault)?, name))
    }

    /// Begins a call: all its requests share one deadline.
    pub(crate) fn patience(&self) -> Tries {
        self.tries(self.options.patience)
    }

    /// Begins to wait for a missing right.
    pub(crate) fn patience_for_rights(&self) -> Tries {
        self.tries(self.options.rights.min(self.options.patience))
    }

    fn tries(&self, deadline: Duration) -> Tries {
        Pauses::new(self.options.pause, self.options.pause * 16, deadline).begin()
    }
}

#[async_trait]
impl SecretSink for KeyVaults {
    async fn inspect(&self, at: &BTreeSet<SecretRef>) -> Result<BTreeMap<SecretRef, ObservedSecret>, PortError> {
        self.inspect_all(at).await.map_err(PortError::repeated)
    }

    async fn list(&self, vault: &str) -> Result<BTreeMap<SecretRef, ObservedSecret>, PortError> {
        self.list_all(vault).await.map_err(PortError::repeated)
    }

    async fn preflight(&self, at: &SecretRef) -> Result<(), PortError> {
        self.could_store(at).await.map_err(PortError::repeated)
    }

    async fn store(
        &self,
        at: &SecretRef,
        value: &SecretString,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), PortError> {
        self.store_as(at, value, tags, &Content::of(tags)).await.map_err(PortError::repeated)
    }

    async fn disable(&self, at: &SecretRef, key: &str) -> Result<(), PortError> {
        self.disable_key(at, key).await.map_err(PortError::repeated)
    }

    async fn delete(&self, at: &SecretRef) -> Result<(), PortError> {
        self.delete_ours(at).await.map_err(PortError::repeated)
    }
}
