//! Waiting until new keys log in.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
    time::Duration,
};

use tokio::time::Instant;
use weir_deployment::{MemoryJournal, Options, Outcome, Pauses, StepOutcome, render};
use weir_planning::{Change, KeyMarker, Observed, TopicFacts};
use weir_ports::{Cluster, CreatedKey, ErrorKind, PortError, Query};
use weir_sandbox::Sandbox;

use crate::scene::{after, assert_settled, bold, deployed, login, month, open, plan, run, run_on, secret};

/// A sandbox that lets new keys in only after some time, as Confluent Cloud does.
struct Slow<'a> {
    sandbox: &'a Sandbox,
    until: Instant,
    /// Of this account's keys no broker tells anything.
    silent: Option<&'static str>,
    /// Their ids.
    unseen: Mutex<BTreeSet<String>>,
}

impl<'a> Slow<'a> {
    fn new(sandbox: &'a Sandbox, seconds: u64, silent: Option<&'static str>) -> Self {
        let until = Instant::now() + Duration::from_secs(seconds);
        Self { sandbox, until, silent, unseen: Mutex::default() }
    }
}

#[async_trait::async_trait]
impl Cluster for Slow<'_> {
    async fn observe(&self, query: &Query) -> Result<Observed, PortError> {
        self.sandbox.observe(query).await
    }

    async fn topic_facts(&self, topics: &BTreeSet<String>) -> Result<BTreeMap<String, TopicFacts>, PortError> {
        self.sandbox.topic_facts(topics).await
    }

    async fn apply(&self, changes: &[&Change]) -> Vec<Result<(), PortError>> {
        self.sandbox.apply(changes).await
    }

    async fn create_key(&self, account: &str, marker: &KeyMarker) -> Result<CreatedKey, PortError> {
        let key = self.sandbox.create_key(account, marker).await?;
        if self.silent == Some(account) {
            self.unseen.lock().unwrap().insert(key.id.clone());
        }
        Ok(key)
    }

    async fn key_ready(&self, key: &CreatedKey) -> Result<bool, PortError> {
        if self.unseen.lock().unwrap().contains(&key.id) {
            return Err(PortError::new(ErrorKind::Unavailable, "no broker answers"));
        }
        Ok(Instant::now() >= self.until && self.sandbox.login(&key.id, &key.secret))
    }

    async fn delete_key(&self, account: &str, key: &str) -> Result<(), PortError> {
        self.sandbox.delete_key(account, key).await
    }
}

fn patient(minutes: u64) -> Options {
    let (first, longest) = (Duration::from_secs(1), Duration::from_secs(10));
    let wait_ready = Some(Pauses::new(first, longest, Duration::from_secs(60 * minutes)));
    Options { wait_ready, ..bold() }
}

#[tokio::test(start_paused = true)]
async fn new_keys_are_waited_for_before_old_ones_go() {
    let folder = tempfile::tempdir().unwrap();
    drop(deployed(folder.path()).await);
    let sandbox = open(folder.path(), month(3), "");
    let plan = plan(&sandbox, &after(), month(3)).await;
    let slow = Slow::new(&sandbox, 120, None);
    let receipt = run_on(&plan, &slow, &sandbox, &patient(5), &mut MemoryJournal::default()).await.unwrap();
    let made: Vec<_> = receipt.steps.iter().filter(|step| step.id.0.starts_with("create-key")).collect();
    assert!(made.len() > 1 && made.iter().all(|step| step.outcome == StepOutcome::Created));
    assert_eq!(receipt.outcome, Outcome::Complete, "{}", render::text(&receipt));
    assert!(made.iter().all(|step| step.ready == Some(true)));
    assert!(Instant::now() >= slow.until);
    assert!(receipt.steps.iter().all(|step| step.ready.is_none() || step.id.0.starts_with("create-key")));
}

/// A key that cannot be asked is as good as one that does not log in.
#[tokio::test(start_paused = true)]
async fn a_key_without_an_answer_is_not_ready() {
    let folder = tempfile::tempdir().unwrap();
    drop(deployed(folder.path()).await);
    let sandbox = open(folder.path(), month(3), "");
    let plan = plan(&sandbox, &after(), month(3)).await;
    let slow = Slow::new(&sandbox, 0, Some("dev-reader"));
    let receipt = run_on(&plan, &slow, &sandbox, &patient(5), &mut MemoryJournal::default()).await.unwrap();
    let step = |id: &str| receipt.steps.iter().find(|step| step.id.0.starts_with(id)).unwrap();
    assert_eq!(receipt.outcome, Outcome::Partial);
    assert_eq!((step("create-key dev-reader").ready, step("create-key dev-new").ready), (Some(false), Some(true)));
    assert!(step("create-key dev-reader").detail.as_ref().unwrap().ends_with("could not be seen: no broker answers"));
    assert_eq!(step("delete-key dev-reader").outcome, StepOutcome::Skipped);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_does_not_log_in_is_stored_and_its_predecessor_kept() {
    let folder = tempfile::tempdir().unwrap();
    drop(deployed(folder.path()).await);
    let sandbox = open(folder.path(), month(3), "");
    let plan = plan(&sandbox, &after(), month(3)).await;
    let slow = Slow::new(&sandbox, 3600, None);
    let receipt = run_on(&plan, &slow, &sandbox, &patient(5), &mut MemoryJournal::default()).await.unwrap();
    assert_eq!(receipt.outcome, Outcome::Partial);
    let step = |id: &str| receipt.steps.iter().find(|step| step.id.0.starts_with(id)).unwrap();
    assert_eq!(step("create-key dev-reader").ready, Some(false));
    assert_eq!(step("create-key dev-reader").outcome, StepOutcome::Created);
    let old = step("delete-key dev-reader");
    assert_eq!(old.outcome, StepOutcome::Skipped);
    assert!(old.detail.as_ref().unwrap().ends_with("whose key does not log in yet; run again later"), "{old:?}");
    assert_eq!(step("delete-key dev-leaver").outcome, StepOutcome::Deleted, "other slots do not wait");
    assert!(login(&sandbox, &secret("dev-reader", "default")));
    // Nobody needs to remember what was waited for.
    assert_eq!(run(&plan, &sandbox).await.outcome, Outcome::Complete);
    assert_settled(&sandbox, &after(), month(3)).await;
}
