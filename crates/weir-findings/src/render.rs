//! Output formats for findings, for people and machines. Renderers only print; they decide nothing.
//!
//! Text from files is made harmless first ([`inert`]), so that a snippet cannot colour a terminal or command a build
//! agent.

mod annotations;
mod concise;
mod inert;
mod invisible;
mod json;
mod junit;
mod sarif;
mod text;
mod words;

pub use annotations::{azure, github};
pub use concise::concise;
pub use inert::{guarded, inert, inert_json, inert_line, inert_lines};
pub use invisible::is_invisible;
pub use json::{FORMAT, json, schema};
pub use junit::junit;
pub use sarif::sarif;
pub use text::{Style, summary, text};
