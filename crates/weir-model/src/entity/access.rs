//! What service accounts may do.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Patch;

/// What a service account may do. Without a grant it may do nothing.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccessControlListSpec {
    /// The service account.
    #[schemars(extend("examples" = ["toll-billing"]))]
    pub service_account: String,
    /// What it may do, in the words of applications.
    #[serde(default)]
    pub allow: Vec<Grant>,
    /// Raw ACL bindings, for what `allow` has no word for.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// The stages it holds in, with what differs there. Left out: every stage the account is in.
    #[serde(default, deserialize_with = "super::written")]
    #[schemars(with = "BTreeMap<String, Option<AccessControlListOverlay>>")]
    pub stages: Option<BTreeMap<String, Option<AccessControlListOverlay>>>,
}

/// What differs for an access control list in one stage. Lists replace.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccessControlListOverlay {
    /// What the account may do.
    #[serde(default)]
    pub allow: Patch<Vec<Grant>>,
    /// Raw ACL bindings.
    #[serde(default)]
    pub rules: Patch<Vec<Rule>>,
}

/// Something an application does: exactly one of `produce` and `consume`.
///
/// A topic or group name may end in `*` to mean all names that begin so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("oneOf" = [{"required": ["produce"]}, {"required": ["consume"]}]))]
pub struct Grant {
    /// The topic it writes to: Write on the topic.
    #[serde(default)]
    #[schemars(extend("examples" = ["toll.prices.v1"]))]
    pub produce: Option<String>,
    /// The transactional id it writes with: Write on the id. Only with `produce`.
    #[serde(default)]
    #[schemars(extend("examples" = ["toll-billing*"]))]
    pub transactional_id: Option<String>,
    /// The topic it reads from: Read on the topic.
    #[serde(default)]
    #[schemars(extend("examples" = ["toll.transactions.v1", "toll.*"]))]
    pub consume: Option<String>,
    /// The consumer group it reads with: Read on the group. Only with `consume`.
    #[serde(default)]
    #[schemars(extend("examples" = ["toll-billing", "toll-billing*"]))]
    pub group: Option<String>,
}

/// Raw ACL bindings: one for each operation.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    /// What it is about.
    pub resource: Resource,
    /// The resource's logical name; the stage puts its prefix before it. `"*"` means every one of the stage.
    /// Left out for `cluster`.
    #[serde(default)]
    #[schemars(extend("examples" = ["toll.transactions.v1", "*"]))]
    pub name: Option<String>,
    /// Whether `name` is the whole name or its beginning. Default: literal.
    #[serde(default)]
    pub pattern: PatternType,
    /// Kafka's operations.
    pub operations: Vec<Operation>,
    /// Default: allow.
    #[serde(default)]
    pub permission: Permission,
    /// The client's address. Default: any.
    #[serde(default)]
    #[schemars(extend("examples" = ["10.1.2.3"]))]
    pub host: Option<String>,
    /// Why it is so wide, in a sentence. Needed where `*` means every name of a cluster, or stands as a letter in a name.
    #[serde(default)]
    #[schemars(extend("examples" = ["the monitoring reads the settings of every topic"]))]
    pub reason: Option<String>,
}

/// A kind of Kafka resource that ACLs speak about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Resource {
    /// A topic.
    Topic,
    /// A consumer group.
    Group,
    /// The cluster itself.
    Cluster,
    /// A transactional id.
    TransactionalId,
    /// A delegation token.
    DelegationToken,
}

impl Resource {
    /// How files and plans write it.
    pub fn name(self) -> &'static str {
        match self {
            Resource::Topic => "topic",
            Resource::Group => "group",
            Resource::Cluster => "cluster",
            Resource::TransactionalId => "transactionalId",
            Resource::DelegationToken => "delegationToken",
        }
    }
}

/// How a resource name is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum PatternType {
    /// The whole name.
    #[default]
    Literal,
    /// The beginning of names.
    Prefixed,
}

impl PatternType {
    /// How files and plans write it.
    pub fn name(self) -> &'static str {
        match self {
            PatternType::Literal => "literal",
            PatternType::Prefixed => "prefixed",
        }
    }
}

/// Whether an ACL gives or takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Permission {
    /// Gives the right.
    #[default]
    Allow,
    /// Takes the right, whatever else gives it.
    Deny,
}

impl Permission {
    /// How files and plans write it.
    pub fn name(self) -> &'static str {
        match self {
            Permission::Allow => "allow",
            Permission::Deny => "deny",
        }
    }
}

/// Kafka's ACL operations (KIP-11, KIP-140, KIP-679).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Operation {
    /// All operations of the resource.
    All,
    /// Read records, commit offsets.
    Read,
    /// Write records.
    Write,
    /// Create the resource.
    Create,
    /// Delete the resource.
    Delete,
    /// Change the resource.
    Alter,
    /// See that it exists.
    Describe,
    /// Cluster-internal requests.
    ClusterAction,
    /// See its settings.
    DescribeConfigs,
    /// Change its settings.
    AlterConfigs,
    /// Produce idempotently (needed by brokers before 2.8 only).
    IdempotentWrite,
    /// Create delegation tokens for others.
    CreateTokens,
    /// Describe others' delegation tokens.
    DescribeTokens,
}

impl Operation {
    /// Kafka's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Operation::All => "All",
            Operation::Read => "Read",
            Operation::Write => "Write",
            Operation::Create => "Create",
            Operation::Delete => "Delete",
            Operation::Alter => "Alter",
            Operation::Describe => "Describe",
            Operation::ClusterAction => "ClusterAction",
            Operation::DescribeConfigs => "DescribeConfigs",
            Operation::AlterConfigs => "AlterConfigs",
            Operation::IdempotentWrite => "IdempotentWrite",
            Operation::CreateTokens => "CreateTokens",
            Operation::DescribeTokens => "DescribeTokens",
        }
    }
}
