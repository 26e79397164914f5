//! Checks whether a secret can be stored, without storing one.

use azure_security_keyvault_secrets::models::SetSecretParameters;
use weir_planning::SecretRef;
use weir_ports::{ErrorKind, PortError, SECRET_TAGS};
use weir_retry::Repeatable as _;

use crate::{
    KeyVaults,
    failure::{Failure, Why},
    rules,
    vault::{State, Vault},
};

/// The known rights of the login in a vault.
#[derive(Debug, Default)]
pub(crate) struct Rights {
    /// `true` once the vault allowed the login to set a secret.
    may_set: bool,
    /// `true` once the wait for the missing right was in vain. It is not repeated.
    waited: bool,
}

/// A name that no secret has.
const NOBODYS: &str = "weir-preflight-no-such-secret";

impl KeyVaults {
    pub(crate) async fn could_store(&self, at: &SecretRef) -> Result<(), PortError> {
        let (vault, name) = self.place(at)?;
        let mut waiting = self.patience_for_rights();
        let mut rights = vault.rights.lock().await;
        if rights.may_set {
            // Releases the lock, so that other secrets need not wait for this one.
            drop(rights);
            return self.try_preflight(&vault, at, &name, true).await.map_err(Refusal::into_port);
        }
        loop {
            match self.try_preflight(&vault, at, &name, false).await {
                Ok(()) => {
                    rights.may_set = true;
                    return Ok(());
                }
                Err(Refusal::Lacking(failure)) => {
                    if !rights.waited && waiting.again(failure.retry_after()).await.is_ok() {
                        continue;
                    }
                    rights.waited = true;
                    let mut error = failure.into_port(&format!("store the secret {at}"));
                    error.message.push_str(&format!(
                        "; tried for {} s. A role that was assigned just now counts after up to ten minutes",
                        waiting.spent().as_secs()
                    ));
                    return Err(error);
                }
                Err(refusal) => return Err(refusal.into_port()),
            }
        }
    }

    async fn try_preflight(&self, vault: &Vault, at: &SecretRef, name: &str, may_set: bool) -> Result<(), Refusal> {
        let mut patience = self.patience();
        let lacking = |failure: Failure, what: &str| match failure.why {
            Why::Role => Refusal::Lacking(failure),
            _ => Refusal::Other(failure.into_port(&format!("{what} the secret {at}"))),
        };
        let state = vault.state(name, &mut patience).await.map_err(|failure| lacking(failure, "look at"))?;
        match &state {
            State::Absent => {}
            State::Live(newest, _) => rules::ours(at, &newest.tags).map_err(Refusal::Other)?,
            State::Deleted(tags) => {
                rules::ours(at, tags).map_err(Refusal::Other)?;
                match patience.insist(|| vault.recover(NOBODYS)).await {
                    Ok(()) => {}
                    Err(failure) if failure.why == Why::Missing => {}
                    Err(failure) => return Err(lacking(failure, "recover")),
                }
            }
        }
        if may_set {
            return Ok(());
        }
        match patience.insist(|| vault.set(name, unacceptable())).await {
            // The vault refused the request's content, so the right is there. The caller handles a taken or busy
            // name.
            Err(failure) if matches!(failure.why, Why::Refused | Why::Deleted | Why::Busy) => Ok(()),
            Err(failure) => Err(lacking(failure, "store")),
            Ok(_) => Err(Refusal::Other(PortError::new(
                ErrorKind::Unavailable,
                format!(
                    "{} accepts a secret without a value and with too many tags: it is not a Key Vault",
                    vault.address
                ),
            ))),
        }
    }
}

/// Returns a request that every vault refuses, for two documented reasons: it has no value, and a tag too many. The
/// answer shows whether the caller has the right.
fn unacceptable() -> SetSecretParameters {
    let tags = (0..=SECRET_TAGS).map(|number| (format!("preflight-{number}"), String::new()));
    SetSecretParameters { tags: Some(tags.collect()), ..SetSecretParameters::default() }
}

/// The reason why a secret cannot be stored.
enum Refusal {
    /// A role does not allow it, which may change soon.
    Lacking(Failure),
    /// Any other reason.
    Other(PortError),
}

impl Refusal {
    fn into_port(self) -> PortError {
        match self {
            Self::Lacking(failure) => failure.into_port("store a secret"),
            Self::Other(error) => error,
        }
    }
}
