//! Collects the findings of a rule.

use std::collections::{BTreeMap, BTreeSet};

use weir_findings::{Finding, RuleId, RulePage, plural};
use weir_model::Route;

use crate::context::Context;

/// The findings of one rule. Equal findings in several stages become one finding that names the stages.
pub(crate) struct Out {
    rule: RuleId,
    found: BTreeMap<(Route, String), Found>,
}

struct Found {
    finding: Finding<Route>,
    /// Indexes of the stages that the finding concerns. Empty: the finding concerns the workspace as a whole.
    stages: BTreeSet<usize>,
}

impl Out {
    pub(crate) fn new(page: &RulePage<'static>) -> Self {
        Self { rule: RuleId::new(page.id), found: BTreeMap::new() }
    }

    /// Makes an error for [`Out::push`] or [`Out::push_in`].
    pub(crate) fn error(&self, at: Route, message: impl Into<String>) -> Finding<Route> {
        Finding::error(self.rule.clone(), at, message)
    }

    /// Makes a warning for [`Out::push`] or [`Out::push_in`].
    pub(crate) fn warning(&self, at: Route, message: impl Into<String>) -> Finding<Route> {
        Finding::warning(self.rule.clone(), at, message)
    }

    /// Adds a finding that concerns the workspace as a whole.
    pub(crate) fn push(&mut self, finding: Finding<Route>) {
        let key = (finding.at.clone(), finding.message.clone());
        self.found.entry(key).or_insert(Found { finding, stages: BTreeSet::new() });
    }

    /// Adds a finding that concerns one stage, by index.
    pub(crate) fn push_in(&mut self, stage: usize, finding: Finding<Route>) {
        let key = (finding.at.clone(), finding.message.clone());
        self.found.entry(key).or_insert_with(|| Found { finding, stages: BTreeSet::new() }).stages.insert(stage);
    }

    /// Returns the findings; with `only`, those that concern that stage.
    pub(crate) fn finish(self, context: &Context<'_>, only: Option<usize>) -> Vec<Finding<Route>> {
        self.found
            .into_values()
            .filter(|found| only.is_none_or(|stage| found.stages.is_empty() || found.stages.contains(&stage)))
            .map(|Found { mut finding, stages }| {
                if let Some(words) = name_stages(context, &finding, &stages) {
                    finding.message.push_str(&words);
                }
                finding
            })
            .collect()
    }
}

/// Returns the names of the stages that a finding concerns, as words to append to its message. Returns `None` if the
/// place or the message already names these stages, or if the finding concerns all stages.
fn name_stages(context: &Context<'_>, finding: &Finding<Route>, stages: &BTreeSet<usize>) -> Option<String> {
    if stages.is_empty() || stages.len() == context.stages.len() {
        return None;
    }
    let names: Vec<&str> = stages.iter().map(|i| context.stage_name(*i)).collect();
    let named =
        |name: &&str| finding.at.path.iter().any(|part| part == name) || finding.message.contains(&format!("`{name}`"));
    if names.iter().all(named) {
        return None;
    }
    Some(format!(" ({} {})", plural(names.len(), "stage"), names.join(", ")))
}
