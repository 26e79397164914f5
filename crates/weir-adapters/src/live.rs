//! From a stage to the cluster and the vaults it is bound to.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
    time::Duration,
};

use futures::{StreamExt as _, stream};
use thiserror::Error;
use tokio::time::timeout;
use weir_model::{Cluster as ClusterEntity, ProviderRef, Workspace};
use weir_planning::{
    Desired, NamePattern, Observed, ObservedSecret, Plane, Provider, SecretRef, add_listed, facts_needed,
    secrets_needed, vaults_to_list,
};
use weir_ports::{Cluster, ErrorKind, PortError, Query, SecretSink, SecretString, Selection};
use weir_retry::Pauses;
use weir_sandbox::{FaultError, Faults, Options, Sandbox};

/// A stage's cluster and the vaults of its teams.
#[derive(Clone)]
pub struct Live {
    /// The cluster.
    pub cluster: Arc<dyn Cluster>,
    /// The vaults.
    pub vaults: Arc<dyn SecretSink>,
    /// The longest time for which a call is repeated.
    pub patience: Duration,
}

/// The part of a stage that a run reaches. Only Confluent Cloud has planes that can be reached separately.
#[derive(Clone, Debug)]
pub struct Reach {
    /// The planes.
    pub planes: BTreeSet<Plane>,
    /// The cluster's own ids of service accounts, by physical name, for runs that do not reach the control plane.
    pub accounts: BTreeMap<String, String>,
}

impl Default for Reach {
    /// All planes.
    fn default() -> Self {
        Self { planes: Plane::ALL.into(), accounts: BTreeMap::new() }
    }
}

/// The reason why a stage's cluster cannot be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// No such stage.
    #[error("there is no stage `{asked}`; the stages are {}", known.join(", "))]
    UnknownStage {
        /// The name that was given.
        asked: String,
        /// The stages there are.
        known: Vec<String>,
    },
    /// The stage names a cluster that is not declared.
    #[error("stage `{stage}` is on cluster `{cluster}`, which weir.yaml does not declare")]
    UnknownCluster {
        /// The stage.
        stage: String,
        /// The cluster.
        cluster: String,
    },
    /// No adapter for that kind of cluster.
    #[error("cluster `{cluster}` runs on {provider}, which this build of weir cannot reach{}", remedy(provider))]
    Unsupported {
        /// The cluster.
        cluster: String,
        /// The provider of the cluster.
        provider: &'static str,
    },
    /// The cluster keeps no vaults, and weir.yaml names none.
    #[error(
        "cluster `{cluster}` keeps no vaults of its own, and weir.yaml does not say where API keys are stored; write \
         `secrets: {{keyVault: {{login: …}}}}` or `secrets: {{folder: {{path: …}}}}` below `spec`"
    )]
    NoVaults {
        /// The cluster.
        cluster: String,
    },
    /// No adapter for key vaults.
    #[error(
        "API keys are stored in Azure Key Vaults, which this build of weir cannot reach; build it with `--features azure`"
    )]
    NoKeyVaults,
    /// `WEIR_PATIENCE` is not a number of seconds.
    #[error("WEIR_PATIENCE is `{0}`; write a number of seconds, from 1 to 3600")]
    Patience(String),
    /// The sandbox's faults cannot be parsed.
    #[error("the sandbox's faults cannot be read")]
    Faults(#[from] FaultError),
    /// A secret of weir's own cannot be read.
    #[error("a secret of weir's own cannot be read")]
    Secret(#[source] PortError),
    /// The adapter cannot be opened.
    #[error("cluster `{cluster}` cannot be opened")]
    Port {
        /// The cluster.
        cluster: String,
        /// The cause.
        #[source]
        source: PortError,
    },
}

/// The largest number of vaults that are asked at the same time.
const VAULTS: usize = 64;

/// The providers that need a feature.
const APACHE_KAFKA: &str = "Apache Kafka";
const CONFLUENT_CLOUD: &str = "Confluent Cloud";

fn remedy(provider: &str) -> &'static str {
    match provider {
        APACHE_KAFKA => "; build it with `--features kafka`",
        CONFLUENT_CLOUD => "; build it with `--features confluent`",
        _ => "",
    }
}

/// Returns the longest time for which a call is repeated: the number of seconds in the environment variable
/// `WEIR_PATIENCE`, or a minute without it.
///
/// # Errors
/// If it says something else.
fn patience() -> Result<Duration, OpenError> {
    const MINUTE: u64 = 60;
    let seconds = match std::env::var_os("WEIR_PATIENCE") {
        None => MINUTE,
        Some(text) => {
            let seconds =
                text.to_str().and_then(|text| text.parse().ok()).filter(|seconds| (1..=3_600).contains(seconds));
            seconds.ok_or_else(|| OpenError::Patience(text.to_string_lossy().into_owned()))?
        }
    };
    Ok(Duration::from_secs(seconds))
}

/// Opens the cluster and the vaults of `stage`. The environment variable `WEIR_PATIENCE` gives the longest time for which
/// a call is repeated. `dir` is the workspace's folder; a sandbox's folder, which also holds its vaults, is relative to
/// it. Credentials are read now, from the environment or a key vault; brokers are connected to with the first request.
///
/// # Errors
/// If the stage, its cluster or an adapter for it does not exist, if credentials cannot be read, or if `WEIR_PATIENCE` is
/// not a number of seconds.
pub async fn open(dir: &Path, workspace: &Workspace, stage: &str) -> Result<Live, OpenError> {
    open_planes(dir, workspace, stage, &Reach::default()).await
}

/// Opens the planes of a stage that `reach` names. A plane that is not reached needs no credentials, and requests to it
/// fail as unavailable.
///
/// # Errors
/// As [`open`].
pub async fn open_planes(dir: &Path, workspace: &Workspace, stage: &str, reach: &Reach) -> Result<Live, OpenError> {
    let spec = &workspace.settings.spec;
    let stage = spec.stages.iter().find(|s| s.name == stage).ok_or_else(|| OpenError::UnknownStage {
        asked: stage.to_owned(),
        known: spec.stages.iter().map(|s| s.name.clone()).collect(),
    })?;
    let name = &stage.cluster;
    let patience = patience()?;
    let unknown = || OpenError::UnknownCluster { stage: stage.name.clone(), cluster: name.clone() };
    // Without the feature, no cluster has planes.
    #[cfg(not(feature = "confluent"))]
    let _ = reach;
    #[cfg(not(feature = "confluent"))]
    let unsupported = |provider| Err(OpenError::Unsupported { cluster: name.clone(), provider });
    match spec.clusters.get(name).and_then(ClusterEntity::provider).ok_or_else(unknown)? {
        ProviderRef::Sandbox(sandbox) => {
            let options = Options {
                cluster_id: sandbox.cluster_id.clone(),
                brokers: sandbox.brokers,
                faults: Faults::from_env()?,
                ..Options::default()
            };
            let sandbox = Sandbox::open(dir.join(&sandbox.path), options)
                .map_err(|source| OpenError::Port { cluster: name.clone(), source })?;
            let sandbox = Arc::new(sandbox);
            Ok(Live { cluster: sandbox.clone(), vaults: sandbox, patience })
        }
        #[cfg(feature = "confluent")]
        ProviderRef::ConfluentCloud(cloud) => {
            let (port, source) = (port(name), source(dir, spec, patience));
            let vaults = match reach.planes.contains(&Plane::Control) {
                true => crate::vaults::open(name, spec.secrets.as_ref(), &source)?,
                false => Arc::new(crate::unreached::Unreached),
            };
            let cluster = crate::confluent::open(cloud, reach, &source).await.map_err(port)?;
            Ok(Live { cluster: Arc::new(cluster), vaults, patience })
        }
        #[cfg(not(feature = "confluent"))]
        ProviderRef::ConfluentCloud(_) => unsupported(CONFLUENT_CLOUD),
        #[cfg(feature = "kafka")]
        ProviderRef::ApacheKafka(kafka) => {
            let (port, source) = (port(name), source(dir, spec, patience));
            let cluster = crate::kafka::open(kafka, &source).await.map_err(port)?;
            let vaults = crate::vaults::open(name, spec.secrets.as_ref(), &source)?;
            Ok(Live { cluster: Arc::new(cluster), vaults, patience })
        }
        #[cfg(not(feature = "kafka"))]
        ProviderRef::ApacheKafka(_) => unsupported(APACHE_KAFKA),
    }
}

/// Adds the cluster's name to an adapter's error.
#[cfg(feature = "kafka")]
fn port(cluster: &str) -> impl Fn(PortError) -> OpenError {
    move |source| OpenError::Port { cluster: cluster.to_owned(), source }
}

/// Returns the sources of weir's own credentials.
#[cfg(feature = "kafka")]
fn source<'a>(dir: &'a Path, spec: &'a weir_model::WorkspaceSpec, patience: Duration) -> crate::source::Source<'a> {
    let key_vault = spec.secrets.as_ref().and_then(|secrets| secrets.key_vault.as_ref());
    let hosts = spec
        .vault_hosts()
        .map_err(|index| format!("entry {} of `ownership.vaultHosts` in weir.yaml is not a host", index + 1));
    crate::source::Source { env: &|name| std::env::var(name).ok(), key_vault, hosts, dir, patience }
}

/// Reads a secret of weir's own from a key vault, by its address `https://VAULT/secrets/NAME`. The vault must be on a host
/// that `weir.yaml` allows.
///
/// # Errors
/// If the vault has no such secret, does not answer or refuses the login, or if this build reads no key vaults.
pub async fn read_secret(dir: &Path, workspace: &Workspace, address: &str) -> Result<SecretString, OpenError> {
    #[cfg(feature = "azure")]
    let read = source(dir, &workspace.settings.spec, patience()?).secret(address).await;
    #[cfg(not(feature = "azure"))]
    let read = {
        let _ = (dir, workspace);
        let message = format!("this build of weir cannot read {address}; build it with `--features azure`");
        Err(PortError::refused(message))
    };
    read.map_err(OpenError::Secret)
}

/// Returns the query that a plan needs: names that files declare, patterns that the stage owns, and accounts that the
/// stage made, or a stage that `weir.yaml` no longer has.
///
/// On brokers that know accounts by name, bindings outlive their account: the query asks for all names in the name spaces
/// of teams. Confluent Cloud knows accounts by ids, which are never used again.
pub fn query(desired: &Desired) -> Query {
    let mut accounts = desired.owns.service_accounts.clone();
    if desired.provider != Provider::ConfluentCloud {
        let spaces = desired.account_spaces().map(|beginning| NamePattern::try_from(format!("{beginning}*")));
        accounts.extend(spaces.filter_map(Result::ok));
    }
    Query {
        topics: Selection {
            names: desired.topics.keys().cloned().collect(),
            patterns: desired.owns.topics.clone(),
            ..Selection::default()
        },
        accounts: Selection {
            names: desired.accounts.keys().cloned().collect(),
            patterns: accounts,
            made_by: Some(desired.makers()),
            everything: false,
        },
    }
}

/// Observes the state that a plan needs: the cluster, the vaults' secrets, and the records of topics whose change may
/// lose data. Reads that the adapters do not repeat themselves are repeated here, until [`Live::patience`] is over.
///
/// A vault that cannot be read is noted in [`Observed::unseen`]: it is one team's trouble.
///
/// # Errors
/// The first final error of the cluster, or the last of the vaults if vaults of several teams are asked and none of them can
/// be read. An object that weir may not see is such an error, not an absent one.
pub async fn observe(live: &Live, desired: &Desired) -> Result<Observed, PortError> {
    observe_planes(live, desired, &Reach::default(), &BTreeSet::new()).await
}

/// Observes the part of the state that `reach` shows, and the secrets `also` beside those that a plan needs.
///
/// # Errors
/// As [`observe`].
pub async fn observe_planes(
    live: &Live,
    desired: &Desired,
    reach: &Reach,
    also: &BTreeSet<SecretRef>,
) -> Result<Observed, PortError> {
    let (mut query, mut tries) = (query(desired), Pauses::usual(live.patience).begin());
    let sees = |plane| reach.planes.contains(&plane) || desired.provider != Provider::ConfluentCloud;
    if !sees(Plane::Data) {
        query.topics = Selection::default();
    }
    if !sees(Plane::Control) {
        // Brokers know service accounts by id: the others have no bindings that could be named. Accounts that no file
        // declares any more are among those that can.
        query.accounts.names = reach.accounts.keys().cloned().collect();
    }
    let mut observed = tries.insist(|| live.cluster.observe(&query)).await?;
    if sees(Plane::Control) {
        let secrets = secrets_needed(desired, &observed).into_iter().chain(also.iter().cloned());
        inspect(live, desired, &mut observed, secrets.collect()).await?;
    }
    let topics = if sees(Plane::Data) { facts_needed(desired, &observed) } else { BTreeSet::new() };
    if !topics.is_empty() {
        for (name, facts) in tries.insist(|| live.cluster.topic_facts(&topics)).await? {
            if let Some(topic) = observed.topics.get_mut(&name) {
                topic.facts = Some(facts);
            }
        }
    }
    Ok(observed)
}

/// The longest time for the list of a vault: a plan can do without it.
const LISTING: Duration = Duration::from_secs(5);

/// The answer of a vault.
enum Answer {
    /// Its list.
    Listed(BTreeMap<SecretRef, ObservedSecret>),
    /// The needed secrets of a vault that does not let weir list it, and the reason.
    Inspected(BTreeMap<SecretRef, ObservedSecret>, String),
    /// The reason why a vault of which nothing is needed cannot be listed.
    Unlisted(String),
    Unseen(PortError),
}

/// Asks all vaults at the same time, under one deadline, and notes the secrets `needed`, those that weir left, and the
/// vaults that cannot be read or listed with the reasons.
async fn inspect(
    live: &Live,
    desired: &Desired,
    observed: &mut Observed,
    needed: BTreeSet<SecretRef>,
) -> Result<(), PortError> {
    let mut by_vault: BTreeMap<String, BTreeSet<SecretRef>> =
        vaults_to_list(desired, observed).into_iter().map(|vault| (vault.to_owned(), BTreeSet::new())).collect();
    for at in needed {
        by_vault.entry(at.vault.clone()).or_default().insert(at);
    }
    let all = by_vault.values().filter(|secrets| !secrets.is_empty()).count();
    let asked = by_vault.into_iter().map(|(vault, needed)| async move {
        let answer = timeout(live.patience, ask(live, &vault, &needed)).await;
        let answer = answer.unwrap_or_else(|_| {
            let message = format!("it gave no answer within {} s", live.patience.as_secs());
            match needed.is_empty() {
                true => Answer::Unlisted(message),
                false => Answer::Unseen(PortError::new(ErrorKind::Unavailable, message)),
            }
        });
        (vault, needed, answer)
    });
    let mut last = None;
    for (vault, needed, answer) in stream::iter(asked).buffer_unordered(VAULTS).collect::<Vec<_>>().await {
        match answer {
            Answer::Listed(mut listed) => {
                // The list has names in lower case.
                let named: BTreeMap<SecretRef, SecretRef> = needed
                    .into_iter()
                    .map(|at| (SecretRef { vault: at.vault.clone(), name: at.name.to_ascii_lowercase() }, at))
                    .collect();
                for (name, at) in named {
                    if let Some(secret) = listed.remove(&name) {
                        observed.secrets.insert(at.clone(), ObservedSecret { at, ..secret });
                    }
                }
                add_listed(desired, observed, listed.into_values());
            }
            Answer::Inspected(found, why) => {
                observed.secrets.extend(found);
                observed.unlisted.insert(vault, why);
            }
            Answer::Unlisted(why) => {
                observed.unlisted.insert(vault, why);
            }
            Answer::Unseen(error) => {
                observed.unseen.insert(vault, error.chain());
                last = Some(error);
            }
        }
    }
    let unseen = &observed.unseen;
    let teams: BTreeSet<&str> = desired
        .accounts
        .values()
        .filter(|account| account.vault.as_ref().is_some_and(|vault| unseen.contains_key(vault)))
        .map(|account| account.team.as_str())
        .collect();
    match last {
        // If no vault of several teams answers, weir's own login or network is wrong.
        Some(error) if all > 1 && unseen.len() == all && teams.len() > 1 => Err(error),
        _ => Ok(()),
    }
}

/// Asks one vault for its list, or for the secrets `needed` if the list is refused or long.
async fn ask(live: &Live, vault: &str, needed: &BTreeSet<SecretRef>) -> Answer {
    let mut tries = Pauses::usual(live.patience).begin();
    let list = timeout(live.patience.min(LISTING), tries.insist(|| live.vaults.list(vault)));
    let why = match list.await {
        Ok(Ok(listed)) => return Answer::Listed(listed),
        Ok(Err(error)) if needed.is_empty() => return Answer::Unlisted(error.chain()),
        Ok(Err(error)) if error.kind == ErrorKind::Denied => {
            format!("its login lacks the permission `list`: {}", error.chain())
        }
        Ok(Err(error)) => return Answer::Unseen(error),
        Err(_) => format!("its list takes longer than {} s", LISTING.as_secs()),
    };
    if needed.is_empty() {
        return Answer::Unlisted(why);
    }
    match tries.insist(|| live.vaults.inspect(needed)).await {
        Ok(found) => Answer::Inspected(found, why),
        Err(error) => Answer::Unseen(error),
    }
}

/// Observes all objects of a cluster, to import them. Vaults are not read. The read is repeated as in [`observe`].
///
/// # Errors
/// The cluster's final error. An object that weir may not see is such an error, not an absent one.
pub async fn observe_everything(live: &Live) -> Result<Observed, PortError> {
    let everything = || Selection { everything: true, ..Selection::default() };
    let query = Query { topics: everything(), accounts: everything() };
    Pauses::usual(live.patience).begin().insist(|| live.cluster.observe(&query)).await
}
