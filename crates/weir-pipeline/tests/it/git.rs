//! Repositories that would run a program. Each case proves that plain git runs it, where git can be brought to do so
//! without a terminal or a server; weir must not.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;
use weir_pipeline::{commit, read_at};

use crate::write;

const TEAM: &str = "apiVersion: weir/v1\nkind: Team\nmetadata: {name: toll}\n";

/// A repository with a workspace in `kafka/`, and a file that no run of weir may make.
struct Bait {
    dir: TempDir,
    marker: PathBuf,
}

impl Bait {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let marker = dir.path().join("marker");
        let bait = Self { dir, marker };
        bait.git(&["init", "--quiet", "repository"], bait.dir.path());
        write(&bait.workspace(), "weir.yaml", b"apiVersion: weir/v1\nkind: Workspace\nmetadata: {name: shop}\n");
        write(&bait.workspace(), "teams/toll.yaml", TEAM.as_bytes());
        bait.save();
        bait
    }

    fn repository(&self) -> PathBuf {
        self.dir.path().join("repository")
    }

    fn workspace(&self) -> PathBuf {
        self.repository().join("kafka")
    }

    /// Returns a command line that makes the marker.
    fn command(&self) -> String {
        format!("touch {}; false", self.marker.display())
    }

    /// Runs plain git, which may fail.
    fn git(&self, args: &[&str], dir: &Path) -> String {
        let identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"];
        let output = Command::new("git").args(identity).args(args).current_dir(dir).output().expect("git");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn configure(&self, name: &str, value: &str) {
        self.git(&["config", name, value], &self.repository());
    }

    fn save(&self) {
        self.git(&["add", "."], &self.repository());
        self.git(&["commit", "--quiet", "-m", "files"], &self.repository());
    }

    /// Asks for the commit and for the files of the last commit, and looks at the marker.
    fn is_refused(&self) {
        let _ = fs::remove_file(&self.marker);
        let head = self.head();
        let seen = commit(&self.workspace()).expect("a commit");
        assert_eq!(seen.trim_end_matches("-dirty"), head);
        let files = read_at(&self.workspace(), "HEAD").map(|read| read.loaded.sources.iter().count());
        assert!(!self.marker.exists(), "weir ran a program of the repository");
        assert_eq!(files.expect("files"), 2);
    }

    /// Proves that plain git falls into the trap.
    fn catches(&self, args: &[&str]) {
        let _ = fs::remove_file(&self.marker);
        // The content is read if the time differs.
        write(&self.workspace(), "teams/toll.yaml", format!("{TEAM}# more\n").as_bytes());
        self.git(args, &self.workspace());
        assert!(self.marker.exists(), "plain git was expected to run the program");
    }

    fn head(&self) -> String {
        fs::read_to_string(self.repository().join(".git/refs/heads/main"))
            .or_else(|_| fs::read_to_string(self.repository().join(".git/refs/heads/master")))
            .expect("a commit")
            .trim()
            .to_owned()
    }
}

#[test]
fn a_file_system_monitor() {
    let bait = Bait::new();
    bait.configure("core.fsmonitor", &bait.command());
    bait.catches(&["status"]);
    bait.is_refused();
}

#[test]
fn a_bare_repository_in_the_folder_of_the_workspace() {
    let bait = Bait::new();
    let config = format!(
        "[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = .\n\tfsmonitor = \"{}\"\n",
        bait.command()
    );
    write(&bait.workspace(), "HEAD", b"ref: refs/heads/main\n");
    write(&bait.workspace(), "refs/heads/main", format!("{}\n", bait.head()).as_bytes());
    write(&bait.workspace(), "objects/.keep", b"");
    write(&bait.workspace(), "config", config.as_bytes());
    bait.save();
    bait.catches(&["status"]);
    bait.is_refused();
    // Nor is it a repository where there is no other.
    fs::rename(bait.repository().join(".git"), bait.dir.path().join("away")).unwrap();
    let _ = fs::remove_file(&bait.marker);
    assert_eq!(commit(&bait.workspace()), None);
    assert!(read_at(&bait.workspace(), "HEAD").is_err() && !bait.marker.exists());
}

#[test]
fn hooks() {
    let bait = Bait::new();
    let hook = bait.repository().join("hooks/post-index-change");
    write(&bait.repository(), "hooks/post-index-change", format!("#!/bin/sh\n{}\n", bait.command()).as_bytes());
    Command::new("chmod").arg("755").arg(&hook).status().unwrap();
    bait.configure("core.hooksPath", &bait.repository().join("hooks").display().to_string());
    bait.catches(&["add", "."]);
    bait.is_refused();
}

#[test]
fn filters() {
    for kind in ["clean", "smudge", "process"] {
        let bait = Bait::new();
        write(&bait.repository(), ".gitattributes", b"*.yaml filter=evil\n");
        bait.save();
        bait.configure(&format!("filter.evil.{kind}"), &bait.command());
        if kind == "smudge" {
            fs::remove_file(bait.workspace().join("teams/toll.yaml")).unwrap();
            bait.catches(&["checkout", "HEAD", "--", "."]);
        } else {
            bait.catches(&["status"]);
        }
        write(&bait.workspace(), "teams/toll.yaml", format!("{TEAM}# other\n").as_bytes());
        bait.is_refused();
    }
}

#[test]
fn differs_and_text_converters() {
    let bait = Bait::new();
    write(&bait.repository(), ".gitattributes", b"*.yaml diff=evil\n");
    bait.save();
    bait.configure("diff.evil.textconv", &bait.command());
    bait.catches(&["diff"]);
    bait.is_refused();
    bait.configure("diff.external", &bait.command());
    bait.catches(&["diff"]);
    bait.is_refused();
}

#[test]
fn a_configuration_that_includes_another() {
    let bait = Bait::new();
    write(&bait.repository(), "more", format!("[core]\n\tfsmonitor = \"{}\"\n", bait.command()).as_bytes());
    bait.configure("include.path", "../more");
    bait.catches(&["status"]);
    bait.is_refused();
}

#[test]
fn pagers_aliases_and_programs_of_servers() {
    let bait = Bait::new();
    for name in ["core.pager", "pager.status", "uploadpack.packObjectsHook", "core.editor", "core.askPass"] {
        bait.configure(name, &bait.command());
    }
    for name in ["alias.status", "alias.rev-parse", "alias.ls-tree", "alias.cat-file", "alias.config"] {
        bait.configure(name, &format!("!{}", bait.command()));
    }
    bait.is_refused();
}

#[test]
fn another_working_folder() {
    let bait = Bait::new();
    let other = bait.dir.path().join("other");
    write(&other, "kafka/weir.yaml", b"elsewhere: true\n");
    bait.configure("core.worktree", &other.display().to_string());
    assert_eq!(commit(&bait.workspace()), Some(bait.head()), "the workspace's own files are compared");
    bait.is_refused();
}

#[test]
fn remotes_that_are_asked_for_missing_objects() {
    let urls = ["ssh://localhost/x", "git://localhost/x", "ext::COMMAND"];
    for url in urls {
        let bait = Bait::new();
        let blob = bait.git(&["rev-parse", "HEAD:kafka/teams/toll.yaml"], &bait.repository());
        bait.configure("remote.origin.url", &url.replace("COMMAND", &format!("sh -c '{}'", bait.command())));
        for (name, value) in [
            ("core.repositoryFormatVersion", "1"),
            ("extensions.partialClone", "origin"),
            ("remote.origin.promisor", "true"),
            ("remote.origin.partialclonefilter", "blob:none"),
            ("protocol.ext.allow", "always"),
            ("core.sshCommand", &bait.command()),
            ("core.gitProxy", &format!("sh -c '{}'", bait.command())),
        ] {
            bait.configure(name, value);
        }
        fs::remove_file(bait.repository().join(".git/objects").join(&blob[..2]).join(&blob[2..])).unwrap();
        if url.starts_with("ssh") {
            bait.catches(&["cat-file", "-p", &blob]);
        }
        let _ = fs::remove_file(&bait.marker);
        assert!(commit(&bait.workspace()).is_some());
        assert!(read_at(&bait.workspace(), "HEAD").is_err(), "an object is missing");
        assert!(!bait.marker.exists(), "weir ran a program of the repository");
    }
}

#[test]
fn a_submodule_with_a_configuration_of_its_own() {
    let bait = Bait::new();
    let inner = bait.workspace().join("inner.yaml");
    bait.git(&["init", "--quiet", "inner.yaml"], &bait.workspace());
    write(&inner, "a", b"");
    bait.git(&["add", "."], &inner);
    bait.git(&["commit", "--quiet", "-m", "inner"], &inner);
    bait.git(&["add", "kafka/inner.yaml"], &bait.repository());
    bait.save();
    bait.git(&["config", "core.fsmonitor", &bait.command()], &inner);
    bait.catches(&["status"]);
    let _ = fs::remove_file(&bait.marker);
    assert!(commit(&bait.workspace()).is_some() && !bait.marker.exists());
}

#[test]
fn worktrees_subfolders_and_packed_refs() {
    let bait = Bait::new();
    let head = bait.head();
    bait.git(&["worktree", "add", "--quiet", "../second", "-b", "second"], &bait.repository());
    let second = bait.dir.path().join("second/kafka");
    assert_eq!(commit(&second), Some(head.clone()));
    write(&second, "teams/new.yml", b"");
    assert_eq!(commit(&second), Some(format!("{head}-dirty")));
    bait.git(&["pack-refs", "--all"], &bait.repository());
    assert_eq!(commit(&bait.workspace()), Some(head.clone()));
    let teams = bait.workspace().join("teams");
    assert_eq!(commit(&teams), Some(head));
    write(&bait.workspace(), "teams/toll.yaml", b"");
    bait.save();
    let before = read_at(&bait.workspace(), "HEAD~1").expect("files").loaded;
    assert_eq!(
        before.sources.iter().map(|(_, file)| file.path()).collect::<Vec<_>>(),
        ["teams/toll.yaml", "weir.yaml"]
    );
}

/// An earlier revision is read by the rules of today's files: without hidden files and those that `.weirignore` names.
#[test]
fn a_revision_has_the_files_that_a_folder_has() {
    let bait = Bait::new();
    write(&bait.workspace(), ".weirignore", b"drafts/\n");
    for path in ["drafts/deep/x.yaml", ".hidden/y.yaml", "teams/evil/.weirignore"] {
        write(&bait.workspace(), path, b"apiVersion: weir/v1\nkind: Team\nmetadata: {name: x}\n");
    }
    bait.save();
    let loaded = read_at(&bait.workspace(), "HEAD").expect("files").loaded;
    let paths: Vec<_> = loaded.sources.iter().map(|(_, file)| file.path().to_owned()).collect();
    assert_eq!(paths, ["teams/toll.yaml", "weir.yaml"]);
}

/// Paths that ask git for something else, and paths that are no files.
#[test]
fn a_name_is_no_question_for_another_object() {
    let bait = Bait::new();
    let team = bait.workspace().join("teams");
    for name in ["a\nb.yaml", "x\nHEAD:kafka/weir.yaml\n.yaml", "\" b\\\t.yaml"] {
        write(&team, name, format!("# {name:?}\n").as_bytes());
    }
    std::os::unix::fs::symlink("/etc/passwd", team.join("link.yaml")).expect("a link");
    bait.save();
    let commit = bait.head();
    bait.git(
        &["update-index", "--add", "--cacheinfo", &format!("160000,{commit},kafka/teams/module.yaml")],
        &bait.repository(),
    );
    bait.git(&["commit", "--quiet", "-m", "a submodule"], &bait.repository());
    let loaded = read_at(&bait.workspace(), "HEAD").expect("files").loaded;
    let files: Vec<_> =
        loaded.sources.iter().map(|(_, file)| (file.path().to_owned(), file.text().to_owned())).collect();
    assert!(files.contains(&("teams/toll.yaml".to_owned(), TEAM.to_owned())), "{files:?}");
    assert!(files.iter().all(|(path, _)| !path.ends_with("link.yaml") && !path.ends_with("module.yaml")), "{files:?}");
    for (path, text) in files.iter().filter(|(_, text)| text.starts_with('#')) {
        let name = path.strip_prefix("teams/").expect("a file of the team");
        assert_eq!(*text, format!("# {name:?}\n"));
    }
}
