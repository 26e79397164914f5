//! Waivers: which ones are understood, which findings they silence, and which ones are unused.

use std::collections::BTreeSet;

use weir_findings::{Finding, RuleId};
use weir_model::{EntityRef, Kind, Loaded, Route};
use weir_planning::AuthorityItem;
use weir_policy::{Judged, Judging, judge};

use crate::scene::{TOPIC, WORKSPACE, now, policy};

/// A policy about the topic's partitions, whose value is written in another place in each stage.
const SMALL: &str = "  partitions: {max: 2}";
/// A policy about a value that comes from the profile, and in prod from an overlay.
const SHORT: &str = "  settings: {retention.ms: {max: 1d}}";

fn waiver(fields: &str) -> String {
    format!("\n---\napiVersion: weir/v1\nkind: Waiver\nmetadata: {{name: w}}\nspec: {{{fields}}}")
}

/// Returns a waiver for the topic with additional fields.
fn for_topic(more: &str) -> String {
    waiver(&format!("rule: tried, entity: Topic/toll.passages.v1, reason: moved, owner: toll, until: 2027-01-31{more}"))
}

fn read(workspace: &str, policies: &str, entities: &str) -> Loaded {
    let loaded = weir_model::load([("weir.yaml", workspace), ("policies.yaml", policies), ("toll.yaml", entities)]);
    assert!(loaded.findings.is_empty(), "{:?}", loaded.findings);
    loaded
}

fn judged(loaded: &Loaded, found: Vec<Finding<Route>>, stage: Option<&str>) -> Judged {
    let rules = BTreeSet::from(["sharing-consent", "unused-profile"]);
    judge(loaded, found, &Judging { now: now(), stage, rules: &rules })
}

/// Returns the findings and the waived findings, a line each.
fn told(policies: &str, entities: &str, stage: Option<&str>) -> String {
    told_in(WORKSPACE, policies, entities, stage)
}

fn told_in(workspace: &str, policies: &str, entities: &str, stage: Option<&str>) -> String {
    let loaded = read(workspace, policies, entities);
    lines(&loaded, &judged(&loaded, Vec::new(), stage))
}

fn lines(loaded: &Loaded, Judged { findings, waived }: &Judged) -> String {
    let line = |finding: &Finding| {
        let at = loaded.sources.position(finding.at);
        let file = loaded.sources.file(finding.at.file).path();
        let label = finding.label.as_ref().map(|label| format!(" ({label})")).unwrap_or_default();
        let help = finding.help.as_ref().map(|help| format!(" = {help}")).unwrap_or_default();
        format!("{}[{}] {file}:{}: {}{label}{help}\n", finding.severity, finding.rule, at.line, finding.message)
    };
    findings.iter().chain(waived).map(line).collect()
}

#[test]
fn invalid_waivers_are_reported() {
    let full = "rule: tried, entity: Topic/toll.passages.v1, reason: moved, owner: toll, until: 2027-01-31";
    let mut all = String::new();
    for (from, to) in [
        ("rule: tried", "rule: treid"),
        ("rule: tried", "rule: nothing-like-it"),
        ("rule: tried", "rule: waiver-unused"),
        ("entity: Topic/toll.passages.v1", "entity: Topic/toll.passages.v2"),
        ("entity: Topic/toll.passages.v1", "entity: toll.passages.v1"),
        ("reason: moved", "reason: ' '"),
        ("owner: toll", "owner: tol"),
        ("owner: toll", "owner: ''"),
        ("until: 2027-01-31", "until: 2026-11-19"),
        ("until: 2027-01-31", "until: 2027-01-31, stages: [dev, prood]"),
        ("rule: tried", "stages: [dev], rule: sharing-consent"),
    ] {
        all += &format!("{to}\n");
        let text = told(&(policy("Topic", SMALL) + &waiver(&full.replace(from, to))), TOPIC, None);
        all.extend(text.lines().filter(|line| line.contains("[waiver-")).map(|line| format!("  {line}\n")));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn waivers_of_rules_without_waivers_are_refused() {
    let kept = policy("Topic", &format!("{SMALL}\n  waivable: false")) + &for_topic("");
    insta::assert_snapshot!(told(&kept, TOPIC, Some("dev")), @r"
    error[waiver-refused] policies.yaml:12: `tried` cannot be waived: its policy sets `waivable: false` = correct the mistake that the finding reports
    error[tried] toll.yaml:10: 12 partitions are more than the 2 allowed (in dev) = write at most 2
    ");
    // Errors of weir's own rules cannot be waived; warnings can.
    let own = for_topic("").replace("rule: tried", "rule: sharing-consent");
    let loaded = read(WORKSPACE, &(policy("Topic", SMALL) + &own), TOPIC);
    let at = || Route::name(EntityRef::new(Kind::Topic, "toll.passages.v1"));
    let rule = || RuleId::new("sharing-consent");
    let error = judged(&loaded, vec![Finding::error(rule(), at(), "not agreed")], Some("prod"));
    let warning = judged(&loaded, vec![Finding::warning(rule(), at(), "not agreed")], Some("prod"));
    insta::assert_snapshot!(lines(&loaded, &error) + "\n" + &lines(&loaded, &warning), @r"
    error[waiver-refused] policies.yaml:11: `sharing-consent` cannot be waived: it is an error of one of weir's own rules = correct the mistake that the finding reports
    error[sharing-consent] toll.yaml:5: not agreed
    error[tried] toll.yaml:10: 12 partitions are more than the 2 allowed (in prod) = write at most 2

    error[tried] toll.yaml:10: 12 partitions are more than the 2 allowed (in prod) = write at most 2
    info[sharing-consent] toll.yaml:5: not agreed (waived until 2027-01-31)
    ");
}

#[test]
fn unused_waivers_are_reported_when_all_stages_are_checked() {
    let fine = policy("Topic", "  partitions: {max: 24}") + &for_topic("");
    insta::assert_snapshot!(told(&fine, TOPIC, None), @"warning[waiver-unused] policies.yaml:11: nothing breaks `tried` here: the waiver is not needed = delete it");
    assert_eq!(told(&fine, TOPIC, Some("dev")), "");
    // In stage dev nothing breaks the policy.
    let elsewhere = policy("Topic", "  stages: {prod: {partitions: {max: 2}}}") + &for_topic(", stages: [dev]");
    insta::assert_snapshot!(told(&elsewhere, TOPIC, None), @r"
    warning[waiver-unused] policies.yaml:11: nothing breaks `tried` here: the waiver is not needed = delete it
    error[tried] toll.yaml:10: 12 partitions are more than the 2 allowed (in prod) = write at most 2
    ");
}

#[test]
fn a_waiver_holds_in_its_stages() {
    let of = |spec: &str, stages: &str, stage: Option<&str>| {
        told(&(policy("Topic", spec) + &for_topic(&format!(", stages: [{stages}]"))), TOPIC, stage)
    };
    insta::assert_snapshot!(of(SMALL, "prod", None), @r"
    error[tried] toll.yaml:10: 12 partitions are more than the 2 allowed (in dev) = write at most 2
    error[tried] toll.yaml:13: 3 partitions are more than the 2 allowed (in test) = write at most 2
    info[tried] toll.yaml:10: 12 partitions are more than the 2 allowed (waived until 2027-01-31) (in prod) = write at most 2
    ");
    insta::assert_snapshot!(of(SMALL, "dev, test, prod", None), @r"
    info[tried] toll.yaml:10: 12 partitions are more than the 2 allowed (waived until 2027-01-31) (in dev, prod) = write at most 2
    info[tried] toll.yaml:13: 3 partitions are more than the 2 allowed (waived until 2027-01-31) (in test) = write at most 2
    ");
    // The value comes from a profile in dev and test, and from the overlay in prod.
    insta::assert_snapshot!(of(SHORT, "test", None), @r"
    error[tried] toll.yaml:13: `retention.ms` is unlimited, more than 1d (in prod) = write at most 1d
    error[tried] weir.yaml:12: `retention.ms` is 7d, more than 1d (in dev) = write at most 1d
    info[tried] weir.yaml:12: `retention.ms` is 7d, more than 1d (waived until 2027-01-31) (in test) = write at most 1d
    ");
    insta::assert_snapshot!(of(SHORT, "prod", Some("prod")), @"info[tried] toll.yaml:13: `retention.ms` is unlimited, more than 1d (waived until 2027-01-31) (in prod) = write at most 1d");
    insta::assert_snapshot!(of(SHORT, "dev", Some("dev")), @"info[tried] weir.yaml:12: `retention.ms` is 7d, more than 1d (waived until 2027-01-31) (in dev) = write at most 1d");
}

#[test]
fn a_waiver_can_name_the_only_stage() {
    let alone = "apiVersion: weir/v1\nkind: Workspace\nmetadata: {name: cps}\nspec: {clusters: {c: {sandbox: {path: x}}}, \
                 stages: [{name: dev, cluster: c}]}\n---\napiVersion: weir/v1\nkind: Team\nmetadata: {name: toll}";
    let topic =
        "apiVersion: weir/v1\nkind: Topic\nmetadata: {name: toll.passages.v1, team: toll}\nspec: {partitions: 6}";
    insta::assert_snapshot!(told_in(alone, &(policy("Topic", SMALL) + &for_topic(", stages: [dev]")), topic, None), @"info[tried] toll.yaml:4: 6 partitions are more than the 2 allowed (waived until 2027-01-31) = write at most 2");
}

#[test]
fn the_severity_of_a_partly_waived_finding_is_that_of_the_other_stages() {
    let text = policy("Topic", &format!("{SMALL}\n  enforce: {{fromStage: prod}}")) + &for_topic(", stages: [prod]");
    insta::assert_snapshot!(told(&text, TOPIC, None), @r"
    warning[tried] toll.yaml:10: 12 partitions are more than the 2 allowed (in dev) = write at most 2; an error from stage prod on
    warning[tried] toll.yaml:13: 3 partitions are more than the 2 allowed (in test) = write at most 2; an error from stage prod on
    info[tried] toll.yaml:10: 12 partitions are more than the 2 allowed (waived until 2027-01-31) (in prod) = write at most 2
    ");
    let from = policy("Topic", &format!("{SMALL}\n  enforce: {{from: 2027-01-01}}"));
    insta::assert_snapshot!(told(&from, TOPIC, None), @r"
    warning[tried] toll.yaml:10: 12 partitions are more than the 2 allowed (in dev, prod) = write at most 2; an error from 2027-01-01 on
    warning[tried] toll.yaml:13: 3 partitions are more than the 2 allowed (in test) = write at most 2; an error from 2027-01-01 on
    ");
}

#[test]
fn a_shared_value_needs_a_waiver_for_each_entity() {
    let other = "\n---\napiVersion: weir/v1\nkind: Topic\nmetadata: {name: toll.b.v1, team: toll}\nspec: {}\n";
    let text = policy("Topic", SHORT) + &for_topic("");
    insta::assert_snapshot!(told(&text, &format!("{TOPIC}{other}"), None), @r"
    error[tried] weir.yaml:12: `retention.ms` is 7d, more than 1d = write at most 1d
    info[tried] toll.yaml:13: `retention.ms` is unlimited, more than 1d (waived until 2027-01-31) (in prod) = write at most 1d
    info[tried] weir.yaml:12: `retention.ms` is 7d, more than 1d (waived until 2027-01-31) (in dev, test) = write at most 1d
    ");
}

#[test]
fn a_comment_covers_its_place() {
    let allow = "# weir:allow tried reason=\"why\" until=2027-01-31";
    let at = |from: &str, to: &str| told(&policy("Topic", SMALL), &TOPIC.replace(from, to), None);
    let beside = "  partitions: 12";
    insta::assert_snapshot!(at(beside, &format!("{beside} {}", allow.replace("weir:", "weir: "))), @r"
    error[tried] toll.yaml:13: 3 partitions are more than the 2 allowed (in test) = write at most 2
    info[tried] toll.yaml:10: 12 partitions are more than the 2 allowed (waived until 2027-01-31) (in dev, prod) = write at most 2
    ");
    insta::assert_snapshot!(at(beside, &format!("{beside} {allow}")), @r"
    error[tried] toll.yaml:13: 3 partitions are more than the 2 allowed (in test) = write at most 2
    info[tried] toll.yaml:10: 12 partitions are more than the 2 allowed (waived until 2027-01-31) (in dev, prod) = write at most 2
    ");
}

/// An exception is not granted by those who profit from it.
#[test]
fn a_comment_in_a_file_of_a_team_waives_nothing() {
    let ownership = "  ownership: {platform: platform, teams: {paths: [\"{team}.yaml\"]}}\n";
    let platform = "---\napiVersion: weir/v1\nkind: Team\nmetadata: {name: platform, description: x, labels: {costCenter: \"1\"}}\n";
    let workspace = WORKSPACE.replace("  defaults:", &format!("{ownership}  defaults:")) + platform;
    let beside = "  partitions: 12";
    let allow = format!("{beside} # weir: allow tried reason=\"why\" until=9999-12-31");
    let entities = TOPIC.replace(beside, &allow).replace(", test: {partitions: 3}", "");
    insta::assert_snapshot!(told_in(&workspace, &policy("Topic", SMALL), &entities, None), @r"
    error[tried] toll.yaml:10: 12 partitions are more than the 2 allowed (in dev, prod) = write at most 2
    error[waiver-invalid] toll.yaml:10: a file of team `toll` cannot waive a rule = ask team `platform` for a document of kind `Waiver`
    ");
}

#[test]
fn a_comment_inside_a_string_is_not_a_waiver() {
    let allow = "# weir: allow tried reason='why' until=2027-01-31";
    let at = |description: &str| {
        let entities = TOPIC.replace("description: One record for each passage", description);
        told(&policy("Topic", SMALL), &entities, Some("dev"))
    };
    let plain = at("description: x");
    let line = plain.lines().count();
    for text in [
        format!("description: |\n    One\n    {allow}\n    record"),
        format!("description: >-\n\n    One\n\n    {allow}"),
        format!("description: \"One\n    {allow}\n    record\""),
        format!("description: 'One\n    {}\n    record'", allow.replace('\'', "''")),
    ] {
        let told = at(&text);
        assert_eq!(told.lines().count(), line, "{text}: {told}");
        assert!(!told.contains("waive"), "{text}: {told}");
    }
    // A comment may follow the line that opens a block string, and may follow the block.
    let real = allow.replace('\'', "\"");
    for text in [format!("description: | {real}\n    One"), format!("description: |\n    One\n  {real}\n")] {
        let told = told(
            &policy("Topic", "  requires: {description: 100}"),
            &TOPIC.replace("description: One record for each passage", &text),
            None,
        );
        assert!(told.contains("waive"), "{text}: {told}");
    }
}

#[test]
fn waivers_in_force_are_told_to_plans() {
    let commented =
        TOPIC.replace("  partitions: 12", "  partitions: 12 # weir: allow tried reason=\"moved\" until=2026-11-20");
    let loaded = read(WORKSPACE, &(policy("Topic", SMALL) + &for_topic(", stages: [dev]")), &commented);
    let told = |stage: &str, now: &str| -> Vec<String> {
        let items = weir_policy::waivers_in_force(&loaded, stage, now.parse().unwrap());
        let line = |item: AuthorityItem| {
            let (team, file) = (item.team.unwrap_or_default(), item.file.unwrap_or_default());
            format!("{team} {file} {}", item.message)
        };
        items.into_iter().map(line).collect()
    };
    let document = "toll policies.yaml rule tried is waived for Topic/toll.passages.v1: moved";
    let comment = "toll toll.yaml a comment in line 10 waives rule tried: moved";
    assert_eq!(told("dev", "2026-11-20T23:00:00Z"), [document, comment]);
    assert_eq!(told("test", "2026-11-20T23:00:00Z"), [comment]);
    assert_eq!(told("dev", "2026-11-21T00:00:00Z"), [document]);
    assert!(told("dev", "2027-02-01T00:00:00Z").is_empty());
}
