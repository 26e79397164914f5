//! Faults by rule.

use std::time::Duration;

use super::answer::Answer;

/// A fault: the affected requests, and the effect on them.
///
/// ```
/// use weir_fake_confluent::{Effect, Fault};
/// // The first key is created, but the client gets no answer.
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

/// The effect of a fault on a request.
#[derive(Clone, Debug)]
pub enum Effect {
    /// The request is handled as usual, after a delay.
    Delay(Duration),
    /// The request is not handled; this is the answer.
    Answer(Answer),
    /// The request is handled, but this is the answer.
    AppliedBut(Answer),
    /// The request is not handled, and the connection is closed without an answer.
    CutBefore,
    /// The request is handled, and the connection is closed without an answer.
    CutAfter,
    /// The request is handled, and the connection is closed in the middle of the answer.
    CutInside,
}

impl Fault {
    /// Makes a fault for all requests with this method (`*` for any) whose path begins with `path`.
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

    /// Limits the fault to the `nth` matching request; the first is 1.
    #[must_use]
    pub fn nth(self, nth: u32) -> Self {
        self.between(nth, nth)
    }

    /// Limits the fault to the first `count` matching requests.
    #[must_use]
    pub fn first(self, count: u32) -> Self {
        self.between(1, count)
    }

    /// Limits the fault to the matching requests from `first` to `last`, both included; the first is 1.
    #[must_use]
    pub fn between(self, first: u32, last: u32) -> Self {
        Self { which: Which::Range(first, last), ..self }
    }

    /// Gives each matching request the fault with this probability, between 0 and 1. The seed
    /// ([`Builder::seed`](super::Builder::seed)) decides.
    #[must_use]
    pub fn with_probability(self, probability: f64) -> Self {
        Self { which: Which::Probability(probability), ..self }
    }

    /// Sets the effect; status 500 unless this is called.
    #[must_use]
    pub fn then(self, effect: Effect) -> Self {
        Self { effect, ..self }
    }

    /// Returns the effect on a request, if any. `chance` is between 0 and 1.
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
