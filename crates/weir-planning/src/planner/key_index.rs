//! API keys and their secrets by account and slot.

use std::collections::BTreeMap;

use super::draft::{Draft, Owner};
use crate::{Change, Desired, KeyMarker, Maker, Observed, ObservedKey, ObservedSecret, Risk, SecretRef, SecretState};

/// Keys by account; our JSON secrets, and those beside them, by account and slot.
pub(super) struct Keys<'a> {
    by_account: BTreeMap<&'a str, Vec<(&'a str, &'a ObservedKey)>>,
    secrets: BySlot<'a>,
    projections: BySlot<'a>,
}

type BySlot<'a> = BTreeMap<(&'a str, &'a str), Vec<&'a ObservedSecret>>;

impl<'a> Keys<'a> {
    pub(super) fn new(observed: &'a Observed) -> Self {
        let mut by_account = BTreeMap::<_, Vec<_>>::new();
        for (id, key) in &observed.keys {
            by_account.entry(key.account.as_str()).or_default().push((id.as_str(), key));
        }
        let (mut secrets, mut projections) = (BySlot::new(), BySlot::new());
        for secret in observed.secrets.values().filter(|s| s.is_of_its_account()) {
            let tag = |name| secret.tags.get(name).map_or("", String::as_str);
            let at = (tag(ObservedSecret::TAG_ACCOUNT), tag(ObservedSecret::TAG_SLOT));
            let kind = if secret.is_projection() { &mut projections } else { &mut secrets };
            kind.entry(at).or_default().push(secret);
        }
        Self { by_account, secrets, projections }
    }

    pub(super) fn of(&self, account: &str) -> &[(&'a str, &'a ObservedKey)] {
        self.by_account.get(account).map_or(&[], Vec::as_slice)
    }

    /// Returns all keys, each with its account and its id.
    pub(super) fn all(&self) -> impl Iterator<Item = (&'a str, &'a str, &'a ObservedKey)> + '_ {
        self.by_account.iter().flat_map(|(account, keys)| keys.iter().map(|(id, key)| (*account, *id, *key)))
    }

    /// Our secrets of an account in this stage, by slot.
    pub(super) fn secrets_of<'s>(
        &'s self,
        account: &'s str,
        maker: &'s Maker,
    ) -> impl Iterator<Item = (&'a str, &'a ObservedSecret)> + 's {
        self.secrets
            .range((account, "")..)
            .take_while(move |((a, _), _)| *a == account)
            .flat_map(|((_, slot), secrets)| secrets.iter().map(|s| (*slot, *s)))
            .filter(move |(_, s)| is_by(s, maker) && s.state != SecretState::Deleted)
    }

    /// Returns our JSON secrets in this stage, each with its account and its slot.
    pub(super) fn secrets_by<'s>(
        &'s self,
        maker: &'s Maker,
    ) -> impl Iterator<Item = (&'a str, &'a str, &'a ObservedSecret)> + 's {
        let all = self.secrets.iter().flat_map(|((account, slot), all)| all.iter().map(|s| (*account, *slot, *s)));
        all.filter(move |(_, _, s)| is_by(s, maker) && s.state != SecretState::Deleted)
    }

    /// Returns the secrets that hold a slot's key `key` in other shapes.
    pub(super) fn projections_of(&self, account: &str, slot: &str, maker: &Maker, key: &str) -> Vec<SecretRef> {
        let all = self.projections.get(&(account, slot)).map_or(&[][..], Vec::as_slice);
        all.iter()
            .filter(|s| is_by(s, maker) && s.state != SecretState::Deleted)
            .filter(|s| s.key_id() == Some(key))
            .map(|s| s.at.clone())
            .collect()
    }
}

/// The mark that weir wrote on the key; absent for a foreign key.
pub(super) fn marker(key: &ObservedKey) -> Option<KeyMarker> {
    key.marker.as_deref()?.parse().ok()
}

/// Returns the place of the JSON secret that a key of ours was made for, if it is in the vault of a team.
pub(super) fn place(desired: &Desired, account: &str, marker: &KeyMarker) -> Option<SecretRef> {
    let slot = &marker.slot;
    let wanted = desired.accounts.get(account).and_then(|wanted| wanted.secret(account, slot));
    wanted.into_iter().chain(desired.places(account, slot)).find(|at| marker.is_for(at))
}

fn is_by(secret: &ObservedSecret, maker: &Maker) -> bool {
    let is = |tag: &str, value: &String| secret.tags.get(tag) == Some(value);
    is(ObservedSecret::TAG_WORKSPACE, &maker.workspace) && is(ObservedSecret::TAG_STAGE, &maker.stage)
}

/// An API key that goes, and where it is stored.
pub(super) struct Key<'a> {
    pub(super) account: &'a str,
    pub(super) slot: Option<&'a str>,
    pub(super) id: &'a str,
    pub(super) secret: Option<&'a SecretRef>,
    pub(super) projections: Vec<SecretRef>,
}

impl Key<'_> {
    /// Its step; `forget` takes its secrets along.
    pub(super) fn delete(self, draft: &mut Draft<'_>, forget: bool, owner: Owner<'_>, meaning: String) {
        let Key { account, slot, id, secret, projections } = self;
        let change = Change::DeleteKey {
            account: account.to_owned(),
            slot: slot.map(str::to_owned),
            key: id.to_owned(),
            secret: secret.cloned(),
            delete_secret: forget && (secret.is_some() || !projections.is_empty()),
            projections,
        };
        draft.step(change, owner, Risk::Revoke, vec![meaning]);
    }
}
