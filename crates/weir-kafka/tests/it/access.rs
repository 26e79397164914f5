//! Bindings proven by use: a client that logs in with the credential it was given can do what was granted, and
//! nothing more.

use std::time::{Duration, Instant};

use weir_kafka::Kafka;
use weir_model::{Operation, PatternType, Permission, Resource};
use weir_planning::{Acl, Change, Host, KeyMarker};
use weir_ports::{Cluster as _, ExposeSecret as _, IssuedKey};
use weir_rdkafka_admin::rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer as _},
    error::{KafkaError, RDKafkaErrorCode},
    producer::{BaseRecord, DefaultProducerContext, Producer as _, ProducerContext, ThreadedProducer},
};
use weir_testkit::Broker;

const PATIENCE: Duration = Duration::from_secs(30);

fn acl(resource: Resource, operation: Operation, name: &str) -> Acl {
    Acl {
        resource,
        pattern: PatternType::Literal,
        name: name.into(),
        operation,
        permission: Permission::Allow,
        host: Host::Any,
    }
}

async fn apply(kafka: &Kafka, changes: &[Change]) {
    let changes: Vec<&Change> = changes.iter().collect();
    for (change, answer) in changes.iter().zip(kafka.apply(&changes).await) {
        assert!(answer.is_ok(), "{change:?}: {answer:?}");
    }
}

/// An account with these bindings, and its key.
async fn account(kafka: &Kafka, name: &str, acls: &[Acl]) -> IssuedKey {
    let mut changes =
        vec![Change::CreateAccount { account: name.to_owned(), description: "an application".to_owned() }];
    let principal = format!("User:{name}");
    changes.extend(acls.iter().map(|acl| Change::Grant { principal: principal.clone(), acl: acl.clone() }));
    apply(kafka, &changes).await;
    let mut query = weir_ports::Query::default();
    query.accounts.names.insert(name.to_owned());
    crate::eventually("the account and its bindings", async || {
        let seen = kafka.observe(&query).await.unwrap();
        seen.accounts.contains_key(name) && seen.acls.get(&principal).map_or(0, |seen| seen.len()) == acls.len()
    })
    .await;
    let marker =
        KeyMarker { stage: "dev".to_owned(), slot: "default".to_owned(), intent: "0123456789abcdef".to_owned() };
    kafka.create_key(name, &marker).await.unwrap()
}

/// What an application does with what it finds in the vault.
fn config(key: &IssuedKey) -> ClientConfig {
    let mut config: ClientConfig = key.connection.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    config.set("sasl.password", key.secret.expose_secret());
    config
}

#[derive(Clone, Default)]
struct Delivered(std::sync::Arc<std::sync::Mutex<Option<Result<(), KafkaError>>>>);

impl weir_rdkafka_admin::rdkafka::ClientContext for Delivered {}

impl ProducerContext for Delivered {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &weir_rdkafka_admin::rdkafka::producer::DeliveryResult<'_>, (): ()) {
        let result = result.as_ref().map(|_| ()).map_err(|(error, _)| error.clone());
        *self.0.lock().unwrap() = Some(result);
    }
}

/// Writes a record.
fn produce(key: &IssuedKey, topic: &str) -> Result<(), KafkaError> {
    let delivered = Delivered::default();
    let producer: ThreadedProducer<Delivered> =
        config(key).set("message.timeout.ms", "20000").create_with_context(delivered.clone()).unwrap();
    producer.send(BaseRecord::<str, str>::to(topic).payload("x")).map_err(|(error, _)| error)?;
    producer.flush(PATIENCE)?;
    let result = delivered.0.lock().unwrap().take();
    result.unwrap_or(Err(KafkaError::Canceled))
}

/// Reads a record as a member of a group, and commits.
fn consume(key: &IssuedKey, topic: &str, group: &str) -> Result<(), KafkaError> {
    let consumer: BaseConsumer = config(key)
        .set("group.id", group)
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .set("session.timeout.ms", "6000")
        .create()?;
    consumer.subscribe(&[topic])?;
    // A poll may end with nothing when partitions are handed out.
    let deadline = Instant::now() + PATIENCE;
    let message = loop {
        match consumer.poll(Duration::from_secs(1)) {
            Some(message) => break message?,
            None => assert!(Instant::now() < deadline, "no record in {topic}"),
        }
    };
    assert_eq!(message.payload(), Some(&b"x"[..]));
    let mut next = TopicPartitionList::new();
    next.add_partition_offset(topic, message.partition(), Offset::Offset(message.offset() + 1))?;
    consumer.commit(&next, CommitMode::Sync)
}

/// Begins and commits a transaction.
fn transact(key: &IssuedKey, topic: &str, id: &str) -> Result<(), KafkaError> {
    let producer: ThreadedProducer<DefaultProducerContext> = config(key).set("transactional.id", id).create()?;
    producer.init_transactions(PATIENCE)?;
    producer.begin_transaction()?;
    producer.send(BaseRecord::<str, str>::to(topic).payload("x")).map_err(|(error, _)| error)?;
    producer.commit_transaction(PATIENCE)
}

#[track_caller]
fn denied(result: &Result<(), KafkaError>, expected: &[RDKafkaErrorCode]) {
    let code = match result {
        Err(KafkaError::Transaction(error)) => Some(error.code()),
        Err(error) => error.rdkafka_error_code(),
        Ok(()) => None,
    };
    assert!(code.is_some_and(|code| expected.contains(&code)), "{result:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_can_do_what_is_granted_and_nothing_more() {
    use RDKafkaErrorCode::{
        ClusterAuthorizationFailed, GroupAuthorizationFailed, TopicAuthorizationFailed,
        TransactionalIdAuthorizationFailed,
    };
    let Some(broker): Option<&'static Broker> = crate::broker() else { return };
    let kafka = crate::admin(broker);
    let (mine, other) = (crate::unique("access-mine"), crate::unique("access-other"));
    let topic = |name: &str| Change::CreateTopic {
        topic: name.to_owned(),
        partitions: Some(1),
        replication_factor: Some(1),
        config: Default::default(),
    };
    apply(&kafka, &[topic(&mine), topic(&other)]).await;

    // What `{produce: mine, transactionalId: tx-…}` and `{consume: mine, group: group-…}` become.
    let (writer, reader) = (crate::unique("access-writer"), crate::unique("access-reader"));
    let (group, id) = (crate::unique("access-group"), crate::unique("access-tx"));
    let writer = account(
        &kafka,
        &writer,
        &[acl(Resource::Topic, Operation::Write, &mine), acl(Resource::TransactionalId, Operation::Write, &id)],
    )
    .await;
    let reader = account(
        &kafka,
        &reader,
        &[acl(Resource::Topic, Operation::Read, &mine), acl(Resource::Group, Operation::Read, &group)],
    )
    .await;

    tokio::task::spawn_blocking(move || {
        produce(&writer, &mine).unwrap();
        transact(&writer, &mine, &id).unwrap();
        denied(&produce(&writer, &other), &[TopicAuthorizationFailed]);
        denied(&transact(&writer, &mine, "another"), &[TransactionalIdAuthorizationFailed]);
        denied(&consume(&writer, &mine, &group), &[GroupAuthorizationFailed, TopicAuthorizationFailed]);

        consume(&reader, &mine, &group).unwrap();
        denied(&consume(&reader, &other, &group), &[TopicAuthorizationFailed]);
        denied(&consume(&reader, &mine, "another"), &[GroupAuthorizationFailed]);
        denied(&produce(&reader, &mine), &[TopicAuthorizationFailed, ClusterAuthorizationFailed]);
    })
    .await
    .unwrap();
}
