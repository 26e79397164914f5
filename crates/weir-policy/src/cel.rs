//! Expressions: from text to something that is checked, bounded and quick to evaluate.
//!
//! The language is CEL, parsed and evaluated by the `cel` crate. What that crate leaves open is closed here: names,
//! fields and types are checked when a policy is loaded ([`check`]); what an evaluation may cost is metered by calls
//! that the checker weaves into the expression ([`meter`]); regular expressions are literals, compiled once.

mod check;
mod evaluate;
mod fact;
pub(crate) mod functions;
mod meter;
mod types;

pub(crate) use check::{Expression, Scope, Variables, pattern};
pub(crate) use evaluate::{Environment, Failure, Globals};
pub(crate) use fact::{Fact, Names, Record};
pub(crate) use types::{Field, Shape, Type};

/// Why a text is no expression that could be evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// What is wrong: a fragment in lower case.
    pub(crate) message: String,
    /// What to write instead.
    pub(crate) help: Option<String>,
}

impl Problem {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// The longest text of an expression, in bytes.
pub(crate) const LONGEST: usize = 8 << 10;
/// How many operations and values an expression may be made of, variables filled in.
pub(crate) const MOST_NODES: usize = 1_000;
/// How deep they may be nested.
pub(crate) const DEEPEST: usize = 40;
/// What one evaluation may spend: about as many operations.
pub(crate) const BUDGET: u64 = 500_000;
/// The longest text that an expression may put together, in bytes.
pub(crate) const LONGEST_TEXT: usize = 64 << 10;
