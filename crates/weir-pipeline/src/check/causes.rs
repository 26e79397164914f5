//! The part of a workspace that an error is about.

use std::collections::{BTreeMap, BTreeSet};

use weir_findings::{FileId, Finding};
use weir_model::{AccessControlList, Date, EntityRef, Kind, Origin, PatternType, Resource, StageView};
use weir_ownership::{Authority, Judge, Names, Ownership, Request};
use weir_planning::{Acl, Desired, LeftAlone, Objects, Observed, Principal};

use super::Checked;
use crate::{
    aside::{self, DUPLICATES, documents},
    rule_pages,
};

/// The part of a workspace that an error is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// All of it: no plan can be made.
    Everything,
    /// These teams: an error in a file of a team, which may hide anything that the team declares.
    Teams(BTreeSet<String>),
    /// These topics, service accounts and access control lists.
    Entities(Vec<EntityRef>),
}

/// The rules whose errors concern more than the entity at their place: two entities that exclude each other, or a claim on
/// something of another team.
const STOPPING: &[&str] = &[
    "account-owner",
    "name-collision",
    "name-space",
    "ownership",
    "path-authority",
    "secret-name-collision",
    "stage-overlap",
];

/// The rules among [`STOPPING`] that are about the entities at all of their places.
const EXCLUDING: &[&str] = &["name-collision", "secret-name-collision"];

/// The rules about names that a document refers to. If the name is one of a team in whose files something cannot be read or
/// believed, the error is that team's.
const REFERRING: &[&str] = &["group-owner", "sharing-consent", "unknown-reference"];

/// Finds the part of a checked workspace that an error is about.
pub(super) struct Causes<'c> {
    checked: &'c Checked,
    ownership: Option<Ownership<'c>>,
    entities: BTreeMap<Origin, EntityRef>,
    /// The ids of weir's own rules: all others are policies.
    rules: BTreeSet<&'static str>,
    /// The ids of rules of form.
    form: BTreeSet<&'static str>,
    /// The teams that an error is about as a whole.
    teams: BTreeSet<String>,
}

impl<'c> Causes<'c> {
    pub(super) fn of(checked: &'c Checked) -> Self {
        let workspace = checked.loaded.workspace.as_ref();
        let placed = |entity: EntityRef| Some((workspace?.origin(&entity)?, entity));
        let mut causes = Self {
            checked,
            ownership: aside::ownership(&checked.loaded).filter(|_| checked.clear),
            entities: workspace.into_iter().flat_map(|all| all.entities()).filter_map(placed).collect(),
            rules: rule_pages().iter().map(|page| page.id).collect(),
            form: weir_model::rule_pages().iter().map(|page| page.id).collect(),
            teams: BTreeSet::new(),
        };
        let of_teams = checked.errors().filter_map(|finding| match causes.of_error(finding) {
            Cause::Teams(teams) => Some(teams),
            Cause::Everything | Cause::Entities(_) => None,
        });
        causes.teams = of_teams.flatten().collect();
        causes
    }

    /// Returns the team that owns the name at the place of a finding, if an error is about that team as a whole.
    fn referred(&self, finding: &Finding) -> Option<&str> {
        let text = self.checked.loaded.sources.file(finding.at.file).text();
        let name = text.get(finding.at.range())?.trim_matches(['"', '\'', '*']);
        let mut owners = Names::ALL.into_iter().filter_map(|names| self.ownership.as_ref()?.owner(names, name));
        owners.find(|team| self.teams.contains(*team))
    }

    /// Returns the access control list in which a name is not as it must be, if a team in trouble may be the reason, and the
    /// list speaks for its service account with authority.
    pub(super) fn referring(&self, finding: &Finding) -> Option<&'c AccessControlList> {
        let workspace = self.checked.loaded.workspace.as_ref()?;
        let first =
            documents(&self.checked.loaded, finding).next().filter(|_| REFERRING.contains(&finding.rule.as_str()))?;
        let entity = self.entities.get(&first).filter(|entity| entity.kind == Kind::AccessControlList)?;
        let list = workspace.access_control_lists.get(&entity.name)?;
        let account = workspace.service_accounts.get(&list.spec.service_account)?;
        self.team(first.file).is_none_or(|team| team == account.metadata.team).then_some(list)
    }

    /// Returns the team whose path the file is in; `None` for a file of the platform team.
    fn team(&self, file: FileId) -> Option<&'c str> {
        match self.ownership.as_ref()?.authority(self.checked.loaded.sources.file(file).path()) {
            Authority::Team(team) => Some(team),
            Authority::Platform | Authority::Unclear(..) => None,
        }
    }

    /// Returns the part of the workspace that an error is about.
    pub(super) fn of_error(&self, finding: &Finding) -> Cause {
        let rule = finding.rule.as_str();
        let documents: Vec<Origin> = documents(&self.checked.loaded, finding).collect();
        if let Some(team) = REFERRING.contains(&rule).then(|| self.referred(finding)).flatten() {
            return Cause::Teams([team.to_owned()].into());
        }
        let about = if DUPLICATES.contains(&rule) { documents.as_slice() } else { &documents[..1] };
        let aside: BTreeSet<String> =
            about.iter().filter_map(|at| self.checked.aside.get(at)).map(|(team, _)| team.clone()).collect();
        if !aside.is_empty() {
            return Cause::Teams(aside);
        }
        let entities: Vec<&EntityRef> = documents.iter().filter_map(|at| self.entities.get(at)).collect();
        let first = documents.first().and_then(|at| self.entities.get(at)).filter(|entity| entity.kind.is_planned());
        let is_form = self.form.contains(rule);
        let alone = first.filter(|_| !is_form && !STOPPING.contains(&rule)).map(|entity| vec![entity.clone()]);
        let team = about.iter().find_map(|at| self.team(at.file));
        // One of the two may be in a file of the platform team.
        let is_of_team = |at: &Origin| self.team(at.file).is_some();
        match (alone, team) {
            (Some(entity), _) => Cause::Entities(entity),
            (None, _) if EXCLUDING.contains(&rule) && documents.iter().any(is_of_team) => {
                Cause::Entities(planned(&entities))
            }
            (None, Some(team)) => Cause::Teams([team.to_owned()].into()),
            (None, None) => self.of_platform(rule, &entities),
        }
    }

    /// Returns the entities or teams that an error in a file of the platform team names beside its place: a topic that
    /// contradicts the profile it has chosen, or those that a policy judges.
    fn of_platform(&self, rule: &str, entities: &[&EntityRef]) -> Cause {
        // The first is the profile or the policy.
        let judged = entities.get(1..).unwrap_or_default();
        let beside = planned(judged);
        let is_policy = !self.rules.contains(rule) || ["policy-cost", "policy-failed"].contains(&rule);
        if !is_policy && (self.form.contains(rule) || STOPPING.contains(&rule)) || judged.is_empty() {
            return Cause::Everything;
        }
        if !beside.is_empty() && (!is_policy || beside.len() == judged.len()) {
            return Cause::Entities(beside);
        }
        let is_team = |entity: &&EntityRef| entity.kind == Kind::Team && self.ownership.is_some();
        match rule == "policy-cost" && judged.iter().all(is_team) {
            true => Cause::Teams(judged.iter().map(|entity| entity.name.clone()).collect()),
            false => Cause::Everything,
        }
    }

    /// Returns, for each team that an error is about as a whole, the live objects that its files may have ceased to ask for
    /// only because weir cannot read or believe one of them, and the rights of other teams that may rest on a consent in
    /// such a file.
    pub(super) fn left_alone(&self, desired: &Desired, observed: &Observed) -> BTreeMap<String, LeftAlone> {
        let mut all: BTreeMap<String, LeftAlone> =
            self.teams.iter().map(|team| (team.clone(), LeftAlone::default())).collect();
        let (Some(ownership), Some(workspace)) = (&self.ownership, &self.checked.loaded.workspace) else { return all };
        let Ok(view) = workspace.stage(&desired.stage) else { return all };
        if all.is_empty() {
            return all;
        }
        let owner = |names: Names, name: &str| {
            let logical = name.strip_prefix(names.prefix(&view.stage.prefix))?;
            ownership.owner(names, logical).filter(|team| self.teams.contains(*team))
        };
        // A document of a team could declare no other names.
        for name in observed.topics.keys().filter(|name| !desired.topics.contains_key(*name)) {
            let left = owner(Names::Topics, name).and_then(|team| all.get_mut(team));
            left.into_iter().for_each(|left| _ = left.topics.insert(name.clone()));
        }
        let mut undeclared = BTreeMap::<&str, &str>::new();
        for name in observed.accounts.keys().filter(|name| !desired.accounts.contains_key(*name)) {
            let Some(team) = owner(Names::ServiceAccounts, name) else { continue };
            undeclared.insert(name, team);
            all.get_mut(team).into_iter().for_each(|left| _ = left.accounts.insert(name.clone()));
        }
        // The platform team's word for an account counts as before, but without its account a list is in no stage.
        let lists = workspace.access_control_lists.values();
        let vouched: BTreeSet<String> = lists
            .filter(|list| ownership.authority_over(list.origin) == Authority::Platform)
            .map(|list| view.stage.account_name(&list.spec.service_account))
            .collect();
        let judge = Judge::new(ownership, &view, Some(Date::of(self.checked.now)));
        for (principal, acls) in &observed.acls {
            let Some(name) = principal.user() else { continue };
            let account = desired.accounts.get(name);
            let team = account.map_or_else(|| undeclared.get(name).copied(), |account| Some(&*account.team));
            let team = team.filter(|team| self.teams.contains(*team));
            for acl in acls {
                let withdrawn = account.and_then(|account| account.withdrawn.get(acl));
                let keeper = match withdrawn {
                    _ if account.is_some_and(|account| account.acls.contains_key(acl)) => None,
                    // A file asks for it, and lacks a consent that a file of a team in trouble may hold.
                    Some(withdrawal) => may_consent(ownership, &view, desired, acl).filter(|_| !withdrawal.ended),
                    None if account.is_none() && vouched.contains(name) => team,
                    // A file of the team may ask for it.
                    None => team
                        .filter(|team| request(&view, team, acl).is_some_and(|request| judge.judge(&request).is_ok())),
                };
                if let Some(left) = keeper.and_then(|team| all.get_mut(team)) {
                    left.bindings.insert((Principal::clone(principal), acl.clone()));
                }
            }
        }
        all
    }
}

/// Returns those of the entities that an error holds up. Of two topics or accounts that exclude each other, the one that
/// exists goes on.
pub(super) fn excluded(
    finding: &Finding,
    entities: Vec<EntityRef>,
    objects: &Objects<'_>,
    observed: &Observed,
) -> Vec<EntityRef> {
    if !EXCLUDING.contains(&finding.rule.as_str()) {
        return entities;
    }
    let exists = |entity: &EntityRef| match entity.kind {
        Kind::Topic => objects.topic(&entity.name).is_some_and(|name| observed.topics.contains_key(name)),
        _ => objects.account(&entity.name).is_some_and(|(name, _)| observed.accounts.contains_key(name)),
    };
    let new: Vec<EntityRef> = entities.iter().filter(|entity| !exists(entity)).cloned().collect();
    if new.is_empty() { entities } else { new }
}

/// Returns those of the entities that plans have steps for.
fn planned(entities: &[&EntityRef]) -> Vec<EntityRef> {
    entities.iter().filter(|entity| entity.kind.is_planned()).map(|entity| (*entity).clone()).collect()
}

/// Returns the logical name of a binding, or the beginning of logical names, and `true` for a beginning; `None` for names of
/// another stage.
fn logical<'a>(view: &StageView<'_>, acl: &'a Acl) -> Option<(&'a str, bool)> {
    let prefix = view.stage.prefix.of(acl.resource);
    match (acl.pattern, &*acl.name) {
        (PatternType::Literal, "*") => Some(("", true)),
        (PatternType::Literal, name) => name.strip_prefix(prefix).map(|name| (name, false)),
        (PatternType::Prefixed, name) if prefix.starts_with(name) => Some(("", true)),
        (PatternType::Prefixed, name) => name.strip_prefix(prefix).map(|name| (name, true)),
    }
}

/// Returns the request of a team's file that would come to the binding.
fn request<'a>(view: &StageView<'_>, team: &'a str, acl: &'a Acl) -> Option<Request<'a>> {
    let (name, open) = match Names::of(acl.resource) {
        Some(_) => logical(view, acl)?,
        None => ("", false),
    };
    let Acl { resource, operation, permission, .. } = *acl;
    let authority = Authority::Team(team);
    Some(Request { team, authority, resource, name, open, operation, permission, until: None })
}

/// Returns the team whose file may consent to the binding: all names that it reaches are in a name space of the team, and
/// it is not for a topic of another team there.
fn may_consent<'o>(
    ownership: &'o Ownership<'_>,
    view: &StageView<'_>,
    desired: &Desired,
    acl: &Acl,
) -> Option<&'o str> {
    let (name, _) = logical(view, acl)?;
    let team = ownership.owner(Names::of(acl.resource)?, name)?;
    let of_another = || desired.topics.get(&*acl.name).is_some_and(|topic| topic.team != team);
    let is_topic = acl.resource == Resource::Topic && acl.pattern == PatternType::Literal;
    (!is_topic || !of_another()).then_some(team)
}
