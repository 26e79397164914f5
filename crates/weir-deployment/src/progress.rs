use weir_planning::Step;

use crate::StepReceipt;

/// Whoever watches a deployment. Called from within it: must not block.
pub trait Progress: Send + Sync {
    /// A step is being carried out.
    fn started(&self, step: &Step) {
        let _ = step;
    }

    /// A step has ended, or will not be started.
    fn finished(&self, step: &Step, receipt: &StepReceipt) {
        let _ = (step, receipt);
    }
}

/// Nobody watches.
impl Progress for () {}
