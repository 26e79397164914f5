//! One team's trouble stays its own: an error in a team's file leaves everything of the team alone, and nothing else.

use std::{collections::BTreeSet, fs, path::Path};

use jiff::Timestamp;
use tempfile::TempDir;
use weir_deployment::{MemoryJournal, Options, Outcome};
use weir_pipeline::read;
use weir_planning::{Plan, ReportKind, Risk};
use weir_ports::{Clock as _, SystemClock};

use crate::write;

pub(crate) const SETTINGS: &str = r#"
apiVersion: weir/v1
kind: Workspace
metadata: {name: shop}
spec:
  clusters: {nonprod: {sandbox: {path: .weir/nonprod, clusterId: nonprod}}}
  stages:
    - name: dev
      cluster: nonprod
      prefix: {topic: "dev.", group: "dev.", transactionalId: "dev.", serviceAccount: "dev-"}
      owns: {topics: ["dev.*"], serviceAccounts: ["dev-*"]}
      prune: true
      threshold: {minimum: 1000}
  defaults: {vault: "https://kv-{team}-{stage}.vault.azure.net", namespace: "{team}-{stage}"}
  profiles: {long: {config: {retention.ms: 400d}}}
  ownership: {platform: platform}
---
{apiVersion: weir/v1, kind: Team, metadata: {name: platform}}
---
{apiVersion: weir/v1, kind: Team, metadata: {name: toll}}
---
{apiVersion: weir/v1, kind: Team, metadata: {name: cards}}
"#;

/// The team in trouble. Team toll reads two of its topics, by two kinds of consent.
pub(crate) const CARDS: &str = r#"
apiVersion: weir/v1
kind: Topic
metadata: {name: cards.status.v1, team: cards}
spec: {partitions: 3, access: {consumers: [toll]}}
---
apiVersion: weir/v1
kind: Topic
metadata: {name: cards.events.v1, team: cards}
spec: {partitions: 3}
---
apiVersion: weir/v1
kind: Consent
metadata: {name: cards-events, team: cards}
spec: {topics: [cards.events.v1], consumers: [toll]}
---
apiVersion: weir/v1
kind: ServiceAccount
metadata: {name: cards-ledger, team: cards, description: keeps the books}
spec: {apiKeys: [{}]}
---
apiVersion: weir/v1
kind: AccessControlList
metadata: {name: cards-ledger, team: cards}
spec:
  serviceAccount: cards-ledger
  allow: [{produce: cards.status.v1}, {consume: toll.prices.v1, group: cards-ledger}]
"#;

pub(crate) const TOLL: &str = r#"
apiVersion: weir/v1
kind: Topic
metadata: {name: toll.prices.v1, team: toll}
spec: {partitions: 3, access: {consumers: [cards]}}
---
apiVersion: weir/v1
kind: ServiceAccount
metadata: {name: toll-billing, team: toll, description: charges}
spec: {apiKeys: [{}]}
---
apiVersion: weir/v1
kind: AccessControlList
metadata: {name: toll-billing, team: toll}
spec:
  serviceAccount: toll-billing
  allow:
    - {consume: cards.status.v1, group: toll-billing}
    - {consume: cards.events.v1, group: toll-billing}
    - {produce: toll.prices.v1}
"#;

/// A change of the other team, which must go on.
pub(crate) const MORE: &str = r#"
---
apiVersion: weir/v1
kind: Topic
metadata: {name: toll.new.v1, team: toll}
spec: {partitions: 1}
"#;

pub(crate) const CARDS_FILE: &str = "teams/cards/kafka.yaml";
pub(crate) const TOLL_FILE: &str = "teams/toll/kafka.yaml";

pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

/// A workspace that is deployed.
pub(crate) async fn deployed() -> TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    for (path, text) in [("weir.yaml", SETTINGS), (CARDS_FILE, CARDS), (TOLL_FILE, TOLL)] {
        write(dir.path(), path, text.as_bytes());
    }
    assert_eq!(deploy(dir.path()).await, Outcome::Complete);
    dir
}

pub(crate) async fn plan(dir: &Path) -> Result<Plan, String> {
    let checked = read(dir).expect("read").check(Some("dev"), now()).expect("checked");
    let errors = || checked.errors().map(|e| format!("{}: {}", e.rule, e.message)).collect::<Vec<_>>().join("\n");
    let workspace = checked.accept().map_err(|_| errors())?;
    workspace.plan("dev").await.expect("observed").accept().map_err(|_| errors())
}

pub(crate) async fn deploy(dir: &Path) -> Outcome {
    let plan = plan(dir).await.expect("a plan");
    let checked = read(dir).expect("read").check(Some("dev"), now()).expect("checked");
    let workspace = checked.accept().expect("accepted");
    let options = Options { max_risk: Risk::DataLoss, ..Options::default() };
    let admitted = workspace.admit(&plan, options).expect("admitted");
    let live = admitted.open().await.expect("opened");
    let receipt = admitted.deploy(&live, &mut MemoryJournal::default(), &SystemClock, &()).await.expect("deployed");
    receipt.outcome
}

fn steps(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.id.0.as_str()).collect()
}

fn blocked(plan: &Plan) -> BTreeSet<(&str, &str)> {
    plan.blocked.iter().map(|b| (b.team.as_deref().unwrap_or_default(), b.object.as_str())).collect()
}

const ALL: &str = "all objects of the team";

/// Mistakes and attacks in a file of team cards, each beside the content that was deployed or in place of it.
fn troubles() -> Vec<(&'static str, Vec<u8>)> {
    let after = |text: &str| format!("{CARDS}---\n{text}").into_bytes();
    let instead = |from: &str, to: &str| {
        assert!(CARDS.contains(from), "{from}");
        CARDS.replace(from, to).into_bytes()
    };
    vec![
        ("no YAML", format!("{CARDS}---\nspec: {{\n  a: [\n").into_bytes()),
        ("nothing but broken YAML", b"apiVersion: weir/v1\nkind: Topic\n  metadata: {".to_vec()),
        ("no UTF-8", [CARDS.as_bytes(), b"# \xff\n"].concat()),
        ("an unknown field in a topic", instead("spec: {partitions: 3}", "spec: {partitons: 3}")),
        ("an unknown field in an account", instead("apiKeys: [{}]", "apiKey: [{}]")),
        ("an unknown field in a list", instead("  allow:", "  permit:")),
        (
            "an unknown field in a consent",
            instead(
                "consumers: [toll]}\n---\napiVersion: weir/v1\nkind: ServiceAccount",
                "consumer: [toll]}\n---\napiVersion: weir/v1\nkind: ServiceAccount",
            ),
        ),
        ("an unknown kind", instead("kind: AccessControlList", "kind: AccessControlLst")),
        ("a name twice", after("apiVersion: weir/v1\nkind: Topic\nmetadata: {name: cards.status.v1, team: cards}\n")),
        (
            "a topic of another team",
            after("apiVersion: weir/v1\nkind: Topic\nmetadata: {name: toll.stolen, team: toll}\n"),
        ),
        (
            "a topic in another team's space",
            after("apiVersion: weir/v1\nkind: Topic\nmetadata: {name: toll.stolen, team: cards}\n"),
        ),
        (
            "another team's topic, deleted",
            after(
                "apiVersion: weir/v1\nkind: Topic\nmetadata: {name: toll.prices.v1, team: toll}\nspec: {ensure: absent}\n",
            ),
        ),
        (
            "another team's account",
            after(
                "apiVersion: weir/v1\nkind: ServiceAccount\nmetadata: {name: toll-billing, team: cards}\nspec: {apiKeys: [{}]}\n",
            ),
        ),
        (
            "another team's list",
            after(
                "apiVersion: weir/v1\nkind: AccessControlList\nmetadata: {name: toll-billing, team: toll}\nspec: {serviceAccount: toll-billing}\n",
            ),
        ),
        (
            "a list for another team's account",
            after(
                "apiVersion: weir/v1\nkind: AccessControlList\nmetadata: {name: cards-x, team: cards}\nspec: {serviceAccount: toll-billing, rules: [{resource: topic, name: cards.status.v1, operations: [Write], permission: deny}]}\n",
            ),
        ),
        (
            "a team",
            after("apiVersion: weir/v1\nkind: Team\nmetadata: {name: zoll}\nspec: {names: {topics: [\"toll.\"]}}\n"),
        ),
        (
            "the other team again",
            after(
                "apiVersion: weir/v1\nkind: Team\nmetadata: {name: toll}\nspec: {vaults: {dev: \"https://kv-cards-dev.vault.azure.net\"}}\n",
            ),
        ),
        (
            "a workspace",
            after(
                "apiVersion: weir/v1\nkind: Workspace\nmetadata: {name: shop}\nspec: {clusters: {}, stages: [], ownership: {platform: cards}}\n",
            ),
        ),
        (
            "a policy",
            after(
                "apiVersion: weir/v1\nkind: Policy\nmetadata: {name: p}\nspec: {match: {kinds: [Topic, Plan]}, validations: [{expression: \"false\", message: x}]}\n",
            ),
        ),
        (
            "a policy over topics",
            after(
                "apiVersion: weir/v1\nkind: Policy\nmetadata: {name: p}\nspec: {match: {kinds: [Topic]}, partitions: {max: 1}}\n",
            ),
        ),
        (
            "a waiver",
            after(
                "apiVersion: weir/v1\nkind: Waiver\nmetadata: {name: w}\nspec: {rule: p, entity: Topic/cards.status.v1, reason: x, owner: cards, until: 2099-01-01}\n",
            ),
        ),
        (
            "a consent to another team's names",
            after(
                "apiVersion: weir/v1\nkind: Consent\nmetadata: {name: cards-x, team: cards}\nspec: {topics: [\"toll.*\"], consumers: [cards]}\n",
            ),
        ),
        (
            "a consent to an unknown team",
            after(
                "apiVersion: weir/v1\nkind: Consent\nmetadata: {name: cards-x, team: cards}\nspec: {topics: [\"cards.*\"], consumers: [crds]}\n",
            ),
        ),
    ]
}

#[tokio::test]
async fn an_error_in_a_teams_file_blocks_the_team_alone() {
    for (what, text) in troubles() {
        let dir = deployed().await;
        write(dir.path(), CARDS_FILE, &text);
        let toll = TOLL.replace("{produce: toll.prices.v1}", "{consume: toll.prices.v1, group: toll-billing}");
        write(dir.path(), TOLL_FILE, format!("{toll}{MORE}").as_bytes());
        let planned = plan(dir.path()).await.unwrap_or_else(|errors| panic!("{what} stops every plan: {errors}"));
        let expected = [
            "create-topic dev.toll.new.v1",
            "create-acl User:dev-toll-billing allow Read topic literal dev.toll.prices.v1",
            "delete-acl User:dev-toll-billing allow Write topic literal dev.toll.prices.v1",
        ];
        assert_eq!(steps(&planned), expected, "{what}");
        assert_eq!(blocked(&planned), [("cards", ALL)].into(), "{what}: {:#?}", planned.blocked);
        let told: Vec<_> = planned.report.items.iter().filter(|item| item.object.contains("cards")).collect();
        assert!(told.iter().all(|item| item.kind == ReportKind::KeyDue), "{what}: {told:#?}");
        assert_eq!(deploy(dir.path()).await, Outcome::Blocked, "{what}");
        write(dir.path(), CARDS_FILE, CARDS.as_bytes());
        let mended = plan(dir.path()).await.expect("a plan");
        assert!(mended.is_empty() && mended.blocked.is_empty(), "{what}: {:#?}", steps(&mended));
    }
}

/// A right that the broken file may ask for stays; one that nobody consents to any more goes.
#[tokio::test]
async fn broken_files_keep_no_right_that_an_owner_has_taken_back() {
    let dir = deployed().await;
    write(dir.path(), CARDS_FILE, b"apiVersion: weir/v1\nkind: Topic\n  metadata: {");
    write(dir.path(), TOLL_FILE, TOLL.replace(", access: {consumers: [cards]}", "").as_bytes());
    let planned = plan(dir.path()).await.expect("a plan");
    assert_eq!(steps(&planned), ["delete-acl User:dev-cards-ledger allow Read topic literal dev.toll.prices.v1"]);
    // A right that the other team gives up goes as well.
    write(
        dir.path(),
        TOLL_FILE,
        TOLL.replace("    - {consume: cards.events.v1, group: toll-billing}\n", "").as_bytes(),
    );
    let planned = plan(dir.path()).await.expect("a plan");
    assert_eq!(steps(&planned), ["delete-acl User:dev-toll-billing allow Read topic literal dev.cards.events.v1"]);
}

/// A team breaks its own file when others take consents back. Its file cannot hold these, so the rights go.
#[tokio::test]
async fn own_broken_files_keep_no_right_to_names_of_others() {
    let with = |consents: &str, access: &str| {
        let topic = format!(
            "---\napiVersion: weir/v1\nkind: Topic\nmetadata: {{name: toll.special.v1, team: cards}}\n\
             spec: {{partitions: 1, replicationFactor: 3{access}}}\n"
        );
        SETTINGS.replace("{platform: platform}", &format!("{{platform: platform{consents}}}")) + &topic
    };
    let dir = deployed().await;
    let given = with(", consents: [{consumers: [toll], topics: ['*'], why: x}]", ", access: {producers: [toll]}");
    write(dir.path(), "weir.yaml", given.as_bytes());
    let spy = "---\napiVersion: weir/v1\nkind: AccessControlList\nmetadata: {name: toll-spy, team: toll}\nspec:\n  \
               serviceAccount: toll-billing\n  rules:\n    - {resource: topic, name: '*', operations: [Read]}\n    \
               - {resource: topic, name: toll.special.v1, operations: [Write]}\n";
    write(dir.path(), TOLL_FILE, format!("{TOLL}{spy}").as_bytes());
    assert_eq!(deploy(dir.path()).await, Outcome::Complete);
    write(dir.path(), "weir.yaml", with("", "").as_bytes());
    write(dir.path(), TOLL_FILE, format!("{TOLL}{spy}---\napiVersion: weir/v1\nkind: Topic\nmetadata: {{").as_bytes());
    let planned = plan(dir.path()).await.expect("a plan");
    assert_eq!(
        steps(&planned),
        [
            "delete-acl User:dev-toll-billing allow Read topic prefixed dev.",
            "delete-acl User:dev-toll-billing allow Write topic literal dev.toll.special.v1",
        ]
    );
}

/// A right that the platform team gives an account stays, even if no file declares the account any more.
#[tokio::test]
async fn broken_files_take_no_right_that_the_platform_team_gives() {
    let list = "---\napiVersion: weir/v1\nkind: AccessControlList\nmetadata: {name: platform-cards, team: cards}\nspec:\n  \
                serviceAccount: cards-ledger\n  rules: [{resource: cluster, operations: [Describe]}]\n";
    let dir = deployed().await;
    write(dir.path(), "weir.yaml", format!("{SETTINGS}{list}").as_bytes());
    assert_eq!(deploy(dir.path()).await, Outcome::Complete);
    write(dir.path(), CARDS_FILE, b"apiVersion: weir/v1\nkind: Topic\n  metadata: {");
    let planned = plan(dir.path()).await.expect("a plan");
    assert!(planned.is_empty(), "{:#?}", steps(&planned));
}

/// The last day of a right counts, whatever is wrong with the file of the owner.
#[tokio::test]
async fn broken_files_do_not_prolong_a_right() {
    let dir = deployed().await;
    write(dir.path(), CARDS_FILE, b"apiVersion: weir/v1\nkind: Topic\n  metadata: {");
    let ended = TOLL
        .replace("cards.events.v1, group: toll-billing}", "cards.events.v1, group: toll-billing, until: 2020-01-01}");
    write(dir.path(), TOLL_FILE, ended.as_bytes());
    let planned = plan(dir.path()).await.expect("a plan");
    assert_eq!(steps(&planned), ["delete-acl User:dev-toll-billing allow Read topic literal dev.cards.events.v1"]);
}

#[tokio::test]
async fn errors_of_the_platform_team_stop_every_plan() {
    let broken = "---\napiVersion: weir/v1\nkind: Tem\nmetadata: {name: x}\n";
    let dir = deployed().await;
    write(dir.path(), "weir.yaml", format!("{SETTINGS}{broken}").as_bytes());
    assert!(plan(dir.path()).await.is_err(), "an error in weir.yaml");
    write(dir.path(), "weir.yaml", SETTINGS.as_bytes());
    // Without a team of this name, the path is the platform team's.
    write(dir.path(), "teams/nobody/kafka.yaml", broken.as_bytes());
    assert!(plan(dir.path()).await.is_err(), "an error in a path of no team");
    fs::remove_file(dir.path().join("teams/nobody/kafka.yaml")).expect("removed");
    // A team that only a file in its own path declares is no reason to believe anything.
    let own = "apiVersion: weir/v1\nkind: Team\nmetadata: {name: new}\n";
    write(dir.path(), "teams/new/kafka.yaml", own.as_bytes());
    assert!(plan(dir.path()).await.is_err(), "a team that declares itself");
    fs::remove_file(dir.path().join("teams/new/kafka.yaml")).expect("removed");
    // Without `ownership`, any error of form stops every plan.
    write(dir.path(), "weir.yaml", SETTINGS.replace("  ownership: {platform: platform}\n", "").as_bytes());
    write(dir.path(), CARDS_FILE, format!("{CARDS}{broken}").as_bytes());
    assert!(plan(dir.path()).await.is_err(), "nobody says whose path it is");
}

/// The error stands at a profile of the platform team; a team has chosen it, and contradicts it.
#[tokio::test]
async fn a_contradiction_of_a_profile_blocks_the_topic_that_has_chosen_it() {
    let dir = deployed().await;
    let stage = "    - {name: live, cluster: other, prefix: {topic: \"live.\", group: \"live.\", transactionalId: \"live.\", serviceAccount: \"live-\"}}\n  defaults:";
    let settings = SETTINGS
        .replace("  defaults:", stage)
        .replace("clusters: {", "clusters: {other: {sandbox: {path: .weir/other, clusterId: other}}, ")
        .replace(
            "profiles: {",
            "profiles: {tiered: {config: {remote.storage.enable: true}}, compacted: {config: {cleanup.policy: [compact]}}, deleted: {config: {cleanup.policy: [delete]}}, ",
        );
    write(dir.path(), "weir.yaml", settings.as_bytes());
    for spec in [
        "profile: tiered, config: {cleanup.policy: [compact]}",
        "stages: {dev: {profile: deleted}, live: {profile: compacted}}",
    ] {
        let topic = format!(
            "---\napiVersion: weir/v1\nkind: Topic\nmetadata: {{name: toll.x.v1, team: toll}}\nspec: {{{spec}}}\n"
        );
        write(dir.path(), TOLL_FILE, format!("{TOLL}{MORE}{topic}").as_bytes());
        let planned = plan(dir.path()).await.unwrap_or_else(|_| panic!("{spec} stops every plan"));
        assert_eq!(steps(&planned), ["create-topic dev.toll.new.v1"], "{spec}");
        let blocked: Vec<&str> = planned.blocked.iter().map(|blocked| blocked.object.as_str()).collect();
        assert_eq!(blocked, ["topic dev.toll.x.v1"], "{spec}");
    }
}

/// A team says in its own file that there are other teams, whose paths would be those of files of the platform team, of
/// other teams, or of nobody. Nothing comes of it.
#[tokio::test]
async fn no_team_makes_teams() {
    let forged = |names: &[&str]| -> String {
        let team = |name| {
            format!(
                "---\napiVersion: weir/v1\nkind: Team\nmetadata: {{name: {name}}}\nspec: {{reviewers: ['@evil']}}\n"
            )
        };
        names.iter().map(team).collect()
    };
    let with_reviewers = ["platform", "toll", "cards"].iter().fold(SETTINGS.to_owned(), |text, team| {
        let there = format!("kind: Team, metadata: {{name: {team}}}");
        text.replace(&there, &format!("{there}, spec: {{reviewers: ['@good']}}"))
    });
    for (template, file, shared) in [
        ("teams/{team}/**", "teams/toll/kafka.yaml", "teams/shared/kafka.yaml"),
        ("{team}.yaml", "toll.yaml", "shared.yaml"),
    ] {
        let dir = tempfile::tempdir().expect("a folder");
        let settings = with_reviewers.replace(
            "ownership: {platform: platform}",
            &format!("ownership: {{platform: platform, teams: {{paths: [\"{template}\"]}}}}"),
        );
        assert!(settings.contains(template), "{settings}");
        write(dir.path(), "weir.yaml", settings.as_bytes());
        let topic = "apiVersion: weir/v1\nkind: Topic\nmetadata: {name: cards.shared.v1, team: cards}\nspec: {partitions: 1, replicationFactor: 3}\n";
        write(dir.path(), shared, topic.as_bytes());
        for names in
            [&["weir"][..], &["shared"], &["cards", "platform"], &["weir", "shared", "toll", "cards", "platform"]]
        {
            write(dir.path(), file, forged(names).as_bytes());
            let planned = plan(dir.path()).await.unwrap_or_else(|_| panic!("{template} {names:?} stops every plan"));
            assert_eq!(steps(&planned), ["create-topic dev.cards.shared.v1"], "{template} {names:?}");
            let checked = read(dir.path()).expect("read").check(None, SystemClock.now()).expect("checked");
            let workspace = checked.loaded.workspace.as_ref().expect("a workspace");
            let owners = weir_ownership::Ownership::of(workspace).expect("ownership").codeowners("").expect("owners");
            assert!(checked.is_clear() && !owners.contains("@evil"), "{owners}");
        }
    }
}

/// A policy that stands in the platform team's files blocks the entities that break it, or that it cannot judge.
#[tokio::test]
async fn policies_block_the_entities_that_they_are_about() {
    let policy = |spec: &str| {
        format!(
            "{SETTINGS}---\napiVersion: weir/v1\nkind: Policy\nmetadata: {{name: p, description: x}}\nspec:\n  match: {{kinds: [Topic]}}\n{spec}"
        )
    };
    let labels: Vec<String> = (0..600).map(|n| format!("l{n}: v{n}")).collect();
    let long = CARDS.replace("spec: {partitions: 3}", "spec: {partitions: 3, profile: long}");
    let labelled = CARDS.replace(
        "metadata: {name: cards.events.v1, team: cards}",
        &format!("metadata: {{name: cards.events.v1, team: cards, labels: {{{}}}}}", labels.join(", ")),
    );
    for (what, settings, cards) in [
        ("a profile", policy("  enforce: {from: 2020-01-01}\n  settings: {retention.ms: {max: 31d}}\n"), long),
        (
            "an expression that fails",
            policy(
                "  validations: [{expression: '!(\"n\" in entity.metadata.labels) || int(entity.metadata.labels[\"n\"]) > 0'}]\n",
            ),
            CARDS.replace(
                "metadata: {name: cards.events.v1, team: cards}",
                "metadata: {name: cards.events.v1, team: cards, labels: {n: x}}",
            ),
        ),
        (
            "an expression that costs too much",
            policy(
                "  validations: [{expression: 'entity.metadata.labels.all(a, entity.metadata.labels.all(b, a != b + \"x\"))'}]\n",
            ),
            labelled,
        ),
    ] {
        let dir = deployed().await;
        write(dir.path(), "weir.yaml", settings.as_bytes());
        write(dir.path(), CARDS_FILE, cards.as_bytes());
        write(dir.path(), TOLL_FILE, format!("{TOLL}{MORE}").as_bytes());
        let planned = plan(dir.path()).await.unwrap_or_else(|errors| panic!("{what} stops every plan: {errors}"));
        assert_eq!(steps(&planned), ["create-topic dev.toll.new.v1"], "{what}");
        assert_eq!(blocked(&planned), [("cards", "topic dev.cards.events.v1")].into(), "{what}");
    }
}

/// A team that spends the whole budget of a policy blocks itself.
#[tokio::test]
async fn each_team_has_its_own_budget_for_policies() {
    let dir = deployed().await;
    let policy = "---\napiVersion: weir/v1\nkind: Policy\nmetadata: {name: p, description: x}\nspec:\n  match: {kinds: [Topic]}\n  \
                  validations: [{expression: 'entity.metadata.labels.all(a, entity.metadata.labels.all(b, a != b + \"x\"))'}]\n";
    write(dir.path(), "weir.yaml", format!("{SETTINGS}{policy}").as_bytes());
    let labels: Vec<String> = (0..150).map(|n| format!("l{n}: v{n}")).collect();
    let topic = |n: usize| {
        let labels = labels.join(", ");
        format!(
            "---\napiVersion: weir/v1\nkind: Topic\nmetadata: {{name: cards.t{n}, team: cards, labels: {{{labels}}}}}\n"
        )
    };
    let topics: String = (0..400).map(topic).collect();
    write(dir.path(), CARDS_FILE, format!("{CARDS}{topics}").as_bytes());
    write(dir.path(), TOLL_FILE, format!("{TOLL}{MORE}").as_bytes());
    let planned = plan(dir.path()).await.unwrap_or_else(|errors| panic!("cards stops every plan: {errors}"));
    assert_eq!(steps(&planned), ["create-topic dev.toll.new.v1"]);
    assert_eq!(blocked(&planned), [("cards", ALL)].into());
}

/// A team takes back a consent or deletes a topic, or asks for names that it has no consent for. The bindings that need
/// these wait, and the rest of the list goes on.
#[tokio::test]
async fn a_missing_consent_or_topic_holds_up_its_own_bindings_alone() {
    const MORE_GRANTS: &str = "    - {consume: toll.prices.v1, group: toll-billing}\n";
    const OWN: &str = "create-acl User:dev-toll-billing allow Read topic literal dev.toll.prices.v1";
    let events = "{consume: cards.events.v1, group: toll-billing}";
    let without = |text: &str| CARDS.replace(text, "");
    let no_consent = || {
        CARDS.replace(
            "consumers: [toll]}\n---\napiVersion: weir/v1\nkind: ServiceAccount",
            "consumers: [platform]}\n---\napiVersion: weir/v1\nkind: ServiceAccount",
        )
    };
    let topic = "apiVersion: weir/v1\nkind: Topic\nmetadata: {name: cards.events.v1, team: cards}\nspec: {partitions: 3}\n---\n";
    let covering = CARDS.replace("spec: {topics: [cards.events.v1]", "spec: {topics: [\"cards.*\"]");
    let rule = |rule: &str| format!("  rules:\n    - {rule}\n");
    let acl = |acl: &str| format!("ACL binding of dev-toll-billing: allow {acl}");
    let read_events = "Read topic literal dev.cards.events.v1";
    let gone = |acl: &str| vec![OWN.to_owned(), format!("delete-acl User:dev-toll-billing allow {acl}")];
    let own = || vec![OWN.to_owned()];
    for (what, cards, grants, expected, object) in [
        (
            "never there",
            CARDS.to_owned(),
            "    - {produce: cards.status.v1}\n".to_owned(),
            own(),
            acl("Write topic literal dev.cards.status.v1"),
        ),
        (
            "dropped in the topic",
            without(", access: {consumers: [toll]}"),
            String::new(),
            gone("Read topic literal dev.cards.status.v1"),
            acl("Read topic literal dev.cards.status.v1"),
        ),
        ("dropped elsewhere", no_consent(), String::new(), gone(read_events), acl(read_events)),
        (
            "a topic without a file",
            without(topic),
            String::new(),
            [own(), vec!["delete-topic dev.cards.events.v1".to_owned()]].concat(),
            acl(read_events),
        ),
        (
            "a topic that never was, in names with a consent",
            covering,
            "    - {consume: cards.nothing.v1, group: toll-billing}\n".to_owned(),
            own(),
            acl("Read topic literal dev.cards.nothing.v1"),
        ),
        (
            "an own topic that never was",
            CARDS.to_owned(),
            "    - {consume: toll.nothing.v1, group: toll-billing}\n".to_owned(),
            own(),
            acl("Read topic literal dev.toll.nothing.v1"),
        ),
        (
            "a topic to be deleted",
            CARDS.replace(
                "name: cards.events.v1, team: cards}\nspec: {partitions: 3}",
                "name: cards.events.v1, team: cards}\nspec: {ensure: absent}",
            ),
            String::new(),
            [own(), vec!["delete-topic dev.cards.events.v1".to_owned()]].concat(),
            acl(read_events),
        ),
        (
            "a group",
            CARDS.to_owned(),
            "    - {consume: cards.status.v1, group: cards-ledger}\n".to_owned(),
            own(),
            acl("Read group literal dev.cards-ledger"),
        ),
        (
            "a group in a rule",
            CARDS.to_owned(),
            rule("{resource: group, name: cards-ledger, operations: [Describe]}"),
            own(),
            acl("Describe group literal dev.cards-ledger"),
        ),
        (
            "a transactional id",
            CARDS.to_owned(),
            "    - {produce: toll.prices.v1, transactionalId: cards-ledger}\n".to_owned(),
            own(),
            acl("Write transactionalId literal dev.cards-ledger"),
        ),
        (
            "a beginning of names",
            CARDS.to_owned(),
            rule("{resource: topic, name: cards., pattern: prefixed, operations: [Read]}"),
            own(),
            acl("Read topic prefixed dev.cards."),
        ),
        (
            "all names",
            CARDS.to_owned(),
            rule("{resource: topic, name: '*', operations: [Describe]}"),
            own(),
            acl("Describe topic prefixed dev."),
        ),
        (
            "one of two operations",
            CARDS.to_owned(),
            rule("{resource: topic, name: cards.events.v1, operations: [Describe, Write]}"),
            ["Describe topic literal dev.cards.events.v1", "Read topic literal dev.toll.prices.v1"]
                .map(|acl| format!("create-acl User:dev-toll-billing allow {acl}"))
                .to_vec(),
            acl("Write topic literal dev.cards.events.v1"),
        ),
        (
            "a denial",
            CARDS.to_owned(),
            rule("{resource: topic, name: cards.status.v1, operations: [Write], permission: deny}"),
            Vec::new(),
            "ACL bindings of dev-toll-billing".to_owned(),
        ),
    ] {
        let dir = deployed().await;
        write(dir.path(), CARDS_FILE, cards.as_bytes());
        assert!(TOLL.ends_with("    - {produce: toll.prices.v1}\n") && TOLL.contains(events));
        write(dir.path(), TOLL_FILE, format!("{TOLL}{MORE_GRANTS}{grants}").as_bytes());
        let planned = plan(dir.path()).await.unwrap_or_else(|errors| panic!("{what} stops every plan: {errors}"));
        assert_eq!(steps(&planned), expected, "{what}: {:#?}", planned.blocked);
        assert_eq!(blocked(&planned), [("toll", object.as_str())].into(), "{what}: {:#?}", planned.blocked);
        assert_eq!(deploy(dir.path()).await, Outcome::Blocked, "{what}");
    }
}

/// A denial that lacks its consent stays on the cluster, and no new grant comes beside it.
#[tokio::test]
async fn a_denial_without_consent_is_not_lost() {
    let dir = deployed().await;
    let deny = "  rules:\n    - {resource: topic, name: cards.events.v1, operations: [Read], host: 10.0.0.1, permission: deny}\n";
    write(dir.path(), TOLL_FILE, format!("{TOLL}{deny}").as_bytes());
    assert_eq!(deploy(dir.path()).await, Outcome::Complete);
    write(dir.path(), CARDS_FILE, CARDS.replace("kind: Consent\nmetadata: {name: cards-events, team: cards}\nspec: {topics: [cards.events.v1], consumers: [toll]}", "kind: Consent\nmetadata: {name: cards-events, team: cards}\nspec: {topics: [cards.events.v1], consumers: [platform]}").as_bytes());
    write(
        dir.path(),
        TOLL_FILE,
        format!("{TOLL}    - {{consume: toll.prices.v1, group: toll-billing}}\n{deny}").as_bytes(),
    );
    let planned = plan(dir.path()).await.expect("a plan");
    assert_eq!(steps(&planned), ["delete-acl User:dev-toll-billing allow Read topic literal dev.cards.events.v1"]);
    assert!(blocked(&planned).contains(&("toll", "ACL bindings of dev-toll-billing")), "{:#?}", planned.blocked);
}

/// Without `ownership`, the state that files ask for has the binding; the plan leaves it out.
#[tokio::test]
async fn a_missing_consent_holds_up_its_own_bindings_where_no_file_names_a_platform_team() {
    let dir = deployed().await;
    write(dir.path(), "weir.yaml", SETTINGS.replace("  ownership: {platform: platform}\n", "").as_bytes());
    let cards = CARDS.replace("spec: {partitions: 3}\n---\napiVersion: weir/v1\nkind: Consent\nmetadata: {name: cards-events, team: cards}\nspec: {topics: [cards.events.v1], consumers: [toll]}", "spec: {partitions: 3, access: {consumers: [toll]}}");
    write(dir.path(), CARDS_FILE, cards.as_bytes());
    let more = "    - {consume: toll.prices.v1, group: toll-billing}\n    - {produce: cards.status.v1}\n  rules:\n    \
                - {resource: topic, name: cards., pattern: prefixed, operations: [Read]}\n";
    write(dir.path(), TOLL_FILE, format!("{TOLL}{more}").as_bytes());
    let planned = plan(dir.path()).await.expect("a plan");
    // Both of its topics consent to Read.
    let expected = ["literal dev.toll.prices.v1", "prefixed dev.cards."]
        .map(|name| format!("create-acl User:dev-toll-billing allow Read topic {name}"));
    assert_eq!(steps(&planned), expected);
    assert_eq!(
        blocked(&planned),
        [("toll", "ACL binding of dev-toll-billing: allow Write topic literal dev.cards.status.v1")].into()
    );
}

/// Topics whose names differ only in `.` and `_`: the one that exists goes on.
#[tokio::test]
async fn a_twin_of_an_existing_topic_is_blocked_alone() {
    let twin = |team: &str, name: &str, partitions: u8| {
        format!(
            "---\napiVersion: weir/v1\nkind: Topic\nmetadata: {{name: {name}, team: {team}}}\nspec: {{partitions: {partitions}}}\n"
        )
    };
    let in_weir_yaml = |text: &str| format!("{SETTINGS}{}", text.replace("spec: {", "spec: {replicationFactor: 3, "));
    // By the word of the platform team, team cards has a topic beside those of team toll.
    for (first, second) in [
        (
            (
                TOLL_FILE,
                format!("{TOLL}{}", twin("toll", "toll.gates.v1", 1)),
                format!("{TOLL}{}", twin("toll", "toll.gates.v1", 2)),
                "dev.toll.gates.v1",
            ),
            ("weir.yaml", in_weir_yaml(&twin("cards", "toll_gates.v1", 1)), ("cards", "topic dev.toll_gates.v1")),
        ),
        (
            (
                "weir.yaml",
                in_weir_yaml(&twin("cards", "toll_gates.v1", 1)),
                in_weir_yaml(&twin("cards", "toll_gates.v1", 2)),
                "dev.toll_gates.v1",
            ),
            (TOLL_FILE, format!("{TOLL}{}", twin("toll", "toll.gates.v1", 1)), ("toll", "topic dev.toll.gates.v1")),
        ),
    ] {
        let (path, before, after, name) = first;
        let dir = deployed().await;
        write(dir.path(), path, before.as_bytes());
        assert_eq!(deploy(dir.path()).await, Outcome::Complete);
        write(dir.path(), path, after.as_bytes());
        let (path, text, blocks) = second;
        write(dir.path(), path, text.as_bytes());
        let planned = plan(dir.path()).await.unwrap_or_else(|errors| panic!("{name} stops every plan: {errors}"));
        assert_eq!(steps(&planned), [format!("add-partitions {name}")]);
        assert_eq!(blocked(&planned), [blocks].into(), "{:#?}", planned.blocked);
    }
    // Neither exists: both wait, and nothing else does.
    let dir = deployed().await;
    write(dir.path(), "weir.yaml", in_weir_yaml(&twin("cards", "toll_gates.v1", 1)).as_bytes());
    write(dir.path(), TOLL_FILE, format!("{TOLL}{MORE}{}", twin("toll", "toll.gates.v1", 1)).as_bytes());
    let planned = plan(dir.path()).await.expect("a plan");
    assert_eq!(steps(&planned), ["create-topic dev.toll.new.v1"]);
    assert_eq!(blocked(&planned), [("cards", "topic dev.toll_gates.v1"), ("toll", "topic dev.toll.gates.v1")].into());
}

/// A waiver is in a file of the platform team, and its topic in one of a team, which may delete it.
#[tokio::test]
async fn a_deleted_topic_with_a_waiver_stops_nothing() {
    let policy = "---\napiVersion: weir/v1\nkind: Policy\nmetadata: {name: p, description: x}\nspec:\n  match: {kinds: [Topic]}\n  \
                  partitions: {max: 9}\n---\napiVersion: weir/v1\nkind: Waiver\nmetadata: {name: w}\nspec: {rule: p, entity: \
                  Topic/cards.status.v1, reason: x, owner: platform, until: 2099-01-01}\n";
    let dir = deployed().await;
    write(dir.path(), "weir.yaml", format!("{SETTINGS}{policy}").as_bytes());
    write(dir.path(), CARDS_FILE, b"# nothing\n");
    write(dir.path(), TOLL_FILE, format!("{TOLL}{MORE}").as_bytes());
    let planned = plan(dir.path()).await.unwrap_or_else(|errors| panic!("cards stops every plan: {errors}"));
    assert!(steps(&planned).contains(&"create-topic dev.toll.new.v1"), "{:#?}", steps(&planned));
}

/// A grant to all names, and a denial beside it, by the platform team.
const WIDE: &str = r#"
apiVersion: weir/v1
kind: AccessControlList
metadata: {name: toll-wide, team: toll}
spec:
  serviceAccount: toll-billing
  rules:
    - {resource: topic, name: "*", operations: [Read]}
    - {resource: topic, name: cards.secret.v1, operations: [Read], permission: deny}
"#;

const SECRET: &str = r#"
---
apiVersion: weir/v1
kind: Topic
metadata: {name: cards.secret.v1, team: cards}
spec: {partitions: 1}
"#;

const DENIAL: &str = "create-acl User:dev-toll-billing deny Read topic literal dev.cards.secret.v1";
const GRANT: &str = "create-acl User:dev-toll-billing allow Read topic prefixed dev.";

#[tokio::test]
async fn a_grant_waits_for_the_denial_beside_it() {
    let dir = deployed().await;
    write(dir.path(), "wide.yaml", WIDE.as_bytes());
    let broken =
        "---\napiVersion: weir/v1\nkind: Topic\nmetadata: {name: toll.mine.v1, team: cards}\nspec: {partitions: 1}\n";
    write(dir.path(), CARDS_FILE, format!("{CARDS}{SECRET}{broken}").as_bytes());
    let planned = plan(dir.path()).await.expect("a plan");
    assert_eq!(steps(&planned), Vec::<&str>::new(), "the topic is blocked, so the denial is, and the grant with it");
    assert!(blocked(&planned).contains(&("toll", "ACL bindings of dev-toll-billing")), "{:#?}", planned.blocked);
    write(dir.path(), CARDS_FILE, format!("{CARDS}{SECRET}").as_bytes());
    let planned = plan(dir.path()).await.expect("a plan");
    let mended = steps(&planned);
    assert!(mended.contains(&DENIAL) && mended.contains(&GRANT), "{mended:#?}");
}

#[tokio::test]
async fn a_denial_outlives_the_consent_that_cannot_be_read() {
    let dir = deployed().await;
    let deny = "  rules: [{resource: topic, name: cards.events.v1, operations: [Read], permission: deny}]\n";
    write(dir.path(), TOLL_FILE, format!("{TOLL}{deny}").as_bytes());
    assert_eq!(deploy(dir.path()).await, Outcome::Complete);
    let broken = CARDS
        .replace("{topics: [cards.events.v1], consumers: [toll]}", "{topics: [cards.events.v1], consumer: [toll]}");
    write(dir.path(), CARDS_FILE, broken.as_bytes());
    let more = "    - {consume: toll.prices.v1, group: toll-billing}\n";
    write(dir.path(), TOLL_FILE, format!("{TOLL}{more}{deny}").as_bytes());
    let planned = plan(dir.path()).await.expect("a plan");
    assert_eq!(
        steps(&planned),
        Vec::<&str>::new(),
        "neither a new grant without the denial, nor the end of the denial"
    );
    assert!(blocked(&planned).contains(&("toll", "ACL bindings of dev-toll-billing")), "{:#?}", planned.blocked);
}
