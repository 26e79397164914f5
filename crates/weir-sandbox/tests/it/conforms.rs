//! The sandbox passes the conformance suite.

use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;
use tempfile::TempDir;
use weir_planning::{SecretRef, TopicFacts};
use weir_ports::{Cluster, CreatedKey, PortError, SecretSink, SecretString};
use weir_sandbox::{Faults, Options, Sandbox, Vaults};
use weir_testkit::conformance::{self, Ability, Harness, Outcome};

struct Subject {
    sandbox: Sandbox,
    denied: Sandbox,
    _folder: TempDir,
}

impl Subject {
    fn new(faults: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let open = |faults: &str| {
            Sandbox::open(folder.path(), Options { faults: faults.parse().unwrap(), ..Options::default() }).unwrap()
        };
        let sandbox = open(faults);
        sandbox.configure(|cluster| cluster.can_change_replication_factor = true).unwrap();
        Self { sandbox, denied: open("deny@observe"), _folder: folder }
    }
}

#[async_trait]
impl Harness for Subject {
    fn cluster(&self) -> &dyn Cluster {
        &self.sandbox
    }

    fn sink(&self) -> &dyn SecretSink {
        &self.sandbox
    }

    fn prefix(&self) -> &str {
        "suite-"
    }

    fn vault(&self) -> &str {
        "https://kv-suite.vault.azure.net"
    }

    fn lacks(&self) -> BTreeSet<Ability> {
        BTreeSet::new()
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn denied(&self) -> &dyn Cluster {
        &self.denied
    }

    async fn make_account_by_hand(&self, name: &str) -> Result<(), PortError> {
        self.sandbox.add_account(name, "made by hand")
    }

    async fn make_key_by_hand(&self, account: &str) -> Result<String, PortError> {
        self.sandbox.add_key(account, "made by hand").map(|key| key.id)
    }

    async fn logs_in(&self, key: &CreatedKey) -> bool {
        self.sandbox.login(&key.id, &key.secret)
    }

    async fn write_records(&self, topic: &str, number: u64) -> Result<(), PortError> {
        self.sandbox.set_facts(topic, TopicFacts { records: number, ..TopicFacts::default() })
    }

    async fn store_by_hand(&self, at: &SecretRef) -> Result<(), PortError> {
        let tags = [("api-key-id".to_owned(), "BYHAND".to_owned())].into();
        self.sandbox.vaults().put_secret(at, &"by hand".into(), &tags)
    }

    async fn delete_by_hand(&self, at: &SecretRef) -> Result<(), PortError> {
        self.sandbox.vaults().remove_secret(at)
    }

    async fn read_secret(&self, at: &SecretRef) -> Result<Option<SecretString>, PortError> {
        self.sandbox.vaults().read_secret(at)
    }
}

#[tokio::test]
async fn with_everything() {
    let outcomes = conformance::check(&Subject::new("")).await;
    let skipped: Vec<_> = outcomes.iter().filter(|(_, outcome)| *outcome != Outcome::Passed).collect();
    assert!(skipped.is_empty(), "{skipped:?}");
}

#[tokio::test]
async fn with_reads_that_lag() {
    conformance::check(&Subject::new("lag=2")).await;
}

/// Vaults without a cluster.
struct Alone {
    vaults: Vaults,
    _folder: TempDir,
}

#[async_trait]
impl Harness for Alone {
    fn cluster(&self) -> &dyn Cluster {
        unreachable!("there is none")
    }

    fn sink(&self) -> &dyn SecretSink {
        &self.vaults
    }

    fn prefix(&self) -> &str {
        "suite-"
    }

    fn vault(&self) -> &str {
        "https://kv-suite.vault.azure.net"
    }

    fn lacks(&self) -> BTreeSet<Ability> {
        [Ability::Cluster].into()
    }

    async fn store_by_hand(&self, at: &SecretRef) -> Result<(), PortError> {
        self.vaults.put_secret(at, &"by hand".into(), &[("api-key-id".to_owned(), "BYHAND".to_owned())].into())
    }

    async fn delete_by_hand(&self, at: &SecretRef) -> Result<(), PortError> {
        self.vaults.remove_secret(at)
    }

    async fn read_secret(&self, at: &SecretRef) -> Result<Option<SecretString>, PortError> {
        self.vaults.read_secret(at)
    }
}

#[tokio::test]
async fn vaults_that_stand_alone() {
    let folder = tempfile::tempdir().unwrap();
    let vaults = Vaults::open(folder.path().join("secrets"), Faults::default()).unwrap();
    let outcomes = conformance::check(&Alone { vaults, _folder: folder }).await;
    assert!(outcomes.iter().any(|(_, outcome)| *outcome == Outcome::Passed));
}

/// The suite must fail for a broken implementation, or it proves nothing.
#[tokio::test]
async fn the_suite_fails_for_a_broken_sandbox() {
    let subject = Subject::new("lost@1");
    let case = conformance::cases().into_iter().find(|case| case.name == "create-topic").unwrap();
    assert!(matches!(conformance::run(&case, &subject).await, Outcome::Failed(_)));
}
