//! API keys.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::{Instant, sleep};
use weir_planning::KeyMarker;
use weir_ports::{CreatedKey, ErrorKind, PortError};
use weir_retry::Pauses;

use crate::{ApiKey, ConfluentCloud, answer::NewKey, apply::Answer, control::ControlPlane, failure::Failure};

/// Time limit of one login with a new key.
const TRY: Duration = Duration::from_secs(10);
/// Time between two logins with a new key.
const BETWEEN: Duration = Duration::from_secs(1);
/// Pauses until a new key is known everywhere: it is deleted only where it is known.
const KNOWN: Pauses = Pauses::new(Duration::from_millis(250), Duration::from_secs(2), Duration::from_secs(4));

pub(crate) async fn create(cloud: &ConfluentCloud, name: &str, marker: &KeyMarker) -> Result<CreatedKey, PortError> {
    let control = cloud.control()?;
    // Everything that can fail before the key exists is done first.
    let (protocol, bootstrap) = cloud.bootstrap().await?;
    let Some(owner) = cloud.id(name).await? else {
        return Err(PortError::refused(format!("there is no service account `{name}`")));
    };
    let NewKey { id, spec, metadata } = match control.create_key(&owner, marker).await {
        Ok(key) => key,
        // A new account is not known everywhere at once, and a recreated account has another id.
        Err(failure) if failure.status() == Some(404) => {
            let found = control.accounts(Some(&[name])).await?;
            cloud.memory().ids.extend(found.into_iter().map(|account| (account.display_name, account.id)));
            return Err(PortError { kind: ErrorKind::Retry, ..failure.into() });
        }
        Err(failure) => return Err(failure.into()),
    };
    cloud.memory().made.insert(id.clone());
    let connection = [
        ("bootstrap.servers", bootstrap.as_str()),
        ("security.protocol", protocol.as_str()),
        ("sasl.mechanism", "PLAIN"),
        ("sasl.username", &id),
    ];
    let connection: BTreeMap<String, String> =
        connection.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    Ok(CreatedKey { id, secret: spec.secret, created: metadata.created(), connection })
}

pub(crate) async fn delete(cloud: &ConfluentCloud, name: &str, id: &str) -> Answer {
    let control = cloud.control()?;
    if cloud.options.data.as_ref().is_some_and(|data| data.key.id == id)
        || cloud.options.control.as_ref().is_some_and(|control| control.key.id == id)
    {
        return Err(PortError::refused(format!("weir itself logs in with the API key {id}, and never deletes it")));
    }
    let owner = cloud.id(name).await?;
    let made = cloud.memory().made.contains(id);
    if !made {
        match control.key(id).await {
            Ok(key) => {
                let theirs = Some(key.owner()) == owner.as_deref();
                let for_this = match key.is_for(&cloud.options.cluster) {
                    Some(told) => told,
                    None => theirs && control.keys(owner.as_deref()).await?.iter().any(|listed| listed.id == id),
                };
                if !theirs || !for_this {
                    let message =
                        format!("the API key {id} does not belong to the service account `{name}` on this cluster");
                    return Err(PortError::refused(message));
                }
            }
            Err(failure) if may_be_gone(&failure) => return gone(control, owner.as_deref(), id, failure).await,
            Err(failure) => return Err(failure.into()),
        }
    }
    let deadline = control.deadline();
    let mut looks = KNOWN.until(deadline.min(Instant::now() + KNOWN.deadline));
    loop {
        match control.delete_key(id, deadline).await {
            Ok(()) => break,
            // A new key is not known everywhere at once: it could reappear a moment later.
            Err(failure) if made && failure.status() == Some(404) && looks.wait().await => {}
            Err(failure) if may_be_gone(&failure) => {
                gone(control, owner.as_deref(), id, failure).await?;
                break;
            }
            Err(failure) => return Err(failure.into()),
        }
    }
    cloud.memory().made.remove(id);
    Ok(())
}

/// Returns `true` for the answers that Confluent gives for a deleted key, and for one that weir may not see.
fn may_be_gone(failure: &Failure) -> bool {
    matches!(failure.status(), Some(403 | 404)) || failure.detail.contains("Unknown API key")
}

/// Returns success if the list of keys no longer has the key.
async fn gone(control: &ControlPlane, owner: Option<&str>, id: &str, failure: Failure) -> Answer {
    match control.keys(owner).await?.iter().any(|key| key.id == id) {
        true => Err(failure.although_listed()),
        false => Ok(()),
    }
}

/// Returns `true` if the brokers accept a new API key twice in a row: they learn of a key one by one, and each login
/// is at whichever broker answers.
pub(crate) async fn is_ready(cloud: &ConfluentCloud, key: &ApiKey) -> Result<bool, PortError> {
    Ok(logs_in(cloud, key).await? && {
        sleep(BETWEEN).await;
        logs_in(cloud, key).await?
    })
}

async fn logs_in(cloud: &ConfluentCloud, key: &ApiKey) -> Result<bool, PortError> {
    match cloud.kafka_as(key, TRY).await?.reach().await {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.kind, ErrorKind::Denied | ErrorKind::Retry) => Ok(false),
        Err(error) => Err(error),
    }
}
