//! Readers of the vaults, at the end of each round and at every instant.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use jiff::{SignedDuration, Timestamp};
use weir_model::{Ensure, SecretPart};
use weir_planning::{Desired, DesiredKey, KeyMarker, ObservedSecret};
use weir_ports::Clock as _;

use crate::scene::{Pair, Scene};

/// Asserts that the state matches the files and nothing else is left, except for keys that wait for the end of their
/// overlap.
#[track_caller]
pub(crate) fn assert_settled(scene: &Scene, desired: &Desired, why: &dyn Fn() -> String) {
    let live: BTreeMap<String, _> = scene.cloud.keys().into_iter().map(|key| (key.id.clone(), key)).collect();
    let accounts: BTreeMap<String, String> =
        scene.cloud.accounts().into_iter().map(|account| (account.display_name, account.id)).collect();
    let prefix = format!("{}-", desired.stage);
    let wanted: BTreeSet<&String> = desired
        .accounts
        .iter()
        .filter(|(_, account)| account.ensure == Ensure::Present)
        .map(|(name, _)| name)
        .collect();
    let are: BTreeSet<&String> = accounts.keys().filter(|name| name.starts_with(&prefix)).collect();
    assert_eq!(are, wanted, "{}", why());

    // Each declared key is in its secret and works.
    let (mut current, mut allowed) = (BTreeSet::new(), BTreeMap::new());
    for (name, account) in desired.accounts.iter().filter(|(name, _)| wanted.contains(name)) {
        for (slot, key) in &account.keys {
            let mut shapes = scene.read_all(key).into_iter();
            let Some((_, Some((id, secret)))) = shapes.next() else {
                panic!("no key in {} for {name}/{slot}: {}", key.secret, why());
            };
            assert_eq!(scene.owner(&id, &secret).as_ref(), accounts.get(name), "{name}/{slot} {id}: {}", why());
            assert!(scene.logs_in(&id, &secret), "{name}/{slot} does not log in with {id}: {}", why());
            for (shape, pair) in shapes {
                assert!(pair == Some((id.clone(), secret.clone())), "{name}/{slot}: another key as {shape}: {}", why());
            }
            for at in key.secrets() {
                allowed.insert((scene.vault_of(at), at.name.clone()), id.clone());
            }
            assert!(current.insert(id), "one key in two slots: {name}/{slot}: {}", why());
        }
    }
    // All other secrets of a vault are foreign. The keys that were ever stored are remembered.
    let mut stored = BTreeSet::new();
    for vault in scene.vault_names().into_iter().filter(|name| name.ends_with(&desired.stage)) {
        for name in scene.vaults.names(&vault) {
            let versions = scene.vaults.versions(&vault, &name);
            let ours = versions.last().is_some_and(|v| v.tags.get("managed-by").is_some_and(|by| by == "weir"));
            if !ours {
                continue;
            }
            for version in versions.iter().filter(|version| version.enabled) {
                stored.extend(version.tags.get(ObservedSecret::TAG_KEY_ID).cloned());
            }
            let shape = versions.last().is_some_and(|v| v.tags.contains_key(ObservedSecret::TAG_PROJECTION));
            let at = (vault.clone(), name.clone());
            // A projection that no file declares any more is mentioned in the plan's report and not deleted.
            if scene.vaults.read(&vault, &name).is_some() && (allowed.contains_key(&at) || !shape) {
                let id = versions.last().and_then(|newest| newest.tags.get(ObservedSecret::TAG_KEY_ID));
                assert_eq!(id, allowed.get(&at), "{vault}/{name} hands out another key: {}", why());
            }
        }
    }
    // Each of weir's keys is current, or was stored in a vault before.
    let own: BTreeSet<&String> = accounts.iter().filter(|(name, _)| wanted.contains(name)).map(|(_, id)| id).collect();
    for key in live.values().filter(|key| own.contains(&key.owner)) {
        let Ok(marker) = key.display_name.parse::<KeyMarker>().or_else(|_| key.description.parse()) else { continue };
        if marker.maker == desired.maker() {
            let id = &key.id;
            assert!(current.contains(id) || stored.contains(id), "orphan {id} {marker}: {}", why());
        }
    }
}

/// Applications that read the vaults at every instant, and slow ones that keep using an older key.
pub(crate) struct Readers {
    scene: Arc<Scene>,
    slots: BTreeMap<String, DesiredKey>,
    /// The key that each slot's slow readers use, and the time they read it.
    kept: Mutex<BTreeMap<String, (Pair, Timestamp)>>,
    /// The slot whose slow readers must read again at every check.
    told: Mutex<Option<String>>,
    checks: AtomicU64,
    wrong: Mutex<Vec<String>>,
}

impl Readers {
    pub(crate) fn of(scene: Arc<Scene>, desired: &Desired) -> Self {
        let slots = desired.accounts.iter().flat_map(|(name, account)| {
            account.keys.iter().map(move |(slot, key)| (format!("{name}/{slot}"), key.clone()))
        });
        Self {
            slots: slots.collect(),
            scene,
            kept: Mutex::default(),
            told: Mutex::default(),
            checks: AtomicU64::new(0),
            wrong: Mutex::default(),
        }
    }

    /// Reads every slot again, and records every key that does not work.
    pub(crate) fn check(&self, when: &str) {
        // Checks run one at a time, because the kept keys belong together.
        let mut kept = self.kept.lock().unwrap();
        let (now, told) = (self.scene.now(), self.told.lock().unwrap().clone());
        let live: BTreeMap<String, String> =
            self.scene.cloud.keys().into_iter().map(|key| (key.id, key.secret)).collect();
        let works = |(id, secret): &Pair| live.get(id) == Some(secret);
        let mut wrong = Vec::new();
        for (slot, key) in &self.slots {
            self.checks.fetch_add(1, Ordering::Relaxed);
            let mut newest = None;
            for (shape, pair) in self.scene.read_all(key) {
                // A pair consists of two secrets. A reader between the two writes sees by the tags that they do not
                // match.
                let half = || {
                    let tag = |part| key.projections.get(&part).and_then(|at| self.scene.tagged(at));
                    shape == "pair" && tag(SecretPart::Key) != tag(SecretPart::Secret)
                };
                match pair {
                    Some(pair) if works(&pair) => _ = newest.get_or_insert(pair),
                    Some(_) if half() => {}
                    Some((id, _)) => wrong.push(format!("{slot} as {shape} has {id}, which does not work")),
                    None => wrong.push(format!("{slot} as {shape} has nothing")),
                }
            }
            let Some(newest) = newest else { continue };
            let overlap = SignedDuration::from_millis(i64::try_from(key.overlap).unwrap());
            match kept.get(slot) {
                Some((pair, since)) if now.duration_since(*since) < overlap - DAY && told.as_ref() != Some(slot) => {
                    if !works(pair) {
                        wrong.push(format!("{slot}: {} was read {since} and works no more", pair.0));
                        kept.insert(slot.clone(), (newest, now));
                    }
                }
                _ => _ = kept.insert(slot.clone(), (newest, now)),
            }
        }
        self.wrong.lock().unwrap().extend(wrong.into_iter().map(|wrong| format!("{now}, {when}: {wrong}")));
    }

    /// Makes the slow readers of this slot read again at every check, until another slot is named.
    pub(crate) fn tell(&self, slot: Option<&str>) {
        *self.told.lock().unwrap() = slot.map(str::to_owned);
    }

    /// Returns the number of reads, after asserting that nothing was wrong.
    #[track_caller]
    pub(crate) fn checks(&self) -> u64 {
        let wrong = self.wrong.lock().unwrap();
        assert!(wrong.is_empty(), "{wrong:#?}");
        self.checks.load(Ordering::Relaxed)
    }
}

const DAY: SignedDuration = SignedDuration::from_hours(24);
