//! Product teams.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::NameSpaces;

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
    /// The beginnings of names that the team owns. Each list replaces the workspace's template.
    #[serde(default)]
    pub names: NameSpaces,
    /// The names under which the forge asks the team for reviews: users and teams of GitHub (`@example/toll`), or the
    /// ids of groups of Azure DevOps. Default: the groups of `members` for Azure DevOps, none for GitHub.
    #[serde(default)]
    #[schemars(extend("examples" = [["@example/toll"]]))]
    pub reviewers: Vec<String>,
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
