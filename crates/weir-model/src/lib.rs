//! weir's entities: from YAML text to typed values with places, and what they resolve to in a stage.
//!
//! - [`load`] reads all files of a workspace at once and reports everything that is wrong with their form.
//! - [`Workspace`] holds the entities; [`Workspace::stage`] resolves profiles, overlays and prefixes for one stage.
//! - [`settings`] is the catalogue of Kafka's topic settings.
//! - [`schema`] gives the JSON Schema of every kind.
//!
//! This crate must not know rules about meaning (that is `weir-validation`), nor read files or clocks.

mod entity;
mod kind;
mod load;
mod route;
pub mod rules;
pub mod schema;
mod secret;
pub mod settings;
mod stage;
mod value;
mod vault;
mod workspace;
mod yaml;

pub use entity::*;
pub use kind::{Kind, UnknownKind};
pub use load::{Declared, Loaded, load, load_where, parse};
pub use route::{EntityRef, InvalidEntityRef, Origin, Route};
pub use rules::rule_pages;
pub use secret::{SecretPart, secret_name, secret_names};
pub use stage::{ByName, Layer, ResolvedSetting, StageView, StagedAccess, StagedAccount, StagedTopic, UnknownStage};
pub use value::{Date, Duration, Moment, Patch, SettingValue, Size};
pub use vault::{AZURE_VAULT_DOMAINS, VaultAddress, VaultAddressFault, VaultHosts, vault_spelling};
pub use workspace::Workspace;

/// The example of the README, compiled with the examples of this documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
