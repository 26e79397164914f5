use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use weir_model::EntityRef;
use weir_planning::{Blocked, Change, Digest, Plan, Plane, SecretRef, Signature, Step, StepId, Verb, fingerprint};

/// A report of what a deployment really did. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Receipt {
    /// [`Receipt::FORMAT`].
    pub format: String,
    /// The workspace's name.
    pub workspace: String,
    /// The stage's name.
    pub stage: String,
    /// The cluster's name in the workspace.
    pub cluster: String,
    /// The id of the cluster, as observed; absent when it was not asked.
    pub cluster_id: Option<String>,
    /// The git commit of the files, when known.
    pub commit: Option<String>,
    /// Digest of the plan.
    pub plan: Digest,
    /// The planes that the run reached.
    #[serde(default)]
    pub planes: BTreeSet<Plane>,
    /// Time of the run's beginning.
    #[schemars(with = "String")]
    pub started: Timestamp,
    /// Time of its end.
    #[schemars(with = "String")]
    pub finished: Timestamp,
    /// `true` if the journal shows an earlier run of the same plan.
    pub resumed: bool,
    /// The outcome.
    pub outcome: Outcome,
    /// The reason for which nothing was done (`refused`), or nothing further was started, of all teams or of the teams of
    /// stale steps; a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Numbers of steps by outcome.
    pub counts: Counts,
    /// The cluster's own ids of the accounts that the plan names, by physical name: for the run on the other plane.
    /// Empty when the run reached all planes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub accounts: BTreeMap<String, String>,
    /// The objects in trouble, which the plan or this run left alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked: Vec<Blocked>,
    /// Every step of the plan, in its order.
    pub steps: Vec<StepReceipt>,
    /// The signature of [`Receipt::signed_message`]; absent in a receipt that nobody signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
}

/// The outcome of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Outcome {
    /// Every step is done and was seen to be.
    Complete,
    /// Every step was done before, or there is none.
    NothingToDo,
    /// All that could be done on these planes is; the rest waits for another plane.
    OtherPlane,
    /// The cluster, a vault or the files are no longer as the plan knows them; nothing further was started for the teams
    /// of the stale steps. Steps of other teams went on.
    Stale,
    /// Something was done and something was not.
    Partial,
    /// Something failed before anything was done.
    Failed,
    /// All steps are done, but for those about objects in trouble.
    Blocked,
    /// The plan may not be carried out; nothing was touched.
    Refused,
}

weir_findings::words!(Outcome {
    Complete => "complete",
    NothingToDo => "nothing-to-do",
    OtherPlane => "other-plane",
    Stale => "stale",
    Partial => "partial",
    Failed => "failed",
    Blocked => "blocked",
    Refused => "refused",
});

impl Outcome {
    /// Returns the verdict, from which programs take their exit code.
    pub fn verdict(self) -> Verdict {
        match self {
            Outcome::Complete | Outcome::NothingToDo | Outcome::OtherPlane => Verdict::Fine,
            Outcome::Stale => Verdict::Stale,
            Outcome::Partial => Verdict::PartlyDeployed,
            Outcome::Failed => Verdict::RemoteFailed,
            Outcome::Blocked => Verdict::Blocked,
            Outcome::Refused => Verdict::Refused,
        }
    }
}

/// The endings that a pipeline distinguishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Done, or nothing to do.
    Fine,
    /// The plan may not be carried out.
    Refused,
    /// The plan, or the part of a team, is stale: plan again.
    Stale,
    /// Partly deployed: run again.
    PartlyDeployed,
    /// A remote side, or the journal's disk, failed before anything was done.
    RemoteFailed,
    /// Everything is done but for objects in trouble: plan again when they are well.
    Blocked,
}

/// Numbers of steps by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Counts {
    /// Created.
    pub created: usize,
    /// Changed.
    pub updated: usize,
    /// Deleted.
    pub deleted: usize,
    /// Done before.
    pub already: usize,
    /// Failed.
    pub failed: usize,
    /// Neither as planned nor done.
    pub stale: usize,
    /// Not started.
    pub skipped: usize,
    /// Done, but not seen.
    pub unconfirmed: usize,
    /// Waiting for another plane.
    pub other_plane: usize,
    /// Left alone, since the object is in trouble.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub blocked: usize,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Counts {
    pub(crate) fn of(steps: &[StepReceipt]) -> Self {
        let mut counts = Self::default();
        for step in steps {
            *match step.outcome {
                StepOutcome::Created => &mut counts.created,
                StepOutcome::Updated => &mut counts.updated,
                StepOutcome::Deleted => &mut counts.deleted,
                StepOutcome::Already => &mut counts.already,
                StepOutcome::Failed => &mut counts.failed,
                StepOutcome::Stale => &mut counts.stale,
                StepOutcome::Skipped => &mut counts.skipped,
                StepOutcome::Unconfirmed => &mut counts.unconfirmed,
                StepOutcome::OtherPlane => &mut counts.other_plane,
                StepOutcome::Blocked => &mut counts.blocked,
            } += 1;
        }
        counts
    }

    /// Steps that this run carried out.
    pub fn changed(&self) -> usize {
        self.created + self.updated + self.deleted
    }

    /// `blocked`: the plan leaves an object alone that is in trouble.
    pub(crate) fn outcome(&self, blocked: bool) -> Outcome {
        let undone = self.failed + self.skipped + self.unconfirmed;
        if self.stale > 0 {
            Outcome::Stale
        } else if undone > 0 && self.changed() + self.unconfirmed > 0 {
            Outcome::Partial
        } else if undone > 0 {
            Outcome::Failed
        } else if self.blocked > 0 || blocked {
            Outcome::Blocked
        } else if self.other_plane > 0 {
            Outcome::OtherPlane
        } else if self.changed() > 0 {
            Outcome::Complete
        } else {
            Outcome::NothingToDo
        }
    }
}

/// The outcome of a step, with what it changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct StepReceipt {
    /// The step.
    pub id: StepId,
    /// The entity that asks for it; absent for a pruned object.
    pub entity: Option<EntityRef>,
    /// The team that owns it.
    pub team: Option<String>,
    /// The change, from and to, as the plan has it.
    pub change: Change,
    /// The meaning of the change, in the plan's sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub meaning: Vec<String>,
    /// The outcome.
    pub outcome: StepOutcome,
    /// `true` if the run saw the object as the step leaves it.
    pub verified: bool,
    /// `true` if the journal shows that an earlier run of the same plan had started it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub earlier_run: bool,
    /// The id of the API key that was created or deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The secret that the key is stored in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretRef>,
    /// `true` if the new key was seen to log in; absent when the run did not wait for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<bool>,
    /// The reason, where there is one; a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl StepReceipt {
    pub(crate) fn new(step: &Step, outcome: StepOutcome) -> Self {
        Self {
            id: step.id.clone(),
            entity: step.entity.clone(),
            team: step.team.clone(),
            change: step.change.clone(),
            meaning: step.meaning.clone(),
            outcome,
            verified: outcome.is_done(),
            earlier_run: false,
            key: None,
            secret: None,
            ready: None,
            detail: None,
        }
    }

    pub(crate) fn because(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

/// The outcome of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum StepOutcome {
    /// Its object was created, and seen.
    Created,
    /// Its object was changed, and seen so.
    Updated,
    /// Its object was deleted, and seen to be gone.
    Deleted,
    /// Its object was as wanted before.
    Already,
    /// It was tried and not done.
    Failed,
    /// Its object is neither as planned nor as wanted, or the plan of its team differs from the plan made again; nothing
    /// was done.
    Stale,
    /// It was not started, since something before it was not done.
    Skipped,
    /// It was done, as the system says, but not seen within the deadline.
    Unconfirmed,
    /// The step, or one that it depends on, belongs to a plane that this run does not reach.
    OtherPlane,
    /// Its object, or one that it depends on, is in trouble; nothing was done.
    Blocked,
}

weir_findings::words!(StepOutcome {
    Created => "created",
    Updated => "updated",
    Deleted => "deleted",
    Already => "already",
    Failed => "failed",
    Stale => "stale",
    Skipped => "skipped",
    Unconfirmed => "unconfirmed",
    OtherPlane => "other-plane",
    Blocked => "blocked",
});

impl StepOutcome {
    /// Returns the outcome of `change` when all is well.
    pub(crate) fn of(change: &Change) -> Self {
        match change.about().verb {
            Verb::Create => StepOutcome::Created,
            Verb::Update => StepOutcome::Updated,
            Verb::Delete => StepOutcome::Deleted,
        }
    }

    /// Returns `true` if the step's object is as the step leaves it.
    pub fn is_done(self) -> bool {
        matches!(self, StepOutcome::Created | StepOutcome::Updated | StepOutcome::Deleted | StepOutcome::Already)
    }

    /// Returns `true` if something went wrong with the step, or before it.
    pub(crate) fn is_undone(self) -> bool {
        match self {
            StepOutcome::Failed | StepOutcome::Stale | StepOutcome::Skipped | StepOutcome::Unconfirmed => true,
            // A blocked object holds back only the steps that come after it.
            StepOutcome::Created
            | StepOutcome::Updated
            | StepOutcome::Deleted
            | StepOutcome::Already
            | StepOutcome::OtherPlane
            | StepOutcome::Blocked => false,
        }
    }

    /// Returns `true` if the step waits for another plane.
    pub(crate) fn is_elsewhere(self) -> bool {
        self == StepOutcome::OtherPlane
    }
}

/// A receipt file that cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// Not a receipt.
    #[error("not a receipt")]
    Syntax(#[source] serde_json::Error),
    /// Written by another version of weir.
    #[error("the receipt's format is `{0}`, this version reads `{known}`", known = Receipt::FORMAT)]
    Format(String),
}

impl Receipt {
    /// The format this version reads and writes.
    pub const FORMAT: &'static str = "weir.receipt/v1";

    pub(crate) fn new(plan: &Plan, started: Timestamp) -> Self {
        Self {
            format: Self::FORMAT.to_owned(),
            workspace: plan.workspace.clone(),
            stage: plan.stage.clone(),
            cluster: plan.cluster.clone(),
            cluster_id: None,
            commit: plan.commit.clone(),
            plan: plan.digest.clone(),
            planes: BTreeSet::new(),
            started,
            finished: started,
            resumed: false,
            outcome: Outcome::NothingToDo,
            reason: None,
            counts: Counts::default(),
            accounts: BTreeMap::new(),
            blocked: plan.blocked.clone(),
            steps: Vec::new(),
            signature: None,
        }
    }

    /// The receipt of a plan that was refused for `reason`, so that every run leaves one.
    pub fn refused(plan: &Plan, reason: impl Into<String>, now: Timestamp) -> Self {
        let steps: Vec<_> = plan.steps.iter().map(|step| StepReceipt::new(step, StepOutcome::Skipped)).collect();
        let (counts, reason) = (Counts::of(&steps), Some(reason.into()));
        Self { outcome: Outcome::Refused, reason, counts, steps, ..Self::new(plan, now) }
    }

    /// Reads a receipt file.
    ///
    /// # Errors
    /// If it is no receipt, or of another version.
    pub fn from_json(text: &str) -> Result<Self, ReceiptError> {
        #[derive(Deserialize)]
        struct Head {
            format: String,
        }
        // The format first: another version's fields would only be called unknown.
        let Head { format } = serde_json::from_str(text).map_err(ReceiptError::Syntax)?;
        if format != Self::FORMAT {
            return Err(ReceiptError::Format(format));
        }
        serde_json::from_str(text).map_err(ReceiptError::Syntax)
    }

    /// The JSON as written to files: indented, with a newline at its end.
    pub fn to_json(&self) -> String {
        #[expect(clippy::expect_used, reason = "the receipt's keys are strings")]
        let mut text = serde_json::to_string_pretty(self).expect("a receipt has a JSON form");
        text.push('\n');
        text
    }

    /// Returns the message that a signature of the receipt signs: format and the digest of everything but the signature, a
    /// line each.
    pub fn signed_message(&self) -> String {
        let unsigned = Self { signature: None, ..self.clone() };
        format!("{}\n{}\n", Self::FORMAT, fingerprint(&unsigned))
    }

    /// Returns the verdict, from which programs take their exit code.
    pub fn verdict(&self) -> Verdict {
        self.outcome.verdict()
    }

    /// The JSON Schema of a receipt.
    pub fn schema() -> Schema {
        schemars::schema_for!(Receipt)
    }
}
