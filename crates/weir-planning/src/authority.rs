use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use weir_model::{Date, EntityRef};

use crate::StepId;

/// A part of the head of a plan: one thing that moves authority, with the file that says so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuthorityItem {
    /// The sort of item.
    pub kind: AuthorityKind,
    /// The team that it is about.
    pub team: Option<String>,
    /// Physical name of the object: a principal, a topic, a vault; for a waiver, the name of the rule.
    pub object: String,
    /// The fact, as a sentence without its end.
    pub message: String,
    /// The last day, of something that ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    /// The entity that says so.
    pub entity: Option<EntityRef>,
    /// The file of the entity.
    pub file: Option<String>,
    /// The step that does it; absent for a state of affairs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
}

/// The sorts of items in the head of a plan, the most dangerous first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AuthorityKind {
    /// A new right with which an account can change rights or act as another account.
    Escalation,
    /// A new right on names of any team, on the word of the platform team alone.
    PlatformWide,
    /// Paths, reviewers, approvals or signatures that differ from before.
    Governance,
    /// An object that belongs to another team than before.
    Owner,
    /// An object that exists already, and that this workspace did not make.
    Adoption,
    /// A vault in which weir stores credentials of a team for the first time.
    Vault,
    /// A consent that is new, changed or gone.
    Consent,
    /// A new right on names of another team, with a consent.
    Shared,
    /// A waiver that is in force.
    Waiver,
    /// A right that the plan takes away, because it has ended or a consent to it is missing.
    Withdrawn,
    /// A right or a consent that will end soon.
    Ends,
}

weir_findings::words!(AuthorityKind {
    Escalation => "escalation",
    PlatformWide => "platform-wide",
    Governance => "governance",
    Owner => "owner",
    Adoption => "adoption",
    Vault => "vault",
    Consent => "consent",
    Shared => "shared",
    Waiver => "waiver",
    Withdrawn => "withdrawn",
    Ends => "ends",
});
