//! Shared helpers of the tests.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use jiff::Timestamp;
use weir_planning::{Change, KeyMarker, Maker, NamePattern, Observed, ObservedSecret, SecretRef};
use weir_ports::{Clock, Cluster, ErrorKind, PortError, Query};
use weir_sandbox::{Options, Sandbox};

/// A clock with a fixed time.
pub(crate) struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        "2026-01-01T00:00:00Z".parse().unwrap()
    }
}

pub(crate) fn options(faults: &str) -> Options {
    Options {
        cluster_id: Some("lkc-test".to_owned()),
        faults: faults.parse().unwrap(),
        clock: Arc::new(Fixed),
        ..Options::default()
    }
}

pub(crate) fn open(path: &Path) -> Sandbox {
    Sandbox::open(path, options("")).unwrap()
}

pub(crate) fn topic(name: &str) -> Change {
    Change::CreateTopic {
        topic: name.to_owned(),
        partitions: Some(1),
        replication_factor: None,
        config: BTreeMap::new(),
    }
}

pub(crate) fn account(name: &str) -> Change {
    Change::CreateAccount { account: name.to_owned(), description: String::new(), maker: maker() }
}

pub(crate) fn maker() -> Maker {
    Maker { workspace: "acme".to_owned(), stage: "dev".to_owned() }
}

pub(crate) fn marker(intent: &str) -> KeyMarker {
    KeyMarker { maker: maker(), slot: "default".to_owned(), intent: intent.to_owned() }
}

pub(crate) fn secret_ref(name: &str) -> SecretRef {
    SecretRef { vault: "https://kv-toll-dev.vault.azure.net".to_owned(), name: name.to_owned() }
}

pub(crate) fn tags(key: &str) -> BTreeMap<String, String> {
    [(ObservedSecret::TAG_MANAGED_BY, "weir"), (ObservedSecret::TAG_KEY_ID, key)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

/// Returns a query for all objects whose names begin with `t`, `a` or `x`.
pub(crate) fn everything() -> Query {
    let patterns: Vec<_> = ["t*", "a*", "x*"].map(|p| NamePattern::try_from(p.to_owned()).unwrap()).into();
    let mut query = Query::default();
    query.topics.patterns.clone_from(&patterns);
    query.accounts.patterns = patterns;
    query
}

pub(crate) async fn observe(sandbox: &Sandbox) -> Observed {
    sandbox.observe(&everything()).await.unwrap()
}

/// Applies a change; returns the kind of error if it fails.
pub(crate) async fn does(sandbox: &Sandbox, change: Change) -> Result<(), ErrorKind> {
    sandbox.apply(&[&change]).await.remove(0).map_err(|e| e.kind)
}

pub(crate) async fn message(sandbox: &Sandbox, change: Change) -> String {
    sandbox.apply(&[&change]).await.remove(0).unwrap_err().to_string()
}

/// Formats an error with its causes.
pub(crate) fn chain(error: &PortError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
