//! The state of the cluster, and its form in files.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use weir_model::settings::{self, KafkaValue};
use weir_planning::{Acl, Maker, Principal, TopicFacts};
use weir_ports::{ErrorKind, PortError};

/// The format of every file.
pub(crate) const FORMAT: &str = "weir.sandbox/v1";

/// The files in the order of writing: an object that depends on another one is deleted before it.
pub(crate) const KEYS: &str = "keys.json";
pub(crate) const TOPICS: &str = "topics.json";
pub(crate) const ACLS: &str = "acls.json";
pub(crate) const ACCOUNTS: &str = "accounts.json";
/// Written last when a sandbox is created, so a folder without this file is not a sandbox.
pub(crate) const CLUSTER: &str = "cluster.json";
pub(crate) const FILES: [&str; 5] = [KEYS, TOPICS, ACLS, ACCOUNTS, CLUSTER];

/// The state of a sandbox, without its vaults.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) cluster: ClusterSettings,
    pub(crate) topics: Topics,
    /// Bindings by principal. A set is never empty.
    pub(crate) acls: BTreeMap<Principal, BTreeSet<Acl>>,
    pub(crate) accounts: BTreeMap<String, Account>,
    /// The ids of `accounts`.
    pub(crate) account_ids: BTreeSet<String>,
    pub(crate) keys: BTreeMap<String, Key>,
}

/// Settings of the whole cluster: the content of `cluster.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterSettings {
    /// The format of the folder's files.
    pub(crate) format: String,
    /// The cluster's id.
    pub id: String,
    /// Number of brokers: the highest replication factor.
    pub brokers: u16,
    /// Partitions of a topic that is created without a number of partitions.
    pub default_partitions: u32,
    /// Replication factor of a topic that is created without one.
    pub default_replication_factor: u16,
    /// The principal that weir acts as.
    pub deployer: Principal,
    /// `true` if the deploying principal has all rights without ACLs.
    pub deployer_is_super_user: bool,
    /// Other principals that have all rights without ACLs.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub super_users: BTreeSet<Principal>,
    /// `true` if a topic's replication factor can be changed, as with Apache Kafka but not with Confluent Cloud.
    pub can_change_replication_factor: bool,
    /// Topic settings that cannot be changed on a cluster of this type.
    #[serde(default)]
    pub read_only_settings: BTreeSet<String>,
    /// The cluster's limits.
    #[serde(default)]
    pub limits: SandboxLimits,
}

/// The limits of a sandbox. `None`: no limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SandboxLimits {
    /// Partitions of all topics together, before replication.
    pub partitions: Option<u64>,
    /// ACL bindings.
    pub acls: Option<u64>,
    /// Service accounts.
    pub accounts: Option<u64>,
    /// API keys of the cluster.
    pub keys: Option<u64>,
    /// API keys of one account. Default 100, as on Confluent Cloud.
    pub keys_per_account: Option<u64>,
}

impl Default for SandboxLimits {
    fn default() -> Self {
        Self { partitions: None, acls: None, accounts: None, keys: None, keys_per_account: Some(100) }
    }
}

impl ClusterSettings {
    pub(crate) fn new(id: String, brokers: u16) -> Self {
        Self {
            format: FORMAT.to_owned(),
            id,
            brokers,
            default_partitions: 1,
            default_replication_factor: brokers.min(3),
            deployer: Principal::of_account("weir"),
            deployer_is_super_user: true,
            super_users: BTreeSet::new(),
            can_change_replication_factor: false,
            read_only_settings: BTreeSet::new(),
            limits: SandboxLimits::default(),
        }
    }
}

/// A topic.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Topic {
    /// The topic's id, which changes when the topic is deleted and created again.
    pub(crate) topic_id: String,
    pub(crate) partitions: u32,
    pub(crate) replication_factor: u16,
    /// The topic's own settings.
    #[serde(default, deserialize_with = "settings::deserialize_observed", skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) config: BTreeMap<String, KafkaValue>,
    /// `true` if the topic looks as if a cluster link filled it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) mirror: bool,
    /// The simulated records. They are stored with the topic, so that they are deleted with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) facts: Option<TopicFacts>,
}

/// A service account.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) description: String,
    /// weir's mark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) maker: Option<Maker>,
}

/// An API key without its secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Key {
    pub(crate) account: String,
    /// Free text, where weir writes its mark.
    pub(crate) description: String,
    pub(crate) created: Timestamp,
    /// SHA-256 of the secret, 64 hex digits.
    pub(crate) sha256: String,
}

/// Topics by name, with indexes for checks that would be slow without them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Topics {
    by_name: BTreeMap<String, Topic>,
    /// Names with `.` replaced by `_`, as in Kafka's metrics, where two topics with the same replaced name would mix.
    folded: BTreeMap<String, String>,
    partitions: u64,
}

impl Topics {
    pub(crate) fn get(&self, name: &str) -> Option<&Topic> {
        self.by_name.get(name)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &Topic)> {
        self.by_name.iter()
    }

    /// Returns the topic whose name differs from `name` only in `.` and `_`.
    pub(crate) fn collision(&self, name: &str) -> Option<&str> {
        self.folded.get(&fold(name)).map(String::as_str).filter(|other| *other != name)
    }

    /// Returns the number of partitions of all topics together.
    pub(crate) fn partitions(&self) -> u64 {
        self.partitions
    }

    pub(crate) fn insert(&mut self, name: String, topic: Topic) {
        self.remove(&name);
        self.partitions += u64::from(topic.partitions);
        self.folded.insert(fold(&name), name.clone());
        self.by_name.insert(name, topic);
    }

    pub(crate) fn remove(&mut self, name: &str) -> Option<Topic> {
        let topic = self.by_name.remove(name)?;
        self.partitions -= u64::from(topic.partitions);
        self.folded.remove(&fold(name));
        Some(topic)
    }

    /// Returns a topic for changes of anything but its partitions.
    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut Topic> {
        self.by_name.get_mut(name)
    }

    pub(crate) fn set_partitions(&mut self, name: &str, partitions: u32) {
        if let Some(topic) = self.by_name.get_mut(name) {
            self.partitions = self.partitions - u64::from(topic.partitions) + u64::from(partitions);
            topic.partitions = partitions;
        }
    }
}

fn fold(name: &str) -> String {
    name.replace('.', "_")
}

/// A file with a list of entries.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table<T> {
    format: String,
    cluster: String,
    entries: T,
}

/// Reads the output of [`State::encode`].
fn decode<T: DeserializeOwned>(file: &str, cluster: &str, bytes: Option<&[u8]>) -> Result<T, PortError> {
    let bytes = bytes.ok_or_else(|| PortError::unavailable(format!("{file} of the sandbox is missing")))?;
    let table: Table<T> = serde_json::from_slice(bytes).map_err(|e| unreadable(file, e))?;
    check_format(file, &table.format)?;
    if table.cluster != cluster {
        return Err(PortError::new(
            ErrorKind::WrongCluster,
            format!("{file} of the sandbox belongs to the cluster `{}`, not to `{cluster}`", table.cluster),
        ));
    }
    Ok(table.entries)
}

pub(crate) fn unreadable(file: &str, error: serde_json::Error) -> PortError {
    PortError::unavailable(format!("{file} of the sandbox cannot be read")).because(error)
}

pub(crate) fn check_format(file: &str, format: &str) -> Result<(), PortError> {
    if format == FORMAT {
        return Ok(());
    }
    Err(PortError::unavailable(format!(
        "{file} of the sandbox has the format `{format}`, this version reads `{FORMAT}`"
    )))
}

impl State {
    pub(crate) fn new(cluster: ClusterSettings) -> Self {
        Self {
            cluster,
            topics: Topics::default(),
            acls: BTreeMap::new(),
            accounts: BTreeMap::new(),
            account_ids: BTreeSet::new(),
            keys: BTreeMap::new(),
        }
    }

    /// Reads the state from its files; `read` returns a file's content.
    pub(crate) fn decode(mut read: impl FnMut(&str) -> Result<Option<Vec<u8>>, PortError>) -> Result<Self, PortError> {
        let cluster = decode_cluster(read(CLUSTER)?.as_deref())?;
        let id = cluster.id.clone();
        let mut state = Self::new(cluster);
        state.keys = decode(KEYS, &id, read(KEYS)?.as_deref())?;
        for (name, topic) in decode::<BTreeMap<String, Topic>>(TOPICS, &id, read(TOPICS)?.as_deref())? {
            state.topics.insert(name, topic);
        }
        for (principal, acl) in decode::<Vec<(Principal, Acl)>>(ACLS, &id, read(ACLS)?.as_deref())? {
            state.acls.entry(principal).or_default().insert(acl);
        }
        state.accounts = decode(ACCOUNTS, &id, read(ACCOUNTS)?.as_deref())?;
        state.account_ids = state.accounts.values().map(|account| account.id.clone()).collect();
        Ok(state)
    }

    /// Returns a file's content.
    pub(crate) fn encode(&self, file: &str) -> Vec<u8> {
        let id = &self.cluster.id;
        match file {
            KEYS => map(id, self.keys.iter()),
            TOPICS => map(id, self.topics.iter()),
            ACLS => {
                let bindings =
                    self.acls.iter().flat_map(|(principal, acls)| acls.iter().map(move |acl| (principal, acl)));
                lines(id, [b'[', b']'], bindings, |bytes, binding| json(bytes, &binding))
            }
            ACCOUNTS => map(id, self.accounts.iter()),
            _ => {
                let mut bytes = Vec::new();
                // JSON can represent this type, and writing to a `Vec` cannot fail.
                let _ = serde_json::to_writer_pretty(&mut bytes, &self.cluster);
                bytes.push(b'\n');
                bytes
            }
        }
    }
}

impl State {
    /// Returns `true` for the content of a file without entries.
    pub(crate) fn is_blank(bytes: &[u8]) -> bool {
        let table = serde_json::from_slice::<Table<serde_json::Value>>(bytes);
        table.is_ok_and(|table| match table.entries {
            serde_json::Value::Object(entries) => entries.is_empty(),
            serde_json::Value::Array(entries) => entries.is_empty(),
            _ => false,
        })
    }
}

/// Reads `cluster.json`.
fn decode_cluster(bytes: Option<&[u8]>) -> Result<ClusterSettings, PortError> {
    let bytes = bytes.ok_or_else(|| PortError::unavailable("cluster.json of the sandbox is missing"))?;
    let cluster: ClusterSettings = serde_json::from_slice(bytes).map_err(|e| unreadable(CLUSTER, e))?;
    check_format(CLUSTER, &cluster.format)?;
    Ok(cluster)
}

fn map<'a, T: Serialize + 'a>(cluster: &str, entries: impl Iterator<Item = (&'a String, &'a T)>) -> Vec<u8> {
    lines(cluster, [b'{', b'}'], entries, |bytes, (name, value)| {
        json(bytes, name);
        bytes.extend_from_slice(b": ");
        json(bytes, value);
    })
}

/// Writes a line for each entry: as readable as the indented form, and small enough for 100,000 topics.
fn lines<T>(
    cluster: &str,
    brackets: [u8; 2],
    entries: impl Iterator<Item = T>,
    write: impl Fn(&mut Vec<u8>, T),
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = write!(bytes, "{{\n  \"format\": \"{FORMAT}\",\n  \"cluster\": ");
    json(&mut bytes, cluster);
    bytes.extend_from_slice(b",\n  \"entries\": ");
    bytes.push(brackets[0]);
    let mut separator: &[u8] = b"\n    ";
    for entry in entries {
        bytes.extend_from_slice(separator);
        write(&mut bytes, entry);
        separator = b",\n    ";
    }
    bytes.extend_from_slice(b"\n  ");
    bytes.push(brackets[1]);
    bytes.extend_from_slice(b"\n}\n");
    bytes
}

fn json<T: Serialize + ?Sized>(bytes: &mut Vec<u8>, value: &T) {
    // Cannot fail, as above.
    let _ = serde_json::to_writer(bytes, value);
}
