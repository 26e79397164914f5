//! Cases in which nothing was checked: they must not pass.

use std::collections::BTreeSet;

use weir_policy::{Expect, Judging, judge};

use crate::scene::{TOPIC, WORKSPACE, now, policy};

/// Returns the differences of a case with this `expect.yaml`.
fn differences(policies: &str, entities: &str, expect: &str) -> Vec<String> {
    let loaded = weir_model::load([("weir.yaml", WORKSPACE), ("policies.yaml", policies), ("toll.yaml", entities)]);
    let rules = BTreeSet::from(["sharing-consent"]);
    let found = judge(&loaded, Vec::new(), &Judging { now: now(), stage: None, rules: &rules }).findings;
    Expect::parse(expect).unwrap().differences(&loaded, &found, &rules)
}

const SMALL: &str = "  partitions: {max: 24}";

#[test]
fn a_case_names_existing_rules() {
    let of = |expect: &str| differences(&policy("Topic", SMALL), TOPIC, expect);
    assert_eq!(of("rules: [tried, sharing-consent, policy-invalid]\nfindings: []"), [""; 0]);
    assert_eq!(of("rules: [treid]\nfindings: []"), ["there is no rule `treid`: did you mean `tried`?"]);
    assert_eq!(
        of("findings: [{rule: nothing-like-it}]"),
        ["there is no rule `nothing-like-it`", "expected, not found: any severity [nothing-like-it]"]
    );
}

#[test]
fn unreadable_files_fail_a_case() {
    let malformed = TOPIC.replace("partitions: 12", "partitons: 48");
    let of = |expect: &str| differences(&policy("Topic", SMALL), &malformed, expect);
    let told = of("rules: [tried]\nfindings: []");
    assert_eq!(told, ["found, not expected: error[unknown-field] at toll.yaml:10:3: there is no field `partitons`"]);
    assert_eq!(of("rules: [tried]\nfindings: [{rule: unknown-field}]"), [""; 0]);
}

#[test]
fn an_invalid_policy_fails_a_case() {
    let of = |text: &str, expect: &str| {
        let validation = format!("  validations: [{{expression: {text:?}, message: broken}}]");
        differences(&policy("Topic", &validation), TOPIC, expect)
    };
    let none = "rules: [tried]\nfindings: []";
    for (text, rule) in
        [("entity.spec.partitons < 5", "policy-invalid"), ("entity.metadata.labels.nothing == 'x'", "policy-failed")]
    {
        let told = of(text, none);
        assert!(told.len() == 1 && told[0].contains(rule), "{text}: {told:?}");
        assert_eq!(of(text, &format!("rules: [tried]\nfindings: [{{rule: {rule}}}]")), [""; 0]);
    }
}
