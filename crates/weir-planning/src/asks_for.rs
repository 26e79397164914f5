//! The check that the files ask for a change. Deployment makes it for every step, so that a plan made from other
//! files does nothing that these files do not ask for.

use weir_model::{Ensure, settings::KafkaValue};

use crate::{Change, Desired, DesiredAccount, DesiredTopic};

impl Desired {
    /// Returns `true` if the files ask for `change`, whatever the cluster holds: its object is in the stage's scope, and
    /// is afterwards as the files say.
    pub fn asks_for(&self, change: &Change) -> bool {
        let pruned_account = |name: &str| self.prune && self.owns.owns_account(name);
        match change {
            Change::CreateTopic { topic, partitions, replication_factor, config } => {
                self.present_topic(topic).is_some_and(|wanted| {
                    wanted.partitions == *partitions
                        && wanted.replication_factor == *replication_factor
                        && config.iter().all(|(name, value)| wanted.sets(name, Some(value)))
                })
            }
            Change::AddPartitions { topic, from: _, to } => {
                self.present_topic(topic).is_some_and(|wanted| wanted.partitions == Some(*to))
            }
            Change::ChangeReplicationFactor { topic, from: _, to } => {
                self.present_topic(topic).is_some_and(|wanted| wanted.replication_factor == Some(*to))
            }
            Change::AlterConfig { topic, settings } => self
                .present_topic(topic)
                .is_some_and(|wanted| settings.iter().all(|(name, change)| wanted.sets(name, change.to.as_ref()))),
            Change::DeleteTopic { topic, .. } => match self.topics.get(topic) {
                Some(wanted) => wanted.ensure == Ensure::Absent,
                None => self.prune && self.owns.owns_topic(topic),
            },
            Change::AdoptAccount { account, from: _, maker } => {
                self.adopt.owns_account(account) && self.present_account(account).is_some() && *maker == self.maker()
            }
            Change::CreateAccount { account, description, maker } => {
                *maker == self.maker()
                    && self
                        .present_account(account)
                        .is_some_and(|wanted| wanted.description.as_deref().unwrap_or_default() == description)
            }
            Change::UpdateAccount { account, from: _, to } => {
                self.present_account(account).is_some_and(|wanted| wanted.description.as_ref() == Some(to))
            }
            Change::CreateAcl { principal: _, acl } => change
                .about()
                .object
                .account()
                .and_then(|name| self.present_account(name))
                .is_some_and(|wanted| wanted.acls.contains_key(acl)),
            Change::DeleteAcl { principal: _, acl } => {
                change.about().object.account().is_some_and(|name| match self.accounts.get(name) {
                    Some(wanted) => match wanted.ensure {
                        Ensure::Present => !wanted.acls.contains_key(acl),
                        Ensure::Absent => true,
                        Ensure::Unmanaged => false,
                    },
                    None => pruned_account(name),
                })
            }
            Change::CreateKey { account, slot, secret, tags: _, replaces: _, projections } => self
                .present_account(account)
                .and_then(|wanted| wanted.keys.get(slot))
                .is_some_and(|wanted| wanted.secret == *secret && wanted.projections == *projections),
            Change::DeleteKey { account, .. } => match self.accounts.get(account) {
                Some(wanted) => wanted.ensure != Ensure::Unmanaged,
                None => pruned_account(account),
            },
            Change::DeleteAccount { account, .. } => match self.accounts.get(account) {
                Some(wanted) => wanted.ensure == Ensure::Absent,
                None => pruned_account(account),
            },
        }
    }

    fn present_topic(&self, name: &str) -> Option<&DesiredTopic> {
        self.topics.get(name).filter(|topic| topic.ensure == Ensure::Present)
    }

    fn present_account(&self, name: &str) -> Option<&DesiredAccount> {
        self.accounts.get(name).filter(|account| account.ensure == Ensure::Present)
    }
}

impl DesiredTopic {
    /// Returns `true` if the files give the setting this value; absent: the cluster's default.
    fn sets(&self, name: &str, value: Option<&KafkaValue>) -> bool {
        match (self.config.get(name), value) {
            (Some(Some(wanted)), Some(value)) => wanted == value,
            (Some(None), None) => true,
            _ => false,
        }
    }
}
