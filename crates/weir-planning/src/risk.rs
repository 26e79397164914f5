use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use weir_ownership::Reach;

/// The harm that a step may do if it was not meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Risk {
    /// Something is new, inside the names of its team; nothing is taken away.
    Additive,
    /// A new right on names of another team, with a consent.
    Shared,
    /// A new right on names of any team, on the word of the platform team alone.
    PlatformWide,
    /// Something works differently than before.
    Change,
    /// A client has fewer rights than before.
    Revoke,
    /// A new right with which an account can change rights or act as another account.
    Escalation,
    /// Something is deleted that holds no data.
    Destroy,
    /// Records are deleted.
    DataLoss,
}

weir_findings::words!(Risk {
    Additive => "additive",
    Shared => "shared",
    PlatformWide => "platform-wide",
    Change => "change",
    Revoke => "revoke",
    Escalation => "escalation",
    Destroy => "destroy",
    DataLoss => "data-loss",
});

impl Risk {
    /// Returns the risk of a new right, or of the deletion of a denial, by the names that it reaches.
    pub(crate) fn of(reach: Reach) -> Self {
        match reach {
            Reach::Own => Risk::Additive,
            Reach::Consented => Risk::Shared,
            Reach::PlatformWide => Risk::PlatformWide,
            Reach::Escalation => Risk::Escalation,
        }
    }
}

impl FromStr for Risk {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Risk::ALL.into_iter().find(|risk| risk.as_str() == text).ok_or_else(|| {
            format!("there is no risk `{text}`; the risks are {}", Risk::ALL.map(Risk::as_str).join(", "))
        })
    }
}
