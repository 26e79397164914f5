use std::{fs, path::Path};

use weir_testkit::generate::{Shape, workspace};

/// Returns all findings, as `path: rule: message`.
fn findings(files: Vec<(String, String)>) -> Vec<String> {
    let loaded = weir_model::load(files);
    weir_validation::validate(&loaded, None, None)
        .unwrap()
        .iter()
        .map(|finding| {
            let path = loaded.sources.file(finding.at.file).path();
            format!("{path}:{}: {}: {}", loaded.sources.position(finding.at).line, finding.rule, finding.message)
        })
        .collect()
}

/// Reads all YAML files below `dir`, with paths relative to it.
fn read(dir: &Path, prefix: &str, into: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            if !path.starts_with('.') {
                read(&entry.path(), &format!("{path}/"), into);
            }
        } else if path.ends_with(".yaml") {
            into.push((path, fs::read_to_string(entry.path()).unwrap()));
        }
    }
}

fn fixture(name: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(name), "", &mut files);
    // The policies' test cases are workspaces of their own.
    files.retain(|(path, _)| !path.starts_with("policy-tests/"));
    files
}

const NONE: [&str; 0] = [];

#[test]
fn the_quickstart_has_no_finding() {
    assert_eq!(findings(fixture("quickstart")), NONE);
}

#[test]
fn the_organisation_has_no_finding() {
    let files = fixture("cps");
    let count = |kind: &str| files.iter().map(|(_, text)| text.matches(&format!("\nkind: {kind}\n")).count()).sum();
    let (topics, accounts, teams): (usize, usize, usize) = (count("Topic"), count("ServiceAccount"), count("Team"));
    assert!(topics >= 55 && accounts >= 28 && teams == 8, "{topics} topics, {accounts} accounts, {teams} teams");
    assert_eq!(findings(files), NONE);
}

#[test]
fn generated_workspaces_have_no_finding() {
    assert_eq!(findings(workspace(&Shape::of_topics(1000))), NONE);
    assert_eq!(findings(workspace(&Shape { acls: 9000, teams: 1, stages: 2, ..Shape::of_topics(700) })), NONE);
    assert_eq!(findings(workspace(&Shape { teams: 45, stages: 1, ..Shape::of_topics(100) })), NONE);
}
