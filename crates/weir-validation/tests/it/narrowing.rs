//! Tests of validation for one stage.

use weir_model::Loaded;

fn loaded() -> Loaded {
    weir_model::load([
        ("weir.yaml", include_str!("../base/weir.yaml")),
        (
            "topics.yaml",
            "apiVersion: weir/v1\nkind: Topic\nmetadata: {name: a, team: toll}\nspec:\n  replicationFactor: 3\n  stages:\n    \
             dev:\n    test:\n    prod: {replicationFactor: 9}\n---\n\
             apiVersion: weir/v1\nkind: Topic\nmetadata: {name: b, team: nobody}\nspec: {}\n",
        ),
    ])
}

fn rules(findings: &[weir_findings::Finding]) -> Vec<&str> {
    findings.iter().map(|finding| finding.rule.as_str()).collect()
}

#[test]
fn a_stage_shows_its_own_findings_and_those_of_no_stage() {
    let loaded = loaded();
    assert_eq!(
        rules(&weir_validation::validate(&loaded, None, None).unwrap()),
        ["replication-factor", "unknown-reference"]
    );
    assert_eq!(
        rules(&weir_validation::validate(&loaded, Some("prod"), None).unwrap()),
        ["replication-factor", "unknown-reference"]
    );
    assert_eq!(rules(&weir_validation::validate(&loaded, Some("dev"), None).unwrap()), ["unknown-reference"]);
}

#[test]
fn an_unknown_stage_is_an_error() {
    let error = weir_validation::validate(&loaded(), Some("prd"), None).unwrap_err();
    assert_eq!(error.to_string(), "there is no stage `prd`; the stages are dev, test, prod");
}

#[test]
fn a_reference_to_a_malformed_entity_is_not_reported() {
    let loaded = weir_model::load([
        ("weir.yaml", include_str!("../base/weir.yaml")),
        (
            "all.yaml",
            "apiVersion: weir/v1\nkind: Topic\nmetadata: {name: a, team: toll}\nspec: {partitions: many}\n---\n\
             apiVersion: weir/v1\nkind: ServiceAccount\nmetadata: {name: x, team: toll}\nspec: {}\n---\n\
             apiVersion: weir/v1\nkind: AccessControlList\nmetadata: {name: x, team: toll}\n\
             spec: {serviceAccount: x, allow: [{produce: a}]}\n",
        ),
    ]);
    let findings = weir_validation::validate(&loaded, None, None).unwrap();
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert!(findings[0].message.contains("many"), "{findings:#?}");
}

#[test]
fn each_real_stage_warns_about_missing_ownership() {
    let loaded = weir_model::load([("weir.yaml", include_str!("../cases/path-authority/fail-stages/weir.yaml"))]);
    let of = |stage| weir_validation::validate(&loaded, Some(stage), None).unwrap();
    assert!(of("dev").is_empty());
    assert_eq!(rules(&of("pre")), ["path-authority"]);
    assert_eq!(rules(&of("prod")), ["path-authority"]);
}
