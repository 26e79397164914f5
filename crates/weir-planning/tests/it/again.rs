//! Plans made again: a difference of one team holds back the part of that team, and a forged plan is refused.

use std::collections::BTreeMap;

use weir_planning::*;

use crate::{
    sample::{PRUNING, desired_of, options},
    simulation::apply,
};

/// Entities that are deployed.
const BEFORE: &str = r#"
apiVersion: weir/v1
kind: Topic
metadata: {name: cards.old, team: cards}
spec: {partitions: 1, access: {consumers: [toll]}}
---
apiVersion: weir/v1
kind: Topic
metadata: {name: toll.old, team: toll}
spec: {partitions: 1}
---
apiVersion: weir/v1
kind: ServiceAccount
metadata: {name: cards, team: cards, description: x}
spec: {apiKeys: [{slot: old}]}
---
apiVersion: weir/v1
kind: ServiceAccount
metadata: {name: toll, team: toll, description: x}
spec: {}
"#;

/// The same entities, with more for each team.
const AFTER: &str = r#"
apiVersion: weir/v1
kind: Topic
metadata: {name: cards.old, team: cards}
spec: {partitions: 1, access: {consumers: [toll]}}
---
apiVersion: weir/v1
kind: Topic
metadata: {name: cards.new, team: cards}
spec: {partitions: 1}
---
apiVersion: weir/v1
kind: Topic
metadata: {name: toll.old, team: toll}
spec: {partitions: 1}
---
apiVersion: weir/v1
kind: Topic
metadata: {name: toll.new, team: toll}
spec: {partitions: 1}
---
apiVersion: weir/v1
kind: ServiceAccount
metadata: {name: cards, team: cards, description: y}
spec: {apiKeys: [{slot: old}, {slot: new}]}
---
apiVersion: weir/v1
kind: ServiceAccount
metadata: {name: toll, team: toll, description: x}
spec: {apiKeys: [{}]}
---
apiVersion: weir/v1
kind: AccessControlList
metadata: {name: cards, team: cards}
spec:
  serviceAccount: cards
  rules:
    - {resource: topic, name: cards.old, operations: [Read]}
    - {resource: topic, name: cards.old, operations: [Write], permission: deny}
---
apiVersion: weir/v1
kind: AccessControlList
metadata: {name: toll, team: toll}
spec:
  serviceAccount: toll
  rules:
    - {resource: topic, name: toll.old, operations: [Read]}
    - {resource: topic, name: toll.new, operations: [Read]}
"#;

/// A right of team toll to a topic of team cards.
const SHARED: &str = r#"
apiVersion: weir/v1
kind: AccessControlList
metadata: {name: toll-reads-cards, team: toll}
spec: {serviceAccount: toll, rules: [{resource: topic, name: cards.old, operations: [Read]}]}
"#;

/// A plan of two teams, with the states that it is made from.
struct Scene {
    desired: Desired,
    observed: Observed,
    plan: Plan,
}

impl Scene {
    fn of(documents: &[&str]) -> Self {
        let mut observed = Observed::default();
        apply(&plan(&desired_of([PRUNING, BEFORE]), &observed, &options()).accept().unwrap(), &mut observed);
        let desired = desired_of([PRUNING].into_iter().chain(documents.iter().copied()));
        let plan = plan(&desired, &observed, &options()).accept().unwrap();
        for team in ["cards", "toll"] {
            assert!(of_team(&plan, team).count() > 2, "{team}");
        }
        Self { desired, observed, plan }
    }

    fn new() -> Self {
        Self::of(&[AFTER])
    }

    fn fresh(&self) -> Planned {
        plan(&self.desired, &self.observed, &options())
    }

    fn again(&self) -> Result<Again, Vec<Doubt>> {
        self.plan.again(&self.fresh(), &self.desired, &self.observed, &Plane::ALL.into())
    }

    fn step(&mut self, id: &str) -> &mut Step {
        self.plan.steps.iter_mut().find(|step| step.id.0.starts_with(id)).unwrap()
    }

    /// Checks that no step of team cards goes, and all of team toll, and returns the sentences about the stale ones.
    fn only_cards_is_stale(&self) -> BTreeMap<String, String> {
        let again = self.again().unwrap_or_else(|doubts| panic!("{doubts:?}"));
        for step in of_team(&self.plan, "toll") {
            assert_eq!(again.fates[&step.id], Fate::Go, "{}", step.id);
        }
        let stale = |step: &Step| match &again.fates[&step.id] {
            Fate::Stale(why) => Some((step.id.to_string(), why.clone())),
            Fate::Held => None,
            fate => panic!("{}: {fate:?}", step.id),
        };
        of_team(&self.plan, "cards").filter_map(stale).collect()
    }

    fn refused(&self) -> String {
        let doubts = self.again().err().unwrap();
        doubts.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    }
}

fn of_team<'p>(plan: &'p Plan, team: &'p str) -> impl Iterator<Item = &'p Step> {
    plan.steps.iter().filter(move |step| step.team.as_deref() == Some(team))
}

const READ: &str = "create-acl User:dev-cards allow Read topic literal dev.cards.old";
const DENIAL: &str = "create-acl User:dev-cards deny Write topic literal dev.cards.old";

#[test]
fn an_unchanged_plan_goes() {
    let scene = Scene::new();
    let again = scene.again().unwrap();
    assert!(again.fates.values().all(|fate| *fate == Fate::Go), "{:#?}", again.fates);
    assert_eq!(again.fates.len(), scene.plan.steps.len());
}

/// A team deletes its own topic after the plan was made, so that the topic must come before the new right to it.
#[test]
fn a_deleted_topic_holds_back_its_team() {
    let mut scene = Scene::new();
    scene.observed.topics.remove("dev.cards.old").unwrap();
    let said = scene.only_cards_is_stale();
    let why = "comes after `create-topic dev.cards.old`, which the plan does not put before it";
    assert_eq!(said[READ], format!("the step `{READ}` {why}"));
    assert_eq!(said[DENIAL], format!("the step `{DENIAL}` {why}"));
    // The others are held back.
    assert_eq!(said.len(), 2, "{said:#?}");
}

/// The owner of a topic deletes it, and another team has a new right to it in the plan.
#[test]
fn a_deleted_topic_holds_back_no_other_team() {
    let mut scene = Scene::of(&[AFTER, SHARED]);
    scene.observed.topics.remove("dev.cards.old").unwrap();
    let again = scene.again().unwrap();
    for step in of_team(&scene.plan, "toll") {
        let expected = match step.id.0.ends_with("dev.cards.old") {
            true => Fate::Early(format!(
                "the step `{}` comes after `create-topic dev.cards.old`, which the plan does not put before it",
                step.id
            )),
            false => Fate::Go,
        };
        assert_eq!(again.fates[&step.id], expected, "{}", step.id);
    }
    // Nothing is left that could be carried out.
    scene.plan.steps.retain(|step| step.id.0.ends_with("dev.cards.old"));
    scene.plan.access.clear();
    assert!(scene.refused().contains("`create-topic dev.cards.old`"), "{}", scene.refused());
    // A forged plan has both steps, in no order.
    let mut scene = Scene::of(&[AFTER, &SHARED.replace("cards.old", "cards.new")]);
    scene.step("create-acl User:dev-toll allow Read topic literal dev.cards.new").after.clear();
    assert!(scene.refused().contains("`create-topic dev.cards.new`"), "{}", scene.refused());
}

#[test]
fn a_right_that_has_ended_holds_back_its_team() {
    let mut scene = Scene::new();
    // The files no longer ask for it, since it has ended.
    let acls = &mut scene.desired.accounts.get_mut("dev-cards").unwrap().acls;
    acls.retain(|acl, _| acl.permission != weir_model::Permission::Allow);
    let said = scene.only_cards_is_stale();
    assert_eq!(said[READ], format!("the files do not ask for `{READ}`, or not at this time"));
}

#[test]
fn a_changed_file_holds_back_its_team() {
    let mut scene = Scene::new();
    scene.desired.topics.get_mut("dev.cards.new").unwrap().partitions = Some(7);
    let said = scene.only_cards_is_stale();
    let why = "the step `create-topic dev.cards.new` has another change than the files ask for";
    assert_eq!(said, [("create-topic dev.cards.new".to_owned(), why.to_owned())].into());

    let mut scene = Scene::new();
    let acls = &mut scene.desired.accounts.get_mut("dev-cards").unwrap().acls;
    for binding in acls.values_mut() {
        binding.lists = ["another".into()].into();
    }
    assert!(scene.only_cards_is_stale()[READ].contains("has another entity"));
}

#[test]
fn a_risk_that_rose_holds_back_its_team() {
    let mut scene = Scene::new();
    scene.step("update-account dev-cards").risk = Risk::Additive;
    let why = "the risk of `update-account dev-cards` is `change` now, the plan says `additive`";
    assert_eq!(scene.only_cards_is_stale(), [("update-account dev-cards".to_owned(), why.to_owned())].into());
}

/// A grant without its denial gives too much, whether the plan lacks the denial or it cannot be carried out.
#[test]
fn a_missing_denial_holds_back_its_team() {
    let mut scene = Scene::new();
    scene.plan.steps.retain(|step| step.id.0 != DENIAL);
    let why = format!("the plan creates grants without the denial beside them, `{DENIAL}`");
    assert_eq!(scene.only_cards_is_stale()[READ], why);

    let mut scene = Scene::new();
    scene.step(DENIAL).fingerprint = Digest("sha256:other".to_owned());
    let said = scene.only_cards_is_stale();
    assert_eq!(said[READ], why);
    assert!(said[DENIAL] != why, "{}", said[DENIAL]);
}

/// The owner of a topic deletes it, so that a denial of another team comes too early; its grants wait with it.
#[test]
fn a_grant_does_not_go_before_its_denial() {
    let denied = SHARED.replace("[Read]}]", "[Read], permission: deny}]");
    let mut scene = Scene::of(&[AFTER, &denied]);
    scene.observed.topics.remove("dev.cards.old").unwrap();
    let again = scene.again();
    // Team cards is stale by its own rights to the topic.
    assert!(again.is_err(), "{again:?}");
    let denial = "create-acl User:dev-toll deny Read topic literal dev.cards.old";
    assert!(scene.refused().contains(&format!("without the denial beside them, `{denial}`")), "{}", scene.refused());
}

#[test]
fn rights_that_the_plan_does_not_show_hold_back_their_team() {
    let mut scene = Scene::new();
    let access = scene.plan.access.iter_mut().find(|access| &*access.principal == "User:dev-cards").unwrap();
    access.gains.clear();
    assert_eq!(
        scene.only_cards_is_stale()[READ],
        "the plan shows other rights of User:dev-cards than its steps come to"
    );
    // The plan changes nothing of this account.
    let mut scene = Scene::new();
    let mut access = scene.plan.access[0].clone();
    access.principal = Principal::of_account("dev-other");
    scene.plan.access.push(access);
    assert_eq!(scene.refused(), "the plan shows other rights of User:dev-other than its steps come to");
}

/// Teams can write to their own vaults.
#[test]
fn an_item_that_comes_with_a_team_holds_back_the_team() {
    let mut scene = Scene::new();
    scene.observed.secrets.clear();
    let said = scene.only_cards_is_stale();
    let first = "the plan does not show under “Authority” that weir stores API keys in vault https://kv-cards";
    assert!(said[READ].starts_with(first), "{}", said[READ]);
    // The platform team grants waivers.
    let mut scene = Scene::new();
    let waiver = AuthorityItem {
        kind: AuthorityKind::Waiver,
        team: Some("cards".to_owned()),
        object: "rule".to_owned(),
        message: "a rule is waived".to_owned(),
        until: None,
        entity: None,
        file: None,
        step: None,
    };
    let mut fresh = scene.fresh();
    fresh.plan = fresh.plan.headed([waiver.clone()]);
    let again = scene.plan.again(&fresh, &scene.desired, &scene.observed, &Plane::ALL.into());
    assert_eq!(again.err().unwrap(), [Doubt::NotShown(Box::new(waiver.clone()))]);
    scene.plan = scene.plan.headed([waiver]);
    assert!(scene.plan.again(&fresh, &scene.desired, &scene.observed, &Plane::ALL.into()).is_ok());
}

#[test]
fn a_forged_plan_is_refused_as_a_whole() {
    let forged = |change: &dyn Fn(&mut Scene)| {
        let mut scene = Scene::new();
        change(&mut scene);
        scene.refused()
    };
    let new = "create-topic dev.cards.new";
    for team in [None, Some("toll"), Some("nobody")] {
        let team = team.map(str::to_owned);
        let said = forged(&|scene| scene.step(new).team.clone_from(&team));
        assert_eq!(said, format!("the step `{new}` has another team than the files ask for"));
        // A step whose object has changed holds back its team, too.
        let said = forged(&|scene| {
            let step = scene.step(new);
            step.team.clone_from(&team);
            step.fingerprint = Digest("sha256:other".to_owned());
        });
        assert_eq!(said, format!("the step `{new}` has another team than the files ask for"));
    }
    assert!(forged(&|scene| scene.step(new).plane = Plane::Control).contains("another plane"));
    assert!(forged(&|scene| scene.step(new).id.0.push('x')).contains("another change than its name says"));
    let twice = |scene: &mut Scene| {
        let step = scene.step(new).clone();
        scene.plan.steps.push(step);
    };
    assert!(forged(&twice).contains("twice"));
    // The files ask for another team by now.
    let mut scene = Scene::new();
    scene.desired.topics.get_mut("dev.cards.new").unwrap().ensure = weir_model::Ensure::Unmanaged;
    scene.step(new).team = Some("toll".to_owned());
    assert_eq!(scene.refused(), format!("the step `{new}` has another team than the files ask for"));
}

/// A doubt about an object that no team owns, and a plan of which nothing is left.
#[test]
fn a_plan_is_refused_as_a_whole_without_a_team_to_hold_back() {
    let mut scene = Scene::new();
    scene.observed.topics.insert("dev.stray".to_owned(), scene.observed.topics["dev.toll.old"].clone());
    scene.plan = scene.fresh().accept().unwrap();
    assert_eq!(scene.step("delete-topic dev.stray").team, None);
    scene.desired.prune = false;
    assert_eq!(scene.refused(), "the files do not ask for `delete-topic dev.stray`, or not at this time");

    let mut scene = Scene::new();
    scene.plan.steps.retain(|step| step.team.as_deref() == Some("cards"));
    scene.plan.access.retain(|access| &*access.principal == "User:dev-cards");
    assert!(scene.again().is_ok());
    scene.desired.topics.get_mut("dev.cards.new").unwrap().partitions = Some(7);
    assert!(scene.refused().contains("another change"), "{}", scene.refused());
}

/// The threshold counts the steps that are carried out, and no others that the files ask for.
#[test]
fn the_threshold_is_for_the_steps_of_the_plan() {
    let mut scene = Scene::new();
    scene.plan.steps.retain(|step| step.team.as_deref() == Some("toll"));
    scene.plan.access.retain(|access| &*access.principal == "User:dev-toll");
    scene.desired.topics.get_mut("dev.cards.old").unwrap().ensure = weir_model::Ensure::Absent;
    (scene.desired.threshold_minimum, scene.desired.threshold_percent) = (1, 40);
    let fresh = scene.fresh();
    assert!(fresh.plan.beyond_threshold.is_some());
    assert_eq!(scene.again().unwrap().plan.beyond_threshold, None, "the plan deletes nothing");
    scene.plan = fresh.plan.clone();
    scene.plan.beyond_threshold = None;
    assert_eq!(scene.again().unwrap().plan.beyond_threshold, fresh.plan.beyond_threshold);
}

/// Owners change their consents at any time. Names are given to teams by the platform team.
#[test]
fn a_right_beyond_the_own_names_is_in_every_honest_head() {
    let mut scene = Scene::of(&[AFTER, SHARED]);
    let acls = &mut scene.desired.accounts.get_mut("dev-toll").unwrap().acls;
    let shared = acls.iter_mut().find(|(acl, _)| &*acl.name == "dev.cards.old").unwrap();
    shared.1.reach = weir_ownership::Reach::Consented;
    scene.plan = scene.fresh().accept().unwrap();
    let right = "create-acl User:dev-toll allow Read topic literal dev.cards.old";
    let item = scene.plan.authority.iter().position(|item| item.step == Some(StepId(right.to_owned()))).unwrap();
    scene.plan.authority[item].message.push_str(", until yesterday");
    let again = scene.again().unwrap();
    for step in &scene.plan.steps {
        let is_stale = matches!(&again.fates[&step.id], Fate::Stale(why) if why.contains("does not show"));
        assert_eq!(is_stale, step.team.as_deref() == Some("toll"), "{}", step.id);
    }
    scene.plan.authority.remove(item);
    assert!(scene.refused().starts_with("the plan does not show"), "{}", scene.refused());
}
