//! Counts the calls of a plan: one for each page of a list, and no more.

use std::{collections::BTreeMap, fmt::Write as _, time::Instant};

use weir_fake_confluent::Operation;
use weir_planning::{Change, ObservedSecret, PlanOptions};
use weir_ports::{Clock as _, Cluster as _, RequestCounts};

use crate::{
    judge::judge,
    process::Workspace,
    run::{End, Runner},
    scene::{Patience, Scene},
    wishes::team,
};

const GRANTS: usize = 10;
/// Number of entries on a page of the control plane, and of a vault.
const PAGE: usize = 100;
const VAULT_PAGE: usize = 25;

fn entities(accounts: usize) -> String {
    let mut text = String::new();
    for number in 0..accounts {
        let team = team(number as u64);
        let rules: String = (0..GRANTS)
            .map(|rule| format!("{{resource: topic, name: {team}.r{rule}., pattern: prefixed, operations: [Read]}}, "))
            .collect();
        write!(
            text,
            "---\napiVersion: weir/v1\nkind: ServiceAccount\nmetadata: {{name: s{number:04}, team: {team}, description: x}}\n\
             spec: {{apiKeys: [{{slot: default}}, {{slot: batch}}]}}\n\
             ---\napiVersion: weir/v1\nkind: AccessControlList\nmetadata: {{name: s{number:04}, team: {team}}}\n\
             spec: {{serviceAccount: s{number:04}, rules: [{}]}}\n",
            rules.trim_end_matches(", ")
        )
        .unwrap();
    }
    text
}

/// Creates everything that a deployment would create, only faster.
async fn populate(scene: &Scene, accounts: usize) -> weir_planning::Desired {
    let desired = scene.desired(&entities(accounts), "dev");
    let nothing = weir_planning::Observed {
        format: weir_planning::Observed::FORMAT.to_owned(),
        cluster: weir_planning::ClusterFacts { id: scene.cloud.cluster().to_owned(), brokers: 3, ..Default::default() },
        ..Default::default()
    };
    let options = PlanOptions { now: scene.now(), commit: None };
    let plan = weir_planning::plan(&desired, &nothing, &options).plan;
    let mut ids = BTreeMap::new();
    let mut grants = Vec::new();
    for step in &plan.steps {
        match &step.change {
            Change::CreateAccount { account, description, maker } => {
                ids.insert(account.clone(), scene.cloud.create_account(account, &maker.sign(description)));
            }
            Change::CreateKey { account, secret, tags, .. } => {
                let marker = step.marker(&plan).unwrap().to_string();
                let key = scene.cloud.create_key(&ids[account], Some(scene.cloud.cluster()), &marker);
                let mut tags = serde_json::to_value(tags).unwrap();
                tags[ObservedSecret::TAG_KEY_ID] = key.id.clone().into();
                scene.vaults.put(&scene.vault_of(secret), &secret.name, "{}", tags);
            }
            Change::CreateAcl { .. } => grants.push(&step.change),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(grants.len(), accounts * GRANTS);
    let answers = scene.open_cloud(Patience::LONG).apply(&grants).await;
    assert!(answers.iter().all(Result::is_ok));
    desired
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_needs_one_call_per_page() {
    let Some(scene) = Scene::start(9) else { return };
    scene.cloud.limit("iam.max_service_accounts.per_org", 5_000);
    scene.cloud.limit("kafka.max_api_keys.per_cluster", 10_000);
    let accounts = 1_000;
    let begun = Instant::now();
    let desired = populate(&scene, accounts).await;
    let populated = begun.elapsed();
    scene.cloud.clear_log();
    let (calls_before, kafka_before) = (vault_calls(&scene), scene.cloud.kafka_counts());
    let begun = Instant::now();
    let ran = Runner::new(&scene).run(&desired).await;
    let took = begun.elapsed();
    assert_eq!(ran.end, End::Empty, "{}", &ran.said[ran.said.len().saturating_sub(3_000)..]);

    // Besides the stage's own objects there are the deploying account and its key.
    let pages = |entries: usize, page: usize| u64::try_from(entries.div_ceil(page)).unwrap();
    let expected: BTreeMap<&str, u64> = [
        ("listIamV2ServiceAccounts", pages(accounts + 1, PAGE)),
        ("listIamV2ApiKeys", pages(2 * accounts + 1, PAGE)),
        ("listServiceQuotaV1AppliedQuotas", 2),
        ("getCmkV2Cluster", 1),
        // weir looks up the owners of the keys that it logs in with, at the brokers and at the control plane.
        ("getIamV2ApiKey", 2),
        ("getIamV2ServiceAccount", 1),
    ]
    .into();
    assert_eq!(ran.calls.0, expected);
    assert_eq!(scene.cloud.count(Operation::ListKeys), usize::try_from(expected["listIamV2ApiKeys"]).unwrap());
    let kafka: BTreeMap<String, usize> = scene
        .cloud
        .kafka_counts()
        .into_iter()
        .map(|(what, count)| (what.clone(), count - kafka_before.get(&what).copied().unwrap_or_default()))
        .filter(|(_, count)| *count > 0)
        .collect();
    assert_eq!(kafka["DescribeAcls"], 1, "{kafka:?}");
    assert!(ran.calls.1 < 12, "{} requests to the brokers", ran.calls.1);
    // The binary reports the numbers of calls on stderr, beside the plan.
    let (control, brokers) = (ran.calls.0.clone(), ran.calls.1);
    let mut vaults = vault_calls(&scene);
    for (what, before) in calls_before {
        *vaults.get_mut(&what).unwrap() -= before;
    }
    // A vault lists its secrets, 25 to a page, and its deleted secrets.
    let expected_of_vault = 2 * pages(accounts, VAULT_PAGE);
    assert_eq!(vaults["GET /secrets"], expected_of_vault, "{vaults:?}");
    assert_eq!(vaults["GET /deletedsecrets"], 2, "{vaults:?}");
    assert_eq!(vaults.values().sum::<u64>(), expected_of_vault + 2, "{vaults:?}");
    judge(&scene.cloud.log());
    let folder = Workspace::of(&scene);
    let stderr = tokio::task::block_in_place(|| folder.plan(&scene, &entities(accounts), "--verbose"));
    assert!(stderr.contains(&format!("{}\n", RequestCounts { control, brokers })), "{stderr}");
    let summary = format!(
        "{accounts} accounts, {} keys, {} ACLs, made in {populated:.1?}, planned in {took:.1?}:\ncontrol plane {:?} ({} calls)\n\
         brokers {kafka:?}\nvaults {vaults:?}",
        2 * accounts,
        GRANTS * accounts,
        ran.calls.0,
        ran.calls.0.values().sum::<u64>(),
    );
    if let Some(file) = std::env::var_os("WEIR_ROUNDS_REPORT") {
        std::fs::write(std::path::Path::new(&file).with_extension("calls"), summary + "\n").unwrap();
    }
}

/// Returns the calls of the stage's vaults by kind.
fn vault_calls(scene: &Scene) -> BTreeMap<String, u64> {
    let mut calls = BTreeMap::new();
    for call in scene.vault_names().iter().flat_map(|vault| scene.vaults.calls(vault)) {
        *calls.entry(format!("{} {}", call.method, call.path)).or_default() += 1;
    }
    for list in ["GET /secrets", "GET /deletedsecrets"] {
        calls.entry(list.to_owned()).or_default();
    }
    calls
}
