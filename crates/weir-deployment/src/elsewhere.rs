//! The results of other runs of the same plan, on planes that this run does not reach.

use std::collections::BTreeMap;

use weir_planning::{Plan, Plane, Step, StepId};

use crate::{Options, Receipt, Refusal, StepOutcome, StepReceipt};

/// The content of the receipts of other runs.
#[derive(Debug, Default)]
pub(crate) struct Elsewhere<'a> {
    done: BTreeMap<&'a StepId, (&'a Receipt, &'a StepReceipt)>,
    /// The cluster's own ids of accounts, by physical name.
    pub(crate) accounts: BTreeMap<String, String>,
}

impl<'a> Elsewhere<'a> {
    /// Takes from each receipt the done steps of the planes it reached and this run does not; of the same step in
    /// several receipts, the last.
    pub(crate) fn new(plan: &'a Plan, options: &'a Options) -> Result<Self, Refusal> {
        let mut elsewhere = Self::default();
        for receipt in &options.after {
            is_of(receipt, plan)?;
            if receipt.planes.is_subset(&options.planes) {
                return Err(Refusal::SamePlane { planes: receipt.planes.clone() });
            }
            let planes: BTreeMap<&StepId, Plane> = plan.steps.iter().map(|step| (&step.id, step.plane)).collect();
            let trusted = |step: &&StepReceipt| {
                planes
                    .get(&step.id)
                    .is_some_and(|plane| receipt.planes.contains(plane) && !options.planes.contains(plane))
            };
            for step in receipt.steps.iter().filter(|step| step.outcome.is_done()).filter(trusted) {
                elsewhere.done.insert(&step.id, (receipt, step));
            }
            elsewhere.accounts.extend(receipt.accounts.clone());
        }
        Ok(elsewhere)
    }

    /// The receipt of a step that this run does not reach.
    pub(crate) fn receipt(&self, step: &Step) -> StepReceipt {
        match self.done.get(&step.id) {
            Some((run, done)) => {
                let (key, secret, verified) = (done.key.clone(), done.secret.clone(), done.verified);
                let detail = format!("done on the {} plane by the run that ended at {}", step.plane, run.finished);
                StepReceipt { key, secret, verified, ..StepReceipt::new(step, StepOutcome::Already) }.because(detail)
            }
            None => StepReceipt::new(step, StepOutcome::OtherPlane).because("not on this plane"),
        }
    }
}

fn is_of(receipt: &Receipt, plan: &Plan) -> Result<(), Refusal> {
    let names = [
        ("workspace", &receipt.workspace, &plan.workspace),
        ("stage", &receipt.stage, &plan.stage),
        ("cluster", &receipt.cluster, &plan.cluster),
        ("plan", &receipt.plan.0, &plan.digest.0),
    ];
    match names.into_iter().find(|(_, is, expected)| is != expected) {
        None => Ok(()),
        Some((what, is, expected)) => Err(Refusal::OtherReceipt { what, is: is.clone(), expected: expected.clone() }),
    }
}
