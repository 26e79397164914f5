//! Faults at chosen points, for tests of programs that use the sandbox.

use std::{
    fmt,
    str::FromStr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use thiserror::Error;
use weir_ports::{ErrorKind, PortError};

/// The environment variable that [`Faults::from_env`] reads.
const VARIABLE: &str = "WEIR_SANDBOX_FAULTS";

/// A plan of faults.
///
/// A *fault point* lies before and after each changing item of a call, and between two files that one call writes.
/// Points are numbered from 1 in the order in which they are passed. Clones of a `Faults` share the count.
///
/// The plan is written as a list with commas:
///
/// | text | effect |
/// | --- | --- |
/// | `kill@7` | the process ends at point 7, as if killed; earlier changes are kept |
/// | `crash@7` | as `kill@7`, but the process goes on: this call and all later ones answer `Unavailable` |
/// | `fail@3` | the first item that begins at point 3 or later answers `Retry`, without effect |
/// | `refuse@3` | as `fail@3`, but the item answers `Denied` |
/// | `lost@4` | the first item that succeeds at point 4 or later takes effect, but answers `Ambiguous` |
/// | `deny@observe` | every call of this name ([`Call`]) answers `Denied` |
/// | `dead@kv-cards-dev` | every call about a vault with this word in its address answers `Unavailable` |
/// | `lag=3` | three observations after a write still show the state before it |
/// | `slow=20ms` | every call takes this much longer |
///
/// ```
/// let faults: weir_sandbox::Faults = "lost@4, lag=3".parse()?;
/// assert_eq!(faults.points(), 0);
/// # Ok::<(), weir_sandbox::FaultError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    kill: Option<u64>,
    crash: Option<u64>,
    deny: Vec<Call>,
    dead: Vec<String>,
    lag: u32,
    slow: Duration,
    /// The faults that have not struck yet.
    fail: Mutex<Vec<u64>>,
    refuse: Mutex<Vec<u64>>,
    lost: Mutex<Vec<u64>>,
    passed: AtomicU64,
    crashed: AtomicBool,
}

/// A method of the ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// `Cluster::observe`
    Observe,
    /// `Cluster::topic_facts`
    TopicFacts,
    /// `Cluster::apply`
    Apply,
    /// `Cluster::create_key`
    CreateKey,
    /// `Cluster::delete_key`
    DeleteKey,
    /// `SecretSink::inspect` and `SecretSink::list`
    Inspect,
    /// `SecretSink::preflight`
    Preflight,
    /// `SecretSink::store`
    Store,
    /// `SecretSink::disable`
    Disable,
    /// `SecretSink::delete`
    Delete,
}

impl Call {
    const ALL: [(&'static str, Call); 10] = [
        ("observe", Call::Observe),
        ("topic-facts", Call::TopicFacts),
        ("apply", Call::Apply),
        ("create-key", Call::CreateKey),
        ("delete-key", Call::DeleteKey),
        ("inspect", Call::Inspect),
        ("preflight", Call::Preflight),
        ("store", Call::Store),
        ("disable", Call::Disable),
        ("delete", Call::Delete),
    ];
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(Call::ALL.iter().find(|(_, call)| call == self).map_or("", |(name, _)| name))
    }
}

/// A list of faults that cannot be read.
#[derive(Debug, Error)]
#[error(
    "`{0}` is not a fault; write kill@N, crash@N, fail@N, refuse@N, lost@N, deny@CALL (observe, topic-facts, apply, create-key, \
     delete-key, inspect, preflight, store, disable, delete), dead@VAULT, lag=N or slow=20ms"
)]
pub struct FaultError(String);

/// The place of a fault point.
#[derive(Clone, Copy)]
pub(crate) enum Point {
    /// Before an item.
    Before,
    /// After an item, with `true` if the item succeeded.
    After(bool),
    /// Between two files.
    Between,
}

/// The effect at a fault point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hit {
    /// No effect.
    Go,
    /// The item fails.
    Fail,
    /// The item is denied.
    Refuse,
    /// The item's answer is lost.
    Lost,
    /// This call and all later ones fail.
    Crash,
    /// The process ends.
    Kill,
}

impl Faults {
    /// Reads the faults of the environment variable `WEIR_SANDBOX_FAULTS`; without the variable, there are none.
    ///
    /// # Errors
    /// If the variable's text is not a list of faults.
    pub fn from_env() -> Result<Self, FaultError> {
        match std::env::var_os(VARIABLE) {
            Some(text) => text.to_string_lossy().parse(),
            None => Ok(Self::default()),
        }
    }

    /// Returns the number of fault points passed so far. A run without faults shows a test how many points to try.
    pub fn points(&self) -> u64 {
        self.0.passed.load(Ordering::SeqCst)
    }

    /// Number of observations after a write that still show the state before it.
    pub(crate) fn lag(&self) -> u32 {
        self.0.lag
    }

    /// Returns `true` after a crash.
    pub(crate) fn is_crashed(&self) -> bool {
        self.0.crashed.load(Ordering::SeqCst)
    }

    /// Begins a call.
    pub(crate) fn begin(&self, call: Call) -> Result<(), PortError> {
        self.begin_with(call, std::thread::sleep)
    }

    fn begin_with(&self, call: Call, sleep: impl FnOnce(Duration)) -> Result<(), PortError> {
        if !self.0.slow.is_zero() {
            sleep(self.0.slow);
        }
        if self.is_crashed() {
            return Err(crashed());
        }
        if self.0.deny.contains(&call) {
            return Err(PortError::new(ErrorKind::Denied, format!("not allowed: {call}")));
        }
        Ok(())
    }

    /// Fails if a vault is dead.
    pub(crate) fn reach(&self, vault: &str) -> Result<(), PortError> {
        match self.0.dead.iter().any(|word| vault.contains(word)) {
            true => Err(PortError::new(ErrorKind::Unavailable, "the vault is dead, as the sandbox's faults ask")),
            false => Ok(()),
        }
    }

    /// Passes a fault point.
    pub(crate) fn pass(&self, point: Point) -> Hit {
        let number = self.0.passed.fetch_add(1, Ordering::SeqCst) + 1;
        if self.0.kill == Some(number) {
            return Hit::Kill;
        }
        if self.0.crash == Some(number) {
            self.0.crashed.store(true, Ordering::SeqCst);
            return Hit::Crash;
        }
        match point {
            Point::Before if take_due(&self.0.fail, number) => Hit::Fail,
            Point::Before if take_due(&self.0.refuse, number) => Hit::Refuse,
            Point::After(true) if take_due(&self.0.lost, number) => Hit::Lost,
            _ => Hit::Go,
        }
    }
}

/// Removes the first entry that is due at `number`; returns `true` if there was one.
fn take_due(entries: &Mutex<Vec<u64>>, number: u64) -> bool {
    let mut entries: MutexGuard<'_, Vec<u64>> = entries.lock().unwrap_or_else(PoisonError::into_inner);
    match entries.iter().position(|due| *due <= number) {
        Some(at) => {
            entries.remove(at);
            true
        }
        None => false,
    }
}

/// The answer of a crashed sandbox.
pub(crate) fn crashed() -> PortError {
    PortError::new(ErrorKind::Unavailable, "the sandbox crashed, as its faults ask")
}

/// The answer of a failed item.
pub(crate) fn failed() -> PortError {
    PortError::new(ErrorKind::Retry, "the sandbox is busy, as its faults ask")
}

/// The answer of a denied item.
pub(crate) fn refused() -> PortError {
    PortError::new(ErrorKind::Denied, "not allowed, as the sandbox's faults ask")
}

/// The answer of an item that took effect, but whose answer is lost.
pub(crate) fn lost() -> PortError {
    PortError::new(ErrorKind::Ambiguous, "the answer was lost, as the sandbox's faults ask")
}

impl FromStr for Faults {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let mut inner = Inner::default();
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            inner.add(word).ok_or_else(|| FaultError(word.to_owned()))?;
        }
        Ok(Self(Arc::new(inner)))
    }
}

impl Inner {
    fn add(&mut self, word: &str) -> Option<()> {
        let (what, value) = word.split_once(['@', '='])?;
        let number = || value.parse::<u64>().ok().filter(|number| *number > 0);
        match (what, word.as_bytes()[what.len()]) {
            ("kill", b'@') => self.kill = Some(number()?),
            ("crash", b'@') => self.crash = Some(number()?),
            ("fail", b'@') => self.fail.get_mut().ok()?.push(number()?),
            ("refuse", b'@') => self.refuse.get_mut().ok()?.push(number()?),
            ("lost", b'@') => self.lost.get_mut().ok()?.push(number()?),
            ("deny", b'@') => self.deny.push(Call::ALL.iter().find(|(name, _)| *name == value)?.1),
            ("dead", b'@') if !value.is_empty() => self.dead.push(value.to_owned()),
            ("lag", b'=') => self.lag = value.parse().ok()?,
            ("slow", b'=') => {
                self.slow = Duration::from_millis(value.parse::<weir_model::Duration>().ok()?.millis);
            }
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read() {
        let faults: Faults = "kill@7, fail@3,lost@4,deny@observe,lag=3,slow=20ms,".parse().unwrap();
        assert_eq!((faults.0.kill, faults.lag(), faults.0.slow), (Some(7), 3, Duration::from_millis(20)));
        assert_eq!(faults.0.deny, [Call::Observe]);
    }

    #[test]
    fn wrong_lists_say_what_is_right() {
        for wrong in ["kill", "kill@", "kill@0", "kill=3", "lag@3", "deny@everything", "slow=fast", "fail@x"] {
            let error = wrong.parse::<Faults>().unwrap_err().to_string();
            assert!(error.contains(wrong) && error.contains("kill@N"), "{error}");
        }
    }

    #[test]
    fn every_call_of_a_slow_sandbox_waits() {
        let waited = |faults: &str| {
            let mut waited = Vec::new();
            let faults: Faults = faults.parse().unwrap();
            for call in [Call::Observe, Call::Inspect] {
                let _ = faults.begin_with(call, |time| waited.push(time));
            }
            waited
        };
        assert_eq!(waited("slow=30ms,deny@observe"), [Duration::from_millis(30); 2]);
        assert_eq!(waited("lag=2"), []);
    }

    #[test]
    fn each_fault_strikes_once_at_the_first_matching_point() {
        let faults: Faults = "fail@2,lost@2".parse().unwrap();
        let points = [
            Point::Before,
            Point::After(true),
            Point::Before,
            Point::After(false),
            Point::Between,
            Point::Before,
            Point::After(true),
        ];
        let hits: Vec<Hit> = points.into_iter().map(|point| faults.pass(point)).collect();
        assert_eq!(hits, [Hit::Go, Hit::Lost, Hit::Fail, Hit::Go, Hit::Go, Hit::Go, Hit::Go]);
        assert_eq!(faults.points(), 7);
    }
}
