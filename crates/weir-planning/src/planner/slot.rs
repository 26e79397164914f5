//! The API key of a declared slot: created, rotated, retired.
//!
//! The tags of a slot's secret say which key applications use: that is the current key. A key that carries our mark
//! and is older than the current one was replaced and stays valid until the current key is older than the slot's
//! overlap. One that its run did not come to store is stranded: nobody has its secret, so it goes at once. To tell the
//! two apart, a key's mark says which secret it was made for, and a secret's tags say which key was in it before, and
//! when the two were made.
//!
//! A slot may be stored in other shapes beside the JSON secret, its projections. They are written after it. If one
//! does not hold the current key (a run was stopped in between, somebody changed it, it is newly asked for), the key
//! is replaced: weir never reads a value, so it needs no right to, and only a new key can be written. The keys before
//! it stay for the overlap, so whatever a reader has works.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use weir_model::{Duration, Moment};

use super::{
    draft::{Draft, Owner},
    key_index::{Key, Keys, marker},
    settings::{day, words},
};
use crate::{
    Change, DesiredAccount, DesiredKey, ObservedKey, ObservedSecret, Provider, ReportKind, Risk, SecretRef, SecretState,
};

/// The greatest age, in milliseconds, of a key that counts as never stored by its run, when there is no
/// secret to compare it with.
const FRESH: i128 = 3_600_000;

/// [`ObservedSecret::TAG_REPLACES`] of the first key in a secret.
const NONE: &str = "none";

/// A declared slot.
pub(super) struct Place<'a> {
    pub(super) name: &'a str,
    pub(super) account: &'a DesiredAccount,
    pub(super) slot: &'a str,
    pub(super) wanted: &'a DesiredKey,
    pub(super) owner: Owner<'a>,
    pub(super) now: Timestamp,
}

/// The state of the key that applications use.
enum Current<'a> {
    /// It is there.
    Valid(&'a str, &'a ObservedKey),
    /// A new one is needed; why, and the key it takes the place of.
    Needed(String, Option<&'a str>),
    /// The secret's name is taken by a secret that is not this slot's.
    Taken,
}

impl Place<'_> {
    /// Returns the id of the key in the vault.
    pub(super) fn plan<'o>(
        &self,
        draft: &mut Draft<'o>,
        keys: &Keys<'o>,
        same_slot: &[(&'o str, &'o ObservedKey)],
    ) -> Option<&'o str> {
        let secret = draft.observed.secrets.get(&self.wanted.secret);
        match self.current(draft, keys, secret) {
            Current::Taken => None,
            Current::Needed(_, _) if self.is_somebody_elses(draft, keys) => None,
            Current::Needed(why, replaces) => {
                // A new SCRAM password replaces the old one, whoever knows the old one.
                let only = same_slot.first().map(|(id, _)| *id).filter(|_| takes_the_place(draft));
                let replaces = replaces.or(only);
                let overlap = same_slot
                    .iter()
                    .find(|(id, _)| Some(*id) == replaces)
                    .map_or(self.wanted.overlap, |(_, key)| self.overlap(key));
                // A deleted secret whose key is gone was the end of a slot that now comes back: as if it had never been.
                let before = secret.filter(|secret| {
                    let held = |(id, _): &(&str, _)| secret.key_id() == Some(*id);
                    secret.state != SecretState::Deleted || keys.of(self.name).iter().any(held)
                });
                self.create(draft, why, replaces, overlap, before);
                let last = secret.and_then(ObservedSecret::key_created);
                for (id, key) in same_slot {
                    let stranded = match (last, key.created) {
                        // Had it been stored, the secret would name it, or a younger one.
                        (Some(last), Some(created)) => created > last,
                        // The secret is not there: a run made the key and was stopped, just now. An older one may have
                        // been stored in a secret that was removed later.
                        (_, created) => {
                            let fresh = |created| self.is_young(created, self.now) && age(created, self.now) < FRESH;
                            before.is_none() && created.is_some_and(fresh)
                        }
                    };
                    if stranded && self.is_made_for_here(key) {
                        self.retire(draft, keys, (id, key), secret, true);
                    } else {
                        self.give_up(draft, keys, (id, key), secret);
                    }
                }
                replaces.or_else(|| secret.and_then(ObservedSecret::key_id))
            }
            Current::Valid(id, key) => {
                self.tell_unasked(draft, secret);
                if let Some(why) = self.why_replaced(draft, id, key) {
                    self.create(draft, why, Some(id), self.overlap(key), secret);
                    self.give_up(draft, keys, (id, key), secret);
                }
                for (other, older) in same_slot.iter().filter(|(other, _)| *other != id) {
                    self.replaced(draft, keys, (other, older), key, secret);
                }
                Some(id)
            }
        }
    }

    fn object(&self) -> String {
        format!("{}/{}", self.name, self.slot)
    }

    fn current<'o>(&self, draft: &mut Draft<'o>, keys: &Keys<'o>, secret: Option<&'o ObservedSecret>) -> Current<'o> {
        let observed = draft.observed;
        let taken = self.wanted.secrets().filter_map(|at| observed.secrets.get(at)).find_map(|s| self.whose(draft, s));
        if let Some((message, help)) = taken {
            let place = self.owner.route(draft.desired, &["spec", "apiKeys"]);
            draft.error("foreign-secret", place, message, help);
            return Current::Taken;
        }
        let Some(secret) = secret else {
            return Current::Needed("the vault holds no secret for the slot".to_owned(), None);
        };
        let held = secret.key_id();
        let key = held.and_then(|id| keys.of(self.name).iter().find(|(k, _)| *k == id));
        match (secret.state, key) {
            (SecretState::Present, Some((id, key))) => Current::Valid(id, key),
            (SecretState::Present, None) => {
                let which = held.unwrap_or("unknown");
                Current::Needed(format!("the vault holds the API key `{which}`, which does not exist"), None)
            }
            (SecretState::Disabled, key) => {
                Current::Needed("the secret is disabled".to_owned(), key.map(|(id, _)| *id))
            }
            (SecretState::Deleted, key) => {
                Current::Needed("the secret was deleted; it is recovered".to_owned(), key.map(|(id, _)| *id))
            }
        }
    }

    /// Returns `true`, and adds an error, if a new key would replace a password that weir did not make.
    fn is_somebody_elses(&self, draft: &mut Draft<'_>, keys: &Keys<'_>) -> bool {
        // weir makes SCRAM-SHA-512 credentials; one of SCRAM-SHA-256 stands beside it.
        let taken = |(id, key): &(&str, &ObservedKey)| {
            let kind = id.strip_prefix(self.name).and_then(|id| id.strip_prefix('#'));
            key.marker.is_none() && kind.is_some_and(|kind| kind.starts_with("sha512"))
        };
        if !takes_the_place(draft) || !keys.of(self.name).iter().any(taken) {
            return false;
        }
        let place = self.owner.route(draft.desired, &["spec", "apiKeys"]);
        let message = format!(
            "the SCRAM user `{}` has a SCRAM-SHA-512 password that weir did not make; a key of ours would take its place",
            self.name
        );
        let help = "move its applications to SCRAM-SHA-256, delete the SCRAM-SHA-512 password, and plan again; or leave `apiKeys` out";
        draft.error("foreign-credential", place, message, help);
        true
    }

    /// Returns the owner of a secret that is not this slot's, with the advice for that case.
    fn whose(&self, draft: &Draft<'_>, secret: &ObservedSecret) -> Option<(String, &'static str)> {
        let at = &secret.at;
        if !secret.is_ours() {
            let message =
                format!("the vault holds a secret `{at}` that weir did not write, so it is never overwritten");
            return Some((message, "rename the slot, or move the secret away by hand"));
        }
        let own = [
            (ObservedSecret::TAG_WORKSPACE, "workspace", draft.desired.workspace.as_str()),
            (ObservedSecret::TAG_STAGE, "stage", draft.desired.stage.as_str()),
            (ObservedSecret::TAG_ACCOUNT, "account", self.name),
            (ObservedSecret::TAG_SLOT, "slot", self.slot),
        ];
        let (what, value) = own
            .into_iter()
            .find_map(|(tag, what, own)| Some((what, secret.tags.get(tag).filter(|value| *value != own)?)))?;
        let message = format!("the secret `{at}` belongs to {what} `{value}`, so it is never overwritten");
        Some((message, "give each stage a vault of its own, or rename the slot"))
    }

    /// Shapes that are still in the vault though no file asks for them any more.
    fn tell_unasked(&self, draft: &mut Draft<'_>, secret: Option<&ObservedSecret>) {
        for part in secret.into_iter().flat_map(ObservedSecret::parts) {
            if !self.wanted.projections.contains_key(&part) {
                let name = part.secret_name(self.name, self.slot);
                let message = format!(
                    "no file asks for the secret `{name}` any more; delete it when no application reads it, since the key in it stops working when it is replaced"
                );
                draft.report(ReportKind::UnaskedSecret, self.object(), message);
            }
        }
    }

    /// Returns the reason for replacing the key in the vault now, if there is one.
    fn why_replaced(&self, draft: &mut Draft<'_>, id: &str, key: &ObservedKey) -> Option<String> {
        let secrets = &draft.observed.secrets;
        let stale = self.wanted.projections.values().find(|at| secrets.get(at).and_then(|s| s.hands_out()) != Some(id));
        if let Some(at) = stale {
            return Some(format!(
                "the secret `{}` does not hold the key; weir reads no secret, so a new key is written",
                at.name
            ));
        }
        if let Some(limit) = self.wanted.rotated_after {
            match key.created {
                Some(created) if created < limit && limit <= self.now => {
                    return Some(format!("the key was made before {}", Moment(limit)));
                }
                Some(created) if created < limit => {
                    let message = format!("the API key `{id}` is replaced on {}", day(limit));
                    draft.report(ReportKind::KeyDue, self.object(), message);
                }
                None if self.wanted.rotate_every.is_none() => self.tell_ageless(draft, id),
                _ => {}
            }
        }
        // A period of 0 would rotate on every run; validation refuses it.
        let every = self.wanted.rotate_every.filter(|every| *every > 0)?;
        let Some(created) = key.created else {
            self.tell_ageless(draft, id);
            return None;
        };
        if age(created, self.now) >= i128::from(every) {
            return Some(format!("the key is older than {}", words(every)));
        }
        let when = after(created, every).map_or_else(|| "never".to_owned(), |t| format!("on {}", day(t)));
        draft.report(ReportKind::KeyDue, self.object(), format!("the API key `{id}` is due {when}"));
        None
    }

    fn tell_ageless(&self, draft: &mut Draft<'_>, id: &str) {
        let message = format!("the age of the API key `{id}` is not known, so it is not replaced");
        draft.report(ReportKind::KeyDue, self.object(), message);
    }

    /// Returns the time, in milliseconds, for which a key stays valid beside its replacement.
    fn overlap(&self, key: &ObservedKey) -> u64 {
        if self.in_emergency(key) { 0 } else { self.wanted.overlap }
    }

    /// Returns `true` if an emergency is declared for keys of this age.
    fn in_emergency(&self, key: &ObservedKey) -> bool {
        let limit = self.wanted.rotated_after.filter(|limit| self.wanted.emergency && *limit <= self.now);
        limit.is_some_and(|limit| key.created.is_some_and(|created| created < limit))
    }

    /// Retires or keeps the key that this plan replaces.
    fn give_up(
        &self,
        draft: &mut Draft<'_>,
        keys: &Keys<'_>,
        (id, key): (&str, &ObservedKey),
        secret: Option<&ObservedSecret>,
    ) {
        match self.overlap(key) {
            0 => self.retire(draft, keys, (id, key), secret, false),
            overlap => {
                let message = format!("the API key `{id}` stays valid until its replacement is {} old", words(overlap));
                draft.report(ReportKind::RetiringKey, self.object(), message);
            }
        }
    }

    /// Retires or keeps another key of weir's in the slot.
    fn replaced(
        &self,
        draft: &mut Draft<'_>,
        keys: &Keys<'_>,
        (id, key): (&str, &ObservedKey),
        current: &ObservedKey,
        secret: Option<&ObservedSecret>,
    ) {
        let secrets = &draft.observed.secrets;
        if self.wanted.projections.values().any(|at| secrets.get(at).and_then(|s| s.hands_out()) == Some(id)) {
            // Readers of that shape still get it: it is replaced only now.
            return self.give_up(draft, keys, (id, key), secret);
        }
        if self.is_stranded(keys, (id, key), current, secret) {
            return self.retire(draft, keys, (id, key), secret, true);
        }
        let overlap = self.overlap(key);
        // A younger key was stored in another place, and the slot has moved back since: applications stopped using it
        // when its own overlap ended.
        let since = match (key.created, current.created) {
            (Some(other), Some(current)) => Some(current.max(other)),
            (_, current) => current,
        };
        match since {
            Some(since) if age(since, self.now) >= i128::from(overlap) => {
                self.retire(draft, keys, (id, key), secret, false);
            }
            since => {
                let until = since.and_then(|c| after(c, overlap));
                let until = until.map_or_else(|| "its replacement's age is known".to_owned(), day);
                let message = format!("the API key `{id}` was replaced and stays valid until {until}");
                draft.report(ReportKind::RetiringKey, self.object(), message);
            }
        }
    }

    /// Returns `true` if no vault holds the key's secret, since the run that made the key was stopped before storing it.
    fn is_stranded(
        &self,
        keys: &Keys<'_>,
        (id, key): (&str, &ObservedKey),
        current: &ObservedKey,
        secret: Option<&ObservedSecret>,
    ) -> bool {
        let (Some(other), Some(current)) = (key.created, current.created) else { return false };
        if !self.is_made_for_here(key) {
            return false;
        }
        let before = secret.and_then(|s| s.tags.get(ObservedSecret::TAG_REPLACES)).map(String::as_str);
        let known = keys.of(self.name).iter().find(|(k, _)| Some(*k) == before).and_then(|(_, before)| before.created);
        match (before, known.or_else(|| secret?.replaced_created())) {
            // Had it been stored, the secret would hand it out now.
            _ if other > current => true,
            (Some(before), _) if before == id => false,
            // Had it been stored after the one before, it would be the one before.
            (_, Some(before)) => before < other,
            (Some(NONE), None) => self.is_young(other, current),
            _ => false,
        }
    }

    /// Returns `true` if a key made at `created` was no older than an overlap at `then`.
    fn is_young(&self, created: Timestamp, then: Timestamp) -> bool {
        age(created, then) < i128::from(self.wanted.overlap)
    }

    /// Returns `true` if the key was made to be stored in the slot's current secret.
    fn is_made_for_here(&self, key: &ObservedKey) -> bool {
        marker(key).is_some_and(|marker| marker.is_for(&self.wanted.secret))
    }

    fn retire(
        &self,
        draft: &mut Draft<'_>,
        keys: &Keys<'_>,
        (id, key): (&str, &ObservedKey),
        secret: Option<&ObservedSecret>,
        stranded: bool,
    ) {
        if takes_the_place(draft) {
            return;
        }
        let meaning = match self.overlap(key) {
            _ if stranded => {
                "the run that made the key was stopped before it stored it: no application has it".to_owned()
            }
            0 if self.in_emergency(key) => {
                "an emergency is declared for keys as old as this one: applications that still hold it stop working"
                    .to_owned()
            }
            0 => "the key is replaced without overlap: applications that still hold it stop working".to_owned(),
            overlap => format!("the key was replaced more than {} ago", words(overlap)),
        };
        // The slot was stored in another vault before: the secret there goes with its key.
        let maker = draft.desired.maker();
        let former = keys
            .secrets_of(self.name, &maker)
            .map(|(_, secret)| secret)
            .find(|secret| secret.at != self.wanted.secret && secret.key_id() == Some(id));
        if let Some(former) = former {
            let projections = keys.projections_of(self.name, self.slot, &maker, id);
            let projections = projections.into_iter().filter(|at| at.vault == former.at.vault).collect();
            let key = Key { account: self.name, slot: Some(self.slot), id, secret: Some(&former.at), projections };
            return key.delete(draft, true, self.owner, meaning);
        }
        // A stranded key names the secret too: that run may still be under way, and store it after all.
        let at = secret.map_or(&self.wanted.secret, |s| &s.at);
        let projections: BTreeSet<&SecretRef> = self.wanted.projections.values().collect();
        let projections = projections.into_iter().cloned().collect();
        let key = Key { account: self.name, slot: Some(self.slot), id, secret: Some(at), projections };
        key.delete(draft, false, self.owner, meaning);
    }

    fn create(
        &self,
        draft: &mut Draft<'_>,
        why: String,
        replaces: Option<&str>,
        overlap: u64,
        secret: Option<&ObservedSecret>,
    ) {
        let parts: Vec<&str> = self.wanted.projections.keys().map(|part| part.as_str()).collect();
        let parts = parts.join(",");
        let last = draft.observed.secrets.get(&self.wanted.secret).and_then(ObservedSecret::key_created);
        let last = last.map(|created| created.to_string()).unwrap_or_default();
        let rotates = self.wanted.rotate_every.filter(|every| *every > 0);
        let expires = rotates.map(|every| Duration { millis: every.saturating_add(self.wanted.overlap) }.to_string());
        let tags = [
            (ObservedSecret::TAG_MANAGED_BY, "weir"),
            (ObservedSecret::TAG_ACCOUNT, self.name),
            (ObservedSecret::TAG_CLUSTER, &draft.observed.cluster.id),
            (ObservedSecret::TAG_SLOT, self.slot),
            (ObservedSecret::TAG_TEAM, &self.account.team),
            (ObservedSecret::TAG_WORKSPACE, &draft.desired.workspace),
            (ObservedSecret::TAG_STAGE, &draft.desired.stage),
            (ObservedSecret::TAG_REPLACES, secret.and_then(ObservedSecret::key_id).unwrap_or(NONE)),
            (ObservedSecret::TAG_REPLACES_CREATED, &last),
            (ObservedSecret::TAG_EXPIRES_AFTER, expires.as_deref().unwrap_or_default()),
            (ObservedSecret::TAG_PROJECTIONS, &parts),
        ];
        let tags = tags.into_iter().filter(|(_, value)| !value.is_empty());
        let change = Change::CreateKey {
            account: self.name.to_owned(),
            slot: self.slot.to_owned(),
            secret: self.wanted.secret.clone(),
            tags: tags.map(|(tag, value)| (tag.to_owned(), value.to_owned())).collect(),
            replaces: replaces.map(str::to_owned),
            projections: self.wanted.projections.clone(),
        };
        let mut meaning = vec![why];
        if replaces.is_some() {
            meaning.push(match overlap {
                _ if takes_the_place(draft) => "the old key stops working the moment the new one is made: SCRAM has no overlap, so applications are out until they read the vault again".to_owned(),
                0 => "the old key is deleted in the same plan".to_owned(),
                overlap => format!("the old key stays valid for {}", words(overlap)),
            });
        }
        let risk = match replaces {
            Some(_) if takes_the_place(draft) => Risk::Revoke,
            Some(_) => Risk::Change,
            None => Risk::Additive,
        };
        draft.step(change, self.owner, risk, meaning);
    }
}

/// Returns `true` if an account has at most one key, so that a new key replaces the old one at once: a SCRAM user's
/// password.
fn takes_the_place(draft: &Draft<'_>) -> bool {
    draft.desired.provider == Provider::ApacheKafka
}

/// The age in milliseconds; 0 for a time in the future (a skewed clock).
fn age(created: Timestamp, now: Timestamp) -> i128 {
    now.duration_since(created).as_millis().max(0)
}

fn after(time: Timestamp, millis: u64) -> Option<Timestamp> {
    time.checked_add(SignedDuration::from_millis(i64::try_from(millis).ok()?)).ok()
}
