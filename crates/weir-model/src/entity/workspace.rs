//! `weir.yaml`: stages, clusters, defaults.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::Config;
use crate::{Cluster, Duration, OwnershipSpec, PolicySettings, Resource, Secrets, SettingValue, VaultHosts};

/// Stages, clusters and defaults of a workspace.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkspaceSpec {
    /// The clusters that stages are bound to, by name.
    pub clusters: BTreeMap<String, Cluster>,
    /// The stages, in promotion order.
    pub stages: Vec<Stage>,
    /// Named defaults that topics may refer to.
    #[serde(default)]
    pub profiles: BTreeMap<String, Profile>,
    /// Defaults of all entities.
    #[serde(default)]
    pub defaults: Defaults,
    /// The vaults for API keys of clusters that are no sandbox. A sandbox has vaults of its own.
    #[serde(default)]
    pub secrets: Option<Secrets>,
    /// The paths and the names that belong to each team. Without it, weir believes what files say of their team.
    #[serde(default)]
    pub ownership: Option<OwnershipSpec>,
    /// Policies that hold beside those in files.
    #[serde(default)]
    pub policies: PolicySettings,
}

impl WorkspaceSpec {
    /// Returns the hosts of key vaults that weir may send requests to: Azure's, unless `ownership.vaultHosts` says otherwise.
    ///
    /// # Errors
    /// The position of the first entry that is no host.
    pub fn vault_hosts(&self) -> Result<VaultHosts, usize> {
        self.ownership.as_ref().map_or(Ok(VaultHosts::default()), |ownership| VaultHosts::parse(&ownership.vault_hosts))
    }

    /// Returns the time before the end of a grant, a consent or a waiver in which weir warns.
    pub fn warn_before(&self) -> Duration {
        self.ownership.as_ref().map_or_else(OwnershipSpec::two_weeks, |ownership| ownership.warn_before)
    }
}

/// A step of the promotion order.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Stage {
    /// Name, as used behind `stages:` of entities and `--stage`.
    #[schemars(extend("examples" = ["dev"]))]
    pub name: String,
    /// The cluster, by its name under `clusters`.
    #[schemars(extend("examples" = ["nonprod"]))]
    pub cluster: String,
    /// The prefixes that the stage puts before logical names.
    #[serde(default)]
    pub prefix: Prefix,
    /// The names of the cluster that this stage may manage beyond those its files declare.
    #[serde(default)]
    pub owns: Option<Owns>,
    /// The approval that a plan needs before it is deployed.
    #[serde(default)]
    pub approval: Approval,
    /// `true` if weir deletes topics and accounts inside `owns` that no file declares. Default: weir reports them.
    #[serde(default)]
    pub prune: bool,
    /// The amount of change from which a plan needs `--beyond-threshold`.
    #[serde(default)]
    pub threshold: Threshold,
    /// The key vault of a team in this stage, with `{team}` and `{stage}`. Default: the workspace's.
    #[serde(default)]
    #[schemars(extend("examples" = ["https://{team}-{stage}.vault.azure.net"]))]
    pub vault: Option<String>,
    /// The namespace of a team in this stage, with `{team}` and `{stage}`. Default: the workspace's.
    #[serde(default)]
    #[schemars(extend("examples" = ["{team}-{stage}"]))]
    pub namespace: Option<String>,
    /// The public keys of those whose plans are deployed, and whose receipts are believed: lines of Base64, as between the
    /// first and the last line of `openssl pkey -pubout`. Default: signatures are not asked for.
    #[serde(default)]
    #[schemars(extend("examples" = [["MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE…"]]))]
    pub signed_by: Vec<String>,
}

/// The prefixes that a stage puts before logical names to make physical names.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Prefix {
    /// Before topic names: `dev.`
    #[serde(default)]
    #[schemars(extend("examples" = ["dev."]))]
    pub topic: Option<String>,
    /// Before consumer group names: `dev.`
    #[serde(default)]
    #[schemars(extend("examples" = ["dev."]))]
    pub group: Option<String>,
    /// Before transactional ids: `dev.`
    #[serde(default)]
    #[schemars(extend("examples" = ["dev."]))]
    pub transactional_id: Option<String>,
    /// Before service account names: `dev-`
    #[serde(default)]
    #[schemars(extend("examples" = ["dev-"]))]
    pub service_account: Option<String>,
}

impl Prefix {
    /// Returns the prefix of names of such resources; it is empty where there is none.
    pub fn of(&self, resource: Resource) -> &str {
        match resource {
            Resource::Topic => self.topic.as_deref(),
            Resource::Group => self.group.as_deref(),
            Resource::TransactionalId => self.transactional_id.as_deref(),
            Resource::Cluster | Resource::DelegationToken => None,
        }
        .unwrap_or_default()
    }
}

/// Patterns of physical names: a name, or a beginning of names followed by `*`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Owns {
    /// Patterns of topic names: `dev.*`
    #[serde(default)]
    #[schemars(extend("examples" = [["dev.*"]]))]
    pub topics: Vec<String>,
    /// Patterns of service account names: `dev-*`
    #[serde(default)]
    #[schemars(extend("examples" = [["dev-*"]]))]
    pub service_accounts: Vec<String>,
}

/// The approval that a stage's plans need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Approval {
    /// Any plan up to the allowed risk may be deployed.
    #[default]
    None,
    /// `weir-deploy` needs `--digest` of the approved plan.
    Required,
}

/// The share of a stage that one plan may delete or change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Threshold {
    /// Share of the scope's objects, in percent. Default 30.
    pub percent: u8,
    /// The number of objects in the scope from which the share counts. Default 10.
    pub minimum: u32,
}

impl Default for Threshold {
    fn default() -> Self {
        Self { percent: 30, minimum: 10 }
    }
}

/// Named defaults of topics.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Profile {
    /// The purpose of the profile.
    #[serde(default)]
    #[schemars(extend("examples" = ["The usual settings of a topic"]))]
    pub description: Option<String>,
    /// Number of partitions.
    #[serde(default)]
    pub partitions: Option<u32>,
    /// Replicas of each partition.
    #[serde(default)]
    pub replication_factor: Option<u16>,
    /// Topic settings.
    #[serde(default)]
    #[schemars(with = "Config")]
    pub config: BTreeMap<String, SettingValue>,
}

/// Defaults of a workspace.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Defaults {
    /// The profile of topics that name none.
    #[serde(default)]
    #[schemars(extend("examples" = ["standard"]))]
    pub profile: Option<String>,
    /// The key vault of a team: `https://kv-{team}-{stage}.vault.azure.net`
    #[serde(default)]
    #[schemars(extend("examples" = ["https://{team}-{stage}.vault.azure.net"]))]
    pub vault: Option<String>,
    /// The namespace of a team: `{team}-{stage}`
    #[serde(default)]
    #[schemars(extend("examples" = ["{team}-{stage}"]))]
    pub namespace: Option<String>,
}
