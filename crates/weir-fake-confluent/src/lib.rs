//! A fake Confluent Cloud: an organization with service accounts, API keys, clusters and quotas, over HTTP on loopback.
//!
//! It keeps state, and imitates the behaviour of the service that has caused trouble for clients: deleted keys that
//! answer 403, new keys that work on one broker and not yet on the next, creations that succeed and answer 504, lists
//! that end in four ways. [`Behaviour`] configures the fake, a [`Fault`] spoils single requests,
//! [`FakeConfluent::log`] returns all requests and answers.
//!
//! ```
//! use weir_fake_confluent::{Answer, Effect, FakeConfluent, Fault, LastPage};
//!
//! let cloud = FakeConfluent::start();
//! let (url, key) = (cloud.url(), cloud.cloud_key()); // the configuration of a client
//! cloud.configure(|behaviour| behaviour.last_page = LastPage::Empty);
//! // The first account is created, but the answer is an error.
//! cloud.fault(
//!     Fault::on("POST", "/iam/v2/service-accounts").nth(1).then(Effect::AppliedBut(Answer::html(504, "Gateway Timeout"))),
//! );
//! assert_eq!(cloud.log().len(), 0);
//! # let _ = (url, key);
//! ```
//!
//! Facts are from Confluent's OpenAPI files, its Terraform provider and its command-line tool, and from reports of
//! users; where these sources disagree, [`Behaviour`] has a switch. Not modelled: users, roles, OAuth, networks.

mod accounts;
mod answer;
mod behaviour;
mod builder;
mod call;
mod certificate;
mod clusters;
mod fault;
mod front;
mod keys;
mod log;
mod quotas;
mod routes;
mod server;
mod settings;
mod state;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};

use jiff::SignedDuration;
use tokio::runtime::Runtime;

pub use self::{
    answer::Answer,
    behaviour::{Behaviour, Gone, LastPage, RateHeaders, RateLimit, TotalSize},
    builder::Builder,
    fault::{Effect, Fault},
    log::{Exchange, Operation},
    state::{Account, ApiKey, ClusterKind, Phase},
};
use self::{
    certificate::Certificate,
    front::Front,
    server::{Shared, lock},
    state::KafkaCluster,
};

/// Number of brokers in a cluster.
const BROKERS: u32 = 3;
/// The user that owns the first Cloud API key.
const ADMIN: &str = "u-admin1";

/// Settings of a real broker that has Confluent Cloud's defaults, as arguments of `tools/kafka/kafka-up`.
pub const BROKER: [&str; 6] =
    ["--set", "num.partitions=6", "--set", "min.insync.replicas=2", "--set", "message.max.bytes=2097164"];

/// The choice between TLS, as on Confluent Cloud, and plain text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Tls {
    On,
    Off,
}

/// A running fake of Confluent Cloud, which stops when it is dropped.
#[derive(Debug)]
pub struct FakeConfluent {
    address: SocketAddr,
    world: Shared,
    runtime: Option<Runtime>,
    tls: OnceLock<Certificate>,
    environment: String,
    cluster: String,
    cloud_key: ApiKey,
}

impl FakeConfluent {
    /// Returns a builder, for settings that are fixed once the fake runs.
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// Starts a fake with one cluster and no service accounts.
    ///
    /// # Panics
    ///
    /// If loopback has no free port or no thread can be started.
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// The address `http://127.0.0.1:port`, in place of `https://api.confluent.cloud`. It also serves Kafka's REST
    /// API.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The id of the first environment.
    pub fn environment(&self) -> &str {
        &self.environment
    }

    /// The id of the first cluster.
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// A Cloud API key of a user with all rights.
    pub fn cloud_key(&self) -> &ApiKey {
        &self.cloud_key
    }

    /// Changes the behaviour for all later requests.
    pub fn configure(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut lock(&self.world).org.behaviour);
    }

    /// Adds a fault for later requests. If several faults match a request, the one added first takes effect.
    pub fn fault(&self, fault: Fault) {
        lock(&self.world).faults.push(fault);
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        lock(&self.world).faults.clear();
    }

    /// Sets a limit: `iam.max_service_accounts.per_org`.
    ///
    /// # Panics
    ///
    /// If there is no such limit.
    pub fn limit(&self, code: &str, limit: u32) {
        let mut world = lock(&self.world);
        let quota = world.org.quotas.iter_mut().find(|quota| quota.code == code);
        quota.unwrap_or_else(|| panic!("there is no limit `{code}`")).limit = limit;
    }

    /// Moves the fake's clock forward: keys grow older, windows of limits end.
    pub fn advance(&self, by: Duration) {
        let mut world = lock(&self.world);
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        world.org.ahead = world.org.ahead.saturating_add(by);
    }

    /// Adds a cluster. If the id is taken, the new cluster replaces the old one.
    pub fn add_cluster(&self, environment: &str, id: &str, kind: ClusterKind) {
        let cluster = KafkaCluster {
            id: id.to_owned(),
            environment: environment.to_owned(),
            kind,
            phase: Phase::Provisioned,
            bootstrap: "127.0.0.1:1".to_owned(),
            private: BTreeMap::new(),
            units: 2,
            ports: Vec::new(),
            security: "SASL_SSL",
            admins: Vec::new(),
        };
        lock(&self.world).org.clusters.insert(id.to_owned(), cluster);
    }

    /// Puts a front before a real broker as the cluster's data plane, with TLS or without. The front's address becomes
    /// the cluster's endpoint. `broker` is `host:port` of a listener with SCRAM-SHA-512 and PLAIN in plain text, `admin`
    /// the name and password of its super user. The broker has the settings of [`BROKER`].
    ///
    /// # Panics
    ///
    /// If there is no such cluster, or loopback has no free ports.
    pub fn attach(&self, cluster: &str, broker: &str, admin: (&str, &str), tls: Tls) {
        let tls = (tls == Tls::On).then(|| self.tls.get_or_init(|| Certificate::new(&self.address)).acceptor.clone());
        let security = if tls.is_some() { "SASL_SSL" } else { "SASL_PLAINTEXT" };
        let sockets: Vec<_> = (0..BROKERS).map(|_| bind(0)).collect();
        let ports: Vec<u16> = sockets.iter().map(|(_, address)| address.port()).collect();
        {
            let mut world = lock(&self.world);
            let known = world.org.clusters.get_mut(cluster);
            let known = known.unwrap_or_else(|| panic!("there is no cluster `{cluster}`"));
            known.bootstrap = format!("127.0.0.1:{}", ports.first().copied().unwrap_or_default());
            known.ports.clone_from(&ports);
            known.security = security;
        }
        let front = Arc::new(Front::new(cluster, ports, self.world.clone(), (broker, admin), tls));
        for (number, (socket, _)) in (0..).zip(sockets) {
            let front = front.clone();
            self.spawn(async move {
                let listener = tokio::net::TcpListener::from_std(socket).expect("the socket is non-blocking");
                front.serve(number, listener).await;
            });
        }
    }

    /// Returns `host:port` of a cluster's brokers, for bootstrap.
    pub fn bootstrap(&self, cluster: &str) -> String {
        lock(&self.world).org.clusters.get(cluster).map(|cluster| cluster.bootstrap.clone()).unwrap_or_default()
    }

    /// Returns `host:port` of each broker of a cluster.
    pub fn brokers(&self, cluster: &str) -> Vec<String> {
        let world = lock(&self.world);
        let ports = world.org.clusters.get(cluster).map(|cluster| cluster.ports.clone()).unwrap_or_default();
        ports.into_iter().map(|port| format!("127.0.0.1:{port}")).collect()
    }

    /// The certificate file of the authority that signed the brokers' certificate.
    pub fn ca(&self) -> &Path {
        &self.tls.get_or_init(|| Certificate::new(&self.address)).file
    }

    /// Returns the client settings, by librdkafka's names, for a login at a cluster with an API key.
    pub fn client(&self, cluster: &str, key: &ApiKey) -> BTreeMap<String, String> {
        let security = lock(&self.world).org.clusters.get(cluster).map_or("SASL_SSL", |cluster| cluster.security);
        let ca = (security == "SASL_SSL").then(|| ("ssl.ca.location", self.ca().display().to_string()));
        let settings = [
            ("bootstrap.servers", self.bootstrap(cluster)),
            ("security.protocol", security.to_owned()),
            ("sasl.mechanism", "PLAIN".to_owned()),
            ("sasl.username", key.id.clone()),
            ("sasl.password", key.secret.clone()),
        ];
        settings.into_iter().chain(ca).map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Gives a service account all rights on a cluster without ACL bindings, as the role CloudClusterAdmin does.
    pub fn make_admin(&self, cluster: &str, account: &str) {
        if let Some(cluster) = lock(&self.world).org.clusters.get_mut(cluster) {
            cluster.admins.push(account.to_owned());
        }
    }

    /// Adds a private endpoint beside the public one, by the id of its access point: `ap1pni123`. Only an address of
    /// [`FakeConfluent::brokers`] accepts connections.
    pub fn add_endpoint(&self, cluster: &str, access_point: &str, address: &str) {
        if let Some(cluster) = lock(&self.world).org.clusters.get_mut(cluster) {
            cluster.private.insert(access_point.to_owned(), address.to_owned());
        }
    }

    /// Sets the units of capacity of a dedicated cluster; two unless this is called.
    pub fn set_units(&self, cluster: &str, units: u32) {
        if let Some(cluster) = lock(&self.world).org.clusters.get_mut(cluster) {
            cluster.units = units;
        }
    }

    /// Sets the phase of a cluster. Only a provisioned cluster has endpoints.
    pub fn set_phase(&self, cluster: &str, phase: Phase) {
        if let Some(cluster) = lock(&self.world).org.clusters.get_mut(cluster) {
            cluster.phase = phase;
        }
    }

    /// Returns all existing service accounts.
    pub fn accounts(&self) -> Vec<Account> {
        lock(&self.world).org.live_accounts().cloned().collect()
    }

    /// Returns all existing API keys with their secrets, including Cloud API keys.
    pub fn keys(&self) -> Vec<ApiKey> {
        lock(&self.world).org.live_keys().cloned().collect()
    }

    /// Creates a service account without any check, as if a person had done it. Returns its id.
    pub fn create_account(&self, display_name: &str, description: &str) -> String {
        lock(&self.world).org.add_account(display_name, description)
    }

    /// Deletes a service account and its API keys, as a person would.
    pub fn delete_account(&self, id: &str) {
        lock(&self.world).org.remove_account(id);
    }

    /// Creates an API key for a cluster, or a Cloud API key, without any check.
    pub fn create_key(&self, owner: &str, cluster: Option<&str>, display_name: &str) -> ApiKey {
        lock(&self.world).org.add_key(owner, cluster, display_name, "")
    }

    /// Deletes an API key, as a person would.
    pub fn delete_key(&self, id: &str) {
        lock(&self.world).org.remove_key(id);
    }

    /// Returns all requests so far, in the order of their answers.
    pub fn log(&self) -> Vec<Exchange> {
        lock(&self.world).log.clone()
    }

    /// Calls `watcher` for every later request, after the request is handled and before its answer is sent. So the
    /// watcher sees the state between two calls. It may call the fake, and may take its time.
    pub fn watch(&self, watcher: impl Fn(&Exchange) + Send + Sync + 'static) {
        lock(&self.world).watcher = Some(server::Watcher(Arc::new(watcher)));
    }

    /// Clears the log of requests.
    pub fn clear_log(&self) {
        let mut world = lock(&self.world);
        world.log.clear();
        world.kafka.clear();
    }

    /// Returns the number of requests to brokers, by Kafka's names for requests: `DescribeAcls`. Logins do not
    /// count.
    pub fn kafka_counts(&self) -> BTreeMap<String, usize> {
        lock(&self.world).kafka.clone()
    }

    /// Returns the number of requests for this operation.
    pub fn count(&self, operation: Operation) -> usize {
        lock(&self.world).log.iter().filter(|exchange| exchange.operation == Some(operation)).count()
    }

    /// Returns `User:100001` for `sa-…`: the name of a service account in old interfaces.
    pub fn integer_principal(&self, account: &str) -> Option<String> {
        lock(&self.world).org.integer_id(account).map(|number| format!("User:{number}"))
    }
}

impl FakeConfluent {
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = &self.runtime {
            runtime.spawn(task);
        }
    }
}

fn bind(port: u16) -> (std::net::TcpListener, SocketAddr) {
    let listener = std::net::TcpListener::bind(("127.0.0.1", port)).expect("a free port on loopback");
    listener.set_nonblocking(true).expect("a socket can be made non-blocking");
    let address = listener.local_addr().expect("a listener has an address");
    (listener, address)
}

impl Drop for FakeConfluent {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waits for nothing, so that the fake can be dropped in an async context.
            runtime.shutdown_background();
        }
    }
}

/// The example of the README, compiled with the examples of this documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
