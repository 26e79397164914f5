//! The comparison of CODEOWNERS with a workspace.

use std::{fs, path::Path};

use tempfile::TempDir;
use weir_pipeline::read;

use crate::write;

const FILES: &str = "\
apiVersion: weir/v1
kind: Workspace
metadata: {name: shop}
spec:
  clusters: {local: {sandbox: {path: .weir/local}}}
  stages: [{name: dev, cluster: local}]
  ownership: {platform: platform}
---
{apiVersion: weir/v1, kind: Team, metadata: {name: platform}, spec: {reviewers: ['@shop/platform']}}
---
{apiVersion: weir/v1, kind: Team, metadata: {name: toll}, spec: {reviewers: ['@shop/toll']}}
---
{apiVersion: weir/v1, kind: Team, metadata: {name: cards}, spec: {reviewers: ['@shop/cards']}}
";

/// Returns a repository with the workspace in `folder` and the file CODEOWNERS that weir writes for it.
fn repository(folder: &str) -> TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    fs::create_dir(dir.path().join(".git")).expect("made");
    write(&dir.path().join(folder), "weir.yaml", FILES.as_bytes());
    let workspace = weir_model::load([("weir.yaml", FILES)]).workspace.expect("a workspace");
    let ownership = weir_ownership::Ownership::of(&workspace).expect("ownership");
    write(dir.path(), ".github/CODEOWNERS", ownership.codeowners(folder).expect("reviewers").as_bytes());
    dir
}

fn append(dir: &Path, lines: &str) {
    let path = dir.join(".github/CODEOWNERS");
    let text = fs::read_to_string(&path).expect("read");
    fs::write(path, format!("{text}{lines}\n")).expect("written");
}

fn messages(dir: &Path) -> Vec<String> {
    let loaded = read(dir).expect("a workspace").loaded;
    loaded.findings.into_iter().map(|finding| finding.message).collect()
}

#[test]
fn the_generated_file_contradicts_nothing() {
    for folder in ["", "kafka", "ci/kafka"] {
        let dir = repository(folder);
        assert_eq!(messages(&dir.path().join(folder)), [""; 0], "{folder}");
    }
}

#[test]
fn a_line_that_takes_authority_is_found() {
    for (line, path) in [
        ("/.github/", ".github/CODEOWNERS"),
        ("/.github/CODEOWNERS", ".github/CODEOWNERS"),
        ("CODEOWNERS", ".github/workflows/CODEOWNERS"),
        ("/.github/workflows/deploy.yml", ".github/workflows/deploy.yml"),
        ("/azure-pipelines.yml", "azure-pipelines.yml"),
    ] {
        for folder in ["", "kafka"] {
            let dir = repository(folder);
            append(dir.path(), &format!("{line} @shop/toll"));
            let expected =
                format!("`{path}` belongs to team `platform` (`@shop/platform`), but is reviewed by `@shop/toll`");
            let found = messages(&dir.path().join(folder));
            assert!(found.len() == 1, "{line} {found:?}");
            assert!(found[0] == expected || line == "CODEOWNERS", "{line} {found:?}");
        }
    }
    for (line, path) in [
        ("/policy-tests/", "policy-tests/new.yaml"),
        ("/policy-tests/a/b.yaml", "policy-tests/a/b.yaml"),
        ("/.weirignore", ".weirignore"),
        ("/weir.yaml", "weir.yaml"),
        ("/teams/cards/x.yaml", "teams/cards/x.yaml"),
        ("/teams/cards/a\\ b.yaml", "teams/cards/a b.yaml"),
    ] {
        for folder in ["", "kafka/"] {
            let dir = repository(folder.trim_end_matches('/'));
            append(dir.path(), &format!("/{folder}{} @shop/toll", &line[1..]));
            let found = messages(&dir.path().join(folder));
            assert!(
                found.len() == 1 && found[0].starts_with(&format!("`{folder}{path}` belongs to")),
                "{line} {found:?}"
            );
        }
    }
}

#[test]
fn the_last_line_counts_as_it_does_for_github() {
    let dir = repository("");
    append(
        dir.path(),
        "/.github/workflows/x.yml @shop/toll\n/.github/ @shop/platform\n!/weir.yaml @shop/toll\n/.g*/* @shop/platform",
    );
    assert_eq!(messages(dir.path()), [""; 0]);
    // Files in the folders below are not meant.
    append(dir.path(), "/teams/* @shop/toll");
    let said = "`teams/any` belongs to team `platform` (`@shop/platform`), but is reviewed by `@shop/toll`";
    assert_eq!(messages(dir.path()), [said]);
}

#[test]
fn a_file_of_many_lines_is_compared() {
    let dir = repository("");
    let lines: Vec<String> = (0..20_000).map(|i| format!("/teams/toll/{i} @shop/toll")).collect();
    append(dir.path(), &lines.join("\n"));
    append(dir.path(), "/.github/ @shop/toll");
    assert_eq!(messages(dir.path()).len(), 1);
}

#[test]
fn lines_about_other_folders_are_no_concern() {
    let dir = repository("kafka");
    append(dir.path(), "/apps/ @shop/apps\n/README.md\n");
    assert_eq!(messages(&dir.path().join("kafka")), [""; 0]);
}

#[test]
fn a_team_without_reviewers_leaves_the_others_compared() {
    let dir = repository("");
    write(dir.path(), "weir.yaml", FILES.replace(", spec: {reviewers: ['@shop/cards']}", "").as_bytes());
    write(dir.path(), ".github/CODEOWNERS", b"* @shop/toll\n");
    assert_eq!(
        messages(dir.path()),
        [
            "`.azuredevops/new.yaml` belongs to team `platform` (`@shop/platform`), but is reviewed by `@shop/toll`",
            "team `cards` has no `reviewers`, so weir cannot compare its paths with `.github/CODEOWNERS`",
        ]
    );
}

#[cfg(unix)]
#[test]
fn a_link_or_a_large_file_is_not_read() {
    let dir = repository("");
    let path = dir.path().join(".github/CODEOWNERS");
    fs::write(&path, vec![b'#'; (1 << 20) + 1]).expect("written");
    let said = |why: &str| format!("`.github/CODEOWNERS` cannot be compared with weir.yaml: it is {why}");
    assert_eq!(messages(dir.path()), [said("larger than 1 MiB")]);
    fs::remove_file(&path).expect("removed");
    std::os::unix::fs::symlink("/dev/zero", &path).expect("a link");
    assert_eq!(messages(dir.path()), [said("a symbolic link")]);
    fs::remove_file(&path).expect("removed");
    fs::create_dir(&path).expect("made");
    assert_eq!(messages(dir.path()), [said("not an ordinary file")]);
}
