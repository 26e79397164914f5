//! Comments on pull requests: nothing is missing without a word, and none is longer than a forge takes.

use std::collections::BTreeMap;

use proptest::{collection, prelude::*, sample::select};
use weir_planning::{render::COMMENT_LIMIT, *};

use crate::sample::{WORKSPACE, desired_of, desired_state, every_change, observed_state, options};

/// A step for a change, as the planner would make it.
fn step(change: Change, team: &str, risk: Risk, meaning: Vec<String>) -> Step {
    let step = serde_json::json!({
        "id": format!("{} {}", change.about().action, change.about().object),
        "change": change, "entity": null, "team": team, "plane": "data", "risk": risk, "meaning": meaning,
        "fingerprint": "", "after": [],
    });
    serde_json::from_value(step).unwrap()
}

fn plan_of(steps: Vec<Step>, authority: Vec<AuthorityItem>) -> Plan {
    let mut plan = plan(&desired_of([WORKSPACE]), &Observed::default(), &options()).accept().unwrap();
    plan.steps = steps;
    plan.headed(authority)
}

fn topic(name: &str, team: &str, config: &[(&str, String)]) -> Step {
    let config = config.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    let change = serde_json::json!({
        "action": "create-topic", "topic": name, "partitions": 6, "replicationFactor": 3,
        "config": config.collect::<BTreeMap<_, _>>(),
    });
    step(serde_json::from_value(change).unwrap(), team, Risk::Additive, Vec::new())
}

fn grant(account: &str, topic: &str, team: &str, risk: Risk) -> Step {
    let change = serde_json::json!({
        "action": "create-acl", "principal": format!("User:{account}"),
        "acl": {"resource": "topic", "pattern": "literal", "name": topic, "operation": "Read", "permission": "allow"},
    });
    step(serde_json::from_value(change).unwrap(), team, risk, Vec::new())
}

fn item(object: &str, message: String) -> AuthorityItem {
    AuthorityItem {
        kind: AuthorityKind::PlatformWide,
        team: Some("toll".to_owned()),
        object: object.to_owned(),
        message,
        until: None,
        entity: None,
        file: Some("teams/toll/kafka.yaml".to_owned()),
        step: None,
    }
}

/// A value of 9,000 pairs once filled the comment, so that no grant was in it, or no forge took it.
#[test]
fn a_long_value_is_cut_long_before_a_step() {
    for pairs in [4_200, 9_000] {
        let value = (0..pairs).map(|n| format!("{n}:{n}")).collect::<Vec<_>>().join(",");
        let length = value.len();
        let settings = [("leader.replication.throttled.replicas", value)];
        let steps = vec![
            topic("dev.toll.audit.v1", "toll", &settings),
            grant("dev-toll", "__consumer_offsets", "toll", Risk::PlatformWide),
            grant("dev-toll", "dev.cards.payments", "toll", Risk::Shared),
        ];
        let comments = render::comments(&plan_of(steps, Vec::new()), &[]);
        assert_eq!(comments.len(), 1);
        assert!(comments[0].len() < 3_000, "{}", comments[0]);
        let shown = &comments[0];
        let left_out = format!("… ({} characters left out) …", length - 200);
        let first = shown.find("+ dev-toll may Read topic __consumer_offsets  [platform-wide]").unwrap();
        let second = shown.find("+ dev-toll may Read topic dev.cards.payments  [shared]").unwrap();
        let last = shown.find("+ topic dev.toll.audit.v1  [additive]").unwrap();
        assert!(first < last && second < last && shown[last..].contains(&left_out), "{shown}");
    }
}

/// 190 harmless steps of a team once took all the room of the next team's grants.
#[test]
fn each_team_has_its_share() {
    let long = "x".repeat(200);
    let settings: Vec<_> = ["a", "b", "c", "d"].map(|name| (name, long.clone())).into();
    let mut steps: Vec<_> = (0..190).map(|n| topic(&format!("dev.a-toll.{n}"), "a-toll", &settings)).collect();
    steps.push(grant("dev-toll", "dev.cards.payments", "toll", Risk::Shared));
    steps.push(grant("dev-toll", "dev.cards.cards", "toll", Risk::Shared));
    let comments = render::comments(&plan_of(steps.clone(), Vec::new()), &[]);
    assert_eq!(comments.len(), 1);
    for step in &steps {
        let topic = step.change.about().object.name().trim_start_matches("User:").to_owned();
        assert!(comments[0].contains(&topic), "{topic}");
    }
    assert!(comments[0].contains("| toll | 2 | 0 | 0 | 2 shared |"), "{}", comments[0]);
    assert_eq!(comments[0].matches("dev-toll may Read topic").count(), 2);
    // So many that even their first lines do not fit.
    steps.extend((0..5_000).map(|n| topic(&format!("dev.a-toll.more.{n}"), "a-toll", &settings)));
    let comments = render::comments(&plan_of(steps.clone(), Vec::new()), &[]);
    assert_eq!((comments.len(), comments[0].matches("dev-toll may Read topic").count()), (1, 2));
    let shown = comments[0].matches("+ topic dev.a-toll.").count();
    let rest = format!("  … and {0} more steps ({0} additive); the plan file has them all\n", 5_190 - shown);
    assert!(shown > 100 && comments[0].contains(&rest), "{shown}");
    // Two teams that do not fit halve the room.
    steps.extend((0..9_000).map(|n| topic(&format!("dev.b-toll.{n}"), "b-toll", &settings)));
    let comments = render::comments(&plan_of(steps, Vec::new()), &[]);
    let shown = ["a-toll", "b-toll"].map(|team| comments[0].matches(&format!("+ topic dev.{team}.")).count());
    assert!(shown[0] > 100 && shown[1] > 100, "{shown:?}");
}

/// Nobody hides a right behind others of his own.
#[test]
fn no_right_that_is_left_behind_is_left_out() {
    let account = |n: usize| format!("dev-a-{n:03}");
    let mut observed = Observed::default();
    for n in 0..900 {
        let maker = "cps/dev".parse().ok();
        observed.accounts.insert(account(n), ObservedAccount { maker, ..ObservedAccount::default() });
        let acl = serde_json::json!({
            "resource": "topic", "pattern": "literal", "name": format!("dev.cards.{n}"), "operation": "Read",
            "permission": "allow",
        });
        let acl: Acl = serde_json::from_value(acl).unwrap();
        observed.acls.insert(Principal::of_account(account(n)), [acl].into());
    }
    let plan = plan(&desired_of([WORKSPACE]), &observed, &options()).accept().unwrap();
    assert!(plan.is_empty());
    let comments = render::comments(&plan, &[]);
    assert!(comments.len() > 1 && comments.iter().all(|comment| comment.len() <= COMMENT_LIMIT));
    for n in 0..900 {
        assert_eq!(comments.concat().matches(&format!("may Read topic dev.cards.{n}”")).count(), 1, "{n}");
    }
    assert!(render::drift_markdown(&Drift::of(&plan)).contains("dev-a-000 may Read topic dev.cards.0"));
}

#[test]
fn a_head_longer_than_a_comment_needs_several() {
    let items: Vec<_> =
        (0..2_000).map(|n| item(&format!("o{n}"), format!("dev-x may Read topic number {n} of all"))).collect();
    let steps = vec![grant("dev-toll", "dev.cards.payments", "toll", Risk::Shared)];
    let plan = plan_of(steps, items);
    let mut forged = plan.clone();
    forged.authority.pop();
    assert!(plan.verify().is_ok() && forged.verify().is_err(), "the digest covers the head");
    let comments = render::comments(&plan, &["a rule: a warning".to_owned()]);
    assert!(comments.len() > 2);
    for (index, comment) in comments.iter().enumerate() {
        assert!(comment.len() <= COMMENT_LIMIT);
        let begin = format!("<!-- weir: part {} of {} -->\n### weir: stage dev: 1 to add", index + 1, comments.len());
        assert!(comment.starts_with(&begin), "{comment}");
    }
    let all = comments.concat();
    for n in 0..2_000 {
        assert_eq!(all.matches(&format!("topic number {n} of all (")).count(), 1);
    }
    assert!(
        all.contains("dev-toll may Read topic dev.cards.payments  [shared]") && all.contains("- a rule: a warning")
    );
}

#[test]
fn an_empty_plan_still_shows_its_head() {
    let plan = plan_of(Vec::new(), vec![item("x", "a waiver".to_owned())]);
    let markdown = "**weir:** No changes: stage dev is as its files say.\n
#### Authority: 1 platform-wide\n
**Rights beyond the names of the team**\n
- team toll: a waiver (teams/toll/kafka.yaml)\n
<sub>Cluster local (). Digest ";
    assert!(render::markdown(&plan).starts_with(markdown), "{}", render::markdown(&plan));
    insta::assert_snapshot!(render::text(&plan, false), @r"
    No changes: stage dev is as its files say.

    Authority: 1 platform-wide
      Rights beyond the names of the team
        team toll: a waiver (teams/toll/kafka.yaml)
    ");
}

fn nasty() -> impl Strategy<Value = String> {
    let part = select(vec!["a", "|", "\u{202e}", "<b>", "`", "\\", "ü", "\u{1b}[2J", "```", "- ", "\n"]);
    (part, select(vec![1_usize, 3, 700])).prop_map(|(part, times)| part.repeat(times))
}

fn any_step() -> impl Strategy<Value = Step> {
    let steps = (select(every_change()), select(vec!["toll", "cards", "a-toll"]), select(Risk::ALL.to_vec()));
    (steps, nasty(), collection::vec(nasty(), 0..2), 0_u16..16).prop_map(|((change, team, risk), name, meaning, n)| {
        let change = match change {
            Change::CreateTopic { partitions, replication_factor, .. } => {
                let value = |name: String| (name, settings_value(&meaning.concat()));
                let config = (0..n).map(|n| value(format!("s{n}"))).collect();
                Change::CreateTopic { topic: name, partitions, replication_factor, config }
            }
            Change::CreateAccount { description: _, account, maker } => {
                Change::CreateAccount { account, description: name, maker }
            }
            Change::CreateAcl { principal: _, acl } => {
                Change::CreateAcl { principal: Principal::of_account(name), acl }
            }
            other => other,
        };
        step(change, team, risk, meaning)
    })
}

fn settings_value(text: &str) -> weir_model::settings::KafkaValue {
    weir_model::settings::KafkaValue::observed("x", text)
}

/// Returns the number before a word: `2` of `2 additive`.
fn number(text: &str, word: &str) -> usize {
    let found = text.split(", ").find_map(|part| part.strip_suffix(word)?.strip_suffix(' ')?.parse().ok());
    found.unwrap_or_default()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]

    #[test]
    fn nothing_is_missing_without_a_word(
        steps in prop_oneof![3 => collection::vec(any_step(), 0..60), 1 => Just(Vec::new())],
        repeated in select(vec![1_usize, 2, 40]),
        authority in collection::vec(nasty(), 0..40),
        warnings in prop_oneof![1 => collection::vec(nasty(), 0..80), 1 => Just(Vec::new())],
    ) {
        let steps: Vec<Step> = std::iter::repeat_n(steps, repeated).flatten().collect();
        let items = authority.iter().enumerate().map(|(n, text)| item(text, format!("item number {n} of all: {text}")));
        let plan = plan_of(steps, items.collect());
        let comments = render::comments(&plan, &warnings);
        for comment in &comments {
            prop_assert!(comment.len() <= COMMENT_LIMIT, "{}", comment.len());
        }
        let all = comments.concat();
        for n in 0..authority.len() {
            let shown = format!("team toll: item number {n} of all: ");
            prop_assert_eq!(all.matches(&shown).count(), 1, "{}", shown);
        }
        // Every character of the head: `ü` has no other spelling in markdown.
        let wanted: usize = authority.iter().map(|text| text.matches('ü').count()).sum();
        if plan.steps.is_empty() && warnings.is_empty() {
            prop_assert_eq!(all.matches('ü').count(), wanted);
        }
        for team in ["toll", "cards", "a-toll"] {
            let row = all.lines().find(|line| line.starts_with(&format!("| {team} |")));
            let section = all.split(&format!("<summary><b>{team}</b>")).nth(1);
            let section = section.map(|text| text.split("\n</details>").next().unwrap_or_default());
            for risk in Risk::ALL {
                let expected = plan.steps.iter().filter(|s| s.team.as_deref() == Some(team) && s.risk == risk).count();
                let counted = row.map_or(0, |row| number(row.rsplit("| ").next().unwrap().trim_end_matches(" |"), risk.as_str()));
                prop_assert_eq!(counted, expected, "{} {} in {:?}", team, risk, row);
                let Some(section) = section else { continue };
                let shown = section.lines().filter(|line| {
                    line.starts_with(['+', '!', '-']) && line.ends_with(&format!("  [{risk}]"))
                });
                let rest = section.lines().find(|line| line.starts_with("  … and ")).unwrap_or_default();
                let rest = rest.split_once('(').map_or("", |(_, rest)| rest.split(')').next().unwrap());
                prop_assert_eq!(shown.count() + number(rest, risk.as_str()), expected, "{} {}", team, risk);
            }
        }
    }

    #[test]
    fn every_right_beyond_the_own_names_is_in_the_head(desired in desired_state(true), observed in observed_state(true)) {
        let plan = plan(&desired, &observed, &options()).plan;
        for step in &plan.steps {
            let Change::CreateAcl { principal, acl } = &step.change else { continue };
            let binding = &desired.accounts[principal.user().unwrap()].acls[acl];
            let own = binding.reach == weir_ownership::Reach::Own;
            let items = plan.authority.iter().filter(|item| item.step.as_ref() == Some(&step.id)).count();
            prop_assert_eq!(items, usize::from(!own), "{}", step.id);
            prop_assert_eq!(step.risk == Risk::Additive, own && acl.permission == weir_model::Permission::Allow, "{}", step.id);
        }
        let all = render::comments(&plan, &[]).concat();
        // No file declares an object that the stage prunes, so that its items have no team.
        let of_teams = plan.authority.iter().filter(|item| item.team.is_some()).count();
        prop_assert_eq!(all.matches("\n- team ").count(), of_teams, "{}", all);
    }
}
