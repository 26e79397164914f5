//! The rate of calls to a host: one budget for all clients of the host in this process.
//!
//! Confluent does not publish its limits; the headers are the contract (`X-RateLimit-Remaining`, `X-RateLimit-Reset`
//! in seconds from now, `Retry-After` in seconds). Without headers, pauses grow.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::time::Instant;

/// The longest pause between tries, before it is randomised.
const LONGEST: Duration = Duration::from_secs(30);
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
        // `Retry-After` and `X-RateLimit-Reset` count only in a refusal, and `Retry-After` comes first.
        let pause = told.retry_after.or(told.reset).filter(|_| told.turned_away);
        self.not_before = self.not_before.max(pause.map(|pause| now + pause));
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

    /// Waits for the turn of a call. Returns `false` at once if the turn would come after the deadline.
    pub(crate) async fn turn(&self, deadline: Instant) -> bool {
        loop {
            let now = Instant::now();
            let wait = self.rate().take(now);
            if wait.is_zero() {
                return true;
            }
            if now + wait > deadline {
                return false;
            }
            // The random addition spreads the waiting calls.
            tokio::time::sleep(wait + random(SPREAD.min(wait))).await;
        }
    }

    pub(crate) fn learn(&self, told: Told) {
        self.rate().learn(Instant::now(), told);
    }

    fn rate(&self) -> MutexGuard<'_, Rate> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns a random pause up to a maximum, which begins with `first` and doubles with each try ("full jitter").
pub(crate) fn pause(first: Duration, tries: u32) -> Duration {
    random(LONGEST.min(first * 2_u32.saturating_pow(tries.min(16))))
}

fn random(most: Duration) -> Duration {
    let mut bytes = [0; 4];
    // Without random numbers, all clients wait for the maximum: slower, but still correct.
    let part = getrandom::fill(&mut bytes).map_or(1.0, |()| f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX));
    most.mul_f64(part)
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
        assert!(!budget.turn(begun + seconds(60)).await);
        assert_eq!(begun.elapsed(), Duration::ZERO);
        assert!(budget.turn(begun + seconds(200)).await);
        assert!((100..102).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    }

    #[test]
    fn a_host_has_one_budget() {
        let (a, b, c) = (Budget::of("a.example:443"), Budget::of("a.example:443"), Budget::of("b.example:443"));
        assert!(Arc::ptr_eq(&a, &b) && !Arc::ptr_eq(&a, &c));
    }

    #[test]
    fn pauses_grow_up_to_a_longest() {
        let first = seconds(1);
        let longest = |tries| (0..200).map(|_| pause(first, tries)).max().unwrap_or_default();
        assert!(longest(0) <= first && longest(3) > first && longest(40) <= LONGEST);
    }
}
