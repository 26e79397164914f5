//! One suite for every implementation of the ports: the sandbox always, a real broker, cloud or vault when there is one.
//!
//! An implementation is put behind a [`Harness`]; [`check`] runs every case on it, [`run`] a single one. Cases make
//! and delete only what begins with the harness's prefix, so that they can run on a cluster that holds other things.
//! Reads may lag behind writes: what shall be seen is waited for, up to [`Harness::patience`].
//!
//! [`cases`] lists what is proved, for tables in the documentation.

mod accounts;
mod acls;
mod bench;
mod keys;
mod observing;
mod secrets;
mod topics;

use std::{collections::BTreeSet, fmt, future::Future, pin::Pin, time::Duration};

use async_trait::async_trait;
use weir_planning::SecretRef;
use weir_ports::{Cluster, CreatedKey, PortError, SecretSink, SecretString};

use self::bench::Bench;

/// What a case is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Port {
    /// [`Cluster`]
    Cluster,
    /// [`SecretSink`]
    SecretSink,
}

/// What not every system can do, or not every harness can arrange. Cases that need what is lacking are skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ability {
    /// The harness has a [`Cluster`].
    Cluster,
    /// The harness has a [`SecretSink`].
    SecretSink,
    /// Service accounts can be created and deleted.
    Accounts,
    /// Names of service accounts have at most 64 characters, as on Confluent Cloud.
    ShortAccountNames,
    /// API keys can be created and deleted.
    Keys,
    /// More than one API key an account.
    SeveralKeys,
    /// API keys carry our mark, and the time they were made.
    KeyMarks,
    /// ACL bindings can be limited to a client's address.
    Hosts,
    /// Bindings whose operation means nothing for their resource are refused.
    MeaninglessOperations,
    /// A replication factor can be changed.
    ChangeReplicationFactor,
    /// [`Harness::denied`]
    Denied,
    /// [`Harness::make_key_by_hand`]
    KeysByHand,
    /// [`Harness::logs_in`]
    Login,
    /// [`Harness::write_records`]
    Records,
    /// [`Harness::store_by_hand`] and [`Harness::delete_by_hand`]
    SecretsByHand,
    /// [`Harness::read_secret`]
    ReadSecrets,
}

/// What Confluent Cloud cannot do, or a fake of it cannot arrange: weir-confluent's suite skips it, and the published page
/// says so.
pub const CONFLUENT_LACKS: [Ability; 4] =
    [Ability::SecretSink, Ability::Hosts, Ability::MeaninglessOperations, Ability::ChangeReplicationFactor];

/// An implementation under test, and what is needed around it.
#[async_trait]
pub trait Harness: Send + Sync {
    /// The cluster; called only if [`Ability::Cluster`] is not lacking.
    fn cluster(&self) -> &dyn Cluster;

    /// The vault; called only if [`Ability::SecretSink`] is not lacking.
    fn sink(&self) -> &dyn SecretSink;

    /// What the names of everything made begin with: at most 20 letters, digits and `-`, not used for anything else.
    fn prefix(&self) -> &str;

    /// The address of a vault to store in.
    fn vault(&self) -> &str;

    /// What cannot be done.
    fn lacks(&self) -> BTreeSet<Ability>;

    /// Copies of each record of a topic: what the cluster surely takes.
    fn replicas(&self) -> u16 {
        1
    }

    /// How long to wait for what was written to be seen.
    fn patience(&self) -> Duration {
        Duration::from_secs(30)
    }

    /// The same cluster, used by somebody who is not allowed to see anything.
    fn denied(&self) -> &dyn Cluster {
        self.cluster()
    }

    /// Creates an API key without our mark; answers its id.
    async fn make_key_by_hand(&self, account: &str) -> Result<String, PortError> {
        let _ = account;
        Ok(String::new())
    }

    /// Whether a client that shows this key is let in.
    async fn logs_in(&self, key: &CreatedKey) -> bool {
        let _ = key;
        false
    }

    /// Writes records to a topic.
    async fn write_records(&self, topic: &str, number: u64) -> Result<(), PortError> {
        let _ = (topic, number);
        Ok(())
    }

    /// Deletes a secret as a person would; it stays recoverable. Part of [`Ability::SecretsByHand`].
    async fn delete_by_hand(&self, at: &SecretRef) -> Result<(), PortError> {
        let _ = at;
        Ok(())
    }

    /// Stores a secret as a person would, without our tags but with `api-key-id: BYHAND`.
    async fn store_by_hand(&self, at: &SecretRef) -> Result<(), PortError> {
        let _ = at;
        Ok(())
    }

    /// What an application reads; `None` if it cannot.
    async fn read_secret(&self, at: &SecretRef) -> Result<Option<SecretString>, PortError> {
        let _ = at;
        Ok(None)
    }
}

/// Whether a case holds; otherwise why not.
pub(crate) type Verdict = Result<(), String>;
type Run = for<'a> fn(&'a Bench<'a>) -> Pin<Box<dyn Future<Output = Verdict> + Send + 'a>>;

/// Something an implementation must do.
#[derive(Clone, Copy)]
pub struct Case {
    /// Its name: `create-topic-twice`.
    pub name: &'static str,
    /// What it proves, as a sentence.
    pub proves: &'static str,
    /// What it is about.
    pub port: Port,
    /// What it needs.
    pub needs: &'static [Ability],
    run: Run,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case").field("name", &self.name).field("proves", &self.proves).finish_non_exhaustive()
    }
}

/// Lists the cases of a file: `name [needs]: "what it proves"`, where `name` is also the function's.
macro_rules! suite {
    ($port:ident; $($function:ident [$($need:ident),*] $name:literal: $proves:literal,)*) => {
        pub(super) const CASES: &[$crate::conformance::Case] = &[$($crate::conformance::Case {
            name: $name,
            proves: $proves,
            port: $crate::conformance::Port::$port,
            needs: &[$crate::conformance::Ability::$port $(, $crate::conformance::Ability::$need)*],
            run: |bench| Box::pin($function(bench)),
        }),*];
    };
}
/// Ends a case unless something holds.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err(format!($($message)+));
        }
    };
}
/// Ends a case unless two values are the same.
macro_rules! ensure_eq {
    ($left:expr, $right:expr, $($message:tt)+) => {
        match (&$left, &$right) {
            (left, right) => {
                if left != right {
                    return Err(format!("{}: {left:?} is not {right:?}", format_args!($($message)+)));
                }
            }
        }
    };
}
pub(crate) use {ensure, ensure_eq, suite};

/// All cases.
pub fn cases() -> Vec<Case> {
    [topics::CASES, acls::CASES, accounts::CASES, keys::CASES, observing::CASES, secrets::CASES].concat()
}

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Passed,
    /// The harness lacks something that it needs.
    Skipped(Ability),
    /// It does not hold: why.
    Failed(String),
}

/// Runs a case, then deletes what it made.
pub async fn run(case: &Case, harness: &dyn Harness) -> Outcome {
    let lacks = harness.lacks();
    if let Some(lacking) = case.needs.iter().find(|need| lacks.contains(need)) {
        return Outcome::Skipped(*lacking);
    }
    let number = cases().iter().position(|other| other.name == case.name).unwrap_or_default();
    let bench = Bench::new(harness, number);
    let verdict = (case.run)(&bench).await;
    let swept = if lacks.contains(&Ability::Cluster) { Ok(()) } else { bench.sweep().await };
    match verdict.and(swept) {
        Ok(()) => Outcome::Passed,
        Err(why) => Outcome::Failed(why),
    }
}

/// Runs all cases, one after the other; answers how each ended.
///
/// # Panics
/// If any fails; the message names all that do, and why.
pub async fn check(harness: &dyn Harness) -> Vec<(Case, Outcome)> {
    let mut outcomes = Vec::new();
    for case in cases() {
        outcomes.push((case, run(&case, harness).await));
    }
    let failed: Vec<String> = outcomes
        .iter()
        .filter_map(|(case, outcome)| match outcome {
            Outcome::Failed(why) => Some(format!("{}: {why}\n  (must hold: {})", case.name, case.proves)),
            Outcome::Passed | Outcome::Skipped(_) => None,
        })
        .collect();
    assert!(failed.is_empty(), "{} of {} cases fail:\n{}", failed.len(), outcomes.len(), failed.join("\n"));
    outcomes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_sentences_are_sentences() {
        let names: BTreeSet<_> = cases().iter().map(|case| case.name).collect();
        assert_eq!(names.len(), cases().len());
        for case in cases() {
            assert!(case.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", case.name);
            assert!(case.proves.ends_with('.') && !case.proves.contains('\n'), "{}", case.proves);
        }
    }
}
