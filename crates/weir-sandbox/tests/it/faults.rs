//! Every fault at every fault point.

use std::path::Path;

use weir_planning::{Change, ObservedAccount, ObservedKey, ObservedTopic, SecretState};
use weir_ports::{Cluster, ErrorKind, PortError, SecretSink};
use weir_sandbox::{Faults, Sandbox};

use crate::scene::{account, everything, marker, observe, open, options, secret_ref, tags, topic};

/// The state after the work, without random parts.
pub(crate) type End = (Vec<String>, Vec<String>, Vec<ObservedKey>, Option<SecretState>, usize);

pub(crate) async fn end(sandbox: &Sandbox) -> End {
    let observed = observe(sandbox).await;
    let at = secret_ref("a-default");
    let state = sandbox.inspect(&[at.clone()].into()).await.unwrap().remove(&at).map(|secret| secret.state);
    (
        observed.topics.into_keys().collect(),
        observed.accounts.into_keys().collect(),
        observed.keys.into_values().collect(),
        state,
        sandbox.vaults().secret_versions(&at).unwrap().iter().filter(|version| version.enabled).count(),
    )
}

/// Work that passes every kind of fault point, and that continues from the existing state, as weir does.
///
/// The second key replaces the first; in between, the secret is deleted and recovered.
pub(crate) async fn work(sandbox: &Sandbox) -> Result<(), PortError> {
    let changes = [topic("t1"), account("a"), topic("t2"), account("x"), topic("t3")];
    for answer in sandbox.apply(&changes.iter().collect::<Vec<_>>()).await {
        answer?;
    }
    let at = secret_ref("a-default");
    let before = sandbox.observe(&everything()).await?;
    let made = |intent: &str| {
        let marker = marker(intent).to_string();
        before.keys.iter().find(|(_, key)| key.marker.as_ref() == Some(&marker)).map(|(id, _)| id.clone())
    };
    let stored = sandbox.inspect(&[at.clone()].into()).await?.remove(&at);
    let is_stored =
        |id: &String| stored.as_ref().is_some_and(|s| s.key_id() == Some(id) && s.state == SecretState::Present);
    if made("2").as_ref().is_none_or(|id| !is_stored(id)) {
        // The secret of an orphaned key is lost with the process that created the key.
        for id in [made("1"), made("2")].into_iter().flatten() {
            sandbox.delete_key("a", &id).await?;
            sandbox.disable(&at, &id).await?;
        }
        let first = sandbox.create_key("a", &marker("1")).await?;
        sandbox.store(&at, &first.secret, &tags(&first.id)).await?;
        sandbox.delete(&at).await?;
        let second = sandbox.create_key("a", &marker("2")).await?;
        sandbox.store(&at, &second.secret, &tags(&second.id)).await?;
    }
    for (id, key) in sandbox.observe(&everything()).await?.keys {
        if key.marker.as_deref() != Some(&*marker("2").to_string()) {
            sandbox.delete_key("a", &id).await?;
        }
    }
    for version in sandbox.vaults().secret_versions(&at)? {
        let id = &version.tags["api-key-id"];
        if !sandbox.observe(&everything()).await?.keys.contains_key(id) {
            sandbox.disable(&at, id).await?;
        }
    }
    // Two files change in one batch, and in one change: the account's key is deleted with the account.
    let changes = [
        Change::delete_topic("t2", &ObservedTopic::default()),
        Change::delete_account("x", &ObservedAccount::default()),
    ];
    for answer in sandbox.apply(&changes.iter().collect::<Vec<_>>()).await {
        answer?;
    }
    Ok(())
}

/// Returns the state after undisturbed work, and the number of its fault points.
pub(crate) async fn undisturbed() -> (End, u64) {
    let folder = tempfile::tempdir().unwrap();
    let faults: Faults = "".parse().unwrap();
    let sandbox =
        Sandbox::open(folder.path(), weir_sandbox::Options { faults: faults.clone(), ..options("") }).unwrap();
    work(&sandbox).await.unwrap();
    let (end, points) = (end(&sandbox).await, faults.points());
    assert_eq!((end.0.as_slice(), end.1.as_slice()), (&["t1".to_owned(), "t3".to_owned()][..], &["a".to_owned()][..]));
    assert_eq!((end.2.len(), end.3, end.4), (1, Some(SecretState::Present), 1));
    assert!(points > 20, "{points}");
    (end, points)
}

async fn again_without_faults(path: &Path) -> End {
    let sandbox = open(path);
    // Twice, since work that was interrupted after removing t2 and x creates both again.
    work(&sandbox).await.unwrap();
    end(&sandbox).await
}

#[tokio::test]
async fn work_can_be_completed_after_a_crash_at_any_point() {
    let (expected, points) = undisturbed().await;
    for point in 1..=points {
        let folder = tempfile::tempdir().unwrap();
        let crashing = Sandbox::open(folder.path(), options(&format!("crash@{point}"))).unwrap();
        let error = work(&crashing).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable, "at {point}");
        assert_eq!(crashing.observe(&everything()).await.unwrap_err().kind, ErrorKind::Unavailable);
        assert_eq!(crashing.inspect(&[].into()).await.unwrap_err().kind, ErrorKind::Unavailable);
        assert_eq!(again_without_faults(folder.path()).await, expected, "crash at {point}");
    }
}

#[tokio::test]
async fn work_can_be_completed_after_a_failure_or_lost_answer_at_any_point() {
    let (expected, points) = undisturbed().await;
    for (fault, kind) in [("fail", ErrorKind::Retry), ("lost", ErrorKind::Ambiguous)] {
        for point in 1..=points {
            let folder = tempfile::tempdir().unwrap();
            let failing = Sandbox::open(folder.path(), options(&format!("{fault}@{point}"))).unwrap();
            match work(&failing).await {
                Err(error) => assert_eq!(error.kind, kind, "{fault} at {point}"),
                // No item begins or ends after the last one.
                Ok(()) => assert!(point + 1 >= points, "{fault}@{point} did not strike"),
            }
            assert_eq!(again_without_faults(folder.path()).await, expected, "{fault} at {point}");
        }
    }
}

#[tokio::test]
async fn a_failed_item_has_no_effect_and_a_lost_one_has() {
    for (fault, kind, left) in
        [("fail@3", ErrorKind::Retry, ["t1", "t3"].as_slice()), ("lost@4", ErrorKind::Ambiguous, &["t1", "t2", "t3"])]
    {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::open(folder.path(), options(fault)).unwrap();
        let changes = ["t1", "t2", "t3"].map(topic);
        let answers = sandbox.apply(&changes.iter().collect::<Vec<_>>()).await;
        let kinds: Vec<_> = answers.into_iter().map(|answer| answer.map_err(|e| e.kind)).collect();
        assert_eq!(kinds, [Ok(()), Err(kind), Ok(())]);
        assert!(observe(&sandbox).await.topics.keys().eq(left), "{fault}");
    }
}

#[tokio::test]
async fn a_crash_in_a_batch_keeps_the_earlier_changes() {
    for (point, left) in [(1, 0), (2, 1), (3, 1), (4, 2), (5, 2), (6, 3)] {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::open(folder.path(), options(&format!("crash@{point}"))).unwrap();
        let changes = ["t1", "t2", "t3"].map(topic);
        let answers = sandbox.apply(&changes.iter().collect::<Vec<_>>()).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count() as u64, (point - 1) / 2);
        assert_eq!(observe(&open(folder.path())).await.topics.len(), left, "crash at {point}");
    }
}

#[tokio::test]
async fn denied_calls() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::open(folder.path(), options("deny@observe,deny@store,deny@apply,deny@create-key")).unwrap();
    assert_eq!(sandbox.observe(&everything()).await.unwrap_err().kind, ErrorKind::Denied);
    assert_eq!(crate::scene::does(&sandbox, topic("t")).await, Err(ErrorKind::Denied));
    assert_eq!(sandbox.create_key("a", &marker("1")).await.unwrap_err().kind, ErrorKind::Denied);
    let stored = sandbox.store(&secret_ref("a"), &"x".into(), &tags("K")).await;
    assert_eq!(stored.unwrap_err().kind, ErrorKind::Denied);
    sandbox.preflight(&secret_ref("a")).await.unwrap();
}

#[tokio::test]
async fn reads_lag_behind_each_write() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::open(folder.path(), options("lag=2")).unwrap();
    crate::scene::does(&sandbox, topic("t1")).await.unwrap();
    let mut seen = vec![observe(&sandbox).await.topics.len()];
    crate::scene::does(&sandbox, topic("t2")).await.unwrap();
    for _ in 0..3 {
        seen.push(observe(&sandbox).await.topics.len());
    }
    assert_eq!(seen, [0, 0, 1, 2]);
    assert_eq!(sandbox.topic_facts(&["t2".to_owned()].into()).await.unwrap().len(), 1, "facts do not lag");
}
