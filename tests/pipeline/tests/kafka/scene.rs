//! A broker behind a proxy, a workspace, and runs of the binaries in it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;
use weir_kafka::{Kafka, Login, Options, SaslMechanism, SecurityProtocol};
use weir_planning::Observed;
use weir_ports::{Cluster as _, Query, SecretString, Selection};
use weir_rdkafka_admin::{Admin, ScramAlteration, ScramMechanism, rdkafka::ClientConfig};
use weir_testkit::{Broker, Proxy};

/// Password of every user that tests create; no output may contain it.
pub(crate) const CANARY: &str = "canary-7f3a9c-secret";

/// A broker that clients with a login reach only through a proxy. Clients without a login connect directly and may do
/// everything: the tests use such clients to look and to interfere.
pub(crate) struct Scene {
    pub(crate) broker: Broker,
    pub(crate) proxy: Proxy,
    /// Id of the cluster.
    pub(crate) id: String,
    /// A client with all rights.
    pub(crate) by_hand: Kafka,
}

impl Scene {
    /// Starts the broker; reports a skip and returns `None` if there is no Java.
    #[track_caller]
    pub(crate) fn start(arguments: &[&str]) -> Option<Self> {
        let proxy = Proxy::start();
        let address = proxy.address();
        let broker = Broker::start(&[&["--open", "--advertise", &address], arguments].concat())?;
        proxy.lead_to(broker.bootstrap());
        let by_hand = plaintext(&broker);
        let id = observed(&by_hand, &Query::default()).cluster.id;
        Some(Self { broker, proxy, id, by_hand })
    }

    /// Returns a client for a user with that password, with the rights that the broker grants.
    pub(crate) fn client(&self, user: &str, password: impl Into<SecretString>) -> Kafka {
        let login = Login {
            mechanism: SaslMechanism::ScramSha512,
            username: user.to_owned(),
            password: password.into(),
            tokens: None,
        };
        let protocol = SecurityProtocol::SaslPlaintext;
        Kafka::new(Options { protocol, login: Some(login), ..Options::new(self.proxy.address()) }).unwrap()
    }

    /// Writes `weir.yaml` with one stage on this broker, and a file of entities.
    pub(crate) fn workspace(&self, prefix: &str, entities: &str) -> Folder {
        let folder = Folder(tempfile::tempdir().unwrap());
        let settings = format!(
            "apiVersion: weir/v1
kind: Workspace
metadata: {{name: onprem}}
spec:
  clusters:
    onprem:
      apacheKafka:
        bootstrap: \"{address}\"
        clusterId: {id}
        credentials: {{env: ONPREM}}
        security: {{protocol: SASL_PLAINTEXT}}
  secrets: {{folder: {{path: .weir}}}}
  defaults:
    vault: \"https://kv-{{team}}-{{stage}}.vault.azure.net\"
    namespace: \"{{team}}-{{stage}}\"
  stages:
    - name: dev
      cluster: onprem
      prefix: {{topic: {prefix}., group: {prefix}., transactionalId: {prefix}., serviceAccount: {prefix}-}}
      owns: {{topics: ['{prefix}.*'], serviceAccounts: ['{prefix}-*']}}
---
apiVersion: weir/v1
kind: Team
metadata: {{name: toll}}
",
            address = self.proxy.address(),
            id = self.id,
        );
        folder.write("weir.yaml", &settings);
        folder.write("toll.yaml", entities);
        folder
    }

    /// Starts the broker again, and waits until its administrator can log in.
    pub(crate) fn restart(&mut self) {
        self.broker.restart();
        let (user, password) = self.broker.admin();
        let (client, begun) = (self.client(user, password), Instant::now());
        while let Err(error) = pipeline::block_on(client.observe(&Query::default())) {
            assert!(begun.elapsed() < Duration::from_secs(30), "{error}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Creates a SCRAM user with [`CANARY`] as the password.
    pub(crate) fn add_user(&self, name: &str) {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.broker.bootstrap_plaintext());
        let admin = Admin::new(&config).unwrap();
        let upsert = ScramAlteration::Upsert {
            user: name,
            mechanism: ScramMechanism::Sha512,
            iterations: 4_096,
            password: CANARY.as_bytes(),
            salt: None,
        };
        for answer in
            pipeline::block_on(admin.alter_scram_credentials(&[upsert], &weir_rdkafka_admin::Options::new())).unwrap()
        {
            answer.unwrap();
        }
    }

    /// Returns the whole observed state.
    pub(crate) fn everything(&self) -> Observed {
        let all = || Selection { everything: true, ..Selection::default() };
        observed(&self.by_hand, &Query { topics: all(), accounts: all() })
    }
}

/// Returns a client of the listener without a login.
pub(crate) fn plaintext(broker: &Broker) -> Kafka {
    let protocol = SecurityProtocol::Plaintext;
    Kafka::new(Options { protocol, ..Options::new(broker.bootstrap_plaintext()) }).unwrap()
}

pub(crate) fn observed(kafka: &Kafka, query: &Query) -> Observed {
    pipeline::block_on(kafka.observe(query)).unwrap()
}

/// The folder of a workspace.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.at(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.at(name)).unwrap_or_else(|err| panic!("{name}: {err}"))
    }

    /// Returns the command for a binary of weir with its arguments, logged in as the super user.
    pub(crate) fn command(&self, broker: &Broker, line: &str) -> Command {
        let mut words = line.split(' ');
        let mut command = Command::new(pipeline::binary(words.next().unwrap()));
        let (user, password) = broker.admin();
        command.args(words).current_dir(self.path()).env_clear().stdin(Stdio::null());
        command.env("ONPREM_USERNAME", user).env("ONPREM_PASSWORD", password);
        command
    }
}

/// Exit status and output of a run.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

impl Ended {
    pub(crate) fn of(begun: Instant, output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
            took: begun.elapsed(),
        }
    }
}

/// Runs a command until it ends.
pub(crate) fn run(mut command: Command) -> Ended {
    let begun = Instant::now();
    Ended::of(begun, command.output().unwrap())
}

/// Starts a command and keeps its output.
pub(crate) fn spawn(mut command: Command) -> (Instant, Child) {
    let begun = Instant::now();
    (begun, command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}
