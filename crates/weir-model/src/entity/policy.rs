//! The organisation's own rules, and the exceptions from them.

use std::{collections::BTreeMap, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::{Date, SettingValue};

/// A rule of the organisation over what teams write, or over the steps of plans.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PolicySpec {
    /// What it is about. `kinds` is required.
    #[serde(rename = "match")]
    pub matches: Match,
    /// How bad a violation is. Default: error. Only an error stops the pipeline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<PolicySeverity>,
    /// From when and where on its errors are errors; before, they are warnings. Default: at once, everywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enforce: Option<Enforce>,
    /// Whether exceptions may be granted. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waivable: Option<bool>,
    /// Why there is this rule, for whoever breaks it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["Clusters are limited in partitions, and none can be taken back."]))]
    pub why: Option<String>,
    /// What to do about a violation, where a validation says nothing better.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["ask the platform team for more"]))]
    pub help: Option<String>,
    /// YAML that breaks it and YAML that keeps it, for its page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<PolicyExample>,
    /// How names are built.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub naming: Option<Naming>,
    /// Metadata that must be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requires: Option<Requires>,
    /// Topic settings and what they may be, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "crate::schema::SettingLimits")]
    pub settings: BTreeMap<String, SettingLimit>,
    /// How many partitions topics may have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partitions: Option<Range>,
    /// How many replicas of each partition topics may have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replication_factor: Option<Range>,
    /// What differs in a stage: a setting's limit replaces the one above.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub stages: BTreeMap<String, StageLimits>,
    /// Named parts of expressions: each may use those above it, as `variables.NAME`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<Variable>,
    /// Expressions that must hold, in the Common Expression Language.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub validations: Vec<PolicyValidation>,
}

/// What a policy is about. What is left out does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Match {
    /// Kinds of entities, or `Plan` alone for the steps of plans.
    pub kinds: Vec<PolicyKind>,
    /// Teams that own the entity; a team itself by its name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("examples" = [["toll"]]))]
    pub teams: Vec<String>,
    /// Stages.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("examples" = [["prod"]]))]
    pub stages: Vec<String>,
    /// Labels that the entity has, with their values; `*` is any value.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "crate::schema::Labels")]
    pub labels: BTreeMap<String, String>,
    /// Logical names: a name, or a beginning of names followed by `*`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("examples" = [["toll.*"]]))]
    pub names: Vec<String>,
}

/// What policies can be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum PolicyKind {
    /// A product team.
    Team,
    /// A topic.
    Topic,
    /// A service account.
    ServiceAccount,
    /// What a service account may do.
    AccessControlList,
    /// The steps of a plan.
    Plan,
}

impl PolicyKind {
    /// The name as written.
    pub fn as_str(self) -> &'static str {
        match self {
            PolicyKind::Team => "Team",
            PolicyKind::Topic => "Topic",
            PolicyKind::ServiceAccount => "ServiceAccount",
            PolicyKind::AccessControlList => "AccessControlList",
            PolicyKind::Plan => "Plan",
        }
    }
}

impl fmt::Display for PolicyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How bad the violation of a policy is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum PolicySeverity {
    /// Worth knowing.
    Info,
    /// Doubtful; does not stop the pipeline.
    Warning,
    /// Wrong; stops the pipeline.
    #[default]
    Error,
}

/// From when and where on a policy's errors are errors.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Enforce {
    /// From the beginning of this day on, in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Date>,
    /// Only in these stages.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("examples" = [["test", "prod"]]))]
    pub stages: Vec<String>,
    /// Only in this stage and those after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["test"]))]
    pub from_stage: Option<String>,
}

/// YAML for the page of a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PolicyExample {
    /// What breaks it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["spec: {partitions: 500}"]))]
    pub bad: Option<String>,
    /// What to write instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["spec: {partitions: 12}"]))]
    pub good: Option<String>,
}

/// How names are built: `{team}.{domain}.{name}.v{version}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Naming {
    /// Text as it is, and parts in braces. `{team}` is the entity's team.
    #[schemars(extend("examples" = ["{team}.{name}.v{version}"]))]
    pub pattern: String,
    /// What a part may be. Default for a part not named here: lower case letters, digits and dashes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parts: BTreeMap<String, NamePart>,
}

/// What a part of a name may be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct NamePart {
    /// A regular expression that all of the part matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["[a-z]+"]))]
    pub pattern: Option<String>,
    /// The words it may be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("examples" = [["events", "commands"]]))]
    pub allowed: Vec<String>,
    /// The label of the entity that it equals.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["domain"]))]
    pub label: Option<String>,
}

/// Metadata that must be written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Requires {
    /// A description of at least that many characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<u32>,
    /// Labels, and what they may be.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, Option<LabelLimit>>,
}

/// What a label may be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LabelLimit {
    /// A regular expression that all of the value matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["[0-9]{4}"]))]
    pub pattern: Option<String>,
    /// The words it may be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("examples" = [["public", "internal", "confidential"]]))]
    pub allowed: Vec<String>,
}

/// What a topic setting may be. A setting that is not written is judged by `required` alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SettingLimit {
    /// Whether a value of the topic's own, or of its profile's, must be there.
    #[serde(skip_serializing_if = "is_false")]
    pub required: bool,
    /// Whether there must be none.
    #[serde(skip_serializing_if = "is_false")]
    pub unset: bool,
    /// The values it may have; of a list, each item.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("examples" = [["compact", "delete"]]))]
    pub allowed: Vec<String>,
    /// The values it must not have; of a list, no item.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("examples" = [["uncompressed"]]))]
    pub forbidden: Vec<String>,
    /// The least it may be: `1h`, `1MiB`, `2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<SettingValue>", extend("examples" = ["1h", "1MiB", 2]))]
    pub min: Option<String>,
    /// The most it may be. `unlimited` is more than any number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<SettingValue>", extend("examples" = ["7d", "1GiB", "unlimited"]))]
    pub max: Option<String>,
    /// Other settings, with the value that each must have, or as a list hold, for this limit to hold. What is not
    /// written has Kafka's default. Default: always.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, SettingValue>", extend("examples" = [{"cleanup.policy": "compact"}]))]
    pub when: BTreeMap<String, String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde asks for")]
fn is_false(value: &bool) -> bool {
    !value
}

/// A range of numbers, both ends in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Range {
    /// The least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<u32>,
    /// The most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
}

/// What differs for a policy in one stage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct StageLimits {
    /// Topic settings and what they may be; a setting named here is judged by this alone.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "crate::schema::SettingLimits")]
    pub settings: BTreeMap<String, SettingLimit>,
    /// How many partitions topics may have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partitions: Option<Range>,
    /// How many replicas of each partition topics may have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replication_factor: Option<Range>,
}

/// A named part of expressions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Variable {
    /// Its name: `variables.NAME`.
    #[schemars(extend("examples" = ["groups"]))]
    pub name: String,
    /// What it stands for.
    #[schemars(extend("examples" = ["entity.spec.allow.filter(g, has(g.group)).map(g, g.group)"]))]
    pub expression: String,
}

/// An expression that must hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicyValidation {
    /// The expression; true is fine.
    #[schemars(extend("examples" = ["!(\"*\" in entity.spec.access.consumers)", "!has(entity.spec.partitions) || entity.spec.partitions <= 24"]))]
    pub expression: String,
    /// What is wrong when it does not hold. Default: the expression itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["the topic is open to every team"]))]
    pub message: Option<String>,
    /// An expression that makes the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["entity.name + \" is open to every team\""]))]
    pub message_expression: Option<String>,
    /// The field that is wrong: `spec.config["retention.ms"]`. Default: the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["spec.access.consumers", "spec.config[\"retention.ms\"]"]))]
    pub path: Option<String>,
    /// How bad it is. Default: the policy's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<PolicySeverity>,
    /// What to write instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["name the teams that need it"]))]
    pub help: Option<String>,
}

/// An exception from a rule, for one entity and for a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WaiverSpec {
    /// The rule: a policy's name, or the id of one of weir's rules.
    #[schemars(extend("examples" = ["topic-retention"]))]
    pub rule: String,
    /// The entity: `Topic/toll.transactions.v1`.
    #[schemars(extend("examples" = ["Topic/toll.transactions.v1"]))]
    pub entity: String,
    /// The stages it holds in; only for policies. Default: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("examples" = [["test"]]))]
    pub stages: Vec<String>,
    /// Why the rule does not fit here.
    #[schemars(extend("examples" = ["read by the archive once a quarter"]))]
    pub reason: String,
    /// The team that answers for the exception.
    #[schemars(extend("examples" = ["toll"]))]
    pub owner: String,
    /// The last day it holds, in UTC.
    pub until: Date,
}

/// Which policies hold beside those of the workspace's own files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PolicySettings {
    /// The starter pack: `true` for all of it, or names of policies, each with what it says differently.
    pub starter: Starter,
}

/// What of the starter pack holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Starter {
    /// Nothing.
    #[default]
    None,
    /// All of it, as it is.
    All,
    /// Those of these names; what is written in a spec replaces what the pack says.
    Some(BTreeMap<String, Option<Box<PolicySpec>>>),
}

impl<'de> Deserialize<'de> for Starter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Starter;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`true`, a list of names, or a mapping from names to what differs")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Starter, E> {
                match text {
                    "true" => Ok(Starter::All),
                    "false" | "" => Ok(Starter::None),
                    _ => Err(E::custom(format!("expected `true` or a list of names, found `{text}`"))),
                }
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Starter, A::Error> {
                let mut names = BTreeMap::new();
                while let Some(name) = seq.next_element::<String>()? {
                    names.insert(name, None);
                }
                Ok(Starter::Some(names))
            }
            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Starter, A::Error> {
                let mut named = BTreeMap::new();
                while let Some((name, spec)) = map.next_entry::<String, Option<Box<PolicySpec>>>()? {
                    named.insert(name, spec);
                }
                Ok(Starter::Some(named))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Starter {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Starter".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let spec = generator.subschema_for::<Option<PolicySpec>>();
        json_schema!({
            "description": "`true` for the whole starter pack, or names of policies, each with what it says differently.",
            "anyOf": [
                {"type": "boolean"},
                {"type": "array", "items": {"type": "string"}},
                {"type": "object", "additionalProperties": spec},
            ],
        })
    }
}
