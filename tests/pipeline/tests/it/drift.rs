//! Tests that drift distinguishes manual changes from changes in git.

use std::process::Command;

use weir_planning::{Cause, Change, Drift};
use weir_ports::Cluster as _;

use crate::World;

fn git(world: &World, args: &[&str]) {
    let identity = ["-c", "user.name=weir", "-c", "user.email=weir@example.org"];
    let output = Command::new("git").args(identity).args(args).current_dir(world.dir.path()).output().expect("git");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn manual_changes_are_distinguished_from_declared_ones() {
    let mut world = World::new();
    git(&world, &["init", "-q"]);
    git(&world, &["add", "*.yaml"]);
    git(&world, &["commit", "-qm", "as it was deployed"]);
    assert_eq!(world.run("weir up --stage dev --yes"), 0);
    world.transcript.clear();

    let by_hand: Change = serde_json::from_str(
        r#"{"action": "alter-config", "topic": "dev.toll.prices.v1",
            "settings": {"cleanup.policy": {"from": "compact", "to": "delete"}}}"#,
    )
    .expect("a change");
    let sandbox = pipeline::sandbox_at(&world.path(".weir/nonprod"));
    pipeline::block_on(sandbox.apply(&[&by_hand])).remove(0).expect("changed");
    world.edit("toll.yaml", "retention.ms: 1d", "retention.ms: 2d");

    assert_eq!(world.run("weir-plan drift --stage dev"), 3);
    assert_eq!(world.run("weir-plan drift --stage dev --deployed HEAD"), 3);
    assert_eq!(world.run("weir-plan drift --stage dev --deployed no-such-revision"), 2);
    let json = world.command("weir-plan drift --stage dev --deployed HEAD --format json").output().expect("run");
    let drift: Drift = serde_json::from_slice(&json.stdout).expect("a drift");
    assert_eq!(drift.differences.len(), 2);
    let line = "weir-plan drift --stage dev --deployed HEAD --format markdown";
    let markdown = world.command(line).output().expect("run");
    insta::assert_snapshot!(String::from_utf8_lossy(&markdown.stdout), @r"
    ### weir: Drift in stage dev: 2 differences

    **Changed by hand**

    - topic dev.toll.prices.v1: cleanup.policy is delete, the files say compact

    **Asked for in git, not deployed yet**

    - topic dev.toll.passages.v1: retention.ms is 1d, the files say 2d
    ");

    let undone: Change = serde_json::from_str(
        r#"{"action": "alter-config", "topic": "dev.toll.prices.v1",
            "settings": {"cleanup.policy": {"from": "delete", "to": "compact"}}}"#,
    )
    .expect("a change");
    pipeline::block_on(sandbox.apply(&[&undone])).remove(0).expect("changed");
    assert_eq!(world.run("weir-plan drift --stage dev --deployed HEAD"), 0, "what git asks for is no drift");
    let later = "weir-plan drift --stage dev --deployed HEAD --now 2099-01-01T00:00:00Z --format json";
    let json = world.command(later).output().expect("run");
    assert_eq!(json.status.code(), Some(0), "keys that came of age were not changed by hand");
    let drift: Drift = serde_json::from_slice(&json.stdout).expect("a drift");
    let due = drift.differences.iter().filter(|difference| difference.cause == Some(Cause::Due));
    assert!(due.clone().count() == 3 && due.clone().all(|key| key.text.starts_with("API key ")), "{drift:?}");
    let here = world.dir.path().display().to_string();
    insta::assert_snapshot!(world.transcript.replace(&here, "DIR"));
}

#[test]
fn a_plan_shows_changes_of_authority_since_a_revision() {
    let mut world = World::new();
    git(&world, &["init", "-q"]);
    git(&world, &["add", "*.yaml"]);
    git(&world, &["commit", "-qm", "as it was deployed"]);
    world.edit("toll.yaml", "access: {consumers: [cards]}", "access: {consumers: [cards, platform]}");
    world.edit("weir.yaml", "approval: required", "approval: none");
    for line in [
        "weir-plan --stage prod --deployed HEAD",
        "weir-plan --stage prod --deployed 0000000000000000000000000000000000000000",
        "weir-plan --stage prod --deployed no-such-revision",
        "weir up --stage prod --yes --deployed HEAD",
    ] {
        let output = world.command(line).output().expect("it runs");
        let (said, why) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let head: String =
            said.lines().skip_while(|line| *line != "  Paths, reviewers and approvals that changed").take(2).collect();
        let consent =
            said.contains("consent for topic toll.prices.v1: consumers cards, platform; before: consumers cards");
        match line.rsplit(' ').next() {
            Some("HEAD") => {
                assert!(head.contains("approval of plans of stage prod: none; before: required"), "{said}{why}");
                assert!(consent, "{said}");
            }
            Some("no-such-revision") => assert!(why.contains("there is no git revision"), "{why}"),
            _ => assert!(head.contains("has no stage prod") && !consent, "{said}"),
        }
    }
}
