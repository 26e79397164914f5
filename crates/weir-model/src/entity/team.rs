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
    #[schemars(extend("examples" = [{"prod": "https://toll-prod.vault.azure.net"}]))]
    pub vaults: BTreeMap<String, String>,
    /// Kubernetes namespace by stage. Default: the stage's or the workspace's template.
    #[serde(default)]
    #[schemars(extend("examples" = [{"prod": "toll-prod"}]))]
    pub namespaces: BTreeMap<String, String>,
    /// The members of the team.
    #[serde(default)]
    pub members: Vec<Member>,
    /// The address of the team.
    #[serde(default)]
    #[schemars(extend("examples" = ["toll@example.com"]))]
    pub contact: Option<String>,
}

/// A group or a person of the directory. Exactly one of the fields.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct Member {
    /// A directory group's id.
    #[serde(default)]
    #[schemars(extend("examples" = ["11111111-1111-1111-1111-111111111111"]))]
    pub group: Option<String>,
    /// A person's sign-in name.
    #[serde(default)]
    #[schemars(extend("examples" = ["ada@example.com"]))]
    pub user: Option<String>,
}
