//! One suite for every implementation of the ports: always for the sandbox, and for a real broker, cloud or vault if
//! one is available.
//!
//! A [`Harness`] wraps an implementation; [`check`] runs every case on it, [`run`] a single one. Cases create and
//! delete only objects whose names begin with the harness's prefix, so they can run on a cluster with other objects.
//! Reads may lag behind writes: cases wait up to [`Harness::patience`] for an expected state.
//!
//! [`cases`] lists the cases, for tables in the documentation.

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

/// The port that a case tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Port {
    /// [`Cluster`]
    Cluster,
    /// [`SecretSink`]
    SecretSink,
}

/// An ability that some systems lack, or that some harnesses cannot arrange. Cases that need a missing ability are
/// skipped.
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
    /// One account can have more than one API key.
    SeveralKeys,
    /// API keys carry weir's mark, and their time of creation.
    KeyMarks,
    /// ACL bindings can be limited to a client's address.
    Hosts,
    /// Bindings with an operation that does not apply to their resource are refused.
    MeaninglessOperations,
    /// A replication factor can be changed.
    ChangeReplicationFactor,
    /// [`Harness::denied`]
    Denied,
    /// [`Harness::make_account_by_hand`]
    AccountsByHand,
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

/// The abilities that Confluent Cloud lacks, or a fake of it cannot arrange. weir-confluent's suite skips the cases
/// that need them, and the published page says so.
pub const CONFLUENT_LACKS: [Ability; 4] =
    [Ability::SecretSink, Ability::Hosts, Ability::MeaninglessOperations, Ability::ChangeReplicationFactor];

/// An implementation under test, and its surroundings.
#[async_trait]
pub trait Harness: Send + Sync {
    /// The cluster; called only if the harness has [`Ability::Cluster`].
    fn cluster(&self) -> &dyn Cluster;

    /// The vault; called only if the harness has [`Ability::SecretSink`].
    fn sink(&self) -> &dyn SecretSink;

    /// The prefix of all names that cases create: at most 20 letters, digits and `-`, used for nothing else.
    fn prefix(&self) -> &str;

    /// The address of the vault for new secrets.
    fn vault(&self) -> &str;

    /// The missing abilities.
    fn lacks(&self) -> BTreeSet<Ability>;

    /// A replication factor that the cluster accepts.
    fn replicas(&self) -> u16 {
        1
    }

    /// Time to wait for a written state to be observed.
    fn patience(&self) -> Duration {
        Duration::from_secs(30)
    }

    /// The same cluster, used by an account without any right to read.
    fn denied(&self) -> &dyn Cluster {
        self.cluster()
    }

    /// Creates a service account without weir's mark.
    async fn make_account_by_hand(&self, name: &str) -> Result<(), PortError> {
        let _ = name;
        Ok(())
    }

    /// Creates an API key without weir's mark; returns its id.
    async fn make_key_by_hand(&self, account: &str) -> Result<String, PortError> {
        let _ = account;
        Ok(String::new())
    }

    /// Returns `true` if a client with this key can log in.
    async fn logs_in(&self, key: &CreatedKey) -> bool {
        let _ = key;
        false
    }

    /// Writes records to a topic.
    async fn write_records(&self, topic: &str, number: u64) -> Result<(), PortError> {
        let _ = (topic, number);
        Ok(())
    }

    /// Deletes a secret as a person would; the secret stays recoverable. Part of [`Ability::SecretsByHand`].
    async fn delete_by_hand(&self, at: &SecretRef) -> Result<(), PortError> {
        let _ = at;
        Ok(())
    }

    /// Stores a secret as a person would, without weir's tags but with `api-key-id: BYHAND`.
    async fn store_by_hand(&self, at: &SecretRef) -> Result<(), PortError> {
        let _ = at;
        Ok(())
    }

    /// Returns the value that an application reads; `None` if it cannot read the secret.
    async fn read_secret(&self, at: &SecretRef) -> Result<Option<SecretString>, PortError> {
        let _ = at;
        Ok(None)
    }
}

/// The result of a case: an error has the reason of the failure.
pub(crate) type Verdict = Result<(), String>;
type Run = for<'a> fn(&'a Bench<'a>) -> Pin<Box<dyn Future<Output = Verdict> + Send + 'a>>;

/// A requirement for implementations.
#[derive(Clone, Copy)]
pub struct Case {
    /// The name of the case: `create-topic-twice`.
    pub name: &'static str,
    /// The requirement, as a sentence.
    pub proves: &'static str,
    /// The port under test.
    pub port: Port,
    /// The needed abilities.
    pub needs: &'static [Ability],
    run: Run,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case").field("name", &self.name).field("proves", &self.proves).finish_non_exhaustive()
    }
}

/// Lists the cases of a file: `name [needs]: "requirement"`, where `name` is also the function's.
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
/// Ends a case unless a condition holds.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err(format!($($message)+));
        }
    };
}
/// Ends a case unless two values are equal.
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

/// Returns all cases.
pub fn cases() -> Vec<Case> {
    [topics::CASES, acls::CASES, accounts::CASES, keys::CASES, observing::CASES, secrets::CASES].concat()
}

/// The outcome of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The case passed.
    Passed,
    /// The harness lacks this ability, which the case needs.
    Skipped(Ability),
    /// The case failed, for this reason.
    Failed(String),
}

/// Runs a case, then deletes the objects that the case created.
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

/// Runs all cases, one after the other; returns the outcome of each.
///
/// # Panics
/// If any case fails; the message names all failed cases with their reasons.
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
