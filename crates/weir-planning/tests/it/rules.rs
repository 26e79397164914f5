//! Every rule has a page and a case.

#![expect(clippy::disallowed_methods, reason = "this test reads case folders")]

use std::{collections::BTreeSet, fs, path::Path};

use weir_planning::rule_pages;

fn cases() -> impl Iterator<Item = std::path::PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path())
}

#[test]
fn every_rule_has_a_page_and_a_case() {
    let mut found = BTreeSet::new();
    for case in cases() {
        let findings = fs::read_to_string(case.join("findings.txt")).unwrap_or_default();
        let ids =
            findings.lines().filter_map(|line| line.split_once('[')?.1.split_once("]: ").map(|(id, _)| id.to_owned()));
        found.extend(ids);
    }
    let pages: Vec<_> = rule_pages().iter().map(|page| page.id).collect();
    assert!(pages.is_sorted(), "pages are sorted by id");
    for page in &pages {
        // No input leads to steps that wait for each other; the ordering has its own test.
        assert!(found.remove(*page) || *page == "steps-wait-for-each-other", "`{page}` has no case");
    }
    assert!(found.is_empty(), "no page for {found:?}");
}

#[test]
fn every_folder_is_a_case() {
    for case in cases() {
        for file in ["case.toml", "desired.yaml", "observed.json", "plan.txt", "plan.json"] {
            assert!(case.join(file).exists(), "{} has no {file}", case.display());
        }
    }
}
