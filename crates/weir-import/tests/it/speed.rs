//! Large clusters in reasonable time, whatever the build.

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

/// One import of 20,000 topics, 4,000 service accounts and 40,000 bindings: work that grows with their square would take
/// minutes.
#[test]
fn the_import_of_a_large_cluster_is_linear() {
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
    let observed = cluster(20_000);
    let stages = vec![("prod".to_owned(), &observed)];
    let imported = import_stages(&Import { workspace, stages, teams: &teams, now, schema: None }).unwrap();
    assert!(imported.findings.is_empty() && imported.left.is_empty());
}
