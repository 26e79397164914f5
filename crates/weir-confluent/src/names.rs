//! Translates service accounts between their names, used in files, and their ids, used by clusters.

use std::collections::{BTreeMap, BTreeSet};

use weir_planning::{Acl, Principal};
use weir_ports::PortError;

/// Bindings by principal.
pub(crate) type Bindings = BTreeMap<Principal, BTreeSet<Acl>>;

/// Names of service accounts, by id.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    names: BTreeMap<String, String>,
}

impl Names {
    /// Makes the table from pairs of name and id.
    pub(crate) fn new<'a>(accounts: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self { names: accounts.into_iter().map(|(name, id)| (id.to_owned(), name.to_owned())).collect() }
    }

    /// Returns the principal with the account's name instead of its id, if the name is known.
    pub(crate) fn written(&self, principal: &Principal) -> Principal {
        let name = principal.user().and_then(|id| self.names.get(id));
        name.map_or_else(|| principal.clone(), Principal::of_account)
    }

    /// Translates bindings to names. Principals of unknown accounts keep their ids if `others` are wanted, and are
    /// left out otherwise.
    ///
    /// # Errors
    /// For a numeric principal: the cluster names accounts by their old numbers, which no interface can look up. All
    /// declared bindings would look missing, and all existing ones foreign.
    pub(crate) fn write(&self, bindings: Bindings, others: bool) -> Result<Bindings, PortError> {
        let mut written = Bindings::new();
        let taken: BTreeSet<&String> = self.names.values().collect();
        for (principal, acls) in bindings {
            let id = principal.user();
            if id.is_some_and(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())) {
                let message = format!(
                    "the cluster names the principal `{principal}` by its old number instead of an id `sa-…`, so \
                     the owner of its bindings is unknown"
                );
                return Err(PortError::unavailable(message));
            }
            let known = id.is_some_and(|id| self.names.contains_key(id));
            // An id that equals another account's name would be mistaken for that account.
            let clear = id.is_none_or(|id| !taken.contains(&id.to_owned()));
            if known || &*principal == Principal::EVERYBODY || (others && clear) {
                written.entry(self.written(&principal)).or_default().extend(acls);
            }
        }
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use weir_ports::ErrorKind;

    use super::*;

    fn bindings(principals: &[&str]) -> Bindings {
        principals.iter().map(|principal| (Principal::from(*principal), BTreeSet::new())).collect()
    }

    fn names() -> Names {
        Names::new([("dev-billing", "sa-1"), ("sa-9", "sa-2")])
    }

    fn written(principals: &[&str], others: bool) -> Vec<String> {
        names()
            .write(bindings(principals), others)
            .unwrap()
            .into_keys()
            .map(|principal| principal.to_string())
            .collect()
    }

    #[test]
    fn accounts_are_translated_to_names() {
        assert_eq!(written(&["User:sa-1", "User:*", "User:sa-77"], false), ["User:*", "User:dev-billing"]);
    }

    #[test]
    fn unknown_accounts_keep_an_id_that_is_no_accounts_name() {
        let all = ["User:sa-1", "User:sa-2", "User:sa-9", "User:u-3", "Group:g"];
        assert_eq!(written(&all, true), ["Group:g", "User:dev-billing", "User:sa-9", "User:u-3"]);
    }

    #[test]
    fn numeric_principals_are_an_error() {
        for others in [true, false] {
            let error = names().write(bindings(&["User:sa-1", "User:12345"]), others).unwrap_err();
            assert!(error.kind == ErrorKind::Unavailable && error.message.contains("`User:12345`"), "{error}");
        }
        assert!(names().write(bindings(&["User:", "User:1a", "Group:1"]), true).is_ok());
    }
}
