//! Key vaults pass the conformance suite, with a login that may not read values.

use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;
use serde_json::json;
use weir_planning::SecretRef;
use weir_ports::{Cluster, PortError, SecretSink, SecretString};
use weir_testkit::conformance::{self, Ability, Harness, Outcome, Port};

use crate::scene::{Scene, possible};

struct Subject {
    scene: Scene,
    address: String,
}

impl Subject {
    fn new(settings: serde_json::Value) -> Self {
        let scene = Scene::new();
        scene.server.settings(&scene.name, settings);
        Self { address: scene.server.address(&scene.name), scene }
    }
}

#[async_trait]
impl Harness for Subject {
    fn cluster(&self) -> &dyn Cluster {
        unreachable!("there is none")
    }

    fn sink(&self) -> &dyn SecretSink {
        &self.scene.vaults
    }

    fn prefix(&self) -> &str {
        "suite-"
    }

    fn vault(&self) -> &str {
        &self.address
    }

    fn lacks(&self) -> BTreeSet<Ability> {
        [Ability::Cluster].into()
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(5)
    }

    async fn store_by_hand(&self, at: &SecretRef) -> Result<(), PortError> {
        self.scene.server.put(&self.scene.name, &at.name, "by hand", json!({"api-key-id": "BYHAND"}));
        Ok(())
    }

    async fn delete_by_hand(&self, at: &SecretRef) -> Result<(), PortError> {
        self.scene.server.remove(&self.scene.name, &at.name);
        Ok(())
    }

    async fn read_secret(&self, at: &SecretRef) -> Result<Option<SecretString>, PortError> {
        Ok(self.scene.server.read(&self.scene.name, &at.name).map(SecretString::from))
    }
}

async fn passes(settings: serde_json::Value) {
    if !possible() {
        return;
    }
    let outcomes = conformance::check(&Subject::new(settings)).await;
    for (case, outcome) in outcomes {
        let expected = if case.port == Port::Cluster { Outcome::Skipped(Ability::Cluster) } else { Outcome::Passed };
        assert_eq!(outcome, expected, "{}", case.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_once() {
    passes(json!({"deletedNeedsGet": false})).await;
}

/// Deletions and recoveries take time, as on Azure.
#[tokio::test(flavor = "multi_thread")]
async fn with_deletions_and_recoveries_that_take_time() {
    passes(json!({"deleteDelay": 0.2, "recoverDelay": 0.2, "recoverSettles": 0.2})).await;
}
