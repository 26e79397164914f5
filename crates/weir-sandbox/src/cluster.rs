//! The folder as a [`Cluster`].

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use weir_planning::{
    Change, ClusterFacts, KeyMarker, Limits, Maker, Observed, ObservedAccount, ObservedKey, ObservedTopic, TopicFacts,
};
use weir_ports::{Cluster, CreatedKey, PortError, Query};

use crate::{
    Call, Sandbox,
    faults::{self, Hit, Point},
    rules,
    state::{Account, ClusterSettings, Key, SandboxLimits, State},
    transaction::Transaction,
};

#[async_trait]
impl Cluster for Sandbox {
    async fn observe(&self, query: &Query) -> Result<Observed, PortError> {
        Ok(observe(&*self.read_lagging(Call::Observe)?, query))
    }

    async fn topic_facts(&self, topics: &BTreeSet<String>) -> Result<BTreeMap<String, TopicFacts>, PortError> {
        let state = self.read(Call::TopicFacts)?;
        let found = topics.iter().filter_map(|name| Some((name, state.topics.get(name)?)));
        Ok(found.map(|(name, topic)| (name.clone(), topic.facts.clone().unwrap_or_default())).collect())
    }

    async fn apply(&self, changes: &[&Change]) -> Vec<Result<(), PortError>> {
        match self.change(Call::Apply) {
            Ok(transaction) => apply(transaction, changes),
            Err(error) => changes.iter().map(|_| Err(error.copy_for_item())).collect(),
        }
    }

    async fn create_key(&self, account: &str, marker: &KeyMarker) -> Result<CreatedKey, PortError> {
        let now = self.clock.now();
        let (id, secret) = one(self.change(Call::CreateKey)?, |transaction| {
            rules::keys::create(transaction, account, &marker.to_string(), now)
        })?;
        Ok(self.created(id, secret, now))
    }

    async fn delete_key(&self, account: &str, key: &str) -> Result<(), PortError> {
        one(self.change(Call::DeleteKey)?, |transaction| rules::keys::delete(transaction, account, key))
    }
}

/// Applies a batch: each item between two fault points, then one write for all.
fn apply(mut transaction: Transaction<'_>, changes: &[&Change]) -> Vec<Result<(), PortError>> {
    let mut answers = Vec::with_capacity(changes.len());
    for change in changes {
        match transaction.pass(Point::Before) {
            Hit::Go => {}
            Hit::Fail => {
                answers.push(Err(faults::failed()));
                continue;
            }
            Hit::Refuse => {
                answers.push(Err(faults::refused()));
                continue;
            }
            _ => break,
        }
        let answer = rules::apply(&mut transaction, change);
        match transaction.pass(Point::After(answer.is_ok())) {
            Hit::Go => answers.push(answer),
            Hit::Lost => answers.push(Err(faults::lost())),
            _ => break,
        }
    }
    // Items before the crash stay in effect, as on a real cluster.
    let committed = transaction.commit();
    answers.resize_with(changes.len(), || Err(faults::crashed()));
    if let Err(error) = committed {
        for answer in answers.iter_mut().filter(|answer| answer.is_ok()) {
            *answer = Err(error.copy_for_item());
        }
    }
    answers
}

/// Applies a call with a single item, with the same fault points.
fn one<T>(
    mut transaction: Transaction<'_>,
    item: impl FnOnce(&mut Transaction<'_>) -> Result<T, PortError>,
) -> Result<T, PortError> {
    match transaction.pass(Point::Before) {
        Hit::Go => {}
        Hit::Fail => return Err(faults::failed()),
        Hit::Refuse => return Err(faults::refused()),
        _ => return Err(faults::crashed()),
    }
    let answer = item(&mut transaction);
    let hit = transaction.pass(Point::After(answer.is_ok()));
    transaction.commit()?;
    match hit {
        Hit::Go => answer,
        Hit::Lost => Err(faults::lost()),
        _ => Err(faults::crashed()),
    }
}

fn observe(state: &State, query: &Query) -> Observed {
    let mut observed = Observed { format: Observed::FORMAT.to_owned(), cluster: facts(state), ..Observed::default() };
    for (name, topic) in state.topics.iter() {
        if query.topics.contains(name) {
            let topic = ObservedTopic {
                topic_id: topic.topic_id.clone(),
                partitions: topic.partitions,
                replication_factor: topic.replication_factor,
                config: topic.config.clone(),
                mirror: topic.mirror,
                facts: None,
            };
            observed.topics.insert(name.clone(), topic);
        } else {
            observed.other_topics.insert(name.clone());
        }
    }
    let mut makers = BTreeMap::<&str, Vec<Maker>>::new();
    for key in state.keys.values().filter(|_| query.accounts.made_by.is_some()) {
        let marker = key.description.parse::<KeyMarker>();
        makers.entry(&key.account).or_default().extend(marker.map(|marker| marker.maker));
    }
    for (name, account) in &state.accounts {
        let makers = account.maker.as_ref().into_iter().chain(makers.get(name.as_str()).into_iter().flatten());
        if query.accounts.contains_account(name, makers) {
            let Account { id, description, maker } = account.clone();
            observed.accounts.insert(name.clone(), ObservedAccount { id, description, maker });
        }
    }
    for (principal, acls) in &state.acls {
        // Bindings of a deleted account with a selected name are included too, since weir must be able to delete
        // them.
        let selected =
            principal.user().is_some_and(|name| query.accounts.contains(name) || observed.accounts.contains_key(name));
        if query.accounts.everything || selected || *principal == state.cluster.deployer {
            observed.acls.insert(principal.clone(), acls.clone());
        }
    }
    for (id, key) in &state.keys {
        if observed.accounts.contains_key(&key.account) {
            observed.keys.insert(id.clone(), observed_key(key));
        }
    }
    observed
}

fn observed_key(key: &Key) -> ObservedKey {
    let Key { account, description, created, sha256: _ } = key;
    let marker = description.parse::<KeyMarker>().ok();
    ObservedKey {
        account: account.clone(),
        slot: marker.as_ref().map(|marker| marker.slot.clone()),
        marker: marker.map(|marker| marker.to_string()),
        created: Some(*created),
    }
}

fn facts(state: &State) -> ClusterFacts {
    let ClusterSettings {
        format: _,
        id,
        brokers,
        default_partitions,
        default_replication_factor,
        deployer,
        deployer_is_super_user,
        super_users,
        can_change_replication_factor,
        read_only_settings,
        limits,
    } = &state.cluster;
    let SandboxLimits { partitions, acls, accounts, keys, keys_per_account } = limits;
    ClusterFacts {
        id: id.clone(),
        brokers: u32::from(*brokers),
        default_partitions: *default_partitions,
        default_replication_factor: *default_replication_factor,
        defaults: rules::settings::defaults(),
        read_only_settings: read_only_settings.clone(),
        unknown_settings: BTreeSet::new(),
        deployer: Some(deployer.clone()),
        deployer_is_super_user: *deployer_is_super_user,
        super_users: super_users.clone(),
        control: None,
        can_change_replication_factor: *can_change_replication_factor,
        limits: Limits {
            partitions: partitions.map(|limit| (limit, state.topics.partitions())),
            acls: acls.map(|limit| (limit, state.acls.values().map(|acls| acls.len() as u64).sum())),
            accounts: accounts.map(|limit| (limit, state.accounts.len() as u64)),
            keys: keys.map(|limit| (limit, state.keys.len() as u64)),
            keys_per_account: *keys_per_account,
            documented: None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_for_many_items_keeps_its_causes() {
        let error = PortError::unavailable("cannot read").because(std::io::Error::other("torn"));
        assert_eq!(error.copy_for_item().to_string(), "cannot read: torn");
    }
}
