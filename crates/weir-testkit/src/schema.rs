//! Schemas of other people's formats, read from published packages.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// The package on PyPI that holds the schemas of pipelines, and its version.
const CHECK_JSONSCHEMA: (&str, &str) = ("check-jsonschema", "0.39.0");

/// A format of other people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// SARIF 2.1.0, from the crate `serde-sarif`.
    Sarif,
    /// Pipelines of Azure DevOps, from `check-jsonschema` on PyPI.
    AzurePipelines,
    /// Workflows of GitHub Actions, from `check-jsonschema` on PyPI.
    GithubWorkflow,
}

/// Returns the JSON Schema of a format. The first call fetches its package and keeps it in the user's cache folder. If
/// that is impossible, returns `None` after a [`skip`](crate::skip()).
///
/// # Panics
///
/// If the package has no such schema; and if it cannot be fetched and `CI=true`.
#[track_caller]
pub fn schema(format: Format) -> Option<Value> {
    let file = match format {
        Format::Sarif => crate_folder("serde-sarif").map(|folder| folder.join("src/schema.json")),
        Format::AzurePipelines => pipelines().map(|folder| folder.join("azure-pipelines.json")),
        Format::GithubWorkflow => pipelines().map(|folder| folder.join("github-workflows.json")),
    };
    match file {
        Ok(file) => {
            let text = fs::read_to_string(&file).unwrap_or_else(|err| panic!("{}: {err}", file.display()));
            // The patterns for languages in this edition of SARIF's schema have an unpaired bracket.
            let text = text.replace("-[a-zA-Z]{2}]?$", "-[a-zA-Z]{2}$");
            Some(serde_json::from_str(&text).unwrap_or_else(|err| panic!("{}: {err}", file.display())))
        }
        Err(why) => {
            crate::skip(&format!("the schema of {format:?} cannot be fetched: {why}"));
            None
        }
    }
}

/// Returns the folder of a crate that `tools/schemas` depends on.
fn crate_folder(name: &str) -> Result<PathBuf, String> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tools/schemas/Cargo.toml");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut metadata = Command::new(cargo);
    let metadata = run(metadata.args(["metadata", "--format-version", "1", "--locked", "--manifest-path", manifest]))?;
    let metadata: Value = serde_json::from_str(&metadata).map_err(|err| err.to_string())?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let manifest = packages.filter(|package| package["name"] == name).find_map(|p| p["manifest_path"].as_str());
    let folder = manifest.and_then(|manifest| Path::new(manifest).parent());
    folder.map(Path::to_owned).ok_or_else(|| format!("cargo metadata names no {name}"))
}

/// Returns the folder with the schemas of pipelines.
fn pipelines() -> Result<PathBuf, String> {
    let (package, version) = CHECK_JSONSCHEMA;
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")));
    let tools = cache.ok_or("neither XDG_CACHE_HOME nor HOME names a cache folder")?.join("weir/tools");
    let folder = tools.join(format!("{package}-{version}"));
    if !folder.exists() {
        // Other tests may fetch it at the same time: it appears whole, and the first one wins.
        let own = tools.join(format!("{package}-{}", std::process::id()));
        let (venv, files) = (own.join("venv"), own.join("files"));
        run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
        let mut pip = Command::new(venv.join("bin/pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"]);
        run(pip.arg("--target").arg(&files).arg(format!("{package}=={version}")))?;
        let moved = fs::rename(&files, &folder);
        let _ = fs::remove_dir_all(&own);
        moved.or_else(|err| if folder.exists() { Ok(()) } else { Err(err.to_string()) })?;
    }
    Ok(folder.join("check_jsonschema/builtin_schemas/vendor"))
}

/// Runs a program and returns its output.
fn run(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|err| format!("{program}: {err}"))?;
    match output.status.success() {
        true => String::from_utf8(output.stdout).map_err(|err| err.to_string()),
        false => Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}
