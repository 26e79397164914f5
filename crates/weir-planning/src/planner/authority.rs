//! The head of a plan: everything that moves authority, as far as files and observed state tell.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use weir_findings::count;
use weir_model::{Date, Ensure, EntityRef, Kind};
use weir_ownership::Reach;

use crate::{
    Acl, AuthorityItem, AuthorityKind, Change, Desired, DesiredAccount, DesiredBinding, KeyMarker, Object, Observed,
    ObservedSecret, Principal, SecretRef, Step, render::binding as words,
};

/// Returns the items of the head, sorted.
pub(super) fn of(desired: &Desired, observed: &Observed, steps: &[Step], now: Timestamp) -> Vec<AuthorityItem> {
    let head = Head { desired, observed };
    let mut items: Vec<_> = steps.iter().filter_map(|step| head.of_step(step)).collect();
    items.extend(head.adoptions(steps));
    items.extend(head.owners());
    items.extend(head.vaults(steps));
    items.extend(head.ends(now));
    items.sort();
    items.dedup();
    items
}

struct Head<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
}

impl<'a> Head<'a> {
    fn item(&self, kind: AuthorityKind, team: &str, object: &str, entity: EntityRef, message: String) -> AuthorityItem {
        AuthorityItem {
            kind,
            team: Some(team.to_owned()),
            object: object.to_owned(),
            message,
            until: None,
            file: self.desired.files.get(&entity).cloned(),
            entity: Some(entity),
            step: None,
        }
    }

    fn account(&self, principal: &Principal) -> Option<&'a DesiredAccount> {
        self.desired.accounts.get(principal.user()?)
    }

    /// Returns the item of a step that gives a right beyond the own names, or takes a right that has ended.
    fn of_step(&self, step: &Step) -> Option<AuthorityItem> {
        let item = match &step.change {
            Change::CreateAcl { principal, acl } => {
                let account = self.account(principal)?;
                self.right(principal, acl, account, account.acls.get(acl)?)?
            }
            Change::DeleteAcl { principal, acl } => {
                let account = self.account(principal)?;
                let why = account.withdrawn.get(acl)?;
                let entity = EntityRef::new(Kind::ServiceAccount, &*account.entity);
                let message = format!("the plan revokes “{}”: {why}", words(principal, acl));
                self.item(AuthorityKind::Withdrawn, &account.team, principal, entity, message)
            }
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

    fn right(
        &self,
        principal: &Principal,
        acl: &Acl,
        account: &DesiredAccount,
        binding: &DesiredBinding,
    ) -> Option<AuthorityItem> {
        let said = words(principal, acl);
        let (kind, message) = match binding.reach {
            Reach::Own => return None,
            Reach::Consented => (AuthorityKind::Shared, format!("{said}; {}", consents(binding))),
            Reach::PlatformWide => {
                (AuthorityKind::PlatformWide, format!("{said}; no team consents but the platform team"))
            }
            Reach::Escalation => {
                let warning = "an account with this right can change rights or act as another account";
                (AuthorityKind::Escalation, format!("{said}; {warning}"))
            }
        };
        let item = self.item(kind, &account.team, principal, list_of(account, binding), message);
        Some(AuthorityItem { until: binding.until, ..item })
    }

    /// Returns the objects that the plan changes and that `adopt` in `weir.yaml` names: weir did not make them.
    fn adoptions(&self, steps: &[Step]) -> Vec<AuthorityItem> {
        let Self { desired, observed } = self;
        if desired.adopt.is_empty() {
            return Vec::new();
        }
        let mut objects = BTreeSet::new();
        for object in steps.iter().map(|step| step.change.about().object) {
            match (object, object.account()) {
                (_, Some(name)) if observed.accounts.contains_key(name) => {
                    _ = objects.insert((Kind::ServiceAccount, name))
                }
                (Object::Topic(name), _) if observed.topics.contains_key(name) => {
                    _ = objects.insert((Kind::Topic, name))
                }
                _ => {}
            }
        }
        let adopted = objects.into_iter().filter_map(|(kind, name)| {
            let (noun, entity, team, origin) = if kind == Kind::Topic {
                let topic = desired.topics.get(name)?;
                ("topic", &topic.entity, &topic.team, desired.foreign_topic(name)?)
            } else {
                let account = desired.accounts.get(name)?;
                ("service account", &account.entity, &account.team, desired.foreign_account(name, observed)?)
            };
            let message = format!("the plan takes over {noun} {name}: it {origin}");
            Some(self.item(AuthorityKind::Adoption, team, name, EntityRef::new(kind, &**entity), message))
        });
        adopted.collect()
    }

    /// Returns the service accounts whose secrets carry the name of another team.
    fn owners(&self) -> Vec<AuthorityItem> {
        let Self { desired, observed } = self;
        let mut items = BTreeMap::new();
        for secret in observed.secrets.values().filter(|secret| secret.is_ours()) {
            let tag = |name| secret.tags.get(name).map(String::as_str);
            let (Some(name), Some(team)) = (tag(ObservedSecret::TAG_ACCOUNT), tag(ObservedSecret::TAG_TEAM)) else {
                continue;
            };
            let Some(account) = desired.accounts.get(name).filter(|account| account.team != team) else { continue };
            if tag(ObservedSecret::TAG_STAGE) != Some(&desired.stage) || account.ensure == Ensure::Unmanaged {
                continue;
            }
            let message = format!(
                "service account {name} belongs to team {} now; by the tags of {} it belonged to team {team}",
                account.team, secret.at
            );
            let entity = EntityRef::new(Kind::ServiceAccount, &*account.entity);
            items.entry(name).or_insert_with(|| self.item(AuthorityKind::Owner, &account.team, name, entity, message));
        }
        items.into_values().collect()
    }

    /// Returns the vaults in which the plan stores keys of a team for the first time, and the accounts whose keys go to
    /// another vault than before.
    fn vaults(&self, steps: &[Step]) -> Vec<AuthorityItem> {
        let Self { desired, observed } = self;
        let mut known = BTreeSet::new();
        for secret in observed.secrets.values().filter(|secret| secret.is_ours()) {
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
        let mut first = BTreeMap::<_, usize>::new();
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
                *first.entry((&account.team, vault)).or_default() += 1;
            }
        }
        items.extend(first.into_iter().map(|((team, vault), keys)| {
            let keys = count(keys, "API key");
            let message = format!("weir stores {keys} in vault {vault}, where it sees none of the team so far");
            self.item(AuthorityKind::Vault, team, vault, EntityRef::new(Kind::Team, &**team), message)
        }));
        items
    }

    /// Returns the rights that end soon.
    fn ends(&self, now: Timestamp) -> Vec<AuthorityItem> {
        let before = i64::try_from(self.desired.warn_before).unwrap_or(i64::MAX);
        let soon = now.checked_add(SignedDuration::from_millis(before)).unwrap_or(Timestamp::MAX);
        let soon = Date::of(soon);
        let mut items = Vec::new();
        for (name, account) in self.desired.accounts.iter().filter(|(_, account)| account.ensure == Ensure::Present) {
            for (acl, binding) in &account.acls {
                let Some(until) = binding.until.filter(|until| *until <= soon) else { continue };
                let principal = Principal::of_account(name);
                let ending = binding.consents.iter().find(|consent| consent.until == Some(until));
                let why = match ending {
                    Some(consent) => format!("the consent of team {} in {} ends", consent.by, consent.entity),
                    None => "the grant ends".to_owned(),
                };
                let message = format!("“{}” has its last day soon: {why}", words(&principal, acl));
                let item =
                    self.item(AuthorityKind::Ends, &account.team, &principal, list_of(account, binding), message);
                items.push(AuthorityItem { until: Some(until), ..item });
            }
        }
        items
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
