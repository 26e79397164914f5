//! Changes made by hand, apart from changes that git asks for.

use std::collections::BTreeSet;

use jiff::Timestamp;
use thiserror::Error;
use weir_model::UnknownStage;
use weir_planning::{
    AuthorityItem, Blocked, Desired, Drift, Observed, Plan, PlanOptions, moved, moved_from_nothing, plan_around,
};

use crate::{Accepted, Checked, ReadError, read_at};

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
        let before = self.checked_at(stage, revision)?.ok();
        let before = before.as_ref().and_then(|before| before.accept().ok()?.workspace.stage(stage).ok());
        Ok(match before {
            Some(before) => moved(&before, &after),
            None => vec![moved_from_nothing(&after, revision)],
        })
    }

    /// Returns the files of the git revision `revision`, which were deployed last. Errors in files of a team block the team
    /// there, as they do in the present files.
    ///
    /// # Errors
    /// If git does not have the revision, or its files have errors that concern everybody or do not have the stage.
    pub fn deployed_at(self, stage: &str, revision: &str) -> Result<Deployed, RevisionError> {
        let checked = self.checked_at(stage, revision)??;
        let desired = checked.accept().map_err(|_| RevisionError::Findings(revision.to_owned()))?.desired(stage)?;
        Ok(Deployed { revision: revision.to_owned(), checked, desired })
    }

    /// Checks the files of a git revision like the present ones, apart from policies.
    fn checked_at(self, stage: &str, revision: &str) -> Result<Result<Checked, UnknownStage>, ReadError> {
        Ok(read_at(self.dir(), revision)?.check_without_policies(stage, self.checked.now))
    }
}

/// The files that were deployed last.
#[derive(Debug)]
pub struct Deployed {
    revision: String,
    checked: Checked,
    desired: Desired,
}

impl Deployed {
    /// The state of the cluster that the files asked for.
    pub fn desired(&self) -> &Desired {
        &self.desired
    }

    /// Returns the differences between files and cluster with their causes, from the plan of the present files: changes by
    /// hand are those from the files that were deployed last to `observed`, which is what the cluster holds of them.
    ///
    /// Objects of a team whose files had errors then are blocked: nobody knows whether they were changed by hand.
    pub fn drift(&self, plan_now: &Plan, observed: &Observed, now: Timestamp) -> Drift {
        let blocks = self.checked.accept().map(|files| files.blocks(&self.desired, observed)).unwrap_or_default();
        let then: Vec<Blocked> = blocks.list();
        let at = |now| plan_around(&self.desired, observed, &PlanOptions { now, commit: None }, blocks.clone()).plan;
        let mut drift = Drift::since(plan_now, &at(now), &at(Timestamp::UNIX_EPOCH));
        let known: BTreeSet<(Option<String>, String)> =
            drift.blocked.iter().map(|blocked| (blocked.team.clone(), blocked.object.clone())).collect();
        let only_then = then.into_iter().filter(|there| !known.contains(&(there.team.clone(), there.object.clone())));
        let revision = &self.revision;
        drift.blocked.extend(
            only_then.map(|there| Blocked { why: format!("in the files of {revision}: {}", there.why), ..there }),
        );
        drift
    }
}
