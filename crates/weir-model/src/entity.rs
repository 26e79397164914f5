//! The kinds of entities, as written in files. Field documentation is also the text that editors show.

mod access;
mod account;
mod cluster;
mod policy;
mod team;
mod topic;
mod workspace;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

pub use self::{access::*, account::*, cluster::*, policy::*, team::*, topic::*, workspace::*};
use crate::{EntityRef, Kind, Origin, schema::Labels};

/// The `apiVersion` of every kind.
pub const API_VERSION: &str = "weir/v1";

/// One document: who it is, what it asks for, where it was read from.
#[derive(Clone, Debug)]
pub struct Entity<M, S> {
    /// Name, owner, labels.
    pub metadata: M,
    /// What is asked for.
    pub spec: S,
    /// Where it was read from.
    pub origin: Origin,
}

/// `weir.yaml`.
pub type WorkspaceEntity = Entity<Metadata, WorkspaceSpec>;
/// A product team.
pub type Team = Entity<Metadata, TeamSpec>;
/// A topic.
pub type Topic = Entity<OwnedMetadata, TopicSpec>;
/// A service account.
pub type ServiceAccount = Entity<OwnedMetadata, ServiceAccountSpec>;
/// A rule of the organisation.
pub type Policy = Entity<Metadata, PolicySpec>;
/// An exception from a rule.
pub type Waiver = Entity<Metadata, WaiverSpec>;
/// What a service account may do.
pub type AccessControlList = Entity<OwnedMetadata, AccessControlListSpec>;

macro_rules! named {
    ($($entity:ty => $kind:ident),*) => {$(
        impl $entity {
            /// Its kind and name.
            pub fn entity_ref(&self) -> EntityRef {
                EntityRef::new(Kind::$kind, &self.metadata.name)
            }
        }
    )*};
}
named!(
    WorkspaceEntity => Workspace,
    Team => Team,
    Topic => Topic,
    ServiceAccount => ServiceAccount,
    AccessControlList => AccessControlList,
    Policy => Policy,
    Waiver => Waiver
);

/// Who an entity is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// Name, unique among entities of its kind.
    #[schemars(extend("examples" = ["toll"]))]
    pub name: String,
    /// What it is for, in a sentence.
    #[serde(default)]
    #[schemars(extend("examples" = ["Toll gates and what they cost"]))]
    pub description: Option<String>,
    /// Free labels, for policies and reports.
    #[serde(default)]
    #[schemars(with = "Labels")]
    pub labels: BTreeMap<String, String>,
}

/// Who an entity is, and which team answers for it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OwnedMetadata {
    /// Logical name, unique among entities of its kind. Stages put their prefix before it.
    #[schemars(extend("examples" = ["toll.transactions.v1", "toll-billing"]))]
    pub name: String,
    /// The team that owns it.
    #[schemars(extend("examples" = ["toll"]))]
    pub team: String,
    /// What it is for, in a sentence.
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
