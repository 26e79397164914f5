//! Plans of several teams: one whose part is stale, one that is held back.

use std::path::Path;

use tempfile::TempDir;
use weir_deployment::{MemoryJournal, Options, Outcome, Receipt, StepOutcome, Verdict, render};
use weir_pipeline::{observe, read};
use weir_planning::{Blocked, Change, Plan, Risk};
use weir_ports::{Clock as _, Cluster as _, Query, SystemClock};
use weir_sandbox::Sandbox;

use crate::{
    trouble::{CARDS_FILE, SETTINGS, TOLL_FILE},
    write,
};

/// The files of a team at the beginning: two topics, and an account with a key that writes to the first. Team cards reads
/// the first topic of team toll.
fn files(team: &str) -> String {
    let topic = |name: &str| {
        format!(
            "apiVersion: weir/v1\nkind: Topic\nmetadata: {{name: {team}.{name}, team: {team}}}\nspec: {{partitions: 1}}\n---\n"
        )
    };
    let consent = "apiVersion: weir/v1\nkind: Consent\nmetadata: {name: toll-a, team: toll}\nspec: {topics: [toll.a], consumers: [cards]}\n---\n";
    topic("a")
        + &topic("b")
        + if team == "toll" { consent } else { "" }
        + &format!(
            "apiVersion: weir/v1\nkind: ServiceAccount\nmetadata: {{name: {team}-app, team: {team}, description: x}}\nspec: {{apiKeys: [{{}}]}}\n---\n"
        )
        + &list(team, &[&format!("{team}.a")])
}

fn list(team: &str, produced: &[&str]) -> String {
    let mut grants: Vec<String> = produced.iter().map(|topic| format!("{{produce: {topic}}}")).collect();
    grants.extend((team == "cards").then(|| "{consume: toll.a, group: cards-app}".to_owned()));
    format!(
        "apiVersion: weir/v1\nkind: AccessControlList\nmetadata: {{name: {team}-app, team: {team}}}\nspec: {{serviceAccount: {team}-app, allow: [{}]}}\n",
        grants.join(", ")
    )
}

/// The files of a team with a new topic, a new account with a key, and another right to an old topic.
fn more(team: &str) -> String {
    let with_more = files(team).replace(&list(team, &[&format!("{team}.a")]), "");
    with_more
        + &list(team, &[&format!("{team}.a"), &format!("{team}.b")])
        + &format!(
            "---\napiVersion: weir/v1\nkind: Topic\nmetadata: {{name: {team}.new, team: {team}}}\nspec: {{partitions: 1}}\n"
        )
        + &format!(
            "---\napiVersion: weir/v1\nkind: ServiceAccount\nmetadata: {{name: {team}-new, team: {team}, description: x}}\nspec: {{apiKeys: [{{}}]}}\n"
        )
}

async fn deployed() -> TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    let settings = SETTINGS.replace("{minimum: 1000}", "{minimum: 4, percent: 30}");
    assert_ne!(settings, SETTINGS);
    write(dir.path(), "weir.yaml", settings.as_bytes());
    write(dir.path(), CARDS_FILE, files("cards").as_bytes());
    write(dir.path(), TOLL_FILE, files("toll").as_bytes());
    let receipt = deploy(dir.path(), &plan(dir.path(), &[]).await).await;
    assert_eq!(receipt.outcome, Outcome::Complete, "{}", render::text(&receipt));
    dir
}

/// Plans the stage; the teams in `held` are held back.
async fn plan(dir: &Path, held: &[&str]) -> Plan {
    let checked = read(dir).expect("read").check(Some("dev"), SystemClock.now()).expect("checked");
    let workspace = checked.accept().expect("accepted");
    let desired = workspace.desired("dev").expect("a stage");
    let live = workspace.open("dev").await.expect("opened");
    let observed = observe(&live, &desired).await.expect("observed");
    let held: Vec<String> = held.iter().map(|team| (*team).to_owned()).collect();
    let held = workspace.held(&held).expect("teams");
    workspace.plan_from(&desired, &observed, &held).expect("a plan").accept().expect("no errors")
}

async fn deploy(dir: &Path, plan: &Plan) -> Receipt {
    let checked = read(dir).expect("read").check(Some("dev"), SystemClock.now()).expect("checked");
    let workspace = checked.accept().expect("accepted");
    let options = Options { max_risk: Risk::Destroy, ..Options::default() };
    let admitted = workspace.admit(plan, options).expect("admitted");
    let live = admitted.open().await.expect("opened");
    admitted.deploy(&live, &mut MemoryJournal::default(), &SystemClock, &()).await.expect("deployed")
}

fn cluster(dir: &Path) -> Sandbox {
    let options = weir_sandbox::Options { cluster_id: Some("nonprod".to_owned()), ..Default::default() };
    Sandbox::open(dir.join(".weir/nonprod"), options).expect("a sandbox")
}

fn steps(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.id.0.as_str()).collect()
}

/// A team deletes its own topic, to which the plan gives it a new right: nothing of the team is done, and everything of
/// the other team.
#[tokio::test]
async fn a_team_that_deletes_its_topic_after_the_plan_holds_back_itself_alone() {
    let dir = deployed().await;
    write(dir.path(), CARDS_FILE, more("cards").as_bytes());
    write(dir.path(), TOLL_FILE, more("toll").as_bytes());
    let made = plan(dir.path(), &[]).await;
    let sandbox = cluster(dir.path());
    let there = sandbox
        .observe(&Query {
            topics: weir_ports::Selection { everything: true, ..Default::default() },
            ..Query::default()
        })
        .await
        .expect("observed");
    let gone = Change::delete_topic("dev.cards.b", &there.topics["dev.cards.b"]);
    sandbox.apply(&[&gone]).await.pop().expect("an answer").expect("deleted");
    drop(sandbox);

    let receipt = deploy(dir.path(), &made).await;
    let said = render::text(&receipt);
    assert_eq!(receipt.verdict(), Verdict::Stale, "{said}");
    for step in &receipt.steps {
        let expected = match step.team.as_deref() {
            Some("cards") if step.id.0.ends_with("literal dev.cards.b") => StepOutcome::Stale,
            Some("cards") => StepOutcome::Skipped,
            _ => StepOutcome::Created,
        };
        assert_eq!(step.outcome, expected, "{}: {said}", step.id);
    }
    let created = |id: &str| receipt.steps.iter().any(|step| step.id.0 == id && step.outcome.is_done());
    assert!(created("create-topic dev.toll.new") && created("create-key dev-toll-new/default"), "{said}");
    assert!(said.contains("comes after `create-topic dev.cards.b`, which the plan does not put before it"), "{said}");
    assert!(said.contains("stale for team cards: ") && said.contains("Plan again: "), "{said}");

    let healed = plan(dir.path(), &[]).await;
    assert!(steps(&healed).iter().all(|step| step.contains("cards")), "{:#?}", steps(&healed));
    let receipt = deploy(dir.path(), &healed).await;
    assert_eq!(receipt.outcome, Outcome::Complete, "{}", render::text(&receipt));
    assert!(plan(dir.path(), &[]).await.is_empty());
}

/// A team removes most of its files, so that the plan is beyond the threshold. Held back, it stops nobody.
#[tokio::test]
async fn a_team_that_is_held_back_keeps_everything_and_stops_nobody() {
    let dir = deployed().await;
    write(dir.path(), TOLL_FILE, more("toll").as_bytes());
    for (what, cards) in [
        ("tombstones", files("cards").replace("spec: {partitions: 1", "spec: {ensure: absent, partitions: 1")),
        ("no rights", files("cards")),
        // Undeclared objects in a team's name space are the team's, though their deletion is a step without a team.
        ("no file", String::new()),
    ] {
        let cards = cards.replace(&list("cards", &["cards.a"]), "");
        write(dir.path(), CARDS_FILE, cards.trim_end().trim_end_matches("---").as_bytes());
        let all = plan(dir.path(), &[]).await;
        assert!(all.beyond_threshold.is_some(), "{what}: {:#?}", steps(&all));
        let some = plan(dir.path(), &["cards"]).await;
        assert_eq!(some.beyond_threshold, None, "{what}: {:#?}", steps(&some));
        let of_toll = |step: &&str| step.contains("toll-") || step.contains(".toll.");
        assert!(steps(&some).len() == 4 && steps(&some).iter().all(of_toll), "{what}: {:#?}", steps(&some));
        let expected = Blocked {
            object: "all objects of the team".to_owned(),
            team: Some("cards".to_owned()),
            why: "held back with --hold-team".to_owned(),
        };
        assert_eq!(some.blocked, [expected], "{what}");
        let unmanaged: Vec<_> = some.report.items.iter().filter(|item| item.object.contains("dev.cards")).collect();
        assert!(unmanaged.is_empty(), "{what}: {unmanaged:#?}");
    }
    // Deployment needs no flag.
    let held = plan(dir.path(), &["cards"]).await;
    let receipt = deploy(dir.path(), &held).await;
    let said = render::text(&receipt);
    assert_eq!((receipt.verdict(), receipt.counts.changed()), (Verdict::Blocked, held.steps.len()), "{said}");
    assert!(said.contains("blocked: all objects of the team (cards): held back with --hold-team"), "{said}");
    write(dir.path(), CARDS_FILE, files("cards").as_bytes());
    assert!(plan(dir.path(), &[]).await.is_empty(), "nothing of team cards was touched");
}

/// The team that is held back would use up the room that the cluster has.
#[tokio::test]
async fn deployment_plans_again_without_the_teams_that_are_held_back() {
    let dir = deployed().await;
    cluster(dir.path()).configure(|cluster| cluster.limits.partitions = Some(5)).expect("a limit");
    write(dir.path(), CARDS_FILE, more("cards").as_bytes());
    write(dir.path(), TOLL_FILE, more("toll").as_bytes());
    let all = plan(dir.path(), &[]).await;
    assert!(!steps(&all).contains(&"create-topic dev.toll.new"), "{:#?}", steps(&all));
    let held = plan(dir.path(), &["cards"]).await;
    assert!(steps(&held).contains(&"create-topic dev.toll.new"), "{:#?}", steps(&held));
    let receipt = deploy(dir.path(), &held).await;
    assert_eq!(receipt.counts.changed(), held.steps.len(), "{}", render::text(&receipt));
}

/// A team that is held back does not keep rights that others take back.
#[tokio::test]
async fn a_team_that_is_held_back_loses_what_others_take_back() {
    let dir = deployed().await;
    let ended = more("toll").replace("consumers: [cards]", "consumers: [cards], until: 2020-01-01");
    write(dir.path(), TOLL_FILE, ended.as_bytes());
    write(dir.path(), CARDS_FILE, more("cards").as_bytes());
    let held = plan(dir.path(), &["cards"]).await;
    let of_cards: Vec<&str> = steps(&held).into_iter().filter(|step| step.contains("cards")).collect();
    assert_eq!(of_cards, ["delete-acl User:dev-cards-app allow Read topic literal dev.toll.a"]);
    let receipt = deploy(dir.path(), &held).await;
    assert_eq!(
        (receipt.verdict(), receipt.counts.changed()),
        (Verdict::Blocked, held.steps.len()),
        "{}",
        render::text(&receipt)
    );
}

#[tokio::test]
async fn a_team_that_is_held_back_must_exist() {
    let dir = deployed().await;
    let checked = read(dir.path()).expect("read").check(Some("dev"), SystemClock.now()).expect("checked");
    let workspace = checked.accept().expect("accepted");
    let unknown = workspace.held(&["cards".to_owned(), "crds".to_owned()]).expect_err("no such team");
    assert_eq!(unknown.to_string(), "there is no team `crds`");
    assert_eq!(unknown.known, ["cards", "platform", "toll"]);
}
