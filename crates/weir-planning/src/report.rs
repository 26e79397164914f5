use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Everything that a plan leaves undone, with reasons.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[must_use = "a report says what was left undone"]
#[non_exhaustive]
pub struct Report {
    /// In the order of kind and name.
    pub items: Vec<ReportItem>,
}

/// One thing left undone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct ReportItem {
    /// The sort of item.
    pub kind: ReportKind,
    /// Physical name of the object.
    pub object: String,
    /// The reason, and what to write to have it done. A sentence.
    pub message: String,
}

/// The sorts of items in a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ReportKind {
    /// A binding that no file asks for any more, on names beyond those of its account's team. Never left out of a comment.
    RightLeftBehind,
    /// A topic inside the owned scope that no file declares.
    UnmanagedTopic,
    /// A service account inside the owned scope that no file declares.
    UnmanagedAccount,
    /// A topic's own setting that no file declares.
    UndeclaredSetting,
    /// An API key of a declared account without our mark.
    ForeignKey,
    /// A service account, an API key, a secret, or the bindings of one account, that weir made and that no file asks for
    /// any more.
    LeftBehind,
    /// A vault whose secrets cannot be listed: weir does not see the secrets that it left there.
    UnlistedVault,
    /// A replaced key whose overlap has not ended.
    RetiringKey,
    /// A key that will be due.
    KeyDue,
    /// A secret in another shape that no file asks for any more.
    UnaskedSecret,
    /// A tombstone whose object is gone: the file can be removed.
    TombstoneDone,
    /// An internal or mirrored object that is never touched.
    Untouchable,
}

impl ReportKind {
    /// Returns `true` if the item is a difference between the cluster and the files.
    pub fn is_drift(self) -> bool {
        match self {
            ReportKind::RightLeftBehind
            | ReportKind::UnmanagedTopic
            | ReportKind::UnmanagedAccount
            | ReportKind::UndeclaredSetting
            | ReportKind::ForeignKey
            | ReportKind::LeftBehind
            | ReportKind::UnaskedSecret => true,
            ReportKind::UnlistedVault
            | ReportKind::RetiringKey
            | ReportKind::KeyDue
            | ReportKind::TombstoneDone
            | ReportKind::Untouchable => false,
        }
    }
}
