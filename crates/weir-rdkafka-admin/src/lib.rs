//! An admin client for Kafka, [`Admin`]: the admin calls that librdkafka has and the safe API of [`rdkafka`] lacks.
//!
//! The calls cover ACLs, incremental configuration changes, SCRAM users, cluster and topic descriptions, groups and
//! offsets, each with a result per item. The crate decides nothing: it has no retries, no batches, and no defaults of
//! its own.
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
//! A call sends its request when its future is first polled. One thread of the [`Admin`] receives the answer, whatever
//! the executor. Dropping the future abandons the answer, not the request. Dropping the [`Admin`] does not wait for
//! abandoned answers.
//!
//! # Unsafe code
//!
//! A handle owns each object of librdkafka and destroys it. Each getter is one line of a table that states its return
//! type. Each number that the *broker* chooses (error codes, operations, config sources, …) is read as an integer,
//! because the generated bindings declare such numbers as Rust enums, for which a value of a newer broker would be
//! undefined behaviour. Answers are converted to owned values before their event is destroyed.

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
