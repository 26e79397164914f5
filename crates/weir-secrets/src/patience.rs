//! Retries up to a deadline.

use std::time::{Duration, Instant};

use crate::{
    Options,
    failure::{Failure, Why},
};

/// Pauses that grow, up to a deadline.
pub(crate) struct Patience {
    began: Instant,
    until: Instant,
    pause: Duration,
    longest: Duration,
}

impl Patience {
    pub(crate) fn new(options: &Options) -> Self {
        Self::lasting(options, options.patience)
    }

    pub(crate) fn lasting(options: &Options, length: Duration) -> Self {
        let began = Instant::now();
        Self { began, until: began + length, pause: options.pause, longest: options.pause * 16 }
    }

    /// Returns the time since the first try.
    pub(crate) fn spent(&self) -> Duration {
        self.began.elapsed()
    }

    /// Waits before the next try; returns `false` if the deadline leaves no time for it. If the vault named a time to
    /// wait, the pause is at least that long.
    pub(crate) async fn again(&mut self, why: &Why) -> bool {
        let asked = if let Why::Throttled(Some(asked)) = why { *asked } else { Duration::ZERO };
        let pause = self.pause.max(asked);
        if Instant::now() + pause > self.until {
            return false;
        }
        self.pause = (self.pause * 2).min(self.longest);
        tokio::time::sleep(pause).await;
        true
    }

    /// Repeats a call that may safely be repeated, until it gets an answer.
    pub(crate) async fn insist<T, F>(&mut self, call: impl Fn() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        loop {
            match call().await {
                Err(failure) if failure.passes() && self.again(&failure.why).await => {}
                answer => return answer,
            }
        }
    }
}
