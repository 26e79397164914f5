//! From a stage to the cluster and the vaults it is bound to.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
    time::Duration,
};

use thiserror::Error;
use weir_model::{Cluster as ClusterEntity, ProviderRef, Workspace};
use weir_planning::{Desired, Observed, Plane, facts_needed, secrets_needed};
use weir_ports::{Cluster, PortError, Query, SecretSink, Selection};
use weir_sandbox::{FaultError, Faults, Options, Sandbox};

/// A stage's cluster and the vaults of its teams.
#[derive(Clone)]
pub struct Live {
    /// The cluster.
    pub cluster: Arc<dyn Cluster>,
    /// The vaults.
    pub vaults: Arc<dyn SecretSink>,
}

/// What of a stage is reached from here. Only Confluent Cloud has planes that are reached apart.
#[derive(Clone, Debug)]
pub struct Reach {
    /// The planes.
    pub planes: BTreeSet<Plane>,
    /// The cluster's own ids of accounts, by physical name: for the brokers, where nobody else tells.
    pub accounts: BTreeMap<String, String>,
}

impl Default for Reach {
    /// All planes.
    fn default() -> Self {
        Self { planes: Plane::ALL.into(), accounts: BTreeMap::new() }
    }
}

/// Why a stage's cluster cannot be reached.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// No such stage.
    #[error("there is no stage `{asked}`; the stages are {}", known.join(", "))]
    UnknownStage {
        /// What was asked for.
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
        /// What it runs on.
        provider: &'static str,
    },
    /// Nothing stands behind the addresses of key vaults.
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
    /// No number of seconds.
    #[error("WEIR_PATIENCE is `{0}`; write a number of seconds, from 1 to 3600")]
    Patience(String),
    /// Faults that nobody understands.
    #[error("the sandbox's faults cannot be read")]
    Faults(#[from] FaultError),
    /// The system does not answer as it should.
    #[error("cluster `{cluster}` cannot be opened")]
    Port {
        /// The cluster.
        cluster: String,
        /// Why.
        #[source]
        source: PortError,
    },
}

/// The providers that are built on demand.
const APACHE_KAFKA: &str = "Apache Kafka";
const CONFLUENT_CLOUD: &str = "Confluent Cloud";

fn remedy(provider: &str) -> &'static str {
    match provider {
        APACHE_KAFKA => "; build it with `--features kafka`",
        CONFLUENT_CLOUD => "; build it with `--features confluent`",
        _ => "",
    }
}

/// How long what does not answer is waited for: the seconds that the environment variable `WEIR_PATIENCE` says, a
/// minute without it.
///
/// # Errors
/// When it says something else.
pub fn patience() -> Result<Duration, OpenError> {
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

/// Reaches the cluster and the vaults of `stage`. A sandbox's folder is relative to `dir`, the workspace's; its vaults
/// are in it. Brokers are asked with the first call, not here; their credentials are read from the environment.
///
/// # Errors
/// When the stage, its cluster or an adapter for it is not there, or the cluster does not answer.
pub async fn open(dir: &Path, workspace: &Workspace, stage: &str) -> Result<Live, OpenError> {
    open_planes(dir, workspace, stage, &Reach::default()).await
}

/// The same for a run that reaches only a part. Of a plane that is not reached no credentials are needed, and what
/// belongs to it answers that it is unavailable.
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
    let unknown = || OpenError::UnknownCluster { stage: stage.name.clone(), cluster: name.clone() };
    // Whatever is not built in has no planes either.
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
            Ok(Live { cluster: sandbox.clone(), vaults: sandbox })
        }
        #[cfg(feature = "confluent")]
        ProviderRef::ConfluentCloud(cloud) => {
            let (port, source) = (port(name), source(dir, spec));
            let vaults = match reach.planes.contains(&Plane::Control) {
                true => crate::vaults::open(name, spec.secrets.as_ref(), &source)?,
                false => Arc::new(crate::unreached::Unreached),
            };
            let cluster = crate::confluent::open(cloud, reach, &source, patience()?).await.map_err(port)?;
            Ok(Live { cluster: Arc::new(cluster), vaults })
        }
        #[cfg(not(feature = "confluent"))]
        ProviderRef::ConfluentCloud(_) => unsupported(CONFLUENT_CLOUD),
        #[cfg(feature = "kafka")]
        ProviderRef::ApacheKafka(kafka) => {
            let (port, source) = (port(name), source(dir, spec));
            let cluster = crate::kafka::open(kafka, &source, patience()?).await.map_err(port)?;
            let vaults = crate::vaults::open(name, spec.secrets.as_ref(), &source)?;
            Ok(Live { cluster: Arc::new(cluster), vaults })
        }
        #[cfg(not(feature = "kafka"))]
        ProviderRef::ApacheKafka(_) => unsupported(APACHE_KAFKA),
    }
}

/// An adapter's error, with the cluster's name.
#[cfg(feature = "kafka")]
fn port(cluster: &str) -> impl Fn(PortError) -> OpenError {
    move |source| OpenError::Port { cluster: cluster.to_owned(), source }
}

/// Where weir's own credentials are.
#[cfg(feature = "kafka")]
fn source<'a>(dir: &'a Path, spec: &'a weir_model::WorkspaceSpec) -> crate::source::Source<'a> {
    let key_vault = spec.secrets.as_ref().and_then(|secrets| secrets.key_vault.as_ref());
    crate::source::Source { env: &|name| std::env::var(name).ok(), key_vault, dir }
}

/// What has to be asked of a cluster for a plan: what is declared and what is owned.
pub fn query(desired: &Desired) -> Query {
    Query {
        topics: Selection {
            names: desired.topics.keys().cloned().collect(),
            patterns: desired.owns.topics.clone(),
            everything: false,
        },
        accounts: Selection {
            names: desired.accounts.keys().cloned().collect(),
            patterns: desired.owns.service_accounts.clone(),
            everything: false,
        },
    }
}

/// Reads what a plan needs to know: the cluster, the vaults' secrets, and what would be lost with topics that are to
/// change.
///
/// # Errors
/// The first error of the cluster or the vaults. What may not be seen is such an error, never absence.
pub async fn observe(live: &Live, desired: &Desired) -> Result<Observed, PortError> {
    let mut observed = live.cluster.observe(&query(desired)).await?;
    observed.secrets = live.vaults.inspect(&secrets_needed(desired, &observed)).await?;
    let topics = facts_needed(desired, &observed);
    if !topics.is_empty() {
        for (name, facts) in live.cluster.topic_facts(&topics).await? {
            if let Some(topic) = observed.topics.get_mut(&name) {
                topic.facts = Some(facts);
            }
        }
    }
    Ok(observed)
}

/// Reads everything a cluster holds, whomever it belongs to: for importing it. Vaults are not asked.
///
/// # Errors
/// The cluster's. What may not be seen is such an error, never absence.
pub async fn observe_everything(live: &Live) -> Result<Observed, PortError> {
    let everything = || Selection { everything: true, ..Selection::default() };
    live.cluster.observe(&Query { topics: everything(), accounts: everything() }).await
}
