//! Expressions, patterns and entities that are written to do harm.

use crate::scene::{TOPIC, expression, found, lines, load, load_with, policy};

/// Returns the findings of a policy. Unlimited policies would take hours.
fn tried(policies: &str, entities: &str) -> String {
    let loaded = load_with(policies, entities);
    let told = lines(&found(&loaded));
    told.lines().map(|line| format!("{}\n", line.chars().take(200).collect::<String>())).collect()
}

#[test]
fn bombs_do_not_go_off() {
    let deep = |open: &str, close: &str, n: usize| format!("{}1{} == 1", open.repeat(n), close.repeat(n));
    let chain = |link: &str, n: usize| format!("entity{} == 1", link.repeat(n));
    let grown = format!(
        "[1]{}.size() > 0",
        ".map(x, [x, x, x, x, x, x, x, x])[0]".to_owned() + &".map(x, [x, x, x, x])".repeat(12)
    );
    for text in [
        deep("(", ")", 2_000),
        deep("[", "]", 2_000),
        deep("{'a': ", "}", 1_000),
        deep("-", "", 4_000),
        format!("{}true", "!".repeat(4_000)),
        chain(".spec", 1_500),
        chain("['a']", 1_500),
        format!("1{} == 1", " + 1".repeat(1_900)),
        format!("true{}", " && true".repeat(1_000)),
        format!("entity.name == {:?}", "x".repeat(100_000)),
        format!("[1]{} == 1", ".map(x, x)".repeat(500)),
        "(".repeat(8_000),
        "{".repeat(63) + "?[" + &"(".repeat(11) + &"{".repeat(26) + "l\u{0}?(-",
        format!(">{}?[{}{}l\u{0}?(-", "{".repeat(63), "(".repeat(11), "{".repeat(26)),
        "[!{[!{[!{[!{[!{[!{[!{[!{[!{[!{[!{[!{[!{[!{[!{[!{[!{[!{[!{[!{[!{[!{[!{".to_owned(),
        "\"".repeat(1_001),
        "'''".repeat(1_001),
        "0x".to_owned() + &"f".repeat(4_000) + " == 1",
        "1e999999999 == 1.0 ? false : false".to_owned(),
        grown,
        "\u{202e}entity".to_owned(),
        "entity.name == '\\u0000' || '\u{1f}' == entity.name".to_owned(),
    ] {
        tried(&expression("Topic", &text), TOPIC);
    }
}

#[test]
fn loops_are_bounded() {
    let teams: Vec<String> = (0..3_000).map(|n| format!("t{n}")).collect();
    let entities = TOPIC.replace("[cards, fraud]", &format!("[{}]", teams.join(", ")));
    let all = "entity.spec.access.consumers";
    let mut told = String::new();
    for text in [
        format!("{all}.all(a, {all}.all(b, {all}.all(c, a + b != c)))"),
        format!("{all}.map(a, {all}).map(a, a.map(b, {all})).size() == 0"),
        format!("[{all}, {all}].all(l, l.map(x, l).size() == 0)"),
        format!("{all}.all(a, {all} == {all}.map(x, x))"),
        format!("{all}.all(a, !('x' in {all}.map(x, x + x)))"),
        format!("{all}.map(a, {all}.map(b, a + b)).size() == 0"),
        format!("{all}.all(a, [{all}] == [{all}.map(x, x)])"),
        format!("{all}.all(a, !([a, a] in {all}.map(x, [x])))"),
    ] {
        told += &tried(&expression("Topic", &text), &entities);
    }
    assert_eq!(told.matches("error[policy-cost]").count(), 8, "{told}");
}

#[test]
fn text_does_not_grow_without_end() {
    let mut variables = "  variables:\n    - {name: v0, expression: entity.name + entity.name}\n".to_owned();
    for n in 1..40 {
        variables += &format!("    - {{name: v{n}, expression: variables.v{0} + variables.v{0}}}\n", n - 1);
    }
    let told =
        tried(&policy("Topic", &format!("{variables}  validations: [{{expression: variables.v39 == ''}}]")), TOPIC);
    assert!(told.contains("made of more than 1000 parts"), "{told}");
    let entities = TOPIC.replace("One record", &"x".repeat(60_000));
    let text = "entity.metadata.description + entity.metadata.description + entity.metadata.description == ''";
    let told = tried(&expression("Topic", text), &entities);
    assert!(told.contains("a text has more than 64 KiB"), "{told}");
}

#[test]
fn patterns_are_bounded() {
    for pattern in
        ["(a{1000}){1000}", "((a*)*)*".repeat(500).as_str(), "\\pL{5000}", &"(".repeat(3_000), "(?:x{1,1000}){1,1000}"]
    {
        let quoted = serde_json::to_string(pattern).unwrap();
        let told = tried(&expression("Topic", &format!("entity.name.matches({quoted})")), TOPIC);
        assert!(told.is_empty() || told.contains("policy-invalid") || told.contains("[tried]"), "{told}");
        tried(&policy("Topic", &format!("  naming: {{pattern: '{{x}}', parts: {{x: {{pattern: {quoted}}}}}}}")), TOPIC);
    }
    // Regular expressions run in linear time, so no pattern is catastrophic.
    let entities = TOPIC.replace("One record", &"a".repeat(50_000));
    tried(
        &expression(
            "Topic",
            "entity.metadata.description.matches('(a+)+$') && entity.metadata.description.matches('^(a|aa)+b$')",
        ),
        &entities,
    );
}

#[test]
fn names_are_matched_within_bounds() {
    let parts = |n: usize| -> String { (0..n).map(|n| format!("p{n}: {{pattern: '.*'}}, ")).collect() };
    let text = |n: usize| (0..n).map(|n| format!("{{p{n}}}")).collect::<Vec<_>>().join(".");
    let of = |n: usize, name: &str| {
        let naming = format!("  naming: {{pattern: '{}.v1', parts: {{{}}}}}", text(n), parts(n));
        tried(&policy("Topic", &naming), &TOPIC.replace("name: toll.passages.v1", &format!("name: {name}")))
    };
    let long = of(4, &"a.".repeat(1_000));
    assert!(long.starts_with("error[tried] ") && long.lines().count() == 1, "{long}");
    assert_eq!(of(4, &format!("{}v1", "a.".repeat(120))), "");
    let dear = of(15, &format!("'{}'", ".".repeat(249)));
    assert!(dear.contains("error[policy-cost] Policy/tried spec.naming.pattern: for Topic/..."), "{dear}");
}

#[test]
fn one_policy_does_not_keep_a_build_busy() {
    let topic =
        |n: usize| format!("apiVersion: weir/v1\nkind: Topic\nmetadata: {{name: t{n}, team: toll}}\nspec: {{}}\n---\n");
    let entities: String = (0..1_000).map(topic).collect();
    let told = tried(
        &expression(
            "Topic",
            "workspace.topics.all(a, a.size() + a.size() + a.size() + a.size() + a.size() > 0 && a != '')",
        ),
        &entities,
    );
    assert!(told.contains("error[policy-cost] Policy/tried spec.validations: the policy costs too much"), "{told}");
}

/// Fifty policies, each just within its own budget, would take half a minute.
#[test]
fn many_policies_do_not_keep_a_build_busy() {
    let topic =
        |n: usize| format!("apiVersion: weir/v1\nkind: Topic\nmetadata: {{name: t{n}, team: toll}}\nspec: {{}}\n---\n");
    let entities: String = (0..600).map(topic).collect();
    let dear = expression(
        "Topic",
        "workspace.topics.all(a, a.size() + a.size() + a.size() + a.size() + a.size() > 0 && a != '')",
    );
    let policies =
        |count: usize| (0..count).map(|n| dear.replace("tried", &format!("p{n}"))).collect::<Vec<_>>().join("\n---\n");
    assert!(!tried(&policies(20), &entities).contains("together"));
    let told = tried(&policies(50), &entities);
    assert!(told.contains("error[policy-cost] Workspace/"), "{told}");
    assert!(told.contains("the policies together cost too much") && told.lines().count() == 1, "{told}");
    assert!(tried(&policies(501), TOPIC).contains("the workspace has more than 500 policies"));
}

#[test]
fn a_thousand_validations_are_read() {
    let validations: String =
        (0..1_000).map(|n| format!("    - {{expression: entity.spec.partitions > {n}}}\n")).collect();
    let loaded = load(&policy("Topic", &format!("  validations:\n{validations}")));
    assert!(found(&loaded).len() > 900);
}
