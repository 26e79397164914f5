use std::{fmt, str::FromStr};

use crate::{Digest, Plan, SecretRef, StepId, fingerprint};

/// The mark that weir writes on an API key to recognise it later: `weir/<stage>/<slot>/<intent>`.
///
/// The intent is derived from the place of the key's secret, and from the plan and the step that made the key. So an
/// interrupted run finds the key that it made; and a key that its vault does not hold differs from a key that another
/// vault hands out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyMarker {
    /// The stage.
    pub stage: String,
    /// The slot.
    pub slot: String,
    /// 8 hex digits for the secret, 16 for plan and step.
    pub intent: String,
}

impl KeyMarker {
    /// The mark of the key that `step` of `plan` makes for `slot`, to be stored in `secret`.
    pub(crate) fn new(plan: &Plan, step: &StepId, slot: &str, secret: &SecretRef) -> Self {
        let intent = digits(&fingerprint(&(&plan.digest, step)), 16);
        Self { stage: plan.stage.clone(), slot: slot.to_owned(), intent: place(secret) + &intent }
    }

    /// Returns `true` if the key was made to be stored in `secret`, and not in another vault or under another name.
    pub fn is_for(&self, secret: &SecretRef) -> bool {
        self.intent.len() == 24 && self.intent.starts_with(&place(secret))
    }
}

fn place(secret: &SecretRef) -> String {
    digits(&fingerprint(&secret.to_string()), 8)
}

fn digits(digest: &Digest, number: usize) -> String {
    digest.0.trim_start_matches("sha256:").chars().take(number).collect()
}

impl fmt::Display for KeyMarker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "weir/{}/{}/{}", self.stage, self.slot, self.intent)
    }
}

impl FromStr for KeyMarker {
    type Err = NotOurs;

    fn from_str(text: &str) -> Result<Self, NotOurs> {
        let mut parts = text.split('/');
        match (parts.next(), parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some("weir"), Some(stage), Some(slot), Some(intent), None)
                if !stage.is_empty() && !slot.is_empty() && !intent.is_empty() =>
            {
                Ok(Self { stage: stage.to_owned(), slot: slot.to_owned(), intent: intent.to_owned() })
            }
            _ => Err(NotOurs),
        }
    }
}

/// The text is not a mark that weir wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotOurs;
