//! The seams between weir and the systems it changes: a [`Cluster`] and a [`SecretSink`].
//!
//! Adapters implement these and decide nothing: every choice is in the plan. A port's methods take many items at
//! once, since real systems are fast only in batches, and answer for each item apart, since batches half succeed.
//! Any implementation passes the conformance suite in `weir-testkit`.

mod error;
mod secret;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use async_trait::async_trait;
use jiff::Timestamp;
pub use secrecy::{ExposeSecret, SecretString, zeroize};
use weir_planning::{Change, KeyMarker, Maker, Makers, NamePattern, Observed, ObservedSecret, SecretRef, TopicFacts};

pub use crate::{
    error::{ErrorKind, PortError},
    secret::{SECRET_TAGS, check_secret, check_secret_name},
};

/// Which objects of a cluster are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Topics by physical name.
    pub topics: Selection,
    /// Service accounts by physical name, with their ACL bindings and API keys.
    pub accounts: Selection,
}

/// Names, patterns and marks; an object that any of the fields matches is selected. Empty selects nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Exact names.
    pub names: BTreeSet<String>,
    /// Patterns.
    pub patterns: Vec<NamePattern>,
    /// The marks of service accounts that are selected whatever their names: accounts that carry one of them, and
    /// accounts with an API key that carries one. Topics have no marks.
    pub made_by: Option<Makers>,
    /// Whatever there is, internal topics included; of accounts also the bindings of principals that are no account.
    /// Only for importing a cluster: what is managed is always named.
    pub everything: bool,
}

impl Selection {
    /// Returns `true` if `name` is selected. An account may be selected by its mark too: see
    /// [`Selection::contains_account`].
    pub fn contains(&self, name: &str) -> bool {
        self.everything || self.names.contains(name) || self.patterns.iter().any(|p| p.matches(name))
    }

    /// Returns `true` if an account with this name is selected. `makers` are the marks of the account and of its keys.
    pub fn contains_account<'m>(&self, name: &str, makers: impl IntoIterator<Item = &'m Maker>) -> bool {
        let marked = self.made_by.as_ref().is_some_and(|marks| makers.into_iter().any(|maker| marks.contains(maker)));
        marked || self.contains(name)
    }

    /// Returns `true` if nothing can be selected.
    pub fn is_empty(&self) -> bool {
        !self.everything && self.names.is_empty() && self.patterns.is_empty() && self.made_by.is_none()
    }

    /// Returns `true` if only the objects in [`Selection::names`] can be selected.
    pub fn is_named(&self) -> bool {
        !self.everything && self.patterns.is_empty() && self.made_by.is_none()
    }
}

/// A Kafka cluster together with whatever keeps its accounts and API keys.
#[async_trait]
pub trait Cluster: Send + Sync {
    /// Returns the selected objects, as they are now, and facts about the cluster. A selected object that is not in the answer does
    /// not exist: whoever is not allowed to see something must answer [`ErrorKind::Denied`] instead.
    /// ACL bindings are those of the selected accounts' principals and of the deploying principal; with
    /// [`Selection::everything`] those of all principals.
    /// `secrets` stays empty: those are a [`SecretSink`]'s.
    async fn observe(&self, query: &Query) -> Result<Observed, PortError>;

    /// Returns the facts that show the loss if a topic is deleted, for each of `topics`. Topics that do not exist are left out.
    async fn topic_facts(&self, topics: &BTreeSet<String>) -> Result<BTreeMap<String, TopicFacts>, PortError>;

    /// Carries out changes that are independent of each other, in one batch where the system can; answers for each
    /// in the order given. Never called with [`Change::CreateKey`] or [`Change::DeleteKey`].
    ///
    /// An object that already exists with the same content, or is already deleted, is a success.
    async fn apply(&self, changes: &[&Change]) -> Vec<Result<(), PortError>>;

    /// Creates an API key for an account. An answer that was lost on the way is [`ErrorKind::Ambiguous`]; whoever
    /// gets one looks for `marker` among the account's keys.
    async fn create_key(&self, account: &str, marker: &KeyMarker) -> Result<CreatedKey, PortError>;

    /// Returns `true` if a new key logs in already: some systems take minutes to let it in. Asked only when somebody wants to
    /// wait, after the key was stored; never a condition for storing it.
    async fn key_ready(&self, key: &CreatedKey) -> Result<bool, PortError> {
        let _ = key;
        Ok(true)
    }

    /// Deletes an API key. One that is already gone is a success.
    async fn delete_key(&self, account: &str, key: &str) -> Result<(), PortError>;

    /// Returns the number of requests made so far; none for a system without a network.
    fn request_counts(&self) -> RequestCounts {
        RequestCounts::default()
    }
}

/// Number of requests made to a cluster, repeated ones included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestCounts {
    /// To its control plane, by operation.
    pub control: BTreeMap<&'static str, u64>,
    /// To its brokers.
    pub brokers: u64,
}

impl RequestCounts {
    /// Returns `true` if there were none.
    pub fn is_empty(&self) -> bool {
        self.control.is_empty() && self.brokers == 0
    }
}

impl fmt::Display for RequestCounts {
    /// `requests: 3 to the control plane (getCluster 1, listKeys 2), 5 to the brokers`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("requests: ")?;
        if !self.control.is_empty() {
            let each: Vec<String> = self.control.iter().map(|(what, count)| format!("{what} {count}")).collect();
            let all: u64 = self.control.values().sum();
            write!(f, "{all} to the control plane ({}), ", each.join(", "))?;
        }
        write!(f, "{} to the brokers", self.brokers)
    }
}

/// A new API key. The only time its secret is seen.
#[derive(Debug)]
pub struct CreatedKey {
    /// The key's id.
    pub id: String,
    /// Its secret.
    pub secret: SecretString,
    /// Time of creation, if the cluster names it.
    pub created: Option<Timestamp>,
    /// The settings that a client needs beside the key to log in, by Kafka's client property names: `bootstrap.servers`, ….
    pub connection: BTreeMap<String, String>,
}

/// A place where teams find their credentials.
#[async_trait]
pub trait SecretSink: Send + Sync {
    /// The secrets among `at` that exist or whose names are taken. Values are not read.
    async fn inspect(&self, at: &BTreeSet<SecretRef>) -> Result<BTreeMap<SecretRef, ObservedSecret>, PortError>;

    /// All secrets of a vault, with names in lower case, and those that were deleted and can be recovered. Values are not
    /// read.
    ///
    /// A login that may not list is [`ErrorKind::Denied`].
    async fn list(&self, vault: &str) -> Result<BTreeMap<SecretRef, ObservedSecret>, PortError>;

    /// Succeeds if a secret could be stored there now: asked before a key is created.
    async fn preflight(&self, at: &SecretRef) -> Result<(), PortError>;

    /// Stores `value` as the newest version, recovering a deleted name first, and reads it back, as far as that needs
    /// no right to read values. With the tag [`ObservedSecret::TAG_PROJECTION`] it is not the JSON object that it is
    /// otherwise.
    /// A secret that weir did not write is [`ErrorKind::Refused`], never overwritten.
    async fn store(
        &self,
        at: &SecretRef,
        value: &SecretString,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), PortError>;

    /// Disables the versions that hold the API key `key`. None is a success.
    async fn disable(&self, at: &SecretRef, key: &str) -> Result<(), PortError>;

    /// Deletes the secret so that it can be recovered. One that is gone is a success; a foreign one is refused.
    async fn delete(&self, at: &SecretRef) -> Result<(), PortError>;
}

/// The time, so that it can be set in tests.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// The example of the README, compiled with the examples of this documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
