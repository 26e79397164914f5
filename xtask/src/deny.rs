//! Licences, banned packages and sources, by cargo-deny.

use std::{
    env,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context, Result};

use crate::{
    command::{cargo, root, run as run_command},
    tool,
};

const VERSION: &str = "0.20.2";

/// Checks all dependencies against `deny.toml`, offline: cargo has downloaded them already.
pub(crate) fn run() -> Result<()> {
    let tool = tool()?;
    // Packages of other platforms too: cargo-deny reads the whole lock file.
    run_command(cargo().args(["fetch", "--quiet"]))?;
    let mut check = Command::new(tool);
    check.current_dir(root()).args(["--offline", "--all-features", "check", "--hide-inclusion-graph"]);
    run_command(check.args(["bans", "licenses", "sources"])).context("deny.toml says what is allowed and why")
}

/// Checks all dependencies against the RustSec database, if that can be fetched.
///
/// # Errors
/// If a dependency has an advisory, or was yanked.
pub(crate) fn advisories() -> Result<()> {
    let deny = || -> Result<Command> {
        let mut deny = Command::new(tool()?);
        deny.current_dir(root()).arg("--all-features");
        Ok(deny)
    };
    // The database is not in the registry, and not every machine reaches its host: a skip, in CI as well.
    let fetched = deny()?.args(["fetch", "db"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !fetched.is_ok_and(|status| status.success()) {
        println!("skipped: the advisory database cannot be reached");
        return Ok(());
    }
    run_command(deny()?.args(["check", "--hide-inclusion-graph", "advisories"]))
}

/// The cargo-deny of the version this repository is checked with, installed beside the build cache on first use.
fn tool() -> Result<PathBuf> {
    let tools = tool::folder()?;
    let tool = tools.join("bin").join(format!("cargo-deny{}", env::consts::EXE_SUFFIX));
    let current = Command::new(&tool)
        .arg("--version")
        .stderr(Stdio::null())
        .output()
        .is_ok_and(|out| String::from_utf8_lossy(&out.stdout).trim() == format!("cargo-deny {VERSION}"));
    if !current {
        eprintln!("installing cargo-deny {VERSION} into {}; this takes minutes, once", tools.display());
        let mut install = cargo();
        install.args(["install", "--quiet", "--locked", "--root"]).arg(&tools).arg(format!("cargo-deny@{VERSION}"));
        run_command(&mut install)?;
    }
    Ok(tool)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use super::*;

    /// Names in the first column of the page's first two tables.
    fn explained(page: &str) -> BTreeSet<&str> {
        let (page, _) = page.split_once("## Decided against").unwrap();
        page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).map(|(name, _)| name).collect()
    }

    /// The packages from elsewhere that the members' manifests name.
    fn used() -> BTreeSet<String> {
        let mut manifests = vec![root().join("xtask"), root().join("benches")];
        for folder in ["crates", "bins", "tests"] {
            let Ok(members) = fs::read_dir(root().join(folder)) else { continue };
            manifests.extend(members.map(|member| member.unwrap().path()));
        }
        let mut names = BTreeSet::new();
        for manifest in manifests {
            let text = fs::read_to_string(manifest.join("Cargo.toml")).unwrap_or_default();
            for table in text.split("\n[").filter(|table| table.contains("dependencies]\n")) {
                let lines = table.lines().skip(1).filter(|line| line.contains('=') && !line.starts_with('#'));
                names.extend(lines.filter_map(|line| line.split(['.', ' ']).next()).map(str::to_owned));
            }
        }
        names.retain(|name| !name.starts_with("weir"));
        names
    }

    #[test]
    fn every_dependency_is_explained() {
        let page = fs::read_to_string(root().join("docs/dependencies.md")).unwrap();
        let used = used();
        let used: BTreeSet<&str> = used.iter().map(String::as_str).collect();
        assert_eq!(explained(&page), used, "docs/dependencies.md (left) and the manifests (right) differ");
    }
}
