//! The organisation's own rules over what teams write and over the steps of plans, and the exceptions from them.
//!
//! - [`Policies::compile`] reads the policies of a workspace, and tells what makes no sense in them.
//! - [`check`] gives everything in the workspace that breaks one.
//! - [`judge`] takes findings of all rules together, drops what is waived, and tells which waivers are wrong, over or
//!   not needed.
//! - [`starter_pack`] is what most organisations begin with.
//!
//! Expressions are CEL. They are checked when they are loaded, bounded in what they cost, and an expression that fails
//! is a finding, never a pass. This crate must not know files or clocks: the time is an argument.

mod check;
mod comment;
mod compile;
mod dialect;
mod expect;
mod facts;
mod item;
mod judge;
mod limits;
mod naming;
mod path;
mod plan;
mod reference;
mod rules;
mod shape;
mod starter;

pub use check::check;
pub use compile::Policies;
pub use expect::{EXPECT_FILE, Expect, Expected, OBSERVED_FILE, SHARED_KINDS, Time};
pub use judge::{Judged, Judging, judge};
pub use plan::{check_plan, plan_policies, policies_in};
pub use reference::{PolicyPage, pages, reference};
pub use rules::RULES;
pub use starter::{StarterPolicy, starter_pack};
