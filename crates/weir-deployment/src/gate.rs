//! The checks before anything is touched.

use std::collections::BTreeSet;

use thiserror::Error;
use weir_findings::clause;
use weir_planning::{Again, Digest, Doubt, Plan, PlanError, Plane, Risk, Step, StepId};

use crate::{Options, Wanted, elsewhere::Elsewhere};

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
    /// The plan differs from the plan made again, from the files at hand and the live state.
    #[error(
        "{}{}; plan again",
        doubts.first().map(ToString::to_string).unwrap_or_default(),
        match doubts.len() {
            0 | 1 => String::new(),
            2 => ", and one thing more is not as the files say".to_owned(),
            more => format!(", and {} things more are not as the files say", more - 1),
        }
    )]
    Doubtful {
        /// All reasons.
        doubts: Vec<Doubt>,
    },
    /// The plan made again has errors that concern it as a whole.
    #[error(
        "the files or the cluster do not allow any plan now: {first}{}; plan again",
        if *count > 1 { format!(", and {} more", weir_findings::count(count - 1, "error")) } else { String::new() }
    )]
    Stopped {
        /// The first error.
        first: String,
        /// The number of errors.
        count: usize,
    },
    /// A receipt names another account than the approved plan.
    #[error(
        "a receipt says that `{account}` is `{says}`, {}; pass the receipt that weir wrote, unchanged",
        match is {
            Owner::Is(id) => format!("the plan says `{id}`"),
            Owner::Other(name) => format!("which is the account `{name}`, as the plan says"),
            Owner::Unasked => "which the plan neither creates nor names".to_owned(),
        }
    )]
    OtherAccount {
        /// The account.
        account: String,
        /// Its id in the receipt.
        says: String,
        /// The plan's word.
        is: Owner,
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

/// The word of a plan on the id of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The account has this id.
    Is(String),
    /// The id is that of another account.
    Other(String),
    /// The plan does not create the account, and did not observe it.
    Unasked,
}

/// Answers every question about a plan that needs no network: its digest, its approval, its claims about itself, the
/// receipts of other runs.
///
/// # Errors
/// If the plan may not be carried out.
pub fn check(plan: &Plan, options: &Options) -> Result<(), Refusal> {
    plan.verify()?;
    if let Some(approved) = options.approved.as_ref().filter(|approved| **approved != plan.digest) {
        return Err(Refusal::OtherApproved { approved: approved.clone(), is: plan.digest.clone() });
    }
    claims(plan, options)?;
    Elsewhere::new(plan, options).map(|_| ())
}

/// Compares the plan with the plan made again, if there is one.
pub(crate) fn again(plan: &Plan, options: &Options) -> Result<Option<Again>, Refusal> {
    let Some(Wanted { desired, observed, planned }) = &options.wanted else { return Ok(None) };
    let again = plan.again(planned, desired, observed, &options.planes);
    let again = again.map_err(|doubts| Refusal::Doubtful { doubts })?;
    claims(&again.plan, options)?;
    Ok(Some(again))
}

/// Checks that the approval covers the claims of a plan about itself.
fn claims(plan: &Plan, options: &Options) -> Result<(), Refusal> {
    // A plan without anything to do needs no consent.
    if plan.is_empty() {
        return Ok(());
    }
    if plan.approval_required && options.approved.is_none() {
        return Err(Refusal::NotApproved { stage: plan.stage.clone(), digest: plan.digest.clone() });
    }
    if let Some(why) = &plan.beyond_threshold
        && !(options.beyond_threshold && options.approved.is_some())
    {
        return Err(Refusal::BeyondThreshold { why: clause(why), digest: plan.digest.clone() });
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
