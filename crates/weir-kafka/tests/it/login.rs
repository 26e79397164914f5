//! Refused logins, missing rights, and the life of credentials.

use weir_kafka::{Kafka, Options};
use weir_model::{Operation, PatternType, Permission, Resource};
use weir_planning::{Acl, Change, Host, KeyMarker, NamePattern, Principal};
use weir_ports::{Cluster as _, ErrorKind, ExposeSecret as _, PortError, Query};

use crate::conforms::upsert;

fn marker(intent: &str) -> KeyMarker {
    KeyMarker { maker: crate::maker(), slot: "default".to_owned(), intent: intent.to_owned() }
}

async fn refusal(kafka: &Kafka, query: &Query) -> PortError {
    kafka.observe(query).await.unwrap_err()
}

/// The refusal of a login, or of a connection.
async fn refused(options: Options, query: &Query) -> PortError {
    let kafka = Kafka::new(Options { timeout: crate::LIMIT, ..options }).unwrap();
    crate::unhindered(refusal(&kafka, query)).await
}

async fn create_account(kafka: &Kafka, name: &str) {
    let create = Change::CreateAccount { account: name.to_owned(), description: String::new(), maker: crate::maker() };
    assert!(kafka.apply(&[&create]).await.remove(0).is_ok());
    let mut query = Query::default();
    query.accounts.names.insert(name.to_owned());
    crate::eventually("the account", async || !kafka.observe(&query).await.unwrap().accounts.is_empty()).await;
}

#[tokio::test]
async fn wrong_situations_end_in_one_sentence() {
    let Some(broker) = crate::broker() else { return };
    let (user, password) = broker.admin();
    let said = |error: PortError| {
        let message = error.message.replace(broker.bootstrap(), "BROKER");
        format!("{:?}: {}", error.kind, message.split(" (Local").next().unwrap_or_default())
    };
    let query = Query::default();

    let other = Options { cluster_id: Some("other".to_owned()), ..crate::options(broker, user, password) };
    let other = refused(other, &query).await;
    let id = crate::admin(broker).observe(&query).await.unwrap().cluster.id;
    let wrong_password = refused(crate::options(broker, user, "wrong"), &query).await;
    let nobody = refused(crate::options(broker, "nobody-at-all", "x"), &query).await;
    insta::assert_snapshot!([other, wrong_password, nobody].map(said).join("\n").replace(&id, "CLUSTER"), @r"
    WrongCluster: BROKER is the cluster `CLUSTER`, not `other`
    Denied: BROKER does not let `admin` in: Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512
    Denied: BROKER does not let `nobody-at-all` in: Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512
    ");

    let absent = Options { bootstrap: "127.0.0.1:1".to_owned(), ..crate::options(broker, user, password) };
    let absent = refused(absent, &query).await;
    assert!(absent.message.contains("cannot reach 127.0.0.1:1") && absent.message.contains("refused"), "{absent}");
}

#[tokio::test]
async fn a_hidden_topic_is_not_absent() {
    let Some(broker) = crate::broker() else { return };
    let kafka = crate::admin(broker);
    let user = crate::unique("hidden-weir");
    upsert(broker, &user, "secret").await;
    let prefix = crate::unique("hidden");
    let grant = |resource, pattern, name: &str, operation| Change::CreateAcl {
        principal: Principal::of_account(&user),
        acl: Acl { resource, pattern, name: name.into(), operation, permission: Permission::Allow, host: Host::Any },
    };
    let create = |name: &str| Change::CreateTopic {
        topic: format!("{prefix}.{name}"),
        partitions: Some(1),
        replication_factor: Some(1),
        config: Default::default(),
    };
    let shown = format!("{prefix}.shown");
    let changes = [
        create("shown"),
        create("hidden"),
        grant(Resource::Cluster, PatternType::Literal, Acl::CLUSTER_NAME, Operation::Describe),
        grant(Resource::Cluster, PatternType::Literal, Acl::CLUSTER_NAME, Operation::DescribeConfigs),
        grant(Resource::Topic, PatternType::Literal, &shown, Operation::Describe),
        grant(Resource::Topic, PatternType::Literal, &shown, Operation::DescribeConfigs),
    ];
    for answer in kafka.apply(&changes.iter().collect::<Vec<_>>()).await {
        answer.unwrap();
    }
    let mut named = Query::default();
    named.topics.names.insert(shown.clone());
    let limited = Kafka::new(crate::options(broker, &user, "secret")).unwrap();
    crate::eventually("what may be seen", async || {
        limited.observe(&named).await.is_ok_and(|seen| seen.topics.len() == 1)
    })
    .await;
    let seen = limited.observe(&named).await.unwrap();
    assert_eq!(seen.cluster.deployer, Some(Principal::of_account(&user)));
    assert!(!seen.cluster.deployer_is_super_user && seen.topics.contains_key(&shown));
    assert!(kafka.observe(&named).await.unwrap().cluster.deployer_is_super_user);

    let hidden = format!("{prefix}.hidden");
    named.topics.names.insert(hidden.clone());
    let seen = limited.observe(&named).await.unwrap();
    assert!(seen.hidden_topics.contains_key(&hidden) && !seen.topics.contains_key(&hidden));
    assert!(seen.topics.contains_key(&shown) && !seen.hidden_topics.contains_key(&shown));
    // Not one topic can be seen: then the login is wrong.
    named.topics.names.remove(&shown);
    assert_eq!(refusal(&limited, &named).await.kind, ErrorKind::Denied);
    let mut owned = Query::default();
    owned.topics.patterns.push(NamePattern::try_from(format!("{prefix}.*")).unwrap());
    let error = refusal(&limited, &owned).await;
    assert_eq!(error.kind, ErrorKind::Denied);
    assert!(error.message.contains("may be hidden"), "{error}");

    let whole = grant(Resource::Topic, PatternType::Prefixed, &format!("{prefix}."), Operation::Describe);
    let configs = grant(Resource::Topic, PatternType::Prefixed, &format!("{prefix}."), Operation::DescribeConfigs);
    for answer in kafka.apply(&[&whole, &configs]).await {
        answer.unwrap();
    }
    crate::eventually("both topics", async || limited.observe(&owned).await.is_ok_and(|o| o.topics.len() == 2)).await;
    // The client may describe, but not change.
    let denied = limited.apply(&[&create("another")]).await.remove(0).unwrap_err();
    assert_eq!(denied.kind, ErrorKind::Denied, "{denied}");
}

#[tokio::test]
async fn a_new_key_replaces_the_old_one() {
    let Some(broker) = crate::broker() else { return };
    let kafka = crate::admin(broker);
    let name = crate::unique("rotated");
    create_account(&kafka, &name).await;
    let mut query = Query::default();
    query.accounts.names.insert(name.clone());
    let first = kafka.create_key(&name, &marker("0000000000000001")).await.unwrap();
    let second = kafka.create_key(&name, &marker("0000000000000002")).await.unwrap();
    assert_ne!(first.id, second.id);
    crate::eventually("the second key alone", async || {
        kafka.observe(&query).await.unwrap().keys.keys().eq([&second.id])
    })
    .await;
    let seen = kafka.observe(&query).await.unwrap();
    assert_eq!(seen.keys[&second.id].marker.as_deref(), Some("weir/acme/dev/default/0000000000000002"));
    assert!(seen.acls.is_empty(), "notes are no bindings: {:?}", seen.acls);
    for (key, expected) in [(&first, ErrorKind::Denied), (&second, ErrorKind::Denied)] {
        let client = Kafka::new(crate::options(broker, &name, key.secret.expose_secret())).unwrap();
        let error = refusal(&client, &Query::default()).await;
        assert_eq!(error.kind, expected);
        assert_eq!(error.message.contains("does not let"), key.id == first.id, "{error}");
    }
    // A stopped run would delete the old key again.
    kafka.delete_key(&name, &first.id).await.unwrap();
    assert!(kafka.observe(&query).await.unwrap().keys.contains_key(&second.id));
}

/// A team that could write weir's notes would get the password of any user: weir would take the user's password for one
/// that it made itself, and replace it.
#[tokio::test]
async fn notes_cannot_be_forged_by_a_plan() {
    let Some(broker) = crate::broker() else { return };
    let kafka = crate::admin(broker);
    let name = crate::unique("forged");
    upsert(broker, &name, "by hand").await;
    let note = |text: &str| Acl {
        resource: Resource::TransactionalId,
        pattern: PatternType::Literal,
        name: text.into(),
        operation: Operation::Describe,
        permission: Permission::Deny,
        host: Host::Any,
    };
    let principal = Principal::of_account(&name);
    for text in ["weir.key:4096:1796003962270:weir%2Facme%2Fdev%2Fdefault%2F00", "weir.account:9:acme%2Fdev:x"] {
        let change = Change::CreateAcl { principal: principal.clone(), acl: note(text) };
        let error = kafka.apply(&[&change]).await.remove(0).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Refused);
        assert!(error.message.contains("weir keeps its own records"), "{error}");
    }
    // Somebody with Alter on the cluster wrote the note about Kafka's default number of iterations.
    let forged = "weir.key:4096:1796003962270:weir%2Facme%2Fdev%2Fdefault%2F00";
    let arguments = ["--add", "--deny-principal", &principal, "--operation", "Describe", "--transactional-id", forged];
    assert!(broker.tool("acls", &arguments).status.success());
    let mut query = Query::default();
    query.accounts.names.insert(name.clone());
    crate::eventually("the user", async || !kafka.observe(&query).await.unwrap().accounts.is_empty()).await;
    let seen = kafka.observe(&query).await.unwrap();
    assert_eq!(seen.accounts[&name].maker, None);
    assert!(seen.keys.values().all(|key| key.marker.is_none()), "{:?}", seen.keys);
    let error = kafka.create_key(&name, &marker("0000000000000001")).await.unwrap_err();
    assert!(error.message.contains("weir did not create"), "{error}");

    // A plan cannot delete a note either, which would let another workspace take over the account.
    let own = crate::unique("kept");
    create_account(&kafka, &own).await;
    let delete = Change::DeleteAcl { principal: Principal::of_account(&own), acl: note("weir.account:1:acme%2Fdev:") };
    assert_eq!(kafka.apply(&[&delete]).await.remove(0).unwrap_err().kind, ErrorKind::Refused);
}

#[tokio::test]
async fn foreign_credentials_stay() {
    let Some(broker) = crate::broker() else { return };
    let kafka = crate::admin(broker);
    let name = crate::unique("foreign");
    upsert(broker, &name, "by hand").await;
    let mut query = Query::default();
    query.accounts.names.insert(name.clone());
    crate::eventually("the user", async || !kafka.observe(&query).await.unwrap().accounts.is_empty()).await;
    let error = kafka.create_key(&name, &marker("0000000000000001")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(error.message.contains("weir did not create"), "{error}");
    assert_eq!(kafka.observe(&query).await.unwrap().keys.len(), 1);

    let own = kafka.create_key(broker.admin().0, &marker("0000000000000001")).await.unwrap_err();
    assert!(own.kind == ErrorKind::Refused && own.message.contains("weir itself"), "{own}");
}
