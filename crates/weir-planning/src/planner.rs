//! The pure planner: every choice is made here.

mod accounts;
mod assemble;
pub(crate) mod authority;
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
pub(crate) mod threshold;
mod topics;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use weir_findings::{Finding, Severity};
use weir_model::Route;

use self::draft::{Draft, workspace_route};
use crate::{
    Blocks, Desired, Digest, Observed, ObservedSecret, Plan, Provider, Report, SecretRef, blocks::blocks_only,
    fingerprint,
};

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
    /// The plan, with its report. If one of `findings` stops the whole plan, it must not be deployed, and
    /// [`Planned::accept`] withholds it.
    pub plan: Plan,
    /// Changes that the cluster would refuse, that would lock weir out, or that cannot be done.
    pub findings: Vec<Finding<Route>>,
    /// Everything that the plan leaves alone: [`Plan::blocked`], to be compared with steps.
    pub blocks: Blocks,
}

impl Planned {
    /// Returns the errors that concern the plan as a whole. Other errors concern one entity, which the plan leaves alone
    /// ([`Plan::blocked`]).
    pub fn stops(&self) -> impl Iterator<Item = &Finding<Route>> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error && !blocks_only(finding))
    }

    /// The plan, if it may be deployed.
    ///
    /// # Errors
    /// All findings, if one of them stops the plan as a whole.
    pub fn accept(self) -> Result<Plan, Vec<Finding<Route>>> {
        if self.stops().next().is_some() { Err(self.findings) } else { Ok(self.plan) }
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

/// Returns the vaults that may hold secrets that weir left: those of all service accounts, even of accounts without keys.
/// List their secrets, as far as the vaults allow it, and hand the lists to [`add_listed`].
pub fn vaults_to_list<'a>(desired: &'a Desired, observed: &'a Observed) -> BTreeSet<&'a str> {
    left::vaults_to_list(desired, observed)
}

/// Adds the secrets of a vault's list that weir wrote for the stage, or for a stage that `weir.yaml` no longer has. All
/// others are ignored.
pub fn add_listed(desired: &Desired, observed: &mut Observed, listed: impl IntoIterator<Item = ObservedSecret>) {
    for secret in listed {
        left::add_listed(desired, observed, secret);
    }
}

/// The steps from `observed` to `desired`, and a reason for everything left undone.
///
/// A cluster other than the expected one gets no steps at all, only the finding.
pub fn plan(desired: &Desired, observed: &Observed, options: &PlanOptions) -> Planned {
    plan_around(desired, observed, options, Blocks::default())
}

/// The steps from `observed` to `desired`, as [`plan`], but for the objects that `blocks` names and for everything that
/// comes after them.
pub fn plan_around(desired: &Desired, observed: &Observed, options: &PlanOptions, blocks: Blocks) -> Planned {
    let mut draft = Draft::new(desired, observed);
    draft.blocks = blocks;
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
        blocked: Vec::new(),
        accounts: match desired.provider {
            Provider::ConfluentCloud => {
                observed.accounts.iter().map(|(name, account)| (name.clone(), account.id.clone())).collect()
            }
            // Their brokers know accounts by name.
            Provider::ApacheKafka | Provider::Sandbox => BTreeMap::new(),
        },
        digest: Digest(String::new()),
        report: Report::default(),
        signature: None,
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
            rayon::join(topics, || accounts::plan(&mut of_accounts, options.now));
            draft.append(of_accounts);
            draft.steps = assemble::assemble(&mut draft);
            let Draft { blocks, report, .. } = &mut draft;
            report.retain(|item| !blocks.silences(desired, item));
            draft.keep_out();
            limits::check(&mut draft);
            draft.keep_out();
            lockout::check(&mut draft);
            plan.beyond_threshold = threshold::check(&mut draft);
            plan.steps = std::mem::take(&mut draft.steps);
            plan.access = accounts::access_of(observed, &plan.steps);
            plan.authority = authority::of(desired, observed, &plan.steps, options.now);
        }
    };
    let (digest_of_desired, ()) = rayon::join(|| fingerprint(desired), steps);
    plan.desired = digest_of_desired;
    let Draft { desired: _, observed: _, steps: _, mut findings, mut report, blocks } = draft;
    plan.blocked = blocks.list();
    report.sort();
    report.dedup();
    plan.report = Report { items: report };
    findings.sort_by(|a, b| (&a.at, &a.rule, &a.message).cmp(&(&b.at, &b.rule, &b.message)));
    findings.dedup();
    plan.digest = plan.content_digest();
    Planned { plan, findings, blocks }
}
