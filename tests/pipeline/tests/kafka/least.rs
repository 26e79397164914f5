//! Plans and deploys with exactly the rights that `docs/apache-kafka.md` lists.

use std::collections::BTreeMap;

use weir_model::{
    Operation::{Alter, AlterConfigs, Create, Delete, Describe, DescribeConfigs},
    PatternType, Permission, Resource,
};
use weir_planning::{Acl, Change, Host, Plan, Principal};
use weir_ports::Cluster as _;
use weir_rdkafka_admin::rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer as _},
};

use crate::{
    scene::{Ended, Scene},
    wrong::place::Place,
};

/// Creates a consumer group that has read a topic once.
fn group(scene: &Scene, group: &str, topic: &str) {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", scene.broker.bootstrap_plaintext()).set("group.id", group);
    let consumer: BaseConsumer = config.create().unwrap();
    let mut read = TopicPartitionList::new();
    read.add_partition_offset(topic, 0, Offset::Offset(0)).unwrap();
    consumer.commit(&read, CommitMode::Sync).unwrap();
}

#[test]
fn the_documented_rights_are_enough() {
    let Some(scene) = Scene::start(&[]) else { return };
    let mut place = Place::new(&scene, 0);
    let (topics, groups) = (place.physical("."), place.physical("."));
    place.create_topic(".old", 1);
    let foreign = Change::CreateTopic {
        topic: "foreign".to_owned(),
        partitions: Some(1),
        replication_factor: Some(1),
        config: BTreeMap::new(),
    };
    place.by_hand(&foreign);
    group(&scene, &place.physical(".readers"), &place.physical(".old"));
    group(&scene, "foreign", "foreign");

    let user = place.may_only(&[Describe, DescribeConfigs, Alter], &[]);
    let of = |resource, name: &str, operation| Change::CreateAcl {
        principal: Principal::of_account(&user),
        acl: Acl {
            resource,
            pattern: PatternType::Prefixed,
            name: name.into(),
            operation,
            permission: Permission::Allow,
            host: Host::Any,
        },
    };
    let rights = [Create, Describe, DescribeConfigs, Alter, AlterConfigs, Delete]
        .map(|operation| of(Resource::Topic, &topics, operation));
    let rights: Vec<Change> = rights.into_iter().chain([of(Resource::Group, &groups, Describe)]).collect();
    for answer in pipeline::block_on(scene.by_hand.apply(&rights.iter().collect::<Vec<_>>())) {
        answer.unwrap();
    }
    std::thread::sleep(std::time::Duration::from_millis(200));

    // Every kind of change: creation here, changes and deletions below.
    place.deploy();
    place.edit("toll.yaml", "partitions: 2, config: {retention.ms: 7d}", "partitions: 3, config: {retention.ms: 8d}");
    place.edit("toll.yaml", "{produce: passages}", "{consume: passages, group: g}");
    place.append("kind: Topic\nmetadata: {name: old, team: toll}\nspec: {ensure: absent}");
    place.plan();
    let plan: Plan = serde_json::from_str(&place.folder.read("plan.json")).unwrap();
    let delete = plan.steps.iter().find(|step| matches!(step.change, Change::DeleteTopic { .. })).unwrap();
    assert!(delete.meaning.iter().any(|said| said.starts_with("1 consumer group read it")), "{:?}", delete.meaning);
    let hidden = delete.meaning.iter().any(|said| said.starts_with("1 consumer group could not be looked into"));
    assert!(hidden, "{:?}", delete.meaning);
    assert_eq!(delete.risk, weir_planning::Risk::DataLoss, "what is not known does not lower the risk");
    let ended = place.run("weir-deploy plan.json --max-risk data-loss");
    assert_eq!(ended.code, Some(0), "{ended:?}");

    place.edit("toll.yaml", "spec: {apiKeys: [{slot: default}]}", "spec: {ensure: absent}");
    let acl = place.folder.read("toll.yaml");
    let acl = acl.split("---\n").filter(|entity| !entity.contains("AccessControlList")).collect::<Vec<_>>();
    place.folder.write("toll.yaml", &acl.join("---\n"));
    place.plan();
    let ended = place.run("weir-deploy plan.json --max-risk data-loss");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let ended = place.run("weir-plan --stage dev --detailed-exitcode");
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

/// Not allowed to see is not absent: the topic is left alone, and only this topic.
#[test]
fn a_hidden_topic_holds_nothing_else_up() {
    let Some(scene) = Scene::start(&[]) else { return };
    let mut place = Place::new(&scene, 0);
    place.create_topic(".hidden", 1);
    let user = place.may_only(
        &[Describe, DescribeConfigs, Alter],
        &[Create, Describe, DescribeConfigs, Alter, AlterConfigs, Delete],
    );
    let name = place.physical(".hidden");
    place.by_hand(&Change::CreateAcl {
        principal: Principal::of_account(&user),
        acl: Acl {
            resource: Resource::Topic,
            pattern: PatternType::Literal,
            name: name.as_str().into(),
            operation: Describe,
            permission: Permission::Deny,
            host: Host::Any,
        },
    });
    std::thread::sleep(std::time::Duration::from_millis(200));
    place.append("kind: Topic\nmetadata: {name: hidden, team: toll}\nspec: {partitions: 5}");
    let seen = |ended: &Ended| ended.stdout.contains(&format!("topic {name} (toll): cannot see the topic `{name}`"));
    // Not one topic can be seen: then the login is wrong.
    let ended = place.run("weir-plan --stage dev --out plan.json");
    assert_eq!(ended.code, Some(6), "{ended:?}");
    place.create_topic(".seen", 1);
    place.append("kind: Topic\nmetadata: {name: seen, team: toll}\nspec: {partitions: 2}");
    let ended = place.run("weir-plan --stage dev --out plan.json");
    assert!(ended.code == Some(7) && seen(&ended), "{ended:?}");
    let ended = place.run("weir-deploy plan.json");
    assert_eq!(ended.code, Some(7), "{ended:?}");
    let ended = place.run("weir-plan --stage dev");
    assert!(ended.code == Some(7) && seen(&ended) && !ended.stdout.contains(".seen"), "{ended:?}");
    assert_eq!(scene.everything().topics[&name].partitions, 1);
}
