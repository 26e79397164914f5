//! Encrypted connections, and the ways to log in over them.

use std::path::PathBuf;

use weir_kafka::{Kafka, Login, Options, SaslMechanism, SecurityProtocol};
use weir_model::{Operation, PatternType, Permission, Resource};
use weir_planning::{Acl, Change, Host, NamePattern, Principal};
use weir_ports::{Cluster as _, Query};
use weir_testkit::Broker;

/// The super user over TLS.
fn options(broker: &Broker, mechanism: SaslMechanism) -> Options {
    let (username, password) = broker.admin();
    let (username, password) = (username.to_owned(), password.into());
    Options {
        protocol: SecurityProtocol::SaslSsl,
        login: Some(Login { mechanism, username, password, tokens: None }),
        ca: Some(broker.ca().to_owned()),
        ..Options::new(broker.bootstrap_sasl_ssl())
    }
}

#[tokio::test]
async fn every_way_to_log_in_works_over_tls() {
    let Some(broker) = crate::broker() else { return };
    for mechanism in [SaslMechanism::ScramSha512, SaslMechanism::ScramSha256, SaslMechanism::Plain] {
        let kafka = Kafka::new(options(broker, mechanism)).unwrap();
        let topic = crate::unique("tls");
        let create = Change::CreateTopic {
            topic: topic.clone(),
            partitions: Some(1),
            replication_factor: Some(1),
            config: Default::default(),
        };
        assert!(kafka.apply(&[&create]).await.remove(0).is_ok(), "{mechanism}");
        let mut query = Query::default();
        query.topics.names.insert(topic);
        crate::eventually("the topic", async || kafka.observe(&query).await.unwrap().topics.len() == 1).await;
        assert!(kafka.observe(&query).await.unwrap().cluster.deployer_is_super_user, "{mechanism}");

        let mut wrong = options(broker, mechanism);
        wrong.login.as_mut().unwrap().password = "wrong".into();
        let error = Kafka::new(wrong).unwrap().observe(&query).await.unwrap_err();
        assert!(error.message.contains("does not let `admin` in") && !error.message.contains("wrong"), "{error}");
    }
}

#[tokio::test]
async fn tls_needs_no_login() {
    let Some(broker) = crate::broker() else { return };
    let ca = Some(broker.ca().to_owned());
    let kafka = Kafka::new(Options { ca, ..Options::new(broker.bootstrap_ssl()) }).unwrap();
    let error = kafka.observe(&Query::default()).await.unwrap_err();
    assert!(error.message.contains("needs Describe"), "let in, but not allowed: {error}");

    let grant = |operation| Change::CreateAcl {
        principal: Principal::ANONYMOUS.into(),
        acl: Acl {
            resource: Resource::Cluster,
            pattern: PatternType::Literal,
            name: Acl::CLUSTER_NAME.into(),
            operation,
            permission: Permission::Allow,
            host: Host::Any,
        },
    };
    let admin = crate::admin(broker);
    for answer in admin.apply(&[&grant(Operation::Describe), &grant(Operation::DescribeConfigs)]).await {
        answer.unwrap();
    }
    crate::eventually("what is allowed", async || kafka.observe(&Query::default()).await.is_ok()).await;
    assert_eq!(kafka.observe(&Query::default()).await.unwrap().cluster.deployer, Some(Principal::ANONYMOUS.into()));
    // An unauthenticated client has only the rights of all clients.
    let mut owned = Query::default();
    owned.topics.patterns.push(NamePattern::try_from("tls-hidden.*".to_owned()).unwrap());
    let error = kafka.observe(&owned).await.unwrap_err();
    assert!(error.message.contains("may be hidden"), "{error}");
}

#[tokio::test]
async fn an_untrusted_certificate_is_refused() {
    let Some(broker) = crate::broker() else { return };
    let good = || options(broker, SaslMechanism::ScramSha512);
    let said = async |options: Options| {
        let kafka = Kafka::new(Options { timeout: crate::LIMIT, ..options }).unwrap();
        let error = crate::unhindered(kafka.observe(&Query::default())).await.unwrap_err();
        let mut said = format!("{:?}: {error}", error.kind);
        for (address, name) in [
            (broker.bootstrap_sasl_ssl(), "BROKER"),
            (broker.bootstrap(), "PLAIN"),
            (&broker.ca().display().to_string(), "ca.pem"),
            (broker.bootstrap_sasl_ssl().trim_start_matches("127.0.0.1"), ":PORT"),
        ] {
            said = said.replace(address, name);
        }
        said
    };
    let elsewhere = broker.bootstrap_sasl_ssl().replace("127.0.0.1", "localhost");
    let no_certificate = broker.dir().join("server.properties");
    let told = [
        said(Options { ca: None, ..good() }).await,
        said(Options { bootstrap: elsewhere, ..good() }).await,
        said(Options { bootstrap: broker.bootstrap().to_owned(), ..good() }).await,
        said(Options { protocol: SecurityProtocol::SaslPlaintext, ca: None, ..good() }).await,
    ];
    insta::assert_snapshot!(told.join("\n"), @"
    Unavailable: BROKER shows a certificate that this system does not trust, or one for another host; name the file of its authority: `security: {ca: FILE}`
    Unavailable: localhost:PORT shows a certificate that ca.pem does not vouch for, or one for another host
    Unavailable: cannot reach PLAIN: SSL handshake failed: Disconnected: SSL connection closed by peer: connecting to a PLAINTEXT broker listener?
    Unavailable: BROKER hangs up or says nothing; does its listener take SASL_PLAINTEXT? See `security`
    ");
    let no_pem = [no_certificate, PathBuf::from("/nowhere/ca.pem")].map(|ca| {
        let error = Kafka::new(Options { ca: Some(ca), ..good() }).unwrap_err();
        format!("{:?}: {error}", error.kind)
    });
    insta::assert_snapshot!(no_pem.join("\n").replace(&broker.dir().display().to_string(), "DIR"), @"
    Refused: the CA file DIR/server.properties holds no certificate that can be read; it must be PEM
    Refused: the CA file /nowhere/ca.pem holds no certificate that can be read; it must be PEM
    ");
}
