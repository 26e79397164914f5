//! Refusals that the conformance suite does not demand, with their messages.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use weir_model::{Operation, PatternType, Permission, Resource, settings};
use weir_planning::{Acl, Change, Host, ObservedAccount, ObservedTopic, SettingChange};
use weir_ports::{Cluster, ErrorKind};

use crate::scene::{account, does, maker, marker, message, observe, open, topic};

fn acl(resource: Resource, name: &str, operation: Operation) -> Acl {
    Acl {
        resource,
        pattern: PatternType::Literal,
        name: name.into(),
        operation,
        permission: Permission::Allow,
        host: Host::Any,
    }
}

fn grant(principal: &str, acl: Acl) -> Change {
    Change::CreateAcl { principal: principal.into(), acl }
}

#[tokio::test]
async fn refusals_have_plain_messages() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = open(folder.path());
    does(&sandbox, topic("t.a")).await.unwrap();
    does(&sandbox, account("a")).await.unwrap();
    let with = |partitions, replication_factor, config: &[(&str, &str)]| Change::CreateTopic {
        topic: "t.b".to_owned(),
        partitions: Some(partitions),
        replication_factor: Some(replication_factor),
        config: settings::observed(config.iter().copied()),
    };
    let refusals = [
        topic("t_a"),
        topic("t b"),
        topic(""),
        topic("__consumer_offsets"),
        with(0, 1, &[]),
        with(10_001, 1, &[]),
        with(1, 4, &[]),
        with(1, 0, &[]),
        with(1, 1, &[("retention.sm", "1000")]),
        with(1, 1, &[("retention.ms", "7d")]),
        with(1, 1, &[("retention.ms", "-2")]),
        with(1, 1, &[("cleanup.policy", "shrink")]),
        with(1, 1, &[("compression.type", "default")]),
        with(1, 1, &[("min.compaction.lag.ms", "5"), ("max.compaction.lag.ms", "4")]),
        Change::CreateTopic {
            topic: "t.a".to_owned(),
            partitions: Some(2),
            replication_factor: None,
            config: BTreeMap::new(),
        },
        Change::AddPartitions { topic: "t.a".to_owned(), from: 1, to: 0 },
        Change::AddPartitions { topic: "t.absent".to_owned(), from: 1, to: 2 },
        Change::ChangeReplicationFactor { topic: "t.a".to_owned(), from: 3, to: 1 },
        Change::CreateAccount { account: "a".to_owned(), description: "another".to_owned(), maker: maker() },
        account(&"x".repeat(65)),
        grant("weir", acl(Resource::Topic, "t.a", Operation::Read)),
        grant("User:a", acl(Resource::Topic, "", Operation::Read)),
        grant("User:a", acl(Resource::Cluster, "t.a", Operation::Alter)),
        grant("User:a", acl(Resource::Group, "t.a", Operation::Write)),
    ];
    let mut said = String::new();
    for change in refusals {
        said += &message(&sandbox, change).await;
        said += "\n";
    }
    assert_snapshot!(said.replace(&"x".repeat(65), "xxx…"));
}

#[tokio::test]
async fn min_insync_replicas_above_the_replication_factor_is_accepted_as_in_kafka() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = open(folder.path());
    let create = Change::CreateTopic {
        topic: "t".to_owned(),
        partitions: None,
        replication_factor: Some(1),
        config: settings::observed([("min.insync.replicas", "3")]),
    };
    assert_eq!(does(&sandbox, create).await, Ok(()));
}

#[tokio::test]
async fn changes_beyond_a_limit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = open(folder.path());
    sandbox
        .configure(|cluster| {
            cluster.limits.partitions = Some(2);
            cluster.limits.acls = Some(1);
            cluster.limits.accounts = Some(1);
            cluster.limits.keys_per_account = Some(1);
        })
        .unwrap();
    let read = |name: &str| grant("User:a", acl(Resource::Topic, name, Operation::Read));
    for change in [topic("t1"), topic("t2"), account("a"), read("t1")] {
        assert_eq!(does(&sandbox, change).await, Ok(()));
    }
    let grow = Change::AddPartitions { topic: "t1".to_owned(), from: 1, to: 2 };
    for change in [topic("t3"), grow, account("b"), read("t2")] {
        assert_eq!(does(&sandbox, change).await, Err(ErrorKind::Refused));
    }
    sandbox.create_key("a", &marker("1")).await.unwrap();
    let error = sandbox.create_key("a", &marker("2")).await.unwrap_err();
    assert_snapshot!(error, @"the service account `a` has 1 API keys already, of 1");
    let limits = observe(&sandbox).await.cluster.limits;
    assert_eq!((limits.partitions, limits.acls, limits.accounts), (Some((2, 2)), Some((1, 1)), Some((1, 1))));
    does(&sandbox, Change::delete_topic("t2", &ObservedTopic::default())).await.unwrap();
    assert_eq!(does(&sandbox, topic("t3")).await, Ok(()));
}

#[tokio::test]
async fn changes_of_read_only_settings_and_mirrors_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = open(folder.path());
    sandbox.configure(|cluster| _ = cluster.read_only_settings.insert("segment.bytes".to_owned())).unwrap();
    does(&sandbox, topic("t")).await.unwrap();
    let set = |name: &str, value: &str| Change::AlterConfig {
        topic: "t".to_owned(),
        settings: [(name.to_owned(), SettingChange::new(name, None, Some(value)))].into(),
    };
    assert_snapshot!(message(&sandbox, set("segment.bytes", "1000000")).await, @"the setting `segment.bytes` cannot be changed on this cluster");
    does(&sandbox, set("retention.ms", "1000")).await.unwrap();
    sandbox.set_mirror("t", true).unwrap();
    assert_snapshot!(message(&sandbox, set("retention.ms", "2000")).await, @"the topic `t` is filled by a cluster link and cannot be changed");
    assert!(observe(&sandbox).await.topics["t"].mirror);
}

#[tokio::test]
async fn deleting_an_account_with_bindings_succeeds_and_keeps_the_bindings() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = open(folder.path());
    does(&sandbox, account("a")).await.unwrap();
    does(&sandbox, grant("User:a", acl(Resource::Topic, "t", Operation::Read))).await.unwrap();
    let key = sandbox.create_key("a", &marker("1")).await.unwrap();
    does(&sandbox, Change::delete_account("a", &ObservedAccount::default())).await.unwrap();
    let observed = observe(&sandbox).await;
    assert!(observed.accounts.is_empty() && observed.keys.is_empty());
    assert!(observed.acls.contains_key("User:a"));
    assert!(!sandbox.login(&key.id, &key.secret));
}

#[tokio::test]
async fn foreign_keys_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = open(folder.path());
    for name in ["a", "b"] {
        does(&sandbox, account(name)).await.unwrap();
    }
    let key = sandbox.create_key("a", &marker("1")).await.unwrap();
    assert_eq!(sandbox.delete_key("b", &key.id).await.unwrap_err().kind, ErrorKind::Refused);
    assert!(sandbox.login(&key.id, &key.secret));
}
