use std::time::Duration;

use weir_rdkafka_admin::rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use weir_rdkafka_admin::{IsolationLevel, ListedOffset, OffsetQuery, OffsetSpec};

use crate::{admin, config, create_topic, create_topic_with, eventually, nobody, options};

#[tokio::test]
async fn offsets_are_found_by_position_and_time() {
    let (broker, admin) = admin!();
    // The records say that they are old; they are kept all the same.
    let kept = vec![("retention.ms".into(), "-1".into())];
    let topic = create_topic_with(&admin, "offset", kept).await;
    let producer: BaseProducer = config(broker.admin_client()).create().unwrap();
    for (key, timestamp) in [("a", 1_000), ("b", 9_000), ("c", 5_000)] {
        let record = BaseRecord::to(&topic).key(key).payload("x").partition(0).timestamp(timestamp);
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(Duration::from_secs(30)).unwrap();

    for (spec, offset, timestamp) in [
        (OffsetSpec::Earliest, Some(0), None),
        (OffsetSpec::Latest, Some(3), None),
        (OffsetSpec::MaxTimestamp, Some(1), Some(9_000)),
        (OffsetSpec::Timestamp(2_000), Some(1), Some(9_000)),
        (OffsetSpec::Timestamp(99_000), None, None),
    ] {
        for isolation in [IsolationLevel::ReadUncommitted, IsolationLevel::ReadCommitted] {
            let query = OffsetQuery { topic: topic.clone(), partition: 0, spec };
            let answers = admin.list_offsets(&[query], isolation, &options()).await.unwrap();
            assert_eq!(answers, [Ok(ListedOffset { offset, timestamp })], "{spec:?} {isolation:?}");
        }
    }
}

#[tokio::test]
async fn each_partition_succeeds_or_fails_alone() {
    let (broker, admin) = admin!();
    let topic = create_topic(&admin, "offset").await;
    let query = |topic: &str, partition| OffsetQuery { topic: topic.into(), partition, spec: OffsetSpec::Latest };
    let fast = options().request_timeout(Duration::from_secs(10));
    let queries = [query(&topic, 0), query("no-such-topic", 0), query(&topic, 9)];
    match admin.list_offsets(&queries, IsolationLevel::default(), &fast).await {
        Ok(answers) => {
            assert_eq!(answers[0], Ok(ListedOffset { offset: Some(0), timestamp: None }));
            assert!(answers[1].is_err() && answers[2].is_err(), "{answers:?}");
        }
        Err(error) => panic!("{error:?}"),
    }
    let (_, nobody) = nobody(broker, &admin).await;
    eventually("it may not be seen", async || {
        match nobody.list_offsets(&queries[..1], IsolationLevel::default(), &fast).await {
            Ok(answers) => answers[0].is_err(),
            Err(_) => true,
        }
    })
    .await;
}
