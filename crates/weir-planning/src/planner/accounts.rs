//! Service accounts, their bindings, and their rights before and after.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use weir_findings::count;
use weir_model::{Ensure, Kind, Operation, PatternType, Permission, Resource};

use super::{
    draft::{Draft, Owner},
    key_index::Keys,
    keys, left,
    origin::{self, Standing},
};
use crate::{
    AccessChange, Acl, Change, DesiredAccount, DesiredBinding, Object, Observed, ObservedAccount, Principal, Provider,
    ReportKind, Risk, Step, Withdrawal, is_reserved_description,
    rights::{Rights, compare, held, rights_of},
};

/// Confluent Cloud's limit for the description of a service account, in characters.
const CONFLUENT_DESCRIPTION: usize = 128;

static NO_ACLS: BTreeSet<Acl> = BTreeSet::new();

/// The bindings that the files ask for, and those that they no longer get.
#[derive(Clone, Copy)]
struct Bindings<'a> {
    wanted: &'a BTreeMap<Acl, DesiredBinding>,
    withdrawn: &'a BTreeMap<Acl, Withdrawal>,
}

static NOTHING_WANTED: BTreeMap<Acl, DesiredBinding> = BTreeMap::new();

impl Bindings<'static> {
    const NONE: Self = Self { wanted: &NOTHING_WANTED, withdrawn: &BTreeMap::new() };
}

pub(super) fn plan(draft: &mut Draft<'_>, now: jiff::Timestamp) {
    let (desired, observed) = (draft.desired, draft.observed);
    let keys = Keys::new(observed);
    let mut readers = None;
    for (name, account) in &desired.accounts {
        let owner = Owner::new(Kind::ServiceAccount, &account.entity, &account.team);
        let there = observed.accounts.get(name);
        if account.ensure == Ensure::Unmanaged {
            unmanaged(draft, &keys, name, (account, there), owner, &mut readers);
            continue;
        }
        if origin::is_protected(draft, name, owner) {
            left::withdrawn(draft, name, account);
            continue;
        }
        let standing = origin::account(draft, name);
        if let Standing::Foreign(origin) = &standing {
            left::withdrawn(draft, name, account);
            origin::refuse(draft, ("service account", "serviceAccounts"), name, account.ensure, origin, owner);
            continue;
        }
        let before = draft.steps.len();
        match account.ensure {
            Ensure::Unmanaged => {}
            Ensure::Present => {
                present(draft, name, account, there, owner);
                let wanted = Bindings { wanted: &account.acls, withdrawn: &account.withdrawn };
                bindings(draft, name, wanted, owner, &mut readers);
                if !keys::are_unseen(draft, &keys, name, owner.team) {
                    keys::plan(draft, &keys, name, account, owner, now);
                }
            }
            Ensure::Absent => {
                let none = Bindings { wanted: &NOTHING_WANTED, withdrawn: &account.withdrawn };
                bindings(draft, name, none, owner, &mut readers);
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
        if let Standing::Adopted(origin) = standing {
            adopt(draft, name, (account, there), owner, before, origin);
        }
    }
    for (name, there) in observed.accounts.iter().filter(|(name, _)| !desired.accounts.contains_key(*name)) {
        let owned = desired.owns.owns_account(name);
        let foreign = desired
            .protected_account(name, observed)
            .or_else(|| desired.foreign_account(name, observed).filter(|_| !desired.adopt.owns_account(name)));
        if owned && desired.prune && foreign.is_none() {
            let owner = Owner { entity: None, team: desired.owner(|team| &team.service_accounts, name) };
            bindings(draft, name, Bindings::NONE, owner, &mut readers);
            if !keys::are_unseen(draft, &keys, name, owner.team) {
                keys::delete_all(draft, &keys, name, owner);
            }
            delete(draft, name, there, owner);
        } else if left::undeclared(draft, &keys, name, there) {
        } else if let Some(why) = foreign.filter(|_| owned) {
            let message = format!("no file declares the service account, and weir leaves it: {why}");
            draft.report(ReportKind::UnmanagedAccount, name, message);
        } else if owned {
            draft.report(
                ReportKind::UnmanagedAccount,
                name,
                "no file declares the service account; declare it, or declare it with `ensure: absent` to have it deleted",
            );
        }
    }
    left::bindings(draft);
    left::keys(draft, &keys);
    left::secrets(draft, &keys);
}

/// Takes the withdrawn bindings of an unmanaged account away, if this stage made the account. All else stays as it is, and
/// is reported.
fn unmanaged(
    draft: &mut Draft<'_>,
    keys: &Keys<'_>,
    name: &str,
    (account, there): (&DesiredAccount, Option<&ObservedAccount>),
    owner: Owner<'_>,
    readers: &mut Option<Readers>,
) {
    let (desired, observed) = (draft.desired, draft.observed);
    let made_here = there.is_some_and(|there| there.maker == Some(desired.maker()));
    let revokes = made_here && desired.protected_account(name, observed).is_none();
    left::unmanaged(draft, keys, name, (account, there), revokes);
    if !revokes {
        left::withdrawn(draft, name, account);
        return;
    }
    let acls = observed.acls.get(&*Principal::of_account(name)).unwrap_or(&NO_ACLS);
    let kept = acls.iter().filter(|acl| !account.withdrawn.contains_key(acl));
    let kept = kept.map(|acl| (acl.clone(), DesiredBinding::own([]))).collect();
    bindings(draft, name, Bindings { wanted: &kept, withdrawn: &account.withdrawn }, owner, readers);
}

/// Puts the adoption of an account before the first step that touches it. Until there is one, the account stays
/// unmarked.
fn adopt(
    draft: &mut Draft<'_>,
    name: &str,
    (account, there): (&DesiredAccount, Option<&ObservedAccount>),
    owner: Owner<'_>,
    before: usize,
    origin: String,
) {
    match (account.ensure, there) {
        _ if draft.steps.len() == before => {}
        (Ensure::Present, Some(there)) => {
            let change = Change::AdoptAccount {
                account: name.to_owned(),
                from: there.maker.clone(),
                maker: draft.desired.maker(),
            };
            draft.step(change, owner, Risk::Change, vec![origin]);
        }
        // An account that is created or deleted has a step of its own.
        (Ensure::Present | Ensure::Absent | Ensure::Unmanaged, _) => {
            let step =
                draft.steps[before..].iter_mut().find(|step| matches!(step.change.about().object, Object::Account(_)));
            if let Some(step) = step {
                step.meaning.insert(0, origin);
            }
        }
    }
}

fn present(
    draft: &mut Draft<'_>,
    name: &str,
    account: &DesiredAccount,
    there: Option<&ObservedAccount>,
    owner: Owner<'_>,
) {
    let description = account.description.as_deref().unwrap_or_default();
    let signed = draft.desired.maker().sign(description);
    let too_long = signed.chars().count().saturating_sub(CONFLUENT_DESCRIPTION);
    let fault = if is_reserved_description(description) {
        Some(("ends like weir's own mark".to_owned(), "write another ending than `(weir: …)`".to_owned()))
    } else if draft.desired.provider == Provider::ConfluentCloud && too_long > 0 {
        let most = description.chars().count().saturating_sub(too_long);
        let message = format!("is {} too long for weir's mark beside it", count(too_long, "character"));
        Some((message, format!("use at most {most} characters")))
    } else {
        None
    };
    if let Some((fault, help)) = fault {
        let at = owner.route(draft.desired, &["metadata", "description"]);
        draft.error("account-mark", at, format!("the description of `{name}` {fault}"), help);
        return;
    }
    match there {
        None => {
            let change = Change::CreateAccount {
                account: name.to_owned(),
                description: account.description.clone().unwrap_or_default(),
                maker: draft.desired.maker(),
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

/// Creates and deletes the bindings of one account.
fn bindings(
    draft: &mut Draft<'_>,
    name: &str,
    Bindings { wanted, withdrawn }: Bindings<'_>,
    owner: Owner<'_>,
    readers: &mut Option<Readers>,
) {
    let observed = draft.observed;
    let principal = Principal::of_account(name);
    let there = observed.acls.get(&principal).unwrap_or(&NO_ACLS);
    let (new, old) = difference(wanted, there);
    if new.is_empty() && old.is_empty() {
        return;
    }
    let everybody = observed.acls.get(Principal::EVERYBODY).unwrap_or(&NO_ACLS);
    let before = Rights::new(there.iter().chain(everybody));
    let after = Rights::new(wanted.keys().chain(everybody));
    let of_everybody = Rights::new(everybody);
    for (acl, binding) in new {
        let lists: Vec<&str> = binding.lists.iter().map(|list| &**list).collect();
        let owner = Owner { entity: lists.first().map(|list| (Kind::AccessControlList, *list)), ..owner };
        let (risk, mut meaning) = match acl.permission {
            Permission::Allow if rights_of(acl).any(|right| of_everybody.denies(&right)) => {
                let void = "has no effect as long as bindings of `User:*` deny it to every user";
                (Risk::of(binding.reach), vec![void.to_owned()])
            }
            Permission::Allow if rights_of(acl).all(|right| of_everybody.holds(&right)) => {
                let void = "changes nothing now: every user has the right, by bindings of `User:*`";
                (Risk::of(binding.reach), vec![void.to_owned()])
            }
            Permission::Allow => (Risk::of(binding.reach), Vec::new()),
            Permission::Deny => {
                let taken = match rights_of(acl).all(|right| of_everybody.denies(&right)) {
                    true => "changes nothing now: bindings of `User:*` deny it to every user",
                    false => "takes the right away, even if another binding gives it",
                };
                (Risk::Revoke.max(Risk::of(binding.reach)), vec![taken.to_owned()])
            }
        };
        if lists.len() > 1 {
            meaning.push(format!("asked for by {}", lists.join(", ")));
        }
        draft.step(Change::CreateAcl { principal: principal.clone(), acl: acl.clone() }, owner, risk, meaning);
    }
    for acl in old {
        let (risk, mut meaning) = match acl.permission {
            Permission::Deny => {
                let back = match rights_of(acl).all(|right| of_everybody.denies(&right)) {
                    true => "removes a denial, and changes nothing: bindings of `User:*` deny it to every user",
                    false => "removes a denial: rights from other bindings work again",
                };
                // Without the denial, the principal has rights that it had not: the deletion is like a grant.
                (Risk::of(draft.desired.reach(owner.team.unwrap_or_default(), acl)), vec![back.to_owned()])
            }
            Permission::Allow if rights_of(acl).all(|right| of_everybody.holds(&right) && after.holds(&right)) => {
                let void = "takes nothing away: every user has the right, by bindings of `User:*`";
                (Risk::Change, vec![void.to_owned()])
            }
            Permission::Allow if rights_of(acl).all(|right| !before.holds(&right) || after.holds(&right)) => {
                (Risk::Change, vec!["nothing is lost: other bindings of the account cover it".to_owned()])
            }
            Permission::Allow => (Risk::Revoke, delete_meaning(draft, acl, readers)),
        };
        meaning.extend(withdrawn.get(acl).map(|withdrawal| withdrawal.why.clone()));
        draft.step(Change::DeleteAcl { principal: principal.clone(), acl: acl.clone() }, owner, risk, meaning);
    }
}

/// Returns the rights of each principal before and after `steps`.
pub(super) fn access_of(observed: &Observed, steps: &[Step]) -> Vec<AccessChange> {
    let mut changed = BTreeMap::<&Principal, Vec<&Acl>>::new();
    for step in steps {
        if let Object::Acl { principal, acl } = step.change.about().object {
            changed.entry(principal).or_default().push(acl);
        }
    }
    let of = |principal: &str| observed.acls.get(principal).unwrap_or(&NO_ACLS);
    let everybody = of(Principal::EVERYBODY);
    let of_everybody = Rights::new(everybody);
    let access = changed.into_par_iter().map(|(principal, changed)| {
        let there = of(principal);
        let is_changed: BTreeSet<&Acl> = changed.iter().copied().collect();
        let created = changed.iter().copied().filter(|acl| !there.contains(*acl));
        let wanted: Vec<&Acl> = there.iter().filter(|acl| !is_changed.contains(acl)).chain(created).collect();
        let before = Rights::new(there.iter().chain(everybody));
        let after = Rights::new(wanted.iter().copied().chain(everybody));
        // Rights that every user has before and after: the steps about them change nothing.
        let allowed = changed.iter().copied().filter(|acl| acl.permission == Permission::Allow);
        let by_everybody = held(&of_everybody, allowed);
        let (gains, loses) = if changed.iter().any(|acl| acl.permission == Permission::Deny) {
            // A denial may narrow bindings that stay.
            compare(&before, &after, there.iter().chain(wanted))
        } else {
            compare(&before, &after, changed)
        };
        AccessChange { principal: principal.clone(), gains, loses, everybody: by_everybody }
    });
    access.collect()
}

type Wanted<'a> = (&'a Acl, &'a DesiredBinding);

/// Bindings to create and to delete: one walk over both sorted sets.
fn difference<'a>(
    wanted: &'a BTreeMap<Acl, DesiredBinding>,
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
        for (principal, acls) in observed.acls.iter().filter(|(p, _)| !managed.contains(*p)) {
            let account = principal.user().and_then(|name| desired.accounts.get(name));
            let withdrawn = |acl: &&Acl| account.is_some_and(|account| account.withdrawn.contains_key(*acl));
            acls.iter().filter(|acl| !withdrawn(acl)).for_each(|acl| readers.add(acl));
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
