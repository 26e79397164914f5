//! API keys: the secrets that a plan needs, and the keys of slots that are no longer declared. Declared slots are in
//! [`super::slot`].

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use weir_model::{ApiKey, Ensure, secret_names};

use super::{
    draft::{Draft, Owner},
    key_index::{Key, Keys, marker, place},
    left,
    slot::Place,
};
use crate::{Desired, DesiredAccount, KeyMarker, Maker, Observed, ObservedKey, ReportKind, SecretRef};

/// The secrets whose state a plan needs: those of the slots that the files name, and those of slots that have a key of
/// ours, of accounts that are pruned as well.
///
/// A secret outlives its key if somebody deletes the key by hand. So the slot `default` of each account without such a key
/// is looked at too, and the slots of unmanaged accounts, but only in vaults that are asked anyway: a team without keys
/// may have no vault, and its address may be a stranger's.
pub(super) fn secrets_needed(desired: &Desired, observed: &Observed) -> BTreeSet<SecretRef> {
    let mut needed = BTreeSet::new();
    for (name, account) in &desired.accounts {
        needed.extend(account.keys.values().flat_map(|key| key.secrets().cloned()));
        needed.extend(idle(name, account).filter(|_| account.ensure == Ensure::Absent));
    }
    needed.extend(observed.keys.values().flat_map(|key| places(desired, key)));
    let asked: BTreeSet<String> = needed.iter().map(|at| at.vault.clone()).collect();
    let default =
        |name: &str, vault: &String| shapes(vault.clone(), name, ApiKey::DEFAULT_SLOT).collect::<Vec<SecretRef>>();
    let mut others = Vec::new();
    for (name, account) in &desired.accounts {
        others.extend(idle(name, account));
        let keyless = !account.keys.contains_key(ApiKey::DEFAULT_SLOT);
        others.extend(account.vault.iter().filter(|_| keyless).flat_map(|vault| default(name, vault)));
    }
    others.extend(left::vaults(desired, observed).flat_map(|(name, vault)| default(name, vault)));
    needed.extend(others.into_iter().filter(|at| asked.contains(&at.vault)));
    needed
}

/// Returns the places of the secrets of slots that the files name and make no keys for.
fn idle<'n>(name: &'n str, account: &'n DesiredAccount) -> impl Iterator<Item = SecretRef> + 'n {
    let secrets = account.idle_slots.iter().filter_map(move |slot| Some((slot, account.secret(name, slot)?)));
    secrets.flat_map(move |(slot, secret)| shapes(secret.vault, name, slot))
}

/// Returns the places of a key's secret beside that of its slot, if the slot is declared.
fn places(desired: &Desired, key: &ObservedKey) -> Vec<SecretRef> {
    let maker = desired.maker();
    let Some(marker) = marker(key).filter(|marker| marker.maker == maker) else { return Vec::new() };
    let (name, slot) = (&key.account, &marker.slot);
    // The mark of the key shows which of the vaults holds its secret.
    let at = place(desired, name, &marker);
    let all: Vec<SecretRef> = match desired.accounts.get(name) {
        Some(account) if account.ensure == Ensure::Unmanaged => Vec::new(),
        // A run that was stopped, or another tool, may have moved the secret of a slot that is gone.
        Some(account) if !account.keys.contains_key(slot) => account.secret(name, slot).into_iter().chain(at).collect(),
        // The vault of the account's former team may hold the secret.
        Some(account) => {
            at.into_iter().filter(|at| account.keys.get(slot).is_some_and(|key| key.secret != *at)).collect()
        }
        None if desired.prune && desired.owns.owns_account(name) => at.into_iter().collect(),
        None => Vec::new(),
    };
    all.into_iter().flat_map(|at| shapes(at.vault, name, slot)).collect()
}

/// Blocks the keys of an account if a vault that holds, or will hold, one of them could not be read. Returns `true` if so.
pub(super) fn are_unseen(draft: &mut Draft<'_>, keys: &Keys<'_>, name: &str, team: Option<&str>) -> bool {
    let (desired, observed) = (draft.desired, draft.observed);
    if observed.unseen.is_empty() {
        return false;
    }
    let account = desired.accounts.get(name).into_iter();
    let declared = account.clone().flat_map(|account| account.keys.values());
    let made = keys.of(name).iter().flat_map(|(_, key)| places(desired, key));
    let idle = account.flat_map(|account| idle(name, account));
    let mut vaults = declared.flat_map(|key| key.secrets().cloned()).chain(idle).chain(made).map(|at| at.vault);
    let Some((vault, why)) = vaults.find_map(|vault| observed.unseen.get_key_value(&vault)) else { return false };
    draft.blocks.keys(name, team, &format!("the vault {vault} cannot be read: {why}"));
    true
}

/// Returns the places of a key in all shapes; the vault reports those that exist.
fn shapes<'n>(vault: String, account: &'n str, slot: &'n str) -> impl Iterator<Item = SecretRef> + 'n {
    secret_names(account, slot).map(move |name| SecretRef { vault: vault.clone(), name })
}

pub(super) fn plan<'a>(
    draft: &mut Draft<'a>,
    keys: &Keys<'a>,
    name: &str,
    account: &DesiredAccount,
    owner: Owner<'_>,
    now: Timestamp,
) {
    let maker = &draft.desired.maker();
    let mut ours = BTreeMap::<String, Vec<(&str, &ObservedKey)>>::new();
    let mut foreign = Vec::new();
    for (id, key) in keys.of(name) {
        match marker(key) {
            // Reported as left behind.
            Some(m) if draft.desired.is_former(&m.maker) => {}
            Some(m) if m.maker == *maker => ours.entry(m.slot).or_default().push((id, key)),
            other => foreign.push((*id, other)),
        }
    }
    let mut current = BTreeSet::new();
    for (slot, wanted) in &account.keys {
        let same_slot = ours.remove(slot).unwrap_or_default();
        let place = Place { name, account, slot, wanted, owner, now };
        current.extend(place.plan(draft, keys, &same_slot));
    }
    for (slot, gone) in &ours {
        // The key in a declared slot's secret is in use, whatever its mark says.
        for (id, _) in gone.iter().filter(|(id, _)| !current.contains(*id)) {
            let secret = keys.secrets_of(name, maker).map(|(_, secret)| secret).find(|s| s.key_id() == Some(*id));
            let meaning =
                format!("the slot `{slot}` is no longer declared: applications that use its key stop working");
            // A secret of a slot that is still declared gets a new key; it is not deleted.
            let secret = secret.filter(|s| !account.keys.values().any(|key| key.secret == s.at));
            let projections = keys.projections_of(name, slot, maker, id);
            let key = Key { account: name, slot: Some(slot), id, secret: secret.map(|s| &s.at), projections };
            key.delete(draft, true, owner, meaning);
        }
    }
    // A run that was stopped between deleting a key and its secret leaves the secret behind.
    for (slot, secret) in keys.secrets_of(name, maker) {
        let known = account.keys.contains_key(slot);
        if let Some(id) = secret.key_id().filter(|id| !known && !draft.observed.keys.contains_key(*id)) {
            let meaning = format!("the slot `{slot}` is no longer declared and its key is gone: its secret goes too");
            let projections = keys.projections_of(name, slot, maker, id);
            let key = Key { account: name, slot: Some(slot), id, secret: Some(&secret.at), projections };
            key.delete(draft, true, owner, meaning);
        }
    }
    for (id, other) in foreign.into_iter().filter(|(id, _)| !current.contains(*id)) {
        let message = match &other {
            Some(KeyMarker { maker: Maker { workspace, stage }, .. }) if *workspace == draft.desired.workspace => {
                format!("the API key `{id}` was made for stage `{stage}`; it is left alone here")
            }
            Some(KeyMarker { maker: Maker { workspace, stage }, .. }) => {
                format!("stage `{stage}` of the workspace `{workspace}` made the API key `{id}`; it is left alone here")
            }
            None => format!("the API key `{id}` was not made by weir; delete it by hand when no application uses it"),
        };
        draft.report(ReportKind::ForeignKey, name, message);
    }
}

/// Every key of an account that goes.
pub(super) fn delete_all(draft: &mut Draft<'_>, keys: &Keys<'_>, name: &str, owner: Owner<'_>) {
    let (maker, observed) = (&draft.desired.maker(), draft.observed);
    let mut secrets: BTreeMap<&str, (&str, &SecretRef)> = keys
        .secrets_of(name, maker)
        .filter_map(|(slot, secret)| Some((secret.key_id()?, (slot, &secret.at))))
        .collect();
    for (id, key) in keys.of(name) {
        let secret = secrets.remove(id).map(|(_, at)| at);
        let slot = marker(key).map(|m| m.slot);
        let projections = keys.projections_of(name, slot.as_deref().unwrap_or_default(), maker, id);
        let meaning = "applications that log in with it stop working".to_owned();
        let key = Key { account: name, slot: slot.as_deref(), id, secret, projections };
        key.delete(draft, true, owner, meaning);
    }
    // A tag may name another account's key: a secret is only deleted along with a key that no longer exists.
    for (id, (slot, at)) in secrets.into_iter().filter(|(id, _)| !observed.keys.contains_key(*id)) {
        let meaning = "the key is gone already: its secret goes too".to_owned();
        let projections = keys.projections_of(name, slot, maker, id);
        let key = Key { account: name, slot: Some(slot), id, secret: Some(at), projections };
        key.delete(draft, true, owner, meaning);
    }
}
