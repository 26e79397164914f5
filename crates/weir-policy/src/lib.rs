//! The organisation's own rules for entities and for the steps of plans, and the waivers of these rules.
//!
//! - [`Policies::compile`] compiles the policies of a workspace, and reports mistakes in them.
//! - [`check`] returns all violations in the workspace.
//! - [`judge`] collects the findings of all rules, separates the waived ones, and reports waivers that are wrong,
//!   expired or unused.
//! - [`starter_pack`] returns policies that suit most organisations.
//!
//! Expressions are CEL. They are checked when they are loaded, and their cost is bounded. An expression that fails is
//! a finding, never a pass. This crate must not know files or clocks: the time is an argument.

mod check;
mod comment;
mod compile;
mod dialect;
mod expect;
mod facts;
mod in_force;
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
pub use expect::{EXPECT_FILE, Expect, Expected, OBSERVED_FILE, Time, shared_kinds};
pub use in_force::waivers_in_force;
pub use judge::{Judged, Judging, judge};
pub use plan::{check_plan, judge_plan, plan_policies, policies_in};
pub use reference::{PolicyPage, pages, reference};
pub use rules::rule_pages;
pub use starter::{StarterPolicy, starter_pack};

/// The example of the README, compiled with the examples of this documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
