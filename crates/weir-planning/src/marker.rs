use std::{collections::BTreeSet, fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Digest, Plan, SecretRef, StepId, fingerprint};

/// The workspace and the stage that made an object: the part that all of weir's marks have in common.
///
/// ```
/// use weir_planning::Maker;
///
/// let maker = Maker { workspace: "acme".to_owned(), stage: "prod".to_owned() };
/// assert_eq!(maker.sign("Billing"), "Billing (weir: acme/prod)");
/// assert_eq!(Maker::signed("Billing (weir: acme/prod)"), ("Billing", Some(maker)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Maker {
    /// The workspace's name.
    pub workspace: String,
    /// The stage's name.
    pub stage: String,
}

/// The marks of a workspace's stage, and of all stages that the workspace no longer has on a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Makers {
    /// The workspace's name.
    pub workspace: String,
    /// The stages of the workspace whose marks are not among them.
    pub except: BTreeSet<String>,
}

impl Makers {
    /// Returns `true` if the mark is one of them.
    pub fn contains(&self, maker: &Maker) -> bool {
        maker.workspace == self.workspace && !self.except.contains(&maker.stage)
    }
}

/// The beginning of a mark in a description.
const SIGNED: &str = "(weir: ";

impl Maker {
    /// Returns a description with this mark at its end, for systems that store no other text with an account.
    pub fn sign(&self, description: &str) -> String {
        let space = if description.is_empty() { "" } else { " " };
        format!("{description}{space}{SIGNED}{self})")
    }

    /// Separates a description from the mark at its end.
    pub fn signed(text: &str) -> (&str, Option<Self>) {
        let parts = || {
            let (before, mark) = text.strip_suffix(')')?.rsplit_once(SIGNED)?;
            let description = if before.is_empty() { before } else { before.strip_suffix(' ')? };
            Some((description, mark.parse().ok()?))
        };
        match parts() {
            Some((description, maker)) => (description, Some(maker)),
            None => (text, None),
        }
    }
}

impl fmt::Display for Maker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.workspace, self.stage)
    }
}

impl FromStr for Maker {
    type Err = NotOurs;

    fn from_str(text: &str) -> Result<Self, NotOurs> {
        match text.split_once('/') {
            Some((workspace, stage)) if is_word(workspace) && is_word(stage) => {
                Ok(Self { workspace: workspace.to_owned(), stage: stage.to_owned() })
            }
            _ => Err(NotOurs),
        }
    }
}

/// Returns `true` for the name of a workspace, a stage or a slot.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// Returns `true` if a description ends like one of weir's marks, so that no file may ask for it.
pub fn is_reserved_description(description: &str) -> bool {
    Maker::signed(description.trim_end()).1.is_some()
}

/// The mark that weir writes on an API key to recognise it later:
/// `weir/<workspace>/<stage>/<slot>/<intent>`.
///
/// The intent is derived from the place of the key's secret, and from the plan and the step that made the key. So an
/// interrupted run finds the key that it made; and a key that its vault does not hold differs from a key that another
/// vault hands out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyMarker {
    /// The workspace and the stage that made the key.
    pub maker: Maker,
    /// The slot.
    pub slot: String,
    /// 8 hex digits for the secret, 16 for plan and step.
    pub intent: String,
}

impl KeyMarker {
    /// The mark of the key that `step` of `plan` makes for `slot`, to be stored in `secret`.
    pub(crate) fn new(plan: &Plan, step: &StepId, slot: &str, secret: &SecretRef) -> Self {
        let intent = digits(&fingerprint(&(&plan.digest, step)), 16);
        Self { maker: plan.maker(), slot: slot.to_owned(), intent: place(secret) + &intent }
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
        write!(f, "weir/{}/{}/{}", self.maker, self.slot, self.intent)
    }
}

impl FromStr for KeyMarker {
    type Err = NotOurs;

    fn from_str(text: &str) -> Result<Self, NotOurs> {
        let parts: Vec<&str> = text.split('/').collect();
        match parts.as_slice() {
            ["weir", workspace, stage, slot, intent] if !slot.is_empty() && !intent.is_empty() => {
                let maker = format!("{workspace}/{stage}").parse()?;
                Ok(Self { maker, slot: (*slot).to_owned(), intent: (*intent).to_owned() })
            }
            _ => Err(NotOurs),
        }
    }
}

/// The text is not a mark that weir wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotOurs;

#[cfg(test)]
mod tests {
    use super::*;

    fn maker() -> Maker {
        Maker { workspace: "acme".to_owned(), stage: "prod".to_owned() }
    }

    #[test]
    fn a_mark_reads_as_it_was_written() {
        for description in ["", "Billing", "ends with )", "x (weir: other/dev)", " blank ", "(weir: "] {
            assert_eq!(Maker::signed(&maker().sign(description)), (description, Some(maker())), "{description}");
        }
        let key = KeyMarker { maker: maker(), slot: "default".to_owned(), intent: "0".to_owned() };
        assert_eq!(key.to_string(), "weir/acme/prod/default/0");
        assert_eq!(key.to_string().parse(), Ok(key));
    }

    #[test]
    fn other_texts_are_no_marks() {
        for text in
            ["", "x", "(weir: acme)", "(weir: /prod)", "(weir: a/b/c)", "x(weir: a/b)", "(weir: a/b) ", "(weir: a b/c)"]
        {
            assert_eq!(Maker::signed(text), (text, None), "{text}");
        }
        for text in
            ["weir/prod/default/0", "weir//prod/default/0", "weir/acme/prod/default/0/1", "weir/a b/prod/default/0"]
        {
            assert_eq!(text.parse::<KeyMarker>(), Err(NotOurs), "{text}");
        }
    }

    #[test]
    fn descriptions_that_end_like_a_mark_are_reserved() {
        assert!(is_reserved_description("x (weir: a/b)") && is_reserved_description("x (weir: a/b) "));
        assert!(!is_reserved_description("x (weir)"));
    }
}
