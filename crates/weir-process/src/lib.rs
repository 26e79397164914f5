#![doc = include_str!("../README.md")]

use std::{
    env,
    ffi::{OsStr, OsString},
    process::Command,
};

/// The environment variables that every child gets: the place of its home and of temporary files, and its language. The
/// names after `LC_CTYPE` are the same for Windows.
const FOR_ALL: [&str; 19] = [
    "HOME",
    "LOGNAME",
    "TMPDIR",
    "TZ",
    "USER",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "APPDATA",
    "COMSPEC",
    "LOCALAPPDATA",
    "PATHEXT",
    "ProgramData",
    "ProgramFiles",
    "SystemRoot",
    "TEMP",
    "TMP",
    "USERNAME",
    "USERPROFILE",
];

/// The environment variables that a child needs for HTTPS: proxies, and certificates to trust.
pub const FOR_HTTPS: [&str; 12] = [
    "ALL_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "all_proxy",
    "https_proxy",
    "http_proxy",
    "no_proxy",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
];

/// Returns a command for `program` with a clean environment: of this process' variables, the child gets `PATH`, the
/// variables that every program needs, and those in `also`.
///
/// A relative folder in `PATH` is left out, since a repository could then bring a program of its own.
pub fn command(program: impl AsRef<OsStr>, also: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.env_clear();
    for name in FOR_ALL.iter().chain(also) {
        if let Some(value) = env::var_os(name) {
            command.env(name, value);
        }
    }
    // An empty `PATH` would mean the working folder.
    let path = env::var_os("PATH").map(absolute).filter(|path| !path.is_empty());
    command.env("PATH", path.unwrap_or_else(|| STANDARD_PATH.into()));
    command
}

/// The folders of programs on a machine whose `PATH` names none.
const STANDARD_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Returns the folders of `path` that do not depend on the working folder.
fn absolute(path: OsString) -> OsString {
    let folders = env::split_paths(&path).filter(|folder| folder.is_absolute());
    // Folders that were split can be joined.
    env::join_paths(folders).unwrap_or_default()
}

/// Keeps the operating system from writing this process' memory to a file when it crashes. Does nothing on Windows.
pub fn forbid_core_dumps() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        // Lowering a limit to zero needs no right. Linux ignores the limit if a program receives the dumps.
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_folders_of_the_path_are_left_out() {
        let joined = |folders: &[&str]| env::join_paths(folders).unwrap();
        assert_eq!(absolute(joined(&["", "/usr/bin", ".", "bin", "/bin"])), joined(&["/usr/bin", "/bin"]));
    }

    #[test]
    #[cfg(unix)]
    fn a_child_gets_only_named_variables() {
        // Cargo sets variables for tests, as a pipeline does for weir.
        assert!(env::var_os("CARGO_PKG_NAME").is_some() && env::var_os("CARGO_PKG_VERSION").is_some());
        let output = command("sh", &["CARGO_PKG_NAME"]).args(["-c", "env"]).output().unwrap();
        let seen = String::from_utf8(output.stdout).unwrap();
        assert!(seen.contains("CARGO_PKG_NAME=weir-process\n") && seen.contains("PATH=/"), "{seen}");
        assert!(!seen.contains("CARGO_PKG_VERSION"), "{seen}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_without_core_dumps_says_so_to_the_system() {
        forbid_core_dumps();
        let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
        let line = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert_eq!(line.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"]);
        assert_eq!(rustix::process::dumpable_behavior().unwrap(), rustix::process::DumpableBehavior::NotDumpable);
    }
}
