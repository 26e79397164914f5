//! Tests of wrong command lines: exit code 2, and a suggestion.

use std::fs;

use crate::World;

#[test]
fn wrong_use_is_answered_with_a_suggestion() {
    let mut world = World::new();
    fs::create_dir_all(world.path("deep/inside")).expect("folders");
    for line in [
        "weir valdate",
        "weir nonsense",
        "weir-validate --stage qa",
        "weir-validate --format xml",
        "weir-validate --workspace nowhere",
        "weir-validate --workspace deep",
        "weir-validate --workspace weir.yaml",
        "weir-validate show Topic/toll.passages.v1",
        "weir-validate show toll.passages.v1 --stage dev",
        "weir-validate show Tpoic/toll.passages.v1 --stage dev",
        "weir-validate show Topic/toll.passage.v1 --stage dev",
        "weir-validate explain sharing-consend",
        "weir-plan",
        "weir-plan --stage",
        "weir-plan --stage dev --team toll",
        "weir-plan --stage dev --hold-team tol",
        "weir-plan --stage dev --hold-team toll --hold-team nobody",
        "weir-plan --stage dev --now yesterday",
        "weir-plan --stage dev --observed weir.yaml",
        "weir-plan --stage dev --out nowhere/plan.json",
        "weir-plan observe --stage dev",
        "weir-plan show",
        "weir-plan show plan.json",
        "weir-deploy",
        "weir-deploy plan.json --digest 1f0c",
        "weir-deploy plan.json --max-risk high",
        "weir up",
    ] {
        assert_eq!(world.run(line), 2, "`{line}`:\n{}", world.said());
    }
    insta::assert_snapshot!(world.said());
}

#[test]
fn the_workspace_is_found_from_inside() {
    let mut world = World::new();
    fs::create_dir_all(world.path("deep/inside")).expect("folders");
    let mut command = world.command("weir-validate");
    command.current_dir(world.path("deep/inside"));
    assert_eq!(world.finish("weir-validate", command), 0);

    let elsewhere = tempfile::tempdir().expect("a folder");
    let mut command = world.command("weir-validate");
    command.current_dir(elsewhere.path());
    assert_eq!(world.finish("weir-validate", command), 2);
    assert!(world.said().contains("there is no weir.yaml in"), "{}", world.said());
}

/// A program `weir-hello` on PATH is also `weir hello`, with its own exit code.
#[cfg(unix)]
#[test]
fn programs_on_path_are_commands_too() {
    use std::os::unix::fs::PermissionsExt;

    let mut world = World::new();
    let program = world.path("weir-hello");
    fs::write(&program, "#!/bin/sh\necho hello \"$@\"\nexit 42\n").expect("written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("executable");
    let mut command = world.command("weir hello --name you");
    command.env("PATH", world.dir.path());
    assert_eq!(world.finish("weir hello --name you", command), 42);
    assert!(world.said().contains("\nhello --name you\n"), "{}", world.said());
}
