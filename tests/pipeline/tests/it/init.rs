//! Tests of `weir init`: the new workspace can be validated, planned and deployed, and the pipelines are valid for
//! their services.

use std::{collections::BTreeSet, fs};

use serde_json::Value;
use weir_testkit::{
    schema::{Format, schema},
    yaml,
};

use crate::{World, repository};

fn made() -> World {
    let mut world = World::empty();
    assert_eq!(world.run("weir init kafka"), 0, "{}", world.said());
    world
}

#[test]
fn a_new_workspace_validates_plans_and_deploys() {
    let mut world = made();
    for line in [
        "weir-validate --workspace kafka",
        "weir-plan --workspace kafka --stage dev --out plan.json",
        "weir-deploy plan.json --workspace kafka",
        "weir-plan --workspace kafka --stage dev --detailed-exitcode",
    ] {
        assert_eq!(world.run(line), 0, "{line}: {}", world.said());
    }
    insta::assert_snapshot!(world.said());
}

#[test]
fn nothing_is_overwritten() {
    let mut world = made();
    let before = world.read("kafka/weir.yaml");
    fs::write(world.path("kafka/teams/orders/kafka.yaml"), "mine").expect("written");
    world.transcript.clear();
    assert_eq!(world.run("weir init kafka"), 1);
    insta::assert_snapshot!(world.said());
    assert_eq!(world.read("kafka/teams/orders/kafka.yaml"), "mine");
    assert_eq!(world.read("kafka/weir.yaml"), before);

    // If one file exists, none of the others is written.
    fs::create_dir_all(world.path("other/.vscode")).expect("a folder");
    fs::write(world.path("other/.vscode/settings.json"), "{}").expect("written");
    assert_eq!(world.run("weir init other"), 1);
    assert_eq!(fs::read_dir(world.path("other")).expect("a folder").count(), 1);
    // A file cannot become a folder; nothing is left behind.
    fs::create_dir_all(world.path("third")).expect("a folder");
    fs::write(world.path("third/teams"), "a file").expect("written");
    assert_eq!(world.run("weir init third"), 6, "{}", world.said());
    assert!(!world.path("third/weir.yaml").exists());
}

/// The modelines and the editor's settings point to the schemas, and the files are valid under these schemas.
#[test]
fn editors_find_the_schemas() {
    let world = made();
    let settings: Value = serde_json::from_str(&world.read("kafka/.vscode/settings.json")).expect("JSON");
    let (schema, globs) = settings["yaml.schemas"].as_object().and_then(|map| map.iter().next()).expect("a schema");
    for file in ["weir.yaml", "policies.yaml", "waivers.yaml", "teams/**/*.yaml", "teams/**/*.yml"] {
        assert!(globs.as_array().expect("globs").contains(&file.into()), "{file}");
    }
    let text = world.read(&format!("kafka/{schema}"));
    assert_eq!(text, fs::read_to_string(repository().join("schemas/weir.schema.json")).expect("the committed one"));
    let validator = jsonschema::validator_for(&serde_json::from_str(&text).expect("JSON")).expect("a schema");
    for file in ["weir.yaml", "teams/orders/kafka.yaml"] {
        let text = world.read(&format!("kafka/{file}"));
        let modeline = text.lines().next().and_then(|line| line.strip_prefix("# yaml-language-server: $schema="));
        let folder = world.path("kafka").join(file);
        assert!(folder.parent().expect("a folder").join(modeline.expect("a modeline")).is_file(), "{file}");
        for document in yaml(&text) {
            let errors: Vec<_> = validator.iter_errors(&document).map(|err| err.to_string()).collect();
            assert!(errors.is_empty(), "{file}: {errors:#?}");
        }
    }
}

/// The editor's task finds every finding, with place and severity, in the lines that weir prints.
#[test]
fn editors_read_the_findings() {
    let mut world = made();
    let tasks: Value = serde_json::from_str(&world.read("kafka/.vscode/tasks.json")).expect("JSON");
    let task = &tasks["tasks"][0];
    world.edit("kafka/teams/orders/kafka.yaml", "team: orders", "team: odrers");
    world.edit("kafka/teams/orders/kafka.yaml", "partitions:", "partitons:");
    let args: Vec<&str> = task["args"].as_array().expect("arguments").iter().filter_map(Value::as_str).collect();
    let output = world
        .command(task["command"].as_str().expect("a command"))
        .args(args)
        .current_dir(world.path("kafka"))
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(0));
    let pattern = &task["problemMatcher"]["pattern"];
    let regex = regex::Regex::new(pattern["regexp"].as_str().expect("a pattern")).expect("a pattern");
    let group = |what: &str| pattern[what].as_u64().and_then(|n| usize::try_from(n).ok()).expect("a group");
    let mut codes = BTreeSet::new();
    for line in String::from_utf8(output.stdout).expect("UTF-8").lines() {
        let found = regex.captures(line).unwrap_or_else(|| panic!("{line} is not read"));
        let file = world.read(&format!("kafka/{}", &found[group("file")]));
        assert!(file.lines().count() >= found[group("line")].parse().expect("a line"));
        assert_eq!(&found[group("severity")], "error");
        assert!(!found[group("message")].is_empty());
        codes.insert(found[group("code")].to_owned());
    }
    assert!(codes.contains("unknown-field"), "{codes:?}");
}

#[track_caller]
fn accepts(schema: &Value, pipeline: &Value, wrong: [(&str, &str); 2]) {
    let validator = jsonschema::validator_for(schema).expect("a schema");
    let errors: Vec<_> = validator.iter_errors(pipeline).map(|err| format!("{}: {err}", err.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    for (right, wrong) in wrong {
        let text = pipeline.to_string();
        assert!(text.contains(right), "{right}");
        let broken: Value = serde_json::from_str(&text.replace(right, wrong)).expect("JSON");
        assert!(!validator.is_valid(&broken), "{wrong} passes");
    }
}

#[test]
fn the_pipelines_match_the_schemas_of_their_services() {
    let world = made();
    if let Some(schema) = schema(Format::AzurePipelines) {
        let pipeline = yaml(&world.read("kafka/azure-pipelines.yaml")).remove(0);
        accepts(&schema, &pipeline, [("\"bash\"", "\"bahs\""), ("\"environment\"", "\"enviroment\"")]);
    }
    if let Some(schema) = schema(Format::GithubWorkflow) {
        let workflow = yaml(&world.read("kafka/.github/workflows/kafka.yaml")).remove(0);
        accepts(&schema, &workflow, [("\"runs-on\"", "\"run-on\""), ("\"steps\"", "\"step\"")]);
    }
}

/// Every command of the pipelines exists in weir, and no script contains an expression.
#[test]
fn the_pipelines_call_existing_commands() {
    let world = made();
    let mut called = BTreeSet::new();
    for file in ["kafka/azure-pipelines.yaml", "kafka/.github/workflows/kafka.yaml"] {
        for line in world.read(file).lines() {
            let line = line.trim();
            let script = ["- bash: ", "- run: "].iter().find_map(|key| line.strip_prefix(key)).unwrap_or(line);
            if !script.starts_with("weir-") {
                continue;
            }
            assert!(!script.contains("${{") && !script.contains("$("), "{script}");
            let line =
                script.replace('"', "").replace("$OUT/", "").replace("$PLAN", "plan.json").replace("$BEFORE", "0");
            let code = world
                .command(&line.replace("weir-deploy plan.json", "weir-deploy --help"))
                .current_dir(world.path("kafka"))
                .output();
            assert_eq!(code.expect("it runs").status.code(), Some(0), "{line}");
            called.insert(line.split(' ').next().unwrap_or_default().to_owned());
        }
    }
    assert_eq!(called.into_iter().collect::<Vec<_>>(), ["weir-deploy", "weir-plan", "weir-validate"]);
}

/// weir writes no line that begins a command, and the agents of plans and deployments would obey none: text of files is in
/// their output.
#[test]
fn agents_obey_no_command_in_the_output_of_plans() {
    let world = made();
    let scripts = |name: &str| -> Vec<Value> {
        let mut found = Vec::new();
        collect_steps(&yaml(&world.read(name)).remove(0), &mut found);
        found
    };
    let calls = |step: &Value, field: &str| {
        let script = step[field].as_str().unwrap_or_default().to_owned();
        ["weir-plan", "weir-deploy"].iter().any(|program| script.contains(program)).then_some(script)
    };
    let mut count = 0;
    for script in scripts("kafka/.github/workflows/kafka.yaml").iter().filter_map(|step| calls(step, "run")) {
        assert!(script.starts_with("echo \"::stop-commands::$(cat /proc/sys/kernel/random/uuid)\"\n"), "{script}");
        count += 1;
    }
    for step in scripts("kafka/azure-pipelines.yaml").iter().filter(|step| calls(step, "bash").is_some()) {
        assert_eq!(step["target"]["commands"], "restricted", "{step:#}");
        count += 1;
    }
    assert_eq!(count, 4);
}

/// Collects the objects in all lists below `value`: the steps of a pipeline are among them.
fn collect_steps(value: &Value, found: &mut Vec<Value>) {
    match value {
        Value::Array(items) => {
            found.extend(items.iter().filter(|item| item.is_object()).cloned());
            items.iter().for_each(|item| collect_steps(item, found));
        }
        Value::Object(fields) => fields.values().for_each(|item| collect_steps(item, found)),
        _ => {}
    }
}
