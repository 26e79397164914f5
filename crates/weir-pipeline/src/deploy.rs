//! From a plan to a receipt.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use thiserror::Error;
use weir_adapters::{Live, OpenError, Reach, observe_planes, open_planes};
use weir_deployment::{DeployError, Journal, Options, Pauses, Ports, Progress, Receipt, Refusal, Wanted};
use weir_findings::{Finding, Severity};
use weir_model::{Route, UnknownStage, Workspace};
use weir_planning::{About, Blocked, Desired, Object, ObservedAccount, Plan, Plane, Provider, Verb};
use weir_policy::{judge_plan, plan_policies, policies_in};
use weir_ports::Clock;

use crate::{Accepted, plan::Made};

/// A plan that may be deployed from here.
#[derive(Debug)]
#[must_use]
#[non_exhaustive]
pub struct Admitted<'a> {
    /// The findings of policies over plans. A step that breaks a policy is left alone.
    pub findings: Vec<Finding<Route>>,
    accepted: Accepted<'a>,
    desired: Desired,
    plan: &'a Plan,
    options: Options,
    reach: Reach,
}

/// The reason why a plan must not be deployed from here.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Refused {
    /// The plan was made for another workspace.
    #[error("the plan is of workspace `{plan}`, this is workspace `{here}`")]
    OtherWorkspace {
        /// The workspace of the plan.
        plan: String,
        /// The workspace at hand.
        here: String,
    },
    /// The stage has moved to another cluster.
    #[error("the plan is for cluster `{plan}`, stage `{stage}` is now on `{here}`; plan again")]
    OtherCluster {
        /// The cluster of the plan.
        plan: String,
        /// The stage.
        stage: String,
        /// The stage's cluster.
        here: String,
    },
    /// The workspace does not have the plan's stage.
    #[error("the plan is of stage `{0}`, which weir.yaml does not have")]
    NoStage(String),
    /// The plan itself, its approval, or the receipt of another run says no.
    #[error(transparent)]
    Plan(#[from] Refusal),
    /// The stage asks for signatures, and one is missing or wrong.
    #[error("stage `{stage}` deploys only what a key in its list `signedBy` signed: {why}")]
    Unsigned {
        /// The stage.
        stage: String,
        /// A sentence about the plan, or about a receipt.
        why: String,
    },
    /// Only brokers are reached, which know a service account by an id that the plan holds, and nobody approved the plan.
    #[error(
        "the brokers know service accounts by ids that only the plan and receipts hold, and nobody vouches for this plan"
    )]
    UnapprovedIds,
    /// Policies over plans were changed after the plan was made.
    #[error("the policies of the workspace have changed since the plan was made")]
    OtherPolicies,
    /// The plan breaks policies.
    #[error("{}", broken(findings))]
    BreaksPolicies {
        /// The findings of policies over plans.
        findings: Vec<Finding<Route>>,
    },
    /// Only brokers are reached, which know a service account by an id that no receipt holds.
    #[error("the brokers know `{account}` by an id that no receipt holds")]
    UnknownAccount {
        /// The service account.
        account: String,
        /// The findings of policies over plans.
        findings: Vec<Finding<Route>>,
    },
}

impl Refused {
    /// Returns the findings of policies over plans, as far as they were asked.
    pub fn findings(&self) -> &[Finding<Route>] {
        match self {
            Self::BreaksPolicies { findings } | Self::UnknownAccount { findings, .. } => findings,
            _ => &[],
        }
    }

    /// Returns the findings that are errors.
    pub fn errors(&self) -> impl Iterator<Item = &Finding<Route>> {
        errors(self.findings())
    }
}

fn errors(findings: &[Finding<Route>]) -> impl Iterator<Item = &Finding<Route>> {
    findings.iter().filter(|finding| finding.severity == Severity::Error)
}

fn broken(findings: &[Finding<Route>]) -> String {
    let each: Vec<String> =
        errors(findings).map(|finding| format!("`{}`: {}", finding.rule, finding.message)).collect();
    match each.as_slice() {
        [one] => format!("the plan breaks the policy {one}"),
        several => format!("the plan breaks policies: {}", several.join("; ")),
    }
}

impl<'a> Accepted<'a> {
    /// Checks that `plan` may be deployed now with these files.
    ///
    /// The plan must be of this workspace and its stage's cluster, signed if the stage asks for it, and made under the
    /// policies that the workspace has. If
    /// only brokers of Confluent Cloud are reached, the ids of service accounts must be in the plan, or in receipts of
    /// earlier runs ([`Options::after`]), and the plan must be approved by its digest or signed.
    ///
    /// # Errors
    /// If the plan must not be deployed from here.
    pub fn admit(self, plan: &'a Plan, options: Options) -> Result<Admitted<'a>, Refused> {
        belongs(plan, self.workspace)?;
        if let Some(why) = self.unsigned(plan, &options.after) {
            return Err(Refused::Unsigned { stage: plan.stage.clone(), why });
        }
        weir_deployment::check(plan, &options)?;
        let findings = self.keeps_policies(plan)?;
        if needs_ids(plan, &options.planes) && options.approved.is_none() && !self.asks_for_signatures(&plan.stage) {
            return Err(Refused::UnapprovedIds);
        }
        let reach = Reach { planes: options.planes.clone(), accounts: accounts(plan, &options.after) };
        if let Some(account) = unknown_account(plan, &reach) {
            return Err(Refused::UnknownAccount { account: account.to_owned(), findings });
        }
        let desired = self.desired(&plan.stage).map_err(|UnknownStage { asked, .. }| Refused::NoStage(asked))?;
        Ok(Admitted { findings, accepted: self, desired, plan, options, reach })
    }

    /// Checks that the plan was made under the workspace's policies over plans, and that they can be used. The waivers
    /// and labels are those of the files at hand.
    fn keeps_policies(self, plan: &Plan) -> Result<Vec<Finding<Route>>, Refused> {
        let texts = plan.policies.as_ref().map(|policies| policies.policies.clone()).unwrap_or_default();
        if texts != policies_in(self.workspace, &plan.stage) {
            return Err(Refused::OtherPolicies);
        }
        let Some(policies) = plan_policies(&self.checked.loaded, plan) else { return Ok(Vec::new()) };
        let judged = judge_plan(&plan.clone().under(policies), self.checked.now);
        let unusable = judged.iter().any(|(finding, step)| step.is_none() && finding.severity == Severity::Error);
        let findings = judged.into_iter().map(|(finding, _)| finding).collect();
        if unusable { Err(Refused::BreaksPolicies { findings }) } else { Ok(findings) }
    }
}

impl Admitted<'_> {
    /// Opens the planes of the plan's cluster that are reached, and the vaults.
    ///
    /// # Errors
    /// If they cannot be reached.
    pub async fn open(&self) -> Result<Live, OpenError> {
        open_planes(self.accepted.dir(), self.accepted.workspace, &self.plan.stage, &self.reach).await
    }

    /// Observes the stage and makes the plan again, from the files at hand and for this time.
    async fn wanted(&self, live: &Live) -> Result<Wanted, DeployError> {
        let desired = self.desired.clone();
        let also = self.plan.secrets(&desired);
        let mut observed = observe_planes(live, &desired, &self.reach, &also).await.map_err(DeployError::Observe)?;
        if needs_ids(self.plan, &self.reach.planes) {
            // Brokers show no marks. Of the accounts in the plan, which its digest covers, and in receipts, the plan has
            // judged the origin.
            for (name, id) in &self.reach.accounts {
                let account = ObservedAccount { id: id.clone(), maker: Some(desired.maker()), ..Default::default() };
                observed.accounts.insert(name.clone(), account);
            }
        }
        if observed.cluster.id != self.plan.cluster_id {
            let (name, expected) = (self.plan.cluster.clone(), self.plan.cluster_id.clone());
            return Err(Refusal::WrongCluster { name, expected, is: observed.cluster.id }.into());
        }
        let held = self.plan.blocked.iter().filter_map(Blocked::held_team);
        let Made { outcome: planned, stops } = self.accepted.make(&desired, &observed, None, held);
        if let Some(first) = stops.first() {
            return Err(Refusal::Stopped { first: first.clone(), count: stops.len() }.into());
        }
        Ok(Wanted { desired, observed, planned })
    }

    /// Makes the plan again, and carries out the steps that are in both plans. [`Live::patience`] is the deadline of [`Options::retry`] and [`Options::read_back`].
    ///
    /// # Errors
    /// If the run did not begin. Failures of steps are in the receipt.
    pub async fn deploy(
        &self,
        live: &Live,
        journal: &mut dyn Journal,
        clock: &dyn Clock,
        progress: &dyn Progress,
    ) -> Result<Receipt, DeployError> {
        let wanted = if self.plan.is_empty() { None } else { Some(self.wanted(live).await?) };
        let (cluster, vaults) = (live.cluster.as_ref(), live.vaults.as_ref());
        let ports = Ports { cluster, vaults, clock, journal, progress };
        let Options { retry, read_back, .. } = self.options;
        let options = Options {
            retry: Pauses { deadline: live.patience, ..retry },
            read_back: Pauses { deadline: live.patience, ..read_back },
            wanted,
            ..self.options.clone()
        };
        weir_deployment::deploy(self.plan, ports, &options).await
    }
}

/// Checks that the plan was made from this workspace.
///
/// # Errors
/// If it is of another workspace, stage or cluster.
pub fn belongs(plan: &Plan, workspace: &Workspace) -> Result<(), Refused> {
    let name = &workspace.settings.metadata.name;
    if *name != plan.workspace {
        return Err(Refused::OtherWorkspace { plan: plan.workspace.clone(), here: name.clone() });
    }
    match workspace.settings.spec.stages.iter().find(|stage| stage.name == plan.stage) {
        Some(stage) if stage.cluster == plan.cluster => Ok(()),
        Some(stage) => Err(Refused::OtherCluster {
            plan: plan.cluster.clone(),
            stage: stage.name.clone(),
            here: stage.cluster.clone(),
        }),
        None => Err(Refused::NoStage(plan.stage.clone())),
    }
}

/// Returns `true` if a run on these planes takes the ids of service accounts from the plan and from receipts.
fn needs_ids(plan: &Plan, planes: &BTreeSet<Plane>) -> bool {
    plan.provider == Provider::ConfluentCloud && !planes.contains(&Plane::Control)
}

/// Returns the ids of service accounts in the plan and in the receipts.
fn accounts(plan: &Plan, receipts: &[Receipt]) -> BTreeMap<String, String> {
    let told = receipts.iter().flat_map(|receipt| receipt.accounts.clone());
    told.chain(plan.accounts.clone()).collect()
}

/// Returns a service account whose id the brokers need and no receipt holds.
///
/// Brokers of Confluent Cloud know service accounts by id alone, and only the control plane maps names to ids.
fn unknown_account<'p>(plan: &'p Plan, reach: &Reach) -> Option<&'p str> {
    if !needs_ids(plan, &reach.planes) {
        return None;
    }
    let made = plan.steps.iter().filter_map(|step| match step.change.about() {
        // Bindings of an account that the plan creates wait for a receipt anyway.
        About { object: Object::Account(name), verb: Verb::Create, .. } => Some(name),
        About { object: Object::Account(_), verb: Verb::Update | Verb::Delete, .. }
        | About { object: Object::Topic(_) | Object::Acl { .. } | Object::Key { .. }, .. } => None,
    });
    let made: BTreeSet<&str> = made.collect();
    let bound = plan.steps.iter().filter(|step| reach.planes.contains(&step.plane));
    let mut bound = bound.filter_map(|step| step.change.about().object.account());
    bound.find(|name| !made.contains(name) && !reach.accounts.contains_key(*name))
}

/// The reason why the folder for journals cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum JournalFolderError {
    /// The folder cannot be made.
    #[error("the folder `{}` cannot be made", .0.display())]
    Folder(PathBuf, #[source] io::Error),
    /// The `.gitignore` beside it cannot be written.
    #[error("`{}` cannot be written", .0.display())]
    Ignore(PathBuf, #[source] io::Error),
}

/// Returns the usual path of the journal of a plan, `.weir/journal/DIGEST.jsonl` in the workspace's folder; makes the
/// folder, which git ignores.
///
/// # Errors
/// If the folder cannot be made.
pub fn journal_path(dir: &Path, plan: &Plan) -> Result<PathBuf, JournalFolderError> {
    let own = dir.join(".weir");
    let folder = own.join("journal");
    fs::create_dir_all(&folder).map_err(|err| JournalFolderError::Folder(folder.clone(), err))?;
    let ignore = own.join(".gitignore");
    if !ignore.exists() {
        fs::write(&ignore, "*\n").map_err(|err| JournalFolderError::Ignore(ignore, err))?;
    }
    let digest: String = plan.digest.0.trim_start_matches("sha256:").chars().take(12).collect();
    Ok(folder.join(format!("{digest}.jsonl")))
}
