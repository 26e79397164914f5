//! From a stage to live adapters.

use tempfile::TempDir;
use weir_adapters::{OpenError, observe, open};
use weir_model::Workspace;
use weir_planning::desired;

const WORKSPACE: &str = "\
apiVersion: weir/v1
kind: Workspace
metadata: {name: shop}
spec:
  clusters:
    local: {sandbox: {path: .weir/local, clusterId: sandbox-1}}
    cloud: {confluentCloud: {environment: env-1, cluster: lkc-1}}
    brokers: {apacheKafka: {bootstrap: \"b1:9092\", clusterId: x}}
  stages:
    - {name: dev, cluster: local}
    - {name: test, cluster: cloud}
    - {name: prod, cluster: brokers}
    - {name: lost, cluster: nowhere}
";

fn workspace() -> (TempDir, Workspace) {
    let workspace = weir_model::load([("weir.yaml", WORKSPACE)]).workspace.expect("well formed");
    (tempfile::tempdir().expect("a folder"), workspace)
}

#[tokio::test]
async fn clusters_that_cannot_be_reached_say_so() {
    let (dir, workspace) = workspace();
    let said = async |stage: &str| match open(dir.path(), &workspace, stage).await {
        Ok(_) => String::new(),
        Err(err) => err.to_string(),
    };
    let no_vaults = |cluster: &str| {
        format!(
            "cluster `{cluster}` keeps no vaults of its own, and weir.yaml does not say where API keys are stored; write \
             `secrets: {{keyVault: {{login: …}}}}` or `secrets: {{folder: {{path: …}}}}` below `spec`"
        )
    };
    let unsupported = |cluster: &str, provider: &str, feature: &str| {
        format!(
            "cluster `{cluster}` runs on {provider}, which this build of weir cannot reach; build it with `--features \
             {feature}`"
        )
    };
    assert_eq!(
        said("test").await,
        match cfg!(feature = "confluent") {
            true => no_vaults("cloud"),
            false => unsupported("cloud", "Confluent Cloud", "confluent"),
        }
    );
    assert_eq!(
        said("prod").await,
        match cfg!(feature = "kafka") {
            true => no_vaults("brokers"),
            false => unsupported("brokers", "Apache Kafka", "kafka"),
        }
    );
    insta::assert_snapshot!(said("lost").await, @"stage `lost` is on cluster `nowhere`, which weir.yaml does not declare");
    insta::assert_snapshot!(said("qa").await, @"there is no stage `qa`; the stages are dev, test, prod, lost");
    assert!(matches!(
        open(dir.path(), &workspace, "test").await,
        Err(OpenError::Unsupported { .. } | OpenError::NoVaults { .. })
    ));
}

#[tokio::test]
async fn a_sandbox_lies_in_the_workspace() {
    let (dir, workspace) = workspace();
    let live = open(dir.path(), &workspace, "dev").await.expect("a sandbox");
    let wanted = desired(&workspace.stage("dev").expect("a stage"));
    let observed = observe(&live, &wanted).await.expect("observed");
    assert_eq!(observed.cluster.id, "sandbox-1");
    assert!(dir.path().join(".weir/local").is_dir());
}

/// A server may open clusters on any of its threads.
#[test]
fn opening_can_move_between_threads() {
    fn is_send<T: Send>(_: &T) {}
    let (dir, workspace) = workspace();
    is_send(&open(dir.path(), &workspace, "dev"));
}
