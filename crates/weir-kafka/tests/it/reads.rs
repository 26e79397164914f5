//! The number of requests, and the facts about records and groups.

use std::{collections::BTreeSet, time::Duration};

use weir_model::settings;
use weir_planning::{Change, NamePattern, ObservedAccount};
use weir_ports::{Cluster as _, Query};
use weir_rdkafka_admin::{
    AclBinding, AclOperation, Admin, PatternType, Permission, ResourceType,
    rdkafka::{
        ClientConfig, Offset, TopicPartitionList,
        consumer::{BaseConsumer, CommitMode, Consumer as _},
        producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer},
    },
};
use weir_testkit::Broker;

/// Creates a topic that keeps its records, however old they say they are.
fn create(topic: String) -> Change {
    let config = settings::observed([("retention.ms", "-1")]);
    Change::CreateTopic { topic, partitions: Some(2), replication_factor: Some(1), config }
}

#[tokio::test]
async fn many_topics_take_as_many_requests_as_one() {
    let Some(broker) = crate::broker() else { return };
    let prefix = crate::unique("counted");
    let mut query = Query::default();
    query.topics.patterns.push(NamePattern::try_from(format!("{prefix}.*")).unwrap());
    query.accounts.patterns.push(NamePattern::try_from(format!("{prefix}.*")).unwrap());
    let mut counts = Vec::new();
    let kafka = crate::admin(broker);
    // An empty list of bindings would be read twice, so the test creates a binding.
    let account = Change::CreateAccount { account: prefix.clone(), description: String::new(), maker: crate::maker() };
    kafka.apply(&[&account]).await.remove(0).unwrap();
    for many in [1, 300] {
        let changes: Vec<Change> = (0..many).map(|n| create(format!("{prefix}.{n}"))).collect();
        let before = kafka.requests();
        for answer in kafka.apply(&changes.iter().collect::<Vec<_>>()).await {
            answer.unwrap();
        }
        assert!(kafka.requests() - before <= 5, "{} requests for {many} topics", kafka.requests() - before);
        crate::eventually("the topics", async || kafka.observe(&query).await.unwrap().topics.len() == many).await;
        let fresh = crate::admin(broker);
        fresh.observe(&query).await.unwrap();
        counts.push(fresh.requests());
    }
    assert_eq!(counts, [12, 12]);
}

#[tokio::test]
async fn many_accounts_are_deleted_at_once() {
    let Some(broker) = crate::broker() else { return };
    let (kafka, prefix) = (crate::admin(broker), crate::unique("deleted"));
    let names: Vec<String> = (0..100).map(|n| format!("{prefix}-{n}")).collect();
    let create = |account: &String| Change::CreateAccount {
        account: account.clone(),
        description: "x".to_owned(),
        maker: crate::maker(),
    };
    let create: Vec<Change> = names.iter().map(create).collect();
    for answer in kafka.apply(&create.iter().collect::<Vec<_>>()).await {
        answer.unwrap();
    }
    let mut query = Query::default();
    query.accounts.names.extend(names.iter().cloned());
    crate::eventually("the accounts", async || kafka.observe(&query).await.unwrap().accounts.len() == 100).await;
    let delete: Vec<Change> =
        names.into_iter().map(|account| Change::delete_account(account, &ObservedAccount::default())).collect();
    let before = kafka.requests();
    for answer in kafka.apply(&delete.iter().collect::<Vec<_>>()).await {
        answer.unwrap();
    }
    assert!(kafka.requests() - before <= 10, "{} requests", kafka.requests() - before);
    crate::eventually("nobody", async || kafka.observe(&query).await.unwrap().accounts.is_empty()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn facts_report_records_times_and_groups() {
    let Some(broker) = crate::broker() else { return };
    let kafka = crate::admin(broker);
    let (topic, group) = (crate::unique("facts"), crate::unique("facts-group"));
    kafka.apply(&[&create(topic.clone())]).await.remove(0).unwrap();
    let asked = BTreeSet::from([topic.clone()]);
    crate::eventually("the topic", async || kafka.topic_facts(&asked).await.is_ok_and(|facts| !facts.is_empty())).await;

    let config: ClientConfig = broker.admin_client().into_iter().collect();
    let (to, name) = (topic.clone(), group.clone());
    tokio::task::spawn_blocking(move || {
        let producer: ThreadedProducer<DefaultProducerContext> = config.create().unwrap();
        for (partition, timestamp) in [(0, 1_000), (0, 3_000), (1, 2_000)] {
            let record = BaseRecord::<str, str>::to(&to).partition(partition).timestamp(timestamp).payload("x");
            producer.send(record).unwrap();
        }
        producer.flush(Duration::from_secs(30)).unwrap();
        let consumer: BaseConsumer = config.clone().set("group.id", &name).create().unwrap();
        let mut read = TopicPartitionList::new();
        read.add_partition_offset(&to, 0, Offset::Offset(1)).unwrap();
        consumer.commit(&read, CommitMode::Sync).unwrap();
    })
    .await
    .unwrap();

    let facts = kafka.topic_facts(&asked).await.unwrap().remove(&topic).unwrap();
    assert_eq!(facts.records, 3);
    let millis = |time: Option<jiff::Timestamp>| time.map(jiff::Timestamp::as_millisecond);
    assert_eq!((millis(facts.oldest), millis(facts.newest)), (Some(1_000), Some(3_000)));
    assert_eq!(facts.groups.keys().collect::<Vec<_>>(), [&group]);
    assert_eq!((facts.groups[&group].lag, facts.groups[&group].members), (1, 0));
}

/// More names than librdkafka accepts in one answer, and more than a default stack holds.
#[tokio::test]
async fn a_hundred_thousand_bindings_are_listed() {
    const MANY: usize = 120_000;
    let Some(broker) = Broker::start(&["--set", "controller.quorum.append.linger.ms=0"]) else { return };
    let admin = Admin::new(&broker.admin_client().into_iter().collect()).unwrap();
    let binding = |n: usize| AclBinding {
        resource_type: ResourceType::Topic,
        name: format!("t{n:06}.{}", "a-name-that-is-as-long-as-people-write-them".repeat(2)),
        pattern: if n.is_multiple_of(2) { PatternType::Literal } else { PatternType::Prefixed },
        principal: format!("User:application-{}", n % 100),
        host: "*".to_owned(),
        operation: AclOperation::Read,
        permission: Permission::Allow,
    };
    for batch in (0..MANY).map(binding).collect::<Vec<_>>().chunks(5_000) {
        assert!(admin.create_acls(batch, &Default::default()).await.unwrap().iter().all(Result::is_ok));
    }
    let kafka = crate::admin(&broker);
    crate::eventually("all bindings", async || {
        let seen = kafka.acls(None).await.unwrap();
        seen.len() == 100 && seen.values().all(|acls| acls.len() == MANY / 100)
    })
    .await;
}
