//! Policies that would match nothing, or require nothing.

use crate::scene::{TOPIC, found, lines, load, load_with, policy};

/// Returns the problems of a policy about topics with these lines in `match` and in `spec`.
fn tried(matches: &str, spec: &str) -> String {
    let text = policy("Topic", &format!("  {spec}")).replace("[Topic]}", &format!("[Topic]{matches}}}"));
    lines(&found(&load(&text)))
}

#[test]
fn policies_that_can_never_match_are_reported() {
    let mut told = String::new();
    for matches in [
        "names: ['toll.**']",
        "names: [toll.x, '**']",
        "names: ['*']",
        "names: ['toll.*.v1']",
        "names: ['']",
        "teams: [tol]",
        "teams: [nobody]",
        "teams: ['**']",
    ] {
        told += &format!("{matches}\n  {}", tried(&format!(", {matches}"), "partitions: {max: 24}"));
    }
    insta::assert_snapshot!(told);
    assert_eq!(tried(", names: [toll.*, cards.x], teams: [toll, card*]", "partitions: {max: 24}"), "");
}

#[test]
fn policies_that_require_nothing_are_reported() {
    let mut told = String::new();
    for spec in [
        "requires: {}",
        "requires: {labels: {}}",
        "requires: {description: 0}",
        "stages: {dev: {}}",
        "partitions: {max: 24}\n  stages: {dev: {settings: {}}}",
        "settings: {retention.ms: {min: 10d, max: 1d}}",
        "stages: {dev: {settings: {retention.ms: {min: unlimited, max: 1d}}}}",
        "settings: {cleanup.policy: {allowed: [compact], forbidden: [delete, compact]}}",
        "settings: {retention.ms: {max: 1d, when: {cleanup.polcy: delete}}}",
        "settings: {retention.ms: {max: 1d, when: {cleanup.policy: deleted}}}",
        "naming: {pattern: '{tema}.{name}'}",
    ] {
        told += &format!("{spec}\n  {}", tried("", spec));
    }
    insta::assert_snapshot!(told);
    let fine =
        "settings: {retention.ms: {min: 1d, max: 1d}, cleanup.policy: {allowed: [compact], forbidden: [delete]}}";
    assert!(!tried("", fine).contains("policy-invalid"));
    let term = "naming: {pattern: '{term}.{name}', parts: {term: {allowed: [toll, cards]}}}";
    assert!(!tried("", term).contains("policy-invalid"));
    assert!(!tried("", "naming: {pattern: '{team}.{term}.{v1}'}").contains("policy-invalid"));
}

/// A declared team that cannot be read is reported once.
#[test]
fn a_team_that_cannot_be_read_is_not_unknown() {
    let text = policy("Topic", "  partitions: {max: 24}").replace("[Topic]}", "[Topic], teams: [cards]}");
    let team = "---\napiVersion: weir/v1\nkind: Team\nmetadata: {name: cards}\nspec: {contct: x}\n";
    let loaded = weir_model::load([
        ("weir.yaml", crate::scene::WORKSPACE),
        ("policies.yaml", &text),
        ("toll.yaml", &format!("{TOPIC}{team}")),
    ]);
    let rules = Default::default();
    let judging = weir_policy::Judging { now: crate::scene::now(), stage: None, rules: &rules };
    let found = weir_policy::judge(&loaded, Vec::new(), &judging).findings;
    assert_eq!(found.iter().map(|finding| finding.rule.as_str()).collect::<Vec<_>>(), ["unknown-field"]);
    let known = load_with(&text, &format!("{TOPIC}{}", team.replace("spec: {contct: x}", "")));
    assert_eq!(lines(&crate::scene::found(&known)), "");
}

#[test]
fn a_limit_holds_when_another_setting_says_so() {
    let of = |when: &str, config: &str| {
        let text = policy("Topic", &format!("  settings: {{retention.ms: {{max: 1d, when: {{{when}}}}}}}"));
        let entities = TOPIC.replace("{cleanup.policy: [delete, compact]}", config);
        lines(&found(&load_with(&text, &entities))).lines().count()
    };
    assert_eq!(of("cleanup.policy: delete", "{cleanup.policy: [delete, compact]}"), 2);
    assert_eq!(of("cleanup.policy: delete", "{cleanup.policy: compact}"), 0);
    assert_eq!(of("cleanup.policy: delete", "{}"), 2, "as Kafka does when nothing is written");
    assert_eq!(of("cleanup.policy: compact", "{cleanup.policy: default}"), 0);
    assert_eq!(of("min.insync.replicas: 2, cleanup.policy: compact", "{cleanup.policy: [delete, compact]}"), 2);
    assert_eq!(of("min.insync.replicas: 3, cleanup.policy: compact", "{cleanup.policy: [delete, compact]}"), 0);
}
