//! Situations: the broker would refuse or refuses a change, or its state no longer matches the plan.

use weir_planning::{Change, ObservedTopic};
use weir_testkit::Broker;

use super::{Case, DEPLOY, PLAN};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "a broker without an authorizer",
        exit: 6,
        set_up: |place| {
            let Some(broker) = Broker::start(&["--set", "authorizer.class.name="]) else { return };
            place.bootstrap(broker.bootstrap());
            place.hold(broker);
        },
        line: PLAN,
    },
    Case {
        name: "fewer partitions",
        exit: 7,
        set_up: |place| {
            place.create_topic(".passages", 4);
            place.eventually(|kafka, query| !crate::scene::observed(kafka, query).topics.is_empty());
        },
        line: PLAN,
    },
    Case {
        name: "more replicas than brokers",
        exit: 7,
        set_up: |place| place.edit("toll.yaml", "partitions: 2,", "partitions: 2, replicationFactor: 3,"),
        line: PLAN,
    },
    Case {
        name: "another number of replicas",
        exit: 7,
        set_up: |place| {
            place.deploy();
            place.edit("toll.yaml", "partitions: 2,", "partitions: 2, replicationFactor: 2,");
        },
        line: PLAN,
    },
    Case {
        name: "more in-sync replicas than there are",
        exit: 7,
        set_up: |place| place.edit("toll.yaml", "retention.ms: 7d", "retention.ms: 7d, min.insync.replicas: 2"),
        line: PLAN,
    },
    Case {
        name: "a name that collides with a topic of somebody else",
        exit: 7,
        set_up: |place| {
            place.create_topic("_toll_passages", 1);
            place.edit("toll.yaml", "name: passages,", "name: toll.passages,");
            place.edit("toll.yaml", "produce: passages", "produce: toll.passages");
        },
        line: PLAN,
    },
    Case {
        name: "a name that Kafka does not take",
        exit: 7,
        set_up: |place| {
            place.edit("toll.yaml", "name: passages,", "name: pass/ages,");
            place.edit("toll.yaml", "produce: passages", "produce: pass/ages");
        },
        line: PLAN,
    },
    Case {
        name: "an internal topic",
        exit: 1,
        set_up: |place| {
            let prefix = place.physical(".");
            place.edit("weir.yaml", &format!("{{topic: {prefix},"), "{topic: __,");
            place.edit("weir.yaml", &format!("topics: ['{prefix}*']"), "topics: ['__consumer_offsets']");
            place.edit("toll.yaml", "name: passages,", "name: consumer_offsets,");
            place.edit("toll.yaml", "produce: passages", "produce: consumer_offsets");
        },
        line: PLAN,
    },
    Case {
        name: "a setting that there is not",
        exit: 7,
        set_up: |place| place.edit("toll.yaml", "retention.ms", "retention.msec"),
        line: PLAN,
    },
    Case {
        name: "a setting that these brokers do not know",
        exit: 7,
        set_up: |place| {
            // Any topic shows the settings that exist.
            place.create_topic(".other", 1);
            place.eventually(|kafka, query| !crate::scene::observed(kafka, query).other_topics.is_empty());
            place.edit("toll.yaml", "retention.ms: 7d", "confluent.key.schema.validation: true");
        },
        line: PLAN,
    },
    Case {
        name: "a value that the broker refuses",
        exit: 5,
        set_up: |place| {
            place.edit("toll.yaml", "retention.ms: 7d", "retention.ms: 7d, remote.storage.enable: true");
            place.plan();
        },
        line: DEPLOY,
    },
    Case {
        name: "a quota on changes that is used up for longer than weir waits",
        exit: 5,
        set_up: |place| {
            place.use_up_quota(60);
            place.env("WEIR_PATIENCE", "3");
        },
        line: DEPLOY,
    },
    Case {
        name: "a second slot",
        exit: 7,
        set_up: |place| place.edit("toll.yaml", "[{slot: default}]", "[{slot: default}, {slot: batch}]"),
        line: PLAN,
    },
    Case { name: "a secret that somebody else put there", exit: 7, set_up: |place| place.foreign_secret(), line: PLAN },
    Case {
        name: "a secret that somebody else put there after planning",
        exit: 7,
        set_up: |place| {
            place.plan();
            place.foreign_secret();
        },
        line: DEPLOY,
    },
    Case {
        name: "a user whose credential weir did not make",
        exit: 7,
        set_up: |place| {
            let user = place.physical("-gateway");
            place.user(&user);
            place.eventually(|kafka, query| !crate::scene::observed(kafka, query).accounts.is_empty());
        },
        line: PLAN,
    },
    Case {
        name: "a setting was changed by hand",
        exit: 4,
        set_up: |place| {
            place.deploy();
            place.edit("toll.yaml", "retention.ms: 7d", "retention.ms: 8d");
            place.plan();
            place.set_by_hand(".passages", "retention.ms", "1000");
            place.eventually(|kafka, query| {
                let now = crate::scene::observed(kafka, query);
                now.topics.values().any(|topic| topic.config["retention.ms"] == "1000")
            });
        },
        line: DEPLOY,
    },
    Case {
        name: "the topic was made by hand, otherwise",
        exit: 7,
        set_up: |place| {
            place.plan();
            place.create_topic(".passages", 7);
            place.eventually(|kafka, query| !crate::scene::observed(kafka, query).topics.is_empty());
        },
        line: DEPLOY,
    },
    Case {
        name: "the topic was deleted by hand",
        exit: 4,
        set_up: |place| {
            place.deploy();
            place.edit("toll.yaml", "retention.ms: 7d", "retention.ms: 8d");
            place.plan();
            place.by_hand(&Change::delete_topic(place.physical(".passages"), &ObservedTopic::default()));
            place.eventually(|kafka, query| crate::scene::observed(kafka, query).topics.is_empty());
        },
        line: DEPLOY,
    },
    Case {
        name: "the topic to delete was deleted and made again by hand",
        exit: 4,
        set_up: |place| {
            place.create_topic(".old", 1);
            place.deploy();
            place.append("kind: Topic\nmetadata: {name: old, team: toll}\nspec: {ensure: absent}");
            place.plan();
            place.by_hand(&Change::delete_topic(place.physical(".old"), &ObservedTopic::default()));
            std::thread::sleep(std::time::Duration::from_millis(500));
            place.create_topic(".old", 1);
            std::thread::sleep(std::time::Duration::from_millis(500));
        },
        line: "weir-deploy plan.json --max-risk destroy",
    },
];
