//! What a cluster has otherwise than the files say, and why.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Plan, render};

/// What differs between a stage's cluster and its files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
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
    /// observed state. What it would change was changed by hand; what only `plan` would change is asked for in git.
    pub fn since(plan: &Plan, deployed: &Plan) -> Self {
        let cause = |cause| move |difference| Difference { cause: Some(cause), ..difference };
        let by_hand: Vec<_> = render::differences(deployed).into_iter().map(cause(Cause::ByHand)).collect();
        let known: BTreeSet<&str> = by_hand.iter().map(|difference| difference.text.as_str()).collect();
        let asked: Vec<_> = render::differences(plan)
            .into_iter()
            .filter(|difference| !known.contains(difference.text.as_str()))
            .map(cause(Cause::AskedFor))
            .collect();
        Self { differences: by_hand.into_iter().chain(asked).collect(), ..Self::of(plan) }
    }

    /// Whether the cluster is otherwise than the files say, or, where it is known what was deployed, than that.
    pub fn is_drift(&self) -> bool {
        self.differences.iter().any(|difference| difference.cause != Some(Cause::AskedFor))
    }
}
