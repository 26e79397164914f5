//! Every folder of `cases` is an import: what was observed of a stage (`<stage>.json`, bindings in one line each), the
//! workspace (`weir.yaml`, else `base.yaml`; `declared.yaml`), and what comes of it: the teams' files, one after the
//! other, and the summary.
//!
//! `WEIR_BLESS=1` rewrites the expected files.

use std::{fmt::Write as _, fs, path::Path};

use serde_json::{Value, json};
use weir_findings::Severity;
use weir_import::{Import, TeamRule, import_stages, summary};
use weir_model::Adopt;
use weir_planning::{Observed, PlanOptions, desired, plan};

const BASE: &str = include_str!("base.yaml");
const NOW: &str = "2026-11-22T12:00:00Z";

fn case(file: &Path) -> datatest_stable::Result<()> {
    let folder = file.parent().ok_or("no folder")?;
    let settings: toml::Table = read(file)?.parse()?;
    let setting = |name| settings.get(name).and_then(toml::Value::as_str);
    let teams = TeamRule::new(setting("team-by"), setting("default-team"))?;

    let mut files = vec![("weir.yaml".to_owned(), read(&folder.join("weir.yaml")).unwrap_or(BASE.to_owned()))];
    files.extend(read(&folder.join("declared.yaml")).ok().map(|text| ("declared.yaml".to_owned(), text)));
    let loaded = weir_model::load(files.clone());
    let workspace = loaded.workspace.as_ref().ok_or("no workspace")?;
    let mut observed = Vec::new();
    for stage in &workspace.settings.spec.stages {
        if let Ok(text) = read(&folder.join(format!("{}.json", stage.name))) {
            observed.push((stage.name.clone(), full(serde_json::from_str(&text)?)?));
        }
    }
    let now = NOW.parse()?;
    let stages = observed.iter().map(|(stage, observed)| (stage.clone(), observed)).collect();
    let (yaml, text) = match import_stages(&Import { workspace, stages, teams: &teams, now, schema: None }) {
        Err(error) => (String::new(), format!("error: {error}\n")),
        Ok(imported) => {
            let mut yaml = String::new();
            for (name, text) in &imported.files {
                write!(yaml, "{}## {name}\n{text}", if yaml.is_empty() { "" } else { "---\n" })?;
            }
            files.extend(imported.files.clone());
            let adopt = imported.adopt.iter().map(|(stage, Adopt { topics, service_accounts })| {
                (stage.clone(), json!({"topics": topics, "serviceAccounts": service_accounts}))
            });
            let adopt = Value::Object(adopt.collect()).to_string();
            let with_list = format!("ownership: {{adopt: {adopt}, ");
            files[0].1 = files[0].1.replace("ownership: {", &with_list);
            changes_nothing(files, &observed, now)?;
            (yaml, summary(&imported))
        }
    };
    for (name, text) in [("expected.yaml", &yaml), ("expected.txt", &text)] {
        weir_testkit::expect(folder.join(name), text);
    }
    Ok(())
}

/// The files are valid, and there is nothing to do for them.
fn changes_nothing(
    files: Vec<(String, String)>,
    observed: &[(String, Observed)],
    now: jiff::Timestamp,
) -> datatest_stable::Result<()> {
    let loaded = weir_model::load(files);
    for finding in weir_validation::validate(&loaded, None, None).expect("all stages") {
        if finding.severity == Severity::Error {
            return Err(format!("{}: {}", finding.rule, finding.message).into());
        }
    }
    let workspace = loaded.workspace.as_ref().ok_or("no workspace")?;
    for (stage, observed) in observed {
        let outcome = plan(&desired(&workspace.stage(stage)?, now), observed, &PlanOptions { now, commit: None });
        for step in &outcome.plan.steps {
            let Some(entity) = step.entity.as_ref().map(ToString::to_string) else { continue };
            // The entities of `in-slices` differed from the cluster before the import.
            if entity != "AccessControlList/toll-app" && entity != "ServiceAccount/toll-app" {
                return Err(format!("{stage}: {}", step.id).into());
            }
        }
    }
    Ok(())
}

/// Fills in what every observed state has, and reads bindings such as `from 10.0.0.1 allow Read topic literal x`.
fn full(mut given: Value) -> datatest_stable::Result<Observed> {
    for acls in given["acls"].as_object_mut().into_iter().flat_map(|all| all.values_mut()) {
        let lines = acls.as_array().ok_or("no list")?;
        *acls = lines.iter().filter_map(Value::as_str).map(binding).collect::<Option<_>>().ok_or("no binding")?;
    }
    let mut whole = json!({
        "format": Observed::FORMAT,
        "cluster": {"id": "c", "brokers": 3, "defaultPartitions": 1, "defaultReplicationFactor": 3},
        "topics": {}, "otherTopics": [], "accounts": {}, "acls": {}, "keys": {}, "secrets": [],
    });
    for (name, value) in given.as_object_mut().ok_or("no object")? {
        whole[name] = value.take();
    }
    Ok(serde_json::from_value(whole)?)
}

fn binding(line: &str) -> Option<Value> {
    let (host, rest) = match line.strip_prefix("from ") {
        Some(rest) => rest.split_once(' ')?,
        None => ("*", line),
    };
    let mut words = rest.splitn(5, ' ');
    let mut word = || words.next();
    Some(json!({
        "permission": word()?, "operation": word()?, "resource": word()?, "pattern": word()?, "name": word()?,
        "host": host,
    }))
}

#[expect(clippy::disallowed_methods, reason = "the cases are files")]
fn read(path: &Path) -> std::io::Result<String> {
    fs::read_to_string(path)
}

datatest_stable::harness! {
    { test = case, root = "tests/cases", pattern = r"/case\.toml$" },
}
