//! Applies changes of topics and ACL bindings through weir-kafka, translated to Confluent Cloud's terms.

use std::collections::{BTreeMap, BTreeSet};

use weir_planning::{Acl, Change, Host, Object, Principal};
use weir_ports::{Cluster as _, PortError};

use crate::{
    ConfluentCloud,
    dialect::{self, REPLICAS},
};

pub(crate) type Answer = Result<(), PortError>;

pub(crate) async fn apply(cloud: &ConfluentCloud, changes: &[&Change]) -> Vec<Answer> {
    if changes.is_empty() {
        return Vec::new();
    }
    let (kafka, ids) = match futures::future::try_join(cloud.kafka(), ids(cloud, changes)).await {
        Ok(ready) => ready,
        Err(error) => return for_all(changes.len(), &error),
    };
    let mut answers: Vec<Option<Answer>> = changes.iter().map(|_| None).collect();
    let mut sent: Vec<(usize, Change)> = Vec::new();
    for (place, change) in changes.iter().enumerate() {
        match translated(cloud, change, &ids) {
            Ok(Some(change)) => sent.push((place, change)),
            Ok(None) => answers[place] = Some(Ok(())),
            Err(error) => answers[place] = Some(Err(error)),
        }
    }
    // A change that needs two steps gets its first step here.
    let first: Vec<(usize, Change)> =
        sent.iter().filter_map(|(place, change)| Some((*place, dialect::before(change)?))).collect();
    for (place, answer) in carry_out(kafka, &first).await {
        if answer.is_err() {
            answers[place] = Some(answer);
        }
    }
    sent.retain(|(place, _)| answers[*place].is_none());
    for (place, answer) in carry_out(kafka, &sent).await {
        answers[place] = Some(answer);
    }
    let unanswered = || Err(PortError::refused("the brokers gave no answer to the change"));
    answers.into_iter().map(|answer| answer.unwrap_or_else(unanswered)).collect()
}

async fn carry_out(kafka: &weir_kafka::Kafka, changes: &[(usize, Change)]) -> Vec<(usize, Answer)> {
    let sent: Vec<&Change> = changes.iter().map(|(_, change)| change).collect();
    let answers = kafka.apply(&sent).await;
    changes.iter().map(|(place, _)| *place).zip(answers).collect()
}

/// Returns the same error for each change.
pub(crate) fn for_all(number: usize, error: &PortError) -> Vec<Answer> {
    (0..number).map(|_| Err(error.copy_for_item())).collect()
}

/// Returns the ids of all service accounts that the changes name.
async fn ids(cloud: &ConfluentCloud, changes: &[&Change]) -> Result<BTreeMap<String, String>, PortError> {
    let named: BTreeSet<&str> = changes
        .iter()
        .filter_map(|change| match change.about().object {
            Object::Acl { principal, acl: _ } => account(principal),
            Object::Topic(_) | Object::Account(_) | Object::Key { .. } => None,
        })
        .collect();
    if named.is_empty() { Ok(BTreeMap::new()) } else { cloud.ids(&named).await }
}

/// Returns the account that a principal names; `None` for `User:*`.
fn account(principal: &Principal) -> Option<&str> {
    principal.user().filter(|name| !name.is_empty() && *name != "*")
}

/// Translates a change for the brokers; `None` if there is nothing to do.
fn translated(
    cloud: &ConfluentCloud,
    change: &Change,
    ids: &BTreeMap<String, String>,
) -> Result<Option<Change>, PortError> {
    if let Object::Topic(topic) = change.about().object
        && dialect::is_internal(topic)
    {
        return Err(PortError::refused(format!("the topic `{topic}` belongs to Confluent Cloud and is left alone")));
    }
    match change {
        Change::CreateTopic { topic, replication_factor: Some(replicas), .. } if *replicas != REPLICAS => {
            Err(PortError::refused(format!(
                "the topic `{topic}` asks for replication factor {replicas}; on Confluent Cloud it is always {REPLICAS}"
            )))
        }
        Change::CreateAcl { principal, acl } => {
            if let Acl { host: Host::Address(address), .. } = acl {
                let message = format!(
                    "a binding of {principal} is for clients at {address}; Confluent Cloud takes bindings for any address only"
                );
                return Err(PortError::refused(message));
            }
            match known(principal, ids) {
                Some(principal) => Ok(Some(Change::CreateAcl { principal, acl: acl.clone() })),
                None => Err(nobody(cloud, principal)),
            }
        }
        Change::DeleteAcl { principal, acl } => match known(principal, ids) {
            Some(principal) => Ok(Some(Change::DeleteAcl { principal, acl: acl.clone() })),
            // The list of accounts does not have the name, so no binding can exist for it.
            None if account(principal).is_some() && cloud.control().is_ok() => Ok(None),
            None => Err(nobody(cloud, principal)),
        },
        Change::CreateTopic { .. }
        | Change::AddPartitions { .. }
        | Change::ChangeReplicationFactor { .. }
        | Change::AlterConfig { .. }
        | Change::DeleteTopic { .. } => Ok(Some(change.clone())),
        Change::AdoptAccount { .. }
        | Change::CreateAccount { .. }
        | Change::UpdateAccount { .. }
        | Change::DeleteAccount { .. }
        | Change::CreateKey { .. }
        | Change::DeleteKey { .. } => {
            Err(PortError::refused("service accounts and API keys are not kept by the brokers"))
        }
    }
}

fn known(principal: &Principal, ids: &BTreeMap<String, String>) -> Option<Principal> {
    match account(principal) {
        Some(name) => Some(Principal::of_account(ids.get(name)?)),
        None => (&**principal == Principal::EVERYBODY).then(|| principal.clone()),
    }
}

fn nobody(cloud: &ConfluentCloud, principal: &Principal) -> PortError {
    match (account(principal), cloud.control()) {
        (None, _) => PortError::refused(format!("`{principal}` is not a principal; it must be `User:` and a name")),
        (Some(name), Ok(_)) => PortError::refused(format!("there is no service account `{name}`")),
        (Some(name), Err(_)) => untold(name),
    }
}

/// Makes the error for a service account whose id is unknown, since the control plane is out of reach.
pub(crate) fn untold(name: &str) -> PortError {
    let message = format!(
        "the id of the service account `{name}` is unknown, and the control plane is not open in this run; hand in \
         the receipt of the run that made it"
    );
    PortError::unavailable(message)
}
