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
use weir_planning::{Acl, Change, KeyMarker, Observed, TopicFacts};
use weir_ports::{Asked, Cluster, CreatedKey, ErrorKind, PortError, Query};
use weir_rdkafka_admin::{Admin, Error, ItemError};

use crate::{
    Access, Options, acl, apply,
    failure::{self, Purpose},
    keys,
    observe::{self, BrokerDefaults, TopicDefaults},
    records,
    tokens::Tokens,
};

/// How often a request that waits looks whether the client can connect at all.
const GLANCE: Duration = Duration::from_millis(100);
/// How long no broker may be found or trusted: of several, one may be gone.
const UNREACHABLE: Duration = Duration::from_secs(10);
/// The same for who shows a certificate that is not trusted: waiting does not make it better.
const UNTRUSTED: Duration = Duration::from_secs(2);

/// librdkafka's number for a request whose time was up.
const TIMED_OUT: i32 = -185;
/// Whom the brokers take for who does not log in.
const ANONYMOUS: &str = "User:ANONYMOUS";
/// No number of partitions.
const UNKNOWN: u64 = u64::MAX;

/// A Kafka cluster, over the admin protocol.
pub struct Kafka {
    pub(crate) options: Options,
    pub(crate) admin: Arc<Admin<Tokens>>,
    requests: AtomicU64,
    /// Whether any request was ever answered.
    reached: AtomicBool,
    /// Partitions of all topics that were listed last; `UNKNOWN` before.
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
    /// A client of the cluster. It connects with the first call, and then compares the cluster's id.
    ///
    /// # Errors
    /// `Refused` for options that contradict each other, or that this build does not support.
    pub fn new(options: Options) -> Result<Self, PortError> {
        options.check()?;
        let tokens = Tokens::new(options.login.as_ref());
        let admin = Admin::with_context(&options.config(), tokens).map_err(|error| match (&error, &options.ca) {
            (Error::Client(source), Some(ca)) if source.to_string().contains("ssl.ca.location") => PortError::new(
                ErrorKind::Refused,
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

    /// How many requests were made so far, log-ins and librdkafka's own requests for metadata not counted.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// How many partitions all topics that may be seen have together, before replication, when they were listed last.
    pub fn partitions(&self) -> Option<u64> {
        Some(self.partitions.load(Ordering::Relaxed)).filter(|partitions| *partitions != UNKNOWN)
    }

    pub(crate) fn saw_partitions(&self, partitions: u64) {
        self.partitions.store(partitions, Ordering::Relaxed);
    }

    /// Connects, logs in and compares the cluster's id; answers the id.
    ///
    /// # Errors
    /// `Denied` if the log-in is refused, `WrongCluster` for another id, `Unavailable` if nobody is there.
    pub async fn reach(&self) -> Result<String, PortError> {
        Ok(observe::describe_cluster(self).await?.cluster_id.unwrap_or_default())
    }

    /// The ACL bindings of a principal, or of all, by principal as the brokers write it. Nothing is taken for a note.
    ///
    /// # Errors
    /// `Denied` without the right to describe the cluster.
    pub async fn acls(&self, principal: Option<&str>) -> Result<BTreeMap<String, BTreeSet<Acl>>, PortError> {
        let mut bindings = BTreeMap::new();
        acl::list(self, principal).await?.iter().for_each(|binding| acl::add(&mut bindings, binding));
        Ok(bindings)
    }

    /// What the brokers hold of what is selected, apart from accounts and API keys: for clusters whose accounts are
    /// kept elsewhere. `access` is read while topics are listed; its principals are those that `query` names.
    ///
    /// # Errors
    /// As [`Cluster::observe`], and those of `access`.
    pub async fn observe_with<T>(
        &self,
        query: &Query,
        access: impl Future<Output = Result<(Access, T), PortError>>,
    ) -> Result<(Observed, T), PortError> {
        observe::observe_with(self, query, access).await
    }

    /// The principal that the cluster knows this client by, as far as its options tell.
    pub(crate) fn deployer(&self) -> Option<String> {
        match &self.options.login {
            // Who shows no certificate of his own.
            None => Some(ANONYMOUS.to_owned()),
            // Known once a token has been read, which is before the first answer.
            Some(login) if login.tokens.is_some() => {
                self.admin.client().context().bearer().map(|bearer| format!("User:{bearer}"))
            }
            Some(login) => Some(format!("User:{}", login.username)),
        }
    }

    pub(crate) fn request_options(&self) -> weir_rdkafka_admin::Options {
        weir_rdkafka_admin::Options::new().request_timeout(self.options.timeout)
    }

    pub(crate) fn count(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether any request was ever answered.
    pub(crate) fn was_reached(&self) -> bool {
        self.reached.load(Ordering::Relaxed)
    }

    /// Waits for a request that changes nothing. One that cannot even log in would wait until its time is up.
    pub(crate) async fn ask<T>(&self, request: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        self.wait(request).await.unwrap_or_else(|trouble| Err(Error::Request { error: trouble, cause: None }))
    }

    /// Waits for a request that changes something. It may have been sent before the connection got into trouble: what
    /// became of it is then as open as if its time were up.
    pub(crate) async fn change<T>(&self, request: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        self.wait(request).await.unwrap_or_else(|trouble| {
            Err(Error::Request { error: ItemError::new(TIMED_OUT, None), cause: Some(trouble) })
        })
    }

    /// Waits for a request, or for its connection's hopeless trouble.
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
                // A broker that was there comes back; one that never was is a wrong address.
                _ => since.elapsed() > UNREACHABLE && !self.was_reached(),
            };
            if hopeless {
                return Err(trouble);
            }
        }
    }

    /// A request that changes nothing.
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

    fn asked(&self) -> Asked {
        Asked { brokers: self.requests(), ..Asked::default() }
    }
}
