//! A hostile team: whatever it puts into its own path, what is accepted, planned and deployed changes nothing outside its
//! own name spaces and the consents that it has.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use tempfile::TempDir;
use weir_deployment::{MemoryJournal, Options};
use weir_model::{Operation, PatternType, Permission, Resource};
use weir_pipeline::read;
use weir_planning::{Acl, Change, Host, Observed, Principal, Risk};
use weir_ports::{Clock as _, Cluster as _, Query, Selection, SystemClock};
use weir_sandbox::Sandbox;

use crate::write;

const SETTINGS: &str = r#"
apiVersion: weir/v1
kind: Workspace
metadata: {name: shop}
spec:
  clusters:
    nonprod: {sandbox: {path: .weir/nonprod, clusterId: nonprod}}
    prod: {sandbox: {path: .weir/prod, clusterId: prod}}
  stages:
    - name: dev
      cluster: nonprod
      prefix: {topic: "dev.", group: "dev.", transactionalId: "dev.", serviceAccount: "dev-"}
      owns: {topics: ["dev.*"], serviceAccounts: ["dev-*"]}
    - name: test
      cluster: nonprod
      prefix: {topic: "test.", group: "test.", transactionalId: "test.", serviceAccount: "test-"}
    - {name: prod, cluster: prod}
  defaults: {vault: "https://kv-{team}-{stage}.vault.azure.net", namespace: "{team}-{stage}"}
  ownership: {platform: platform}
---
{apiVersion: weir/v1, kind: Team, metadata: {name: platform}}
---
{apiVersion: weir/v1, kind: Team, metadata: {name: toll}}
---
{apiVersion: weir/v1, kind: Team, metadata: {name: cards}}
---
{apiVersion: weir/v1, kind: Policy, metadata: {name: few-partitions}, spec: {match: {kinds: [Topic]}, partitions: {max: 50}}}
"#;

/// The victim: topics, an account with a key, and consents to team toll.
const CARDS: &str = r#"
apiVersion: weir/v1
kind: Topic
metadata: {name: cards.status.v1, team: cards}
spec: {partitions: 3, replicationFactor: 3, access: {consumers: [toll]}}
---
apiVersion: weir/v1
kind: Topic
metadata: {name: cards.payments.v1, team: cards}
spec: {partitions: 3, replicationFactor: 3}
---
apiVersion: weir/v1
kind: Consent
metadata: {name: cards-events, team: cards}
spec: {topics: ["cards.events.*"], groups: [cards-shared], producers: [toll], consumers: [toll]}
---
apiVersion: weir/v1
kind: ServiceAccount
metadata: {name: cards-ledger, team: cards, description: keeps the books}
spec: {apiKeys: [{}]}
---
apiVersion: weir/v1
kind: AccessControlList
metadata: {name: cards-ledger, team: cards}
spec:
  serviceAccount: cards-ledger
  allow: [{produce: cards.status.v1}, {consume: cards.payments.v1, group: cards-ledger}]
"#;

/// Pseudo-random numbers: the same seed gives the same documents.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % limit as u64).expect("below the limit")
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// Mostly a name of the team's own, so that most documents are accepted.
    fn name(&mut self, own: &[&'static str], others: &[&'static str]) -> &'static str {
        if self.chance(88) { self.pick(own) } else { self.pick(others) }
    }
}

const OWN_TOPICS: &[&str] = &["toll.a", "toll.b", "toll.passages.v1", "toll.x.y"];
const OTHER_TOPICS: &[&str] = &[
    "cards.status.v1",
    "cards.payments.v1",
    "cards.new",
    "cards.events.v1",
    "legacy.payments",
    "_schemas",
    "__consumer_offsets",
    "toll-gates.x",
    "toll_gates.x",
    "toll",
    "dev.cards.payments.v1",
    "test.toll.a",
    "TOLL.a",
];
const OWN_ACCOUNTS: &[&str] = &["toll-a", "toll-b", "toll-billing"];
const OTHER_ACCOUNTS: &[&str] =
    &["cards-ledger", "root", "weir", "ANONYMOUS", "dev-cards-ledger", "toll", "legacy-billing", "toll_x", "*"];
const OWN_GROUPS: &[&str] = &["toll-g", "toll.g", "toll-*", "toll.*"];
const OTHER_GROUPS: &[&str] = &["cards-ledger", "cards-*", "*", "cards-shared", "legacy", "tol*", "dev.cards-ledger"];
const PATTERNS: &[&str] =
    &["toll.*", "toll.a*", "toll*", "t*", "cards.*", "cards.status.v1*", "cards.events.*", "*", "_*", "legacy.*"];
const OPERATIONS: &[&str] =
    &["Read", "Write", "Describe", "DescribeConfigs", "Create", "Delete", "Alter", "AlterConfigs", "All"];

/// Returns a document for the team's path.
fn document(random: &mut Random) -> String {
    let team = if random.chance(95) { "toll" } else { random.pick(&["cards", "platform", "Toll"]) };
    let stages = match random.below(8) {
        0 => "stages: {dev: , test: }, ",
        1 => "notIn: {dev: n, test: n}, stages: {prod: }, ",
        _ => "",
    };
    let ensure = random.pick(&["", "", "", "", "ensure: absent, ", "ensure: unmanaged, "]);
    match random.below(20) {
        0..6 => {
            let name = random.name(OWN_TOPICS, OTHER_TOPICS);
            let access = random.pick(&["", "", "access: {consumers: [\"*\"]}, ", "access: {administrators: [cards]}, "]);
            let partitions = 1 + random.below(4);
            format!(
                "kind: Topic\nmetadata: {{name: \"{name}\", team: {team}}}\n\
                 spec: {{{ensure}{stages}{access}partitions: {partitions}, replicationFactor: 3}}"
            )
        }
        6..11 => {
            let name = random.name(OWN_ACCOUNTS, OTHER_ACCOUNTS);
            let keys = random.pick(&["", "apiKeys: [{}], ", "apiKeys: [{}, {slot: b}], "]);
            format!(
                "kind: ServiceAccount\nmetadata: {{name: \"{name}\", team: {team}, description: x}}\n\
                 spec: {{{ensure}{stages}{keys}}}"
            )
        }
        11..17 => {
            let account = random.name(OWN_ACCOUNTS, OTHER_ACCOUNTS);
            let mut text = format!(
                "kind: AccessControlList\nmetadata: {{name: \"{account}\", team: {team}}}\nspec:\n  serviceAccount: \"{account}\"\n  rules:\n"
            );
            for _ in 0..=random.below(3) {
                text.push_str(&rule(random));
            }
            if random.chance(50) {
                let topic = random.name(OWN_TOPICS, OTHER_TOPICS);
                let topic = if random.chance(20) { random.pick(PATTERNS) } else { topic };
                let group = random.name(OWN_GROUPS, OTHER_GROUPS);
                let until = random.pick(&["", "", ", until: 2020-01-01", ", until: 2099-01-01"]);
                let grant = match random.chance(50) {
                    true => format!("{{consume: \"{topic}\", group: \"{group}\"{until}}}"),
                    false => format!("{{produce: \"{topic}\", transactionalId: \"{group}\"{until}}}"),
                };
                text.push_str(&format!("  allow: [{grant}]\n"));
            }
            text
        }
        17 => {
            let topics = random.name(&["toll.*", "toll.a"], PATTERNS);
            format!(
                "kind: Consent\nmetadata: {{name: toll-c, team: {team}}}\n\
                 spec: {{topics: [\"{topics}\"], groups: [\"{}\"], consumers: [toll, cards], administrators: [toll]}}",
                random.name(OWN_GROUPS, OTHER_GROUPS)
            )
        }
        18 if random.chance(20) => random
            .pick(&[
                "kind: Team\nmetadata: {name: zoll}",
                "kind: Team\nmetadata: {name: toll}\nspec: {names: {topics: [\"cards.\"]}}",
                "kind: Waiver\nmetadata: {name: w}\nspec: {rule: few-partitions, entity: Topic/toll.a, reason: x, owner: toll, until: 2099-01-01}",
                "kind: Policy\nmetadata: {name: p}\nspec: {match: {kinds: [Plan]}, validations: [{expression: \"false\", message: x}]}",
                "kind: Workspace\nmetadata: {name: shop}\nspec: {clusters: {}, stages: []}",
            ])
            .to_owned(),
        _ => "kind: Topic\nmetadata: {name: toll.z, team: toll}\nspec: {partitions: 1, replicationFactor: 3}".to_owned(),
    }
}

fn rule(random: &mut Random) -> String {
    let permission = random.pick(&["", "", "", ", permission: deny"]);
    let reason = random.pick(&["", ", reason: the platform team knows"]);
    let operation = random.pick(OPERATIONS);
    match random.below(10) {
        0..5 => {
            let pattern = random.chance(40);
            let name = if pattern {
                random.name(&["toll.", "toll.a"], &["toll", "t", "cards.", "_", "legacy.", "cards.events."])
            } else {
                random.name(OWN_TOPICS, OTHER_TOPICS)
            };
            let pattern = if pattern { ", pattern: prefixed" } else { "" };
            format!(
                "    - {{resource: topic, name: \"{name}\"{pattern}, operations: [{operation}]{permission}{reason}}}\n"
            )
        }
        5..7 => {
            let name = random.name(&["toll-g", "toll.g"], OTHER_GROUPS);
            let pattern = random.pick(&["", ", pattern: prefixed"]);
            let operation = random.pick(&["Read", "Describe", "Delete", "All"]);
            format!(
                "    - {{resource: group, name: \"{name}\"{pattern}, operations: [{operation}]{permission}{reason}}}\n"
            )
        }
        7..9 => {
            let name = random.name(&["toll-t", "toll.t"], &["cards-t", "*", "weir.key:4096:1:x", "weir.", "w"]);
            let pattern = random.pick(&["", ", pattern: prefixed"]);
            let operation = random.pick(&["Describe", "Write", "All"]);
            format!(
                "    - {{resource: transactionalId, name: \"{name}\"{pattern}, operations: [{operation}]{permission}{reason}}}\n"
            )
        }
        _ => {
            let operation =
                random.pick(&["IdempotentWrite", "IdempotentWrite", "Describe", "Alter", "All", "ClusterAction"]);
            random.pick(&["cluster", "cluster", "cluster", "delegationToken"]).split_once('d').map_or_else(
                || format!("    - {{resource: cluster, operations: [{operation}]{permission}}}\n"),
                |_| format!("    - {{resource: delegationToken, name: \"*\", operations: [Describe]{permission}}}\n"),
            )
        }
    }
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

const PREFIXES: [&str; 3] = ["dev", "test", ""];

fn own_topic(name: &str) -> bool {
    name.starts_with("dev.toll.") || name.starts_with("test.toll.") || name.starts_with("toll.")
}

fn own_account(name: &str) -> bool {
    name.starts_with("dev-toll-") || name.starts_with("test-toll-") || name.starts_with("toll-")
}

/// Returns `true` if the team may give the right to its own accounts.
fn fair(acl: &Acl) -> bool {
    let name = &*acl.name;
    let within = |spaces: &[&str]| {
        PREFIXES.iter().any(|prefix| {
            let dot = if prefix.is_empty() { String::new() } else { format!("{prefix}.") };
            spaces.iter().any(|space| name.starts_with(&format!("{dot}{space}")))
        })
    };
    let is = |whole: &str| name == whole || name.strip_prefix("dev.").or(name.strip_prefix("test.")) == Some(whole);
    let literal = acl.pattern == PatternType::Literal && name != "*";
    let reads = matches!(acl.operation, Operation::Read | Operation::Describe | Operation::DescribeConfigs);
    let writes = acl.operation == Operation::Write;
    match acl.resource {
        Resource::Topic => {
            within(&["toll."])
                || literal && is("cards.status.v1") && reads
                || within(&["cards.events."]) && (reads || writes)
        }
        Resource::Group => within(&["toll.", "toll-"]) || literal && is("cards-shared") && reads,
        Resource::TransactionalId => within(&["toll.", "toll-"]),
        Resource::Cluster => acl.operation == Operation::IdempotentWrite,
        Resource::DelegationToken => false,
    }
}

fn others(dir: &Path, cluster: &str, observed: Observed) -> Others {
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
    let mine = |principal: &Principal| principal.user().is_some_and(own_account);
    for (principal, acls) in &acls {
        let unfair: Vec<_> = acls.iter().filter(|acl| mine(principal) && !fair(acl)).collect();
        assert!(unfair.is_empty(), "{principal} got {unfair:#?}");
    }
    Others {
        topics: topics
            .iter()
            .filter(|(name, _)| !own_topic(name))
            .map(|(n, t)| (n.clone(), format!("{t:?}")))
            .collect(),
        accounts: accounts
            .iter()
            .filter(|(n, _)| !own_account(n))
            .map(|(n, a)| (n.clone(), format!("{a:?}")))
            .collect(),
        acls: acls.into_iter().filter(|(principal, _)| !mine(principal)).collect(),
        keys: keys
            .iter()
            .filter(|(_, key)| !own_account(&key.account))
            .map(|(id, key)| (id.clone(), format!("{key:?}")))
            .collect(),
        secrets,
    }
}

async fn look(dir: &Path) -> [Others; 2] {
    let everything = || Selection { everything: true, ..Selection::default() };
    let mut all = Vec::new();
    for cluster in ["nonprod", "prod"] {
        let options = weir_sandbox::Options { cluster_id: Some(cluster.to_owned()), ..Default::default() };
        let sandbox = Sandbox::open(dir.join(".weir").join(cluster), options).expect("a sandbox");
        let observed =
            sandbox.observe(&Query { topics: everything(), accounts: everything() }).await.expect("observed");
        all.push(others(dir, cluster, observed));
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
async fn foreign(dir: &Path) {
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
            description: "by hand".to_owned(),
            maker: weir_planning::Maker { workspace: "other".to_owned(), stage: "dev".to_owned() },
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
            topic("dev.cards.old"),
            topic("toll"),
            account("root"),
            account("legacy-billing"),
            account("dev-cards-gone"),
            Change::CreateAcl { principal: Principal::of_account("root"), acl: everything },
        ];
        for change in &changes {
            let answers = sandbox.apply(&[change]).await;
            assert!(answers[0].is_ok(), "{change:?}: {answers:?}");
        }
    }
}

fn rounds() -> usize {
    std::env::var("WEIR_ATTACKS").ok().and_then(|text| text.parse().ok()).unwrap_or(1500)
}

#[tokio::test]
async fn a_hostile_team_harms_only_itself() {
    let mut folder = TempDir::new().expect("a folder");
    let (mut accepted, mut steps) = (0, 0);
    let mut before = None;
    for seed in 0..rounds() {
        // Now and then from the beginning, so that documents meet all states.
        if seed % 100 == 0 {
            folder = TempDir::new().expect("a folder");
            write(folder.path(), "weir.yaml", SETTINGS.as_bytes());
            write(folder.path(), "teams/cards/kafka.yaml", CARDS.as_bytes());
            foreign(folder.path()).await;
            deploy(folder.path()).await.expect("the files of the others are accepted");
            before = Some(look(folder.path()).await);
        }
        let mut random = Random(seed as u64);
        let documents: Vec<String> =
            (0..=random.below(4)).map(|_| format!("apiVersion: weir/v1\n{}", document(&mut random))).collect();
        let text = documents.join("\n---\n");
        write(folder.path(), "teams/toll/kafka.yaml", text.as_bytes());
        if let Some(done) = deploy(folder.path()).await {
            (accepted, steps) = (accepted + 1, steps + done);
            let after = look(folder.path()).await;
            assert_eq!(before.as_ref(), Some(&after), "seed {seed}:\n{text}");
        }
    }
    // Otherwise the test would show nothing.
    assert!(accepted * 8 > rounds() && steps > accepted, "{accepted} accepted, {steps} steps");
}
