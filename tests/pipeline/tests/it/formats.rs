//! Tests of `weir-validate` for logs, tools and editors: several outputs of one run, and fixes.

use std::fs;

use serde_json::Value;

use crate::World;

fn wrong() -> World {
    let mut world = World::new();
    world.edit("toll.yaml", "profile: compacted", "profil: compacted   # keeps the latest");
    world.edit("toll.yaml", "partitions: 12", "partitions: \"12\"");
    world.edit("cards.yaml", "team: cards", "team: crads");
    world.transcript.clear();
    world
}

#[test]
fn one_run_feeds_the_log_and_every_tool() {
    let mut world = wrong();
    let line = "weir-validate --format concise --out sarif=weir.sarif --out junit=weir.xml --out json=weir.json --out text=weir.txt --out github=- --out azure=-";
    assert_eq!(world.run(line), 1);
    insta::assert_snapshot!(world.said());
    let sarif: Value = serde_json::from_str(&world.read("weir.sarif")).expect("JSON");
    let json: Value = serde_json::from_str(&world.read("weir.json")).expect("JSON");
    let results = sarif["runs"][0]["results"].as_array().expect("results").len();
    assert_eq!(json["findings"].as_array().map(Vec::len), Some(results));
    let rules = sarif["runs"][0]["tool"]["driver"]["rules"].as_array().expect("rules");
    assert!(rules.iter().all(|rule| rule["help"]["markdown"].is_string()), "every rule is explained");
    let xml = world.read("weir.xml");
    let junit = roxmltree::Document::parse(&xml).expect("XML");
    let failed = junit.descendants().filter(|node| node.has_tag_name("failure")).count();
    assert_eq!(failed, 2, "{xml}");
    assert!(world.read("weir.txt").contains("help: did you mean `profile`?"));

    assert_eq!(world.run("weir-validate --exit-zero --format json"), 0);
    assert_eq!(world.run("weir-validate --out sarif"), 2);
    assert_eq!(world.run("weir-validate --out html=x"), 2);
    assert_eq!(world.run("weir-validate --out json=nowhere/x"), 2);
}

/// Agents resolve paths from the root of the repository, wherever the workspace is in it.
#[test]
fn annotations_name_files_from_the_repository_s_root() {
    let mut world = World::empty();
    assert_eq!(world.run("weir init in/kafka"), 0);
    fs::create_dir(world.path(".git")).expect("a folder");
    world.edit("in/kafka/teams/orders/kafka.yaml", "team: orders", "team: odrers");
    world.transcript.clear();
    assert_eq!(world.run("weir-validate --workspace in/kafka --format github"), 1);
    assert!(world.said().contains("::error file=in/kafka/teams/orders/kafka.yaml,line="), "{}", world.said());
    assert_eq!(world.run("weir-validate --workspace in/kafka --format sarif"), 1);
    assert!(world.said().contains("\"uri\": \"in/kafka/teams/orders/kafka.yaml\""), "{}", world.said());
}

#[test]
fn fixes_are_shown_before_they_are_made() {
    let mut world = wrong();
    let before = world.read("toll.yaml");
    assert_eq!(world.run("weir-validate --diff"), 1);
    assert_eq!(world.read("toll.yaml"), before, "nothing is written");
    assert_eq!(world.run("weir-validate --fix"), 1, "what can be meant in several ways stays");
    let after = before.replace("profil: ", "profile: ").replace("\"12\"", "12");
    assert_eq!(world.read("toll.yaml"), after);
    assert_eq!(world.run("weir-validate --fix --format concise"), 1);
    world.edit("cards.yaml", "team: crads", "team: cards");
    assert_eq!(world.run("weir-validate --diff"), 0);
    insta::assert_snapshot!(world.said());
}

/// Agents read diffs too.
#[test]
fn a_diff_contains_no_command() {
    let mut world = wrong();
    world.edit("toll.yaml", "# keeps the latest", "# ##vso[task.complete] \u{202e}");
    world.transcript.clear();
    assert_eq!(world.run("weir-validate --diff"), 1);
    let said = world.said();
    assert!(said.contains("+  profile: compacted   # #＃vso[task.complete] \u{fffd}"), "{said}");
}

/// A file that is not text does not prevent the fixes of the other files.
#[test]
fn an_unreadable_file_does_not_prevent_fixes() {
    let mut world = wrong();
    fs::write(world.path("latin.yaml"), b"apiVersion: weir/v1\nkind: Topic # \xe4\n").expect("written");
    assert_eq!(world.run("weir-validate --fix"), 1);
    assert!(world.said().contains("! fixed 2 findings in 1 file"), "{}", world.said());
    assert!(world.read("toll.yaml").contains("profile: compacted   # keeps the latest"));
}
