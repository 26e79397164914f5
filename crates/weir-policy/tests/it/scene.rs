//! A small workspace with one policy.

use weir_findings::Finding;
use weir_model::{Loaded, Route};
use weir_policy::{Policies, check};

pub(crate) const WORKSPACE: &str = "
apiVersion: weir/v1
kind: Workspace
metadata: {name: cps}
spec:
  clusters: {local: {sandbox: {path: .weir/local}}, far: {sandbox: {path: .weir/far}}}
  stages:
    - {name: dev, cluster: local, prefix: {topic: dev., serviceAccount: dev-}}
    - {name: test, cluster: local, prefix: {topic: test., serviceAccount: test-}}
    - {name: prod, cluster: far, approval: required}
  profiles:
    standard: {partitions: 6, replicationFactor: 3, config: {retention.ms: 7d, min.insync.replicas: 2}}
  defaults: {profile: standard}
---
apiVersion: weir/v1
kind: Team
metadata: {name: toll, description: Tolls, labels: {costCenter: \"4711\"}}
";

pub(crate) const TOPIC: &str = "
apiVersion: weir/v1
kind: Topic
metadata:
  name: toll.passages.v1
  team: toll
  description: One record for each passage
  labels: {costCenter: \"4711\", dataClass: internal}
spec:
  partitions: 12
  config: {cleanup.policy: [delete, compact]}
  access: {consumers: [cards, fraud]}
  stages: {dev: , test: {partitions: 3}, prod: {config: {retention.ms: unlimited}}}
---
apiVersion: weir/v1
kind: ServiceAccount
metadata: {name: toll-billing, team: toll}
spec: {apiKeys: [{slot: default, rotateEvery: 90d}]}
---
apiVersion: weir/v1
kind: AccessControlList
metadata: {name: toll-billing, team: toll}
spec:
  serviceAccount: toll-billing
  allow: [{consume: toll.passages.v1, group: toll-billing}, {produce: toll.passages.v1}]
  rules: [{resource: topic, name: toll., pattern: prefixed, operations: [Describe]}]
";

pub(crate) fn now() -> jiff::Timestamp {
    "2026-11-20T10:00:00Z".parse().unwrap()
}

pub(crate) fn load(policies: &str) -> Loaded {
    load_with(policies, TOPIC)
}

pub(crate) fn load_with(policies: &str, entities: &str) -> Loaded {
    let loaded = weir_model::load([("weir.yaml", WORKSPACE), ("policies.yaml", policies), ("toll.yaml", entities)]);
    assert!(loaded.findings.is_empty(), "{:?}", loaded.findings);
    loaded
}

/// Returns a policy about `kind` with these lines below `spec`.
pub(crate) fn policy(kind: &str, spec: &str) -> String {
    format!("apiVersion: weir/v1\nkind: Policy\nmetadata: {{name: tried}}\nspec:\n  match: {{kinds: [{kind}]}}\n{spec}")
}

/// Returns a policy about `kind` with this expression.
pub(crate) fn expression(kind: &str, text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap();
    policy(kind, &format!("  validations: [{{expression: {quoted}, message: broken}}]"))
}

pub(crate) fn found(loaded: &Loaded) -> Vec<Finding<Route>> {
    let workspace = loaded.workspace.as_ref().unwrap();
    let (policies, mut findings) = Policies::compile(workspace);
    findings.extend(check(&policies, workspace, None, now()));
    findings
}

/// Formats findings, a line each.
pub(crate) fn lines(findings: &[Finding<Route>]) -> String {
    let line = |f: &Finding<Route>| {
        let label = f.label.as_ref().map(|label| format!(" ({label})")).unwrap_or_default();
        let help = f.help.as_ref().map(|help| format!(" = {help}")).unwrap_or_default();
        format!("{}[{}] {} {}: {}{label}{help}\n", f.severity, f.rule, f.at.entity, f.at.path.join("."), f.message)
    };
    findings.iter().map(line).collect()
}
