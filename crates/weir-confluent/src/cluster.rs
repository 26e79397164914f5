//! Confluent Cloud as a [`Cluster`].

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use weir_planning::{Change, KeyMarker, Observed, TopicFacts};
use weir_ports::{Cluster, CreatedKey, PortError, Query, RequestCounts};

use crate::{
    ApiKey, ConfluentCloud,
    accounts::{self, AccountChange},
    apply, keys, observe,
};

#[async_trait]
impl Cluster for ConfluentCloud {
    async fn observe(&self, query: &Query) -> Result<Observed, PortError> {
        observe::observe(self, query).await
    }

    async fn topic_facts(&self, topics: &BTreeSet<String>) -> Result<BTreeMap<String, TopicFacts>, PortError> {
        self.kafka().await?.topic_facts(topics).await
    }

    async fn apply(&self, changes: &[&Change]) -> Vec<Result<(), PortError>> {
        let (mut of_accounts, mut of_brokers) = (Vec::new(), Vec::new());
        let mut answers = BTreeMap::new();
        for (place, change) in changes.iter().enumerate() {
            match *change {
                Change::AdoptAccount { account, from: _, maker } => {
                    of_accounts.push((place, (account.as_str(), AccountChange::Adopt { maker })));
                }
                Change::CreateAccount { account, description, maker } => {
                    of_accounts.push((place, (account.as_str(), AccountChange::Create { description, maker })));
                }
                Change::UpdateAccount { account, from: _, to } => {
                    of_accounts.push((place, (account.as_str(), AccountChange::Update { to })));
                }
                Change::DeleteAccount { account, .. } => {
                    of_accounts.push((place, (account.as_str(), AccountChange::Delete)));
                }
                Change::CreateTopic { .. }
                | Change::AddPartitions { .. }
                | Change::ChangeReplicationFactor { .. }
                | Change::AlterConfig { .. }
                | Change::CreateAcl { .. }
                | Change::DeleteAcl { .. }
                | Change::DeleteTopic { .. } => of_brokers.push((place, *change)),
                Change::CreateKey { .. } | Change::DeleteKey { .. } => {
                    let error = PortError::refused("API keys are not created and deleted in batches");
                    answers.insert(place, Err(error));
                }
            }
        }
        let (on_accounts, of_accounts): (Vec<usize>, Vec<_>) = of_accounts.into_iter().unzip();
        let (on_brokers, of_brokers): (Vec<usize>, Vec<_>) = of_brokers.into_iter().unzip();
        let (accounts, brokers) =
            futures::future::join(accounts::apply(self, &of_accounts), apply::apply(self, &of_brokers)).await;
        answers.extend(on_accounts.into_iter().zip(accounts).chain(on_brokers.into_iter().zip(brokers)));
        (0..changes.len()).filter_map(|place| answers.remove(&place)).collect()
    }

    async fn create_key(&self, account: &str, marker: &KeyMarker) -> Result<CreatedKey, PortError> {
        keys::create(self, account, marker).await
    }

    async fn key_ready(&self, key: &CreatedKey) -> Result<bool, PortError> {
        keys::is_ready(self, &ApiKey { id: key.id.clone(), secret: key.secret.clone() }).await
    }

    async fn delete_key(&self, account: &str, key: &str) -> Result<(), PortError> {
        keys::delete(self, account, key).await
    }

    fn request_counts(&self) -> RequestCounts {
        RequestCounts { control: self.requests(), brokers: self.broker_requests() }
    }
}
