//! Ids and names: people name service accounts, clusters know them by id.

use std::collections::{BTreeMap, BTreeSet};

use weir_planning::Acl;
use weir_ports::{ErrorKind, PortError};

/// Bindings by principal.
pub(crate) type Bindings = BTreeMap<String, BTreeSet<Acl>>;

/// Whom bindings bind that are meant for everybody.
pub(crate) const EVERYBODY: &str = "User:*";

/// Service accounts as they are named and known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    names: BTreeMap<String, String>,
}

impl Names {
    /// From names and ids.
    pub(crate) fn new<'a>(accounts: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self { names: accounts.into_iter().map(|(name, id)| (id.to_owned(), name.to_owned())).collect() }
    }

    /// How a principal is written outside: by its account's name, where it has one.
    pub(crate) fn written(&self, principal: &str) -> String {
        let name = principal.strip_prefix("User:").and_then(|id| self.names.get(id));
        name.map_or_else(|| principal.to_owned(), |name| format!("User:{name}"))
    }

    /// Bindings by name. Whose account is not known keeps its id if `others` are wanted, and is left out otherwise.
    ///
    /// # Errors
    /// For a principal that is a number: the cluster speaks of accounts by their old numbers, which nobody can look
    /// up. All bindings would seem to be missing, and to be somebody else's.
    pub(crate) fn write(&self, bindings: Bindings, others: bool) -> Result<Bindings, PortError> {
        let mut written = Bindings::new();
        let taken: BTreeSet<&String> = self.names.values().collect();
        for (principal, acls) in bindings {
            let id = principal.strip_prefix("User:");
            if id.is_some_and(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())) {
                let message = format!(
                    "the cluster names the principal `{principal}` by its old number instead of an id `sa-…`, so \
                     nobody can tell whose bindings these are"
                );
                return Err(PortError::new(ErrorKind::Unavailable, message));
            }
            let known = id.is_some_and(|id| self.names.contains_key(id));
            // An id that reads like another account's name would be taken for it.
            let clear = id.is_none_or(|id| !taken.contains(&id.to_owned()));
            if known || principal == EVERYBODY || (others && clear) {
                written.entry(self.written(&principal)).or_default().extend(acls);
            }
        }
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bindings(principals: &[&str]) -> Bindings {
        principals.iter().map(|principal| ((*principal).to_owned(), BTreeSet::new())).collect()
    }

    fn names() -> Names {
        Names::new([("dev-billing", "sa-1"), ("sa-9", "sa-2")])
    }

    fn written(principals: &[&str], others: bool) -> Vec<String> {
        names().write(bindings(principals), others).unwrap().into_keys().collect()
    }

    #[test]
    fn accounts_are_known_by_name() {
        assert_eq!(written(&["User:sa-1", "User:*", "User:sa-77"], false), ["User:*", "User:dev-billing"]);
    }

    #[test]
    fn others_keep_their_id_if_it_is_nobodys_name() {
        let all = ["User:sa-1", "User:sa-2", "User:sa-9", "User:u-3", "Group:g"];
        assert_eq!(written(&all, true), ["Group:g", "User:dev-billing", "User:sa-9", "User:u-3"]);
    }

    #[test]
    fn numbers_are_an_error() {
        for others in [true, false] {
            let error = names().write(bindings(&["User:sa-1", "User:12345"]), others).unwrap_err();
            assert!(error.kind == ErrorKind::Unavailable && error.message.contains("`User:12345`"), "{error}");
        }
        assert!(names().write(bindings(&["User:", "User:1a", "Group:1"]), true).is_ok());
    }
}
