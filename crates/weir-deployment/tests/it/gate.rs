//! Plans that are refused before anything is touched.

use weir_deployment::{DeployError, Journal as _, MemoryJournal, Options, Outcome, Receipt, Refusal, render};
use weir_planning::{Desired, Digest, Plan, Risk};
use weir_sandbox::Sandbox;

use crate::scene::{after, before, bold, deployed, desired, month, open, plan, run_with, state};

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
    let asking = |wanted| Options { wanted: Some(wanted), ..bold() };

    let strict = Desired { approval_required: true, ..after() };
    let refused = refusal(&made, &sandbox, &asking(strict)).await;
    assert!(matches!(refused, Refusal::NotApproved { .. }), "{refused}");

    let refused = refusal(&made, &sandbox, &asking(before())).await.to_string();
    assert_eq!(
        refused,
        "the files do not ask for 12 of the steps, the first is `update-account dev-biller`; plan again"
    );
    let mut fewer = after();
    fewer.topics.remove("dev.new");
    let refused = refusal(&made, &sandbox, &asking(fewer)).await.to_string();
    assert!(refused.ends_with("`create-topic dev.new`; plan again"), "{refused}");
    let mut other = after();
    other.topics.get_mut("dev.new").unwrap().partitions = Some(99);
    let refused = refusal(&made, &sandbox, &asking(other)).await.to_string();
    assert_eq!(refused, "the files do not ask for `create-topic dev.new`; plan again");

    let receipt = run_with(&made, &sandbox, &asking(after()), &mut MemoryJournal::default()).await.unwrap();
    assert_eq!(receipt.outcome, Outcome::Complete);
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
