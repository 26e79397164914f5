//! The state of the organization.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::Behaviour;

/// A service account in the fake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// `sa-…`
    pub id: String,
    /// The account's number in old interfaces.
    pub integer_id: u32,
    /// The name, unique in the organization.
    pub display_name: String,
    /// The description.
    pub description: String,
    /// The owner from the creation request, `assigned_resource_owner`: `sa-…`, `u-…`, `pool-…`, `group-…`.
    pub owner: Option<String>,
    /// Time of creation.
    pub created: Timestamp,
    /// Time of the last change.
    pub updated: Timestamp,
    /// Time of deletion.
    pub deleted: Option<Timestamp>,
}

/// An API key in the fake. `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The id of the key, which is a client's user name.
    pub id: String,
    /// The secret, which is a client's password.
    pub secret: String,
    /// The name.
    pub display_name: String,
    /// The description.
    pub description: String,
    /// The id of the owner: `sa-…` or `u-…`.
    pub owner: String,
    /// The id of the cluster; `None` for a Cloud API key.
    pub cluster: Option<String>,
    /// Time of creation.
    pub created: Timestamp,
    /// Time of the last change.
    pub updated: Timestamp,
    /// Time of deletion.
    pub deleted: Option<Timestamp>,
}

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { id, display_name, owner, cluster, deleted, .. } = self;
        f.debug_struct("ApiKey")
            .field("id", id)
            .field("display_name", display_name)
            .field("owner", owner)
            .field("cluster", cluster)
            .field("deleted", deleted)
            .finish_non_exhaustive()
    }
}

/// The kinds of clusters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the service's own names")]
pub enum ClusterKind {
    Basic,
    Standard,
    Enterprise,
    Dedicated,
    Freight,
}

/// The phases in the life of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the service's own names")]
pub enum Phase {
    Provisioning,
    Provisioned,
    Failed,
}

/// A Kafka cluster.
#[derive(Clone, Debug)]
pub(super) struct KafkaCluster {
    pub(super) id: String,
    pub(super) environment: String,
    pub(super) kind: ClusterKind,
    pub(super) phase: Phase,
    /// `host:port` of the front, for bootstrap.
    pub(super) bootstrap: String,
    /// Endpoints beside the public one: `host:port` by the ids of their access points.
    pub(super) private: BTreeMap<String, String>,
    /// The units of capacity of a dedicated cluster.
    pub(super) units: u32,
    /// The ports of the simulated brokers.
    pub(super) ports: Vec<u16>,
    pub(super) security: &'static str,
    /// Service accounts with all rights on this cluster.
    pub(super) admins: Vec<String>,
}

/// The objects of the organization, and its clock.
#[derive(Debug)]
pub(super) struct Organization {
    pub(super) id: String,
    pub(super) accounts: BTreeMap<String, Account>,
    pub(super) keys: BTreeMap<String, ApiKey>,
    pub(super) clusters: BTreeMap<String, KafkaCluster>,
    pub(super) quotas: Vec<Quota>,
    pub(super) behaviour: Behaviour,
    pub(super) chance: Chance,
    /// Offset of this clock to the system clock.
    pub(super) ahead: SignedDuration,
}

impl Organization {
    pub(super) fn new(seed: u64) -> Self {
        let mut chance = Chance(seed);
        Self {
            id: chance.uuid(),
            accounts: BTreeMap::new(),
            keys: BTreeMap::new(),
            clusters: BTreeMap::new(),
            quotas: Quota::defaults(),
            behaviour: Behaviour::default(),
            chance,
            ahead: SignedDuration::ZERO,
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp::now().saturating_add(self.ahead).unwrap_or(Timestamp::MAX)
    }

    /// Returns `true` if the time `by` has passed since `since`.
    pub(super) fn passed(&self, since: Timestamp, by: std::time::Duration) -> bool {
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        self.now().duration_since(since) >= by
    }

    /// Returns `true` if a deleted object no longer exists.
    pub(super) fn is_gone(&self, deleted: Option<Timestamp>) -> bool {
        deleted.is_some_and(|at| self.passed(at, self.behaviour.deleted_after))
    }

    pub(super) fn is_readable(&self, created: Timestamp) -> bool {
        self.passed(created, self.behaviour.readable_after)
    }

    pub(super) fn is_listed(&self, created: Timestamp) -> bool {
        self.passed(created, self.behaviour.listed_after)
    }

    /// Returns all existing accounts, including those that lists do not show yet.
    pub(super) fn live_accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.values().filter(|account| !self.is_gone(account.deleted))
    }

    /// Returns all existing API keys, including those that lists do not show yet.
    pub(super) fn live_keys(&self) -> impl Iterator<Item = &ApiKey> {
        self.keys.values().filter(|key| !self.is_gone(key.deleted))
    }

    pub(super) fn owner_exists(&self, owner: &str) -> bool {
        owner.starts_with("u-") || self.accounts.get(owner).is_some_and(|account| account.deleted.is_none())
    }

    /// Adds an account, without any checks.
    pub(super) fn add_account(&mut self, display_name: &str, description: &str) -> String {
        let id = format!("sa-{}", self.chance.word(b"0123456789abcdefghijkmnopqrstuvwxyz", 6));
        // Unique, since the ids grow with the number of accounts.
        let integer_id = 100_000 + u32::try_from(self.accounts.len()).unwrap_or_default();
        let now = self.now();
        let account = Account {
            id: id.clone(),
            integer_id,
            display_name: display_name.to_owned(),
            description: description.to_owned(),
            owner: None,
            created: now,
            updated: now,
            deleted: None,
        };
        self.accounts.insert(id.clone(), account);
        id
    }

    /// Adds an API key, without any checks.
    pub(super) fn add_key(&mut self, owner: &str, cluster: Option<&str>, name: &str, description: &str) -> ApiKey {
        let now = self.now();
        let key = ApiKey {
            id: self.chance.word(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16),
            secret: self.chance.word(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 64),
            display_name: name.to_owned(),
            description: description.to_owned(),
            owner: owner.to_owned(),
            cluster: cluster.map(ToOwned::to_owned),
            created: now,
            updated: now,
            deleted: None,
        };
        self.keys.insert(key.id.clone(), key.clone());
        key
    }

    /// Deletes an account and its API keys. Its ACL bindings stay.
    pub(super) fn remove_account(&mut self, id: &str) {
        let now = self.now();
        if let Some(account) = self.accounts.get_mut(id) {
            account.deleted.get_or_insert(now);
        }
        for key in self.keys.values_mut().filter(|key| key.owner == id) {
            key.deleted.get_or_insert(now);
        }
    }

    pub(super) fn remove_key(&mut self, id: &str) {
        let now = self.now();
        if let Some(key) = self.keys.get_mut(id) {
            key.deleted.get_or_insert(now);
        }
    }

    /// Returns the key with this id, if the secret is right. The key may be deleted.
    pub(super) fn authenticate(&self, id: &str, secret: &str) -> Option<&ApiKey> {
        self.keys.get(id).filter(|key| key.secret == secret)
    }

    /// Returns `true` if broker number `broker` accepts this API key of a cluster.
    pub(super) fn broker_knows(&self, key: &ApiKey, broker: u32) -> bool {
        let Behaviour { key_ready_after, key_ready_spread, .. } = &self.behaviour;
        key.deleted.is_none() && self.passed(key.created, *key_ready_after + *key_ready_spread * broker)
    }

    /// Returns `true` if the control plane accepts this Cloud API key.
    pub(super) fn cloud_knows(&self, key: &ApiKey) -> bool {
        key.deleted.is_none() && self.passed(key.created, self.behaviour.cloud_key_ready_after)
    }

    /// Returns the integer id of `sa-…`.
    pub(super) fn integer_id(&self, id: &str) -> Option<u32> {
        self.accounts.get(id).map(|account| account.integer_id)
    }
}

/// A random number generator (splitmix64) that gives the same numbers for the same seed.
#[derive(Clone, Debug)]
pub(super) struct Chance(pub(super) u64);

impl Chance {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number between 0 and 1.
    pub(super) fn fraction(&mut self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
        let fraction = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        fraction
    }

    pub(super) fn word(&mut self, letters: &[u8], length: usize) -> String {
        let mut letter = || letters[usize::try_from(self.next() % letters.len() as u64).unwrap_or_default()];
        (0..length).map(|_| char::from(letter())).collect()
    }

    pub(super) fn uuid(&mut self) -> String {
        let hex = self.word(b"0123456789abcdef", 32);
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}

/// A quota of the service.
#[derive(Clone, Debug)]
pub(super) struct Quota {
    pub(super) code: &'static str,
    pub(super) scope: Scope,
    pub(super) name: &'static str,
    pub(super) default_limit: u32,
    pub(super) limit: u32,
}

/// The object that a quota counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Organization,
    Cluster,
    Account,
    User,
}

impl Scope {
    pub(super) const ALL: [Self; 4] = [Self::Organization, Self::Cluster, Self::Account, Self::User];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Organization => "ORGANIZATION",
            Self::Cluster => "KAFKA_CLUSTER",
            Self::Account => "SERVICE_ACCOUNT",
            Self::User => "USER_ACCOUNT",
        }
    }
}

/// Service accounts in the organization.
pub(super) const ACCOUNTS: &str = "iam.max_service_accounts.per_org";
/// API keys of a cluster.
pub(super) const CLUSTER_KEYS: &str = "kafka.max_api_keys.per_cluster";
/// API keys of one service account for clusters.
pub(super) const CLUSTER_KEYS_OF_ACCOUNT: &str = "iam.max_cluster_api_keys.per_service_account";
/// Cloud API keys in the organization.
pub(super) const CLOUD_KEYS: &str = "iam.max_cloud_api_keys.per_org";
/// Cloud API keys of one service account.
pub(super) const CLOUD_KEYS_OF_ACCOUNT: &str = "iam.max_cloud_api_keys.per_service_account";

impl Quota {
    /// Returns the service's default quotas.
    pub(super) fn defaults() -> Vec<Self> {
        let quota = |code, scope, name, limit| Self { code, scope, name, default_limit: limit, limit };
        vec![
            quota(CLOUD_KEYS, Scope::Organization, "Cloud API Keys Per Organization", 1000),
            quota("iam.max_environments.per_org", Scope::Organization, "Environments Per Organization", 25),
            quota("iam.max_kafka_clusters.per_org", Scope::Organization, "Kafka Clusters Per Organization", 400),
            quota(ACCOUNTS, Scope::Organization, "Service Accounts Per Organization", 1000),
            quota(CLUSTER_KEYS, Scope::Cluster, "API Keys Per Kafka Cluster", 2000),
            quota(CLOUD_KEYS_OF_ACCOUNT, Scope::Account, "Cloud API Keys Per Service Account", 100),
            quota(CLUSTER_KEYS_OF_ACCOUNT, Scope::Account, "Cluster API Keys Per Service Account", 100),
            quota("iam.max_cluster_api_keys.per_user", Scope::User, "Cluster API Keys Per User", 10),
        ]
    }
}
