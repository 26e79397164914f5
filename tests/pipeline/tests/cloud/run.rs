//! Runs of weir within this process: observe, plan and deploy as the binaries do, and the ways in which a process can
//! die.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::Notify;
use weir_confluent::ConfluentCloud;
use weir_deployment::{MemoryJournal, Options, Pauses, Ports, Receipt, Verdict, deploy};
use weir_pipeline::Live;
use weir_planning::{
    Change, Desired, KeyMarker, Observed, ObservedSecret, Plan, PlanOptions, Risk, SecretRef, TopicFacts,
};
use weir_ports::{Clock as _, Cluster, CreatedKey, PortError, Query, SecretSink, SecretString};
use weir_secrets::KeyVaults;

use crate::scene::{Patience, Scene};

/// Moment of a process's death.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Before the call.
    Before,
    /// This number of milliseconds after the call began.
    During(u64),
    /// After the call, before its result is known.
    After,
}

/// Ends a process: all its further work is dropped.
#[derive(Debug, Default)]
pub(crate) struct Death {
    /// Number of calls of the vaults' port so far.
    calls: AtomicU32,
    at: Option<(u32, Moment)>,
    dies: Notify,
    dead: Mutex<Option<bool>>,
    buried: Condvar,
}

impl Death {
    /// Makes a death at one of the calls of the vaults, counted from 1.
    pub(crate) fn at(call: u32, moment: Moment) -> Self {
        Self { at: Some((call, moment)), ..Self::default() }
    }

    /// Ends the process now. Returns when its work has been dropped.
    pub(crate) fn strike(&self) {
        let mut dead = self.dead.lock().unwrap();
        if dead.is_some() {
            return;
        }
        *dead = Some(false);
        self.dies.notify_one();
        let _unused =
            self.buried.wait_timeout_while(dead, Duration::from_secs(5), |buried| *buried == Some(false)).unwrap();
    }

    fn bury(&self) {
        *self.dead.lock().unwrap() = Some(true);
        self.buried.notify_all();
    }

    async fn die<T>(&self) -> T {
        *self.dead.lock().unwrap() = Some(false);
        self.dies.notify_one();
        std::future::pending().await
    }

    async fn pass<T>(&self, call: impl Future<Output = T>) -> T {
        let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        match self.at.filter(|(at, _)| *at == number) {
            None => call.await,
            Some((_, Moment::Before)) => self.die().await,
            Some((_, Moment::After)) => {
                call.await;
                self.die().await
            }
            Some((_, Moment::During(milliseconds))) => {
                let _ = tokio::time::timeout(Duration::from_millis(milliseconds), call).await;
                self.die().await
            }
        }
    }
}

/// Called after each call of the vaults' port.
pub(crate) type Watcher = Arc<dyn Fn(&str) + Send + Sync>;

/// The vaults with a watcher and a possible death at each call.
struct Watched {
    vaults: Arc<dyn SecretSink>,
    death: Arc<Death>,
    watcher: Option<Watcher>,
}

impl Watched {
    async fn pass<T>(&self, what: &str, call: impl Future<Output = T>) -> T {
        let answer = self.death.pass(call).await;
        if let Some(watcher) = &self.watcher {
            watcher(what);
        }
        answer
    }
}

#[async_trait]
impl SecretSink for Watched {
    async fn inspect(&self, at: &BTreeSet<SecretRef>) -> Result<BTreeMap<SecretRef, ObservedSecret>, PortError> {
        self.death.pass(self.vaults.inspect(at)).await
    }

    async fn list(&self, vault: &str) -> Result<BTreeMap<SecretRef, ObservedSecret>, PortError> {
        self.death.pass(self.vaults.list(vault)).await
    }

    async fn preflight(&self, at: &SecretRef) -> Result<(), PortError> {
        self.death.pass(self.vaults.preflight(at)).await
    }

    async fn store(
        &self,
        at: &SecretRef,
        value: &SecretString,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), PortError> {
        self.pass(&format!("store {at}"), self.vaults.store(at, value, tags)).await
    }

    async fn disable(&self, at: &SecretRef, key: &str) -> Result<(), PortError> {
        self.pass(&format!("disable {at} {key}"), self.vaults.disable(at, key)).await
    }

    async fn delete(&self, at: &SecretRef) -> Result<(), PortError> {
        self.pass(&format!("delete {at}"), self.vaults.delete(at)).await
    }
}

/// The unchanged cluster, wrapped so that a live one can be shared.
struct Shared<C>(Arc<C>);

#[async_trait]
impl<C: Cluster> Cluster for Shared<C> {
    async fn observe(&self, query: &Query) -> Result<Observed, PortError> {
        self.0.observe(query).await
    }

    async fn topic_facts(&self, topics: &BTreeSet<String>) -> Result<BTreeMap<String, TopicFacts>, PortError> {
        self.0.topic_facts(topics).await
    }

    async fn apply(&self, changes: &[&Change]) -> Vec<Result<(), PortError>> {
        self.0.apply(changes).await
    }

    async fn create_key(&self, account: &str, marker: &KeyMarker) -> Result<CreatedKey, PortError> {
        self.0.create_key(account, marker).await
    }

    async fn key_ready(&self, key: &CreatedKey) -> Result<bool, PortError> {
        self.0.key_ready(key).await
    }

    async fn delete_key(&self, account: &str, key: &str) -> Result<(), PortError> {
        self.0.delete_key(account, key).await
    }
}

/// End of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    /// There was nothing to do.
    Empty,
    /// The whole plan is done.
    Complete,
    /// A part of the plan is done.
    Partly,
    /// The cluster had changed since the plan.
    Stale,
    /// The cluster or the vaults could not be read.
    NotObserved,
    /// The planner refused to make a plan.
    NotPlanned,
    /// The deployment was refused, or no step could be done.
    Failed,
    /// The process died.
    Killed,
}

/// A run and its output.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) end: End,
    pub(crate) plan: Option<Plan>,
    pub(crate) receipt: Option<Receipt>,
    pub(crate) said: String,
    /// Calls of the control plane by operation, and the number of requests to the brokers.
    pub(crate) calls: (BTreeMap<&'static str, u64>, u64),
}

/// Settings of a run.
pub(crate) struct Runner<'a> {
    pub(crate) scene: &'a Scene,
    pub(crate) patience: Patience,
    pub(crate) death: Arc<Death>,
    pub(crate) watcher: Option<Watcher>,
    /// Clients that outlive the run; without them each run makes new ones.
    pub(crate) clients: Option<(Arc<ConfluentCloud>, Arc<KeyVaults>)>,
}

impl<'a> Runner<'a> {
    /// Returns the settings of a patient run that does not die.
    pub(crate) fn new(scene: &'a Scene) -> Self {
        Self { scene, patience: Patience::LONG, death: Arc::default(), watcher: None, clients: None }
    }

    fn clients(&self) -> (Arc<ConfluentCloud>, Arc<KeyVaults>) {
        let open = || (Arc::new(self.scene.open_cloud(self.patience)), Arc::new(self.scene.open_vaults(self.patience)));
        self.clients.clone().unwrap_or_else(open)
    }

    /// Observes, plans, deploys.
    pub(crate) async fn run(&self, desired: &Desired) -> Ran {
        let said = Mutex::new(String::new());
        let (cloud, vaults) = self.clients();
        let vaults = Watched { vaults, death: self.death.clone(), watcher: self.watcher.clone() };
        let (cluster, patience) = (Arc::new(Shared(cloud.clone())), self.patience.all);
        let live = Live { cluster, vaults: Arc::new(vaults), patience };
        let made = Mutex::new((None, None));
        let end = {
            let work = self.work(&live, desired, &said, &made);
            tokio::pin!(work);
            tokio::select! {
                end = &mut work => Some(end),
                () = self.death.dies.notified() => None,
            }
        };
        let calls = (cloud.requests(), cloud.broker_requests());
        drop((live, cloud));
        self.death.bury();
        let (plan, receipt) = made.into_inner().unwrap();
        Ran { end: end.unwrap_or(End::Killed), plan, receipt, said: said.into_inner().unwrap(), calls }
    }

    async fn work(
        &self,
        live: &Live,
        desired: &Desired,
        said: &Mutex<String>,
        made: &Mutex<(Option<Plan>, Option<Receipt>)>,
    ) -> End {
        let say = |text: String| writeln!(said.lock().unwrap(), "{text}").unwrap();
        let observed = match weir_pipeline::observe(live, desired).await {
            Ok(observed) => observed,
            Err(error) => {
                say(format!("{error}\n{error:?}"));
                return End::NotObserved;
            }
        };
        say(serde_json::to_string(&observed).unwrap());
        let options = PlanOptions { now: self.scene.now(), commit: None };
        let plan = match weir_planning::plan(desired, &observed, &options).accept() {
            Ok(plan) => plan,
            Err(findings) => {
                say(format!("{findings:#?}"));
                return End::NotPlanned;
            }
        };
        say(format!("{}{plan:?}{}", plan.to_json(), weir_planning::render::markdown(&plan)));
        made.lock().unwrap().0 = Some(plan.clone());
        if plan.is_empty() {
            return End::Empty;
        }
        let mut journal = MemoryJournal::default();
        let ports = Ports {
            cluster: &*live.cluster,
            vaults: &*live.vaults,
            clock: self.scene,
            journal: &mut journal,
            progress: &(),
        };
        let receipt = deploy(&plan, ports, &self.options(&plan)).await;
        say(format!("{journal:?}{}", serde_json::to_string(&journal.entries).unwrap()));
        match receipt {
            Ok(receipt) => {
                say(format!("{}{receipt:?}", receipt.to_json()));
                say(weir_deployment::render::text(&receipt) + &weir_deployment::render::markdown(&receipt));
                let end = match receipt.verdict() {
                    Verdict::Fine => End::Complete,
                    Verdict::Stale => End::Stale,
                    Verdict::PartlyDeployed => End::Partly,
                    Verdict::Refused | Verdict::RemoteFailed | Verdict::Blocked => End::Failed,
                };
                made.lock().unwrap().1 = Some(receipt);
                end
            }
            Err(error) => {
                say(format!("{error}\n{error:?}"));
                End::Failed
            }
        }
    }

    /// Returns options for a deployment at any risk, with short pauses.
    fn options(&self, plan: &Plan) -> Options {
        let pauses = |deadline| Pauses::new(Duration::from_millis(5), Duration::from_millis(50), deadline);
        Options {
            approved: Some(plan.digest.clone()),
            beyond_threshold: true,
            max_risk: Risk::DataLoss,
            retry: pauses(self.patience.all),
            read_back: pauses(self.patience.all * 2),
            settle: pauses(Duration::from_millis(150)),
            ..Options::default()
        }
    }
}
