//! Other programs, run at the root of the repository.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_owned()
}

/// Returns `true` in CI, where a skip is a failure because no person reads the output.
pub(crate) fn in_ci() -> bool {
    env::var("CI").is_ok_and(|ci| ci == "true")
}

/// The cargo that runs us, at the root.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// The cargo command `verb` over all crates, with the features that librdkafka needs to build on this machine.
pub(crate) fn cargo_workspace(verb: &str) -> Command {
    let mut command = cargo();
    command.args([verb, "--workspace", "--features", "weir-bench/kafka"]);
    if !has_openssl() {
        command.args(["--features", "weir-rdkafka-admin/ssl-vendored"]);
    }
    command
}

/// The features of the binaries that plan and deploy on Kafka, as librdkafka needs them to build on this machine.
pub(crate) fn kafka_features() -> &'static str {
    if has_openssl() {
        "weir-plan/kafka,weir-deploy/kafka"
    } else {
        "weir-plan/kafka-vendored,weir-deploy/kafka-vendored"
    }
}

/// Returns `true` if OpenSSL's headers are installed. Without them, OpenSSL is compiled along, which takes minutes.
pub(crate) fn has_openssl() -> bool {
    let pkg_config = Command::new("pkg-config").args(["--exists", "openssl"]).status();
    env::var_os("OPENSSL_DIR").is_some()
        || pkg_config.is_ok_and(|status| status.success())
        || Path::new("/usr/include/openssl/ssl.h").exists()
}

/// Returns the files of the repository, from its root: tracked ones, and new ones that git does not ignore.
///
/// # Errors
/// If git fails.
pub(crate) fn files() -> Result<Vec<String>> {
    let mut command = Command::new("git");
    command.current_dir(root()).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let output = command.output().with_context(|| format!("cannot start {}", line(&command)))?;
    if !output.status.success() {
        bail!("`{}` failed: {}", line(&command), String::from_utf8_lossy(&output.stderr).trim());
    }
    let names = String::from_utf8(output.stdout).context("a file name is not UTF-8")?;
    let exists = |name: &&str| root().join(name).is_file();
    Ok(names.split('\0').filter(|name| !name.is_empty()).filter(exists).map(str::to_owned).collect())
}

/// Returns what `cargo metadata` says.
///
/// # Errors
/// If cargo fails.
pub(crate) fn metadata(arguments: &[&str]) -> Result<Value> {
    let mut command = cargo();
    command.args(["metadata", "--format-version", "1"]).args(arguments);
    let output = command.output().with_context(|| format!("cannot start {}", line(&command)))?;
    if !output.status.success() {
        bail!("`{}` failed: {}", line(&command), String::from_utf8_lossy(&output.stderr).trim());
    }
    serde_json::from_slice(&output.stdout).context("cargo metadata is not JSON")
}

/// Runs to the end.
///
/// # Errors
/// If it cannot be started, or fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {}", line(command)))?;
    if !status.success() {
        bail!("`{}` failed ({status})", line(command));
    }
    Ok(())
}

/// The command as one would type it.
pub(crate) fn line(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let args = command.get_args().map(|arg| arg.to_string_lossy().into_owned());
    std::iter::once(program).chain(args).collect::<Vec<_>>().join(" ")
}
