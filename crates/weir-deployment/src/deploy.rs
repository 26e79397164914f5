use std::{collections::BTreeSet, io, sync::Mutex};

use thiserror::Error;
use weir_planning::{Plan, StepId};
use weir_ports::{Clock, Cluster, PortError, Query, SecretSink};

use crate::{
    Counts, Event, Journal, Options, Progress, Receipt, Refusal, StepReceipt, Verdict, check, elsewhere::Elsewhere,
    gate, look::Look, run::Run,
};

/// The ports of a deployment.
pub struct Ports<'a> {
    /// The cluster.
    pub cluster: &'a dyn Cluster,
    /// The vaults.
    pub vaults: &'a dyn SecretSink,
    /// The time, for receipt and journal.
    pub clock: &'a dyn Clock,
    /// The journal of the run.
    pub journal: &'a mut dyn Journal,
    /// Whoever watches.
    pub progress: &'a dyn Progress,
}

/// The reason for which a deployment did not begin. Nothing was touched.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DeployError {
    /// The plan may not be carried out.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The cluster does not answer.
    #[error("the cluster could not be asked for its id")]
    Cluster(#[source] PortError),
    /// The cluster or the vaults cannot be read.
    #[error("the stage could not be observed")]
    Observe(#[source] PortError),
    /// The journal's disk says no.
    #[error("the journal cannot be written")]
    Journal(#[source] io::Error),
}

impl DeployError {
    /// Returns the verdict, from which programs take their exit code.
    pub fn verdict(&self) -> Verdict {
        match self {
            DeployError::Refused(_) => Verdict::Refused,
            DeployError::Cluster(_) | DeployError::Observe(_) | DeployError::Journal(_) => Verdict::RemoteFailed,
        }
    }
}

/// Carries out `plan`, and nothing else. The receipt has the outcome of each step; a failing step is no error.
///
/// - Phases are barriers. Within one, steps go as soon as those they come after are done: in batches, API keys one
///   by one, a bounded number at a time.
/// - Each object is read again before it is touched. Already as wanted: nothing is done. As planned: go. Anything
///   else: stale; running steps end, and nothing further of the step's team starts. After a stale step without a team,
///   nothing further starts at all.
/// - After a failure, other steps go on if they do not come after the failed step. Nothing is taken away any more from
///   the team of the failed step, nor from objects without a team, so that no client loses something whose replacement
///   was not made. Running again goes on where this run ended.
/// - With [`Options::wanted`], nothing of the plan is believed but its digest: only steps that are also in the plan made
///   again are carried out. If the plan of one team differs, the steps of that team are stale. Steps about objects in trouble, and those that come after them, are left alone (`blocked`).
/// - A plane that is not reached is not asked for anything. A step there counts as done if a receipt in
///   [`Options::after`] says so; otherwise its dependents, and later steps that take something away, wait
///   (`other-plane`) for a run on that plane.
/// - Each change is read back until it is seen, up to a deadline; then it is `unconfirmed`, which is a failure.
///
/// # Errors
/// Before anything is touched: the plan is refused, or cluster or journal do not work.
pub async fn deploy(plan: &Plan, ports: Ports<'_>, options: &Options) -> Result<Receipt, DeployError> {
    let Ports { cluster, vaults, clock, journal, progress } = ports;
    let started = clock.now();
    check(plan, options)?;
    let elsewhere = Elsewhere::new(plan, options)?;
    let nothing = Query::default();
    let facts = options.retry.begin().insist(|| cluster.observe(&nothing)).await.map_err(DeployError::Cluster)?.cluster;
    if facts.id != plan.cluster_id {
        let (name, expected) = (plan.cluster.clone(), plan.cluster_id.clone());
        return Err(Refusal::WrongCluster { name, expected, is: facts.id }.into());
    }
    let again = gate::again(plan, options)?;
    let plan = again.as_ref().map_or(plan, |again| &again.plan);
    let (fates, mut blocked) =
        again.as_ref().map(|again| (again.fates.clone(), again.blocked.clone())).unwrap_or_default();

    let begun: BTreeSet<StepId> = journal
        .earlier()
        .iter()
        .filter(|entry| entry.plan == plan.digest && entry.event == Event::Started)
        .filter_map(|entry| entry.step.clone())
        .collect();
    let run = Run {
        plan,
        look: Look { plan, cluster, vaults },
        options,
        elsewhere,
        progress,
        clock,
        journal: Mutex::new(journal),
        halts: Mutex::default(),
        fresh: Mutex::new(Vec::new()),
        fates,
    };
    run.halt_if_stale();
    run.journal_run(Event::RunStarted, None).map_err(DeployError::Journal)?;
    let steps: Vec<StepReceipt> = run
        .walk()
        .await
        .into_iter()
        .map(|step| StepReceipt { earlier_run: begun.contains(&step.id), ..step })
        .collect();
    let counts = Counts::of(&steps);
    blocked.extend(plan.blocked.iter().cloned());
    blocked.sort();
    blocked.dedup();
    let (accounts, unknown) = run.accounts().await;
    let receipt = Receipt {
        cluster_id: Some(facts.id),
        planes: options.planes.clone(),
        accounts,
        finished: clock.now(),
        resumed: !begun.is_empty(),
        outcome: counts.outcome(!blocked.is_empty()),
        reason: run.reason().or(unknown),
        counts,
        blocked,
        steps,
        ..Receipt::new(plan, started)
    };
    // The receipt says what was done; a journal that fails here has nothing left to prevent.
    let _ = run.journal_run(Event::RunFinished, Some(receipt.outcome.as_str().to_owned()));
    Ok(receipt)
}
