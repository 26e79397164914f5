//! From a stage to live adapters.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use tempfile::TempDir;
use weir_adapters::{Live, OpenError, observe, observe_everything, open};
use weir_model::{Operation, PatternType, Permission, Resource, Workspace};
use weir_planning::{
    Acl, Change, Desired, Host, KeyMarker, Maker, Observed, ObservedAccount, ObservedSecret, Principal, SecretRef,
    TopicFacts, desired,
};
use weir_ports::{Cluster, CreatedKey, ErrorKind, PortError, Query, SecretSink, SecretString};

const WORKSPACE: &str = "\
apiVersion: weir/v1
kind: Workspace
metadata: {name: shop}
spec:
  clusters:
    local: {sandbox: {path: .weir/local, clusterId: sandbox-1}}
    cloud: {confluentCloud: {environment: env-1, cluster: lkc-1}}
    brokers: {apacheKafka: {bootstrap: \"b1:9092\", clusterId: x}}
  stages:
    - {name: dev, cluster: local}
    - {name: test, cluster: cloud}
    - {name: prod, cluster: brokers}
    - {name: lost, cluster: nowhere}
---
apiVersion: weir/v1
kind: Team
metadata: {name: orders}
---
apiVersion: weir/v1
kind: Topic
metadata: {name: orders.old, team: orders}
spec: {ensure: absent}
";

fn workspace() -> (TempDir, Workspace) {
    let workspace = weir_model::load([("weir.yaml", WORKSPACE)]).workspace.expect("well formed");
    (tempfile::tempdir().expect("a folder"), workspace)
}

#[tokio::test]
async fn clusters_that_cannot_be_reached_say_so() {
    let (dir, workspace) = workspace();
    let said = async |stage: &str| match open(dir.path(), &workspace, stage).await {
        Ok(_) => String::new(),
        Err(err) => err.to_string(),
    };
    let no_vaults = |cluster: &str| {
        format!(
            "cluster `{cluster}` keeps no vaults of its own, and weir.yaml does not say where API keys are stored; write \
             `secrets: {{keyVault: {{login: …}}}}` or `secrets: {{folder: {{path: …}}}}` below `spec`"
        )
    };
    let unsupported = |cluster: &str, provider: &str, feature: &str| {
        format!(
            "cluster `{cluster}` runs on {provider}, which this build of weir cannot reach; build it with `--features \
             {feature}`"
        )
    };
    assert_eq!(
        said("test").await,
        match cfg!(feature = "confluent") {
            true => no_vaults("cloud"),
            false => unsupported("cloud", "Confluent Cloud", "confluent"),
        }
    );
    assert_eq!(
        said("prod").await,
        match cfg!(feature = "kafka") {
            true => no_vaults("brokers"),
            false => unsupported("brokers", "Apache Kafka", "kafka"),
        }
    );
    insta::assert_snapshot!(said("lost").await, @"stage `lost` is on cluster `nowhere`, which weir.yaml does not declare");
    insta::assert_snapshot!(said("qa").await, @"there is no stage `qa`; the stages are dev, test, prod, lost");
    assert!(matches!(
        open(dir.path(), &workspace, "test").await,
        Err(OpenError::Unsupported { .. } | OpenError::NoVaults { .. })
    ));
}

#[tokio::test]
async fn a_sandbox_lies_in_the_workspace() {
    let (dir, workspace) = workspace();
    let live = open(dir.path(), &workspace, "dev").await.expect("a sandbox");
    let wanted = desired(&workspace.stage("dev").expect("a stage"), jiff::Timestamp::UNIX_EPOCH);
    let observed = observe(&live, &wanted).await.expect("observed");
    assert_eq!(observed.cluster.id, "sandbox-1");
    assert!(dir.path().join(".weir/local").is_dir());
}

const TEAMS: &str = "\
apiVersion: weir/v1
kind: Workspace
metadata: {name: shop}
spec:
  clusters: {local: {sandbox: {path: .weir/local, clusterId: sandbox-1}}}
  stages:
    - {name: dev, cluster: local, prefix: {topic: dev., serviceAccount: dev-}}
    - {name: live, cluster: local, prefix: {topic: live., serviceAccount: live-}}
  ownership: {platform: platform}
---
{apiVersion: weir/v1, kind: Team, metadata: {name: platform}}
---
{apiVersion: weir/v1, kind: Team, metadata: {name: orders}}
";

/// A stage that weir.yaml no longer has leaves accounts behind, and a deleted account leaves its bindings.
#[tokio::test]
async fn objects_without_a_file_are_seen() {
    let dir = tempfile::tempdir().expect("a folder");
    let workspace = weir_model::load([("weir.yaml", TEAMS)]).workspace.expect("well formed");
    let live = open(dir.path(), &workspace, "dev").await.expect("a sandbox");
    let create = |name: &str, maker: &str| Change::CreateAccount {
        account: name.to_owned(),
        description: String::new(),
        maker: maker.parse::<Maker>().expect("a mark"),
    };
    let acl = Acl {
        resource: Resource::Topic,
        pattern: PatternType::Literal,
        name: "dev.cards.status".into(),
        operation: Operation::Read,
        permission: Permission::Allow,
        host: Host::Any,
    };
    let principal = Principal::of_account("dev-orders-old");
    for change in [
        create("dev-orders-old", "shop/dev"),
        create("test-orders", "shop/test"),
        create("live-orders", "shop/live"),
        create("test-cards", "other/test"),
        Change::CreateAcl { principal: principal.clone(), acl },
        Change::delete_account("dev-orders-old", &ObservedAccount::default()),
    ] {
        live.cluster.apply(&[&change]).await.remove(0).expect("applied");
    }
    let wanted = desired(&workspace.stage("dev").expect("a stage"), jiff::Timestamp::UNIX_EPOCH);
    let observed = observe(&live, &wanted).await.expect("observed");
    assert_eq!(observed.accounts.keys().collect::<Vec<_>>(), ["test-orders"]);
    assert_eq!(observed.acls[&principal].len(), 1);
}

/// A server may open clusters on any of its threads.
#[test]
fn opening_can_move_between_threads() {
    fn is_send<T: Send>(_: &T) {}
    let (dir, workspace) = workspace();
    is_send(&open(dir.path(), &workspace, "dev"));
}

/// A cluster that refuses the first reads of each kind.
struct Busy {
    sandbox: Arc<dyn Cluster>,
    refusals: u32,
    calls: Mutex<BTreeMap<&'static str, u32>>,
}

impl Busy {
    /// Puts the cluster of `live` behind the refusals.
    fn before(live: &Live, refusals: u32) -> (Live, Arc<Self>) {
        let busy = Arc::new(Self { sandbox: live.cluster.clone(), refusals, calls: Mutex::default() });
        (Live { cluster: busy.clone(), ..live.clone() }, busy)
    }

    fn call(&self, name: &'static str) -> Result<(), PortError> {
        let mut calls = self.calls.lock().expect("no panic before");
        let count = calls.entry(name).or_default();
        *count += 1;
        if *count <= self.refusals { Err(PortError::retry("this broker is no longer the controller")) } else { Ok(()) }
    }

    fn calls(&self) -> BTreeMap<&'static str, u32> {
        self.calls.lock().expect("no panic before").clone()
    }
}

#[async_trait]
impl Cluster for Busy {
    async fn observe(&self, query: &Query) -> Result<Observed, PortError> {
        self.call("observe")?;
        self.sandbox.observe(query).await
    }

    async fn topic_facts(&self, topics: &BTreeSet<String>) -> Result<BTreeMap<String, TopicFacts>, PortError> {
        self.call("topic_facts")?;
        self.sandbox.topic_facts(topics).await
    }

    async fn apply(&self, changes: &[&Change]) -> Vec<Result<(), PortError>> {
        self.sandbox.apply(changes).await
    }

    async fn create_key(&self, account: &str, marker: &KeyMarker) -> Result<CreatedKey, PortError> {
        self.sandbox.create_key(account, marker).await
    }

    async fn delete_key(&self, account: &str, key: &str) -> Result<(), PortError> {
        self.sandbox.delete_key(account, key).await
    }
}

/// Brokers refuse requests while their controller moves.
#[tokio::test(start_paused = true)]
async fn a_refused_read_is_repeated() {
    let (dir, workspace) = workspace();
    let wanted = desired(&workspace.stage("dev").expect("a stage"), jiff::Timestamp::UNIX_EPOCH);
    let live = open(dir.path(), &workspace, "dev").await.expect("a sandbox");
    let old = Change::CreateTopic {
        topic: "orders.old".to_owned(),
        partitions: None,
        replication_factor: None,
        config: BTreeMap::new(),
    };
    live.cluster.apply(&[&old]).await.remove(0).expect("a topic");

    let (busy, cluster) = Busy::before(&live, 2);
    let observed = observe(&busy, &wanted).await.expect("observed");
    assert!(observed.topics["orders.old"].facts.is_some());
    assert_eq!(cluster.calls(), BTreeMap::from([("observe", 3), ("topic_facts", 3)]));

    let (busy, cluster) = Busy::before(&live, 2);
    observe_everything(&busy).await.expect("observed");
    assert_eq!(cluster.calls(), BTreeMap::from([("observe", 3)]));
}

/// The deadline holds for all reads together, and no level above repeats them.
#[tokio::test(start_paused = true)]
async fn refused_reads_end_at_the_deadline() {
    let (dir, workspace) = workspace();
    let wanted = desired(&workspace.stage("dev").expect("a stage"), jiff::Timestamp::UNIX_EPOCH);
    let live = open(dir.path(), &workspace, "dev").await.expect("a sandbox");
    let (busy, cluster) = Busy::before(&live, u32::MAX);
    let began = tokio::time::Instant::now();
    let error = observe(&busy, &wanted).await.expect_err("refused");
    assert!(error.exhausted, "{error:?}");
    assert!(cluster.calls()["observe"] > 3 && began.elapsed() <= busy.patience, "{:?}", cluster.calls());
}

/// Vaults that do not answer are the trouble of their team. If those of several teams do not answer, weir's own login or
/// network is wrong.
#[tokio::test(start_paused = true)]
async fn dead_vaults_of_one_team_are_its_own_trouble() {
    let team = |name: &str| {
        format!(
            "---\napiVersion: weir/v1\nkind: Team\nmetadata: {{name: {name}}}\nspec: {{vaults: {{dev: \"https://kv-{name}.vault.azure.net\"}}}}\n\
             ---\napiVersion: weir/v1\nkind: ServiceAccount\nmetadata: {{name: {name}-a, team: {name}}}\nspec: {{apiKeys: [{{}}]}}\n"
        )
    };
    let text = format!("{}{}", WORKSPACE.replace("metadata: {name: orders}", "metadata: {name: x}"), team("orders"));
    let (dir, text) = (tempfile::tempdir().expect("a folder"), format!("{text}{}", team("cards")));
    let workspace = weir_model::load([("weir.yaml", text)]).workspace.expect("well formed");
    let of_two = desired(&workspace.stage("dev").expect("a stage"), jiff::Timestamp::UNIX_EPOCH);
    // Team orders alone, one of whose accounts is still stored in another vault.
    let mut of_one = of_two.clone();
    of_one.accounts.values_mut().for_each(|account| account.team = "orders".to_owned());
    let options = |faults: &str| weir_sandbox::Options {
        cluster_id: Some("sandbox-1".to_owned()),
        faults: faults.parse().expect("faults"),
        ..Default::default()
    };
    let live = |faults: &str| {
        let sandbox =
            Arc::new(weir_sandbox::Sandbox::open(dir.path().join(faults), options(faults)).expect("a sandbox"));
        Live { cluster: sandbox.clone(), vaults: sandbox, patience: std::time::Duration::from_secs(60) }
    };
    let seen = observe(&live("dead@kv-"), &of_one).await.expect("the trouble of one team");
    assert_eq!(seen.unseen.len(), 2);
    assert!(observe(&live("dead@kv-"), &of_two).await.is_err(), "no vault of two teams answers");
    assert_eq!(observe(&live("dead@kv-orders"), &of_two).await.expect("one vault answers").unseen.len(), 1);
}

/// Vaults of a sandbox that may refuse to be listed. They count the calls.
struct Locked {
    sandbox: Arc<weir_sandbox::Sandbox>,
    refused: Option<ErrorKind>,
    calls: Mutex<Vec<String>>,
}

impl Locked {
    fn called(&self, call: String) {
        self.calls.lock().expect("no panic").push(call);
    }
}

#[async_trait]
impl SecretSink for Locked {
    async fn inspect(&self, at: &BTreeSet<SecretRef>) -> Result<BTreeMap<SecretRef, ObservedSecret>, PortError> {
        self.called(format!("inspect {}", at.len()));
        self.sandbox.inspect(at).await
    }

    async fn list(&self, vault: &str) -> Result<BTreeMap<SecretRef, ObservedSecret>, PortError> {
        self.called(format!("list {vault}"));
        match self.refused {
            Some(kind) => Err(PortError::new(kind, "not allowed")),
            None => self.sandbox.list(vault).await,
        }
    }

    async fn preflight(&self, at: &SecretRef) -> Result<(), PortError> {
        self.sandbox.preflight(at).await
    }

    async fn store(
        &self,
        at: &SecretRef,
        value: &SecretString,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), PortError> {
        self.sandbox.store(at, value, tags).await
    }

    async fn disable(&self, at: &SecretRef, key: &str) -> Result<(), PortError> {
        self.sandbox.disable(at, key).await
    }

    async fn delete(&self, at: &SecretRef) -> Result<(), PortError> {
        self.sandbox.delete(at).await
    }
}

/// Observes a stage with the account `dev-orders-a`, which has `keys`, and a secret of a key that somebody deleted, in a
/// slot that no file names. Returns the observed state and the calls of the vaults.
async fn with_a_former_secret(keys: &str, refused: Option<ErrorKind>) -> (Desired, Observed, Vec<String>) {
    const VAULT: &str = "https://kv-orders.vault.azure.net";
    let text = format!(
        "{TEAMS}---\napiVersion: weir/v1\nkind: ServiceAccount\nmetadata: {{name: orders-a, team: orders}}\nspec: {{{keys}}}\n"
    );
    let text = text.replace("{name: orders}}", &format!("{{name: orders}}, spec: {{vaults: {{dev: \"{VAULT}\"}}}}}}"));
    let dir = tempfile::tempdir().expect("a folder");
    let workspace = weir_model::load([("weir.yaml", text)]).workspace.expect("well formed");
    let options = weir_sandbox::Options { cluster_id: Some("sandbox-1".to_owned()), ..Default::default() };
    let sandbox = Arc::new(weir_sandbox::Sandbox::open(dir.path(), options).expect("a sandbox"));
    let tags = |account| {
        [
            (ObservedSecret::TAG_MANAGED_BY, "weir"),
            (ObservedSecret::TAG_WORKSPACE, "shop"),
            (ObservedSecret::TAG_STAGE, "dev"),
            (ObservedSecret::TAG_CLUSTER, "sandbox-1"),
            (ObservedSecret::TAG_ACCOUNT, account),
            (ObservedSecret::TAG_SLOT, "batch"),
            (ObservedSecret::TAG_KEY_ID, "K1"),
        ]
        .map(|(tag, value)| (tag.to_owned(), value.to_owned()))
    };
    for account in ["dev-orders-a", "dev-orders-old"] {
        let at = SecretRef { vault: VAULT.to_owned(), name: format!("kafka-{account}-batch") };
        sandbox.store(&at, &SecretString::from("x"), &tags(account).into()).await.expect("stored");
    }
    let vaults = Arc::new(Locked { sandbox: sandbox.clone(), refused, calls: Mutex::default() });
    let live = Live { cluster: sandbox, vaults: vaults.clone(), patience: std::time::Duration::from_secs(60) };
    let wanted = desired(&workspace.stage("dev").expect("a stage"), jiff::Timestamp::UNIX_EPOCH);
    let observed = observe(&live, &wanted).await.expect("observed");
    let calls = vaults.calls.lock().expect("no panic").clone();
    (wanted, observed, calls)
}

#[tokio::test]
async fn vaults_are_listed_once_and_show_former_secrets() {
    let list = "list https://kv-orders.vault.azure.net";
    for keys in ["", "apiKeys: [{slot: nightly}]"] {
        let (wanted, observed, calls) = with_a_former_secret(keys, None).await;
        assert_eq!(calls, [list], "{keys}");
        let names = |secrets: &BTreeMap<SecretRef, ObservedSecret>| -> Vec<String> {
            secrets.keys().map(|at| at.name.clone()).collect()
        };
        assert_eq!(names(&observed.secrets), ["kafka-dev-orders-a-batch"], "{keys}");
        assert_eq!(names(&observed.other_secrets), ["kafka-dev-orders-old-batch"], "{keys}");
        let options = weir_planning::PlanOptions { now: jiff::Timestamp::UNIX_EPOCH, commit: None };
        let report = weir_planning::plan(&wanted, &observed, &options).plan.report;
        assert!(
            report.items.iter().any(|item| item.message.contains("/kafka-dev-orders-old-batch` is left in its vault")),
            "{report:?}"
        );
    }
}

/// The secrets that a plan needs are read by name, where the vault lets weir do so.
#[tokio::test(start_paused = true)]
async fn a_vault_that_refuses_the_list_stops_nothing() {
    let vault = "https://kv-orders.vault.azure.net";
    let (_, observed, calls) = with_a_former_secret("apiKeys: [{slot: batch}]", Some(ErrorKind::Denied)).await;
    assert_eq!(calls.len(), 2, "{calls:?}");
    assert_eq!(observed.secrets.len(), 1);
    assert_eq!(observed.unlisted[vault], "its login lacks the permission `list`: not allowed");
    assert!(observed.unseen.is_empty() && observed.other_secrets.is_empty());

    // No secret of this vault is needed.
    for refused in [ErrorKind::Denied, ErrorKind::Unavailable] {
        let began = tokio::time::Instant::now();
        let (_, observed, calls) = with_a_former_secret("", Some(refused)).await;
        assert!(calls.iter().all(|call| call.starts_with("list")), "{calls:?}");
        assert!(observed.unlisted.contains_key(vault) && observed.unseen.is_empty(), "{observed:?}");
        assert!(began.elapsed() <= std::time::Duration::from_secs(5), "{:?}", began.elapsed());
    }
    // A vault of which secrets are needed is unseen, as ever.
    let (_, observed, _) = with_a_former_secret("apiKeys: [{}]", Some(ErrorKind::Unavailable)).await;
    assert!(observed.unseen.contains_key(vault) && observed.unlisted.is_empty());
}
