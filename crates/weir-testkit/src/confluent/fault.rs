//! Faults by rule.

use std::time::Duration;

use super::answer::Answer;

/// What goes wrong, and with which requests.
///
/// ```
/// use weir_testkit::confluent::{Effect, Fault};
/// // The first key is created, and nobody hears of it.
/// let fault = Fault::on("POST", "/iam/v2/api-keys").nth(1).then(Effect::CutAfter);
/// ```
#[derive(Clone, Debug)]
pub struct Fault {
    method: String,
    path: String,
    which: Which,
    effect: Effect,
    seen: u32,
}

#[derive(Clone, Copy, Debug)]
enum Which {
    All,
    Range(u32, u32),
    Probability(f64),
}

/// What happens to a request.
#[derive(Clone, Debug)]
pub enum Effect {
    /// It is handled as always, later.
    Delay(Duration),
    /// It is not handled; this is the answer.
    Answer(Answer),
    /// It is handled, and this is the answer all the same.
    AppliedBut(Answer),
    /// It is not handled, and the connection is closed without an answer.
    CutBefore,
    /// It is handled, and the connection is closed without an answer.
    CutAfter,
    /// It is handled, and the connection is closed in the middle of the answer.
    CutInside,
}

impl Fault {
    /// A fault of all requests with this method (`*` for any) whose path begins with `path`.
    pub fn on(method: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            which: Which::All,
            effect: Effect::Answer(Answer::error(
                500,
                "internal_error",
                "Internal Error",
                "Oops, something went wrong",
            )),
            seen: 0,
        }
    }

    /// Only of the `nth` of these requests; the first is 1.
    #[must_use]
    pub fn nth(self, nth: u32) -> Self {
        self.between(nth, nth)
    }

    /// Only of the first `count` of these requests.
    #[must_use]
    pub fn first(self, count: u32) -> Self {
        self.between(1, count)
    }

    /// Only of these requests from one to another, both included; the first is 1.
    #[must_use]
    pub fn between(self, first: u32, last: u32) -> Self {
        Self { which: Which::Range(first, last), ..self }
    }

    /// Of each of these requests with a probability between 0 and 1. The seed decides
    /// ([`Builder::seed`](super::Builder::seed)).
    #[must_use]
    pub fn with_probability(self, probability: f64) -> Self {
        Self { which: Which::Probability(probability), ..self }
    }

    /// What happens; 500 unless this is called.
    #[must_use]
    pub fn then(self, effect: Effect) -> Self {
        Self { effect, ..self }
    }

    /// The effect on a request, if any. `chance` is between 0 and 1.
    pub(super) fn strike(&mut self, method: &str, path: &str, chance: f64) -> Option<Effect> {
        if (self.method != "*" && self.method != method) || !path.starts_with(&self.path) {
            return None;
        }
        self.seen += 1;
        let struck = match self.which {
            Which::All => true,
            Which::Range(first, last) => (first..=last).contains(&self.seen),
            Which::Probability(probability) => chance < probability,
        };
        struck.then(|| self.effect.clone())
    }
}
