use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a step may cost if it was not meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// Something new; nobody can miss anything.
    Additive,
    /// Something works otherwise than before.
    Change,
    /// Somebody may do less than before.
    Revoke,
    /// Something is gone, without data.
    Destroy,
    /// Records are gone.
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
