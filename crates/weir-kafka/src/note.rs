//! Notes: data that Kafka has no place for, kept in ACL bindings without effect.
//!
//! A SCRAM user has only a name and credentials: no description, no creation time, no mark of its creator; and
//! without a credential, the user does not exist. A *note* is a binding that denies its account to describe a
//! transactional id that no client uses. The binding has no effect, and the name of the transactional id holds the
//! data:
//!
//! - `weir.account:<number>:<workspace>/<stage>:<description>`: the account exists, and this stage made it or took it
//!   over; without workspace and stage, neither. The highest number counts; notes with lower numbers are remains.
//! - `weir.key:<iterations>:<created, ms since 1970>:<mark>`: weir created the credential with this number of
//!   iterations. The mark names workspace, stage and slot.
//!
//! Observations leave notes out of the bindings. `kafka-acls --list` shows notes as they are.
//!
//! # Proof
//!
//! A note proves that a principal with `Alter` on the cluster wrote it, and that no file did: names that begin with
//! `weir.` are refused in files, left out of the desired state, and refused by this adapter as the object of a change.
//! A principal with `Alter` on the cluster may give itself every right without notes. A note about a credential also
//! agrees with the credential: its number of iterations is one that weir draws, never Kafka's default.

use std::fmt::Write as _;

use jiff::Timestamp;
use weir_planning::{Maker, Principal};
use weir_rdkafka_admin::{AclBinding, AclFilter, AclOperation, PatternType, Permission, ResourceType};

const ACCOUNT: &str = "weir.account:";
const KEY: &str = "weir.key:";

/// A record about an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    /// The account exists.
    Account {
        /// The number of the note: the highest one counts.
        number: u64,
        /// The workspace and stage that made or took over the account.
        maker: Option<Maker>,
        /// The account's description.
        description: String,
    },
    /// weir created the account's credential.
    Key {
        /// The number of iterations, which identifies the credential.
        iterations: i32,
        /// Time of creation.
        created: Timestamp,
        /// weir's mark.
        marker: String,
    },
}

impl Note {
    /// Reads the note in a binding, with the name of its account.
    pub(crate) fn read(acl: &AclBinding) -> Option<(&str, Self)> {
        let account = Principal::user_in(&acl.principal)?;
        let is_note = acl.resource_type == ResourceType::TransactionalId
            && acl.pattern == PatternType::Literal
            && acl.operation == AclOperation::Describe
            && acl.permission == Permission::Deny
            && acl.host == "*";
        if !is_note {
            return None;
        }
        if let Some(rest) = acl.name.strip_prefix(ACCOUNT) {
            let mut parts = rest.splitn(3, ':');
            let number = parts.next()?.parse().ok()?;
            let maker = match decode(parts.next()?)?.as_str() {
                "" => None,
                maker => Some(maker.parse().ok()?),
            };
            return Some((account, Self::Account { number, maker, description: decode(parts.next()?)? }));
        }
        let mut parts = acl.name.strip_prefix(KEY)?.splitn(3, ':');
        let iterations = parts.next()?.parse().ok()?;
        let created = Timestamp::from_millisecond(parts.next()?.parse().ok()?).ok()?;
        Some((account, Self::Key { iterations, created, marker: decode(parts.next()?)? }))
    }

    /// Returns the binding that holds the note.
    pub(crate) fn binding(&self, account: &str) -> AclBinding {
        let name = match self {
            Self::Account { number, maker, description } => {
                let maker = maker.as_ref().map(Maker::to_string).unwrap_or_default();
                format!("{ACCOUNT}{number}:{}:{}", encode(&maker), encode(description))
            }
            Self::Key { iterations, created, marker } => {
                format!("{KEY}{iterations}:{}:{}", created.as_millisecond(), encode(marker))
            }
        };
        AclBinding {
            resource_type: ResourceType::TransactionalId,
            name,
            pattern: PatternType::Literal,
            principal: Principal::of_account(account).to_string(),
            host: "*".to_owned(),
            operation: AclOperation::Describe,
            permission: Permission::Deny,
        }
    }

    /// Returns the filter that matches only the note.
    pub(crate) fn filter(&self, account: &str) -> Option<AclFilter> {
        AclFilter::exactly(&self.binding(account))
    }
}

/// Encodes all characters but letters, digits, `.`, `_` and `-` as `%XX`: old brokers keep ACLs in ZooKeeper, where a
/// `/` in a name would be a folder.
fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a `String` cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let value = digit(rest.next())? * 16 + digit(rest.next())?;
            bytes.push(u8::try_from(value).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_can_be_read_back() {
        let notes = [
            Note::Account { number: 3, maker: "acme/dev".parse().ok(), description: "Löhne: 100 % / Tag".to_owned() },
            Note::Account { number: 0, maker: None, description: String::new() },
            Note::Key {
                iterations: 4711,
                created: "2026-11-22T20:00:00.123Z".parse().unwrap(),
                marker: "weir/acme/dev/default/0123456789abcdef".to_owned(),
            },
        ];
        for note in notes {
            let binding = note.binding("dev-billing");
            assert!(!binding.name.contains(['/', ' ']), "{}", binding.name);
            assert_eq!(Note::read(&binding), Some(("dev-billing", note)));
        }
    }

    #[test]
    fn other_bindings_are_not_notes() {
        let note = Note::Account { number: 1, maker: None, description: "x".to_owned() }.binding("a");
        let others = [
            AclBinding { name: "weir.accounts".into(), ..note.clone() },
            AclBinding { name: "weir.account:one::x".into(), ..note.clone() },
            AclBinding { name: "weir.account:1:x".into(), ..note.clone() },
            AclBinding { name: "weir.account:1:acme:x".into(), ..note.clone() },
            AclBinding { name: "weir.account:1::%4".into(), ..note.clone() },
            AclBinding { name: "weir.key:4096:x".into(), ..note.clone() },
            AclBinding { permission: Permission::Allow, ..note.clone() },
            AclBinding { host: "10.0.0.1".into(), ..note.clone() },
            AclBinding { resource_type: ResourceType::Topic, ..note.clone() },
            AclBinding { principal: "Group:a".into(), ..note },
        ];
        for other in others {
            assert_eq!(Note::read(&other), None, "{other:?}");
        }
    }
}
