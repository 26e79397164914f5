use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use jiff::Timestamp;
use weir_planning::TopicFacts;
use weir_ports::{Clock, CreatedKey, ErrorKind, PortError, SecretString, SystemClock};

use crate::{
    Faults, Vaults,
    folder::Folder,
    random, rules,
    state::{CLUSTER, ClusterSettings, FILES, State, TOPICS, Topic},
    transaction::{Past, Remembered},
};

/// Options for opening a sandbox.
#[derive(Clone)]
pub struct Options {
    /// The cluster's id: expected of an existing sandbox, given to a new one. Default: any id; a random one for a new
    /// sandbox.
    pub cluster_id: Option<String>,
    /// Number of simulated brokers. Default: unchanged; 3 for a new sandbox.
    pub brokers: Option<u16>,
    /// The faults. Default: none.
    pub faults: Faults,
    /// The clock for times of creation. Default: the system's.
    pub clock: Arc<dyn Clock>,
}

impl Default for Options {
    fn default() -> Self {
        Self { cluster_id: None, brokers: None, faults: Faults::default(), clock: Arc::new(SystemClock) }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("cluster_id", &self.cluster_id)
            .field("brokers", &self.brokers)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

/// A cluster and its vaults in a folder.
///
/// Beside the ports' methods, it has methods for states that weir itself never creates: records, mirrored topics,
/// keys and secrets of other people. These methods pass no fault points.
pub struct Sandbox {
    pub(crate) folder: Arc<Folder>,
    pub(crate) vaults: Vaults,
    pub(crate) id: String,
    pub(crate) faults: Faults,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) remembered: Mutex<Option<Remembered>>,
    pub(crate) past: Mutex<Vec<Past>>,
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").field("path", &self.path()).field("id", &self.id).finish_non_exhaustive()
    }
}

impl Sandbox {
    /// Opens the sandbox in the folder `path`; creates it if the folder is empty or missing.
    ///
    /// # Errors
    /// - `WrongCluster` if the sandbox has another id than `options` asks for.
    /// - `Unavailable` if the folder holds other files, or a file that cannot be read.
    /// - `Refused` for an id or a number of brokers that no cluster can have.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, PortError> {
        let Options { cluster_id, brokers, faults, clock } = options;
        if brokers == Some(0) {
            return Err(PortError::refused("a cluster cannot have 0 brokers; ask for at least 1"));
        }
        if cluster_id.as_deref() == Some("") {
            return Err(PortError::refused("a cluster's id cannot be empty"));
        }
        let folder = Folder::make(path.as_ref())?;
        let mut lock = folder.lock_exclusive()?;
        folder.tidy(&lock)?;
        let folder = Arc::new(folder);
        let sandbox = |folder, id| {
            let vaults = Vaults::new(Arc::clone(&folder), faults.clone(), Arc::clone(&clock));
            Self { folder, vaults, id, faults, clock, remembered: Mutex::default(), past: Mutex::default() }
        };

        let Some(bytes) = folder.read(CLUSTER)? else {
            for name in folder.names()? {
                // An interrupted creation leaves only empty files of the sandbox.
                let blank = FILES.contains(&name.as_str()) && folder.read(&name)?.is_some_and(|b| State::is_blank(&b));
                if !blank {
                    return Err(PortError::unavailable(format!(
                        "{} holds `{name}` and no cluster.json: it is not a sandbox; name an empty folder",
                        folder.path().display()
                    )));
                }
            }
            folder.keep_out_of_git()?;
            let id = cluster_id.map_or_else(random::cluster_id, Ok)?;
            let state = State::new(ClusterSettings::new(id.clone(), brokers.unwrap_or(3)));
            for file in FILES {
                folder.write(&mut lock, file, &state.encode(file))?;
            }
            return Ok(sandbox(folder, id));
        };

        folder.keep_out_of_git()?;
        let found = State::decode(|file| if file == CLUSTER { Ok(Some(bytes.clone())) } else { folder.read(file) })?;
        drop(lock);
        if let Some(expected) = cluster_id.filter(|expected| *expected != found.cluster.id) {
            return Err(wrong_cluster(&found.cluster.id, &expected));
        }
        let sandbox = sandbox(folder, found.cluster.id.clone());
        if let Some(brokers) = brokers.filter(|brokers| *brokers != found.cluster.brokers) {
            sandbox.configure(|cluster| {
                cluster.brokers = brokers;
                cluster.default_replication_factor = brokers.min(3);
            })?;
        }
        Ok(sandbox)
    }

    /// Returns the folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the cluster's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the folder of all vaults: the only place with secrets.
    pub fn vaults_path(&self) -> PathBuf {
        self.vaults.path()
    }

    /// Returns the sandbox's vaults, for actions of applications and people.
    pub fn vaults(&self) -> &Vaults {
        &self.vaults
    }

    /// Returns `true` if a client with this key and secret may log in; `false` if the folder cannot be read.
    pub fn login(&self, key_id: &str, secret: &SecretString) -> bool {
        let state = self.read_unfaulted();
        state.is_ok_and(|state| state.keys.get(key_id).is_some_and(|key| key.sha256 == rules::keys::hash(secret)))
    }

    /// Changes the settings of the whole cluster, such as brokers, limits, the deploying principal. The id must stay.
    ///
    /// # Errors
    /// If the folder cannot be read or written.
    pub fn configure(&self, change: impl FnOnce(&mut ClusterSettings)) -> Result<(), PortError> {
        let mut transaction = self.change_unfaulted()?;
        let cluster = &mut transaction.edit(CLUSTER).cluster;
        change(cluster);
        cluster.id.clone_from(&self.id);
        transaction.commit()
    }

    /// Sets the simulated records of a topic, and the groups that read it.
    ///
    /// # Errors
    /// `Refused` if there is no such topic.
    pub fn set_facts(&self, topic: &str, facts: TopicFacts) -> Result<(), PortError> {
        self.edit_topic(topic, |topic| topic.facts = Some(facts))
    }

    /// Sets whether a topic looks as if a cluster link filled it.
    ///
    /// # Errors
    /// `Refused` if there is no such topic.
    pub fn set_mirror(&self, topic: &str, mirror: bool) -> Result<(), PortError> {
        self.edit_topic(topic, |topic| topic.mirror = mirror)
    }

    fn edit_topic(&self, name: &str, change: impl FnOnce(&mut Topic)) -> Result<(), PortError> {
        let mut transaction = self.change_unfaulted()?;
        let topic = transaction.edit(TOPICS).topics.get_mut(name).ok_or_else(|| rules::topics::absent(name))?;
        change(topic);
        transaction.commit()
    }

    /// Creates a service account as a person would by hand, without weir's mark.
    ///
    /// # Errors
    /// `Refused` for a name that is taken or that no account can have.
    pub fn add_account(&self, name: &str, description: &str) -> Result<(), PortError> {
        let mut transaction = self.change_unfaulted()?;
        rules::accounts::create(&mut transaction, name, description, None)?;
        transaction.commit()
    }

    /// Creates an API key as a person would by hand, with any text as `description`.
    ///
    /// # Errors
    /// `Refused` if there is no such account, or no room for another key.
    pub fn add_key(&self, account: &str, description: &str) -> Result<CreatedKey, PortError> {
        let mut transaction = self.change_unfaulted()?;
        let now = self.clock.now();
        let (id, secret) = rules::keys::create(&mut transaction, account, description, now)?;
        transaction.commit()?;
        Ok(self.created(id, secret, now))
    }

    pub(crate) fn created(&self, id: String, secret: SecretString, created: Timestamp) -> CreatedKey {
        let connection = [
            ("bootstrap.servers", format!("{}.sandbox.invalid:9092", self.id)),
            ("security.protocol", "SASL_SSL".to_owned()),
            ("sasl.mechanism", "PLAIN".to_owned()),
        ];
        CreatedKey {
            id,
            secret,
            created: Some(created),
            connection: connection.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        }
    }

    pub(crate) fn check_id(&self, found: &str) -> Result<(), PortError> {
        if found == self.id { Ok(()) } else { Err(wrong_cluster(found, &self.id)) }
    }
}

fn wrong_cluster(found: &str, expected: &str) -> PortError {
    PortError::new(ErrorKind::WrongCluster, format!("the sandbox is the cluster `{found}`, not `{expected}`"))
}
