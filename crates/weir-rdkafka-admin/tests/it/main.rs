//! Tests of every call against a real broker.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod acl;
mod client;
mod cluster;
mod config;
mod group;
mod offset;
mod scram;
mod topic;

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use weir_rdkafka_admin::rdkafka::ClientConfig;
use weir_rdkafka_admin::{Admin, ItemError, NewTopic, Options, ScramAlteration, ScramMechanism};
use weir_testkit::Broker;

/// Returns the broker for all tests, which use different names. The broker ends with the process.
#[track_caller]
fn broker() -> Option<&'static Broker> {
    static BROKER: OnceLock<Option<Broker>> = OnceLock::new();
    BROKER.get_or_init(|| Broker::start(&[])).as_ref()
}

/// Returns the broker and a client of its super user, or ends the test.
macro_rules! admin {
    () => {{
        let Some(broker) = crate::broker() else { return };
        (broker, crate::client(broker.admin_client()))
    }};
}
pub(crate) use admin;

fn config(settings: BTreeMap<String, String>) -> ClientConfig {
    settings.into_iter().collect()
}

fn client(settings: BTreeMap<String, String>) -> Admin {
    Admin::new(&config(settings)).unwrap()
}

/// Returns a name that no other test has.
fn unique(prefix: &str) -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("{prefix}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn options() -> Options {
    Options::new().request_timeout(Duration::from_secs(60))
}

/// Returns a client of a new user without rights.
async fn nobody(broker: &Broker, admin: &Admin) -> (String, Admin) {
    let user = unique("nobody");
    let upsert = ScramAlteration::Upsert {
        user: &user,
        mechanism: ScramMechanism::Sha512,
        iterations: 4096,
        password: b"secret",
        salt: None,
    };
    assert_eq!(admin.alter_scram_credentials(&[upsert], &options()).await.unwrap(), [Ok(())]);
    let client = client(broker.client(&user, "secret"));
    // The broker knows a new user only after a moment.
    eventually("the new user can log in", async || client.describe_cluster(&options()).await.is_ok()).await;
    (user, client)
}

fn topic(name: &str) -> NewTopic {
    NewTopic { name: name.into(), partitions: Some(1), replication_factor: Some(1), config: Vec::new() }
}

async fn create_topic(admin: &Admin, prefix: &str) -> String {
    create_topic_with(admin, prefix, Vec::new()).await
}

async fn create_topic_with(admin: &Admin, prefix: &str, config: Vec<(String, String)>) -> String {
    let name = unique(prefix);
    assert_eq!(admin.create_topics(&[NewTopic { config, ..topic(&name) }], &options()).await.unwrap(), [Ok(())]);
    eventually("the new topic is seen", async || admin.describe_topics(&[&name], &options()).await.unwrap()[0].is_ok())
        .await;
    name
}

/// Repeats `check` until it holds, because reads lag behind writes.
async fn eventually(what: &str, mut check: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !check().await {
        assert!(Instant::now() < deadline, "still not so after a minute: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn code<T>(result: &Result<T, ItemError>) -> Option<weir_rdkafka_admin::rdkafka::types::RDKafkaErrorCode> {
    result.as_ref().err().map(|error| error.code)
}
