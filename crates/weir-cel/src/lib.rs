//! CEL expressions that are checked when they are loaded and metered when they are evaluated.
//!
//! The `cel` crate parses and evaluates. This crate adds the limits and checks that it lacks:
//!
//! - [`Expression::new`] checks names, fields and types, before any value is there.
//! - The checker weaves calls into the expression that charge a meter, so that an evaluation has a bounded cost.
//! - Regular expressions are literals, compiled once.
//!
//! The caller describes its values with [`Shape`]s and a [`Dialect`], and hands them in as [`Record`]s. This crate must
//! not know what the values are about.
//!
//! ```
//! use weir_cel::*;
//!
//! static DIALECT: Dialect = Dialect { closest: |_, _| None, readers: &[] };
//! static TOPIC: Shape = Shape {
//!     name: "a topic",
//!     fields: &[Field { name: "partitions", of: || Type::Int, optional: false, about: || "Number of partitions.".into() }],
//! };
//!
//! let scope = Scope::new(&DIALECT, [("topic", Type::Record(&TOPIC))]);
//! let few = Expression::giving(&Type::Bool, "topic.partitions <= 12", &scope, &Variables::default()).unwrap();
//! let wrong = Expression::new("topic.partitoins", &scope, &Variables::default()).unwrap_err();
//! assert_eq!(wrong.message, "a topic has no field `partitoins`");
//!
//! let environment = Environment::new(&DIALECT).unwrap();
//! let topic = Record::new(vec![("partitions", Fact::int(6))]);
//! let named = [("topic", &topic)];
//! assert!(few.holds(&environment, &mut Globals::new(&named), &mut 0).unwrap());
//! ```

mod check;
mod dialect;
mod evaluate;
mod fact;
mod functions;
mod meter;
mod types;

pub use check::{Expression, Scope, Variables, pattern};
pub use dialect::{Dialect, Entries, Reader};
pub use evaluate::{Environment, Failure, Globals};
pub use fact::{Fact, Names, Record};
pub use functions::{Signature, signatures};
pub use types::{Field, Shape, Type};

/// The reason why a text is not a usable expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The problem itself: a fragment in lower case.
    pub message: String,
    /// Advice: the text to write instead.
    pub help: Option<String>,
    /// The name at fault, as it stands in the text.
    pub word: Option<String>,
    /// The bytes of the text at fault: start and end.
    pub at: Option<(u32, u32)>,
}

impl Problem {
    /// A problem with a message and nothing else.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, word: None, at: None }
    }

    /// Adds advice.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Names the word of the text at fault.
    pub fn about(mut self, word: &str) -> Self {
        self.word = Some(word.to_owned());
        self
    }

    /// Sets the place in the `text`: the first occurrence of the word that is not part of a longer word.
    pub fn within(mut self, text: &str) -> Self {
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
pub const LONGEST: usize = 8 << 10;
/// The largest number of operations and values in an expression, after variables are filled in.
pub const MOST_NODES: usize = 1_000;
/// The deepest nesting of operations in an expression.
pub const DEEPEST: usize = 40;
/// The budget of one evaluation: about as many operations.
pub const BUDGET: u64 = 500_000;
/// The longest text that an expression may build, in bytes.
pub const LONGEST_TEXT: usize = 64 << 10;

/// The example of the README, compiled with the examples of this documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
