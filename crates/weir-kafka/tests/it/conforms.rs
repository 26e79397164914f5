//! A real broker passes the conformance suite.

use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;
use weir_kafka::Kafka;
use weir_ports::{Cluster, CreatedKey, ErrorKind, ExposeSecret as _, PortError, SecretSink};
use weir_rdkafka_admin::{
    Admin, Options, ScramAlteration, ScramMechanism,
    rdkafka::{
        ClientConfig,
        producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer},
    },
};
use weir_testkit::{
    Broker,
    conformance::{self, Ability, Harness, Outcome},
};

/// The abilities that a broker lacks.
pub(crate) const LACKS: [Ability; 5] = [
    Ability::SecretSink,
    Ability::SeveralKeys,
    Ability::ShortAccountNames,
    Ability::MeaninglessOperations,
    Ability::ChangeReplicationFactor,
];

struct Subject {
    broker: &'static Broker,
    kafka: Kafka,
    nobody: Kafka,
}

impl Subject {
    async fn new(broker: &'static Broker) -> Self {
        let user = crate::unique("nobody");
        upsert(broker, &user, "secret").await;
        let nobody = Kafka::new(crate::options(broker, &user, "secret")).unwrap();
        let client = client(broker, &user, "secret");
        crate::eventually("the user is let in", async || client.describe_cluster(&Options::new()).await.is_ok()).await;
        Self { broker, kafka: crate::admin(broker), nobody }
    }
}

fn client(broker: &Broker, user: &str, password: &str) -> Admin {
    let config: ClientConfig = broker.client(user, password).into_iter().collect();
    Admin::new(&config).unwrap()
}

/// Creates a user as a person would.
pub(crate) async fn upsert(broker: &Broker, user: &str, password: &str) {
    let (admin, admin_password) = broker.admin();
    let upsert = ScramAlteration::Upsert {
        user,
        mechanism: ScramMechanism::Sha512,
        iterations: 4096,
        password: password.as_bytes(),
        salt: None,
    };
    let answers = client(broker, admin, admin_password).alter_scram_credentials(&[upsert], &Options::new()).await;
    assert_eq!(answers.unwrap(), [Ok(())]);
}

#[async_trait]
impl Harness for Subject {
    fn cluster(&self) -> &dyn Cluster {
        &self.kafka
    }

    fn sink(&self) -> &dyn SecretSink {
        unreachable!("a broker keeps no secrets")
    }

    fn prefix(&self) -> &str {
        "suite-"
    }

    fn vault(&self) -> &str {
        ""
    }

    fn lacks(&self) -> BTreeSet<Ability> {
        LACKS.into()
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(60)
    }

    fn denied(&self) -> &dyn Cluster {
        &self.nobody
    }

    async fn make_account_by_hand(&self, name: &str) -> Result<(), PortError> {
        upsert(self.broker, name, "by hand").await;
        Ok(())
    }

    async fn make_key_by_hand(&self, account: &str) -> Result<String, PortError> {
        upsert(self.broker, account, "by hand").await;
        Ok(format!("{account}#sha512-4096"))
    }

    async fn logs_in(&self, key: &CreatedKey) -> bool {
        let config: ClientConfig = key.connection.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
        let mut config = config;
        config.set("sasl.password", key.secret.expose_secret());
        let admin = Admin::new(&config).unwrap();
        let patience = Options::new().request_timeout(Duration::from_secs(3));
        admin.describe_cluster(&patience).await.is_ok()
    }

    async fn write_records(&self, topic: &str, number: u64) -> Result<(), PortError> {
        let config: ClientConfig = self.broker.admin_client().into_iter().collect();
        let producer: ThreadedProducer<DefaultProducerContext> = config.create().unwrap();
        for number in 0..number {
            producer.send(BaseRecord::<str, str>::to(topic).payload(&format!("{number}"))).unwrap();
        }
        producer.flush(Duration::from_secs(30)).map_err(|e| PortError::new(ErrorKind::Unavailable, e.to_string()))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_everything_a_broker_can_do() {
    let Some(broker) = crate::broker() else { return };
    for (case, outcome) in conformance::check(&Subject::new(broker).await).await {
        match outcome {
            Outcome::Passed => {}
            Outcome::Skipped(ability) => assert!(LACKS.contains(&ability), "{case:?}"),
            Outcome::Failed(why) => panic!("{case:?}: {why}"),
        }
    }
}
