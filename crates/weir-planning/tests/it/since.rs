//! Changes of authority between two revisions of the files.

use weir_planning::*;

const OWNED: &str = "
apiVersion: weir/v1
kind: Workspace
metadata: {name: cps}
spec:
  clusters: {local: {sandbox: {path: .weir}}}
  stages: [{name: dev, cluster: local, vault: 'https://kv-{team}', approval: required, signedBy: [KEY1]}]
  ownership:
    platform: platform
    adopt: {dev: {topics: [legacy.*]}}
    consents: [{observers: [platform], topics: ['*'], why: metrics}]
---
{apiVersion: weir/v1, kind: Team, metadata: {name: toll}}
---
{apiVersion: weir/v1, kind: Team, metadata: {name: cards}}
---
{apiVersion: weir/v1, kind: Team, metadata: {name: platform}}
";

const TOLL: &str = "
apiVersion: weir/v1
kind: Topic
metadata: {name: toll.events, team: toll}
spec: {access: {consumers: [cards]}}
---
apiVersion: weir/v1
kind: ServiceAccount
metadata: {name: toll-x, team: toll}
spec: {}
---
apiVersion: weir/v1
kind: Consent
metadata: {name: groups, team: toll}
spec: {groups: [toll-x], consumers: [cards]}
";

fn told(before: [&str; 2], after: [&str; 2]) -> String {
    let [before, after] = [before, after].map(|[settings, toll]| {
        let loaded = weir_model::load([("weir.yaml", settings), ("teams/toll/kafka.yaml", toll)]);
        assert!(loaded.findings.is_empty(), "{:#?}", loaded.findings);
        loaded.workspace.unwrap()
    });
    let mut items = moved(&before.stage("dev").unwrap(), &after.stage("dev").unwrap());
    items.sort();
    let line = |item: &AuthorityItem| {
        let (entity, file) = (item.entity.as_ref().unwrap(), item.file.as_deref().unwrap_or_default());
        format!("{} {}: {} ({entity}, {file})\n", item.kind, item.team.as_deref().unwrap_or_default(), item.message)
    };
    items.iter().map(line).collect()
}

#[test]
fn the_same_files_move_nothing() {
    assert_eq!(told([OWNED, TOLL], [OWNED, TOLL]), "");
    let reordered = TOLL.replace("spec: {}", "spec: {apiKeys: [{}]}");
    assert_eq!(told([OWNED, TOLL], [OWNED, &reordered]), "", "a key in the same vault moves no authority");
}

#[test]
fn each_change_of_authority_is_told() {
    let toll = TOLL
        .replace("{name: toll-x, team: toll}", "{name: toll-x, team: cards}")
        .replace("{consumers: [cards]}}", "{consumers: [cards, zoll], until: 2027-01-31}}")
        .replace("groups: [toll-x]", "groups: [toll-*]");
    let owned = OWNED
        .replace("platform: platform", "platform: cards")
        .replace("[legacy.*]", "[legacy.*, old]")
        .replace("why: metrics", "producers: [platform]")
        .replace(
            "metadata: {name: cards}",
            "metadata: {name: cards}, spec: {vaults: {dev: 'https://kv-other'}, names: {topics: [cards., toll.]}}",
        )
        + "---\n{apiVersion: weir/v1, kind: Team, metadata: {name: zoll}}\n";
    insta::assert_snapshot!(told([OWNED, TOLL], [&owned, &toll]));
}

#[test]
fn each_change_of_who_decides_is_told() {
    let owned = OWNED
        .replace("approval: required, signedBy: [KEY1]", "signedBy: [KEY1, KEY2]")
        .replace(
            "platform: platform",
            "platform: platform\n    teams: {paths: ['{team}.yaml'], names: {topics: ['{team}-']}}\n    vaultHosts: [azure, example.com]",
        )
        .replace(
            "metadata: {name: cards}",
            "metadata: {name: cards}, spec: {reviewers: ['@example/toll'], members: [{user: ada@example.com}]}",
        );
    let forwards = told([OWNED, TOLL], [&owned, TOLL]);
    insta::assert_snapshot!(forwards);
    let backwards = told([&owned, TOLL], [OWNED, TOLL]);
    assert_eq!(backwards.lines().count(), forwards.lines().count(), "{backwards}");
}

#[test]
fn what_is_gone_is_told() {
    let toll = TOLL
        .replace("{access: {consumers: [cards]}}", "{}")
        .split("---\napiVersion: weir/v1\nkind: Consent")
        .next()
        .unwrap()
        .to_owned();
    let owned = OWNED
        .replace("    consents: [{observers: [platform], topics: ['*'], why: metrics}]\n", "")
        .replace("---\n{apiVersion: weir/v1, kind: Team, metadata: {name: cards}}\n", "");
    insta::assert_snapshot!(told([OWNED, TOLL], [&owned, &toll]));
    let without_topic = toll.replace("name: toll.events", "name: toll.other");
    let gone =
        "consent for topic toll.events: none; before: consumers cards (Topic/toll.events, teams/toll/kafka.yaml)";
    assert!(told([OWNED, TOLL], [OWNED, &without_topic]).contains(gone));
    let ungoverned = OWNED.split("  ownership:").next().unwrap().to_owned()
        + "---\n{apiVersion: weir/v1, kind: Team, metadata: {name: toll}}\n";
    assert!(told([OWNED, TOLL], [&ungoverned, TOLL]).contains("the platform team is none, and was platform before"));
}
