//! Waiting until new keys log in, when that is asked for.

use futures::{StreamExt as _, stream};
use weir_planning::StepId;
use weir_ports::CreatedKey;

use crate::run::{Run, Walk, lock};

impl Run<'_> {
    /// Waits for the keys that this run made, all at once, before anything is taken away. They are already stored: what
    /// is found here changes nothing about that, and a run that is killed here leaves nothing to mend.
    pub(crate) async fn wait_ready(&self, walk: &mut Walk<'_>) {
        let Some(pauses) = self.options.wait_ready else { return };
        let mut pending = std::mem::take(&mut *lock(&self.fresh));
        let mut waiting = pauses.begin();
        while !pending.is_empty() {
            let patient = waiting.wait().await;
            let asked = stream::iter(pending).map(|(step, key)| async {
                let answer = self.look.cluster.key_ready(&key).await;
                (step, key, answer)
            });
            let answers: Vec<_> = asked.buffer_unordered(self.options.concurrency.max(1)).collect().await;
            let mut still: Vec<(StepId, CreatedKey)> = Vec::new();
            for (step, key, answer) in answers {
                let why = match answer {
                    Ok(true) => {
                        tell(walk, &step, true, None);
                        continue;
                    }
                    Ok(false) => "the key is stored, and does not log in yet".to_owned(),
                    Err(e) => format!("the key is stored, and whether it logs in could not be seen: {}", e.chain()),
                };
                if patient {
                    still.push((step, key));
                } else {
                    tell(walk, &step, false, Some(why));
                }
            }
            pending = still;
        }
    }
}

fn tell(walk: &mut Walk<'_>, step: &StepId, ready: bool, why: Option<String>) {
    if let Some(receipt) = walk.receipt(step) {
        receipt.ready = Some(ready);
        receipt.detail = why.or(receipt.detail.take());
    }
}
