//! A step against what is there at deployment.

use weir_model::settings::{self, KafkaValue};
use weir_planning::*;

use crate::{
    sample::{WORKSPACE, desired_of, options},
    simulation::apply_step,
};

fn topic(spec: &str) -> Desired {
    let topic = format!("apiVersion: weir/v1\nkind: Topic\nmetadata: {{name: a, team: toll}}\nspec: {spec}\n");
    desired_of([WORKSPACE, &topic])
}

fn account(spec: &str) -> Desired {
    let account =
        format!("apiVersion: weir/v1\nkind: ServiceAccount\nmetadata: {{name: billing, team: toll}}\nspec: {spec}\n");
    desired_of([WORKSPACE, &account])
}

fn with_topic(change: impl FnOnce(&mut ObservedTopic)) -> Observed {
    let mut topic =
        ObservedTopic { topic_id: "u1".to_owned(), partitions: 6, replication_factor: 3, ..ObservedTopic::default() };
    change(&mut topic);
    Observed { topics: [("dev.a".to_owned(), topic)].into(), ..Observed::default() }
}

fn only(desired: &Desired, observed: &Observed) -> (Plan, Step) {
    let plan = plan(desired, observed, &options()).accept().unwrap();
    assert_eq!(plan.steps.len(), 1, "{:#?}", plan.steps);
    let step = plan.steps[0].clone();
    (plan, step)
}

#[test]
fn a_step_looks_at_its_own_aspect_only() {
    let (plan, step) = only(&topic("{partitions: 12}"), &with_topic(|_| {}));
    let other_setting =
        with_topic(|t| _ = t.config.insert("retention.ms".to_owned(), KafkaValue::observed("retention.ms", "1")));
    assert_eq!(step.check(&plan, &other_setting), Precondition::AsPlanned);
    assert_eq!(step.check(&plan, &with_topic(|t| t.partitions = 12)), Precondition::Done);
    let Precondition::Stale(why) = step.check(&plan, &with_topic(|t| t.partitions = 8)) else { panic!() };
    insta::assert_snapshot!(why, @"the topic `dev.a` has another number of partitions than when the plan was made, or was made anew.");
    let anew = with_topic(|t| t.topic_id = "u2".to_owned());
    assert!(matches!(step.check(&plan, &anew), Precondition::Stale(_)));
    assert!(matches!(step.check(&plan, &Observed::default()), Precondition::Stale(_)));
}

#[test]
fn a_topic_that_appeared_is_done_only_if_it_is_as_planned() {
    let (plan, step) = only(&topic("{partitions: 6}"), &Observed::default());
    assert_eq!(step.check(&plan, &Observed::default()), Precondition::AsPlanned);
    assert_eq!(step.check(&plan, &with_topic(|_| {})), Precondition::Done);
    assert!(matches!(step.check(&plan, &with_topic(|t| t.partitions = 1)), Precondition::Stale(_)));
}

#[test]
fn a_topic_that_was_empty_is_not_deleted_with_records() {
    let facts = |records| move |t: &mut ObservedTopic| t.facts = Some(TopicFacts { records, ..TopicFacts::default() });
    let (plan, step) = only(&topic("{ensure: absent}"), &with_topic(facts(0)));
    assert_eq!((step.risk, step.facts_topic()), (Risk::Destroy, Some("dev.a")));
    assert_eq!(step.check(&plan, &with_topic(facts(0))), Precondition::AsPlanned);
    assert!(matches!(step.check(&plan, &with_topic(facts(1))), Precondition::Stale(_)));
    assert!(matches!(step.check(&plan, &with_topic(|_| {})), Precondition::Stale(_)), "not known is not empty");
    assert_eq!(step.check(&plan, &Observed::default()), Precondition::Done);

    let (plan, step) = only(&topic("{ensure: absent}"), &with_topic(facts(9)));
    assert_eq!(step.check(&plan, &with_topic(facts(8))), Precondition::AsPlanned);
    assert_eq!(step.check(&plan, &with_topic(facts(0))), Precondition::AsPlanned, "less is lost than was planned");
}

#[test]
fn a_cut_that_was_to_lose_nothing_waits_when_records_have_come() {
    let topic_with = |records: Option<u64>| {
        with_topic(|t| {
            t.config.extend(settings::observed([("retention.ms", "604800000")]));
            t.facts = records.map(|records| TopicFacts { records, ..TopicFacts::default() });
        })
    };
    let cut = topic("{config: {retention.ms: 1d}}");
    let (plan, step) = only(&cut, &topic_with(Some(0)));
    assert_eq!((step.risk, step.facts_topic()), (Risk::Change, Some("dev.a")));
    assert_eq!(step.check(&plan, &topic_with(Some(0))), Precondition::AsPlanned);
    assert!(matches!(step.check(&plan, &topic_with(Some(3))), Precondition::Stale(_)));
    assert!(matches!(step.check(&plan, &topic_with(None)), Precondition::Stale(_)), "not known is not empty");

    let (plan, step) = only(&cut, &topic_with(Some(9)));
    assert_eq!(step.risk, Risk::DataLoss);
    assert_eq!(step.check(&plan, &topic_with(Some(8))), Precondition::AsPlanned);
    assert_eq!(step.check(&plan, &topic_with(Some(0))), Precondition::AsPlanned, "less is lost than was planned");

    let (_, step) = only(&topic("{config: {max.message.bytes: 1MiB}}"), &topic_with(None));
    assert_eq!(step.facts_topic(), None, "no records are at stake");
}

#[test]
fn a_key_is_issued_once() {
    let mut state = Observed::default();
    state.accounts.insert("dev-billing".to_owned(), ObservedAccount::default());
    let (plan, step) = only(&account("{apiKeys: [{}]}"), &state);
    let marker = step.marker(&plan).unwrap();
    assert_eq!((marker.maker.stage.as_str(), marker.slot.as_str(), marker.intent.len()), ("dev", "default", 24));
    assert_eq!(marker.to_string().parse(), Ok(marker.clone()));
    let Change::CreateKey { secret, .. } = &step.change else { unreachable!("the only step issues a key") };
    let elsewhere = SecretRef { vault: "https://elsewhere".to_owned(), ..secret.clone() };
    assert_eq!((marker.is_for(secret), marker.is_for(&elsewhere)), (true, false));
    assert_eq!(step.check(&plan, &state), Precondition::AsPlanned);

    // A run was stopped after the key was made: the same step goes on.
    let mut half = state.clone();
    let key =
        |marker: Option<String>| ObservedKey { account: "dev-billing".to_owned(), slot: None, marker, created: None };
    half.keys.insert("K1".to_owned(), key(Some(marker.to_string())));
    assert_eq!(step.check(&plan, &half), Precondition::AsPlanned);

    let mut other = state.clone();
    other.keys.insert("K1".to_owned(), key(Some("weir/cps/dev/default/ffffffffffffffff".to_owned())));
    assert!(matches!(step.check(&plan, &other), Precondition::Stale(_)));

    apply_step(&step, &plan, &mut state);
    assert_eq!(step.check(&plan, &state), Precondition::Done);
}

#[test]
fn a_key_that_was_stored_after_all_is_not_deleted() {
    let mut state = Observed::default();
    state.accounts.insert("dev-billing".to_owned(), ObservedAccount::default());
    let desired = account("{apiKeys: [{overlap: 1d}]}");
    let (plan, issue) = only(&desired, &state);
    apply_step(&issue, &plan, &mut state);
    let Change::CreateKey { secret, .. } = &issue.change else { unreachable!("the only step issues a key") };

    // Another run makes a second key, and is seen before it stores it.
    let first = state.keys.values().next().unwrap().clone();
    let created = first.created.map(|t| t + jiff::SignedDuration::from_mins(1));
    state.keys.insert("SECOND".to_owned(), ObservedKey { created, ..first });
    let (plan, revoke) = only(&desired, &state);
    assert!(matches!(&revoke.change, Change::DeleteKey { key, .. } if key == "SECOND"));
    assert_eq!(revoke.check(&plan, &state), Precondition::AsPlanned);

    let stored = state.secrets.get_mut(secret).unwrap();
    stored.tags.insert(ObservedSecret::TAG_KEY_ID.to_owned(), "SECOND".to_owned());
    assert!(matches!(revoke.check(&plan, &state), Precondition::Stale(_)));
}

#[test]
fn a_key_that_the_vault_hands_out_again_is_not_deleted() {
    let mut state = Observed::default();
    state.accounts.insert("dev-billing".to_owned(), ObservedAccount::default());
    let desired = account("{apiKeys: [{overlap: 1d}]}");
    let (first, step) = only(&desired, &state);
    apply_step(&step, &first, &mut state);
    let new = state.keys.keys().next().unwrap().clone();
    let days_ago = |days: i64| Some(options().now - jiff::SignedDuration::from_hours(24 * days));
    state.keys.get_mut(&new).unwrap().created = days_ago(2);
    let old = ObservedKey { created: days_ago(9), ..state.keys[&new].clone() };
    state.keys.insert("OLD".to_owned(), old);
    let (plan, step) = only(&desired, &state);
    assert!(matches!(&step.change, Change::DeleteKey { key, delete_secret: false, .. } if key == "OLD"));
    assert_eq!(step.check(&plan, &state), Precondition::AsPlanned);
    let secret = state.secrets.values_mut().next().unwrap();
    secret.tags.insert(ObservedSecret::TAG_KEY_ID.to_owned(), "OLD".to_owned());
    let Precondition::Stale(why) = step.check(&plan, &state) else { panic!() };
    insta::assert_snapshot!(why, @"the vault still hands out the API key `OLD`.");
}

/// On Apache Kafka the old key is gone the moment the new one is made: a run that was stopped there goes on.
#[test]
fn a_key_that_takes_the_place_of_another_is_taken_up_again() {
    let workspace = WORKSPACE.replace("{sandbox: {path: .weir}}", "{apacheKafka: {bootstrap: \"b:1\", clusterId: x}}");
    assert_ne!(workspace, WORKSPACE);
    let account = "apiVersion: weir/v1\nkind: ServiceAccount\nmetadata: {name: billing, team: toll}\n\
                   spec: {apiKeys: [{rotateEvery: 90d}]}\n";
    let mut before = Observed::default();
    before.cluster.id = "x".to_owned();
    before.accounts.insert("dev-billing".to_owned(), ObservedAccount::default());
    let key = |marker: String| ObservedKey {
        account: "dev-billing".to_owned(),
        slot: Some("default".to_owned()),
        marker: Some(marker),
        created: Some("2020-01-01T00:00:00Z".parse().unwrap()),
    };
    before.keys.insert("old".to_owned(), key("weir/cps/dev/default/0123456789abcdef".to_owned()));
    let (plan, step) = only(&desired_of([&*workspace, account]), &before);
    assert!(matches!(&step.change, Change::CreateKey { replaces: Some(old), .. } if old == "old"), "{step:#?}");
    assert_eq!(step.risk, Risk::Revoke);
    assert_eq!(step.check(&plan, &before), Precondition::AsPlanned);

    let with = |marker: String| {
        let mut now = before.clone();
        now.keys = [("new".to_owned(), key(marker))].into();
        step.check(&plan, &now)
    };
    assert_eq!(with(step.marker(&plan).unwrap().to_string()), Precondition::AsPlanned);
    assert!(matches!(with("weir/cps/dev/default/ffffffffffffffff".to_owned()), Precondition::Stale(_)));
}

/// A deleted secret is recovered before a key is stored in it: a run that was stopped in between goes on.
#[test]
fn a_secret_that_was_recovered_is_as_planned() {
    let mut before = Observed::default();
    before.accounts.insert("dev-billing".to_owned(), ObservedAccount::default());
    let desired = account("{apiKeys: [{overlap: 1d, projections: [properties]}]}");
    let (first, step) = only(&desired, &before);
    apply_step(&step, &first, &mut before);
    before.keys.clear();
    before.secrets.values_mut().for_each(|secret| secret.state = SecretState::Deleted);
    let (plan, step) = only(&desired, &before);
    assert_eq!(step.check(&plan, &before), Precondition::AsPlanned);

    let with = |change: &dyn Fn(usize, &mut ObservedSecret)| {
        let mut now = before.clone();
        now.secrets.values_mut().enumerate().for_each(|(number, secret)| change(number, secret));
        step.check(&plan, &now)
    };
    // One of the two, or both; with an older version that was disabled.
    for some in 1..4 {
        for state in [SecretState::Present, SecretState::Disabled] {
            let recovered = with(&|number, secret| {
                if some >> number & 1 == 1 {
                    secret.state = state;
                }
            });
            assert_eq!(recovered, Precondition::AsPlanned, "{some}, {state:?}");
        }
    }
    let other = with(&|_, secret| {
        secret.state = SecretState::Present;
        secret.tags.insert(ObservedSecret::TAG_KEY_ID.to_owned(), "OTHER".to_owned());
    });
    assert!(matches!(other, Precondition::Stale(_)));
}

/// Confluent Cloud takes a topic from `delete` to `compact,delete` by way of `compact`: a run that was stopped there goes
/// on.
#[test]
fn half_of_the_way_to_compaction_is_as_planned() {
    let workspace =
        WORKSPACE.replace("{sandbox: {path: .weir}}", "{confluentCloud: {environment: env-1, cluster: lkc-1}}");
    assert_ne!(workspace, WORKSPACE);
    let wanted = "apiVersion: weir/v1\nkind: Topic\nmetadata: {name: a, team: toll}\n\
                  spec: {config: {cleanup.policy: [compact, delete], retention.ms: 1d}}\n";
    let with = |policy: Option<&str>, retention: &str| {
        let mut observed = with_topic(|topic| {
            topic.config.extend(settings::observed(policy.map(|policy| ("cleanup.policy", policy))));
            topic.config.extend(settings::observed([("retention.ms", retention)]));
        });
        observed.cluster.id = "lkc-1".to_owned();
        observed
    };
    for from in [None, Some("delete")] {
        let before = with(from, "1000");
        let (plan, step) = only(&desired_of([&*workspace, wanted]), &before);
        assert_eq!(step.check(&plan, &before), Precondition::AsPlanned);
        assert_eq!(step.check(&plan, &with(Some("compact"), "1000")), Precondition::AsPlanned);
        assert_eq!(step.check(&plan, &with(Some("compact,delete"), "86400000")), Precondition::Done);
        // Another setting is somebody else's doing.
        assert!(matches!(step.check(&plan, &with(Some("compact"), "2000")), Precondition::Stale(_)));
        assert!(matches!(step.check(&plan, &with(Some("compact,delete"), "1000")), Precondition::Stale(_)));
    }
    // A topic that compacts already has no such way to go.
    let compacts = with(Some("compact"), "1000");
    let (plan, step) = only(&desired_of([&*workspace, wanted]), &compacts);
    assert!(!step.change.goes_by_way_of_compact());
    assert!(matches!(step.check(&plan, &with(Some("delete"), "1000")), Precondition::Stale(_)));
}
