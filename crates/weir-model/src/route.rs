use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;
use weir_findings::FileId;

use crate::{Kind, UnknownKind};

/// Kind and logical name of an entity. Written as a text: `Topic/toll.transactions.v1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityRef {
    /// The kind.
    pub kind: Kind,
    /// The logical name.
    pub name: String,
}

impl EntityRef {
    /// Returns the reference to the entity of that kind and name.
    pub fn new(kind: Kind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into() }
    }
}

impl fmt::Display for EntityRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

/// A text that is no reference to an entity.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidEntityRef {
    /// Kind or name is missing.
    #[error("expected a kind and a name, such as Topic/toll.transactions.v1")]
    Incomplete,
    /// The kind is unknown.
    #[error(transparent)]
    Kind(#[from] UnknownKind),
}

impl FromStr for EntityRef {
    type Err = InvalidEntityRef;

    /// Reads `Kind/name`.
    ///
    /// ```
    /// use weir_model::{EntityRef, Kind};
    ///
    /// assert_eq!("Topic/toll.prices.v1".parse(), Ok(EntityRef::new(Kind::Topic, "toll.prices.v1")));
    /// assert!("toll.prices.v1".parse::<EntityRef>().is_err());
    /// ```
    fn from_str(text: &str) -> Result<Self, InvalidEntityRef> {
        Self::read(text, |a, b| a == b)
    }
}

impl EntityRef {
    /// Reads `Kind/name` as somebody types it: the kind in upper or lower case.
    ///
    /// # Errors
    /// If kind or name is missing, or there is no such kind.
    pub fn ignoring_case(text: &str) -> Result<Self, InvalidEntityRef> {
        Self::read(text, str::eq_ignore_ascii_case)
    }

    fn read(text: &str, same: impl Fn(&str, &str) -> bool) -> Result<Self, InvalidEntityRef> {
        match text.split_once('/') {
            Some((kind, name)) if !name.is_empty() => Ok(Self::new(Kind::find(kind, same)?, name)),
            _ => Err(InvalidEntityRef::Incomplete),
        }
    }
}

impl Serialize for EntityRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EntityRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = EntityRef;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a kind and a name")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<EntityRef, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

impl JsonSchema for EntityRef {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "EntityRef".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string"})
    }
}

/// The file and the document that an entity was read from.
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
    /// `true` if the place is the key rather than its value.
    pub key: bool,
    /// Part of the text that the value is, as bytes from and to; `None` for the whole text.
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
