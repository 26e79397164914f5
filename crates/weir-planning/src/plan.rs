use std::{collections::BTreeMap, fmt};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use weir_model::SecretPart;

use crate::{Acl, Digest, PlanPolicies, Provider, Report, Risk, SecretRef, digest::InParallel, fingerprint};

/// The steps from observed to desired. The plan is all that is deployed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Plan {
    /// [`Plan::FORMAT`].
    pub format: String,
    /// The workspace's name.
    pub workspace: String,
    /// The stage's name.
    pub stage: String,
    /// The cluster's name in the workspace.
    pub cluster: String,
    /// What kind of cluster.
    pub provider: Provider,
    /// The id of the cluster that was observed; deployment refuses any other.
    pub cluster_id: String,
    /// The git commit of the files, when known.
    pub commit: Option<String>,
    /// Digest of the desired state.
    pub desired: Digest,
    /// Whether the plan must be named by its digest to be deployed.
    pub approval_required: bool,
    /// Why the plan is beyond the threshold, when it is: a sentence.
    pub beyond_threshold: Option<String>,
    /// The steps in executable order.
    pub steps: Vec<Step>,
    /// What the accounts touched may do before and after.
    pub access: Vec<AccessChange>,
    /// The organisation's rules over steps, asked again when the plan is carried out; absent when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policies: Option<PlanPolicies>,
    /// Digest of all of the above.
    pub digest: Digest,
    /// What was left undone. Not part of the digest: it may change while the plan stays the same.
    pub report: Report,
}

impl Plan {
    /// The format this version writes and reads.
    pub const FORMAT: &'static str = "weir.plan/v1";

    /// The plan under the organisation's rules over steps, with the digest that this gives it.
    #[must_use]
    pub fn under(mut self, policies: PlanPolicies) -> Self {
        self.policies = Some(policies);
        self.digest = self.content_digest();
        self
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The highest risk of any step; absent when there are none.
    pub fn max_risk(&self) -> Option<Risk> {
        self.steps.iter().map(|step| step.risk).max()
    }

    /// Reads a plan file.
    ///
    /// # Errors
    /// If it is no plan, of another version, or was changed after it was made.
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

    /// Whether the plan is what the planner wrote: asked again before it is carried out.
    ///
    /// # Errors
    /// If it is of another version, or was changed after it was made.
    pub fn verify(&self) -> Result<(), PlanError> {
        if self.format != Self::FORMAT {
            return Err(PlanError::Format(self.format.clone()));
        }
        if self.digest == self.content_digest() { Ok(()) } else { Err(PlanError::Digest) }
    }

    /// The plan as a file: the same bytes for the same plan.
    ///
    /// # Panics
    /// Never: a plan always has a JSON form.
    pub fn to_json(&self) -> String {
        #[expect(clippy::expect_used, reason = "a plan's maps have text for keys")]
        let mut text = serde_json::to_string_pretty(self).expect("a plan has a JSON form");
        text.push('\n');
        text
    }

    /// Digest of everything but the digest itself and the report.
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
            steps,
            access,
            policies,
            digest: _,
            report: _,
        } = self;
        let head = (format, workspace, stage, cluster, provider, cluster_id, commit);
        let body = (head, desired, approval_required, beyond_threshold, InParallel(steps), access);
        match policies {
            None => fingerprint(&body),
            Some(policies) => fingerprint(&(body, policies)),
        }
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

/// Names a step: what it does and to what, `create-topic dev.toll.transactions.v1`. Unique in its plan.
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
pub struct Step {
    /// Its name.
    pub id: StepId,
    /// What is done.
    pub change: Change,
    /// The entity that asks for it: `Topic/toll.transactions.v1`; absent for what is pruned.
    pub entity: Option<String>,
    /// The team that owns it.
    pub team: Option<String>,
    /// Where it is done.
    pub plane: Plane,
    /// What it may cost.
    pub risk: Risk,
    /// What it means, in sentences; the worst first.
    pub meaning: Vec<String>,
    /// Fingerprint of exactly what was observed of the object it touches.
    pub fingerprint: Digest,
    /// Steps that must be done before.
    pub after: Vec<StepId>,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "action", rename_all = "kebab-case", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Change {
    /// Creates a service account.
    CreateAccount {
        /// Physical name.
        account: String,
        /// Description.
        description: String,
    },
    /// Changes a service account's description.
    UpdateAccount {
        /// Physical name.
        account: String,
        /// Description before.
        from: String,
        /// Description after.
        to: String,
    },
    /// Creates a topic.
    CreateTopic {
        /// Physical name.
        topic: String,
        /// Number of partitions; absent: the cluster's default.
        partitions: Option<u32>,
        /// Replicas of each partition; absent: the cluster's default.
        replication_factor: Option<u16>,
        /// Settings in Kafka's spelling.
        config: BTreeMap<String, String>,
    },
    /// Adds partitions to a topic.
    AddPartitions {
        /// Physical name.
        topic: String,
        /// Partitions before.
        from: u32,
        /// Partitions after.
        to: u32,
    },
    /// Changes a topic's replication factor.
    ChangeReplicationFactor {
        /// Physical name.
        topic: String,
        /// Replicas before.
        from: u16,
        /// Replicas after.
        to: u16,
    },
    /// Changes settings of a topic.
    AlterConfig {
        /// Physical name.
        topic: String,
        /// What changes, by setting.
        settings: BTreeMap<String, SettingChange>,
    },
    /// Creates an ACL binding.
    CreateAcl {
        /// Whose: `User:…`
        principal: String,
        /// The binding.
        acl: Acl,
    },
    /// Creates an API key and stores it.
    CreateKey {
        /// Physical name of the account.
        account: String,
        /// The slot.
        slot: String,
        /// Where it is stored.
        secret: SecretRef,
        /// The tags it is stored with, but for the key's id.
        tags: BTreeMap<String, String>,
        /// The key it takes the place of.
        replaces: Option<String>,
        /// Where it is stored in other shapes, once it is in `secret`.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        projections: BTreeMap<SecretPart, SecretRef>,
    },
    /// Deletes an ACL binding.
    DeleteAcl {
        /// Whose: `User:…`
        principal: String,
        /// The binding.
        acl: Acl,
    },
    /// Deletes a topic.
    DeleteTopic {
        /// Physical name.
        topic: String,
    },
    /// Deletes an API key, and retires what the vault holds of it.
    DeleteKey {
        /// Physical name of the account.
        account: String,
        /// The slot, when the key carries our mark.
        slot: Option<String>,
        /// The key's id.
        key: String,
        /// The secret whose versions of this key are disabled; absent when none is known.
        secret: Option<SecretRef>,
        /// Whether the secret itself goes (soft-deleted), since its slot is gone.
        delete_secret: bool,
        /// The secrets that hold the key in other shapes; what becomes of `secret` becomes of them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        projections: Vec<SecretRef>,
    },
    /// Deletes a service account.
    DeleteAccount {
        /// Physical name.
        account: String,
    },
}

/// A setting before and after; absent: the cluster's default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SettingChange {
    /// The topic's own value before.
    pub from: Option<String>,
    /// The topic's own value after.
    pub to: Option<String>,
}

/// The order of all plans: additive before destructive, credentials revoked last. A phase begins when the one
/// before it has ended; after a failure only what takes nothing away and does not depend on what failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Service accounts are created.
    Accounts,
    /// Topics are created and changed.
    Topics,
    /// ACL bindings are created.
    Acls,
    /// API keys are created.
    Keys,
    /// ACL bindings are deleted.
    AclDeletes,
    /// Topics are deleted.
    TopicDeletes,
    /// API keys are deleted.
    KeyDeletes,
    /// Service accounts are deleted.
    AccountDeletes,
}

impl Change {
    /// The secrets it touches: the JSON secret first.
    pub fn secrets(&self) -> Vec<&SecretRef> {
        match self {
            Change::CreateKey { secret, projections, .. } => {
                std::iter::once(secret).chain(projections.values()).collect()
            }
            Change::DeleteKey { secret, projections, .. } => secret.iter().chain(projections).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether it adds compaction to a topic that only deletes. Confluent Cloud takes that by way of `compact` alone, so
    /// that a run which is stopped in between leaves the topic there.
    pub fn goes_by_way_of_compact(&self) -> bool {
        let Change::AlterConfig { settings, topic: _ } = self else { return false };
        let has = |policies: &Option<String>, policy| {
            policies.as_deref().is_some_and(|policies| policies.split(',').any(|one| one.trim() == policy))
        };
        settings
            .get("cleanup.policy")
            .is_some_and(|SettingChange { from, to }| !has(from, "compact") && has(to, "compact") && has(to, "delete"))
    }

    /// The physical name of what it changes: a topic, an account, or the principal of a binding.
    pub fn object(&self) -> &str {
        match self {
            Change::CreateTopic { topic, .. }
            | Change::AddPartitions { topic, .. }
            | Change::ChangeReplicationFactor { topic, .. }
            | Change::AlterConfig { topic, .. }
            | Change::DeleteTopic { topic } => topic,
            Change::CreateAccount { account, .. }
            | Change::UpdateAccount { account, .. }
            | Change::CreateKey { account, .. }
            | Change::DeleteKey { account, .. }
            | Change::DeleteAccount { account } => account,
            Change::CreateAcl { principal, .. } | Change::DeleteAcl { principal, .. } => principal,
        }
    }

    /// The physical name of the account it is about; absent for changes of topics.
    pub fn account(&self) -> Option<&str> {
        match self {
            Change::CreateAccount { account, .. }
            | Change::UpdateAccount { account, .. }
            | Change::CreateKey { account, .. }
            | Change::DeleteKey { account, .. }
            | Change::DeleteAccount { account } => Some(account),
            Change::CreateAcl { principal, .. } | Change::DeleteAcl { principal, .. } => {
                principal.strip_prefix("User:")
            }
            Change::CreateTopic { .. }
            | Change::AddPartitions { .. }
            | Change::ChangeReplicationFactor { .. }
            | Change::AlterConfig { .. }
            | Change::DeleteTopic { .. } => None,
        }
    }

    /// The least that it risks, whatever it is done to.
    pub fn least_risk(&self) -> Risk {
        match self {
            Change::DeleteTopic { .. } | Change::DeleteAccount { .. } => Risk::Destroy,
            Change::DeleteKey { .. } => Risk::Revoke,
            Change::DeleteAcl { .. }
            | Change::UpdateAccount { .. }
            | Change::AddPartitions { .. }
            | Change::ChangeReplicationFactor { .. } => Risk::Change,
            Change::CreateAccount { .. }
            | Change::CreateTopic { .. }
            | Change::AlterConfig { .. }
            | Change::CreateAcl { .. }
            | Change::CreateKey { .. } => Risk::Additive,
        }
    }

    /// When it is done.
    pub fn phase(&self) -> Phase {
        match self {
            Change::CreateAccount { .. } | Change::UpdateAccount { .. } => Phase::Accounts,
            Change::CreateTopic { .. }
            | Change::AddPartitions { .. }
            | Change::ChangeReplicationFactor { .. }
            | Change::AlterConfig { .. } => Phase::Topics,
            Change::CreateAcl { .. } => Phase::Acls,
            Change::CreateKey { .. } => Phase::Keys,
            Change::DeleteAcl { .. } => Phase::AclDeletes,
            Change::DeleteTopic { .. } => Phase::TopicDeletes,
            Change::DeleteKey { .. } => Phase::KeyDeletes,
            Change::DeleteAccount { .. } => Phase::AccountDeletes,
        }
    }
}

/// Which system a step needs to reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Plane {
    /// Accounts and keys: Confluent Cloud's public API, and the vaults.
    Control,
    /// The brokers.
    Data,
}

impl Plane {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Control, Self::Data];

    /// The name, as written in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Plane::Control => "control",
            Plane::Data => "data",
        }
    }
}

impl fmt::Display for Plane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an account may do before and after a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccessChange {
    /// `User:…`
    pub principal: String,
    /// Rights it gains, as sentences: `Read topics that begin with dev.toll.`
    pub gains: Vec<String>,
    /// Rights it loses.
    pub loses: Vec<String>,
}
