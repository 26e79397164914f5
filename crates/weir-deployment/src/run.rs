//! The walk over a plan's phases.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{Mutex, MutexGuard, PoisonError},
};

use futures::{
    StreamExt as _,
    future::{BoxFuture, FutureExt as _},
    stream::FuturesUnordered,
};
use weir_planning::{Fate, Object, Phase, Plan, Plane, Risk, SecretRef, Step, StepId};
use weir_ports::{Clock, CreatedKey, ErrorKind, PortError};

use crate::{
    Entry, Event, Journal, Options, Progress, StepOutcome, StepReceipt, elsewhere::Elsewhere, key::named, look::Look,
};

/// A plan being carried out.
pub(crate) struct Run<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) look: Look<'a>,
    pub(crate) options: &'a Options,
    pub(crate) elsewhere: Elsewhere<'a>,
    pub(crate) progress: &'a dyn Progress,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) journal: Mutex<&'a mut dyn Journal>,
    pub(crate) halts: Mutex<Halts>,
    /// New, stored keys whose login is still to be seen.
    pub(crate) fresh: Mutex<Vec<(StepId, CreatedKey)>>,
    /// The decisions about steps before anything was touched; empty when nobody made the plan again.
    pub(crate) fates: BTreeMap<StepId, Fate>,
}

/// The reasons for which nothing further is started.
#[derive(Clone, Debug, Default)]
pub(crate) struct Halts {
    /// For all steps.
    all: Option<String>,
    /// For the steps of single teams: the first step of each at which the plan is stale.
    teams: BTreeMap<String, StepId>,
}

/// `the plan is stale at `create-topic dev.a`; plan again`
fn stale_at<'a>(steps: impl IntoIterator<Item = &'a StepId>) -> String {
    let steps: Vec<String> = steps.into_iter().map(|step| format!("`{step}`")).collect();
    format!("the plan is stale at {}; plan again", steps.join(", "))
}

impl Run<'_> {
    /// Starts nothing further, of any team. The first reason stays.
    fn halt(&self, why: String) {
        lock(&self.halts).all.get_or_insert(why);
    }

    /// Starts nothing further of the team of a stale step; nothing at all if the step has no team.
    pub(crate) fn halt_stale(&self, step: &Step) {
        match &step.team {
            Some(team) => _ = lock(&self.halts).teams.entry(team.clone()).or_insert_with(|| step.id.clone()),
            None => self.halt(stale_at([&step.id])),
        }
    }

    /// Halts where steps were found to be stale before anything was touched.
    pub(crate) fn halt_if_stale(&self) {
        let stale = |step: &&Step| matches!(self.fates.get(&step.id), Some(Fate::Stale(_)));
        self.plan.steps.iter().filter(stale).for_each(|step| self.halt_stale(step));
    }

    /// The receipt of a step that was decided before anything was touched.
    fn decided(&self, step: &Step) -> Option<StepReceipt> {
        match self.fates.get(&step.id)? {
            Fate::Go => None,
            Fate::Done => {
                let seen = self.options.wanted.as_ref().map(|wanted| &wanted.observed);
                Some(seen.map_or_else(
                    || StepReceipt::new(step, StepOutcome::Already),
                    |seen| named(step, StepOutcome::Already, seen),
                ))
            }
            Fate::Blocked(why) => Some(StepReceipt::new(step, StepOutcome::Blocked).because(why.clone())),
            Fate::Held => {
                Some(StepReceipt::new(step, StepOutcome::Skipped).because(self.halted(step).unwrap_or_default()))
            }
            Fate::Stale(why) | Fate::Early(why) => {
                Some(StepReceipt::new(step, StepOutcome::Stale).because(why.clone()))
            }
        }
    }

    /// Halts if nothing that follows could be right.
    pub(crate) fn halt_on(&self, error: &PortError) {
        if error.kind == ErrorKind::WrongCluster {
            self.halt(error.chain());
        }
    }

    /// The reason for which a step is not started, if there is one.
    pub(crate) fn halted(&self, step: &Step) -> Option<String> {
        let halts = lock(&self.halts);
        let of_team = || halts.teams.get(step.team.as_ref()?);
        halts.all.clone().or_else(|| Some(stale_at([of_team()?])))
    }

    /// All reasons for which nothing further was started, as one sentence, if there are any.
    pub(crate) fn reason(&self) -> Option<String> {
        let Halts { all, teams } = lock(&self.halts).clone();
        all.or_else(|| (!teams.is_empty()).then(|| stale_at(teams.values())))
    }

    /// Writes down the events of steps; halts with a sentence when that fails.
    pub(crate) fn journal(&self, events: &[(&Step, Event, Option<String>)]) -> Result<(), String> {
        let entries: Vec<Entry> =
            events.iter().map(|(step, event, detail)| self.entry(Some(&step.id), *event, detail.clone())).collect();
        if entries.is_empty() {
            return Ok(());
        }
        lock(&self.journal).append(&entries).map_err(|e| {
            let why = format!("the journal cannot be written: {e}");
            self.halt(why.clone());
            why
        })
    }

    /// Writes down an event of the run as a whole.
    pub(crate) fn journal_run(&self, event: Event, detail: Option<String>) -> io::Result<()> {
        lock(&self.journal).append(&[self.entry(None, event, detail)])
    }

    fn entry(&self, step: Option<&StepId>, event: Event, detail: Option<String>) -> Entry {
        Entry { at: self.clock.now(), plan: self.plan.digest.clone(), step: step.cloned(), event, detail }
    }

    /// Carries out all steps; a receipt for each, in the plan's order.
    pub(crate) async fn walk(&self) -> Vec<StepReceipt> {
        let mut walk = Walk::new(&self.plan.steps);
        let (places, receipts) = (self.plan.steps.iter().enumerate())
            .filter_map(|(at, step)| Some((at, self.decided(step)?)))
            .unzip::<_, _, Vec<_>, Vec<_>>();
        self.settle(places, receipts, &mut walk);
        let mut phases: BTreeMap<Phase, Vec<usize>> = BTreeMap::new();
        for (at, step) in self.plan.steps.iter().enumerate() {
            phases.entry(step.change.about().phase).or_default().push(at);
        }
        for (phase, members) in phases {
            self.phase(phase, &members, &mut walk).await;
            if phase == Phase::Keys {
                self.wait_ready(&mut walk).await;
            }
        }
        self.plan
            .steps
            .iter()
            .zip(walk.receipts)
            .map(|(step, receipt)| receipt.unwrap_or_else(|| StepReceipt::new(step, StepOutcome::Skipped)))
            .collect()
    }

    /// The cluster's own ids of the plan's accounts, for a run on another plane; why they are not known, if so.
    pub(crate) async fn accounts(&self) -> (BTreeMap<String, String>, Option<String>) {
        let mut accounts = self.elsewhere.accounts.clone();
        if !self.options.planes.contains(&Plane::Control) || self.options.planes.len() == Plane::ALL.len() {
            return (accounts, None);
        }
        match self.look.accounts(&mut self.options.retry.begin()).await {
            Ok(seen) => {
                accounts.extend(seen);
                (accounts, None)
            }
            Err(e) => (accounts, Some(format!("the ids of the plan's accounts could not be read: {}", e.chain()))),
        }
    }

    async fn phase(&self, phase: Phase, members: &[usize], walk: &mut Walk<'_>) {
        let (failed, waiting) = (walk.undone(), walk.first(StepOutcome::is_elsewhere));
        let mut queue = BTreeSet::new();
        for &at in members.iter().filter(|at| walk.receipts[**at].is_none()).collect::<Vec<_>>() {
            let step = &walk.steps[at];
            let takes = takes_away(phase, step);
            match (failed.before(step), &waiting) {
                (Some(id), _) if takes => {
                    let why = format!("`{id}` was not done, and nothing is taken away after that");
                    walk.receipts[at] = Some(StepReceipt::new(step, StepOutcome::Skipped).because(why));
                }
                (None, Some(id)) if takes && self.options.planes.contains(&step.plane) => {
                    let why = format!("`{id}` comes first, on another plane");
                    walk.receipts[at] = Some(StepReceipt::new(step, StepOutcome::OtherPlane).because(why));
                }
                _ => {
                    queue.insert(at);
                }
            }
        }

        let mut busy = BTreeSet::new();
        let mut running: FuturesUnordered<BoxFuture<'_, (Job, Vec<StepReceipt>)>> = FuturesUnordered::new();
        loop {
            while running.len() < self.options.concurrency.max(1)
                && let Some(job) = self.next(&mut queue, &mut busy, walk)
            {
                running.push(self.work(job, walk.steps).boxed());
            }
            let Some((job, receipts)) = running.next().await else { break };
            if let Some(secret) = &job.secret {
                busy.remove(secret);
            }
            self.settle(job.places, receipts, walk);
        }
        // The remaining steps never became ready: a step before them was not done, or nothing further is started.
        for at in members {
            if walk.receipts[*at].is_none() {
                walk.receipts[*at] = Some(self.unready(&walk.steps[*at], walk));
            }
        }
        let skipped: Vec<_> = members
            .iter()
            .filter_map(|&at| Some((&walk.steps[at], walk.receipts[at].as_ref()?)))
            .filter(|(step, receipt)| {
                let outcome = receipt.outcome;
                matches!(outcome, StepOutcome::Skipped | StepOutcome::OtherPlane)
                    || outcome == StepOutcome::Blocked && self.decided(step).is_none()
            })
            .collect();
        let events: Vec<_> =
            skipped.iter().map(|(step, receipt)| (*step, Event::Skipped, receipt.detail.clone())).collect();
        let _ = self.journal(&events);
        skipped.iter().for_each(|(step, receipt)| self.progress.finished(step, receipt));
    }

    /// Takes the next job from the steps that are ready.
    fn next(&self, queue: &mut BTreeSet<usize>, busy: &mut BTreeSet<SecretRef>, walk: &Walk<'_>) -> Option<Job> {
        let mut job: Option<Job> = None;
        for &at in queue.iter() {
            let step = &walk.steps[at];
            if !walk.ready(step, self.options) {
                continue;
            }
            let (kind, secret) = self.kind(step);
            if secret.as_ref().is_some_and(|secret| busy.contains(secret)) {
                continue;
            }
            match &mut job {
                None => job = Some(Job { kind, secret, places: vec![at] }),
                Some(job) if job.kind == kind => job.places.push(at),
                Some(_) => continue,
            }
            if kind == Kind::Key || job.as_ref().is_some_and(|job| job.places.len() >= self.options.batch_size.max(1)) {
                break;
            }
        }
        let job = job?;
        for at in &job.places {
            queue.remove(at);
        }
        busy.extend(job.secret.clone());
        Some(job)
    }

    fn kind(&self, step: &Step) -> (Kind, Option<SecretRef>) {
        if !self.options.planes.contains(&step.plane) {
            return (Kind::Elsewhere, None);
        }
        match step.change.about().object {
            Object::Key { .. } => (Kind::Key, step.change.secrets().first().copied().cloned()),
            Object::Topic(_) | Object::Account(_) | Object::Acl { .. } => (Kind::Batch, None),
        }
    }

    async fn work(&self, job: Job, steps: &[Step]) -> (Job, Vec<StepReceipt>) {
        let objects: Vec<&Step> = job.places.iter().map(|&at| &steps[at]).collect();
        let receipts = match job.kind {
            Kind::Batch => self.batch(&objects).await,
            Kind::Elsewhere => {
                let skipped = |step| Some(StepReceipt::new(step, StepOutcome::Skipped).because(self.halted(step)?));
                objects.into_iter().map(|step| skipped(step).unwrap_or_else(|| self.elsewhere.receipt(step))).collect()
            }
            Kind::Key => {
                let mut receipts = Vec::with_capacity(1);
                for step in objects {
                    receipts.push(self.key(step).await);
                }
                receipts
            }
        };
        (job, receipts)
    }

    fn settle(&self, places: Vec<usize>, receipts: Vec<StepReceipt>, walk: &mut Walk<'_>) {
        let ended = |receipt: &StepReceipt| match receipt.outcome {
            StepOutcome::Created | StepOutcome::Updated | StepOutcome::Deleted => Some(Event::Verified),
            StepOutcome::Already => Some(Event::Already),
            StepOutcome::Failed => Some(Event::Failed),
            StepOutcome::Stale => Some(Event::Stale),
            StepOutcome::Unconfirmed => Some(Event::Unconfirmed),
            StepOutcome::Blocked => Some(Event::Skipped),
            // Written down at the end of the phase.
            StepOutcome::Skipped | StepOutcome::OtherPlane => None,
        };
        let mut events = Vec::new();
        for (at, receipt) in places.into_iter().zip(receipts) {
            let step = &walk.steps[at];
            if let Some(event) = ended(&receipt) {
                events.push((step, event, receipt.detail.clone().or_else(|| receipt.key.clone())));
                self.progress.finished(step, &receipt);
            }
            walk.receipts[at] = Some(receipt);
        }
        let _ = self.journal(&events);
    }

    /// The receipt of a step that was never ready.
    fn unready(&self, step: &Step, walk: &Walk<'_>) -> StepReceipt {
        let before = step.after.iter().find_map(|id| match walk.outcome(id) {
            Some(outcome) if outcome.is_done() && !walk.locked_out(id) => None,
            outcome => Some((id, outcome)),
        });
        match before {
            Some((id, Some(StepOutcome::OtherPlane))) => {
                StepReceipt::new(step, StepOutcome::OtherPlane).because(format!("comes after `{id}`, on another plane"))
            }
            Some((id, Some(outcome))) if outcome.is_done() => StepReceipt::new(step, StepOutcome::Skipped)
                .because(format!("comes after `{id}`, whose key does not log in yet; run again later")),
            Some((id, Some(StepOutcome::Blocked))) => StepReceipt::new(step, StepOutcome::Blocked)
                .because(format!("comes after `{id}`, whose object is in trouble")),
            Some((id, Some(_))) => {
                StepReceipt::new(step, StepOutcome::Skipped).because(format!("comes after `{id}`, which was not done"))
            }
            Some((id, None)) if self.halted(step).is_none() => StepReceipt::new(step, StepOutcome::Skipped)
                .because(format!("comes after `{id}`, which the plan does not put before it")),
            _ => StepReceipt::new(step, StepOutcome::Skipped).because(self.halted(step).unwrap_or_default()),
        }
    }
}

/// Returns `true` if the step must not begin after a failure.
fn takes_away(phase: Phase, step: &Step) -> bool {
    phase >= Phase::AclDeletes || step.risk > Risk::Change
}

/// The progress of a walk.
pub(crate) struct Walk<'a> {
    steps: &'a [Step],
    places: BTreeMap<&'a StepId, usize>,
    receipts: Vec<Option<StepReceipt>>,
}

impl<'a> Walk<'a> {
    fn new(steps: &'a [Step]) -> Self {
        let places = steps.iter().enumerate().map(|(at, step)| (&step.id, at)).collect();
        Self { steps, places, receipts: vec![None; steps.len()] }
    }

    /// The receipt of a step that has ended.
    pub(crate) fn receipt(&mut self, id: &StepId) -> Option<&mut StepReceipt> {
        self.receipts[*self.places.get(id)?].as_mut()
    }

    fn outcome(&self, id: &StepId) -> Option<StepOutcome> {
        self.receipts[*self.places.get(id)?].as_ref().map(|receipt| receipt.outcome)
    }

    /// Returns `true` if all steps before a step are done. A step of another plane waits for nothing here.
    fn ready(&self, step: &Step, options: &Options) -> bool {
        let done = |id| self.outcome(id).is_some_and(StepOutcome::is_done) && !self.locked_out(id);
        !options.planes.contains(&step.plane) || step.after.iter().all(done)
    }

    /// Returns `true` if a step made a key that did not log in within the waiting time.
    fn locked_out(&self, id: &StepId) -> bool {
        let receipt = self.places.get(id).and_then(|at| self.receipts[*at].as_ref());
        receipt.is_some_and(|receipt| receipt.ready == Some(false))
    }

    fn undone(&self) -> Undone {
        let mut undone = BTreeMap::new();
        for receipt in self.receipts.iter().flatten().filter(|receipt| receipt.outcome.is_undone()) {
            undone.entry(receipt.team.clone()).or_insert_with(|| receipt.id.clone());
        }
        Undone(undone)
    }

    fn first(&self, is: impl Fn(StepOutcome) -> bool) -> Option<StepId> {
        self.receipts.iter().flatten().find(|receipt| is(receipt.outcome)).map(|receipt| receipt.id.clone())
    }
}

/// The first undone step of each team.
struct Undone(BTreeMap<Option<String>, StepId>);

impl Undone {
    /// Returns the undone step after which a step takes nothing away: one of its team, or one without a team. A step
    /// without a team takes nothing away after any undone step.
    fn before(&self, step: &Step) -> Option<&StepId> {
        match &step.team {
            Some(_) => self.0.get(&step.team).or_else(|| self.0.get(&None)),
            None => self.0.values().next(),
        }
    }
}

/// Steps that are carried out together.
struct Job {
    kind: Kind,
    /// Held until the job has ended: two keys never work on one secret at once.
    secret: Option<SecretRef>,
    places: Vec<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Changes in one call.
    Batch,
    /// One API key.
    Key,
    /// Steps of another plane.
    Elsewhere,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
