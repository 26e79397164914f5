//! Large sandboxes in reasonable time, whatever the build.

use weir_planning::Change;
use weir_ports::Cluster;

use crate::scene::{observe, open, topic};

/// Work that grows with the square of the topics would take minutes.
#[tokio::test]
async fn a_hundred_thousand_topics() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = open(folder.path());
    let changes: Vec<Change> = (0..100_000).map(|n| topic(&format!("t.{n:06}"))).collect();
    for batch in changes.chunks(50_000) {
        let batch: Vec<&Change> = batch.iter().collect();
        assert!(sandbox.apply(&batch).await.iter().all(Result::is_ok));
    }
    assert_eq!(observe(&sandbox).await.topics.len(), 100_000);
    assert_eq!(observe(&open(folder.path())).await.topics.len(), 100_000);
}
