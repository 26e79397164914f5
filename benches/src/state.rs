//! The observed state of a cluster and its vaults.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use weir_model::{Operation, settings::KafkaValue};
use weir_planning::{
    ClusterFacts, Desired, KeyMarker, Observed, ObservedAccount, ObservedKey, ObservedSecret, ObservedTopic, Principal,
    SecretState, fingerprint,
};

/// Time of all plans.
pub(crate) const NOW: &str = "2026-01-15T12:00:00Z";

/// Returns the facts of a cluster without limits.
pub(crate) fn cluster(id: &str) -> ClusterFacts {
    ClusterFacts {
        id: id.to_owned(),
        brokers: 3,
        default_partitions: 1,
        default_replication_factor: 3,
        deployer: Some(Principal::of_account("weir")),
        deployer_is_super_user: true,
        ..ClusterFacts::default()
    }
}

/// Returns the state that `desired` describes, with differences: one topic in `off` keeps its records too short a time,
/// and one account in `off` has one binding missing and one too many.
pub(crate) fn nearly(desired: &Desired, off: usize, now: Timestamp) -> Observed {
    let mut observed = Observed {
        format: Observed::FORMAT.to_owned(),
        cluster: cluster(desired.cluster_id.as_deref().unwrap_or_default()),
        ..Observed::default()
    };
    for (index, (name, topic)) in desired.topics.iter().enumerate() {
        let mut config: BTreeMap<String, KafkaValue> =
            topic.config.iter().filter_map(|(key, value)| Some((key.clone(), value.clone()?))).collect();
        if index % off == 0 {
            config.insert("retention.ms".to_owned(), KafkaValue::observed("retention.ms", "1000"));
        }
        observed.topics.insert(
            name.clone(),
            ObservedTopic {
                topic_id: format!("topic_id-{index}"),
                partitions: topic.partitions.unwrap_or(1),
                replication_factor: topic.replication_factor.unwrap_or(3),
                config,
                ..ObservedTopic::default()
            },
        );
    }
    for (index, (name, account)) in desired.accounts.iter().enumerate() {
        observed.accounts.insert(
            name.clone(),
            ObservedAccount {
                id: format!("sa-{index}"),
                description: account.description.clone().unwrap_or_default(),
                maker: Some(desired.maker()),
            },
        );
        let mut acls: BTreeSet<_> = account.acls.keys().cloned().collect();
        if index % off == 0
            && let Some(mut acl) = acls.pop_first()
        {
            acl.operation = Operation::Delete;
            acls.insert(acl);
        }
        observed.acls.insert(Principal::of_account(name), acls);
        for (slot, key) in &account.keys {
            let id = format!("KEY{index}{slot}");
            let place = fingerprint(&key.secret.to_string()).0;
            let place = place.trim_start_matches("sha256:").get(..8).unwrap_or_default();
            let intent = format!("{place}{index:016x}");
            let marker = KeyMarker { maker: desired.maker(), slot: slot.clone(), intent };
            let tags = [
                (ObservedSecret::TAG_MANAGED_BY, "weir"),
                (ObservedSecret::TAG_KEY_ID, &id),
                (ObservedSecret::TAG_ACCOUNT, name),
                (ObservedSecret::TAG_CLUSTER, &observed.cluster.id),
                (ObservedSecret::TAG_SLOT, slot),
                (ObservedSecret::TAG_TEAM, &account.team),
                (ObservedSecret::TAG_WORKSPACE, &desired.workspace),
                (ObservedSecret::TAG_STAGE, &desired.stage),
            ];
            let tags = tags.map(|(tag, value)| (tag.to_owned(), value.to_owned())).into();
            observed.secrets.insert(
                key.secret.clone(),
                ObservedSecret { at: key.secret.clone(), state: SecretState::Present, tags },
            );
            observed.keys.insert(
                id,
                ObservedKey {
                    account: name.clone(),
                    slot: Some(slot.clone()),
                    marker: Some(marker.to_string()),
                    created: Some(now - SignedDuration::from_hours(24)),
                },
            );
        }
    }
    observed
}
