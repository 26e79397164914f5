//! The checks before anything is touched.

use std::collections::BTreeSet;

use thiserror::Error;
use weir_planning::{Digest, Plan, PlanError, Plane, Risk, Step, StepId};

use crate::Options;

/// The reason for which a plan is not carried out. Nothing was touched.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The plan differs from what the planner wrote.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Another plan was approved.
    #[error("the approved plan is {approved}, this one is {is}; have this one approved, or deploy the approved one")]
    OtherApproved {
        /// The approved digest.
        approved: Digest,
        /// The digest of the plan.
        is: Digest,
    },
    /// The stage's plans need approval.
    #[error("plans of stage `{stage}` need approval; review this one and pass its digest: --digest {digest}")]
    NotApproved {
        /// The stage.
        stage: String,
        /// The plan's digest.
        digest: Digest,
    },
    /// The plan changes more than the stage's threshold allows.
    #[error("{why}; if it is meant, pass --beyond-threshold and --digest {digest}")]
    BeyondThreshold {
        /// The planner's sentence.
        why: String,
        /// The plan's digest.
        digest: Digest,
    },
    /// The files do not ask for a step, or no longer.
    #[error(
        "the files do not ask for {}; plan again",
        if *count == 1 { format!("`{step}`") } else { format!("{count} of the steps, the first is `{step}`") }
    )]
    NotAskedFor {
        /// The first such step.
        step: StepId,
        /// The number of such steps.
        count: usize,
    },
    /// A step risks more than is allowed.
    #[error(
        "the allowed risk `{allowed}` is exceeded by {}, the first is `{step}` ({risk}); if it is meant, pass --max-risk {worst}",
        weir_findings::count(*count, "step")
    )]
    TooRisky {
        /// The first such step.
        step: StepId,
        /// Its risk.
        risk: Risk,
        /// The highest risk of the plan.
        worst: Risk,
        /// The highest allowed risk.
        allowed: Risk,
        /// The number of such steps.
        count: usize,
    },
    /// A receipt is of something else than this plan.
    #[error("the receipt is of {what} `{is}`, not of `{expected}`; pass the receipt of a run of this very plan")]
    OtherReceipt {
        /// Workspace, stage, cluster or plan.
        what: &'static str,
        /// Its name in the receipt.
        is: String,
        /// Its name in the plan.
        expected: String,
    },
    /// A receipt adds nothing that this run does not see itself.
    #[error(
        "the receipt is of a run {}; pass the receipt of a run on another plane",
        match planes.first() {
            None => "that was refused".to_owned(),
            Some(plane) => format!("on the {plane} plane, which this run reaches itself"),
        }
    )]
    SamePlane {
        /// The planes it is of.
        planes: BTreeSet<Plane>,
    },
    /// The cluster is another one than the plan was made for.
    #[error(
        "the plan was made for cluster `{expected}`, this is cluster `{is}`; check the address of `{name}` in weir.yaml"
    )]
    WrongCluster {
        /// The cluster's name in the workspace.
        name: String,
        /// The id in the plan.
        expected: String,
        /// The id that was observed.
        is: String,
    },
}

/// Every question that needs no network.
pub(crate) fn check(plan: &Plan, options: &Options) -> Result<(), Refusal> {
    plan.verify()?;
    if let Some(approved) = options.approved.as_ref().filter(|approved| **approved != plan.digest) {
        return Err(Refusal::OtherApproved { approved: approved.clone(), is: plan.digest.clone() });
    }
    // A plan without anything to do needs no consent.
    if plan.is_empty() {
        return Ok(());
    }
    let asked = options.wanted.as_ref().is_some_and(|wanted| wanted.approval_required);
    if (plan.approval_required || asked) && options.approved.is_none() {
        return Err(Refusal::NotApproved { stage: plan.stage.clone(), digest: plan.digest.clone() });
    }
    if let Some(why) = &plan.beyond_threshold
        && !(options.beyond_threshold && options.approved.is_some())
    {
        // A sentence in the plan, a part of one here.
        let mut why = why.trim_end_matches('.').to_owned();
        if let Some(first) = why.get_mut(..1) {
            first.make_ascii_lowercase();
        }
        return Err(Refusal::BeyondThreshold { why, digest: plan.digest.clone() });
    }
    if let Some(wanted) = &options.wanted {
        let mut strange = plan.steps.iter().filter(|step| !wanted.asks_for(&step.change));
        if let Some(first) = strange.next() {
            return Err(Refusal::NotAskedFor { step: first.id.clone(), count: 1 + strange.count() });
        }
    }
    // The risk that a step claims does not make it harmless.
    let risk_of = |step: &Step| step.risk.max(step.change.about().least_risk);
    let mut risky = plan.steps.iter().filter(|step| risk_of(step) > options.max_risk);
    if let Some(first) = risky.next() {
        let worst = plan.steps.iter().map(risk_of).max().unwrap_or(first.risk);
        let (step, risk) = (first.id.clone(), risk_of(first));
        return Err(Refusal::TooRisky { step, risk, worst, allowed: options.max_risk, count: 1 + risky.count() });
    }
    Ok(())
}
