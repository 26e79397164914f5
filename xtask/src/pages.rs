//! Tests of the crates' pages: `README.md` in each folder of `crates/`.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use toml::Table;

use crate::command::{cargo, root};

/// Crates with a page that is built as a package of its own: the ones for programs that embed weir.
const BUILT: [&str; 3] = ["weir-pipeline", "weir-planning", "weir-validation"];

fn crates() -> Vec<String> {
    let folders = fs::read_dir(root().join("crates")).unwrap().map(Result::unwrap);
    let folders = folders.filter(|folder| folder.path().join("Cargo.toml").exists());
    folders.map(|folder| folder.file_name().into_string().unwrap()).collect()
}

/// Returns the text of the first code block that opens with `opening`.
fn block<'p>(page: &'p str, opening: &str) -> Option<&'p str> {
    let (_, rest) = page.split_once(&format!("\n```{opening}"))?;
    let (_, rest) = rest.split_once('\n')?;
    rest.split_once("```").map(|(text, _)| text)
}

fn page(name: &str) -> String {
    fs::read_to_string(root().join("crates").join(name).join("README.md")).unwrap_or_default()
}

fn manifest(path: &Path) -> Table {
    fs::read_to_string(path).unwrap().parse().unwrap()
}

/// Returns the mistakes of the `Cargo.toml` that the page of `name` shows.
fn mistakes(name: &str, shown: &str, workspace: &Table) -> Vec<String> {
    let shown: Table = match shown.parse() {
        Ok(shown) => shown,
        Err(err) => return vec![format!("{name}: {err}")],
    };
    let mut mistakes = Vec::new();
    if shown["package"].get("edition") != workspace["workspace"]["package"].get("edition") {
        mistakes.push(format!("{name}: another edition than the workspace's"));
    }
    let dependencies = shown["dependencies"].as_table().unwrap();
    if !dependencies.contains_key(name) {
        mistakes.push(format!("{name}: the page does not depend on its own crate"));
    }
    for (dependency, value) in dependencies {
        let Some(path) = value.get("path") else {
            if workspace["workspace"]["dependencies"].get(dependency).is_none() {
                mistakes.push(format!("{name}: weir does not use `{dependency}`"));
            }
            continue;
        };
        if path.as_str() != Some(&format!("../weir/crates/{dependency}")) {
            mistakes.push(format!("{name}: `{dependency}` has the path {path:?}"));
            continue;
        }
        let file = root().join("crates").join(dependency).join("Cargo.toml");
        if !file.exists() {
            mistakes.push(format!("{name}: there is no crate `{dependency}`"));
            continue;
        }
        let known = manifest(&file);
        let known: BTreeSet<&str> = known
            .get("features")
            .and_then(|table| table.as_table())
            .into_iter()
            .flat_map(|t| t.keys().map(|k| &**k))
            .collect();
        let named = value.get("features").and_then(|features| features.as_array()).into_iter().flatten();
        for feature in named.filter_map(|feature| feature.as_str()).filter(|feature| !known.contains(feature)) {
            mistakes.push(format!("{name}: `{dependency}` has no feature `{feature}`"));
        }
    }
    mistakes
}

/// Returns the crates that the example of `name` uses although the `Cargo.toml` on the page does not name them.
fn undeclared(name: &str, shown: &str, example: &str, workspace: &Table) -> Vec<String> {
    let declared = shown.parse::<Table>().unwrap_or_default();
    let known = workspace["workspace"]["dependencies"].as_table().unwrap().keys().map(String::as_str);
    let uses = |known: &&str| {
        let path = format!("{}::", known.replace('-', "_"));
        let inside = |before: &str| before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
        // `use weir_cli::{Exit, clap};` brings a crate that another one passes on.
        let passed_on = |line: &str| line.split(['{', '}', ',', ' ', ';']).any(|word| format!("{word}::") == path);
        let imported = example.lines().filter(|line| line.starts_with("use ")).any(passed_on);
        !imported && example.match_indices(&path).any(|(at, _)| !inside(&example[..at]))
    };
    let lacking = known.filter(uses).filter(|used| declared["dependencies"].get(used).is_none());
    lacking.map(|used| format!("{name}: the example uses `{used}`, which the page's Cargo.toml lacks")).collect()
}

#[test]
fn each_crate_has_a_page_with_a_manifest_and_an_example() {
    let workspace = manifest(&root().join("Cargo.toml"));
    let mut found = Vec::new();
    for name in crates() {
        let page = page(&name);
        if !page.starts_with(&format!("# {name}\n")) {
            found.push(format!("{name}: no README.md with its name as the heading"));
            continue;
        }
        match (block(&page, "toml"), block(&page, "rust")) {
            (Some(shown), Some(example)) => {
                found.extend(mistakes(&name, shown, &workspace));
                found.extend(undeclared(&name, shown, example, &workspace));
            }
            (None, _) => found.push(format!("{name}: no Cargo.toml")),
            (_, None) => found.push(format!("{name}: no example")),
        }
        let library = fs::read_to_string(root().join("crates").join(&name).join("src/lib.rs")).unwrap();
        if !library.contains("include_str!(\"../README.md\")") {
            found.push(format!("{name}: the example is not tested"));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn wrong_manifests_are_found() {
    let workspace = manifest(&root().join("Cargo.toml"));
    let shown = "package.edition = '2015'\n[dependencies]\nweir-model = { path = '../weir/crates/weir-model', \
                 features = ['x'] }\nweir-x = { path = '../weir/crates/weir-x' }\nleft-pad = '1'\n";
    assert_eq!(mistakes("weir-model", shown, &workspace).len(), 4);
    let example = "use weir_model::load;\nuse weir_model::{clap};\nlet x = serde_json::from_str(weir_model::serde::x);\nclap::x();\n";
    assert_eq!(undeclared("weir-model", shown, example, &workspace).len(), 1);
}

/// The manifest and the example of these pages build, in a folder outside the workspace.
#[test]
fn pages_for_embedding_build() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/pages");
    for name in BUILT {
        let page = page(name);
        let package = folder.join(name);
        fs::create_dir_all(package.join("src")).unwrap();
        let manifest = block(&page, "toml").unwrap().replace("\"my-tool\"", &format!("\"{name}-page\""));
        let manifest = manifest.replace("../weir/", &format!("{}/", root().display()));
        fs::write(package.join("Cargo.toml"), manifest).unwrap();
        fs::write(package.join("src/main.rs"), block(&page, "rust").unwrap()).unwrap();
    }
    fs::write(folder.join("Cargo.toml"), "[workspace]\nresolver = \"3\"\nmembers = [\"weir-*\"]\n").unwrap();
    fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    let mut command = cargo();
    command.args(["check", "--quiet", "--offline", "--workspace", "--target-dir"]).arg(folder.join("target"));
    command.current_dir(&folder).env_remove("RUSTFLAGS");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
