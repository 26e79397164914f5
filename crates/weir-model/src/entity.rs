//! The kinds of entities, as written in files. Field documentation is also the text that editors show.

mod access;
mod account;
mod cluster;
mod ownership;
mod policy;
mod team;
mod topic;
mod workspace;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

pub use self::{access::*, account::*, cluster::*, ownership::*, policy::*, team::*, topic::*, workspace::*};
use crate::{EntityRef, Kind, Origin, kind::kinds, schema::Labels};

/// The `apiVersion` of every kind.
pub const API_VERSION: &str = "weir/v1";

/// One document: its metadata, its spec, and the place it was read from.
#[derive(Clone, Debug)]
pub struct Entity<M, S> {
    /// Name, owner, labels.
    pub metadata: M,
    /// The values that it asks for.
    pub spec: S,
    /// The place it was read from.
    pub origin: Origin,
}

/// The metadata of a kind.
pub trait Named {
    /// Returns the logical name, unique among entities of one kind.
    fn name(&self) -> &str;
    /// Returns the labels.
    fn labels(&self) -> &BTreeMap<String, String>;
    /// Returns the owning team as the document names it; `None` for kinds without one.
    fn team(&self) -> Option<&str>;
}

impl Named for Metadata {
    fn name(&self) -> &str {
        &self.name
    }

    fn labels(&self) -> &BTreeMap<String, String> {
        &self.labels
    }

    fn team(&self) -> Option<&str> {
        None
    }
}

impl Named for OwnedMetadata {
    fn name(&self) -> &str {
        &self.name
    }

    fn labels(&self) -> &BTreeMap<String, String> {
        &self.labels
    }

    fn team(&self) -> Option<&str> {
        Some(&self.team)
    }
}

/// The `spec` of a kind.
pub trait Spec {
    /// The kind.
    const KIND: Kind;
}

impl<M: Named, S: Spec> Entity<M, S> {
    /// Returns kind and name.
    pub fn entity_ref(&self) -> EntityRef {
        EntityRef::new(S::KIND, self.metadata.name())
    }
}

macro_rules! define_entities {
    ($($kind:ident {
        about: $about:literal,
        entity: $entity:ident,
        metadata: $metadata:ident,
        spec: $required:ident $spec:ident,
        $($_:tt)*
    })*) => {$(
        #[doc = $about]
        pub type $entity = Entity<$metadata, $spec>;

        impl Spec for $spec {
            const KIND: Kind = Kind::$kind;
        }
    )*};
}

kinds!(define_entities);

/// Name, description and labels of an entity.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// Name, unique among entities of its kind.
    #[schemars(extend("examples" = ["toll"]))]
    pub name: String,
    /// The purpose, in a sentence.
    #[serde(default)]
    #[schemars(extend("examples" = ["Toll gates and their prices"]))]
    pub description: Option<String>,
    /// Free labels, for policies and reports.
    #[serde(default)]
    #[schemars(with = "Labels")]
    pub labels: BTreeMap<String, String>,
}

/// Name, owning team, description and labels of an entity.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OwnedMetadata {
    /// Logical name, unique among entities of its kind. Stages put their prefix before it.
    #[schemars(extend("examples" = ["toll.transactions.v1", "toll-billing"]))]
    pub name: String,
    /// The team that owns it.
    #[schemars(extend("examples" = ["toll"]))]
    pub team: String,
    /// The purpose, in a sentence.
    #[serde(default)]
    #[schemars(extend("examples" = ["One record for each passage of a gate"]))]
    pub description: Option<String>,
    /// Free labels, for policies and reports.
    #[serde(default)]
    #[schemars(with = "Labels")]
    pub labels: BTreeMap<String, String>,
}

/// A field whose absence means something that null must not mean: `stages:` with nothing below it would put the entity
/// into every stage.
fn written<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
