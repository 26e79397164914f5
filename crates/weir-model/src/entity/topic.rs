//! Topics.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::{Config, ConfigOverlay};
use crate::{Patch, SettingValue};

/// Whether something shall exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Ensure {
    /// It shall exist as declared.
    #[default]
    Present,
    /// It shall not exist: the positive order to delete it.
    Absent,
    /// It is let go: weir neither changes nor deletes nor prunes it.
    Unmanaged,
}

/// What a topic shall be.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TopicSpec {
    /// Whether it shall exist.
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
    /// Which other teams may use it.
    #[serde(default)]
    pub access: TopicAccess,
    /// Earlier stages it is missing from on purpose, each with the reason.
    #[serde(default)]
    #[schemars(extend("examples" = [{"test": "filled by hand in dev only"}]))]
    pub not_in: BTreeMap<String, String>,
    /// The stages it is in, with what differs there. Left out: every stage, as written above.
    #[serde(default, deserialize_with = "super::written")]
    #[schemars(with = "BTreeMap<String, Option<TopicOverlay>>")]
    pub stages: Option<BTreeMap<String, Option<TopicOverlay>>>,
}

/// Which other teams may use a topic; `"*"` means every team, except under `administrators`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TopicAccess {
    /// Teams that may read it.
    #[serde(default)]
    #[schemars(extend("examples" = [["cards", "billing"]]))]
    pub consumers: Vec<String>,
    /// Teams that may write to it.
    #[serde(default)]
    #[schemars(extend("examples" = [["gates"]]))]
    pub producers: Vec<String>,
    /// Teams that may do anything with it: read, write, change, delete. Each by its name.
    #[serde(default)]
    #[schemars(extend("examples" = [["platform"]]))]
    pub administrators: Vec<String>,
}

/// What differs for a topic in one stage. `null` removes what is written below.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TopicOverlay {
    /// Whether it shall exist.
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
    /// Which other teams may use it.
    #[serde(default)]
    pub access: Patch<TopicAccess>,
}
