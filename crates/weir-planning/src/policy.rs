use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use weir_model::EntityRef;

/// The organisation's rules over steps that a plan was made under. They are part of the plan and of its digest, so that
/// they are asked again when it is carried out, whatever the files say by then.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlanPolicies {
    /// Policies by name: the content of each for the plan's stage, as JSON.
    pub policies: BTreeMap<String, String>,
    /// Labels of the entities that steps are about, by kind and name: `Topic/toll.transactions.v1`.
    pub labels: BTreeMap<EntityRef, BTreeMap<String, String>>,
    /// Exceptions.
    pub waivers: Vec<PlanWaiver>,
}

/// An exception from a rule over steps.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlanWaiver {
    /// The policy's name.
    pub rule: String,
    /// The entity that it is for, by kind and name.
    pub entity: EntityRef,
    /// The last day it holds, in UTC: `2027-01-31`.
    pub until: String,
}
