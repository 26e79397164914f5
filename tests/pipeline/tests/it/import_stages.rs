//! Imports a real broker that is older than its files.

use std::{fs, path::PathBuf};

use weir_kafka::Kafka;
use weir_ports::{Cluster as _, Query};
use weir_rdkafka_admin::{
    AclBinding, AclOperation, Admin, NewTopic, Options, PatternType, Permission, ResourceType, ScramAlteration,
    ScramMechanism, rdkafka::ClientConfig,
};
use weir_testkit::Broker;

use crate::World;

/// Topics and their own settings.
const TOPICS: [(&str, &[(&str, &str)]); 8] = [
    ("dev.toll.passages.v1", &[("retention.ms", "604800000"), ("cleanup.policy", "compact,delete")]),
    ("test.toll.passages.v1", &[("retention.ms", "86400000"), ("cleanup.policy", "compact,delete")]),
    ("dev.toll.gate_events.v1", &[("segment.bytes", "104857600"), ("compression.type", "zstd")]),
    ("dev.cards_status", &[("min.insync.replicas", "1"), ("retention.bytes", "-1")]),
    ("dev.Cards-Legacy_1", &[("delete.retention.ms", "3600001"), ("message.timestamp.type", "LogAppendTime")]),
    ("test.cards.only-here", &[]),
    ("dev._toll.hidden", &[]),
    ("payroll", &[("retention.ms", "1")]),
];

/// Users and their credentials.
const USERS: [(&str, ScramMechanism); 7] = [
    ("dev-audit", ScramMechanism::Sha512),
    ("dev-toll-gateway", ScramMechanism::Sha512),
    ("test-toll-gateway", ScramMechanism::Sha512),
    ("dev-cards-reader", ScramMechanism::Sha256),
    ("dev-cards-reader", ScramMechanism::Sha512),
    ("dev-idle", ScramMechanism::Sha512),
    ("operations", ScramMechanism::Sha512),
];

/// Returns the bindings. Each row: principal, resource type, pattern, name, operation, host, and `true` for a denial.
fn bindings() -> Vec<AclBinding> {
    use AclOperation::{All, Delete, Describe, IdempotentWrite, Read, Write};
    use PatternType::{Literal, Prefixed};
    use ResourceType::{Cluster, Group, Topic, TransactionalId};
    let (toll, test) = ("User:dev-toll-gateway", "User:test-toll-gateway");
    let (cards, audit) = ("User:dev-cards-reader", "User:dev-audit");
    [
        (toll, Topic, Literal, "dev.toll.passages.v1", Write, "*", false),
        (toll, Topic, Literal, "dev.cards_status", Read, "*", false),
        (toll, Group, Literal, "dev.toll-billing_1", Read, "*", false),
        (toll, TransactionalId, Literal, "dev.toll-tx", Write, "*", false),
        (toll, TransactionalId, Literal, "dev.toll-tx", Describe, "*", false),
        (toll, Cluster, Literal, "kafka-cluster", IdempotentWrite, "*", false),
        (test, Topic, Literal, "test.toll.passages.v1", Write, "*", false),
        (cards, Topic, Prefixed, "dev.toll.", Read, "*", false),
        (cards, Topic, Prefixed, "dev.", Describe, "*", false),
        (cards, Topic, Prefixed, "dev.", Delete, "*", true),
        (cards, Topic, Literal, "dev.Cards-Legacy_1", Read, "10.0.0.7", false),
        (audit, Topic, Literal, "*", Describe, "*", false),
        (cards, Group, Prefixed, "dev.cards", Read, "*", false),
        (audit, Group, Literal, "*", Describe, "*", true),
        ("User:dev-toll-gone", Topic, Literal, "dev.toll.passages.v1", Read, "*", false),
        ("User:CN=billing,O=Toll", Topic, Prefixed, "dev.", All, "192.168.1.1", false),
        ("User:*", Topic, Literal, "dev.cards_status", Describe, "*", false),
        ("User:operations", Topic, Literal, "*", All, "*", false),
    ]
    .into_iter()
    .map(|(principal, resource_type, pattern, name, operation, host, denied)| AclBinding {
        resource_type,
        name: name.to_owned(),
        pattern,
        principal: principal.to_owned(),
        host: host.to_owned(),
        operation,
        permission: if denied { Permission::Deny } else { Permission::Allow },
    })
    .collect()
}

/// Creates all objects as people did before there were files, and waits until they are visible.
async fn populate(broker: &Broker, kafka: &Kafka) {
    let config: ClientConfig = broker.admin_client().into_iter().collect();
    let admin = Admin::new(&config).expect("a client");
    let topics = TOPICS.map(|(name, config)| NewTopic {
        name: name.to_owned(),
        partitions: Some(if name.contains("passages") { 3 } else { 1 }),
        replication_factor: Some(1),
        config: config.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    });
    let users = USERS.map(|(user, mechanism)| ScramAlteration::Upsert {
        user,
        mechanism,
        iterations: 4096,
        password: b"by hand",
        salt: None,
    });
    let options = Options::new();
    let mut answers = admin.create_topics(&topics, &options).await.expect("topics");
    // A request may change only one credential of a user.
    for user in &users {
        answers.extend(admin.alter_scram_credentials(&[*user], &options).await.expect("users"));
    }
    answers.extend(admin.create_acls(&bindings(), &options).await.expect("ACLs"));
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");

    let mut everything = Query::default();
    everything.topics.everything = true;
    everything.accounts.everything = true;
    loop {
        let seen = kafka.observe(&everything).await.expect("observed");
        let acls: usize = seen.acls.values().map(std::collections::BTreeSet::len).sum();
        if (seen.topics.len(), acls) == (TOPICS.len(), bindings().len()) && seen.keys.len() >= USERS.len() {
            break;
        }
    }
}

#[test]
fn a_broker_with_a_past_is_imported_and_nothing_is_left_to_do() {
    let Some(broker) = Broker::start(&[]) else { return };
    let kafka = crate::kafka::client(&broker);
    let id = pipeline::block_on(kafka.observe(&Query::default())).expect("a broker").cluster.id;
    pipeline::block_on(populate(&broker, &kafka));
    let mut world = crate::kafka::workspace(&broker, &id);
    fs::remove_file(world.path("toll.yaml")).expect("removed");
    let test = "
    - name: test
      cluster: onprem
      prefix: {topic: test., group: test., transactionalId: test., serviceAccount: test-}
      owns: {topics: ['test.*'], serviceAccounts: ['test-*']}
";
    let settings = world.read("weir.yaml");
    fs::write(world.path("weir.yaml"), format!("{}{test}", settings.trim_end())).expect("written");
    let (user, password) = broker.admin();
    let run = |world: &mut World, line: &str| {
        let mut command = world.command(line);
        command.env("ONPREM_USERNAME", user).env("ONPREM_PASSWORD", password);
        let code = world.finish(line, command);
        assert!(!world.transcript.contains(password), "a secret is told");
        code
    };

    let mut told = String::new();
    let mut take_over = |world: &mut World, stages: &[&str]| {
        let flags: String = stages.iter().map(|stage| format!(" --stage {stage}")).collect();
        let import = format!("weir-entity import{flags} --out teams --default-team platform");
        assert_eq!(run(world, &import), 0, "{}", world.said());
        told += &world.said();
        assert_eq!(run(world, "weir-validate"), 0, "{}", world.said());
        world.transcript.clear();
        for stage in stages {
            assert_eq!(run(world, &format!("weir-plan --stage {stage} --detailed-exitcode")), 0, "{}", world.said());
        }
        // The import has warnings: there is only one broker, and the teams have no namespaces.
        told.extend(world.said().lines().filter(|line| !line.starts_with('!')).map(|line| format!("{line}\n")));
        world.transcript.clear();
    };
    take_over(&mut world, &["dev", "test"]);
    let files = files(&world);

    // The same without prefixes: one stage that owns everything, `*` included.
    fs::remove_dir_all(world.path("teams")).expect("removed");
    let head = settings.split("  stages:").next().expect("settings");
    fs::write(world.path("weir.yaml"), format!("{head}  stages: [{{name: all, cluster: onprem}}]\n")).expect("written");
    take_over(&mut world, &["all"]);
    insta::assert_snapshot!(told.replace(broker.bootstrap(), "BROKER").replace(&id, "CLUSTER"));
    insta::assert_snapshot!("two_stages", files);
    insta::assert_snapshot!("one_stage", self::files(&world));
}

/// Returns the text of all files that were written.
fn files(world: &World) -> String {
    let mut paths: Vec<_> =
        fs::read_dir(world.path("teams")).expect("the files").map(|entry| entry.expect("a file").path()).collect();
    paths.sort();
    let text = |path: PathBuf| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        format!("# {name}\n{}", fs::read_to_string(path).expect("a file"))
    };
    paths.into_iter().map(text).collect()
}
