use std::time::{Duration, Instant};

use weir_import::{Import, TeamRule, import_stages};
use weir_model::{Operation, PatternType, Permission, Resource, settings};
use weir_planning::{Acl, Host, Observed, ObservedAccount, ObservedTopic, Principal};

fn cluster(topics: usize) -> Observed {
    let mut observed = Observed { format: Observed::FORMAT.to_owned(), ..Observed::default() };
    for i in 0..topics {
        let config = settings::observed([("retention.ms", (i * 1000 + 1000).to_string())]);
        let topic = ObservedTopic { partitions: 6, replication_factor: 3, config, ..ObservedTopic::default() };
        observed.topics.insert(format!("team{}.topic{i}.v1", i % 50), topic);
        let account = format!("team{}-app{}", i % 50, i / 5);
        let binding = |resource, name: String, operation| Acl {
            resource,
            pattern: PatternType::Literal,
            name: name.into(),
            operation,
            permission: Permission::Allow,
            host: Host::Any,
        };
        let acls = observed.acls.entry(Principal::of_account(&account)).or_default();
        acls.insert(binding(Resource::Topic, format!("team{}.topic{i}.v1", i % 50), Operation::Read));
        acls.insert(binding(Resource::Group, account.clone(), Operation::Read));
        observed.accounts.insert(account, ObservedAccount::default());
    }
    observed
}

/// Twice as much takes about twice as long; four times as long would be quadratic.
#[test]
fn time_grows_with_the_cluster_and_not_faster() {
    const WORKSPACE: &str = "
apiVersion: weir/v1
kind: Workspace
metadata: {name: large}
spec:
  clusters: {prod: {sandbox: {path: prod}}}
  stages: [{name: prod, cluster: prod}]
  defaults: {namespace: n}
";
    let loaded = weir_model::load([("weir.yaml", WORKSPACE)]);
    let workspace = loaded.workspace.as_ref().unwrap();
    let teams = TeamRule::default();
    let now = "2026-11-22T00:00:00Z".parse().unwrap();
    let time = |topics| {
        let observed = cluster(topics);
        let import =
            Import { workspace, stages: vec![("prod".to_owned(), &observed)], teams: &teams, now, schema: None };
        let run = || {
            let start = start();
            let imported = import_stages(&import).unwrap();
            assert!(imported.findings.is_empty() && imported.left.is_empty());
            start.elapsed()
        };
        (0..3).map(|_| run()).min().unwrap_or_default()
    };
    let (small, large) = (time(1_000), time(4_000));
    assert!(large < small * 10 + Duration::from_millis(200), "1,000 topics: {small:?}, 4,000 topics: {large:?}");
}

#[expect(clippy::disallowed_methods, reason = "the core is handed the time, a test may measure it")]
fn start() -> Instant {
    Instant::now()
}
