//! Findings: problems in the files that teams write, each with its rule, its place, the reason, and the text to write
//! instead.
//!
//! A [`Finding`] is generic over its *place*. Rules do not know byte offsets; a rule names a route inside an entity.
//! The caller turns routes into [`Span`]s with [`Finding::locate`], and the renderers in [`render`] only print. This
//! crate must not know the kinds of entities, nor the source of the text.

mod conceal;
mod count;
mod finding;
mod hash;
pub mod render;
mod rule;
mod source;
mod suggest;
mod words;

pub use conceal::{names_secret, without_secrets};
pub use count::{clause, count, plural};
pub use finding::{Edit, Finding, Fix, Related, RuleId, Severity, conceal, sort};
pub use hash::fnv1a;
pub use rule::RulePage;
pub use source::{FileId, Position, SourceFile, Sources, Span};
pub use suggest::{closest, unmistakable};

/// The example of the README, compiled with the examples of this documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
