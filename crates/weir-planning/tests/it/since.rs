//! Changes of authority between two revisions of the files.

use weir_planning::*;

const OWNED: &str = "
apiVersion: weir/v1
kind: Workspace
metadata: {name: cps}
spec:
  clusters: {local: {sandbox: {path: .weir}}}
  stages: [{name: dev, cluster: local, vault: 'https://kv-{team}'}]
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
