//! The rules of form and consistency that every workspace keeps: names Kafka takes, settings it knows, references
//! that lead somewhere, stages in order, sharing with consent.
//!
//! [`validate`] gives the findings of a loaded workspace with their places; [`check`] gives them by route, for
//! workspaces that were not read from files. One rule is one module under `rules`, with its page ([`Rule::page`])
//! beside its code. This crate must not know an organisation's own policies, nor what any cluster holds.
//!
//! ```
//! let loaded = weir_model::load([
//!     ("weir.yaml", "
//! apiVersion: weir/v1
//! kind: Workspace
//! metadata: {name: example}
//! spec:
//!   clusters: {local: {sandbox: {path: .weir/local}}}
//!   stages: [{name: dev, cluster: local}]
//! "),
//!     ("topic.yaml", "
//! apiVersion: weir/v1
//! kind: Topic
//! metadata: {name: toll.transactions.v1, team: tol}
//! spec: {partitions: 6}
//! "),
//! ]);
//! let findings = weir_validation::validate(&loaded);
//! assert_eq!(findings[0].rule.as_str(), "unknown-reference");
//! assert_eq!(findings[0].message, "there is no team `tol`");
//! ```

mod context;
mod fix;
mod out;
mod rules;
mod suggest;

use std::collections::BTreeSet;

use rayon::prelude::*;
use weir_findings::{Finding, RulePage};
use weir_model::{EntityRef, Loaded, Route, UnknownStage, Workspace};

pub use crate::fix::{Changed, Fixed, fix, settle};
use crate::{context::Context, out::Out};

/// One rule: its page and how it is checked.
pub struct Rule {
    /// What is published about it.
    pub page: RulePage<'static>,
    check: fn(&Context<'_>, &mut Out),
}

/// All rules, in the order of their pages.
pub fn rules() -> &'static [Rule] {
    rules::ALL
}

/// The pages of all findings that validation can give: those of reading the files first, then those of [`rules`].
pub fn pages() -> impl Iterator<Item = &'static RulePage<'static>> {
    weir_model::rule_pages().iter().chain(rules().iter().map(|rule| &rule.page))
}

/// Everything that is wrong with the workspace in any stage, sorted by place.
pub fn check(workspace: &Workspace) -> Vec<Finding<Route>> {
    run(workspace, &BTreeSet::new(), None)
}

/// What is wrong with the workspace as far as it concerns `stage`: findings of that stage, and those of none.
///
/// # Errors
/// If there is no such stage.
pub fn check_stage(workspace: &Workspace, stage: &str) -> Result<Vec<Finding<Route>>, UnknownStage> {
    Ok(run(workspace, &BTreeSet::new(), Some(stage_index(workspace, stage)?)))
}

/// Everything that is wrong with what was read, form and meaning, with places, in the order people read.
pub fn validate(loaded: &Loaded) -> Vec<Finding> {
    let found = loaded.workspace.as_ref().map(|workspace| run(workspace, &loaded.malformed, None));
    located(loaded, found.unwrap_or_default())
}

/// As [`validate`], as far as it concerns `stage`. What is wrong with the form concerns every stage.
///
/// # Errors
/// If the workspace could be read and has no such stage.
pub fn validate_stage(loaded: &Loaded, stage: &str) -> Result<Vec<Finding>, UnknownStage> {
    let Some(workspace) = &loaded.workspace else { return Ok(located(loaded, Vec::new())) };
    let index = stage_index(workspace, stage)?;
    Ok(located(loaded, run(workspace, &loaded.malformed, Some(index))))
}

/// What is wrong with the meaning of what was read, by route: as [`validate`], or as [`validate_stage`] with a stage,
/// without what is wrong with the form.
///
/// # Errors
/// If the workspace could be read and has no such stage.
pub fn check_loaded(loaded: &Loaded, stage: Option<&str>) -> Result<Vec<Finding<Route>>, UnknownStage> {
    let Some(workspace) = &loaded.workspace else { return Ok(Vec::new()) };
    let only = stage.map(|stage| stage_index(workspace, stage)).transpose()?;
    Ok(run(workspace, &loaded.malformed, only))
}

fn stage_index(workspace: &Workspace, name: &str) -> Result<usize, UnknownStage> {
    let stages = &workspace.settings.spec.stages;
    stages.iter().position(|stage| stage.name == name).ok_or_else(|| UnknownStage {
        asked: name.to_owned(),
        known: stages.iter().map(|stage| stage.name.clone()).collect(),
    })
}

fn located(loaded: &Loaded, found: Vec<Finding<Route>>) -> Vec<Finding> {
    let mut findings = loaded.findings.clone();
    findings.extend(found.into_iter().map(|finding| finding.locate(|route| loaded.locate(&route))));
    settle(&mut findings, &loaded.sources);
    weir_findings::conceal(&mut findings, &loaded.sources);
    weir_findings::sort(&mut findings, &loaded.sources);
    findings
}

fn run(workspace: &Workspace, malformed: &BTreeSet<EntityRef>, only: Option<usize>) -> Vec<Finding<Route>> {
    let context = Context::new(workspace, malformed);
    let mut findings: Vec<_> = rules()
        .par_iter()
        // Rules differ widely in what they cost.
        .with_max_len(1)
        .flat_map_iter(|rule| {
            let mut out = Out::new(&rule.page);
            (rule.check)(&context, &mut out);
            out.finish(&context, only)
        })
        .collect();
    findings.sort_by(|a, b| (&a.at, &a.rule, &a.message).cmp(&(&b.at, &b.rule, &b.message)));
    findings
}
