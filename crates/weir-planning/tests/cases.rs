//! One test for each folder of `tests/cases`: `desired.yaml`, the files in `teams` and `observed.json` give `plan.txt`, `plan.json` and
//! `findings.txt`; where the case asks for it, `comment.md` too. `WEIR_BLESS=1` rewrites the expected files.

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
    /// `true` if the comment on a pull request is compared too.
    #[serde(default)]
    comment: bool,
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
    let Case { about, stage, now, comment } = toml::from_str(&read("case.toml")?)?;
    if about.trim().is_empty() {
        return Err("case.toml does not say what the case is about".into());
    }
    let mut files = vec![("desired.yaml".to_owned(), read("desired.yaml")?)];
    for file in fs::read_dir(folder.join("teams")).into_iter().flatten() {
        let file = file?;
        // A team has a file, or a folder with one.
        let folder = if file.file_type()?.is_dir() { "/kafka.yaml" } else { "" };
        let path = format!("teams/{}{folder}", file.file_name().to_string_lossy());
        let text = read(&path)?;
        files.push((path, text));
    }
    let loaded = load(files);
    if !loaded.findings.is_empty() {
        return Err(format!("the files have findings: {:#?}", loaded.findings).into());
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
    if comment {
        weir_testkit::expect(folder.join("comment.md"), &render::markdown(&outcome.plan));
    }
    Ok(())
}

datatest_stable::harness! {
    { test = case, root = "tests/cases", pattern = r"/case\.toml$" },
}
