//! The threshold: the share of a stage that one plan may change without a confirmation.

use std::collections::BTreeSet;

use weir_findings::{clause, count};
use weir_model::Ensure;

use super::{
    draft::{Draft, workspace_route},
    topics::is_internal,
};
use crate::{Change, Desired, Observed, Principal, Risk, Step};

/// Returns the reason for which the plan is beyond the threshold, if it is.
pub(super) fn check(draft: &mut Draft<'_>) -> Option<String> {
    let why = beyond_threshold(draft.desired, draft.observed, &draft.steps)?;
    if declares_nothing(draft.desired) {
        draft.warning(
            "empty-desired",
            workspace_route(draft.desired),
            clause(&why),
            "check that all files were read; if it is meant, deploy with `--beyond-threshold`",
        );
    }
    Some(why)
}

/// A tombstone is a declaration.
fn declares_nothing(desired: &Desired) -> bool {
    desired.topics.is_empty() && desired.accounts.is_empty()
}

/// Returns the reason for which `steps` are beyond the threshold of the stage, as a sentence, if they are. Creations do
/// not count.
pub(crate) fn beyond_threshold<'s>(
    desired: &Desired,
    observed: &Observed,
    steps: impl IntoIterator<Item = &'s Step>,
) -> Option<String> {
    let touched = Touched::by(steps);
    if declares_nothing(desired) && touched.deletes > 0 {
        let deletes = count(touched.deletes, "object");
        return Some(format!("The files declare nothing for this stage, and the plan deletes {deletes}."));
    }
    let topics = observed
        .topics
        .iter()
        .filter(|(name, topic)| !is_internal(name) && !topic.mirror)
        .filter(|(name, _)| managed(desired.topics.get(*name).map(|t| t.ensure), desired.owns.owns_topic(name)))
        .count() as u64;
    let is_managed = |name: &String| {
        managed(desired.accounts.get(name).map(|account| account.ensure), desired.owns.owns_account(name))
    };
    let accounts = || observed.accounts.keys().filter(|name| is_managed(name));
    // The plan takes withdrawn bindings from unmanaged accounts, too.
    let loses = |name: &String| desired.accounts.get(name).is_some_and(|account| !account.withdrawn.is_empty());
    let unmanaged = observed.accounts.keys().filter(|name| loses(name) && !is_managed(name));
    let bindings = accounts()
        .chain(unmanaged)
        .filter_map(|name| observed.acls.get(&Principal::of_account(name)))
        .map(|a| a.len() as u64)
        .sum();
    let managed_accounts: BTreeSet<&String> = accounts().collect();
    let keys = observed.keys.values().filter(|key| managed_accounts.contains(&key.account)).count() as u64;
    let accounts = managed_accounts.len() as u64;
    let shares = [
        ("topics and service accounts", touched.topics + touched.accounts, topics + accounts),
        ("topics", touched.topics, topics),
        ("service accounts", touched.accounts, accounts),
        ("ACL bindings", touched.bindings, bindings),
        ("API keys", touched.keys, keys),
    ];
    shares
        .into_iter()
        .find(|(_, touched, all)| {
            *all >= u64::from(desired.threshold_minimum)
                && u128::from(*touched) * 100 > u128::from(*all) * u128::from(desired.threshold_percent)
        })
        .map(|(what, touched, all)| {
            format!("The plan changes or deletes {touched} of {all} {what}, more than {} %.", desired.threshold_percent)
        })
}

fn managed(declared: Option<Ensure>, owned: bool) -> bool {
    declared.map_or(owned, |ensure| ensure != Ensure::Unmanaged)
}

#[derive(Default)]
struct Touched {
    topics: u64,
    accounts: u64,
    bindings: u64,
    keys: u64,
    deletes: u64,
}

impl Touched {
    fn by<'s>(steps: impl IntoIterator<Item = &'s Step>) -> Self {
        let (mut topics, mut accounts) = (BTreeSet::new(), BTreeSet::new());
        let mut touched = Self::default();
        // A step that changes nothing in effect (it pins a default) does not count.
        for step in steps.into_iter().filter(|step| step.risk > Risk::Additive) {
            match &step.change {
                Change::AddPartitions { topic, .. }
                | Change::ChangeReplicationFactor { topic, .. }
                | Change::AlterConfig { topic, .. } => {
                    topics.insert(topic);
                }
                Change::DeleteTopic { topic, .. } => {
                    topics.insert(topic);
                    touched.deletes += 1;
                }
                Change::UpdateAccount { account, .. } => {
                    accounts.insert(account);
                }
                Change::DeleteAccount { account, .. } => {
                    accounts.insert(account);
                    touched.deletes += 1;
                }
                Change::DeleteAcl { .. } => {
                    touched.bindings += u64::from(step.risk >= Risk::Revoke);
                    touched.deletes += 1;
                }
                Change::DeleteKey { delete_secret, .. } => {
                    // A key whose slot is gone is in use; one that was replaced is not: rotation is routine.
                    touched.keys += u64::from(*delete_secret);
                    touched.deletes += 1;
                }
                // Creation does not count, and the platform team names each account that is adopted.
                Change::AdoptAccount { .. }
                | Change::CreateAccount { .. }
                | Change::CreateTopic { .. }
                | Change::CreateAcl { .. }
                | Change::CreateKey { .. } => {}
            }
        }
        touched.topics = topics.len() as u64;
        touched.accounts = accounts.len() as u64;
        touched
    }
}
