use std::collections::{BTreeMap, BTreeSet};

use proptest::{collection, prelude::*, sample::select};
use weir_findings::Severity;
use weir_import::{Import, Imported, TeamRule, import_stages};
use weir_model::{
    Ensure, Operation, PatternType, Permission, Resource,
    settings::{self, KafkaValue},
};
use weir_planning::{
    Acl, Host, Observed, ObservedAccount, ObservedKey, ObservedTopic, PlanOptions, Principal, desired, plan, render,
};

const WORKSPACE: &str = r#"
apiVersion: weir/v1
kind: Workspace
metadata: {name: brownfield}
spec:
  clusters:
    nonprod: {sandbox: {path: nonprod}}
    prod: {sandbox: {path: prod}}
  stages:
    - name: dev
      cluster: nonprod
      prefix: {topic: dev., group: dev., transactionalId: dev., serviceAccount: dev-}
      owns: {topics: [dev.*], serviceAccounts: [dev-*]}
    - name: test
      cluster: nonprod
      prefix: {topic: test., group: test., transactionalId: test., serviceAccount: test-}
    - {name: prod, cluster: prod}
  profiles:
    standard: {partitions: 6, replicationFactor: 3, config: {min.insync.replicas: 2, retention.ms: 7d}}
    compacted: {partitions: 3, config: {cleanup.policy: compact, segment.ms: default}}
  defaults: {profile: standard, vault: "https://kv-{team}-{stage}.example"}
"#;

/// The entities that files declared before.
const DECLARED: &str = r#"
apiVersion: weir/v1
kind: Team
metadata: {name: toll}
spec: {}
---
apiVersion: weir/v1
kind: Topic
metadata: {name: toll.a, team: toll}
spec: {partitions: 1, replicationFactor: 1, config: {min.insync.replicas: default, retention.ms: default}, stages: {dev: }}
---
apiVersion: weir/v1
kind: ServiceAccount
metadata: {name: toll-reader, team: toll}
spec: {}
---
apiVersion: weir/v1
kind: AccessControlList
metadata: {name: toll-reader, team: toll}
spec:
  serviceAccount: toll-reader
  rules: [{resource: topic, name: cards., pattern: prefixed, operations: [Read, Alter]}]
"#;

const TOPICS: [&str; 18] = [
    "toll.a",
    "toll.a_b",
    "toll.a.b",
    "toll.b",
    "toll.B-2",
    "cards.a",
    "cards.status.v1",
    "cards_x.y",
    "007.1",
    "no.yes",
    "null.x",
    "_schemas",
    "_x.y",
    "weir.x",
    ".hidden.x",
    "orders",
    "..",
    "x.very-long",
];

const ACCOUNTS: [&str; 12] = [
    "toll-billing",
    "toll-reader",
    "cards.app",
    "cards-app",
    "007-bond",
    "two words-x",
    "größe-x",
    "*",
    "-x",
    "toll-a-name-that-is-far-too-long-for-the-cloud-to-take-it-without-complaint",
    "weir-deployer",
    "",
];

const NAMES: [&str; 16] = [
    "toll.a",
    "toll.",
    "cards.",
    "cards.status.v1",
    "*",
    "**",
    "toll.*",
    "t",
    "",
    "dev.",
    "a b",
    "_schemas",
    "nobody.x",
    "kafka-cluster",
    "#x: y",
    "test.toll.a",
];

fn prefix(stage: usize, sign: char) -> String {
    ["dev", "test", ""][stage].to_owned()
        + if stage == 2 {
            ""
        } else if sign == '.' {
            "."
        } else {
            "-"
        }
}

fn config() -> impl Strategy<Value = BTreeMap<String, KafkaValue>> {
    let one = select(vec![
        ("retention.ms", "604800000"),
        ("retention.ms", "604800001"),
        ("retention.ms", "-1"),
        ("retention.ms", "default"),
        ("cleanup.policy", "compact"),
        ("cleanup.policy", "delete,compact"),
        ("cleanup.policy", "delete"),
        ("cleanup.policy", ""),
        ("min.insync.replicas", "2"),
        ("min.insync.replicas", "5"),
        ("segment.bytes", "1073741824"),
        ("segment.bytes", "3"),
        ("compression.type", "zstd"),
        ("max.compaction.lag.ms", "9223372036854775807"),
        ("min.compaction.lag.ms", "9223372036854775807"),
        ("max.compaction.lag.ms", "1"),
        ("min.cleanable.dirty.ratio", "0.3"),
        ("follower.replication.throttled.replicas", "0:1,1:2"),
        ("remote.storage.enable", "true"),
        ("vendor.own.setting", "a: b # c"),
        ("unclean.leader.election.enable", "TRUE"),
    ]);
    collection::btree_map(one.clone(), Just(()), 0..4).prop_map(|chosen| settings::observed(chosen.into_keys()))
}

fn topic() -> impl Strategy<Value = ObservedTopic> {
    (select(vec![1, 3, 6, 12, 20_000]), select(vec![1, 3]), config(), prop::bool::weighted(0.1)).prop_map(
        |(partitions, replication_factor, config, mirror)| ObservedTopic {
            topic_id: "u".to_owned(),
            partitions,
            replication_factor,
            config,
            mirror,
            facts: None,
        },
    )
}

fn acl(stage: usize) -> impl Strategy<Value = Acl> {
    use Operation::*;
    let resource = select(vec![
        Resource::Topic,
        Resource::Topic,
        Resource::Topic,
        Resource::Group,
        Resource::Group,
        Resource::TransactionalId,
        Resource::Cluster,
        Resource::DelegationToken,
    ]);
    let pattern = select(vec![PatternType::Literal, PatternType::Literal, PatternType::Prefixed]);
    let operation =
        select(vec![Read, Read, Read, Write, Write, All, Describe, Alter, Create, DescribeConfigs, ClusterAction]);
    let permission = select(vec![Permission::Allow, Permission::Allow, Permission::Allow, Permission::Deny]);
    let host = select(vec!["*", "*", "*", "10.0.0.1", "broker.example"]);
    (resource, pattern, select(NAMES.to_vec()), operation, permission, host, prop::bool::weighted(0.85)).prop_map(
        move |(resource, pattern, name, operation, permission, host, inside)| {
            let name = match resource {
                Resource::Cluster => "kafka-cluster".to_owned(),
                Resource::Group if stage == 1 => name.to_owned(),
                _ if inside => prefix(stage, '.') + name,
                _ => name.to_owned(),
            };
            let name = if name.is_empty() { "x".to_owned() } else { name };
            Acl { resource, pattern, name: name.into(), operation, permission, host: Host::from(host) }
        },
    )
}

fn stage(stage: usize) -> impl Strategy<Value = Observed> {
    let topics = collection::btree_map(select(TOPICS.to_vec()), topic(), 0..9);
    let account = (
        select(vec!["", "Reads it", "with: \"quotes\" # and more", "two\nlines"]),
        collection::btree_set(acl(stage), 0..5),
    );
    let accounts = collection::btree_map(select(ACCOUNTS.to_vec()), account, 0..7);
    let strangers = collection::btree_map(
        select(vec!["User:CN=app,O=x", "User:*", "User:ghost", "Group:x"]),
        collection::btree_set(acl(stage), 1..3),
        0..2,
    );
    (topics, accounts, strangers, 0..4_usize).prop_map(move |(topics, accounts, strangers, keys)| {
        let mut observed = Observed { format: Observed::FORMAT.to_owned(), ..Observed::default() };
        for (name, topic) in topics {
            let name = if name.starts_with("__") { name.to_owned() } else { prefix(stage, '.') + name };
            observed.topics.insert(name, topic);
        }
        for (i, (name, (description, acls))) in accounts.into_iter().enumerate() {
            let name = prefix(stage, '-') + name;
            if name.is_empty() {
                continue;
            }
            if !acls.is_empty() {
                observed.acls.insert(Principal::of_account(&name), acls);
            }
            if i < keys {
                let marker = (i == 0)
                    .then(|| format!("weir/brownfield/{}/default/0123456789abcdef", ["dev", "test", "prod"][stage]));
                let slot = marker.as_ref().map(|_| "default".to_owned());
                let key = ObservedKey { account: name.clone(), slot, marker, created: None };
                observed.keys.insert(format!("K{stage}{i}"), key);
            }
            let account = ObservedAccount { id: format!("sa-{i}"), description: description.to_owned(), maker: None };
            observed.accounts.insert(name, account);
        }
        for (principal, acls) in strangers {
            observed.acls.entry(principal.into()).or_default().extend(acls);
        }
        observed
    })
}

/// dev and test are on one cluster: each sees what the other has.
fn merged(dev: Observed, test: Observed) -> Observed {
    let mut both = dev;
    both.topics.extend(test.topics);
    both.accounts.extend(test.accounts);
    for (principal, acls) in test.acls {
        both.acls.entry(principal).or_default().extend(acls);
    }
    both.keys.extend(test.keys);
    both
}

fn files(declared: bool, imported: Option<&Imported>) -> Vec<(String, String)> {
    let mut files = vec![("weir.yaml".to_owned(), WORKSPACE.to_owned())];
    files.extend(declared.then(|| ("declared.yaml".to_owned(), DECLARED.to_owned())));
    files.extend(imported.iter().flat_map(|a| &a.files).map(|(name, text)| (format!("out/{name}"), text.clone())));
    files
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn what_is_imported_is_valid_and_changes_nothing(
        dev in stage(0),
        test in stage(1),
        prod in stage(2),
        which in prop::bits::u8::between(0, 3),
        declared in any::<bool>(),
    ) {
        let nonprod = merged(dev, test);
        let stages: Vec<(String, &Observed)> = [("dev", &nonprod), ("test", &nonprod), ("prod", &prod)]
            .into_iter()
            .enumerate()
            .filter(|(i, _)| which == 0 || which & (1 << i) != 0)
            .map(|(_, (name, observed))| (name.to_owned(), observed))
            .collect();
        let before = weir_model::load(files(declared, None));
        let teams = TeamRule::new(None, Some("lost")).unwrap();
        let now = "2026-11-22T00:00:00Z".parse().unwrap();
        let import = Import {
            workspace: before.workspace.as_ref().unwrap(), stages: stages.clone(), teams: &teams, now, schema: None,
        };
        let imported = import_stages(&import).unwrap();
        prop_assert!(imported.findings.is_empty(), "{:#?}", imported.findings);

        let written = files(declared, Some(&imported));
        let shown: String = written[1..].iter().map(|(name, text)| format!("## {name}\n{text}\n")).collect();
        let loaded = weir_model::load(written);
        let wrong: Vec<String> = weir_validation::validate(&loaded, None, None).unwrap()
            .into_iter()
            .filter(|f| f.severity == Severity::Error)
            .map(|f| format!("{}: {} ({:?})", f.rule, f.message, f.help))
            .collect();
        prop_assert!(wrong.is_empty(), "{wrong:#?}\n{shown}");

        let workspace = loaded.workspace.as_ref().unwrap();
        for (stage, observed) in &stages {
            let wanted = desired(&workspace.stage(stage).unwrap(), now);
            let outcome = plan(&wanted, observed, &PlanOptions { now, commit: None });
            // What was declared before may differ from what is there; that is no business of an import.
            let old = |name: &str| declared && (name == "toll.a" || name == "toll-reader");
            let errors: Vec<_> = outcome
                .findings
                .iter()
                .filter(|f| f.severity == Severity::Error && !old(&f.at.entity.name))
                .collect();
            prop_assert!(errors.is_empty(), "{stage}: {errors:#?}\n{shown}");
            let ours = outcome.plan.steps.iter().filter(|step| {
                !step.entity.as_ref().is_some_and(|entity| old(&entity.name))
            });
            prop_assert_eq!(ours.count(), 0, "{}\n{}", render::text(&outcome.plan, false), shown);

            // Every object is in the files or was reported.
            let (topic_prefix, account_prefix) = match stage.as_str() {
                "dev" => ("dev.", "dev-"),
                "test" => ("test.", "test-"),
                _ => ("", ""),
            };
            let told: BTreeSet<&str> = imported.left.iter().map(|left| left.object.as_str()).collect();
            for name in observed.topics.keys().filter(|n| n.starts_with(topic_prefix) && !n.starts_with('_')) {
                prop_assert!(wanted.topics.contains_key(name) || told.contains(name.as_str()), "{stage}: {name}");
            }
            for name in observed.accounts.keys().filter(|n| n.starts_with(account_prefix)) {
                prop_assert!(wanted.accounts.contains_key(name) || told.contains(name.as_str()), "{stage}: {name}");
            }
            let told: BTreeSet<&str> = imported.left.iter().flat_map(|left| &left.bindings).map(String::as_str).collect();
            for (principal, acls) in &observed.acls {
                let account = principal.strip_prefix("User:").unwrap_or_default();
                let managed = wanted.accounts.get(account).filter(|a| a.ensure == Ensure::Present);
                let belongs = account.starts_with(account_prefix) || !observed.accounts.contains_key(account);
                let known = declared && account.ends_with("toll-reader");
                for acl in acls.iter().filter(|_| belongs && !known) {
                    let there = managed.is_some_and(|account| account.acls.contains_key(acl));
                    prop_assert!(there || told.contains(acl.to_string().as_str()), "{stage}: {principal}: {acl}");
                }
            }
        }
    }
}
