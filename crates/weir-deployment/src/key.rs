//! The life of an API key: made, stored, seen; retired, deleted.
//!
//! Two rules decide the order of everything here. Whoever reads a vault finds a key that works (or, when the slot was
//! removed, nothing). And a process killed anywhere leaves something that the next run recognises: a key with our mark
//! that no vault knows.

use std::collections::{BTreeMap, BTreeSet};

use weir_model::SecretPart;
use weir_planning::{About, Change, KeyMarker, Object, Observed, ObservedSecret, Precondition, SecretRef, Step, Verb};
use weir_ports::{CreatedKey, ErrorKind, PortError};

use crate::{
    Event, StepOutcome, StepReceipt,
    run::{Run, lock},
    shape,
};

/// The largest number of attempts to make a key when other runs interfere or answers are lost.
const TRIES: usize = 3;

/// A key to make.
struct Issue<'a> {
    step: &'a Step,
    account: &'a str,
    secret: &'a SecretRef,
    tags: &'a BTreeMap<String, String>,
    /// The secrets that it is stored in in other shapes, after `secret`.
    projections: &'a BTreeMap<SecretPart, SecretRef>,
    marker: KeyMarker,
}

impl Run<'_> {
    /// Carries out a step that makes or deletes an API key.
    pub(crate) async fn key(&self, step: &Step) -> StepReceipt {
        if let Some(why) = self.halted(step) {
            return StepReceipt::new(step, StepOutcome::Skipped).because(why);
        }
        let now = match self.look.at(&[step], &mut self.options.retry.begin()).await {
            Ok(now) => now,
            Err(e) => return self.failed(step, "its object could not be read", &e),
        };
        match step.check(self.plan, &now) {
            Precondition::Done => return named(step, StepOutcome::Already, &now),
            Precondition::Stale(why) => {
                self.halt_stale(step);
                return StepReceipt::new(step, StepOutcome::Stale).because(why);
            }
            Precondition::AsPlanned => {}
        }
        if let Err(why) = self.journal(&[(step, Event::Started, None)]) {
            return StepReceipt::new(step, StepOutcome::Skipped).because(why);
        }
        self.progress.started(step);
        match &step.change {
            Change::CreateKey { account, secret, tags, projections, .. } => {
                let Some(marker) = step.marker(self.plan) else {
                    return StepReceipt::new(step, StepOutcome::Failed).because("the plan gives no mark for the key");
                };
                self.create(Issue { step, account, secret, tags, projections, marker }, now).await
            }
            Change::DeleteKey { account, key, delete_secret, .. } => {
                self.delete(step, account, key, *delete_secret).await
            }
            Change::AdoptAccount { .. }
            | Change::CreateAccount { .. }
            | Change::UpdateAccount { .. }
            | Change::CreateTopic { .. }
            | Change::AddPartitions { .. }
            | Change::ChangeReplicationFactor { .. }
            | Change::AlterConfig { .. }
            | Change::CreateAcl { .. }
            | Change::DeleteAcl { .. }
            | Change::DeleteTopic { .. }
            | Change::DeleteAccount { .. } => {
                StepReceipt::new(step, StepOutcome::Skipped).because("not a step about an API key")
            }
        }
    }

    /// Makes a key and stores it. `now` shows the step's object as it was planned.
    async fn create(&self, issue: Issue<'_>, mut now: Observed) -> StepReceipt {
        let Issue { step, account, .. } = issue;
        for _ in 0..TRIES {
            // A key with our mark that the vault does not name: left by a run that was interrupted (its secret is
            // lost), or just being stored by another run, which then needs a moment.
            if !marked(&now, &issue).is_empty() {
                now = match self.watch(step, |_| false).await {
                    Ok(now) => now,
                    Err(receipt) => return *receipt,
                };
                for orphan in marked(&now, &issue) {
                    if let Err(e) = self.delete_key(step, account, &orphan).await {
                        let what = format!("API key {orphan} of an interrupted run could not be deleted");
                        return self.failed(step, &what, &e);
                    }
                }
            }
            for at in step.change.secrets() {
                if let Err(e) = self.options.retry.begin().insist(|| self.look.vaults.preflight(at)).await {
                    return self.failed(step, &format!("no key was made, since {at} cannot be written"), &e);
                }
            }
            let key = match self.create_key(&issue).await {
                Ok(Some(key)) => key,
                // The answer was lost. Whatever was made shows up under our mark, its secret is lost.
                Ok(None) => match self.watch(step, |now| !marked(now, &issue).is_empty()).await {
                    Ok(seen) => {
                        now = seen;
                        continue;
                    }
                    Err(receipt) => return *receipt,
                },
                Err(e) => return self.failed(step, "no key was made", &e),
            };
            if let Err(receipt) = self.store(&issue, &key, &now).await {
                return *receipt;
            }
            match self.see(&issue, &key).await {
                Seen::Done(receipt) => {
                    if self.options.wait_ready.is_some() && receipt.outcome == StepOutcome::Created {
                        lock(&self.fresh).push((step.id.clone(), key));
                    }
                    return *receipt;
                }
                Seen::Lost(observed) => now = *observed,
            }
        }
        StepReceipt::new(step, StepOutcome::Failed)
            .because(format!("gave up after {TRIES} tries: another run works on the same key, or answers get lost"))
    }

    /// Makes a key; absent when the answer was lost.
    async fn create_key(&self, issue: &Issue<'_>) -> Result<Option<CreatedKey>, PortError> {
        let call = || async {
            match self.look.cluster.create_key(issue.account, &issue.marker).await {
                Err(e) if e.kind == ErrorKind::Ambiguous => Ok(None),
                answer => answer.map(Some),
            }
        };
        let key = self.options.retry.begin().insist(call).await?;
        if let Some(key) = &key {
            // A failing journal must not stop between making a key and storing it.
            let _ = self.journal(&[(issue.step, Event::KeyCreated, Some(key.id.clone()))]);
        }
        Ok(key)
    }

    /// Stores a new key, or deletes it again. `now` shows the previous content of the vault.
    async fn store(&self, issue: &Issue<'_>, key: &CreatedKey, now: &Observed) -> Result<(), Box<StepReceipt>> {
        let Issue { step, account, secret, .. } = *issue;
        let mut tags = issue.tags.clone();
        tags.extend(inside(key));
        if let Some(half_written) = step.stored(self.plan, now) {
            // Readers may have it: it is replaced as any other key is.
            tags.insert(ObservedSecret::TAG_REPLACES.to_owned(), half_written.to_owned());
            let made = now.secrets.get(secret).and_then(ObservedSecret::key_created);
            tags.extend(made.map(|made| (ObservedSecret::TAG_REPLACES_CREATED.to_owned(), made.to_string())));
        }
        let stored = match shape::credentials(key) {
            // Storing twice does no harm: both versions hold the same.
            Ok(value) => self.options.retry.begin().insist(|| self.look.vaults.store(secret, &value, &tags)).await,
            Err(e) => Err(PortError::new(ErrorKind::Refused, "the key has no JSON form").because(e)),
        };
        let Err(error) = stored else { return self.project(issue, key, |_| true).await };
        let why = format!("API key {} could not be stored in {secret}: {}", key.id, error.chain());
        let mut receipt = StepReceipt::new(step, StepOutcome::Failed);
        let detail = if matches!(error.kind, ErrorKind::Ambiguous | ErrorKind::Unavailable) {
            // Perhaps it is stored: a vault that hands out a deleted key is worse than a key that no vault knows.
            let at = BTreeSet::from([secret.clone()]);
            let seen = self.look.vaults.inspect(&at).await;
            if seen.is_ok_and(|seen| seen.get(secret).and_then(ObservedSecret::key_id) == Some(&key.id)) {
                return self.project(issue, key, |_| true).await;
            }
            receipt.key = Some(key.id.clone());
            format!("{why}; the key was kept, since it may be there. Run again: it is taken up or deleted")
        } else {
            match self.delete_key(step, account, &key.id).await {
                Ok(()) => format!("{why}; the key was deleted again"),
                Err(e) => {
                    receipt.key = Some(key.id.clone());
                    format!("{why}; nor could the key be deleted: {}. Run or plan again: it is deleted", e.chain())
                }
            }
        };
        Err(Box::new(receipt.because(detail)))
    }

    /// Stores a key that the JSON secret holds in those of the other shapes that are `wanted`. The key is in use from
    /// there on: whatever fails here, it stays.
    async fn project(
        &self,
        issue: &Issue<'_>,
        key: &CreatedKey,
        wanted: impl Fn(&SecretRef) -> bool,
    ) -> Result<(), Box<StepReceipt>> {
        for (part, at) in issue.projections.iter().filter(|(_, at)| wanted(at)) {
            let mut tags = issue.tags.clone();
            tags.remove(ObservedSecret::TAG_PROJECTIONS);
            tags.extend(inside(key));
            tags.insert(ObservedSecret::TAG_PROJECTION.to_owned(), part.to_string());
            let value = shape::part(*part, key);
            if let Err(e) = self.options.retry.begin().insist(|| self.look.vaults.store(at, &value, &tags)).await {
                let what = format!("API key {} is in {}, and could not be stored in {at}", key.id, issue.secret);
                let receipt = self.failed(issue.step, &what, &e);
                let detail = receipt.detail.unwrap_or_default() + ". Run again: a new key is written to all of them";
                let (key, secret) = (Some(key.id.clone()), Some(issue.secret.clone()));
                return Err(Box::new(StepReceipt { key, secret, detail: Some(detail), ..receipt }));
            }
        }
        Ok(())
    }

    /// Reads a stored key back: the vault names it, and the cluster knows it.
    async fn see(&self, issue: &Issue<'_>, issued: &CreatedKey) -> Seen {
        let Issue { step, account, secret, .. } = *issue;
        let key = issued.id.as_str();
        let _ = self.journal(&[(step, Event::Applied, Some(key.to_owned()))]);
        let mut waiting = self.options.read_back.begin();
        loop {
            let why = match self.look.at(&[step], &mut waiting).await {
                Ok(now) => {
                    let there = now.keys.contains_key(key);
                    match (vault_names(&now, secret), step.check(self.plan, &now)) {
                        (Some(named), Precondition::Done) if named == key => {
                            return Seen::done(named_key(step, StepOutcome::Created, key));
                        }
                        // Another run of the same plan stored its key after this one: no application reads this one.
                        (Some(_), Precondition::Done) => {
                            if let Err(e) = self.delete_key(step, account, key).await {
                                let what = format!("another run stored its key, and our API key {key} is left over");
                                return Seen::done(self.failed(step, &what, &e));
                            }
                            return Seen::done(named(step, StepOutcome::Already, &now));
                        }
                        // Another run took ours for an orphan and made its own.
                        (Some(named), _) if named == key && !there && !marked(&now, issue).is_empty() => {
                            return Seen::Lost(Box::new(now));
                        }
                        // Another run of the same plan stored other shapes of its key: the JSON secret decides.
                        (Some(named), _) if named == key && !meddled(&now, issue, key).is_empty() => {
                            let meddled = meddled(&now, issue, key);
                            if let Err(receipt) = self.project(issue, issued, |at| meddled.contains(at)).await {
                                return Seen::Done(receipt);
                            }
                            "another run's key was seen in other shapes".to_owned()
                        }
                        (_, Precondition::Stale(why)) => format!("something else is seen: {why}"),
                        _ => "it is not seen yet".to_owned(),
                    }
                }
                Err(e) => format!("it could not be read back: {}", e.chain()),
            };
            if !waiting.wait().await {
                let mut receipt = named_key(step, StepOutcome::Unconfirmed, key).because(why);
                receipt.secret = Some(secret.clone());
                return Seen::done(receipt);
            }
        }
    }

    /// Retires a key: first its secrets in the vaults, the JSON secret last, then the key itself.
    ///
    /// In this order, because the next plan sees a key that still exists: a run killed in between leaves the
    /// step to do. The other way round a dead credential would stay in the vault, with nothing left to say so.
    async fn delete(&self, step: &Step, account: &str, key: &str, delete: bool) -> StepReceipt {
        for at in step.change.secrets().into_iter().rev() {
            let mut tries = self.options.retry.begin();
            let retired = tries.insist(|| async move {
                match delete {
                    true => self.look.vaults.delete(at).await,
                    false => self.look.vaults.disable(at, key).await,
                }
            });
            if let Err(e) = retired.await {
                return self.failed(step, &format!("API key {key} was kept, since {at} could not be changed"), &e);
            }
        }
        if let Err(e) = self.delete_key(step, account, key).await {
            return self.failed(step, &format!("API key {key} could not be deleted"), &e);
        }
        let _ = self.journal(&[(step, Event::Applied, None)]);
        let mut waiting = self.options.read_back.begin();
        loop {
            let why = match self.look.at(&[step], &mut waiting).await {
                Ok(now) => match step.check(self.plan, &now) {
                    Precondition::Done => return named_key(step, StepOutcome::Deleted, key),
                    Precondition::AsPlanned => "it is still seen".to_owned(),
                    Precondition::Stale(why) => format!("something else is seen: {why}"),
                },
                Err(e) => format!("it could not be read back: {}", e.chain()),
            };
            if !waiting.wait().await {
                return named_key(step, StepOutcome::Unconfirmed, key).because(why);
            }
        }
    }

    async fn delete_key(&self, step: &Step, account: &str, key: &str) -> Result<(), PortError> {
        self.options.retry.begin().insist(|| self.look.cluster.delete_key(account, key)).await?;
        let _ = self.journal(&[(step, Event::KeyDeleted, Some(key.to_owned()))]);
        Ok(())
    }

    /// Watches a step's object until `enough`, for as long as things take to settle. A receipt, if it is another's by
    /// now, or cannot be read.
    async fn watch(&self, step: &Step, enough: impl Fn(&Observed) -> bool) -> Result<Observed, Box<StepReceipt>> {
        // Reads are repeated for longer than things take to settle.
        let (mut waiting, mut reads) = (self.options.settle.begin(), self.options.retry.begin());
        loop {
            let patient = waiting.wait().await;
            let now = match self.look.at(&[step], &mut reads).await {
                Ok(now) => now,
                Err(e) => return Err(Box::new(self.failed(step, "its object could not be read", &e))),
            };
            match step.check(self.plan, &now) {
                Precondition::Done => return Err(Box::new(named(step, StepOutcome::Already, &now))),
                Precondition::Stale(why) if !patient => {
                    self.halt_stale(step);
                    return Err(Box::new(StepReceipt::new(step, StepOutcome::Stale).because(why)));
                }
                _ if !patient || enough(&now) => return Ok(now),
                _ => {}
            }
        }
    }

    fn failed(&self, step: &Step, what: &str, error: &PortError) -> StepReceipt {
        self.halt_on(error);
        StepReceipt::new(step, StepOutcome::Failed).because(format!("{what}: {}", error.chain()))
    }
}

/// The observed state of a stored key.
enum Seen {
    /// The step has ended.
    Done(Box<StepReceipt>),
    /// The key is gone again.
    Lost(Box<Observed>),
}

impl Seen {
    fn done(receipt: StepReceipt) -> Self {
        Seen::Done(Box::new(receipt))
    }
}

/// The tags that say which key is inside.
fn inside(key: &CreatedKey) -> impl Iterator<Item = (String, String)> {
    let created = key.created.map(|created| (ObservedSecret::TAG_KEY_CREATED.to_owned(), created.to_string()));
    std::iter::once((ObservedSecret::TAG_KEY_ID.to_owned(), key.id.clone())).chain(created)
}

/// The keys with our mark that no reader can have: the vault neither names one nor did before.
fn marked(now: &Observed, issue: &Issue<'_>) -> BTreeSet<String> {
    let (marker, secret) = (issue.marker.to_string(), now.secrets.get(issue.secret));
    let named = vault_names(now, issue.secret);
    let before = secret.and_then(|secret| secret.tags.get(ObservedSecret::TAG_REPLACES)).map(String::as_str);
    // A run that was stopped before it had written all shapes leaves a key with our mark in the vault; those before it
    // were there, too.
    let since = named.and_then(|id| now.keys.get(id)).filter(|key| key.marker.as_ref() == Some(&marker));
    let since = since.and_then(|key| key.created);
    now.keys
        .iter()
        .filter(|(_, key)| key.account == issue.account && key.marker.as_ref() == Some(&marker))
        .filter(|(id, _)| named != Some(id.as_str()) && before != Some(id.as_str()))
        .filter(|(_, key)| since.is_none_or(|since| key.created.is_some_and(|created| created > since)))
        .map(|(id, _)| id.clone())
        .collect()
}

/// The other shapes that hold a key with our mark which is not `key`.
fn meddled(now: &Observed, issue: &Issue<'_>, key: &str) -> BTreeSet<SecretRef> {
    let marker = issue.marker.to_string();
    let is_other = |at: &&SecretRef| {
        let held = vault_names(now, at).filter(|id| *id != key).and_then(|id| now.keys.get(id));
        held.is_some_and(|held| held.marker.as_ref() == Some(&marker))
    };
    issue.projections.values().filter(is_other).cloned().collect()
}

fn vault_names<'a>(now: &'a Observed, at: &SecretRef) -> Option<&'a str> {
    now.secrets.get(at)?.key_id()
}

/// A receipt that names the key, as far as the step or the vault knows it.
pub(crate) fn named(step: &Step, outcome: StepOutcome, now: &Observed) -> StepReceipt {
    let key = match step.change.about() {
        About { object: Object::Key { key, .. }, verb: Verb::Delete, .. } => Some(key),
        About { object: Object::Key { .. }, verb: Verb::Create | Verb::Update, .. } => {
            step.change.secrets().first().and_then(|secret| vault_names(now, secret))
        }
        About { object: Object::Topic(_) | Object::Account(_) | Object::Acl { .. }, .. } => None,
    };
    key.map_or_else(|| StepReceipt::new(step, outcome), |key| named_key(step, outcome, key))
}

fn named_key(step: &Step, outcome: StepOutcome, key: &str) -> StepReceipt {
    let secret = step.change.secrets().first().copied().cloned();
    StepReceipt { key: Some(key.to_owned()), secret, ..StepReceipt::new(step, outcome) }
}
