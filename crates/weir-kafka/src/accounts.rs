//! Service accounts: SCRAM users, and the notes about them.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures::future::{join, join_all};
use weir_planning::{KeyMarker, Maker, ObservedAccount, ObservedKey, Principal};
use weir_ports::{PortError, Selection};
use weir_rdkafka_admin::{AclBinding, ScramCredential, ScramMechanism, rdkafka::types::RDKafkaErrorCode as Code};

use crate::{
    Kafka,
    acl::{self, Bindings},
    failure::{self, Purpose},
    note::Note,
};

/// The largest number of accounts whose bindings are listed one by one, which costs less than listing all bindings.
const FEW: usize = 8;
/// Time before bindings are listed again, if the first list was empty.
const PAUSE: Duration = Duration::from_millis(50);
/// The number of iterations that Kafka's tools choose.
const DEFAULT_ITERATIONS: i32 = 4_096;
/// The largest number of users in one request.
const USERS: usize = 1_000;

/// The cluster's data on an account.
#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    /// The account's credentials.
    pub(crate) credentials: Vec<ScramCredential>,
    /// The notes about the account.
    pub(crate) notes: Vec<Note>,
}

impl Account {
    /// Returns `true` if the account exists: as a SCRAM user, or only as a note.
    pub(crate) fn exists(&self) -> bool {
        !self.credentials.is_empty() || self.number().is_some()
    }

    /// Returns the highest number among the notes about the account itself: that note is in force.
    pub(crate) fn number(&self) -> Option<u64> {
        self.described().map(|(number, _, _)| number)
    }

    pub(crate) fn description(&self) -> &str {
        self.described().map_or("", |(_, _, description)| description)
    }

    /// Returns the workspace and stage that made or took over the account.
    pub(crate) fn maker(&self) -> Option<&Maker> {
        self.described().and_then(|(_, maker, _)| maker)
    }

    fn described(&self) -> Option<(u64, Option<&Maker>, &str)> {
        let notes = self.notes.iter().filter_map(|note| match note {
            Note::Account { number, maker, description } => Some((*number, maker.as_ref(), description.as_str())),
            Note::Key { .. } => None,
        });
        notes.max()
    }

    /// Returns the note about a credential; `None` for a foreign credential. weir never draws Kafka's default number
    /// of iterations, so a note with that number proves nothing.
    pub(crate) fn mark(&self, credential: &ScramCredential) -> Option<&Note> {
        let ours = credential.mechanism == ScramMechanism::Sha512 && credential.iterations > DEFAULT_ITERATIONS;
        self.notes
            .iter()
            .find(|note| ours && matches!(note, Note::Key { iterations, .. } if *iterations == credential.iterations))
    }

    /// Returns the credential that weir creates and replaces.
    pub(crate) fn key(&self) -> Option<&ScramCredential> {
        self.credentials.iter().find(|credential| credential.mechanism == ScramMechanism::Sha512)
    }

    pub(crate) fn observed(&self, name: &str) -> Option<ObservedAccount> {
        let (description, maker) = (self.description().to_owned(), self.maker().cloned());
        self.exists().then(|| ObservedAccount { id: name.to_owned(), description, maker })
    }

    /// Returns the makers of the account and of its credentials.
    pub(crate) fn makers(&self) -> Vec<Maker> {
        let of_key = |key: &ScramCredential| match self.mark(key) {
            Some(Note::Key { marker, .. }) => marker.parse::<KeyMarker>().ok().map(|marker| marker.maker),
            _ => None,
        };
        self.maker().cloned().into_iter().chain(self.credentials.iter().filter_map(of_key)).collect()
    }

    pub(crate) fn observed_keys(&self, name: &str) -> impl Iterator<Item = (String, ObservedKey)> {
        self.credentials.iter().map(move |credential| {
            let mark = match self.mark(credential) {
                Some(Note::Key { created, marker, .. }) => marker.parse::<KeyMarker>().ok().map(|m| (*created, m)),
                _ => None,
            };
            let key = ObservedKey {
                account: name.to_owned(),
                slot: mark.as_ref().map(|(_, marker)| marker.slot.clone()),
                created: mark.as_ref().map(|(created, _)| *created),
                marker: mark.map(|(_, marker)| marker.to_string()),
            };
            (key_id(name, credential), key)
        })
    }
}

/// Returns the id of a credential: `dev-billing#sha512-4711`. A user has one credential for each hash, and the number
/// of iterations distinguishes it from earlier ones.
pub(crate) fn key_id(account: &str, credential: &ScramCredential) -> String {
    let hash = match credential.mechanism {
        ScramMechanism::Sha256 => "sha256",
        ScramMechanism::Sha512 => "sha512",
        _ => "other",
    };
    format!("{account}#{hash}-{}", credential.iterations)
}

/// Accounts with their bindings, separated from notes.
#[derive(Debug, Default)]
pub(crate) struct Principals {
    pub(crate) accounts: BTreeMap<String, Account>,
    /// Bindings by principal, including those of other principals that were read along.
    pub(crate) acls: Bindings,
}

impl Principals {
    fn add(&mut self, binding: AclBinding) {
        if let Some((account, note)) = Note::read(&binding) {
            self.accounts.entry(account.to_owned()).or_default().notes.push(note);
        } else {
            acl::add(&mut self.acls, &binding);
        }
    }
}

/// Reads the selected accounts, and the bindings of the principals in `others`. The result may hold more than was
/// asked for.
pub(crate) async fn read(kafka: &Kafka, selection: &Selection, others: &[&str]) -> Result<Principals, PortError> {
    // Waits for both, so that the reported error does not depend on timing.
    let (bindings, credentials) = join(acls(kafka, selection, others), credentials(kafka, selection)).await;
    let (bindings, credentials) = (bindings?, credentials?);
    let mut principals = Principals::default();
    bindings.into_iter().for_each(|binding| principals.add(binding));
    for (user, credentials) in credentials {
        principals.accounts.entry(user).or_default().credentials = credentials;
    }
    Ok(principals)
}

/// Reads one account.
pub(crate) async fn read_one(kafka: &Kafka, name: &str) -> Result<Account, PortError> {
    let mut principals = read_named(kafka, [name]).await?;
    Ok(principals.accounts.remove(name).unwrap_or_default())
}

/// Reads accounts by name.
pub(crate) async fn read_named<'a>(
    kafka: &Kafka,
    names: impl IntoIterator<Item = &'a str>,
) -> Result<Principals, PortError> {
    let names: BTreeSet<String> = names.into_iter().map(str::to_owned).collect();
    read(kafka, &Selection { names, ..Selection::default() }, &[]).await
}

async fn acls(kafka: &Kafka, selection: &Selection, others: &[&str]) -> Result<Vec<AclBinding>, PortError> {
    let listed = acls_once(kafka, selection, others).await?;
    if !listed.is_empty() {
        return Ok(listed);
    }
    // librdkafka drops the error of an answer without bindings, so an empty list may stand for a passing error.
    tokio::time::sleep(PAUSE).await;
    acls_once(kafka, selection, others).await
}

async fn acls_once(kafka: &Kafka, selection: &Selection, others: &[&str]) -> Result<Vec<AclBinding>, PortError> {
    if !selection.is_named() || selection.names.len() > FEW {
        return acl::list(kafka, None).await;
    }
    let mut principals: BTreeSet<Principal> = others.iter().map(|other| Principal::from(*other)).collect();
    principals.extend(selection.names.iter().map(Principal::of_account));
    let answers = join_all(principals.iter().map(|principal| acl::list(kafka, Some(principal)))).await;
    let mut bindings = Vec::new();
    for answer in answers {
        bindings.extend(answer?);
    }
    Ok(bindings)
}

async fn credentials(
    kafka: &Kafka,
    selection: &Selection,
) -> Result<BTreeMap<String, Vec<ScramCredential>>, PortError> {
    const WHAT: &str = "cannot list SCRAM users (needs Describe on the cluster)";
    let options = kafka.request_options();
    let mut answers = BTreeMap::new();
    if selection.is_named() {
        let names: Vec<&str> = selection.names.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
        for names in names.chunks(USERS) {
            answers.extend(kafka.read(WHAT, kafka.admin.describe_scram_credentials(Some(names), &options)).await?);
        }
    } else {
        answers = kafka.read(WHAT, kafka.admin.describe_scram_credentials(None, &options)).await?;
    }
    let mut found = BTreeMap::new();
    for (user, answer) in answers {
        match answer {
            Ok(credentials) => {
                found.insert(user, credentials);
            }
            Err(error) if error.code == Code::ResourceNotFound => {}
            Err(error) => return Err(failure::item(&error, Purpose::Read, WHAT)),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(iterations: i32, notes: &[(u64, &str)]) -> Account {
        Account {
            credentials: vec![ScramCredential { mechanism: ScramMechanism::Sha512, iterations }],
            notes: notes
                .iter()
                .map(|(number, text)| Note::Account { number: *number, maker: None, description: (*text).to_owned() })
                .collect(),
        }
    }

    #[test]
    fn a_note_about_kafkas_default_proves_nothing() {
        let mut account = account(DEFAULT_ITERATIONS, &[]);
        let marker = "weir/acme/dev/default/00".to_owned();
        account.notes.push(Note::Key { iterations: DEFAULT_ITERATIONS, created: jiff::Timestamp::UNIX_EPOCH, marker });
        assert_eq!(account.mark(&account.credentials[0]), None);
    }

    #[test]
    fn the_note_with_the_highest_number_counts() {
        assert_eq!(account(4096, &[(2, "new"), (1, "old")]).description(), "new");
        assert!(account(4096, &[]).exists() && !Account::default().exists());
    }

    #[test]
    fn a_credential_is_weirs_own_if_a_note_names_it() {
        let mut account = account(4711, &[(1, "x")]);
        let created = jiff::Timestamp::UNIX_EPOCH;
        account.notes.push(Note::Key { iterations: 4710, created, marker: "weir/acme/dev/default/00".to_owned() });
        let keys: Vec<_> = account.observed_keys("a").collect();
        assert_eq!(keys[0].0, "a#sha512-4711");
        assert_eq!((keys[0].1.marker.as_deref(), keys[0].1.created), (None, None));
        account.notes.push(Note::Key { iterations: 4711, created, marker: "weir/acme/dev/default/01".to_owned() });
        assert_eq!(account.makers(), ["acme/dev".parse().unwrap()]);
        let keys: Vec<_> = account.observed_keys("a").collect();
        assert_eq!(keys[0].1.marker.as_deref(), Some("weir/acme/dev/default/01"));
        assert_eq!((keys[0].1.slot.as_deref(), keys[0].1.created), (Some("default"), Some(created)));
    }
}
