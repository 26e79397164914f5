//! Runs that meet no fault: done, done again, stale, on one plane.

use std::sync::Mutex;

use weir_deployment::{FileJournal, MemoryJournal, Options, Outcome, Progress, StepOutcome, StepReceipt, render};
use weir_planning::{Change, Step, TopicFacts};
use weir_ports::{Cluster as _, ExposeSecret as _, SecretSink as _, SecretString};

use crate::scene::{
    Standing, after, assert_settled, before, bold, deployed, login, month, observe, open, plan, read, run, run_with,
    scrub, secret, state,
};

#[tokio::test(start_paused = true)]
async fn every_kind_of_change_is_done_and_seen() {
    let folder = tempfile::tempdir().unwrap();
    drop(deployed(folder.path()).await);
    let sandbox = open(folder.path(), month(3), "");
    let plan = plan(&sandbox, &after(), month(3)).await;
    let receipt = run(&plan, &sandbox).await;
    insta::assert_snapshot!(scrub(&render::text(&receipt)));
    assert_eq!(receipt.outcome, Outcome::Complete);
    assert!(receipt.steps.iter().all(|step| step.verified));
    let kept = weir_deployment::Receipt::from_json(&receipt.to_json()).unwrap();
    for (step, receipt) in plan.steps.iter().zip(&kept.steps) {
        assert_eq!((&receipt.change, &receipt.meaning), (&step.change, &step.meaning), "the receipt says what changed");
    }
    assert_settled(&sandbox, &after(), month(3)).await;
    assert!(!sandbox.login("nobody", &SecretString::from("x")));
    assert!(!login(&sandbox, &secret("dev-biller", "batch")), "a removed slot's secret is gone");
    assert!(!login(&sandbox, &secret("dev-leaver", "default")));
    let versions = sandbox.vaults().secret_versions(&secret("dev-reader", "default")).unwrap();
    assert_eq!(
        versions.iter().map(|v| v.enabled).collect::<Vec<_>>(),
        [false, true],
        "the old key's version is disabled"
    );
}

#[tokio::test(start_paused = true)]
async fn a_receipt_shows_from_and_to_of_a_step_that_may_have_changed_something() {
    let folder = tempfile::tempdir().unwrap();
    drop(deployed(folder.path()).await);
    let sandbox = open(folder.path(), month(3), "");
    let plan = plan(&sandbox, &after(), month(3)).await;
    let done = run(&plan, &sandbox).await;
    let all = |outcome, earlier_run| {
        let mut receipt = done.clone();
        receipt.steps.iter_mut().for_each(|step| (step.outcome, step.earlier_run) = (outcome, earlier_run));
        [render::text(&receipt), render::markdown(&receipt)]
    };
    let shown = [render::text(&done), render::markdown(&done)];
    let unconfirmed = all(StepOutcome::Unconfirmed, false);
    let earlier = all(StepOutcome::Already, true);
    for line in ["partitions: 3 → 6", "retention.ms: 604800000 → 1209600000", "1 partition, replication factor 3"] {
        for receipt in [&shown, &unconfirmed, &earlier].into_iter().flatten() {
            assert!(receipt.contains(line), "{line}: {receipt}");
        }
        for receipt in [all(StepOutcome::Failed, false), all(StepOutcome::Skipped, false)].iter().flatten() {
            assert!(!receipt.contains(line), "{line}: {receipt}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_run_has_nothing_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = open(folder.path(), month(1), "");
    let plan = plan(&sandbox, &before(), month(1)).await;
    run(&plan, &sandbox).await;
    let seen = state(&sandbox, &before()).await;
    let receipt = run(&plan, &sandbox).await;
    assert_eq!(receipt.outcome, Outcome::NothingToDo);
    assert_eq!(receipt.counts.already, plan.steps.len());
    assert!(!receipt.resumed);
    assert_eq!(state(&sandbox, &before()).await, seen);
}

#[tokio::test(start_paused = true)]
async fn steps_of_an_earlier_run_are_marked() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let sandbox = open(&folder.path().join("sandbox"), month(1), "crash@3");
    let plan = plan(&sandbox, &before(), month(1)).await;
    let receipt = run_with(&plan, &sandbox, &bold(), &mut FileJournal::open(&journal).unwrap()).await.unwrap();
    assert_ne!(receipt.outcome, Outcome::Complete);
    let sandbox = open(&folder.path().join("sandbox"), month(1), "");
    let receipt = run_with(&plan, &sandbox, &bold(), &mut FileJournal::open(&journal).unwrap()).await.unwrap();
    assert_eq!(receipt.outcome, Outcome::Complete);
    assert!(receipt.resumed);
    let first = &receipt.steps[0];
    assert_eq!((first.outcome, first.earlier_run), (StepOutcome::Already, true), "{first:?}");
    assert!(!receipt.steps.last().unwrap().earlier_run);
    insta::assert_snapshot!(render::text(&receipt).lines().next().unwrap(), @"= already     create-account dev-biller");
    let receipt = run_with(&plan, &sandbox, &bold(), &mut FileJournal::open(&journal).unwrap()).await.unwrap();
    assert_eq!(receipt.outcome, Outcome::NothingToDo);
}

#[tokio::test(start_paused = true)]
async fn small_batches_end_in_the_same_state() {
    let mut states = Vec::new();
    for (batch_size, concurrency) in [(1, 1), (2, 3), (500, 4)] {
        let folder = tempfile::tempdir().unwrap();
        drop(deployed(folder.path()).await);
        let sandbox = open(folder.path(), month(3), "");
        let plan = plan(&sandbox, &after(), month(3)).await;
        let options = Options { batch_size, concurrency, ..bold() };
        let receipt = run_with(&plan, &sandbox, &options, &mut MemoryJournal::default()).await.unwrap();
        assert_eq!(receipt.outcome, Outcome::Complete);
        states.push(state(&sandbox, &after()).await);
    }
    assert_eq!(states[0], states[1]);
    assert_eq!(states[0], states[2]);
}

/// A change by hand between plan and deployment, and the step that it makes stale.
#[tokio::test(start_paused = true)]
async fn whatever_changed_since_the_plan_stops_the_run() {
    let partitions = |topic: &str, from, to| Change::AddPartitions { topic: topic.into(), from, to };
    let describe = |account: &str| Change::UpdateAccount {
        account: account.into(),
        from: String::new(),
        to: "changed by hand".into(),
    };
    let retention = Change::AlterConfig {
        topic: "dev.a".into(),
        settings: [(
            "retention.ms".to_owned(),
            weir_planning::SettingChange::new("retention.ms", None, Some("1000000")),
        )]
        .into(),
    };
    let create = |partitions| Change::CreateTopic {
        topic: "dev.new".into(),
        partitions: Some(partitions),
        replication_factor: Some(3),
        config: weir_model::settings::observed([("cleanup.policy", "compact")]),
    };
    let account = Change::CreateAccount {
        account: "dev-new".into(),
        description: "made by hand".into(),
        maker: crate::scene::desired().maker(),
    };
    for (change, stale) in [
        (account, "create-account dev-new"),
        (describe("dev-biller"), "update-account dev-biller"),
        (create(5), "create-topic dev.new"),
        (partitions("dev.a", 3, 4), "add-partitions dev.a"),
        (retention, "alter-config dev.a"),
        (partitions("dev.gone", 1, 2), "delete-topic dev.gone"),
        (describe("dev-leaver"), "delete-account dev-leaver"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        drop(deployed(folder.path()).await);
        let sandbox = open(folder.path(), month(3), "");
        let plan = plan(&sandbox, &after(), month(3)).await;
        sandbox.apply(&[&change]).await.pop().unwrap().unwrap();
        let receipt = run(&plan, &sandbox).await;
        assert_eq!(receipt.outcome, Outcome::Stale, "{change:?}");
        let found: Vec<_> = receipt.steps.iter().filter(|s| s.outcome == StepOutcome::Stale).collect();
        assert_eq!(found.iter().map(|s| s.id.0.as_str()).collect::<Vec<_>>(), [stale]);
        assert!(receipt.reason.as_ref().unwrap().contains(stale), "{:?}", receipt.reason);
        assert!(found[0].detail.is_some());
        let at = receipt.steps.iter().position(|s| s.outcome == StepOutcome::Stale).unwrap();
        let later = plan.steps[at].change.about().phase;
        for (step, receipt) in plan.steps.iter().zip(&receipt.steps).filter(|(s, _)| s.change.about().phase > later) {
            assert_eq!(receipt.outcome, StepOutcome::Skipped, "{} after {stale}", step.id);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_was_filled_since_the_plan_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    drop(deployed(folder.path()).await);
    let sandbox = open(folder.path(), month(3), "");
    let plan = plan(&sandbox, &after(), month(3)).await;
    sandbox.set_facts("dev.gone", TopicFacts { records: 7, ..TopicFacts::default() }).unwrap();
    let receipt = run(&plan, &sandbox).await;
    assert_eq!(receipt.outcome, Outcome::Stale);
    assert!(observe(&sandbox, &after()).await.topics.contains_key("dev.gone"));
}

#[tokio::test(start_paused = true)]
async fn a_secret_of_somebody_else_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    drop(deployed(folder.path()).await);
    let sandbox = open(folder.path(), month(3), "");
    let plan = plan(&sandbox, &after(), month(3)).await;
    let at = secret("dev-new", "default");
    sandbox.vaults().put_secret(&at, &SecretString::from("mine"), &Default::default()).unwrap();
    let receipt = run(&plan, &sandbox).await;
    assert_eq!(receipt.outcome, Outcome::Stale);
    assert_eq!(sandbox.vaults().read_secret(&at).unwrap().unwrap().expose_secret(), "mine");
    assert!(observe(&sandbox, &after()).await.keys.values().all(|key| key.account != "dev-new"), "no key was made");
}

#[tokio::test(start_paused = true)]
async fn an_object_that_already_is_as_wanted_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = open(folder.path(), month(1), "");
    let plan = plan(&sandbox, &before(), month(1)).await;
    sandbox.apply(&[&plan.steps.iter().find(|s| s.id.0 == "create-topic dev.a").unwrap().change]).await;
    let receipt = run(&plan, &sandbox).await;
    assert_eq!(receipt.outcome, Outcome::Complete);
    assert_eq!(receipt.counts.already, 1);
}

#[tokio::test(start_paused = true)]
async fn whoever_watches_sees_every_step_end_once() {
    #[derive(Default)]
    struct Ends(Mutex<Vec<String>>);
    impl Progress for Ends {
        fn finished(&self, step: &Step, _: &StepReceipt) {
            self.0.lock().unwrap().push(step.id.0.clone());
        }
    }
    let folder = tempfile::tempdir().unwrap();
    drop(deployed(folder.path()).await);
    let sandbox = open(folder.path(), month(3), "fail@1,deny@store");
    let plan = plan(&sandbox, &after(), month(3)).await;
    let ends = Ends::default();
    let mut journal = MemoryJournal::default();
    let ports = weir_deployment::Ports {
        cluster: &sandbox,
        vaults: &sandbox,
        clock: &Standing(month(3)),
        journal: &mut journal,
        progress: &ends,
    };
    weir_deployment::deploy(&plan, ports, &bold()).await.unwrap();
    let mut seen = ends.0.into_inner().unwrap();
    let mut all: Vec<_> = plan.steps.iter().map(|step| step.id.0.clone()).collect();
    seen.sort();
    all.sort();
    assert_eq!(seen, all);
}

#[tokio::test(start_paused = true)]
async fn a_grant_made_by_hand_is_no_conflict() {
    let folder = tempfile::tempdir().unwrap();
    drop(deployed(folder.path()).await);
    let sandbox = open(folder.path(), month(3), "");
    let plan = plan(&sandbox, &after(), month(3)).await;
    let grant = Change::CreateAcl { principal: "User:dev-biller".into(), acl: read("dev.new") };
    sandbox.apply(&[&grant]).await;
    assert_eq!(run(&plan, &sandbox).await.outcome, Outcome::Complete);
    assert_settled(&sandbox, &after(), month(3)).await;
    assert!(sandbox.inspect(&[secret("dev-biller", "batch")].into()).await.is_ok());
}
