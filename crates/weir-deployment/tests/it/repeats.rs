//! Calls that an adapter has repeated already.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
    time::Duration,
};

use tokio::time::Instant;
use weir_deployment::{MemoryJournal, StepOutcome, render};
use weir_planning::{Change, KeyMarker, Observed, ObservedSecret, SecretRef, TopicFacts};
use weir_ports::{Cluster, CreatedKey, ErrorKind, PortError, Query, SecretSink, SecretString};
use weir_sandbox::Sandbox;

use crate::scene::{after, before, bold, deployed, key, month, open, plan, run_on, topic};

/// The error of one call.
type Broken = (&'static str, PortError);

/// A sandbox of which one call fails from some time on, and that counts its calls.
struct Tired<'a> {
    sandbox: &'a Sandbox,
    broken: Broken,
    since: Instant,
    calls: Mutex<BTreeMap<String, u32>>,
}

impl<'a> Tired<'a> {
    fn new(sandbox: &'a Sandbox, broken: Broken) -> Self {
        Self { sandbox, broken, since: Instant::now(), calls: Mutex::default() }
    }

    /// Counts a call of `object`; fails if that is the broken one.
    fn call(&self, name: &str, object: &str) -> Result<(), PortError> {
        let (broken, error) = &self.broken;
        if name != *broken || Instant::now() < self.since {
            return Ok(());
        }
        *self.calls.lock().unwrap().entry(object.to_owned()).or_default() += 1;
        Err(error.copy_for_item())
    }
}

#[async_trait::async_trait]
impl Cluster for Tired<'_> {
    async fn observe(&self, query: &Query) -> Result<Observed, PortError> {
        self.call("observe", "cluster")?;
        self.sandbox.observe(query).await
    }

    async fn topic_facts(&self, topics: &BTreeSet<String>) -> Result<BTreeMap<String, TopicFacts>, PortError> {
        self.call("topic_facts", "cluster")?;
        self.sandbox.topic_facts(topics).await
    }

    async fn apply(&self, changes: &[&Change]) -> Vec<Result<(), PortError>> {
        let mut answers = Vec::new();
        for change in changes {
            answers.push(match self.call("apply", &format!("{change:?}")) {
                Ok(()) => self.sandbox.apply(&[*change]).await.remove(0),
                Err(error) => Err(error),
            });
        }
        answers
    }

    async fn create_key(&self, account: &str, marker: &KeyMarker) -> Result<CreatedKey, PortError> {
        self.call("create_key", &marker.to_string())?;
        self.sandbox.create_key(account, marker).await
    }

    async fn delete_key(&self, account: &str, key: &str) -> Result<(), PortError> {
        self.call("delete_key", key)?;
        self.sandbox.delete_key(account, key).await
    }
}

#[async_trait::async_trait]
impl SecretSink for Tired<'_> {
    async fn inspect(&self, at: &BTreeSet<SecretRef>) -> Result<BTreeMap<SecretRef, ObservedSecret>, PortError> {
        self.sandbox.inspect(at).await
    }

    async fn list(&self, vault: &str) -> Result<BTreeMap<SecretRef, ObservedSecret>, PortError> {
        self.sandbox.list(vault).await
    }

    async fn preflight(&self, at: &SecretRef) -> Result<(), PortError> {
        self.call("preflight", &at.to_string())?;
        self.sandbox.preflight(at).await
    }

    async fn store(
        &self,
        at: &SecretRef,
        value: &SecretString,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), PortError> {
        self.call("store", &at.to_string())?;
        self.sandbox.store(at, value, tags).await
    }

    async fn disable(&self, at: &SecretRef, key: &str) -> Result<(), PortError> {
        self.call("disable", &at.to_string())?;
        self.sandbox.disable(at, key).await
    }

    async fn delete(&self, at: &SecretRef) -> Result<(), PortError> {
        self.call("delete", &at.to_string())?;
        self.sandbox.delete(at).await
    }
}

/// Carries out a plan on a cluster and vaults of which one call fails; returns the number of its calls by object.
async fn tried(name: &'static str, error: PortError) -> BTreeMap<String, u32> {
    let folder = tempfile::tempdir().unwrap();
    drop(deployed(folder.path()).await);
    let sandbox = open(folder.path(), month(3), "");
    let plan = plan(&sandbox, &after(), month(3)).await;
    let tired = Tired::new(&sandbox, (name, error));
    match run_on(&plan, &tired, &tired, &bold(), &mut MemoryJournal::default()).await {
        Ok(receipt) => {
            let failed = receipt.steps.iter().any(|step| step.outcome == StepOutcome::Failed);
            assert!(failed, "{name}: {}", render::text(&receipt));
        }
        Err(_) => assert_eq!(name, "observe"),
    }
    tired.calls.into_inner().unwrap()
}

const CALLS: [&str; 6] = ["observe", "apply", "create_key", "preflight", "store", "delete_key"];

#[tokio::test(start_paused = true)]
async fn a_call_that_the_adapter_repeated_is_made_once() {
    for name in CALLS {
        for kind in [ErrorKind::Retry, ErrorKind::Ambiguous] {
            // A lost answer to a creation is resolved by the key's mark, not by repeating.
            if (name, kind) == ("create_key", ErrorKind::Ambiguous) {
                continue;
            }
            let calls = tried(name, PortError::new(kind, "the time is up").repeated()).await;
            assert!(!calls.is_empty() && calls.values().all(|calls| *calls == 1), "{name}, {kind:?}: {calls:?}");
        }
    }
}

/// The counterpart: nobody repeated the call, so deployment does.
#[tokio::test(start_paused = true)]
async fn a_call_that_nobody_repeated_is_repeated() {
    for name in CALLS {
        let calls = tried(name, PortError::retry("busy")).await;
        assert!(!calls.is_empty() && calls.values().all(|calls| *calls > 1), "{name}: {calls:?}");
    }
}

/// Looks at a change are part of the wait for it: they begin no deadline of their own.
#[tokio::test(start_paused = true)]
async fn a_wait_ends_at_its_deadline_whatever_fails_meanwhile() {
    let mut with_topic = before();
    with_topic.topics.insert("dev.new".to_owned(), topic(1, &[]));
    let mut with_key = before();
    with_key.accounts.get_mut("dev-reader").unwrap().keys.insert("new".to_owned(), key("dev-reader", "new", None));
    for wanted in [with_topic, with_key] {
        let folder = tempfile::tempdir().unwrap();
        drop(deployed(folder.path()).await);
        let plan = plan(&open(folder.path(), month(1), ""), &wanted, month(1)).await;
        assert_eq!(plan.steps.len(), 1, "{:?}", plan.steps);
        // The cluster takes the change and does not show it; ten seconds before the deadline it fails.
        let sandbox = open(folder.path(), month(1), "lag=100000");
        let (options, began) = (bold(), Instant::now());
        let deadline = began + options.read_back.deadline;
        let broken = ("observe", PortError::retry("busy"));
        let tired = Tired { since: deadline - Duration::from_secs(10), ..Tired::new(&sandbox, broken) };
        let receipt = run_on(&plan, &tired, &tired, &options, &mut MemoryJournal::default()).await.unwrap();
        assert_eq!(receipt.steps[0].outcome, StepOutcome::Unconfirmed, "{}", render::text(&receipt));
        assert!(Instant::now() <= deadline, "after {:?}", began.elapsed());
    }
}
