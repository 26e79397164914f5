//! Tests of output for programs.

use std::process::{Command, Stdio};

use crate::{World, repository};

fn json(command: &mut Command) -> serde_json::Value {
    let output = command.output().expect("it runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    serde_json::from_str(&text).unwrap_or_else(|err| panic!("{err} in:\n{text}"))
}

#[test]
fn every_json_output_says_its_format() {
    let mut world = World::new();
    assert_eq!(world.run("weir-plan --stage dev --out plan.json"), 0);
    for (line, format) in [
        ("weir-validate --format json", "weir.findings/v1"),
        ("weir-validate show Topic/toll.passages.v1 --stage dev --format json", "weir.shown/v1"),
        ("weir-validate explain --format json", "weir.rules/v1"),
        ("weir-validate explain sharing-consent --format json", "weir.rules/v1"),
        ("weir-plan --stage dev --format json", "weir.plan/v1"),
        ("weir-plan --stage dev --out -", "weir.plan/v1"),
        ("weir-plan show plan.json --format json", "weir.plan/v1"),
        ("weir-plan drift --stage dev --format json", "weir.drift/v1"),
        ("weir-plan observe --stage dev --out -", "weir.observed/v1"),
        ("weir-deploy plan.json --format json", "weir.receipt/v1"),
    ] {
        let value = json(&mut world.command(line));
        assert_eq!(value["format"], format, "{line}");
    }
    world.edit("weir.yaml", "approval: required", "approval: require");
    let value = json(&mut world.command("weir-plan --stage dev --format json"));
    assert_eq!(value["format"], "weir.findings/v1", "without a plan the findings are the data");
    assert_ne!(value["errors"], 0);
}

#[test]
fn a_receipt_can_be_markdown() {
    let mut world = World::new();
    assert_eq!(world.run("weir-plan --stage dev --out plan.json"), 0);
    let digest = format!("sha256:{}", "0".repeat(64));
    let line = format!("weir-deploy plan.json --digest {digest} --format markdown");
    let refused = world.command(&line).output().expect("it runs");
    assert_eq!(refused.status.code(), Some(1));
    let text = String::from_utf8_lossy(&refused.stdout).into_owned();
    assert!(text.starts_with("### dev on nonprod") && text.contains(&digest), "{text}");
    let done = world.command("weir-deploy plan.json --format markdown").output().expect("it runs");
    assert_eq!(done.status.code(), Some(0));
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(text.starts_with("### dev on nonprod (nonprod): deployed: "), "{text}");
    assert!(text.contains("<details><summary>") && text.contains("| created | `create-topic dev.toll."), "{text}");
}

/// `weir-validate explain | head -1` is no error.
#[test]
fn a_closed_pipe_is_no_error() {
    let world = World::new();
    for line in ["weir-validate explain", "weir-plan --stage dev", "weir --help"] {
        let mut child = world.command(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(0), "{line}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{line}");
    }
}

#[test]
fn colours_are_for_terminals_unless_asked_for() {
    let mut world = World::new();
    world.edit("toll.yaml", "kind: Topic", "kind: Topik");
    let colored = |line: &str, variable: Option<&str>| {
        let mut command = world.command(line);
        command.envs(variable.map(|variable| (variable, "1")));
        let output = command.output().expect("it runs");
        output.stdout.contains(&0x1b)
    };
    assert!(!colored("weir-validate", None));
    assert!(colored("weir-validate --color always", None));
    assert!(colored("weir-validate", Some("CLICOLOR_FORCE")));
    assert!(!colored("weir-validate --color never", Some("CLICOLOR_FORCE")));
    assert!(!colored("weir-validate", Some("NO_COLOR")));
}

#[test]
fn unowned_objects_are_listed_only_on_demand() {
    let mut world = World::new();
    std::fs::write(world.path("azure-pipelines.yaml"), "trigger: [main]\n").expect("written");
    assert_eq!(world.run("weir-validate"), 0);
    assert!(!world.said().contains("azure-pipelines"));
    assert_eq!(world.run("weir-validate --verbose"), 0);
    assert!(world.said().contains("! skipped azure-pipelines.yaml: it has no document for weir"), "{}", world.said());
}

#[test]
fn printed_schemas_match_the_repository() {
    let mut world = World::new();
    assert_eq!(world.run("weir-validate schema --out schemas"), 0);
    let written = std::fs::read_dir(world.path("schemas")).expect("a folder").count();
    assert!(written >= 6, "{}", world.said());
    let value: serde_json::Value = serde_json::from_str(&world.read("schemas/weir.schema.json")).expect("JSON");
    assert!(value["oneOf"].is_array());
    assert!(repository().join("fixtures").is_dir());
}

/// Returns the validator of a committed schema. `cargo xtask bless` rewrites the schema.
fn committed(name: &str, schema: &impl serde::Serialize) -> jsonschema::Validator {
    let text = format!("{}\n", serde_json::to_string_pretty(schema).expect("JSON"));
    weir_testkit::expect(repository().join("schemas").join(name), &text);
    jsonschema::validator_for(&serde_json::from_str(&text).expect("JSON")).expect("a schema")
}

#[test]
fn the_schema_of_shown_values_is_committed() {
    let validator = committed("shown.schema.json", &weir_cli::commands::shown_schema());
    let world = World::new();
    for entity in ["Topic/toll.passages.v1", "ServiceAccount/toll-billing", "AccessControlList/toll-billing"] {
        let mut value = json(&mut world.command(&format!("weir-validate show {entity} --stage dev --format json")));
        let errors: Vec<_> = validator.iter_errors(&value).map(|err| err.to_string()).collect();
        assert!(errors.is_empty(), "{entity}: {errors:#?}");
        value["values"][0]["path"] = "name".into();
        assert!(!validator.is_valid(&value));
    }
}

#[test]
fn explanations_have_a_json_form() {
    let validator = committed("rules.schema.json", &weir_cli::commands::rules_schema());
    let world = World::new();
    let mut all = json(&mut world.command("weir-validate explain --format json"));
    assert_eq!(validator.iter_errors(&all).map(|err| err.to_string()).collect::<Vec<_>>(), [""; 0]);
    assert!(all["rules"].as_array().expect("rules").iter().any(|rule| rule["id"] == "topic-retention"));
    all["rules"][0]["severity"] = "fatal".into();
    assert!(!validator.is_valid(&all));
    let one = json(&mut world.command("weir-validate explain cluster-limit --format json"));
    assert_eq!(one["rules"].as_array().map(Vec::len), Some(1));
    assert_eq!(one["rules"][0]["silence"], "it cannot be waived; remove the cause.");
}

#[test]
fn results_of_policy_cases_have_a_json_form() {
    let validator = committed("policy-tests.schema.json", &weir_cli::commands::policy_tests_schema());
    let mut world = World::new();
    assert_eq!(world.run("weir-validate test"), 2, "there is no folder of cases");
    std::fs::create_dir_all(world.path("policy-tests/fail")).expect("a folder");
    assert_eq!(world.run("weir-validate test"), 2, "there is no case in it");
    let said = world.said();
    assert!(said.contains("there is no folder `DIR/policy-tests`\n!   = help: a case is a folder with"), "{said}");
    std::fs::write(world.path("policy-tests/fail/expect.yaml"), "findings: [{rule: topic-name}]\n").expect("written");
    std::fs::copy(world.path("toll.yaml"), world.path("policy-tests/fail/toll.yaml")).expect("copied");
    std::fs::write(world.path(".weirignore"), "policy-tests\n").expect("written");
    let line = "weir-validate test --format json";
    assert_eq!(world.run(line), 1);
    let mut value = json(&mut world.command(line));
    assert_eq!(value["format"], "weir.policy-tests/v1");
    assert_eq!((&value["passed"], &value["failed"]), (&0.into(), &1.into()));
    assert_eq!(value["cases"][0]["path"], "fail");
    assert!(value["cases"][0]["why"][0].as_str().expect("text").contains("topic-name"), "{value}");
    assert_eq!(validator.iter_errors(&value).map(|err| err.to_string()).collect::<Vec<_>>(), [""; 0]);
    value["failed"] = "1".into();
    assert!(!validator.is_valid(&value));
}
