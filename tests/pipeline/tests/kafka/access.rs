//! Proves bindings by use: a client that logs in with the credential from the vault can do what the files grant, and
//! nothing more.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use weir_planning::{Change, SecretRef};
use weir_ports::{Cluster as _, ExposeSecret as _};
use weir_rdkafka_admin::rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer as _},
    error::{KafkaError, RDKafkaErrorCode},
    producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer},
};
use weir_sandbox::Vaults;

use crate::scene::{self, Folder, Scene};

const ENTITIES: &str = "\
apiVersion: weir/v1
kind: Topic
metadata: {name: mine, team: toll}
spec: {partitions: 1}
---
apiVersion: weir/v1
kind: Topic
metadata: {name: other, team: toll}
spec: {partitions: 1}
---
apiVersion: weir/v1
kind: ServiceAccount
metadata: {name: writer, team: toll, description: Writes}
spec: {apiKeys: [{slot: default}]}
---
apiVersion: weir/v1
kind: ServiceAccount
metadata: {name: reader, team: toll, description: Reads}
spec: {apiKeys: [{slot: default}]}
---
apiVersion: weir/v1
kind: AccessControlList
metadata: {name: writer, team: toll}
spec: {serviceAccount: writer, allow: [{produce: mine, transactionalId: tx}]}
---
apiVersion: weir/v1
kind: AccessControlList
metadata: {name: reader, team: toll}
spec: {serviceAccount: reader, allow: [{consume: mine, group: readers}]}
";

const PATIENCE: Duration = Duration::from_secs(30);

/// Returns the credential that an application finds in the vault.
pub(crate) type Key = BTreeMap<String, String>;

fn key(folder: &Folder, account: &str) -> Key {
    let vaults = Vaults::open(folder.at(".weir"), Default::default()).unwrap();
    let at = SecretRef {
        vault: "https://kv-toll-dev.vault.azure.net".to_owned(),
        name: weir_model::secret_name(account, "default"),
    };
    let stored = vaults.read_secret(&at).unwrap().unwrap();
    serde_json::from_str(stored.expose_secret()).unwrap()
}

/// Returns the client configuration: every field whose name is a setting of librdkafka is used as one.
fn config(key: &Key) -> ClientConfig {
    let settings = key.iter().filter(|(name, _)| name.contains('.'));
    let mut config: ClientConfig = settings.map(|(name, value)| (name.clone(), value.clone())).collect();
    config.set("sasl.password", &key["api_secret"]);
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
pub(crate) fn produce(key: &Key, topic: &str) -> Result<(), KafkaError> {
    let delivered = Delivered::default();
    let producer: ThreadedProducer<Delivered> =
        config(key).set("message.timeout.ms", "20000").create_with_context(delivered.clone()).unwrap();
    producer.send(BaseRecord::<str, str>::to(topic).payload("x")).map_err(|(error, _)| error)?;
    producer.flush(PATIENCE)?;
    let result = delivered.0.lock().unwrap().take();
    result.unwrap_or(Err(KafkaError::Canceled))
}

/// Reads a record as a member of a group, and commits.
pub(crate) fn consume(key: &Key, topic: &str, group: &str) -> Result<(), KafkaError> {
    let consumer: BaseConsumer = config(key)
        .set("group.id", group)
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .set("session.timeout.ms", "6000")
        .create()?;
    consumer.subscribe(&[topic])?;
    // A poll may return nothing while partitions are assigned.
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
fn transact(key: &Key, topic: &str, id: &str) -> Result<(), KafkaError> {
    let delivered = Delivered::default();
    let producer: ThreadedProducer<Delivered> =
        config(key).set("transactional.id", id).create_with_context(delivered.clone())?;
    producer.init_transactions(PATIENCE)?;
    producer.begin_transaction()?;
    producer.send(BaseRecord::<str, str>::to(topic).payload("x")).map_err(|(error, _)| error)?;
    let committed = producer.commit_transaction(PATIENCE);
    // The error of a refused record says more than the error of its transaction.
    delivered.0.lock().unwrap().take().unwrap_or(Ok(()))?;
    committed
}

#[track_caller]
pub(crate) fn denied(result: &Result<(), KafkaError>, expected: &[RDKafkaErrorCode]) {
    let code = match result {
        Err(KafkaError::Transaction(error)) => Some(error.code()),
        Err(error) => error.rdkafka_error_code(),
        Ok(()) => None,
    };
    assert!(code.is_some_and(|code| expected.contains(&code)), "{result:?}");
}

#[test]
fn an_application_can_do_what_the_files_grant_and_nothing_more() {
    use RDKafkaErrorCode::{
        ClusterAuthorizationFailed, GroupAuthorizationFailed, TopicAuthorizationFailed,
        TransactionalIdAuthorizationFailed,
    };
    let Some(scene) = Scene::start(&[]) else { return };
    let folder = scene.workspace("dev", ENTITIES);
    let ended = scene::run(folder.command(&scene.broker, "weir-plan --stage dev --out plan.json"));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let ended = scene::run(folder.command(&scene.broker, "weir-deploy plan.json"));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    // A topic that no file declares.
    let foreign = Change::CreateTopic {
        topic: "foreign".to_owned(),
        partitions: Some(1),
        replication_factor: Some(1),
        config: BTreeMap::new(),
    };
    pipeline::block_on(scene.by_hand.apply(&[&foreign])).remove(0).unwrap();

    let (writer, reader) = (key(&folder, "dev-writer"), key(&folder, "dev-reader"));
    let no_topic = &[TopicAuthorizationFailed];
    // Without any right to write, the brokers refuse an idempotent producer before they check its topic.
    let no_producer = &[TopicAuthorizationFailed, ClusterAuthorizationFailed];
    produce(&writer, "dev.mine").unwrap();
    transact(&writer, "dev.mine", "dev.tx").unwrap();
    denied(&produce(&writer, "dev.other"), no_topic);
    denied(&produce(&writer, "foreign"), no_topic);
    denied(&transact(&writer, "dev.mine", "dev.another"), &[TransactionalIdAuthorizationFailed]);
    denied(&transact(&writer, "dev.mine", "dev.tx.more"), &[TransactionalIdAuthorizationFailed]);
    denied(&transact(&writer, "dev.other", "dev.tx"), no_topic);
    denied(&consume(&writer, "dev.mine", "dev.readers"), &[GroupAuthorizationFailed, TopicAuthorizationFailed]);

    consume(&reader, "dev.mine", "dev.readers").unwrap();
    denied(&consume(&reader, "dev.other", "dev.readers"), no_topic);
    denied(&consume(&reader, "foreign", "dev.readers"), no_topic);
    denied(&consume(&reader, "dev.mine", "dev.another"), &[GroupAuthorizationFailed]);
    denied(&consume(&reader, "dev.mine", "dev.readers.more"), &[GroupAuthorizationFailed]);
    denied(&produce(&reader, "dev.mine"), no_producer);
    denied(&transact(&reader, "dev.mine", "dev.tx"), &[TransactionalIdAuthorizationFailed]);

    // The secret of one account is useless for the other: each logs in only as itself.
    let mut mixed = writer;
    mixed.insert("api_secret".to_owned(), reader["api_secret"].clone());
    let refused = config(&mixed).create::<BaseConsumer>().unwrap().fetch_metadata(None, Duration::from_secs(3));
    assert!(refused.is_err());
}
