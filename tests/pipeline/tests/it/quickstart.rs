//! Tests of the promises in the README.

use std::{fs, path::Path};

use crate::World;

#[test]
fn files_become_a_stage_and_an_edit_becomes_exactly_that_change() {
    let mut world = World::new();
    assert_eq!(world.run("weir-validate"), 0);
    assert_eq!(world.run("weir-plan --stage dev --out plan.json"), 0);
    assert_eq!(world.run("weir up --stage dev --yes --receipt receipt.json"), 0);
    assert_eq!(world.run("weir up --stage dev"), 0);
    world.edit("toll.yaml", "partitions: 3", "partitions: 4");
    assert_eq!(world.run("weir up --stage dev --yes"), 0);
    assert_eq!(world.run("weir-plan drift --stage dev"), 0);
    insta::assert_snapshot!(world.said());
}

#[test]
fn one_artefact_leads_to_the_next() {
    let mut world = World::new();
    assert_eq!(world.run("weir-plan observe --stage dev --out observed.json"), 0);
    assert_eq!(world.run("weir-plan --stage dev --observed observed.json --out plan.json --format json"), 0);
    world.transcript.clear();
    assert_eq!(world.run("weir-plan show plan.json --format json"), 0);
    let shown = world.transcript.clone();
    assert!(shown.contains(&world.read("plan.json")), "what is shown is what was written");
    assert_eq!(world.run("weir-deploy plan.json --receipt - --journal journal.jsonl"), 0);
    assert!(world.read("journal.jsonl").contains("run-finished"));
    world.transcript.clear();
    assert_eq!(world.run("weir-deploy plan.json"), 0);
    insta::assert_snapshot!(world.said());
}

#[test]
fn without_a_terminal_no_confirmation_is_asked() {
    let mut world = World::new();
    assert_eq!(world.run("weir up --stage dev"), 1);
    let said = world.said();
    let (_, talk) = said.split_once("! ").expect("it says why");
    insta::assert_snapshot!(talk, @"
    error: this plan needs a confirmation, and there is no terminal to ask on
    !   = help: deploy it without a question: --yes
    [1]
    ");
    assert_eq!(world.run("weir-plan --stage dev --detailed-exitcode"), 3, "nothing was done");
}

/// A plan for an unreachable cluster uses a state that was observed where the cluster can be reached.
#[test]
fn a_plan_needs_no_network() {
    let mut world = World::new();
    assert_eq!(world.run("weir-plan observe --stage dev --out observed.json"), 0);
    let sandbox = "nonprod: {sandbox: {path: .weir/nonprod, clusterId: nonprod}}";
    world.edit(
        "weir.yaml",
        sandbox,
        "nonprod: {apacheKafka: {bootstrap: \"b1:9092\", clusterId: nonprod, credentials: {env: ONPREM}}}",
    );
    world.transcript.clear();
    assert_eq!(world.run("weir-plan --stage dev"), 6);
    insta::assert_snapshot!(world.said(), @"
    $ weir-plan --stage dev
    ! error: cluster `nonprod` cannot be opened: the environment variable ONPREM_USERNAME is not set; `credentials: {env: ONPREM}` needs it
    !   = help: plan from a file that weir-plan observe wrote: weir-plan --stage dev --observed FILE
    [6]
    ");
    assert_eq!(world.run("weir-plan --stage dev --observed observed.json --detailed-exitcode"), 3, "{}", world.said());
}

#[test]
fn a_stage_that_needs_approval_takes_the_approved_plan_only() {
    let mut world = World::new();
    assert_eq!(world.run("weir-plan --stage prod --out plan.json"), 0);
    world.transcript.clear();
    assert_eq!(world.run("weir-deploy plan.json"), 1);
    let plan: serde_json::Value = serde_json::from_str(&world.read("plan.json")).expect("JSON");
    let digest = plan["digest"].as_str().expect("a digest");
    assert_eq!(world.run(&format!("weir-deploy plan.json --digest {digest} --receipt receipt.json")), 0);
    assert!(world.read("receipt.json").contains(r#""outcome": "complete""#));
    let (refusal, _) = world.transcript.split_once("\n\n").expect("two runs");
    insta::assert_snapshot!(refusal.replace(digest, "DIGEST"), @"
    $ weir-deploy plan.json
    ! error: plans of stage `prod` need approval; review this one and pass its digest: --digest DIGEST
    [1]
    ");
}

/// Secrets are in the vaults' folder only: in no other file and in no output.
#[test]
fn secrets_are_in_the_vaults_only() {
    let mut world = World::new();
    assert_eq!(world.run("weir-plan --stage dev --out plan.json --verbose"), 0);
    assert_eq!(world.run("weir-deploy plan.json --receipt receipt.json --verbose"), 0);
    assert_eq!(world.run("weir-plan observe --stage dev --out observed.json"), 0);
    assert_eq!(world.run("weir-plan --stage dev --format markdown"), 0);
    let vaults = world.path(".weir/nonprod/vaults");
    let secrets: Vec<String> = files(&vaults, None)
        .iter()
        .map(|text| {
            let file: serde_json::Value = serde_json::from_str(text).expect("JSON");
            let value = file["versions"][0]["value"].as_str().expect("a value");
            let value: serde_json::Value = serde_json::from_str(value).expect("JSON");
            value["api_secret"].as_str().expect("a secret").to_owned()
        })
        .collect();
    assert_eq!(secrets.len(), 3);
    let mut said = files(world.dir.path(), Some(&vaults));
    assert!(said.len() > 8, "the sandbox's files and the journal are among them");
    said.push(world.transcript);
    for secret in secrets {
        assert!(secret.len() >= 16);
        assert!(said.iter().all(|text| !text.contains(&secret)), "a secret got out");
    }
}

/// Returns the text of all files under `folder`, except for those under `except`.
fn files(folder: &Path, except: Option<&Path>) -> Vec<String> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if !path.is_dir() {
            texts.push(fs::read_to_string(path).expect("text"));
        } else if Some(path.as_path()) != except {
            texts.extend(files(&path, except));
        }
    }
    texts
}
