//! The commands of weir: one module each, with its arguments and `run`.
//!
//! [`validate`], [`plan`], [`deploy`], [`entity`] and [`weir`](mod@weir) are programs of their own; the others are
//! subcommands of these.

mod codeowners;
pub mod deploy;
mod drift;
pub mod entity;
mod explain;
mod external;
mod import;
mod init;
mod observe;
pub mod plan;
mod schema;
mod show;
mod show_plan;
mod test;
mod up;
pub mod validate;
pub mod weir;

pub use self::{explain::rules_schema, show::shown_schema, test::policy_tests_schema};
