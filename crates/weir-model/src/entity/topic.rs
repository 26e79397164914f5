//! Topics.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::{Config, ConfigOverlay};
use crate::{Date, Patch, SettingValue};

/// The desired existence of a topic or service account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Ensure {
    /// weir creates it, and keeps it as declared.
    #[default]
    Present,
    /// weir deletes it: the explicit order to do so.
    Absent,
    /// weir leaves it alone: it neither changes nor deletes nor prunes it.
    Unmanaged,
}

weir_findings::words!(Ensure { Present => "present", Absent => "absent", Unmanaged => "unmanaged" });

/// The desired state of a topic.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TopicSpec {
    /// `present`, `absent` or `unmanaged`.
    #[serde(default)]
    pub ensure: Ensure,
    /// The profile to start from. Default: the workspace's.
    #[serde(default)]
    #[schemars(extend("examples" = ["standard"]))]
    pub profile: Option<String>,
    /// Number of partitions. It can grow, never shrink.
    #[serde(default)]
    pub partitions: Option<u32>,
    /// Replicas of each partition.
    #[serde(default)]
    pub replication_factor: Option<u16>,
    /// Topic settings. `default` gives a setting back to the cluster.
    #[serde(default)]
    #[schemars(with = "Config")]
    pub config: BTreeMap<String, SettingValue>,
    /// The other teams that may use the topic.
    #[serde(default)]
    pub access: TopicAccess,
    /// Earlier stages without the topic, on purpose, each with the reason.
    #[serde(default)]
    #[schemars(extend("examples" = [{"test": "filled by hand in dev only"}]))]
    pub not_in: BTreeMap<String, String>,
    /// The stages of the topic, with the differences there. Default: every stage, as written above.
    #[serde(default, deserialize_with = "super::written")]
    #[schemars(with = "BTreeMap<String, Option<TopicOverlay>>")]
    pub stages: Option<BTreeMap<String, Option<TopicOverlay>>>,
}

/// The other teams that may use a topic; `"*"` means every team, except under `administrators`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TopicAccess {
    /// Teams that may see the topic and its settings, but no records.
    #[serde(default)]
    #[schemars(extend("examples" = [["platform"]]))]
    pub observers: Vec<String>,
    /// Teams that may read the topic.
    #[serde(default)]
    #[schemars(extend("examples" = [["cards", "billing"]]))]
    pub consumers: Vec<String>,
    /// Teams that may write to the topic.
    #[serde(default)]
    #[schemars(extend("examples" = [["gates"]]))]
    pub producers: Vec<String>,
    /// Teams that may read, write, change and delete the topic. Each by its name.
    #[serde(default)]
    #[schemars(extend("examples" = [["platform"]]))]
    pub administrators: Vec<String>,
    /// The last day of the consent. Default: none.
    #[serde(default)]
    #[schemars(extend("examples" = ["2027-01-31"]))]
    pub until: Option<Date>,
}

/// The differences of a topic in one stage. `null` removes the value of the entity and of its profile.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TopicOverlay {
    /// `present`, `absent` or `unmanaged`.
    #[serde(default)]
    pub ensure: Patch<Ensure>,
    /// The profile to start from.
    #[serde(default)]
    #[schemars(extend("examples" = ["standard"]))]
    pub profile: Patch<String>,
    /// Number of partitions.
    #[serde(default)]
    pub partitions: Patch<u32>,
    /// Replicas of each partition.
    #[serde(default)]
    pub replication_factor: Patch<u16>,
    /// Topic settings, merged by key.
    #[serde(default)]
    #[schemars(with = "ConfigOverlay")]
    pub config: BTreeMap<String, Patch<SettingValue>>,
    /// The other teams that may use the topic.
    #[serde(default)]
    pub access: Patch<TopicAccess>,
}
