//! Test cases for an organisation's own policies: a case is a few entities, and the findings that they must give.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, de};
use weir_findings::{Finding, Sources, closest};
use weir_model::{EntityRef, Kind, Loaded};
use weir_planning::{Observed, PlanOptions, desired, plan};

use crate::{Policies, check_plan, plan_policies, rules};

/// The name of the file that makes a folder a case.
pub const EXPECT_FILE: &str = "expect.yaml";

/// The name of the file with the observed cluster of a case. With it, the case is planned, and policies over plans
/// are applied.
pub const OBSERVED_FILE: &str = "observed.json";

/// Returns the kinds that a case takes from its workspace: those without steps in plans, except waivers, which would
/// silence the findings of the case. The case declares entities of all other kinds itself.
pub fn shared_kinds() -> Vec<Kind> {
    Kind::ALL.into_iter().filter(|kind| !kind.is_planned() && *kind != Kind::Waiver).collect()
}

/// `expect.yaml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Expect {
    /// The purpose of the case, in a sentence.
    #[serde(default)]
    pub about: Option<String>,
    /// The time of the case. Default: the time of the run.
    #[serde(default)]
    pub now: Option<Time>,
    /// The stage that is checked, and planned if there is an observed state. Default: all stages; nothing is planned.
    #[serde(default)]
    pub stage: Option<String>,
    /// The rules whose findings are compared. Findings about unreadable files or unusable policies always are.
    /// Default: all rules.
    #[serde(default)]
    pub rules: Vec<String>,
    /// The complete list of expected findings; an empty list expects none.
    pub findings: Vec<Expected>,
}

/// A time as RFC 3339 writes it.
#[derive(Clone, Copy, Debug)]
pub struct Time(pub jiff::Timestamp);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = |_| de::Error::custom(format!("expected a time such as `2026-11-22T10:00:00Z`, found `{text}`"));
        text.parse().map(Self).map_err(wrong)
    }
}

/// An expected finding.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Expected {
    /// The rule.
    pub rule: String,
    /// The entity of the finding: `Topic/toll.passages.v1`. Default: any.
    #[serde(default)]
    pub entity: Option<EntityRef>,
    /// `error`, `warning` or `info`. Default: any.
    #[serde(default)]
    pub severity: Option<String>,
    /// A part of the message. Default: any.
    #[serde(default)]
    pub message: Option<String>,
}

impl std::fmt::Display for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { rule, entity, severity, message } = self;
        write!(f, "{}[{rule}]", severity.as_deref().unwrap_or("any severity "))?;
        entity.iter().try_for_each(|entity| write!(f, " in {entity}"))?;
        message.iter().try_for_each(|message| write!(f, ": …{message}…"))
    }
}

impl Expect {
    /// Reads `expect.yaml`.
    ///
    /// # Errors
    /// Returns a sentence with the mistake and its place.
    pub fn parse(text: &str) -> Result<Self, String> {
        weir_model::parse(text)
    }

    /// Plans the case's stage against `observed`, the text of [`OBSERVED_FILE`]. Returns the findings of the planner
    /// and of policies over plans.
    ///
    /// # Errors
    /// Returns a sentence that says why there is no plan to judge.
    pub fn plan(&self, loaded: &Loaded, observed: &str, now: jiff::Timestamp) -> Result<Vec<Finding>, String> {
        let stage =
            self.stage.as_deref().ok_or_else(|| format!("{EXPECT_FILE} names no `stage` for {OBSERVED_FILE}"))?;
        let observed = Observed::from_json(observed).map_err(|why| format!("{OBSERVED_FILE} cannot be used: {why}"))?;
        if let Some(other) = observed.stage.as_deref().filter(|other| *other != stage) {
            return Err(format!("{OBSERVED_FILE} was observed for stage `{other}`, not for `{stage}`"));
        }
        let workspace = loaded.workspace.as_ref().ok_or("there is no workspace")?;
        let view = workspace.stage(stage).map_err(|err| err.to_string())?;
        let mut outcome = plan(&desired(&view, now), &observed, &PlanOptions { now, commit: None });
        if outcome.plan.steps.is_empty() {
            return Err(format!("the plan of stage `{stage}` has no step to judge"));
        }
        if let Some(policies) = plan_policies(loaded, &outcome.plan) {
            outcome.plan = outcome.plan.under(policies);
            outcome.findings.extend(check_plan(&outcome.plan, now));
        }
        let locate = |finding: Finding<_>| finding.locate(|route| loaded.locate_in_stage(&route, stage));
        Ok(outcome.findings.into_iter().map(locate).collect())
    }

    /// Returns the differences from the expectation, a line each: findings that are missing, findings that were not
    /// expected, and rules that are neither policies in `loaded` nor in `rules`, the ids of all other rules.
    ///
    /// Findings about unreadable files and unusable policies always count: a case in which nothing was checked must
    /// not pass.
    pub fn differences(&self, loaded: &Loaded, found: &[Finding], rules: &BTreeSet<&str>) -> Vec<String> {
        let counts = |finding: &&Finding| {
            let rule = finding.rule.as_str();
            self.rules.is_empty() || self.rules.iter().any(|named| named == rule) || is_fundamental(rule)
        };
        let mut left: Vec<&Finding> = found.iter().filter(counts).collect();
        let mut told = self.unknown_rules(loaded, rules);
        for expected in &self.findings {
            match left.iter().position(|finding| expected.is_met(loaded, finding)) {
                Some(at) => _ = left.remove(at),
                None => told.push(format!("expected, not found: {expected}")),
            }
        }
        told.extend(left.iter().map(|finding| format!("found, not expected: {}", brief(finding, &loaded.sources))));
        told
    }

    /// Returns a line for each rule that does not exist.
    fn unknown_rules(&self, loaded: &Loaded, rules: &BTreeSet<&str>) -> Vec<String> {
        let policies =
            loaded.workspace.as_ref().map(|workspace| Policies::compile_with(workspace, &loaded.malformed).0);
        let mut known: BTreeSet<&str> = rules.clone();
        known.extend(rules::rule_pages().iter().chain(weir_model::rule_pages()).map(|page| page.id));
        known.extend(policies.iter().flat_map(|p| p.names().chain(p.broken.iter().map(String::as_str))));
        // A malformed policy has a finding of its own.
        known.extend(loaded.malformed.iter().filter(|e| e.kind == Kind::Policy).map(|e| e.name.as_str()));
        let named: BTreeSet<&str> =
            self.rules.iter().chain(self.findings.iter().map(|finding| &finding.rule)).map(String::as_str).collect();
        let told = named.difference(&known).map(|rule| match closest(rule, known.iter().copied()) {
            Some(meant) => format!("there is no rule `{rule}`: did you mean `{meant}`?"),
            None => format!("there is no rule `{rule}`"),
        });
        told.collect()
    }
}

/// Returns `true` if findings of the rule report that something was not checked at all.
fn is_fundamental(rule: &str) -> bool {
    let policies = [rules::POLICY_COST, rules::POLICY_FAILED, rules::POLICY_INVALID];
    policies.iter().any(|id| id.as_str() == rule) || weir_model::rule_pages().iter().any(|page| page.id == rule)
}

impl Expected {
    fn is_met(&self, loaded: &Loaded, finding: &Finding) -> bool {
        let places = || std::iter::once(finding.at).chain(finding.related.iter().map(|related| related.at));
        self.rule == finding.rule.as_str()
            && self.severity.as_ref().is_none_or(|severity| *severity == finding.severity.to_string())
            && self.message.as_ref().is_none_or(|message| finding.message.contains(message.as_str()))
            && self.entity.as_ref().is_none_or(|wanted| places().any(|at| covers(loaded, wanted, at)))
    }
}

fn covers(loaded: &Loaded, entity: &EntityRef, at: weir_findings::Span) -> bool {
    loaded
        .extent(entity)
        .is_some_and(|extent| extent.file == at.file && (extent.start..=extent.end).contains(&at.start))
}

/// Formats a finding in one line.
fn brief(finding: &Finding, sources: &Sources) -> String {
    let at = sources.position(finding.at);
    let file = sources.file(finding.at.file).path();
    format!("{}[{}] at {file}:{}:{}: {}", finding.severity, finding.rule, at.line, at.column, finding.message)
}
