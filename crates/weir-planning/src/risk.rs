use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The harm that a step may do if it was not meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
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

weir_findings::words!(Risk {
    Additive => "additive",
    Change => "change",
    Revoke => "revoke",
    Destroy => "destroy",
    DataLoss => "data-loss",
});

impl FromStr for Risk {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Risk::ALL.into_iter().find(|risk| risk.as_str() == text).ok_or_else(|| {
            format!("there is no risk `{text}`; the risks are {}", Risk::ALL.map(Risk::as_str).join(", "))
        })
    }
}
