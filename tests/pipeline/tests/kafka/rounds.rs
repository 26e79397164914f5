//! Kills deployments and brokers and cuts connections: a second run must reach the intended end, lose or leave no
//! secret, and touch no foreign objects.
//!
//! `WEIR_ROUNDS` sets the number of rounds, `WEIR_SEED` the seed.

mod desired;

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs, thread,
    time::{Duration, Instant},
};

use pipeline::Random;
use weir_model::{Operation, PatternType, Permission, Resource};
use weir_planning::{Acl, Change, Host, Observed, SecretRef};
use weir_ports::{Cluster as _, ErrorKind, ExposeSecret as _, Query};
use weir_rdkafka_admin::{
    self as rd, AclBinding, AclFilter, Admin, ConfigEntry, ConfigQuery, ConfigResource, ConfigSource, Options,
    ScramAlteration, ScramCredential, ScramMechanism, TopicDescription, rdkafka::ClientConfig,
};
use weir_sandbox::Vaults;

use self::desired::{Desired, Shape};
use crate::scene::{self, Ended, Folder, Scene};

/// Number of rounds in a test run; 100 and more by hand.
const ROUNDS: u64 = 25;
/// Time within which every run must end.
const PATIENCE: Duration = Duration::from_secs(120);

/// The disturbance of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Disturbance {
    /// weir gets SIGKILL.
    Kill,
    /// Connections are cut, then weir gets SIGKILL.
    CutAndKill,
    /// Connections are cut repeatedly for a while; weir keeps running.
    Cut,
    /// All data arrives late, then weir gets SIGKILL.
    SlowAndKill,
    /// The broker gets SIGKILL, then weir; the broker is started again.
    BrokerKilled,
    /// The broker is restarted; weir keeps running.
    BrokerRestarted,
}

impl Disturbance {
    fn of(round: u64, random: &mut Random) -> Self {
        match (round % 10, random.below(10)) {
            (4, _) => Self::BrokerKilled,
            (9, _) => Self::BrokerRestarted,
            (_, 0..5) => Self::Kill,
            (_, 5..7) => Self::CutAndKill,
            (_, 7) => Self::Cut,
            _ => Self::SlowAndKill,
        }
    }
}

#[derive(Debug, Default)]
struct Figures {
    rounds: BTreeMap<Disturbance, u64>,
    /// Number of runs that were killed between their first and their last step.
    in_the_middle: u64,
    /// Last journal lines of those runs.
    stopped_after: BTreeMap<String, u64>,
    /// Number of runs that librdkafka aborted.
    aborted: u64,
    /// Runs after the disturbed one, by exit code.
    again: BTreeMap<i32, u64>,
    steps: usize,
    keys: usize,
    times: Vec<Duration>,
}

#[test]
fn killed_runs_reach_the_same_end_when_run_again() {
    let number = |name: &str, default| env::var(name).map_or(default, |text| text.parse().unwrap());
    let (rounds, seed) = (number("WEIR_ROUNDS", ROUNDS), number("WEIR_SEED", 1));
    let Some(mut scene) = Scene::start(&[]) else { return };
    let foreign = make_foreign(&scene);
    let folder = scene.workspace("dev", "");
    let (mut figures, mut shapes) = (Figures::default(), BTreeMap::new());
    let begun = Instant::now();
    for round in 0..rounds {
        let since = Instant::now();
        let mut random = Random::new(seed, round);
        Round { scene: &mut scene, folder: &folder, round, figures: &mut figures, shapes: &mut shapes }
            .play(&mut random);
        assert_eq!(foreign, Foreign::read(&scene), "round {round} touched what is not its own");
        figures.times.push(since.elapsed());
    }
    figures.times.sort_unstable();
    let median = figures.times.get(figures.times.len() / 2).copied().unwrap_or_default();
    let summary = format!(
        "{rounds} rounds in {:.1?}, median {median:.2?}: {:?}; killed in the middle: {}, after {:?}; aborted: {}; \
         runs again: {:?}; \
         {} steps, {} API keys",
        begun.elapsed(),
        figures.rounds,
        figures.in_the_middle,
        figures.stopped_after,
        figures.aborted,
        figures.again,
        figures.steps,
        figures.keys,
    );
    assert!(rounds < 10 || figures.in_the_middle >= rounds / 10, "too few rounds were disturbed: {summary}");
    if let Some(file) = env::var_os("WEIR_ROUNDS_REPORT") {
        fs::write(file, summary + "\n").unwrap();
    }
}

struct Round<'a> {
    scene: &'a mut Scene,
    folder: &'a Folder,
    round: u64,
    figures: &'a mut Figures,
    /// State of the topics after this round. A setting that a file no longer names stays.
    shapes: &'a mut BTreeMap<String, Shape>,
}

impl Round<'_> {
    fn play(&mut self, random: &mut Random) {
        let before = self.scene.everything();
        let desired = Desired::of(self.round);
        let mut files = desired.yaml().to_owned();
        if self.round % 7 == 5 {
            // In some rounds all keys are due.
            let due = format!("overlap: 0d, rotatedAfter: \"{}\"", jiff::Timestamp::now());
            files = files.replace("overlap: 0d", &due);
        }
        self.folder.write("toll.yaml", &files);
        let made = self.weir("weir-plan --stage dev --out plan.json");
        assert_eq!(made.code, Some(0), "round {}: {made:?}", self.round);
        let plan: serde_json::Value = serde_json::from_str(&self.folder.read("plan.json")).unwrap();
        let deploy = format!(
            "weir-deploy plan.json --max-risk data-loss --beyond-threshold --digest {} --journal journal.jsonl",
            plan["digest"].as_str().unwrap()
        );
        self.figures.steps += plan["steps"].as_array().unwrap().len();

        let disturbance = Disturbance::of(self.round, random);
        *self.figures.rounds.entry(disturbance).or_default() += 1;
        let mut said = vec![made];
        said.push(self.disturbed(&deploy, disturbance, random));
        // After any disturbance, a second run of the same plan continues.
        for again in 0.. {
            let ended = self.weir(&deploy);
            let code = ended.code.unwrap();
            *self.figures.again.entry(code).or_default() += 1;
            assert!(code == 0 || (again < 2 && code == 5), "round {} {disturbance:?}: {said:?}, {ended:?}", self.round);
            said.push(ended);
            if code == 0 {
                break;
            }
        }
        let left = self.weir("weir-plan --stage dev --detailed-exitcode");
        assert_eq!(left.code, Some(0), "round {} {disturbance:?}: {left:?}\n{said:?}", self.round);
        said.push(left);
        let secrets = self.check(&desired, &before);
        self.figures.keys += secrets.len();
        self.check_silence(&said, &secrets);
        fs::remove_file(self.folder.at("journal.jsonl")).unwrap();
    }

    fn weir(&self, line: &str) -> Ended {
        scene::run(self.folder.command(&self.scene.broker, line))
    }

    fn disturbed(&mut self, line: &str, disturbance: Disturbance, random: &mut Random) -> Ended {
        if disturbance == Disturbance::SlowAndKill {
            self.scene.proxy.delay(Duration::from_millis(1 + random.below(10)));
        }
        let (begun, mut child) = scene::spawn(self.folder.command(&self.scene.broker, line));
        let mut pause = |most| thread::sleep(Duration::from_millis(random.below(most)));
        match disturbance {
            Disturbance::Kill => pause(700),
            Disturbance::SlowAndKill => pause(2_000),
            Disturbance::CutAndKill => {
                for _ in 0..2 {
                    pause(300);
                    self.scene.proxy.cut();
                }
                pause(500);
            }
            Disturbance::Cut => {
                for _ in 0..6 {
                    pause(200);
                    self.scene.proxy.cut();
                }
            }
            Disturbance::BrokerKilled => {
                pause(500);
                self.scene.broker.kill();
                pause(200);
            }
            Disturbance::BrokerRestarted => {
                pause(400);
                self.scene.broker.stop();
            }
        }
        let left_alone = matches!(disturbance, Disturbance::Cut | Disturbance::BrokerRestarted);
        if !left_alone {
            child.kill().unwrap();
        }
        if matches!(disturbance, Disturbance::BrokerKilled | Disturbance::BrokerRestarted) {
            self.scene.restart();
        }
        let ended = Ended::of(begun, child.wait_with_output().unwrap());
        self.scene.proxy.delay(Duration::ZERO);
        assert!(ended.took < PATIENCE, "round {} {disturbance:?}: {ended:?}", self.round);
        if left_alone {
            // librdkafka 2.12.1 aborts on a metadata answer without any broker, which the only broker of a cluster
            // sends while it shuts down (`rd_kafka_DescribeClusterResponse_parse` fails without an error). This is one
            // more way for weir to be killed.
            let aborted = ended.code.is_none() && ended.stderr.contains("Assertion `rko_result' failed");
            self.figures.aborted += u64::from(aborted);
            // The run was not begun, partly done, or done: never stale, never an internal error.
            assert!(
                aborted || matches!(ended.code, Some(0 | 5 | 6)),
                "round {} {disturbance:?}: {ended:?}",
                self.round
            );
        }
        let journal = fs::read_to_string(self.folder.at("journal.jsonl")).unwrap_or_default();
        let last = journal.lines().last().and_then(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        if let Some(last) = last.filter(|_| ended.code.is_none()) {
            let event = last["event"].as_str().unwrap_or("half a line").to_owned();
            if event != "run-finished" {
                self.figures.in_the_middle += 1;
                *self.figures.stopped_after.entry(event).or_default() += 1;
            }
        }
        ended
    }

    /// Checks the broker and the vaults without weir's binaries. Returns all secrets in the vaults.
    fn check(&mut self, desired: &Desired, before: &Observed) -> Vec<String> {
        let (round, now) = (self.round, self.scene.everything());
        let names = |of: &BTreeSet<String>| of.iter().map(|name| format!("dev.{name}")).collect::<BTreeSet<_>>();
        let topics: BTreeSet<String> = now.topics.keys().filter(|name| name.starts_with("dev.")).cloned().collect();
        // A setting that the files no longer name stays.
        let kept = before.topics.keys().filter(|name| name.starts_with("dev.")).cloned();
        let gone = names(&desired.deleted);
        let expected: BTreeSet<String> =
            kept.filter(|name| !gone.contains(name)).chain(names(&desired.topics)).collect();
        assert_eq!(topics, expected, "round {round}");
        for (name, topic) in &now.topics {
            // The topic was never deleted and created again.
            let same = before.topics.get(name).is_none_or(|before| before.topic_id == topic.topic_id);
            assert!(same, "round {round}: {name} is another topic now");
        }

        self.shapes.retain(|name, _| !gone.contains(name));
        for (name, (partitions, settings)) in &desired.shapes {
            let shape = self.shapes.entry(name.clone()).or_default();
            shape.0 = *partitions;
            shape.1.extend(settings.clone());
        }
        let (shapes, bindings) = reported(self.scene);
        assert_eq!(&shapes, self.shapes, "round {round}");
        assert_eq!(bindings, desired.bindings, "round {round}");

        let accounts: BTreeSet<&str> = now.accounts.keys().filter_map(|name| name.strip_prefix("dev-")).collect();
        assert_eq!(accounts, desired.accounts.iter().map(String::as_str).collect(), "round {round}");
        let vaults = Vaults::open(self.folder.at(".weir"), Default::default()).unwrap();
        let (mut secrets, mut logins) = (Vec::new(), Vec::new());
        for account in desired.accounts.iter().chain(&desired.closed) {
            let name = format!("dev-{account}");
            let at = SecretRef {
                vault: "https://kv-toll-dev.vault.azure.net".to_owned(),
                name: weir_model::secret_name(&name, "default"),
            };
            let keys: Vec<&String> = now.keys.iter().filter(|(_, key)| key.account == name).map(|(id, _)| id).collect();
            let stored = vaults.read_secret(&at).unwrap();
            if desired.closed.contains(account) {
                assert!(keys.is_empty() && stored.is_none(), "round {round}: {name} is closed, and has {keys:?}");
                continue;
            }
            let stored = stored.unwrap_or_else(|| panic!("round {round}: the vault has no secret for {name}"));
            let stored: serde_json::Value = serde_json::from_str(stored.expose_secret()).unwrap();
            assert_eq!(keys, [stored["api_key"].as_str().unwrap()], "round {round}");
            let secret = stored["api_secret"].as_str().unwrap().to_owned();
            assert_eq!(stored["sasl.username"].as_str(), Some(name.as_str()));
            logins.push(self.scene.client(&name, secret.as_str()));
            secrets.push(secret);
        }
        let let_in = pipeline::block_on(async {
            let nothing = Query::default();
            let tries = logins.iter().map(|login| login.observe(&nothing));
            futures::future::join_all(tries).await
        });
        for (login, answer) in logins.iter().zip(let_in) {
            // The account may log in, and sees no ACLs.
            let error = answer.expect_err("an account may not see ACLs");
            let let_in = error.kind == ErrorKind::Denied && error.message.contains("needs Describe");
            assert!(let_in, "round {round}: {login:?}: {error}");
        }
        secrets
    }

    /// Checks that no secret of a vault is anywhere else.
    fn check_silence(&self, said: &[Ended], secrets: &[String]) {
        let files = ["plan.json", "journal.jsonl"].map(|name| self.folder.read(name));
        let texts = said.iter().flat_map(|ended| [&ended.stdout, &ended.stderr]).chain(&files);
        for text in texts {
            assert!(!text.contains("has a bug"), "round {}: {text}", self.round);
            for secret in secrets.iter().map(String::as_str).chain([self.scene.broker.admin().1]) {
                assert!(!text.contains(secret), "round {}: a secret is printed", self.round);
            }
        }
    }
}

/// Returns the stage's topics and bindings as the broker reports them, without weir.
fn reported(scene: &Scene) -> (BTreeMap<String, Shape>, BTreeSet<AclBinding>) {
    let (admin, options) = (bare(scene), Options::new());
    let metadata = admin.client().fetch_metadata(None, Duration::from_secs(30)).unwrap();
    let names: Vec<&str> = metadata.topics().iter().map(|topic| topic.name()).collect();
    let names: Vec<&str> = names.into_iter().filter(|name| name.starts_with("dev.")).collect();
    let resources: Vec<ConfigResource> = names.iter().map(|name| ConfigResource::Topic((*name).to_owned())).collect();
    let all = AclFilter::any();
    let (topics, settings, acls) = pipeline::block_on(async {
        futures::try_join!(
            admin.describe_topics(&names, &options),
            admin.describe_configs(&resources, ConfigQuery::default(), &options),
            admin.describe_acls(&all, &options),
        )
        .unwrap()
    });
    let shape = |(topic, settings): (Result<TopicDescription, _>, Result<Vec<ConfigEntry>, _>)| {
        let (topic, settings) = (topic.unwrap(), settings.unwrap());
        let own = settings.into_iter().filter(|setting| setting.source == ConfigSource::Topic);
        let settings = own.map(|setting| (setting.name, setting.value.unwrap())).collect();
        (topic.name, (topic.partitions.len() as u64, settings))
    };
    let bindings = acls.into_iter().filter(|acl| acl.principal.starts_with("User:dev-") && !is_note(acl)).collect();
    (topics.into_iter().zip(settings).map(shape).collect(), bindings)
}

/// Returns `true` for a binding without effect, which weir uses to store accounts and keys.
fn is_note(acl: &AclBinding) -> bool {
    acl.permission == rd::Permission::Deny
        && acl.resource_type == rd::ResourceType::TransactionalId
        && (acl.name.starts_with("weir.account:") || acl.name.starts_with("weir.key:"))
}

/// Foreign objects as the broker reports them: topics, bindings, credentials.
#[derive(Debug, PartialEq)]
struct Foreign {
    topics: String,
    acls: Vec<String>,
    users: BTreeMap<String, Vec<ScramCredential>>,
}

impl Foreign {
    fn read(scene: &Scene) -> Self {
        let mut now = scene.everything();
        now.topics.retain(|name, _| !name.starts_with("dev."));
        let admin = bare(scene);
        let options = Options::new();
        let (acls, users) = pipeline::block_on(async {
            let acls = admin.describe_acls(&AclFilter::any(), &options).await.unwrap();
            (acls, admin.describe_scram_credentials(None, &options).await.unwrap())
        });
        let mut acls: Vec<String> = acls
            .into_iter()
            .filter(|acl| !acl.principal.starts_with("User:dev-"))
            .map(|acl| format!("{acl:?}"))
            .collect();
        acls.sort_unstable();
        let users = users
            .into_iter()
            .filter(|(user, _)| !user.starts_with("dev-"))
            .map(|(user, credentials)| {
                let mut credentials = credentials.unwrap();
                // A restarted broker reports credentials in another order.
                credentials.sort_by_key(|credential| format!("{:?}", credential.mechanism));
                (user, credentials)
            })
            .collect();
        Self { topics: serde_json::to_string_pretty(&now.topics).unwrap(), acls, users }
    }
}

fn bare(scene: &Scene) -> Admin {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", scene.broker.bootstrap_plaintext());
    Admin::new(&config).unwrap()
}

/// Creates foreign topics, bindings and users, some with names similar to the stage's.
fn make_foreign(scene: &Scene) -> Foreign {
    let topic = |name: &str| Change::CreateTopic {
        topic: name.to_owned(),
        partitions: Some(2),
        replication_factor: Some(1),
        config: weir_model::settings::observed([("retention.ms", "1234567")]),
    };
    let grant = |principal: &str, resource, pattern, name: &str, operation, permission| Change::CreateAcl {
        principal: principal.into(),
        acl: Acl { resource, pattern, name: name.into(), operation, permission, host: Host::Any },
    };
    let changes = [
        topic("other.orders"),
        topic("develop.notes"),
        topic("dev"),
        grant("User:other", Resource::Topic, PatternType::Prefixed, "dev.", Operation::Read, Permission::Allow),
        grant("User:other", Resource::Group, PatternType::Literal, "*", Operation::Read, Permission::Allow),
        grant("User:develop", Resource::Topic, PatternType::Literal, "dev.t1", Operation::Write, Permission::Deny),
        grant("User:*", Resource::Topic, PatternType::Literal, "other.orders", Operation::Describe, Permission::Allow),
    ];
    pipeline::block_on(async {
        for answer in scene.by_hand.apply(&changes.iter().collect::<Vec<_>>()).await {
            answer.unwrap();
        }
        // While it starts and reads its log, Kafka 4.3.1 forgets all users of a mechanism when it reaches a deleted
        // user and knows no other one (`ScramDelta.apply` drops the map that it goes on filling). The order is that of
        // the names' hashes. This name comes first and is never deleted, which avoids the problem.
        const FIRST: &str = "cruise-control";
        let users = [FIRST, "other", "develop", "dev"].map(|user| ScramAlteration::Upsert {
            user,
            mechanism: ScramMechanism::Sha512,
            iterations: 4_096,
            password: scene::CANARY.as_bytes(),
            salt: None,
        });
        for answer in bare(scene).alter_scram_credentials(&users, &Options::new()).await.unwrap() {
            answer.unwrap();
        }
    });
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let seen = Foreign::read(scene);
        // The administrator is foreign too.
        if seen.acls.len() == 4 && seen.users.len() == 5 && seen.topics.matches("1234567").count() == 3 {
            return seen;
        }
        assert!(Instant::now() < deadline, "{seen:?}");
    }
}
