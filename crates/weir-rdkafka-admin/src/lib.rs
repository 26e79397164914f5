//! The admin calls that librdkafka has and the safe API of [`rdkafka`] lacks, behind one client: [`Admin`].
//!
//! ACLs, incremental configuration changes, SCRAM users, cluster and topic descriptions, groups and offsets, each
//! with a result per item. Nothing is decided here: no retries, no splitting into batches, no defaults of its own.
//!
//! ```no_run
//! use weir_rdkafka_admin::{AclBinding, AclOperation, Admin, Options, PatternType, Permission, ResourceType};
//!
//! # async fn example() -> Result<(), weir_rdkafka_admin::Error> {
//! let mut config = rdkafka::ClientConfig::new();
//! config.set("bootstrap.servers", "localhost:9092");
//! let admin = Admin::new(&config)?;
//!
//! let read = AclBinding {
//!     resource_type: ResourceType::Topic,
//!     name: "orders".into(),
//!     pattern: PatternType::Literal,
//!     principal: "User:billing".into(),
//!     host: "*".into(),
//!     operation: AclOperation::Read,
//!     permission: Permission::Allow,
//! };
//! for result in admin.create_acls(&[read], &Options::new()).await? {
//!     if let Err(error) = result {
//!         eprintln!("not created: {error}");
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Futures
//!
//! A call sends its request when it is first polled and is answered by one thread of the [`Admin`], whatever the
//! executor. Dropping the future abandons the answer, not the request. Dropping the [`Admin`] does not wait for
//! answers that were abandoned.
//!
//! # Unsafe code
//!
//! Every object of librdkafka is owned by a handle that destroys it, every getter is one line of a table that says
//! what it returns, and every number the *broker* chooses (error codes, operations, config sources, …) is read as a
//! number: the generated bindings declare such numbers as Rust enums, for which a value of a newer broker would be
//! undefined behaviour. Answers are turned into owned values before the event they came with is destroyed.

mod acl;
mod admin;
mod cluster;
mod config;
mod error;
mod ffi;
mod group;
mod native;
mod offset;
mod options;
mod scram;
mod stack;
mod topic;

pub use rdkafka;

pub use crate::acl::{
    AclBinding, AclFilter, AclOperation, DeletedAcl, PatternFilter, PatternType, Permission, ResourceType,
};
pub use crate::admin::Admin;
pub use crate::cluster::{ClusterDescription, Node};
pub use crate::config::{
    ConfigAlteration, ConfigEntry, ConfigOp, ConfigQuery, ConfigResource, ConfigSource, ConfigSynonym,
};
pub use crate::error::{Error, ItemError};
pub use crate::group::{
    Assignment, GroupDescription, GroupKind, GroupListing, GroupMember, GroupOffset, GroupState, GroupsListed,
};
pub use crate::offset::{IsolationLevel, ListedOffset, OffsetQuery, OffsetSpec};
pub use crate::options::Options;
pub use crate::scram::{ScramAlteration, ScramCredential, ScramMechanism};
pub use crate::topic::{NewTopic, PartitionDescription, TopicDescription};

/// The examples of the README are compiled with those of this documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
