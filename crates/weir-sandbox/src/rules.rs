//! The rules of a broker and of a service for accounts and keys: refusals, and the effects of changes.

pub(crate) mod accounts;
pub(crate) mod acls;
pub(crate) mod keys;
pub(crate) mod settings;
pub(crate) mod topics;

use weir_planning::Change;
use weir_ports::PortError;

use crate::transaction::Transaction;

/// Applies one change. A refused change has no effect.
pub(crate) fn apply(on: &mut Transaction<'_>, change: &Change) -> Result<(), PortError> {
    match change {
        Change::AdoptAccount { account, from: _, maker } => accounts::adopt(on, account, maker),
        Change::CreateAccount { account, description, maker } => {
            accounts::create(on, account, description, Some(maker))
        }
        Change::UpdateAccount { account, from: _, to } => accounts::update(on, account, to),
        Change::CreateTopic { topic, partitions, replication_factor, config } => {
            topics::create(on, topic, *partitions, *replication_factor, config)
        }
        Change::AddPartitions { topic, from: _, to } => topics::add_partitions(on, topic, *to),
        Change::ChangeReplicationFactor { topic, from: _, to } => topics::change_replication(on, topic, *to),
        Change::AlterConfig { topic, settings } => topics::alter_config(on, topic, settings),
        Change::CreateAcl { principal, acl } => acls::create(on, principal, acl),
        Change::DeleteAcl { principal, acl } => {
            acls::delete(on, principal, acl);
            Ok(())
        }
        Change::DeleteTopic { topic, .. } => {
            topics::delete(on, topic);
            Ok(())
        }
        Change::DeleteAccount { account, .. } => {
            accounts::delete(on, account);
            Ok(())
        }
        Change::CreateKey { .. } | Change::DeleteKey { .. } => {
            Err(PortError::refused("API keys are not created and deleted in batches"))
        }
    }
}

/// Refuses more `what` than `limit`.
pub(crate) fn room(what: &str, used: u64, limit: Option<u64>) -> Result<(), PortError> {
    match limit {
        Some(limit) if used > limit => {
            Err(PortError::refused(format!("the cluster takes {limit} {what}, this would be {used}")))
        }
        _ => Ok(()),
    }
}
