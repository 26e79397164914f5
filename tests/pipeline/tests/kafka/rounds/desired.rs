//! The workspace of a round: different in each round, the same in every run.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use pipeline::Random;
use weir_rdkafka_admin::{AclBinding, AclOperation, PatternType, Permission, ResourceType};

const TOPICS: u64 = 13;
/// From this number on, topics are deleted and created again, and always have the same settings. If Kafka 4.3.1
/// starts and reads its log from the beginning, it gives a topic the settings of a deleted topic of the same name,
/// unless the topic sets them itself. weir would then correctly report settings that no file declares.
const DELETED: u64 = 6;
const ACCOUNTS: u64 = 5;

/// Desired state of a topic: its partitions, and its settings in Kafka's spelling.
pub(crate) type Shape = (u64, BTreeMap<String, String>);

/// The entities of a round, with names as teams write them.
#[derive(Debug, Default)]
pub(crate) struct Desired {
    pub(crate) topics: BTreeSet<String>,
    /// The topics by their physical names.
    pub(crate) shapes: BTreeMap<String, Shape>,
    /// All bindings of the stage's accounts.
    pub(crate) bindings: BTreeSet<AclBinding>,
    /// Topics with a tombstone.
    pub(crate) deleted: BTreeSet<String>,
    pub(crate) accounts: BTreeSet<String>,
    /// Accounts with a tombstone.
    pub(crate) closed: BTreeSet<String>,
    text: String,
}

impl Desired {
    pub(crate) fn of(round: u64) -> Self {
        let mut random = Random::new(42, round);
        let mut desired = Self::default();
        for number in 0..TOPICS {
            let name = format!("t{number}");
            match random.below(10) {
                // The topic is not declared and stays as it is.
                0 => {}
                1 | 2 if number >= DELETED => {
                    desired.entity("Topic", &name, "", "{ensure: absent}");
                    desired.deleted.insert(name);
                }
                _ => {
                    let partitions = 1 + round / 20 + number % 2;
                    let days = 1 + random.below(3);
                    let mut config = format!("retention.ms: {days}d");
                    let mut settings =
                        BTreeMap::from([("retention.ms".to_owned(), (days * 24 * 3_600 * 1_000).to_string())]);
                    let mut set = |written: &str, kept: &str| {
                        write!(config, ", cleanup.policy: {written}").unwrap();
                        settings.insert("cleanup.policy".to_owned(), kept.to_owned());
                    };
                    match random.below(3) {
                        0 => set("[compact, delete]", "compact,delete"),
                        _ if number >= DELETED => set("delete", "delete"),
                        _ => {}
                    }
                    desired.shapes.insert(format!("dev.{name}"), (partitions, settings));
                    let spec = format!("{{partitions: {partitions}, replicationFactor: 1, config: {{{config}}}}}");
                    desired.entity("Topic", &name, "", &spec);
                    desired.topics.insert(name);
                }
            }
        }
        let topics: Vec<String> = desired.topics.iter().cloned().collect();
        for number in 0..ACCOUNTS {
            let name = format!("a{number}");
            if random.below(6) == 0 {
                desired.entity("ServiceAccount", &name, "closed", "{ensure: absent}");
                desired.closed.insert(name);
                continue;
            }
            let description =
                format!("Does {}", ["this", "that", "nothing"][usize::try_from(random.below(3)).unwrap()]);
            let spec = "{apiKeys: [{slot: default, rotateEvery: 90d, overlap: 0d}]}";
            desired.entity("ServiceAccount", &name, &description, spec);
            let mut allow = String::new();
            for topic in &topics {
                match random.below(6) {
                    0 => {
                        write!(allow, "{{produce: {topic}}}, ").unwrap();
                        desired.bindings.insert(binding(&name, ResourceType::Topic, topic, AclOperation::Write));
                    }
                    1 => {
                        write!(allow, "{{consume: {topic}, group: {name}}}, ").unwrap();
                        desired.bindings.insert(binding(&name, ResourceType::Topic, topic, AclOperation::Read));
                        desired.bindings.insert(binding(&name, ResourceType::Group, &name, AclOperation::Read));
                    }
                    _ => {}
                }
            }
            if !allow.is_empty() {
                let allow = allow.trim_end_matches(", ");
                desired.entity(
                    "AccessControlList",
                    &name,
                    "",
                    &format!("{{serviceAccount: {name}, allow: [{allow}]}}"),
                );
            }
            desired.accounts.insert(name);
        }
        desired
    }

    fn entity(&mut self, kind: &str, name: &str, description: &str, spec: &str) {
        let description = if description.is_empty() { String::new() } else { format!(", description: {description}") };
        writeln!(
            self.text,
            "---\napiVersion: weir/v1\nkind: {kind}\nmetadata: {{name: {name}, team: toll{description}}}\nspec: {spec}"
        )
        .unwrap();
    }

    pub(crate) fn yaml(&self) -> &str {
        &self.text
    }
}

fn binding(account: &str, resource_type: ResourceType, name: &str, operation: AclOperation) -> AclBinding {
    AclBinding {
        resource_type,
        name: format!("dev.{name}"),
        pattern: PatternType::Literal,
        principal: format!("User:dev-{account}"),
        host: "*".to_owned(),
        operation,
        permission: Permission::Allow,
    }
}
