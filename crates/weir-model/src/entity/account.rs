//! Service accounts and their API keys.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Duration, Ensure, Moment, Patch, SecretPart};

/// The desired state of a service account.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceAccountSpec {
    /// `present`, `absent` or `unmanaged`.
    #[serde(default)]
    pub ensure: Ensure,
    /// Its API keys. Default: none.
    #[serde(default)]
    pub api_keys: Vec<ApiKey>,
    /// Earlier stages without the service account, on purpose, each with the reason.
    #[serde(default)]
    #[schemars(extend("examples" = [{"test": "the scanner runs in dev and prod only"}]))]
    pub not_in: BTreeMap<String, String>,
    /// The stages of the service account, with the differences there. Default: every stage, as written above.
    #[serde(default, deserialize_with = "super::written")]
    #[schemars(with = "BTreeMap<String, Option<ServiceAccountOverlay>>")]
    pub stages: Option<BTreeMap<String, Option<ServiceAccountOverlay>>>,
}

/// The differences of a service account in one stage.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceAccountOverlay {
    /// `present`, `absent` or `unmanaged`.
    #[serde(default)]
    pub ensure: Patch<Ensure>,
    /// Its API keys.
    #[serde(default)]
    pub api_keys: Patch<Vec<ApiKey>>,
}

/// A named place for an API key. Rotation replaces the key in the slot.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApiKey {
    /// The slot's name. Default: `default`.
    #[serde(default = "ApiKey::default_slot")]
    #[schemars(extend("examples" = ["default", "blue"]))]
    pub slot: String,
    /// The age at which the key is replaced. Default: never.
    #[serde(default)]
    pub rotate_every: Option<Duration>,
    /// The time for which the old key stays valid beside the new one. Default 2d.
    #[serde(default = "ApiKey::default_overlap")]
    pub overlap: Duration,
    /// A day or a moment: keys that were made before it are replaced at once, at any age. A moment in the future
    /// has no effect until then. Default: none.
    #[serde(default)]
    pub rotated_after: Option<Moment>,
    /// `true` if keys made before `rotatedAfter` are deleted as soon as there is a new one, without the overlap: for a
    /// key that got into wrong hands.
    #[serde(default)]
    pub emergency: bool,
    /// Shapes in which the key is stored beside the JSON secret, for readers that cannot read JSON.
    #[serde(default)]
    pub projections: BTreeSet<Projection>,
}

/// A shape in which an API key is stored beside the JSON secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Projection {
    /// A whole `client.properties` for Java clients, in `<secret>-properties`.
    Properties,
    /// The key's id in `<secret>-key` and its secret in `<secret>-secret`.
    Pair,
}

weir_findings::words!(Projection {
    Properties => "properties",
    Pair => "pair",
});

impl Projection {
    /// Returns the secrets that the shape consists of.
    pub fn parts(self) -> &'static [SecretPart] {
        match self {
            Self::Properties => &[SecretPart::Properties],
            Self::Pair => &[SecretPart::Key, SecretPart::Secret],
        }
    }
}

impl ApiKey {
    /// The name of a slot without a name.
    pub const DEFAULT_SLOT: &'static str = "default";

    /// Returns a slot with a name and nothing else.
    pub fn named(slot: impl Into<String>) -> Self {
        Self {
            slot: slot.into(),
            rotate_every: None,
            overlap: Self::default_overlap(),
            rotated_after: None,
            emergency: false,
            projections: BTreeSet::new(),
        }
    }

    /// Returns the secrets of the slot beside the JSON secret.
    pub fn parts(&self) -> impl Iterator<Item = SecretPart> + '_ {
        self.projections.iter().flat_map(|projection| projection.parts().iter().copied())
    }

    fn default_slot() -> String {
        Self::DEFAULT_SLOT.to_owned()
    }

    fn default_overlap() -> Duration {
        Duration::from_millis(2 * 86_400_000)
    }
}
