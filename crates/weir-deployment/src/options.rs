use std::{collections::BTreeSet, time::Duration};

use tokio::time::{Instant, sleep};
use weir_planning::{Desired, Digest, Plane, Risk};
use weir_ports::{ErrorKind, PortError};

use crate::Receipt;

/// The conditions of a deployment.
#[derive(Clone, Debug)]
pub struct Options {
    /// The digest of the plan that was approved. When given, no other plan is carried out.
    pub approved: Option<Digest>,
    /// `true` if a plan beyond its stage's threshold may be carried out; `approved` must name it as well.
    pub beyond_threshold: bool,
    /// The highest risk a step may have.
    pub max_risk: Risk,
    /// The desired state of the stage. When given, no step may do anything else, and plans need approval when the files
    /// say so, whatever the plan says of itself.
    pub wanted: Option<Desired>,
    /// The planes that can be reached from here. Of steps of other planes only `after` knows.
    pub planes: BTreeSet<Plane>,
    /// Receipts of runs of the same plan on other planes: steps that they did there count as done.
    pub after: Vec<Receipt>,
    /// Most steps in one batch.
    pub batch_size: usize,
    /// Most batches (or API keys) in flight.
    pub concurrency: usize,
    /// The time for which calls that may be repeated are repeated.
    pub retry: Pauses,
    /// The longest time until a change is seen.
    pub read_back: Pauses,
    /// The time in which another run must store its new API key, and in which a key must appear whose creation got no
    /// answer.
    pub settle: Pauses,
    /// The longest time to wait until stored new keys log in; absent: no waiting.
    pub wait_ready: Option<Pauses>,
}

impl Default for Options {
    /// All planes, up to [`Risk::Revoke`].
    fn default() -> Self {
        Self {
            approved: None,
            beyond_threshold: false,
            max_risk: Risk::Revoke,
            wanted: None,
            planes: Plane::ALL.into(),
            after: Vec::new(),
            batch_size: 10_000,
            concurrency: 4,
            retry: Pauses::new(Duration::from_millis(200), Duration::from_secs(10), Duration::from_secs(60)),
            read_back: Pauses::new(Duration::from_millis(50), Duration::from_secs(2), Duration::from_secs(60)),
            settle: Pauses::new(Duration::from_millis(200), Duration::from_secs(2), Duration::from_secs(10)),
            wait_ready: None,
        }
    }
}

/// Growing pauses between tries, until a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pauses {
    /// The first pause; each is twice the one before.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
    /// After this time there is no other try.
    pub deadline: Duration,
}

impl Pauses {
    /// Pauses from `first` to `longest`, until `deadline`.
    pub const fn new(first: Duration, longest: Duration, deadline: Duration) -> Self {
        Self { first, longest, deadline }
    }

    pub(crate) fn begin(self) -> Waiting {
        Waiting { next: self.first, longest: self.longest, until: Instant::now() + self.deadline }
    }

    /// Calls until the answer is final. For reads, and for writes that may be done twice.
    ///
    /// An error after a try whose outcome is not known is [`ErrorKind::Ambiguous`], whatever it says itself: that the
    /// last try was refused does not undo an earlier one.
    pub(crate) async fn insist<T, F>(self, mut call: impl FnMut() -> F) -> Result<T, PortError>
    where
        F: Future<Output = Result<T, PortError>>,
    {
        let mut waiting = self.begin();
        let mut lost = false;
        loop {
            let error = match call().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            lost |= error.kind == ErrorKind::Ambiguous;
            let passes = matches!(error.kind, ErrorKind::Retry | ErrorKind::Ambiguous);
            if !passes || !waiting.again().await {
                let kind = if lost { ErrorKind::Ambiguous } else { error.kind };
                return Err(PortError { kind, ..error });
            }
        }
    }
}

/// [`Pauses`] under way.
pub(crate) struct Waiting {
    next: Duration,
    longest: Duration,
    until: Instant,
}

impl Waiting {
    /// Pauses; false, at once, when the deadline has passed.
    pub(crate) async fn again(&mut self) -> bool {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        sleep(self.next.min(left)).await;
        self.next = (self.next * 2).min(self.longest);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_and_end() {
        let begun = Instant::now();
        let mut waiting =
            Pauses::new(Duration::from_millis(50), Duration::from_millis(200), Duration::from_secs(1)).begin();
        let mut at = Vec::new();
        while waiting.again().await {
            at.push((Instant::now() - begun).as_millis());
        }
        assert_eq!(at, [50, 150, 350, 550, 750, 950, 1000]);
    }

    #[tokio::test(start_paused = true)]
    async fn only_errors_that_may_pass_are_tried_again() {
        for (kind, calls) in [(ErrorKind::Retry, 5), (ErrorKind::Ambiguous, 5), (ErrorKind::Denied, 1)] {
            let seen = AtomicU32::new(0);
            let pauses = Pauses::new(Duration::from_secs(1), Duration::from_secs(1), Duration::from_secs(4));
            let answer: Result<(), _> = pauses
                .insist(|| async {
                    seen.fetch_add(1, Ordering::Relaxed);
                    Err(PortError::new(kind, "no"))
                })
                .await;
            assert_eq!(answer.unwrap_err().kind, kind);
            assert_eq!(seen.load(Ordering::Relaxed), calls, "{kind:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_does_not_undo_what_an_earlier_try_may_have_done() {
        let pauses = Pauses::new(Duration::from_secs(1), Duration::from_secs(1), Duration::from_secs(4));
        for last in [ErrorKind::Denied, ErrorKind::Refused, ErrorKind::Retry, ErrorKind::Unavailable] {
            let mut kinds = [ErrorKind::Ambiguous, last].into_iter();
            let answer: Result<(), _> = pauses
                .insist(|| {
                    let kind = kinds.next().unwrap_or(last);
                    async move { Err(PortError::new(kind, "no")) }
                })
                .await;
            assert_eq!(answer.unwrap_err().kind, ErrorKind::Ambiguous, "{last:?}");
        }
    }
}
