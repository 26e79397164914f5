//! The state of a step's object right now: deployment checks it before each step.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::Serialize;
use weir_model::settings::KafkaValue;

use crate::{
    About, Change, Digest, KeyMarker, Object, Observed, ObservedAccount, ObservedKey, ObservedSecret, ObservedTopic,
    Plan, Principal, Provider, SecretRef, SecretState, SettingChange, Step, Verb, fingerprint,
};

/// The result of checking a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// Its object is already as the step would leave it.
    Done,
    /// Its object is as it was when the plan was made.
    AsPlanned,
    /// Its object is in another state. The sentence says what changed.
    Stale(String),
}

/// API keys by account, so that a large plan looks each account up once.
pub(crate) struct KeysByAccount<'a>(BTreeMap<&'a str, Vec<(&'a str, &'a ObservedKey)>>);

impl<'a> KeysByAccount<'a> {
    pub(crate) fn all(observed: &'a Observed) -> Self {
        Self::filtered(observed, |_| true)
    }

    fn filtered(observed: &'a Observed, keep: impl Fn(&ObservedKey) -> bool) -> Self {
        let mut keys = BTreeMap::<_, Vec<_>>::new();
        for (id, key) in observed.keys.iter().filter(|(_, key)| keep(key)) {
            keys.entry(key.account.as_str()).or_default().push((id.as_str(), key));
        }
        Self(keys)
    }

    /// Ids of the keys in a slot, but for those that carry the mark `ignore`.
    fn in_slot(
        &self,
        account: &str,
        (workspace, stage): (&str, &str),
        slot: &str,
        ignore: Option<&str>,
    ) -> Vec<&'a str> {
        let ours = |m: KeyMarker| m.maker.workspace == workspace && m.maker.stage == stage && m.slot == slot;
        let marked = |key: &ObservedKey| {
            let marker = key.marker.as_deref();
            marker.is_some_and(|m| Some(m) != ignore)
                && marker.and_then(|m| m.parse::<KeyMarker>().ok()).is_some_and(ours)
        };
        let keys = self.0.get(account).map_or(&[][..], Vec::as_slice);
        keys.iter().filter(|(_, key)| marked(key)).map(|(id, _)| *id).collect()
    }
}

const CLEANUP: &str = "cleanup.policy";

static ABSENT: LazyLock<Digest> = LazyLock::new(|| fingerprint(&false));
static PRESENT: LazyLock<Digest> = LazyLock::new(|| fingerprint(&true));

fn presence(present: bool) -> Digest {
    if present { PRESENT.clone() } else { ABSENT.clone() }
}

/// The aspect of a topic that a step touches.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum TopicAspect<'a> {
    Partitions(&'a str, u32),
    Replication(&'a str, u16),
    Config(&'a str, &'a BTreeMap<String, KafkaValue>),
    /// Of settings whose change may drop records.
    Records(&'a str, &'a BTreeMap<String, KafkaValue>, bool),
    Whole {
        topic_id: &'a str,
        partitions: u32,
        config: &'a BTreeMap<String, KafkaValue>,
        known_empty: bool,
    },
}

impl Step {
    /// Compares the step with `now`, which must show its object (and for API keys the account's keys and the
    /// secret). `now` must hold the facts of the topic that [`Step::facts_topic`] names.
    pub fn check(&self, plan: &Plan, now: &Observed) -> Precondition {
        if self.is_done(plan, now) {
            return Precondition::Done;
        }
        let marker = self.marker(plan).map(|m| m.to_string());
        let keys = self.keys_in(now);
        if let Some(reason) = self.conflict(now) {
            return Precondition::Stale(reason);
        }
        let found = self.fingerprint_with(now, &keys, marker.as_deref());
        if found == self.fingerprint || self.is_milder(now) || self.was_interrupted(plan, now, &keys) {
            Precondition::AsPlanned
        } else {
            Precondition::Stale(self.what_changed())
        }
    }

    /// Returns the keys that the step depends on: only one that makes a key depends on the other keys of its account.
    pub(crate) fn keys_in<'a>(&self, now: &'a Observed) -> KeysByAccount<'a> {
        match self.change.about() {
            About { object: Object::Key { account, .. }, verb: Verb::Create, .. } => {
                KeysByAccount::filtered(now, |key| key.account == account)
            }
            About {
                object: Object::Key { .. } | Object::Topic(_) | Object::Account(_) | Object::Acl { .. }, ..
            } => KeysByAccount(BTreeMap::new()),
        }
    }

    /// Returns `true` if an interrupted run of this very plan left the step's object halfway: not as it was when the plan
    /// was made, and not as the step leaves it.
    pub(crate) fn is_halfway(&self, plan: &Plan, now: &Observed) -> bool {
        let keys = self.keys_in(now);
        let marker = self.marker(plan).map(|marker| marker.to_string());
        let as_it_was = self.fingerprint_with(now, &keys, None) == self.fingerprint;
        let made = |key: &ObservedKey| key.marker == marker;
        !as_it_was && (self.was_interrupted(plan, now, &keys) || marker.is_some() && now.keys.values().any(made))
    }

    fn was_interrupted(&self, plan: &Plan, now: &Observed, keys: &KeysByAccount<'_>) -> bool {
        let marker = self.marker(plan).map(|marker| marker.to_string());
        let marker = marker.as_deref();
        self.is_half_done(plan, now)
            || self.took_the_place(plan, now, keys, marker)
            || self.is_recovered(plan, now, keys, marker)
    }

    /// The mark of a key this step makes; absent for steps that make none.
    pub fn marker(&self, plan: &Plan) -> Option<KeyMarker> {
        let Change::CreateKey { slot, secret, .. } = &self.change else { return None };
        Some(KeyMarker::new(plan, &self.id, slot, secret))
    }

    /// The topic whose [`crate::TopicFacts`] must be read again before [`Step::check`].
    pub fn facts_topic(&self) -> Option<&str> {
        self.at_stake().map(|(topic, _)| topic)
    }

    /// The topic that may lose records by the step, and the aspect of it that the plan's risk depends on.
    fn at_stake(&self) -> Option<(&str, LossyAspect)> {
        match &self.change {
            Change::DeleteTopic { topic, .. } => Some((topic, whole)),
            Change::AlterConfig { topic, settings } if SettingChange::may_lose_data(settings) => Some((topic, records)),
            Change::AlterConfig { .. }
            | Change::AdoptAccount { .. }
            | Change::CreateAccount { .. }
            | Change::UpdateAccount { .. }
            | Change::CreateTopic { .. }
            | Change::AddPartitions { .. }
            | Change::ChangeReplicationFactor { .. }
            | Change::CreateAcl { .. }
            | Change::CreateKey { .. }
            | Change::DeleteAcl { .. }
            | Change::DeleteKey { .. }
            | Change::DeleteAccount { .. } => None,
        }
    }

    /// Returns the fingerprint of the step's object in `observed`. Keys with the mark
    /// `ignore` are taken as not there.
    pub(crate) fn fingerprint_with(
        &self,
        observed: &Observed,
        keys: &KeysByAccount<'_>,
        ignore: Option<&str>,
    ) -> Digest {
        let topic = |name: &String| observed.topics.get(name);
        match &self.change {
            Change::AdoptAccount { account, from: _, maker: _ }
            | Change::CreateAccount { account, description: _, maker: _ }
            | Change::DeleteAccount { account, description: _ } => match observed.accounts.get(account) {
                Some(account) => fingerprint(account),
                None => presence(false),
            },
            // The mark may be another one since the plan: a step of the plan writes it.
            Change::UpdateAccount { account, from: _, to: _ } => match observed.accounts.get(account) {
                Some(ObservedAccount { id, description, maker: _ }) => fingerprint(&(id, description)),
                None => presence(false),
            },
            Change::CreateTopic { topic: name, .. } => {
                presence(topic(name).is_some() || observed.other_topics.contains(name))
            }
            Change::AddPartitions { topic: name, .. } => {
                topic_aspect(topic(name).map(|t| TopicAspect::Partitions(&t.topic_id, t.partitions)))
            }
            Change::ChangeReplicationFactor { topic: name, .. } => {
                topic_aspect(topic(name).map(|t| TopicAspect::Replication(&t.topic_id, t.replication_factor)))
            }
            Change::AlterConfig { topic: name, settings } if SettingChange::may_lose_data(settings) => {
                topic_aspect(topic(name).map(|t| records(t, known_empty(t))))
            }
            Change::AlterConfig { topic: name, settings: _ } => {
                topic_aspect(topic(name).map(|t| TopicAspect::Config(&t.topic_id, &t.config)))
            }
            Change::DeleteTopic { topic: name, .. } => topic_aspect(topic(name).map(|t| whole(t, known_empty(t)))),
            Change::CreateAcl { principal, acl } | Change::DeleteAcl { principal, acl } => {
                presence(observed.acls.get(principal).is_some_and(|acls| acls.contains(acl)))
            }
            Change::CreateKey { account, slot, tags, .. } => {
                let tag = |tag: &str| tags.get(tag).map_or("", String::as_str);
                let maker = (tag(ObservedSecret::TAG_WORKSPACE), tag(ObservedSecret::TAG_STAGE));
                self.slot_aspect(observed, &keys.in_slot(account, maker, slot, ignore), |_| false)
            }
            Change::DeleteKey { key, .. } => match observed.keys.get(key) {
                Some(key) => fingerprint(key),
                None => presence(false),
            },
        }
    }

    fn is_done(&self, plan: &Plan, now: &Observed) -> bool {
        let topic = |name: &String| now.topics.get(name);
        let holds = |principal: &Principal, acl| now.acls.get(principal).is_some_and(|acls| acls.contains(acl));
        match &self.change {
            Change::AdoptAccount { account, from: _, maker } => {
                now.accounts.get(account).is_some_and(|a| a.maker.as_ref() == Some(maker))
            }
            Change::CreateAccount { account, description, maker } => now
                .accounts
                .get(account)
                .is_some_and(|a| a.description == *description && a.maker.as_ref() == Some(maker)),
            Change::UpdateAccount { account, from: _, to } => {
                now.accounts.get(account).is_some_and(|a| a.description == *to)
            }
            Change::CreateTopic { topic: name, partitions, replication_factor, config } => {
                topic(name).is_some_and(|t| {
                    partitions.is_none_or(|p| p == t.partitions)
                        && replication_factor.is_none_or(|r| r == t.replication_factor)
                        && config.iter().all(|(name, value)| t.config.get(name) == Some(value))
                })
            }
            Change::AddPartitions { topic: name, from: _, to } => topic(name).is_some_and(|t| t.partitions == *to),
            Change::ChangeReplicationFactor { topic: name, from: _, to } => {
                topic(name).is_some_and(|t| t.replication_factor == *to)
            }
            Change::AlterConfig { topic: name, settings: changes } => topic(name)
                .is_some_and(|t| changes.iter().all(|(name, change)| t.config.get(name) == change.to.as_ref())),
            Change::CreateAcl { principal, acl } => holds(principal, acl),
            Change::DeleteAcl { principal, acl } => !holds(principal, acl),
            Change::DeleteTopic { topic: name, .. } => topic(name).is_none() && !now.other_topics.contains(name),
            Change::DeleteAccount { account, .. } => !now.accounts.contains_key(account),
            Change::CreateKey { projections, .. } => self.stored(plan, now).is_some_and(|id| {
                let hands_out = |at| now.secrets.get(at).and_then(ObservedSecret::hands_out);
                projections.values().all(|at| hands_out(at) == Some(id))
            }),
            Change::DeleteKey { key, delete_secret, .. } => {
                let kept = |s: &&ObservedSecret| s.state != SecretState::Deleted && s.key_id() == Some(key);
                let mut secrets = self.change.secrets().into_iter().filter_map(|at| now.secrets.get(at));
                !now.keys.contains_key(key) && (!*delete_secret || secrets.find(kept).is_none())
            }
        }
    }

    /// The key that the JSON secret hands out, if it exists and this very step made it. With projections still to be
    /// written the step is not done; since weir reads no secret values, it makes another key then.
    pub fn stored<'o>(&self, plan: &Plan, now: &'o Observed) -> Option<&'o str> {
        let Change::CreateKey { secret, .. } = &self.change else { return None };
        let id = now.secrets.get(secret)?.hands_out()?;
        let marker = self.marker(plan)?.to_string();
        now.keys.get(id).is_some_and(|key| key.marker.as_ref() == Some(&marker)).then_some(id)
    }

    /// The keys of a slot, and the secrets it is stored in; those that `deleted` names are taken for deleted.
    fn slot_aspect(&self, observed: &Observed, keys: &[&str], deleted: impl Fn(&SecretRef) -> bool) -> Digest {
        let state = |at, state| if deleted(at) { SecretState::Deleted } else { state };
        let mut secrets =
            self.change.secrets().into_iter().map(|at| observed.secrets.get(at).map(|s| (state(at, s.state), &s.tags)));
        let secret = secrets.next().flatten();
        let projections: Vec<_> = secrets.collect();
        if projections.is_empty() { fingerprint(&(keys, secret)) } else { fingerprint(&(keys, secret, projections)) }
    }

    /// Returns a reason against the step that holds whatever the fingerprint says.
    fn conflict(&self, now: &Observed) -> Option<String> {
        let Change::DeleteKey { key, delete_secret, .. } = &self.change else { return None };
        self.change.secrets().into_iter().find_map(|at| {
            let held = now.secrets.get(at)?.hands_out()?;
            match (delete_secret, held == key) {
                (false, true) => Some(format!("the vault still hands out the API key `{key}`.")),
                (true, false) => Some(format!("the vault holds another API key than `{key}` now: `{held}`.")),
                _ => None,
            }
        })
    }

    /// Returns `true` if less is at stake than planned: the topic that loses records is known to be empty now.
    fn is_milder(&self, now: &Observed) -> bool {
        let Some((name, aspect)) = self.at_stake() else { return false };
        now.topics
            .get(name)
            .is_some_and(|topic| known_empty(topic) && topic_aspect(Some(aspect(topic, false))) == self.fingerprint)
    }

    /// Returns `true` if a run was stopped between deleting a key and retiring its secret, between storing a key and
    /// storing it in other shapes, or on the way from `delete` to `compact,delete`.
    fn is_half_done(&self, plan: &Plan, now: &Observed) -> bool {
        match &self.change {
            Change::DeleteKey { key, delete_secret: true, .. } => !now.keys.contains_key(key),
            Change::CreateKey { projections, .. } => !projections.is_empty() && self.stored(plan, now).is_some(),
            Change::AlterConfig { topic, settings: changes } if plan.provider == Provider::ConfluentCloud => {
                let by_way_of = changes.get(CLEANUP).filter(|_| self.change.goes_by_way_of_compact());
                let Some((change, there)) = by_way_of.zip(now.topics.get(topic)) else { return false };
                let mut before = there.clone();
                let is_compact = before.config.remove(CLEANUP).is_some_and(|policy| policy == "compact");
                before.config.extend(change.from.clone().map(|from| (CLEANUP.to_owned(), from)));
                let as_planned = |known_empty| topic_aspect(Some(records(&before, known_empty))) == self.fingerprint;
                is_compact && (as_planned(known_empty(there)) || known_empty(there) && as_planned(false))
            }
            // One request each, so that there is no half.
            Change::DeleteKey { delete_secret: false, .. }
            | Change::AlterConfig { .. }
            | Change::AdoptAccount { .. }
            | Change::CreateAccount { .. }
            | Change::UpdateAccount { .. }
            | Change::CreateTopic { .. }
            | Change::AddPartitions { .. }
            | Change::ChangeReplicationFactor { .. }
            | Change::CreateAcl { .. }
            | Change::DeleteAcl { .. }
            | Change::DeleteTopic { .. }
            | Change::DeleteAccount { .. } => false,
        }
    }

    /// Returns `true` if the replaced key is gone and no foreign key took its place: a run was stopped
    /// between making a key and storing it, where a new key takes the old one's place at once.
    fn took_the_place(&self, plan: &Plan, now: &Observed, keys: &KeysByAccount<'_>, marker: Option<&str>) -> bool {
        let Change::CreateKey { account, slot, replaces: Some(old), .. } = &self.change else { return false };
        if plan.provider != Provider::ApacheKafka
            || !keys.in_slot(account, (&plan.workspace, &plan.stage), slot, marker).is_empty()
        {
            return false;
        }
        self.slot_aspect(now, &[old], |_| false) == self.fingerprint
    }

    /// Returns `true` if a run was stopped between recovering a deleted secret and storing a key in it: apart from the
    /// recovered secrets, everything is as planned.
    fn is_recovered(&self, plan: &Plan, now: &Observed, keys: &KeysByAccount<'_>, marker: Option<&str>) -> bool {
        let Change::CreateKey { account, slot, .. } = &self.change else { return false };
        let keys = keys.in_slot(account, (&plan.workspace, &plan.stage), slot, marker);
        let is_there = |at: &&SecretRef| now.secrets.get(at).is_some_and(|s| s.state != SecretState::Deleted);
        let there: Vec<&SecretRef> = self.change.secrets().into_iter().filter(is_there).collect();
        // Any of them may have been deleted; a slot has four at most.
        (1..1_u32 << there.len()).any(|some| {
            let deleted = |at: &SecretRef| (0..).zip(&there).any(|(bit, other)| *other == at && some >> bit & 1 == 1);
            self.slot_aspect(now, &keys, deleted) == self.fingerprint
        })
    }

    fn what_changed(&self) -> String {
        match &self.change {
            Change::CreateAccount { account, .. } => {
                format!(
                    "the service account `{account}` exists now, with another description or made by somebody else."
                )
            }
            Change::AdoptAccount { account, .. }
            | Change::UpdateAccount { account, .. }
            | Change::DeleteAccount { account, .. } => {
                format!("the service account `{account}` has changed since the plan was made.")
            }
            Change::CreateTopic { topic, .. } => format!("the topic `{topic}` exists now, and not as planned."),
            Change::AddPartitions { topic, .. } => {
                format!(
                    "the topic `{topic}` has another number of partitions than when the plan was made, or was made anew."
                )
            }
            Change::ChangeReplicationFactor { topic, .. } => {
                format!(
                    "the topic `{topic}` has another replication factor than when the plan was made, or was made anew."
                )
            }
            Change::AlterConfig { topic, settings } if SettingChange::may_lose_data(settings) => {
                format!(
                    "the topic `{topic}` has changed since the plan was made: its settings, or whether it holds records; or it was made anew."
                )
            }
            Change::AlterConfig { topic, settings: _ } => {
                format!("the topic `{topic}` has other settings than when the plan was made, or was made anew.")
            }
            Change::DeleteTopic { topic, .. } => {
                format!(
                    "the topic `{topic}` has changed since the plan was made: its settings, its partitions, or whether it holds records."
                )
            }
            // A binding is there or not: one is done, the other as planned.
            Change::CreateAcl { principal, acl } | Change::DeleteAcl { principal, acl } => {
                format!("the binding `{acl}` of {principal} has changed since the plan was made.")
            }
            Change::CreateKey { account, slot, .. } => {
                format!("the API keys of `{account}/{slot}`, or their secret, have changed since the plan was made.")
            }
            Change::DeleteKey { key, .. } => format!("the API key `{key}` has changed since the plan was made."),
        }
    }
}

/// An aspect of a topic that may lose records, and whether the topic is known to be empty.
type LossyAspect = fn(&ObservedTopic, bool) -> TopicAspect<'_>;

fn topic_aspect(aspect: Option<TopicAspect<'_>>) -> Digest {
    aspect.map_or_else(|| presence(false), |aspect| fingerprint(&aspect))
}

fn whole(topic: &ObservedTopic, known_empty: bool) -> TopicAspect<'_> {
    TopicAspect::Whole { topic_id: &topic.topic_id, partitions: topic.partitions, config: &topic.config, known_empty }
}

fn records(topic: &ObservedTopic, known_empty: bool) -> TopicAspect<'_> {
    TopicAspect::Records(&topic.topic_id, &topic.config, known_empty)
}

fn known_empty(topic: &ObservedTopic) -> bool {
    topic.facts.as_ref().is_some_and(|facts| facts.records == 0)
}
