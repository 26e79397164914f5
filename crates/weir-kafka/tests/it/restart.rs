//! A broker that stops and comes back.

use std::time::Duration;

use weir_kafka::{Kafka, Options};
use weir_planning::Change;
use weir_ports::{Cluster as _, ErrorKind, Query};
use weir_testkit::Broker;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unanswered_request_may_be_repeated() {
    let Some(mut broker) = Broker::start(&[]) else { return };
    let (user, password) = broker.admin();
    let options = Options { timeout: Duration::from_secs(3), ..crate::options(&broker, user, password) };
    let kafka = Kafka::new(options).unwrap();
    let create = |name: &str| Change::CreateTopic {
        topic: name.to_owned(),
        partitions: Some(1),
        replication_factor: Some(1),
        config: Default::default(),
    };
    kafka.apply(&[&create("before")]).await.remove(0).unwrap();

    broker.kill();
    let error = kafka.observe(&Query::default()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Retry, "{error}");
    let error = kafka.apply(&[&create("meanwhile")]).await.remove(0).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Retry | ErrorKind::Ambiguous), "{error}");

    broker.restart();
    let mut query = Query::default();
    query.topics.names.extend(["before".to_owned(), "after".to_owned()]);
    crate::eventually("the broker", async || kafka.observe(&query).await.is_ok_and(|o| o.topics.len() == 1)).await;
    kafka.apply(&[&create("after")]).await.remove(0).unwrap();
    crate::eventually("both topics", async || kafka.observe(&query).await.is_ok_and(|o| o.topics.len() == 2)).await;
}
