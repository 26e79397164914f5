//! The features of all that ships: none, the default ones, each alone, all; and the README's own build commands.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::command::{cargo, files, has_openssl, metadata, root, run as run_command};

/// The end of the name of features that compile OpenSSL along. They change nothing in our code and take minutes, so they
/// are checked only on a machine that has no OpenSSL of its own, in place of their shorter namesakes.
const VENDORED: &str = "-vendored";

/// Checks every crate that ships with each set of features, then builds as the README says. A crate whose code depends
/// on its features is also tested with each set: the step `test` builds the whole workspace with one set of them.
///
/// # Errors
/// If one does not compile, compiles with a warning, or fails a test.
pub(crate) fn run() -> Result<()> {
    for Shipped { package, folder, features } in shipped(&metadata(&["--no-deps"])?)? {
        let sets = sets(&features);
        let differs = depends_on_features(&folder)?;
        let tested = if differs { " (tested)" } else { "" };
        println!("{package}: {}{tested}", sets.iter().map(|set| set.name.as_str()).collect::<Vec<_>>().join(", "));
        for set in sets {
            let mut clippy = cargo();
            clippy.args(["clippy", "--quiet", "--package", &package]).args(&set.flags);
            run_command(clippy.args(["--", "-D", "warnings"]))?;
            if differs {
                let mut test = cargo();
                test.args(["test", "--quiet", "--lib", "--tests", "--package", &package]).args(&set.flags);
                run_command(test.env("INSTA_UPDATE", "no").env_remove("WEIR_BLESS"))?;
            }
        }
    }
    let readme = fs::read_to_string(root().join("README.md")).context("cannot read README.md")?;
    let builds = builds(&readme);
    ensure!(!builds.is_empty(), "the README shows no `cargo build`");
    for arguments in builds {
        println!("README: cargo {}", arguments.join(" "));
        run_command(cargo().args(with_openssl(arguments)))?;
    }
    Ok(())
}

/// A set of features.
#[derive(Debug, PartialEq, Eq)]
struct Set {
    name: String,
    /// The flags of cargo that choose it.
    flags: Vec<String>,
}

/// Returns none, the default features if there are any, each feature alone, and all.
fn sets(features: &[String]) -> Vec<Set> {
    let alone = "--no-default-features";
    let set = |name: &str, flags: &[&str]| Set {
        name: name.to_owned(),
        flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
    };
    let mut sets = vec![set("none", &[alone])];
    if features.iter().any(|feature| feature == "default") {
        sets.push(set("default", &[]));
    }
    let own: Vec<&String> = features.iter().filter(|feature| is_checked(feature)).collect();
    for feature in &own {
        sets.push(set(feature, &[alone, "--features", feature]));
    }
    if own.len() > 1 {
        let all = own.iter().map(|feature| feature.as_str()).collect::<Vec<_>>().join(",");
        sets.push(set("all", &[alone, "--features", &all]));
    }
    sets
}

fn is_checked(feature: &str) -> bool {
    feature != "default" && (!feature.ends_with(VENDORED) || !has_openssl())
}

/// A member that ships.
struct Shipped {
    package: String,
    /// Its folder, from the root of the repository.
    folder: String,
    features: Vec<String>,
}

/// Returns `true` if a Rust file in `folder` asks for a feature.
fn depends_on_features(folder: &str) -> Result<bool> {
    for file in files()?.iter().filter(|file| file.ends_with(".rs") && Path::new(file).starts_with(folder)) {
        let text = fs::read_to_string(root().join(file)).with_context(|| format!("cannot read {file}"))?;
        if text.contains("cfg(feature") || text.contains("cfg!(feature") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns the members below `crates/` and `bins/` that ship.
fn shipped(metadata: &Value) -> Result<Vec<Shipped>> {
    let mut all = Vec::new();
    for package in metadata["packages"].as_array().context("cargo metadata: no `packages`")? {
        let name = package["name"].as_str().context("cargo metadata: no `name`")?;
        let manifest = package["manifest_path"].as_str().unwrap_or_default();
        let ships = ["/crates/", "/bins/"].iter().any(|folder| manifest.contains(folder));
        if ships && !crate::layers::is_for_tests(name) {
            let features = package["features"].as_object().into_iter().flatten().map(|(feature, _)| feature.clone());
            let folder = Path::new(manifest).parent().and_then(|folder| folder.strip_prefix(root()).ok());
            let folder = folder.and_then(Path::to_str).context("cargo metadata: a manifest outside the repository")?;
            all.push(Shipped { package: name.to_owned(), folder: folder.to_owned(), features: features.collect() });
        }
    }
    if all.is_empty() {
        bail!("cargo metadata names no crate that ships");
    }
    Ok(all)
}

/// Returns the arguments of the `cargo build` lines in a page, without `--release`: optimising takes minutes and finds
/// no mistakes.
fn builds(page: &str) -> Vec<Vec<String>> {
    let lines = page.lines().filter_map(|line| line.trim().strip_prefix("$ cargo build"));
    let commands = lines.map(|line| line.split('#').next().unwrap_or_default());
    commands
        .map(|line| {
            let arguments = line.split_whitespace().filter(|argument| *argument != "--release");
            std::iter::once("build").chain(arguments).map(str::to_owned).collect()
        })
        .collect()
}

/// Adds what librdkafka needs on a machine without OpenSSL.
fn with_openssl(mut arguments: Vec<String>) -> Vec<String> {
    if !has_openssl()
        && let Some(features) = arguments.iter_mut().skip_while(|argument| *argument != "--features").nth(1)
    {
        features.push_str(",kafka-vendored");
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_feature_is_checked_alone_and_with_all_others() {
        let features = ["azure", "default", "kafka", "zstd"].map(str::to_owned);
        let names: Vec<String> = sets(&features).into_iter().map(|set| set.name).collect();
        assert_eq!(names, ["none", "default", "azure", "kafka", "zstd", "all"]);
        let flags = &sets(&features)[5].flags;
        assert_eq!(flags, &["--no-default-features", "--features", "azure,kafka,zstd"]);
        assert_eq!(sets(&[]).len(), 1);
        assert_eq!(sets(&["one".to_owned()]).len(), 2);
    }

    #[test]
    fn crates_whose_code_depends_on_features_are_tested() {
        let depends = |name: &str| depends_on_features(&format!("crates/{name}")).unwrap();
        assert!(depends("weir-adapters") && !depends("weir-ports"));
    }

    #[test]
    fn the_readmes_builds_are_read() {
        let page = "```console\n$ cargo build --release -p weir --features a,b   # about\n$ cargo run -- up\n```\n";
        assert_eq!(builds(page), [["build", "-p", "weir", "--features", "a,b"]]);
        assert!(!builds(&fs::read_to_string(root().join("README.md")).unwrap()).is_empty());
    }
}
