//! The built-in rules of form and consistency: names and settings that Kafka accepts, references to declared entities,
//! stages in order, sharing with consent.
//!
//! [`validate`] returns the findings of a loaded workspace with their places in the files. [`check`] returns findings
//! by route, for workspaces that were not read from files. Each rule is one module under `rules`, with its page
//! ([`Rule::page`]) beside its code. This crate must not know the policies of an organisation, nor the state of any
//! cluster.
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
//! let findings = weir_validation::validate(&loaded, None, None)?;
//! assert_eq!(findings[0].rule.as_str(), "unknown-reference");
//! assert_eq!(findings[0].message, "there is no team `tol`");
//! # Ok::<(), weir_model::UnknownStage>(())
//! ```

mod context;
mod fix;
mod out;
mod rules;
mod suggest;

use std::collections::BTreeSet;

use rayon::prelude::*;
use weir_findings::{Finding, RulePage};
use weir_model::{Date, EntityRef, Loaded, Route, UnknownStage, Workspace};

pub use crate::fix::{Changed, Fixed, fix, settle};
use crate::{context::Context, out::Out};

/// A rule: its page and its check.
pub struct Rule {
    /// The published page of the rule.
    pub page: RulePage<'static>,
    check: fn(&Context<'_>, &mut Out),
}

/// Returns all rules, in the order of their pages.
pub fn rules() -> &'static [Rule] {
    rules::ALL
}

/// Returns the pages of all rules that validation can report: first those of reading files, then those of [`rules`].
pub fn rule_pages() -> impl Iterator<Item = &'static RulePage<'static>> {
    weir_model::rule_pages().iter().chain(rules().iter().map(|rule| &rule.page))
}

/// Returns the findings of all rules by route, sorted; if `stage` is given, those of that stage and those of the
/// workspace as a whole. Rules look past `malformed` entities, whose form is wrong. Without a date for `today`, no right
/// and no consent has ended, and none is about to.
///
/// # Errors
/// [`UnknownStage`] if no stage has this name.
pub fn check(
    workspace: &Workspace,
    malformed: &BTreeSet<EntityRef>,
    stage: Option<&str>,
    today: Option<Date>,
) -> Result<Vec<Finding<Route>>, UnknownStage> {
    let only = stage.map(|stage| stage_index(workspace, stage)).transpose()?;
    Ok(run(workspace, malformed, only, today))
}

/// Returns the findings of loaded files with places, in reading order: those of [`check`], and those about form, which
/// concern every stage.
///
/// # Errors
/// [`UnknownStage`] if the workspace could be read and has no stage of this name.
pub fn validate(loaded: &Loaded, stage: Option<&str>, today: Option<Date>) -> Result<Vec<Finding>, UnknownStage> {
    let mut findings = loaded.findings.clone();
    if let Some(workspace) = &loaded.workspace {
        let found = check(workspace, &loaded.malformed, stage, today)?;
        findings.extend(found.into_iter().map(|finding| finding.locate(|route| loaded.locate(&route))));
    }
    settle(&mut findings, &loaded.sources);
    weir_findings::conceal(&mut findings, &loaded.sources);
    weir_findings::sort(&mut findings, &loaded.sources);
    Ok(findings)
}

fn stage_index(workspace: &Workspace, name: &str) -> Result<usize, UnknownStage> {
    let stages = &workspace.settings.spec.stages;
    stages.iter().position(|stage| stage.name == name).ok_or_else(|| UnknownStage {
        asked: name.to_owned(),
        known: stages.iter().map(|stage| stage.name.clone()).collect(),
    })
}

fn run(
    workspace: &Workspace,
    malformed: &BTreeSet<EntityRef>,
    only: Option<usize>,
    today: Option<Date>,
) -> Vec<Finding<Route>> {
    let context = Context::new(workspace, malformed, today);
    let mut findings: Vec<_> = rules()
        .par_iter()
        // Rules differ widely in cost.
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

/// The example of the README, compiled with the examples of this documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
