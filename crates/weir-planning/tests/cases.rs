//! One test for each folder of `tests/cases`: `desired.yaml`, perhaps a file of team toll, and `observed.json` give
//! `plan.txt`, `plan.json` and `findings.txt`. `WEIR_BLESS=1` rewrites the expected files.

#![expect(clippy::disallowed_methods, reason = "this test reads case folders")]

use std::{fs, path::Path};

use serde::Deserialize;
use weir_model::load;
use weir_planning::{Observed, Plan, PlanOptions, desired, plan, render};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// The claim of the case, in a sentence.
    about: String,
    /// The stage that is planned.
    #[serde(default = "dev")]
    stage: String,
    /// The time.
    #[serde(default = "noon")]
    now: String,
}

fn dev() -> String {
    "dev".to_owned()
}

fn noon() -> String {
    "2026-03-01T12:00:00Z".to_owned()
}

fn case(toml: &Path) -> datatest_stable::Result<()> {
    let folder = toml.parent().ok_or("a case is in a folder")?;
    let read = |name: &str| fs::read_to_string(folder.join(name)).map_err(|err| format!("{name}: {err}"));
    let Case { about, stage, now } = toml::from_str(&read("case.toml")?)?;
    if about.trim().is_empty() {
        return Err("case.toml does not say what the case is about".into());
    }
    const OF_TEAM: &str = "teams/toll/kafka.yaml";
    let mut files = vec![("desired.yaml", read("desired.yaml")?)];
    if folder.join(OF_TEAM).exists() {
        files.push((OF_TEAM, read(OF_TEAM)?));
    }
    let loaded = load(files);
    if !loaded.findings.is_empty() {
        return Err(format!("desired.yaml has findings: {:#?}", loaded.findings).into());
    }
    let workspace = loaded.workspace.as_ref().ok_or("desired.yaml has no workspace")?;
    let wanted = desired(&workspace.stage(&stage)?, now.parse()?);
    let observed: Observed = serde_json::from_str(&read("observed.json")?)?;
    let outcome = plan(&wanted, &observed, &PlanOptions { now: now.parse()?, commit: None });

    let findings: String = outcome
        .findings
        .iter()
        .map(|finding| {
            let at = loaded.locate(&finding.at);
            let (file, position) = (loaded.sources.file(at.file).path(), loaded.sources.position(at));
            let help = finding.help.as_ref().map(|help| format!("\n  help: {help}")).unwrap_or_default();
            format!(
                "{}[{}]: {}\n  --> {file}:{}:{}{help}\n",
                finding.severity, finding.rule, finding.message, position.line, position.column
            )
        })
        .collect();
    let json = outcome.plan.to_json();
    assert_eq!(Plan::from_json(&json)?, outcome.plan, "a plan reads as it was written");
    let withheld = match outcome.clone().accept() {
        Ok(_) => "",
        Err(_) => "(withheld: there are errors)\n",
    };
    let text = format!(
        "{withheld}{}---\n{}",
        render::text(&outcome.plan, false),
        render::drift(&weir_planning::Drift::of(&outcome.plan), false)
    );

    for (name, actual) in [("plan.txt", text), ("plan.json", json), ("findings.txt", findings)] {
        weir_testkit::expect(folder.join(name), &actual);
    }
    Ok(())
}

datatest_stable::harness! {
    { test = case, root = "tests/cases", pattern = r"/case\.toml$" },
}
