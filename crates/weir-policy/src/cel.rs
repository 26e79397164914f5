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
    /// The name that it is about, as it stands in the text.
    pub(crate) word: Option<String>,
    /// Which bytes of the text it is about.
    pub(crate) at: Option<(u32, u32)>,
}

impl Problem {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, word: None, at: None }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Names what in the text it is about.
    pub(crate) fn about(mut self, word: &str) -> Self {
        self.word = Some(word.to_owned());
        self
    }

    /// Says where in the `text` it is: where the word stands by itself for the first time.
    pub(crate) fn within(mut self, text: &str) -> Self {
        let is_part = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
        let word = self.word.as_deref().filter(|word| self.at.is_none() && !word.is_empty());
        let place = word.and_then(|word| {
            let alone = |at: &usize| {
                !is_part(text[..*at].chars().next_back()) && !is_part(text[at + word.len()..].chars().next())
            };
            let start = text.match_indices(word).map(|(at, _)| at).find(alone)?;
            Some((start as u32, (start + word.len()) as u32))
        });
        self.at = self.at.or(place);
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
