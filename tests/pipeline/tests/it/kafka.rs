//! The whole way on a real broker: validate, plan, deploy, an empty plan, an edit, a manual change.

use std::{
    fs,
    process::{Command, Stdio},
};

use tempfile::TempDir;
use weir_kafka::{Kafka, Login, Options, SaslMechanism, SecurityProtocol};
use weir_planning::{Change, SettingChange};
use weir_ports::{Cluster as _, ExposeSecret as _, Query, SecretString};
use weir_testkit::Broker;

use crate::World;

const ENTITIES: &str = "
apiVersion: weir/v1
kind: Team
metadata: {name: toll}
spec: {vaults: {dev: 'https://kv-toll-dev.vault.azure.net'}, namespaces: {dev: toll-dev}}
---
apiVersion: weir/v1
kind: Topic
metadata: {name: toll.passages.v1, team: toll, description: One record for each vehicle}
spec: {partitions: 3, replicationFactor: 1, config: {retention.ms: 7d}}
---
apiVersion: weir/v1
kind: ServiceAccount
metadata: {name: toll-gateway, team: toll, description: Takes passages from the gates}
spec: {apiKeys: [{slot: default, rotateEvery: 90d, overlap: 0d}]}
---
apiVersion: weir/v1
kind: AccessControlList
metadata: {name: toll-gateway, team: toll}
spec: {serviceAccount: toll-gateway, allow: [{produce: toll.passages.v1}]}
";

pub(crate) fn client(broker: &Broker) -> Kafka {
    let (username, password) = broker.admin();
    let login = Login {
        mechanism: SaslMechanism::ScramSha512,
        username: username.to_owned(),
        password: password.into(),
        tokens: None,
    };
    let protocol = SecurityProtocol::SaslPlaintext;
    Kafka::new(Options { protocol, login: Some(login), ..Options::new(broker.bootstrap()) }).expect("a client")
}

pub(crate) fn workspace(broker: &Broker, id: &str) -> World {
    let dir: TempDir = tempfile::tempdir().expect("a folder");
    let workspace = format!(
        "apiVersion: weir/v1
kind: Workspace
metadata: {{name: onprem}}
spec:
  clusters:
    onprem:
      apacheKafka:
        bootstrap: \"{}\"
        clusterId: {id}
        credentials: {{env: ONPREM}}
        security: {{protocol: SASL_PLAINTEXT}}
  secrets: {{folder: {{path: .weir}}}}
  stages:
    - name: dev
      cluster: onprem
      prefix: {{topic: dev., group: dev., transactionalId: dev., serviceAccount: dev-}}
      owns: {{topics: ['dev.*'], serviceAccounts: ['dev-*']}}
",
        broker.bootstrap()
    );
    fs::write(dir.path().join("weir.yaml"), workspace).expect("written");
    fs::write(dir.path().join("toll.yaml"), ENTITIES).expect("written");
    World { dir, transcript: String::new() }
}

#[test]
fn a_broker_is_deployed_to_like_a_sandbox() {
    let Some(broker) = Broker::start(&[]) else { return };
    let kafka = client(&broker);
    let id = pipeline::block_on(kafka.observe(&Query::default())).expect("a broker").cluster.id;
    let mut world = workspace(&broker, &id);
    let (user, password) = broker.admin();
    let run = |world: &mut World, line: &str, password: &str| {
        let mut command: Command = world.command(line);
        command.env("ONPREM_USERNAME", user).env("ONPREM_PASSWORD", password).stdin(Stdio::null());
        world.finish(line, command)
    };

    assert_eq!(run(&mut world, "weir-validate", ""), 0, "{}", world.transcript);
    assert_eq!(run(&mut world, "weir-plan --stage dev", ""), 6);
    assert_eq!(run(&mut world, "weir-plan --stage dev", "wrong"), 6);
    assert_eq!(run(&mut world, "weir-plan --stage dev --out plan.json", password), 0, "{}", world.transcript);
    assert_eq!(run(&mut world, "weir-deploy plan.json --receipt receipt.json", password), 0, "{}", world.transcript);
    assert_eq!(run(&mut world, "weir-plan --stage dev --detailed-exitcode", password), 0, "{}", world.transcript);
    world.edit("toll.yaml", "retention.ms: 7d", "retention.ms: 8d");
    assert_eq!(run(&mut world, "weir-plan --stage dev --detailed-exitcode", password), 3, "{}", world.transcript);
    assert_eq!(run(&mut world, "weir up --stage dev --yes", password), 0, "{}", world.transcript);

    // A manual change of a setting.
    let setting = SettingChange::new("segment.ms", None, Some("3600000"));
    let by_hand = Change::AlterConfig {
        topic: "dev.toll.passages.v1".to_owned(),
        settings: [("segment.ms".to_owned(), setting)].into(),
    };
    let answers = pipeline::block_on(kafka.apply(&[&by_hand]));
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    pipeline::block_on(async {
        let mut query = Query::default();
        query.topics.names.insert("dev.toll.passages.v1".to_owned());
        let seen =
            async || kafka.observe(&query).await.expect("observed").topics["dev.toll.passages.v1"].config.clone();
        while !seen().await.contains_key("segment.ms") {}
    });
    assert_eq!(run(&mut world, "weir-plan drift --stage dev", password), 3, "{}", world.transcript);

    // The credential in the vault lets the application log in, and nothing else that was written contains it.
    let stored: serde_json::Value = serde_json::from_str(&secret(&world)).expect("JSON");
    let secret = stored["api_secret"].as_str().expect("a secret");
    let login = Login {
        mechanism: SaslMechanism::ScramSha512,
        username: stored["sasl.username"].as_str().expect("a user").to_owned(),
        password: SecretString::from(secret),
        tokens: None,
    };
    let protocol = SecurityProtocol::SaslPlaintext;
    let application =
        Kafka::new(Options { protocol, login: Some(login), ..Options::new(broker.bootstrap()) }).expect("a client");
    let seen = pipeline::block_on(application.observe(&Query::default())).expect_err("it may not see ACLs");
    assert_eq!(seen.kind, weir_ports::ErrorKind::Denied, "{seen}");
    assert!(seen.message.contains("needs Describe"), "let in, but not allowed: {seen}");
    for text in [world.transcript.clone(), world.read("plan.json"), world.read("receipt.json")] {
        assert!(!text.contains(secret) && !text.contains(password), "a secret is told");
    }
    let said = world.said().replace(broker.bootstrap(), "BROKER").replace(&id, "CLUSTER");
    insta::with_settings!({filters => vec![(r"#sha512-\d+", "#sha512-N")]}, { insta::assert_snapshot!(said) });
}

/// Returns the secret in the vault.
fn secret(world: &World) -> String {
    let vaults = weir_sandbox::Vaults::open(world.path(".weir"), Default::default()).expect("vaults");
    let at = weir_planning::SecretRef {
        vault: "https://kv-toll-dev.vault.azure.net".to_owned(),
        name: weir_model::secret_name("dev-toll-gateway", "default"),
    };
    let secret = vaults.read_secret(&at).expect("a vault").expect("a secret");
    secret.expose_secret().to_owned()
}
