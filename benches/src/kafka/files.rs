//! Writes a workspace of one stage on one broker, of a size that a single node can hold.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::{Context, Result};

use super::Scale;

/// Number of service accounts, over which the ACLs are spread.
const ACCOUNTS: usize = 100;
/// Number of documents in a file.
const DOCUMENTS: usize = 50;

/// Returns the name of a topic on the cluster.
pub(super) fn topic(index: usize) -> String {
    format!("bench.orders.events-{index:05}.v1")
}

/// Returns a topic's own settings.
pub(super) fn settings(index: usize) -> [(&'static str, String); 3] {
    let days = 1 + index % 30;
    [
        ("cleanup.policy", "delete".to_owned()),
        ("max.message.bytes", (1_000_000 + index % 7 * 1_000).to_string()),
        ("retention.ms", (days * 86_400_000).to_string()),
    ]
}

/// Returns the grants to write: account and topic.
pub(super) fn grants(scale: Scale) -> impl Iterator<Item = (String, String)> {
    (0..scale.acls).map(move |index| {
        let (account, number) = (index % ACCOUNTS, index / ACCOUNTS);
        (format!("bench-{}", logical_account(account)), topic((account * 37 + number) % scale.topics))
    })
}

fn logical_account(index: usize) -> String {
    format!("orders-service-{index:03}")
}

/// Writes the workspace into `dir`, which must be empty.
pub(super) fn write(dir: &Path, scale: Scale, bootstrap: &str, cluster_id: &str) -> Result<()> {
    let weir = format!(
        "apiVersion: weir/v1
kind: Workspace
metadata: {{name: bench}}
spec:
  clusters:
    broker:
      apacheKafka:
        bootstrap: \"{bootstrap}\"
        clusterId: {cluster_id}
        credentials: {{env: BENCH}}
        security: {{protocol: SASL_PLAINTEXT}}
  secrets: {{folder: {{path: .weir}}}}
  stages:
    - name: dev
      cluster: broker
      prefix: {{topic: bench., group: bench., transactionalId: bench., serviceAccount: bench-}}
      owns: {{topics: ['bench.*'], serviceAccounts: ['bench-*']}}
---
apiVersion: weir/v1
kind: Team
metadata: {{name: orders}}
"
    );
    fs::write(dir.join("weir.yaml"), weir).context("cannot write weir.yaml")?;
    let logical = |name: String| name.trim_start_matches("bench.").trim_start_matches("bench-").to_owned();
    let topics = (0..scale.topics).map(|index| {
        let mut text = format!(
            "apiVersion: weir/v1
kind: Topic
metadata:
  name: {}
  team: orders
  description: What happened to orders, part {index}
spec:
  partitions: 1
  replicationFactor: 1
  config:
",
            logical(topic(index))
        );
        for (name, value) in settings(index) {
            let _ = writeln!(text, "    {name}: {value}");
        }
        text
    });
    let mut access = vec![String::new(); ACCOUNTS];
    for (index, (_, topic)) in grants(scale).enumerate() {
        let _ = writeln!(access[index % ACCOUNTS], "    - {{produce: {}}}", logical(topic));
    }
    let accounts = access.into_iter().enumerate().map(|(index, allow)| {
        let name = logical_account(index);
        format!(
            "apiVersion: weir/v1
kind: ServiceAccount
metadata: {{name: {name}, team: orders, description: Service {index}}}
---
apiVersion: weir/v1
kind: AccessControlList
metadata: {{name: {name}, team: orders}}
spec:
  serviceAccount: {name}
  allow:
{allow}"
        )
    });
    for (kind, documents) in [("topics", topics.collect::<Vec<_>>()), ("access", accounts.collect())] {
        for (index, documents) in documents.chunks(DOCUMENTS).enumerate() {
            let path = dir.join(format!("{kind}-{index:03}.yaml"));
            fs::write(&path, documents.join("---\n")).with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    Ok(())
}
