//! From a workspace and an observed state to a plan.

use std::collections::BTreeSet;

use thiserror::Error;
use weir_adapters::{OpenError, observe};
use weir_findings::{Finding, Severity, sort};
use weir_model::{Route, UnknownStage};
use weir_planning::{Desired, Observed, Plan, PlanOptions, plan_around};
use weir_policy::{judge_plan, plan_policies, waivers_in_force};
use weir_ports::PortError;

use crate::{Accepted, Rejected, commit};

/// A plan, with the findings about it.
#[derive(Debug)]
#[must_use]
#[non_exhaustive]
pub struct Planned {
    /// The findings of the planner and of policies over plans, with places, sorted.
    pub findings: Vec<Finding>,
    /// The number of errors that concern more than one step or entity.
    stops: usize,
    plan: Plan,
}

impl Planned {
    /// Returns the plan, unless it must not be deployed. Errors about single steps and entities do not prevent it: the plan
    /// leaves these alone ([`Plan::blocked`]).
    ///
    /// # Errors
    /// If there is an error that concerns the plan as a whole.
    pub fn accept(self) -> Result<Plan, Rejected> {
        Rejected::check(self.stops)?;
        Ok(self.plan)
    }
}

/// The reason why there is no plan.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The workspace has no such stage.
    #[error(transparent)]
    Stage(#[from] UnknownStage),
    /// The cluster or a vault cannot be reached.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The cluster or a vault cannot be read.
    #[error("failed to observe stage `{stage}`")]
    Observe {
        /// The stage.
        stage: String,
        /// The error of the cluster or the vault.
        #[source]
        source: PortError,
    },
    /// The observed state is of another stage.
    #[error("the state was observed for stage `{observed}`, not for `{stage}`")]
    OtherStage {
        /// The stage of the observed state.
        observed: String,
        /// The stage to plan.
        stage: String,
    },
}

/// Teams that a plan leaves alone; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held<'a>(BTreeSet<&'a str>);

/// The workspace has no such team.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no team `{asked}`")]
pub struct UnknownTeam {
    /// The name that was asked for.
    pub asked: String,
    /// The teams there are.
    pub known: Vec<String>,
}

impl<'a> Accepted<'a> {
    /// Returns the teams of these names, for a plan that leaves all their objects alone.
    ///
    /// # Errors
    /// If there is no such team.
    pub fn held(self, teams: &[String]) -> Result<Held<'a>, UnknownTeam> {
        let known = &self.workspace.teams;
        let team = |asked: &String| match known.get_key_value(asked) {
            Some((team, _)) => Ok(team.as_str()),
            None => Err(UnknownTeam { asked: asked.clone(), known: known.keys().cloned().collect() }),
        };
        Ok(Held(teams.iter().map(team).collect::<Result<_, _>>()?))
    }

    /// Observes the cluster and the vaults of `stage` and plans the steps to what the files ask for.
    ///
    /// # Errors
    /// If there is no such stage, or the cluster or a vault cannot be read.
    pub async fn plan(self, stage: &str) -> Result<Planned, PlanError> {
        let desired = self.desired(stage)?;
        let live = self.open(stage).await?;
        let observed = observe(&live, &desired).await;
        let observed = observed.map_err(|source| PlanError::Observe { stage: stage.to_owned(), source })?;
        self.plan_from(&desired, &observed, &Held::default())
    }

    /// Plans the steps from `observed` to `desired`, which is this workspace's, for the time of the check. The plan
    /// leaves all objects of the teams in `held` alone.
    ///
    /// # Errors
    /// If `observed` says that it is of another stage.
    pub fn plan_from(
        self,
        desired: &Desired,
        observed: &Observed,
        Held(held): &Held<'_>,
    ) -> Result<Planned, PlanError> {
        if let Some(other) = observed.stage.as_ref().filter(|other| **other != desired.stage) {
            return Err(PlanError::OtherStage { observed: other.clone(), stage: desired.stage.clone() });
        }
        let loaded = &self.checked.loaded;
        let made = self.make(desired, observed, commit(self.dir()), held.iter().copied());
        let stops = made.stops.len();
        let places = made.outcome.findings.into_iter();
        let mut findings: Vec<_> =
            places.map(|finding| finding.locate(|route| loaded.locate_in_stage(&route, &desired.stage))).collect();
        sort(&mut findings, &loaded.sources);
        findings.dedup();
        Ok(Planned { findings, stops, plan: made.outcome.plan })
    }

    /// Plans around everything that is in trouble: entities with errors, steps that policies refuse, and the teams in
    /// `held`.
    pub(crate) fn make<'t>(
        self,
        desired: &Desired,
        observed: &Observed,
        commit: Option<String>,
        held: impl Iterator<Item = &'t str>,
    ) -> Made {
        let (loaded, now) = (&self.checked.loaded, self.checked.now);
        let options = PlanOptions { now, commit };
        let mut blocks = self.blocks(desired, observed);
        held.for_each(|team| blocks.hold(desired, observed, team));
        let mut told: Vec<Finding<Route>> = Vec::new();
        let mut unusable = Vec::new();
        loop {
            let mut outcome = plan_around(desired, observed, &options, blocks.clone());
            outcome.plan = outcome.plan.headed(waivers_in_force(loaded, &desired.stage, now));
            let mut refused = false;
            if let Some(policies) = plan_policies(loaded, &outcome.plan) {
                outcome.plan = outcome.plan.under(policies);
                unusable.clear();
                for (finding, step) in judge_plan(&outcome.plan, now) {
                    let is_error = finding.severity == Severity::Error;
                    match outcome.plan.steps.iter().find(|there| Some(&there.id) == step.as_ref()) {
                        Some(step) if is_error => {
                            blocks.step(step, &format!("{} [{}]", finding.message, finding.rule));
                            refused = true;
                        }
                        None if is_error => unusable.push(finding.message.clone()),
                        _ => {}
                    }
                    told.push(finding);
                }
            }
            if refused {
                // Without these steps, others may not be done either, and policies see another plan.
                continue;
            }
            let mut stops: Vec<String> = outcome.stops().map(|finding| finding.message.clone()).collect();
            stops.append(&mut unusable);
            outcome.findings.append(&mut told);
            return Made { outcome, stops };
        }
    }
}

/// A plan with everything that speaks against it.
pub(crate) struct Made {
    pub(crate) outcome: weir_planning::Planned,
    /// The errors that concern the plan as a whole.
    pub(crate) stops: Vec<String>,
}
