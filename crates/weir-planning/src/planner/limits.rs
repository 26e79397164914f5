//! The limits of the cluster, counted without deletions, since these come later than creations.

use std::collections::{BTreeMap, BTreeSet};

use weir_findings::count;
use weir_model::{Ensure, EntityRef, Kind, Route};

use super::draft::{Draft, workspace_route};
use crate::{Change, Step, blocks::CLUSTER_LIMIT};

/// A number that a cluster limits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Limited {
    Accounts,
    Partitions,
    Acls,
    Keys,
}

impl Limited {
    /// All of them. An account comes before its bindings and keys, a topic before the bindings on it, so that a step that
    /// is left out takes those after it along before they are counted.
    const ALL: [Self; 4] = [Self::Accounts, Self::Partitions, Self::Acls, Self::Keys];

    /// Returns the number that a step adds.
    fn added(self, step: &Step, default_partitions: u32) -> u64 {
        match (self, &step.change) {
            (Self::Partitions, Change::CreateTopic { partitions, .. }) => {
                u64::from(partitions.unwrap_or(default_partitions))
            }
            (Self::Partitions, Change::AddPartitions { from, to, .. }) => u64::from(to.saturating_sub(*from)),
            (Self::Acls, Change::CreateAcl { .. })
            | (Self::Accounts, Change::CreateAccount { .. })
            | (Self::Keys, Change::CreateKey { .. }) => 1,
            _ => 0,
        }
    }

    /// Returns the things that are counted, and the remedy.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Partitions => ("partitions", "ask for fewer partitions, or for a larger cluster"),
            Self::Acls => {
                ("ACL bindings", "replace many literal bindings by a prefixed one, or ask for a larger cluster")
            }
            Self::Accounts => ("service accounts", "delete unused accounts, or have the limit raised"),
            Self::Keys => ("API keys", "delete unused keys, or have the limit raised"),
        }
    }
}

pub(super) fn check(draft: &mut Draft<'_>) {
    let (limits, default_partitions) = (&draft.observed.cluster.limits, draft.observed.cluster.default_partitions);
    for limited in Limited::ALL {
        let limit = match limited {
            Limited::Partitions => limits.partitions,
            Limited::Acls => limits.acls,
            Limited::Accounts => limits.accounts,
            Limited::Keys => limits.keys,
        };
        if let Some((most, used)) = limit {
            fit(draft, limited, most, used);
        }
    }
    of_each_account(draft);
    let added = |limited: Limited| draft.steps.iter().map(|step| limited.added(step, default_partitions)).sum();
    let (partitions, acls, keys) = (added(Limited::Partitions), added(Limited::Acls), added(Limited::Keys));
    documented(draft, partitions, acls);
    rotation(draft, keys);
}

/// Leaves alone the objects that do not fit into the cluster, in the order of the plan. The bindings of an account fit
/// together or not at all: a grant without the denial beside it gives too much. Nothing else waits for more room.
fn fit(draft: &mut Draft<'_>, limited: Limited, most: u64, mut used: u64) {
    let default_partitions = draft.observed.cluster.default_partitions;
    let mut asked = BTreeMap::<&str, u64>::new();
    let mut order = Vec::new();
    for step in &draft.steps {
        let added = limited.added(step, default_partitions);
        if added > 0 {
            let name = step.change.about().object.name();
            *asked.entry(name).or_insert_with(|| {
                order.push(name);
                0
            }) += added;
        }
    }
    let total: u64 = asked.values().sum();
    if total == 0 || used.saturating_add(total) <= most {
        return;
    }
    let (what, help) = limited.words();
    let message = format!("the cluster takes {most} {what}; {used} are in use and the files ask for {total} more");
    let mut out = BTreeMap::new();
    for name in order {
        let added = asked[name];
        if used.saturating_add(added) <= most {
            used += added;
        } else {
            let why = format!("the cluster takes {most} {what}, and has no room for {added} more");
            out.insert(name.to_owned(), why);
        }
    }
    let mut told = BTreeSet::new();
    for step in draft.steps.iter().filter(|step| limited.added(step, default_partitions) > 0) {
        let object = step.change.about().object;
        let Some(why) = out.get(object.name()) else { continue };
        match object.account().and_then(|account| draft.desired.accounts.get_key_value(account)) {
            Some((name, account)) if limited == Limited::Acls => {
                if told.insert(name) {
                    draft.blocks.all_bindings(name, account, why);
                }
            }
            Some(_) | None => draft.blocks.step(step, why),
        }
    }
    let message = format!("{message}, so the plan leaves {} out", count(out.len(), "object"));
    draft.error(CLUSTER_LIMIT, workspace_route(draft.desired), message, help);
    draft.blocks.keep_out(&mut draft.steps);
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
            draft.warning(CLUSTER_LIMIT, at, message, help);
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
        draft.warning(CLUSTER_LIMIT, at, message, "rotate fewer slots, or have the limit raised");
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
        let Change::CreateKey { account, .. } = &step.change else { continue };
        let new = new.entry(account.clone()).or_default();
        *new += 1;
        // The deletions of unused keys go on: they make room.
        if used.get(account.as_str()).copied().unwrap_or_default().saturating_add(*new) > most {
            let why = format!("an account has at most {} at the same time", count(most, "API key"));
            draft.blocks.step(step, &why);
        }
    }
    for (name, account) in desired.accounts.iter().filter(|(_, account)| account.ensure == Ensure::Present) {
        let used = used.get(name.as_str()).copied().unwrap_or_default();
        let new = new.get(name).copied().unwrap_or_default();
        let rotating = account.keys.values().filter(|key| key.rotate_every.is_some() && key.overlap > 0).count() as u64;
        let at = Route::value(EntityRef::new(Kind::ServiceAccount, &*account.entity), ["spec", "apiKeys"]);
        if new > 0 && used.saturating_add(new) > most {
            let message =
                format!("an account has at most {most} API keys; `{name}` has {used} and the files ask for {new} more");
            draft.error(CLUSTER_LIMIT, at, message, "delete unused keys, or split the account");
        } else if rotating > 0 && (account.keys.len() as u64).saturating_add(rotating) > most {
            let message = format!(
                "an account has at most {most} API keys; `{name}` has {} slots, and {rotating} need a second one each while they rotate",
                account.keys.len()
            );
            draft.warning(CLUSTER_LIMIT, at, message, "rotate fewer slots, or split the account");
        }
    }
    draft.blocks.keep_out(&mut draft.steps);
}
