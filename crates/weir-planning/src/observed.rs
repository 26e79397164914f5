use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use weir_model::{
    SecretPart,
    settings::{self, KafkaValue},
};

use crate::{Acl, Principal};

/// What the cluster and the vaults hold, as far as a stage is concerned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Observed {
    /// [`Observed::FORMAT`].
    pub format: String,
    /// The stage it was observed for; absent when whoever observed does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// The cluster itself.
    pub cluster: ClusterFacts,
    /// Topics that are declared or owned, by physical name.
    pub topics: BTreeMap<String, ObservedTopic>,
    /// The names of all other topics of the cluster, internal ones too: new names may collide with them.
    pub other_topics: BTreeSet<String>,
    /// Service accounts that are declared or owned, by physical name.
    pub accounts: BTreeMap<String, ObservedAccount>,
    /// ACL bindings by principal. Principals of known accounts are written `User:<physical account name>`,
    /// whatever id the cluster knows them by.
    pub acls: BTreeMap<Principal, BTreeSet<Acl>>,
    /// API keys of those accounts for this cluster, by key id.
    pub keys: BTreeMap<String, ObservedKey>,
    /// What the vaults hold under the names that were asked for.
    #[serde(with = "secrets_as_list")]
    #[schemars(with = "Vec<ObservedSecret>")]
    pub secrets: BTreeMap<SecretRef, ObservedSecret>,
}

impl Observed {
    /// The format this version writes.
    pub const FORMAT: &'static str = "weir.observed/v1";

    /// Reads what `weir-plan observe` wrote.
    ///
    /// # Errors
    /// A sentence that says why it is none.
    pub fn from_json(text: &str) -> Result<Self, String> {
        // The format first: another version has other fields.
        let value: serde_json::Value = serde_json::from_str(text).map_err(|err| err.to_string())?;
        match value.get("format").and_then(|format| format.as_str()) {
            Some(Self::FORMAT) => serde_json::from_str(text).map_err(|err| err.to_string()),
            Some(other) => Err(format!("its format is `{other}`, not `{}`", Self::FORMAT)),
            None => Err(format!("it has no format `{}`", Self::FORMAT)),
        }
    }
}

/// JSON keys are text, so secrets travel as a list; each says which it is.
mod secrets_as_list {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{ObservedSecret, SecretRef};

    pub(super) fn serialize<S: Serializer>(map: &BTreeMap<SecretRef, ObservedSecret>, s: S) -> Result<S::Ok, S::Error> {
        map.values().collect::<Vec<_>>().serialize(s)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<BTreeMap<SecretRef, ObservedSecret>, D::Error> {
        Ok(Vec::<ObservedSecret>::deserialize(d)?.into_iter().map(|s| (s.at.clone(), s)).collect())
    }
}

/// Facts about the cluster as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterFacts {
    /// The cluster's id.
    pub id: String,
    /// Number of brokers: the highest replication factor.
    pub brokers: u32,
    /// Partitions of a topic that asks for none.
    pub default_partitions: u32,
    /// Replication factor of a topic that asks for none.
    pub default_replication_factor: u16,
    /// What settings a topic has that does not set them, in Kafka's spelling; as far as known.
    #[serde(default, deserialize_with = "settings::deserialize_observed")]
    pub defaults: BTreeMap<String, KafkaValue>,
    /// Settings that topics of this cluster may not set.
    #[serde(default)]
    pub read_only_settings: BTreeSet<String>,
    /// Settings that weir knows and the cluster does not; as far as known.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unknown_settings: BTreeSet<String>,
    /// The principal that weir acts as, `User:…`; absent when the cluster does not tell.
    #[serde(default)]
    pub deployer: Option<Principal>,
    /// Whether `deployer` is allowed everything without ACLs.
    #[serde(default)]
    pub deployer_is_super_user: bool,
    /// Whether a topic's replication factor can be changed.
    #[serde(default)]
    pub can_change_replication_factor: bool,
    /// Limits of the cluster's type.
    #[serde(default)]
    pub limits: Limits,
}

/// How much a cluster takes. Absent: no known limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Limits {
    /// Partitions of all topics together, before replication, and how many are in use.
    pub partitions: Option<(u64, u64)>,
    /// ACL bindings, and how many are in use.
    pub acls: Option<(u64, u64)>,
    /// Service accounts, and how many are in use.
    pub accounts: Option<(u64, u64)>,
    /// API keys of the cluster, and how many are in use.
    pub keys: Option<(u64, u64)>,
    /// API keys of one account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys_per_account: Option<u64>,
    /// What documents say, where the cluster itself does not: a plan beyond that has a warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documented: Option<DocumentedLimits>,
}

/// How much clusters of a type take, as documents say: they may be out of date.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DocumentedLimits {
    /// The type, in the provider's words: `Standard`.
    pub kind: String,
    /// Partitions of all topics together, before replication, and how many are in use.
    #[serde(default)]
    pub partitions: Option<(u64, u64)>,
    /// ACL bindings, and how many are in use.
    #[serde(default)]
    pub acls: Option<(u64, u64)>,
}

/// A topic as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObservedTopic {
    /// The cluster's own id of the topic; another one after delete and create.
    #[serde(default)]
    pub topic_id: String,
    /// Number of partitions.
    pub partitions: u32,
    /// Replicas of each partition.
    pub replication_factor: u16,
    /// The topic's own settings (source DYNAMIC_TOPIC_CONFIG), in Kafka's spelling. Defaults are not among them.
    #[serde(default, deserialize_with = "settings::deserialize_observed")]
    pub config: BTreeMap<String, KafkaValue>,
    /// Whether it is filled by a cluster link; such a topic is never changed or deleted.
    #[serde(default)]
    pub mirror: bool,
    /// Facts for risk; read only for topics whose change or deletion may lose data.
    #[serde(default)]
    pub facts: Option<TopicFacts>,
}

/// What would be lost with a topic or with part of its data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TopicFacts {
    /// Records in it (end minus start offsets, summed over partitions).
    pub records: u64,
    /// When the oldest record was written.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub oldest: Option<Timestamp>,
    /// When the newest record was written.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub newest: Option<Timestamp>,
    /// Bytes on disk of one copy, when known.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// Consumer groups with offsets in it, by name.
    #[serde(default)]
    pub groups: BTreeMap<String, GroupFacts>,
    /// Consumer groups of the cluster that could not be looked into: any of them may read it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unknown_groups: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A consumer group's place in a topic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GroupFacts {
    /// Records it has not read.
    pub lag: u64,
    /// Members attached now.
    pub members: u32,
}

/// A service account as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObservedAccount {
    /// The system's own id: `sa-…`; the name itself where there is no other.
    pub id: String,
    /// Its description.
    #[serde(default)]
    pub description: String,
}

/// An API key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObservedKey {
    /// The physical name of the account it belongs to.
    pub account: String,
    /// The slot, when the key carries our mark.
    #[serde(default)]
    pub slot: Option<String>,
    /// Our mark as a whole: what made it. A key made by hand has none.
    #[serde(default)]
    pub marker: Option<String>,
    /// When it was made.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub created: Option<Timestamp>,
}

/// Names a secret: a vault's URL and the name in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretRef {
    /// The vault: `https://kv-toll-dev.vault.azure.net`
    pub vault: String,
    /// The secret's name in it.
    pub name: String,
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.vault.trim_end_matches('/'), self.name)
    }
}

/// A secret as it is, without its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObservedSecret {
    /// Where.
    pub at: SecretRef,
    /// Whether it is there.
    pub state: SecretState,
    /// The tags of the newest version.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// Whether a secret is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SecretState {
    /// Readable.
    Present,
    /// There, but disabled.
    Disabled,
    /// Deleted and recoverable: its name is taken.
    Deleted,
}

/// Tags that weir writes on secrets, readable by anyone who may list the vault.
impl ObservedSecret {
    /// `weir`: a secret without it is not ours and is never overwritten.
    pub const TAG_MANAGED_BY: &'static str = "managed-by";
    /// The id of the API key inside.
    pub const TAG_KEY_ID: &'static str = "api-key-id";
    /// When the API key inside was made, by the cluster's clock. Absent where the cluster does not tell.
    pub const TAG_KEY_CREATED: &'static str = "api-key-created";
    /// The physical service account name.
    pub const TAG_ACCOUNT: &'static str = "service-account";
    /// The cluster id.
    pub const TAG_CLUSTER: &'static str = "cluster";
    /// The slot.
    pub const TAG_SLOT: &'static str = "slot";
    /// The team.
    pub const TAG_TEAM: &'static str = "team";
    /// The stage.
    pub const TAG_STAGE: &'static str = "stage";
    /// The id of the API key that was inside before; `none` when there was no secret.
    pub const TAG_REPLACES: &'static str = "replaces";
    /// When that one was made. Absent when it is not known.
    pub const TAG_REPLACES_CREATED: &'static str = "replaces-created";
    /// How long after it was made the API key inside should be gone: the time until it is replaced, and its overlap, as in
    /// `97d`. Absent when the slot does not rotate.
    pub const TAG_EXPIRES_AFTER: &'static str = "expires-after";
    /// On a JSON secret: the parts it is also stored in, separated by commas. Absent when there are none.
    pub const TAG_PROJECTIONS: &'static str = "projections";
    /// On such a part: which it is.
    pub const TAG_PROJECTION: &'static str = "projection";

    /// The id of the API key inside, if it is ours.
    pub fn key_id(&self) -> Option<&str> {
        self.is_ours().then(|| self.tags.get(Self::TAG_KEY_ID).map(String::as_str)).flatten()
    }

    /// When the API key inside was made, where its tags tell.
    pub fn key_created(&self) -> Option<Timestamp> {
        self.time(Self::TAG_KEY_CREATED)
    }

    /// When the API key that was inside before was made, where the tags tell.
    pub fn replaced_created(&self) -> Option<Timestamp> {
        self.time(Self::TAG_REPLACES_CREATED)
    }

    /// When the API key inside should be gone, as far as tags tell. A reminder: what is expired is still handed out.
    pub fn expires(tags: &BTreeMap<String, String>) -> Option<Timestamp> {
        let made: Timestamp = tags.get(Self::TAG_KEY_CREATED)?.parse().ok()?;
        let after: weir_model::Duration = tags.get(Self::TAG_EXPIRES_AFTER)?.parse().ok()?;
        made.checked_add(SignedDuration::from_millis(i64::try_from(after.millis).ok()?)).ok()
    }

    fn time(&self, tag: &str) -> Option<Timestamp> {
        self.is_ours().then(|| self.tags.get(tag)?.parse().ok()).flatten()
    }

    /// The id of the API key inside, if it is ours and can be read.
    pub fn hands_out(&self) -> Option<&str> {
        self.key_id().filter(|_| self.state == SecretState::Present)
    }

    /// The parts that this JSON secret says the key is also stored in. What this version does not know is left out.
    pub fn parts(&self) -> impl Iterator<Item = SecretPart> + '_ {
        let parts = self.tags.get(Self::TAG_PROJECTIONS).map_or("", String::as_str);
        parts.split(',').filter_map(|name| SecretPart::ALL.into_iter().find(|part| part.as_str() == name))
    }

    /// Whether it holds a key in another shape than the JSON secret.
    pub fn is_projection(&self) -> bool {
        self.tags.contains_key(Self::TAG_PROJECTION)
    }

    /// Whether weir wrote it.
    pub fn is_ours(&self) -> bool {
        Self::are_ours(&self.tags)
    }

    /// Whether tags say that weir wrote what they are on.
    pub fn are_ours(tags: &BTreeMap<String, String>) -> bool {
        tags.get(Self::TAG_MANAGED_BY).is_some_and(|by| by == "weir")
    }
}

/// How a slot's key stands, as reports show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeyState {
    /// In the vault and not due.
    Current,
    /// Replaced, still valid until its overlap ends.
    Retiring,
    /// Carries our mark but is in no vault.
    Orphan,
    /// Without our mark.
    Foreign,
}
