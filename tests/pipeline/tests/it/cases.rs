//! Tests of `weir-validate test`, which runs an organisation's own cases for its policies.

use std::{fs, path::Path};

use crate::{World, repository};

/// Makes a copy of `fixtures/cps`.
fn organisation() -> World {
    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).expect("a folder");
        for entry in fs::read_dir(from).expect("the fixture") {
            let entry = entry.expect("a file");
            let to = to.join(entry.file_name());
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                copy(&entry.path(), &to);
            } else {
                fs::copy(entry.path(), to).expect("copied");
            }
        }
    }
    let world = World::empty();
    copy(&repository().join("fixtures/cps"), world.dir.path());
    world
}

#[test]
fn the_policies_of_the_organisation_pass_their_cases() {
    let mut world = organisation();
    assert_eq!(world.run("weir-validate test --now 2026-11-20T10:00:00Z"), 0, "{}", world.said());
    assert_eq!(world.run("weir-validate explain topic-settings"), 0);
    insta::assert_snapshot!(world.said());
}

/// Each policy has a case that passes it, and one that breaks it.
#[test]
fn every_policy_has_cases() {
    let policies = fs::read_to_string(repository().join("fixtures/cps/policies.yaml")).expect("the fixture");
    let mut named = std::collections::BTreeMap::<String, [bool; 2]>::new();
    for line in policies.lines().filter_map(|line| line.strip_prefix("metadata: {name: ")) {
        named.insert(line.split([',', '}']).next().unwrap_or_default().to_owned(), [false; 2]);
    }
    for case in fs::read_dir(repository().join("fixtures/cps/policy-tests")).expect("the cases") {
        let case = case.expect("a folder").path();
        for (at, folder) in ["pass", "fail"].into_iter().enumerate() {
            let text = fs::read_to_string(case.join(folder).join("expect.yaml")).expect("a case");
            let rules = text.lines().find_map(|line| line.strip_prefix("rules: [")).expect("rules");
            for rule in rules.trim_end_matches(']').split(", ") {
                named.entry(rule.to_owned()).and_modify(|has| has[at] = true);
            }
        }
    }
    let without: Vec<_> = named.iter().filter(|(_, has)| **has != [true; 2]).map(|(name, _)| name).collect();
    assert!(without.is_empty(), "without a case: {without:?}");
}

#[test]
fn a_case_that_checks_nothing_fails() {
    let mut world = organisation();
    let case = "policy-tests/settings/pass";
    let run = "weir-validate test policy-tests/settings/pass";
    assert_eq!(world.run(run), 0);
    world.transcript.clear();
    world.edit(&format!("{case}/expect.yaml"), "topic-settings", "topic-setings");
    assert_eq!(world.run(run), 1);
    world.edit(&format!("{case}/expect.yaml"), "topic-setings", "topic-settings");
    world.edit(&format!("{case}/entities.yaml"), "partitions: 6", "partitons: 6");
    assert_eq!(world.run(run), 1);
    world.edit(&format!("{case}/entities.yaml"), "partitons: 6", "partitions: 6");
    world.edit("policies.yaml", "partitions: {max: 48}", "partitons: {max: 48}");
    assert_eq!(world.run(run), 1);
    world.edit("policies.yaml", "partitons: {max: 48}", "partitions: {max: 48}");
    world.edit("policies.yaml", "compression.type:", "compression.typ:");
    assert_eq!(world.run(run), 1);
    fs::remove_file(world.path(&format!("{case}/entities.yaml"))).expect("removed");
    assert_eq!(world.run(run), 1);
    insta::assert_snapshot!(world.said());
}

/// A link could lead to a secret of the agent's, and the messages would show it.
#[cfg(unix)]
#[test]
fn links_in_cases_are_not_followed() {
    use std::os::unix::fs::symlink;

    let mut world = organisation();
    let secret = world.path("secret.json");
    fs::write(&secret, r#"{"format": "SECRETVALUE1", "findings": "SECRETVALUE2"}"#).expect("written");
    for link in ["observed.json", "entities.yaml", "expect.yaml"] {
        let case = world.path("policy-tests/linked");
        fs::create_dir(&case).expect("a folder");
        fs::write(case.join("expect.yaml"), "findings: []\n").expect("written");
        _ = fs::remove_file(case.join(link));
        symlink(&secret, case.join(link)).expect("a link");
        assert_eq!(world.run("weir-validate test policy-tests/linked"), 1);
        assert!(
            world.said().contains(&format!("{link} is a symbolic link, which weir does not follow")),
            "{}",
            world.said()
        );
        fs::remove_dir_all(case).expect("removed");
    }
    // A link to a folder holds no cases.
    symlink(world.path("policy-tests/settings"), world.path("policy-tests/linked")).expect("a link");
    fs::remove_dir_all(world.path("policy-tests/settings")).expect("removed");
    assert_eq!(world.run("weir-validate test --now 2026-11-20T10:00:00Z"), 0);
    fs::remove_file(world.path("policy-tests/linked")).expect("removed");
    fs::rename(world.path("policy-tests"), world.path("elsewhere")).expect("renamed");
    symlink(world.path("elsewhere"), world.path("policy-tests")).expect("a link");
    assert_eq!(world.run("weir-validate test"), 2);
    assert!(world.said().contains("/policy-tests` is a symbolic link"), "{}", world.said());
    assert!(!world.said().contains("SECRETVALUE"), "{}", world.said());
}
