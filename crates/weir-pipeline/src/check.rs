//! From what was read to findings, and to a workspace without errors.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use thiserror::Error;
use weir_adapters::{Live, OpenError, open};
use weir_findings::{FileId, Finding, Severity, count};
use weir_model::{Date, EntityRef, Kind, Loaded, Origin, UnknownStage, Workspace};
use weir_planning::{Blocks, Desired, desired};
use weir_policy::{Judged, Judging};
use weir_validation::Fixed;

use crate::{ReadWorkspace, rule_pages};

/// A workspace that was read and checked.
#[derive(Debug)]
#[must_use]
#[non_exhaustive]
pub struct Checked {
    /// The folder.
    pub dir: PathBuf,
    /// The files and entities.
    pub loaded: Loaded,
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
}

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
        let Self { dir, loaded, unread, .. } = self;
        let Judged { findings, waived } = judge(&loaded, stage, now)?;
        Ok(Checked { dir, loaded, findings, waived, unread, stage: stage.map(str::to_owned), now })
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
    /// Returns the errors among the findings.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error)
    }

    /// Returns `true` if there is an error among the findings.
    pub fn has_errors(&self) -> bool {
        self.errors().next().is_some()
    }

    /// Returns the workspace, unless it has errors that concern more than one entity. Other errors block their entity
    /// ([`Plan::blocked`](weir_planning::Plan)).
    ///
    /// # Errors
    /// If such an error is among the findings.
    pub fn accept(&self) -> Result<Accepted<'_>, Rejected> {
        Rejected::check(self.errors().filter(|finding| blocked_by(&self.loaded, finding).is_none()).count())?;
        // Files without a workspace have a finding that says so.
        let workspace = self.loaded.workspace.as_ref().ok_or(Rejected { errors: 1 })?;
        Ok(Accepted { checked: self, workspace })
    }

    /// Makes all fixes that are safe, in memory.
    pub fn fix(self) -> Fixed {
        let Self { loaded, unread, stage, now, .. } = self;
        weir_validation::fix(loaded, &unread, |loaded| match judge(loaded, stage.as_deref(), now) {
            Ok(judged) => judged.findings,
            // The stage was there before the fixes.
            Err(UnknownStage { .. }) => loaded.findings.clone(),
        })
    }
}

/// A workspace without errors that concern more than one entity.
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

    /// Returns everything that plans of `desired` must leave alone, since the files have errors about it.
    pub fn blocks(self, desired: &Desired) -> Blocks {
        let mut blocks = Blocks::default();
        for finding in self.checked.errors() {
            let Some(entity) = blocked_by(&self.checked.loaded, finding) else { continue };
            let why = format!("{} [{}]", finding.message, finding.rule);
            blocks.entity(desired, &entity, &why);
            if let Some(list) = self.workspace.access_control_lists.get(&entity.name).filter(|_| is_list(&entity)) {
                blocks.bindings(desired, &list.spec.service_account, &why);
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

/// The rules whose errors concern more than the entity at their place: two entities that exclude each other, or a claim on
/// something of another team. They stop every plan.
const STOPPING: &[&str] = &[
    "account-owner",
    "name-collision",
    "name-space",
    "ownership",
    "path-authority",
    "secret-name-collision",
    "stage-overlap",
];

/// Returns the one entity that an error is about; `None` for an error that stops every plan: about form, about the
/// workspace, its teams and policies, or about several entities.
fn blocked_by(loaded: &Loaded, finding: &Finding) -> Option<EntityRef> {
    let rule = finding.rule.as_str();
    if STOPPING.contains(&rule) || weir_model::rule_pages().iter().any(|page| page.id == rule) {
        return None;
    }
    // A comment for weir may stand in front of the first document.
    let document = loaded.document_at(finding.at.file, finding.at.start).unwrap_or_default();
    let origin = Origin { file: finding.at.file, document };
    let workspace = loaded.workspace.as_ref()?;
    let mut entities = workspace.entities().filter(|entity| entity.kind.is_planned());
    entities.find(|entity| workspace.origin(entity) == Some(origin))
}

fn is_list(entity: &EntityRef) -> bool {
    entity.kind == Kind::AccessControlList
}
