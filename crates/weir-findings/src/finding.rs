use std::{borrow::Cow, fmt};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Sources, Span};

/// The name of a rule, in kebab case: `partitions-only-grow`. Also the name of its page and its case folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(Cow<'static, str>);

impl RuleId {
    /// The id of a rule known when weir was built.
    pub const fn new(id: &'static str) -> Self {
        Self(Cow::Borrowed(id))
    }

    /// The id as text.
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

/// How bad it is. Only an error stops the pipeline.
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

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        })
    }
}

/// Something wrong at a place `P`: a [`Span`], or whatever a rule can name before places are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding<P = Span> {
    /// Which rule found it.
    pub rule: RuleId,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, naming the value that was seen. A sentence fragment in lower case.
    pub message: String,
    /// Where.
    pub at: P,
    /// A few words printed beside the place.
    pub label: Option<String>,
    /// Why it matters, where the rule's page is not enough: an organisation's own reason.
    pub note: Option<String>,
    /// What to write instead.
    pub help: Option<String>,
    /// Other places that matter.
    pub related: Vec<Related<P>>,
    /// The change that puts it right, where there is only one that anybody can have meant.
    pub fix: Option<Fix<P>>,
}

/// A second place of a [`Finding`], with what it has to do with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related<P = Span> {
    /// Where.
    pub at: P,
    /// What is there.
    pub message: String,
}

/// A change of text that puts a finding right without changing what anything else means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix<P = Span> {
    /// What to do, as an order in lower case: ``write `partitions` ``.
    pub title: String,
    /// What to write where. They do not overlap.
    pub edits: Vec<Edit<P>>,
}

/// Some text in place of other text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit<P = Span> {
    /// What is replaced; where it is empty, the text is inserted.
    pub at: P,
    /// The text instead; where it is empty, what is there is removed.
    pub text: String,
}

impl<P> Finding<P> {
    /// An error of `rule` at `at`.
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

    /// A warning of `rule` at `at`.
    pub fn warning(rule: RuleId, at: P, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(rule, at, message) }
    }

    /// Adds words to print beside the place.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Adds why it matters.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// Adds what to write instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds another place that matters.
    #[must_use]
    pub fn related(mut self, at: P, message: impl Into<String>) -> Self {
        self.related.push(Related { at, message: message.into() });
        self
    }

    /// Adds the one change that puts it right: `text` in place of what is at `at`.
    #[must_use]
    pub fn fix(mut self, title: impl Into<String>, at: P, text: impl Into<String>) -> Self {
        self.fix = Some(Fix { title: title.into(), edits: vec![Edit { at, text: text.into() }] });
        self
    }

    /// The same finding with its places translated.
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

/// Puts findings in the order people read: by path, place, rule, message; and drops exact repetitions.
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

/// Takes what looks like a secret out of the words about it: a message that quotes the value at its place.
pub fn conceal(findings: &mut [Finding], sources: &Sources) {
    for finding in findings {
        let secrets: Vec<&str> = sources
            .file(finding.at.file)
            .secrets_at(finding.at.range())
            .map(|secret| secret.trim().trim_matches(['"', '\'']))
            .filter(|secret| !secret.is_empty())
            .collect();
        if secrets.is_empty() {
            continue;
        }
        finding.fix = None;
        let Finding { message, label, note, help, .. } = finding;
        for words in [message].into_iter().chain(label).chain(note).chain(help) {
            for secret in &secrets {
                *words = words
                    .replace(&format!("`{secret}`"), "`***`")
                    .replace(&format!("\"{secret}\""), "\"***\"")
                    .replace(&format!(":{secret}@"), ":***@");
            }
        }
    }
}
