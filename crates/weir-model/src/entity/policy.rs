//! The organisation's own rules, and the exceptions from them.

use std::{collections::BTreeMap, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::{Date, SettingValue};

/// A rule of the organisation about entities, or about the steps of plans.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PolicySpec {
    /// The entities, or plans, that the policy is about. `kinds` is required.
    #[serde(rename = "match")]
    pub matches: Match,
    /// The severity of a violation. Default: error. Only an error stops the pipeline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<PolicySeverity>,
    /// The day and the stages from which errors count as errors; before, they are warnings. Default: at once, in all
    /// stages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enforce: Option<Enforce>,
    /// `true` if exceptions may be granted. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waivable: Option<bool>,
    /// The reason for the rule, for people who break it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["Clusters are limited in partitions, and none can be taken back."]))]
    pub why: Option<String>,
    /// Help for a violation, unless a validation has its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["ask the platform team for more"]))]
    pub help: Option<String>,
    /// YAML that breaks the policy and YAML that keeps it, for the policy's page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<PolicyExample>,
    /// The pattern of names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub naming: Option<Naming>,
    /// Metadata that must be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requires: Option<Requires>,
    /// Limits of topic settings, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "crate::schema::SettingLimits")]
    pub settings: BTreeMap<String, SettingLimit>,
    /// The allowed number of partitions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partitions: Option<Range>,
    /// The allowed number of replicas of each partition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replication_factor: Option<Range>,
    /// Limits in single stages: a setting's limit replaces the one above.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub stages: BTreeMap<String, StageLimits>,
    /// Named parts of expressions: each may use those above it, as `variables.NAME`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<Variable>,
    /// Expressions that must hold, in the Common Expression Language.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub validations: Vec<PolicyValidation>,
}

/// The entities, or plans, that a policy is about. A field that is left out does not restrict.
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

/// A kind of entity, or plans, as policies name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum PolicyKind {
    /// A product team.
    Team,
    /// A topic.
    Topic,
    /// A service account.
    ServiceAccount,
    /// The grants of one service account.
    AccessControlList,
    /// The steps of a plan.
    Plan,
}

weir_findings::words!(PolicyKind {
    Team => "Team",
    Topic => "Topic",
    ServiceAccount => "ServiceAccount",
    AccessControlList => "AccessControlList",
    Plan => "Plan",
});

/// The severity of a policy's violation.
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

/// The day and the stages from which a policy's errors count as errors.
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
    /// YAML that breaks the policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["spec: {partitions: 500}"]))]
    pub bad: Option<String>,
    /// Help: the value to write instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["spec: {partitions: 12}"]))]
    pub good: Option<String>,
}

/// The pattern of names: `{team}.{domain}.{name}.v{version}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Naming {
    /// Text as it is, and parts in braces. `{team}` is the entity's team.
    #[schemars(extend("examples" = ["{team}.{name}.v{version}"]))]
    pub pattern: String,
    /// The allowed values of parts. Default for a part not named here: lower case letters, digits and dashes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parts: BTreeMap<String, NamePart>,
}

/// The allowed values of a part of a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct NamePart {
    /// A regular expression that matches the whole part.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["[a-z]+"]))]
    pub pattern: Option<String>,
    /// The allowed words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("examples" = [["events", "commands"]]))]
    pub allowed: Vec<String>,
    /// The label of the entity that the part equals.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["domain"]))]
    pub label: Option<String>,
}

/// Metadata that must be written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Requires {
    /// The smallest length of the description, in characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<u32>,
    /// Labels, and their allowed values.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, Option<LabelLimit>>,
}

/// The allowed values of a label.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LabelLimit {
    /// A regular expression that matches the whole value.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["[0-9]{4}"]))]
    pub pattern: Option<String>,
    /// The allowed words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("examples" = [["public", "internal", "confidential"]]))]
    pub allowed: Vec<String>,
}

/// The allowed values of a topic setting. Only `required` judges a setting that is not written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SettingLimit {
    /// `true` if the topic or its profile must have a value.
    #[serde(skip_serializing_if = "is_false")]
    pub required: bool,
    /// `true` if the topic and its profile must have no value.
    #[serde(skip_serializing_if = "is_false")]
    pub unset: bool,
    /// The allowed values; of a list, the allowed items.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("examples" = [["compact", "delete"]]))]
    pub allowed: Vec<String>,
    /// The forbidden values; of a list, the forbidden items.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("examples" = [["uncompressed"]]))]
    pub forbidden: Vec<String>,
    /// The smallest allowed value: `1h`, `1MiB`, `2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<SettingValue>", extend("examples" = ["1h", "1MiB", 2]))]
    pub min: Option<String>,
    /// The largest allowed value. `unlimited` is more than any number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<SettingValue>", extend("examples" = ["7d", "1GiB", "unlimited"]))]
    pub max: Option<String>,
    /// Other settings with their values: the limit holds only where each of them has that value, or holds it as a list.
    /// A setting that is not written has Kafka's default. Default: always.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, SettingValue>", extend("examples" = [{"cleanup.policy": "compact"}]))]
    pub when: BTreeMap<String, String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde asks for")]
fn is_false(value: &bool) -> bool {
    !value
}

/// A range of numbers, with both ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Range {
    /// The smallest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<u32>,
    /// The largest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
}

/// The limits of a policy in one stage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct StageLimits {
    /// Limits of topic settings; for a setting named here, only this limit counts.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "crate::schema::SettingLimits")]
    pub settings: BTreeMap<String, SettingLimit>,
    /// The allowed number of partitions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partitions: Option<Range>,
    /// The allowed number of replicas of each partition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replication_factor: Option<Range>,
}

/// A named part of expressions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Variable {
    /// The name: `variables.NAME`.
    #[schemars(extend("examples" = ["groups"]))]
    pub name: String,
    /// The expression that the name stands for.
    #[schemars(extend("examples" = ["entity.spec.allow.filter(g, has(g.group)).map(g, g.group)"]))]
    pub expression: String,
}

/// An expression that must hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicyValidation {
    /// The expression; `true` passes.
    #[schemars(extend("examples" = ["!(\"*\" in entity.spec.access.consumers)", "!has(entity.spec.partitions) || entity.spec.partitions <= 24"]))]
    pub expression: String,
    /// The message of the finding if the expression does not hold. Default: the expression itself.
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
    /// The severity. Default: the policy's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<PolicySeverity>,
    /// Help: the value to write instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["name the teams that need it"]))]
    pub help: Option<String>,
}

/// An exception from a rule for one entity, with a reason and a last day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WaiverSpec {
    /// The rule: a policy's name, or the id of one of weir's rules.
    #[schemars(extend("examples" = ["topic-retention"]))]
    pub rule: String,
    /// The entity: `Topic/toll.transactions.v1`.
    #[schemars(extend("examples" = ["Topic/toll.transactions.v1"]))]
    pub entity: String,
    /// The stages in which the exception holds; only for policies. Default: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("examples" = [["test"]]))]
    pub stages: Vec<String>,
    /// The reason why the rule does not fit here.
    #[schemars(extend("examples" = ["read by the archive once a quarter"]))]
    pub reason: String,
    /// The team that answers for the exception.
    #[schemars(extend("examples" = ["toll"]))]
    pub owner: String,
    /// The last day of the exception, in UTC.
    pub until: Date,
}

/// The policies that hold beside those of the workspace's own files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PolicySettings {
    /// The starter pack: `true` for all of it, or names of policies, each with its changes.
    pub starter: Starter,
}

/// The part of the starter pack that holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Starter {
    /// Nothing.
    #[default]
    None,
    /// The whole pack, unchanged.
    All,
    /// The policies of these names; the fields of a spec replace those of the pack.
    Some(BTreeMap<String, Option<Box<PolicySpec>>>),
}

impl<'de> Deserialize<'de> for Starter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Starter;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`true`, a list of names, or a mapping from names to the fields that differ")
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
            "description": "`true` for the whole starter pack, or names of policies, each with its changes.",
            "anyOf": [
                {"type": "boolean"},
                {"type": "array", "items": {"type": "string"}},
                {"type": "object", "additionalProperties": spec},
            ],
        })
    }
}
