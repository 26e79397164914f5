use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The harm that a step may do if it was not meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// Something is new; nothing is taken away.
    Additive,
    /// Something works differently than before.
    Change,
    /// A client has fewer rights than before.
    Revoke,
    /// Something is deleted that holds no data.
    Destroy,
    /// Records are deleted.
    DataLoss,
}

impl Risk {
    /// All risks, from the least.
    pub const ALL: [Risk; 5] = [Risk::Additive, Risk::Change, Risk::Revoke, Risk::Destroy, Risk::DataLoss];

    /// The name, as written behind `--max-risk`.
    pub fn as_str(self) -> &'static str {
        match self {
            Risk::Additive => "additive",
            Risk::Change => "change",
            Risk::Revoke => "revoke",
            Risk::Destroy => "destroy",
            Risk::DataLoss => "data-loss",
        }
    }
}

impl fmt::Display for Risk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Risk {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Risk::ALL.into_iter().find(|risk| risk.as_str() == text).ok_or_else(|| {
            format!("there is no risk `{text}`; the risks are additive, change, revoke, destroy, data-loss")
        })
    }
}
