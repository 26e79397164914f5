//! Steps that the cluster takes many at a time: everything but API keys.

use weir_planning::{Precondition, Step};
use weir_ports::{ErrorKind, PortError};
use weir_retry::Tries;

use crate::{Event, StepOutcome, StepReceipt, run::Run};

impl Run<'_> {
    /// Carries out `steps`: reads their objects, checks each, applies those that are as planned, reads back.
    pub(crate) async fn batch(&self, steps: &[&Step]) -> Vec<StepReceipt> {
        let mut receipts: Vec<Option<StepReceipt>> = vec![None; steps.len()];
        let go = self.check_before(steps, &mut receipts).await;
        let applied = self.apply(steps, go, &mut receipts).await;
        self.read_back(steps, applied, &mut receipts).await;
        steps
            .iter()
            .zip(receipts)
            .map(|(step, receipt)| receipt.unwrap_or_else(|| StepReceipt::new(step, StepOutcome::Skipped)))
            .collect()
    }

    /// The places of the steps to carry out; the others have their receipts.
    async fn check_before(&self, steps: &[&Step], receipts: &mut [Option<StepReceipt>]) -> Vec<usize> {
        let all = self.unhalted(steps, (0..steps.len()).collect(), receipts);
        if all.is_empty() {
            return all;
        }
        let objects: Vec<&Step> = all.iter().map(|&at| steps[at]).collect();
        let now = match self.look.at(&objects, &mut self.options.retry.begin()).await {
            Ok(now) => now,
            Err(e) => {
                self.halt_on(&e);
                let why = format!("its object could not be read: {}", e.chain());
                for at in all {
                    receipts[at] = Some(StepReceipt::new(steps[at], StepOutcome::Failed).because(why.clone()));
                }
                return Vec::new();
            }
        };
        let mut go = Vec::new();
        for at in all {
            let step = steps[at];
            match step.check(self.plan, &now) {
                Precondition::Done => receipts[at] = Some(StepReceipt::new(step, StepOutcome::Already)),
                Precondition::AsPlanned => go.push(at),
                Precondition::Stale(why) => {
                    self.halt_stale(step);
                    receipts[at] = Some(StepReceipt::new(step, StepOutcome::Stale).because(why));
                }
            }
        }
        self.unhalted(steps, go, receipts)
    }

    /// The places of the steps that may be started; the others are skipped.
    fn unhalted(&self, steps: &[&Step], mut places: Vec<usize>, receipts: &mut [Option<StepReceipt>]) -> Vec<usize> {
        places.retain(|&at| match self.halted(steps[at]) {
            Some(why) => {
                receipts[at] = Some(StepReceipt::new(steps[at], StepOutcome::Skipped).because(why));
                false
            }
            None => true,
        });
        places
    }

    /// Applies the steps at `go` until each has a final answer. The places of those that were done.
    async fn apply(&self, steps: &[&Step], go: Vec<usize>, receipts: &mut [Option<StepReceipt>]) -> Vec<usize> {
        if go.is_empty() {
            return go;
        }
        let started: Vec<_> = go.iter().map(|&at| (steps[at], Event::Started, None)).collect();
        if let Err(why) = self.journal(&started) {
            for at in go {
                receipts[at] = Some(StepReceipt::new(steps[at], StepOutcome::Skipped).because(&*why));
            }
            return Vec::new();
        }
        go.iter().for_each(|&at| self.progress.started(steps[at]));

        let mut waiting = self.options.retry.begin();
        let (mut left, mut unsure, mut applied) = (go, Vec::new(), Vec::new());
        loop {
            if !left.is_empty() {
                let changes: Vec<_> = left.iter().map(|&at| &steps[at].change).collect();
                let mut answers = self.look.cluster.apply(&changes).await;
                answers.resize_with(left.len(), || Err(PortError::new(ErrorKind::Ambiguous, "there was no answer")));
                for (at, answer) in left.drain(..).zip(answers) {
                    match answer {
                        Ok(()) => applied.push(at),
                        Err(e) if matches!(e.kind, ErrorKind::Retry | ErrorKind::Ambiguous) => unsure.push((at, e)),
                        Err(e) => {
                            self.halt_on(&e);
                            receipts[at] = Some(StepReceipt::new(steps[at], StepOutcome::Failed).because(e.chain()));
                        }
                    }
                }
            }
            if unsure.is_empty() {
                break;
            }
            let patient = waiting.wait().await;
            self.look_again(steps, (&mut waiting, patient), &mut unsure, &mut left, &mut applied, receipts).await;
        }
        let done: Vec<_> = applied.iter().map(|&at| (steps[at], Event::Applied, None)).collect();
        // The change is done: a journal that fails here stops the next steps, and the read-back still shows the truth.
        let _ = self.journal(&done);
        applied
    }

    /// Sorts the steps without a final answer into those that were done, those to try again, and those to look at
    /// once more. Trying again is safe: a change that already took effect counts as done.
    async fn look_again(
        &self,
        steps: &[&Step],
        (waiting, patient): (&mut Tries, bool),
        unsure: &mut Vec<(usize, PortError)>,
        left: &mut Vec<usize>,
        applied: &mut Vec<usize>,
        receipts: &mut [Option<StepReceipt>],
    ) {
        let objects: Vec<&Step> = unsure.iter().map(|(at, _)| steps[*at]).collect();
        let now = self.look.at(&objects, waiting).await;
        unsure.retain(|(at, error)| {
            let step = steps[*at];
            let why = match now.as_ref().map(|now| step.check(self.plan, now)) {
                Ok(Precondition::Done) => {
                    applied.push(*at);
                    return false;
                }
                Ok(Precondition::AsPlanned) if patient && error.may_repeat() => {
                    left.push(*at);
                    return false;
                }
                // The adapter repeated the call until its deadline. Its effect may still be seen later.
                Ok(Precondition::AsPlanned) if patient && error.kind == ErrorKind::Ambiguous => return true,
                // Perhaps seen half way.
                Ok(Precondition::Stale(_)) if patient => return true,
                Ok(Precondition::AsPlanned) => "it was tried until the deadline".to_owned(),
                Ok(Precondition::Stale(why)) => format!("something else is seen: {why}"),
                Err(e) => format!("its object could not be read: {}", e.chain()),
            };
            let why = format!("{}; {why}", error.chain());
            receipts[*at] = Some(StepReceipt::new(step, StepOutcome::Failed).because(why));
            false
        });
    }

    /// Polls until each of `applied` is seen to be done.
    async fn read_back(&self, steps: &[&Step], applied: Vec<usize>, receipts: &mut [Option<StepReceipt>]) {
        let (mut unseen, mut waiting) = (applied, self.options.read_back.begin());
        loop {
            if unseen.is_empty() {
                return;
            }
            let objects: Vec<&Step> = unseen.iter().map(|&at| steps[at]).collect();
            let seen = self.look.at(&objects, &mut waiting).await;
            unseen.retain(|&at| {
                let step = steps[at];
                let why = match seen.as_ref().map(|now| step.check(self.plan, now)) {
                    Ok(Precondition::Done) => {
                        receipts[at] = Some(StepReceipt::new(step, StepOutcome::of(&step.change)));
                        return false;
                    }
                    Ok(Precondition::AsPlanned) => "it is still seen as before".to_owned(),
                    Ok(Precondition::Stale(why)) => format!("something else is seen: {why}"),
                    Err(e) => format!("it could not be read back: {}", e.chain()),
                };
                receipts[at] = Some(StepReceipt::new(step, StepOutcome::Unconfirmed).because(why));
                true
            });
            let hopeless = seen.is_err_and(|e| !e.may_repeat());
            if unseen.is_empty() || hopeless || !waiting.wait().await {
                return;
            }
        }
    }
}
