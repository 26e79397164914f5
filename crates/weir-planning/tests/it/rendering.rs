//! Plans as reviewers read them.

use weir_planning::*;

use crate::sample::{WORKSPACE, desired_of, options};

const FILES: [&str; 6] = [
    "apiVersion: weir/v1\nkind: Topic\nmetadata: {name: toll.events, team: toll}\nspec: {partitions: 6, config: {retention.ms: 1d}}\n",
    "apiVersion: weir/v1\nkind: Topic\nmetadata: {name: toll.new, team: toll}\nspec: {partitions: 6, config: {retention.ms: 7d}}\n",
    "apiVersion: weir/v1\nkind: Topic\nmetadata: {name: cards.old, team: cards}\nspec: {ensure: absent}\n",
    "apiVersion: weir/v1\nkind: ServiceAccount\nmetadata: {name: billing, team: toll, description: \"*Billing* @all | `x` <b>\"}\nspec: {apiKeys: [{}]}\n",
    "apiVersion: weir/v1\nkind: AccessControlList\nmetadata: {name: billing, team: toll}\nspec: {serviceAccount: billing, allow: [{produce: toll.events}]}\n",
    "apiVersion: weir/v1\nkind: ServiceAccount\nmetadata: {name: gone, team: cards}\nspec: {ensure: absent}\n",
];

fn sample() -> Plan {
    let desired = desired_of(FILES.into_iter().chain([WORKSPACE]));
    let observed = serde_json::json!({
        "format": Observed::FORMAT,
        "cluster": {"id": "lkc-1", "brokers": 3, "defaultPartitions": 1, "defaultReplicationFactor": 3},
        "topics": {
            "dev.toll.events": {
                "partitions": 6, "replicationFactor": 3,
                "config": {"retention.ms": "604800000", "segment.ms": "1000"},
                "facts": {"records": 10, "oldest": "2026-02-20T00:00:00Z"},
            },
            "dev.cards.old": {"partitions": 6, "replicationFactor": 3, "facts": {"records": 0}},
        },
        "otherTopics": [],
        "accounts": {"dev-billing": {"id": "sa-1", "description": "Billing"}},
        "acls": {"User:dev-billing": [
            {"resource": "topic", "pattern": "literal", "name": "dev.cards.old", "operation": "Read", "permission": "allow"},
        ]},
        "keys": {},
        "secrets": [],
    });
    let observed = serde_json::from_value(observed).unwrap();
    let options = PlanOptions { commit: Some("0123abc".to_owned()), ..options() };
    plan(&desired, &observed, &options).accept().unwrap()
}

#[test]
fn markdown() {
    insta::assert_snapshot!(render::markdown(&sample()));
}

#[test]
fn text() {
    insta::assert_snapshot!(render::text(&sample(), false));
}

#[test]
fn drift() {
    insta::assert_snapshot!(render::drift(&Drift::of(&sample()), false));
}

/// Each cause has its heading, and names from outside show as they are.
#[test]
fn drift_as_markdown() {
    let mut drift = Drift::of(&sample());
    let causes = [Cause::AskedFor, Cause::ByHand, Cause::Due, Cause::ByHand];
    for (difference, cause) in drift.differences.iter_mut().zip(causes) {
        difference.cause = Some(cause);
    }
    insta::assert_snapshot!(render::drift_markdown(&drift));
    let first = drift.differences[0].clone();
    drift.differences = vec![first; 101];
    let many = render::drift_markdown(&drift);
    assert!(many.ends_with("\n… and 1 more; `--format json` has them all.\n"), "{many}");
}

#[test]
fn colours_do_not_change_the_words() {
    let coloured = render::text(&sample(), true);
    let mut plain = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    plain.push_str(rest);
    assert_eq!(plain, render::text(&sample(), false));
}

#[test]
fn an_empty_plan_is_one_line() {
    let plan = plan(&desired_of([WORKSPACE]), &Observed::default(), &options()).accept().unwrap();
    assert!(!Drift::of(&plan).is_drift());
    insta::assert_snapshot!(render::text(&plan, false), @"No changes: stage dev is as its files say.");
    insta::assert_snapshot!(render::markdown(&plan), @"**weir:** No changes: stage dev is as its files say.");
    insta::assert_snapshot!(render::drift(&Drift::of(&plan), false), @"No drift: stage dev is as its files say.");
    insta::assert_snapshot!(render::drift_markdown(&Drift::of(&plan)), @"**weir:** No drift: stage dev is as its files say.");
}
