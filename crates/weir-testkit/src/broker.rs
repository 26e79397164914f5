//! A real Apache Kafka broker for tests: `tools/kafka/kafka-up` behind a handle.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A running broker: one node, SASL (SCRAM and, for the admin only, PLAIN) with Kafka's own authorizer, and a listener
/// without login whose principal is `User:ANONYMOUS`, all on loopback and on free ports.
///
/// Several brokers run side by side. A broker stops, and its data is deleted, when it is dropped or when this process
/// ends.
#[derive(Debug)]
pub struct Broker {
    facts: BTreeMap<String, String>,
    arguments: Vec<String>,
}

impl Broker {
    /// Starts a broker with the `arguments` of `tools/kafka/kafka-up`, e.g. `["--set", "key=value"]`.
    ///
    /// Returns `None`, after a [`skip`](crate::skip), without Java or Maven. The very first start downloads Kafka's
    /// jars.
    ///
    /// # Panics
    ///
    /// If the broker does not start, or as [`skip`](crate::skip) does.
    #[track_caller]
    pub fn start(arguments: &[&str]) -> Option<Self> {
        for (tool, question, package) in [
            ("java", "-version", "openjdk-17-jre-headless"),
            ("mvn", "-version", "maven"),
            ("flock", "-V", "util-linux"),
        ] {
            let found = Command::new(tool).arg(question).stdout(Stdio::null()).stderr(Stdio::null()).status();
            if !found.is_ok_and(|status| status.success()) {
                crate::skip(&format!("a Kafka broker needs {tool}: install it (Debian: apt-get install {package})"));
                return None;
            }
        }
        let arguments: Vec<_> = arguments.iter().map(|a| (*a).to_owned()).collect();
        Some(Self { facts: run(&arguments), arguments })
    }

    /// `host:port` of the listener with SASL.
    pub fn bootstrap(&self) -> &str {
        self.fact("KAFKA_BOOTSTRAP")
    }

    /// `host:port` of the listener without login.
    pub fn bootstrap_plaintext(&self) -> &str {
        self.fact("KAFKA_BOOTSTRAP_PLAINTEXT")
    }

    /// `host:port` of the listener with SASL and TLS, of a broker that was started with `--tls`.
    pub fn bootstrap_sasl_ssl(&self) -> &str {
        self.fact("KAFKA_BOOTSTRAP_SASL_SSL")
    }

    /// `host:port` of the listener with TLS and no login, of a broker that was started with `--tls`.
    pub fn bootstrap_ssl(&self) -> &str {
        self.fact("KAFKA_BOOTSTRAP_SSL")
    }

    /// The certificate to trust for TLS, as a PEM file. The broker's certificate is valid only for `127.0.0.1`.
    pub fn ca(&self) -> &Path {
        Path::new(self.fact("KAFKA_CA"))
    }

    /// The super user.
    pub fn admin(&self) -> (&str, &str) {
        (self.fact("KAFKA_ADMIN_USER"), self.fact("KAFKA_ADMIN_PASSWORD"))
    }

    /// The broker's process id.
    ///
    /// # Panics
    ///
    /// If `kafka-up` did not print one.
    pub fn pid(&self) -> u32 {
        self.fact("KAFKA_PID").parse().expect("a process id")
    }

    /// The directory with the broker's data, `server.properties` and `broker.log`.
    pub fn dir(&self) -> &Path {
        Path::new(self.fact("KAFKA_DIR"))
    }

    /// Returns the client settings, by librdkafka's names, for a login as `user` with SCRAM-SHA-512.
    pub fn client(&self, user: &str, password: &str) -> BTreeMap<String, String> {
        let settings = [
            ("bootstrap.servers", self.bootstrap()),
            ("security.protocol", "SASL_PLAINTEXT"),
            ("sasl.mechanism", "SCRAM-SHA-512"),
            ("sasl.username", user),
            ("sasl.password", password),
        ];
        settings.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// Returns the client settings, by librdkafka's names, for a login as the super user.
    pub fn admin_client(&self) -> BTreeMap<String, String> {
        let (user, password) = self.admin();
        self.client(user, password)
    }

    /// Runs a command-line tool of Kafka as the super user: `topics`, `acls`, `configs` or a class.
    ///
    /// # Panics
    ///
    /// If the tool cannot be started.
    pub fn tool(&self, name: &str, arguments: &[&str]) -> Output {
        Command::new(script())
            .args(["--tool", name, "--bootstrap-server", self.bootstrap(), "--command-config"])
            .arg(self.fact("KAFKA_CLIENT_PROPERTIES"))
            .args(arguments)
            .output()
            .expect("kafka-up can be run")
    }

    /// Stops the broker, keeping its data.
    ///
    /// # Panics
    ///
    /// If the broker cannot be stopped.
    pub fn stop(&self) {
        self.end("--stop");
    }

    /// Ends the broker with SIGKILL, as a crash would, keeping its data.
    ///
    /// # Panics
    ///
    /// If the broker cannot be ended.
    pub fn kill(&self) {
        self.end("--kill");
    }

    /// Starts the broker again after [`stop`](Self::stop) or [`kill`](Self::kill), at the same addresses.
    ///
    /// # Panics
    ///
    /// If the broker does not start.
    pub fn restart(&mut self) {
        let port = |address: &str| address.rsplit(':').next().unwrap_or_default().to_owned();
        let mut arguments = self.arguments.clone();
        arguments.extend(["--dir".to_owned(), self.fact("KAFKA_DIR").to_owned()]);
        for (flag, name) in [
            ("--port", "KAFKA_BOOTSTRAP"),
            ("--plaintext-port", "KAFKA_BOOTSTRAP_PLAINTEXT"),
            ("--sasl-ssl-port", "KAFKA_BOOTSTRAP_SASL_SSL"),
            ("--ssl-port", "KAFKA_BOOTSTRAP_SSL"),
        ] {
            arguments.extend(self.facts.get(name).into_iter().flat_map(|address| [flag.to_owned(), port(address)]));
        }
        self.facts = run(&arguments);
    }

    fn end(&self, how: &str) {
        let status = Command::new(script()).arg(how).arg(self.dir()).status();
        assert!(status.is_ok_and(|status| status.success()), "kafka-up {how} failed");
    }

    fn fact(&self, name: &str) -> &str {
        self.facts.get(name).unwrap_or_else(|| panic!("kafka-up printed no {name}"))
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let Some(dir) = self.facts.get("KAFKA_DIR") else { return };
        let _ = Command::new(script()).arg("--kill").arg(dir).status();
        let _ = std::fs::remove_dir_all(dir);
    }
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/kafka/kafka-up")
}

fn run(arguments: &[String]) -> BTreeMap<String, String> {
    let output = Command::new(script())
        .args(["--parent", &std::process::id().to_string()])
        // A single node gains nothing from batching writes; lingering would only slow the tests.
        .args(["--set", "controller.quorum.append.linger.ms=0"])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("kafka-up can be run");
    assert!(output.status.success(), "no Kafka broker:\n{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().filter_map(|line| line.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}
