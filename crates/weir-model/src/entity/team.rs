//! Product teams.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// A product team.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TeamSpec {
    /// Key vault by stage. Default: the stage's or the workspace's template.
    #[serde(default)]
    pub vaults: BTreeMap<String, String>,
    /// Kubernetes namespace by stage. Default: the stage's or the workspace's template.
    #[serde(default)]
    pub namespaces: BTreeMap<String, String>,
    /// Who belongs to the team.
    #[serde(default)]
    pub members: Vec<Member>,
    /// Where the team is reached.
    #[serde(default)]
    pub contact: Option<String>,
}

/// A group or a person of the directory. Exactly one of the fields.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct Member {
    /// A directory group's id.
    #[serde(default)]
    pub group: Option<String>,
    /// A person's sign-in name.
    #[serde(default)]
    pub user: Option<String>,
}
