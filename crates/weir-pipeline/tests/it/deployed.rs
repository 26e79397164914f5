//! The files that were deployed last, in a git revision: they are believed no more than the present ones.

use std::{path::Path, process::Command};

use weir_pipeline::{RevisionError, observe, read};
use weir_planning::{AuthorityItem, Cause, Change, Drift, ObservedTopic};
use weir_ports::Cluster as _;
use weir_sandbox::{Options, Sandbox};

use crate::{
    trouble::{CARDS, CARDS_FILE, SETTINGS, TOLL, TOLL_FILE, deployed, now},
    write,
};

/// Commits all files.
fn commit(dir: &Path) {
    let identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"];
    for args in [&["init", "--quiet"][..], &["add", "*.yaml"], &["commit", "--quiet", "-m", "files"]] {
        let status = Command::new("git").args(identity).args(args).current_dir(dir).status().expect("git");
        assert!(status.success(), "{args:?}");
    }
}

fn moved(dir: &Path) -> Vec<AuthorityItem> {
    let checked = read(dir).expect("read").check(Some("dev"), now()).expect("checked");
    checked.accept().expect("accepted").moved_since("dev", "HEAD").expect("a revision")
}

async fn drift(dir: &Path) -> Result<Drift, RevisionError> {
    let checked = read(dir).expect("read").check(Some("dev"), now()).expect("checked");
    let workspace = checked.accept().expect("accepted");
    let then = workspace.deployed_at("dev", "HEAD")?;
    let live = workspace.open("dev").await.expect("opened");
    let plan = workspace.plan("dev").await.expect("planned").accept().expect("a plan");
    let observed = observe(&live, then.desired()).await.expect("observed");
    Ok(then.drift(&plan, &observed, now()))
}

fn messages(items: &[AuthorityItem]) -> Vec<&str> {
    items.iter().map(|item| item.message.as_str()).collect()
}

/// A document of a team that speaks for another one, in the revision: it neither hides a change nor invents one.
#[tokio::test]
async fn a_forged_document_in_a_revision_has_no_effect() {
    let vault = "{apiVersion: weir/v1, kind: Team, metadata: {name: toll}, spec: {vaults: {dev: \"https://kv-new-dev.vault.azure.net\"}}}";
    let plain = "{apiVersion: weir/v1, kind: Team, metadata: {name: toll}}";
    let settings = SETTINGS.replace(plain, vault);
    assert_ne!(settings, SETTINGS);
    let change = "vault";
    for (forged_then, expected) in [(false, 1), (true, 1)] {
        let dir = deployed().await;
        if forged_then {
            write(dir.path(), CARDS_FILE, format!("{vault}\n---{CARDS}").as_bytes());
        }
        commit(dir.path());
        write(dir.path(), CARDS_FILE, CARDS.as_bytes());
        write(dir.path(), "weir.yaml", settings.as_bytes());
        let items = moved(dir.path());
        let found = messages(&items).into_iter().filter(|message| message.contains(change)).count();
        assert_eq!((found, items.len()), (expected, expected), "{forged_then}: {items:#?}");
        // The vault is the same as before.
        write(dir.path(), "weir.yaml", SETTINGS.as_bytes());
        assert!(moved(dir.path()).is_empty(), "{forged_then}: {:#?}", moved(dir.path()));
    }
}

/// Files that were broken when they were deployed.
fn broken() -> Vec<Vec<u8>> {
    vec![
        format!("{CARDS}---\nspec: {{\n  a: [\n").into_bytes(),
        [CARDS.as_bytes(), b"# \xff\n"].concat(),
        b"apiVersion: weir/v1\nkind: Topic\n  metadata: {".to_vec(),
        format!("{CARDS}---\napiVersion: weir/v1\nkind: Topic\nmetadata: {{name: toll.stolen, team: toll}}\n")
            .into_bytes(),
    ]
}

/// The broken file of one team in the revision stops neither the head of a plan nor the drift of the other teams.
#[tokio::test]
async fn a_broken_file_of_a_team_in_a_revision_concerns_that_team_alone() {
    for text in broken() {
        let what = String::from_utf8_lossy(&text).into_owned();
        let dir = deployed().await;
        write(dir.path(), CARDS_FILE, &text);
        commit(dir.path());
        write(dir.path(), CARDS_FILE, CARDS.as_bytes());
        let drift_then = drift(dir.path()).await.unwrap_or_else(|err| panic!("{what}: {err}"));
        assert!(!drift_then.is_drift() && drift_then.differences.is_empty(), "{what}: {drift_then:#?}");
        let blocked: Vec<_> =
            drift_then.blocked.iter().map(|blocked| (blocked.team.as_deref(), &*blocked.object)).collect();
        assert_eq!(blocked, [(Some("cards"), "all objects of the team")], "{what}");
        assert!(drift_then.blocked[0].why.starts_with("in the files of HEAD: "), "{:?}", drift_then.blocked);
        // A change of the other team, by hand and in the files.
        write(dir.path(), TOLL_FILE, TOLL.replace(", access: {consumers: [cards]}", "").as_bytes());
        assert!(messages(&moved(dir.path())).iter().any(|message| message.contains("toll.prices.v1")), "{what}");
        write(dir.path(), TOLL_FILE, TOLL.as_bytes());
        let sandbox = Sandbox::open(dir.path().join(".weir/nonprod"), Options::default()).expect("a sandbox");
        let there = ObservedTopic { partitions: 3, ..ObservedTopic::default() };
        let by_hand = Change::delete_topic("dev.toll.prices.v1", &there);
        sandbox.apply(&[&by_hand]).await.remove(0).expect("deleted");
        let drift = drift(dir.path()).await.expect("a drift");
        let causes: Vec<_> = drift.differences.iter().map(|there| (there.object.as_str(), there.cause)).collect();
        assert_eq!(causes, [("dev.toll.prices.v1", Some(Cause::ByHand))], "{what}: {drift:#?}");
    }
}

/// Errors that concern everybody, in the revision.
#[tokio::test]
async fn a_revision_with_errors_of_the_platform_team_shows_too_much() {
    let own = "{apiVersion: weir/v1, kind: Team, metadata: {name: new}}\n";
    for (path, text) in [
        ("weir.yaml", format!("{SETTINGS}---\napiVersion: weir/v1\nkind: Tem\nmetadata: {{name: x}}\n")),
        ("weir.yaml", "apiVersion: weir/v1\nkind: Team\nmetadata: {name: x}\n".to_owned()),
        // Nobody knows which teams there are.
        ("teams/new/kafka.yaml", own.to_owned()),
    ] {
        let dir = deployed().await;
        write(dir.path(), path, text.as_bytes());
        commit(dir.path());
        write(dir.path(), "weir.yaml", SETTINGS.as_bytes());
        write(dir.path(), "teams/new/kafka.yaml", b"# nothing\n");
        let items = moved(dir.path());
        assert!(
            matches!(&messages(&items)[..], [one] if one.contains("all authority in the files may be new")),
            "{items:#?}"
        );
        let err = drift(dir.path()).await.expect_err("the revision has errors");
        assert_eq!(err.to_string(), "the workspace of `HEAD` cannot be read");
    }
}
