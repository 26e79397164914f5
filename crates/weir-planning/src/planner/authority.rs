//! The head of a plan: everything that moves authority, as far as files and observed state tell.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use weir_findings::count;
use weir_model::{Date, Ensure, EntityRef, Kind, Permission};
use weir_ownership::Reach;

use crate::{
    Acl, AuthorityItem, AuthorityKind, Change, Desired, DesiredAccount, DesiredBinding, KeyMarker, Object, Observed,
    ObservedSecret, Principal, SecretRef, Step, Withdrawal, render::binding as words,
};

/// Returns the items of the head, sorted.
pub(super) fn of(desired: &Desired, observed: &Observed, steps: &[Step], now: Timestamp) -> Vec<AuthorityItem> {
    let head = Head { desired, observed };
    let mut items = of_steps(desired, observed, steps);
    items.extend(head.withdrawn_own(steps));
    items.extend(head.owners());
    items.extend(head.ends(now));
    items.sort();
    items.dedup();
    items
}

/// Returns the items that hold because of `steps`. No item counts the steps, so that a part of the steps never has an
/// item that the whole does not have.
pub(crate) fn of_steps<'s>(
    desired: &Desired,
    observed: &Observed,
    steps: impl IntoIterator<Item = &'s Step>,
) -> Vec<AuthorityItem> {
    let head = Head { desired, observed };
    let steps: Vec<&Step> = steps.into_iter().collect();
    let mut items: Vec<_> = steps.iter().filter_map(|step| head.of_step(step)).collect();
    items.extend(head.adoptions(&steps));
    items.extend(head.vaults(&steps));
    items
}

struct Head<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
}

impl<'a> Head<'a> {
    fn item(&self, kind: AuthorityKind, team: &str, object: &str, entity: EntityRef, message: String) -> AuthorityItem {
        let (file, entity) = (self.desired.files.get(&entity).cloned(), Some(entity));
        AuthorityItem { team: Some(team.to_owned()), entity, file, ..self.undeclared(kind, object, message) }
    }

    /// Returns an item about an object that no file declares.
    fn undeclared(&self, kind: AuthorityKind, object: &str, message: String) -> AuthorityItem {
        let object = object.to_owned();
        AuthorityItem { kind, team: None, object, message, until: None, entity: None, file: None, step: None }
    }

    fn account(&self, principal: &Principal) -> Option<&'a DesiredAccount> {
        self.desired.accounts.get(principal.user()?)
    }

    /// Returns the item of a step that gives a right beyond the own names, or takes one that has ended.
    fn of_step(&self, step: &Step) -> Option<AuthorityItem> {
        let item = match &step.change {
            Change::CreateAcl { principal, acl } => {
                let account = self.account(principal)?;
                self.right(principal, acl, account, account.acls.get(acl)?)?
            }
            Change::DeleteAcl { principal, acl } => self.deletion(principal, acl)?,
            Change::AdoptAccount { .. }
            | Change::CreateAccount { .. }
            | Change::UpdateAccount { .. }
            | Change::CreateTopic { .. }
            | Change::AddPartitions { .. }
            | Change::ChangeReplicationFactor { .. }
            | Change::AlterConfig { .. }
            | Change::CreateKey { .. }
            | Change::DeleteTopic { .. }
            | Change::DeleteKey { .. }
            | Change::DeleteAccount { .. } => return None,
        };
        Some(AuthorityItem { step: Some(step.id.clone()), ..item })
    }

    /// Returns the item of a binding that is deleted: a denial that held rights back, or a right that has ended.
    fn deletion(&self, principal: &Principal, acl: &Acl) -> Option<AuthorityItem> {
        let account = self.account(principal);
        let why = account.and_then(|account| account.withdrawn.get(acl)).map(|withdrawal| &withdrawal.why);
        let reach = self.desired.reach(account.map_or("", |account| &account.team), acl);
        let kind = kind_of(reach)?;
        let said = words(principal, acl);
        let (kind, message) = match (acl.permission, why) {
            (Permission::Deny, _) => {
                let why = why.map(|why| format!(": {why}")).unwrap_or_default();
                (kind, format!("the plan removes “{said}”, so that rights which other bindings give work again{why}"))
            }
            (Permission::Allow, Some(why)) => (AuthorityKind::Withdrawn, format!("the plan revokes “{said}”: {why}")),
            (Permission::Allow, None) => return None,
        };
        Some(match account {
            Some(account) => {
                let entity = EntityRef::new(Kind::ServiceAccount, &*account.entity);
                self.item(kind, &account.team, principal, entity, message)
            }
            None => self.undeclared(kind, principal, message),
        })
    }

    /// Returns the rights on own names that the plan revokes because they have ended: one item for each account and
    /// reason.
    fn withdrawn_own(&self, steps: &[Step]) -> Vec<AuthorityItem> {
        let mut ended = BTreeMap::<(&Principal, &str), Vec<&Acl>>::new();
        for step in steps {
            let Change::DeleteAcl { principal, acl } = &step.change else { continue };
            let Some(account) = self.account(principal) else { continue };
            let Some(Withdrawal { why, .. }) = account.withdrawn.get(acl) else { continue };
            if self.desired.reach(&account.team, acl) == Reach::Own {
                ended.entry((principal, why)).or_default().push(acl);
            }
        }
        let item = |((principal, why), acls): ((&Principal, &str), Vec<&Acl>)| {
            let account = self.account(principal)?;
            let entity = EntityRef::new(Kind::ServiceAccount, &*account.entity);
            let message = format!("the plan revokes {}: {why}", own(principal, &acls));
            Some(self.item(AuthorityKind::Withdrawn, &account.team, principal, entity, message))
        };
        ended.into_iter().filter_map(item).collect()
    }

    fn right(
        &self,
        principal: &Principal,
        acl: &Acl,
        account: &DesiredAccount,
        binding: &DesiredBinding,
    ) -> Option<AuthorityItem> {
        let kind = kind_of(binding.reach)?;
        let why = match binding.reach {
            Reach::Own | Reach::Consented => consents(binding),
            Reach::PlatformWide => "no team consents but the platform team".to_owned(),
            Reach::Escalation => "an account with this right can change rights or act as another account".to_owned(),
        };
        let message = format!("{}; {why}", words(principal, acl));
        let item = self.item(kind, &account.team, principal, list_of(account, binding), message);
        Some(AuthorityItem { until: binding.until, ..item })
    }

    /// Returns the objects that the plan changes or deletes, and that this workspace did not make.
    fn adoptions(&self, steps: &[&Step]) -> Vec<AuthorityItem> {
        let Self { desired, observed } = self;
        let mut objects = BTreeSet::new();
        for object in steps.iter().map(|step| step.change.about().object) {
            match (object, object.account()) {
                (_, Some(name)) => _ = objects.insert((Kind::ServiceAccount, name)),
                (Object::Topic(name), _) if desired.adopt.owns_topic(name) && observed.topics.contains_key(name) => {
                    _ = objects.insert((Kind::Topic, name))
                }
                _ => {}
            }
        }
        let kind = AuthorityKind::Adoption;
        let of_topic = |name: &str| match desired.topics.get(name) {
            Some(topic) => {
                let message = format!("the plan takes over topic {name}: it {}", desired.foreign_topic(name)?);
                Some(self.item(kind, &topic.team, name, EntityRef::new(Kind::Topic, &*topic.entity), message))
            }
            None => {
                let why = "no file declares it, and `adopt` names it as not made by this workspace";
                Some(self.undeclared(kind, name, format!("the plan deletes topic {name}: {why}")))
            }
        };
        let of_account = |name: &str| {
            let origin = desired.foreign_account(name, observed)?;
            let Some(account) = desired.accounts.get(name) else {
                let message = format!("the plan deletes service account {name}, which no file declares: it {origin}");
                return Some(self.undeclared(kind, name, message));
            };
            let entity = EntityRef::new(Kind::ServiceAccount, &*account.entity);
            let message = format!("the plan takes over service account {name}: it {origin}");
            Some(self.item(kind, &account.team, name, entity, message))
        };
        let adopted = objects.into_iter().filter_map(|(kind, name)| match kind {
            Kind::Topic => of_topic(name),
            _ => of_account(name),
        });
        adopted.collect()
    }

    /// Returns the service accounts whose secrets carry the name of another team.
    fn owners(&self) -> Vec<AuthorityItem> {
        let Self { desired, observed } = self;
        let mut items = BTreeMap::new();
        for secret in observed.secrets.values().filter(|secret| secret.is_of_its_account()) {
            let tag = |name| secret.tags.get(name).map(String::as_str);
            let (Some(name), Some(team)) = (tag(ObservedSecret::TAG_ACCOUNT), tag(ObservedSecret::TAG_TEAM)) else {
                continue;
            };
            let Some(account) = desired.accounts.get(name).filter(|account| account.team != team) else { continue };
            if tag(ObservedSecret::TAG_STAGE) != Some(&desired.stage) || account.ensure == Ensure::Unmanaged {
                continue;
            }
            let message = format!(
                "service account {name} belongs to team {} now; by the tags of its secrets it belonged to team {team}",
                account.team
            );
            let entity = EntityRef::new(Kind::ServiceAccount, &*account.entity);
            let item = || self.item(AuthorityKind::Owner, &account.team, name, entity, message);
            items.entry((name, team)).or_insert_with(item);
        }
        items.into_values().collect()
    }

    /// Returns the vaults in which the plan stores keys of a team for the first time, and the accounts whose keys go to
    /// another vault than before.
    fn vaults(&self, steps: &[&Step]) -> Vec<AuthorityItem> {
        let Self { desired, observed } = self;
        let mut known = BTreeSet::new();
        for secret in observed.secrets.values().filter(|secret| secret.is_of_its_account()) {
            known.extend(
                secret.tags.get(ObservedSecret::TAG_TEAM).map(|team| (team.as_str(), secret.at.vault.as_str())),
            );
        }
        let mut marks = BTreeMap::<_, Vec<_>>::new();
        for key in observed.keys.values() {
            if let Some(mark) = key.marker.as_ref().and_then(|mark| mark.parse::<KeyMarker>().ok()) {
                marks.entry(key.account.as_str()).or_default().push(mark);
            }
        }
        let mut first = BTreeSet::new();
        let mut items = Vec::new();
        for step in steps {
            let Change::CreateKey { account: name, slot, secret, .. } = &step.change else { continue };
            let Some(account) = desired.accounts.get(name) else { continue };
            let of_slot = |mark: &&KeyMarker| mark.maker == desired.maker() && mark.slot == *slot;
            let marks: Vec<_> = marks.get(name.as_str()).into_iter().flatten().filter(of_slot).collect();
            if !marks.is_empty() && !marks.iter().any(|mark| mark.is_for(secret)) {
                let entity = EntityRef::new(Kind::ServiceAccount, &*account.entity);
                let message = format!("API key {name}/{slot} goes to {secret}; its keys so far went to another place");
                let item = self.item(AuthorityKind::Vault, &account.team, name, entity, message);
                items.push(AuthorityItem { step: Some(step.id.clone()), ..item });
            }
            let SecretRef { vault, .. } = secret;
            if !known.contains(&(account.team.as_str(), vault.as_str())) {
                first.insert((&account.team, vault));
            }
        }
        items.extend(first.into_iter().map(|(team, vault)| {
            let message = format!("weir stores API keys in vault {vault}, where it sees none of the team so far");
            self.item(AuthorityKind::Vault, team, vault, EntityRef::new(Kind::Team, &**team), message)
        }));
        items
    }

    /// Returns the rights that end soon: one item for each right beyond the own names, and one for all rights of an
    /// account on own names that end on the same day.
    fn ends(&self, now: Timestamp) -> Vec<AuthorityItem> {
        let before = i64::try_from(self.desired.warn_before).unwrap_or(i64::MAX);
        let soon = now.checked_add(SignedDuration::from_millis(before)).unwrap_or(Timestamp::MAX);
        let soon = Date::of(soon);
        let mut items = Vec::new();
        for (name, account) in self.desired.accounts.iter().filter(|(_, account)| account.ensure == Ensure::Present) {
            let principal = Principal::of_account(name);
            let mut on_own = BTreeMap::<Date, (Vec<&Acl>, BTreeSet<EntityRef>)>::new();
            for (acl, binding) in &account.acls {
                let Some(until) = binding.until.filter(|until| *until <= soon) else { continue };
                let list = list_of(account, binding);
                if binding.reach == Reach::Own {
                    let (acls, lists) = on_own.entry(until).or_default();
                    acls.push(acl);
                    lists.insert(list);
                    continue;
                }
                let ending = binding.consents.iter().find(|consent| consent.until == Some(until));
                let why = match ending {
                    Some(consent) => format!("the consent of team {} in {} ends", consent.by, consent.entity),
                    None => "the grant ends".to_owned(),
                };
                let message = format!("“{}” has its last day soon: {why}", words(&principal, acl));
                let item = self.item(AuthorityKind::Ends, &account.team, &principal, list, message);
                items.push(AuthorityItem { until: Some(until), ..item });
            }
            items.extend(on_own.into_iter().map(|(until, (acls, mut lists))| {
                let of_account = EntityRef::new(Kind::ServiceAccount, &*account.entity);
                let entity = lists.pop_first().filter(|_| lists.is_empty()).unwrap_or(of_account);
                let (have, their, ends) = match acls.len() {
                    1 => ("has", "its", "the grant ends"),
                    _ => ("have", "their", "the grants end"),
                };
                let message = format!("{} {have} {their} last day soon: {ends}", own(&principal, &acls));
                let item = self.item(AuthorityKind::Ends, &account.team, &principal, entity, message);
                AuthorityItem { until: Some(until), ..item }
            }));
        }
        items
    }
}

/// Returns the sort of item about a right; `None` for one on own names.
fn kind_of(reach: Reach) -> Option<AuthorityKind> {
    match reach {
        Reach::Own => None,
        Reach::Consented => Some(AuthorityKind::Shared),
        Reach::PlatformWide => Some(AuthorityKind::PlatformWide),
        Reach::Escalation => Some(AuthorityKind::Escalation),
    }
}

/// Returns a right on own names in words, or the number of several.
fn own(principal: &Principal, acls: &[&Acl]) -> String {
    match acls {
        [acl] => format!("“{}”", words(principal, acl)),
        several => {
            let account = principal.user().unwrap_or(principal);
            format!("{} of {account} on names of its team", count(several.len(), "right"))
        }
    }
}

/// Returns the first list that asks for a binding.
fn list_of(account: &DesiredAccount, binding: &DesiredBinding) -> EntityRef {
    match binding.lists.first() {
        Some(list) => EntityRef::new(Kind::AccessControlList, &**list),
        None => EntityRef::new(Kind::ServiceAccount, &*account.entity),
    }
}

/// `team cards consents in Topic/cards.status.v1 (teams/cards/kafka.yaml)`
fn consents(binding: &DesiredBinding) -> String {
    let said = binding.consents.iter().map(|consent| {
        let file = consent.file.as_ref().map(|file| format!(" ({file})")).unwrap_or_default();
        // The last day of the binding stands beside it.
        let until = consent.until.filter(|_| consent.until != binding.until);
        let until = until.map(|until| format!(" until {until}")).unwrap_or_default();
        format!("team {} consents in {}{file}{until}", consent.by, consent.entity)
    });
    said.collect::<Vec<_>>().join("; ")
}
