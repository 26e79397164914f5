//! From ACL bindings back to grants and rules.

use std::collections::{BTreeMap, BTreeSet};

use weir_model::{Grant, Operation, PatternType, Permission, Resource, Rule};
use weir_planning::{Acl, Host};

use crate::names::Names;

/// The reason that is written into rules that are wider than necessary.
const REASON: &str = "as it was when the cluster was imported";

/// Kafka's limit for names of groups and transactional ids in grants.
const LONGEST: usize = 249;

/// The grants and rules of an account in a stage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Folded {
    pub(crate) allow: Vec<Grant>,
    pub(crate) rules: Vec<Rule>,
}

/// The topics that a grant may name.
pub(crate) trait Topics {
    /// Returns `true` if a topic of that logical name is declared.
    fn is_declared(&self, name: &str) -> bool;
    /// Returns `true` if a topic whose name begins so is declared.
    fn begins(&self, beginning: &str) -> bool;
}

/// A binding's target in the words of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Target {
    resource: Resource,
    /// Absent for the cluster.
    name: Option<String>,
    pattern: PatternType,
    permission: Permission,
    host: Option<String>,
}

/// Names that the account may use in grants, by resource.
#[derive(Default)]
struct Granted {
    produce: BTreeSet<String>,
    consume: BTreeSet<String>,
    groups: BTreeSet<String>,
    ids: BTreeSet<String>,
}

/// Returns the grants and rules for the bindings of an account in a stage.
///
/// They expand to exactly these bindings: a grant is used only where its own binding exists, and every other binding
/// becomes a raw rule.
///
/// # Errors
/// A sentence about the first binding that no file of the stage can declare.
pub(crate) fn fold(names: &Names<'_>, acls: &BTreeSet<Acl>, topics: &impl Topics) -> Result<Folded, String> {
    let mut granted = Granted::default();
    let mut rules = BTreeMap::<Target, BTreeSet<Operation>>::new();
    for acl in acls {
        let target = target(names, acl)?;
        if !grant(names, acl, &target, topics, &mut granted) {
            rules.entry(target).or_default().insert(acl.operation);
        }
    }
    let mut allow = Vec::new();
    let consume = |topic: &String, group: Option<&String>| Grant {
        consume: Some(topic.clone()),
        group: group.cloned(),
        ..Grant::default()
    };
    let produce = |topic: &String, id: Option<&String>| Grant {
        produce: Some(topic.clone()),
        transactional_id: id.cloned(),
        ..Grant::default()
    };
    let group = (Resource::Group, Operation::Read);
    pair(&granted.consume, &granted.groups, consume, group, &mut allow, &mut rules);
    let id = (Resource::TransactionalId, Operation::Write);
    pair(&granted.produce, &granted.ids, produce, id, &mut allow, &mut rules);
    Ok(Folded { allow, rules: rules.into_iter().map(|(target, operations)| rule(names, target, operations)).collect() })
}

/// Writes grants for topics with their groups and transactional ids, where these are unambiguous; else raw rules.
fn pair(
    topics: &BTreeSet<String>,
    companions: &BTreeSet<String>,
    grant: impl Fn(&String, Option<&String>) -> Grant,
    (resource, operation): (Resource, Operation),
    allow: &mut Vec<Grant>,
    rules: &mut BTreeMap<Target, BTreeSet<Operation>>,
) {
    let plain = companions.len() == 1 || (topics.len() == 1 && !companions.is_empty());
    if plain && !topics.is_empty() {
        allow.extend(topics.iter().flat_map(|topic| companions.iter().map(|with| grant(topic, Some(with)))));
        return;
    }
    allow.extend(topics.iter().map(|topic| grant(topic, None)));
    for name in companions {
        let (name, pattern) = match name.strip_suffix('*') {
            Some(beginning) if !beginning.is_empty() => (beginning.to_owned(), PatternType::Prefixed),
            _ => (name.clone(), PatternType::Literal),
        };
        let target = Target { resource, name: Some(name), pattern, permission: Permission::Allow, host: None };
        rules.entry(target).or_default().insert(operation);
    }
}

/// Returns the target of a binding in the words of a file of the stage.
fn target(names: &Names<'_>, acl: &Acl) -> Result<Target, String> {
    let Acl { resource, pattern, name, operation: _, permission, host } = acl;
    let prefix = names.prefix(*resource);
    let (name, pattern) = match (resource, pattern, prefix) {
        (Resource::Cluster, PatternType::Literal, _) if &**name == Acl::CLUSTER_NAME => (None, PatternType::Literal),
        (Resource::Cluster, ..) => return Err(format!("`{acl}` is about another cluster")),
        (_, PatternType::Literal, "") if &**name == "*" => (Some("*"), PatternType::Literal),
        // Every name of the stage.
        (_, PatternType::Prefixed, prefix) if !prefix.is_empty() && &**name == prefix => {
            (Some("*"), PatternType::Literal)
        }
        (_, pattern, prefix) => match name.strip_prefix(prefix) {
            Some("") => return Err(format!("`{acl}` names nothing")),
            // In a file, this would mean every name.
            Some("*") if *pattern == PatternType::Literal => {
                return Err(format!("`{acl}` has `*` behind the prefix of the stage, where it is a letter to Kafka"));
            }
            Some(logical) => (Some(logical), *pattern),
            None => return Err(format!("`{acl}` is outside of the stage, whose prefix is `{prefix}`")),
        },
    };
    let host = match host {
        Host::Any => None,
        Host::Address(address) => Some(address.to_string()),
    };
    Ok(Target { resource: *resource, name: name.map(str::to_owned), pattern, permission: *permission, host })
}

/// Notes the binding as (part of) a grant, if it can be one.
fn grant(names: &Names<'_>, acl: &Acl, target: &Target, topics: &impl Topics, granted: &mut Granted) -> bool {
    let Target { resource, name: Some(name), pattern, permission: Permission::Allow, host: None } = target else {
        return false;
    };
    let every = *pattern == PatternType::Literal && name == "*";
    if (name.contains('*') && !every) || (every && names.prefix(*resource).is_empty()) {
        return false;
    }
    let written = if *pattern == PatternType::Prefixed { format!("{name}*") } else { name.clone() };
    let plain = written.len() <= LONGEST && !written.chars().any(|c| c.is_whitespace() || c.is_control());
    let to = match (resource, acl.operation) {
        (Resource::Topic, Operation::Read | Operation::Write) => {
            let known = match pattern {
                _ if every => true,
                PatternType::Literal => topics.is_declared(name),
                PatternType::Prefixed => topics.begins(name),
            };
            if !known {
                return false;
            }
            if acl.operation == Operation::Read { &mut granted.consume } else { &mut granted.produce }
        }
        (Resource::Group, Operation::Read) if plain => &mut granted.groups,
        (Resource::TransactionalId, Operation::Write) if plain => &mut granted.ids,
        _ => return false,
    };
    to.insert(written);
    true
}

fn rule(names: &Names<'_>, target: Target, operations: BTreeSet<Operation>) -> Rule {
    let Target { resource, name, pattern, permission, host } = target;
    let wide = name.as_deref().is_some_and(|name| {
        let every = name == "*" && pattern == PatternType::Literal;
        let open = every && permission == Permission::Allow && names.prefix(resource).is_empty();
        open || (name.contains('*') && !every)
    });
    let reason = wide.then(|| REASON.to_owned());
    Rule {
        resource,
        name,
        pattern,
        operations: operations.into_iter().collect(),
        permission,
        host,
        reason,
        until: None,
    }
}
