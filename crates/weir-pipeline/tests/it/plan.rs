//! Plans from an observed state.

use weir_pipeline::{Held, PlanError, read};
use weir_planning::{ClusterFacts, Observed};

use crate::workspace;

const SHOP: &str = "\
apiVersion: weir/v1
kind: Workspace
metadata: {name: shop}
spec:
  clusters: {local: {sandbox: {path: .weir/local, clusterId: sandbox-1}}}
  stages:
    - {name: dev, cluster: local, prefix: {topic: dev., serviceAccount: dev-}}
    - {name: prod, cluster: local, prefix: {topic: prod., serviceAccount: prod-}}
";

#[test]
fn the_observed_state_of_another_stage_is_refused() {
    let dir = workspace(&[("weir.yaml", SHOP.as_bytes())]);
    let now = "2026-11-20T10:00:00Z".parse().expect("a time");
    let checked = read(dir.path()).expect("a workspace").check(None, now).expect("checked");
    let accepted = checked.accept().expect("no errors");
    let desired = accepted.desired("dev").expect("a stage");
    let of = |stage: Option<&str>| {
        let cluster = ClusterFacts { id: "sandbox-1".to_owned(), ..ClusterFacts::default() };
        let observed = Observed { stage: stage.map(str::to_owned), cluster, ..Observed::default() };
        accepted.plan_from(&desired, &observed, &Held::default())
    };
    for fine in [Some("dev"), None] {
        assert!(of(fine).expect("a plan").accept().expect("no errors").is_empty());
    }
    let refused = of(Some("prod")).expect_err("another stage");
    assert!(matches!(refused, PlanError::OtherStage { .. }), "{refused}");
    assert_eq!(refused.to_string(), "the state was observed for stage `prod`, not for `dev`");
}
