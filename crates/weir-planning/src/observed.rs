use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use weir_model::{
    SecretPart, secret_names,
    settings::{self, KafkaValue},
};

use crate::{Acl, Maker, Principal};

/// The state of the cluster and the vaults, as far as a stage is concerned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Observed {
    /// [`Observed::FORMAT`].
    pub format: String,
    /// The stage it was observed for; absent when unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// The cluster itself.
    pub cluster: ClusterFacts,
    /// Topics that are declared or owned, by physical name.
    pub topics: BTreeMap<String, ObservedTopic>,
    /// The names of all other topics of the cluster, internal ones too: new names may collide with them.
    pub other_topics: BTreeSet<String>,
    /// Declared or owned topics that the cluster refuses to show, each with the reason: they may exist, and are in none of
    /// the other lists.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hidden_topics: BTreeMap<String, String>,
    /// Service accounts that are declared or owned, that weir made, or whose names are a team's, by physical name.
    pub accounts: BTreeMap<String, ObservedAccount>,
    /// ACL bindings by principal. Principals of known accounts are written `User:<physical account name>`,
    /// whatever id the cluster knows them by.
    pub acls: BTreeMap<Principal, BTreeSet<Acl>>,
    /// API keys of those accounts for this cluster, by key id.
    pub keys: BTreeMap<String, ObservedKey>,
    /// The secrets in the vaults under the requested names.
    #[serde(with = "secrets_as_list")]
    #[schemars(with = "Vec<ObservedSecret>")]
    pub secrets: BTreeMap<SecretRef, ObservedSecret>,
    /// Other secrets of the same vaults that weir wrote for this stage, or for a stage that `weir.yaml` no longer has on
    /// this cluster.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", with = "secrets_as_list")]
    #[schemars(with = "Vec<ObservedSecret>")]
    pub other_secrets: BTreeMap<SecretRef, ObservedSecret>,
    /// Vaults that could not be read, each with the reason: their secrets are not known, which is not the same as absent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unseen: BTreeMap<String, String>,
    /// Vaults whose secrets could not be listed, each with the reason: their other secrets are not known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unlisted: BTreeMap<String, String>,
}

impl Observed {
    /// The format this version writes.
    pub const FORMAT: &'static str = "weir.observed/v1";

    /// Returns `true` if the principal is the account of this name. The cluster may name its accounts by their ids.
    pub(crate) fn is(&self, account: &str, principal: &Principal) -> bool {
        let id = self.accounts.get(account).map(|there| there.id.as_str()).filter(|id| !id.is_empty());
        [Some(account), id].into_iter().flatten().any(|name| principal.user() == Some(name))
    }

    /// Reads a file that `weir-plan observe` wrote.
    ///
    /// # Errors
    /// A sentence that says why the text is not an observed state.
    pub fn from_json(text: &str) -> Result<Self, String> {
        // The format first: another version has other fields.
        let value: serde_json::Value = serde_json::from_str(text).map_err(|err| err.to_string())?;
        match value.get("format").and_then(serde_json::Value::as_str) {
            Some(Self::FORMAT) => serde_json::from_str(text).map_err(|err| err.to_string()),
            // The text of another file is not shown: it may be a secret.
            _ => Err(format!("its format is not `{}`", Self::FORMAT)),
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
    /// The values of settings that a topic inherits, as far as known.
    #[serde(default, deserialize_with = "settings::deserialize_observed")]
    pub defaults: BTreeMap<String, KafkaValue>,
    /// Settings that topics of this cluster may not set.
    #[serde(default)]
    pub read_only_settings: BTreeSet<String>,
    /// Settings that weir knows and the cluster does not; as far as known.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unknown_settings: BTreeSet<String>,
    /// The principal that weir acts as, `User:…`; absent when the cluster does not show it.
    #[serde(default)]
    pub deployer: Option<Principal>,
    /// The principal that weir acts as at the control plane, which makes accounts and keys; absent when there is no
    /// control plane, or when it does not show the principal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<Principal>,
    /// `true` if the cluster allows `deployer` everything without ACLs.
    #[serde(default)]
    pub deployer_is_super_user: bool,
    /// Other principals that the cluster allows everything without ACLs, as far as the cluster shows them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub super_users: BTreeSet<Principal>,
    /// `true` if a topic's replication factor can be changed.
    #[serde(default)]
    pub can_change_replication_factor: bool,
    /// Limits of the cluster's type.
    #[serde(default)]
    pub limits: Limits,
}

/// The limits of a cluster. Absent: no known limit.
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
    /// Limits from documentation, used where the cluster itself reports none. A plan beyond them has a warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documented: Option<DocumentedLimits>,
}

/// The limits of a cluster type according to documentation, which may be out of date.
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
    /// `true` if a cluster link fills the topic; weir never changes or deletes such a topic.
    #[serde(default)]
    pub mirror: bool,
    /// Facts for risk; read only for topics whose change or deletion may lose data.
    #[serde(default)]
    pub facts: Option<TopicFacts>,
}

/// The data that would be lost with a topic or with a part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TopicFacts {
    /// Records in it (end minus start offsets, summed over partitions).
    pub records: u64,
    /// Time of the oldest record.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub oldest: Option<Timestamp>,
    /// Time of the newest record.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub newest: Option<Timestamp>,
    /// Bytes on disk of one replica of each partition, when known.
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
    /// Members that are attached now.
    pub members: u32,
}

/// A service account as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObservedAccount {
    /// The system's own id: `sa-…`; the name itself where there is no other.
    pub id: String,
    /// Its description, without weir's mark.
    #[serde(default)]
    pub description: String,
    /// The workspace and stage that made or adopted it, by weir's mark; absent without a mark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maker: Option<Maker>,
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
    /// The whole mark that weir wrote on it. A key made by hand has none.
    #[serde(default)]
    pub marker: Option<String>,
    /// Time of its creation.
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
    /// The place of the secret.
    pub at: SecretRef,
    /// The state of the secret.
    pub state: SecretState,
    /// The tags of the newest version.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// The state of a secret.
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
    /// Creation time of the API key inside, by the cluster's clock. Absent where the cluster reports none.
    pub const TAG_KEY_CREATED: &'static str = "api-key-created";
    /// The physical service account name.
    pub const TAG_ACCOUNT: &'static str = "service-account";
    /// The cluster id.
    pub const TAG_CLUSTER: &'static str = "cluster";
    /// The slot.
    pub const TAG_SLOT: &'static str = "slot";
    /// The team.
    pub const TAG_TEAM: &'static str = "team";
    /// The workspace.
    pub const TAG_WORKSPACE: &'static str = "workspace";
    /// The stage.
    pub const TAG_STAGE: &'static str = "stage";
    /// The id of the API key that was inside before; `none` when there was no secret.
    pub const TAG_REPLACES: &'static str = "replaces";
    /// Creation time of that key. Absent when it is not known.
    pub const TAG_REPLACES_CREATED: &'static str = "replaces-created";
    /// The age at which the API key inside should be deleted: its rotation period and its overlap, such as
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

    /// Returns the creation time of the API key inside, if its tags have one.
    pub fn key_created(&self) -> Option<Timestamp> {
        self.time(Self::TAG_KEY_CREATED)
    }

    /// Returns the creation time of the previous API key, if the tags have one.
    pub fn replaced_created(&self) -> Option<Timestamp> {
        self.time(Self::TAG_REPLACES_CREATED)
    }

    /// Returns the time at which the API key inside should be deleted, if the tags have one. Only a reminder: readers
    /// still get an expired key.
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

    /// Returns the parts that the key is also stored in, by the tags of this JSON secret. Unknown parts are left out.
    pub fn parts(&self) -> impl Iterator<Item = SecretPart> + '_ {
        let parts = self.tags.get(Self::TAG_PROJECTIONS).map_or("", String::as_str);
        parts.split(',').filter_map(|name| SecretPart::ALL.into_iter().find(|part| part.as_str() == name))
    }

    /// Returns `true` if the secret holds a key in another shape than JSON.
    pub fn is_projection(&self) -> bool {
        self.tags.contains_key(Self::TAG_PROJECTION)
    }

    /// Returns `true` if the tags say that weir wrote the secret.
    pub fn is_ours(&self) -> bool {
        Self::are_ours(&self.tags)
    }

    /// Returns `true` if weir wrote the secret, and its tags name the account and the slot that its name is made of. A team
    /// may write tags in its own vault, and must not speak for another account there.
    pub fn is_of_its_account(&self) -> bool {
        let tag = |name| self.tags.get(name).map_or("", String::as_str);
        let (account, slot) = (tag(Self::TAG_ACCOUNT), tag(Self::TAG_SLOT));
        self.is_ours() && secret_names(account, slot).any(|name| self.at.name.eq_ignore_ascii_case(&name))
    }

    /// Returns `true` if the tags say that weir wrote the secret.
    pub fn are_ours(tags: &BTreeMap<String, String>) -> bool {
        tags.get(Self::TAG_MANAGED_BY).is_some_and(|by| by == "weir")
    }
}
