use weir_rdkafka_admin::rdkafka::types::RDKafkaErrorCode;
use weir_rdkafka_admin::{Admin, ConfigAlteration, ConfigEntry, ConfigOp, ConfigQuery, ConfigResource, ConfigSource};

use crate::{admin, code, create_topic, eventually, nobody, options, topic, unique};

fn of(topic: &str) -> ConfigResource {
    ConfigResource::Topic(topic.into())
}

fn change(topic: &str, changes: &[(&str, ConfigOp)]) -> ConfigAlteration {
    let changes = changes.iter().map(|(name, op)| ((*name).to_owned(), op.clone())).collect();
    ConfigAlteration { resource: of(topic), changes }
}

fn set(value: &str) -> ConfigOp {
    ConfigOp::Set(value.into())
}

async fn read(admin: &Admin, topic: &str, key: &str) -> ConfigEntry {
    let query = ConfigQuery { keys: Some(&[key]), synonyms: true, ..ConfigQuery::default() };
    let mut answers = admin.describe_configs(&[of(topic)], query, &options()).await.unwrap();
    answers.remove(0).unwrap().remove(0)
}

#[tokio::test]
async fn only_chosen_settings_are_read() {
    let (_, admin) = admin!();
    let name = create_topic(&admin, "config").await;
    let all =
        admin.describe_configs(&[of(&name)], ConfigQuery::default(), &options()).await.unwrap().remove(0).unwrap();
    assert!(all.len() > 20, "{}", all.len());
    assert!(all.iter().all(|entry| entry.synonyms.is_empty()));

    let keys = ["retention.ms", "cleanup.policy", "no.such.setting"];
    let query = ConfigQuery { keys: Some(&keys), ..ConfigQuery::default() };
    let mut chosen = admin.describe_configs(&[of(&name)], query, &options()).await.unwrap().remove(0).unwrap();
    chosen.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(chosen.iter().map(|e| e.name.as_str()).collect::<Vec<_>>(), ["cleanup.policy", "retention.ms"]);
    let full: Vec<_> = all.iter().filter(|e| keys.contains(&e.name.as_str())).cloned().collect();
    assert!(chosen.iter().all(|entry| full.contains(entry)), "{chosen:?} {full:?}");

    let query = ConfigQuery { own: true, ..ConfigQuery::default() };
    assert_eq!(admin.describe_configs(&[of(&name)], query, &options()).await.unwrap(), [Ok(vec![])]);
    let change = ConfigAlteration { resource: of(&name), changes: vec![("retention.ms".into(), set("1000"))] };
    admin.incremental_alter_configs(&[change], &options()).await.unwrap().remove(0).unwrap();
    eventually("the topic has a setting of its own", async || {
        let own = admin.describe_configs(&[of(&name)], query, &options()).await.unwrap().remove(0).unwrap();
        own.iter().map(|entry| entry.name.as_str()).eq(["retention.ms"])
    })
    .await;

    let none = ConfigQuery { keys: Some(&[]), ..ConfigQuery::default() };
    assert!(admin.describe_configs(&[of(&name)], none, &options()).await.is_err());
}

#[tokio::test]
async fn changes_touch_only_the_named_settings() {
    let (_, admin) = admin!();
    let name = create_topic(&admin, "config").await;
    let alter = async |changes: &[(&str, ConfigOp)]| {
        assert_eq!(admin.incremental_alter_configs(&[change(&name, changes)], &options()).await.unwrap(), [Ok(())]);
    };
    alter(&[("retention.ms", set("1234567")), ("cleanup.policy", set("delete"))]).await;
    alter(&[("cleanup.policy", ConfigOp::Append("compact".into()))]).await;
    eventually("the list has grown", async || {
        read(&admin, &name, "cleanup.policy").await.value.as_deref() == Some("delete,compact")
    })
    .await;
    let retention = read(&admin, &name, "retention.ms").await;
    assert_eq!((retention.value.as_deref(), retention.source), (Some("1234567"), ConfigSource::Topic));
    let policy = read(&admin, &name, "cleanup.policy").await;
    let places: Vec<_> = policy.synonyms.iter().map(|s| (s.name.as_str(), s.source)).collect();
    assert_eq!(places, [("cleanup.policy", ConfigSource::Topic), ("log.cleanup.policy", ConfigSource::Default)]);

    alter(&[("cleanup.policy", ConfigOp::Subtract("delete".into())), ("retention.ms", ConfigOp::Delete)]).await;
    eventually("the setting is gone", async || {
        read(&admin, &name, "retention.ms").await.source == ConfigSource::Default
    })
    .await;
    assert_eq!(read(&admin, &name, "cleanup.policy").await.value.as_deref(), Some("compact"));
}

#[tokio::test]
async fn each_resource_succeeds_or_fails_alone() {
    let (_, admin) = admin!();
    let (good, bad) = (create_topic(&admin, "config").await, create_topic(&admin, "config").await);
    let changes = [
        change("no-such-topic", &[("retention.ms", set("1"))]),
        change(&good, &[("retention.ms", set("777"))]),
        change(&bad, &[("retention.ms", set("777")), ("cleanup.policy", set("shred"))]),
    ];
    let results = admin.incremental_alter_configs(&changes, &options()).await.unwrap();
    assert_eq!(code(&results[0]), Some(RDKafkaErrorCode::UnknownTopicOrPartition));
    assert_eq!(results[1], Ok(()));
    assert_eq!(code(&results[2]), Some(RDKafkaErrorCode::InvalidConfig));
    assert!(results[2].as_ref().unwrap_err().message.contains("shred"), "{results:?}");
    eventually("the good one is seen", async || {
        read(&admin, &good, "retention.ms").await.value.as_deref() == Some("777")
    })
    .await;
    assert_eq!(read(&admin, &bad, "retention.ms").await.source, ConfigSource::Default, "all or nothing in a resource");

    let described =
        admin.describe_configs(&[of("no-such-topic"), of(&good)], ConfigQuery::default(), &options()).await.unwrap();
    assert_eq!(code(&described[0]), Some(RDKafkaErrorCode::UnknownTopicOrPartition));
    assert!(described[1].is_ok());
}

#[tokio::test]
async fn validate_only_changes_nothing() {
    let (_, admin) = admin!();
    let name = create_topic(&admin, "config").await;
    let only = options().validate_only(true);
    let results = admin.incremental_alter_configs(&[change(&name, &[("retention.ms", set("5"))])], &only).await;
    assert_eq!(results.unwrap(), [Ok(())]);
    assert_eq!(read(&admin, &name, "retention.ms").await.source, ConfigSource::Default);
}

#[tokio::test]
async fn thousands_of_topics_in_one_request() {
    let (_, admin) = admin!();
    let prefix = unique("many");
    let names: Vec<_> = (0..2_000).map(|i| format!("{prefix}.{i:04}")).collect();
    let topics: Vec<_> = names.iter().map(|name| topic(name)).collect();
    let results = admin.create_topics(&topics, &options()).await.unwrap();
    assert!(results.iter().all(Result::is_ok), "{:?}", results.iter().find(|r| r.is_err()));
    let resources: Vec<_> = names.iter().map(|name| of(name)).collect();
    let query = ConfigQuery { keys: Some(&["retention.ms"]), ..ConfigQuery::default() };
    eventually("all are seen", async || {
        let answers = admin.describe_configs(&resources, query, &options()).await.unwrap();
        answers.len() == names.len() && answers.iter().all(|a| a.as_ref().is_ok_and(|a| a.len() == 1))
    })
    .await;
    let changes: Vec<_> = names.iter().map(|name| change(name, &[("retention.ms", set("99"))])).collect();
    let results = admin.incremental_alter_configs(&changes, &options()).await.unwrap();
    assert_eq!((results.len(), results.iter().filter(|r| r.is_ok()).count()), (2_000, 2_000));
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    assert!(admin.delete_topics(&names, &options()).await.unwrap().iter().all(Result::is_ok));
}

#[tokio::test]
async fn settings_of_a_broker_are_read() {
    let (_, admin) = admin!();
    let query = ConfigQuery { keys: Some(&["log.retention.hours", "sasl.jaas.config"]), ..ConfigQuery::default() };
    let answers = admin.describe_configs(&[ConfigResource::Broker(1)], query, &options()).await.unwrap();
    let entry = answers[0].as_ref().unwrap().iter().find(|e| e.name == "log.retention.hours").unwrap();
    assert_eq!((entry.value.as_deref(), entry.read_only, entry.sensitive), (Some("168"), true, false));
    let two = [ConfigResource::Broker(1), ConfigResource::Broker(2)];
    assert!(admin.describe_configs(&two, query, &options()).await.is_err(), "one broker at a time");
}

#[tokio::test]
async fn a_client_without_rights_gets_an_error_for_each_resource() {
    let (broker, admin) = admin!();
    let name = create_topic(&admin, "config").await;
    let (_, nobody) = nobody(broker, &admin).await;
    let refused = Some(RDKafkaErrorCode::TopicAuthorizationFailed);
    let answers =
        nobody.describe_configs(&[of(&name), of("no-such-topic")], ConfigQuery::default(), &options()).await.unwrap();
    assert!(answers.iter().all(|a| code(a) == refused), "{answers:?}");
    let changes = [change(&name, &[("retention.ms", set("1"))])];
    let results = nobody.incremental_alter_configs(&changes, &options()).await.unwrap();
    assert_eq!(code(&results[0]), refused);
}
