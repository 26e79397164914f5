//! Shared helpers of the tests that drive the binaries end to end.

mod random;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use regex::Regex;
use weir_cli::{Exit, clap, run_from};
use weir_sandbox::{Options, Sandbox};

pub use crate::random::Random;

/// Runs a copy of the binary under the name `name`.
pub fn copy_of<A: clap::Parser>(name: &str, run: impl FnOnce(A) -> anyhow::Result<Exit>) -> ExitCode {
    run_from(std::iter::once(name.into()).chain(std::env::args_os().skip(1)), run).into()
}

/// Returns the path of the copy of the binary `name`.
///
/// # Panics
/// If the copy was not built; `cargo test` builds it.
pub fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    let folder = test.ancestors().nth(2).expect("a test lies in target/debug/deps");
    let path = folder.join(format!("{name}-copy{}", std::env::consts::EXE_SUFFIX));
    assert!(path.exists(), "there is no {}; is `{name}` a binary of weir?", path.display());
    path
}

/// Copies a folder, without the sandboxes in it.
///
/// # Panics
/// If a file cannot be read or written.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("the fixture") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        match entry.file_type().expect("a kind").is_dir() {
            true if entry.file_name() == ".weir" => {}
            true => copy(&entry.path(), &to),
            false => {
                fs::copy(entry.path(), to).expect("copied");
            }
        }
    }
}

/// Runs `work` to its end.
///
/// # Panics
/// If the operating system cannot start a runtime.
pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    weir_cli::block_on(work).expect("a runtime")
}

/// Opens the sandbox in `folder`, as the binaries do.
///
/// # Panics
/// If there is none.
pub fn sandbox_at(folder: &Path) -> Sandbox {
    Sandbox::open(folder, Options::default()).expect("a sandbox")
}

/// Replaces the parts of `text` that differ from run to run: the given `paths` by their names, and digests, times and
/// ids of keys.
///
/// # Panics
/// Never: the patterns are fixed.
pub fn scrub(text: &str, paths: &BTreeMap<&Path, &str>) -> String {
    let mut text = text.to_owned();
    for (path, name) in paths {
        text = text.replace(&path.display().to_string(), name);
    }
    for (pattern, name) in [
        (r"sha256:[0-9a-f]{64}", "sha256:DIGEST"),
        (r"\b[0-9a-f]{12}\.jsonl", "DIGEST.jsonl"),
        (r"\b[A-Z0-9]{16}\b", "KEY"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
        (r"\b20\d\d-\d\d-\d\d\b", "DATE"),
    ] {
        let pattern = Regex::new(pattern).expect("a fixed pattern");
        text = pattern.replace_all(&text, name).into_owned();
    }
    text
}
