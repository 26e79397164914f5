use std::time::Duration;

use weir_rdkafka_admin::rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use weir_rdkafka_admin::rdkafka::types::RDKafkaErrorCode;
use weir_rdkafka_admin::rdkafka::{Offset, TopicPartitionList};
use weir_rdkafka_admin::{Assignment, GroupKind, GroupOffset, GroupState};

use crate::{admin, config, create_topic, eventually, nobody, options, unique};

#[tokio::test]
async fn groups_with_members_and_offsets_are_read() {
    let (broker, admin) = admin!();
    let (topic, group) = (create_topic(&admin, "group").await, unique("group"));
    let mut settings = config(broker.admin_client());
    settings.set("group.id", &group).set("client.id", "reader").set("enable.auto.commit", "false");
    let consumer: BaseConsumer = settings.create().unwrap();
    consumer.subscribe(&[&topic]).unwrap();
    eventually("the group is stable", async || {
        let _ = consumer.poll(Duration::from_millis(100));
        let described = admin.describe_groups(&[&group], &options()).await.unwrap().remove(0);
        described.is_ok_and(|d| d.state == GroupState::Stable && d.members.iter().all(|m| !m.assignment.is_empty()))
    })
    .await;
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset(&topic, 0, Offset::Offset(42)).unwrap();
    consumer.commit(&offsets, CommitMode::Sync).unwrap();

    let described = admin.describe_groups(&[&group], &options()).await.unwrap().remove(0).unwrap();
    assert_eq!(
        (described.group.as_str(), described.kind, described.simple),
        (group.as_str(), GroupKind::Classic, false)
    );
    assert_eq!(described.assignor.as_deref(), Some("range"));
    assert_eq!(described.coordinator.as_ref().map(|node| node.id), Some(1));
    assert!(!described.authorized_operations.is_empty());
    let member = &described.members[0];
    assert_eq!((member.client.as_str(), member.instance.as_ref()), ("reader", None));
    assert_eq!(member.assignment, [Assignment { topic: topic.clone(), partition: 0 }]);

    let listed = admin.list_groups(&options()).await.unwrap();
    assert_eq!(listed.errors, []);
    let found = listed.groups.iter().find(|g| g.group == group).unwrap();
    assert_eq!((found.state, found.kind), (GroupState::Stable, GroupKind::Classic));

    let committed = GroupOffset { topic: topic.clone(), partition: 0, offset: Ok(Some(42)) };
    assert_eq!(admin.list_group_offsets(&group, None, &options()).await.unwrap(), std::slice::from_ref(&committed));
    let of = [Assignment { topic: topic.clone(), partition: 0 }, Assignment { topic: topic.clone(), partition: 7 }];
    let mut offsets = admin.list_group_offsets(&group, Some(&of), &options()).await.unwrap();
    offsets.sort_by_key(|o| o.partition);
    assert_eq!(offsets, [committed, GroupOffset { topic, partition: 7, offset: Ok(None) }]);
    assert_eq!(admin.list_group_offsets(&group, Some(&[]), &options()).await.unwrap(), []);
}

#[tokio::test]
async fn missing_and_hidden_groups() {
    let (broker, admin) = admin!();
    let missing = unique("group");
    let described = loop {
        match admin.describe_groups(&[&missing], &options()).await.unwrap().remove(0) {
            // A broker that has just started is still looking for a coordinator (15, 16) or loading its groups (14).
            Err(error) if (14..=16).contains(&error.number) => {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
            described => break described,
        }
    };
    match described {
        Ok(group) => assert_eq!(group.state, GroupState::Dead),
        Err(error) => assert_eq!(error.number, 69, "{error}"),
    }
    assert_eq!(admin.list_group_offsets(&missing, None, &options()).await.unwrap(), []);

    let (_, nobody) = nobody(broker, &admin).await;
    assert_eq!(nobody.list_groups(&options()).await.unwrap().groups, []);
    let refused = nobody.describe_groups(&[&missing], &options()).await;
    let code = refused.map(|mut r| r.remove(0).unwrap_err().code).unwrap_or_else(|error| error.code().unwrap());
    assert_eq!(code, RDKafkaErrorCode::GroupAuthorizationFailed);
    let refused = nobody.list_group_offsets(&missing, None, &options()).await.unwrap_err();
    assert_eq!(refused.code(), Some(RDKafkaErrorCode::GroupAuthorizationFailed));
}
