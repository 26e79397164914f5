//! The limits of the cluster, counted without deletions, since these come later than creations.

use std::collections::BTreeMap;

use weir_model::{Ensure, EntityRef, Kind, Route};

use super::draft::{Draft, workspace_route};
use crate::Change;

const RULE: &str = "cluster-limit";

pub(super) fn check(draft: &mut Draft<'_>) {
    let observed = draft.observed;
    let cluster = &observed.cluster;
    let (mut partitions, mut acls, mut accounts, mut keys) = (0_u64, 0_u64, 0_u64, 0_u64);
    for step in &draft.steps {
        match &step.change {
            Change::CreateTopic { partitions: asked, .. } => {
                partitions += u64::from(asked.unwrap_or(cluster.default_partitions));
            }
            Change::AddPartitions { from, to, .. } => partitions += u64::from(to.saturating_sub(*from)),
            Change::CreateAcl { .. } => acls += 1,
            Change::CreateAccount { .. } => accounts += 1,
            Change::CreateKey { .. } => keys += 1,
            Change::AdoptAccount { .. }
            | Change::UpdateAccount { .. }
            | Change::ChangeReplicationFactor { .. }
            | Change::AlterConfig { .. }
            | Change::DeleteAcl { .. }
            | Change::DeleteTopic { .. }
            | Change::DeleteKey { .. }
            | Change::DeleteAccount { .. } => {}
        }
    }
    let limits = &cluster.limits;
    let counted = [
        ("partitions", limits.partitions, partitions, "ask for fewer partitions, or for a larger cluster"),
        (
            "ACL bindings",
            limits.acls,
            acls,
            "replace many literal bindings by a prefixed one, or ask for a larger cluster",
        ),
        ("service accounts", limits.accounts, accounts, "delete unused accounts, or have the limit raised"),
        ("API keys", limits.keys, keys, "delete unused keys, or have the limit raised"),
    ];
    for (what, limit, new, help) in counted {
        let Some((most, used)) = limit else { continue };
        if new > 0 && used.saturating_add(new) > most {
            let at = workspace_route(draft.desired);
            let message = format!("the cluster takes {most} {what}; {used} are in use and the plan adds {new}");
            draft.error(RULE, at, message, help);
        }
    }
    documented(draft, partitions, acls);
    rotation(draft, keys);
    of_each_account(draft);
}

/// Warns about limits from documentation. They may be out of date, so they do not stop a plan.
fn documented(draft: &mut Draft<'_>, partitions: u64, acls: u64) {
    let Some(documented) = draft.observed.cluster.limits.documented.clone() else { return };
    let kind = &documented.kind;
    for (what, limit, new, field) in [
        ("partitions", documented.partitions, partitions, "partitions"),
        ("ACL bindings", documented.acls, acls, "aclBindings"),
    ] {
        let Some((most, used)) = limit else { continue };
        if new > 0 && used.saturating_add(new) > most {
            let at = workspace_route(draft.desired);
            let message = format!(
                "a cluster of the type {kind} takes {most} {what}, as documents say; {used} are in use and the plan adds {new}"
            );
            let help = format!("if yours takes more, write the number: `limits: {{{field}: …}}` beside `cluster`");
            draft.warning(RULE, at, message, help);
        }
    }
}

/// A rotating slot holds two keys while its overlap lasts.
fn rotation(draft: &mut Draft<'_>, new: u64) {
    let Some((most, used)) = draft.observed.cluster.limits.keys else { return };
    let rotating = draft
        .desired
        .accounts
        .values()
        .filter(|account| account.ensure == Ensure::Present)
        .flat_map(|account| account.keys.values())
        .filter(|key| key.rotate_every.is_some() && key.overlap > 0)
        .count() as u64;
    let now = used.saturating_add(new);
    let peak = now.saturating_add(rotating);
    if rotating > 0 && now <= most && peak > most {
        let at = workspace_route(draft.desired);
        let message = format!(
            "the cluster takes {most} API keys; {now} will be in use, and {rotating} rotating slots need a second one each while they rotate"
        );
        draft.warning(RULE, at, message, "rotate fewer slots, or have the limit raised");
    }
}

/// The same for the keys of one account.
fn of_each_account(draft: &mut Draft<'_>) {
    let (desired, observed) = (draft.desired, draft.observed);
    let Some(most) = observed.cluster.limits.keys_per_account else { return };
    let mut used = BTreeMap::<&str, u64>::new();
    for key in observed.keys.values() {
        *used.entry(&key.account).or_default() += 1;
    }
    let mut new = BTreeMap::<String, u64>::new();
    for step in &draft.steps {
        if let Change::CreateKey { account, .. } = &step.change {
            *new.entry(account.clone()).or_default() += 1;
        }
    }
    for (name, account) in desired.accounts.iter().filter(|(_, account)| account.ensure == Ensure::Present) {
        let used = used.get(name.as_str()).copied().unwrap_or_default();
        let new = new.get(name).copied().unwrap_or_default();
        let rotating = account.keys.values().filter(|key| key.rotate_every.is_some() && key.overlap > 0).count() as u64;
        let at = Route::value(EntityRef::new(Kind::ServiceAccount, &*account.entity), ["spec", "apiKeys"]);
        if new > 0 && used.saturating_add(new) > most {
            let message =
                format!("an account has at most {most} API keys; `{name}` has {used} and the plan adds {new}");
            draft.error(RULE, at, message, "delete unused keys, or split the account");
        } else if rotating > 0 && (account.keys.len() as u64).saturating_add(rotating) > most {
            let message = format!(
                "an account has at most {most} API keys; `{name}` has {} slots, and {rotating} need a second one each while they rotate",
                account.keys.len()
            );
            draft.warning(RULE, at, message, "rotate fewer slots, or split the account");
        }
    }
}
