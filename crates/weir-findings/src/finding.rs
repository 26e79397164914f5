use std::{borrow::Cow, fmt};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Sources, Span, without_secrets};

/// The name of a rule, in kebab case: `partitions-only-grow`. A rule's page and its folder of cases have the same name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(Cow<'static, str>);

impl RuleId {
    /// Makes the id of a rule that is known at compile time.
    pub const fn new(id: &'static str) -> Self {
        Self(Cow::Borrowed(id))
    }

    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for RuleId {
    fn from(id: String) -> Self {
        Self(Cow::Owned(id))
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Severity of a finding. Only errors stop the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Doubtful; does not stop the pipeline.
    Warning,
    /// Wrong; stops the pipeline.
    Error,
}

crate::words!(Severity {
    Info => "info",
    Warning => "warning",
    Error => "error",
});

/// A problem at a place `P`: a [`Span`], or anything that a rule can name before places are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding<P = Span> {
    /// The rule that made the finding.
    pub rule: RuleId,
    /// Severity of a finding. Only errors stop the pipeline.
    pub severity: Severity,
    /// The problem, with the value that was seen. A sentence fragment in lower case.
    pub message: String,
    /// The place.
    pub at: P,
    /// Label to print beside the place, a few words.
    pub label: Option<String>,
    /// The reason, if the rule's page does not state it: an organisation's own reason.
    pub note: Option<String>,
    /// The text to write instead, as advice.
    pub help: Option<String>,
    /// Other places that belong to the problem.
    pub related: Vec<Related<P>>,
    /// The change that solves the problem, present only if no other change can have been meant.
    pub fix: Option<Fix<P>>,
}

/// A second place of a [`Finding`], with its relation to the problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related<P = Span> {
    /// The place.
    pub at: P,
    /// The relation, in a few words.
    pub message: String,
}

/// A change of text that solves the problem of a finding and changes the meaning of nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix<P = Span> {
    /// The instruction, in lower case: ``write `partitions` ``.
    pub title: String,
    /// The edits of the fix; they do not overlap.
    pub edits: Vec<Edit<P>>,
}

/// A replacement of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit<P = Span> {
    /// The place of the text to replace. If it is empty, the new text is inserted.
    pub at: P,
    /// The new text. If it is empty, the old text is removed.
    pub text: String,
}

impl<P> Finding<P> {
    /// Makes an error of `rule` at `at`.
    pub fn error(rule: RuleId, at: P, message: impl Into<String>) -> Self {
        Self {
            rule,
            severity: Severity::Error,
            message: message.into(),
            at,
            label: None,
            note: None,
            help: None,
            related: Vec::new(),
            fix: None,
        }
    }

    /// Makes a warning of `rule` at `at`.
    pub fn warning(rule: RuleId, at: P, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(rule, at, message) }
    }

    /// Adds a label to print beside the place.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Adds the reason.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// Adds advice: the text to write instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds another place that belongs to the problem.
    #[must_use]
    pub fn related(mut self, at: P, message: impl Into<String>) -> Self {
        self.related.push(Related { at, message: message.into() });
        self
    }

    /// Adds the one change that solves the problem: `text` replaces the text at `at`.
    #[must_use]
    pub fn fix(mut self, title: impl Into<String>, at: P, text: impl Into<String>) -> Self {
        self.fix = Some(Fix { title: title.into(), edits: vec![Edit { at, text: text.into() }] });
        self
    }

    /// Converts the finding's places with `place`.
    pub fn locate<Q>(self, mut place: impl FnMut(P) -> Q) -> Finding<Q> {
        let Self { rule, severity, message, at, label, note, help, related, fix } = self;
        let at = place(at);
        let related = related.into_iter().map(|r| Related { at: place(r.at), message: r.message }).collect();
        let fix = fix.map(|Fix { title, edits }| Fix {
            title,
            edits: edits.into_iter().map(|edit| Edit { at: place(edit.at), text: edit.text }).collect(),
        });
        Finding { rule, severity, message, at, label, note, help, related, fix }
    }
}

/// Sorts findings in reading order (path, place, rule, message) and drops exact duplicates.
pub fn sort(findings: &mut Vec<Finding>, sources: &Sources) {
    findings.sort_by(|a, b| {
        (sources.file(a.at.file).path(), a.at, &a.rule, &a.message).cmp(&(
            sources.file(b.at.file).path(),
            b.at,
            &b.rule,
            &b.message,
        ))
    });
    findings.dedup();
}

/// Replaces the secrets at a finding's place by `***` in the finding's message, label, note and help, and secrets in
/// addresses wherever they are from. A finding with a secret at its place loses its fix.
pub fn conceal(findings: &mut [Finding], sources: &Sources) {
    for finding in findings {
        let secrets: Vec<&str> = sources
            .file(finding.at.file)
            .secrets_at(finding.at.range())
            .map(|secret| secret.trim().trim_matches(['"', '\'']))
            .filter(|secret| !secret.is_empty())
            .collect();
        if !secrets.is_empty() {
            finding.fix = None;
        }
        let Finding { message, label, note, help, .. } = finding;
        for words in [message].into_iter().chain(label).chain(note).chain(help) {
            if let Cow::Owned(starred) = without_secrets(words) {
                *words = starred;
            }
            for secret in &secrets {
                *words = words
                    .replace(&format!("`{secret}`"), "`***`")
                    .replace(&format!("\"{secret}\""), "\"***\"")
                    .replace(&format!(":{secret}@"), ":***@");
            }
        }
    }
}
