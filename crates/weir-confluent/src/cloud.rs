use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::OnceCell;
use weir_kafka::{Kafka, Login, SaslMechanism, SecurityProtocol};
use weir_planning::{Limits, Principal};
use weir_ports::PortError;

use crate::{ApiKey, Data, Options, control::ControlPlane, dialect, options};

/// The largest number of accounts that are looked up by name; for more, all accounts are listed.
pub(crate) const FEW: usize = 8;

/// A Kafka cluster of Confluent Cloud.
pub struct ConfluentCloud {
    pub(crate) options: Options,
    control: Option<ControlPlane>,
    kafka: OnceCell<Kafka>,
    pub(crate) deployer: OnceCell<Deployer>,
    /// The owner of the control plane's API key; `None` if the control plane does not show it.
    pub(crate) control_owner: OnceCell<Option<Principal>>,
    /// `true` once `UserV2:*` has listed all bindings by id.
    lists_by_id: AtomicBool,
    memory: Mutex<Memory>,
}

/// The identity of this client at the brokers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deployer {
    /// `User:sa-…`, or the user that owns the key; `None` if unknown.
    pub(crate) principal: Option<Principal>,
    /// The name of the account.
    pub(crate) name: Option<String>,
}

/// Facts that this process observed or caused. They save calls, and cover the time before lists show new objects.
#[derive(Default)]
pub(crate) struct Memory {
    /// Ids of accounts by name.
    pub(crate) ids: BTreeMap<String, String>,
    /// Ids of keys that this process created and did not delete.
    pub(crate) made: BTreeSet<String>,
    /// The last reported quotas.
    pub(crate) limits: Option<Limits>,
    /// The number of bindings when all were last listed.
    pub(crate) bindings: Option<u64>,
}

impl fmt::Debug for ConfluentCloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfluentCloud").field("options", &self.options).finish_non_exhaustive()
    }
}

impl ConfluentCloud {
    /// Makes a client of the cluster, which connects at its first call.
    ///
    /// # Errors
    /// `Refused` for options that contradict each other.
    pub fn new(options: Options) -> Result<Self, PortError> {
        options.check()?;
        let told = [
            options.data.as_ref().and_then(|data| data.bootstrap.as_deref()),
            options.control.as_ref().and_then(|control| control.bootstrap.as_deref()),
        ];
        for bootstrap in told.into_iter().flatten() {
            options::bootstrap(bootstrap)?;
        }
        let control = options.control.as_ref().map(|control| ControlPlane::new(&options.cluster, control));
        Ok(Self {
            control: control.transpose()?,
            options,
            kafka: OnceCell::new(),
            deployer: OnceCell::new(),
            control_owner: OnceCell::new(),
            lists_by_id: AtomicBool::new(false),
            memory: Mutex::default(),
        })
    }

    /// Returns the number of calls to the control plane so far, by `operationId`, including retries.
    pub fn requests(&self) -> BTreeMap<&'static str, u64> {
        self.control.as_ref().map(ControlPlane::requests).unwrap_or_default()
    }

    /// Returns the number of requests to the brokers so far.
    pub fn broker_requests(&self) -> u64 {
        self.kafka.get().map_or(0, Kafka::requests)
    }

    pub(crate) fn control(&self) -> Result<&ControlPlane, PortError> {
        self.control.as_ref().ok_or_else(|| {
            let cluster = &self.options.cluster;
            let message = format!(
                "the control plane of {cluster} is not open in this run: service accounts and API keys are out of reach"
            );
            PortError::unavailable(message)
        })
    }

    pub(crate) fn data(&self) -> Result<&Data, PortError> {
        self.options.data.as_ref().ok_or_else(|| {
            let cluster = &self.options.cluster;
            let message =
                format!("the data plane of {cluster} is not open in this run: topics and ACLs are out of reach");
            PortError::unavailable(message)
        })
    }

    /// Returns the security protocol and the address of the brokers.
    pub(crate) async fn bootstrap(&self) -> Result<(SecurityProtocol, String), PortError> {
        if let Some(bootstrap) = self.options.data.as_ref().and_then(|data| data.bootstrap.as_deref()) {
            return options::bootstrap(bootstrap);
        }
        if let Some(bootstrap) = self.options.control.as_ref().and_then(|control| control.bootstrap.as_deref()) {
            return options::bootstrap(bootstrap);
        }
        let chosen = self.options.control.as_ref().and_then(|control| control.endpoint.as_deref());
        let endpoint = self.control()?.cluster().await?.bootstrap(chosen);
        options::bootstrap(endpoint.map_err(PortError::unavailable)?)
    }

    /// Returns a client of the brokers that logs in with `key`.
    pub(crate) async fn kafka_as(&self, key: &ApiKey, timeout: Duration) -> Result<Kafka, PortError> {
        let (protocol, bootstrap) = self.bootstrap().await?;
        let ca = self.options.data.as_ref().and_then(|data| data.ca.clone());
        Kafka::new(weir_kafka::Options {
            cluster_id: Some(self.options.cluster.clone()),
            protocol,
            login: Some(Login {
                mechanism: SaslMechanism::Plain,
                username: key.id.clone(),
                password: key.secret.clone(),
                tokens: None,
            }),
            ca: ca.filter(|_| protocol == SecurityProtocol::SaslSsl),
            timeout,
            dialect: dialect::DIALECT,
            ..weir_kafka::Options::new(bootstrap)
        })
    }

    /// Returns the client of the brokers.
    pub(crate) async fn kafka(&self) -> Result<&Kafka, PortError> {
        let data = self.data()?;
        self.kafka.get_or_try_init(|| self.kafka_as(&data.key, data.timeout)).await
    }

    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn knows_by_id(&self) -> bool {
        self.lists_by_id.load(Ordering::Relaxed)
    }

    pub(crate) fn learn_by_id(&self) {
        self.lists_by_id.store(true, Ordering::Relaxed);
    }

    /// Returns the ids of the accounts that exist, by name. An account that was observed before is not looked up again.
    pub(crate) async fn ids(&self, names: &BTreeSet<&str>) -> Result<BTreeMap<String, String>, PortError> {
        let known = |known: &BTreeMap<String, String>| -> BTreeMap<String, String> {
            let found = names.iter().filter_map(|name| Some(((*name).to_owned(), known.get(*name)?.clone())));
            found.collect()
        };
        let Some(control) = &self.control else {
            return Ok(known(&self.data()?.account_ids));
        };
        let found = known(&self.memory().ids);
        let missing: Vec<&str> = names.iter().copied().filter(|name| !found.contains_key(*name)).collect();
        if missing.is_empty() {
            return Ok(found);
        }
        let accounts = control.accounts((missing.len() <= FEW).then_some(&missing)).await?;
        let mut memory = self.memory();
        memory.ids.extend(accounts.into_iter().map(|account| (account.display_name, account.id)));
        Ok(known(&memory.ids))
    }

    /// Returns the id of an account, if it exists.
    pub(crate) async fn id(&self, name: &str) -> Result<Option<String>, PortError> {
        Ok(self.ids(&BTreeSet::from([name])).await?.remove(name))
    }
}
