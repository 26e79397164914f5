use weir_model::{Loaded, settings::KafkaValue};
use weir_planning::{
    Change, ClusterFacts, Observed, ObservedAccount, ObservedTopic, Plan, PlanOptions, Risk, desired, plan,
};
use weir_policy::{Judging, check_plan, judge, plan_policies};

use crate::scene::{TOPIC, lines, load_with, now, policy};

/// Returns the plan of prod for an empty cluster, under these policies, with every step renamed to a deletion.
fn made(loaded: &Loaded) -> Plan {
    let workspace = loaded.workspace.as_ref().unwrap();
    let wanted = desired(&workspace.stage("prod").unwrap(), now());
    let id = wanted.cluster_id.clone().unwrap_or_default();
    let observed = Observed { cluster: ClusterFacts { id, ..ClusterFacts::default() }, ..Observed::default() };
    let mut made = plan(&wanted, &observed, &PlanOptions { now: now(), commit: None }).plan;
    made.steps.retain(|step| matches!(step.change, Change::CreateTopic { .. }));
    made.steps[0].change = Change::delete_topic("toll.passages.v1", &ObservedTopic::default());
    made.steps[0].risk = Risk::Destroy;
    let policies = plan_policies(loaded, &made);
    match policies {
        Some(policies) => made.under(policies),
        None => made,
    }
}

const FRIDAYS: &str = "  validations: [{expression: step.action != 'delete-topic' || now.weekday != 'Friday', messageExpression: '\"no \" + step.id'}]";

#[test]
fn a_plan_is_checked_again_when_it_is_carried_out() {
    let made = made(&load_with(&policy("Plan", FRIDAYS), TOPIC));
    let read = Plan::from_json(&made.to_json()).unwrap();
    let friday = "2026-11-20T23:59:59Z".parse().unwrap();
    let saturday = "2026-11-21T00:00:00Z".parse().unwrap();
    let told = format!("error[tried] Topic/toll.passages.v1 metadata.name: no {}\n", made.steps[0].id);
    assert_eq!(lines(&check_plan(&read, friday)), told);
    assert_eq!(check_plan(&read, saturday), []);
}

#[test]
fn a_policy_sees_what_a_deletion_takes_away() {
    let refused = |change: Change, expression: &str| {
        let spec = format!("  validations: [{{expression: {expression:?}, message: seen}}]");
        let mut made = made(&load_with(&policy("Plan", &spec), TOPIC));
        made.steps.truncate(1);
        made.steps[0].change = change;
        lines(&check_plan(&made, now()))
    };
    let seen = "error[tried] Topic/toll.passages.v1 metadata.name: `create-topic toll.passages.v1`: seen\n";
    let config = [("cleanup.policy".to_owned(), KafkaValue::observed("cleanup.policy", "compact"))].into();
    let there = ObservedTopic { partitions: 12, replication_factor: 3, config, ..ObservedTopic::default() };
    let big = "!(step.before['partitions'] == 12 && step.before['replicationFactor'] == 3 \
               && step.before['cleanup.policy'] == ['compact'])";
    assert_eq!(refused(Change::delete_topic("toll.passages.v1", &there), big), seen);
    let there = ObservedAccount { description: "Prices passages".to_owned(), ..ObservedAccount::default() };
    let described = "step.before['description'] != 'Prices passages'";
    assert_eq!(refused(Change::delete_account("toll-billing", &there), described), seen);
}

#[test]
fn policies_are_part_of_the_digest() {
    let made = made(&load_with(&policy("Plan", FRIDAYS), TOPIC));
    for change in [r#""policies": null"#, r#""policies": {"policies": {}, "labels": {}, "waivers": []}"#] {
        let mut value: serde_json::Value = serde_json::from_str(&made.to_json()).unwrap();
        let changed: serde_json::Value = serde_json::from_str(&format!("{{{change}}}")).unwrap();
        value["policies"] = changed["policies"].clone();
        assert!(Plan::from_json(&value.to_string()).is_err(), "{change}");
    }
}

#[test]
fn a_waiver_holds_until_its_last_day() {
    let waiver = "\n---\napiVersion: weir/v1\nkind: Waiver\nmetadata: {name: w}\nspec: {rule: tried, entity: Topic/toll.passages.v1, reason: moved, owner: toll, until: 2026-11-26}";
    let made = made(&load_with(&(policy("Plan", FRIDAYS) + waiver), TOPIC));
    assert_eq!(check_plan(&made, now()), []);
    assert_eq!(check_plan(&made, "2026-11-27T10:00:00Z".parse().unwrap()).len(), 1);
}

#[test]
fn a_comment_covers_the_steps_of_its_entity() {
    let allow = "# weir: allow tried reason=\"moved\" until=2026-11-26";
    let count = |entities: &str| {
        let made = made(&load_with(&policy("Plan", FRIDAYS), entities));
        let over = check_plan(&made, "2026-11-27T10:00:00Z".parse().unwrap()).len();
        (check_plan(&made, now()).len(), over)
    };
    assert_eq!(count(TOPIC), (1, 1));
    assert_eq!(count(&format!("{allow}\n{TOPIC}")), (0, 1));
    assert_eq!(count(&TOPIC.replace("  partitions: 12", &format!("  partitions: 12 {allow}"))), (0, 1));
    assert_eq!(count(&TOPIC.replacen("---\n", &format!("---\n{allow}\n"), 1)), (1, 1), "another entity");
    assert_eq!(count(&TOPIC.replace("One record", &format!("|\n    {allow}\n    One record"))), (1, 1));
}

/// Only a plan shows whether a waiver for steps is needed.
#[test]
fn a_waiver_for_steps_is_not_reported_as_unused() {
    let allow = "# weir: allow tried reason=\"moved\" until=2026-11-26";
    let told = |policies: &str, entities: &str| {
        let loaded = load_with(policies, entities);
        let rules = Default::default();
        let judged = judge(&loaded, Vec::new(), &Judging { now: now(), stage: None, rules: &rules });
        let told = judged.findings.into_iter().filter(|finding| finding.rule.as_str() != "waiver-ending");
        told.map(|finding| format!("{}: {}", finding.rule, finding.message)).collect::<Vec<_>>()
    };
    let waiver = "\n---\napiVersion: weir/v1\nkind: Waiver\nmetadata: {name: w}\nspec: {rule: tried, entity: Topic/toll.passages.v1, reason: moved, owner: toll, until: 2026-11-26}";
    assert_eq!(told(&(policy("Plan", FRIDAYS) + waiver), &format!("{allow}\n{TOPIC}")), [""; 0]);
    let elsewhere = format!("{allow}\n{}", policy("Plan", FRIDAYS));
    assert_eq!(
        told(&elsewhere, TOPIC),
        ["waiver-invalid: `tried` judges steps of plans, but this place asks for no step"]
    );
}

#[test]
fn one_policy_does_not_keep_a_deployment_busy() {
    let all = format!("[{}]", (0..30).map(|n| n.to_string()).collect::<Vec<_>>().join(", "));
    let dear = format!("{all}.all(a, {all}.all(b, {all}.all(c, a + b + c < 100)))");
    let dear = policy("Plan", &format!("  validations: [{{expression: {dear:?}, message: dear}}]"));
    let mut made = made(&load_with(&dear, TOPIC));
    let step = made.steps[0].clone();
    assert_eq!(lines(&check_plan(&made, now())), "");
    made.steps = std::iter::repeat_n(step, 200).collect();
    insta::assert_snapshot!(lines(&check_plan(&made, now())), @"error[policy-cost] Policy/tried spec.validations: the policy costs too much for the steps of team `toll`: `tried` was stopped = loop over fewer items, or use `in` instead of a loop");
}

#[test]
fn a_warning_names_the_day_when_it_becomes_an_error() {
    let spec = format!("  enforce: {{from: 2027-01-01}}\n{FRIDAYS}");
    let made = made(&load_with(&policy("Plan", &spec), TOPIC));
    insta::assert_snapshot!(lines(&check_plan(&made, now())), @"warning[tried] Topic/toll.passages.v1 metadata.name: no create-topic toll.passages.v1 = an error from 2027-01-01 on");
}

#[test]
fn hostile_policies_in_a_plan_are_refused() {
    let mut made = made(&load_with(&policy("Plan", FRIDAYS), TOPIC));
    let policies = made.policies.as_mut().unwrap();
    for text in ["", "{}", "[[[[", r#"{"match":{"kinds":["Plan"]},"validations":[{"expression":"nothing"}]}"#] {
        policies.policies.insert("tried".to_owned(), text.to_owned());
        let mut plan = blank();
        plan.policies = Some(policies.clone());
        assert!(lines(&check_plan(&plan, now())).starts_with("error["), "{text}");
    }
}

fn blank() -> Plan {
    let mut made = made(&load_with("", TOPIC));
    made.policies = None;
    made
}
