#![doc = include_str!("../README.md")]

use std::{fmt, time::Duration};

use tokio::time::{Instant, sleep};
use weir_ports::{ErrorKind, PortError};

/// Growing pauses between the tries of a call, until a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pauses {
    /// The longest first pause; the limit doubles with each further pause.
    pub first: Duration,
    /// The longest pause of all.
    pub longest: Duration,
    /// Time from the beginning of the call after which there is no other try.
    pub deadline: Duration,
}

impl Pauses {
    /// Pauses from `first` to `longest`, until `deadline`.
    pub const fn new(first: Duration, longest: Duration, deadline: Duration) -> Self {
        Self { first, longest, deadline }
    }

    /// The usual pauses of a call, until `deadline`.
    pub const fn usual(deadline: Duration) -> Self {
        Self::new(Duration::from_millis(200), Duration::from_secs(10), deadline)
    }

    /// Begins a call: its deadline counts from now.
    pub fn begin(self) -> Tries {
        self.until(Instant::now() + self.deadline)
    }

    /// Begins a part of a call that has its deadline already: one page of a list.
    pub fn until(self, deadline: Instant) -> Tries {
        Tries { began: Instant::now(), deadline, next: self.first.min(self.longest), longest: self.longest }
    }
}

/// The tries of one call, under one deadline.
#[derive(Debug)]
pub struct Tries {
    began: Instant,
    deadline: Instant,
    next: Duration,
    longest: Duration,
}

impl Tries {
    /// Time since the first try began.
    pub fn spent(&self) -> Duration {
        self.began.elapsed()
    }

    /// Pauses before another try: at random up to the limit ("full jitter"), so that many clients do not come back at
    /// the same moment, and never shorter than the remote side asked to wait.
    ///
    /// # Errors
    /// At once, without a pause, if the next try would begin after the deadline.
    pub async fn again(&mut self, asked: Option<Duration>) -> Result<(), GivenUp> {
        let left = self.left();
        if let Some(asked) = asked.filter(|asked| *asked >= left) {
            return Err(GivenUp::AskedToWait { asked, left });
        }
        let pause = random(self.limit()).max(asked.unwrap_or_default());
        if pause >= left {
            return Err(GivenUp::TimeIsUp);
        }
        sleep(pause).await;
        Ok(())
    }

    /// Pauses before another look at something that takes a while to be seen. The last look is at the deadline;
    /// after it the answer is `false`, at once.
    pub async fn wait(&mut self) -> bool {
        let left = self.left();
        if left.is_zero() {
            return false;
        }
        sleep(self.limit().min(left)).await;
        true
    }

    /// Makes a call until its answer is final. Only for calls that change nothing, or nothing more when they are
    /// made twice.
    ///
    /// # Errors
    /// The last failure. If the outcome of an earlier try is unknown, so is the outcome of the call: that the last try
    /// was refused does not undo an earlier one.
    pub async fn insist<T, E, F>(&mut self, mut call: impl FnMut() -> F) -> Result<T, E>
    where
        E: Repeatable,
        F: Future<Output = Result<T, E>>,
    {
        let mut lost = false;
        loop {
            let failure = match call().await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let failure = if lost { failure.after_lost() } else { failure };
            lost |= failure.is_lost();
            if !failure.may_repeat() {
                return Err(failure);
            }
            if let Err(why) = self.again(failure.retry_after()).await {
                return Err(failure.given_up(why));
            }
        }
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// The limit of the next pause.
    fn limit(&mut self) -> Duration {
        let limit = self.next;
        self.next = (limit * 2).min(self.longest);
        limit
    }
}

/// Reason for not trying again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GivenUp {
    /// The next try would begin after the deadline.
    TimeIsUp,
    /// The remote side asks to wait until after the deadline.
    AskedToWait {
        /// The wait that the remote side asks for.
        asked: Duration,
        /// Time that was left.
        left: Duration,
    },
}

impl fmt::Display for GivenUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimeIsUp => f.write_str("the time is up"),
            Self::AskedToWait { asked, left } => {
                let (asked, left) = (asked.as_secs(), left.as_secs());
                write!(
                    f,
                    "it asks to wait for {asked} s, and {left} s are left; try again later, or raise WEIR_PATIENCE"
                )
            }
        }
    }
}

/// A failure of one try, as far as repeating is concerned.
pub trait Repeatable: Sized {
    /// `true` if another try may help and does no harm.
    fn may_repeat(&self) -> bool;

    /// Time that the remote side asked to wait (`Retry-After`).
    fn retry_after(&self) -> Option<Duration> {
        None
    }

    /// `true` if the try may have been carried out all the same.
    fn is_lost(&self) -> bool {
        false
    }

    /// The same failure after an earlier try whose outcome is unknown.
    #[must_use]
    fn after_lost(self) -> Self {
        self
    }

    /// The same failure as the last one: it is not repeated at another level.
    #[must_use]
    fn given_up(self, why: GivenUp) -> Self;
}

impl Repeatable for PortError {
    fn may_repeat(&self) -> bool {
        PortError::may_repeat(self)
    }

    fn is_lost(&self) -> bool {
        self.kind == ErrorKind::Ambiguous
    }

    fn after_lost(self) -> Self {
        Self { kind: ErrorKind::Ambiguous, exhausted: self.exhausted || !self.may_repeat(), ..self }
    }

    fn given_up(mut self, why: GivenUp) -> Self {
        if matches!(why, GivenUp::AskedToWait { .. }) {
            self.message.push_str(&format!("; {why}"));
        }
        Self { exhausted: true, ..self }
    }
}

/// A random part of `most`.
pub fn random(most: Duration) -> Duration {
    let mut bytes = [0; 4];
    // Without random numbers every client waits the longest: slower, not wrong.
    let part = getrandom::fill(&mut bytes).map_or(1.0, |()| f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX));
    most.mul_f64(part)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[tokio::test(start_paused = true)]
    async fn looks_come_later_and_later_and_the_last_at_the_deadline() {
        let begun = Instant::now();
        let mut tries = Pauses::new(Duration::from_millis(50), Duration::from_millis(200), seconds(1)).begin();
        let mut at = Vec::new();
        while tries.wait().await {
            at.push(begun.elapsed().as_millis());
        }
        assert_eq!(at, [50, 150, 350, 550, 750, 950, 1000]);
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_are_random_up_to_a_limit_that_doubles() {
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..50 {
            let mut tries = Pauses::new(seconds(1), seconds(3), seconds(60)).begin();
            for limit in [1, 2, 3, 3] {
                let begun = Instant::now();
                tries.again(None).await.unwrap();
                // The clock of tests counts milliseconds.
                assert!(begun.elapsed() <= seconds(limit) + Duration::from_millis(1), "{:?}", begun.elapsed());
                seen.insert(begun.elapsed());
            }
        }
        assert!(seen.len() > 100 && seen.iter().any(|pause| *pause > seconds(2)), "{seen:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn no_try_begins_after_the_deadline() {
        let begun = Instant::now();
        let mut tries = Pauses::new(seconds(1), seconds(10), seconds(60)).begin();
        while tries.again(None).await.is_ok() {
            assert!(begun.elapsed() < seconds(60));
        }
        assert!(begun.elapsed() < seconds(60));
        assert_eq!(tries.spent(), begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_remote_side_is_not_asked_before_it_said() {
        let begun = Instant::now();
        let mut tries = Pauses::new(seconds(1), seconds(1), seconds(60)).begin();
        tries.again(Some(seconds(20))).await.unwrap();
        assert!(begun.elapsed() >= seconds(20));
        let refused = tries.again(Some(seconds(40))).await.unwrap_err();
        assert!(begun.elapsed() < seconds(22), "a wait that is too long is not begun");
        assert_eq!(
            refused.to_string(),
            "it asks to wait for 40 s, and 40 s are left; try again later, or raise WEIR_PATIENCE"
        );
    }

    async fn insisted(kinds: &[ErrorKind]) -> (PortError, u32, Duration) {
        let (calls, begun) = (Cell::new(0), Instant::now());
        let pauses = Pauses::new(seconds(1), seconds(1), seconds(10));
        let answer: Result<(), _> = pauses
            .begin()
            .insist(|| {
                let kind = kinds.get(calls.get() as usize).or(kinds.last()).copied().unwrap();
                calls.set(calls.get() + 1);
                async move { Err(PortError::new(kind, "no")) }
            })
            .await;
        (answer.unwrap_err(), calls.get(), begun.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn only_failures_that_may_pass_are_repeated() {
        for kind in [ErrorKind::Retry, ErrorKind::Ambiguous] {
            let (error, calls, took) = insisted(&[kind]).await;
            assert_eq!((error.kind, error.exhausted), (kind, true));
            assert!(calls >= 10 && took < seconds(10), "{calls} in {took:?}");
        }
        for kind in [ErrorKind::Denied, ErrorKind::Refused, ErrorKind::WrongCluster, ErrorKind::Unavailable] {
            let (error, calls, took) = insisted(&[kind]).await;
            assert_eq!((error.kind, calls, took), (kind, 1, Duration::ZERO));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_does_not_undo_an_earlier_try() {
        for last in [ErrorKind::Denied, ErrorKind::Refused, ErrorKind::Unavailable] {
            let (error, calls, _) = insisted(&[ErrorKind::Ambiguous, last]).await;
            assert_eq!((error.kind, calls, error.exhausted), (ErrorKind::Ambiguous, 2, true), "{last:?}");
        }
        let (error, calls, _) = insisted(&[ErrorKind::Ambiguous, ErrorKind::Retry]).await;
        assert!(error.kind == ErrorKind::Ambiguous && calls > 2);
    }

    /// Every level repeats what may be repeated; a call that was repeated below is not.
    #[tokio::test(start_paused = true)]
    async fn a_loop_around_a_loop_repeats_nothing() {
        let (calls, begun) = (Cell::new(0_u32), Instant::now());
        let pauses = Pauses::new(seconds(1), seconds(1), seconds(10));
        let outer = Cell::new(0_u32);
        let answer: Result<(), PortError> = pauses
            .begin()
            .insist(|| {
                outer.set(outer.get() + 1);
                let calls = &calls;
                async move {
                    let call = || {
                        calls.set(calls.get() + 1);
                        async { Err(PortError::new(ErrorKind::Retry, "busy")) }
                    };
                    pauses.begin().insist(call).await
                }
            })
            .await;
        assert!(answer.unwrap_err().exhausted);
        assert_eq!(outer.get(), 1);
        assert!(calls.get() >= 10 && begun.elapsed() < seconds(10));
    }
}
