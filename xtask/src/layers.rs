//! The dependencies that each crate may have. Pure is checked, not promised.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::command::{cargo, line, metadata};

/// The place of a crate. Arrows point inward: bins → cli → pipeline → adapters → ports → core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layer {
    /// Text and data in, data out.
    Core,
    /// The seam.
    Ports,
    /// Walks a plan over the ports.
    Deployment,
    /// One outside system each.
    Adapter,
    /// The one place that knows all adapters.
    Opening,
    /// The stages from a folder to a receipt.
    Pipeline,
    /// The one library with clap: all commands.
    Cli,
    /// Helps tests; nothing that ships depends on it.
    Testkit,
    /// Programs: an entry point each, which knows the commands only.
    Program,
    /// Tests, benches, xtask: they may know everything.
    Aside,
}

/// The crates under `crates/`. For other packages, the folder decides.
const CRATES: [(&str, Layer); 23] = [
    ("weir-cel", Layer::Core),
    ("weir-findings", Layer::Core),
    ("weir-model", Layer::Core),
    ("weir-ownership", Layer::Core),
    ("weir-signature", Layer::Core),
    ("weir-validation", Layer::Core),
    ("weir-policy", Layer::Core),
    ("weir-planning", Layer::Core),
    ("weir-import", Layer::Core),
    ("weir-ports", Layer::Ports),
    ("weir-process", Layer::Ports),
    ("weir-retry", Layer::Ports),
    ("weir-deployment", Layer::Deployment),
    ("weir-sandbox", Layer::Adapter),
    ("weir-kafka", Layer::Adapter),
    ("weir-rdkafka-admin", Layer::Adapter),
    ("weir-confluent", Layer::Adapter),
    ("weir-secrets", Layer::Adapter),
    ("weir-adapters", Layer::Opening),
    ("weir-pipeline", Layer::Pipeline),
    ("weir-cli", Layer::Cli),
    ("weir-fake-confluent", Layer::Testkit),
    ("weir-testkit", Layer::Testkit),
];

/// Adapters that build on another one, on purpose.
const BUILDS_ON: [(&str, &str); 2] = [("weir-kafka", "weir-rdkafka-admin"), ("weir-confluent", "weir-kafka")];

/// Packages that no core crate may have anywhere below it: runtimes, networks, randomness, terminals.
const IMPURE: [&str; 17] = [
    "async-trait",
    "azure_core",
    "clap",
    "getrandom",
    "hyper",
    "indicatif",
    "k8s-openapi",
    "kube",
    "mio",
    "native-tls",
    "rand",
    "rdkafka",
    "rdkafka-sys",
    "reqwest",
    "rustls",
    "socket2",
    "tokio",
];

impl Layer {
    /// Returns `true` if a crate of this layer may depend on one of `other`.
    fn may_know(self, other: Layer) -> bool {
        use Layer::{Adapter, Aside, Cli, Core, Deployment, Opening, Pipeline, Ports, Program, Testkit};
        match self {
            Core => other == Core,
            Ports => matches!(other, Core | Ports),
            Deployment | Adapter | Testkit => matches!(other, Core | Ports),
            Opening => matches!(other, Core | Ports | Adapter),
            Pipeline => matches!(other, Core | Ports | Deployment | Opening),
            Cli => matches!(other, Core | Ports | Deployment | Pipeline),
            Program => other == Cli,
            Aside => true,
        }
    }
}

/// A package and its dependencies when it is built for use, not for tests.
struct Package {
    name: String,
    /// Folder of a member of this workspace, from the root; empty for others.
    folder: Option<String>,
    /// Ids.
    normal: BTreeSet<String>,
}

/// Checks all members of the workspace.
///
/// # Errors
/// Names every dependency that points outward.
pub(crate) fn run() -> Result<()> {
    let packages = packages()?;
    let wrong = check(&packages, &has_alone)?;
    if !wrong.is_empty() {
        bail!("{} dependencies cross a layer:\n  {}", wrong.len(), wrong.join("\n  "));
    }
    let members = packages.values().filter(|package| package.folder.is_some()).count();
    println!("{members} crates depend only on what their layer may know");
    Ok(())
}

/// Returns the dependencies that cross a layer. `alone` returns `true` if a crate has a package below it when it is built
/// by itself.
fn check(packages: &BTreeMap<String, Package>, alone: &dyn Fn(&str, &str) -> Result<bool>) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    for (id, package) in packages {
        let Some(layer) = layer(package)? else { continue };
        for dependency in package.normal.iter().filter_map(|id| packages.get(id)) {
            if let Some(other) = self::layer(dependency)?
                && !layer.may_know(other)
                && !BUILDS_ON.contains(&(&package.name, &dependency.name))
            {
                wrong.push(format!("{} ({layer:?}) must not know {} ({other:?})", package.name, dependency.name));
            }
        }
        let below = below(packages, id);
        if layer == Layer::Core {
            for name in IMPURE.iter().filter(|name| below.contains_key(**name)) {
                if alone(&package.name, name)? {
                    wrong.push(format!("{} is pure, but has {name}: {}", package.name, path(packages, &below, name)));
                }
            }
        } else if !matches!(layer, Layer::Cli | Layer::Program | Layer::Aside) && below.contains_key("clap") {
            let path = path(packages, &below, "clap");
            wrong.push(format!("only weir-cli and programs may have clap, not {}: {path}", package.name));
        }
    }
    Ok(wrong)
}

/// The layer of a member; none for packages from elsewhere.
fn layer(package: &Package) -> Result<Option<Layer>> {
    let Some(folder) = &package.folder else { return Ok(None) };
    let layer = match folder.split('/').next() {
        Some("crates") => {
            CRATES.iter().find(|(name, _)| *name == package.name).map(|(_, layer)| *layer).with_context(|| {
                format!("{} has no layer yet; put it into CRATES of xtask/src/layers.rs", package.name)
            })?
        }
        Some("bins") => Layer::Program,
        _ => Layer::Aside,
    };
    Ok(Some(layer))
}

/// Everything below a package: name → the id it was first reached through.
fn below<'p>(packages: &'p BTreeMap<String, Package>, from: &'p str) -> BTreeMap<&'p str, (&'p str, &'p str)> {
    let mut reached: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    let mut seen = BTreeSet::from([from]);
    let mut next = vec![from];
    while let Some(id) = next.pop() {
        for dependency in packages.get(id).into_iter().flat_map(|package| &package.normal) {
            if seen.insert(dependency)
                && let Some(package) = packages.get(dependency)
            {
                reached.entry(&package.name).or_insert((dependency, id));
                next.push(dependency);
            }
        }
    }
    reached
}

/// Returns the way to a package: `weir-model → jiff → …`.
fn path(packages: &BTreeMap<String, Package>, below: &BTreeMap<&str, (&str, &str)>, to: &str) -> String {
    let mut names = vec![to];
    let mut name = to;
    while let Some(package) = below.get(name).and_then(|(_, through)| packages.get(*through)) {
        name = &package.name;
        names.push(name);
    }
    names.reverse();
    names.join(" → ")
}

/// Returns `true` if `name` is below a crate that is built by itself. In the whole workspace, another crate may have
/// switched on a feature of a package that both have.
fn has_alone(package: &str, name: &str) -> Result<bool> {
    let mut command = cargo();
    command.args(["tree", "--edges", "normal", "--prefix", "none", "--format", "{p}", "--package", package]);
    let output = command.output().with_context(|| format!("cannot start {}", line(&command)))?;
    if !output.status.success() {
        bail!("`{}` failed: {}", line(&command), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().any(|package| package.split(' ').next() == Some(name)))
}

/// Returns the packages that cargo resolved for this machine's platform, with their dependencies for use.
fn packages() -> Result<BTreeMap<String, Package>> {
    read(&metadata(&["--filter-platform", &host()?])?)
}

/// Returns `true` for a crate that only tests use.
pub(crate) fn is_for_tests(name: &str) -> bool {
    CRATES.contains(&(name, Layer::Testkit))
}

fn read(metadata: &Value) -> Result<BTreeMap<String, Package>> {
    let text = |value: &Value, key: &str| -> Result<String> {
        value[key].as_str().map(str::to_owned).with_context(|| format!("cargo metadata: no `{key}`"))
    };
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let root = text(metadata, "workspace_root")?;
    let members: BTreeSet<String> =
        list(&metadata["workspace_members"]).iter().filter_map(|id| id.as_str().map(str::to_owned)).collect();
    let mut packages = BTreeMap::new();
    for package in list(&metadata["packages"]) {
        let id = text(&package, "id")?;
        let manifest = text(&package, "manifest_path")?;
        let folder = members
            .contains(&id)
            .then(|| manifest.strip_prefix(&root).unwrap_or(&manifest).trim_start_matches('/').to_owned());
        packages.insert(id, Package { name: text(&package, "name")?, folder, normal: BTreeSet::new() });
    }
    for node in list(&metadata["resolve"]["nodes"]) {
        let normal = list(&node["deps"])
            .iter()
            .filter(|dep| list(&dep["dep_kinds"]).iter().any(|kind| kind["kind"].is_null()))
            .filter_map(|dep| dep["pkg"].as_str().map(str::to_owned))
            .collect();
        if let Some(package) = packages.get_mut(&text(&node, "id")?) {
            package.normal = normal;
        }
    }
    Ok(packages)
}

/// The platform that rustc builds for.
fn host() -> Result<String> {
    let output = std::process::Command::new("rustc").arg("-vV").output().context("cannot start rustc")?;
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .find_map(|line| line.strip_prefix("host: ").map(str::to_owned))
        .context("`rustc -vV` names no host")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A workspace of `(name, folder, dependencies)`; no folder: from elsewhere.
    fn workspace(packages: &[(&str, &str, &[&str])]) -> BTreeMap<String, Package> {
        packages
            .iter()
            .map(|(name, folder, normal)| {
                let package = Package {
                    name: (*name).to_owned(),
                    folder: (!folder.is_empty()).then(|| (*folder).to_owned()),
                    normal: normal.iter().map(|id| (*id).to_owned()).collect(),
                };
                ((*name).to_owned(), package)
            })
            .collect()
    }

    #[test]
    fn an_impure_core_is_seen_through_others() {
        let packages = workspace(&[
            ("weir-model", "crates/weir-model/Cargo.toml", &["weir-findings"]),
            ("weir-findings", "crates/weir-findings/Cargo.toml", &["helper"]),
            ("helper", "", &["tokio"]),
            ("tokio", "", &[]),
        ]);
        assert_eq!(
            check(&packages, &|_, _| Ok(true)).unwrap(),
            [
                "weir-findings is pure, but has tokio: weir-findings → helper → tokio",
                "weir-model is pure, but has tokio: weir-model → weir-findings → helper → tokio",
            ]
        );
    }

    #[test]
    fn what_others_switched_on_is_not_held_against_a_core() {
        let packages = workspace(&[
            ("weir-findings", "crates/weir-findings/Cargo.toml", &["uuid"]),
            ("uuid", "", &["getrandom"]),
            ("getrandom", "", &[]),
        ]);
        let alone = |package: &str, name: &str| Ok((package, name) != ("weir-findings", "getrandom"));
        assert!(check(&packages, &alone).unwrap().is_empty());
    }

    #[test]
    fn adapters_do_not_know_each_other_nor_clap() {
        let packages = workspace(&[
            ("weir-sandbox", "crates/weir-sandbox/Cargo.toml", &["weir-secrets", "clap"]),
            ("weir-secrets", "crates/weir-secrets/Cargo.toml", &[]),
            ("weir-confluent", "crates/weir-confluent/Cargo.toml", &["weir-kafka"]),
            ("weir-kafka", "crates/weir-kafka/Cargo.toml", &[]),
            ("clap", "", &[]),
        ]);
        assert_eq!(
            check(&packages, &|_, _| Ok(true)).unwrap(),
            [
                "weir-sandbox (Adapter) must not know weir-secrets (Adapter)",
                "only weir-cli and programs may have clap, not weir-sandbox: weir-sandbox → clap",
            ]
        );
    }

    #[test]
    fn nothing_that_ships_knows_the_testkit() {
        let packages = workspace(&[
            ("weir", "bins/weir/Cargo.toml", &["weir-testkit"]),
            ("weir-testkit", "crates/weir-testkit/Cargo.toml", &[]),
            ("weir-bench", "benches/Cargo.toml", &["weir-testkit"]),
        ]);
        assert_eq!(
            check(&packages, &|_, _| Ok(true)).unwrap(),
            ["weir (Program) must not know weir-testkit (Testkit)"]
        );
    }

    #[test]
    fn programs_do_not_know_each_other() {
        let packages = workspace(&[
            ("weir", "bins/weir/Cargo.toml", &["weir-cli", "weir-plan"]),
            ("weir-plan", "bins/weir-plan/Cargo.toml", &["weir-cli", "weir-pipeline"]),
            ("weir-cli", "crates/weir-cli/Cargo.toml", &["weir-pipeline"]),
            ("weir-pipeline", "crates/weir-pipeline/Cargo.toml", &["weir-cli"]),
        ]);
        assert_eq!(
            check(&packages, &|_, _| Ok(true)).unwrap(),
            [
                "weir (Program) must not know weir-plan (Program)",
                "weir-pipeline (Pipeline) must not know weir-cli (Cli)",
                "weir-plan (Program) must not know weir-pipeline (Pipeline)",
            ]
        );
    }

    #[test]
    fn a_new_crate_needs_a_layer() {
        let packages = workspace(&[("weir-extra", "crates/weir-extra/Cargo.toml", &[])]);
        assert!(check(&packages, &|_, _| Ok(true)).unwrap_err().to_string().contains("has no layer yet"));
    }
}
