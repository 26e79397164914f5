//! The results of other runs of the same plan, on planes that this run does not reach.

use std::collections::BTreeMap;

use weir_planning::{About, Object, Plan, Plane, Provider, Step, StepId, Verb};

use crate::{Options, Receipt, Refusal, StepOutcome, StepReceipt, gate::Owner};

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
            for (account, id) in &receipt.accounts {
                if let Some(is) = doubt(plan, account, id) {
                    return Err(Refusal::OtherAccount { account: account.clone(), says: id.clone(), is });
                }
                elsewhere.accounts.insert(account.clone(), id.clone());
            }
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

/// Returns the plan's word against the id of an account in a receipt. The digest of a plan covers the ids of the accounts
/// that were observed; of the accounts that the plan creates, only the receipt knows the id.
fn doubt(plan: &Plan, account: &str, id: &str) -> Option<Owner> {
    // Only Confluent Cloud gives ids to accounts.
    if plan.provider != Provider::ConfluentCloud {
        return None;
    }
    if let Some(known) = plan.accounts.get(account) {
        return (known != id).then(|| Owner::Is(known.clone()));
    }
    if let Some((other, _)) = plan.accounts.iter().find(|(_, known)| *known == id) {
        return Some(Owner::Other(other.clone()));
    }
    let creates = |step: &Step| matches!(step.change.about(), About { object: Object::Account(name), verb: Verb::Create, .. } if name == account);
    (!plan.steps.iter().any(creates)).then_some(Owner::Unasked)
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
