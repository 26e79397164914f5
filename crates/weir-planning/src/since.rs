//! Changes of authority between two revisions of the files.

use std::collections::{BTreeMap, BTreeSet};

use weir_model::{
    Approval, ConsentSpec, Date, EntityRef, Kind, OwnershipSpec, StageView, TeamSpec, TopicAccess, Workspace,
};
use weir_ownership::{Names, resolved};

use crate::{AuthorityItem, AuthorityKind};

/// Returns all differences between the files of `before` and of `after` that move authority: teams of objects, paths, name
/// spaces, reviewers, approvals and signatures of the stage, consents, vaults, objects to take over. Both are the same
/// stage.
///
/// A plan knows the live state alone, and brokers know no teams and no consents. So this part of its head needs the
/// files that were deployed last: see [`Plan::headed`](crate::Plan::headed).
pub fn moved(before: &StageView<'_>, after: &StageView<'_>) -> Vec<AuthorityItem> {
    let mut items = Vec::new();
    let moved = Moved { before, after };
    moved.teams(&mut items);
    moved.deciders(&mut items);
    moved.spaces_and_vaults(&mut items);
    moved.consents(&mut items);
    moved.adoptions(&mut items);
    items
}

/// Returns the only item for a stage that the files of `revision` do not have, or that cannot be read there.
pub fn moved_from_nothing(after: &StageView<'_>, revision: &str) -> AuthorityItem {
    let moved = Moved { before: after, after };
    let stage = &after.stage.name;
    let message = format!(
        "revision {revision} has no stage {stage} that weir can read, so that all authority in the files may be new"
    );
    moved.item(AuthorityKind::Governance, moved.platform_of(after), stage, moved.settings(), message)
}

struct Moved<'a> {
    before: &'a StageView<'a>,
    after: &'a StageView<'a>,
}

impl Moved<'_> {
    fn item(&self, kind: AuthorityKind, team: &str, object: &str, entity: EntityRef, message: String) -> AuthorityItem {
        let path_in = |workspace: &Workspace| Some(workspace.path(workspace.origin(&entity)?)?.to_owned());
        let file = path_in(self.after.workspace).or_else(|| path_in(self.before.workspace));
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
        if old != new {
            let name = |team: Option<String>| team.unwrap_or_else(|| "none".to_owned());
            let (old, new) = (name(old), name(new));
            let message = format!("the platform team is {new}, and was {old} before");
            items.push(self.item(AuthorityKind::Owner, &new, &new, self.settings(), message));
        }
    }

    /// The platform team; an empty name if the workspace does not say.
    fn platform_of<'v>(&self, view: &'v StageView<'_>) -> &'v str {
        view.workspace.settings.spec.ownership.as_ref().map_or("", |spec| spec.platform.as_str())
    }

    /// Adds the differences in who decides: the paths of teams, the reviewers and members of each team, the approval and
    /// the signatures that the stage asks for, the hosts of vaults.
    fn deciders(&self, items: &mut Vec<AuthorityItem>) {
        let (before, after) = (self.before.workspace, self.after.workspace);
        let platform = self.platform_of(self.after);
        let ownership = |view: &StageView<'_>, list: fn(&OwnershipSpec) -> &Vec<String>| -> Vec<String> {
            view.workspace.settings.spec.ownership.as_ref().map(|spec| list(spec).clone()).unwrap_or_default()
        };
        let mut differ = |kind, object: &str, noun: &str, old: &[String], new: &[String]| {
            if old != new {
                let message = format!("{noun}: {}; before: {}", listed(new), listed(old));
                items.push(self.item(kind, platform, object, self.settings(), message));
            }
        };
        let paths: fn(&OwnershipSpec) -> &Vec<String> = |spec| &spec.teams.paths;
        let hosts: fn(&OwnershipSpec) -> &Vec<String> = |spec| &spec.vault_hosts;
        let (kind, stage) = (AuthorityKind::Governance, &self.after.stage.name);
        differ(kind, "paths", "paths of teams", &ownership(self.before, paths), &ownership(self.after, paths));
        let signers = format!("keys that sign for stage {stage}");
        differ(kind, "signedBy", &signers, &self.before.stage.signed_by, &self.after.stage.signed_by);
        let approval = |view: &StageView<'_>| match view.stage.approval {
            Approval::Required => vec!["required".to_owned()],
            Approval::None => Vec::new(),
        };
        let noun = format!("approval of plans of stage {stage}");
        differ(kind, "approval", &noun, &approval(self.before), &approval(self.after));
        let noun = "hosts of vaults that weir may send credentials to";
        let (old, new) = (ownership(self.before, hosts), ownership(self.after, hosts));
        differ(AuthorityKind::Vault, "vaultHosts", noun, &old, &new);
        let teams: BTreeSet<&String> = before.teams.keys().chain(after.teams.keys()).collect();
        for name in teams {
            let [old, new] = [before, after].map(|workspace| workspace.teams.get(name).map(|team| &team.spec));
            if new.is_none() {
                let message = format!("team {name} is gone; its names and files are the platform team's now");
                items.push(self.item(kind, name, name, EntityRef::new(Kind::Team, name), message));
                continue;
            }
            let reviewers = |team: Option<&TeamSpec>| team.map(|team| team.reviewers.clone()).unwrap_or_default();
            let members = |team: Option<&TeamSpec>| -> Vec<String> {
                let members = team.into_iter().flat_map(|team| &team.members);
                members.filter_map(|member| member.group.clone().or_else(|| member.user.clone())).collect()
            };
            let changed = [("reviewers", reviewers(old), reviewers(new)), ("members", members(old), members(new))];
            for (noun, old, new) in changed.into_iter().filter(|(_, old, new)| old != new) {
                let message = format!("{noun} of the team: {}; before: {}", listed(&new), listed(&old));
                items.push(self.item(kind, name, noun, EntityRef::new(Kind::Team, name), message));
            }
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

    /// Adds the consents that are new, changed or gone.
    fn consents(&self, items: &mut Vec<AuthorityItem>) {
        let (before, after) = (self.before.workspace, self.after.workspace);
        let mut differ = |kind, name: &str, noun: &str, [old, new]: [Option<(&str, String)>; 2]| {
            let [old_said, new_said] = [&old, &new].map(|side| side.as_ref().map_or("", |(_, said)| said));
            if old_said != new_said
                && let Some((team, _)) = new.as_ref().or(old.as_ref())
            {
                let message = format!("consent {noun}{name}: {}; before: {}", or_none(new_said), or_none(old_said));
                items.push(self.item(AuthorityKind::Consent, team, name, EntityRef::new(kind, name), message));
            }
        };
        let topics: BTreeSet<&str> = self.before.topics.keys().chain(self.after.topics.keys()).copied().collect();
        for name in topics {
            let sides = [self.before, self.after].map(|view| {
                let topic = view.topics.get(name)?;
                Some((topic.entity.metadata.team.as_str(), of_topic(topic.access)))
            });
            differ(Kind::Topic, name, "for topic ", sides);
        }
        let consents: BTreeSet<&String> = before.consents.keys().chain(after.consents.keys()).collect();
        for name in consents {
            let sides = [before, after].map(|workspace| {
                let consent = workspace.consents.get(name)?;
                Some((consent.metadata.team.as_str(), of_names(&consent.spec)))
            });
            differ(Kind::Consent, name, "", sides);
        }
        let of_platform = |workspace: &Workspace| -> Vec<String> {
            let spec = workspace.settings.spec.ownership.as_ref();
            spec.map(|spec| spec.consents.iter().map(of_names).collect()).unwrap_or_default()
        };
        let (old, new) = (of_platform(before), of_platform(after));
        let platform = self.platform_of(self.after);
        let only_in = |these: &[String], those: &[String], noun: &str| -> Vec<String> {
            let only = these.iter().filter(|consent| !those.contains(consent));
            only.map(|consent| format!("{noun} consent of the platform team: {consent}")).collect()
        };
        let messages = only_in(&new, &old, "new or changed").into_iter().chain(only_in(&old, &new, "former"));
        items.extend(
            messages.map(|message| self.item(AuthorityKind::Consent, platform, platform, self.settings(), message)),
        );
    }

    /// Adds the patterns of objects that weir may take over from now on.
    fn adoptions(&self, items: &mut Vec<AuthorityItem>) {
        let patterns = |view: &StageView<'_>| -> Vec<String> {
            let spec = view.workspace.settings.spec.ownership.as_ref();
            let adopt = spec.and_then(|spec| spec.adopt.get(&view.stage.name));
            adopt.map(|adopt| adopt.topics.iter().chain(&adopt.service_accounts).cloned().collect()).unwrap_or_default()
        };
        let old = patterns(self.before);
        let platform = self.platform_of(self.after);
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
