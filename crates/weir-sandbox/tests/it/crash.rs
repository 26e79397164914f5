//! Other processes: several at the same time, and killed ones.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use weir_ports::{Cluster, ExposeSecret as _, SecretSink};
use weir_sandbox::{Options, Sandbox};

use crate::{
    faults::{end, undisturbed, work},
    scene::{does, everything, observe, open, options, secret_ref, tags, topic},
};

const TASK: &str = "WEIR_SANDBOX_TEST_TASK";
const FOLDER: &str = "WEIR_SANDBOX_TEST_FOLDER";
const FAULTS: &str = "WEIR_SANDBOX_FAULTS";

/// Starts this test binary in another process, which runs [`as_another_process`].
fn spawn(task: &str, folder: &Path, faults: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::as_another_process", "--nocapture"])
        .env(TASK, task)
        .env(FOLDER, folder)
        .env(FAULTS, faults)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Does nothing unless another test started this process.
#[tokio::test]
async fn as_another_process() {
    let Ok(task) = std::env::var(TASK) else { return };
    let faults = weir_sandbox::Faults::from_env().unwrap();
    let folder = std::env::var_os(FOLDER).unwrap();
    let sandbox = Sandbox::open(folder, Options { faults, ..options("") }).unwrap();
    if task == "work" {
        work(&sandbox).await.unwrap();
        return;
    }
    // The task is otherwise a prefix of names, and their number.
    let (name, number) = task.split_once('*').unwrap();
    for n in 0..number.parse().unwrap() {
        does(&sandbox, topic(&format!("t.{name}.{n}"))).await.unwrap();
        let value = format!("value of {name}.{n}");
        sandbox.store(&secret_ref("shared"), &value.as_str().into(), &tags(&format!("{name}.{n}"))).await.unwrap();
    }
}

#[tokio::test]
async fn many_at_once_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = open(folder.path());
    let mut children = ["a", "b", "c"].map(|name| spawn(&format!("{name}*25"), folder.path(), ""));
    // This process reads in between: each observed state is complete.
    while children[0].try_wait().unwrap().is_none() {
        sandbox.observe(&everything()).await.unwrap();
        sandbox.inspect(&[secret_ref("shared")].into()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(observe(&sandbox).await.topics.len(), 75);
    assert_eq!(sandbox.vaults().secret_versions(&secret_ref("shared")).unwrap().len(), 75);
}

#[tokio::test]
async fn killed_processes_leave_a_readable_folder() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path());
    let mut interrupted = 0;
    for round in 0..20u64 {
        let mut child = spawn(&format!("r{round}*100000"), folder.path(), "");
        std::thread::sleep(Duration::from_millis(20 + round * 37 % 90));
        child.kill().unwrap();
        child.wait().unwrap();
        let sandbox = open(folder.path());
        let topics = observe(&sandbox).await.topics.len();
        interrupted += usize::from(topics > 0);
        let versions = sandbox.vaults().secret_versions(&secret_ref("shared")).unwrap();
        // A topic is created before its secret's version; each killed process may have stopped between the two.
        let so_far = versions.len()..=versions.len() + round as usize + 1;
        assert!(so_far.contains(&topics), "{topics} topics, {} versions", versions.len());
        if let Some(newest) = versions.last() {
            let value = sandbox.vaults().read_secret(&secret_ref("shared")).unwrap().unwrap();
            assert_eq!(value.expose_secret(), format!("value of {}", newest.tags["api-key-id"]));
        }
        for dir in [folder.path().to_owned(), folder.path().join("vaults/kv-toll-dev.vault.azure.net")] {
            let left = std::fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok);
            assert!(left.map(|e| e.file_name()).all(|name| !name.to_string_lossy().starts_with(".new-")));
        }
    }
    assert!(interrupted > 0, "no process came far enough to be interrupted");
}

#[cfg(unix)]
#[tokio::test]
async fn work_killed_at_any_fault_point_can_be_completed() {
    use std::os::unix::process::ExitStatusExt as _;
    let (expected, points) = undisturbed().await;
    for point in 1..=points {
        let folder = tempfile::tempdir().unwrap();
        let status = spawn("work", folder.path(), &format!("kill@{point}")).wait().unwrap();
        assert!(status.signal().is_some(), "kill@{point} did not kill: {status}");
        let sandbox = open(folder.path());
        work(&sandbox).await.unwrap();
        assert_eq!(end(&sandbox).await, expected, "killed at {point}");
    }
}
