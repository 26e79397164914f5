//! The rate of calls to a host: one budget for all clients of the host in this process.
//!
//! Confluent does not publish its limits; the headers are the contract (`X-RateLimit-Remaining`, `X-RateLimit-Reset`
//! in seconds from now, `Retry-After` in seconds).

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::time::Instant;
use weir_retry::random;

/// The longest random addition to a requested pause, so that clients do not return at the same moment.
const SPREAD: Duration = Duration::from_millis(500);

/// The rate information in an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// `true` if the host refused the call with 429 or 503.
    pub(crate) turned_away: bool,
    /// `X-RateLimit-Remaining`: number of calls left in the window.
    pub(crate) remaining: Option<u32>,
    /// `X-RateLimit-Reset`: time until the next window.
    pub(crate) reset: Option<Duration>,
    /// `Retry-After`.
    pub(crate) retry_after: Option<Duration>,
}

impl Told {
    /// Returns the time before which the host takes no call. `Retry-After` and `X-RateLimit-Reset` count only in a
    /// refusal, and `Retry-After` comes first.
    pub(crate) fn wait(&self) -> Option<Duration> {
        self.retry_after.or(self.reset).filter(|_| self.turned_away)
    }
}

/// The known rate of a host.
#[derive(Debug, Default)]
struct Rate {
    /// Time before which no call may be sent.
    not_before: Option<Instant>,
    /// Number of calls left until a time.
    left: Option<(u32, Instant)>,
}

impl Rate {
    /// Returns the time to wait; zero uses up one of the calls left.
    fn take(&mut self, now: Instant) -> Duration {
        if let Some(wait) = self.not_before.and_then(|until| until.checked_duration_since(now)).filter(|w| !w.is_zero())
        {
            return wait;
        }
        match &mut self.left {
            Some((_, reset)) if *reset <= now => self.left = None,
            Some((0, reset)) => return reset.duration_since(now),
            Some((left, _)) => *left -= 1,
            None => {}
        }
        Duration::ZERO
    }

    fn learn(&mut self, now: Instant, told: Told) {
        if let (Some(remaining), Some(reset)) = (told.remaining, told.reset) {
            self.left = Some((remaining, now + reset));
        }
        self.not_before = self.not_before.max(told.wait().map(|wait| now + wait));
    }
}

/// A host's budget.
#[derive(Debug, Default)]
pub(crate) struct Budget(Mutex<Rate>);

impl Budget {
    /// Returns the process-wide budget of a host and port.
    pub(crate) fn of(host: &str) -> Arc<Self> {
        static BUDGETS: LazyLock<Mutex<BTreeMap<String, Weak<Budget>>>> = LazyLock::new(Mutex::default);
        let mut budgets = BUDGETS.lock().unwrap_or_else(PoisonError::into_inner);
        budgets.retain(|_, budget| budget.strong_count() > 0);
        if let Some(budget) = budgets.get(host).and_then(Weak::upgrade) {
            return budget;
        }
        let budget = Arc::new(Self::default());
        budgets.insert(host.to_owned(), Arc::downgrade(&budget));
        budget
    }

    /// Waits for the turn of a call.
    ///
    /// # Errors
    /// At once with the wait that is needed, if the turn would come after the deadline.
    pub(crate) async fn turn(&self, deadline: Instant) -> Result<(), Duration> {
        loop {
            let now = Instant::now();
            let wait = self.rate().take(now);
            if wait.is_zero() {
                return Ok(());
            }
            if now + wait > deadline {
                return Err(wait);
            }
            tokio::time::sleep(spread(wait)).await;
        }
    }

    pub(crate) fn learn(&self, told: Told) {
        self.rate().learn(Instant::now(), told);
    }

    fn rate(&self) -> MutexGuard<'_, Rate> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns a wait with a random addition, which spreads the waiting calls.
pub(crate) fn spread(wait: Duration) -> Duration {
    wait + random(SPREAD.min(wait))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn told(remaining: Option<u32>, reset: Option<u64>) -> Told {
        Told { remaining, reset: reset.map(seconds), ..Told::default() }
    }

    #[test]
    fn the_calls_left_are_counted() {
        let (mut rate, now) = (Rate::default(), Instant::now());
        assert_eq!(rate.take(now), Duration::ZERO);
        rate.learn(now, told(Some(2), Some(10)));
        assert_eq!([rate.take(now), rate.take(now), rate.take(now)], [seconds(0), seconds(0), seconds(10)]);
        assert_eq!(rate.take(now + seconds(4)), seconds(6));
        assert_eq!([rate.take(now + seconds(10)), rate.take(now + seconds(10))], [seconds(0); 2]);
    }

    #[test]
    fn one_of_two_headers_is_ignored() {
        let (mut rate, now) = (Rate::default(), Instant::now());
        rate.learn(now, told(Some(0), None));
        rate.learn(now, told(None, Some(10)));
        assert_eq!(rate.take(now), Duration::ZERO);
    }

    #[test]
    fn a_refusal_makes_all_clients_wait() {
        let (mut rate, now) = (Rate::default(), Instant::now());
        rate.learn(now, Told { retry_after: Some(seconds(7)), ..Told::default() });
        assert_eq!(rate.take(now), Duration::ZERO, "only 429 and 503 turn away");
        let away = Told { turned_away: true, ..Told::default() };
        rate.learn(now, Told { retry_after: Some(seconds(7)), reset: Some(seconds(60)), ..away });
        assert_eq!(rate.take(now), seconds(7));
        rate.learn(now, Told { retry_after: Some(seconds(3)), ..away });
        assert_eq!(rate.take(now), seconds(7), "the longest wait holds");
        rate.learn(now, away);
        assert_eq!(rate.take(now + seconds(8)), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_after_the_deadline_is_refused() {
        let budget = Budget::default();
        budget.learn(Told { turned_away: true, retry_after: Some(seconds(100)), ..Told::default() });
        let begun = Instant::now();
        assert_eq!(budget.turn(begun + seconds(60)).await, Err(seconds(100)));
        assert_eq!(begun.elapsed(), Duration::ZERO);
        assert_eq!(budget.turn(begun + seconds(200)).await, Ok(()));
        assert!((100..102).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    }

    #[test]
    fn a_host_has_one_budget() {
        let (a, b, c) = (Budget::of("a.example:443"), Budget::of("a.example:443"), Budget::of("b.example:443"));
        assert!(Arc::ptr_eq(&a, &b) && !Arc::ptr_eq(&a, &c));
    }
}
