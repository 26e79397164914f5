//! Plans that are refused before anything is touched.

use weir_deployment::{DeployError, Journal as _, MemoryJournal, Options, Outcome, Receipt, Refusal, render};
use weir_model::Permission;
use weir_planning::{
    Acl, Change, Desired, DesiredBinding, Digest, Plan, Plane, Provider, Risk, SecretRef, Step, StepId,
};
use weir_sandbox::Sandbox;

use crate::scene::{after, before, bold, deployed, desired, forged, month, open, plan, read, run_with, state, wanted};

async fn refusal(plan: &Plan, sandbox: &Sandbox, options: &Options) -> Refusal {
    let seen = state(sandbox, &after()).await;
    let mut journal = MemoryJournal::default();
    let refusal = match run_with(plan, sandbox, options, &mut journal).await {
        Err(DeployError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    };
    assert_eq!(state(sandbox, &after()).await, seen, "something was touched");
    assert!(journal.entries.is_empty() && journal.earlier().is_empty());
    refusal
}

#[tokio::test(start_paused = true)]
async fn refusals_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    drop(deployed(folder.path()).await);
    let sandbox = open(folder.path(), month(3), "");
    let mut wanted = after();
    let easy = plan(&sandbox, &wanted, month(3)).await;
    let scrub = |text: String, plan: &Plan| text.replace(&plan.digest.0, "sha256:THIS");
    let other = Some(Digest("sha256:other".into()));

    let mut changed = easy.clone();
    changed.stage = "prod".into();
    let refused = refusal(&changed, &sandbox, &bold()).await.to_string();
    assert!(refused.starts_with("the plan was changed after it was made"), "{refused}");

    let refused = refusal(&easy, &sandbox, &Options { approved: other, ..bold() }).await.to_string();
    insta::assert_snapshot!(scrub(refused, &easy), @"the approved plan is sha256:other, this one is sha256:THIS; have this one approved, or deploy the approved one");

    let refused = refusal(&easy, &sandbox, &Options { max_risk: Risk::Change, ..bold() }).await.to_string();
    insta::assert_snapshot!(scrub(refused, &easy), @"the allowed risk `change` is exceeded by 7 steps, the first is `delete-acl User:dev-biller allow Read topic literal dev.b` (revoke); if it is meant, pass --max-risk destroy");

    wanted.approval_required = true;
    let strict = plan(&sandbox, &wanted, month(3)).await;
    let refused = refusal(&strict, &sandbox, &bold()).await.to_string();
    insta::assert_snapshot!(scrub(refused, &strict), @"plans of stage `dev` need approval; review this one and pass its digest: --digest sha256:THIS");

    wanted.approval_required = false;
    (wanted.threshold_percent, wanted.threshold_minimum) = (10, 1);
    let much = plan(&sandbox, &wanted, month(3)).await;
    for options in [
        bold(),
        Options { beyond_threshold: true, ..bold() },
        Options { approved: Some(much.digest.clone()), ..bold() },
    ] {
        let refused = refusal(&much, &sandbox, &options).await;
        assert!(matches!(refused, Refusal::BeyondThreshold { .. }), "{refused}");
        let refused = refused.to_string();
        assert!(refused.contains("--beyond-threshold") && refused.contains(&much.digest.0), "{refused}");
    }
    let options = Options { beyond_threshold: true, approved: Some(much.digest.clone()), ..bold() };
    let receipt = run_with(&much, &sandbox, &options, &mut MemoryJournal::default()).await.unwrap();
    assert_eq!(receipt.outcome, Outcome::Complete);
}

/// A plan is checked against the files: it may have been made from other files, or by hand.
#[tokio::test(start_paused = true)]
async fn the_files_count_and_not_the_plan() {
    let folder = tempfile::tempdir().unwrap();
    drop(deployed(folder.path()).await);
    let sandbox = open(folder.path(), month(3), "");
    let made = plan(&sandbox, &after(), month(3)).await;
    let asking = async |desired| Options { wanted: Some(wanted(&sandbox, &desired, month(3)).await), ..bold() };

    let strict = Desired { approval_required: true, ..after() };
    let refused = refusal(&made, &sandbox, &asking(strict).await).await;
    assert!(matches!(refused, Refusal::NotApproved { .. }), "{refused}");
    let narrow = Desired { threshold_percent: 10, threshold_minimum: 1, ..after() };
    let refused = refusal(&made, &sandbox, &asking(narrow).await).await;
    assert!(matches!(refused, Refusal::BeyondThreshold { .. }), "{refused}");

    let refused = refusal(&made, &sandbox, &asking(before()).await).await.to_string();
    assert!(
        refused.starts_with("the files do not ask for `update-account dev-biller`, or not at this time, and "),
        "{refused}"
    );
    let mut fewer = after();
    fewer.topics.remove("dev.new");
    let refused = refusal(&made, &sandbox, &asking(fewer).await).await.to_string();
    assert!(refused.contains("`create-topic dev.new`"), "{refused}");
    let mut other = after();
    other.topics.get_mut("dev.new").unwrap().partitions = Some(99);
    let refused = refusal(&made, &sandbox, &asking(other).await).await.to_string();
    assert_eq!(refused, "the step `create-topic dev.new` has another change than the files ask for; plan again");

    // The reader's key is due in March by the plan, and not by the clock of the deployer.
    let early = Options { wanted: Some(wanted(&sandbox, &after(), month(1)).await), ..bold() };
    let refused = refusal(&made, &sandbox, &early).await.to_string();
    assert!(refused.contains("`create-key dev-reader/default`, or not at this time"), "{refused}");

    let receipt = run_with(&made, &sandbox, &asking(after()).await, &mut MemoryJournal::default()).await.unwrap();
    assert_eq!(receipt.outcome, Outcome::Complete);
}

/// Whoever can write a plan file can write its digest, too.
#[tokio::test(start_paused = true)]
async fn nothing_that_a_forged_plan_says_is_believed() {
    let folder = tempfile::tempdir().unwrap();
    drop(deployed(folder.path()).await);
    let sandbox = open(folder.path(), month(3), "");
    let made = plan(&sandbox, &after(), month(3)).await;
    let options = Options { wanted: Some(wanted(&sandbox, &after(), month(3)).await), ..bold() };
    let seen = options.wanted.as_ref().unwrap().observed.clone();
    let live = |account: &str| {
        let secret = &seen.secrets[&crate::scene::secret(account, "default")];
        secret.key_id().unwrap().to_owned()
    };
    let place = |plan: &Plan, id: &str| plan.steps.iter().position(|step| step.id.0.starts_with(id)).unwrap();
    let revoke = |vault: &str| {
        let key = live("dev-biller");
        let secret = SecretRef { vault: vault.to_owned(), ..crate::scene::secret("dev-biller", "default") };
        let change = Change::DeleteKey {
            account: "dev-biller".into(),
            slot: Some("default".into()),
            key: key.clone(),
            secret: Some(secret),
            delete_secret: true,
            projections: Vec::new(),
        };
        forged(&made, |plan| {
            let at = place(plan, "delete-key dev-biller/");
            let fingerprint = weir_planning::fingerprint(&seen.keys[&key]);
            let step = &mut plan.steps[at];
            (step.id, step.change, step.fingerprint) =
                (StepId(format!("delete-key dev-biller/{key}")), change, fingerprint);
        })
    };
    let step = |id: &'static str, change: &dyn Fn(&mut Step)| {
        forged(&made, |plan| {
            let at = place(plan, id);
            change(&mut plan.steps[at]);
        })
    };
    let tags = |change: &mut Change| match change {
        Change::CreateKey { tags, .. } => _ = tags.remove("managed-by"),
        _ => panic!("not a new key"),
    };
    let elsewhere = |change: &mut Change| match change {
        Change::CreateKey { secret, .. } => secret.vault = "https://kv.evil.example".into(),
        _ => panic!("not a new key"),
    };
    let cases: Vec<(&str, Plan)> = vec![
        ("a live key", revoke("https://kv-toll-dev.vault.azure.net")),
        ("a live key and another vault", revoke("https://kv.evil.example")),
        ("the tags of a secret", step("create-key dev-new", &|step| tags(&mut step.change))),
        ("the place of a secret", step("create-key dev-new", &|step| elsewhere(&mut step.change))),
        ("risk", step("delete-topic dev.gone", &|step| step.risk = Risk::Additive)),
        ("team", step("create-topic dev.new", &|step| step.team = Some("cards".into()))),
        ("entity", step("create-topic dev.new", &|step| step.entity = None)),
        ("plane", step("create-topic dev.new", &|step| step.plane = Plane::Control)),
        ("meaning", step("delete-account dev-leaver", &|step| step.meaning.clear())),
        ("order", step("delete-account dev-leaver", &|step| step.after.clear())),
        ("name", step("create-topic dev.new", &|step| step.id.0.push('x'))),
        ("twice", forged(&made, |plan| plan.steps.push(plan.steps[0].clone()))),
        ("no account", forged(&made, |plan| plan.steps.retain(|step| step.id.0 != "create-account dev-new"))),
        ("access", forged(&made, |plan| plan.access[0].gains.clear())),
    ];
    let mut said = String::new();
    for (what, plan) in cases {
        let refused = refusal(&plan, &sandbox, &options).await.to_string();
        said.push_str(&format!("{what}: {}\n", refused.replace(&live("dev-biller"), "KEY")));
    }
    insta::assert_snapshot!(said);

    // The order of steps is that of their phases, and a fingerprint that lies makes the plan stale.
    let turned = forged(&made, |plan| plan.steps.reverse());
    let stale = step("delete-topic dev.gone", &|step| step.fingerprint = Digest("sha256:other".into()));
    let receipt = run_with(&stale, &sandbox, &options, &mut MemoryJournal::default()).await.unwrap();
    assert_eq!((receipt.outcome, receipt.counts.changed()), (Outcome::Stale, 0));
    let receipt = run_with(&turned, &sandbox, &options, &mut MemoryJournal::default()).await.unwrap();
    assert_eq!(receipt.outcome, Outcome::Complete, "{}", render::text(&receipt));
}

/// A part of a plan may be carried out, but no grant without the denial beside it.
#[tokio::test(start_paused = true)]
async fn a_grant_does_not_lose_its_denial() {
    let folder = tempfile::tempdir().unwrap();
    drop(deployed(folder.path()).await);
    let sandbox = open(folder.path(), month(1), "");
    let mut desired = before();
    let acls = &mut desired.accounts.get_mut("dev-reader").unwrap().acls;
    acls.insert(read("dev.b"), DesiredBinding::own(["reader".into()]));
    acls.insert(Acl { permission: Permission::Deny, ..read("dev.gone") }, DesiredBinding::own(["reader".into()]));
    desired.topics.insert("dev.other".into(), crate::scene::topic(1, &[]));
    let made = plan(&sandbox, &desired, month(1)).await;
    assert_eq!(made.steps.len(), 3);
    let options = Options { wanted: Some(wanted(&sandbox, &desired, month(1)).await), ..bold() };
    let part = |has: &'static str| {
        forged(&made, |plan| {
            plan.steps.retain(|step| step.id.0.contains(has));
            plan.access.retain(|_| has != "dev.other");
        })
    };
    let refused = refusal(&part("allow"), &sandbox, &options).await.to_string();
    assert!(refused.starts_with("the plan creates grants without the denial beside them"), "{refused}");
    let receipt = run_with(&part("dev.other"), &sandbox, &options, &mut MemoryJournal::default()).await.unwrap();
    assert_eq!((receipt.outcome, receipt.counts.created), (Outcome::Complete, 1));
}

/// Brokers of Confluent Cloud know accounts by ids, which come from the plan or from a receipt.
#[tokio::test(start_paused = true)]
async fn a_receipt_sends_no_grant_to_another_account() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = open(folder.path(), month(1), "");
    let made = plan(&sandbox, &before(), month(1)).await;
    let cloud = forged(&made, |plan| {
        plan.provider = Provider::ConfluentCloud;
        plan.accounts = [("dev-biller", "sa-1"), ("dev-other", "sa-2")].map(|(a, b)| (a.into(), b.into())).into();
        plan.steps.retain(|step| step.id.0 != "create-account dev-biller");
    });
    let said = |account: &str, id: &str| {
        let mut receipt = Receipt::refused(&cloud, "no", month(1));
        receipt.planes = [Plane::Control].into();
        receipt.accounts = [(account.to_owned(), id.to_owned())].into();
        let options = Options { planes: [Plane::Data].into(), after: vec![receipt], ..bold() };
        weir_deployment::check(&cloud, &options).map_err(|refused| refused.to_string())
    };
    assert_eq!(said("dev-biller", "sa-1"), Ok(()));
    assert_eq!(said("dev-reader", "sa-9"), Ok(()), "the plan creates it");
    let refused = [said("dev-biller", "sa-2"), said("dev-reader", "sa-2"), said("stranger", "sa-9")];
    insta::assert_snapshot!(refused.map(Result::unwrap_err).join("\n"), @r"
    a receipt says that `dev-biller` is `sa-2`, the plan says `sa-1`; pass the receipt that weir wrote, unchanged
    a receipt says that `dev-reader` is `sa-2`, which is the account `dev-other`, as the plan says; pass the receipt that weir wrote, unchanged
    a receipt says that `stranger` is `sa-9`, which the plan neither creates nor names; pass the receipt that weir wrote, unchanged
    ");
}

/// A deletion that calls itself harmless.
#[tokio::test(start_paused = true)]
async fn a_step_risks_what_it_does() {
    let folder = tempfile::tempdir().unwrap();
    drop(deployed(folder.path()).await);
    let sandbox = open(folder.path(), month(3), "");
    let mut made = plan(&sandbox, &after(), month(3)).await;
    made.steps.iter_mut().for_each(|step| step.risk = Risk::Additive);
    let made = made.under(weir_planning::PlanPolicies::default());
    let refused = refusal(&made, &sandbox, &Options { max_risk: Risk::Revoke, ..bold() }).await;
    assert!(matches!(refused, Refusal::TooRisky { risk: Risk::Destroy, .. }), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn another_cluster_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = open(&folder.path().join("one"), month(1), "");
    let made_for_one = plan(&sandbox, &before(), month(1)).await;
    let two = Sandbox::open(
        folder.path().join("two"),
        weir_sandbox::Options { cluster_id: Some("sandbox-2".into()), ..Default::default() },
    )
    .unwrap();
    let refused = refusal(&made_for_one, &two, &bold()).await;
    insta::assert_snapshot!(refused, @"the plan was made for cluster `sandbox-1`, this is cluster `sandbox-2`; check the address of `local` in weir.yaml");
    let receipt = Receipt::refused(&made_for_one, refused.to_string(), month(1));
    insta::assert_snapshot!(render::text(&receipt), @r"
    dev on local: refused: 14 not started
    the plan was made for cluster `sandbox-1`, this is cluster `sandbox-2`; check the address of `local` in weir.yaml
    ");
}

#[tokio::test(start_paused = true)]
async fn an_empty_plan_needs_no_approval() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = open(folder.path(), month(1), "");
    let mut nothing = desired();
    nothing.approval_required = true;
    nothing.prune = false;
    let plan = plan(&sandbox, &nothing, month(1)).await;
    let options = Options { approved: None, ..bold() };
    let receipt = run_with(&plan, &sandbox, &options, &mut MemoryJournal::default()).await.unwrap();
    assert_eq!(receipt.outcome, Outcome::NothingToDo);
    insta::assert_snapshot!(render::text(&receipt), @"dev on local (sandbox-1): nothing to do");
}

#[tokio::test(start_paused = true)]
async fn a_receipt_can_be_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = open(folder.path(), month(1), "");
    let plan = plan(&sandbox, &before(), month(1)).await;
    let receipt = run_with(&plan, &sandbox, &bold(), &mut MemoryJournal::default()).await.unwrap();
    assert_eq!(serde_json::from_str::<Receipt>(&receipt.to_json()).unwrap(), receipt);
}

/// `schemas/receipt.schema.json` is what users' tools read: a change there is a change of the contract.
#[test]
fn the_committed_schema_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/receipt.schema.json");
    let current = serde_json::to_string_pretty(&Receipt::schema()).unwrap() + "\n";
    weir_testkit::expect(path, &current);
}
