use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use weir_model::{Operation, PatternType, Permission, Resource};

/// A client's address in an ACL; Kafka's `*` is [`Host::Any`].
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(with = "String")]
pub enum Host {
    /// Any address.
    #[default]
    Any,
    /// One address.
    Address(Box<str>),
}

impl From<&str> for Host {
    fn from(host: &str) -> Self {
        if host == "*" { Host::Any } else { Host::Address(host.into()) }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Host::Any => "*",
            Host::Address(address) => address,
        })
    }
}

impl Serialize for Host {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Host {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Host;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`*` or an address")
            }
            fn visit_str<E: de::Error>(self, host: &str) -> Result<Host, E> {
                Ok(host.into())
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

/// An ACL binding without its principal. Bindings are kept by principal, since weir manages them by principal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Acl {
    /// The kind of resource.
    pub resource: Resource,
    /// The comparison of `name` with names of resources.
    pub pattern: PatternType,
    /// Physical name, or its beginning. `*` with a literal pattern means every name; the cluster is `kafka-cluster`.
    pub name: Box<str>,
    /// The operation that is allowed or denied.
    pub operation: Operation,
    /// The effect of the binding: allow or deny.
    pub permission: Permission,
    /// The address of the clients.
    #[serde(default)]
    pub host: Host,
}

impl Acl {
    /// The one name of the resource `cluster` (Kafka: `Resource.CLUSTER_NAME`).
    pub const CLUSTER_NAME: &'static str = "kafka-cluster";
}

impl fmt::Display for Acl {
    /// `allow Read topic literal dev.toll.events`, unique for every binding.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host != Host::Any {
            write!(f, "from {} ", self.host)?;
        }
        let (permission, operation) = (self.permission.as_str(), self.operation.as_str());
        write!(f, "{permission} {operation} {} {} {}", self.resource.as_str(), self.pattern.as_str(), self.name)
    }
}

/// Returns the resources that a pattern covers, in words: `topics that begin with dev.toll.`
pub(crate) fn target(resource: Resource, pattern: PatternType, name: &str) -> String {
    let (one, many) = match resource {
        Resource::Topic => ("topic", "topics"),
        Resource::Group => ("group", "groups"),
        Resource::Cluster => return "the cluster".to_owned(),
        Resource::TransactionalId => ("transactional id", "transactional ids"),
        Resource::DelegationToken => ("delegation token", "delegation tokens"),
    };
    match pattern {
        PatternType::Literal if name == "*" => format!("every {one}"),
        PatternType::Literal => format!("{one} {name}"),
        PatternType::Prefixed => format!("{many} that begin with {name}"),
    }
}
