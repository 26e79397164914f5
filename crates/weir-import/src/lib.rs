//! Import: from the state of a cluster to the files that declare exactly that state.
//!
//! [`import_stages`] takes the observed state of one or more stages and returns files, one for each team. They are
//! checked before they are returned: the files are valid, and the plan of each imported stage has no step for their
//! entities. Objects that no file can declare become `ensure: unmanaged` or are left out, and are reported
//! ([`Imported::left`]).
//!
//! This crate must not know how clusters are observed or files are written.

mod access;
mod build;
mod built;
mod consent;
mod demotions;
mod layers;
mod names;
mod seen;
mod settings;
mod team;
mod text;
mod topics;
mod write;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use thiserror::Error;
use weir_findings::{Finding, Severity};
use weir_model::{Adopt, Ensure, EntityRef, Kind, Route, UnknownStage, Workspace};
use weir_planning::{About, Change, Object, Observed, PlanOptions, SecretRef, Verb, desired, plan};

use crate::{build::build, built::Built, demotions::Demotions, seen::Seen};
pub use crate::{
    settings::adopting,
    team::{TeamRule, TeamRuleError},
    text::summary,
};

/// The input of an import.
#[derive(Clone, Debug)]
pub struct Import<'a> {
    /// The workspace so far; its entities stay as they are.
    pub workspace: &'a Workspace,
    /// Stages with the whole state of their clusters, in any order.
    pub stages: Vec<(String, &'a Observed)>,
    /// The rule that assigns teams.
    pub teams: &'a TeamRule,
    /// The time, for the age of API keys.
    pub now: Timestamp,
    /// The path of the JSON Schema, as seen from the files, for editors.
    pub schema: Option<String>,
}

/// The reason why nothing can be imported.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ImportError {
    /// No such stage.
    #[error(transparent)]
    Stage(#[from] UnknownStage),
    /// The owning team of names is unknown.
    #[error("the owning team of {} is unknown", listed(names))]
    NoTeam {
        /// Kind and logical name of each.
        names: Vec<String>,
    },
}

fn listed(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(10).map(String::as_str).collect();
    match names.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// The outcome of an import.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    /// File names and their text, one for each team.
    pub files: BTreeMap<String, String>,
    /// The number of entities of each kind.
    pub counts: BTreeMap<Kind, usize>,
    /// Objects that are left out of the files, wholly or in part, sorted.
    pub left: Vec<Left>,
    /// Findings that the files cause and that could not be avoided, by stage.
    pub findings: Vec<(String, Finding<Route>)>,
    /// Objects that the platform team must let weir take over, by stage: `ownership.adopt` in weir.yaml. Empty in a
    /// workspace without `ownership`.
    pub adopt: BTreeMap<String, Adopt>,
    /// Objects that the next plan would delete, since the stage prunes and no file declares them, by stage.
    pub pruned: BTreeMap<String, BTreeSet<String>>,
}

/// An object that stays outside of the files, wholly or in part.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Left {
    /// The sort of object.
    pub kind: LeftKind,
    /// The stage in which it was found.
    pub stage: String,
    /// The physical name.
    pub object: String,
    /// The reason, as a fragment.
    pub why: String,
    /// Its ACL bindings, which stay as they are.
    pub bindings: Vec<String>,
}

impl Left {
    fn new(kind: LeftKind, stage: &str, object: &str, why: impl Into<String>) -> Self {
        Self { kind, stage: stage.to_owned(), object: object.to_owned(), why: why.into(), bindings: Vec::new() }
    }
}

/// The sort of an object that stays outside of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum LeftKind {
    /// A topic that no file declares.
    Topic,
    /// A service account that no file declares.
    Account,
    /// A principal that is no service account.
    Principal,
    /// A topic that is declared and not managed in the stage.
    UnmanagedTopic,
    /// A service account that is declared and not managed in the stage.
    UnmanagedAccount,
    /// A topic's setting.
    Setting,
    /// A service account's description.
    Description,
    /// An API key.
    Key,
}

/// Returns the secrets whose state [`import_stages`] needs, by stage: the secrets of API keys that weir made.
///
/// # Errors
/// The errors of [`import_stages`].
pub fn secrets_needed(import: &Import<'_>) -> Result<BTreeMap<String, BTreeSet<SecretRef>>, ImportError> {
    let seen = Seen::new(import)?;
    let all = build(import.workspace, &seen, &Demotions::default()).over(import.workspace);
    let mut needed = BTreeMap::new();
    for stage in &seen.stages {
        let wanted = desired(&all.stage(stage.name())?, import.now);
        needed.insert(stage.name().to_owned(), weir_planning::secrets_needed(&wanted, stage.observed));
    }
    Ok(needed)
}

/// Makes the files for all observed objects that no file declares.
///
/// # Errors
/// If there is no such stage, or no team follows from a name.
pub fn import_stages(import: &Import<'_>) -> Result<Imported, ImportError> {
    let seen = Seen::new(import)?;
    let before: BTreeSet<Fault> = faults(import.workspace)?.into_iter().map(|(_, finding)| fault(&finding)).collect();
    let mut demotions = Demotions::default();
    loop {
        let built = build(import.workspace, &seen, &demotions);
        demotions.applied();
        let mut all = built.over(import.workspace);
        let adopt = adopt(&mut all, &seen, &built, import.now)?;
        let mut findings = faults(&all)?;
        findings.retain(|(_, finding)| !before.contains(&fault(finding)));
        let mut answered = false;
        for (stage, finding) in &findings {
            answered |= demotions.answer(finding, *stage, &built);
        }
        let mut pruned = BTreeMap::new();
        if !answered {
            answered = rehearse(import, &seen, &all, &built, &mut demotions, &mut findings, &mut pruned)?;
        }
        if !answered {
            let stages = &import.workspace.settings.spec.stages;
            return Ok(Imported {
                files: write::files(import.workspace, &built, &seen, import.schema.as_deref()),
                counts: [
                    (Kind::Team, built.teams.len()),
                    (Kind::Topic, built.topics.len()),
                    (Kind::ServiceAccount, built.accounts.len()),
                    (Kind::AccessControlList, built.lists.len()),
                ]
                .into(),
                left: {
                    let mut left = seen.left;
                    left.extend(built.left);
                    left.sort();
                    left
                },
                adopt,
                findings: findings.into_iter().map(|(stage, f)| (stages[stage].name.clone(), f)).collect(),
                pruned,
            });
        }
    }
}

/// The parts of a finding that distinguish two faults.
type Fault = (Route, String, String);

fn fault(finding: &Finding<Route>) -> Fault {
    (finding.at.clone(), finding.rule.to_string(), finding.message.clone())
}

/// Returns the errors of the workspace, each with its stage.
fn faults(workspace: &Workspace) -> Result<Vec<(usize, Finding<Route>)>, UnknownStage> {
    let mut all = Vec::new();
    for (index, stage) in workspace.settings.spec.stages.iter().enumerate() {
        let found = weir_validation::check(workspace, &BTreeSet::new(), Some(&stage.name), None)?;
        all.extend(found.into_iter().filter(|f| f.severity == Severity::Error).map(|finding| (index, finding)));
    }
    Ok(all)
}

/// Adds the imported objects that weir may only take over with the platform team's word to `adopt` of the workspace, and
/// returns them.
fn adopt(
    all: &mut Workspace,
    seen: &Seen<'_>,
    built: &Built,
    now: Timestamp,
) -> Result<BTreeMap<String, Adopt>, UnknownStage> {
    let mut found = BTreeMap::<String, Adopt>::new();
    for stage in &seen.stages {
        let (wanted, there) = (desired(&all.stage(stage.name())?, now), stage.observed);
        let is_foreign = |name: &String| there.accounts.get(name).is_some_and(|a| a.maker != Some(wanted.maker()));
        let accounts =
            wanted.accounts.iter().filter(|(name, a)| built.accounts.contains_key(&a.entity) && is_foreign(name));
        let adopt = Adopt {
            // A file of the platform team that declares a topic takes it over by itself.
            topics: Vec::new(),
            service_accounts: accounts
                .filter(|(name, account)| account.ensure == Ensure::Present && !wanted.adopt.owns_account(name))
                .map(|(name, _)| name.clone())
                .collect(),
        };
        if wanted.governed && adopt != Adopt::default() {
            found.insert(stage.name().to_owned(), adopt);
        }
    }
    if let Some(ownership) = &mut all.settings.spec.ownership {
        for (stage, Adopt { topics: _, service_accounts }) in &found {
            let there = ownership.adopt.entry(stage.clone()).or_default();
            there.service_accounts.extend_from_slice(service_accounts);
        }
    }
    Ok(found)
}

/// Plans each stage as if the files were there. A step for an imported entity demotes its object.
fn rehearse(
    import: &Import<'_>,
    seen: &Seen<'_>,
    all: &Workspace,
    built: &Built,
    demotions: &mut Demotions,
    findings: &mut Vec<(usize, Finding<Route>)>,
    pruned: &mut BTreeMap<String, BTreeSet<String>>,
) -> Result<bool, UnknownStage> {
    let mut answered = false;
    for stage in &seen.stages {
        let wanted = desired(&all.stage(stage.name())?, import.now);
        let options = PlanOptions { now: import.now, commit: None };
        let outcome = plan(&wanted, stage.observed, &options);
        // A declared entity may be wrong already. A cluster other than the expected one is always reported.
        let before = plan(&desired(&stage.declared, import.now), stage.observed, &options).findings;
        let old = |finding: &Finding<Route>| finding.rule.as_str() != "wrong-cluster" && before.contains(finding);
        for finding in outcome.findings.into_iter().filter(|f| f.severity == Severity::Error && !old(f)) {
            answered |= demotions.answer(&finding, stage.index, built);
            findings.push((stage.index, finding));
        }
        for step in &outcome.plan.steps {
            let Some(entity) = step.entity.as_ref().and_then(|entity| owner(entity, built)) else {
                if step.entity.is_none() {
                    let About { object, verb, .. } = step.change.about();
                    let object = match (object, verb) {
                        (Object::Topic(topic), Verb::Delete) => format!("topic {topic}"),
                        (Object::Account(account), Verb::Delete) => format!("service account {account}"),
                        (Object::Topic(_) | Object::Account(_), Verb::Create | Verb::Update)
                        | (Object::Acl { .. } | Object::Key { .. }, _) => continue,
                    };
                    pruned.entry(stage.name().to_owned()).or_default().insert(object);
                }
                continue;
            };
            let why = match &step.change {
                Change::CreateKey { slot, secret, .. } => {
                    format!("weir made its API key for slot `{slot}`, and `{secret}` does not hold it")
                }
                _ => format!("its files would ask for `{}`", step.id),
            };
            answered |= demotions.let_go(&entity, stage.index, why);
        }
    }
    Ok(answered)
}

/// Returns the imported topic or service account that a step is done for.
fn owner(entity: &EntityRef, built: &Built) -> Option<EntityRef> {
    let name = &entity.name;
    match entity.kind {
        Kind::Topic => built.topics.contains_key(name).then(|| entity.clone()),
        Kind::ServiceAccount => built.accounts.contains_key(name).then(|| entity.clone()),
        Kind::AccessControlList => {
            let account = &built.lists.get(name)?.spec.service_account;
            Some(EntityRef::new(Kind::ServiceAccount, account))
        }
        _ => None,
    }
}

/// The example of the README, compiled with the examples of this documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
