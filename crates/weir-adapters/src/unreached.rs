//! A stand-in for vaults that a run does not reach.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use weir_planning::{ObservedSecret, SecretRef};
use weir_ports::{PortError, SecretSink, SecretString};

/// The vaults of a run that reaches only brokers: every request fails.
pub(crate) struct Unreached;

impl Unreached {
    fn answer<T>(&self) -> Result<T, PortError> {
        Err(PortError::unavailable("vaults belong to the control plane, which this run does not reach"))
    }
}

#[async_trait]
impl SecretSink for Unreached {
    async fn inspect(&self, at: &BTreeSet<SecretRef>) -> Result<BTreeMap<SecretRef, ObservedSecret>, PortError> {
        if at.is_empty() { Ok(BTreeMap::new()) } else { self.answer() }
    }

    async fn list(&self, _: &str) -> Result<BTreeMap<SecretRef, ObservedSecret>, PortError> {
        self.answer()
    }

    async fn preflight(&self, _: &SecretRef) -> Result<(), PortError> {
        self.answer()
    }

    async fn store(&self, _: &SecretRef, _: &SecretString, _: &BTreeMap<String, String>) -> Result<(), PortError> {
        self.answer()
    }

    async fn disable(&self, _: &SecretRef, _: &str) -> Result<(), PortError> {
        self.answer()
    }

    async fn delete(&self, _: &SecretRef) -> Result<(), PortError> {
        self.answer()
    }
}
