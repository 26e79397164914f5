//! From what was read to findings, and to a workspace without errors.

mod causes;
mod requests;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use thiserror::Error;
use weir_adapters::{Live, OpenError, open};
use weir_findings::{FileId, Finding, Severity, count};
use weir_model::{Date, Kind, Loaded, UnknownStage, Workspace};
use weir_planning::{Blocks, Desired, Objects, Observed, desired};
use weir_policy::{Judged, Judging};
use weir_validation::Fixed;

use self::{
    causes::{Cause, Causes, excluded},
    requests::Requests,
};
use crate::{
    ReadWorkspace,
    aside::{Aside, DUPLICATES, Unclear, documents, set_aside},
    rule_pages,
};

/// A workspace that was read and checked.
#[derive(Debug)]
#[must_use]
#[non_exhaustive]
pub struct Checked {
    /// The folder.
    pub dir: PathBuf,
    /// The files and entities. In a workspace with `ownership`, documents in a team's path that speak beyond the team are
    /// not among the entities.
    pub loaded: Loaded,
    /// The files and entities with these documents, if there are any.
    whole: Option<Loaded>,
    /// The places of these documents.
    aside: Aside,
    /// `true` unless the files contradict each other about the teams there are.
    clear: bool,
    /// The findings about form, meaning and the organisation's policies, sorted.
    pub findings: Vec<Finding>,
    /// The findings that are waived, as information, sorted.
    pub waived: Vec<Finding>,
    /// The files that could not be read as text.
    pub unread: BTreeSet<FileId>,
    /// The stage that was checked; absent: all.
    pub stage: Option<String>,
    /// The time for which was checked.
    pub now: Timestamp,
    judge: Judge,
}

/// The rules to check by.
type Judge = fn(&Loaded, Option<&str>, Timestamp) -> Result<Judged, UnknownStage>;

/// Findings with errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the findings include {}", count(*errors, "error"))]
#[non_exhaustive]
pub struct Rejected {
    /// The number of errors.
    pub errors: usize,
}

impl Rejected {
    /// Refuses a number of errors.
    pub(crate) fn check(errors: usize) -> Result<(), Self> {
        if errors == 0 { Ok(()) } else { Err(Self { errors }) }
    }
}

impl ReadWorkspace {
    /// Checks the workspace at the time `now`, as far as it concerns `stage`, or all stages.
    ///
    /// The time decides which policies are enforced and which waivers are over.
    ///
    /// # Errors
    /// If the workspace has no such stage.
    pub fn check(self, stage: Option<&str>, now: Timestamp) -> Result<Checked, UnknownStage> {
        self.check_by(judge, stage, now)
    }

    /// Checks the workspace as [`check`](Self::check), without policies: those that are enforced by now may not have been
    /// when the files were deployed.
    ///
    /// # Errors
    /// If the workspace has no such stage.
    pub(crate) fn check_without_policies(self, stage: &str, now: Timestamp) -> Result<Checked, UnknownStage> {
        let judge: Judge = |loaded, stage, now| {
            let findings = weir_validation::validate(loaded, stage, Some(Date::of(now)))?;
            Ok(Judged { findings, waived: Vec::new() })
        };
        self.check_by(judge, Some(stage), now)
    }

    fn check_by(self, judge: Judge, stage: Option<&str>, now: Timestamp) -> Result<Checked, UnknownStage> {
        let Self { dir, loaded, unread, .. } = self;
        let Judged { findings, waived } = judge(&loaded, stage, now)?;
        let checked = Checked {
            dir,
            loaded,
            whole: None,
            aside: Aside::new(),
            clear: true,
            findings,
            waived,
            unread,
            stage: stage.map(str::to_owned),
            now,
            judge,
        };
        match set_aside(&checked.loaded, &checked.findings) {
            Ok(None) => Ok(checked),
            Ok(Some((rest, aside))) => checked.without(rest, aside),
            Err(Unclear) => Ok(Checked { clear: false, ..checked }),
        }
    }
}

/// Checks form, meaning and policies of what was loaded, as far as it concerns `stage`, or all stages.
///
/// # Errors
/// If the workspace has no such stage.
pub fn judge(loaded: &Loaded, stage: Option<&str>, now: Timestamp) -> Result<Judged, UnknownStage> {
    let found = match &loaded.workspace {
        Some(workspace) => weir_validation::check(workspace, &loaded.malformed, stage, Some(Date::of(now)))?,
        None => Vec::new(),
    };
    let rules: BTreeSet<&str> = rule_pages().iter().map(|page| page.id).collect();
    let mut judged = weir_policy::judge(loaded, found, &Judging { now, stage, rules: &rules });
    weir_validation::settle(&mut judged.findings, &loaded.sources);
    Ok(judged)
}

impl Checked {
    /// Returns `true` if the files make clear which teams there are, and which paths are theirs.
    pub fn is_clear(&self) -> bool {
        self.clear
    }

    /// Judges the workspace without the documents that are set aside, and adds the findings about these.
    fn without(self, rest: Loaded, aside: Aside) -> Result<Self, UnknownStage> {
        let Judged { mut findings, waived } = (self.judge)(&rest, self.stage.as_deref(), self.now)?;
        let about = self.findings.iter().filter(|finding| {
            let mut documents = documents(&self.loaded, finding);
            match DUPLICATES.contains(&finding.rule.as_str()) {
                true => documents.any(|at| aside.contains_key(&at)),
                false => documents.next().is_some_and(|at| aside.contains_key(&at)),
            }
        });
        findings.extend(about.cloned());
        weir_findings::sort(&mut findings, &rest.sources);
        findings.dedup();
        Ok(Self { loaded: rest, whole: Some(self.loaded), aside, findings, waived, ..self })
    }

    /// Returns the errors among the findings.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error)
    }

    /// Returns `true` if there is an error among the findings.
    pub fn has_errors(&self) -> bool {
        self.errors().next().is_some()
    }

    /// Returns the workspace, unless it has errors that concern everybody. Other errors block the entities, or the team, that
    /// they are about ([`Plan::blocked`](weir_planning::Plan)).
    ///
    /// # Errors
    /// If such an error is among the findings.
    pub fn accept(&self) -> Result<Accepted<'_>, Rejected> {
        if self.has_errors() {
            let causes = Causes::of(self);
            Rejected::check(self.errors().filter(|finding| causes.of_error(finding) == Cause::Everything).count())?;
        }
        // Files without a workspace have a finding that says so.
        let workspace = self.loaded.workspace.as_ref().ok_or(Rejected { errors: 1 })?;
        Ok(Accepted { checked: self, workspace })
    }

    /// Makes all fixes that are safe, in memory.
    pub fn fix(self) -> Fixed {
        let Self { loaded, whole, unread, stage, now, judge, .. } = self;
        weir_validation::fix(whole.unwrap_or(loaded), &unread, |loaded| match judge(loaded, stage.as_deref(), now) {
            Ok(judged) => judged.findings,
            // The stage was there before the fixes.
            Err(UnknownStage { .. }) => loaded.findings.clone(),
        })
    }
}

/// A workspace without errors that concern everybody.
#[derive(Clone, Copy, Debug)]
pub struct Accepted<'a> {
    pub(crate) checked: &'a Checked,
    pub(crate) workspace: &'a Workspace,
}

impl<'a> Accepted<'a> {
    /// The workspace's folder.
    pub fn dir(self) -> &'a Path {
        &self.checked.dir
    }

    /// The entities.
    pub fn workspace(self) -> &'a Workspace {
        self.workspace
    }

    /// Returns the state of the cluster that the files ask for in `stage`.
    ///
    /// # Errors
    /// If there is no such stage.
    pub fn desired(self, stage: &str) -> Result<Desired, UnknownStage> {
        Ok(desired(&self.workspace.stage(stage)?, self.checked.now))
    }

    /// Returns everything that plans from `observed` to `desired` must leave alone, since the files have errors about it.
    pub fn blocks(self, desired: &Desired, observed: &Observed) -> Blocks {
        let mut blocks = Blocks::default();
        if !self.checked.has_errors() {
            return blocks;
        }
        let causes = Causes::of(self.checked);
        let objects = Objects::of(desired);
        let mut requests = Requests::new(self, &desired.stage);
        let mut left = causes.left_alone(desired, observed);
        for finding in self.checked.errors() {
            let why = format!("{} [{}]", finding.message, finding.rule);
            match causes.of_error(finding) {
                Cause::Everything => {}
                Cause::Entities(entities) => {
                    for entity in excluded(finding, entities, &objects, observed) {
                        blocks.entity(&objects, &entity, &why);
                        let list = (entity.kind == Kind::AccessControlList)
                            .then(|| self.workspace.access_control_lists.get(&entity.name));
                        let Some(list) = list.flatten() else { continue };
                        let account = &list.spec.service_account;
                        match objects.account(account).and_then(|(_, there)| requests.about(finding, list, there)) {
                            Some(acls) => {
                                acls.iter().for_each(|acl| blocks.new_binding(&objects, account, acl, &why));
                            }
                            None => blocks.bindings(&objects, account, &why),
                        }
                    }
                }
                Cause::Teams(teams) => {
                    // A denial of another team may need a consent that cannot be read.
                    if let Some(list) = causes.referring(finding) {
                        let account = &list.spec.service_account;
                        let about = objects.account(account).map(|(_, there)| requests.about(finding, list, there));
                        if about == Some(None) {
                            blocks.bindings(&objects, account, &why);
                        }
                    }
                    for team in teams {
                        // The first error of a team blocks everything that the team has.
                        if let Some(left) = left.remove(&team) {
                            blocks.team(&team, left, &why);
                        }
                    }
                }
            }
        }
        blocks
    }

    /// Opens the cluster and the vaults of `stage`.
    ///
    /// # Errors
    /// If they cannot be reached.
    pub async fn open(self, stage: &str) -> Result<Live, OpenError> {
        open(self.dir(), self.workspace, stage).await
    }
}
