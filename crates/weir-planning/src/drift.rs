//! The differences between a cluster and its files, with their causes.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Blocked, Plan, render};

/// The differences between a stage's cluster and its files.
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
    /// The differences.
    pub differences: Vec<Difference>,
    /// The objects in trouble, which could not be compared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked: Vec<Blocked>,
}

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Difference {
    /// Physical name of the object: a topic, an account, a principal.
    pub object: String,
    /// The difference, as a sentence.
    pub text: String,
    /// Its cause; absent when the last deployed files are not known.
    pub cause: Option<Cause>,
}

/// The cause of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Cause {
    /// The cluster differs from its last deployment.
    ByHand,
    /// The files were changed since the last deployment.
    AskedFor,
    /// Time has passed: an API key came of age, or the one before it.
    Due,
}

impl Drift {
    /// The format this version writes.
    pub const FORMAT: &'static str = "weir.drift/v1";

    /// Returns the differences, from the plan of the current files.
    pub fn of(plan: &Plan) -> Self {
        Self {
            format: Self::FORMAT.to_owned(),
            stage: plan.stage.clone(),
            cluster: plan.cluster.clone(),
            differences: render::differences(plan),
            blocked: plan.blocked.clone(),
        }
    }

    /// Returns the differences with their causes. `deployed` is the plan of the last deployed files against the same
    /// observed state, and `timeless` is that plan for a time before anything was due ([`Timestamp::UNIX_EPOCH`]). A
    /// difference in both was made by hand, one only in `deployed` is due, and one only in `plan` is asked for in
    /// git.
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

    /// Returns `true` if the cluster differs from its last deployment, or from the files where that is not known.
    pub fn is_drift(&self) -> bool {
        self.differences.iter().any(|difference| matches!(difference.cause, None | Some(Cause::ByHand)))
    }
}
