//! A secret with its versions, and the place of its file.

use std::collections::BTreeMap;

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString, zeroize::Zeroizing};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use weir_planning::{ObservedSecret, SecretRef, SecretState};
use weir_ports::{PortError, check_secret_name};

use crate::{
    random,
    state::{FORMAT, check_format, unreadable},
};

/// A secret's file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SecretFile {
    format: String,
    /// The name as first written; names that differ only in case are the same secret.
    name: String,
    /// Time of deletion, after which the secret can be recovered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) deleted: Option<Timestamp>,
    /// The versions, the newest last.
    versions: Vec<Version>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Version {
    id: String,
    created: Timestamp,
    enabled: bool,
    tags: BTreeMap<String, String>,
    #[serde(serialize_with = "expose", deserialize_with = "hide")]
    value: SecretString,
}

/// Writes out a secret's value; the only function that does.
fn expose<S: Serializer>(value: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(value.expose_secret())
}

fn hide<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    String::deserialize(deserializer).map(SecretString::from)
}

/// A version of a secret, without its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretVersion {
    /// The version's id.
    pub id: String,
    /// Time of storing.
    pub created: Timestamp,
    /// `true` if the value can be read.
    pub enabled: bool,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

impl SecretFile {
    pub(crate) fn new(name: &str) -> Self {
        Self { format: FORMAT.to_owned(), name: name.to_owned(), deleted: None, versions: Vec::new() }
    }

    pub(crate) fn decode(file: &str, bytes: &[u8]) -> Result<Self, PortError> {
        let secret: Self = serde_json::from_slice(bytes).map_err(|error| {
            // serde's message may quote a part of a value, so the error has only its place.
            let place = format!("line {}, column {}", error.line(), error.column());
            unreadable(file, serde::de::Error::custom(place))
        })?;
        check_format(file, &secret.format)?;
        Ok(secret)
    }

    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        // Large enough from the start, because a growing buffer leaves copies behind.
        let values: usize = self.versions.iter().map(|version| 6 * version.value.expose_secret().len()).sum();
        let mut bytes = Zeroizing::new(Vec::with_capacity(values + (self.versions.len() + 1) * 32 * 1024));
        // JSON can represent all of this data.
        let _ = serde_json::to_writer_pretty(&mut *bytes, self);
        bytes.push(b'\n');
        bytes
    }

    /// Adds the newest version.
    pub(crate) fn add(
        &mut self,
        value: &SecretString,
        tags: &BTreeMap<String, String>,
        now: Timestamp,
    ) -> Result<(), PortError> {
        let version = Version {
            id: random::version_id()?,
            created: now,
            enabled: true,
            tags: tags.clone(),
            value: value.clone(),
        };
        self.versions.push(version);
        Ok(())
    }

    /// Disables versions; returns `true` if any was enabled.
    pub(crate) fn disable(&mut self, which: impl Fn(&BTreeMap<String, String>) -> bool) -> bool {
        let mut changed = false;
        for version in self.versions.iter_mut().filter(|version| version.enabled && which(&version.tags)) {
            version.enabled = false;
            changed = true;
        }
        changed
    }

    /// Returns the value of the newest version, if it can be read.
    pub(crate) fn value(&self) -> Option<&SecretString> {
        let newest = self.versions.last().filter(|newest| newest.enabled && self.deleted.is_none())?;
        Some(&newest.value)
    }

    pub(crate) fn observed(&self, at: &SecretRef) -> ObservedSecret {
        let newest = self.versions.last();
        let state = match newest {
            _ if self.deleted.is_some() => SecretState::Deleted,
            Some(newest) if !newest.enabled => SecretState::Disabled,
            _ => SecretState::Present,
        };
        ObservedSecret { at: at.clone(), state, tags: newest.map(|newest| newest.tags.clone()).unwrap_or_default() }
    }

    pub(crate) fn versions(&self) -> Vec<SecretVersion> {
        let versions = self.versions.iter();
        versions
            .map(|Version { id, created, enabled, tags, value: _ }| SecretVersion {
                id: id.clone(),
                created: *created,
                enabled: *enabled,
                tags: tags.clone(),
            })
            .collect()
    }
}

/// Returns the file of a secret, relative to the sandbox's folder.
pub(crate) fn file_name(at: &SecretRef) -> Result<String, PortError> {
    let folder = folder_name(&at.vault)?;
    check_secret_name(&at.name)?;
    Ok(format!("{folder}/{}.json", at.name.to_ascii_lowercase()))
}

/// Returns the folder of a vault, relative to the sandbox's folder.
pub(crate) fn folder_name(vault: &str) -> Result<String, PortError> {
    let address = vault.to_ascii_lowercase();
    let host = address.strip_prefix("https://").unwrap_or(&address).trim_end_matches('/');
    let (domain, port) = host.split_once(':').map_or((host, None), |(domain, port)| (domain, Some(port)));
    let label =
        |label: &str| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let legal =
        domain.split('.').all(label) && host.len() <= 253 && port.is_none_or(|port| port.parse::<u16>().is_ok());
    if !legal {
        return Err(PortError::refused(format!("`{vault}` is not a vault's address; write https:// and a host name")));
    }
    Ok(format!("vaults/{}", host.replace(':', "+")))
}
