use weir_policy::Policies;

use crate::scene::{expression, found, lines, load, policy};

/// Returns the findings of an expression over the topic in all three stages.
fn tried(kind: &str, text: &str) -> String {
    lines(&found(&load(&expression(kind, text))))
}

#[test]
fn expressions_see_the_entity_as_resolved() {
    for (kind, holds) in [
        ("Topic", r#"entity.name == "toll.passages.v1" && entity.kind == "Topic""#),
        ("Topic", "entity.physicalName == stage.prefix.topic + entity.name"),
        ("Topic", "entity.spec.partitions == (stage.name == 'test' ? 3 : 12)"),
        ("Topic", "has(entity.spec.partitions) && has(entity.metadata.labels.costCenter)"),
        ("Topic", "!has(entity.metadata.labels.nothing)"),
        ("Topic", r#"entity.spec.config["retention.ms"] <= duration("7d") || stage.last"#),
        ("Topic", r#"!stage.last || entity.spec.config["retention.ms"] > duration("9000d")"#),
        ("Topic", r#"entity.spec.config["min.insync.replicas"] == 2"#),
        ("Topic", r#""compact" in entity.spec.config["cleanup.policy"]"#),
        ("Topic", r#"!("segment.bytes" in entity.spec.config)"#),
        ("Topic", r#"entity.spec.config[?"segment.bytes"].orValue(byteSize("1GiB")) == 1073741824"#),
        ("Topic", "entity.spec.access.consumers.all(t, t in ['cards', 'fraud'])"),
        ("Topic", "sets.contains(['cards', 'fraud', 'x'], entity.spec.access.consumers)"),
        ("Topic", "!sets.intersects(['a'], entity.spec.access.consumers)"),
        ("Topic", "team.labels.costCenter == entity.metadata.labels.costCenter"),
        ("Topic", "team.name == entity.metadata.team && team.description.size() == 5"),
        ("Topic", r#"entity.name.split(".")[0] == team.name && entity.name.split(".").size() == 3"#),
        ("Topic", r#"entity.name.matches("^[a-z.]+v[0-9]+$")"#),
        ("Topic", r#"entity.name in workspace.topics && !("x" in workspace.topics)"#),
        ("Topic", "workspace.topics.exists(t, t.endsWith('.v1')) && size(workspace.stages) == 3"),
        ("Topic", "entity.metadata.labels.all(name, name.size() > 3)"),
        ("Topic", r#"now.date < "2027-01-01" && now.weekday == "Friday" && now.hour == 10"#),
        ("Topic", "stage.index < 2 || stage.approvalRequired"),
        ("ServiceAccount", r#"entity.spec.apiKeys.all(k, has(k.rotateEvery) && k.rotateEvery <= duration("180d"))"#),
        ("ServiceAccount", "!has(entity.metadata.description) && !has(entity.spec.vault)"),
        ("AccessControlList", "entity.spec.allow.filter(g, has(g.produce)).map(g, g.produce) == ['toll.passages.v1']"),
        ("AccessControlList", "entity.spec.rules.exists_one(r, r.pattern == 'prefixed' && 'Describe' in r.operations)"),
        ("Topic", "entity == entity && !(entity != entity) && entity.metadata != {'name': entity.name}"),
        ("Topic", "entity.metadata.labels == {'dataClass': 'internal', 'costCenter': '4711'}"),
        ("Topic", "{'dataClass': 'internal', 'costCenter': '4711'} == entity.metadata.labels"),
        ("Topic", "entity.metadata.labels != {'dataClass': 'internal', 'costCenter': '4712'}"),
        ("Topic", "entity.metadata.labels != {'costCenter': '4711'} && {'costCenter': '4711'} == team.labels"),
        ("Topic", "workspace.teams == ['toll'] && ['toll'] == workspace.teams && workspace.teams != ['tall']"),
        ("Topic", "workspace.topics == [entity.name] && workspace.topics != [] && [] != workspace.serviceAccounts"),
        ("Topic", "workspace.stages == ['dev', 'test', 'prod'] && workspace == workspace && team != {}"),
        ("Topic", "[team.labels, {'a': 'b'}] == [{'costCenter': '4711'}, {'a': 'b'}]"),
        ("Topic", "team.labels in [{'costCenter': '4711'}] && {'a': 'b'} in [{'a': 'b'}] && !([1] in [[2]])"),
        (
            "Topic",
            "dyn(entity) != dyn(workspace.topics) && dyn(workspace.topics) != dyn(entity) && dyn(entity) != dyn(1)",
        ),
        ("Topic", "entity.metadata[?'description'] == optional.of('One record for each passage')"),
        (
            "Topic",
            "entity.spec.config == entity.spec.config && entity.spec.config['cleanup.policy'] == ['compact', 'delete']",
        ),
        (
            "AccessControlList",
            "entity.spec.allow[0] in entity.spec.allow && entity.spec.allow[0] != entity.spec.allow[1]",
        ),
        ("AccessControlList", "sets.contains(entity.spec.allow, [{'produce': 'toll.passages.v1'}])"),
        ("ServiceAccount", "entity.spec.apiKeys == entity.spec.apiKeys && entity.spec.apiKeys != []"),
        ("Team", "entity.metadata.labels.costCenter == '4711' && entity.spec.members == 0"),
    ] {
        assert_eq!(tried(kind, holds), "", "{holds}");
        let broken = tried(kind, &format!("!({holds})"));
        assert!(broken.starts_with("error[tried] "), "{holds}: {broken}");
    }
}

#[test]
fn invalid_expressions_are_reported_when_loaded() {
    let mut told = String::new();
    for wrong in [
        "entity.spec.partitons <= 12",
        "entitty.name == 'x'",
        "entity.spec.partitions == '6'",
        "entity.spec.partitions",
        "entity.spec.config['retention.msec'] > 1",
        "'retention.msec' in entity.spec.config",
        "entity.name.startWith('x')",
        "entity.name.contains(1)",
        "entity.name.matches('(')",
        "entity.name.matches(team.name)",
        "duration('7 days') > 1",
        "entity.name + 1 == 'x'",
        "entity.name > 1",
        "1 +",
        "",
        "entity.spec.access.consumers.all(entity, true)",
        "entity.spec.access.consumers.all(t, t == 1)",
        "variables.x",
        "entity.spec.partitions.all(p, true)",
        "stage.nme == 'x'",
        "b'abc' == b'abc'",
        "Message{a: 1} == 1",
        "@meter == 1",
        "entity.spec.access.consumers.map(t, t.size()) == ['a']",
        "entity.spec.partitions * 1.5 > 4.0",
        "entity.spec.config['min.cleanable.dirty.ratio'] + 1 > 1.0",
        "entity == team",
    ] {
        told += &tried("Topic", wrong);
    }
    told += &tried("Team", "stage.name == 'x'");
    told += &tried("Topic, Team", "entity.spec.partitions > 1");
    insta::assert_snapshot!(told);
}

#[test]
fn a_failing_expression_is_a_finding_at_the_expression() {
    let mut told = String::new();
    for failing in [
        "entity.metadata.labels.nothing == 'x'",
        "entity.spec.access.producers[0] == 'x'",
        "entity.spec.partitions / (entity.spec.partitions - entity.spec.partitions) == 1",
        "entity.spec.partitions * 9223372036854775807 > 1",
        "int(entity.name) == 1",
        "entity.name.split('') == []",
        "duration(entity.name) > 1",
    ] {
        told += &tried("Topic", failing);
    }
    insta::assert_snapshot!(told);
}

#[test]
fn variables_stand_for_expressions() {
    let spec = "  variables:
    - {name: short, expression: \"entity.name.split('.')[1]\"}
    - {name: long, expression: variables.short + '-' + team.name}
  validations:
    - {expression: variables.long == 'passages-toll'}
    - {expression: \"entity.spec.access.consumers.all(t, variables.short != t)\"}
    - {expression: variables.short == 'x', messageExpression: \"variables.long + ' is wrong'\"}";
    insta::assert_snapshot!(lines(&found(&load(&policy("Topic", spec)))), @"error[tried] Topic/toll.passages.v1 metadata.name: passages-toll is wrong");
}

#[test]
fn a_finding_points_to_the_written_value() {
    let at = |path: &str, expression: &str| {
        let spec = format!("  validations: [{{expression: {expression:?}, message: broken, path: {path:?}}}]");
        lines(&found(&load(&policy("Topic", &spec))))
    };
    insta::assert_snapshot!(
        at("spec.config[\"retention.ms\"]", "false") + &at("spec.partitions", "false") + &at("metadata.labels.dataClass", "false"),
        @r"
        error[tried] Workspace/cps spec.profiles.standard.config.retention.ms: broken (in dev, test)
        error[tried] Topic/toll.passages.v1 spec.stages.prod.config.retention.ms: broken (in prod)
        error[tried] Topic/toll.passages.v1 spec.partitions: broken (in dev, prod)
        error[tried] Topic/toll.passages.v1 spec.stages.test.partitions: broken (in test)
        error[tried] Topic/toll.passages.v1 metadata.labels.dataClass: broken
        "
    );
}

#[test]
fn errors_are_warnings_until_they_are_enforced() {
    let severity = |spec: &str| {
        lines(&found(&load(&policy(
            "Topic",
            &format!("{spec}\n  validations: [{{expression: 'false', message: broken, path: spec.partitions}}]"),
        ))))
    };
    insta::assert_snapshot!(
        severity("  enforce: {from: 2026-11-21}") + &severity("  enforce: {from: 2026-11-20}") + &severity("  enforce: {fromStage: test}")
            + &severity("  enforce: {stages: [dev]}") + &severity("  severity: info"),
        @r"
        warning[tried] Topic/toll.passages.v1 spec.partitions: broken (in dev, prod) = an error from 2026-11-21 on
        warning[tried] Topic/toll.passages.v1 spec.stages.test.partitions: broken (in test) = an error from 2026-11-21 on
        error[tried] Topic/toll.passages.v1 spec.partitions: broken (in dev, prod)
        error[tried] Topic/toll.passages.v1 spec.stages.test.partitions: broken (in test)
        error[tried] Topic/toll.passages.v1 spec.partitions: broken (in dev, prod)
        error[tried] Topic/toll.passages.v1 spec.stages.test.partitions: broken (in test)
        error[tried] Topic/toll.passages.v1 spec.partitions: broken (in dev, prod)
        warning[tried] Topic/toll.passages.v1 spec.stages.test.partitions: broken (in test) = an error in dev
        info[tried] Topic/toll.passages.v1 spec.partitions: broken (in dev, prod)
        info[tried] Topic/toll.passages.v1 spec.stages.test.partitions: broken (in test)
        "
    );
}

/// A misspelt word in an expression is pointed at, however the expression is folded, quoted or indented.
#[test]
fn a_mistake_in_an_expression_is_pointed_at() {
    for (written, wanted) in [
        (">-\n        has(entity.spec.partitions) &&\n        entity.spec.partitons <= 24", "partitons"),
        ("|\n        // as many as they need\n        entity.spec.partitions <= 24 &&\n\n          nobody.x", "nobody"),
        ("'entity.spec.config[''retention.mss''] > 1'", "retention.mss"),
        ("\"entity.name == \\\"a\\\" ||\\n entity.nam == 'ü'\"", "nam"),
        ("entity.name == 'ü'\n        || entity.nam == 'a'", "nam"),
        (">-\n        entity.name ==\n        'a' ) || true", ")"),
        (">-\n        entity.name ==\n        entity.name.lowr()", "lowr"),
    ] {
        let loaded =
            load(&policy("Topic", &format!("  validations:\n    - expression: {written}\n      message: broken\n")));
        let (_, findings) = Policies::compile(loaded.workspace.as_ref().unwrap());
        let at = loaded.locate(&findings[0].at);
        assert_eq!(&loaded.sources.file(at.file).text()[at.range()], wanted, "{written}: {}", findings[0].message);
    }
    // For a mistake at the end of an expression, the finding points to its last character.
    let loaded =
        load(&policy("Topic", "  validations:\n    - expression: >-\n        entity.name ==\n\n        1 +\n"));
    let (_, findings) = Policies::compile(loaded.workspace.as_ref().unwrap());
    let position = loaded.sources.position(loaded.locate(&findings[0].at));
    assert_eq!((position.line, position.column), (10, 12), "{}", findings[0].message);
}
