use weir_rdkafka_admin::NewTopic;
use weir_rdkafka_admin::rdkafka::types::RDKafkaErrorCode;

use crate::{admin, code, create_topic, eventually, nobody, options, topic, unique};

#[tokio::test]
async fn each_topic_of_a_batch_succeeds_or_fails_alone() {
    let (_, admin) = admin!();
    let (old, new) = (create_topic(&admin, "topic").await, unique("topic"));
    let config = vec![("cleanup.policy".into(), "shred".into())];
    let topics = [
        topic(&old),
        NewTopic { replication_factor: Some(3), ..topic(&unique("topic")) },
        NewTopic { partitions: Some(3), config: vec![("retention.ms".into(), "5".into())], ..topic(&new) },
        NewTopic { config, ..topic(&unique("topic")) },
        topic("not/a/topic"),
    ];
    let results = admin.create_topics(&topics, &options()).await.unwrap();
    assert_eq!(code(&results[0]), Some(RDKafkaErrorCode::TopicAlreadyExists));
    assert_eq!(code(&results[1]), Some(RDKafkaErrorCode::InvalidReplicationFactor));
    assert!(results[1].as_ref().unwrap_err().message.contains("1 broker"), "{results:?}");
    assert_eq!(results[2], Ok(()));
    assert_eq!(code(&results[3]), Some(RDKafkaErrorCode::InvalidConfig));
    assert!(results[3].as_ref().unwrap_err().message.contains("shred"), "{results:?}");
    assert_eq!(code(&results[4]), Some(RDKafkaErrorCode::InvalidTopic));

    eventually("it is seen", async || {
        let described = admin.describe_topics(&["no-such-topic", &new], &options()).await.unwrap();
        assert_eq!(code(&described[0]), Some(RDKafkaErrorCode::UnknownTopicOrPartition));
        let Ok(topic) = &described[1] else { return false };
        assert_eq!((topic.name.as_str(), topic.internal, topic.id.len()), (new.as_str(), false, 22));
        assert_eq!(topic.partitions.iter().map(|p| p.partition).collect::<Vec<_>>(), [0, 1, 2]);
        topic.partitions.iter().all(|p| p.leader.is_some() && p.replicas.len() == 1 && p.in_sync.len() == 1)
    })
    .await;

    let results = admin.create_partitions(&[(&new, 5), (&old, 1), ("no-such-topic", 9)], &options()).await.unwrap();
    assert_eq!(results[0], Ok(()));
    assert_eq!(code(&results[1]), Some(RDKafkaErrorCode::InvalidPartitions));
    assert_eq!(code(&results[2]), Some(RDKafkaErrorCode::UnknownTopicOrPartition));
    eventually("it has grown", async || {
        admin.describe_topics(&[&new], &options()).await.unwrap()[0].as_ref().is_ok_and(|t| t.partitions.len() == 5)
    })
    .await;

    let results = admin.delete_topics(&[&new, "no-such-topic"], &options()).await.unwrap();
    assert_eq!(results[0], Ok(()));
    assert_eq!(code(&results[1]), Some(RDKafkaErrorCode::UnknownTopicOrPartition));
    eventually("it is gone", async || {
        let described = admin.describe_topics(&[&new], &options()).await.unwrap();
        code(&described[0]) == Some(RDKafkaErrorCode::UnknownTopicOrPartition)
    })
    .await;
}

#[tokio::test]
async fn validate_only_makes_nothing() {
    let (_, admin) = admin!();
    let name = unique("topic");
    let only = options().validate_only(true);
    assert_eq!(admin.create_topics(&[topic(&name)], &only).await.unwrap(), [Ok(())]);
    let described = admin.describe_topics(&[&name], &options()).await.unwrap();
    assert_eq!(code(&described[0]), Some(RDKafkaErrorCode::UnknownTopicOrPartition));
}

#[tokio::test]
async fn missing_and_hidden_topics_have_different_errors() {
    let (broker, admin) = admin!();
    let name = create_topic(&admin, "topic").await;
    let (_, nobody) = nobody(broker, &admin).await;
    let refused = Some(RDKafkaErrorCode::TopicAuthorizationFailed);
    let described = nobody.describe_topics(&[&name, "no-such-topic"], &options()).await.unwrap();
    assert!(described.iter().all(|d| code(d) == refused), "{described:?}");
    assert_eq!(code(&nobody.create_topics(&[topic("x")], &options()).await.unwrap()[0]), refused);
    assert_eq!(code(&nobody.delete_topics(&[&name], &options()).await.unwrap()[0]), refused);
    assert_eq!(code(&nobody.create_partitions(&[(&name, 2)], &options()).await.unwrap()[0]), refused);
}
