//! Grants and ACL bindings of service accounts.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Date, Patch};

/// The grants of one service account. Without a grant it may do nothing.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccessControlListSpec {
    /// The service account.
    #[schemars(extend("examples" = ["toll-billing"]))]
    pub service_account: String,
    /// The grants, in the words of applications.
    #[serde(default)]
    pub allow: Vec<Grant>,
    /// Raw ACL bindings, for rights that `allow` has no word for.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// The stages in which the list holds, with the differences there. Default: every stage of the account.
    #[serde(default, deserialize_with = "super::written")]
    #[schemars(with = "BTreeMap<String, Option<AccessControlListOverlay>>")]
    pub stages: Option<BTreeMap<String, Option<AccessControlListOverlay>>>,
}

/// The differences of an access control list in one stage. Lists replace.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccessControlListOverlay {
    /// The grants.
    #[serde(default)]
    pub allow: Patch<Vec<Grant>>,
    /// Raw ACL bindings.
    #[serde(default)]
    pub rules: Patch<Vec<Rule>>,
}

/// A task of an application: exactly one of `produce` and `consume`.
///
/// A topic or group name that ends in `*` means all names with that beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("oneOf" = [{"required": ["produce"]}, {"required": ["consume"]}]))]
pub struct Grant {
    /// The topic that the application writes to: Write on the topic.
    #[serde(default)]
    #[schemars(extend("examples" = ["toll.prices.v1"]))]
    pub produce: Option<String>,
    /// The transactional id that the application writes with: Write on the id. Only with `produce`.
    #[serde(default)]
    #[schemars(extend("examples" = ["toll-billing*"]))]
    pub transactional_id: Option<String>,
    /// The topic that the application reads from: Read on the topic.
    #[serde(default)]
    #[schemars(extend("examples" = ["toll.transactions.v1", "toll.*"]))]
    pub consume: Option<String>,
    /// The consumer group that the application reads with: Read on the group. Only with `consume`.
    #[serde(default)]
    #[schemars(extend("examples" = ["toll-billing", "toll-billing*"]))]
    pub group: Option<String>,
    /// The last day of the grant. Default: none.
    #[serde(default)]
    #[schemars(extend("examples" = ["2027-01-31"]))]
    pub until: Option<Date>,
}

/// Raw ACL bindings: one for each operation.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    /// The kind of resource.
    pub resource: Resource,
    /// The resource's logical name; the stage puts its prefix before it. `"*"` means every name of the stage.
    /// Left out for `cluster`.
    #[serde(default)]
    #[schemars(extend("examples" = ["toll.transactions.v1", "*"]))]
    pub name: Option<String>,
    /// `literal` if `name` is the whole name, `prefixed` if it is the beginning of names. Default: literal.
    #[serde(default)]
    pub pattern: PatternType,
    /// Kafka's operations.
    pub operations: Vec<Operation>,
    /// `allow` or `deny`. Default: allow.
    #[serde(default)]
    pub permission: Permission,
    /// The client's address. Default: any.
    #[serde(default)]
    #[schemars(extend("examples" = ["10.1.2.3"]))]
    pub host: Option<String>,
    /// The reason, in a sentence, for readers. It gives no right.
    #[serde(default)]
    #[schemars(extend("examples" = ["the monitoring reads the settings of every topic"]))]
    pub reason: Option<String>,
    /// The last day of the rule. Default: none.
    #[serde(default)]
    #[schemars(extend("examples" = ["2027-01-31"]))]
    pub until: Option<Date>,
}

/// A kind of Kafka resource that ACL bindings name.
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

weir_findings::words!(Resource {
    Topic => "topic",
    Group => "group",
    Cluster => "cluster",
    TransactionalId => "transactionalId",
    DelegationToken => "delegationToken",
});

/// The way in which a resource name is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum PatternType {
    /// The whole name.
    #[default]
    Literal,
    /// The beginning of names.
    Prefixed,
}

weir_findings::words!(PatternType {
    Literal => "literal",
    Prefixed => "prefixed",
});

/// The effect of an ACL binding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Permission {
    /// Gives the right.
    #[default]
    Allow,
    /// Takes the right, even if another binding gives it.
    Deny,
}

weir_findings::words!(Permission {
    Allow => "allow",
    Deny => "deny",
});

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
    /// See that the resource exists.
    Describe,
    /// Cluster-internal requests.
    ClusterAction,
    /// See the resource's settings.
    DescribeConfigs,
    /// Change the resource's settings.
    AlterConfigs,
    /// Produce idempotently (needed by brokers before 2.8 only).
    IdempotentWrite,
    /// Create delegation tokens for others.
    CreateTokens,
    /// Describe others' delegation tokens.
    DescribeTokens,
}

weir_findings::words!(Operation {
    All => "All",
    Read => "Read",
    Write => "Write",
    Create => "Create",
    Delete => "Delete",
    Alter => "Alter",
    Describe => "Describe",
    ClusterAction => "ClusterAction",
    DescribeConfigs => "DescribeConfigs",
    AlterConfigs => "AlterConfigs",
    IdempotentWrite => "IdempotentWrite",
    CreateTokens => "CreateTokens",
    DescribeTokens => "DescribeTokens",
});
