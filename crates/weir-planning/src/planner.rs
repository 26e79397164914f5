//! The pure planner: every choice is made here.

mod accounts;
mod assemble;
mod authority;
mod draft;
mod key_index;
mod keys;
mod left;
mod limits;
mod lockout;
mod order;
mod origin;
mod settings;
mod slot;
mod threshold;
mod topics;

use std::collections::BTreeSet;

use jiff::Timestamp;
use weir_findings::{Finding, Severity};
use weir_model::Route;

use self::draft::{Draft, workspace_route};
use crate::{Desired, Digest, Observed, Plan, Report, SecretRef, fingerprint};

/// The input of a plan beside the two states.
#[derive(Clone, Debug)]
pub struct PlanOptions {
    /// The time, for key rotation and the age of records.
    pub now: Timestamp,
    /// The git commit of the files, when known.
    pub commit: Option<String>,
}

/// A plan, or why there is none.
#[derive(Clone, Debug)]
#[must_use]
#[non_exhaustive]
pub struct Planned {
    /// The plan, with its report. If `findings` holds an error, it must not be deployed, and [`Planned::accept`] withholds it.
    pub plan: Plan,
    /// Changes that the cluster would refuse, that would lock weir out, or that cannot be done.
    pub findings: Vec<Finding<Route>>,
}

impl Planned {
    /// The plan, if it may be deployed.
    ///
    /// # Errors
    /// All findings, if one of them is an error.
    pub fn accept(self) -> Result<Plan, Vec<Finding<Route>>> {
        if self.findings.iter().any(|f| f.severity == Severity::Error) { Err(self.findings) } else { Ok(self.plan) }
    }
}

/// Returns the topics whose change or deletion may lose data: read their [`crate::TopicFacts`] before [`plan`].
pub fn facts_needed(desired: &Desired, observed: &Observed) -> BTreeSet<String> {
    topics::facts_needed(desired, observed)
}

/// Returns the secrets whose state must be read before [`plan`]: those of the declared slots, and those of slots that
/// are no longer declared but whose keys `observed` shows.
pub fn secrets_needed(desired: &Desired, observed: &Observed) -> BTreeSet<SecretRef> {
    keys::secrets_needed(desired, observed)
}

/// The steps from `observed` to `desired`, and a reason for everything left undone.
///
/// A cluster other than the expected one gets no steps at all, only the finding.
pub fn plan(desired: &Desired, observed: &Observed, options: &PlanOptions) -> Planned {
    let mut draft = Draft::new(desired, observed);
    let mut plan = Plan {
        format: Plan::FORMAT.to_owned(),
        workspace: desired.workspace.clone(),
        stage: desired.stage.clone(),
        cluster: desired.cluster.clone(),
        provider: desired.provider,
        cluster_id: observed.cluster.id.clone(),
        commit: options.commit.clone(),
        desired: Digest(String::new()),
        approval_required: desired.approval_required,
        beyond_threshold: None,
        authority: Vec::new(),
        steps: Vec::new(),
        access: Vec::new(),
        policies: None,
        digest: Digest(String::new()),
        report: Report::default(),
    };
    let steps = || {
        if let Some(expected) = desired.cluster_id.as_ref().filter(|id| **id != observed.cluster.id) {
            let message = format!(
                "stage `{}` expects the cluster `{expected}`, this one is `{}`",
                desired.stage, observed.cluster.id
            );
            draft.error("wrong-cluster", workspace_route(desired), message, "check the address and the credentials");
        } else {
            let mut of_accounts = Draft::new(desired, observed);
            let topics = || topics::plan(&mut draft, options.now);
            let ((), access) = rayon::join(topics, || accounts::plan(&mut of_accounts, options.now));
            plan.access = access;
            draft.append(of_accounts);
            limits::check(&mut draft);
            lockout::check(&mut draft);
            plan.beyond_threshold = threshold::check(&mut draft);
            plan.steps = assemble::assemble(&mut draft);
            plan.authority = authority::of(desired, observed, &plan.steps, options.now);
        }
    };
    let (digest_of_desired, ()) = rayon::join(|| fingerprint(desired), steps);
    plan.desired = digest_of_desired;
    let Draft { desired: _, observed: _, steps: _, mut findings, mut report } = draft;
    report.sort();
    report.dedup();
    plan.report = Report { items: report };
    findings.sort_by(|a, b| (&a.at, &a.rule, &a.message).cmp(&(&b.at, &b.rule, &b.message)));
    findings.dedup();
    plan.digest = plan.content_digest();
    Planned { plan, findings }
}
