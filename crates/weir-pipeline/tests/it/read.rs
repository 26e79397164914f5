//! The files that are read, and their commit.

use std::{path::Path, process::Command};

use weir_pipeline::{commit, read, rule_pages};

use crate::{workspace, write};

#[test]
fn only_what_is_meant_for_weir_is_read() {
    let team = b"apiVersion: weir/v1\nkind: Team\nmetadata: {name: toll}\n";
    let dir = workspace(&[
        ("teams/toll/team.yml", team),
        ("azure-pipelines.yaml", b"trigger: [main]\n"),
        ("deploy/app.yaml", b"apiVersion: apps/v1\nkind: Deployment\n"),
        (".github/workflows/ci.yaml", b"apiVersion: weir/v1\nkind: Nonsense\n"),
        (".weir/local/x.yaml", b"apiVersion: weir/v1\nkind: Nonsense\n"),
        (".azuredevops/x.yaml", b"apiVersion: weir/v1\nkind: Nonsense\n"),
        ("vendor/.git/x.yaml", b"apiVersion: weir/v1\nkind: Nonsense\n"),
        (".venv/app.yaml", b"apiVersion: apps/v1\nkind: Deployment\n"),
        (".venv/latin1.yaml", b"# K\xe4se\n"),
        ("drafts/x.yaml", b"apiVersion: weir/v1\nkind: Nonsense\n"),
        (".weirignore", b"drafts/\n"),
        ("notes.txt", b"apiVersion: weir/v1\n"),
    ]);
    let workspace = read(dir.path()).expect("a workspace");
    let paths: Vec<_> = workspace.loaded.sources.iter().map(|(_, file)| file.path().to_owned()).collect();
    assert_eq!(paths, ["teams/toll/team.yml", "weir.yaml"]);
    assert_eq!(workspace.skipped, ["azure-pipelines.yaml", "deploy/app.yaml"]);
    assert_eq!(workspace.loaded.findings, []);
    assert!(workspace.loaded.workspace.is_some_and(|workspace| workspace.teams.contains_key("toll")));
}

#[test]
fn no_entity_is_passed_over() {
    let team = |name: &str| format!("apiVersion: weir/v1\nkind: Team\nmetadata: {{name: {name}}}\n");
    let indented = team("indented").replace("apiVersion", "  apiVersion").replace('\n', "\n  ");
    let in_braces = "--- {apiVersion: weir/v1, kind: Team, metadata: {name: braces}}\n";
    let dir = workspace(&[
        ("indented.yaml", indented.trim_end().as_bytes()),
        ("braces.yaml", in_braces.as_bytes()),
        ("old-mac.yaml", team("old-mac").replace('\n', "\r").as_bytes()),
        ("SHOUTED.YAML", team("shouted").as_bytes()),
        ("Mixed.Yml", team("mixed").as_bytes()),
        ("searched.yaml", team("searched").as_bytes()),
        (".ignore", b"searched.yaml\n"),
        ("untracked.yaml", team("untracked").as_bytes()),
        (".gitignore", b"untracked.yaml\n"),
    ]);
    let loaded = read(dir.path()).expect("a workspace").loaded;
    assert_eq!(loaded.findings, []);
    let teams: Vec<_> = loaded.workspace.expect("well formed").teams.into_keys().collect();
    assert_eq!(teams, ["braces", "indented", "mixed", "old-mac", "searched", "shouted", "untracked"]);
}

#[test]
fn what_cannot_be_read_is_a_finding() {
    let dir = workspace(&[("latin1.yaml", b"apiVersion: weir/v1\n# K\xe4se\nkind: Team\n")]);
    #[cfg(unix)]
    std::os::unix::fs::symlink("/etc/passwd", dir.path().join("link.yaml")).expect("a link");
    let loaded = read(dir.path()).expect("a workspace").loaded;
    let text = weir_findings::render::text(&loaded.findings, &loaded.sources, Default::default());
    insta::assert_snapshot!(text, @"
    error[file-not-utf8]: the byte 0xe4 is not UTF-8
     --> latin1.yaml:2:4
      |
    2 | # K
      |    ^
      |
      = help: save the file as UTF-8

    error[file-symlink]: symbolic links are not followed
     --> link.yaml:1:1
      |
    1 |
      | ^
      |
      = help: put its target here, or name the link in .weirignore
    ");
    for finding in &loaded.findings {
        assert!(rule_pages().iter().any(|page| page.id == finding.rule.as_str()), "{} has no page", finding.rule);
    }
}

/// The content of a file that is too large is not read.
#[test]
fn files_of_other_encodings_and_sizes_are_findings() {
    let dir = workspace(&[("utf16.yaml", b"\xff\xfek\0i\0n\0d\0")]);
    let large = std::fs::File::create(dir.path().join("large.yaml")).expect("a file");
    large.set_len((64 << 20) + 1).expect("a file with holes");
    let loaded = read(dir.path()).expect("a workspace").loaded;
    let told = weir_findings::render::concise(&loaded.findings, &loaded.sources);
    insta::assert_snapshot!(told, @"
    large.yaml:1:1: error[file-too-large]: the file has more than 64 MiB
    utf16.yaml:1:1: error[file-not-utf8]: the byte 0xff is not UTF-8
    ");
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_a_finding() {
    let dir = workspace(&[("elsewhere/.hidden", b"")]);
    std::os::unix::fs::symlink(dir.path().join("elsewhere"), dir.path().join("linked")).expect("a link");
    let made = std::process::Command::new("mkfifo").arg(dir.path().join("pipe.yaml")).status().expect("mkfifo");
    assert!(made.success());
    let loaded = read(dir.path()).expect("a workspace").loaded;
    let told = weir_findings::render::concise(&loaded.findings, &loaded.sources);
    insta::assert_snapshot!(told, @"
    linked:1:1: error[file-symlink]: symbolic links are not followed
    pipe.yaml:1:1: error[file-unreadable]: this cannot be read: it is not an ordinary file
    ");
}

#[test]
fn only_the_ignore_file_of_the_root_counts() {
    let team = |name: &str| format!("apiVersion: weir/v1\nkind: Team\nmetadata: {{name: {name}}}\n").into_bytes();
    let (a, b, c) = (team("a"), team("b"), team("c"));
    let outer = workspace(&[
        (
            "in/weir.yaml",
            b"apiVersion: weir/v1\nkind: Workspace\nmetadata: {name: inner}\nspec: {clusters: {}, stages: []}\n",
        ),
        ("in/.weirignore", b"/drafts/\n"),
        ("in/drafts/.weirignore", b"not walked\n"),
        ("in/drafts/x.yaml", b"kind: Nonsense\n"),
        ("in/teams/a.yaml", &a),
        ("in/teams/evil/.weirignore", b"*\n!../a.yaml\n../\n"),
        ("in/teams/evil/b.yaml", &b),
        ("in/.hidden/c.yaml", &c),
        (".weirignore", b"*\n"),
        (".ignore", b"*\n"),
    ]);
    let dir = outer.path().join("in");
    let loaded = read(&dir).expect("a workspace").loaded;
    let told = weir_findings::render::concise(&loaded.findings, &loaded.sources);
    insta::assert_snapshot!(told, @"
    .hidden/c.yaml:1:1: error[file-hidden]: weir does not read hidden files, and this one holds a document for weir
    teams/evil/.weirignore:1:1: error[file-weirignore]: only the `.weirignore` beside `weir.yaml` counts
    ");
    let teams = loaded.workspace.expect("a workspace").teams;
    assert_eq!(teams.keys().collect::<Vec<_>>(), ["a", "b"]);
}

#[cfg(unix)]
#[test]
fn an_ignore_file_is_an_ordinary_file_with_patterns() {
    let concise = |dir: &Path| {
        let loaded = read(dir).expect("a workspace").loaded;
        assert!(loaded.workspace.is_some_and(|workspace| workspace.teams.contains_key("a")), "nothing is left out");
        weir_findings::render::concise(&loaded.findings, &loaded.sources)
    };
    let team: &[u8] = b"apiVersion: weir/v1\nkind: Team\nmetadata: {name: a}\n";
    let dir = workspace(&[("teams/a.yaml", team), ("elsewhere", b"*\n")]);
    std::os::unix::fs::symlink(dir.path().join("elsewhere"), dir.path().join(".weirignore")).expect("a link");
    std::os::unix::fs::symlink(dir.path().join("elsewhere"), dir.path().join("teams/.weirignore")).expect("a link");
    insta::assert_snapshot!(concise(dir.path()), @"
    .weirignore:1:1: error[file-symlink]: symbolic links are not followed
    teams/.weirignore:1:1: error[file-weirignore]: only the `.weirignore` beside `weir.yaml` counts
    ");
    let dir = workspace(&[("teams/a.yaml", team), (".weirignore", b"drafts\n[z-a]\n")]);
    insta::assert_snapshot!(concise(dir.path()), @".weirignore:2:1: error[file-weirignore]: this is no pattern of `.gitignore`");
}

#[test]
fn no_folder_no_workspace() {
    let err = read(Path::new("/nowhere/at/all")).expect_err("no folder");
    assert_eq!(err.to_string(), "the workspace `/nowhere/at/all` cannot be read");
}

#[test]
fn a_commit_is_dirty_when_an_entity_is() {
    let dir = workspace(&[]);
    let git = |args: &[&str]| {
        let identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"];
        let done = Command::new("git").arg("-C").arg(dir.path()).args(identity).args(args).output();
        done.is_ok_and(|output| output.status.success())
    };
    assert_eq!(commit(dir.path()), None);
    if !git(&["init", "--quiet"]) {
        return; // Without git there are no commits to tell apart.
    }
    assert_eq!(commit(dir.path()), None, "no commit yet");
    assert!(git(&["add", "."]) && git(&["commit", "--quiet", "-m", "files"]));
    let clean = commit(dir.path()).expect("a commit");
    assert_eq!(clean.len(), 40);
    write(dir.path(), "plan.json", b"{}");
    assert_eq!(commit(dir.path()), Some(clean.clone()), "a plan is no entity");
    write(dir.path(), "teams/new.yaml", b"");
    assert_eq!(commit(dir.path()), Some(format!("{clean}-dirty")));
}

#[test]
fn a_hidden_document_is_a_finding() {
    let team = b"apiVersion: weir/v1\nkind: Team\nmetadata: {name: evil}\n";
    let dir = workspace(&[
        ("teams/toll/.h.yaml", team),
        ("teams/toll/.x/a.YML", team),
        ("teams/toll/.github/a.yaml", team),
        (".old/.weirignore", b""),
        (".drafts/a.yaml", team),
        (".weirignore", b".drafts/\n"),
    ]);
    #[cfg(unix)]
    std::os::unix::fs::symlink("/etc", dir.path().join("teams/.link")).expect("a link");
    let loaded = read(dir.path()).expect("a workspace").loaded;
    let found: Vec<_> = loaded
        .findings
        .iter()
        .map(|finding| (finding.rule.as_str(), loaded.sources.file(finding.at.file).path()))
        .collect();
    assert_eq!(
        found,
        [
            ("file-hidden", "teams/toll/.github/a.yaml"),
            ("file-hidden", "teams/toll/.h.yaml"),
            ("file-hidden", "teams/toll/.x/a.YML"),
        ]
    );
    assert!(loaded.workspace.is_some_and(|workspace| workspace.teams.is_empty()));
}

#[cfg(unix)]
#[test]
fn a_name_that_cannot_be_shown_is_a_finding() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

    let team = b"apiVersion: weir/v1\nkind: Team\nmetadata: {name: toll}\n";
    let dir = workspace(&[
        ("a\nb.yaml", team),
        ("\u{1b}[2J/c.yaml", team),
        ("d\u{202e}.yaml", team),
        ("e\n.yaml", b"trigger: [main]\n"),
    ]);
    std::fs::write(dir.path().join(OsStr::from_bytes(b"f\xff.yaml")), team).expect("written");
    let loaded = read(dir.path()).expect("a workspace").loaded;
    let rules: Vec<_> = loaded.findings.iter().map(|finding| finding.rule.as_str()).collect();
    assert_eq!(rules, ["file-name"; 4]);
    assert!(loaded.workspace.is_some_and(|workspace| workspace.teams.is_empty()));
}
