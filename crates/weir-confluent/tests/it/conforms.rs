//! Both planes together pass the conformance suite: the fake Confluent Cloud before a real broker.

use std::{collections::BTreeSet, sync::OnceLock, time::Duration};

use async_trait::async_trait;
use weir_confluent::{ApiKey, ConfluentCloud, Control, Data, Options};
use weir_fake_confluent as fake;
use weir_fake_confluent::{FakeConfluent, Tls};
use weir_kafka::{Kafka, Login, SaslMechanism, SecurityProtocol};
use weir_ports::{Cluster, CreatedKey, ErrorKind, PortError, SecretSink};
use weir_testkit::{
    Broker,
    conformance::{self, Ability, CONFLUENT_LACKS, Harness, Outcome},
};

/// One broker for all tests, each behind a fake of its own; tests use separate names. The broker stops with the
/// process.
#[track_caller]
pub(crate) fn broker() -> Option<&'static Broker> {
    static BROKER: OnceLock<Option<Broker>> = OnceLock::new();
    BROKER.get_or_init(|| Broker::start(&fake::BROKER)).as_ref()
}

/// A fake with brokers, and the deploying account.
pub(crate) struct Scene {
    pub(crate) fake: FakeConfluent,
    pub(crate) deployer: String,
    pub(crate) key: fake::ApiKey,
}

impl Scene {
    pub(crate) fn new(broker: &Broker, tls: Tls) -> Self {
        let fake = FakeConfluent::start();
        fake.attach(fake.cluster(), broker.bootstrap(), broker.admin(), tls);
        let deployer = fake.create_account("weir-deployer", "deploys");
        fake.make_admin(fake.cluster(), &deployer);
        let key = fake.create_key(&deployer, Some(fake.cluster()), "by hand");
        Self { fake, deployer, key }
    }

    pub(crate) fn control(&self, key: &fake::ApiKey) -> Control {
        Control { api: self.fake.url(), ..Control::new(self.fake.environment(), own(key)) }
    }

    pub(crate) fn data(&self, key: &fake::ApiKey, tls: Tls) -> Data {
        let ca = (tls == Tls::On).then(|| self.fake.ca().to_owned());
        Data { ca, timeout: Duration::from_secs(30), ..Data::new(own(key)) }
    }

    pub(crate) fn open(&self, control: Option<Control>, data: Option<Data>) -> ConfluentCloud {
        ConfluentCloud::new(Options { cluster: self.fake.cluster().to_owned(), control, data }).unwrap()
    }

    /// Returns a client with both planes.
    pub(crate) fn both(&self, tls: Tls) -> ConfluentCloud {
        self.open(Some(self.control(self.fake.cloud_key())), Some(self.data(&self.key, tls)))
    }
}

fn own(key: &fake::ApiKey) -> ApiKey {
    ApiKey { id: key.id.clone(), secret: key.secret.clone().into() }
}

struct Subject {
    scene: Scene,
    broker: &'static Broker,
    tls: Tls,
    cloud: ConfluentCloud,
    nobody: ConfluentCloud,
}

impl Subject {
    fn new(broker: &'static Broker, tls: Tls) -> Self {
        let scene = Scene::new(broker, tls);
        // With read-only settings, the front would silently accept unknown settings.
        scene.fake.configure(|behaviour| behaviour.read_only_settings = false);
        let cloud = scene.both(tls);
        // This account may log in, and has no other right.
        let nobody = scene.fake.create_account("nobody", "");
        let key = scene.fake.create_key(&nobody, Some(scene.fake.cluster()), "");
        let nobody = scene.open(Some(scene.control(scene.fake.cloud_key())), Some(scene.data(&key, tls)));
        Self { scene, broker, tls, cloud, nobody }
    }

    /// Returns a client of the brokers with this key.
    fn client(&self, key: &CreatedKey) -> Kafka {
        let protocol = if self.tls == Tls::On { SecurityProtocol::SaslSsl } else { SecurityProtocol::SaslPlaintext };
        let of = |name: &str| key.connection[name].clone();
        assert_eq!(of("security.protocol"), protocol.as_str());
        let login = Login {
            mechanism: SaslMechanism::Plain,
            username: of("sasl.username"),
            password: key.secret.clone(),
            tokens: None,
        };
        let timeout = Duration::from_secs(5);
        let ca = (self.tls == Tls::On).then(|| self.scene.fake.ca().to_owned());
        let options = weir_kafka::Options::new(of("bootstrap.servers"));
        Kafka::new(weir_kafka::Options { protocol, login: Some(login), ca, timeout, ..options }).unwrap()
    }
}

#[async_trait]
impl Harness for Subject {
    fn cluster(&self) -> &dyn Cluster {
        &self.cloud
    }

    fn sink(&self) -> &dyn SecretSink {
        unreachable!("Confluent Cloud keeps no secrets")
    }

    fn prefix(&self) -> &str {
        if self.tls == Tls::On { "tls-" } else { "suite-" }
    }

    fn vault(&self) -> &str {
        ""
    }

    fn lacks(&self) -> BTreeSet<Ability> {
        CONFLUENT_LACKS.into()
    }

    fn replicas(&self) -> u16 {
        3
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(60)
    }

    fn denied(&self) -> &dyn Cluster {
        &self.nobody
    }

    async fn make_account_by_hand(&self, name: &str) -> Result<(), PortError> {
        self.scene.fake.create_account(name, "made by hand");
        Ok(())
    }

    async fn make_key_by_hand(&self, account: &str) -> Result<String, PortError> {
        let id = self.scene.fake.accounts().into_iter().find(|found| found.display_name == account).unwrap().id;
        Ok(self.scene.fake.create_key(&id, Some(self.scene.fake.cluster()), "made by hand").id)
    }

    async fn logs_in(&self, key: &CreatedKey) -> bool {
        self.client(key).reach().await.is_ok()
    }

    async fn write_records(&self, topic: &str, number: u64) -> Result<(), PortError> {
        let count = number.to_string();
        let output = self.broker.tool(
            "org.apache.kafka.tools.ProducerPerformance",
            &["--topic", topic, "--num-records", &count, "--record-size", "10", "--throughput", "-1"],
        );
        if output.status.success() {
            return Ok(());
        }
        Err(PortError::new(ErrorKind::Unavailable, String::from_utf8_lossy(&output.stderr).into_owned()))
    }
}

async fn conform(tls: Tls) {
    let Some(broker) = broker() else { return };
    let subject = Subject::new(broker, tls);
    for (case, outcome) in conformance::check(&subject).await {
        match outcome {
            Outcome::Passed => {}
            Outcome::Skipped(ability) => assert!(CONFLUENT_LACKS.contains(&ability), "{case:?}"),
            Outcome::Failed(why) => panic!("{case:?}: {why}"),
        }
    }
    crate::fake::judge(&subject.scene.fake);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_encryption() {
    conform(Tls::Off).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_tls() {
    let Some(broker) = broker() else { return };
    let subject = Subject::new(broker, Tls::On);
    for case in conformance::cases() {
        if ["create-key", "login", "create-acl", "create-topic", "denied"].contains(&case.name) {
            assert_eq!(conformance::run(&case, &subject).await, Outcome::Passed, "{case:?}");
        }
    }
}
