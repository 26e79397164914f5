//! Inspects many secrets in few requests.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _, future, stream};
use weir_planning::{ObservedSecret, SecretRef, SecretState};
use weir_ports::PortError;

use crate::{
    KeyVaults,
    vault::{Listed, State, Vault},
};

/// The largest number of secrets of a vault that are looked up one by one; for more, the vault is listed, 25 to a
/// page.
const FEW: usize = 8;
/// The largest number of vaults that are asked at the same time.
const VAULTS: usize = 16;

/// Secrets of a vault, each with its normalised name.
type Wanted = Vec<(SecretRef, String)>;

impl KeyVaults {
    pub(crate) async fn inspect_all(
        &self,
        at: &BTreeSet<SecretRef>,
    ) -> Result<BTreeMap<SecretRef, ObservedSecret>, PortError> {
        let mut by_vault: BTreeMap<String, (_, Wanted)> = BTreeMap::new();
        for at in at {
            let (vault, name) = self.place(at)?;
            by_vault.entry(vault.address.clone()).or_insert_with(|| (vault, Vec::new())).1.push((at.clone(), name));
        }
        let asked = by_vault.into_values().map(|(vault, wanted)| async move {
            if wanted.len() > FEW { self.by_list(&vault, &wanted).await } else { self.by_name(&vault, &wanted).await }
        });
        let found: Vec<Vec<ObservedSecret>> = stream::iter(asked).buffered(VAULTS).try_collect().await?;
        Ok(found.into_iter().flatten().map(|found| (found.at.clone(), found)).collect())
    }

    async fn by_name(&self, vault: &Vault, wanted: &Wanted) -> Result<Vec<ObservedSecret>, PortError> {
        let asked = wanted.iter().map(|(at, name)| async move {
            let state = vault.state(name, &mut self.patience()).await;
            let state = state.map_err(|failure| failure.into_port(&format!("look at the secret {at}")))?;
            Ok(observed(at, state))
        });
        Ok(future::try_join_all(asked).await?.into_iter().flatten().collect())
    }

    async fn by_list(&self, vault: &Vault, wanted: &Wanted) -> Result<Vec<ObservedSecret>, PortError> {
        let all = self.listed(vault).await?;
        let found = wanted.iter().filter_map(|(at, name)| {
            let Listed { state, tags } = all.get(name)?.clone();
            Some(ObservedSecret { at: at.clone(), state, tags })
        });
        Ok(found.collect())
    }

    pub(crate) async fn list_all(&self, address: &str) -> Result<BTreeMap<SecretRef, ObservedSecret>, PortError> {
        let all = self.listed(&*self.vault(address)?).await?;
        let all = all.into_iter().map(|(name, Listed { state, tags })| {
            let at = SecretRef { vault: address.to_owned(), name };
            (at.clone(), ObservedSecret { at, state, tags })
        });
        Ok(all.collect())
    }

    /// Returns all secrets of a vault by name, the deleted ones too.
    async fn listed(&self, vault: &Vault) -> Result<BTreeMap<String, Listed>, PortError> {
        let mut patience = self.patience();
        let listed = async {
            let mut all = patience.insist(|| vault.list()).await?;
            // Listed after the live secrets: so a secret that is deleted in between is in both lists, rather than in
            // neither.
            all.extend(patience.insist(|| vault.list_deleted()).await?);
            Ok(all)
        };
        listed.await.map_err(|failure: crate::failure::Failure| failure.into_port(&format!("list {}", vault.address)))
    }
}

fn observed(at: &SecretRef, state: State) -> Option<ObservedSecret> {
    let (state, tags) = match state {
        State::Absent => return None,
        State::Live(newest, _) if newest.enabled => (SecretState::Present, newest.tags),
        State::Live(newest, _) => (SecretState::Disabled, newest.tags),
        State::Deleted(tags) => (SecretState::Deleted, tags),
    };
    Some(ObservedSecret { at: at.clone(), state, tags })
}
