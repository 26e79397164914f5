//! Ownership: the paths and the names of teams, and the consents of owners.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Date, Duration};

/// The paths and the names that belong to each team. Everything else belongs to the platform team.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OwnershipSpec {
    /// The team that runs weir. Its word is needed for everything that belongs to no team.
    #[schemars(extend("examples" = ["platform"]))]
    pub platform: String,
    /// The paths and names of teams.
    #[serde(default)]
    pub teams: TeamTemplates,
    /// Hosts of the key vaults that weir may send requests to: `azure` for all hosts of Azure Key Vault, a host, or
    /// `*.` and the end of hosts. Default: `azure`.
    #[serde(default = "OwnershipSpec::azure")]
    #[schemars(extend("examples" = [["azure"], ["azure", "vault.example.com"]]))]
    pub vault_hosts: Vec<String>,
    /// Objects that exist already, and that weir may take over, by stage. Physical names.
    #[serde(default)]
    #[schemars(extend("examples" = [{"prod": {"topics": ["legacy.*"], "serviceAccounts": ["legacy-billing"]}}]))]
    pub adopt: BTreeMap<String, Adopt>,
    /// Consents of the platform team, for names of any team.
    #[serde(default)]
    pub consents: Vec<ConsentSpec>,
    /// The time before the end of a grant, a consent or a waiver in which weir warns. Default 14d.
    #[serde(default = "OwnershipSpec::two_weeks")]
    pub warn_before: Duration,
}

impl OwnershipSpec {
    fn azure() -> Vec<String> {
        vec!["azure".to_owned()]
    }

    pub(super) fn two_weeks() -> Duration {
        Duration::from_millis(14 * 86_400_000)
    }
}

/// The paths and names of teams, with `{team}` for the name of a team.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TeamTemplates {
    /// The files of a team. `*` is any text within a name, `**` at the end any file below a folder. Default:
    /// `teams/{team}/**`
    #[schemars(extend("examples" = [["teams/{team}/**"], ["{team}.yaml"]]))]
    pub paths: Vec<String>,
    /// The beginnings of names that a team owns.
    pub names: NameSpaces,
}

impl Default for TeamTemplates {
    fn default() -> Self {
        Self { paths: vec!["teams/{team}/**".to_owned()], names: NameSpaces::default() }
    }
}

/// The beginnings of names that a team owns. Each ends with a separator: `.`, `-` or `_`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct NameSpaces {
    /// Of topics. Default: `{team}.`
    #[schemars(extend("examples" = [["toll.", "passages."]]))]
    pub topics: Option<Vec<String>>,
    /// Of consumer groups. Default: `{team}.` and `{team}-`
    #[schemars(extend("examples" = [["toll-"]]))]
    pub groups: Option<Vec<String>>,
    /// Of transactional ids. Default: `{team}.` and `{team}-`
    #[schemars(extend("examples" = [["toll-"]]))]
    pub transactional_ids: Option<Vec<String>>,
    /// Of service accounts. Default: `{team}-`
    #[schemars(extend("examples" = [["toll-"]]))]
    pub service_accounts: Option<Vec<String>>,
}

/// Patterns of the physical names of objects that weir may take over: a name, or a beginning of names followed by `*`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Adopt {
    /// Topics outside the name space of their team. A topic that a file of the platform team declares needs no entry; with
    /// one, its changes are at the head of plans.
    #[schemars(extend("examples" = [["legacy.*"]]))]
    pub topics: Vec<String>,
    /// Service accounts.
    #[schemars(extend("examples" = [["legacy-billing"]]))]
    pub service_accounts: Vec<String>,
}

/// The consent of an owner to the use of names by other teams. A consent to a beginning of names covers the names that
/// are added later; a consent to a name never covers a beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ConsentSpec {
    /// Logical names of topics, or beginnings of names followed by `*`.
    #[schemars(extend("examples" = [["toll.events.*"]]))]
    pub topics: Vec<String>,
    /// Logical names of consumer groups, or beginnings of names followed by `*`.
    #[schemars(extend("examples" = [["toll-billing"]]))]
    pub groups: Vec<String>,
    /// Logical names of transactional ids, or beginnings of names followed by `*`.
    #[schemars(extend("examples" = [["toll-billing-*"]]))]
    pub transactional_ids: Vec<String>,
    /// Teams that may see the names and their settings, but no records: Describe, DescribeConfigs.
    #[schemars(extend("examples" = [["platform"]]))]
    pub observers: Vec<String>,
    /// Teams that may read, and see: Read.
    #[schemars(extend("examples" = [["cards", "billing"]]))]
    pub consumers: Vec<String>,
    /// Teams that may write, and see: Write.
    #[schemars(extend("examples" = [["gates"]]))]
    pub producers: Vec<String>,
    /// Teams that may do everything. Each by its name.
    #[schemars(extend("examples" = [["platform"]]))]
    pub administrators: Vec<String>,
    /// The reason, for readers.
    #[schemars(extend("examples" = ["the lag exporter sees every group"]))]
    pub why: Option<String>,
    /// The last day of the consent. Default: none.
    #[schemars(extend("examples" = ["2027-01-31"]))]
    pub until: Option<Date>,
    /// The stages of the consent. Default: every stage.
    #[schemars(extend("examples" = [["dev", "test"]]))]
    pub stages: Vec<String>,
}
