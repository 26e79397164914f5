//! Logins with a token: OAUTHBEARER, on a broker that accepts tokens without a signature.

use std::{fs, path::Path, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use weir_kafka::{Kafka, Login, Options, SaslMechanism, SecurityProtocol};
use weir_planning::Change;
use weir_ports::{Cluster as _, ErrorKind, Query};
use weir_testkit::Broker;

/// Writes a token that expires after a number of seconds.
fn write(file: &Path, subject: &str, seconds: i64) {
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let expires = Timestamp::now().as_second() + seconds;
    let payload = format!(r#"{{"sub": "{subject}", "iat": {}, "exp": {expires}}}"#, expires - seconds);
    fs::write(file, format!("{}.{}.\n", encode(r#"{"alg": "none"}"#), encode(&payload))).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_a_login() {
    let Some(broker) = Broker::start(&[
        "--set",
        "sasl.enabled.mechanisms=SCRAM-SHA-512,SCRAM-SHA-256,PLAIN,OAUTHBEARER",
        "--set",
        "listener.name.sasl.oauthbearer.sasl.jaas.config=\
         org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;",
    ]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let client = || {
        let login = Login {
            mechanism: SaslMechanism::OauthBearer,
            username: String::new(),
            password: "".into(),
            tokens: Some(file.clone()),
        };
        let (protocol, timeout) = (SecurityProtocol::SaslPlaintext, Duration::from_secs(20));
        Kafka::new(Options { protocol, timeout, login: Some(login), ..Options::new(broker.bootstrap()) }).unwrap()
    };
    let query = Query::default();

    let absent = client().observe(&query).await.unwrap_err();
    assert_eq!(absent.kind, ErrorKind::Denied, "{absent}");
    assert!(absent.message.contains("cannot read the token in"), "{absent}");
    write(&file, "admin", -1);
    let expired = client().observe(&query).await.unwrap_err();
    assert_eq!(expired.kind, ErrorKind::Denied, "{expired}");
    assert!(expired.message.contains("has expired"), "{expired}");

    // The token is the super user's, who has all rights with any login.
    write(&file, "admin", 6);
    let kafka = client();
    let seen = kafka.observe(&query).await.unwrap();
    assert_eq!(seen.cluster.deployer.as_deref(), Some("User:admin"));
    assert!(seen.cluster.deployer_is_super_user);
    let create = Change::CreateTopic {
        topic: "made-by-bearer".to_owned(),
        partitions: Some(1),
        replication_factor: Some(1),
        config: Default::default(),
    };
    kafka.apply(&[&create]).await.remove(0).unwrap();
    // Before the token expires, the client reads its successor from the file.
    write(&file, "somebody", 3_600);
    crate::eventually("the next token", async || {
        let answer = kafka.observe(&query).await;
        answer.is_err() || answer.is_ok_and(|seen| seen.cluster.deployer.as_deref() == Some("User:somebody"))
    })
    .await;

    let nobody = client().observe(&query).await.unwrap_err();
    assert_eq!(nobody.kind, ErrorKind::Denied, "{nobody}");
    assert!(nobody.message.contains("needs Describe"), "let in, and not allowed: {nobody}");
    fs::write(&file, "no-token-at-all").unwrap();
    let nobody = client().observe(&query).await.unwrap_err();
    assert!(!nobody.message.contains("no-token-at-all"), "{nobody}");
}
