use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use futures::future::{Either, select};
use tokio::sync::OnceCell;
use weir_planning::{Acl, Change, KeyMarker, Observed, Principal, TopicFacts};
use weir_ports::{Cluster, CreatedKey, ErrorKind, PortError, Query, RequestCounts};
use weir_rdkafka_admin::{Admin, Error, ItemError};

use crate::{
    Access, Options, acl, apply,
    failure::{self, Purpose},
    keys,
    observe::{self, BrokerDefaults, TopicDefaults},
    records,
    tokens::Tokens,
};

/// Time between two checks whether a waiting request's client can connect at all.
const GLANCE: Duration = Duration::from_millis(100);
/// Time to first contact after which the brokers count as unreachable: of several brokers, one may be down.
const UNREACHABLE: Duration = Duration::from_secs(10);
/// Time after which an untrusted certificate ends a request, because waiting longer cannot help.
const UNTRUSTED: Duration = Duration::from_secs(2);

/// librdkafka's code for a request that timed out.
const TIMED_OUT: i32 = -185;
/// Marks an unknown number of partitions.
const UNKNOWN: u64 = u64::MAX;

/// A Kafka cluster, over the admin protocol.
pub struct Kafka {
    pub(crate) options: Options,
    pub(crate) admin: Arc<Admin<Tokens>>,
    requests: AtomicU64,
    /// `true` once any request was answered.
    reached: AtomicBool,
    /// Partitions of all topics in the last list; `UNKNOWN` before the first.
    partitions: AtomicU64,
    pub(crate) broker_defaults: OnceCell<BrokerDefaults>,
    pub(crate) topic_defaults: OnceCell<TopicDefaults>,
}

impl fmt::Debug for Kafka {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kafka").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Kafka {
    /// Makes a client of the cluster, which connects at its first call, and then compares the cluster's id.
    ///
    /// # Errors
    /// `Refused` for options that contradict each other, or that this build does not support.
    pub fn new(options: Options) -> Result<Self, PortError> {
        options.check()?;
        let tokens = Tokens::new(options.login.as_ref());
        let admin = Admin::with_context(&options.config(), tokens).map_err(|error| match (&error, &options.ca) {
            (Error::Client(source), Some(ca)) if source.to_string().contains("ssl.ca.location") => PortError::refused(
                format!("the CA file {} holds no certificate that can be read; it must be PEM", ca.display()),
            ),
            _ => failure::call(error, Purpose::Read, "cannot make a client"),
        })?;
        Ok(Self {
            options,
            admin: Arc::new(admin),
            requests: AtomicU64::new(0),
            reached: AtomicBool::new(false),
            partitions: AtomicU64::new(UNKNOWN),
            broker_defaults: OnceCell::new(),
            topic_defaults: OnceCell::new(),
        })
    }

    /// Returns the number of requests so far, without logins and librdkafka's own requests for metadata.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Returns the partitions of all visible topics together, before replication, as of the last list.
    pub fn partitions(&self) -> Option<u64> {
        Some(self.partitions.load(Ordering::Relaxed)).filter(|partitions| *partitions != UNKNOWN)
    }

    pub(crate) fn saw_partitions(&self, partitions: u64) {
        self.partitions.store(partitions, Ordering::Relaxed);
    }

    /// Connects, logs in and compares the cluster's id; returns the id.
    ///
    /// # Errors
    /// `Denied` if the login is refused, `WrongCluster` for another id, `Unavailable` if no broker answers.
    pub async fn reach(&self) -> Result<String, PortError> {
        Ok(observe::describe_cluster(self).await?.cluster_id.unwrap_or_default())
    }

    /// Returns the ACL bindings of a principal, or of all, with principals in the brokers' form. Notes are returned
    /// as ordinary bindings.
    ///
    /// # Errors
    /// `Denied` without the right to describe the cluster.
    pub async fn acls(&self, principal: Option<&str>) -> Result<BTreeMap<Principal, BTreeSet<Acl>>, PortError> {
        let mut bindings = BTreeMap::new();
        acl::list(self, principal).await?.iter().for_each(|binding| acl::add(&mut bindings, binding));
        Ok(bindings)
    }

    /// Observes the selected state except accounts and API keys, for clusters whose accounts are kept elsewhere.
    /// `access` runs while topics are listed, and supplies the bindings of the principals in `query`.
    ///
    /// # Errors
    /// The errors of [`Cluster::observe`], and those of `access`.
    pub async fn observe_with<T>(
        &self,
        query: &Query,
        access: impl Future<Output = Result<(Access, T), PortError>>,
    ) -> Result<(Observed, T), PortError> {
        observe::observe_with(self, query, access).await
    }

    /// Returns the principal of this client, if its options show it.
    pub(crate) fn deployer(&self) -> Option<Principal> {
        match &self.options.login {
            // With SSL and no client certificate, the client is anonymous.
            None => Some(Principal::ANONYMOUS.into()),
            // A token is read before the first answer, and its principal is known from then on.
            Some(login) if login.tokens.is_some() => self.admin.client().context().bearer().map(Principal::of_account),
            Some(login) => Some(Principal::of_account(&login.username)),
        }
    }

    pub(crate) fn request_options(&self) -> weir_rdkafka_admin::Options {
        weir_rdkafka_admin::Options::new().request_timeout(self.options.timeout)
    }

    pub(crate) fn count(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns `true` if any request was ever answered.
    pub(crate) fn was_reached(&self) -> bool {
        self.reached.load(Ordering::Relaxed)
    }

    /// Waits for a request that changes nothing. A request that cannot log in would otherwise wait for its time
    /// limit.
    pub(crate) async fn ask<T>(&self, request: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        self.wait(request).await.unwrap_or_else(|trouble| Err(Error::Request { error: trouble, cause: None }))
    }

    /// Waits for a request that changes something. If the connection fails for good, the request may have been sent
    /// before: its effect is as unknown as after a timeout.
    pub(crate) async fn change<T>(&self, request: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        self.wait(request).await.unwrap_or_else(|trouble| {
            Err(Error::Request { error: ItemError::new(TIMED_OUT, None), cause: Some(trouble) })
        })
    }

    /// Waits for a request, or for a lasting failure of its connection.
    async fn wait<T>(&self, request: impl Future<Output = Result<T, Error>>) -> Result<Result<T, Error>, ItemError> {
        self.count();
        let (mut request, since) = (pin!(request), Instant::now());
        loop {
            request = match select(request, pin!(tokio::time::sleep(GLANCE))).await {
                Either::Left((answer, _)) => {
                    self.reached.fetch_or(answer.is_ok(), Ordering::Relaxed);
                    return Ok(answer);
                }
                Either::Right(((), request)) => request,
            };
            let Some(trouble) = self.admin.connection_error() else { continue };
            let hopeless = match failure::kind(trouble.code, Purpose::Read) {
                ErrorKind::Denied => true,
                ErrorKind::Unavailable if failure::is_untrusted(&trouble.message) => since.elapsed() > UNTRUSTED,
                ErrorKind::Unavailable => since.elapsed() > UNREACHABLE,
                // A broker that answered before may come back; a broker that never answered is taken for a wrong
                // address.
                _ => since.elapsed() > UNREACHABLE && !self.was_reached(),
            };
            if hopeless {
                return Err(trouble);
            }
        }
    }

    /// Sends a request that changes nothing.
    pub(crate) async fn read<T>(
        &self,
        what: &str,
        request: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, PortError> {
        self.ask(request).await.map_err(|e| failure::call(e, Purpose::Read, what))
    }
}

#[async_trait]
impl Cluster for Kafka {
    async fn observe(&self, query: &Query) -> Result<Observed, PortError> {
        observe::observe(self, query).await
    }

    async fn topic_facts(&self, topics: &BTreeSet<String>) -> Result<BTreeMap<String, TopicFacts>, PortError> {
        records::facts(self, topics).await
    }

    async fn apply(&self, changes: &[&Change]) -> Vec<Result<(), PortError>> {
        apply::apply(self, changes).await
    }

    async fn create_key(&self, account: &str, marker: &KeyMarker) -> Result<CreatedKey, PortError> {
        keys::create(self, account, marker).await
    }

    async fn delete_key(&self, account: &str, key: &str) -> Result<(), PortError> {
        keys::delete(self, account, key).await
    }

    fn request_counts(&self) -> RequestCounts {
        RequestCounts { brokers: self.requests(), ..RequestCounts::default() }
    }
}
