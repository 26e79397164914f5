//! From what was read to findings, and to a workspace without errors.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use jiff::{Timestamp, tz::TimeZone};
use thiserror::Error;
use weir_adapters::{Live, OpenError, open};
use weir_findings::{FileId, Finding, Severity, count};
use weir_model::{Date, Loaded, UnknownStage, Workspace};
use weir_planning::{Desired, desired};
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
    /// Refuses findings with errors.
    pub(crate) fn check(findings: &[Finding]) -> Result<(), Self> {
        match findings.iter().filter(|finding| finding.severity == Severity::Error).count() {
            0 => Ok(()),
            errors => Err(Self { errors }),
        }
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
        Some(workspace) => {
            let today = Date(now.to_zoned(TimeZone::UTC).date());
            weir_validation::check(workspace, &loaded.malformed, stage, Some(today))?
        }
        None => Vec::new(),
    };
    let rules: BTreeSet<&str> = rule_pages().iter().map(|page| page.id).collect();
    let mut judged = weir_policy::judge(loaded, found, &Judging { now, stage, rules: &rules });
    weir_validation::settle(&mut judged.findings, &loaded.sources);
    Ok(judged)
}

impl Checked {
    /// Returns `true` if there is an error among the findings.
    pub fn has_errors(&self) -> bool {
        Rejected::check(&self.findings).is_err()
    }

    /// Returns the workspace, unless it has errors.
    ///
    /// # Errors
    /// If there is an error among the findings.
    pub fn accept(&self) -> Result<Accepted<'_>, Rejected> {
        Rejected::check(&self.findings)?;
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

/// A workspace without errors.
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

    /// Opens the cluster and the vaults of `stage`.
    ///
    /// # Errors
    /// If they cannot be reached.
    pub async fn open(self, stage: &str) -> Result<Live, OpenError> {
        open(self.dir(), self.workspace, stage).await
    }
}
