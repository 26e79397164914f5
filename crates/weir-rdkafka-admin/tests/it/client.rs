use std::error::Error as _;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use weir_rdkafka_admin::rdkafka::ClientConfig;
use weir_rdkafka_admin::rdkafka::client::{ClientContext, OAuthToken};
use weir_rdkafka_admin::rdkafka::error::KafkaError;
use weir_rdkafka_admin::rdkafka::types::RDKafkaErrorCode;
use weir_rdkafka_admin::{AclFilter, Admin, ConfigQuery, ConfigResource, Error, Options};
use weir_testkit::Broker;

use crate::{admin, broker, client, config, create_topic, eventually, options, topic};

fn assert_thread_safe<T: Send + Sync>(_: &T) {}

/// Opens a port that accepts connections and never answers.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

/// A call with a time limit of its own, which ends before librdkafka's: 60 s.
async fn long_before_the_default<T>(call: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(50), call).await.expect("the call keeps its own time limit")
}

fn to(address: &str) -> Admin {
    Admin::new(ClientConfig::new().set("bootstrap.servers", address)).unwrap()
}

#[test]
fn a_client_is_made_and_dropped_without_a_broker() {
    for _ in 0..20 {
        let admin = to("127.0.0.1:1");
        assert_thread_safe(&admin);
    }
}

#[test]
fn a_wrong_setting_is_reported() {
    let error = Admin::new(ClientConfig::new().set("no.such.setting", "1")).unwrap_err();
    assert_eq!(error.to_string(), "cannot create a client");
    assert!(error.source().unwrap().to_string().contains("no.such.setting"), "{error:?}");
    let error = Admin::new(ClientConfig::new().set("ssl.ca.location", "/no/such/file").set("security.protocol", "ssl"));
    let reason = error.unwrap_err().source().unwrap().to_string();
    assert!(reason.contains("ssl.ca.location"), "{reason}");
}

#[tokio::test]
async fn an_absent_broker_is_named_as_the_cause_of_a_timeout() {
    let address = silent().1; // closed again
    let admin = to(&address);
    let short = Options::new().request_timeout(Duration::from_secs(1));
    let error = long_before_the_default(admin.describe_cluster(&short)).await.unwrap_err();
    assert_eq!(error.code(), Some(RDKafkaErrorCode::OperationTimedOut));
    let cause = error.source().unwrap().to_string();
    assert!(cause.contains(&address) && cause.contains("refused"), "{cause}");
    assert_eq!(admin.connection_error().unwrap().code, RDKafkaErrorCode::BrokerTransportFailure);
}

#[tokio::test]
async fn a_silent_broker_causes_a_timeout() {
    let (_listener, address) = silent();
    let (admin, short) = (to(&address), Options::new().request_timeout(Duration::from_millis(300)));
    let error = long_before_the_default(admin.describe_acls(&AclFilter::any(), &short)).await.unwrap_err();
    assert_eq!(error.code(), Some(RDKafkaErrorCode::OperationTimedOut));
}

#[tokio::test]
async fn a_wrong_password_is_named_as_the_cause_of_a_timeout() {
    let Some(broker) = broker() else { return };
    let admin = client(broker.client("admin", "wrong"));
    let short = Options::new().request_timeout(Duration::from_secs(2));
    // On a busy machine the first call may end before the broker has refused the login.
    eventually("the refused login is the cause", async || {
        let error = admin.describe_cluster(&short).await.unwrap_err();
        assert_eq!(error.code(), Some(RDKafkaErrorCode::OperationTimedOut));
        assert!(!format!("{error:?}").contains("wrong"));
        matches!(error, Error::Request { cause: Some(cause), .. } if cause.code == RDKafkaErrorCode::Authentication)
    })
    .await;
}

#[tokio::test]
async fn invalid_options_are_reported() {
    let admin = to("127.0.0.1:1");
    let error = admin.describe_cluster(&Options::new().validate_only(true)).await.unwrap_err();
    assert!(matches!(&error, Error::Options(reason) if reason.starts_with("validate_only: ")), "{error:?}");
    for timeout in [Duration::from_secs(60 * 60 * 24), Duration::MAX] {
        let error = admin.describe_cluster(&Options::new().request_timeout(timeout)).await.unwrap_err();
        assert!(matches!(error, Error::Options(_)), "{error:?}");
    }
}

#[tokio::test]
async fn empty_requests_need_no_broker() {
    let admin = to("127.0.0.1:1");
    assert_eq!(admin.create_acls(&[], &options()).await, Ok(vec![]));
    assert_eq!(admin.delete_acls(&[], &options()).await, Ok(vec![]));
    assert_eq!(admin.describe_configs(&[], ConfigQuery::default(), &options()).await, Ok(vec![]));
    assert_eq!(admin.incremental_alter_configs(&[], &options()).await, Ok(vec![]));
    assert_eq!(admin.alter_scram_credentials(&[], &options()).await, Ok(vec![]));
    assert_eq!(admin.create_topics(&[], &options()).await, Ok(vec![]));
    assert_eq!(admin.delete_topics(&[], &options()).await, Ok(vec![]));
    assert_eq!(admin.create_partitions(&[], &options()).await, Ok(vec![]));
    assert_eq!(admin.describe_topics(&[], &options()).await, Ok(vec![]));
    assert_eq!(admin.describe_groups(&[], &options()).await, Ok(vec![]));
}

#[tokio::test]
async fn a_client_with_requests_in_flight_is_dropped_at_once() {
    let (_listener, address) = silent();
    let (admin, options) = (to(&address), Options::new().request_timeout(Duration::from_secs(600)));
    for _ in 0..10 {
        tokio::time::timeout(Duration::from_millis(5), admin.describe_cluster(&options)).await.unwrap_err();
        tokio::time::timeout(Duration::ZERO, admin.describe_scram_credentials(None, &options)).await.unwrap_err();
    }
    let dropped = tokio::time::timeout(Duration::from_secs(300), tokio::task::spawn_blocking(|| drop(admin)));
    dropped.await.expect("it does not wait for the requests").unwrap();
}

struct Panicking;

impl ClientContext for Panicking {
    fn error(&self, _: KafkaError, _: &str) {
        panic!("a context that panics");
    }
}

#[tokio::test]
async fn a_panicking_context_ends_the_client_and_nothing_hangs() {
    let mut settings = ClientConfig::new();
    settings.set("bootstrap.servers", silent().1);
    let admin = Admin::with_context(&settings, Panicking).unwrap();
    assert_eq!(admin.describe_cluster(&options()).await, Err(Error::Closed));
    assert_eq!(admin.describe_cluster(&options()).await, Err(Error::Closed));
}

#[tokio::test]
async fn an_abandoned_answer_does_no_harm() {
    let (_, admin) = admin!();
    for _ in 0..50 {
        let (filter, options) = (AclFilter::any(), options());
        let _ = tokio::time::timeout(Duration::ZERO, admin.describe_acls(&filter, &options)).await;
    }
    admin.describe_cluster(&options()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_calls_each_get_their_own_answer() {
    let (_, admin) = admin!();
    let name = create_topic(&admin, "client").await;
    let admin = Arc::new(admin);
    let calls = (0..100).map(|i| {
        let (admin, name) = (Arc::clone(&admin), name.clone());
        tokio::spawn(async move {
            match i % 4 {
                0 => assert_eq!(admin.describe_cluster(&options()).await.unwrap().nodes.len(), 1),
                1 => {
                    let missing = format!("missing-{i}");
                    let asked = [ConfigResource::Topic(name), ConfigResource::Topic(missing)];
                    let answers = admin.describe_configs(&asked, ConfigQuery::default(), &options()).await.unwrap();
                    assert!(answers[0].is_ok() && answers[1].is_err());
                }
                2 => {
                    let user = format!("missing-{i}");
                    let users = admin.describe_scram_credentials(Some(&[&user]), &options()).await.unwrap();
                    assert_eq!(users.keys().collect::<Vec<_>>(), [&user]);
                }
                _ => assert_eq!(
                    admin.describe_topics(&[&name], &options()).await.unwrap()[0].as_ref().unwrap().name,
                    name
                ),
            }
        })
    });
    for call in join_all(calls).await {
        call.unwrap();
    }
}

#[tokio::test]
async fn a_client_survives_a_restart_of_its_broker() {
    let Some(mut broker) = Broker::start(&[]) else { return };
    let mut settings = config(broker.admin_client());
    settings.set("reconnect.backoff.max.ms", "500");
    let admin = Admin::new(&settings).unwrap();
    admin.describe_cluster(&options()).await.unwrap();
    broker.kill();
    let short = Options::new().request_timeout(Duration::from_secs(2));
    let error = admin.create_topics(&[topic("t")], &short).await.unwrap_err();
    assert!(matches!(error, Error::Request { .. }), "{error:?}");
    broker.restart();
    assert!(admin.describe_cluster(&options()).await.is_ok());
    assert_eq!(admin.connection_error(), None);
}

#[derive(Default)]
struct Recorder {
    errors: Mutex<Vec<String>>,
    logs: Mutex<usize>,
    statistics: Mutex<usize>,
}

struct Recording(Arc<Recorder>);

impl ClientContext for Recording {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, _: weir_rdkafka_admin::rdkafka::config::RDKafkaLogLevel, _: &str, _: &str) {
        *self.0.logs.lock().unwrap() += 1;
    }

    fn stats_raw(&self, _: &[u8]) {
        *self.0.statistics.lock().unwrap() += 1;
    }

    fn error(&self, _: KafkaError, reason: &str) {
        self.0.errors.lock().unwrap().push(reason.to_owned());
    }

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        Err("no token\0 today".into())
    }
}

#[tokio::test]
async fn a_context_receives_errors_logs_statistics_and_token_requests() {
    let recorder = Arc::new(Recorder::default());
    let mut settings = ClientConfig::new();
    settings.set("bootstrap.servers", "127.0.0.1:1").set("debug", "broker").set("statistics.interval.ms", "50");
    settings.set("security.protocol", "SASL_PLAINTEXT").set("sasl.mechanism", "OAUTHBEARER");
    settings.set_log_level(weir_rdkafka_admin::rdkafka::config::RDKafkaLogLevel::Debug);
    let admin = Admin::with_context(&settings, Recording(Arc::clone(&recorder))).unwrap();
    let short = Options::new().request_timeout(Duration::from_millis(700));
    admin.describe_cluster(&short).await.unwrap_err();
    assert!(Recording(Arc::clone(&recorder)).generate_oauth_token(None).is_err());
    let errors = recorder.errors.lock().unwrap().clone();
    assert!(errors.iter().any(|e| e.contains("no token")), "{errors:?}");
    assert!(*recorder.logs.lock().unwrap() > 0);
    assert!(*recorder.statistics.lock().unwrap() > 0);
}
