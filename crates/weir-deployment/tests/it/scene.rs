//! A stage on a sandbox, planned by the planner.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use jiff::Timestamp;
use weir_deployment::{DeployError, Journal, MemoryJournal, Options, Ports, Receipt, Wanted, deploy};
use weir_model::{Ensure, Operation, PatternType, Permission, Resource, settings};
use weir_planning::{
    Acl, Desired, DesiredAccount, DesiredBinding, DesiredKey, DesiredTopic, NamePattern, Observed, Plan, PlanOptions,
    Provider, Risk, Scope, SecretRef,
};
use weir_ports::{Clock, Cluster, ExposeSecret as _, Query, SecretSink, SecretString};
use weir_sandbox::{Faults, Sandbox};

pub(crate) const DAY: u64 = 24 * 60 * 60 * 1000;
const VAULT: &str = "https://kv-toll-dev.vault.azure.net";

/// A clock that stands still.
#[derive(Clone, Copy)]
pub(crate) struct Standing(pub(crate) Timestamp);

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// The first of a month in 2026, in the morning.
pub(crate) fn month(number: u8) -> Timestamp {
    format!("2026-{number:02}-01T08:00:00Z").parse().unwrap()
}

pub(crate) fn open(folder: &Path, now: Timestamp, faults: &str) -> Sandbox {
    open_with(folder, now, &faults.parse().unwrap())
}

pub(crate) fn open_with(folder: &Path, now: Timestamp, faults: &Faults) -> Sandbox {
    let options = weir_sandbox::Options {
        cluster_id: Some("sandbox-1".into()),
        faults: faults.clone(),
        clock: Arc::new(Standing(now)),
        ..Default::default()
    };
    Sandbox::open(folder, options).unwrap()
}

pub(crate) fn desired() -> Desired {
    let pattern = |text: &str| vec![NamePattern::try_from(text.to_owned()).unwrap()];
    Desired {
        format: Desired::FORMAT.into(),
        workspace: "cps".into(),
        stage: "dev".into(),
        other_stages: Default::default(),
        cluster: "local".into(),
        provider: Provider::Sandbox,
        cluster_id: Some("sandbox-1".into()),
        owns: Scope { topics: pattern("dev.*"), service_accounts: pattern("dev-*") },
        prune: true,
        governed: false,
        super_users: Default::default(),
        platform: None,
        adopt: Scope::default(),
        teams: BTreeMap::new(),
        vaults: [VAULT.into()].into(),
        approval_required: false,
        threshold_percent: 100,
        threshold_minimum: 1_000_000,
        warn_before: 0,
        files: BTreeMap::new(),
        topics: BTreeMap::new(),
        accounts: BTreeMap::new(),
    }
}

pub(crate) fn topic(partitions: u32, config: &[(&str, &str)]) -> DesiredTopic {
    DesiredTopic {
        entity: "toll".into(),
        team: "toll".into(),
        own_name: true,
        by_platform: false,
        ensure: Ensure::Present,
        partitions: Some(partitions),
        replication_factor: Some(3),
        config: settings::observed(config.iter().copied())
            .into_iter()
            .map(|(name, value)| (name, Some(value)))
            .collect(),
    }
}

pub(crate) fn account(name: &str, slots: &[&str], reads: &[&str]) -> DesiredAccount {
    let acls = reads.iter().map(|topic| (read(topic), DesiredBinding::own([Arc::from(name)]))).collect();
    let keys = slots.iter().map(|slot| ((*slot).to_owned(), key(name, slot, None))).collect();
    DesiredAccount {
        entity: name.into(),
        team: "toll".into(),
        ensure: Ensure::Present,
        description: Some(format!("the {name}")),
        vault: Some(VAULT.into()),
        keys,
        acls,
        idle_slots: Default::default(),
        withdrawn: BTreeMap::new(),
    }
}

pub(crate) fn key(account: &str, slot: &str, rotate_every: Option<u64>) -> DesiredKey {
    DesiredKey {
        secret: secret(account, slot),
        rotate_every,
        overlap: 0,
        rotated_after: None,
        emergency: false,
        projections: BTreeMap::new(),
    }
}

pub(crate) fn secret(account: &str, slot: &str) -> SecretRef {
    SecretRef { vault: VAULT.into(), name: weir_model::secret_name(account, slot) }
}

pub(crate) fn read(topic: &str) -> Acl {
    Acl {
        resource: Resource::Topic,
        pattern: PatternType::Literal,
        name: topic.into(),
        operation: Operation::Read,
        permission: Permission::Allow,
        host: Default::default(),
    }
}

/// Three topics and three accounts with keys.
pub(crate) fn before() -> Desired {
    let mut desired = desired();
    desired.topics =
        [("dev.a", topic(3, &[("retention.ms", "604800000")])), ("dev.b", topic(3, &[])), ("dev.gone", topic(1, &[]))]
            .map(|(name, topic)| (name.to_owned(), topic))
            .into();
    desired.accounts = [
        ("dev-biller", account("dev-biller", &["default", "batch"], &["dev.a", "dev.b"])),
        ("dev-reader", account("dev-reader", &["default"], &["dev.a"])),
        ("dev-leaver", account("dev-leaver", &["default"], &["dev.gone"])),
    ]
    .map(|(name, account)| (name.to_owned(), account))
    .into();
    desired
}

/// Every kind of change, seen from [`before`] at a time when the reader's key is due.
pub(crate) fn after() -> Desired {
    let mut desired = before();
    let topics = &mut desired.topics;
    topics.insert("dev.new".into(), topic(6, &[("cleanup.policy", "compact")]));
    topics.insert("dev.a".into(), topic(6, &[("retention.ms", "1209600000")]));
    topics.get_mut("dev.gone").unwrap().ensure = Ensure::Absent;
    let accounts = &mut desired.accounts;
    accounts.insert("dev-new".into(), account("dev-new", &["default"], &["dev.new"]));
    let mut biller = account("dev-biller", &["default"], &["dev.a", "dev.new"]);
    biller.description = Some("bills, and does nothing else".into());
    accounts.insert("dev-biller".into(), biller);
    accounts.get_mut("dev-reader").unwrap().keys =
        [("default".to_owned(), key("dev-reader", "default", Some(30 * DAY)))].into();
    accounts.get_mut("dev-leaver").unwrap().ensure = Ensure::Absent;
    desired
}

/// Everything a stage may manage, with what its planner needs.
pub(crate) async fn observe(sandbox: &Sandbox, desired: &Desired) -> Observed {
    let mut query = Query::default();
    query.topics.patterns = desired.owns.topics.clone();
    query.accounts.patterns = desired.owns.service_accounts.clone();
    query.topics.names = desired.topics.keys().cloned().collect();
    query.accounts.names = desired.accounts.keys().cloned().collect();
    let mut observed = sandbox.observe(&query).await.unwrap();
    let secrets = weir_planning::secrets_needed(desired, &observed);
    observed.secrets = sandbox.inspect(&secrets).await.unwrap();
    let topics = weir_planning::facts_needed(desired, &observed);
    for (name, facts) in sandbox.topic_facts(&topics).await.unwrap() {
        observed.topics.get_mut(&name).unwrap().facts = Some(facts);
    }
    observed
}

pub(crate) async fn plan(sandbox: &Sandbox, desired: &Desired, now: Timestamp) -> Plan {
    let observed = observe(sandbox, desired).await;
    weir_planning::plan(desired, &observed, &PlanOptions { now, commit: None }).accept().unwrap()
}

/// The plan made again from `desired`, as deployment does.
pub(crate) async fn wanted(sandbox: &Sandbox, desired: &Desired, now: Timestamp) -> Wanted {
    let observed = observe(sandbox, desired).await;
    let planned = weir_planning::plan(desired, &observed, &PlanOptions { now, commit: None });
    Wanted { desired: desired.clone(), observed, planned }
}

/// The plan with a digest that fits its content, as anybody can write it.
pub(crate) fn forged(plan: &Plan, change: impl FnOnce(&mut Plan)) -> Plan {
    let mut plan = plan.clone();
    change(&mut plan);
    let policies = plan.policies.clone().unwrap_or_default();
    plan.under(policies)
}

/// Whatever the risk.
pub(crate) fn bold() -> Options {
    Options { max_risk: Risk::DataLoss, ..Options::default() }
}

pub(crate) async fn run(plan: &Plan, sandbox: &Sandbox) -> Receipt {
    run_with(plan, sandbox, &bold(), &mut MemoryJournal::default()).await.unwrap()
}

pub(crate) async fn run_with(
    plan: &Plan,
    sandbox: &Sandbox,
    options: &Options,
    journal: &mut dyn Journal,
) -> Result<Receipt, DeployError> {
    run_on(plan, sandbox, sandbox, options, journal).await
}

pub(crate) async fn run_on(
    plan: &Plan,
    cluster: &dyn Cluster,
    vaults: &dyn SecretSink,
    options: &Options,
    journal: &mut dyn Journal,
) -> Result<Receipt, DeployError> {
    deploy(plan, Ports { cluster, vaults, clock: &Standing(month(9)), journal, progress: &() }, options).await
}

/// A sandbox that holds [`before`], made in January.
pub(crate) async fn deployed(folder: &Path) -> Sandbox {
    let sandbox = open(folder, month(1), "");
    let plan = plan(&sandbox, &before(), month(1)).await;
    let receipt = run(&plan, &sandbox).await;
    assert_eq!(receipt.outcome, weir_deployment::Outcome::Complete, "{}", weir_deployment::render::text(&receipt));
    sandbox
}

/// The state without what differs from run to run: ids and times.
pub(crate) async fn state(sandbox: &Sandbox, desired: &Desired) -> String {
    let observed = observe(sandbox, desired).await;
    let mut lines = Vec::new();
    for (name, topic) in &observed.topics {
        lines.push(format!("{name}: {} x {} {:?}", topic.partitions, topic.replication_factor, topic.config));
    }
    for (name, account) in &observed.accounts {
        lines.push(format!("{name}: {}", account.description));
    }
    for (principal, acls) in &observed.acls {
        lines.extend(acls.iter().map(|acl| format!("{principal}: {acl:?}")));
    }
    let mut keys: Vec<_> = observed
        .keys
        .values()
        .map(|key| format!("key of {} in {}", key.account, key.slot.as_deref().unwrap_or("no slot")))
        .collect();
    keys.sort();
    lines.extend(keys);
    for secret in observed.secrets.values() {
        let works = login(sandbox, &secret.at);
        lines.push(format!("{}: {:?}, works: {works}", secret.at.name, secret.state));
    }
    lines.join("\n")
}

/// Returns `true` if an application can log in with the credentials in the vault.
pub(crate) fn login(sandbox: &Sandbox, at: &SecretRef) -> bool {
    let Some(value) = sandbox.vaults().read_secret(at).unwrap() else { return false };
    let fields: BTreeMap<String, String> = serde_json::from_str(value.expose_secret()).unwrap();
    sandbox.login(&fields["api_key"], &SecretString::from(fields["api_secret"].clone()))
}

/// Asserts the state after a run that ended well.
pub(crate) async fn assert_settled(sandbox: &Sandbox, desired: &Desired, now: Timestamp) {
    let again = plan(sandbox, desired, now).await;
    assert!(again.is_empty(), "planned again: {:?}", again.steps.iter().map(|s| &s.id.0).collect::<Vec<_>>());
    let mut declared = 0;
    for account in desired.accounts.values().filter(|account| account.ensure == Ensure::Present) {
        for key in account.keys.values() {
            assert!(login(sandbox, &key.secret), "{} lets nobody in", key.secret);
            declared += 1;
        }
    }
    assert_eq!(observe(sandbox, desired).await.keys.len(), declared, "keys and declared slots");
}

pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// Text without what differs from run to run: key ids and digests.
pub(crate) fn scrub(text: &str) -> String {
    let is_id = |word: &str| word.len() == 16 && word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    let mut out = String::new();
    for piece in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let word = piece.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let scrubbed = if is_id(word) {
            "KEY"
        } else if word.len() == 64 {
            "DIGEST"
        } else {
            word
        };
        out.push_str(scrubbed);
        out.push_str(&piece[word.len()..]);
    }
    out
}
