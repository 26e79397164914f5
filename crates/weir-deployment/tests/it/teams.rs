//! A plan of two teams, of which one part is stale: the other part goes on.

use weir_deployment::{MemoryJournal, Options, Outcome, Receipt, StepOutcome, Verdict, render};
use weir_model::Ensure;
use weir_planning::{Acl, Change, Desired, DesiredBinding, ObservedSecret, Plan, Plane, SecretState, SettingChange};
use weir_ports::{Cluster as _, SecretSink as _, SecretString};
use weir_sandbox::Sandbox;

use crate::scene::{
    account, assert_settled, bold, desired, forged, month, open, plan, read, run, run_with, scrub, secret, topic,
    wanted,
};

const TEAMS: [&str; 2] = ["cards", "toll"];

/// A topic, an account with a key, and a topic to be deleted, of each team.
fn before() -> Desired {
    let mut desired = desired();
    for team in TEAMS {
        for (name, config) in [("a", &[("retention.ms", "604800000")][..]), ("gone", &[])] {
            let mut topic = topic(1, config);
            topic.team = team.into();
            desired.topics.insert(format!("dev.{team}.{name}"), topic);
        }
        let mut account = account(&format!("dev-{team}"), &["default"], &[&format!("dev.{team}.a")]);
        account.team = team.into();
        desired.accounts.insert(format!("dev-{team}"), account);
    }
    desired
}

/// A change, a new topic with a right to it, a new key and a deletion, of each team.
fn after() -> Desired {
    let mut desired = before();
    for team in TEAMS {
        let mut changed = topic(1, &[("retention.ms", "1209600000")]);
        let mut new = topic(1, &[]);
        (changed.team, new.team) = (team.into(), team.into());
        desired.topics.insert(format!("dev.{team}.a"), changed);
        desired.topics.insert(format!("dev.{team}.new"), new);
        desired.topics.get_mut(&format!("dev.{team}.gone")).unwrap().ensure = Ensure::Absent;
        let name = format!("dev-{team}");
        let account = desired.accounts.get_mut(&name).unwrap();
        account.acls.insert(read(&format!("dev.{team}.new")), DesiredBinding::own([name.as_str().into()]));
        account.keys.insert("more".into(), crate::scene::key(&name, "more", None));
    }
    desired
}

async fn deployed(folder: &std::path::Path) -> Sandbox {
    let sandbox = open(folder, month(1), "");
    let receipt = run(&plan(&sandbox, &before(), month(1)).await, &sandbox).await;
    assert_eq!(receipt.outcome, Outcome::Complete, "{}", render::text(&receipt));
    sandbox
}

/// A change by hand.
async fn by_hand(sandbox: &Sandbox, change: Change) {
    sandbox.apply(&[&change]).await.pop().unwrap().unwrap();
}

/// Another change of a topic than the plan makes.
fn retention(topic: &str, from: &str) -> Change {
    let change = SettingChange::new("retention.ms", Some(from), Some("1000"));
    Change::AlterConfig { topic: topic.into(), settings: [("retention.ms".into(), change)].into() }
}

/// Deploys the plan as programs do, or without making it again: each object is then seen to be stale right before its
/// step.
async fn deploy(plan: &Plan, sandbox: &Sandbox, files: &Desired, made_again: bool) -> Receipt {
    let wanted = match made_again {
        true => Some(wanted(sandbox, files, month(1)).await),
        false => None,
    };
    run_with(plan, sandbox, &Options { wanted, ..bold() }, &mut MemoryJournal::default()).await.unwrap()
}

fn outcomes(receipt: &Receipt, team: Option<&str>) -> Vec<(String, StepOutcome)> {
    let of_team = receipt.steps.iter().filter(|step| step.team.as_deref() == team);
    of_team.map(|step| (step.id.to_string(), step.outcome)).collect()
}

/// Checks that one step of team cards is stale, that nothing else of the team was done, and that everything of team toll
/// was, deletions too.
fn only_cards_is_stale(receipt: &Receipt, stale: &str) {
    let said = render::text(receipt);
    assert_eq!((receipt.outcome, receipt.verdict()), (Outcome::Stale, Verdict::Stale), "{said}");
    for (id, outcome) in outcomes(receipt, Some("cards")) {
        let expected = if id == stale { StepOutcome::Stale } else { StepOutcome::Skipped };
        assert_eq!(outcome, expected, "{id}: {said}");
    }
    let toll = outcomes(receipt, Some("toll"));
    assert!(toll.len() == 5 && toll.iter().all(|(_, outcome)| outcome.is_done()), "{said}");
    assert_eq!(receipt.reason.as_deref(), Some(&*format!("the plan is stale at `{stale}`; plan again")));
}

#[tokio::test(start_paused = true)]
async fn a_stale_topic_holds_back_its_team_alone() {
    for made_again in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = deployed(folder.path()).await;
        let made = plan(&sandbox, &after(), month(1)).await;
        by_hand(&sandbox, retention("dev.cards.a", "604800000")).await;
        let receipt = deploy(&made, &sandbox, &after(), made_again).await;
        only_cards_is_stale(&receipt, "alter-config dev.cards.a");
        if made_again {
            insta::assert_snapshot!(scrub(&render::text(&receipt)));
        }
        // A new plan has the rest.
        let receipt = run(&plan(&sandbox, &after(), month(1)).await, &sandbox).await;
        assert!(receipt.outcome == Outcome::Complete && receipt.counts.already == 0, "{}", render::text(&receipt));
        assert_settled(&sandbox, &after(), month(1)).await;
    }
}

/// Something else appears where the team's new key is to be stored.
#[tokio::test(start_paused = true)]
async fn a_stale_key_holds_back_its_team_alone() {
    for made_again in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = deployed(folder.path()).await;
        let made = plan(&sandbox, &after(), month(1)).await;
        let tags = [(ObservedSecret::TAG_TEAM.to_owned(), "cards".to_owned())].into();
        sandbox.store(&secret("dev-cards", "more"), &SecretString::from("x".to_owned()), &tags).await.unwrap();
        // The planner refuses to overwrite it, which blocks the keys of the account.
        let receipt = deploy(&made, &sandbox, &after(), made_again).await;
        let said = render::text(&receipt);
        let toll = outcomes(&receipt, Some("toll"));
        assert!(toll.len() == 5 && toll.iter().all(|(_, outcome)| outcome.is_done()), "{said}");
        if made_again {
            assert_eq!(receipt.outcome, Outcome::Blocked, "{said}");
            continue;
        }
        assert_eq!(receipt.outcome, Outcome::Stale, "{said}");
        let cards = outcomes(&receipt, Some("cards"));
        let of = |id: &str| cards.iter().find(|(there, _)| there.starts_with(id)).unwrap().1;
        assert_eq!(of("create-key dev-cards/more"), StepOutcome::Stale, "{said}");
        // Begun before that was seen.
        assert_eq!(of("create-topic dev.cards.new"), StepOutcome::Created, "{said}");
        assert_eq!(of("delete-topic dev.cards.gone"), StepOutcome::Skipped, "{said}");
        let seen = sandbox.inspect(&[secret("dev-cards", "more")].into()).await.unwrap();
        assert_eq!(seen[&secret("dev-cards", "more")].state, SecretState::Present);
    }
}

/// The files of a team, or its objects, are no longer as the plan was made for.
#[tokio::test(start_paused = true)]
async fn a_difference_from_the_plan_made_again_holds_back_its_team_alone() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = deployed(folder.path()).await;
    let made = plan(&sandbox, &after(), month(1)).await;
    let mut files = after();
    let denial = Acl { permission: weir_model::Permission::Deny, ..read("dev.cards.gone") };
    let cards = files.accounts.get_mut("dev-cards").unwrap();
    cards.acls.insert(denial, DesiredBinding::own(["dev-cards".into()]));
    let receipt = deploy(&made, &sandbox, &files, true).await;
    let said = render::text(&receipt);
    assert_eq!(receipt.outcome, Outcome::Stale, "{said}");
    assert!(outcomes(&receipt, Some("cards")).iter().all(|(_, outcome)| *outcome == StepOutcome::Stale), "{said}");
    assert!(outcomes(&receipt, Some("toll")).iter().all(|(_, outcome)| outcome.is_done()), "{said}");
    let why = "the plan creates grants without the denial beside them, `create-acl User:dev-cards deny Read topic literal dev.cards.gone`";
    assert!(said.contains(why), "{said}");
    // Nothing is left of the same plan that could be carried out.
    let options = Options { wanted: Some(wanted(&sandbox, &files, month(1)).await), ..bold() };
    let refused = run_with(&made, &sandbox, &options, &mut MemoryJournal::default()).await.unwrap_err();
    assert!(refused.to_string().starts_with(why), "{refused}");
}

/// Nobody can be asked to plan again for an object that no file declares.
#[tokio::test(start_paused = true)]
async fn a_stale_step_without_a_team_holds_back_everything() {
    for made_again in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = deployed(folder.path()).await;
        let stray = Change::CreateTopic {
            topic: "dev.stray".into(),
            partitions: None,
            replication_factor: None,
            config: [].into(),
        };
        by_hand(&sandbox, stray).await;
        let made = plan(&sandbox, &after(), month(1)).await;
        let stale = forged(&made, |plan| {
            let step = plan.steps.iter_mut().find(|step| step.team.is_none()).unwrap();
            step.fingerprint = weir_planning::Digest("sha256:other".into());
        });
        let receipt = deploy(&stale, &sandbox, &after(), made_again).await;
        let said = render::text(&receipt);
        assert_eq!(outcomes(&receipt, None), [("delete-topic dev.stray".to_owned(), StepOutcome::Stale)], "{said}");
        assert!(said.contains("): stale: ") && !said.contains("other teams"), "{said}");
        assert_eq!(receipt.reason.as_deref(), Some("the plan is stale at `delete-topic dev.stray`; plan again"));
        if made_again {
            assert_eq!(receipt.counts.changed(), 0, "{said}");
        }
    }
}

/// A run on one plane takes nothing from the receipt of the other for a team whose part is stale.
#[tokio::test(start_paused = true)]
async fn a_team_is_held_back_on_the_other_plane_too() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = deployed(folder.path()).await;
    let made = plan(&sandbox, &after(), month(1)).await;
    by_hand(&sandbox, retention("dev.cards.a", "604800000")).await;
    let options =
        Options { wanted: Some(wanted(&sandbox, &after(), month(1)).await), planes: [Plane::Data].into(), ..bold() };
    let receipt = run_with(&made, &sandbox, &options, &mut MemoryJournal::default()).await.unwrap();
    let said = render::text(&receipt);
    assert_eq!(receipt.outcome, Outcome::Stale, "{said}");
    for (id, outcome) in outcomes(&receipt, Some("cards")) {
        assert!(matches!(outcome, StepOutcome::Stale | StepOutcome::Skipped), "{id}: {said}");
    }
    for (id, outcome) in outcomes(&receipt, Some("toll")) {
        let expected = id.starts_with("create-key") || id.starts_with("delete-topic");
        assert_eq!(outcome == StepOutcome::OtherPlane, expected, "{id}: {said}");
    }
}
