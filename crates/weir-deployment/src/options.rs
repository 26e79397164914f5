use std::{collections::BTreeSet, time::Duration};

use weir_planning::{Desired, Digest, Plane, Risk};
use weir_retry::Pauses;

use crate::Receipt;

/// How a plan is carried out, and what it may cost.
#[derive(Clone, Debug)]
pub struct Options {
    /// The digest of the plan that was approved. When given, no other plan is carried out.
    pub approved: Option<Digest>,
    /// Whether a plan beyond its stage's threshold may be carried out; `approved` must name it as well.
    pub beyond_threshold: bool,
    /// The highest risk a step may have.
    pub max_risk: Risk,
    /// What the files ask of the stage. When given, no step may do anything else, and plans need approval when the files
    /// say so, whatever the plan says of itself.
    pub wanted: Option<Desired>,
    /// The planes that can be reached from here. Of steps of other planes only `after` knows.
    pub planes: BTreeSet<Plane>,
    /// Receipts of runs of the same plan on other planes: what they did there counts as done.
    pub after: Vec<Receipt>,
    /// Most steps in one batch.
    pub batch_size: usize,
    /// Most batches (or API keys) in flight.
    pub concurrency: usize,
    /// How long what may be tried again is tried again.
    pub retry: Pauses,
    /// How long a change may take to be seen.
    pub read_back: Pauses,
    /// How long another run has to store an API key it made, and a key whose creation got no answer has to appear.
    pub settle: Pauses,
    /// How long new keys are waited for until they log in, once they are stored; absent: not at all.
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
