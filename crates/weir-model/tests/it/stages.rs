//! Profiles, overlays, prefixes, templates.

use weir_model::{Ensure, Layer, Loaded, ResolvedSetting, StagedTopic};

const WORKSPACE: &str = "
apiVersion: weir/v1
kind: Workspace
metadata: {name: cps}
spec:
  clusters: {nonprod: {sandbox: {path: .weir/nonprod}}}
  stages:
    - name: dev
      cluster: nonprod
      prefix: {topic: dev., group: dev., transactionalId: 'dev-tx-', serviceAccount: dev-}
    - {name: test, cluster: nonprod, vault: 'https://kv-of-{stage}'}
    - {name: prod, cluster: not-declared}
  profiles:
    standard: {partitions: 6, replicationFactor: 3, config: {min.insync.replicas: 2, retention.ms: 7d}}
    large: {partitions: 48}
  defaults: {profile: standard, vault: 'https://kv-{team}-{stage}', namespace: '{team}-{stage}'}
---
apiVersion: weir/v1
kind: Team
metadata: {name: toll}
spec: {vaults: {dev: https://kv-toll}, namespaces: {prod: 'ns-{team}'}}
";

fn load(entities: &str) -> Loaded {
    let loaded = weir_model::load([("weir.yaml", WORKSPACE), ("entities.yaml", entities)]);
    assert_eq!(loaded.findings, [], "{entities}");
    loaded
}

fn topic(spec: &str) -> Loaded {
    load(&format!("apiVersion: weir/v1\nkind: Topic\nmetadata: {{name: toll.a, team: toll}}\nspec: {spec}\n"))
}

fn with<T>(spec: &str, stage: &str, look: impl FnOnce(&StagedTopic<'_>) -> T) -> T {
    let loaded = topic(spec);
    let workspace = loaded.workspace.unwrap();
    let view = workspace.stage(stage).unwrap();
    look(&view.topics["toll.a"])
}

fn config(topic: &StagedTopic<'_>) -> String {
    let layer = |layer: &Layer<'_>| match layer {
        Layer::Profile(name) => format!("profile {name}"),
        Layer::Entity => "entity".to_owned(),
        Layer::Stage => "stage".to_owned(),
    };
    let setting = |(name, s): (&&str, &ResolvedSetting<'_>)| format!("{name}={} ({})", s.value, layer(&s.layer));
    topic.config.iter().map(setting).collect::<Vec<_>>().join(", ")
}

#[test]
fn an_unknown_stage_names_the_known_ones() {
    let workspace = load("").workspace.unwrap();
    insta::assert_snapshot!(workspace.stage("qa").unwrap_err(), @"there is no stage `qa`; the stages are dev, test, prod");
    let stages: Vec<_> =
        workspace.stages().iter().map(|view| (view.index, view.stage.name.clone(), view.cluster.is_some())).collect();
    assert_eq!(stages, [(0, "dev".to_owned(), true), (1, "test".to_owned(), true), (2, "prod".to_owned(), false)]);
}

#[test]
fn layers_win_in_order() {
    let spec = "{partitions: 12, config: {retention.ms: 14d, segment.ms: 1d}, stages: {dev: {config: {retention.ms: 1d}}, test: }}";
    with(spec, "dev", |topic| {
        assert_eq!(topic.name, "dev.toll.a");
        assert_eq!(topic.partitions, Some((12, Layer::Entity)));
        assert_eq!(topic.replication_factor, Some((3, Layer::Profile("standard"))));
        insta::assert_snapshot!(config(topic), @"min.insync.replicas=2 (profile standard), retention.ms=1d (stage), segment.ms=1d (entity)");
    });
    with(spec, "test", |topic| {
        assert_eq!(topic.name, "toll.a");
        insta::assert_snapshot!(config(topic), @"min.insync.replicas=2 (profile standard), retention.ms=14d (entity), segment.ms=1d (entity)");
    });
    let loaded = topic(spec);
    assert!(loaded.workspace.unwrap().stage("prod").unwrap().topics.is_empty(), "prod is not listed");
}

#[test]
fn null_removes_and_default_stays() {
    let spec = "{partitions: 12, config: {retention.ms: 14d}, access: {consumers: [cards]}, ensure: absent,
        stages: {dev: {partitions: null, replicationFactor: ~, access: null, ensure: null, config: {retention.ms: null, min.insync.replicas: default}}}}";
    with(spec, "dev", |topic| {
        assert_eq!((&topic.partitions, &topic.replication_factor, topic.ensure), (&None, &None, Ensure::Present));
        assert!(topic.access.consumers.is_empty());
        insta::assert_snapshot!(config(topic), @"min.insync.replicas=default (stage)");
    });
}

#[test]
fn a_stages_profile_replaces_the_topics() {
    with("{profile: large, stages: {dev: {profile: standard}}}", "dev", |topic| {
        assert_eq!((topic.profile, &topic.partitions), (Some("standard"), &Some((6, Layer::Profile("standard")))));
    });
    with("{profile: large}", "prod", |topic| {
        assert_eq!((topic.profile, topic.replication_factor), (Some("large"), None));
    });
    with("{stages: {dev: {profile: null}}}", "dev", |topic| {
        assert_eq!((topic.profile, topic.partitions), (None, None));
    });
    with("{profile: no-such}", "dev", |topic| {
        assert_eq!((topic.profile, topic.partitions), (Some("no-such"), None));
    });
}

#[test]
fn access_follows_its_account() {
    let loaded = load(
        "
apiVersion: weir/v1
kind: ServiceAccount
metadata: {name: billing, team: toll}
spec: {apiKeys: [{}], stages: {dev: {apiKeys: null}, test: {ensure: absent}}}
---
apiVersion: weir/v1
kind: AccessControlList
metadata: {name: everywhere, team: toll}
spec: {serviceAccount: billing, allow: [{produce: a}], stages: {dev: {allow: []}, test: , prod: }}
---
apiVersion: weir/v1
kind: AccessControlList
metadata: {name: only-dev, team: toll}
spec: {serviceAccount: billing, rules: [{resource: cluster, operations: [Describe]}], stages: {dev: }}
---
apiVersion: weir/v1
kind: AccessControlList
metadata: {name: orphan, team: toll}
spec: {serviceAccount: no-such}
",
    );
    let workspace = loaded.workspace.unwrap();
    let mut lines = String::new();
    for view in workspace.stages() {
        for account in view.accounts.values() {
            lines.push_str(&format!(
                "{}: {} {:?} {} keys\n",
                view.stage.name,
                account.name,
                account.ensure,
                account.api_keys.len()
            ));
        }
        for (name, access) in &view.access {
            let from = (access.allow_from_stage, access.rules_from_stage);
            lines.push_str(&format!(
                "{}: {name} {} {} {from:?}\n",
                view.stage.name,
                access.allow.len(),
                access.rules.len()
            ));
        }
    }
    insta::assert_snapshot!(lines, @"
    dev: dev-billing Present 0 keys
    dev: everywhere 0 0 (true, false)
    dev: only-dev 0 1 (false, false)
    test: billing Absent 1 keys
    test: everywhere 1 0 (false, false)
    ");
}

#[test]
fn vaults_and_namespaces_come_from_the_nearest() {
    let account = |team: &str| {
        load(&format!("apiVersion: weir/v1\nkind: ServiceAccount\nmetadata: {{name: a, team: {team}}}\n"))
            .workspace
            .unwrap()
            .stages()
            .iter()
            .map(|view| format!("{:?} {:?}", view.accounts["a"].vault, view.accounts["a"].namespace))
            .collect::<Vec<_>>()
            .join("\n")
    };
    insta::assert_snapshot!(account("toll"), @r#"
    Some("https://kv-toll") Some("toll-dev")
    Some("https://kv-of-test") Some("toll-test")
    Some("https://kv-toll-prod") Some("ns-toll")
    "#);
    insta::assert_snapshot!(account("no-such"), @r#"
    Some("https://kv-no-such-dev") Some("no-such-dev")
    Some("https://kv-of-test") Some("no-such-test")
    Some("https://kv-no-such-prod") Some("no-such-prod")
    "#);
}

#[test]
fn stages_put_their_prefixes_before_every_kind_of_name() {
    let workspace = load("").workspace.unwrap();
    let dev = workspace.stage("dev").unwrap().stage;
    assert_eq!(dev.topic_name("a"), "dev.a");
    assert_eq!(dev.transactional_id("a"), "dev-tx-a");
    assert_eq!(dev.account_name("a"), "dev-a");
}
