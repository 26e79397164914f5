use std::fmt;

use serde::{Deserialize, Serialize};
use weir_findings::FileId;

/// What an entity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// `weir.yaml`: stages, clusters, defaults.
    Workspace,
    /// A product team.
    Team,
    /// A topic.
    Topic,
    /// An identity that applications log in with.
    ServiceAccount,
    /// What a service account may do.
    AccessControlList,
    /// A rule of the organisation.
    Policy,
    /// An exception from a rule.
    Waiver,
}

impl Kind {
    /// All kinds, in the order they are documented.
    pub const ALL: [Kind; 7] = [
        Kind::Workspace,
        Kind::Team,
        Kind::Topic,
        Kind::ServiceAccount,
        Kind::AccessControlList,
        Kind::Policy,
        Kind::Waiver,
    ];

    /// The name as written behind `kind:`.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Workspace => "Workspace",
            Kind::Team => "Team",
            Kind::Topic => "Topic",
            Kind::ServiceAccount => "ServiceAccount",
            Kind::AccessControlList => "AccessControlList",
            Kind::Policy => "Policy",
            Kind::Waiver => "Waiver",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Names an entity: `Topic/toll.transactions.v1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityRef {
    /// What it is.
    pub kind: Kind,
    /// Its logical name.
    pub name: String,
}

impl EntityRef {
    /// The entity of that kind and name.
    pub fn new(kind: Kind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into() }
    }
}

impl fmt::Display for EntityRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

/// Which document of which file an entity was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// The file.
    pub file: FileId,
    /// The document in it, from 0.
    pub document: u32,
}

/// A place as a rule names it: a path inside an entity. [`crate::Loaded::locate`] turns it into bytes.
///
/// The path is a list of keys and indices; the longest part of it that exists in the file is the place,
/// so a rule may name a field that was left out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Route {
    /// The entity.
    pub entity: EntityRef,
    /// Keys and indices from the document's root: `["spec", "config", "retention.ms"]`.
    pub path: Vec<String>,
    /// Whether the place is the key rather than its value.
    pub key: bool,
    /// Which bytes of the text that the value is, from and to; nothing for all of it.
    pub within: Option<(u32, u32)>,
}

impl Route {
    /// The value at `path`.
    pub fn value<S: Into<String>>(entity: EntityRef, path: impl IntoIterator<Item = S>) -> Self {
        Self { entity, path: path.into_iter().map(Into::into).collect(), key: false, within: None }
    }

    /// The key that ends `path`.
    pub fn key<S: Into<String>>(entity: EntityRef, path: impl IntoIterator<Item = S>) -> Self {
        Self { key: true, ..Self::value(entity, path) }
    }

    /// The entity's name.
    pub fn name(entity: EntityRef) -> Self {
        Self::value(entity, ["metadata", "name"])
    }
}
