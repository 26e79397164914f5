//! Spelling, by typos.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context, Result};

use crate::{
    command::{root, run as run_command},
    tool,
};

const VERSION: &str = "1.52.0";

/// Checks all files that git does not ignore; `typos.toml` holds the words that are right.
///
/// # Errors
/// If a word is wrong, or typos cannot be installed.
pub(crate) fn run() -> Result<()> {
    let mut check = Command::new(typos()?);
    run_command(check.current_dir(root())).context("a word that is right goes into typos.toml")
}

/// The typos of the version this repository is checked with. On first use it is installed from PyPI, where it lies
/// compiled: that takes five seconds.
fn typos() -> Result<PathBuf> {
    let folder = tool::folder()?.join(format!("typos-{VERSION}"));
    let tool = folder.join("bin").join("typos");
    let works = Command::new(&tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !works.is_ok_and(|status| status.success()) {
        eprintln!("installing typos {VERSION} into {}", folder.display());
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
        }
        run_command(Command::new("python3").args(["-m", "venv"]).arg(&folder))
            .context("typos needs python3 with venv (Debian: apt-get install python3-venv)")?;
        let mut install = Command::new(folder.join("bin").join("pip"));
        install.args(["install", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"]);
        run_command(install.arg(format!("typos=={VERSION}")))?;
    }
    Ok(tool)
}
