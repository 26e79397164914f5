//! API keys: the SCRAM-SHA-512 credential of an account.
//!
//! An account has at most one key, and a new key replaces the old one at once. The number of iterations identifies a
//! key: it is the only part of a credential that weir can choose and read back. A note with the same number records
//! that weir created the key, when, and for which slot. weir writes the note first: a credential without a note is
//! foreign, and weir never replaces it.

use jiff::Timestamp;
use secrecy::zeroize::Zeroizing;
use weir_planning::KeyMarker;
use weir_ports::{CreatedKey, ErrorKind, ExposeSecret as _, PortError, SecretString};
use weir_rdkafka_admin::{ScramAlteration, ScramCredential, ScramMechanism, rdkafka::types::RDKafkaErrorCode as Code};

use crate::{
    Kafka,
    accounts::{self, Account},
    failure::{self, Purpose},
    login,
    note::Note,
    options::SPREAD,
};

pub(crate) async fn create(kafka: &Kafka, name: &str, marker: &KeyMarker) -> Result<CreatedKey, PortError> {
    let protocol = kafka.options.protocol;
    if !protocol.is_sasl() {
        let message = format!("API keys need a login, but the security protocol is {protocol}");
        return Err(PortError::refused(message));
    }
    if kafka.options.login.as_ref().is_some_and(|login| login.username == name) {
        return Err(PortError::refused(format!("weir itself logs in as `{name}`, and never replaces that credential")));
    }
    let account = accounts::read_one(kafka, name).await?;
    if !account.exists() {
        return Err(PortError::refused(format!("there is no service account `{name}`")));
    }
    if let Some(foreign) = account.key().filter(|key| account.mark(key).is_none()) {
        return Err(PortError::refused(format!(
            "weir did not create the SCRAM-SHA-512 credential `{}`, and does not replace it; delete it when it is no longer used",
            accounts::key_id(name, foreign)
        )));
    }
    let credential = ScramCredential { mechanism: ScramMechanism::Sha512, iterations: iterations(kafka, &account)? };
    let created = Timestamp::now();
    let note = Note::Key { iterations: credential.iterations, created, marker: marker.to_string() };
    write_note(kafka, name, &note).await.map_err(|mut e| {
        // A note without its credential has no effect.
        if e.kind == ErrorKind::Ambiguous {
            e.kind = ErrorKind::Retry;
        }
        e
    })?;
    let secret = password()?;
    upsert(kafka, name, credential.iterations, &secret).await?;
    if let Err(error) = login::check(&kafka.options, name, &secret).await {
        // A credential that the broker finally refuses is useless, and is deleted. Otherwise the credential may be
        // good, and the caller looks for its mark.
        if error.kind != ErrorKind::Denied {
            return Err(PortError { kind: ErrorKind::Ambiguous, ..error });
        }
        delete(kafka, name, &accounts::key_id(name, &credential)).await?;
        return Err(PortError { kind: ErrorKind::Refused, ..error });
    }
    forget(kafka, name, account.notes.iter().filter(|note| matches!(note, Note::Key { .. }))).await;
    let connection = [
        ("bootstrap.servers", kafka.options.bootstrap.as_str()),
        ("security.protocol", protocol.as_str()),
        ("sasl.mechanism", "SCRAM-SHA-512"),
        ("sasl.username", name),
    ];
    Ok(CreatedKey {
        id: accounts::key_id(name, &credential),
        secret,
        created: None,
        connection: connection.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
    })
}

pub(crate) async fn delete(kafka: &Kafka, name: &str, id: &str) -> Result<(), PortError> {
    let account = accounts::read_one(kafka, name).await?;
    let Some(credential) = account.credentials.iter().find(|credential| accounts::key_id(name, credential) == id)
    else {
        if id.rsplit_once('#').is_some_and(|(of, _)| of != name) {
            return Err(PortError::refused(format!(
                "the API key {id} does not belong to the service account `{name}`"
            )));
        }
        return Ok(());
    };
    if account.number().is_none() {
        // Without a credential there is no SCRAM user, so a note keeps the account.
        let description = account.description().to_owned();
        write_note(kafka, name, &Note::Account { number: 1, maker: None, description }).await?;
    }
    delete_credential(kafka, name, credential.mechanism).await?;
    forget(kafka, name, account.mark(credential)).await;
    Ok(())
}

/// Deletes a credential. Deleting a missing credential succeeds.
pub(crate) async fn delete_credential(kafka: &Kafka, user: &str, mechanism: ScramMechanism) -> Result<(), PortError> {
    alter(kafka, ScramAlteration::Delete { user, mechanism }).await.or_else(|error| match error {
        (Some(Code::ResourceNotFound), _) => Ok(()),
        (_, error) => Err(error),
    })
}

async fn upsert(kafka: &Kafka, user: &str, iterations: i32, secret: &SecretString) -> Result<(), PortError> {
    let password = secret.expose_secret().as_bytes();
    let upsert = ScramAlteration::Upsert { user, mechanism: ScramMechanism::Sha512, iterations, password, salt: None };
    alter(kafka, upsert).await.map_err(|(_, error)| error)
}

async fn alter(kafka: &Kafka, alteration: ScramAlteration<'_>) -> Result<(), (Option<Code>, PortError)> {
    let what = format!("cannot change the credentials of `{}` (needs Alter on the cluster)", alteration.user());
    let options = kafka.request_options();
    let answers = kafka.change(kafka.admin.alter_scram_credentials(&[alteration], &options)).await;
    let mut answers = answers.map_err(|e| (None, failure::call(e, Purpose::Write, &what)))?;
    match answers.pop() {
        Some(Ok(())) => Ok(()),
        Some(Err(error)) => Err((Some(error.code), failure::item(&error, Purpose::Write, &what))),
        None => Err((None, PortError::ambiguous(format!("{what}: there was no answer")))),
    }
}

/// Writes a note.
pub(crate) async fn write_note(kafka: &Kafka, account: &str, note: &Note) -> Result<(), PortError> {
    const WHAT: &str = "cannot write a note as an ACL (needs Alter on the cluster)";
    let answers = kafka.change(kafka.admin.create_acls(&[note.binding(account)], &kafka.request_options())).await;
    match answers.map_err(|e| failure::call(e, Purpose::Write, WHAT))?.pop() {
        Some(Ok(())) => Ok(()),
        Some(Err(error)) => Err(failure::item(&error, Purpose::Write, WHAT)),
        None => Err(PortError::ambiguous(format!("{WHAT}: there was no answer"))),
    }
}

/// Deletes notes.
pub(crate) async fn delete_notes(
    kafka: &Kafka,
    account: &str,
    notes: impl IntoIterator<Item = &Note>,
) -> Result<(), PortError> {
    const WHAT: &str = "cannot delete a note (needs Alter on the cluster)";
    let filters: Vec<_> = notes.into_iter().filter_map(|note| note.filter(account)).collect();
    if filters.is_empty() {
        return Ok(());
    }
    let answers = kafka.change(kafka.admin.delete_acls(&filters, &kafka.request_options())).await;
    for answer in answers.map_err(|e| failure::call(e, Purpose::Write, WHAT))? {
        answer.map_err(|e| failure::item(&e, Purpose::Write, WHAT))?;
    }
    Ok(())
}

/// Deletes notes of former credentials. Notes that remain do no harm: no credential has their number.
async fn forget(kafka: &Kafka, account: &str, notes: impl IntoIterator<Item = &Note>) {
    let _ = delete_notes(kafka, account, notes).await;
}

/// Returns a number of iterations that no credential and no note of the account has.
fn iterations(kafka: &Kafka, account: &Account) -> Result<i32, PortError> {
    let taken = |number: i32| {
        account.credentials.iter().any(|credential| credential.iterations == number)
            || account.notes.iter().any(|note| matches!(note, Note::Key { iterations, .. } if *iterations == number))
    };
    loop {
        let mut bytes = [0; 2];
        random(&mut bytes)?;
        // The smallest number is left out, because people choose it.
        let number = i32::from(kafka.options.iterations) + 1 + i32::from(u16::from_le_bytes(bytes) % (SPREAD - 1));
        if !taken(number) {
            return Ok(number);
        }
    }
}

/// Returns 43 characters of 64 possible ones: 258 random bits.
fn password() -> Result<SecretString, PortError> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut bytes = Zeroizing::new([0; 43]);
    random(&mut *bytes)?;
    let text: Zeroizing<String> =
        Zeroizing::new(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(*byte % 64)])).collect());
    Ok(SecretString::from(text.as_str()))
}

fn random(bytes: &mut [u8]) -> Result<(), PortError> {
    getrandom::fill(bytes).map_err(|e| PortError::unavailable("the system has no random numbers").because(e))
}
