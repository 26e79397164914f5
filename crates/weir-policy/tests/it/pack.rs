//! The starter pack, and the changes of a workspace to it.

use std::path::Path;

use weir_policy::starter_pack;

use crate::scene::{TOPIC, WORKSPACE, found, lines};

/// Returns the findings of the pack's policies, with `picked` below `starter`, in a topic with this spec.
fn told(picked: &str, spec: &str) -> String {
    told_in(WORKSPACE, picked, spec)
}

fn told_in(workspace: &str, picked: &str, spec: &str) -> String {
    let workspace =
        workspace.replace("  defaults: {profile: standard}", &format!("  policies: {{starter: {{{picked}}}}}"));
    let (before, rest) = TOPIC.split_once("spec:").unwrap();
    let (_, after) = rest.split_once("\n---").unwrap();
    let entities = format!("{before}spec: {spec}\n---{after}");
    let loaded = weir_model::load([("weir.yaml", workspace.as_str()), ("toll.yaml", &entities)]);
    assert!(loaded.findings.is_empty(), "{:?}", loaded.findings);
    lines(&found(&loaded))
}

#[test]
fn every_policy_of_the_pack_has_cases() {
    for policy in starter_pack() {
        for case in ["pass", "fail"] {
            let file = Path::new("tests/starter").join(&policy.name).join(case).join("expect.yaml");
            assert!(file.is_file(), "{} is not there", file.display());
        }
    }
}

#[test]
fn limits_of_the_workspace_replace_limits_of_the_pack() {
    let partitions = "{partitions: 100}";
    assert_eq!(told("topic-partitions: ", partitions).lines().count(), 2);
    assert_eq!(told("topic-partitions: {partitions: {max: 200}}", partitions), "");
    let prod = told("topic-partitions: {stages: {prod: {partitions: {max: 200}}}}", partitions);
    insta::assert_snapshot!(prod, @"error[topic-partitions] Topic/toll.passages.v1 spec.partitions: 100 partitions are more than the 24 allowed (in dev, test) = write at most 24");
    let retention = "{config: {retention.ms: 800d}}";
    assert_eq!(told("topic-retention: ", retention).lines().count(), 2);
    assert_eq!(told("topic-retention: {settings: {retention.ms: {max: 900d}}}", retention), "");
    assert_eq!(told("topic-retention: {settings: {retention.ms: {max: 900d}}}", "{}"), "");
}

/// The pack names the last stage `prod`; a workspace may use another name, and may use `prod` for another stage.
#[test]
fn limits_for_prod_apply_to_the_last_stage() {
    let other = WORKSPACE.replace("name: dev,", "name: prod-like,").replace("name: prod,", "name: live,");
    insta::assert_snapshot!(told_in(&other, "topic-partitions: ", "{partitions: 48}"), @"error[topic-partitions] Topic/toll.passages.v1 spec.partitions: 48 partitions are more than the 24 allowed (in prod-like, test) = write at most 24");
}
