//! The part of a stage that a plan leaves alone, since something there is in trouble.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use weir_findings::{Finding, Severity};
use weir_model::{EntityRef, Kind, Permission, Route};

use crate::{
    Acl, Desired, DesiredAccount, DesiredTopic, Object, Observed, Principal, ReportItem, ReportKind, Step, StepId, Verb,
};

/// One thing that a plan leaves alone, since it is in trouble. The steps of other teams go on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Blocked {
    /// The object, with its physical name: `topic dev.toll.passages.v1`, `API keys of dev-toll-gateway`; or the id of a
    /// step; or `all objects of the team`.
    pub object: String,
    /// The team that owns it.
    pub team: Option<String>,
    /// The reason, as a fragment of a sentence.
    pub why: String,
}

/// [`Blocked::object`] for everything of a team.
const ALL_OF_TEAM: &str = "all objects of the team";

/// [`Blocked::why`] for a team that a person holds back.
const HELD: &str = "held back with --hold-team";

impl Blocked {
    /// Returns the team that a person holds back ([`Blocks::hold`]); `None` for any other trouble.
    pub fn held_team(&self) -> Option<&str> {
        self.team.as_deref().filter(|_| self.object == ALL_OF_TEAM && self.why == HELD)
    }
}

/// Everything that a plan leaves alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blocks(BTreeMap<Target, Blocked>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Topic(String),
    /// An account with its bindings and keys.
    Account(String),
    Bindings(String),
    Keys(String),
    /// Everything that is done for a team.
    Team(String),
    /// A binding that is not taken away.
    Binding(Principal, Acl),
    Step(StepId),
    /// A binding that is not created. Last: one list may have many.
    Request(Principal, Acl),
}

/// The live objects of a team that the files may have ceased to ask for only because weir cannot read or believe them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftAlone {
    /// Topics that no file declares, by physical name.
    pub topics: BTreeSet<String>,
    /// Service accounts that no file declares, by physical name.
    pub accounts: BTreeSet<String>,
    /// Bindings that no file asks for with authority.
    pub bindings: BTreeSet<(Principal, Acl)>,
}

/// The topics and service accounts of a stage, by logical name.
#[derive(Debug)]
pub struct Objects<'d> {
    topics: BTreeMap<&'d str, (&'d str, &'d DesiredTopic)>,
    accounts: BTreeMap<&'d str, (&'d str, &'d DesiredAccount)>,
}

impl<'d> Objects<'d> {
    /// Returns the topics and service accounts that files ask for.
    pub fn of(desired: &'d Desired) -> Self {
        let Desired { topics, accounts, .. } = desired;
        Self {
            topics: topics.iter().map(|(name, topic)| (&*topic.entity, (&**name, topic))).collect(),
            accounts: accounts.iter().map(|(name, account)| (&*account.entity, (&**name, account))).collect(),
        }
    }

    /// Returns the physical name of a topic.
    pub fn topic(&self, logical: &str) -> Option<&'d str> {
        self.topics.get(logical).map(|(name, _)| *name)
    }

    /// Returns the physical name of a service account, and the account.
    pub fn account(&self, logical: &str) -> Option<(&'d str, &'d DesiredAccount)> {
        self.accounts.get(logical).copied()
    }
}

/// The rule that guards weir's own rights: its findings stop the whole plan, whatever entity they are about.
pub(crate) const SELF_LOCKOUT: &str = "self-lockout";

/// The rule about limits of the cluster: it blocks the steps that do not fit itself, and no more than these.
pub(crate) const CLUSTER_LIMIT: &str = "cluster-limit";

impl Blocks {
    /// Returns `true` if nothing is blocked.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns everything that is blocked, in a fixed order.
    pub fn list(&self) -> Vec<Blocked> {
        let mut told = BTreeSet::new();
        // Everything that is left alone for a team is one entry.
        self.0.values().filter(|blocked| told.insert(*blocked)).cloned().collect()
    }

    /// Blocks a topic or a service account, with its new bindings and its keys. An entity that is not in the stage has nothing to
    /// block.
    pub fn entity(&mut self, objects: &Objects<'_>, entity: &EntityRef, why: &str) {
        if entity.kind == Kind::Topic {
            if let Some((name, topic)) = objects.topics.get(&*entity.name) {
                self.topic(name, Some(&topic.team), why);
            }
        } else if entity.kind == Kind::ServiceAccount
            && let Some((name, account)) = objects.account(&entity.name)
        {
            let object = format!("service account {name}");
            self.add(Target::Account(name.to_owned()), object, Some(&account.team), why);
        }
    }

    /// Blocks a topic by its physical name.
    pub(crate) fn topic(&mut self, name: &str, team: Option<&str>, why: &str) {
        self.add(Target::Topic(name.to_owned()), format!("topic {name}"), team, why);
    }

    /// Blocks the bindings of the service account with the logical name `account`.
    pub fn bindings(&mut self, objects: &Objects<'_>, account: &str, why: &str) {
        if let Some((name, account)) = objects.account(account) {
            self.all_bindings(name, account, why);
        }
    }

    /// Blocks the bindings of the service account with the physical name `name`.
    pub(crate) fn all_bindings(&mut self, name: &str, account: &DesiredAccount, why: &str) {
        self.add(Target::Bindings(name.to_owned()), bindings_of(name), Some(&account.team), why);
    }

    /// Blocks a new binding of the service account with the logical name `account`, and leaves its other bindings alone.
    /// The step that takes the binding away is not blocked.
    pub fn new_binding(&mut self, objects: &Objects<'_>, account: &str, acl: &Acl, why: &str) {
        if let Some((name, account)) = objects.account(account) {
            let target = Target::Request(Principal::of_account(name), acl.clone());
            self.add(target, format!("ACL binding of {name}: {acl}"), Some(&account.team), why);
        }
    }

    /// Blocks the API keys of the service account with the physical name `account`.
    pub(crate) fn keys(&mut self, account: &str, team: Option<&str>, why: &str) {
        self.add(Target::Keys(account.to_owned()), format!("API keys of {account}"), team, why);
    }

    /// Blocks everything that is done for a team, and all changes of the objects in `left`.
    pub fn team(&mut self, team: &str, left: LeftAlone, why: &str) {
        let LeftAlone { topics, accounts, bindings } = left;
        let targets = std::iter::once(Target::Team(team.to_owned()))
            .chain(topics.into_iter().map(Target::Topic))
            .chain(accounts.into_iter().map(Target::Account))
            .chain(bindings.into_iter().map(|(principal, acl)| Target::Binding(principal, acl)));
        for target in targets {
            self.add(target, ALL_OF_TEAM.to_owned(), Some(team), why);
        }
    }

    /// Blocks everything that is done for a team, all undeclared objects in its name spaces, and all rights of its
    /// accounts but those that have ended or lack a consent: the team does not keep a right that others take back.
    pub fn hold(&mut self, desired: &Desired, observed: &Observed, team: &str) {
        let undeclared = observed.topics.keys().filter(|name| !desired.topics.contains_key(*name));
        let topics =
            undeclared.filter(|name| desired.owner(|team| &team.topics, name) == Some(team)).cloned().collect();
        let undeclared = observed.accounts.keys().filter(|name| !desired.accounts.contains_key(*name));
        let is_own = |name: &str| desired.owner(|team| &team.service_accounts, name) == Some(team);
        let accounts: BTreeSet<String> = undeclared.filter(|name| is_own(name)).cloned().collect();
        let mut bindings = BTreeSet::new();
        for (principal, acls) in &observed.acls {
            let Some(name) = principal.user() else { continue };
            let account = desired.accounts.get(name);
            if account.map_or_else(|| accounts.contains(name), |account| account.team == team) {
                let taken_back = |acl: &&Acl| account.is_some_and(|account| account.withdrawn.contains_key(*acl));
                let kept = acls.iter().filter(|acl| !taken_back(acl));
                bindings.extend(kept.map(|acl| (principal.clone(), acl.clone())));
            }
        }
        self.team(team, LeftAlone { topics, accounts, bindings }, HELD);
    }

    /// Returns `true` for an item of the report about an object that no file declares and that is blocked: the files may
    /// declare it when weir can read them again.
    pub(crate) fn silences(&self, desired: &Desired, item: &ReportItem) -> bool {
        let name = &item.object;
        let target = match item.kind {
            ReportKind::UnmanagedTopic if !desired.topics.contains_key(name) => Target::Topic(name.clone()),
            ReportKind::UnmanagedAccount if !desired.accounts.contains_key(name) => Target::Account(name.clone()),
            _ => return false,
        };
        self.0.contains_key(&target)
    }

    /// Blocks a single step.
    pub fn step(&mut self, step: &Step, why: &str) {
        self.add(Target::Step(step.id.clone()), step.id.to_string(), step.team.as_deref(), why);
    }

    /// Adds everything that another part of a plan found.
    pub(crate) fn append(&mut self, other: Self) {
        for (target, blocked) in other.0 {
            self.0.entry(target).or_insert(blocked);
        }
    }

    /// The first reason stays.
    fn add(&mut self, target: Target, object: String, team: Option<&str>, why: &str) {
        let blocked = || Blocked { object, team: team.map(str::to_owned), why: why.to_owned() };
        self.0.entry(target).or_insert_with(blocked);
    }

    /// Returns the reason for which a step is left alone; absent for a step that may be done.
    pub fn of(&self, step: &Step) -> Option<&Blocked> {
        if self.0.is_empty() {
            return None;
        }
        let about = step.change.about();
        let name = || about.object.name().to_owned();
        let account = || about.object.account().unwrap_or_default().to_owned();
        let targets = match about.object {
            Object::Topic(_) => vec![Target::Topic(name())],
            // An account that goes takes its bindings and keys along.
            Object::Account(_) if about.verb == Verb::Delete => {
                vec![Target::Account(name()), Target::Bindings(name()), Target::Keys(name())]
            }
            Object::Account(_) => vec![Target::Account(name())],
            // A right that no file asks for goes, whatever is wrong with the account: a mistake must not keep it.
            Object::Acl { principal, acl } if about.verb == Verb::Delete && acl.permission == Permission::Allow => {
                return [Target::Step(step.id.clone()), Target::Binding(principal.clone(), acl.clone())]
                    .iter()
                    .find_map(|target| self.0.get(target));
            }
            Object::Acl { principal, acl } => {
                let mut targets = vec![Target::Account(account()), Target::Bindings(account())];
                targets.push(match about.verb {
                    Verb::Create => Target::Request(principal.clone(), acl.clone()),
                    _ => Target::Binding(principal.clone(), acl.clone()),
                });
                targets
            }
            Object::Key { .. } => vec![Target::Account(account()), Target::Keys(account())],
        };
        let team = step.team.clone().map(Target::Team);
        std::iter::once(Target::Step(step.id.clone())).chain(targets).chain(team).find_map(|target| self.0.get(&target))
    }

    /// Blocks the entities that errors are about.
    pub(crate) fn findings(&mut self, desired: &Desired, findings: &[Finding<Route>]) {
        let by_entity = |finding: &&Finding<Route>| blocks_only(finding) && finding.rule.as_str() != CLUSTER_LIMIT;
        let mut findings = findings.iter().filter(by_entity).peekable();
        if findings.peek().is_none() {
            return;
        }
        let objects = Objects::of(desired);
        for finding in findings {
            let Route { entity, path, .. } = &finding.at;
            if entity.kind == Kind::ServiceAccount && path.starts_with(&["spec".to_owned(), "apiKeys".to_owned()]) {
                if let Some((name, account)) = objects.account(&entity.name) {
                    self.keys(name, Some(&account.team), &finding.message);
                }
            } else {
                self.entity(&objects, entity, &finding.message);
            }
        }
    }

    /// Takes the blocked steps out of `steps`, which are in executable order, and the steps that come after them.
    pub(crate) fn keep_out(&mut self, steps: &mut Vec<Step>) {
        if self.0.is_empty() {
            return;
        }
        self.hold_grants(steps);
        let out = self.left_out(steps);
        for step in steps.iter() {
            if let Some(Some(before)) = out.get(&step.id) {
                self.step(step, &format!("it comes after `{before}`, which is blocked"));
            }
        }
        let out: BTreeSet<StepId> = out.into_keys().cloned().collect();
        steps.retain(|step| !out.contains(&step.id));
    }

    /// Returns the steps that are blocked, and those that come after one of them, each with that one. `steps` are in
    /// executable order.
    fn left_out<'s>(&self, steps: &'s [Step]) -> BTreeMap<&'s StepId, Option<&'s StepId>> {
        let mut out = BTreeMap::new();
        for step in steps {
            let before = step.after.iter().find(|id| out.contains_key(id));
            match self.of(step) {
                Some(_) => _ = out.insert(&step.id, None),
                None if before.is_some() => _ = out.insert(&step.id, before),
                None => {}
            }
        }
        out
    }

    /// Blocks the new grants of each principal of which a new denial is blocked: a grant without the denial beside it gives
    /// too much.
    fn hold_grants(&mut self, steps: &[Step]) {
        let out = self.left_out(steps);
        let new = |permission| steps.iter().filter_map(move |step| Some((step.change.creates(permission)?, step)));
        let denials = new(Permission::Deny).filter(|(_, step)| out.contains_key(&step.id));
        let mut held = BTreeMap::<&Principal, &StepId>::new();
        for (principal, step) in denials {
            held.entry(principal).or_insert(&step.id);
        }
        for (principal, step) in new(Permission::Allow) {
            if let Some((denial, name)) = held.get(principal).zip(principal.user()) {
                let why = format!("the denial `{denial}` is blocked, and a grant without it gives too much");
                self.add(Target::Bindings(name.to_owned()), bindings_of(name), step.team.as_deref(), &why);
            }
        }
    }
}

fn bindings_of(account: &str) -> String {
    format!("ACL bindings of {account}")
}

/// Returns `true` if an error concerns single entities of teams and leaves the rest of the stage alone.
pub(crate) fn blocks_only(finding: &Finding<Route>) -> bool {
    finding.severity == Severity::Error
        && match finding.rule.as_str() {
            SELF_LOCKOUT => false,
            CLUSTER_LIMIT => true,
            _ => matches!(finding.at.entity.kind, Kind::Topic | Kind::ServiceAccount),
        }
}
