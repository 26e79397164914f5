//! The adapter on a real broker.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod bearer;
mod conforms;
mod dropped;
mod killed;
mod login;
mod reads;
mod restart;
mod table;
mod tls;

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use weir_kafka::{Kafka, Login, Options, SaslMechanism, SecurityProtocol};
use weir_testkit::Broker;

/// A time limit of requests that no test waits for.
const LIMIT: Duration = Duration::from_secs(600);

/// One broker for all tests, which use separate names. The broker stops when the process ends.
#[track_caller]
fn broker() -> Option<&'static Broker> {
    static BROKER: OnceLock<Option<Broker>> = OnceLock::new();
    BROKER.get_or_init(|| Broker::start(&["--tls"])).as_ref()
}

/// Returns a user's options for the broker.
fn options(broker: &Broker, username: &str, password: &str) -> Options {
    Options {
        protocol: SecurityProtocol::SaslPlaintext,
        login: Some(Login {
            mechanism: SaslMechanism::ScramSha512,
            username: username.to_owned(),
            password: password.into(),
            tokens: None,
        }),
        ..Options::new(broker.bootstrap())
    }
}

/// Returns the super user's client.
fn admin(broker: &Broker) -> Kafka {
    let (user, password) = broker.admin();
    Kafka::new(options(broker, user, password)).unwrap()
}

/// Returns a name that no other test has.
fn unique(prefix: &str) -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("{prefix}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Tries again until `check` holds, since reads lag behind writes.
async fn eventually(what: &str, mut check: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !check().await {
        assert!(Instant::now() < deadline, "still not so after a minute: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits for a call that ends by itself, long before the time limit of its requests.
async fn unhindered<T>(call: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT / 2, call).await.expect("the call waits for its time limit")
}

/// The mark of the tests' objects.
pub(crate) fn maker() -> weir_planning::Maker {
    weir_planning::Maker { workspace: "acme".to_owned(), stage: "dev".to_owned() }
}
