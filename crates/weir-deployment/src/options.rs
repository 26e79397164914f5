use std::{collections::BTreeSet, time::Duration};

use weir_planning::{Desired, Digest, Observed, Plane, Planned, Risk};
use weir_retry::Pauses;

use crate::Receipt;

/// The conditions of a deployment.
#[derive(Clone, Debug)]
pub struct Options {
    /// The digest of the plan that was approved. With it, any other plan is refused.
    pub approved: Option<Digest>,
    /// `true` if a plan beyond its stage's threshold may be carried out; `approved` must name it as well.
    pub beyond_threshold: bool,
    /// The highest risk a step may have.
    pub max_risk: Risk,
    /// The plan made again, right before, from the files at hand. With it, no step may do anything else, whatever the
    /// plan says of itself.
    pub wanted: Option<Wanted>,
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
            retry: Pauses::usual(Duration::from_secs(60)),
            read_back: Pauses::new(Duration::from_millis(50), Duration::from_secs(2), Duration::from_secs(60)),
            settle: Pauses::new(Duration::from_millis(200), Duration::from_secs(2), Duration::from_secs(10)),
            wait_ready: None,
        }
    }
}

/// The plan made again at deployment, with the two states that it was made from.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The desired state of the files at hand.
    pub desired: Desired,
    /// The state that was just observed: everything that a plan needs, and the secrets of [`Plan::secrets`].
    ///
    /// [`Plan::secrets`]: weir_planning::Plan::secrets
    pub observed: Observed,
    /// The plan from one to the other, for the time of the deployer's clock.
    pub planned: Planned,
}
