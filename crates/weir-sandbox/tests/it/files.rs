//! The folder: its files, and damaged or foreign folders.

use std::fs;

use insta::assert_snapshot;
use weir_model::{Operation, PatternType, Permission, Resource};
use weir_planning::{Acl, Change, Host, Principal, TopicFacts};
use weir_ports::{Cluster, ErrorKind, SecretSink};
use weir_sandbox::{Options, Sandbox};

use crate::scene::{account, chain, does, marker, observe, open, options, secret_ref, tags, topic};

#[tokio::test]
async fn files_are_readable() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = open(folder.path());
    let create = Change::CreateTopic {
        topic: "t.orders".to_owned(),
        partitions: Some(6),
        replication_factor: None,
        config: weir_model::settings::observed([("retention.ms", "604800000")]),
    };
    let acl = Acl {
        resource: Resource::Topic,
        pattern: PatternType::Prefixed,
        name: "t.".into(),
        operation: Operation::Read,
        permission: Permission::Allow,
        host: Host::Any,
    };
    for change in
        [create, topic("t.b"), account("app"), Change::CreateAcl { principal: Principal::of_account("app"), acl }]
    {
        does(&sandbox, change).await.unwrap();
    }
    sandbox.set_facts("t.b", TopicFacts { records: 7, ..TopicFacts::default() }).unwrap();
    let key = sandbox.create_key("app", &marker("0123456789abcdef")).await.unwrap();
    sandbox.store(&secret_ref("App-default"), &"s3cret".into(), &tags(&key.id)).await.unwrap();

    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r#""topicId":"[^"]{22}""#, r#""topicId":"[id]""#);
    settings.add_filter(r#""id": ?"(sa-)?[0-9a-z]{6,}""#, r#""id": "[id]""#);
    settings.add_filter(r#""[0-9A-Z]{16}""#, r#""[key]""#);
    settings.add_filter(r#""sha256":"[0-9a-f]{64}""#, r#""sha256":"[hash]""#);
    let _bound = settings.bind_to_scope();
    let files = ["cluster", "topics", "acls", "accounts", "keys", "vaults/kv-toll-dev.vault.azure.net/app-default"];
    let text: String = files
        .iter()
        .map(|file| {
            format!("{file}.json\n{}\n", fs::read_to_string(folder.path().join(format!("{file}.json"))).unwrap())
        })
        .collect();
    assert_snapshot!(text);
}

#[tokio::test]
async fn files_are_read_by_the_next_process_and_after_edits_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = open(folder.path());
    does(&sandbox, topic("t")).await.unwrap();
    assert_eq!(observe(&open(folder.path())).await, observe(&sandbox).await);
    let file = folder.path().join("topics.json");
    let edited = fs::read_to_string(&file).unwrap().replace("\"partitions\":1", "\"partitions\":12");
    fs::write(&file, edited).unwrap();
    assert_eq!(observe(&sandbox).await.topics["t"].partitions, 12);
}

#[cfg(unix)]
#[tokio::test]
async fn files_are_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).store(&secret_ref("a"), &"s3cret".into(), &tags("K")).await.unwrap();
    let mode = |path: &str| fs::metadata(folder.path().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("vaults"), 0o700);
    assert_eq!(mode("vaults/kv-toll-dev.vault.azure.net"), 0o700);
    assert_eq!(mode("vaults/kv-toll-dev.vault.azure.net/a.json"), 0o600);
    assert_eq!(mode("keys.json"), 0o600);
}

#[test]
fn files_of_another_cluster_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path());
    let other = Options { cluster_id: Some("lkc-other".to_owned()), ..Options::default() };
    let error = Sandbox::open(folder.path(), other).unwrap_err();
    assert_eq!(error.kind, ErrorKind::WrongCluster);
    assert_snapshot!(error, @"the sandbox is the cluster `lkc-test`, not `lkc-other`");

    let copied = tempfile::tempdir().unwrap();
    Sandbox::open(copied.path(), Options { cluster_id: Some("lkc-copy".to_owned()), ..Options::default() }).unwrap();
    fs::copy(copied.path().join("topics.json"), folder.path().join("topics.json")).unwrap();
    let error = Sandbox::open(folder.path(), options("")).unwrap_err();
    assert_snapshot!(error, @"topics.json of the sandbox belongs to the cluster `lkc-copy`, not to `lkc-test`");
}

#[tokio::test]
async fn files_replaced_by_another_clusters_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = open(folder.path());
    for file in ["cluster", "topics", "acls", "accounts", "keys"] {
        let file = folder.path().join(format!("{file}.json"));
        let text = fs::read_to_string(&file).unwrap().replace("lkc-test", "lkc-elsewhere");
        fs::write(file, text).unwrap();
    }
    assert_eq!(does(&sandbox, topic("t")).await, Err(ErrorKind::WrongCluster));
}

#[test]
fn foreign_files_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.txt"), "years of work").unwrap();
    let error = Sandbox::open(folder.path(), Options::default()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.to_string().contains("`thesis.txt` and no cluster.json"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "the file and our lock");
}

#[tokio::test]
async fn broken_files_are_an_error_and_not_an_empty_cluster() {
    for file in ["cluster", "topics", "acls", "accounts", "keys"] {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = open(folder.path());
        for change in [topic("t"), account("a")] {
            does(&sandbox, change).await.unwrap();
        }
        let path = folder.path().join(format!("{file}.json"));
        let whole = fs::read(&path).unwrap();
        let broken: [&[u8]; 5] =
            [b"", &whole[..whole.len() / 2], b"[]", b"{\"format\": \"weir.sandbox/v9\"}", b"\xff\xfe"];
        for bytes in broken {
            fs::write(&path, bytes).unwrap();
            let error = sandbox.observe(&crate::scene::everything()).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
            assert!(error.to_string().contains(&format!("{file}.json")), "{error}");
            assert_eq!(does(&sandbox, topic("t2")).await, Err(ErrorKind::Unavailable));
            assert!(Sandbox::open(folder.path(), options("")).is_err());
        }
        fs::remove_file(&path).unwrap();
        assert!(sandbox.observe(&crate::scene::everything()).await.is_err());
        if file == "cluster" {
            assert!(Sandbox::open(folder.path(), options("")).is_err(), "topics would be forgotten");
        }
        fs::write(&path, &whole).unwrap();
        assert_eq!(observe(&sandbox).await.topics.len(), 1);
    }
}

#[tokio::test]
async fn errors_about_broken_files_contain_no_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = open(folder.path());
    let at = secret_ref("a");
    sandbox.store(&at, &"c4nary".into(), &tags("K")).await.unwrap();
    let path = folder.path().join("vaults/kv-toll-dev.vault.azure.net/a.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"enabled\": true", "\"enabled\": \"c4nary\"")).unwrap();
    let error = sandbox.preflight(&at).await.unwrap_err();
    assert_snapshot!(chain(&error), @"vaults/kv-toll-dev.vault.azure.net/a.json of the sandbox cannot be read: line 8, column 25");
}

#[test]
fn files_left_by_a_killed_process_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path());
    let vault = folder.path().join("vaults/v");
    fs::create_dir_all(&vault).unwrap();
    for left in [folder.path().join(".new-topics.json"), vault.join(".new-a.json")] {
        fs::write(&left, "{\"half").unwrap();
        open(folder.path());
        assert!(!left.exists());
    }
    // A sandbox whose creation was interrupted is created again.
    let half = tempfile::tempdir().unwrap();
    fs::copy(folder.path().join("keys.json"), half.path().join("keys.json")).unwrap();
    Sandbox::open(half.path(), Options::default()).unwrap();
}

#[test]
fn brokers_follow_the_workspace() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path());
    let opened = Sandbox::open(folder.path(), Options { brokers: Some(1), ..options("") }).unwrap();
    let mut seen = 0;
    opened.configure(|cluster| seen = cluster.brokers).unwrap();
    assert_eq!(seen, 1);
    assert!(Sandbox::open(folder.path(), Options { brokers: Some(0), ..options("") }).is_err());
}

#[test]
fn the_folder_is_kept_out_of_git() {
    let dir = tempfile::tempdir().unwrap();
    let git = |args: &[&str]| {
        let output = std::process::Command::new("git").args(args).current_dir(dir.path()).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    git(&["init", "-q"]);
    drop(weir_sandbox::Sandbox::open(dir.path().join("cluster"), Default::default()).unwrap());
    assert_eq!(git(&["status", "--porcelain", "--untracked-files=all"]), "");
}
