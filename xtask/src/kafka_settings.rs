//! The list of Kafka's topic settings, taken from a released Kafka.

use std::{fs, process::Command};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{
    command::{line, root, run as run_command},
    tool,
};

/// Rewrites `crates/weir-model/data/topic-settings.json` from the Kafka that `xtask/kafka-settings/pom.xml` names. Needs
/// a JDK (17 or newer) and Maven.
///
/// # Errors
/// If Kafka's jars cannot be fetched, or the program that reads them fails.
pub(crate) fn run() -> Result<()> {
    let folder = root().join("xtask/kafka-settings");
    let jars = tool::folder()?.join("kafka-settings");
    // Jars of another version must not be on the class path.
    if jars.exists() {
        fs::remove_dir_all(&jars).with_context(|| format!("cannot remove {}", jars.display()))?;
    }
    let mut fetch = Command::new("mvn");
    fetch.current_dir(&folder).args(["-B", "-q", "dependency:copy-dependencies", "-DincludeScope=runtime"]);
    run_command(fetch.arg(format!("-DoutputDirectory={}", jars.display())))?;
    let mut dump = Command::new("java");
    dump.current_dir(&folder).arg("-cp").arg(jars.join("*")).arg("Dump.java");
    let output = dump.output().with_context(|| format!("cannot start {}", line(&dump)))?;
    if !output.status.success() {
        bail!("`{}` failed: {}", line(&dump), String::from_utf8_lossy(&output.stderr).trim());
    }
    let settings: Value = serde_json::from_slice(&output.stdout).context("the list of settings is not JSON")?;
    let count = settings["settings"].as_array().map_or(0, Vec::len);
    let file = "crates/weir-model/data/topic-settings.json";
    fs::write(root().join(file), &output.stdout).with_context(|| format!("cannot write {file}"))?;
    println!("{file}: {count} settings of {}", settings["source"].as_str().unwrap_or("an unknown Kafka"));
    Ok(())
}
