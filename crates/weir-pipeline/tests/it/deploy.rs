//! From a plan to a receipt.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use weir_deployment::{MemoryJournal, Options, StepOutcome};
use weir_pipeline::{Live, read};
use weir_ports::{Clock as _, SystemClock};
use weir_sandbox::Sandbox;

use crate::workspace;

const FILES: &[u8] = b"\
apiVersion: weir/v1
kind: Workspace
metadata: {name: shop}
spec:
  clusters: {local: {sandbox: {path: .weir/local, clusterId: sandbox-1}}}
  stages: [{name: dev, cluster: local}]
---
apiVersion: weir/v1
kind: Team
metadata: {name: orders}
---
apiVersion: weir/v1
kind: Topic
metadata: {name: orders.placed.v1, team: orders}
spec: {partitions: 6}
";

/// The read-back ends at the deadline of the opened cluster, as the calls of its adapters do.
#[tokio::test(start_paused = true)]
async fn a_change_is_awaited_for_as_long_as_a_call_is_repeated() {
    let folder = workspace(&[("weir.yaml", FILES)]);
    let checked = read(folder.path()).unwrap().check(Some("dev"), SystemClock.now()).unwrap();
    let workspace = checked.accept().unwrap();
    let plan = workspace.plan("dev").await.unwrap().accept().unwrap();
    let admitted = workspace.admit(&plan, Options::default()).unwrap();

    // The cluster takes the change, and never shows it.
    let faults = "lag=100000".parse().unwrap();
    let options = weir_sandbox::Options { cluster_id: Some("sandbox-1".to_owned()), faults, ..Default::default() };
    let sandbox = Arc::new(Sandbox::open(folder.path().join(".weir/local"), options).unwrap());
    let patience = Duration::from_secs(7);
    let live = Live { cluster: sandbox.clone(), vaults: sandbox, patience };
    let began = Instant::now();
    let receipt = admitted.deploy(&live, &mut MemoryJournal::default(), &SystemClock, &()).await.unwrap();
    assert_eq!((receipt.steps[0].outcome, began.elapsed()), (StepOutcome::Unconfirmed, patience));
}
