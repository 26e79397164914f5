//! Generates large workspaces, the same bytes for the same [`Shape`]: for benches, and for trying weir at scale.
//!
//! The workspaces look like those of real teams: documents of about 15 lines, about 50 to a file, profiles, stage
//! overlays, topics shared across teams, accounts with two key slots, `ownership`. They validate without a finding.

mod names;

use std::fmt::{self, Write as _};

use self::names::{EVENTS, SERVICES, SUBJECTS, Sequence, team};

/// The size of a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Topics.
    pub topics: usize,
    /// Teams, at least one. Topics and accounts are spread over them evenly.
    pub teams: usize,
    /// Service accounts, each with an access control list if it has grants.
    pub accounts: usize,
    /// Grants in access control lists, spread over the accounts evenly. Each grant becomes one ACL binding, and each
    /// account that reads has another binding for its consumer group.
    ///
    /// No account gets the same grant twice, so its grants are limited to twice the number of its team's topics.
    pub acls: usize,
    /// Stages, from 1 to 4: dev, test, preprod, prod.
    pub stages: usize,
    /// Another seed gives other partitions, labels and settings for the same names.
    pub seed: u64,
}

impl Shape {
    /// Returns the usual proportions for a number of topics: a team for 50 topics, an account for 10, a grant for
    /// each, four stages.
    pub fn of_topics(topics: usize) -> Self {
        Self {
            topics,
            teams: topics.div_ceil(50).max(1),
            accounts: topics.div_ceil(10),
            acls: topics,
            stages: 4,
            seed: 1,
        }
    }
}

/// The largest number of documents in a file.
const DOCUMENTS_PER_FILE: usize = 50;

/// The possible stages, in promotion order.
const STAGES: [&str; 4] = ["dev", "test", "preprod", "prod"];

/// Returns the files of a workspace of this shape, as path (relative, with `/`) and text, sorted by path.
pub fn workspace(shape: &Shape) -> Vec<(String, String)> {
    let stages = &STAGES[..shape.stages.clamp(1, STAGES.len())];
    let teams: Vec<Team> = (0..shape.teams.max(1)).map(|index| Team::new(index, shape)).collect();
    let mut random = Sequence::new(shape.seed);

    let mut files = vec![("weir.yaml".to_owned(), settings(stages))];
    let platform = "kind: Team\nmetadata:\n  name: kafka\n  description: Runs Kafka\n".to_owned();
    let product = teams.iter().enumerate().map(|(index, team)| {
        format!(
            "kind: Team\nmetadata:\n  name: {}\n  description: Product team {}\nspec:\n  members:\n    - group: \
             00000000-0000-0000-0000-{index:012}\n",
            team.name, team.name
        )
    });
    files.extend(to_files("platform", "teams", &std::iter::once(platform).chain(product).collect::<Vec<_>>()));
    for (index, own) in teams.iter().enumerate() {
        let neighbours = Neighbours {
            // Each team reads from the next team; a single team reads only its own topics.
            reader: teams.get((index + teams.len() - 1) % teams.len()).filter(|_| teams.len() > 1),
            source: teams.get((index + 1) % teams.len()).filter(|_| teams.len() > 1),
        };
        let folder = format!("teams/{}", own.name);
        let topics: Vec<String> =
            (0..own.topics).map(|topic| topic_document(own, topic, &neighbours, stages, &mut random)).collect();
        let accounts: Vec<String> =
            (0..own.accounts).map(|account| account_document(own, account, &mut random)).collect();
        let access: Vec<String> =
            (0..own.accounts).filter_map(|account| access_document(own, account, &neighbours, shape)).collect();
        for (kind, documents) in [("access", access), ("accounts", accounts), ("topics", topics)] {
            files.extend(to_files(&folder, kind, &documents));
        }
    }
    files.sort();
    files
}

/// A team's share of the shape.
struct Team {
    name: String,
    topics: usize,
    accounts: usize,
    /// Index of the team's first account among all accounts.
    first_account: usize,
}

/// The teams that share topics with a team: one reads its topics, and it reads those of the other.
struct Neighbours<'t> {
    reader: Option<&'t Team>,
    source: Option<&'t Team>,
}

/// Every tenth topic is shared with another team.
const SHARED: usize = 10;

impl Team {
    fn new(index: usize, shape: &Shape) -> Self {
        let teams = shape.teams.max(1);
        Self {
            name: team(index),
            topics: share(shape.topics, teams, index),
            accounts: share(shape.accounts, teams, index),
            first_account: (0..index).map(|before| share(shape.accounts, teams, before)).sum(),
        }
    }

    fn topic(&self, index: usize) -> String {
        let subject = SUBJECTS[index % SUBJECTS.len()];
        let event = EVENTS[index / SUBJECTS.len() % EVENTS.len()];
        match index / (SUBJECTS.len() * EVENTS.len()) {
            0 => format!("{}.{subject}.{event}.v1", self.name),
            more => format!("{}.{subject}.{event}-{more}.v1", self.name),
        }
    }

    fn account(&self, index: usize) -> String {
        let service = SERVICES[index % SERVICES.len()];
        match index / SERVICES.len() {
            0 => format!("{}-{service}", self.name),
            more => format!("{}-{service}-{more}", self.name),
        }
    }

    fn shared_topics(&self) -> usize {
        self.topics.div_ceil(SHARED)
    }
}

/// Returns the share of `all` for the part at `index` of `parts`.
fn share(all: usize, parts: usize, index: usize) -> usize {
    all / parts + usize::from(index < all % parts)
}

fn to_files(folder: &str, kind: &str, documents: &[String]) -> Vec<(String, String)> {
    documents
        .chunks(DOCUMENTS_PER_FILE)
        .enumerate()
        .map(|(index, documents)| {
            let path = match index {
                0 => format!("{folder}/{kind}.yaml"),
                more => format!("{folder}/{kind}-{more:03}.yaml"),
            };
            let documents: Vec<String> = documents.iter().map(|body| format!("apiVersion: weir/v1\n{body}")).collect();
            (path, documents.join("---\n"))
        })
        .collect()
}

fn settings(stages: &[&str]) -> String {
    let mut text =
        "apiVersion: weir/v1\nkind: Workspace\nmetadata:\n  name: generated\nspec:\n  clusters:\n".to_owned();
    for cluster in ["nonprod", "preprod", "prod"] {
        line(&mut text, format_args!("    {cluster}: {{sandbox: {{path: .weir/{cluster}, clusterId: {cluster}}}}}"));
    }
    text.push_str("  stages:\n");
    for stage in stages {
        line(&mut text, format_args!("    - name: {stage}"));
        if matches!(*stage, "dev" | "test") {
            text.push_str("      cluster: nonprod\n");
            line(
                &mut text,
                format_args!(
                    "      prefix: {{topic: \"{stage}.\", group: \"{stage}.\", transactionalId: \"{stage}.\", \
                     serviceAccount: \"{stage}-\"}}"
                ),
            );
            line(&mut text, format_args!("      owns: {{topics: [\"{stage}.*\"], serviceAccounts: [\"{stage}-*\"]}}"));
        } else {
            line(&mut text, format_args!("      cluster: {stage}"));
        }
    }
    text.push_str(
        "  profiles:\n    \
         standard: {partitions: 6, replicationFactor: 3, config: {min.insync.replicas: 2, retention.ms: 7d}}\n    \
         compacted: {partitions: 6, replicationFactor: 3, config: {min.insync.replicas: 2, cleanup.policy: [compact]}}\n    \
         high-volume: {partitions: 24, replicationFactor: 3, config: {min.insync.replicas: 2, retention.ms: 2d}}\n  \
         ownership: {platform: kafka}\n  defaults:\n    profile: standard\n    vault: \"https://kv-{team}-{stage}.vault.azure.net\"\n    \
         namespace: \"{team}-{stage}\"\n",
    );
    text
}

fn topic_document(
    team: &Team,
    index: usize,
    neighbours: &Neighbours<'_>,
    stages: &[&str],
    random: &mut Sequence,
) -> String {
    let name = team.topic(index);
    let subject = SUBJECTS[index % SUBJECTS.len()];
    let event = EVENTS[index / SUBJECTS.len() % EVENTS.len()];
    let profile = random.pick(&["standard", "standard", "standard", "compacted", "high-volume"]);
    let partitions = random.pick(&[3, 6, 6, 12]);
    let mut text = format!(
        "kind: Topic\nmetadata:\n  name: {name}\n  team: {}\n  description: A {subject} was {event}, one record for each\n  \
         labels: {{costCenter: \"{}\", dataClass: {}}}\nspec:\n  profile: {profile}\n  partitions: {partitions}\n  config:\n",
        team.name,
        4000 + random.below(1000),
        random.pick(&["public", "internal", "confidential"]),
    );
    if profile == "compacted" {
        line(&mut text, format_args!("    min.cleanable.dirty.ratio: 0.{}", 1 + random.below(5)));
        line(&mut text, format_args!("    segment.ms: {}d", 1 + random.below(7)));
    } else {
        line(&mut text, format_args!("    retention.ms: {}d", 1 + random.below(30)));
        line(&mut text, format_args!("    max.message.bytes: {}MiB", random.pick(&[1, 1, 2, 4])));
    }
    line(&mut text, format_args!("    compression.type: {}", random.pick(&["producer", "lz4", "zstd"])));
    if let Some(reader) = neighbours.reader.filter(|_| index.is_multiple_of(SHARED)) {
        line(&mut text, format_args!("  access: {{consumers: [{}]}}", reader.name));
    }
    // Some topics have more partitions in the last stage.
    if let Some((last, earlier)) = stages.split_last().filter(|_| random.below(5) == 0) {
        text.push_str("  stages:\n");
        for stage in earlier {
            line(&mut text, format_args!("    {stage}:"));
        }
        line(&mut text, format_args!("    {last}: {{partitions: {}}}", partitions * 2));
    }
    text
}

fn account_document(team: &Team, index: usize, random: &mut Sequence) -> String {
    let mut text = format!(
        "kind: ServiceAccount\nmetadata:\n  name: {}\n  team: {}\n  description: Service {} of team {}\n  \
         labels: {{costCenter: \"{}\"}}\nspec:\n  apiKeys:\n    - {{slot: default, rotateEvery: 90d, overlap: 7d}}\n",
        team.account(index),
        team.name,
        SERVICES[index % SERVICES.len()],
        team.name,
        4000 + random.below(1000),
    );
    if random.below(8) == 0 {
        text.push_str("    - {slot: batch, rotateEvery: 30d, overlap: 2d}\n");
    }
    text
}

/// Returns the access control list of an account; `None` if the account gets no grant.
fn access_document(team: &Team, index: usize, neighbours: &Neighbours<'_>, shape: &Shape) -> Option<String> {
    let grants = share(shape.acls, shape.accounts, team.first_account + index).min(2 * team.topics);
    if grants == 0 {
        return None;
    }
    let account = team.account(index);
    let mut text = format!(
        "kind: AccessControlList\nmetadata:\n  name: {account}\n  team: {}\nspec:\n  serviceAccount: {account}\n  allow:\n",
        team.name
    );
    let mut foreign = 0;
    for grant in 0..grants {
        // Every tenth grant reads a topic that the neighbour shares, until all shared topics are used.
        if let Some(source) = neighbours.source.filter(|source| grant % 10 == 9 && foreign < source.shared_topics()) {
            let topic = source.topic((index + foreign) % source.shared_topics() * SHARED);
            line(&mut text, format_args!("    - {{consume: {topic}, group: {account}}}"));
            foreign += 1;
            continue;
        }
        let own = grant - foreign;
        let turn = own % team.topics;
        let topic = team.topic((index * grants + turn) % team.topics);
        // In the second round, reading and writing are swapped, so that no grant occurs twice.
        if turn.is_multiple_of(3) != (own >= team.topics) {
            line(&mut text, format_args!("    - {{produce: {topic}}}"));
        } else {
            line(&mut text, format_args!("    - {{consume: {topic}, group: {account}}}"));
        }
    }
    Some(text)
}

/// Adds a line. Writing to a `String` cannot fail.
fn line(text: &mut String, line: fmt::Arguments<'_>) {
    let _ = writeln!(text, "{line}");
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn count(files: &[(String, String)], needle: &str) -> usize {
        files.iter().map(|(_, text)| text.matches(needle).count()).sum()
    }

    #[test]
    fn a_workspace_has_the_requested_size() {
        let shape = Shape { topics: 1003, teams: 7, accounts: 31, acls: 500, stages: 4, seed: 1 };
        let files = workspace(&shape);
        assert_eq!(count(&files, "kind: Topic\n"), 1003);
        assert_eq!(count(&files, "kind: Team\n"), 8, "with the platform team");
        assert_eq!(count(&files, "kind: ServiceAccount\n"), 31);
        assert_eq!(count(&files, "- {produce: ") + count(&files, "- {consume: "), 500);
        assert!(files.iter().all(|(_, text)| text.matches("apiVersion:").count() <= DOCUMENTS_PER_FILE));
    }

    #[test]
    fn the_same_shape_gives_the_same_bytes() {
        let shape = Shape::of_topics(200);
        assert_eq!(workspace(&shape), workspace(&shape));
        assert_ne!(workspace(&shape), workspace(&Shape { seed: 2, ..shape }));
    }

    #[test]
    fn no_document_is_written_twice() {
        let shape = Shape { acls: 2000, ..Shape::of_topics(500) };
        let files = workspace(&shape);
        let paths: BTreeSet<&String> = files.iter().map(|(path, _)| path).collect();
        assert_eq!(paths.len(), files.len());
        let mut grants = BTreeSet::new();
        for (_, text) in &files {
            for document in text.split("---\n").filter(|document| document.contains("kind: AccessControlList\n")) {
                let name = document.lines().find(|line| line.starts_with("  name: "));
                for grant in document.lines().filter(|line| line.starts_with("    - {")) {
                    assert!(grants.insert((name, grant)), "{name:?} {grant}");
                }
            }
        }
        assert_eq!(grants.len(), 2000);
    }

    #[test]
    fn a_generated_topic_looks_like_a_real_one() {
        let files = workspace(&Shape::of_topics(100));
        let (_, text) = files.iter().find(|(path, _)| path.ends_with("topics.yaml")).unwrap();
        let topic = text.split("---\n").find(|document| document.contains("stages:")).unwrap();
        insta::assert_snapshot!(topic, @r#"
        apiVersion: weir/v1
        kind: Topic
        metadata:
          name: cards.journey.created.v1
          team: cards
          description: A journey was created, one record for each
          labels: {costCenter: "4814", dataClass: public}
        spec:
          profile: compacted
          partitions: 6
          config:
            min.cleanable.dirty.ratio: 0.1
            segment.ms: 3d
            compression.type: zstd
          stages:
            dev:
            test:
            preprod:
            prod: {partitions: 12}
        "#);
    }
}
