use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ApiKey;

/// Largest length of a secret's name in Key Vault, in characters.
const MAX_LENGTH: usize = 127;

/// Returns the name of the vault secret that holds the API key of `account` (physical name) in `slot`:
/// `kafka-<account>`, with `-<slot>` unless it is the default slot; lower case, with `-` for every character that Key
/// Vault does not take. A name over 127 characters is cut and ends in a checksum of the whole.
///
/// Two accounts may map to one name; validation refuses that within a vault.
///
/// ```
/// assert_eq!(weir_model::secret_name("dev-toll_Billing", "default"), "kafka-dev-toll-billing");
/// assert_eq!(weir_model::secret_name("dev-toll_Billing", "batch"), "kafka-dev-toll-billing-batch");
/// ```
pub fn secret_name(account: &str, slot: &str) -> String {
    named(account, slot, None)
}

/// A secret beside a slot's JSON secret, which holds the same API key in another shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SecretPart {
    /// A whole `client.properties`.
    Properties,
    /// The key's id alone.
    Key,
    /// The key's secret alone.
    Secret,
}

weir_findings::words!(SecretPart {
    Properties => "properties",
    Key => "key",
    Secret => "secret",
});

impl SecretPart {
    /// Returns the secret's name: the name of the JSON secret with the part behind it, cut like [`secret_name`].
    ///
    /// ```
    /// use weir_model::SecretPart;
    /// assert_eq!(SecretPart::Key.secret_name("dev-billing", "batch"), "kafka-dev-billing-batch-key");
    /// ```
    pub fn secret_name(self, account: &str, slot: &str) -> String {
        named(account, slot, Some(self))
    }
}

/// Returns the names of all secrets that may hold the API key of an account in a slot: that of the JSON secret first.
///
/// ```
/// let names: Vec<String> = weir_model::secret_names("dev-billing", "default").collect();
/// assert_eq!(names[..2], ["kafka-dev-billing", "kafka-dev-billing-properties"]);
/// ```
pub fn secret_names(account: &str, slot: &str) -> impl Iterator<Item = String> {
    std::iter::once(None).chain(SecretPart::ALL.map(Some)).map(move |part| named(account, slot, part))
}

fn named(account: &str, slot: &str, part: Option<SecretPart>) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let mut name = String::from("kafka-");
    name.extend(account.chars().map(plain));
    if slot != ApiKey::DEFAULT_SLOT {
        name.push('-');
        name.extend(slot.chars().map(plain));
    }
    if let Some(part) = part {
        name.push('-');
        name.push_str(part.as_str());
    }
    if name.len() > MAX_LENGTH {
        // The hash keeps long names apart. It need not resist an attack, since validation finds collisions.
        let sum = format!("-{:016x}", weir_findings::fnv1a(name.bytes()));
        name.truncate(MAX_LENGTH - sum.len());
        name.push_str(&sum);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_and_stay_apart() {
        let (a, b) = (secret_name(&"a".repeat(130), "default"), secret_name(&"a".repeat(131), "default"));
        assert_eq!((a.len(), b.len()), (127, 127));
        assert_ne!(a, b);
        assert!(a.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-'));
    }
}
