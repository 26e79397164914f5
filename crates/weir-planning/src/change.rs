//! A change of one object, and the facts about it that need no knowledge of a cluster.

use std::{collections::BTreeMap, fmt};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use weir_model::{
    Permission, SecretPart,
    settings::{self, KafkaValue},
};

use crate::{Acl, Maker, ObservedAccount, ObservedTopic, Principal, Risk, SecretRef, StepId};

/// A change of one object: the content of a step.
///
/// The enum is exhaustive on purpose: the compiler names every place that must decide about a new change. The facts
/// that need no decision are in [`Change::about`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "action", rename_all = "kebab-case", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Change {
    /// Takes over a service account that exists, by writing weir's mark on it.
    AdoptAccount {
        /// Physical name.
        account: String,
        /// The mark before; absent: none.
        from: Option<Maker>,
        /// The mark after.
        maker: Maker,
    },
    /// Creates a service account.
    CreateAccount {
        /// Physical name.
        account: String,
        /// Description.
        description: String,
        /// The mark that is written on it.
        maker: Maker,
    },
    /// Changes a service account's description, and leaves its mark.
    UpdateAccount {
        /// Physical name.
        account: String,
        /// Description before.
        from: String,
        /// Description after.
        to: String,
    },
    /// Creates a topic.
    CreateTopic {
        /// Physical name.
        topic: String,
        /// Number of partitions; absent: the cluster's default.
        partitions: Option<u32>,
        /// Replicas of each partition; absent: the cluster's default.
        replication_factor: Option<u16>,
        /// Settings in Kafka's spelling.
        config: BTreeMap<String, KafkaValue>,
    },
    /// Adds partitions to a topic.
    AddPartitions {
        /// Physical name.
        topic: String,
        /// Partitions before.
        from: u32,
        /// Partitions after.
        to: u32,
    },
    /// Changes a topic's replication factor.
    ChangeReplicationFactor {
        /// Physical name.
        topic: String,
        /// Replicas before.
        from: u16,
        /// Replicas after.
        to: u16,
    },
    /// Changes settings of a topic.
    AlterConfig {
        /// Physical name.
        topic: String,
        /// The changes, by setting.
        settings: BTreeMap<String, SettingChange>,
    },
    /// Creates an ACL binding.
    CreateAcl {
        /// The principal: `User:…`
        principal: Principal,
        /// The binding.
        acl: Acl,
    },
    /// Creates an API key and stores it.
    CreateKey {
        /// Physical name of the account.
        account: String,
        /// The slot.
        slot: String,
        /// The secret that it is stored in.
        secret: SecretRef,
        /// The tags it is stored with, but for the key's id.
        tags: BTreeMap<String, String>,
        /// The key it takes the place of.
        replaces: Option<String>,
        /// The secrets that it is stored in in other shapes, after `secret`.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        projections: BTreeMap<SecretPart, SecretRef>,
    },
    /// Deletes an ACL binding.
    DeleteAcl {
        /// The principal: `User:…`
        principal: Principal,
        /// The binding.
        acl: Acl,
    },
    /// Deletes a topic.
    DeleteTopic {
        /// Physical name.
        topic: String,
        /// Number of partitions.
        partitions: u32,
        /// Replicas of each partition.
        replication_factor: u16,
        /// The topic's own settings in Kafka's spelling.
        config: BTreeMap<String, KafkaValue>,
    },
    /// Deletes an API key, and retires its secrets in the vault.
    DeleteKey {
        /// Physical name of the account.
        account: String,
        /// The slot, when the key carries our mark.
        slot: Option<String>,
        /// The key's id.
        key: String,
        /// The secret whose versions of this key are disabled; absent when none is known.
        secret: Option<SecretRef>,
        /// `true` if the secret itself is deleted (recoverably), because its slot is no longer declared.
        delete_secret: bool,
        /// The secrets that hold the key in other shapes; they are treated as `secret` is.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        projections: Vec<SecretRef>,
    },
    /// Deletes a service account.
    DeleteAccount {
        /// Physical name.
        account: String,
        /// Description.
        description: String,
    },
}

/// A setting before and after; absent: the cluster's default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SettingChange {
    /// The topic's own value before.
    pub from: Option<KafkaValue>,
    /// The topic's own value after.
    pub to: Option<KafkaValue>,
}

impl SettingChange {
    /// A change of the setting `name`, whose values are in Kafka's spelling.
    pub fn new(name: &str, from: Option<&str>, to: Option<&str>) -> Self {
        let value = |text: &str| KafkaValue::observed(name, text);
        Self { from: from.map(value), to: to.map(value) }
    }

    /// Returns `true` if one of the changes may delete records, so that facts about the topic are needed.
    pub(crate) fn may_lose_data(changes: &BTreeMap<String, Self>) -> bool {
        changes.keys().any(|name| settings::lookup(name).is_some_and(|setting| setting.lossy))
    }
}

/// The order of all plans: additive before destructive, credentials deleted last. A phase begins when the one
/// before it has ended. After a failure, only steps begin that take nothing away and do not depend on the failed step.
///
/// The enum is exhaustive on purpose: the compiler names every place that must decide about a new phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Existing service accounts are taken over.
    Adoptions,
    /// Service accounts are created.
    Accounts,
    /// Topics are created and changed.
    Topics,
    /// ACL bindings are created.
    Acls,
    /// API keys are created.
    Keys,
    /// ACL bindings are deleted.
    AclDeletes,
    /// Topics are deleted.
    TopicDeletes,
    /// API keys are deleted.
    KeyDeletes,
    /// Service accounts are deleted.
    AccountDeletes,
}

impl Change {
    /// Returns the principal of a new binding with this permission; `None` for any other change.
    pub(crate) fn creates(&self, permission: Permission) -> Option<&Principal> {
        match self {
            Change::CreateAcl { principal, acl } if acl.permission == permission => Some(principal),
            _ => None,
        }
    }

    /// Returns the change that deletes the topic `name`, which is observed as `there`.
    pub fn delete_topic(name: impl Into<String>, there: &ObservedTopic) -> Self {
        Change::DeleteTopic {
            topic: name.into(),
            partitions: there.partitions,
            replication_factor: there.replication_factor,
            config: there.config.clone(),
        }
    }

    /// Returns the change that deletes the service account `name`, which is observed as `there`.
    pub fn delete_account(name: impl Into<String>, there: &ObservedAccount) -> Self {
        Change::DeleteAccount { account: name.into(), description: there.description.clone() }
    }

    /// Returns the secrets that the change touches, the JSON secret first.
    pub fn secrets(&self) -> Vec<&SecretRef> {
        match self {
            Change::CreateKey { secret, projections, .. } => {
                std::iter::once(secret).chain(projections.values()).collect()
            }
            Change::DeleteKey { secret, projections, .. } => secret.iter().chain(projections).collect(),
            Change::AdoptAccount { .. }
            | Change::CreateAccount { .. }
            | Change::UpdateAccount { .. }
            | Change::CreateTopic { .. }
            | Change::AddPartitions { .. }
            | Change::ChangeReplicationFactor { .. }
            | Change::AlterConfig { .. }
            | Change::CreateAcl { .. }
            | Change::DeleteAcl { .. }
            | Change::DeleteTopic { .. }
            | Change::DeleteAccount { .. } => Vec::new(),
        }
    }

    /// Returns `true` if the change adds compaction to a topic that only deletes. Confluent Cloud takes that change only
    /// in two steps, by way of `compact`; an interrupted run leaves the topic with `compact`.
    pub fn goes_by_way_of_compact(&self) -> bool {
        let Change::AlterConfig { settings, topic: _ } = self else { return false };
        let has = |policies: &Option<KafkaValue>, policy| policies.as_ref().is_some_and(|value| value.has(policy));
        settings
            .get("cleanup.policy")
            .is_some_and(|SettingChange { from, to }| !has(from, "compact") && has(to, "compact") && has(to, "delete"))
    }
}

/// The facts about a [`Change`] that hold whatever it is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct About<'a> {
    /// The change's name, as written in JSON and at the beginning of step ids.
    pub action: &'static str,
    /// The object that it changes.
    pub object: Object<'a>,
    /// The kind of change.
    pub verb: Verb,
    /// The part of a plan that it belongs to.
    pub phase: Phase,
    /// Its place among the changes of the same object in the same phase.
    pub turn: u8,
    /// The least that it risks.
    pub least_risk: Risk,
}

/// The kind of a change.
///
/// The enum is exhaustive on purpose: the compiler names every place that must decide about a new verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// The object is new.
    Create,
    /// The object exists before and after.
    Update,
    /// The object is gone afterwards.
    Delete,
}

/// The object of a change.
///
/// The enum is exhaustive on purpose: the compiler names every place that must decide about a new object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Object<'a> {
    /// A topic, by physical name.
    Topic(&'a str),
    /// A service account, by physical name.
    Account(&'a str),
    /// An ACL binding of a principal.
    Acl {
        /// The principal: `User:…`
        principal: &'a Principal,
        /// The binding.
        acl: &'a Acl,
    },
    /// An API key of a service account.
    Key {
        /// The account's physical name.
        account: &'a str,
        /// The slot of a new key; the id of an old one.
        key: &'a str,
    },
}

impl<'a> Object<'a> {
    /// The name of the topic or account; of a binding the principal, of a key its account.
    pub fn name(self) -> &'a str {
        match self {
            Object::Topic(name) | Object::Account(name) => name,
            Object::Acl { principal, .. } => principal,
            Object::Key { account, .. } => account,
        }
    }

    /// The physical name of the account that the object belongs to; absent for topics and for principals that are no
    /// account.
    pub fn account(self) -> Option<&'a str> {
        match self {
            Object::Topic(_) => None,
            Object::Account(account) | Object::Key { account, .. } => Some(account),
            Object::Acl { principal, .. } => principal.user(),
        }
    }
}

impl fmt::Display for Object<'_> {
    /// Free text comes last, so that two objects never have the same words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Object::Topic(name) | Object::Account(name) => f.write_str(name),
            Object::Acl { principal, acl } => write!(f, "{principal} {acl}"),
            Object::Key { account, key } => write!(f, "{account}/{key}"),
        }
    }
}

impl Change {
    /// The one place that lists every change with its facts.
    pub fn about(&self) -> About<'_> {
        use Verb::{Create, Delete, Update};
        let (action, object, verb, phase, turn, least_risk) = match self {
            Change::AdoptAccount { account, from: _, maker: _ } => {
                ("adopt-account", Object::Account(account), Update, Phase::Adoptions, 0, Risk::Change)
            }
            Change::CreateAccount { account, description: _, maker: _ } => {
                ("create-account", Object::Account(account), Create, Phase::Accounts, 0, Risk::Additive)
            }
            Change::UpdateAccount { account, from: _, to: _ } => {
                ("update-account", Object::Account(account), Update, Phase::Accounts, 1, Risk::Change)
            }
            Change::CreateTopic { topic, partitions: _, replication_factor: _, config: _ } => {
                ("create-topic", Object::Topic(topic), Create, Phase::Topics, 0, Risk::Additive)
            }
            Change::AddPartitions { topic, from: _, to: _ } => {
                ("add-partitions", Object::Topic(topic), Update, Phase::Topics, 2, Risk::Change)
            }
            Change::ChangeReplicationFactor { topic, from, to } => {
                // More replicas come before `min.insync.replicas` is raised, fewer after it is lowered.
                let turn = if to > from { 1 } else { 4 };
                ("change-replication-factor", Object::Topic(topic), Update, Phase::Topics, turn, Risk::Change)
            }
            Change::AlterConfig { topic, settings: _ } => {
                ("alter-config", Object::Topic(topic), Update, Phase::Topics, 3, Risk::Additive)
            }
            Change::CreateAcl { principal, acl } => {
                ("create-acl", Object::Acl { principal, acl }, Create, Phase::Acls, 0, Risk::Additive)
            }
            Change::CreateKey { account, slot: key, secret: _, tags: _, replaces: _, projections: _ } => {
                ("create-key", Object::Key { account, key }, Create, Phase::Keys, 0, Risk::Additive)
            }
            Change::DeleteAcl { principal, acl } => {
                let least = match acl.permission {
                    Permission::Allow => Risk::Change,
                    // The deletion of a denial gives rights.
                    Permission::Deny => Risk::Additive,
                };
                ("delete-acl", Object::Acl { principal, acl }, Delete, Phase::AclDeletes, 0, least)
            }
            Change::DeleteTopic { topic, partitions: _, replication_factor: _, config: _ } => {
                ("delete-topic", Object::Topic(topic), Delete, Phase::TopicDeletes, 0, Risk::Destroy)
            }
            Change::DeleteKey { account, slot: _, key, secret: _, delete_secret: _, projections: _ } => {
                ("delete-key", Object::Key { account, key }, Delete, Phase::KeyDeletes, 0, Risk::Revoke)
            }
            Change::DeleteAccount { account, description: _ } => {
                ("delete-account", Object::Account(account), Delete, Phase::AccountDeletes, 0, Risk::Destroy)
            }
        };
        About { action, object, verb, phase, turn, least_risk }
    }

    /// The id of the step that makes this change.
    pub(crate) fn id(&self) -> StepId {
        let About { action, object, .. } = self.about();
        StepId(format!("{action} {object}"))
    }
}
