use std::{collections::BTreeMap, fmt};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use weir_model::EntityRef;

use crate::{
    AuthorityItem, Blocked, Change, Digest, Maker, PlanPolicies, Principal, Provider, Report, Risk, digest::InParallel,
    fingerprint,
};

/// The steps from observed to desired. The plan is all that is deployed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Plan {
    /// [`Plan::FORMAT`].
    pub format: String,
    /// The workspace's name.
    pub workspace: String,
    /// The stage's name.
    pub stage: String,
    /// The cluster's name in the workspace.
    pub cluster: String,
    /// The kind of cluster.
    pub provider: Provider,
    /// The id of the cluster that was observed; deployment refuses any other.
    pub cluster_id: String,
    /// The git commit of the files, when known.
    pub commit: Option<String>,
    /// Digest of the desired state.
    pub desired: Digest,
    /// `true` if deployment takes the plan only with an approval that names its digest.
    pub approval_required: bool,
    /// The reason for which the plan is beyond the threshold, as a sentence; absent otherwise.
    pub beyond_threshold: Option<String>,
    /// Everything that moves authority, and everything that holds by way of exception: first in every format, and
    /// never shortened. In the order of kind and team.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authority: Vec<AuthorityItem>,
    /// The steps in executable order.
    pub steps: Vec<Step>,
    /// The rights of the changed accounts before and after.
    pub access: Vec<AccessChange>,
    /// The organisation's rules over steps, asked again when the plan is carried out; absent when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policies: Option<PlanPolicies>,
    /// The objects that are in trouble. The plan has no step about them, nor about anything that comes after them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked: Vec<Blocked>,
    /// The cluster's own ids of the observed service accounts, by physical name, where brokers know accounts by id
    /// alone. A receipt may not say otherwise.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub accounts: BTreeMap<String, String>,
    /// Digest of everything else in the plan but its signature.
    pub digest: Digest,
    /// Everything that the plan leaves undone.
    pub report: Report,
    /// The signature of [`Plan::signed_message`]; absent in a plan that nobody signed. Not part of the digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
}

/// A signature, and the public key that verifies it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Signature {
    /// The public key: Base64 of its SubjectPublicKeyInfo (RFC 5480). It proves nothing by itself: the workspace lists the
    /// keys that count.
    pub key: String,
    /// The signature: Base64 of its ASN.1 form.
    pub value: String,
}

impl Plan {
    /// The format this version writes and reads.
    pub const FORMAT: &'static str = "weir.plan/v1";

    /// Returns the plan with the organisation's rules over steps, and with its new digest.
    #[must_use]
    pub fn under(mut self, policies: PlanPolicies) -> Self {
        self.policies = Some(policies);
        self.digest = self.content_digest();
        self
    }

    /// Returns the mark of everything that the plan makes.
    pub fn maker(&self) -> Maker {
        Maker { workspace: self.workspace.clone(), stage: self.stage.clone() }
    }

    /// Returns the plan with more items in its head of authority, and with its new digest.
    #[must_use]
    pub fn headed(mut self, items: impl IntoIterator<Item = AuthorityItem>) -> Self {
        self.authority.extend(items);
        self.authority.sort();
        self.authority.dedup();
        self.digest = self.content_digest();
        self
    }

    /// Returns `true` if there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Returns the highest risk of any step; absent without steps.
    pub fn max_risk(&self) -> Option<Risk> {
        self.steps.iter().map(|step| step.risk).max()
    }

    /// Reads a plan file.
    ///
    /// # Errors
    /// If the text is not a plan, has another version, or was changed after weir wrote it.
    pub fn from_json(text: &str) -> Result<Self, PlanError> {
        #[derive(Deserialize)]
        struct Head {
            format: String,
        }
        // The format first: another version's fields would only be called unknown.
        let Head { format } = serde_json::from_str(text).map_err(PlanError::Syntax)?;
        if format != Self::FORMAT {
            return Err(PlanError::Format(format));
        }
        let plan: Self = serde_json::from_str(text).map_err(PlanError::Syntax)?;
        plan.verify()?;
        Ok(plan)
    }

    /// Checks that the plan is exactly as the planner wrote it. Deployment calls this again.
    ///
    /// # Errors
    /// If the plan has another version, or was changed after weir wrote it.
    pub fn verify(&self) -> Result<(), PlanError> {
        if self.format != Self::FORMAT {
            return Err(PlanError::Format(self.format.clone()));
        }
        if self.digest == self.content_digest() { Ok(()) } else { Err(PlanError::Digest) }
    }

    /// Returns the message that a signature of the plan signs: format and digest, a line each.
    pub fn signed_message(&self) -> String {
        format!("{}\n{}\n", Self::FORMAT, self.digest)
    }

    /// Returns the plan as the text of a file: the same bytes for the same plan.
    ///
    /// # Panics
    /// Never: a plan always has a JSON form.
    pub fn to_json(&self) -> String {
        #[expect(clippy::expect_used, reason = "a plan's maps have text for keys")]
        let mut text = serde_json::to_string_pretty(self).expect("a plan has a JSON form");
        text.push('\n');
        text
    }

    /// Digest of everything but the digest itself and the signature.
    pub(crate) fn content_digest(&self) -> Digest {
        // Every field is named, so that a new one has to choose.
        let Self {
            format,
            workspace,
            stage,
            cluster,
            provider,
            cluster_id,
            commit,
            desired,
            approval_required,
            beyond_threshold,
            authority,
            steps,
            access,
            policies,
            blocked,
            accounts,
            digest: _,
            report,
            signature: _,
        } = self;
        let head = (format, workspace, stage, cluster, provider, cluster_id, commit);
        let body = (head, desired, approval_required, beyond_threshold, authority, InParallel(steps), access);
        fingerprint(&(body, policies, blocked, accounts, report))
    }
}

/// A plan file that cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PlanError {
    /// Not a plan.
    #[error("not a plan")]
    Syntax(#[source] serde_json::Error),
    /// Written by another version of weir.
    #[error("the plan's format is `{0}`, this version reads `{known}`; plan again", known = Plan::FORMAT)]
    Format(String),
    /// Changed after it was made.
    #[error("the plan was changed after it was made: its digest is not that of its content; plan again")]
    Digest,
}

/// The name of a step, from its action and its object: `create-topic dev.toll.transactions.v1`. Unique in its plan.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct StepId(pub String);

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One change to one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Step {
    /// Its name.
    pub id: StepId,
    /// The change.
    pub change: Change,
    /// The entity that asks for it: `Topic/toll.transactions.v1`; absent for a pruned object.
    pub entity: Option<EntityRef>,
    /// The team that owns it.
    pub team: Option<String>,
    /// The plane that the step needs to reach.
    pub plane: Plane,
    /// The risk of the change.
    pub risk: Risk,
    /// The consequences, in sentences; the worst first.
    pub meaning: Vec<String>,
    /// Fingerprint of the observed state of the step's object.
    pub fingerprint: Digest,
    /// Steps that must be done before this one.
    pub after: Vec<StepId>,
}

/// The system that a step needs to reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Plane {
    /// Accounts and keys: Confluent Cloud's public API, and the vaults.
    Control,
    /// The brokers.
    Data,
}

weir_findings::words!(Plane {
    Control => "control",
    Data => "data",
});

/// The rights of an account before and after a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct AccessChange {
    /// `User:…`
    pub principal: Principal,
    /// Rights it gains, as sentences: `Read topics that begin with dev.toll.`
    pub gains: Vec<String>,
    /// Rights it loses.
    pub loses: Vec<String>,
    /// Rights that the steps are about and that do not change, since bindings of `User:*` give them to every user.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub everybody: Vec<String>,
}
