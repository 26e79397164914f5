use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A name, or a beginning of names followed by `*`. Never empty, never `*` alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct NamePattern(String);

impl NamePattern {
    /// Returns `true` if `name` matches the pattern.
    pub fn matches(&self, name: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => name == self.0,
        }
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for NamePattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let body = text.strip_suffix('*').unwrap_or(&text);
        if body.is_empty() {
            return Err(format!(
                "the pattern `{text}` would match every name; write the beginning of the names: `dev.*`"
            ));
        }
        if body.contains('*') {
            return Err(format!("the pattern `{text}` has `*` elsewhere than at its end"));
        }
        Ok(Self(text))
    }
}

impl From<NamePattern> for String {
    fn from(pattern: NamePattern) -> String {
        pattern.0
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The names of a cluster that a stage may manage beyond those its files declare.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scope {
    /// Patterns of topic names.
    pub topics: Vec<NamePattern>,
    /// Patterns of service account names.
    pub service_accounts: Vec<NamePattern>,
}

impl Scope {
    /// Returns `true` if the scope has no names.
    pub fn is_empty(&self) -> bool {
        self.topics.is_empty() && self.service_accounts.is_empty()
    }

    /// Returns `true` if the scope has topics of this name. It never has internal names (`_…`).
    pub fn owns_topic(&self, name: &str) -> bool {
        !name.starts_with('_') && self.topics.iter().any(|p| p.matches(name))
    }

    /// Returns `true` if the scope has service accounts of this name.
    pub fn owns_account(&self, name: &str) -> bool {
        self.service_accounts.iter().any(|p| p.matches(name))
    }
}
