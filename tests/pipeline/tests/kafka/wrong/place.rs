//! The place of a wrong situation: a workspace, and names of its own on the shared broker.

use std::{
    collections::BTreeMap,
    io::Write as _,
    net::TcpListener,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use weir_kafka::Kafka;
use weir_model::{Operation, PatternType, Permission, Resource};
use weir_planning::{Acl, Change, Host, Principal, SecretRef, SettingChange};
use weir_ports::{Cluster as _, Query, SecretString};
use weir_sandbox::Vaults;

use crate::scene::{self, CANARY, Ended, Folder, Scene};

const ENTITIES: &str = "\
apiVersion: weir/v1
kind: Topic
metadata: {name: passages, team: toll}
spec: {partitions: 2, config: {retention.ms: 7d}}
---
apiVersion: weir/v1
kind: ServiceAccount
metadata: {name: gateway, team: toll, description: Takes passages}
spec: {apiKeys: [{slot: default}]}
---
apiVersion: weir/v1
kind: AccessControlList
metadata: {name: gateway, team: toll}
spec: {serviceAccount: gateway, allow: [{produce: passages}]}
";

pub(crate) struct Place<'a> {
    pub(crate) scene: &'a Scene,
    pub(crate) folder: Folder,
    prefix: String,
    environment: BTreeMap<&'static str, String>,
    /// Shell commands before the command.
    before: &'static str,
    /// Resources that are kept until the end.
    held: Vec<Box<dyn std::any::Any>>,
}

impl<'a> Place<'a> {
    pub(crate) fn new(scene: &'a Scene, number: usize) -> Self {
        Self::again(scene, number, scene.workspace(&prefix(number), ENTITIES))
    }

    /// Returns the place with this number, in its folder.
    pub(crate) fn again(scene: &'a Scene, number: usize, folder: Folder) -> Self {
        let prefix = prefix(number);
        Self { scene, folder, prefix, environment: BTreeMap::new(), before: "", held: Vec::new() }
    }

    /// Returns a name on the cluster from its end: `.passages`, `-gateway`.
    pub(crate) fn physical(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    pub(crate) fn edit(&mut self, file: &str, from: &str, to: &str) {
        let text = self.folder.read(file);
        let (from, to) = (from.replace("PREFIX", &self.prefix), to.replace("PREFIX", &self.prefix));
        assert!(text.contains(&from), "{file} does not contain `{from}`:\n{text}");
        self.folder.write(file, &text.replacen(&from, &to, 1));
    }

    pub(crate) fn append(&mut self, entity: &str) {
        let text = self.folder.read("toll.yaml");
        self.folder.write("toll.yaml", &format!("{text}---\napiVersion: weir/v1\n{entity}\n"));
    }

    pub(crate) fn env(&mut self, name: &'static str, value: &str) {
        self.environment.insert(name, value.to_owned());
    }

    /// Writes another address of the cluster.
    pub(crate) fn bootstrap(&mut self, address: &str) {
        let from = format!("bootstrap: \"{}\"", self.scene.proxy.address());
        self.edit("weir.yaml", &from, &format!("bootstrap: \"{address}\""));
    }

    /// Lets `sh` run this before the command.
    pub(crate) fn shell(&mut self, words: &'static str) {
        self.before = words;
    }

    /// Plans the stage into `plan.json`.
    pub(crate) fn plan(&mut self) {
        let ended = self.run("weir-plan --stage dev --out plan.json");
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }

    /// Plans and deploys the stage.
    pub(crate) fn deploy(&mut self) {
        self.plan();
        let ended = self.run("weir-deploy plan.json");
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }

    /// Changes the cluster by hand.
    pub(crate) fn by_hand(&self, change: &Change) {
        for answer in pipeline::block_on(self.scene.by_hand.apply(&[change])) {
            answer.unwrap();
        }
    }

    pub(crate) fn set_by_hand(&self, topic: &str, setting: &str, value: &str) {
        let change = SettingChange::new(setting, None, Some(value));
        let topic = self.physical(topic);
        self.by_hand(&Change::AlterConfig { topic, settings: [(setting.to_owned(), change)].into() });
    }

    pub(crate) fn create_topic(&self, name: &str, partitions: u32) {
        let (topic, partitions) = (self.physical(name), Some(partitions));
        self.by_hand(&Change::CreateTopic { topic, partitions, replication_factor: Some(1), config: BTreeMap::new() });
    }

    /// Waits until the broker reports the change.
    pub(crate) fn eventually(&self, check: impl Fn(&Kafka, &Query) -> bool) {
        let mut query = Query::default();
        query.topics.names.insert(self.physical(".passages"));
        query.accounts.names.insert(self.physical("-gateway"));
        let deadline = Instant::now() + Duration::from_secs(30);
        while !check(&self.scene.by_hand, &query) {
            assert!(Instant::now() < deadline, "still not so");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Creates a SCRAM user with [`CANARY`] as the password.
    pub(crate) fn user(&self, name: &str) {
        self.scene.add_user(name);
    }

    /// Lets weir log in as a user with these rights only: operations on the cluster, and on the stage's topics. Returns
    /// the user's name.
    pub(crate) fn may_only(&mut self, cluster: &[Operation], topics: &[Operation]) -> String {
        let user = format!("weir-{}", self.prefix);
        self.user(&user);
        let grant = |resource, pattern, name: &str, operation: &Operation| Change::CreateAcl {
            principal: Principal::of_account(&user),
            acl: Acl {
                resource,
                pattern,
                name: name.into(),
                operation: *operation,
                permission: Permission::Allow,
                host: Host::Any,
            },
        };
        let prefix = self.physical(".");
        let on_cluster = cluster.iter().map(|op| grant(Resource::Cluster, PatternType::Literal, Acl::CLUSTER_NAME, op));
        let on_topics = topics.iter().map(|op| grant(Resource::Topic, PatternType::Prefixed, &prefix, op));
        on_cluster.chain(on_topics).for_each(|change| self.by_hand(&change));
        self.env("ONPREM_USERNAME", &user);
        self.env("ONPREM_PASSWORD", CANARY);
        // The broker already knows the user and the rights, because the only node has answered.
        thread::sleep(Duration::from_millis(200));
        user
    }

    /// Lets weir log in as a user who may create one partition per second; `plan.json` creates this many at once. The
    /// broker creates them, and then sends nothing on that connection until the quota allows it.
    pub(crate) fn use_up_quota(&mut self, partitions: u32) {
        use Operation::{Alter, AlterConfigs, Create, Delete, Describe, DescribeConfigs};
        let user = self.may_only(
            &[Describe, DescribeConfigs, Alter],
            &[Create, Describe, DescribeConfigs, Alter, AlterConfigs, Delete],
        );
        let quota = "controller_mutation_rate=1";
        let set = ["--alter", "--add-config", quota, "--entity-type", "users", "--entity-name", &user];
        let set = self.scene.broker.tool("configs", &set);
        assert!(set.status.success(), "{set:?}");
        self.folder.write("toll.yaml", ENTITIES.split("---").next().unwrap());
        self.edit("toll.yaml", "partitions: 2", &format!("partitions: {partitions}"));
        self.plan();
    }

    pub(crate) fn vaults(&self) -> Vaults {
        Vaults::open(self.folder.at(".weir"), Default::default()).unwrap()
    }

    pub(crate) fn secret(&self) -> SecretRef {
        SecretRef {
            vault: "https://kv-toll-dev.vault.azure.net".to_owned(),
            name: weir_model::secret_name(&self.physical("-gateway"), "default"),
        }
    }

    /// Stores a foreign secret in the place of the account's key.
    pub(crate) fn foreign_secret(&self) {
        self.vaults().put_secret(&self.secret(), &SecretString::from(CANARY), &BTreeMap::new()).unwrap();
    }

    /// Starts a server that answers every connection like this. Returns its address.
    pub(crate) fn server(&mut self, answer: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        thread::spawn(move || {
            let mut open = Vec::new();
            for mut stream in listener.incoming().flatten() {
                if !answer.is_empty() {
                    let _ = stream.write_all(answer);
                }
                open.push(stream);
            }
        });
        address
    }

    pub(crate) fn hold(&mut self, thing: impl std::any::Any) {
        self.held.push(Box::new(thing));
    }

    pub(crate) fn run(&self, line: &str) -> Ended {
        scene::run(self.command(line))
    }

    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = self.folder.command(&self.scene.broker, line);
        if !self.before.is_empty() {
            let inner = command;
            command = Command::new("/bin/sh");
            command.args(["-c", &format!("{} exec \"$@\"", self.before), "sh"]).arg(inner.get_program());
            command.args(inner.get_args()).current_dir(self.folder.path()).env_clear();
            command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        }
        for (name, value) in &self.environment {
            if value.is_empty() {
                command.env_remove(name)
            } else {
                command.env(name, value)
            };
        }
        command
    }

    pub(crate) fn check_silence(&self, ended: &Ended, text: &str) {
        let files = std::fs::read_dir(self.folder.path()).unwrap().flatten();
        let files = files.filter_map(|file| std::fs::read_to_string(file.path()).ok());
        for said in [ended.stdout.clone(), ended.stderr.clone()].into_iter().chain(files) {
            assert!(!said.contains("has a bug") && !said.contains("panicked"), "{text}");
            for secret in [CANARY, self.scene.broker.admin().1] {
                assert!(!said.contains(secret), "a secret is told: {said}");
            }
        }
    }

    /// Removes the parts that differ from run to run.
    pub(crate) fn scrub(&self, text: &str) -> String {
        let text = pipeline::scrub(text, &BTreeMap::from([(self.folder.path(), "DIR")]));
        let mut text = text
            .replace(&self.scene.proxy.address(), "BROKER")
            .replace(self.scene.broker.bootstrap_plaintext(), "BROKER")
            .replace(&self.scene.id, "CLUSTER")
            .replace(&self.prefix, "dev");
        for (pattern, name) in [
            (r"#sha512-\d+", "#sha512-N"),
            (r"line \d+ column \d+", "line N column N"),
            (r"127\.0\.0\.1:\d{2,}", "127.0.0.1:PORT"),
            (r"\b[A-Za-z0-9_-]{22}\b", "UID"),
        ] {
            text = regex::Regex::new(pattern).unwrap().replace_all(&text, name).into_owned();
        }
        text
    }
}

fn prefix(number: usize) -> String {
    format!("s{number:02}")
}

/// Returns the text about the failure: all of stderr, and the receipt.
pub(crate) fn transcript(line: &str, ended: &Ended) -> String {
    let mut text = format!("$ {line}\n");
    if line.starts_with("weir-deploy") {
        text.push_str(&ended.stdout);
    }
    for line in ended.stderr.lines() {
        text.push_str(&format!("! {line}\n"));
    }
    text.push_str(&format!("[{}]\n", ended.code.unwrap_or(-1)));
    text
}
