//! Vaults for the tests, and their clients.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use weir_model::VaultHosts;
use weir_planning::{ObservedSecret, SecretRef};
use weir_ports::{PortError, SecretSink as _, SecretString};
use weir_secrets::{KeyVaults, Login, Options};
use weir_testkit::keyvault::Vaults;

/// One server for all tests of this binary; each test has a vault of its own. The server stops with the process.
pub(crate) fn server() -> &'static Vaults {
    static SERVER: std::sync::OnceLock<Vaults> = std::sync::OnceLock::new();
    SERVER.get_or_init(Vaults::start)
}

/// A vault for one test.
pub(crate) struct Scene {
    pub(crate) name: String,
    pub(crate) server: &'static Vaults,
    pub(crate) vaults: KeyVaults,
}

/// Returns `true` if the vaults can run here; otherwise reports a skip.
pub(crate) fn possible() -> bool {
    Vaults::lacking().map(weir_testkit::skip).is_none()
}

/// Returns the hosts of the vaults for tests.
pub(crate) fn local() -> VaultHosts {
    VaultHosts::parse(&["*.localhost"]).expect("a host")
}

pub(crate) fn options(client: &str) -> Options {
    Options {
        hosts: local(),
        ca: Some(server().ca()),
        patience: Duration::from_secs(5),
        rights: Duration::from_secs(3),
        pause: Duration::from_millis(10),
        timeout: Duration::from_secs(10),
        ..Options::new(Login::Token(server().token(client).into()))
    }
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::with(options("deployer"))
    }

    pub(crate) fn with(options: Options) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        Self::named(format!("kv-{}", COUNT.fetch_add(1, Ordering::Relaxed)), options)
    }

    /// Makes a new client of a vault that other clients may use too.
    pub(crate) fn named(name: String, options: Options) -> Self {
        Self { name, server: server(), vaults: KeyVaults::open(options).expect("nobody is asked yet") }
    }

    pub(crate) fn at(&self, name: &str) -> SecretRef {
        SecretRef { vault: self.server.address(&self.name), name: name.to_owned() }
    }

    pub(crate) async fn store(&self, name: &str, value: &str, key: &str) -> Result<(), PortError> {
        self.vaults.store(&self.at(name), &SecretString::from(value), &ours(key)).await
    }

    pub(crate) async fn inspect(&self, name: &str) -> Result<Option<ObservedSecret>, PortError> {
        let at = self.at(name);
        Ok(self.vaults.inspect(&BTreeSet::from([at.clone()])).await?.remove(&at))
    }

    /// Returns all values of a secret, the oldest first.
    pub(crate) fn values(&self, name: &str) -> Vec<String> {
        self.server.versions(&self.name, name).into_iter().map(|version| version.value).collect()
    }

    /// Returns the number of calls of a method with this status.
    pub(crate) fn count(&self, method: &str, status: u64) -> usize {
        self.server.calls(&self.name).iter().filter(|call| call.method == method && call.status == status).count()
    }
}

pub(crate) fn ours(key: &str) -> BTreeMap<String, String> {
    let tags = [(ObservedSecret::TAG_MANAGED_BY, "weir"), (ObservedSecret::TAG_KEY_ID, key)];
    tags.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
