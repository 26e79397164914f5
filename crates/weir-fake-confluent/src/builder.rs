//! The initial state of a fake.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::{Arc, Mutex, OnceLock},
};

use jiff::SignedDuration;

use super::{
    ADMIN, FakeConfluent, bind,
    server::{self, World},
    state::{ClusterKind, Organization},
};

/// A builder for the initial state of a fake.
#[derive(Clone, Debug)]
pub struct Builder {
    seed: u64,
    port: u16,
    environment: String,
    cluster: String,
    kind: ClusterKind,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            seed: RandomState::new().hash_one(0),
            port: 0,
            environment: "env-x1".to_owned(),
            cluster: "lkc-a1".to_owned(),
            kind: ClusterKind::Standard,
        }
    }

    /// Sets the seed of all ids, secrets and random choices. A new seed each time unless this is called.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Sets the port on loopback; a free port unless this is called.
    #[must_use]
    pub fn port(self, port: u16) -> Self {
        Self { port, ..self }
    }

    /// Sets the first cluster and its environment: `lkc-a1` in `env-x1` unless this is called.
    #[must_use]
    pub fn cluster(self, environment: &str, id: &str, kind: ClusterKind) -> Self {
        Self { environment: environment.to_owned(), cluster: id.to_owned(), kind, ..self }
    }

    /// Starts the fake.
    ///
    /// # Panics
    ///
    /// If the port is taken or no thread can be started.
    pub fn start(self) -> FakeConfluent {
        let (listener, address) = bind(self.port);
        let mut org = Organization::new(self.seed);
        let cloud_key = org.add_key(ADMIN, None, "admin", "");
        // The key is a year old, so no delay for new keys applies.
        if let Some(key) = org.keys.get_mut(&cloud_key.id) {
            key.created = key.created.saturating_sub(SignedDuration::from_hours(24 * 365)).unwrap_or(key.created);
        }
        let world = Arc::new(Mutex::new(World::new(org)));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("fake-confluent")
            .enable_all()
            .build()
            .expect("a thread can be started");
        let cloud = FakeConfluent {
            address,
            world: world.clone(),
            runtime: Some(runtime),
            tls: OnceLock::new(),
            environment: self.environment.clone(),
            cluster: self.cluster.clone(),
            cloud_key,
        };
        cloud.add_cluster(&self.environment, &self.cluster, self.kind);
        cloud.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("the socket is non-blocking");
            server::serve(listener, address, world).await;
        });
        cloud
    }
}
