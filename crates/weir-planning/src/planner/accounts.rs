//! Service accounts, their bindings, and their rights before and after.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use weir_model::{Ensure, Kind, Operation, PatternType, Permission, Resource};

use super::{
    draft::{Draft, Owner},
    key_index::Keys,
    keys,
};
use crate::{
    AccessChange, Acl, Change, DesiredAccount, ObservedAccount, Principal, ReportKind, Risk,
    rights::{Rights, compare, rights_of},
};

static NO_ACLS: BTreeSet<Acl> = BTreeSet::new();
static NO_BINDINGS: BTreeMap<Acl, BTreeSet<Arc<str>>> = BTreeMap::new();

pub(super) fn plan(draft: &mut Draft<'_>, now: jiff::Timestamp) -> Vec<AccessChange> {
    let (desired, observed) = (draft.desired, draft.observed);
    let keys = Keys::new(observed);
    let mut access = Vec::new();
    let mut readers = None;
    for (name, account) in &desired.accounts {
        let owner = Owner::new(Kind::ServiceAccount, &account.entity, &account.team);
        let there = observed.accounts.get(name);
        match account.ensure {
            Ensure::Unmanaged => {}
            Ensure::Present => {
                present(draft, name, account, there, owner);
                access.extend(bindings(draft, name, &account.acls, owner, &mut readers));
                if !keys::are_unseen(draft, &keys, name, owner.team) {
                    keys::plan(draft, &keys, name, account, owner, now);
                }
            }
            Ensure::Absent => {
                let before = draft.steps.len();
                access.extend(bindings(draft, name, &NO_BINDINGS, owner, &mut readers));
                let unseen = keys::are_unseen(draft, &keys, name, owner.team);
                if !unseen {
                    keys::delete_all(draft, &keys, name, owner);
                }
                match there {
                    Some(there) => delete(draft, name, there, owner),
                    None if draft.steps.len() == before && !unseen => {
                        let message = format!(
                            "the service account is gone; the file of ServiceAccount/{} can be removed",
                            account.entity
                        );
                        draft.report(ReportKind::TombstoneDone, name, message);
                    }
                    None => {}
                }
            }
        }
    }
    for (name, there) in observed.accounts.iter().filter(|(name, _)| !desired.accounts.contains_key(*name)) {
        if !desired.owns.owns_account(name) {
            continue;
        }
        if desired.prune {
            access.extend(bindings(draft, name, &NO_BINDINGS, Owner::default(), &mut readers));
            if !keys::are_unseen(draft, &keys, name, None) {
                keys::delete_all(draft, &keys, name, Owner::default());
            }
            delete(draft, name, there, Owner::default());
        } else {
            draft.report(
                ReportKind::UnmanagedAccount,
                name,
                "no file declares the service account; declare it, or declare it with `ensure: absent` to have it deleted",
            );
        }
    }
    access.sort_by(|a, b| a.principal.cmp(&b.principal));
    access
}

fn present(
    draft: &mut Draft<'_>,
    name: &str,
    account: &DesiredAccount,
    there: Option<&ObservedAccount>,
    owner: Owner<'_>,
) {
    match there {
        None => {
            let change = Change::CreateAccount {
                account: name.to_owned(),
                description: account.description.clone().unwrap_or_default(),
            };
            draft.step(change, owner, Risk::Additive, Vec::new());
        }
        Some(there) => {
            if let Some(to) = account.description.as_ref().filter(|to| **to != there.description) {
                let change =
                    Change::UpdateAccount { account: name.to_owned(), from: there.description.clone(), to: to.clone() };
                draft.step(change, owner, Risk::Change, Vec::new());
            }
        }
    }
}

fn delete(draft: &mut Draft<'_>, name: &str, there: &ObservedAccount, owner: Owner<'_>) {
    let mut meaning = vec!["applications that log in as it stop working".to_owned()];
    if owner.entity.is_none() {
        meaning.push("no file declares the account, and the stage prunes".to_owned());
    }
    draft.step(Change::delete_account(name, there), owner, Risk::Destroy, meaning);
}

/// Creates and deletes the bindings of one account. Returns the change of its access if any binding changes.
fn bindings(
    draft: &mut Draft<'_>,
    name: &str,
    wanted: &BTreeMap<Acl, BTreeSet<Arc<str>>>,
    owner: Owner<'_>,
    readers: &mut Option<Readers>,
) -> Option<AccessChange> {
    let observed = draft.observed;
    let principal = Principal::of_account(name);
    let there = observed.acls.get(&principal).unwrap_or(&NO_ACLS);
    let (new, old) = difference(wanted, there);
    if new.is_empty() && old.is_empty() {
        return None;
    }
    let everybody = observed.acls.get(Principal::EVERYBODY).unwrap_or(&NO_ACLS);
    let before = Rights::new(there.iter().chain(everybody));
    let after = Rights::new(wanted.keys().chain(everybody));
    let (gains, loses) = {
        let changed = || new.iter().map(|(acl, _)| *acl).chain(old.iter().copied());
        if changed().any(|acl| acl.permission == Permission::Deny) {
            // A denial may narrow bindings that stay.
            compare(&before, &after, there.iter().chain(wanted.keys()))
        } else {
            compare(&before, &after, changed())
        }
    };
    for (acl, lists) in new {
        let lists: Vec<&str> = lists.iter().map(|list| &**list).collect();
        let owner = Owner { entity: lists.first().map(|list| (Kind::AccessControlList, *list)), ..owner };
        let (risk, mut meaning) = match acl.permission {
            Permission::Allow => (Risk::Additive, Vec::new()),
            Permission::Deny => {
                (Risk::Revoke, vec!["takes the right away, even if another binding gives it".to_owned()])
            }
        };
        if lists.len() > 1 {
            meaning.push(format!("asked for by {}", lists.join(", ")));
        }
        draft.step(Change::CreateAcl { principal: principal.clone(), acl: acl.clone() }, owner, risk, meaning);
    }
    for acl in old {
        let (risk, meaning) = match acl.permission {
            Permission::Deny => {
                (Risk::Change, vec!["removes a denial: rights from other bindings work again".to_owned()])
            }
            Permission::Allow if rights_of(acl).all(|right| !before.holds(&right) || after.holds(&right)) => {
                (Risk::Change, vec!["nothing is lost: other bindings of the account cover it".to_owned()])
            }
            Permission::Allow => (Risk::Revoke, delete_meaning(draft, acl, readers)),
        };
        draft.step(Change::DeleteAcl { principal: principal.clone(), acl: acl.clone() }, owner, risk, meaning);
    }
    Some(AccessChange { principal, gains, loses })
}

type Wanted<'a> = (&'a Acl, &'a BTreeSet<Arc<str>>);

/// Bindings to create and to delete: one walk over both sorted sets.
fn difference<'a>(
    wanted: &'a BTreeMap<Acl, BTreeSet<Arc<str>>>,
    there: &'a BTreeSet<Acl>,
) -> (Vec<Wanted<'a>>, Vec<&'a Acl>) {
    let (mut new, mut old) = (Vec::new(), Vec::new());
    let (mut wanted, mut there) = (wanted.iter().peekable(), there.iter().peekable());
    loop {
        let order = match (wanted.peek(), there.peek()) {
            (None, None) => return (new, old),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some((w, _)), Some(t)) => (*w).cmp(*t),
        };
        match order {
            std::cmp::Ordering::Less => new.extend(wanted.next()),
            std::cmp::Ordering::Greater => old.extend(there.next()),
            std::cmp::Ordering::Equal => {
                wanted.next();
                there.next();
            }
        }
    }
}

fn delete_meaning(draft: &Draft<'_>, acl: &Acl, readers: &mut Option<Readers>) -> Vec<String> {
    let reads = matches!(acl.operation, Operation::Read | Operation::All);
    if reads && acl.resource == Resource::Topic && acl.pattern == PatternType::Literal && &*acl.name != "*" {
        let readers = readers.get_or_insert_with(|| Readers::after(draft));
        if !readers.has(&acl.name) {
            return vec!["no account that weir knows reads the topic any more".to_owned()];
        }
    }
    Vec::new()
}

/// Which topics some account may read after the plan.
struct Readers {
    literal: BTreeSet<Box<str>>,
    prefixes: BTreeSet<Box<str>>,
}

impl Readers {
    fn after(draft: &Draft<'_>) -> Self {
        let (desired, observed) = (draft.desired, draft.observed);
        let mut readers = Self { literal: BTreeSet::new(), prefixes: BTreeSet::new() };
        let mut managed = BTreeSet::new();
        for (name, account) in &desired.accounts {
            if account.ensure != Ensure::Unmanaged {
                managed.insert(Principal::of_account(name));
                account.acls.keys().for_each(|acl| readers.add(acl));
            }
        }
        if desired.prune {
            managed
                .extend(observed.accounts.keys().filter(|a| desired.owns.owns_account(a)).map(Principal::of_account));
        }
        for (_, acls) in observed.acls.iter().filter(|(p, _)| !managed.contains(*p)) {
            acls.iter().for_each(|acl| readers.add(acl));
        }
        readers
    }

    fn add(&mut self, acl: &Acl) {
        let reads = matches!(acl.operation, Operation::Read | Operation::All) && acl.permission == Permission::Allow;
        if reads && acl.resource == Resource::Topic {
            match acl.pattern {
                PatternType::Literal => self.literal.insert(acl.name.clone()),
                PatternType::Prefixed => self.prefixes.insert(acl.name.clone()),
            };
        }
    }

    fn has(&self, topic: &str) -> bool {
        self.literal.contains("*")
            || self.literal.contains(topic)
            || (1..=topic.len()).filter_map(|end| topic.get(..end)).any(|prefix| self.prefixes.contains(prefix))
    }
}
