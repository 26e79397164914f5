//! From loose steps to a sequence: sorted, linked, fingerprinted.

use std::collections::BTreeMap;

use rayon::prelude::*;
use weir_model::{ByName, PatternType, Resource};

use super::{
    draft::{Draft, workspace_route},
    order::{Cycle, order},
};
use crate::{About, Change, Phase, Step, precondition::KeysByAccount};

/// Returns the steps in executable order, each with the steps that it must follow.
pub(super) fn assemble(draft: &mut Draft<'_>) -> Vec<Step> {
    let steps = std::mem::take(&mut draft.steps);
    // A step is large: each is moved once, not whenever the sort compares it.
    let mut sorted: Vec<usize> = (0..steps.len()).collect();
    sorted.par_sort_by(|a, b| rank(&steps[*a]).cmp(&rank(&steps[*b])));
    let mut steps = permuted(steps, sorted);
    steps.dedup_by(|a, b| a.id == b.id);
    let edges = edges(&steps);
    let order = match order(steps.len(), edges.iter().copied()) {
        Ok(order) => order,
        Err(Cycle(members)) => {
            let names: Vec<_> = members.iter().map(|i| steps[*i].id.0.as_str()).collect();
            let message = format!("the steps {} wait for each other", names.join(", "));
            let at = workspace_route(draft.desired);
            draft.error("steps-wait-for-each-other", at, message, "deploy the changes in several plans");
            return Vec::new();
        }
    };
    for (before, after) in edges {
        let id = steps[before].id.clone();
        steps[after].after.push(id);
    }
    let keys = KeysByAccount::all(draft.observed);
    let observed = draft.observed;
    steps.par_iter_mut().for_each(|step| {
        step.after.sort_unstable();
        step.after.dedup();
        step.fingerprint = step.fingerprint_with(observed, &keys, None);
    });
    permuted(steps, order)
}

/// Returns the steps in the given order.
fn permuted(steps: Vec<Step>, order: Vec<usize>) -> Vec<Step> {
    if order.is_sorted() {
        return steps;
    }
    let mut loose: Vec<_> = steps.into_iter().map(Some).collect();
    order.into_iter().filter_map(|i| loose[i].take()).collect()
}

/// Steps are sorted by phase, then by object, then by the turn among the changes of the object, then by id.
fn rank(step: &Step) -> (Phase, &str, u8, &str) {
    let About { phase, object, turn, .. } = step.change.about();
    (phase, object.name(), turn, &step.id.0)
}

/// Returns pairs of indexes into the sorted `steps`: the first must come before the second.
fn edges(steps: &[Step]) -> Vec<(usize, usize)> {
    let (mut accounts, mut topics, mut created) = (Vec::new(), Vec::new(), BTreeMap::new());
    let (mut deleted_topics, mut deleted_accounts) = (BTreeMap::new(), BTreeMap::new());
    let mut adopted = BTreeMap::new();
    for (i, step) in steps.iter().enumerate() {
        match &step.change {
            Change::AdoptAccount { account, .. } => _ = adopted.insert(account.as_str(), i),
            Change::CreateAccount { account, .. } => accounts.push((account.as_str(), i)),
            Change::CreateTopic { topic, .. } => topics.push((topic.as_str(), i)),
            Change::CreateKey { account, slot, .. } => _ = created.insert((account.as_str(), slot.as_str()), i),
            Change::DeleteTopic { topic, .. } => _ = deleted_topics.insert(topic.as_str(), i),
            Change::DeleteAccount { account, .. } => _ = deleted_accounts.insert(account.as_str(), i),
            // No step waits for these by their objects.
            Change::UpdateAccount { .. }
            | Change::AddPartitions { .. }
            | Change::ChangeReplicationFactor { .. }
            | Change::AlterConfig { .. }
            | Change::CreateAcl { .. }
            | Change::DeleteAcl { .. }
            | Change::DeleteKey { .. } => {}
        }
    }
    let (accounts, topics) = (ByName::from_iter(accounts), ByName::from_iter(topics));
    let mut edges = Vec::new();
    let mut topic_before: Option<(&str, usize)> = None;
    for (i, step) in steps.iter().enumerate() {
        // Nothing is done to an account before it is marked.
        let adoption = step.change.about().object.account().and_then(|account| adopted.get(account));
        edges.extend(adoption.filter(|before| **before != i).map(|before| (*before, i)));
        match &step.change {
            Change::AddPartitions { topic, .. }
            | Change::ChangeReplicationFactor { topic, .. }
            | Change::AlterConfig { topic, .. } => {
                if let Some((_, before)) = topic_before.filter(|(t, _)| t == topic) {
                    edges.push((before, i));
                }
                topic_before = Some((topic, i));
            }
            Change::CreateAcl { principal, acl } => {
                edges.extend(principal.user().and_then(|account| accounts.get(account)).map(|before| (*before, i)));
                if acl.resource == Resource::Topic && acl.pattern == PatternType::Literal {
                    edges.extend(topics.get(&acl.name).map(|before| (*before, i)));
                }
            }
            Change::CreateKey { account, .. } => {
                edges.extend(accounts.get(account.as_str()).map(|before| (*before, i)));
            }
            Change::DeleteAcl { principal, acl } => {
                let account = principal.user();
                edges.extend(account.and_then(|account| deleted_accounts.get(account)).map(|after| (i, *after)));
                if acl.resource == Resource::Topic && acl.pattern == PatternType::Literal {
                    edges.extend(deleted_topics.get(&*acl.name).map(|after| (i, *after)));
                }
            }
            Change::DeleteKey { account, slot, .. } => {
                edges.extend(deleted_accounts.get(account.as_str()).map(|after| (i, *after)));
                let slot = slot.as_deref().unwrap_or_default();
                edges.extend(created.get(&(account.as_str(), slot)).map(|before| (*before, i)));
            }
            Change::AdoptAccount { .. }
            | Change::CreateAccount { .. }
            | Change::UpdateAccount { .. }
            | Change::CreateTopic { .. }
            | Change::DeleteTopic { .. }
            | Change::DeleteAccount { .. } => {}
        }
    }
    edges
}
