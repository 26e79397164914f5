//! The artefacts as files.

use std::path::Path;

use weir_planning::{Observed, Plan, PlanError, plan, schema};

use crate::sample::{WORKSPACE, desired_of, options};

#[test]
fn the_committed_schemas_are_those_of_the_types() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas");
    for (name, schema) in schema::artefacts() {
        let mut is = serde_json::to_string_pretty(&schema).unwrap();
        is.push('\n');
        weir_testkit::expect(folder.join(name), &is);
    }
}

fn sample() -> Plan {
    let topic = "apiVersion: weir/v1\nkind: Topic\nmetadata: {name: a, team: toll}\nspec: {partitions: 3}\n";
    plan(&desired_of([WORKSPACE, topic]), &Observed::default(), &options()).accept().unwrap()
}

#[test]
fn a_plan_that_was_changed_is_not_read() {
    let json = sample().to_json();
    assert_eq!(Plan::from_json(&json).unwrap(), sample());
    let forged = json.replace("\"partitions\": 3", "\"partitions\": 30");
    assert!(matches!(Plan::from_json(&forged), Err(PlanError::Digest)));
    let added = json.replacen('{', "{\"extra\": 1,", 1);
    assert!(matches!(Plan::from_json(&added), Err(PlanError::Syntax(_))));
    for wrong in ["", "{}", "[]", "null", "\u{0}"] {
        assert!(matches!(Plan::from_json(wrong), Err(PlanError::Syntax(_))), "{wrong}");
    }
}

#[test]
fn a_plan_of_another_version_is_named() {
    let text = r#"{"format": "weir.plan/v9", "novelty": true}"#;
    insta::assert_snapshot!(Plan::from_json(text).unwrap_err(), @"the plan's format is `weir.plan/v9`, this version reads `weir.plan/v1`; plan again");
}

#[test]
fn white_space_is_not_content() {
    let plan = sample();
    let compact = serde_json::to_string(&plan).unwrap();
    assert_eq!(Plan::from_json(&compact).unwrap(), plan);
}
