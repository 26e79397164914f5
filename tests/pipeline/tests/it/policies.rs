//! Tests of an organisation's own rules, from a file to the exit codes of the binaries.

use std::fs;

use serde_json::Value;

use crate::World;

const RETENTION: &str = r#"apiVersion: weir/v1
kind: Policy
metadata: {name: short-memory, description: Records are kept for two weeks at most}
spec:
  match: {kinds: [Topic]}
  why: Storage is what a topic costs.
  settings: {retention.ms: {max: 14d}}
"#;

/// Returns a policy about steps.
fn about_steps(expression: &str) -> String {
    format!(
        "apiVersion: weir/v1\nkind: Policy\nmetadata: {{name: calm, description: Nothing new without a reason}}\n\
         spec: {{match: {{kinds: [Plan]}}, validations: [{{expression: '{expression}', message: not now, \
         help: ask the platform team}}]}}\n"
    )
}

fn world(policy: &str) -> World {
    let world = World::new();
    fs::write(world.path("policies.yaml"), policy).expect("written");
    world
}

fn sarif(world: &World, file: &str) -> Value {
    serde_json::from_str(&world.read(file)).expect("JSON")
}

#[test]
fn a_broken_policy_is_reported_with_place_and_reason() {
    let mut world = world(RETENTION);
    let line = "weir-validate --out sarif=weir.sarif --out junit=weir.xml --out azure=-";
    assert_eq!(world.run(line), 1);
    let sarif = sarif(&world, "weir.sarif");
    let run = &sarif["runs"][0];
    let result = &run["results"][0];
    assert_eq!(result["ruleId"], "short-memory");
    let at = &result["locations"][0]["physicalLocation"];
    assert_eq!(at["artifactLocation"]["uri"], "toll.yaml");
    let start = at["region"]["startLine"].as_u64().and_then(|line| usize::try_from(line).ok()).expect("a line");
    assert!(world.read("toll.yaml").lines().nth(start - 1).expect("a line").contains("retention.ms: 30d"));
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    let rule = rules.iter().find(|rule| rule["id"] == "short-memory").expect("the policy's own page");
    assert!(rule["help"]["markdown"].as_str().is_some_and(|text| text.contains("Storage is what a topic costs")));
    insta::assert_snapshot!(world.said());
}

/// Takes the files of the teams out of their paths: a team waives nothing in its own.
fn platform_owns_all(world: &mut World) {
    world.edit("weir.yaml", "    teams: {paths: [\"{team}.yaml\"]}\n", "");
}

/// A fix keeps the comment beside it, and the comment still waives its finding.
#[test]
fn a_fix_leaves_the_waiver_beside_it() {
    let mut world = world(RETENTION);
    platform_owns_all(&mut world);
    let allow = "# weir: allow short-memory reason=\"auditors read it monthly\" until=2999-12-31";
    let prod = "prod: {partitions: 12, config: {retention.ms: 30d}}";
    world.edit("toll.yaml", prod, &format!("{} {allow}", prod.replace("12", "\"12\"")));
    assert_eq!(world.run("weir-validate --fix"), 0);
    let line = format!("    prod: {{partitions: 12, config: {{retention.ms: 30d}}}} {allow}\n");
    assert!(world.read("toll.yaml").contains(&line), "{}", world.read("toll.yaml"));
    world.transcript.clear();
    assert_eq!(world.run("weir-validate --show-waived --format concise"), 0);
    assert_eq!(world.run("weir-validate --now 3000-01-01T00:00:00Z --format concise"), 1, "it is over");
    insta::assert_snapshot!(world.said());
}

/// The steps that a policy refuses are blocked, and the steps that come after them; the rest is planned.
#[test]
fn steps_that_break_a_policy_are_blocked() {
    let mut world = world(&about_steps(r#"step.action != "create-topic""#));
    let line = "weir-plan --stage dev --out plan.json --findings sarif=plan.sarif --findings github=-";
    assert_eq!(world.run(line), 7);
    let plan: Value = serde_json::from_str(&world.read("plan.json")).expect("JSON");
    let steps: Vec<&str> =
        plan["steps"].as_array().expect("steps").iter().filter_map(|step| step["id"].as_str()).collect();
    assert!(steps.contains(&"create-account dev-toll-gateway"), "{steps:?}");
    assert!(!steps.iter().any(|step| step.starts_with("create-topic") || step.contains("topic literal")), "{steps:?}");
    let blocked = plan["blocked"].as_array().expect("blocked objects");
    assert_eq!(
        blocked.iter().filter(|blocked| blocked["object"].as_str().unwrap().starts_with("create-topic")).count(),
        4
    );
    assert_eq!(world.run("weir-deploy plan.json --receipt receipt.json"), 7, "{}", world.said());
    assert!(world.read("receipt.json").contains(r#""outcome": "blocked""#));
    let found = sarif(&world, "plan.sarif");
    let results = found["runs"][0]["results"].as_array().expect("results");
    assert_eq!(results.iter().map(|result| &result["ruleId"]).collect::<Vec<_>>(), ["calm"; 4]);
    assert!(world.said().contains("::error file="), "{}", world.said());
    assert_eq!(world.run("weir-plan --stage dev --findings html=x"), 2);
    assert_eq!(world.run("weir-plan --stage dev --findings json=nowhere/x"), 2);
}

/// A plan that was valid when it was made is judged again.
#[test]
fn a_plan_is_judged_again_when_it_is_deployed() {
    let mut world = world(&about_steps(r#"now.date < "2020-01-01""#));
    assert_eq!(world.run("weir-plan --stage dev --now 2019-12-31T10:00:00Z --out plan.json"), 0);
    world.transcript.clear();
    assert_eq!(world.run("weir-deploy plan.json --receipt receipt.json"), 7);
    // All violations are reported, to people and in the receipt.
    let plan: Value = serde_json::from_str(&world.read("plan.json")).expect("JSON");
    let (said, steps) = (world.said(), plan["steps"].as_array().expect("steps").len());
    assert!(steps > 1);
    assert_eq!(said.matches("! error[calm]: `").count(), steps, "{said}");
    assert_eq!(said.matches("!   = help: ask the platform team").count(), steps, "{said}");
    let receipt: Value = serde_json::from_str(&world.read("receipt.json")).expect("JSON");
    assert_eq!((&receipt["format"], &receipt["outcome"]), (&"weir.receipt/v1".into(), &"blocked".into()));
    assert_eq!(receipt["counts"]["blocked"], steps, "{receipt:#}");
    assert_eq!(
        world.run("weir-plan --stage dev --now 2019-12-31T10:00:00Z --detailed-exitcode"),
        3,
        "nothing was done"
    );
}

#[test]
fn a_plan_that_was_made_under_other_policies_is_not_deployed() {
    let mut world = world(&about_steps(r#"step.action != "delete-topic""#));
    assert_eq!(world.run("weir-plan --stage dev --out plan.json"), 0);
    world.edit("policies.yaml", "delete-topic", "create-topic");
    world.transcript.clear();
    assert_eq!(world.run("weir-deploy plan.json"), 1);
    assert!(
        world.said().contains("the policies of the workspace have changed since the plan was made"),
        "{}",
        world.said()
    );
    assert_eq!(world.run("weir-deploy plan.json --receipt refused.json"), 1);
    assert!(world.read("refused.json").contains("the policies of the workspace have changed since the plan was made"));
    world.edit("policies.yaml", "create-topic", "delete-topic");
    assert_eq!(world.run("weir-deploy plan.json"), 0);
}

/// The comment is the one that `weir-validate explain` recommends.
#[test]
fn a_comment_silences_a_policy_about_plans() {
    let mut world = world(&about_steps(
        r#"!has(step.entity) || step.entity != "Topic/toll.passages.v1" || step.action != "create-topic""#,
    ));
    platform_owns_all(&mut world);
    assert_eq!(world.run("weir-plan --stage dev --out plan.json"), 7);
    assert_eq!(world.run("weir-validate explain calm"), 0);
    let told = world.said();
    let allow = told.split('`').find(|text| text.starts_with("# weir: allow calm")).expect("how to silence it");
    let allow = allow.replace('…', "agreed").replace("DATE", "2999-12-31");
    world.edit("toll.yaml", "  name: toll.passages.v1", &format!("  name: toll.passages.v1 {allow}"));
    world.transcript.clear();
    assert_eq!(world.run("weir-validate --format concise"), 0);
    assert_eq!(world.run("weir-plan --stage dev --out plan.json"), 0);
    assert!(!world.said().contains("waiver-"), "{}", world.said());
    assert_eq!(world.run("weir-deploy plan.json"), 0, "{}", world.said());
}

/// A policy of the workspace does not take the place of a rule of weir's, or of a policy of the starter pack.
#[test]
fn no_policy_takes_the_name_of_a_rule() {
    let mut world = World::new();
    world.edit("weir.yaml", "  ownership:", "  policies: {starter: {topic-retention: }}\n  ownership:");
    let policy = |name: &str| {
        format!(
            "---\napiVersion: weir/v1\nkind: Policy\nmetadata: {{name: {name}}}\n\
             spec:\n  match: {{kinds: [Topic]}}\n  why: nothing is wrong\n  validations: [{{expression: \"true\"}}]\n"
        )
    };
    fs::write(world.path("policies.yaml"), policy("sharing-consent") + &policy("topic-retention")).expect("written");
    assert_eq!(world.run("weir-validate --format concise"), 1);
    insta::assert_snapshot!(world.said());
}
