//! Tests of `import` for clusters that are older than their files.

use std::fs;

use pipeline::copy;

use crate::{World, repository};

const STAGES: [&str; 4] = ["dev", "test", "preprod", "prod"];

#[test]
fn a_whole_organisation_is_deployed_and_imported_again() {
    let mut world = World::empty();
    copy(&repository().join("fixtures/cps"), world.dir.path());
    for stage in STAGES {
        assert_eq!(world.run(&format!("weir-plan --stage {stage} --out plan.json")), 0, "{}", world.said());
        let plan: serde_json::Value = serde_json::from_str(&world.read("plan.json")).expect("JSON");
        let digest = plan["digest"].as_str().expect("a digest");
        let deploy = format!("weir-deploy plan.json --digest {digest} --max-risk data-loss");
        assert_eq!(world.run(&deploy), 0, "{}", world.said());
    }
    fs::remove_dir_all(world.path("teams")).expect("removed");
    // A cluster stores no labels and no rotation periods of keys, which the organisation's policies require.
    for file in ["teams.yaml", "policies.yaml", "waivers.yaml"] {
        fs::remove_file(world.path(file)).expect("removed");
    }
    world.transcript.clear();

    let all: String = STAGES.iter().map(|stage| format!(" --stage {stage}")).collect();
    assert_eq!(world.run(&format!("weir entity import{all} --out teams")), 0, "{}", world.said());
    assert_eq!(world.run("weir-validate"), 0, "{}", world.said());
    for stage in STAGES {
        assert_eq!(world.run(&format!("weir-plan --stage {stage} --detailed-exitcode")), 0, "{}", world.said());
    }
    assert_eq!(world.run(&format!("weir-entity import{all} --out teams")), 0, "{}", world.said());
    insta::assert_snapshot!(world.said());
    insta::assert_snapshot!("cards", world.read("teams/cards.yaml"));
    insta::assert_snapshot!("toll", world.read("teams/toll.yaml"));
}

#[test]
fn wrong_imports_suggest_a_correction_and_write_nothing() {
    let mut world = World::new();
    assert_eq!(world.run("weir up --stage dev --yes"), 0, "{}", world.said());
    for name in ["toll.yaml", "cards.yaml"] {
        fs::remove_file(world.path(name)).expect("removed");
    }
    world.transcript.clear();
    for line in [
        "weir-entity import --stage qa --out teams",
        "weir-entity import --stage dev --out weir.yaml",
        "weir-entity import --stage dev --out teams --team-by ^[a-z]+",
        "weir-entity import --stage dev --out teams --default-team two/words",
        "weir-entity import --stage dev --out teams --team-by ^(x)",
    ] {
        world.run(line);
    }
    assert!(!world.path("teams").exists());
    fs::create_dir(world.path("teams")).expect("a folder");
    fs::write(world.path("teams/toll.yaml"), "# notes\n").expect("written");
    world.run("weir-entity import --stage dev --out teams");
    assert_eq!(world.read("teams/toll.yaml"), "# notes\n");
    assert!(!world.path("teams/cards.yaml").exists());
    fs::write(world.path("broken.yaml"), "apiVersion: weir/v1\nkind: Topic\n").expect("written");
    world.run("weir-entity import --stage dev --out other");
    assert!(!world.path("other").exists());
    insta::assert_snapshot!(world.said());
}

/// Another workspace takes over what the first one made, with the platform team's word in weir.yaml.
#[test]
fn the_list_of_adoptions_is_written() {
    for part in [
        None,
        Some("    adopt: # of the platform team\n      prod: {topics: [old]}\n"),
        Some("    adopt: {prod: {topics: [old]}}\n"),
    ] {
        let mut world = World::new();
        assert_eq!(world.run("weir up --stage dev --yes"), 0, "{}", world.said());
        for name in ["toll.yaml", "cards.yaml"] {
            fs::remove_file(world.path(name)).expect("removed");
        }
        world.edit("weir.yaml", "  name: quickstart\n", "  name: second\n");
        world.edit(
            "weir.yaml",
            "    teams: {paths: [\"{team}.yaml\"]}\n",
            &format!("    teams: {{paths: [\"{{team}}.yaml\"]}}\n{}", part.unwrap_or_default()),
        );
        let before = world.read("weir.yaml");
        world.transcript.clear();
        assert_eq!(world.run("weir-entity import --stage dev --out ."), 0, "{}", world.said());
        if part.is_some_and(|part| part.contains("adopt: {")) {
            assert_eq!(world.read("weir.yaml"), before);
            assert!(world.said().contains("write the list yourself"), "{}", world.said());
            continue;
        }
        assert_eq!(world.run("weir-validate"), 0, "{}", world.said());
        assert_eq!(world.run("weir-plan --stage dev"), 0, "{}", world.said());
        let after = world.read("weir.yaml");
        let added: Vec<&str> = after.lines().filter(|line| !before.lines().any(|old| old == *line)).collect();
        assert_eq!(before.lines().filter(|line| !after.lines().any(|new| new == *line)).count(), 0);
        match part {
            None => insta::assert_snapshot!(world.said() + &added.join("\n")),
            Some(_) => insta::assert_snapshot!("beside_another_stage", added.join("\n")),
        }
    }
}
