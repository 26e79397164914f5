//! What is wrong (or doubtful) in what a team wrote: which rule, where, why, and what to write instead.
//!
//! A [`Finding`] is generic over its *place*. Rules do not know bytes; they name a route inside an
//! entity. One caller turns routes into [`Span`]s with [`Finding::locate`], and the renderers in
//! [`render`] only print. This crate must not know what an entity is, nor where text comes from.

mod conceal;
mod finding;
pub mod render;
mod rule;
mod source;

pub use conceal::names_secret;
pub use finding::{Edit, Finding, Fix, Related, RuleId, Severity, conceal, sort};
pub use rule::RulePage;
pub use source::{FileId, Position, SourceFile, Sources, Span};
