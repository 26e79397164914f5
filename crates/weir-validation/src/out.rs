//! Where rules put what they find.

use std::collections::{BTreeMap, BTreeSet};

use weir_findings::{Finding, RuleId, RulePage, plural};
use weir_model::Route;

use crate::context::Context;

/// Findings of one rule. What is found alike in several stages is one finding that names them.
pub(crate) struct Out {
    rule: RuleId,
    found: BTreeMap<(Route, String), Found>,
}

struct Found {
    finding: Finding<Route>,
    /// The stages it concerns, by index; none: all of them, and the workspace as such.
    stages: BTreeSet<usize>,
}

impl Out {
    pub(crate) fn new(page: &RulePage<'static>) -> Self {
        Self { rule: RuleId::new(page.id), found: BTreeMap::new() }
    }

    /// An error to push.
    pub(crate) fn error(&self, at: Route, message: impl Into<String>) -> Finding<Route> {
        Finding::error(self.rule.clone(), at, message)
    }

    /// A warning to push.
    pub(crate) fn warning(&self, at: Route, message: impl Into<String>) -> Finding<Route> {
        Finding::warning(self.rule.clone(), at, message)
    }

    /// Something that is wrong whatever the stage.
    pub(crate) fn push(&mut self, finding: Finding<Route>) {
        let key = (finding.at.clone(), finding.message.clone());
        self.found.entry(key).or_insert(Found { finding, stages: BTreeSet::new() });
    }

    /// Something that is wrong in the stage of that index.
    pub(crate) fn push_in(&mut self, stage: usize, finding: Finding<Route>) {
        let key = (finding.at.clone(), finding.message.clone());
        self.found.entry(key).or_insert_with(|| Found { finding, stages: BTreeSet::new() }).stages.insert(stage);
    }

    /// What was found; with `only`, as far as it concerns that stage.
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

/// Which stages a finding is about, unless its place or its message tells, or it is about all.
fn name_stages(context: &Context<'_>, finding: &Finding<Route>, stages: &BTreeSet<usize>) -> Option<String> {
    if stages.is_empty() || stages.len() == context.stages.len() {
        return None;
    }
    let names: Vec<&str> = stages.iter().map(|i| context.stage_name(*i)).collect();
    let told =
        |name: &&str| finding.at.path.iter().any(|part| part == name) || finding.message.contains(&format!("`{name}`"));
    if names.iter().all(told) {
        return None;
    }
    Some(format!(" ({} {})", plural(names.len(), "stage"), names.join(", ")))
}
