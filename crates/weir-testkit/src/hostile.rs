//! A hostile team: random documents for its own path, and the judgement of what they lead to.
//!
//! The team is `toll`; its names begin with `toll.` or `toll-`. The victim is the team `cards`, which consents to a few
//! things ([`CARDS`]).

use weir_model::{Operation, PatternType, Resource};
use weir_planning::Acl;

/// The victim's file: topics, an account with a key, and consents to the hostile team.
pub const CARDS: &str = r#"
apiVersion: weir/v1
kind: Topic
metadata: {name: cards.status.v1, team: cards}
spec: {partitions: 3, access: {consumers: [toll]}}
---
apiVersion: weir/v1
kind: Topic
metadata: {name: cards.payments.v1, team: cards}
spec: {partitions: 3}
---
apiVersion: weir/v1
kind: Consent
metadata: {name: cards-events, team: cards}
spec: {topics: ["cards.events.*"], groups: [cards-shared], producers: [toll], consumers: [toll]}
---
apiVersion: weir/v1
kind: ServiceAccount
metadata: {name: cards-ledger, team: cards, description: keeps the books}
spec: {apiKeys: [{}]}
---
apiVersion: weir/v1
kind: AccessControlList
metadata: {name: cards-ledger, team: cards}
spec:
  serviceAccount: cards-ledger
  allow: [{produce: cards.status.v1}, {consume: cards.payments.v1, group: cards-ledger}]
"#;

/// Pseudo-random choices: the same seed gives the same documents.
#[derive(Debug)]
pub struct Attack {
    state: u64,
    /// Names of the stages, which overlays name.
    stages: &'static [&'static str],
    /// The beginning of the names that belong to another stage of the same cluster.
    elsewhere: String,
}

const OWN_TOPICS: &[&str] = &["toll.a", "toll.b", "toll.passages.v1", "toll.x.y"];
const OTHER_TOPICS: &[&str] = &[
    "cards.status.v1",
    "cards.payments.v1",
    "cards.new",
    "cards.events.v1",
    "legacy.payments",
    "_schemas",
    "__consumer_offsets",
    "toll-gates.x",
    "toll_gates.x",
    "toll",
    "dev.cards.payments.v1",
    "test.toll.a",
    "TOLL.a",
];
const OWN_ACCOUNTS: &[&str] = &["toll-a", "toll-b", "toll-billing"];
const OTHER_ACCOUNTS: &[&str] = &[
    "cards-ledger",
    "root",
    "weir",
    "admin",
    "ANONYMOUS",
    "dev-cards-ledger",
    "toll",
    "legacy-billing",
    "toll_x",
    "*",
    "toll-foreign",
];
const OWN_GROUPS: &[&str] = &["toll-g", "toll.g", "toll-*", "toll.*"];
const OTHER_GROUPS: &[&str] = &["cards-ledger", "cards-*", "*", "cards-shared", "legacy", "tol*", "dev.cards-ledger"];
const PATTERNS: &[&str] =
    &["toll.*", "toll.a*", "toll*", "t*", "cards.*", "cards.status.v1*", "cards.events.*", "*", "_*", "legacy.*"];
const OPERATIONS: &[&str] =
    &["Read", "Write", "Describe", "DescribeConfigs", "Create", "Delete", "Alter", "AlterConfigs", "All"];

impl Attack {
    /// Begins with a seed. `stages` are the stages of the workspace, `prefix` is the prefix of one of them.
    pub fn new(seed: u64, stages: &'static [&'static str], prefix: &str) -> Self {
        Self { state: seed, stages, elsewhere: prefix.to_owned() }
    }

    /// Returns a number below `limit`.
    #[expect(clippy::cast_possible_truncation, reason = "the number is below a `usize`")]
    pub fn below(&mut self, limit: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// Returns mostly a name of the team's own, so that most documents are accepted.
    fn name(&mut self, own: &[&str], others: &[&str]) -> String {
        match self.below(100) {
            0..88 => self.pick(own).to_owned(),
            88..98 => self.pick(others).to_owned(),
            // A physical name of another stage.
            _ => self.elsewhere.clone() + self.pick(others),
        }
    }

    /// Returns a field `stages` with these contents in one stage, or with none.
    fn stages(&mut self, overlay: &str) -> String {
        let stage = self.pick(self.stages);
        match self.below(10) {
            0 => format!("stages: {{{stage}: }}, "),
            1 | 2 => {
                let others: Vec<String> = self.stages.iter().map(|stage| format!("{stage}: ")).collect();
                let others: Vec<String> = others.into_iter().filter(|other| !other.starts_with(stage)).collect();
                format!("stages: {{{stage}: {{{overlay}}}, {}}}, ", others.join(", "))
            }
            _ => String::new(),
        }
    }

    /// Returns documents for the team's file.
    pub fn file(&mut self, most: usize) -> String {
        let documents = 1 + self.below(most);
        let all: Vec<String> = (0..documents).map(|_| format!("apiVersion: weir/v1\n{}", self.document())).collect();
        all.join("\n---\n")
    }

    fn document(&mut self) -> String {
        let team = if self.chance(95) { "toll" } else { self.pick(&["cards", "platform", "Toll"]) };
        let ensure = self.pick(&["", "", "", "", "", "ensure: absent, ", "ensure: unmanaged, "]);
        let labels = self.pick(&["", "", ", labels: {team: cards, adopt: \"true\"}"]);
        match self.below(20) {
            0..6 => {
                let name = self.name(OWN_TOPICS, OTHER_TOPICS);
                let stages = self.stages("partitions: 5, access: {consumers: [\"*\"], administrators: [toll]}");
                let access =
                    self.pick(&["", "", "access: {consumers: [\"*\"]}, ", "access: {administrators: [cards]}, "]);
                let partitions = 1 + self.below(4);
                format!(
                    "kind: Topic\nmetadata: {{name: \"{name}\", team: {team}{labels}}}\n\
                     spec: {{{ensure}{stages}{access}partitions: {partitions}}}"
                )
            }
            6..11 => {
                let name = self.name(OWN_ACCOUNTS, OTHER_ACCOUNTS);
                let keys = self.pick(&[
                    "",
                    "apiKeys: [{}], ",
                    "apiKeys: [{overlap: 3000d, rotateEvery: 3650d}], ",
                    "apiKeys: [{slot: ledger}], ",
                ]);
                let stages = self.stages("ensure: absent");
                format!(
                    "kind: ServiceAccount\nmetadata: {{name: \"{name}\", team: {team}, description: x{labels}}}\n\
                     spec: {{{ensure}{stages}{keys}}}"
                )
            }
            11..17 => self.list(team),
            17 => {
                let topics = self.name(&["toll.*", "toll.a"], PATTERNS);
                let groups = self.name(OWN_GROUPS, OTHER_GROUPS);
                let until = self.pick(&["", "until: 2020-01-01, ", "until: 2099-01-01, "]);
                format!(
                    "kind: Consent\nmetadata: {{name: toll-c, team: {team}}}\n\
                     spec: {{{until}topics: [\"{topics}\"], groups: [\"{groups}\"], consumers: [toll, cards], administrators: [toll]}}"
                )
            }
            18 if self.chance(20) => self
                .pick(&[
                    "kind: Team\nmetadata: {name: zoll}",
                    "kind: Team\nmetadata: {name: toll}\nspec: {names: {topics: [\"cards.\"]}}",
                    "kind: Waiver\nmetadata: {name: w}\nspec: {rule: few-partitions, entity: Topic/toll.a, reason: x, owner: toll, until: 2099-01-01}",
                    "kind: Policy\nmetadata: {name: p}\nspec: {match: {kinds: [Plan]}, validations: [{expression: \"false\", message: x}]}",
                    "kind: Workspace\nmetadata: {name: shop}\nspec: {clusters: {}, stages: []}",
                ])
                .to_owned(),
            _ => "kind: Topic\nmetadata: {name: toll.z, team: toll}\nspec: {partitions: 1}".to_owned(),
        }
    }

    fn list(&mut self, team: &str) -> String {
        let account = self.name(OWN_ACCOUNTS, OTHER_ACCOUNTS);
        let name = self.name(&[&account, "toll-more"], OTHER_ACCOUNTS);
        let mut text = format!(
            "kind: AccessControlList\nmetadata: {{name: \"{name}\", team: {team}}}\nspec:\n  serviceAccount: \"{account}\"\n  rules:\n"
        );
        for _ in 0..=self.below(3) {
            text.push_str(&format!("    - {}\n", self.rule()));
        }
        if self.chance(50) {
            let topic = self.name(OWN_TOPICS, OTHER_TOPICS);
            let topic = if self.chance(20) { self.pick(PATTERNS).to_owned() } else { topic };
            let group = self.name(OWN_GROUPS, OTHER_GROUPS);
            let until = self.pick(&["", "", ", until: 2020-01-01", ", until: 2099-01-01"]);
            let grant = match self.chance(50) {
                true => format!("{{consume: \"{topic}\", group: \"{group}\"{until}}}"),
                false => format!("{{produce: \"{topic}\", transactionalId: \"{group}\"{until}}}"),
            };
            text.push_str(&format!("  allow: [{grant}]\n"));
        }
        if self.chance(25) {
            let stage = self.pick(self.stages);
            let others = self.stages.iter().filter(|other| **other != stage);
            let others: String = others.map(|stage| format!("    {stage}:\n")).collect();
            text.push_str(&format!("  stages:\n{others}    {stage}: {{rules: [{}]}}\n", self.rule()));
        }
        text
    }

    fn rule(&mut self) -> String {
        let more = self.pick(&["", "", "", ", permission: deny", ", host: 192.0.2.7"]);
        let more = format!("{more}{}", self.pick(&["", ", reason: the platform team knows"]));
        let operation = self.pick(OPERATIONS);
        let pattern = self.pick(&["", ", pattern: prefixed"]);
        match self.below(10) {
            0..5 if pattern.is_empty() => {
                let name = self.name(OWN_TOPICS, OTHER_TOPICS);
                format!("{{resource: topic, name: \"{name}\", operations: [{operation}]{more}}}")
            }
            0..5 => {
                let others = ["toll", "t", "cards.", "_", "legacy.", "cards.events."];
                let name = self.name(&["toll.", "toll.a"], &others);
                format!("{{resource: topic, name: \"{name}\"{pattern}, operations: [{operation}]{more}}}")
            }
            5..7 => {
                let name = self.name(&["toll-g", "toll.g"], OTHER_GROUPS);
                let operation = self.pick(&["Read", "Describe", "Delete", "All"]);
                format!("{{resource: group, name: \"{name}\"{pattern}, operations: [{operation}]{more}}}")
            }
            7..9 => {
                let name = self.name(&["toll-t", "toll.t"], &["cards-t", "*", "weir.key:4096:1:x", "weir.", "w"]);
                let operation = self.pick(&["Describe", "Write", "All"]);
                format!("{{resource: transactionalId, name: \"{name}\"{pattern}, operations: [{operation}]{more}}}")
            }
            _ => {
                let operation =
                    self.pick(&["IdempotentWrite", "IdempotentWrite", "Describe", "Alter", "All", "ClusterAction"]);
                match self.chance(75) {
                    true => format!("{{resource: cluster, operations: [{operation}]{more}}}"),
                    false => format!("{{resource: delegationToken, name: \"*\", operations: [Describe]{more}}}"),
                }
            }
        }
    }
}

/// The hostile team's own names on a cluster.
#[derive(Clone, Debug)]
pub struct Own {
    /// The prefixes of the cluster's stages: of topics, groups and transactional ids.
    pub names: Vec<String>,
    /// The prefixes of service accounts.
    pub accounts: Vec<String>,
}

impl Own {
    fn within(&self, name: &str, spaces: &[&str]) -> bool {
        let mut rests = self.names.iter().filter_map(|prefix| name.strip_prefix(prefix.as_str()));
        rests.any(|rest| spaces.iter().any(|space| rest.starts_with(space)))
    }

    /// Returns `true` if the topic is the team's own.
    pub fn topic(&self, name: &str) -> bool {
        self.within(name, &["toll."])
    }

    /// Returns `true` if the account is the team's own. `toll-foreign` is in its name space, and another workspace's.
    pub fn account(&self, name: &str) -> bool {
        let mut rests = self.accounts.iter().filter_map(|prefix| name.strip_prefix(prefix.as_str()));
        rests.any(|rest| rest.starts_with("toll-") && rest != "toll-foreign")
    }

    /// Returns `true` if the team may give the right to its own accounts: a right to its own names, one that [`CARDS`]
    /// consents to, or a denial of either.
    pub fn may_grant(&self, acl: &Acl) -> bool {
        let name = &*acl.name;
        let is = |whole: &str| self.names.iter().any(|prefix| name.strip_prefix(prefix.as_str()) == Some(whole));
        let literal = acl.pattern == PatternType::Literal && name != "*";
        let reads = matches!(acl.operation, Operation::Read | Operation::Describe | Operation::DescribeConfigs);
        let writes = acl.operation == Operation::Write;
        match acl.resource {
            Resource::Topic => {
                self.topic(name)
                    || literal && is("cards.status.v1") && reads
                    || self.within(name, &["cards.events."]) && (reads || writes)
            }
            Resource::Group => self.within(name, &["toll.", "toll-"]) || literal && is("cards-shared") && reads,
            Resource::TransactionalId => self.within(name, &["toll.", "toll-"]),
            Resource::Cluster => acl.operation == Operation::IdempotentWrite,
            Resource::DelegationToken => false,
        }
    }
}
