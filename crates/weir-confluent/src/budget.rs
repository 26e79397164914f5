//! How fast a host may be asked: one budget for all that ask it, whatever they ask.
//!
//! Limits are not published; the headers are the contract (`X-RateLimit-Remaining`, `X-RateLimit-Reset` in seconds from
//! now, `Retry-After` in seconds). Where there are none, pauses grow.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::time::Instant;

/// The longest pause between tries, before it is made random.
const LONGEST: Duration = Duration::from_secs(30);
/// So much later than a host asks for, at most: not all come at the same moment.
const SPREAD: Duration = Duration::from_millis(500);

/// What an answer tells of the rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// Whether we were turned away, with 429 or 503.
    pub(crate) turned_away: bool,
    /// `X-RateLimit-Remaining`: how many more calls are taken.
    pub(crate) remaining: Option<u32>,
    /// `X-RateLimit-Reset`: when there are more.
    pub(crate) reset: Option<Duration>,
    /// `Retry-After`.
    pub(crate) retry_after: Option<Duration>,
}

/// The rate of a host, as far as it is known.
#[derive(Debug, Default)]
struct Rate {
    /// Nobody asks before.
    not_before: Option<Instant>,
    /// So many calls until then.
    left: Option<(u32, Instant)>,
}

impl Rate {
    /// How long to wait; zero takes one of the calls that are left.
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
        // `Retry-After` counts where we are turned away only, and more than when the count begins anew.
        let pause = told.retry_after.or(told.reset).filter(|_| told.turned_away);
        self.not_before = self.not_before.max(pause.map(|pause| now + pause));
    }
}

/// A host's budget.
#[derive(Debug, Default)]
pub(crate) struct Budget(Mutex<Rate>);

impl Budget {
    /// The one budget of a host and port in this process.
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

    /// Waits for a call's turn. False, at once, if it would come after the deadline.
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
            // Not all at the same moment.
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

/// The pause before another try: anything up to a longest that begins with `first` and doubles ("full jitter").
pub(crate) fn pause(first: Duration, tries: u32) -> Duration {
    random(LONGEST.min(first * 2_u32.saturating_pow(tries.min(16))))
}

fn random(most: Duration) -> Duration {
    let mut bytes = [0; 4];
    // Without random numbers all wait the longest: slower, not wrong.
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
    fn what_is_left_is_counted() {
        let (mut rate, now) = (Rate::default(), Instant::now());
        assert_eq!(rate.take(now), Duration::ZERO);
        rate.learn(now, told(Some(2), Some(10)));
        assert_eq!([rate.take(now), rate.take(now), rate.take(now)], [seconds(0), seconds(0), seconds(10)]);
        assert_eq!(rate.take(now + seconds(4)), seconds(6));
        assert_eq!([rate.take(now + seconds(10)), rate.take(now + seconds(10))], [seconds(0); 2]);
    }

    #[test]
    fn half_of_the_headers_is_none() {
        let (mut rate, now) = (Rate::default(), Instant::now());
        rate.learn(now, told(Some(0), None));
        rate.learn(now, told(None, Some(10)));
        assert_eq!(rate.take(now), Duration::ZERO);
    }

    #[test]
    fn everybody_waits_who_is_turned_away() {
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
    async fn a_turn_after_the_deadline_is_none() {
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
