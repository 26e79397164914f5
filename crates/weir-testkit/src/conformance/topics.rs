//! Topics.

use std::collections::BTreeMap;

use weir_model::settings;
use weir_planning::{Change, Observed, ObservedTopic, SettingChange};

use super::{
    Verdict,
    bench::{Bench, refusal},
    ensure, ensure_eq, suite,
};

suite! { Cluster;
    create [] "create-topic":
        "A created topic is observed with its partitions, its replication factor and its own settings.",
    defaults [] "create-topic-with-defaults":
        "A topic created without partitions and replicas gets the cluster's reported defaults.",
    again [] "create-topic-twice":
        "Creating an existing topic with the same content succeeds and changes nothing.",
    otherwise [] "create-topic-otherwise":
        "Creating an existing topic with other content is refused and changes nothing.",
    own_settings [] "own-settings-only":
        "A topic without settings of its own is observed without settings: the cluster's defaults are not among them.",
    alter [] "alter-config":
        "Changing a setting leaves the topic's other settings.",
    reset [] "reset-config":
        "Resetting a setting removes the topic's own value.",
    alter_again [] "alter-config-twice":
        "Setting the current value succeeds, and so does resetting a setting without a value.",
    alter_absent [] "alter-absent-topic":
        "Changing settings or partitions of a missing topic is refused.",
    grow [] "add-partitions":
        "Partitions are added; asking again for the same number succeeds; settings stay.",
    shrink [] "fewer-partitions":
        "A smaller number of partitions is refused and changes nothing.",
    replication [ChangeReplicationFactor] "change-replication-factor":
        "The replication factor is changed without another change to the topic.",
    delete [] "delete-topic":
        "A deleted topic no longer exists; deleting it again succeeds.",
    recreate [] "recreate-topic":
        "A topic that was deleted and created again has another id.",
    no_partitions [] "no-partitions":
        "A topic with 0 partitions is refused.",
    no_replicas [] "wrong-replication-factor":
        "A replication factor of 0, or larger than the number of brokers, is refused.",
    bad_names [] "illegal-topic-names":
        "Names that Kafka refuses are refused: empty, only dots, other characters, 250 characters.",
    collision [] "colliding-topic-names":
        "Two topics whose names differ only in `.` and `_` are refused.",
    unknown_setting [] "unknown-setting":
        "An unknown setting is refused, both in a creation and in a change.",
    bad_value [] "setting-out-of-range":
        "An invalid value of a setting is refused, both in a creation and in a change.",
    half [] "half-a-batch":
        "In a batch of good and bad changes, each gets its answer in its place, and the good ones are done.",
    empty [] "empty-batch":
        "An empty batch gets no answers.",
    large [] "large-batch":
        "A batch of a hundred new topics creates all of them.",
}

fn alter_of(topic: String, settings: &[(&str, Option<&str>)]) -> Change {
    let settings =
        settings.iter().map(|(name, to)| ((*name).to_owned(), SettingChange::new(name, None, *to))).collect();
    Change::AlterConfig { topic, settings }
}

fn topic<'o>(observed: &'o Observed, name: &str) -> Result<&'o ObservedTopic, String> {
    observed.topics.get(name).ok_or_else(|| format!("the topic {name} is not there"))
}

async fn made(b: &Bench<'_>, change: Change) -> Result<ObservedTopic, String> {
    let Change::CreateTopic { topic: name, .. } = &change else { return Err("not a creation".to_owned()) };
    let name = name.clone();
    b.apply(&[change]).await?;
    let observed = b.until("the topic", |o| o.topics.contains_key(&name)).await?;
    topic(&observed, &name).cloned()
}

/// Checks that the topic is unchanged, after enough time for a wrong change to become visible.
async fn unchanged(b: &Bench<'_>, name: &str, before: &ObservedTopic) -> Verdict {
    let observed = b.observe(&b.everything()).await?;
    ensure_eq!(topic(&observed, name)?, before, "the topic changed");
    Ok(())
}

async fn create(b: &Bench<'_>) -> Verdict {
    let config = [("cleanup.policy", "compact"), ("retention.ms", "86400000")];
    let seen = made(b, b.create_topic_with("a", 3, &config)).await?;
    ensure_eq!((seen.partitions, seen.replication_factor), (3, b.harness.replicas()), "partitions and replicas");
    ensure_eq!(seen.config, settings::observed(config), "settings");
    ensure!(!seen.mirror, "it is no mirror");
    ensure!(!seen.topic_id.is_empty(), "it has no id");
    Ok(())
}

async fn defaults(b: &Bench<'_>) -> Verdict {
    let change =
        Change::CreateTopic { topic: b.name("a"), partitions: None, replication_factor: None, config: BTreeMap::new() };
    let seen = made(b, change.clone()).await?;
    let facts = b.observe(&b.everything()).await?.cluster;
    ensure_eq!(seen.partitions, facts.default_partitions, "partitions");
    ensure_eq!(seen.replication_factor, facts.default_replication_factor, "replicas");
    b.apply(&[change]).await
}

async fn again(b: &Bench<'_>) -> Verdict {
    let change = b.create_topic_with("a", 2, &[("retention.ms", "86400000")]);
    let before = made(b, change.clone()).await?;
    b.apply(&[change]).await?;
    unchanged(b, &b.name("a"), &before).await
}

async fn otherwise(b: &Bench<'_>) -> Verdict {
    let before = made(b, b.create_topic_with("a", 2, &[("retention.ms", "86400000")])).await?;
    b.refused(b.create_topic_with("a", 3, &[("retention.ms", "86400000")])).await?;
    b.refused(b.create_topic_with("a", 2, &[("retention.ms", "1000")])).await?;
    b.refused(b.create_topic_with("a", 2, &[])).await?;
    unchanged(b, &b.name("a"), &before).await
}

async fn own_settings(b: &Bench<'_>) -> Verdict {
    let seen = made(b, b.create_topic("a")).await?;
    ensure!(seen.config.is_empty(), "settings that nobody set: {:?}", seen.config);
    Ok(())
}

async fn alter(b: &Bench<'_>) -> Verdict {
    let before =
        made(b, b.create_topic_with("a", 1, &[("retention.ms", "86400000"), ("cleanup.policy", "compact")])).await?;
    let name = b.name("a");
    b.apply(&[alter_of(name.clone(), &[("retention.ms", Some("1000")), ("segment.ms", Some("60000"))])]).await?;
    let mut expected = before;
    expected.config.extend(settings::observed([("retention.ms", "1000"), ("segment.ms", "60000")]));
    b.until("the change", |o| o.topics.get(&name) == Some(&expected)).await?;
    Ok(())
}

async fn reset(b: &Bench<'_>) -> Verdict {
    let before =
        made(b, b.create_topic_with("a", 1, &[("retention.ms", "86400000"), ("cleanup.policy", "compact")])).await?;
    let name = b.name("a");
    b.apply(&[alter_of(name.clone(), &[("retention.ms", None)])]).await?;
    let mut expected = before;
    expected.config.remove("retention.ms");
    b.until("the reset", |o| o.topics.get(&name) == Some(&expected)).await?;
    Ok(())
}

async fn alter_again(b: &Bench<'_>) -> Verdict {
    let before = made(b, b.create_topic_with("a", 1, &[("retention.ms", "86400000")])).await?;
    let name = b.name("a");
    let change = alter_of(name.clone(), &[("retention.ms", Some("86400000")), ("segment.ms", None)]);
    b.apply(std::slice::from_ref(&change)).await?;
    b.apply(&[change]).await?;
    unchanged(b, &name, &before).await
}

async fn alter_absent(b: &Bench<'_>) -> Verdict {
    b.refused(alter_of(b.name("absent"), &[("retention.ms", Some("1000"))])).await?;
    b.refused(Change::AddPartitions { topic: b.name("absent"), from: 1, to: 2 }).await
}

async fn grow(b: &Bench<'_>) -> Verdict {
    let before = made(b, b.create_topic_with("a", 1, &[("retention.ms", "86400000")])).await?;
    let name = b.name("a");
    let change = Change::AddPartitions { topic: name.clone(), from: 1, to: 4 };
    b.apply(std::slice::from_ref(&change)).await?;
    let expected = ObservedTopic { partitions: 4, ..before };
    b.until("the partitions", |o| o.topics.get(&name) == Some(&expected)).await?;
    b.apply(&[change]).await
}

async fn shrink(b: &Bench<'_>) -> Verdict {
    let before = made(b, b.create_topic_with("a", 4, &[])).await?;
    b.refused(Change::AddPartitions { topic: b.name("a"), from: 4, to: 2 }).await?;
    unchanged(b, &b.name("a"), &before).await
}

async fn replication(b: &Bench<'_>) -> Verdict {
    let before = made(b, b.create_topic_with("a", 2, &[("retention.ms", "86400000")])).await?;
    let name = b.name("a");
    let change = Change::ChangeReplicationFactor { topic: name.clone(), from: 1, to: 2 };
    b.apply(std::slice::from_ref(&change)).await?;
    let expected = ObservedTopic { replication_factor: 2, ..before };
    b.until("the replicas", |o| o.topics.get(&name) == Some(&expected)).await?;
    b.apply(&[change]).await
}

async fn delete(b: &Bench<'_>) -> Verdict {
    made(b, b.create_topic("a")).await?;
    let delete = Change::delete_topic(b.name("a"), &ObservedTopic::default());
    b.apply(std::slice::from_ref(&delete)).await?;
    b.until("the deletion", |o| o.topics.is_empty()).await?;
    b.apply(&[delete]).await
}

async fn recreate(b: &Bench<'_>) -> Verdict {
    let before = made(b, b.create_topic("a")).await?;
    let name = b.name("a");
    b.apply(&[Change::delete_topic(&name, &ObservedTopic::default())]).await?;
    b.until("the deletion", |o| o.topics.is_empty()).await?;
    let after = made(b, b.create_topic("a")).await?;
    ensure!(before.topic_id != after.topic_id, "both have the id {}", before.topic_id);
    Ok(())
}

async fn no_partitions(b: &Bench<'_>) -> Verdict {
    b.refused(b.create_topic_with("a", 0, &[])).await
}

async fn no_replicas(b: &Bench<'_>) -> Verdict {
    let brokers = b.observe(&b.everything()).await?.cluster.brokers;
    for factor in [0, u16::try_from(brokers + 1).unwrap_or(u16::MAX)] {
        b.refused(Change::CreateTopic {
            topic: b.name("a"),
            partitions: Some(1),
            replication_factor: Some(factor),
            config: BTreeMap::new(),
        })
        .await?;
    }
    Ok(())
}

async fn bad_names(b: &Bench<'_>) -> Verdict {
    let long = b.name(&"x".repeat(250 - b.prefix.len()));
    for name in [String::new(), ".".to_owned(), "..".to_owned(), b.name("a b"), b.name("ä"), b.name("a/b"), long] {
        let answer = b
            .answers(&[Change::CreateTopic {
                topic: name.clone(),
                partitions: Some(1),
                replication_factor: Some(b.harness.replicas()),
                config: BTreeMap::new(),
            }])
            .await?;
        for answer in answer {
            refusal(&format!("the topic name {name:?}"), answer)?;
        }
    }
    Ok(())
}

async fn collision(b: &Bench<'_>) -> Verdict {
    made(b, b.create_topic("a.b")).await?;
    b.refused(b.create_topic("a_b")).await
}

async fn unknown_setting(b: &Bench<'_>) -> Verdict {
    b.refused(b.create_topic_with("a", 1, &[("retention.sm", "1000")])).await?;
    let before = made(b, b.create_topic("b")).await?;
    let name = b.name("b");
    b.refused(alter_of(name.clone(), &[("retention.ms", Some("1000")), ("retention.sm", Some("1000"))])).await?;
    unchanged(b, &name, &before).await
}

async fn bad_value(b: &Bench<'_>) -> Verdict {
    for (setting, value) in
        [("retention.ms", "-2"), ("retention.ms", "7d"), ("cleanup.policy", "shrink"), ("min.insync.replicas", "0")]
    {
        b.refused(b.create_topic_with("a", 1, &[(setting, value)])).await?;
    }
    let before = made(b, b.create_topic("b")).await?;
    let name = b.name("b");
    b.refused(alter_of(name.clone(), &[("retention.ms", Some("never"))])).await?;
    unchanged(b, &name, &before).await
}

async fn half(b: &Bench<'_>) -> Verdict {
    let changes = [
        b.create_topic("a"),
        b.create_topic_with("b", 0, &[]),
        b.create_topic("c"),
        Change::delete_topic(b.name("absent"), &ObservedTopic::default()),
        Change::AddPartitions { topic: b.name("absent"), from: 1, to: 2 },
    ];
    let answers = b.answers(&changes).await?;
    let done: Vec<bool> = answers.iter().map(Result::is_ok).collect();
    ensure_eq!(done, [true, false, true, true, false], "which were done");
    let names = [b.name("a"), b.name("c")];
    b.until("the good half", |o| o.topics.keys().eq(&names)).await?;
    Ok(())
}

async fn empty(b: &Bench<'_>) -> Verdict {
    b.apply(&[]).await
}

async fn large(b: &Bench<'_>) -> Verdict {
    let changes: Vec<Change> = (0..100).map(|n| b.create_topic(&format!("t{n}"))).collect();
    b.apply(&changes).await?;
    b.until("all topics", |o| o.topics.len() == 100).await?;
    Ok(())
}
