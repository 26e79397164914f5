//! Key vaults in a folder: a [`SecretSink`].

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use secrecy::zeroize::Zeroizing;
use weir_planning::{ObservedSecret, SecretRef, SecretState};
use weir_ports::{Clock, ExposeSecret as _, PortError, SecretSink, SecretString, SystemClock, check_secret};

use crate::{
    Call, Faults, Sandbox, SecretVersion,
    faults::{self, Hit, Point},
    folder::{Folder, Lock},
    secret::{self, SecretFile},
};

/// Key vaults in a folder, below `vaults/`: a folder for each vault, a file for each secret, readable by its owner only.
///
/// A [`Sandbox`] has its own vaults; this type is for vaults beside a cluster elsewhere. Names, limits, versions,
/// tags and soft deletion are those of Azure Key Vault.
#[derive(Clone)]
pub struct Vaults {
    folder: Arc<Folder>,
    faults: Faults,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Vaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vaults").field("path", &self.path()).finish_non_exhaustive()
    }
}

impl Vaults {
    /// Opens the vaults in the folder `path`; creates the folder if it is missing. `faults` strike as in a sandbox.
    ///
    /// # Errors
    /// `Unavailable` or `Denied` if the folder cannot be created or locked.
    pub fn open(path: impl AsRef<Path>, faults: Faults) -> Result<Self, PortError> {
        let folder = Folder::make(path.as_ref())?;
        let lock = folder.lock_exclusive()?;
        folder.tidy(&lock)?;
        drop(lock);
        Ok(Self::new(Arc::new(folder), faults, Arc::new(SystemClock)))
    }

    pub(crate) fn new(folder: Arc<Folder>, faults: Faults, clock: Arc<dyn Clock>) -> Self {
        Self { folder, faults, clock }
    }

    /// Returns the folder of all vaults: the only place with secrets.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("vaults")
    }
}

#[async_trait]
impl SecretSink for Sandbox {
    async fn inspect(&self, at: &BTreeSet<SecretRef>) -> Result<BTreeMap<SecretRef, ObservedSecret>, PortError> {
        self.vaults.inspect(at).await
    }

    async fn list(&self, vault: &str) -> Result<BTreeMap<SecretRef, ObservedSecret>, PortError> {
        self.vaults.list(vault).await
    }

    async fn preflight(&self, at: &SecretRef) -> Result<(), PortError> {
        self.vaults.preflight(at).await
    }

    async fn store(
        &self,
        at: &SecretRef,
        value: &SecretString,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), PortError> {
        self.vaults.store(at, value, tags).await
    }

    async fn disable(&self, at: &SecretRef, key: &str) -> Result<(), PortError> {
        self.vaults.disable(at, key).await
    }

    async fn delete(&self, at: &SecretRef) -> Result<(), PortError> {
        self.vaults.delete(at).await
    }
}

#[async_trait]
impl SecretSink for Vaults {
    async fn inspect(&self, at: &BTreeSet<SecretRef>) -> Result<BTreeMap<SecretRef, ObservedSecret>, PortError> {
        self.faults.begin(Call::Inspect)?;
        let _lock = self.folder.lock_shared()?;
        let mut found = BTreeMap::new();
        for at in at {
            if let Some(secret) = self.secret(at)? {
                found.insert(at.clone(), secret.observed(at));
            }
        }
        Ok(found)
    }

    async fn list(&self, vault: &str) -> Result<BTreeMap<SecretRef, ObservedSecret>, PortError> {
        self.faults.begin(Call::Inspect)?;
        let _lock = self.folder.lock_shared()?;
        self.faults.reach(vault)?;
        let mut found = BTreeMap::new();
        for name in self.folder.names_in(&secret::folder_name(vault)?)? {
            let Some(name) = name.strip_suffix(".json") else { continue };
            let at = SecretRef { vault: vault.to_owned(), name: name.to_owned() };
            if let Some(secret) = self.secret(&at)? {
                found.insert(at.clone(), secret.observed(&at));
            }
        }
        Ok(found)
    }

    async fn preflight(&self, at: &SecretRef) -> Result<(), PortError> {
        self.faults.begin(Call::Preflight)?;
        let _lock = self.folder.lock_shared()?;
        self.secret(at)?.as_ref().map_or(Ok(()), |secret| refuse_foreign(secret, at))
    }

    async fn store(
        &self,
        at: &SecretRef,
        value: &SecretString,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), PortError> {
        self.item(Call::Store, |lock| {
            check_secret(value, tags)?;
            let mut secret = self.secret(at)?.unwrap_or_else(|| SecretFile::new(&at.name));
            if secret.observed(at).state == SecretState::Deleted {
                refuse_foreign(&secret, at)?;
                secret.deleted = None;
                self.write_secret(lock, at, &secret)?;
                self.between()?;
            }
            if !secret.versions().is_empty() {
                refuse_foreign(&secret, at)?;
            }
            secret.add(value, tags, self.clock.now())?;
            self.write_secret(lock, at, &secret)?;
            let stored = self.secret(at)?;
            match stored.as_ref().and_then(SecretFile::value) {
                Some(read) if read.expose_secret() == value.expose_secret() => Ok(()),
                _ => Err(PortError::ambiguous(format!("{at} does not read back as it was stored"))),
            }
        })
    }

    async fn disable(&self, at: &SecretRef, key: &str) -> Result<(), PortError> {
        self.item(Call::Disable, |lock| {
            let Some(mut secret) = self.secret(at)? else { return Ok(()) };
            let holds_key = |tags: &BTreeMap<String, String>| {
                let version = ObservedSecret { at: at.clone(), state: SecretState::Present, tags: tags.clone() };
                version.key_id() == Some(key)
            };
            if secret.disable(holds_key) { self.write_secret(lock, at, &secret) } else { Ok(()) }
        })
    }

    async fn delete(&self, at: &SecretRef) -> Result<(), PortError> {
        self.item(Call::Delete, |lock| {
            let Some(mut secret) = self.secret(at)? else { return Ok(()) };
            refuse_foreign(&secret, at)?;
            if secret.deleted.is_some() {
                return Ok(());
            }
            secret.deleted = Some(self.clock.now());
            self.write_secret(lock, at, &secret)
        })
    }
}

/// Actions of applications and people, for tests and demonstrations. They pass no fault points.
impl Vaults {
    /// Returns the value that an application reads: the newest version's, unless it is disabled or the secret is
    /// deleted.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn read_secret(&self, at: &SecretRef) -> Result<Option<SecretString>, PortError> {
        let _lock = self.folder.lock_shared()?;
        Ok(self.secret(at)?.as_ref().and_then(SecretFile::value).cloned())
    }

    /// Returns all versions, the newest last; empty for a missing secret.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn secret_versions(&self, at: &SecretRef) -> Result<Vec<SecretVersion>, PortError> {
        let _lock = self.folder.lock_shared()?;
        Ok(self.secret(at)?.map(|secret| secret.versions()).unwrap_or_default())
    }

    /// Stores a version as a person would by hand, even in a foreign secret.
    ///
    /// # Errors
    /// `Refused` for content that a vault refuses.
    pub fn put_secret(
        &self,
        at: &SecretRef,
        value: &SecretString,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), PortError> {
        check_secret(value, tags)?;
        let mut lock = self.folder.lock_exclusive()?;
        let mut secret = self.secret(at)?.unwrap_or_else(|| SecretFile::new(&at.name));
        if secret.deleted.is_some() {
            return Err(PortError::refused(format!("the secret {at} is deleted but recoverable; its name is taken")));
        }
        secret.add(value, tags, self.clock.now())?;
        self.write_secret(&mut lock, at, &secret)
    }

    /// Deletes a secret as a person would by hand, even a foreign one; it can be recovered.
    ///
    /// # Errors
    /// If the folder cannot be read or written.
    pub fn remove_secret(&self, at: &SecretRef) -> Result<(), PortError> {
        let mut lock = self.folder.lock_exclusive()?;
        let Some(mut secret) = self.secret(at)? else { return Ok(()) };
        secret.deleted = Some(self.clock.now());
        self.write_secret(&mut lock, at, &secret)
    }

    fn secret(&self, at: &SecretRef) -> Result<Option<SecretFile>, PortError> {
        self.faults.reach(&at.vault)?;
        let file = secret::file_name(at)?;
        let bytes = self.folder.read(&file)?.map(Zeroizing::new);
        bytes.map(|bytes| SecretFile::decode(&file, &bytes)).transpose()
    }

    fn write_secret(&self, lock: &mut Lock, at: &SecretRef, secret: &SecretFile) -> Result<(), PortError> {
        self.folder.write(lock, &secret::file_name(at)?, &secret.encode())
    }

    /// Carries out a changing call between its two fault points.
    fn item(&self, call: Call, item: impl FnOnce(&mut Lock) -> Result<(), PortError>) -> Result<(), PortError> {
        self.faults.begin(call)?;
        let mut lock = self.folder.lock_exclusive()?;
        match self.faults.pass(Point::Before) {
            Hit::Go => {}
            Hit::Fail => return Err(faults::failed()),
            Hit::Refuse => return Err(faults::refused()),
            Hit::Kill => std::process::abort(),
            _ => return Err(faults::crashed()),
        }
        let answer = item(&mut lock);
        if self.faults.is_crashed() {
            return answer;
        }
        match self.faults.pass(Point::After(answer.is_ok())) {
            Hit::Go => answer,
            Hit::Lost => Err(faults::lost()),
            Hit::Kill => std::process::abort(),
            _ => Err(faults::crashed()),
        }
    }

    /// Passes the fault point between two writes of a call.
    fn between(&self) -> Result<(), PortError> {
        match self.faults.pass(Point::Between) {
            Hit::Kill => std::process::abort(),
            Hit::Crash => Err(faults::crashed()),
            _ => Ok(()),
        }
    }
}

fn refuse_foreign(secret: &SecretFile, at: &SecretRef) -> Result<(), PortError> {
    if secret.observed(at).is_ours() {
        return Ok(());
    }
    Err(PortError::refused(format!(
        "the secret {at} was not written by weir (it has no tag `managed-by: weir`); it is left alone"
    )))
}
