//! A hostile team: whatever it puts into its own path, what is accepted, planned and deployed changes nothing outside its
//! own name spaces and the consents that it has.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::Path,
};

use tempfile::TempDir;
use weir_deployment::{MemoryJournal, Options};
use weir_model::{Operation, PatternType, Permission, Resource};
use weir_pipeline::read;
use weir_planning::{Acl, Change, Host, Maker, Observed, Principal, Risk};
use weir_ports::{Clock as _, Cluster as _, Query, Selection, SystemClock};
use weir_sandbox::Sandbox;
use weir_testkit::hostile::{Attack, CARDS, Own};

use crate::write;

/// Number of rounds in a test run; more with `WEIR_ATTACKS`.
const ROUNDS: usize = 2_000;

const STAGES: &[&str] = &["dev", "test", "prod"];

/// The prefixes of the stages dev and test, which share a cluster: of names, and of service accounts.
const PREFIXES: [[(&str, &str); 2]; 3] =
    [[("dev.", "dev-"), ("test.", "test-")], [("d-", "d-"), ("t-", "t-")], [("dev_", "dev_"), ("test_x_", "test_x_")]];

fn settings(prefixes: [(&str, &str); 2]) -> String {
    let prefix = |(names, accounts): (&str, &str)| {
        format!("prefix: {{topic: {names}, group: {names}, transactionalId: {names}, serviceAccount: {accounts}}}")
    };
    let owns =
        |(names, accounts): (&str, &str)| format!("owns: {{topics: [{names}*], serviceAccounts: [{accounts}*]}}");
    format!(
        r#"
apiVersion: weir/v1
kind: Workspace
metadata: {{name: shop}}
spec:
  clusters:
    nonprod: {{sandbox: {{path: .weir/nonprod, clusterId: nonprod}}}}
    prod: {{sandbox: {{path: .weir/prod, clusterId: prod}}}}
  stages:
    - {{name: dev, cluster: nonprod, {}, {}}}
    - {{name: test, cluster: nonprod, {}}}
    - {{name: prod, cluster: prod}}
  defaults: {{vault: "https://kv-{{team}}-{{stage}}.vault.azure.net", namespace: "{{team}}-{{stage}}"}}
  ownership: {{platform: platform}}
---
{{apiVersion: weir/v1, kind: Team, metadata: {{name: platform}}}}
---
{{apiVersion: weir/v1, kind: Team, metadata: {{name: toll}}}}
---
{{apiVersion: weir/v1, kind: Team, metadata: {{name: cards}}}}
---
{{apiVersion: weir/v1, kind: Policy, metadata: {{name: few-partitions}}, spec: {{match: {{kinds: [Topic]}}, partitions: {{max: 50}}}}}}
"#,
        prefix(prefixes[0]),
        owns(prefixes[0]),
        prefix(prefixes[1]),
    )
}

/// Everything on a cluster and in its vaults that is not the team's.
#[derive(Debug, PartialEq)]
struct Others {
    topics: BTreeMap<String, String>,
    accounts: BTreeMap<String, String>,
    acls: BTreeMap<Principal, BTreeSet<Acl>>,
    keys: BTreeMap<String, String>,
    secrets: BTreeMap<String, String>,
}

fn others(dir: &Path, cluster: &str, observed: Observed, own: &Own) -> Others {
    let mut secrets = BTreeMap::new();
    let vaults = dir.join(".weir").join(cluster).join("vaults");
    for vault in fs::read_dir(vaults).into_iter().flatten().flatten() {
        if vault.file_name().to_string_lossy().contains("kv-toll-") {
            continue;
        }
        for secret in fs::read_dir(vault.path()).into_iter().flatten().flatten() {
            let text = fs::read_to_string(secret.path()).unwrap_or_default();
            secrets.insert(secret.path().display().to_string(), text);
        }
    }
    let Observed { topics, accounts, acls, keys, .. } = observed;
    let mine = |principal: &Principal| principal.user().is_some_and(|name| own.account(name));
    for (principal, acls) in &acls {
        let unfair: Vec<_> = acls.iter().filter(|acl| mine(principal) && !own.may_grant(acl)).collect();
        assert!(unfair.is_empty(), "{principal} got {unfair:#?}");
    }
    Others {
        topics: topics
            .iter()
            .filter(|(name, _)| !own.topic(name))
            .map(|(n, t)| (n.clone(), format!("{t:?}")))
            .collect(),
        accounts: accounts
            .iter()
            .filter(|(n, _)| !own.account(n))
            .map(|(n, a)| (n.clone(), format!("{a:?}")))
            .collect(),
        acls: acls.into_iter().filter(|(principal, _)| !mine(principal)).collect(),
        keys: keys
            .iter()
            .filter(|(_, key)| !own.account(&key.account))
            .map(|(id, key)| (id.clone(), format!("{key:?}")))
            .collect(),
        secrets,
    }
}

async fn look(dir: &Path, prefixes: [(&str, &str); 2]) -> [Others; 2] {
    let everything = || Selection { everything: true, ..Selection::default() };
    let mut all = Vec::new();
    for (cluster, prefixes) in [("nonprod", prefixes.as_slice()), ("prod", &[("", "")])] {
        let own = Own {
            names: prefixes.iter().map(|(names, _)| (*names).to_owned()).collect(),
            accounts: prefixes.iter().map(|(_, accounts)| (*accounts).to_owned()).collect(),
        };
        let options = weir_sandbox::Options { cluster_id: Some(cluster.to_owned()), ..Default::default() };
        let sandbox = Sandbox::open(dir.join(".weir").join(cluster), options).expect("a sandbox");
        let observed =
            sandbox.observe(&Query { topics: everything(), accounts: everything() }).await.expect("observed");
        all.push(others(dir, cluster, observed, &own));
    }
    all.try_into().expect("two clusters")
}

/// Plans and deploys every stage. Returns the number of steps that were done; nothing is done if the files are refused.
async fn deploy(dir: &Path) -> Option<usize> {
    let now = SystemClock.now();
    let mut done = 0;
    for stage in ["dev", "test", "prod"] {
        let checked = read(dir).expect("read").check(None, now).expect("checked");
        let workspace = checked.accept().ok()?;
        let Ok(plan) = workspace.plan(stage).await.expect("observed").accept() else { continue };
        let options = Options {
            approved: Some(plan.digest.clone()),
            beyond_threshold: true,
            max_risk: Risk::DataLoss,
            ..Options::default()
        };
        let admitted = workspace.admit(&plan, options).expect("admitted");
        let live = admitted.open().await.expect("opened");
        let receipt = admitted.deploy(&live, &mut MemoryJournal::default(), &SystemClock, &()).await.expect("deployed");
        done += receipt.steps.len();
    }
    Some(done)
}

/// Makes objects that no file declares.
async fn foreign(dir: &Path, [(names, accounts), (_, others)]: [(&str, &str); 2]) {
    for cluster in ["nonprod", "prod"] {
        let options = weir_sandbox::Options { cluster_id: Some(cluster.to_owned()), ..Default::default() };
        let sandbox = Sandbox::open(dir.join(".weir").join(cluster), options).expect("a sandbox");
        let topic = |name: &str| Change::CreateTopic {
            topic: name.to_owned(),
            partitions: Some(1),
            replication_factor: Some(3),
            config: BTreeMap::new(),
        };
        let account = |name: &str| Change::CreateAccount {
            account: name.to_owned(),
            description: "another workspace's".to_owned(),
            maker: Maker { workspace: "other".to_owned(), stage: "dev".to_owned() },
        };
        let everything = Acl {
            resource: Resource::Topic,
            pattern: PatternType::Literal,
            name: "*".into(),
            operation: Operation::All,
            permission: Permission::Allow,
            host: Host::Any,
        };
        let changes = [
            topic("legacy.payments"),
            topic(&format!("{names}cards.old")),
            topic("toll"),
            account("root"),
            account("legacy-billing"),
            account(&format!("{accounts}cards-gone")),
            account(&format!("{accounts}toll-foreign")),
            account(&format!("{others}toll-foreign")),
            account("toll-foreign"),
            Change::CreateAcl { principal: Principal::of_account("root"), acl: everything },
        ];
        for change in &changes {
            let answers = sandbox.apply(&[change]).await;
            assert!(answers[0].is_ok(), "{change:?}: {answers:?}");
        }
    }
}

#[tokio::test]
async fn a_hostile_team_harms_only_itself() {
    let mut folder = TempDir::new().expect("a folder");
    let (mut accepted, mut steps) = (0, 0);
    let mut before = None;
    let rounds = env::var("WEIR_ATTACKS").map_or(ROUNDS, |text| text.parse().unwrap());
    for seed in 0..rounds {
        let prefixes = PREFIXES[seed / 100 % PREFIXES.len()];
        // Now and then from the beginning, so that documents meet all states.
        if seed % 100 == 0 {
            folder = TempDir::new().expect("a folder");
            write(folder.path(), "weir.yaml", settings(prefixes).as_bytes());
            write(folder.path(), "teams/cards/kafka.yaml", CARDS.as_bytes());
            foreign(folder.path(), prefixes).await;
            deploy(folder.path()).await.expect("the files of the others are accepted");
            before = Some(look(folder.path(), prefixes).await);
        }
        let text = Attack::new(seed as u64, STAGES, prefixes[1].0).file(5);
        write(folder.path(), "teams/toll/kafka.yaml", text.as_bytes());
        if let Some(done) = deploy(folder.path()).await {
            (accepted, steps) = (accepted + 1, steps + done);
            let after = look(folder.path(), prefixes).await;
            let before = before.as_ref().expect("seen");
            for (before, after) in before.iter().zip(&after) {
                assert!(before == after, "seed {seed}:\n{text}\n---\n{before:#?}\n---\n{after:#?}");
            }
        }
    }
    // Otherwise the test would show nothing.
    assert!(accepted * 8 > rounds && steps > accepted, "{accepted} accepted, {steps} steps");
}
