//! Key vaults and the sandbox's vaults: after the same steps, both give the same answers and show the same state.

use std::collections::BTreeSet;

use proptest::{
    prelude::*,
    test_runner::{Config, FileFailurePersistence},
};
use serde_json::json;
use weir_planning::{SecretRef, SecretState};
use weir_ports::{ErrorKind, ExposeSecret as _, PortError, SecretSink};
use weir_sandbox::{Faults, Vaults};

use crate::scene::{Scene, ours, possible};

#[derive(Clone, Debug)]
enum Step {
    Preflight(u8),
    Store(u8, u8),
    Disable(u8, u8),
    Delete(u8),
    PutByHand(u8),
    RemoveByHand(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let (secret, key) = (0..2_u8, 0..3_u8);
    prop_oneof![
        1 => secret.clone().prop_map(Step::Preflight),
        4 => (secret.clone(), key.clone()).prop_map(|(secret, key)| Step::Store(secret, key)),
        2 => (secret.clone(), key).prop_map(|(secret, key)| Step::Disable(secret, key)),
        2 => secret.clone().prop_map(Step::Delete),
        1 => secret.clone().prop_map(Step::PutByHand),
        1 => secret.prop_map(Step::RemoveByHand),
    ]
}

/// Both kinds of vaults, and the secrets in them.
struct Both {
    scene: Scene,
    sandbox: Vaults,
    _folder: tempfile::TempDir,
}

impl Both {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = Vaults::open(folder.path(), Faults::default()).unwrap();
        Self { scene: Scene::new(), sandbox, _folder: folder }
    }

    fn at(&self, secret: u8) -> SecretRef {
        self.scene.at(&format!("s{secret}"))
    }

    /// Applies a step to one of them.
    async fn act(&self, sink: &dyn SecretSink, step: &Step) -> Result<(), ErrorKind> {
        let ended: Result<(), PortError> = match step {
            Step::Preflight(secret) => sink.preflight(&self.at(*secret)).await,
            Step::Store(secret, key) => {
                let key = format!("K{key}");
                sink.store(&self.at(*secret), &format!("value of {key}").into(), &ours(&key)).await
            }
            Step::Disable(secret, key) => sink.disable(&self.at(*secret), &format!("K{key}")).await,
            Step::Delete(secret) => sink.delete(&self.at(*secret)).await,
            Step::PutByHand(_) | Step::RemoveByHand(_) => Ok(()),
        };
        ended.map_err(|error| error.kind)
    }

    /// Applies a step of a person, if the vault allows it.
    async fn by_hand(&self, step: &Step) {
        let (Step::PutByHand(secret) | Step::RemoveByHand(secret)) = step else { return };
        let at = self.at(*secret);
        let found = self.sandbox.inspect(&BTreeSet::from([at.clone()])).await.unwrap();
        let state = found.get(&at).map(|found| found.state);
        if matches!(step, Step::PutByHand(_)) && state != Some(SecretState::Deleted) {
            self.scene.server.put(&self.scene.name, &at.name, "by hand", json!({}));
            self.sandbox.put_secret(&at, &"by hand".into(), &[].into()).unwrap();
        }
        if matches!(step, Step::RemoveByHand(_)) && matches!(state, Some(SecretState::Present | SecretState::Disabled))
        {
            self.scene.server.remove(&self.scene.name, &at.name);
            self.sandbox.remove_secret(&at).unwrap();
        }
    }
}

#[test]
fn both_behave_alike() {
    if !possible() {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let failure_persistence = Some(Box::new(FileFailurePersistence::Off) as _);
    let config = Config { cases: 24, max_shrink_iters: 60, failure_persistence, ..Config::default() };
    proptest!(config, |(steps in prop::collection::vec(step(), 1..14))| {
        let both = Both::new();
        runtime.block_on(async {
            let secrets = BTreeSet::from([both.at(0), both.at(1)]);
            for step in &steps {
                both.by_hand(step).await;
                let (real, model) = (both.act(&both.scene.vaults, step).await, both.act(&both.sandbox, step).await);
                prop_assert_eq!(real, model, "{:?}", step);
                let (real, model) = (both.scene.vaults.inspect(&secrets).await, both.sandbox.inspect(&secrets).await);
                prop_assert_eq!(real.unwrap(), model.unwrap(), "after {:?}", step);
                for at in &secrets {
                    let real = both.scene.server.read(&both.scene.name, &at.name);
                    let model = both.sandbox.read_secret(at).unwrap().map(|value| value.expose_secret().to_owned());
                    prop_assert_eq!(real, model, "what is read after {:?}", step);
                }
            }
            Ok(())
        })?;
    });
}
