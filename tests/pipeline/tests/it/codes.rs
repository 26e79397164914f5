//! Tests of the exit codes: one for each outcome that a pipeline branches on.

use weir_planning::Plan;

use crate::World;

fn deployed() -> World {
    let mut world = World::new();
    assert_eq!(world.run("weir up --stage dev --yes"), 0);
    world.transcript.clear();
    world
}

#[test]
fn wrong_files_stop_everything_with_1() {
    let mut world = World::new();
    world.edit("weir.yaml", "approval: required", "approval: require");
    for line in ["weir-validate", "weir-plan --stage dev", "weir up --stage dev --yes"] {
        assert_eq!(world.run(line), 1, "{}", world.said());
    }
    insta::assert_snapshot!(world.said());
}

#[test]
fn an_unapproved_plan_is_refused_with_1() {
    let mut world = deployed();
    world.edit("toll.yaml", "retention.ms: 1d", "retention.ms: 1h");
    assert_eq!(world.run("weir-plan --stage dev --out plan.json"), 0);
    assert_eq!(world.run("weir-deploy plan.json --max-risk additive --receipt receipt.json"), 1);
    let digest = "0".repeat(64);
    assert_eq!(world.run(&format!("weir-deploy plan.json --digest sha256:{digest}")), 1);
    assert!(world.read("receipt.json").contains(r#""outcome": "refused""#));
    insta::assert_snapshot!(world.said());
}

/// An approver of this digest would not have seen that another team gets a right.
#[test]
fn a_plan_with_an_emptied_head_is_refused_with_1() {
    let mut world = World::new();
    assert_eq!(world.run("weir-plan --stage dev --out plan.json"), 0);
    let mut plan = Plan::from_json(&world.read("plan.json")).expect("a plan");
    plan.authority.clear();
    std::fs::write(world.path("plan.json"), plan.headed([]).to_json()).expect("written");
    assert_eq!(world.run("weir-deploy plan.json"), 1);
    assert!(world.said().contains("the plan does not show under “Authority” that"), "{}", world.said());
    assert_eq!(world.run("weir-plan --stage dev --out plan.json"), 0);
    assert_eq!(world.run("weir-deploy plan.json"), 0);
}

#[test]
fn changes_end_with_3_on_demand() {
    let mut world = deployed();
    assert_eq!(world.run("weir-plan --stage dev --detailed-exitcode"), 0);
    assert_eq!(world.run("weir-plan drift --stage dev"), 0);
    world.edit("toll.yaml", "partitions: 3", "partitions: 4");
    assert_eq!(world.run("weir-plan --stage dev"), 0);
    assert_eq!(world.run("weir-plan --stage dev --detailed-exitcode"), 3);
    assert_eq!(world.run("weir-plan drift --stage dev"), 3);
}

#[test]
fn a_stale_plan_ends_with_4_and_a_partly_deployed_one_with_5() {
    let mut world = deployed();
    world.edit("toll.yaml", "retention.ms: 1d", "retention.ms: 2d");
    assert_eq!(world.run("weir-plan --stage dev --out plan.json"), 0);
    world.edit("toll.yaml", "retention.ms: 2d", "retention.ms: 3d");
    assert_eq!(world.run("weir up --stage dev --yes"), 0);
    world.edit("toll.yaml", "retention.ms: 3d", "retention.ms: 2d");
    world.transcript.clear();
    assert_eq!(world.run("weir-deploy plan.json"), 4);

    let mut fresh = World::new();
    assert_eq!(fresh.run_with("weir up --stage dev --yes", "crash@9"), 5, "{}", fresh.said());
    fresh.transcript.clear();
    assert_eq!(fresh.run("weir up --stage dev --yes"), 0, "the next run goes on");
    assert_eq!(fresh.run("weir-plan drift --stage dev"), 0);
    insta::assert_snapshot!(world.said());
}

#[test]
fn a_team_that_is_held_back_ends_with_7() {
    let mut world = World::new();
    assert_eq!(world.run("weir-plan --stage dev --hold-team toll --out plan.json"), 7, "{}", world.said());
    let plan = Plan::from_json(&world.read("plan.json")).expect("a plan");
    assert!(!plan.is_empty() && plan.steps.iter().all(|step| step.team.as_deref() != Some("toll")), "{}", world.said());
    assert_eq!(world.run("weir-deploy plan.json"), 7, "{}", world.said());
    assert!(world.said().contains("blocked: all objects of the team (toll): held back with --hold-team"));
    assert_eq!(world.run("weir up --stage dev --yes"), 0, "{}", world.said());
}

#[test]
fn remote_failures_end_with_6() {
    let mut world = deployed();
    for call in ["observe", "inspect"] {
        assert_eq!(world.run_with("weir-plan --stage dev", &format!("deny@{call}")), 6);
    }
    insta::assert_snapshot!(world.said());
}

/// The variable is read when a cluster is opened.
#[test]
fn a_wrong_patience_ends_with_2() {
    let mut world = World::new();
    assert_eq!(world.run("weir-plan --stage dev --out plan.json"), 0);
    for line in ["weir-plan --stage dev", "weir-deploy plan.json", "weir up --stage dev --yes"] {
        let output = world.command(line).env("WEIR_PATIENCE", "soon").output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{line}: {said}");
        assert!(said.contains("WEIR_PATIENCE is `soon`; write a number of seconds"), "{line}: {said}");
    }
}

/// A full disk behind stdout is an error, because half a plan in a file must not look like a whole one.
#[cfg(target_os = "linux")]
#[test]
fn lost_output_ends_with_6() {
    let mut world = World::new();
    for line in ["weir-validate", "weir-plan --stage dev --format json"] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("a full disk");
        let mut command = world.command(line);
        let output = command.stdout(full).output().expect("it runs");
        assert_eq!(output.status.code(), Some(6), "{line}");
        world.transcript.push_str(&String::from_utf8_lossy(&output.stderr));
    }
    insta::assert_snapshot!(world.said(), @"
    error: the output cannot be written: No space left on device (os error 28)
    error: the output cannot be written: No space left on device (os error 28)
    ");
}

#[test]
fn a_plan_is_not_overwritten_by_its_receipt() {
    let mut world = deployed();
    assert_eq!(world.run("weir-plan --stage dev --out plan.json"), 0);
    let plan = world.read("plan.json");
    for line in ["weir-deploy plan.json --receipt ./plan.json", "weir-deploy ./plan.json --journal plan.json"] {
        assert_eq!(world.run(line), 2, "{}", world.said());
    }
    assert_eq!(world.read("plan.json"), plan);
}
