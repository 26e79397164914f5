//! What a cluster has otherwise than the files say, and why.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Plan, render};

/// What differs between a stage's cluster and its files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Drift {
    /// [`Drift::FORMAT`].
    pub format: String,
    /// The stage's name.
    pub stage: String,
    /// The cluster's name in the workspace.
    pub cluster: String,
    /// What differs.
    pub differences: Vec<Difference>,
}

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Difference {
    /// Physical name of the object: a topic, an account, a principal.
    pub object: String,
    /// What differs, as a sentence.
    pub text: String,
    /// Where it comes from; absent when it is not known what was deployed last.
    pub cause: Option<Cause>,
}

/// Where a difference comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The cluster is otherwise than it was deployed.
    ByHand,
    /// The files were changed since.
    AskedFor,
    /// Time has passed: an API key came of age, or the one before it.
    Due,
}

impl Drift {
    /// The format this version writes.
    pub const FORMAT: &'static str = "weir.drift/v1";

    /// What differs, by the plan of the files as they are.
    pub fn of(plan: &Plan) -> Self {
        Self {
            format: Self::FORMAT.to_owned(),
            stage: plan.stage.clone(),
            cluster: plan.cluster.clone(),
            differences: render::differences(plan),
        }
    }

    /// What differs, and why: `deployed` is the plan of the files as they were deployed last, against the same
    /// observed state, and `timeless` the same for a time before anything was due ([`Timestamp::UNIX_EPOCH`]). What
    /// both would change was changed by hand, what only `deployed` would change is due, and what only `plan` would
    /// change is asked for in git.
    ///
    /// [`Timestamp::UNIX_EPOCH`]: jiff::Timestamp::UNIX_EPOCH
    pub fn since(plan: &Plan, deployed: &Plan, timeless: &Plan) -> Self {
        let texts = |differences: &[Difference]| -> BTreeSet<String> {
            differences.iter().map(|difference| difference.text.clone()).collect()
        };
        let never_due = texts(&render::differences(timeless));
        let known = render::differences(deployed);
        let known_texts = texts(&known);
        let known = known.into_iter().map(|difference| {
            let cause = if never_due.contains(&difference.text) { Cause::ByHand } else { Cause::Due };
            Difference { cause: Some(cause), ..difference }
        });
        let asked = render::differences(plan)
            .into_iter()
            .filter(|difference| !known_texts.contains(&difference.text))
            .map(|difference| Difference { cause: Some(Cause::AskedFor), ..difference });
        Self { differences: known.chain(asked).collect(), ..Self::of(plan) }
    }

    /// Whether the cluster is otherwise than the files say, or, where it is known what was deployed, than that.
    pub fn is_drift(&self) -> bool {
        self.differences.iter().any(|difference| matches!(difference.cause, None | Some(Cause::ByHand)))
    }
}
