//! `weir-validate test`: an organisation's own cases for its policies.

use std::{fs, path::Path};

use crate::{World, repository};

/// A copy of `fixtures/cps`.
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
fn the_policies_of_the_organisation_keep_their_cases() {
    let mut world = organisation();
    assert_eq!(world.run("weir-validate test --now 2026-11-20T10:00:00Z"), 0, "{}", world.said());
    assert_eq!(world.run("weir-validate explain topic-settings"), 0);
    insta::assert_snapshot!(world.said());
}

#[test]
fn a_case_in_which_nothing_is_checked_does_not_pass() {
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
