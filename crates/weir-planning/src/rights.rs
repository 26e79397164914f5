//! Effective access: the rights that a set of bindings gives a principal.
//!
//! Follows Kafka's authoriser: a matching DENY wins over any ALLOW; Read, Write, Delete and Alter imply Describe,
//! AlterConfigs implies DescribeConfigs, and only an ALLOW implies.

use std::collections::{BTreeMap, BTreeSet};

use weir_model::{Operation, PatternType, Permission, Resource};

use crate::{Acl, Host, acl::target};

/// One thing a principal may be able to do: an operation on everything a pattern covers, from a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Right<'a> {
    resource: Resource,
    pattern: PatternType,
    name: &'a str,
    host: &'a Host,
    operation: Operation,
}

/// A set of bindings, arranged to be asked. One name may have bindings for thousands of hosts.
pub(crate) struct Rights<'a> {
    by_target: BTreeMap<(Resource, PatternType, &'a str, &'a Host), Vec<&'a Acl>>,
    prefix_lengths: BTreeSet<(Resource, usize)>,
}

impl<'a> Rights<'a> {
    pub(crate) fn new(acls: impl IntoIterator<Item = &'a Acl>) -> Self {
        let mut by_target = BTreeMap::<_, Vec<_>>::new();
        let mut prefix_lengths = BTreeSet::new();
        for acl in acls {
            if acl.pattern == PatternType::Prefixed {
                prefix_lengths.insert((acl.resource, acl.name.len()));
            }
            by_target.entry((acl.resource, acl.pattern, &*acl.name, &acl.host)).or_default().push(acl);
        }
        Self { by_target, prefix_lengths }
    }

    /// Returns `true` if the right holds for everything its pattern covers.
    pub(crate) fn holds(&self, right: &Right<'_>) -> bool {
        let mut allowed = false;
        for acl in self.covering(right) {
            match acl.permission {
                Permission::Deny if matches_denied(acl.operation, right.operation) => return false,
                Permission::Allow if implies(acl.operation, right.operation) => allowed = true,
                Permission::Deny | Permission::Allow => {}
            }
        }
        allowed
    }

    /// Returns `true` if the right is denied for everything its pattern covers, whatever allows it.
    pub(crate) fn denies(&self, right: &Right<'_>) -> bool {
        self.covering(right)
            .any(|acl| acl.permission == Permission::Deny && matches_denied(acl.operation, right.operation))
    }

    /// Returns the bindings for all names and hosts of the right.
    fn covering<'s>(&'s self, right: &'s Right<'_>) -> impl Iterator<Item = &'a Acl> + 's {
        let own = Some(right.host).filter(|host| **host != Host::Any);
        let at = move |pattern, name: &'s str| {
            let hosts = std::iter::once(&Host::Any).chain(own);
            hosts.filter_map(move |host| self.by_target.get(&(right.resource, pattern, name, host))).flatten()
        };
        let literal = (right.pattern == PatternType::Literal && right.name != "*").then_some(right.name);
        let prefixes = self
            .prefix_lengths
            .range((right.resource, 0)..=(right.resource, right.name.len()))
            .filter_map(|(_, length)| right.name.get(..*length));
        literal
            .into_iter()
            .chain(["*"])
            .flat_map(move |name| at(PatternType::Literal, name))
            .chain(prefixes.flat_map(move |name| at(PatternType::Prefixed, name)))
            .copied()
    }
}

/// Returns `true` if ALLOW `granted` gives `wanted`.
fn implies(granted: Operation, wanted: Operation) -> bool {
    use Operation as O;
    granted == wanted
        || granted == O::All
        || (wanted == O::Describe && matches!(granted, O::Read | O::Write | O::Delete | O::Alter))
        || (wanted == O::DescribeConfigs && granted == O::AlterConfigs)
}

/// Returns `true` if DENY `denied` takes `wanted`.
fn matches_denied(denied: Operation, wanted: Operation) -> bool {
    denied == wanted || denied == Operation::All
}

/// Kafka's operations of a resource (`AclEntry.supportedOperations`).
fn operations_of(resource: Resource) -> &'static [Operation] {
    use Operation as O;
    match resource {
        Resource::Topic => {
            &[O::Read, O::Write, O::Create, O::Delete, O::Alter, O::Describe, O::DescribeConfigs, O::AlterConfigs]
        }
        Resource::Group => &[O::Read, O::Delete, O::Describe, O::DescribeConfigs, O::AlterConfigs],
        Resource::Cluster => &[
            O::Create,
            O::Alter,
            O::Describe,
            O::ClusterAction,
            O::DescribeConfigs,
            O::AlterConfigs,
            O::IdempotentWrite,
        ],
        Resource::TransactionalId => &[O::Write, O::Describe],
        Resource::DelegationToken => &[O::Describe],
    }
}

/// The rights a binding is about.
pub(crate) fn rights_of(acl: &Acl) -> impl Iterator<Item = Right<'_>> {
    let about = move |operation: &Operation| match acl.permission {
        Permission::Allow => implies(acl.operation, *operation),
        Permission::Deny => matches_denied(acl.operation, *operation),
    };
    let all = operations_of(acl.resource);
    // An operation that Kafka does not have for the resource is shown as it is written.
    let odd = (acl.operation != Operation::All && !all.contains(&acl.operation)).then_some(acl.operation);
    all.iter().filter(move |o| about(o)).copied().chain(odd).map(move |operation| Right {
        resource: acl.resource,
        pattern: acl.pattern,
        name: &acl.name,
        host: &acl.host,
        operation,
    })
}

/// Which rights among those that `candidates` are about are gained and lost, as sentences.
pub(crate) fn compare<'a>(
    before: &Rights<'_>,
    after: &Rights<'_>,
    candidates: impl IntoIterator<Item = &'a Acl>,
) -> (Vec<String>, Vec<String>) {
    let (mut gained, mut lost) = (BTreeSet::new(), BTreeSet::new());
    for right in candidates.into_iter().flat_map(rights_of) {
        match (before.holds(&right), after.holds(&right)) {
            (false, true) => gained.insert(right),
            (true, false) => lost.insert(right),
            _ => false,
        };
    }
    (sentences(&gained), sentences(&lost))
}

/// Returns the rights among those that `candidates` are about that hold, as sentences.
pub(crate) fn held<'a>(rights: &Rights<'_>, candidates: impl IntoIterator<Item = &'a Acl>) -> Vec<String> {
    sentences(&candidates.into_iter().flat_map(rights_of).filter(|right| rights.holds(right)).collect())
}

/// One sentence for each target; operations that another one implies are not said.
fn sentences(rights: &BTreeSet<Right<'_>>) -> Vec<String> {
    let mut by_target = BTreeMap::<_, Vec<Operation>>::new();
    for Right { resource, pattern, name, host, operation } in rights {
        by_target.entry((*resource, *pattern, *name, *host)).or_default().push(*operation);
    }
    by_target
        .into_iter()
        .map(|((resource, pattern, name, host), operations)| {
            let all = operations_of(resource);
            let said: Vec<_> = operations
                .iter()
                .filter(|o| !operations.iter().any(|other| other != *o && implies(*other, **o)))
                .map(|o| o.as_str())
                .collect();
            let everything = said.len() > 2 && all.iter().all(|o| operations.contains(o));
            let words = if everything { "All".to_owned() } else { said.join(", ") };
            let mut sentence = format!("{words} {}", target(resource, pattern, name));
            if let Host::Address(address) = host {
                sentence.push_str(&format!(" from {address}"));
            }
            sentence
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acl(text: &str) -> Acl {
        let mut words = text.split(' ');
        let permission = if words.next() == Some("deny") { Permission::Deny } else { Permission::Allow };
        let operation = serde_json::from_value(words.next().unwrap().into()).unwrap();
        let name = words.next().unwrap();
        let (pattern, name) = match name.strip_suffix('*') {
            Some(name) if !name.is_empty() => (PatternType::Prefixed, name),
            _ => (PatternType::Literal, name),
        };
        let host = words.next().map_or(Host::Any, Host::from);
        Acl { resource: Resource::Topic, pattern, name: name.into(), operation, permission, host }
    }

    fn compare_texts(before: &[&str], after: &[&str]) -> (Vec<String>, Vec<String>) {
        let before: BTreeSet<_> = before.iter().map(|t| acl(t)).collect();
        let after: BTreeSet<_> = after.iter().map(|t| acl(t)).collect();
        compare(&Rights::new(&before), &Rights::new(&after), before.union(&after))
    }

    #[test]
    fn a_prefixed_binding_covers_a_literal_one() {
        let both = compare_texts(&["allow Read a.b", "allow Read a.*"], &["allow Read a.*"]);
        assert_eq!(both, (vec![], vec![]));
    }

    #[test]
    fn implied_rights_are_kept_and_not_repeated() {
        let (gained, lost) = compare_texts(&["allow Read t", "allow Write t"], &["allow Write t"]);
        assert_eq!((gained, lost), (vec![], vec!["Read topic t".to_owned()]));
        let (gained, _) = compare_texts(&[], &["allow AlterConfigs t", "allow Alter t"]);
        assert_eq!(gained, ["Alter, AlterConfigs topic t"]);
    }

    #[test]
    fn a_denial_takes_a_right_whatever_allows_it() {
        let (_, lost) = compare_texts(&["allow All a.*"], &["allow All a.*", "deny Write a.b"]);
        assert_eq!(lost, ["Write topic a.b"]);
        let (_, lost) = compare_texts(&["allow Write a.b"], &["allow Write a.b", "deny Write a.*"]);
        assert_eq!(lost, ["Write topic a.b"]);
        // Kafka: denying Read leaves the Describe that Read implies.
        let (gained, lost) = compare_texts(&["allow Read t"], &["allow Read t", "deny Read t"]);
        assert_eq!((gained, lost), (vec![], vec!["Read topic t".to_owned()]));
    }

    #[test]
    fn hosts_and_wildcards_cover() {
        let (_, lost) = compare_texts(&["allow Read t 10.0.0.1", "allow Read *"], &["allow Read *"]);
        assert!(lost.is_empty());
        let (gained, lost) = compare_texts(&["allow Read t"], &["allow Read t 10.0.0.1"]);
        assert_eq!((gained, lost), (vec![], vec!["Read topic t".to_owned()]));
    }

    #[test]
    fn a_right_is_compared_with_bindings_for_its_own_host_alone() {
        let many: Vec<Acl> = (0..1000).map(|n| acl(&format!("allow Read t 10.0.{}.{}", n / 250, n % 250))).collect();
        let rights = Rights::new(&many);
        for right in many.iter().flat_map(rights_of) {
            assert!(rights.holds(&right) && rights.covering(&right).count() == 1, "{right:?}");
        }
    }

    #[test]
    fn all_is_said_as_all() {
        assert_eq!(compare_texts(&[], &["allow All a.*"]).0, ["All topics that begin with a."]);
    }
}
