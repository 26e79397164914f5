//! Accounts, bindings, keys and secrets that weir made and that no file asks for any more. They are reported in every
//! plan until they are gone.

use std::collections::{BTreeMap, BTreeSet};

use weir_findings::count;
use weir_model::Ensure;
use weir_ownership::Reach;

use super::{
    draft::Draft,
    key_index::{self, Keys, marker},
};
use crate::{
    Acl, Change, Desired, DesiredAccount, Maker, Object, Observed, ObservedAccount, ObservedSecret, Principal,
    ReportKind, SecretRef, SecretState, Withdrawal, render::binding,
};

/// Returns the words for the maker of an object that is this stage's to report: this stage, or a stage that `weir.yaml`
/// no longer has.
fn made_by(desired: &Desired, maker: Option<&Maker>) -> Option<String> {
    let maker = maker?;
    if *maker == desired.maker() {
        return Some("weir made it".to_owned());
    }
    let former = format!("stage `{}` made it, which weir.yaml no longer has on this cluster", maker.stage);
    desired.is_former(maker).then_some(former)
}

/// Reports an unmanaged account that weir made, with the rights and keys that it keeps. Withdrawn bindings are reported
/// apart, or the plan revokes them.
pub(super) fn unmanaged(
    draft: &mut Draft<'_>,
    keys: &Keys<'_>,
    name: &str,
    (account, there): (&DesiredAccount, Option<&ObservedAccount>),
    revokes: bool,
) {
    let maker = there.and_then(|there| there.maker.as_ref());
    let Some(maker) = made_by(draft.desired, maker) else { return };
    let why = "the files leave the service account alone (`ensure: unmanaged`)";
    let acls = draft.observed.acls.get(&*Principal::of_account(name));
    let is_withdrawn = |acl: &&Acl| account.withdrawn.contains_key(*acl);
    let (withdrawn, others): (Vec<&Acl>, Vec<&Acl>) = acls.into_iter().flatten().partition(is_withdrawn);
    beyond(draft, name, Some(&account.team), &others, why);
    let rights = numbered(others.len() + if revokes { 0 } else { withdrawn.len() });
    let keys = count_keys(keys, name);
    draft.report(ReportKind::LeftBehind, name, format!("{why}, and {maker}; it keeps {rights} and {keys}"));
}

/// Reports an account that weir made and that no file declares, with the rights and keys that it keeps. Returns `false`
/// for any other account.
pub(super) fn undeclared(draft: &mut Draft<'_>, keys: &Keys<'_>, name: &str, there: &ObservedAccount) -> bool {
    let desired = draft.desired;
    let Some(maker) = made_by(desired, there.maker.as_ref()) else { return false };
    let remedy = match there.maker == Some(desired.maker()) {
        true => "declare it with `ensure: absent` to have it deleted",
        false => "delete it by hand, or bring the stage back and declare it with `ensure: absent`",
    };
    let why = "no file declares the service account";
    let acls = draft.observed.acls.get(&*Principal::of_account(name));
    let acls: Vec<&Acl> = acls.into_iter().flatten().collect();
    beyond(draft, name, desired.team_of(name).map(|(team, _)| team), &acls, why);
    let rights = numbered(acls.len());
    let keys = count_keys(keys, name);
    draft.report(ReportKind::LeftBehind, name, format!("{why}, and {maker}; {remedy}; it keeps {rights} and {keys}"));
    true
}

fn count_keys(keys: &Keys<'_>, name: &str) -> String {
    match keys.of(name).len() {
        0 => "no API key".to_owned(),
        number => count(number, "API key"),
    }
}

/// Returns the number of bindings in words.
fn numbered(number: usize) -> String {
    if number == 0 { "no ACL binding".to_owned() } else { count(number, "ACL binding") }
}

/// Reports each binding beyond the names of the account's team.
fn beyond(draft: &mut Draft<'_>, name: &str, team: Option<&str>, acls: &[&Acl], why: &str) {
    let desired = draft.desired;
    let beyond = match team.filter(|team| desired.teams.contains_key(*team)) {
        Some(team) => format!("it reaches beyond the names of team {team}, and {why}"),
        None => why.to_owned(),
    };
    for acl in acls.iter().filter(|acl| team.is_none_or(|team| desired.reach(team, acl) != Reach::Own)) {
        right(draft, name, acl, &beyond);
    }
}

/// Reports a binding that is still there.
fn right(draft: &mut Draft<'_>, name: &str, acl: &Acl, why: &str) {
    let words = binding(&Principal::of_account(name), acl);
    draft.report(ReportKind::RightLeftBehind, name, format!("“{words}” is still in force: {why}"));
}

/// Reports the bindings that an account no longer gets and that weir leaves alone with the account.
pub(super) fn withdrawn(draft: &mut Draft<'_>, name: &str, account: &DesiredAccount) {
    let Some(there) = draft.observed.acls.get(&*Principal::of_account(name)) else { return };
    for (acl, Withdrawal { why, .. }) in account.withdrawn.iter().filter(|(acl, _)| there.contains(*acl)) {
        let message = format!("{why}; weir leaves the service account alone, so delete the binding by hand");
        right(draft, name, acl, &message);
    }
}

/// Returns the principals in the name spaces of teams and in the stage's scope that have bindings, but neither a file nor
/// a service account.
fn strangers<'a>(desired: &'a Desired, observed: &'a Observed) -> impl Iterator<Item = (&'a str, &'a BTreeSet<Acl>)> {
    let known = |name: &str| desired.accounts.contains_key(name) || observed.accounts.contains_key(name);
    let principals = observed.acls.iter().filter(|(_, acls)| !acls.is_empty());
    principals.filter_map(move |(principal, acls)| {
        let name = principal.user().filter(|name| !known(name))?;
        let concerned = desired.owns.owns_account(name) || desired.team_of(name).is_some();
        (concerned && desired.protected_account(name, observed).is_none()).then_some((name, acls))
    })
}

/// Reports the bindings of service accounts that do not exist any more and that no file declares.
pub(super) fn bindings(draft: &mut Draft<'_>) {
    let desired = draft.desired;
    for (name, acls) in strangers(desired, draft.observed) {
        let why = "there is neither a service account nor a file of this name";
        let acls: Vec<&Acl> = acls.iter().collect();
        beyond(draft, name, desired.team_of(name).map(|(team, _)| team), &acls, why);
        let rights = numbered(acls.len());
        let remedy = "a new account of this name would get its rights, so delete what it keeps by hand";
        draft.report(ReportKind::LeftBehind, name, format!("{why}, but it keeps {rights}: {remedy}"));
    }
}

/// Returns the undeclared accounts whose secrets may be left in a vault, each with the vault of the team in whose name
/// space the account lies.
pub(super) fn vaults<'a>(desired: &'a Desired, observed: &'a Observed) -> impl Iterator<Item = (&'a str, &'a String)> {
    let maker = Some(desired.maker());
    let undeclared = observed
        .accounts
        .iter()
        .filter(move |(name, there)| !desired.accounts.contains_key(*name) && there.maker == maker);
    let names = undeclared.map(|(name, _)| name.as_str()).chain(strangers(desired, observed).map(|(name, _)| name));
    names.filter_map(|name| Some((name, desired.team_of(name)?.1.vault.as_ref()?)))
}

pub(super) fn vaults_to_list<'a>(desired: &'a Desired, observed: &'a Observed) -> BTreeSet<&'a str> {
    let declared = desired.accounts.values().filter_map(|account| account.vault.as_deref());
    declared.chain(vaults(desired, observed).map(|(_, vault)| vault.as_str())).collect()
}

/// Adds a listed secret, if weir wrote it for this stage or for a former one.
///
/// A plan acts only on secrets in the place that the account's files give: anyone with the right to write to a vault can
/// put weir's tags on another secret.
pub(super) fn add_listed(desired: &Desired, observed: &mut Observed, secret: ObservedSecret) {
    let tag = |name: &str| secret.tags.get(name).map_or("", String::as_str);
    let maker = Maker {
        workspace: tag(ObservedSecret::TAG_WORKSPACE).to_owned(),
        stage: tag(ObservedSecret::TAG_STAGE).to_owned(),
    };
    // A stage of another cluster is no former stage of this one.
    let is_here = tag(ObservedSecret::TAG_CLUSTER) == observed.cluster.id;
    let concerns = maker == desired.maker() || is_here && desired.is_former(&maker);
    if !concerns || !secret.is_of_its_account() || secret.state == SecretState::Deleted {
        return;
    }
    let (name, slot) = (tag(ObservedSecret::TAG_ACCOUNT), tag(ObservedSecret::TAG_SLOT));
    let account = desired.accounts.get(name).filter(|account| account.ensure != Ensure::Unmanaged);
    let place = account.and_then(|account| account.secret(name, slot));
    let is_in_place = is_here && maker == desired.maker() && place.is_some_and(|place| place.vault == secret.at.vault);
    if is_in_place {
        observed.secrets.entry(secret.at.clone()).or_insert(secret);
    } else {
        observed.other_secrets.insert(secret.at.clone(), secret);
    }
}

/// Reports the keys that weir made for slots that the files do not manage, and for slots that are stored in another vault
/// by now.
pub(super) fn keys(draft: &mut Draft<'_>, keys: &Keys<'_>) {
    let desired = draft.desired;
    let maker = desired.maker();
    let deleted: BTreeSet<&str> = draft
        .steps
        .iter()
        .filter_map(|step| match (&step.change, step.change.about().object) {
            (Change::DeleteKey { .. }, Object::Key { key, .. }) => Some(key),
            _ => None,
        })
        .collect();
    let mut items = Vec::new();
    for (name, id, key) in keys.all().filter(|(_, id, _)| !deleted.contains(id)) {
        let Some(mark) = marker(key).filter(|mark| mark.maker == maker || desired.is_former(&mark.maker)) else {
            continue;
        };
        let place = key_index::place(desired, name, &mark);
        let account = desired.accounts.get(name).filter(|account| account.ensure == Ensure::Present);
        let why = match account.and_then(|account| account.keys.get(&mark.slot)) {
            _ if desired.is_former(&mark.maker) => {
                format!("its stage `{}` is no longer in weir.yaml on this cluster", mark.maker.stage)
            }
            Some(wanted) if place.as_ref().is_none_or(|place| *place == wanted.secret) => continue,
            Some(_) => "the slot is stored in another vault by now".to_owned(),
            None => "no file asks for it".to_owned(),
        };
        let place = place.map_or_else(
            || "the vault with its secret is not known".to_owned(),
            |place| format!("its secret is `{place}`"),
        );
        items.push((format!("{name}/{}", mark.slot), format!("the API key `{id}` still logs in, and {why}; {place}")));
    }
    for (object, message) in items {
        draft.report(ReportKind::LeftBehind, object, message);
    }
}

/// Reports the secrets of keys that do not exist any more, in slots that no file asks for.
pub(super) fn secrets(draft: &mut Draft<'_>, keys: &Keys<'_>) {
    let (desired, observed) = (draft.desired, draft.observed);
    let deleted: BTreeSet<&SecretRef> = draft
        .steps
        .iter()
        .filter(|step| matches!(step.change, Change::DeleteKey { .. }))
        .flat_map(|step| step.change.secrets())
        .collect();
    let mut items = Vec::new();
    for (name, slot, secret) in keys.secrets_by(&desired.maker()) {
        let declared = desired.accounts.get(name).is_some_and(|account| account.keys.contains_key(slot));
        let has_key = secret.key_id().is_some_and(|id| observed.keys.contains_key(id));
        if !declared && !has_key && !deleted.contains(&secret.at) {
            let message = format!(
                "the secret `{}` is left in its vault: its API key does not exist any more, and no file asks for it; delete it by hand",
                secret.at
            );
            items.push((format!("{name}/{slot}"), message));
        }
    }
    let mut others = BTreeMap::<&str, Vec<_>>::new();
    for secret in observed.other_secrets.values().filter(|secret| secret.is_of_its_account()) {
        others.entry(&secret.at.vault).or_default().extend(other(desired, observed, secret));
    }
    for (vault, mut of_vault) in others {
        // Whoever may write into a vault decides on their number: they must not crowd out the rest of the report.
        let more = of_vault.len().saturating_sub(SECRETS_OF_A_VAULT);
        of_vault.truncate(SECRETS_OF_A_VAULT);
        items.extend(of_vault);
        if more > 0 {
            let more = count(more, "more secret");
            items.push((
                vault.to_owned(),
                format!("the vault holds {more} with weir's tags that no file or key explains"),
            ));
        }
    }
    for (object, message) in items {
        draft.report(ReportKind::LeftBehind, object, message);
    }
    for (vault, why) in &observed.unlisted {
        let message = format!("weir cannot see all secrets of this vault, and reports none that it left there: {why}");
        draft.report(ReportKind::UnlistedVault, vault, message);
    }
}

/// Largest number of other secrets of one vault that are reported one by one.
const SECRETS_OF_A_VAULT: usize = 20;

/// Returns the words for a listed secret that neither a file nor a key explains, and the slot that it was made for.
fn other(desired: &Desired, observed: &Observed, secret: &ObservedSecret) -> Option<(String, String)> {
    let tag = |name: &str| secret.tags.get(name).map_or("", String::as_str);
    let (name, slot) = (tag(ObservedSecret::TAG_ACCOUNT), tag(ObservedSecret::TAG_SLOT));
    let (stage, cluster) = (tag(ObservedSecret::TAG_STAGE), tag(ObservedSecret::TAG_CLUSTER));
    // The key is reported, or the plan deletes it.
    if secret.key_id().is_some_and(|id| observed.keys.contains_key(id)) {
        return None;
    }
    let wanted = desired.accounts.get(name).and_then(|account| account.keys.get(slot));
    let key = match observed.accounts.contains_key(name) {
        _ if cluster != observed.cluster.id => format!("its API key is of the cluster `{cluster}`"),
        true => "its API key does not exist any more".to_owned(),
        false => "weir finds neither its service account nor its API key".to_owned(),
    };
    let why = match wanted {
        _ if stage != desired.stage => format!("its stage `{stage}` is no longer in weir.yaml on this cluster"),
        Some(wanted) if wanted.secrets().any(|at| *at == secret.at) => return None,
        Some(wanted) if wanted.secret.vault != secret.at.vault => {
            "the slot is stored in another vault by now".to_owned()
        }
        Some(_) | None => "no file asks for it".to_owned(),
    };
    let message = format!("the secret `{}` is left in its vault: {key}, and {why}; delete it by hand", secret.at);
    Some((format!("{name}/{slot}"), message))
}
