//! Findings as people and machines read them. Renderers only print; they decide nothing.
//!
//! Whatever comes from files is made harmless first ([`inert`]): a snippet must not be able to colour a terminal
//! or to command a build agent.

mod annotations;
mod concise;
mod inert;
mod json;
mod junit;
mod sarif;
mod text;
mod words;

pub use annotations::{azure, github};
pub use concise::concise;
pub use inert::{inert, inert_json, inert_line, inert_lines};
pub use json::{FORMAT, json, schema};
pub use junit::junit;
pub use sarif::sarif;
pub use text::{Style, summary, text};
