//! Random desired and observed states over few names, so that they meet; and a workspace as text.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use proptest::{collection, option, prelude::*, sample::select};
use weir_model::{
    Ensure, EntityRef, Kind, Operation, PatternType, Permission, Resource, SecretPart, load,
    settings::{self, KafkaValue},
};
use weir_ownership::Reach;
use weir_planning::*;

pub(crate) fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

pub(crate) fn options() -> PlanOptions {
    PlanOptions { now: now(), commit: None }
}

/// The desired state of stage `dev` of a workspace given as YAML documents.
pub(crate) fn desired_of<'a>(documents: impl IntoIterator<Item = &'a str>) -> Desired {
    let text = documents.into_iter().collect::<Vec<_>>().join("\n---\n");
    let loaded = load([("weir.yaml", text.as_str())]);
    assert!(loaded.findings.is_empty(), "{:#?}", loaded.findings);
    desired(&loaded.workspace.unwrap().stage("dev").unwrap(), now())
}

pub(crate) const WORKSPACE: &str = r#"
apiVersion: weir/v1
kind: Workspace
metadata: {name: cps}
spec:
  clusters: {local: {sandbox: {path: .weir}}}
  stages:
    - name: dev
      cluster: local
      prefix: {topic: "dev.", group: "dev.", serviceAccount: "dev-"}
      vault: "https://kv-{team}"
"#;

/// A workspace whose stage owns its names and prunes.
pub(crate) const PRUNING: &str = r#"
apiVersion: weir/v1
kind: Workspace
metadata: {name: cps}
spec:
  clusters: {local: {sandbox: {path: .weir}}}
  stages:
    - name: dev
      cluster: local
      prefix: {topic: "dev.", group: "dev.", serviceAccount: "dev-"}
      owns: {topics: ["dev.*"], serviceAccounts: ["dev-*"]}
      prune: true
      vault: "https://kv-{team}"
"#;

const TOPICS: [&str; 7] = ["dev.a", "dev.b", "dev.a_b", "dev.a.b", "_internal", "other.c", "dev.m"];
const ACCOUNTS: [&str; 4] = ["dev-x", "dev-y", "prod-z", "dev-w"];
const NASTY: [&str; 6] = ["", "*", "dev.a\n##vso[x]", "\u{202e}Ünï", "User:*", "dev."];

fn name(pool: &'static [&'static str], nasty: bool) -> BoxedStrategy<String> {
    let usual = select(pool).prop_map(str::to_owned);
    if nasty { prop_oneof![4 => usual, 1 => select(&NASTY[..]).prop_map(str::to_owned)].boxed() } else { usual.boxed() }
}

fn acl(nasty: bool) -> impl Strategy<Value = Acl> {
    let resource = prop_oneof![4 => Just(Resource::Topic), 1 => Just(Resource::Group), 1 => Just(Resource::Cluster)];
    let pattern = prop_oneof![Just(PatternType::Literal), Just(PatternType::Prefixed)];
    let operation = select(vec![Operation::Read, Operation::Write, Operation::All, Operation::Describe]);
    let permission = prop_oneof![5 => Just(Permission::Allow), 1 => Just(Permission::Deny)];
    let host = prop_oneof![5 => Just("*"), 1 => Just("10.0.0.1")];
    (resource, pattern, name(&TOPICS, nasty), operation, permission, host).prop_map(
        |(resource, pattern, name, operation, permission, host)| Acl {
            resource,
            pattern,
            name: name.into(),
            operation,
            permission,
            host: host.into(),
        },
    )
}

fn ensure() -> impl Strategy<Value = Ensure> {
    prop_oneof![6 => Just(Ensure::Present), 2 => Just(Ensure::Absent), 1 => Just(Ensure::Unmanaged)]
}

fn setting() -> impl Strategy<Value = (String, String)> {
    let values = vec![
        ("retention.ms", "86400000"),
        ("retention.ms", "-1"),
        ("retention.ms", "604800000"),
        ("retention.bytes", "1000"),
        ("cleanup.policy", "delete"),
        ("cleanup.policy", "compact,delete"),
        ("cleanup.policy", "delete,compact"),
        ("min.insync.replicas", "2"),
        ("max.message.bytes", "1000"),
    ];
    select(values).prop_map(|(n, v)| (n.to_owned(), v.to_owned()))
}

fn config() -> impl Strategy<Value = BTreeMap<String, KafkaValue>> {
    collection::vec(setting(), 0..3).prop_map(settings::observed)
}

fn desired_topic() -> impl Strategy<Value = DesiredTopic> {
    let wanted = collection::vec((setting(), any::<bool>()), 0..3).prop_map(|settings| {
        settings
            .into_iter()
            .map(|((name, value), set)| {
                let value = KafkaValue::observed(&name, value);
                (name, set.then_some(value))
            })
            .collect()
    });
    (ensure(), option::of(1_u32..9), option::of(1_u16..4), wanted, any::<bool>(), any::<bool>()).prop_map(
        |(ensure, partitions, replication_factor, config, own_name, by_platform)| DesiredTopic {
            entity: "t".to_owned(),
            team: "toll".to_owned(),
            own_name,
            by_platform,
            ensure,
            partitions,
            replication_factor,
            config,
        },
    )
}

pub(crate) fn secret_ref(account: &str, slot: &str) -> SecretRef {
    SecretRef { vault: "https://kv-toll".to_owned(), name: weir_model::secret_name(account, slot) }
}

fn part_ref(account: &str, slot: &str, part: SecretPart) -> SecretRef {
    SecretRef { name: part.secret_name(account, slot), ..secret_ref(account, slot) }
}

fn binding(lists: impl Strategy<Value = BTreeSet<&'static str>>) -> impl Strategy<Value = DesiredBinding> {
    let reach = prop_oneof![6 => Just(Reach::Own), 2 => Just(Reach::Consented), 1 => Just(Reach::PlatformWide), 1 => Just(Reach::Escalation)];
    let until =
        option::of(select(vec!["2026-03-02", "2026-03-31"])).prop_map(|day| day.map(|day| day.parse().unwrap()));
    (lists, reach, until).prop_map(|(lists, reach, until)| {
        let by = DesiredConsent {
            by: "cards".to_owned(),
            entity: EntityRef::new(Kind::Topic, "cards.status"),
            file: Some("teams/cards/kafka.yaml".to_owned()),
            until,
        };
        let consents = if reach == Reach::Consented { vec![by] } else { Vec::new() };
        DesiredBinding { lists: lists.into_iter().map(Arc::from).collect(), reach, until, consents }
    })
}

fn desired_account(nasty: bool) -> impl Strategy<Value = (String, DesiredAccount)> {
    let days = |most: u64| (0..most).prop_map(|days| days * 86_400_000);
    let parts = collection::btree_set(select(SecretPart::ALL.to_vec()), 0..3);
    let rotated_after = option::of((-30_i64..200).prop_map(|days| now() - SignedDuration::from_hours(days * 24)));
    let more = (rotated_after, any::<bool>(), parts);
    let key = (select(vec!["default", "batch"]), option::of(days(100)), days(8), more);
    let lists = collection::btree_set(select(vec!["l1", "l2"]), 1..3);
    let parts = (
        name(&ACCOUNTS, nasty),
        ensure(),
        option::of(Just("described".to_owned())),
        collection::vec(key, 0..3),
        collection::vec((acl(nasty), binding(lists)), 0..5),
        collection::vec(acl(nasty), 0..3),
    );
    parts.prop_map(|(name, ensure, description, keys, acls, withdrawn)| {
        let keys = keys.into_iter().map(|(slot, rotate_every, overlap, (rotated_after, emergency, parts))| {
            let projections = parts.into_iter().map(|part| (part, part_ref(&name, slot, part))).collect();
            let secret = secret_ref(&name, slot);
            (slot.to_owned(), DesiredKey { secret, rotate_every, overlap, rotated_after, emergency, projections })
        });
        let withdrawn = withdrawn.into_iter().filter(|acl| !acls.iter().any(|(other, _)| other == acl));
        let withdrawn =
            withdrawn.map(|acl| (acl, Withdrawal { why: "it has ended".to_owned(), ended: true })).collect();
        let acls = acls.into_iter();
        let present = ensure == Ensure::Present;
        let account = DesiredAccount {
            entity: "s".to_owned(),
            team: "toll".to_owned(),
            ensure,
            description,
            vault: Some("https://kv-toll".to_owned()),
            keys: if present { keys.collect() } else { BTreeMap::new() },
            idle_slots: Default::default(),
            acls: if present { acls.collect() } else { BTreeMap::new() },
            withdrawn,
        };
        (name, account)
    })
}

pub(crate) fn desired_state(nasty: bool) -> impl Strategy<Value = Desired> {
    let topics = collection::btree_map(name(&TOPICS, nasty), desired_topic(), 0..5);
    let accounts = collection::vec(desired_account(nasty), 0..4);
    let adopt = option::of(select(vec!["dev-*", "dev.*"]));
    (topics, accounts, any::<bool>(), any::<bool>(), any::<bool>(), adopt).prop_map(move |parts| {
        let (topics, accounts, owns, prune, governed, adopt) = parts;
        let pattern = |text: &str| NamePattern::try_from(text.to_owned()).unwrap();
        let owns = if owns {
            Scope { topics: vec![pattern("dev.*"), pattern("_*")], service_accounts: vec![pattern("dev-*")] }
        } else {
            Scope::default()
        };
        let adopted: Vec<NamePattern> = adopt.into_iter().map(pattern).collect();
        let toll = DesiredTeam { topics: vec!["dev.a".to_owned()], ..DesiredTeam::default() };
        let cards = DesiredTeam { groups: vec!["dev.a".to_owned()], ..DesiredTeam::default() };
        let teams = BTreeMap::from([("toll".to_owned(), toll), ("cards".to_owned(), cards)]);
        Desired {
            governed: nasty && governed,
            super_users: BTreeSet::new(),
            platform: (nasty && governed).then(|| "platform".to_owned()),
            adopt: Scope { topics: adopted.clone(), service_accounts: adopted },
            format: Desired::FORMAT.to_owned(),
            workspace: "cps".to_owned(),
            stage: "dev".to_owned(),
            other_stages: ["test".to_owned()].into(),
            cluster: "local".to_owned(),
            provider: Provider::Sandbox,
            cluster_id: None,
            owns,
            prune,
            teams: if nasty && governed { teams } else { BTreeMap::new() },
            vaults: if prune { ["https://kv-toll".to_owned()].into() } else { Default::default() },
            approval_required: false,
            threshold_percent: 30,
            threshold_minimum: 10,
            warn_before: 14 * 86_400_000,
            files: BTreeMap::from([(
                EntityRef::new(Kind::AccessControlList, "l1"),
                "teams/toll/kafka.yaml".to_owned(),
            )]),
            topics,
            accounts: accounts.into_iter().collect(),
        }
    })
}

fn time(nasty: bool) -> BoxedStrategy<Option<Timestamp>> {
    let past = (0_i64..200).prop_map(|days| Some(now() - SignedDuration::from_hours(days * 24)));
    if nasty {
        prop_oneof![3 => past, 1 => Just(None), 1 => Just(Some(Timestamp::MIN)), 1 => Just(Some(Timestamp::MAX))]
            .boxed()
    } else {
        past.boxed()
    }
}

fn observed_topic(nasty: bool) -> impl Strategy<Value = ObservedTopic> {
    let records = prop_oneof![Just(0_u64), Just(7), Just(u64::MAX)];
    let facts =
        option::of((records, time(nasty), option::of(any::<u64>())).prop_map(|(records, oldest, bytes)| TopicFacts {
            records,
            oldest,
            bytes,
            ..TopicFacts::default()
        }));
    let mirror = prop_oneof![9 => Just(false), 1 => Just(true)];
    (1_u32..9, 1_u16..4, config(), mirror, facts).prop_map(|(partitions, replication_factor, config, mirror, facts)| {
        ObservedTopic { topic_id: "u".to_owned(), partitions, replication_factor, config, mirror, facts }
    })
}

pub(crate) fn observed_state(nasty: bool) -> impl Strategy<Value = Observed> {
    let maker = option::of(select(vec!["cps/dev", "cps/test", "other/dev"]).prop_map(|text| text.parse().unwrap()));
    let account = (option::of(Just("described".to_owned())), maker).prop_map(|(d, maker)| ObservedAccount {
        id: "sa-1".to_owned(),
        description: d.unwrap_or_default(),
        maker,
    });
    let marker = prop_oneof![
        3 => Just(Some("weir/cps/dev/default/00")),
        2 => Just(Some("weir/cps/dev/batch/00")),
        1 => Just(Some("weir/cps/test/default/00")),
        1 => Just(Some("weir/other/dev/default/00")),
        1 => Just(Some("by hand")),
        1 => Just(None),
    ];
    let key = (name(&ACCOUNTS, nasty), marker, time(nasty)).prop_map(|(account, marker, created)| ObservedKey {
        account,
        slot: None,
        marker: marker.map(str::to_owned),
        created,
    });
    let key_id = || (0..6).prop_map(|n| format!("K{n}"));
    let state = select(vec![SecretState::Present, SecretState::Present, SecretState::Disabled, SecretState::Deleted]);
    let secret = (name(&ACCOUNTS, nasty), select(vec!["default", "batch"]), key_id(), state, 0..10_u8).prop_map(
        |(account, slot, key, state, sort)| {
            let tag = |name: &str, value: &str| (name.to_owned(), value.to_owned());
            let mut tags = BTreeMap::from([
                tag(ObservedSecret::TAG_MANAGED_BY, "weir"),
                tag(ObservedSecret::TAG_KEY_ID, &key),
                tag(ObservedSecret::TAG_ACCOUNT, &account),
                tag(ObservedSecret::TAG_SLOT, slot),
                tag(ObservedSecret::TAG_WORKSPACE, "cps"),
                tag(ObservedSecret::TAG_STAGE, "dev"),
            ]);
            match sort {
                0 => tags.clear(),
                1 => _ = tags.insert(ObservedSecret::TAG_STAGE.to_owned(), "test".to_owned()),
                _ => {}
            }
            let part = SecretPart::ALL.get(usize::from(sort).wrapping_sub(2));
            if let Some(part) = part {
                tags.insert(ObservedSecret::TAG_PROJECTION.to_owned(), part.to_string());
            }
            let at = part.map_or_else(|| secret_ref(&account, slot), |part| part_ref(&account, slot, *part));
            ObservedSecret { at, state, tags }
        },
    );
    let principals = prop_oneof![4 => name(&ACCOUNTS, nasty), 1 => Just("*".to_owned()), 1 => Just("admin".to_owned())]
        .prop_map(Principal::of_account);
    (
        collection::btree_map(name(&TOPICS, nasty), observed_topic(nasty), 0..6),
        collection::btree_set(select(vec!["x", "dev_a", "__consumer_offsets"]).prop_map(str::to_owned), 0..2),
        collection::btree_map(name(&ACCOUNTS, nasty), account, 0..4),
        collection::btree_map(principals, collection::btree_set(acl(nasty), 1..6), 0..4),
        collection::btree_map(key_id(), key, 0..5),
        collection::vec(secret, 0..4),
        any::<bool>(),
    )
        .prop_map(move |(topics, other_topics, accounts, acls, keys, mut secrets, can_change)| {
            if !nasty {
                // Tags that somebody tampered with may take a second plan to put right.
                secrets.retain(|s| s.key_id().and_then(|id| keys.get(id)).is_none_or(|key| owner_is(s, key)));
                let mut held = BTreeSet::new();
                secrets.retain(|s| s.is_projection() || s.key_id().is_none_or(|id| held.insert(id.to_owned())));
            }
            (topics, other_topics, accounts, acls, keys, secrets, can_change)
        })
        .prop_map(|(topics, other_topics, accounts, acls, keys, secrets, can_change)| Observed {
            hidden_topics: BTreeMap::new(),
            other_secrets: BTreeMap::new(),
            unlisted: BTreeMap::new(),
            format: Observed::FORMAT.to_owned(),
            stage: None,
            cluster: ClusterFacts {
                id: "c".to_owned(),
                brokers: 3,
                default_partitions: 1,
                default_replication_factor: 3,
                can_change_replication_factor: can_change,
                ..ClusterFacts::default()
            },
            topics,
            other_topics,
            accounts,
            acls,
            keys,
            secrets: secrets.into_iter().map(|s| (s.at.clone(), s)).collect(),
            unseen: BTreeMap::new(),
        })
}

fn owner_is(secret: &ObservedSecret, key: &ObservedKey) -> bool {
    let marked: Option<KeyMarker> = key.marker.as_ref().and_then(|m| m.parse().ok());
    secret.tags.get(ObservedSecret::TAG_ACCOUNT) == Some(&key.account)
        && marked.is_none_or(|m| secret.tags.get(ObservedSecret::TAG_SLOT) == Some(&m.slot))
}

/// The bindings of a principal.
pub(crate) fn acls_of<'a>(observed: &'a Observed, principal: &str) -> impl Iterator<Item = &'a Acl> {
    static NONE: BTreeSet<Acl> = BTreeSet::new();
    observed.acls.get(principal).unwrap_or(&NONE).iter()
}

/// One change of each kind.
pub(crate) fn every_change() -> Vec<Change> {
    let (topic, account, description) = ("dev.a".to_owned(), "dev-x".to_owned(), "bills".to_owned());
    let acl = Acl {
        resource: Resource::Topic,
        pattern: PatternType::Literal,
        name: "dev.a".into(),
        operation: Operation::Read,
        permission: Permission::Allow,
        host: Host::Any,
    };
    let maker: Maker = "cps/dev".parse().unwrap();
    let principal = Principal::of_account("dev-x");
    let secret = SecretRef { vault: "https://kv".to_owned(), name: "dev-x--main".to_owned() };
    vec![
        Change::AdoptAccount { account: account.clone(), from: None, maker: maker.clone() },
        Change::CreateAccount { account: account.clone(), description: description.clone(), maker },
        Change::UpdateAccount { account: account.clone(), from: String::new(), to: description },
        Change::CreateTopic {
            topic: topic.clone(),
            partitions: Some(3),
            replication_factor: None,
            config: BTreeMap::new(),
        },
        Change::AddPartitions { topic: topic.clone(), from: 3, to: 6 },
        Change::ChangeReplicationFactor { topic: topic.clone(), from: 1, to: 3 },
        Change::AlterConfig { topic: topic.clone(), settings: BTreeMap::new() },
        Change::CreateAcl { principal: principal.clone(), acl: acl.clone() },
        Change::CreateKey {
            account: account.clone(),
            slot: "main".to_owned(),
            secret: secret.clone(),
            tags: BTreeMap::new(),
            replaces: None,
            projections: BTreeMap::new(),
        },
        Change::DeleteAcl { principal, acl },
        Change::delete_topic(topic, &ObservedTopic::default()),
        Change::DeleteKey {
            account: account.clone(),
            slot: Some("main".to_owned()),
            key: "K1".to_owned(),
            secret: Some(secret),
            delete_secret: true,
            projections: Vec::new(),
        },
        Change::delete_account(account, &ObservedAccount::default()),
    ]
}
