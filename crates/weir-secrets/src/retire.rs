//! Disables and deletes secrets.

use weir_planning::{ObservedSecret, SecretRef};
use weir_ports::{ErrorKind, PortError};
use weir_retry::Repeatable as _;

use crate::{KeyVaults, failure::Why, rules, vault::State};

impl KeyVaults {
    pub(crate) async fn disable_key(&self, at: &SecretRef, key: &str) -> Result<(), PortError> {
        let (vault, name) = self.place(at)?;
        let turn = vault.turn(&name);
        let _turn = turn.lock().await;
        let mut patience = self.patience();
        let versions = patience.insist(|| vault.versions(&name)).await;
        let versions = versions.map_err(|failure| failure.into_port(&format!("look at the secret {at}")))?;
        for version in versions {
            let holds = version.tags.get(ObservedSecret::TAG_KEY_ID).is_some_and(|id| id == key);
            if !version.enabled || !holds || !ObservedSecret::are_ours(&version.tags) {
                continue;
            }
            match patience.insist(|| vault.disable(&name, &version.id)).await {
                Ok(()) => {}
                // Another client deleted the secret meanwhile.
                Err(failure) if failure.why == Why::Missing => return Ok(()),
                Err(failure) => return Err(failure.into_port(&format!("disable a version of the secret {at}"))),
            }
        }
        Ok(())
    }

    pub(crate) async fn delete_ours(&self, at: &SecretRef) -> Result<(), PortError> {
        let (vault, name) = self.place(at)?;
        let turn = vault.turn(&name);
        let _turn = turn.lock().await;
        let mut patience = self.patience();
        let mut lost = false;
        loop {
            let failure = match vault.state(&name, &mut patience).await {
                // During its deletion, a secret is in neither list.
                Ok(State::Absent) => return Ok(()),
                Ok(State::Deleted(tags)) => return rules::ours(at, &tags),
                Ok(State::Live(newest, _)) => {
                    rules::ours(at, &newest.tags)?;
                    match vault.delete(&name).await {
                        Ok(()) => return Ok(()),
                        Err(failure) if failure.why == Why::Missing => return Ok(()),
                        Err(failure) => failure,
                    }
                }
                Err(failure) => failure,
            };
            lost |= failure.why == Why::Lost;
            if !failure.may_repeat() || patience.again(failure.retry_after()).await.is_err() {
                let mut error = failure.into_port(&format!("delete the secret {at}"));
                if lost {
                    error.kind = ErrorKind::Ambiguous;
                }
                return Err(error);
            }
        }
    }
}
