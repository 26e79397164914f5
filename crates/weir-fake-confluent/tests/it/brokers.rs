//! The data plane: a real broker behind the front, with librdkafka as the client.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::OnceLock,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use kafka_protocol::{
    messages::{
        CreateTopicsRequest, CreateTopicsResponse, RequestHeader, ResponseHeader, TopicName,
        create_topics_request::CreatableTopic,
    },
    protocol::{Decodable as _, Encodable as _},
};
use weir_fake_confluent::{ApiKey, BROKER, ClusterKind, Tls};
use weir_rdkafka_admin::{
    AclBinding, AclFilter, AclOperation, Admin, ConfigAlteration, ConfigEntry, ConfigOp, ConfigQuery, ConfigResource,
    ConfigSource, ItemError, NewTopic, Options, PatternType, Permission, ResourceType,
    rdkafka::{
        ClientConfig,
        producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer},
        types::RDKafkaErrorCode as Code,
    },
};
use weir_testkit::Broker;

use super::Subject;

/// One broker for all tests, which use separate names. The broker stops when the process ends.
#[track_caller]
fn broker() -> Option<&'static Broker> {
    static BROKERS: OnceLock<Option<Broker>> = OnceLock::new();
    BROKERS.get_or_init(|| Broker::start(&BROKER)).as_ref()
}

/// Returns a fake with brokers, and an administrator's client.
fn cloud(tls: Tls) -> Option<(Subject, Admin)> {
    let cloud = Subject::new();
    let broker = broker()?;
    cloud.attach("lkc-a1", broker.bootstrap(), broker.admin(), tls);
    let key = cloud.create_key("u-admin1", Some("lkc-a1"), "");
    let admin = admin(&cloud, &key);
    Some((cloud, admin))
}

fn config(settings: BTreeMap<String, String>) -> ClientConfig {
    settings.into_iter().collect()
}

fn admin(cloud: &Subject, key: &ApiKey) -> Admin {
    Admin::new(&config(cloud.client("lkc-a1", key))).unwrap()
}

fn options() -> Options {
    Options::new().request_timeout(Duration::from_secs(20))
}

fn acl(principal: &str, topic: &str, operation: AclOperation) -> AclBinding {
    AclBinding {
        resource_type: ResourceType::Topic,
        name: topic.to_owned(),
        pattern: PatternType::Literal,
        principal: principal.to_owned(),
        host: "*".to_owned(),
        operation,
        permission: Permission::Allow,
    }
}

fn topic(name: &str, replication_factor: Option<i32>) -> NewTopic {
    NewTopic { name: name.to_owned(), partitions: None, replication_factor, config: Vec::new() }
}

fn codes(answers: Vec<Result<(), ItemError>>) -> Vec<Option<Code>> {
    answers.into_iter().map(|answer| answer.err().map(|error| error.code)).collect()
}

async fn eventually(what: &str, mut check: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !check().await {
        assert!(Instant::now() < deadline, "still not so: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Returns `true` if this broker accepts a key. Connects to one address only, since a Kafka client may move to the
/// other brokers.
fn is_let_in(key: &ApiKey, broker: &str) -> bool {
    let mut stream = TcpStream::connect(broker).unwrap();
    let mechanism = b"PLAIN";
    let login = format!("\0{}\0{}", key.id, key.secret);
    let handshake = [&[0, mechanism.len() as u8], &mechanism[..]].concat();
    let authenticate = [&(login.len() as i32).to_be_bytes(), login.as_bytes()].concat();
    assert_eq!(ask(&mut stream, SASL_HANDSHAKE, &handshake), 0);
    match ask(&mut stream, SASL_AUTHENTICATE, &authenticate) {
        0 => true,
        SASL_AUTHENTICATION_FAILED => false,
        code => panic!("the login ended with error code {code}"),
    }
}

/// Keys, with versions, of the Kafka protocol's requests, and one of its error codes.
const SASL_HANDSHAKE: (i16, i16) = (17, 1);
const SASL_AUTHENTICATE: (i16, i16) = (36, 0);
const SASL_AUTHENTICATION_FAILED: i16 = 58;

fn log_in(stream: &mut TcpStream, key: &ApiKey) {
    let login = format!("\0{}\0{}", key.id, key.secret);
    assert_eq!(ask(stream, SASL_HANDSHAKE, b"\0\x05PLAIN"), 0);
    let authenticate = [&(login.len() as i32).to_be_bytes(), login.as_bytes()].concat();
    assert_eq!(ask(stream, SASL_AUTHENTICATE, &authenticate), 0);
}

/// Sends a frame and returns the answer's frame.
fn exchange(stream: &mut TcpStream, frame: &[u8]) -> Vec<u8> {
    stream.write_all(&[&(frame.len() as i32).to_be_bytes(), frame].concat()).unwrap();
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let mut answer = vec![0; i32::from_be_bytes(length) as usize];
    stream.read_exact(&mut answer).unwrap();
    answer
}

/// Sends a request and returns the error code at the beginning of the answer.
fn ask(stream: &mut TcpStream, (key, version): (i16, i16), body: &[u8]) -> i16 {
    let no_client_id = (-1_i16).to_be_bytes();
    let head = [&key.to_be_bytes()[..], &version.to_be_bytes(), &7_i32.to_be_bytes(), &no_client_id].concat();
    let answer = exchange(stream, &[&head[..], body].concat());
    assert_eq!(answer[..4], 7_i32.to_be_bytes());
    i16::from_be_bytes([answer[4], answer[5]])
}

/// Collects the results of delivering records.
struct Ends(std::sync::mpsc::Sender<Result<(), Code>>);

impl weir_rdkafka_admin::rdkafka::ClientContext for Ends {}

impl ProducerContext for Ends {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let end = match result {
            Ok(_) => Ok(()),
            Err((error, _)) => Err(error.rdkafka_error_code().unwrap()),
        };
        self.0.send(end).unwrap();
    }
}

/// Writes a record to each of six partitions, and returns the results.
fn produce(cloud: &Subject, key: &ApiKey, topic: &str) -> Vec<Result<(), Code>> {
    let (sender, ends) = std::sync::mpsc::channel();
    let mut config = config(cloud.client("lkc-a1", key));
    config.set("message.timeout.ms", "20000");
    let producer: ThreadedProducer<Ends> = config.create_with_context(Ends(sender)).unwrap();
    for partition in 0..6 {
        producer.send(BaseRecord::<str, str>::to(topic).payload("x").partition(partition)).map_err(|e| e.0).unwrap();
    }
    producer.flush(Duration::from_secs(30)).unwrap();
    ends.try_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_may_write_only_where_a_binding_allows_it() {
    let Some((cloud, admin)) = cloud(Tls::On) else { return };
    let owner = cloud.account("orders");
    let id = cloud.key(&owner, Some("lkc-a1")).text("/id");
    let key = cloud.keys().into_iter().find(|key| key.id == id).unwrap();
    let answers = admin.create_topics(&[topic("flow.mine", Some(3)), topic("flow.other", None)], &options()).await;
    assert_eq!(codes(answers.unwrap()), [None, None]);
    let answers =
        admin.create_acls(&[acl(&format!("User:{owner}"), "flow.mine", AclOperation::Write)], &options()).await;
    assert_eq!(codes(answers.unwrap()), [None]);
    assert_eq!((cloud.kafka_counts()["CreateTopics"], cloud.kafka_counts()["CreateAcls"]), (1, 1));
    eventually("the account may write", async || produce(&cloud, &key, "flow.mine") == [Ok(()); 6]).await;
    assert_eq!(produce(&cloud, &key, "flow.other"), [Err(Code::TopicAuthorizationFailed); 6]);
    // The account may write, and has no other right.
    let denied = super::brokers::admin(&cloud, &key).describe_acls(&AclFilter::any(), &options()).await.unwrap_err();
    assert_eq!(denied.code(), Some(Code::ClusterAuthorizationFailed));
}

#[tokio::test(flavor = "multi_thread")]
async fn principals_are_named_as_the_filter_names_them() {
    let Some((cloud, admin)) = cloud(Tls::Off) else { return };
    let (a, b) = (cloud.create_account("a", ""), cloud.create_account("b", ""));
    let (user_a, user_b) = (format!("User:{a}"), format!("User:{b}"));
    let (number_a, number_b) = (cloud.integer_principal(&a).unwrap(), cloud.integer_principal(&b).unwrap());
    let name = "principals";
    let read = |principal: &str| acl(principal, name, AclOperation::Read);
    let made = [read(&user_a), read(&number_b), read("User:*")];
    assert_eq!(codes(admin.create_acls(&made, &options()).await.unwrap()), [None; 3]);
    let seen = async |principal: Option<&str>| {
        let filter =
            AclFilter { name: Some(name.to_owned()), principal: principal.map(ToOwned::to_owned), ..AclFilter::any() };
        let acls = admin.describe_acls(&filter, &options()).await.unwrap();
        let mut principals: Vec<String> = acls.into_iter().map(|acl| acl.principal).collect();
        principals.sort();
        principals
    };
    let sorted = |mut names: Vec<&str>| {
        names.sort_unstable();
        names.into_iter().map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    let by_id = sorted(vec!["User:*", &user_a, &user_b]);
    eventually("all are seen", async || seen(Some("UserV2:*")).await == by_id).await;
    assert_eq!(seen(None).await, sorted(vec!["User:*", &number_a, &number_b]));
    assert_eq!(seen(Some(&user_a)).await, [user_a.as_str()]);
    assert_eq!(seen(Some(&format!("UserV2:{a}"))).await, [user_a.as_str()]);
    assert_eq!(seen(Some(&number_a)).await, [number_a.as_str()]);
    assert_eq!(seen(Some("User:*")).await, ["User:*"]);
    cloud.configure(|behaviour| behaviour.user_v2 = false);
    assert_eq!(seen(Some("UserV2:*")).await, [""; 0]);
    cloud.configure(|behaviour| behaviour.integer_principals = false);
    assert_eq!(seen(None).await, by_id);
    cloud.configure(|behaviour| (behaviour.user_v2, behaviour.integer_principals) = (true, true));

    // Bindings remain after their account is deleted.
    cloud.delete_account(&b);
    assert_eq!(seen(None).await, sorted(vec!["User:*", &number_a, &number_b]));
    let filters = [AclFilter::exactly(&read(&number_b)).unwrap(), AclFilter::exactly(&read(&user_a)).unwrap()];
    let deleted = admin.delete_acls(&filters, &options()).await.unwrap();
    let deleted: Vec<String> = deleted.into_iter().flat_map(|d| d.unwrap()).map(|d| d.acl.principal).collect();
    assert_eq!(deleted, [number_b, user_a]);
    eventually("they are gone", async || seen(Some("UserV2:*")).await == ["User:*"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bindings_with_hosts_are_refused_and_the_others_created() {
    let Some((cloud, admin)) = cloud(Tls::Off) else { return };
    let principal = format!("User:{}", cloud.create_account("a", ""));
    let any = acl(&principal, "hosts", AclOperation::Read);
    let one = AclBinding { host: "10.0.0.1".to_owned(), ..any.clone() };
    let v2 = AclBinding { principal: "UserV2:*".to_owned(), ..any.clone() };
    let answers = codes(admin.create_acls(&[one.clone(), any, v2], &options()).await.unwrap());
    assert_eq!(answers, [Some(Code::InvalidRequest), None, Some(Code::InvalidRequest)]);
    assert_eq!(codes(admin.create_acls(&[one], &options()).await.unwrap()), [Some(Code::InvalidRequest)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_have_three_replicas() {
    let Some((_cloud, admin)) = cloud(Tls::Off) else { return };
    let topics =
        [topic("factor.1", Some(1)), topic("factor.2", Some(2)), topic("factor.3", Some(3)), topic("factor.d", None)];
    let answers = admin.create_topics(&topics, &options()).await.unwrap();
    for refused in &answers[..2] {
        let error = refused.as_ref().unwrap_err();
        assert_eq!((error.code, error.message.as_str()), (Code::PolicyViolation, "Topic replication factor must be 3"));
    }
    assert_eq!(codes(answers[2..].to_vec()), [None, None]);
    let seen = async || admin.describe_topics(&["factor.3", "factor.d", "factor.1"], &options()).await.unwrap();
    eventually("both are seen", async || seen().await[..2].iter().all(Result::is_ok)).await;
    let described = seen().await;
    assert!(described[2].is_err());
    for topic in &described[..2] {
        let partitions = &topic.as_ref().unwrap().partitions;
        assert_eq!(partitions.len(), 6);
        assert!(partitions.iter().all(|partition| partition.replicas.len() == 3 && partition.in_sync.len() == 3));
        let leaders: Vec<i32> = partitions.iter().map(|partition| partition.leader.as_ref().unwrap().id).collect();
        assert_eq!(leaders, [1, 2, 3, 1, 2, 3]);
    }
    let cluster = admin.describe_cluster(&options()).await.unwrap();
    assert_eq!((cluster.cluster_id.as_deref(), cluster.nodes.len()), (Some("lkc-a1"), 3));
    for node in cluster.nodes {
        let query =
            ConfigQuery { keys: Some(&["num.partitions", "default.replication.factor"]), ..ConfigQuery::default() };
        let answer = admin.describe_configs(&[ConfigResource::Broker(node.id)], query, &options()).await.unwrap();
        let settings = answer.into_iter().next().unwrap().unwrap().into_iter();
        let settings: BTreeMap<String, String> = settings.map(|e| (e.name, e.value.unwrap())).collect();
        assert_eq!((&*settings["num.partitions"], &*settings["default.replication.factor"]), ("6", "3"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_topic_appears_later() {
    let Some((cloud, admin)) = cloud(Tls::Off) else { return };
    cloud.configure(|behaviour| behaviour.topics_seen_after = Duration::from_secs(60));
    let name = "later";
    let looked = admin.create_topics(&[topic("looked", None)], &options().validate_only(true)).await.unwrap();
    assert_eq!(codes(looked), [None]);
    assert_eq!(codes(admin.create_topics(&[topic(name, None)], &options()).await.unwrap()), [None]);
    let taken = codes(admin.create_topics(&[topic(name, None)], &options()).await.unwrap());
    assert_eq!(taken, [Some(Code::TopicAlreadyExists)]);
    let resource = [ConfigResource::Topic(name.to_owned())];
    let seen = async || {
        let described = admin.describe_topics(&[name], &options()).await.unwrap();
        let settings = admin.describe_configs(&resource, ConfigQuery::default(), &options()).await.unwrap();
        let metadata = admin.client().fetch_metadata(None, Duration::from_secs(20)).unwrap();
        let listed = metadata.topics().iter().any(|topic| topic.name() == name);
        (described[0].is_ok(), settings[0].is_ok(), listed)
    };
    eventually("the broker has it", async || {
        let output = broker().unwrap().tool("topics", &["--list"]);
        String::from_utf8_lossy(&output.stdout).lines().any(|line| line == name)
    })
    .await;
    assert_eq!(seen().await, (false, false, false));
    cloud.advance(Duration::from_secs(60));
    assert_eq!(seen().await, (true, true, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_topic_disappears_later() {
    let Some((cloud, admin)) = cloud(Tls::Off) else { return };
    let name = "lingers";
    let seen = async || admin.describe_topics(&[name], &options()).await.unwrap()[0].is_ok();
    assert_eq!(codes(admin.create_topics(&[topic(name, None)], &options()).await.unwrap()), [None]);
    eventually("the topic is seen", seen).await;
    cloud.configure(|behaviour| behaviour.topics_deleted_after = Duration::from_secs(60));
    for _ in 0..2 {
        let deleted = codes(admin.delete_topics(&[name, "never-was"], &options()).await.unwrap());
        assert_eq!(deleted, [None, Some(Code::UnknownTopicOrPartition)]);
    }
    assert!(seen().await);
    let taken = codes(admin.create_topics(&[topic(name, None)], &options()).await.unwrap());
    assert_eq!(taken, [Some(Code::TopicAlreadyExists)]);
    cloud.advance(Duration::from_secs(60));
    eventually("the topic is gone", async || !seen().await).await;
}

/// Reads partitions and replicas from the raw answer to a creation, since librdkafka does not return them.
#[tokio::test(flavor = "multi_thread")]
async fn a_creation_may_be_answered_with_zeros() {
    let Some((cloud, admin)) = cloud(Tls::Off) else { return };
    let key = cloud.create_key("u-admin1", Some("lkc-a1"), "");
    let create = |name: &str| {
        let mut stream = TcpStream::connect(cloud.bootstrap("lkc-a1")).unwrap();
        log_in(&mut stream, &key);
        let new = CreatableTopic::default().with_name(TopicName(name.to_owned().into()));
        let new = new.with_num_partitions(2).with_replication_factor(3);
        let request = CreateTopicsRequest::default().with_topics(vec![new]).with_timeout_ms(10_000);
        let mut frame = BytesMut::new();
        let header = RequestHeader::default().with_request_api_key(19).with_request_api_version(5);
        header.encode(&mut frame, 2).unwrap();
        request.encode(&mut frame, 5).unwrap();
        let mut answer = Bytes::from(exchange(&mut stream, &frame));
        ResponseHeader::decode(&mut answer, 1).unwrap();
        let made = CreateTopicsResponse::decode(&mut answer, 5).unwrap().topics.remove(0);
        assert_eq!(made.error_code, 0, "{made:?}");
        (made.num_partitions, made.replication_factor)
    };
    assert_eq!(create("plain-answer"), (2, 3));
    cloud.configure(|behaviour| behaviour.created_with_zeros = true);
    assert_eq!(create("zeros"), (0, 0));
    // Only the answer reports zeros.
    eventually("the topic is seen", async || {
        let described = admin.describe_topics(&["zeros"], &options()).await.unwrap();
        described[0].as_ref().is_ok_and(|topic| topic.partitions.len() == 2)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_refuses_more_partitions_and_bindings_than_its_limits() {
    // The test needs a broker of its own, since topics of other tests would count.
    let Some(broker) = Broker::start(&BROKER) else { return };
    let cloud = Subject::new();
    cloud.attach("lkc-a1", broker.bootstrap(), broker.admin(), Tls::Off);
    let key = cloud.create_key("u-admin1", Some("lkc-a1"), "");
    let admin = admin(&cloud, &key);
    cloud.configure(|behaviour| {
        behaviour.partition_limit = Some(9);
        behaviour.acl_limit = Some(2);
    });
    // The default is six partitions.
    let mut three = topic("three", None);
    three.partitions = Some(3);
    let made = codes(admin.create_topics(&[topic("six", None), three, topic("more", None)], &options()).await.unwrap());
    assert_eq!(made, [None, None, Some(Code::PolicyViolation)]);
    eventually("both are seen", async || {
        admin.describe_topics(&["six", "three"], &options()).await.unwrap().iter().all(Result::is_ok)
    })
    .await;
    let grown = admin.create_partitions(&[("three", 4)], &options()).await.unwrap().remove(0).unwrap_err();
    assert_eq!(grown.code, Code::PolicyViolation);
    assert!(grown.message.contains("will exceed 9 total partitions"), "{grown:?}");
    let bindings = ["a", "b", "c"].map(|topic| acl("User:sa-1", topic, AclOperation::Read));
    let granted = codes(admin.create_acls(&bindings, &options()).await.unwrap());
    assert_eq!((granted[0], granted[1], granted[2].is_some()), (None, None, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_behave_as_on_the_service() {
    let Some((cloud, admin)) = cloud(Tls::Off) else { return };
    let name = "settings";
    let mut new = topic(name, None);
    new.config = vec![("retention.ms".into(), "1000".into()), ("compression.type".into(), "gzip".into())];
    assert_eq!(codes(admin.create_topics(&[new], &options()).await.unwrap()), [None]);
    let resource = ConfigResource::Topic(name.to_owned());
    let read = async || -> BTreeMap<String, ConfigEntry> {
        let answer = admin.describe_configs(std::slice::from_ref(&resource), ConfigQuery::default(), &options()).await;
        let entries = answer.unwrap().into_iter().next().unwrap();
        entries.unwrap_or_default().into_iter().map(|entry| (entry.name.clone(), entry)).collect()
    };
    eventually("the topic is seen", async || !read().await.is_empty()).await;
    let own = async || -> Vec<(String, String)> {
        let entries = read().await.into_values().filter(|entry| entry.source == ConfigSource::Topic);
        entries.map(|entry| (entry.name, entry.value.unwrap())).collect()
    };
    let phantoms = [("confluent.schema.validation.context.name", "default"), ("confluent.topic.type", "standard")];
    let with = |own: &[(&str, &str)]| {
        let mut all: Vec<_> = phantoms.iter().chain(own).map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        all.sort();
        all
    };
    assert_eq!(own().await, with(&[("retention.ms", "1000")]), "compression.type cannot be chosen");
    let query = ConfigQuery { keys: Some(&["confluent.topic.type"]), synonyms: true, ..ConfigQuery::default() };
    let answer = admin.describe_configs(std::slice::from_ref(&resource), query, &options()).await.unwrap();
    let sources =
        answer[0].as_ref().unwrap().iter().flat_map(|e| &e.synonyms).filter(|s| s.name == "confluent.topic.type");
    assert_eq!(sources.map(|synonym| synonym.source).collect::<Vec<_>>(), [ConfigSource::Topic]);
    let entries = read().await;
    assert!(entries["compression.type"].read_only && !entries["retention.ms"].read_only);
    let inherited = &entries["min.insync.replicas"];
    assert_eq!(inherited.value.as_deref(), Some("2"));
    assert_ne!(inherited.source, ConfigSource::Topic);

    let alter = async |name: &str, value: &str| {
        let changes = vec![(name.to_owned(), ConfigOp::Set(value.to_owned()))];
        let alteration = ConfigAlteration { resource: resource.clone(), changes };
        codes(admin.incremental_alter_configs(&[alteration], &options()).await.unwrap())
    };
    assert_eq!(alter("compression.type", "zstd").await, [None]);
    cloud.configure(|behaviour| behaviour.ignored_settings = ["segment.ms".to_owned()].into());
    assert_eq!(alter("segment.ms", "60000000").await, [None]);
    assert_eq!(alter("retention.ms", "2000").await, [None]);
    eventually("it is changed", async || own().await == with(&[("retention.ms", "2000")])).await;

    assert_eq!(alter("cleanup.policy", "compact,delete").await, [Some(Code::PolicyViolation)]);
    for policy in ["compact", "compact,delete"] {
        assert_eq!(alter("cleanup.policy", policy).await, [None]);
        let expected = with(&[("cleanup.policy", policy), ("retention.ms", "2000")]);
        eventually("it is changed", async || own().await == expected).await;
    }
    cloud.configure(|behaviour| (behaviour.phantom_settings, behaviour.read_only_settings) = (false, false));
    assert_eq!(alter("compression.type", "zstd").await, [None]);
    eventually("as Kafka has it", async || own().await.iter().any(|(name, _)| name == "compression.type")).await;
    assert!(!own().await.iter().any(|(name, _)| name.starts_with("confluent.")));
}

#[test]
fn each_broker_accepts_a_new_key_at_its_own_time() {
    let Some((cloud, _admin)) = cloud(Tls::Off) else { return };
    cloud.configure(|behaviour| {
        behaviour.key_ready_after = Duration::from_secs(60);
        behaviour.key_ready_spread = Duration::from_secs(10);
    });
    let owner = cloud.create_account("a", "");
    let key = cloud.create_key(&owner, Some("lkc-a1"), "");
    let first = cloud.bootstrap("lkc-a1");
    let brokers = cloud.brokers("lkc-a1");
    assert_eq!((brokers.len(), &brokers[0]), (3, &first));
    let let_in = |key: &ApiKey| -> String {
        brokers.iter().map(|broker| if is_let_in(key, broker) { 'x' } else { '.' }).collect()
    };
    assert_eq!(let_in(&key), "...");
    cloud.advance(Duration::from_secs(60));
    assert_eq!(let_in(&key), "x..");
    cloud.advance(Duration::from_secs(20));
    assert_eq!(let_in(&key), "xxx");
    let forged = ApiKey { secret: "forged".to_owned(), ..key.clone() };
    assert_eq!(let_in(&forged), "...");
    cloud.add_cluster("env-x1", "lkc-b2", ClusterKind::Basic);
    let of_other = cloud.create_key(&owner, Some("lkc-b2"), "");
    let of_cloud = cloud.create_key(&owner, None, "");
    cloud.advance(Duration::from_secs(3600));
    for other in [of_other, of_cloud] {
        assert!(!is_let_in(&other, &first));
    }
    cloud.delete_key(&key.id);
    assert!(!is_let_in(&key, &first));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_needs_no_bindings() {
    let Some((cloud, _admin)) = cloud(Tls::On) else { return };
    let owner = cloud.create_account("deployer", "");
    let key = cloud.create_key(&owner, Some("lkc-a1"), "");
    assert!(admin(&cloud, &key).describe_acls(&AclFilter::any(), &options()).await.is_err());
    cloud.make_admin("lkc-a1", &owner);
    let again = admin(&cloud, &key);
    again.describe_acls(&AclFilter::any(), &options()).await.unwrap();
    // Brokers speak TLS only with clients that trust the authority.
    let mut without = cloud.client("lkc-a1", &key);
    without.remove("ssl.ca.location");
    let patience = Options::new().request_timeout(Duration::from_secs(1));
    assert!(Admin::new(&config(without)).unwrap().describe_cluster(&patience).await.is_err());
    let file = cloud.ca().to_owned();
    assert!(file.exists());
    drop(cloud);
    assert!(!file.exists());
}
