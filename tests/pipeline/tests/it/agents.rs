//! Tests that text from files never becomes a command to a build agent, in any line of any output.

use std::fs;

use serde::de::DeserializeOwned;
use serde_json::Value;
use weir_deployment::Receipt;
use weir_planning::Plan;
use weir_testkit::agents;

use crate::World;

/// Text that is a command to agents in whichever line it appears.
const HOSTILE: &str =
    "::error title=pwned::a\n::set-output name=x::b\n \t::warning::c\r\n##vso[task.complete]d\n##[error]e";

/// A hostile name of a policy.
const NAME: &str = "::error::pwned##vso[task.x]";

/// Returns the text as a YAML scalar. YAML accepts JSON strings.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// Makes a workspace with hostile text in every place where a team can write text.
fn hostile() -> World {
    let world = World::new();
    let (name, text) = (quoted(NAME), quoted(HOSTILE));
    let policy = format!(
        "apiVersion: weir/v1\nkind: Policy\nmetadata: {{name: {name}, description: {text}}}\n\
         spec:\n  match: {{kinds: [Topic]}}\n  why: {text}\n  help: {text}\n  example: {{bad: {text}, good: {text}}}\n\
         \x20 validations: [{{expression: \"false\", message: {text}, help: {text}}}]\n"
    );
    fs::write(world.path("policies.yaml"), policy).expect("written");
    world
}

/// Returns the text that a command line writes to both outputs.
fn output(world: &World, words: &[&str]) -> String {
    let output = world.command(words[0]).args(&words[1..]).output().expect("it runs");
    [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8")).join("\n")
}

/// Asserts that there is output, and that no line of it is a command.
fn is_harmless(said: &str) {
    assert_eq!(agents::commands(said), [""; 0], "{said}");
    assert!(!said.chars().any(|c| c.is_control() && c != '\n' && c != '\t'), "{said:?}");
    assert!(said.contains("error"), "{said}");
}

#[test]
fn explanations_contain_no_command() {
    let world = hostile();
    for words in [&["weir-validate", "explain"][..], &["weir-validate", "explain", NAME]] {
        is_harmless(&output(&world, words));
    }
}

#[test]
fn findings_contain_no_command() {
    let mut world = hostile();
    world.edit("toll.yaml", "profile: compacted", "profil: compacted");
    world.edit("toll.yaml", "spec:", &format!("spec:\n  {}: 1", quoted(HOSTILE)));
    for format in ["text", "concise", "json", "sarif", "junit"] {
        is_harmless(&output(&world, &["weir-validate", "--show-waived", "--format", format]));
    }
    is_harmless(&output(&world, &["weir-plan", "--stage", "dev"]));
}

#[test]
fn results_of_policy_cases_contain_no_command() {
    let world = hostile();
    let case = world.path("policy-tests/::error::case");
    fs::create_dir_all(&case).expect("a folder");
    fs::copy(world.path("toll.yaml"), case.join("toll.yaml")).expect("copied");
    let text = quoted(HOSTILE);
    let expect = format!("about: {text}\nfindings: [{{rule: {text}, entity: {text}, message: {text}}}]\n");
    fs::write(case.join("expect.yaml"), expect).expect("written");
    fs::write(world.path(".weirignore"), "policy-tests\n").expect("written");
    let said = output(&world, &["weir-validate", "test"]);
    is_harmless(&said);
    assert!(said.contains("0 passed, 1 failed"), "{said}");
    fs::write(case.join("expect.yaml"), format!("{text}: 1\n")).expect("written");
    is_harmless(&output(&world, &["weir-validate", "test"]));
}

#[test]
fn diffs_contain_no_command() {
    let world = World::new();
    let text = "---\napiVersion: weir/v1\nkind: Topik\nmetadata:\n  description: |-\n     ::error title=diff::x\n     ##[error]y\n  name: toll.x\n  team: toll\nspec: {}\n";
    fs::write(world.path("toll.yaml"), world.read("toll.yaml") + text).expect("written");
    let said = output(&world, &["weir-validate", "--diff"]);
    is_harmless(&said);
    assert!(said.contains("：:error title=diff::x"), "{said}");
}

/// Returns `value` with as many strings as possible replaced by hostile text, one after the other, as long as the type
/// accepts them.
fn with_hostile_strings<T: DeserializeOwned>(value: &Value) -> T {
    fn strings(value: &Value, at: &str, found: &mut Vec<String>) {
        match value {
            Value::String(_) => found.push(at.to_owned()),
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(i, item)| strings(item, &format!("{at}/{i}"), found));
            }
            Value::Object(fields) => fields.iter().for_each(|(key, item)| {
                strings(item, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), found);
            }),
            _ => {}
        }
    }
    let mut found = Vec::new();
    strings(value, "", &mut found);
    let mut value = value.clone();
    for at in found {
        let mut other = value.clone();
        *other.pointer_mut(&at).expect("it is there") = HOSTILE.into();
        if serde_json::from_value::<T>(other.clone()).is_ok() {
            value = other;
        }
    }
    assert!(value.to_string().matches("pwned").count() > 5, "{value:#}");
    serde_json::from_value(value).expect("it was so before")
}

#[test]
fn plans_and_receipts_contain_no_command() {
    let mut world = World::new();
    assert_eq!(world.run("weir-plan --stage dev --out plan.json"), 0);
    let plan: Plan = with_hostile_strings(&serde_json::from_str(&world.read("plan.json")).expect("JSON"));
    let drift = weir_planning::Drift::of(&plan);
    for said in [
        weir_planning::render::text(&plan, false),
        weir_planning::render::markdown(&plan),
        weir_planning::render::drift(&drift, false),
    ] {
        is_harmless(&said);
    }
    assert_eq!(world.run_with("weir-deploy plan.json --receipt receipt.json", "crash@9"), 5);
    let receipt: Value = serde_json::from_str(&world.read("receipt.json")).expect("JSON");
    let mut receipt: Receipt = with_hostile_strings(&receipt);
    for reason in [None, Some(HOSTILE.to_owned())] {
        receipt.reason = reason;
        is_harmless(&weir_deployment::render::text(&receipt));
        is_harmless(&weir_deployment::render::markdown(&receipt));
    }
}

/// clap prints values of flags, which are parameters of a pipeline, as they are.
#[test]
fn usage_errors_contain_no_command() {
    let world = World::new();
    let hostile = format!("no/such\n{HOSTILE}\u{1b}]0;title\u{7}");
    for words in [
        &["weir-deploy", "p", "--max-risk"][..],
        &["weir-deploy", "p", "--digest"],
        &["weir-deploy", "p", "--format"],
        &["weir-deploy", "p", "--wait-ready"],
        &["weir-deploy", "p", "--plane"],
        &["weir-deploy"],
        &["weir-deploy", "p", "--journal", "x", "--receipt", "no/such/folder", "--workspace"],
        &["weir-plan", "--stage", "dev", "--now"],
        &["weir-plan", "--stage", "dev", "--out"],
        &["weir-plan", "--stage", "dev", "--findings"],
        &["weir-plan", "--stage", "dev", "--observed"],
        &["weir-plan", "--stage"],
        &["weir-plan"],
        &["weir-validate", "show"],
        &["weir-validate", "explain"],
        &["weir-validate", "test"],
        &["weir-validate", "--out"],
        &["weir"],
    ] {
        is_harmless(&output(&world, &[words, &[&hostile]].concat()));
        // A flag may be glued to its value.
        if let Some((flag, before)) = words.split_last().filter(|(flag, _)| flag.starts_with("--")) {
            is_harmless(&output(&world, &[before, &[&format!("{flag}={hostile}")]].concat()));
        }
    }
}

#[test]
fn json_on_stdout_contains_no_command() {
    let mut world = World::new();
    let group = "##vso[task.prependpath]/tmp/evil";
    world.edit("toll.yaml", "group: toll-billing", &format!("group: {}", quoted(group)));
    let mut json = |line: &str| {
        let text = output(&world, &line.split(' ').collect::<Vec<_>>());
        assert_eq!(agents::commands(&text), [""; 0], "{line}: {text}");
        let start = text.find('{').expect("JSON");
        let value: Value = serde_json::Deserializer::from_str(&text[start..])
            .into_iter()
            .next()
            .and_then(Result::ok)
            .unwrap_or_else(|| panic!("{line}: {text}"));
        assert!(value.to_string().contains(group), "{line}: the JSON keeps its meaning: {value:#}");
    };
    for line in [
        "weir-plan --stage dev --out -",
        "weir-plan --stage dev --format json",
        "weir-plan --stage dev --out /dev/stdout --format json",
        "weir-plan drift --stage dev --format json",
        "weir-plan --stage dev --out plan.json --format json",
        "weir-deploy plan.json --receipt -",
        "weir-plan observe --stage dev --out -",
        "weir-plan observe --stage dev --out /dev/stderr",
    ] {
        json(line);
    }
    assert!(world.read("plan.json").contains(group), "files on disk stay plain");
}

#[test]
fn invisible_characters_and_secrets_of_addresses_are_not_shown() {
    let mut world = World::new();
    let text =
        "a\u{61c}b\u{200b}c\u{e0041}d https://x.blob.example/y?sv=1&sig=c2VjcmV0 https://pat-c2VjcmV0@git.example";
    world.edit("toll.yaml", "description: ", &format!("description: {} # ", quoted(text)));
    world.edit("toll.yaml", "spec:", &format!("spec:\n  {}: 1", quoted(text)));
    for format in ["text", "concise", "json", "sarif", "junit", "github", "azure"] {
        let said = output(&world, &["weir-validate", "--format", format]);
        assert!(!said.contains("c2VjcmV0") && !said.contains(['\u{61c}', '\u{200b}', '\u{e0041}']), "{said}");
    }
    let mut world = World::new();
    world.edit("toll.yaml", "description: ", &format!("description: {} # ", quoted(text)));
    for format in ["text", "markdown"] {
        let said = output(&world, &["weir-plan", "--stage", "dev", "--format", format]);
        assert!(!said.contains("c2VjcmV0") && !said.contains(['\u{61c}', '\u{200b}', '\u{e0041}']), "{said}");
    }
}
