//! Runs that are interrupted, fail, race, or read late.

use std::fmt::Write as _;

use proptest::prelude::*;
use weir_deployment::{Entry, FileJournal, Journal, Outcome, StepOutcome, Verdict, render};
use weir_planning::{Phase, SecretState};
use weir_sandbox::Faults;

use crate::scene::{
    account, after, assert_settled, before, bold, copy, deployed, desired, login, month, observe, open, open_with,
    plan, run, run_with, scrub, secret, state, topic,
};

/// The fault points of a run without faults, and the state it ends in.
async fn reference(folder: &std::path::Path) -> (u64, String) {
    drop(deployed(folder).await);
    let done = tempfile::tempdir().unwrap();
    copy(folder, done.path());
    let faults = Faults::default();
    let sandbox = open_with(done.path(), month(3), &faults);
    let plan = plan(&sandbox, &after(), month(3)).await;
    assert_eq!(run(&plan, &sandbox).await.outcome, Outcome::Complete);
    (faults.points(), state(&sandbox, &after()).await)
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_killed_anywhere_is_finished_by_the_next() {
    let start = tempfile::tempdir().unwrap();
    let (points, wanted) = reference(start.path()).await;
    assert!(points > 30, "{points}");
    for at in 1..=points {
        let folder = tempfile::tempdir().unwrap();
        copy(start.path(), folder.path());
        let sandbox = open(folder.path(), month(3), &format!("crash@{at}"));
        let plan = plan(&sandbox, &after(), month(3)).await;
        let receipt = run(&plan, &sandbox).await;
        assert!(
            matches!(receipt.verdict(), Verdict::PartlyDeployed | Verdict::RemoteFailed),
            "crash@{at}: {:?}",
            receipt.outcome
        );
        let sandbox = open(folder.path(), month(3), "");
        let receipt = run(&plan, &sandbox).await;
        assert!(receipt.verdict() == Verdict::Fine, "crash@{at}: {}", render::text(&receipt));
        assert_eq!(state(&sandbox, &after()).await, wanted, "crash@{at}");
        assert_settled(&sandbox, &after(), month(3)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_killed_anywhere_is_finished_by_a_new_plan() {
    let start = tempfile::tempdir().unwrap();
    let (points, wanted) = reference(start.path()).await;
    for at in 1..=points {
        let folder = tempfile::tempdir().unwrap();
        copy(start.path(), folder.path());
        let sandbox = open(folder.path(), month(3), &format!("crash@{at}"));
        run(&plan(&sandbox, &after(), month(3)).await, &sandbox).await;
        let sandbox = open(folder.path(), month(3), "");
        let receipt = run(&plan(&sandbox, &after(), month(3)).await, &sandbox).await;
        assert!(receipt.verdict() == Verdict::Fine, "crash@{at}: {}", render::text(&receipt));
        assert_eq!(state(&sandbox, &after()).await, wanted, "crash@{at}");
        assert_settled(&sandbox, &after(), month(3)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn answers_that_fail_get_lost_or_come_late_change_nothing() {
    let start = tempfile::tempdir().unwrap();
    let (points, wanted) = reference(start.path()).await;
    let mut faults: Vec<String> = Vec::new();
    for at in 1..=points {
        faults.extend([format!("fail@{at}"), format!("lost@{at}"), format!("lost@{at},fail@{at},lag=2")]);
    }
    faults.extend(["lag=1".into(), "lag=5".into()]);
    for fault in faults {
        let folder = tempfile::tempdir().unwrap();
        copy(start.path(), folder.path());
        let sandbox = open(folder.path(), month(3), &fault);
        let plan = plan(&sandbox, &after(), month(3)).await;
        let receipt = run(&plan, &sandbox).await;
        assert!(receipt.outcome == Outcome::Complete, "{fault}: {}", render::text(&receipt));
        let sandbox = open(folder.path(), month(3), "");
        assert_eq!(state(&sandbox, &after()).await, wanted, "{fault}");
        assert_settled(&sandbox, &after(), month(3)).await;
    }
}

/// A call whose answer is lost and that is refused when it is made again: what it did stands, and is not undone.
#[tokio::test(start_paused = true)]
async fn a_lost_answer_and_then_a_refusal_leave_no_dead_key_in_a_vault() {
    let start = tempfile::tempdir().unwrap();
    let (points, wanted) = reference(start.path()).await;
    for at in 1..=points {
        let fault = format!("lost@{at},refuse@{}", at + 1);
        let folder = tempfile::tempdir().unwrap();
        copy(start.path(), folder.path());
        let sandbox = open(folder.path(), month(3), &fault);
        let receipt = run(&plan(&sandbox, &after(), month(3)).await, &sandbox).await;
        let seen = observe(&sandbox, &after()).await;
        for (at, secret) in seen.secrets.iter().filter(|(_, secret)| secret.state == SecretState::Present) {
            let key = secret.key_id().unwrap();
            assert!(seen.keys.contains_key(key), "{fault}: {at} hands out {key}: {}", render::text(&receipt));
        }
        let sandbox = open(folder.path(), month(3), "");
        let receipt = run(&plan(&sandbox, &after(), month(3)).await, &sandbox).await;
        assert!(receipt.verdict() == Verdict::Fine, "{fault}: {}", render::text(&receipt));
        assert_eq!(state(&sandbox, &after()).await, wanted, "{fault}");
        assert_settled(&sandbox, &after(), month(3)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_vault_that_takes_no_key_leaves_none_behind() {
    let folder = tempfile::tempdir().unwrap();
    drop(deployed(folder.path()).await);
    for fault in ["deny@store", "deny@preflight"] {
        let sandbox = open(folder.path(), month(3), fault);
        let plan = plan(&sandbox, &after(), month(3)).await;
        let receipt = run(&plan, &sandbox).await;
        assert!(matches!(receipt.verdict(), Verdict::PartlyDeployed | Verdict::RemoteFailed));
        let step = receipt.steps.iter().find(|step| step.id.0.starts_with("create-key dev-new")).unwrap();
        assert_eq!(step.outcome, StepOutcome::Failed);
        let detail = step.detail.as_ref().unwrap();
        assert!(detail.contains("deleted again") || detail.contains("no key was made"), "{detail}");
        assert!(observe(&sandbox, &after()).await.keys.values().all(|key| key.account != "dev-new"));
        for (step, receipt) in
            plan.steps.iter().zip(&receipt.steps).filter(|(s, _)| s.change.about().phase > Phase::Keys)
        {
            assert_eq!(receipt.outcome, StepOutcome::Skipped, "{} takes something away", step.id);
        }
        assert!(login(&sandbox, &secret("dev-reader", "default")), "the key that was to be replaced still works");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_can_be_neither_stored_nor_deleted_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = open(folder.path(), month(1), "deny@store,deny@delete-key");
    let plan = plan(&sandbox, &before(), month(1)).await;
    let receipt = run(&plan, &sandbox).await;
    let orphans = observe(&sandbox, &before()).await.keys;
    let failed: Vec<_> = receipt.steps.iter().filter(|s| s.outcome == StepOutcome::Failed).collect();
    assert_eq!(failed.len(), orphans.len());
    for step in failed {
        assert!(orphans.contains_key(step.key.as_ref().unwrap()), "{step:?}");
    }
    let sandbox = open(folder.path(), month(1), "");
    assert_eq!(run(&plan, &sandbox).await.outcome, Outcome::Complete);
    assert_settled(&sandbox, &before(), month(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_step_holds_back_only_its_dependents() {
    let folder = tempfile::tempdir().unwrap();
    drop(deployed(folder.path()).await);
    let sandbox = open(folder.path(), month(3), "");
    let plan = plan(&sandbox, &after(), month(3)).await;
    // The cluster is full for accounts.
    sandbox.configure(|cluster| cluster.limits.accounts = Some(3)).unwrap();
    let receipt = run(&plan, &sandbox).await;
    assert_eq!(receipt.outcome, Outcome::Partial);
    let outcome = |id: &str| receipt.steps.iter().find(|step| step.id.0 == id).map(|step| step.outcome);
    assert_eq!(outcome("create-account dev-new"), Some(StepOutcome::Failed));
    assert_eq!(outcome("create-topic dev.new"), Some(StepOutcome::Created));
    assert_eq!(outcome("delete-topic dev.gone"), Some(StepOutcome::Skipped));
    insta::assert_snapshot!(scrub(&render::markdown(&receipt)));
}

#[tokio::test(start_paused = true)]
async fn a_change_that_is_never_seen_is_unconfirmed() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = open(folder.path(), month(1), "lag=1000000");
    let plan = plan(&sandbox, &before(), month(1)).await;
    let receipt = run(&plan, &sandbox).await;
    assert_eq!(receipt.verdict(), Verdict::PartlyDeployed);
    let first = &receipt.steps[0];
    assert_eq!((first.outcome, first.verified), (StepOutcome::Unconfirmed, false));
}

#[tokio::test(start_paused = true)]
async fn two_runs_of_one_plan_at_once_end_as_one() {
    for lag in ["", "lag=2"] {
        let folder = tempfile::tempdir().unwrap();
        drop(deployed(folder.path()).await);
        let (one, two) = (open(folder.path(), month(3), lag), open(folder.path(), month(3), lag));
        let plan = plan(&one, &after(), month(3)).await;
        let (first, second) = futures::join!(run(&plan, &one), run(&plan, &two));
        for receipt in [first, second] {
            assert_eq!(receipt.verdict(), Verdict::Fine, "{}", render::text(&receipt));
        }
        assert_settled(&open(folder.path(), month(3), ""), &after(), month(3)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_fails_stops_the_next_steps() {
    struct Full(usize);
    impl Journal for Full {
        fn earlier(&self) -> &[Entry] {
            &[]
        }
        fn append(&mut self, entries: &[Entry]) -> std::io::Result<()> {
            self.0 = self.0.checked_sub(entries.len()).ok_or(std::io::ErrorKind::StorageFull)?;
            Ok(())
        }
    }
    let folder = tempfile::tempdir().unwrap();
    drop(deployed(folder.path()).await);
    let mut room = 0;
    loop {
        let copied = tempfile::tempdir().unwrap();
        copy(folder.path(), copied.path());
        let sandbox = open(copied.path(), month(3), "");
        let plan = plan(&sandbox, &after(), month(3)).await;
        let seen = state(&sandbox, &after()).await;
        match run_with(&plan, &sandbox, &bold(), &mut Full(room)).await {
            Err(error) => {
                assert_eq!((room, error.verdict()), (0, Verdict::RemoteFailed));
                assert_eq!(state(&sandbox, &after()).await, seen);
            }
            Ok(receipt) if receipt.outcome == Outcome::Complete => break,
            Ok(receipt) => {
                assert!(receipt.reason.as_ref().unwrap().starts_with("the journal cannot be written"), "{receipt:?}");
                // Whatever was begun was ended: no key without a secret.
                let receipt = run(&plan, &sandbox).await;
                assert_eq!(receipt.verdict(), Verdict::Fine, "room for {room}: {}", render::text(&receipt));
                assert_settled(&sandbox, &after(), month(3)).await;
            }
        }
        room += 3;
    }
    assert!(room > 30, "{room}");
}

#[tokio::test(start_paused = true)]
async fn no_output_holds_a_secret() {
    for fault in ["", "deny@store", "lost@20,lost@30", "crash@45", "fail@9,lag=2"] {
        let folder = tempfile::tempdir().unwrap();
        drop(deployed(&folder.path().join("sandbox")).await);
        let sandbox = open(&folder.path().join("sandbox"), month(3), fault);
        let plan = plan(&sandbox, &after(), month(3)).await;
        let path = folder.path().join("journal");
        let receipt = run_with(&plan, &sandbox, &bold(), &mut FileJournal::open(&path).unwrap()).await.unwrap();
        let mut said = std::fs::read_to_string(&path).unwrap();
        let _ = write!(said, "{}{receipt:?}{plan:?}{}", receipt.to_json(), plan.to_json());
        let _ = write!(said, "{}{}", render::text(&receipt), render::markdown(&receipt));
        let mut secrets = Vec::new();
        collect(&sandbox.vaults_path(), &mut secrets);
        assert!(secrets.len() >= 4, "{}", secrets.len());
        for secret in secrets {
            assert!(secret.len() >= 16 && !said.contains(&secret), "a secret was said with {fault}");
        }
    }
}

/// Every `api_secret` in the files of the vaults.
fn collect(folder: &std::path::Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            let mark = r#"\"api_secret\":\""#;
            found.extend(text.split(mark).skip(1).filter_map(|rest| Some(rest.split('\\').next()?.to_owned())));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is asked for after whatever was there: deployed, it is there; planned again, nothing is left to do.
    #[test]
    fn a_deployed_plan_leaves_nothing_to_plan(
        stages in prop::collection::vec(any_desired(), 2..4),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let sandbox = open(folder.path(), month(1), "");
            for desired in stages {
                let observed = observe(&sandbox, &desired).await;
                let options = weir_planning::PlanOptions { now: month(1), commit: None };
                // What cannot be (fewer partitions) is a finding, and deploys nothing.
                let made = weir_planning::plan(&desired, &observed, &options).accept();
                let Some(plan) = made.ok().filter(|plan| plan.blocked.is_empty()) else { continue };
                let receipt = run(&plan, &sandbox).await;
                assert_eq!(receipt.verdict(), Verdict::Fine, "{}", render::text(&receipt));
                assert_settled(&sandbox, &desired, month(1)).await;
            }
        });
    }
}

pub(crate) fn any_desired() -> impl Strategy<Value = weir_planning::Desired> {
    let topics = prop::collection::btree_map("dev\\.[a-d]", (1..5u32, prop::option::of(1..4u32)), 1..4);
    let slots = prop::sample::subsequence(vec!["default", "batch"], 0..=2);
    let reads = prop::sample::subsequence(vec!["dev.a", "dev.b", "dev.c"], 0..=3);
    let accounts = prop::collection::btree_map("dev-[xyz]", (slots, reads), 1..3);
    (topics, accounts).prop_map(|(topics, accounts)| {
        let mut wanted = desired();
        for (name, (partitions, days)) in topics {
            let retention = days.map(|days| (days * 86_400_000).to_string());
            let config: Vec<_> = retention.iter().map(|ms| ("retention.ms", ms.as_str())).collect();
            wanted.topics.insert(name, topic(partitions, &config));
        }
        for (name, (slots, reads)) in accounts {
            let account = account(&name, &slots, &reads);
            wanted.accounts.insert(name, account);
        }
        wanted
    })
}
