//! API keys.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::{Instant, sleep};
use weir_planning::KeyMarker;
use weir_ports::{CreatedKey, ErrorKind, PortError};

use crate::{
    ApiKey, ConfluentCloud, answer::NewKey, apply::Answer, control::ControlPlane, failure::Failure, options::refused,
};

/// Time limit of one log-in with a new key.
const TRY: Duration = Duration::from_secs(10);

pub(crate) async fn create(cloud: &ConfluentCloud, name: &str, marker: &KeyMarker) -> Result<CreatedKey, PortError> {
    let control = cloud.control()?;
    // Everything that can fail before the key exists is done first.
    let (protocol, bootstrap) = cloud.bootstrap().await?;
    let Some(owner) = cloud.id(name).await? else {
        return Err(refused(format!("there is no service account `{name}`")));
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
        return Err(refused(format!("weir itself logs in with the API key {id}, and never deletes it")));
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
                    return Err(refused(message));
                }
            }
            Err(failure) if may_be_gone(&failure) => return gone(control, owner.as_deref(), id, failure).await,
            Err(failure) => return Err(failure.into()),
        }
    }
    let mut pause = Duration::from_millis(250);
    loop {
        match control.delete_key(id).await {
            Ok(()) => break,
            // A new key is not known everywhere at once: it could reappear a moment later.
            Err(failure) if made && failure.status() == Some(404) && pause < Duration::from_secs(4) => {
                sleep(pause).await;
                pause *= 2;
            }
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

pub(crate) async fn wait_until_usable(
    cloud: &ConfluentCloud,
    key: &ApiKey,
    patience: Duration,
) -> Result<bool, PortError> {
    let deadline = Instant::now() + patience;
    let (mut pause, mut in_a_row) = (Duration::from_secs(1), 0);
    loop {
        // Each try is a separate log-in, at whichever broker answers.
        match cloud.kafka_as(key, TRY).await?.reach().await {
            Ok(_) if in_a_row == 1 => return Ok(true),
            Ok(_) => in_a_row += 1,
            Err(error) if matches!(error.kind, ErrorKind::Denied | ErrorKind::Retry) => in_a_row = 0,
            Err(error) => return Err(error),
        }
        let now = Instant::now();
        if now >= deadline {
            return Ok(false);
        }
        sleep(if in_a_row == 0 { pause } else { Duration::from_secs(1) }.min(deadline - now)).await;
        pause = (pause * 2).min(Duration::from_secs(30));
    }
}
