//! Changes made by hand, apart from changes that git asks for.

use jiff::Timestamp;
use thiserror::Error;
use weir_model::UnknownStage;
use weir_planning::{
    AuthorityItem, Desired, Drift, Observed, Plan, PlanOptions, desired, moved, moved_from_nothing, plan,
};

use crate::{Accepted, ReadError, read_at};

/// The reason why a git revision gives no desired state.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RevisionError {
    /// Git does not have it.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The files have findings.
    #[error("the workspace of `{0}` cannot be read")]
    Findings(String),
    /// The stage was not there.
    #[error(transparent)]
    Stage(#[from] UnknownStage),
}

impl Accepted<'_> {
    /// Returns all differences in authority in `stage` between the git revision `revision` and the files: items for the
    /// head of a plan.
    ///
    /// # Errors
    /// If git does not have the revision, or the files do not have the stage.
    pub fn moved_since(self, stage: &str, revision: &str) -> Result<Vec<AuthorityItem>, RevisionError> {
        let after = self.workspace.stage(stage)?;
        // Forges write zeros for the revision before the first.
        if revision.bytes().all(|byte| byte == b'0') {
            return Ok(vec![moved_from_nothing(&after, revision)]);
        }
        // What could not be read then is new now: the head shows too much rather than too little.
        let before = read_at(self.dir(), revision)?.workspace;
        Ok(match before.as_ref().and_then(|before| before.stage(stage).ok()) {
            Some(before) => moved(&before, &after),
            None => vec![moved_from_nothing(&after, revision)],
        })
    }

    /// Returns the state of the cluster that the files asked for in the git revision `revision`.
    ///
    /// # Errors
    /// If git does not have the revision, or its files cannot be read or do not have the stage.
    pub fn desired_at(self, stage: &str, revision: &str) -> Result<Desired, RevisionError> {
        let loaded = read_at(self.dir(), revision)?;
        let workspace = loaded.workspace.filter(|_| loaded.findings.is_empty());
        let workspace = workspace.ok_or_else(|| RevisionError::Findings(revision.to_owned()))?;
        Ok(desired(&workspace.stage(stage)?, self.checked.now))
    }
}

/// Returns the differences between files and cluster with their causes: changes by hand are those from `deployed`,
/// which is what was deployed last, to `observed`, which is what the cluster holds of it.
pub fn drift_since(plan_now: &Plan, deployed: &Desired, observed: &Observed, now: Timestamp) -> Drift {
    let at = |now| plan(deployed, observed, &PlanOptions { now, commit: None }).plan;
    Drift::since(plan_now, &at(now), &at(Timestamp::UNIX_EPOCH))
}
