//! Expressions: from text to a checked tree that is bounded and quick to evaluate.
//!
//! The language is CEL, parsed and evaluated by the `cel` crate. This module adds the limits and checks that the
//! crate lacks: [`check`] checks names, fields and types when a policy is loaded; [`meter`] limits the cost of an
//! evaluation by calls that the checker weaves into the expression; regular expressions are literals, compiled once.

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

/// The reason why a text is not a usable expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The problem itself: a fragment in lower case.
    pub(crate) message: String,
    /// Advice: the text to write instead.
    pub(crate) help: Option<String>,
    /// The name at fault, as it stands in the text.
    pub(crate) word: Option<String>,
    /// The bytes of the text at fault: start and end.
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

    /// Names the word of the text at fault.
    pub(crate) fn about(mut self, word: &str) -> Self {
        self.word = Some(word.to_owned());
        self
    }

    /// Sets the place in the `text`: the first occurrence of the word that is not part of a longer word.
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
/// The largest number of operations and values in an expression, after variables are filled in.
pub(crate) const MOST_NODES: usize = 1_000;
/// The deepest nesting of operations in an expression.
pub(crate) const DEEPEST: usize = 40;
/// The budget of one evaluation: about as many operations.
pub(crate) const BUDGET: u64 = 500_000;
/// The longest text that an expression may build, in bytes.
pub(crate) const LONGEST_TEXT: usize = 64 << 10;
