//! Functions that all programs share.

use std::{fs, path::PathBuf};

use weir_cli::{Exit, OutFile, Stop, WorkspaceFlag, clap, instant, read_argument, rewrite, run_from};
use weir_ports::{ErrorKind, PortError};

#[derive(clap::Parser)]
#[command(name = "weir-test", version)]
struct Args {
    /// The exit of the run
    #[arg(long)]
    end: Option<String>,
}

fn run(args: Args) -> anyhow::Result<Exit> {
    match args.end.as_deref() {
        Some("panic") => panic!("the secret is hunter2"),
        Some("stop") => Err(Stop::refused("the plan is refused").help("plan again").into()),
        Some("wrapped") => Err(anyhow::Error::from(std::io::Error::other("bad")).context(Stop::refused("no plan"))),
        Some("denied") => {
            Err(anyhow::Error::from(PortError::new(ErrorKind::Denied, "denied")).context("failed to look"))
        }
        Some("wrong-cluster") => Err(PortError::new(ErrorKind::WrongCluster, "another cluster").into()),
        Some("io") => Err(std::io::Error::other("disk full").into()),
        _ => Ok(Exit::Changes),
    }
}

#[test]
fn every_ending_has_its_number() {
    for (line, exit, code) in [
        (&["weir-test"][..], Exit::Changes, 3),
        (&["weir-test", "--help"], Exit::Fine, 0),
        (&["weir-test", "--version"], Exit::Fine, 0),
        (&["weir-test", "--ends", "x"], Exit::Usage, 2),
        (&["weir-test", "--end", "stop"], Exit::Refused, 1),
        (&["weir-test", "--end", "wrapped"], Exit::Refused, 1),
        (&["weir-test", "--end", "denied"], Exit::Outside, 6),
        (&["weir-test", "--end", "wrong-cluster"], Exit::Refused, 1),
        (&["weir-test", "--end", "io"], Exit::Outside, 6),
        (&["weir-test", "--end", "panic"], Exit::Bug, 70),
    ] {
        let got = run_from(line.iter().map(Into::into), run);
        assert_eq!((got, got.code()), (exit, code), "{line:?}");
    }
    assert_eq!((Exit::Stale.code(), Exit::Partial.code()), (4, 5));
}

fn lookup(dir: impl Into<PathBuf>) -> Result<PathBuf, String> {
    WorkspaceFlag { workspace: Some(dir.into()) }.find().map_err(|stop| stop.to_string())
}

#[test]
fn a_workspace_is_a_folder_with_its_file() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("repo");
    fs::create_dir_all(path.join("teams/toll")).expect("folders");
    fs::write(path.join("weir.yaml"), "").expect("a file");
    let said = |asked: &str| {
        lookup(path.join(asked))
            .map_err(|said| said.replace(&path.display().to_string(), "REPO"))
            .expect_err("no workspace")
    };
    assert_eq!(lookup(&path), Ok(path.clone()));
    insta::assert_snapshot!(said("teams/toll"), @"there is no weir.yaml in `REPO/teams/toll`");
    insta::assert_snapshot!(said("weir.yaml"), @"`REPO/weir.yaml` is a file");
    insta::assert_snapshot!(said("elsewhere"), @"there is no folder `REPO/elsewhere`");
}

#[test]
fn a_file_appears_at_once_or_not_at_all() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("plan.json");
    fs::write(&path, "before").expect("a file");
    drop(OutFile::prepare(&path).expect("it can be written"));
    assert_eq!(fs::read_to_string(&path).expect("still there"), "before");
    OutFile::prepare(&path).and_then(|file| file.write("after")).expect("written");
    assert_eq!(read_argument(&path).expect("there"), "after");
    assert_eq!(fs::read_dir(dir.path()).expect("a folder").count(), 1, "nothing is left behind");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o700, 0o600, "others are let in as the umask says, not by us: {mode:o}");
        assert!(OutFile::prepare("/dev/null".as_ref()).and_then(|file| file.write("x")).is_ok());
        // A link is replaced, and the file behind it stays as it is.
        let link = dir.path().join("link.json");
        std::os::unix::fs::symlink(&path, &link).expect("a link");
        OutFile::prepare(&link).and_then(|file| file.write("elsewhere")).expect("written");
        assert_eq!(fs::read_to_string(&path).expect("there"), "after");
        fs::remove_file(link).expect("removed");
    }

    let usage = |path: &str| {
        let err = OutFile::prepare(&dir.path().join(path)).expect_err("it cannot be written");
        assert_eq!(Exit::of(&err), Exit::Usage);
    };
    usage("missing/plan.json");
    usage(".");
    assert_eq!(read_argument(&dir.path().join("none")).expect_err("not there").exit, Exit::Usage);
}

#[test]
fn files_are_written_anew_only_when_all_are_what_was_read() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = |name: &str| dir.path().join(name);
    fs::write(path("a"), "one").expect("a file");
    fs::write(path("b"), "changed by somebody").expect("a file");
    let files = [(path("a"), "one", "two"), (path("b"), "three", "four")];
    let err = rewrite(&files).expect_err("b is another one");
    assert_eq!(Exit::of(&err), Exit::Stale);
    assert!(rewrite(&[(path("a"), "one", "two"), (path("none"), "", "")]).is_err());
    assert_eq!(fs::read_to_string(path("a")).expect("there"), "one");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path("a"), fs::Permissions::from_mode(0o640)).expect("ours");
    }
    rewrite(&files[..1]).expect("it can be written");
    assert_eq!(fs::read_to_string(path("a")).expect("there"), "two");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(path("a")).expect("there").permissions().mode() & 0o777, 0o640);
        // Fixes are not made through a link.
        std::os::unix::fs::symlink(path("a"), path("link")).expect("a link");
        assert_eq!(Exit::of(&rewrite(&[(path("link"), "two", "three")]).expect_err("a link")), Exit::Stale);
        assert_eq!(fs::read_to_string(path("a")).expect("there"), "two");
        fs::remove_file(path("link")).expect("removed");
    }
    assert_eq!(fs::read_dir(dir.path()).expect("a folder").count(), 2, "nothing is left behind");
}

#[test]
fn times_have_a_zone() {
    assert!(instant("2026-11-22T10:00:00Z").is_ok() && instant("2026-11-22T10:00:00+01:00").is_ok());
    for wrong in ["", "today", "2026-11-22", "2026-11-22T10:00:00"] {
        let said = instant(wrong).expect_err("no time");
        assert!(said.contains("2026-11-22T10:00:00Z"), "{said}");
    }
}
