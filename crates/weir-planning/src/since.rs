//! Changes of authority between two revisions of the files.

use std::collections::BTreeMap;

use weir_model::{ConsentSpec, Date, EntityRef, Kind, StageView, TopicAccess, Workspace};
use weir_ownership::{Names, resolved};

use crate::{AuthorityItem, AuthorityKind};

/// Returns everything that the files of `after` say about authority and those of `before` do not: teams of objects, name
/// spaces, consents, vaults, objects to take over. Both are the same stage.
///
/// A plan knows the live state alone, and brokers know no teams and no consents. So this part of its head needs the
/// files that were deployed last: see [`Plan::headed`](crate::Plan::headed).
pub fn moved(before: &StageView<'_>, after: &StageView<'_>) -> Vec<AuthorityItem> {
    let mut items = Vec::new();
    let moved = Moved { before, after };
    moved.teams(&mut items);
    moved.spaces_and_vaults(&mut items);
    moved.consents(&mut items);
    moved.adoptions(&mut items);
    items
}

struct Moved<'a> {
    before: &'a StageView<'a>,
    after: &'a StageView<'a>,
}

impl Moved<'_> {
    fn item(&self, kind: AuthorityKind, team: &str, object: &str, entity: EntityRef, message: String) -> AuthorityItem {
        let workspace = self.after.workspace;
        let file = workspace.origin(&entity).and_then(|origin| workspace.path(origin)).map(str::to_owned);
        let (team, object) = (Some(team.to_owned()), object.to_owned());
        AuthorityItem { kind, team, object, message, until: None, entity: Some(entity), file, step: None }
    }

    /// The workspace's own entity.
    fn settings(&self) -> EntityRef {
        EntityRef::new(Kind::Workspace, &*self.after.workspace.settings.metadata.name)
    }

    /// Adds the entities that belong to another team than before.
    fn teams(&self, items: &mut Vec<AuthorityItem>) {
        let (before, after) = (self.before.workspace, self.after.workspace);
        let mut moved = |kind: Kind, name: &str, old: Option<&str>, new: &str| {
            if let Some(old) = old.filter(|old| *old != new) {
                let entity = EntityRef::new(kind, name);
                let message = format!("{entity} belongs to team {new} now, and belonged to team {old} before");
                items.push(self.item(AuthorityKind::Owner, new, name, entity, message));
            }
        };
        for (name, topic) in &after.topics {
            let old = before.topics.get(name).map(|topic| topic.metadata.team.as_str());
            moved(Kind::Topic, name, old, &topic.metadata.team);
        }
        for (name, account) in &after.service_accounts {
            let old = before.service_accounts.get(name).map(|account| account.metadata.team.as_str());
            moved(Kind::ServiceAccount, name, old, &account.metadata.team);
        }
        for (name, list) in &after.access_control_lists {
            let old = before.access_control_lists.get(name).map(|list| list.metadata.team.as_str());
            moved(Kind::AccessControlList, name, old, &list.metadata.team);
        }
        let platform =
            |workspace: &Workspace| workspace.settings.spec.ownership.as_ref().map(|spec| spec.platform.clone());
        let (old, new) = (platform(before), platform(after));
        if let Some(new) = new.as_ref().filter(|_| old != new) {
            let old = old.unwrap_or_else(|| "none".to_owned());
            let message = format!("the platform team is {new}, and was {old} before");
            items.push(self.item(AuthorityKind::Owner, new, new, self.settings(), message));
        }
    }

    /// Adds the teams whose names or vault differ from before.
    fn spaces_and_vaults(&self, items: &mut Vec<AuthorityItem>) {
        let (before, after) = (self.before.workspace, self.after.workspace);
        for team in after.teams.keys() {
            let known = before.teams.contains_key(team);
            let entity = || EntityRef::new(Kind::Team, team);
            for names in Names::ALL.into_iter().filter(|_| after.settings.spec.ownership.is_some()) {
                let old = if known { resolved(before, names, team) } else { Vec::new() };
                let new = resolved(after, names, team);
                if old != new {
                    let (noun, old, new) = (names.noun(), listed(&old), listed(&new));
                    let message = format!("the team owns each {noun} whose name begins with {new}; before: {old}");
                    items.push(self.item(AuthorityKind::Owner, team, names.field(), entity(), message));
                }
            }
            let old = if known { before.vault(self.before.stage, team) } else { None };
            let new = after.vault(self.after.stage, team);
            if let Some(new) = new.filter(|new| old.as_ref() != Some(new)) {
                let old = old.unwrap_or_else(|| "none".to_owned());
                let message = format!("API keys of the team go to vault {new}; before: {old}");
                items.push(self.item(AuthorityKind::Vault, team, &new, entity(), message));
            }
        }
    }

    /// Adds the consents that are new or changed.
    fn consents(&self, items: &mut Vec<AuthorityItem>) {
        let (before, after) = (self.before.workspace, self.after.workspace);
        for (name, topic) in &self.after.topics {
            let new = of_topic(topic.access);
            let old = self.before.topics.get(name).map(|topic| of_topic(topic.access)).unwrap_or_default();
            if !new.is_empty() && old != new {
                let entity = EntityRef::new(Kind::Topic, *name);
                let message = format!("consent for topic {name}: {new}; before: {}", or_none(&old));
                items.push(self.item(AuthorityKind::Consent, &topic.entity.metadata.team, name, entity, message));
            }
        }
        for (name, consent) in &after.consents {
            let new = of_names(&consent.spec);
            let old = before.consents.get(name).map(|consent| of_names(&consent.spec)).unwrap_or_default();
            if old != new {
                let entity = EntityRef::new(Kind::Consent, name);
                let message = format!("consent {name}: {new}; before: {}", or_none(&old));
                items.push(self.item(AuthorityKind::Consent, &consent.metadata.team, name, entity, message));
            }
        }
        let of_platform = |workspace: &Workspace| -> Vec<String> {
            let spec = workspace.settings.spec.ownership.as_ref();
            spec.map(|spec| spec.consents.iter().map(of_names).collect()).unwrap_or_default()
        };
        let old = of_platform(before);
        for new in of_platform(after).iter().filter(|new| !old.contains(new)) {
            let platform = after.settings.spec.ownership.as_ref().map_or("", |spec| spec.platform.as_str());
            let message = format!("new or changed consent of the platform team: {new}");
            items.push(self.item(AuthorityKind::Consent, platform, platform, self.settings(), message));
        }
    }

    /// Adds the patterns of objects that weir may take over from now on.
    fn adoptions(&self, items: &mut Vec<AuthorityItem>) {
        let patterns = |view: &StageView<'_>| -> Vec<String> {
            let spec = view.workspace.settings.spec.ownership.as_ref();
            let adopt = spec.and_then(|spec| spec.adopt.get(&view.stage.name));
            adopt.map(|adopt| adopt.topics.iter().chain(&adopt.service_accounts).cloned().collect()).unwrap_or_default()
        };
        let old = patterns(self.before);
        let platform = self.after.workspace.settings.spec.ownership.as_ref().map_or("", |spec| spec.platform.as_str());
        for new in patterns(self.after).iter().filter(|new| !old.contains(new)) {
            let message = format!("weir may take over {new}, which it could not before");
            items.push(self.item(AuthorityKind::Adoption, platform, new, self.settings(), message));
        }
    }
}

fn listed(texts: &[String]) -> String {
    or_none(&texts.join(", ")).to_owned()
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}

/// Returns the teams that a consent names, by degree, and its last day; empty without teams.
fn teams(lists: [(&str, &[String]); 4], until: Option<Date>) -> String {
    let named = lists.iter().filter(|(_, teams)| !teams.is_empty());
    let mut said = named.map(|(degree, teams)| format!("{degree} {}", teams.join(", "))).collect::<Vec<_>>().join("; ");
    if let Some(until) = until.filter(|_| !said.is_empty()) {
        said.push_str(&format!("; until {until}"));
    }
    said
}

fn by_degree([observers, consumers, producers, administrators]: [&[String]; 4]) -> [(&'static str, &[String]); 4] {
    [("observers", observers), ("consumers", consumers), ("producers", producers), ("administrators", administrators)]
}

fn of_topic(access: &TopicAccess) -> String {
    let TopicAccess { observers, consumers, producers, administrators, until } = access;
    teams(by_degree([observers, consumers, producers, administrators]), *until)
}

fn of_names(spec: &ConsentSpec) -> String {
    let ConsentSpec {
        topics,
        groups,
        transactional_ids,
        observers,
        consumers,
        producers,
        administrators,
        why: _,
        until,
        stages,
    } = spec;
    let names = BTreeMap::from([("topics", topics), ("groups", groups), ("transactional ids", transactional_ids)]);
    let names = names.into_iter().filter(|(_, names)| !names.is_empty());
    let names: Vec<_> = names.map(|(noun, names)| format!("{noun} {}", names.join(", "))).collect();
    let stages = if stages.is_empty() { String::new() } else { format!(" in {}", stages.join(", ")) };
    let lists = by_degree([observers, consumers, producers, administrators]);
    format!("{}{stages} for {}", names.join("; "), or_none(&teams(lists, *until)))
}
