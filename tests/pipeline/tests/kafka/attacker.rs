//! A hostile team on a real broker: what it writes into its own files is deployed, and then it logs in with the keys that
//! weir put into its vault.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
};

use weir_model::{Operation, PatternType, Permission, Resource};
use weir_planning::{Acl, Change, Host, Observed, Principal, SecretRef};
use weir_ports::{Cluster as _, ExposeSecret as _};
use weir_rdkafka_admin::rdkafka::error::RDKafkaErrorCode::{
    ClusterAuthorizationFailed, GroupAuthorizationFailed, TopicAuthorizationFailed,
};
use weir_sandbox::Vaults;
use weir_testkit::hostile::{Attack, CARDS, Own};

use crate::{
    access::{Key, consume, denied, produce},
    scene::{self, Folder, Scene},
};

/// Number of rounds in a test run; more with `WEIR_BROKER_ATTACKS`.
const ROUNDS: u64 = 16;

/// An account of the team that is always there, so that each round has a key.
const SPY: &str = "\
apiVersion: weir/v1
kind: ServiceAccount
metadata: {name: toll-spy, team: toll, description: looks around}
spec: {apiKeys: [{}]}
---
apiVersion: weir/v1
kind: AccessControlList
metadata: {name: toll-spy, team: toll}
spec:
  serviceAccount: toll-spy
  rules:
    - {resource: cluster, operations: [IdempotentWrite]}
    - {resource: group, name: toll-, pattern: prefixed, operations: [All]}
    - {resource: topic, name: toll., pattern: prefixed, operations: [All]}
";

/// The teams beside toll.
const TEAMS: &str = "\
---
{apiVersion: weir/v1, kind: Team, metadata: {name: platform}}
---
{apiVersion: weir/v1, kind: Team, metadata: {name: cards}}
";

/// Returns everything that is not the team's, and checks the rights of the team's accounts.
fn others(observed: &Observed, own: &Own) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for (name, topic) in observed.topics.iter().filter(|(name, _)| !own.topic(name)) {
        all.insert(format!("topic {name}"), format!("{topic:?}"));
    }
    for (name, account) in observed.accounts.iter().filter(|(name, _)| !own.account(name)) {
        all.insert(format!("account {name}"), format!("{account:?}"));
    }
    for (id, key) in observed.keys.iter().filter(|(_, key)| !own.account(&key.account)) {
        all.insert(format!("key {id}"), format!("{key:?}"));
    }
    for (principal, acls) in &observed.acls {
        if principal.user().is_some_and(|name| own.account(name)) {
            let unfair: BTreeSet<_> = acls.iter().filter(|acl| !own.may_grant(acl)).collect();
            assert!(unfair.is_empty(), "{principal} got {unfair:#?}");
        } else {
            all.insert(format!("bindings of {principal}"), format!("{acls:?}"));
        }
    }
    all
}

/// Returns the credentials in the team's vault.
fn keys(folder: &Folder) -> Vec<Key> {
    let vaults = Vaults::open(folder.at(".weir"), Default::default()).unwrap();
    let accounts = ["dev-toll-spy", "dev-toll-a", "dev-toll-b", "dev-toll-billing"];
    let places =
        accounts.iter().flat_map(|account| ["default", "ledger"].map(|slot| weir_model::secret_name(account, slot)));
    let vault = "https://kv-toll-dev.vault.azure.net".to_owned();
    let stored = places.filter_map(|name| vaults.read_secret(&SecretRef { vault: vault.clone(), name }).unwrap());
    stored.map(|value| serde_json::from_str(value.expose_secret()).unwrap()).collect()
}

/// Changes that no account of the team may make.
fn harm() -> Vec<Change> {
    let acl = |resource, pattern, name: &str, operation| Acl {
        resource,
        pattern,
        name: name.into(),
        operation,
        permission: Permission::Allow,
        host: Host::Any,
    };
    let all = acl(Resource::Topic, PatternType::Literal, "*", Operation::All);
    let theirs = acl(Resource::Topic, PatternType::Literal, "dev.cards.payments.v1", Operation::Read);
    vec![
        Change::AddPartitions { topic: "dev.cards.payments.v1".to_owned(), from: 3, to: 9 },
        Change::DeleteTopic {
            topic: "dev.cards.payments.v1".to_owned(),
            partitions: 3,
            replication_factor: 1,
            config: BTreeMap::new(),
        },
        Change::CreateTopic {
            topic: "dev.cards.new".to_owned(),
            partitions: Some(1),
            replication_factor: Some(1),
            config: BTreeMap::new(),
        },
        Change::CreateAcl { principal: Principal::of_account("dev-toll-spy"), acl: all },
        Change::DeleteAcl { principal: Principal::of_account("dev-cards-ledger"), acl: theirs },
    ]
}

#[test]
fn a_hostile_team_harms_only_itself() {
    let Some(scene) = Scene::start(&[]) else { return };
    let folder = scene.workspace("dev", "");
    fs::remove_file(folder.at("toll.yaml")).unwrap();
    let settings = folder.read("weir.yaml");
    let governed = settings.replacen("  stages:\n", "  ownership: {platform: platform}\n  stages:\n", 1);
    assert_ne!(governed, settings);
    folder.write("weir.yaml", &(governed + TEAMS));
    for team in ["cards", "toll"] {
        fs::create_dir_all(folder.at(&format!("teams/{team}"))).unwrap();
    }
    folder.write("teams/cards/kafka.yaml", CARDS);
    let own = Own { names: vec!["dev.".to_owned()], accounts: vec!["dev-".to_owned()] };
    let up = "weir up --stage dev --yes --beyond-threshold --max-risk data-loss";
    let ended = scene::run(folder.command(&scene.broker, up));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    // Objects that no file declares.
    let topic = |name: &str| Change::CreateTopic {
        topic: name.to_owned(),
        partitions: Some(1),
        replication_factor: Some(1),
        config: BTreeMap::new(),
    };
    let foreign = [topic("legacy.payments"), topic("dev.cards.old"), topic("toll")];
    for answer in pipeline::block_on(scene.by_hand.apply(&foreign.iter().collect::<Vec<_>>())) {
        answer.unwrap();
    }
    scene.add_user("root");
    scene.add_user("dev-toll-foreign");
    produce(&admin(&scene), "dev.cards.payments.v1").unwrap();

    let before = others(&scene.everything(), &own);
    let rounds = env::var("WEIR_BROKER_ATTACKS").map_or(ROUNDS, |text| text.parse().unwrap());
    let (mut deployed, mut tried) = (0, 0);
    for seed in 0..rounds {
        let text = Attack::new(seed, &["dev"], "test.").file(3);
        folder.write("teams/toll/kafka.yaml", &text);
        folder.write("teams/toll/spy.yaml", SPY);
        let ended = scene::run(folder.command(&scene.broker, up));
        assert!(matches!(ended.code, Some(0 | 1 | 7)), "seed {seed}: {ended:?}\n{text}");
        let after = others(&scene.everything(), &own);
        assert!(before == after, "seed {seed}:\n{text}\n---\n{before:#?}\n---\n{after:#?}");
        if ended.code == Some(1) {
            continue;
        }
        deployed += 1;
        for key in keys(&folder) {
            let client = scene.client(&key["sasl.username"], key["api_secret"].clone());
            for change in harm() {
                let answer = pipeline::block_on(client.apply(&[&change])).remove(0);
                assert!(answer.is_err(), "seed {seed}: {} did {change:?}\n{text}", key["sasl.username"]);
            }
            tried += 1;
        }
        let after = others(&scene.everything(), &own);
        assert!(before == after, "seed {seed}, with the keys:\n{text}\n---\n{before:#?}\n---\n{after:#?}");
    }
    // Records of others are neither read nor written. The key is good for the team's own names.
    let spy = keys(&folder).into_iter().find(|key| key["sasl.username"] == "dev-toll-spy").unwrap();
    let client = scene.client("dev-toll-spy", spy["api_secret"].clone());
    pipeline::block_on(client.apply(&[&topic("dev.toll.spied")])).remove(0).unwrap();
    produce(&spy, "dev.toll.spied").unwrap();
    denied(&produce(&spy, "dev.cards.payments.v1"), &[TopicAuthorizationFailed]);
    denied(&produce(&spy, "legacy.payments"), &[TopicAuthorizationFailed]);
    denied(&consume(&spy, "dev.cards.payments.v1", "dev.toll-spy"), &[TopicAuthorizationFailed]);
    denied(
        &consume(&spy, "dev.cards.payments.v1", "dev.cards-ledger"),
        &[GroupAuthorizationFailed, TopicAuthorizationFailed, ClusterAuthorizationFailed],
    );
    assert!(deployed * 4 > rounds && tried >= deployed, "{deployed} of {rounds} deployed, {tried} keys tried");
}

/// Returns the login of the super user, as a client finds it in a vault.
fn admin(scene: &Scene) -> Key {
    let (user, password) = scene.broker.admin();
    let address = scene.proxy.address();
    [
        ("bootstrap.servers", address.as_str()),
        ("security.protocol", "SASL_PLAINTEXT"),
        ("sasl.mechanism", "SCRAM-SHA-512"),
        ("sasl.username", user),
        ("api_secret", password),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}
