//! Two stages on one cluster: neither touches the other's objects, whatever its files declare.

use std::{collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp};
use pipeline::Random;
use weir_model::{Operation, PatternType, Permission, Resource};
use weir_planning::{
    Acl, Change, ClusterFacts, Desired, KeyMarker, Maker, Observed, ObservedAccount, ObservedKey, ObservedSecret,
    ObservedTopic, PlanOptions, Principal, SecretRef, SecretState, secrets_needed,
};
use weir_ports::Clock as _;

use crate::{
    run::{End, Runner},
    scene::{Scene, load},
    wishes,
};

const STAGES: [&str; 2] = ["dev", "test"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_stage_changes_the_others_objects() {
    let Some(scene) = Scene::start(11) else { return };
    for round in 0..8_u64 {
        let mut random = Random::new(13, round);
        scene.advance(Duration::from_hours(24 * random.below(50)));
        let text = wishes::entities(&mut random, scene.now());
        let stage = STAGES[usize::from(!round.is_multiple_of(2))];
        let before = tokio::task::block_in_place(|| scene.beyond(stage));
        let ran = Runner::new(&scene).run(&scene.desired(&text, stage)).await;
        assert!(matches!(ran.end, End::Complete | End::Empty), "round {round}: {}", ran.said);
        assert_eq!(tokio::task::block_in_place(|| scene.beyond(stage)), before, "round {round}: {text}");
    }
}

/// Checks the planner alone, on states that no deployment would leave.
#[test]
fn no_plan_of_a_stage_names_foreign_objects() {
    let settings = settings();
    let now: Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
    let mut steps = 0;
    for case in 0..600 {
        let mut random = Random::new(17, case);
        let workspace = load(&settings, &wishes::entities(&mut random, now));
        let stage = STAGES[usize::from(!case.is_multiple_of(2))];
        let desired = weir_planning::desired(&workspace.stage(stage).unwrap(), now);
        let mut observed = world(&mut random, now);
        observed.secrets = secrets(&mut random, &observed, &desired);
        let outcome = weir_planning::plan(&desired, &observed, &PlanOptions { now, commit: None });
        steps += outcome.plan.steps.len();
        for step in &outcome.plan.steps {
            if let Some(name) = foreign(&step.change, stage, &observed) {
                panic!("case {case}: {stage} touches {name}: {:#?}", step.change);
            }
        }
    }
    assert!(steps > 5_000, "{steps} steps are few");
}

/// Returns the object that a change touches outside of its stage.
fn foreign(change: &Change, stage: &str, observed: &Observed) -> Option<String> {
    let (dash, dot) = (format!("{stage}-"), format!("{stage}."));
    let account = |name: &str| (!name.starts_with(&dash)).then(|| name.to_owned());
    let topic = |name: &str| (!name.starts_with(&dot)).then(|| name.to_owned());
    let secret = |at: &SecretRef| {
        let own = at.vault.contains(&format!("-{stage}.")) && at.name.starts_with(&format!("kafka-{dash}"));
        (!own).then(|| at.to_string())
    };
    let principal = |principal: &str| account(principal.strip_prefix("User:").unwrap_or_default());
    match change {
        Change::CreateAccount { account: name, .. }
        | Change::UpdateAccount { account: name, .. }
        | Change::DeleteAccount { account: name, .. } => account(name),
        Change::CreateTopic { topic: name, .. }
        | Change::AddPartitions { topic: name, .. }
        | Change::ChangeReplicationFactor { topic: name, .. }
        | Change::AlterConfig { topic: name, .. }
        | Change::DeleteTopic { topic: name, .. } => topic(name),
        Change::CreateAcl { principal: name, .. } | Change::DeleteAcl { principal: name, .. } => principal(name),
        Change::CreateKey { account: name, secret: at, projections, .. } => {
            account(name).or_else(|| secret(at)).or_else(|| projections.values().find_map(secret))
        }
        Change::DeleteKey { account: name, key, secret: at, projections, .. } => {
            let owner = observed.keys.get(key).map_or(name, |key| &key.account);
            account(name)
                .or_else(|| account(owner))
                .or_else(|| at.as_ref().and_then(secret))
                .or_else(|| projections.iter().find_map(secret))
        }
    }
}

/// Returns a random state with objects of both stages and of others.
fn world(random: &mut Random, now: Timestamp) -> Observed {
    let mut observed = Observed {
        format: Observed::FORMAT.to_owned(),
        cluster: ClusterFacts {
            id: "lkc-a1".to_owned(),
            brokers: 3,
            default_partitions: 6,
            default_replication_factor: 3,
            deployer: Some(Principal::of_account("weir")),
            deployer_is_super_user: true,
            ..ClusterFacts::default()
        },
        ..Observed::default()
    };
    for prefix in ["dev", "test", "devtest", "prod", ""] {
        for number in 0..7 {
            if random.once_in(3) {
                continue;
            }
            let topic = ObservedTopic { partitions: 1, replication_factor: 3, ..ObservedTopic::default() };
            let name = if prefix.is_empty() { format!("t{number}") } else { format!("{prefix}.t{number}") };
            observed.topics.insert(name.clone(), topic);
            let account = if prefix.is_empty() { format!("a{number}") } else { format!("{prefix}-a{number}") };
            let id = format!("sa-{prefix}{number}");
            observed
                .accounts
                .insert(account.clone(), ObservedAccount { id, description: "somebody".to_owned(), maker: None });
            let acl = Acl {
                resource: Resource::Topic,
                pattern: random.pick(&[PatternType::Literal, PatternType::Prefixed]),
                name: name.into(),
                operation: Operation::Read,
                permission: Permission::Allow,
                host: Default::default(),
            };
            let principal = random.pick(&[account.as_str(), "*", "sa-gone"]);
            observed.acls.entry(Principal::of_account(principal)).or_default().insert(acl);
            for _ in 0..random.below(4) {
                let slot = random.pick(&["default", "batch", "old"]);
                let stage = random.pick(&["dev", "test", prefix]);
                let stage = if stage.is_empty() { "dev" } else { stage };
                let marker = KeyMarker {
                    maker: Maker { workspace: "cps".to_owned(), stage: stage.to_owned() },
                    slot: slot.to_owned(),
                    intent: format!("{:024x}", random.below(u64::MAX)),
                };
                let ours = !random.once_in(4);
                let key = ObservedKey {
                    account: account.clone(),
                    slot: ours.then(|| slot.to_owned()),
                    marker: ours.then(|| marker.to_string()),
                    created: Some(now - SignedDuration::from_hours(24 * i64::try_from(random.below(100)).unwrap())),
                };
                observed.keys.insert(format!("KEY{:06}", observed.keys.len()), key);
            }
        }
    }
    observed
}

/// Returns secrets that name random keys: the right one, another stage's, a deleted one.
fn secrets(random: &mut Random, observed: &Observed, desired: &Desired) -> BTreeMap<SecretRef, ObservedSecret> {
    let ids: Vec<&String> = observed.keys.keys().collect();
    let mut secrets = BTreeMap::new();
    for at in secrets_needed(desired, observed) {
        if random.once_in(3) {
            continue;
        }
        let id = if random.once_in(5) { "GONE".to_owned() } else { random.pick(&ids).clone() };
        let account = observed.keys.get(&id).map_or("dev-a0", |key| key.account.as_str());
        let slot = random.pick(&["default", "batch", "old"]);
        let stage = random.pick(&["dev", "test", desired.stage.as_str()]);
        let tags = [
            (ObservedSecret::TAG_MANAGED_BY, random.pick(&["weir", "weir", "terraform"])),
            (ObservedSecret::TAG_KEY_ID, id.as_str()),
            (ObservedSecret::TAG_ACCOUNT, account),
            (ObservedSecret::TAG_SLOT, slot),
            (ObservedSecret::TAG_WORKSPACE, desired.workspace.as_str()),
            (ObservedSecret::TAG_STAGE, stage),
        ];
        let tags = tags.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let state = random.pick(&[SecretState::Present, SecretState::Disabled, SecretState::Deleted]);
        secrets.insert(at.clone(), ObservedSecret { at, state, tags });
    }
    secrets
}

fn settings() -> String {
    let stage = |name: &str| {
        format!(
            "    - name: {name}
      cluster: nonprod
      prefix: {{topic: {name}., group: {name}., transactionalId: {name}., serviceAccount: {name}-}}
      owns: {{topics: ['{name}.*'], serviceAccounts: ['{name}-*']}}
      prune: true
"
        )
    };
    let (dev, test) = (stage("dev"), stage("test"));
    let teams = ["toll", "cards"].map(|t| format!("---\napiVersion: weir/v1\nkind: Team\nmetadata: {{name: {t}}}\n"));
    format!(
        "apiVersion: weir/v1
kind: Workspace
metadata: {{name: cps}}
spec:
  clusters:
    nonprod: {{confluentCloud: {{environment: env-x1, cluster: lkc-a1, credentials: {{env: C}}, kafka: {{credentials: {{env: K}}}}}}}}
  secrets: {{keyVault: {{login: azureCli}}}}
  defaults: {{vault: \"https://kv-{{team}}-{{stage}}.vault.azure.net\", namespace: \"{{team}}-{{stage}}\"}}
  stages:
{dev}{test}{}",
        teams.concat()
    )
}
