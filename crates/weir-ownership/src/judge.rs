//! The reach of a right.

use std::ops::Bound;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use weir_model::{Date, Ensure, Grant, Operation, Permission, Resource, Rule, StageView, Topic};

use crate::{
    Authority, Degree, Names, Ownership,
    consent::{Asked, Consented, holds},
    split_pattern,
};

/// A right that a grant or a raw rule asks for, on a name or on all names with a beginning.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The team of the service account.
    pub team: &'a str,
    /// The authority over the file that asks.
    pub authority: Authority<'a>,
    /// The kind of resource.
    pub resource: Resource,
    /// The logical name, or the beginning of names. Ignored for the cluster.
    pub name: &'a str,
    /// `true` for all names that begin with `name`.
    pub open: bool,
    /// The operation.
    pub operation: Operation,
    /// Allowed or denied. A denial needs the same consent: it is a binding with the name of somebody else's object.
    pub permission: Permission,
    /// The last day of the right.
    pub until: Option<Date>,
}

impl<'a> Request<'a> {
    /// Returns the requests of a grant. An empty name, which validation refuses, gives none.
    pub fn of_grant(team: &'a str, authority: Authority<'a>, grant: &'a Grant) -> impl Iterator<Item = Self> {
        let Grant { produce, transactional_id, consume, group, until } = grant;
        [
            (Resource::Topic, produce, Operation::Write),
            (Resource::TransactionalId, transactional_id, Operation::Write),
            (Resource::Topic, consume, Operation::Read),
            (Resource::Group, group, Operation::Read),
        ]
        .into_iter()
        .filter_map(move |(resource, name, operation)| {
            let written = name.as_deref().filter(|name| !name.is_empty())?;
            let (name, open) = split_pattern(written);
            let permission = Permission::Allow;
            Some(Request { team, authority, resource, name, open, operation, permission, until: *until })
        })
    }

    /// Returns the field of a grant that comes to the request ([`Request::of_grant`]).
    pub fn field(&self) -> &'static str {
        match (self.resource, self.operation) {
            (Resource::Topic, Operation::Write) => "produce",
            (Resource::Group, _) => "group",
            (Resource::TransactionalId, _) => "transactionalId",
            (Resource::Topic | Resource::Cluster | Resource::DelegationToken, _) => "consume",
        }
    }

    /// Returns the reach of the right in a workspace that does not say which paths and names belong to which team. There,
    /// rules of validation judge it. `physical` is the name with the prefix of the stage.
    ///
    /// # Errors
    /// If the right has ended, or the name is one of weir's own notes.
    pub fn ungoverned(&self, physical: &str, today: Date) -> Result<Reach, Refusal<'static>> {
        let refused = |why| Err(Refusal { why, degree: Degree::of(self.resource, self.operation) });
        if !holds(self.until, Some(today)) {
            return refused(Why::Ended);
        }
        if is_reserved(self.resource, physical) {
            return refused(Why::Reserved);
        }
        match Names::of(self.resource) {
            Some(_) => Ok(Reach::Own),
            None => Ok(of_cluster(self.resource, self.operation, self.permission)),
        }
    }

    /// Returns the requests of a raw rule, one for each operation. An empty name, which validation refuses, gives none.
    pub fn of_rule(team: &'a str, authority: Authority<'a>, rule: &'a Rule) -> impl Iterator<Item = Self> {
        let (name, open) = target(rule);
        let named = Names::of(rule.resource).is_none() || rule.name.as_deref().is_some_and(|name| !name.is_empty());
        rule.operations.iter().filter(move |_| named).map(move |operation| Request {
            team,
            authority,
            resource: rule.resource,
            name,
            open,
            operation: *operation,
            permission: rule.permission,
            until: rule.until,
        })
    }
}

fn target(rule: &Rule) -> (&str, bool) {
    use weir_model::PatternType::{Literal, Prefixed};
    match (rule.name.as_deref().unwrap_or_default(), rule.pattern) {
        ("*", Literal) => ("", true),
        (name, Literal) => (name, false),
        (name, Prefixed) => (name, true),
    }
}

/// The names that a right reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// The team's own.
    Own,
    /// Names of another team, with its consent or that of the platform team.
    Consented,
    /// Names of any team, on the word of the platform team alone.
    PlatformWide,
    /// Everything: with the right, an account can change rights or act as another one.
    Escalation,
}

/// A right that nobody with the authority to do so agrees to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal<'w> {
    /// The reason.
    pub why: Why<'w>,
    /// The degree of the consent that is missing.
    pub degree: Degree,
}

impl Refusal<'_> {
    /// Returns the reason as a sentence without its end.
    pub fn reason(&self) -> String {
        self.why.reason()
    }
}

impl Why<'_> {
    /// Returns the reason as a sentence without its end.
    pub fn reason(&self) -> String {
        match self {
            Why::Owned(owner) => format!("team `{owner}` does not consent to it"),
            Why::Beyond(_) | Why::Nobody | Why::Cluster | Why::Escalation => {
                "the platform team does not consent to it".to_owned()
            }
            Why::Reserved => "weir keeps its own notes under such names".to_owned(),
            Why::Ended => "the last day of the right, or of the consent to it, has passed".to_owned(),
        }
    }
}

/// The reason of a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why<'w> {
    /// The name, or the beginning of names, is another team's.
    Owned(&'w str),
    /// The beginning covers names of these teams, and names that no team owns.
    Beyond(Vec<&'w str>),
    /// No team owns the name, so it is the platform team's.
    Nobody,
    /// The right concerns the whole cluster.
    Cluster,
    /// The right makes rights: an account with it can change rights or act as another account.
    Escalation,
    /// weir keeps its own notes under such names.
    Reserved,
    /// The last day of the right, or of the consent to it, has passed.
    Ended,
}

/// The beginning of the transactional ids under which weir keeps notes on brokers.
const RESERVED: &str = "weir.";

/// Returns `true` if weir keeps its own notes under such physical names, so that no file may use them.
pub fn is_reserved(resource: Resource, physical: &str) -> bool {
    resource == Resource::TransactionalId && physical.starts_with(RESERVED)
}

/// The judge of the rights that files ask for in one stage.
#[derive(Debug)]
pub struct Judge<'o, 'w> {
    ownership: &'o Ownership<'w>,
    view: &'o StageView<'w>,
    today: Option<Date>,
}

impl<'o, 'w> Judge<'o, 'w> {
    /// Returns a judge. Without a date for today, no right and no consent has ended.
    pub fn new(ownership: &'o Ownership<'w>, view: &'o StageView<'w>, today: Option<Date>) -> Self {
        Self { ownership, view, today }
    }

    /// Returns how far the right reaches.
    ///
    /// # Errors
    /// If nobody with the authority to do so agrees to it.
    pub fn judge(&self, request: &Request<'_>) -> Result<Reach, Refusal<'w>> {
        let degree = Degree::of(request.resource, request.operation);
        let refused = |why| Err(Refusal { why, degree });
        if !holds(request.until, self.today) {
            return refused(Why::Ended);
        }
        let by_platform = match request.authority {
            Authority::Platform => true,
            Authority::Team(team) if team == request.team => false,
            // Validation refuses the document.
            Authority::Team(team) => return refused(Why::Owned(self.name_of(team))),
            Authority::Unclear(..) => return refused(Why::Nobody),
        };
        let Some(names) = Names::of(request.resource) else {
            return match of_cluster(request.resource, request.operation, request.permission) {
                Reach::Own => Ok(Reach::Own),
                reach if by_platform => Ok(reach),
                Reach::Escalation => refused(Why::Escalation),
                Reach::Consented | Reach::PlatformWide => refused(Why::Cluster),
            };
        };
        if self.is_reserved(request) {
            return refused(Why::Reserved);
        }
        let judged = match request.open {
            true => self.beginning(names, request, degree),
            false => self.name(names, request, degree),
        };
        match judged {
            Err(_) if by_platform => Ok(Reach::PlatformWide),
            Ok(_) if by_platform && self.unconsenting(request).next().is_some() => Ok(Reach::PlatformWide),
            judged => judged,
        }
    }

    /// Returns `true` if weir keeps its own notes under the physical name of a request.
    fn is_reserved(&self, request: &Request<'_>) -> bool {
        let prefix = self.view.stage.prefix.of(request.resource);
        // Without a prefix there is nothing to put together.
        match prefix.is_empty() {
            true => is_reserved(request.resource, request.name),
            false => is_reserved(request.resource, &format!("{prefix}{}", request.name)),
        }
    }

    /// Returns the topics that the right reaches although their team does not consent, if the right is a beginning of
    /// names that [`judge`](Self::judge) accepts.
    ///
    /// Such a topic lies in the name space of one team and belongs to another one, which only a file of the platform team
    /// can declare. The older right stays, and the finding stands at the topic. A file of the platform team that asks for
    /// the right consents to it, too.
    pub fn conflicts(&self, request: &Request<'_>) -> Vec<&'w Topic> {
        match request.authority {
            Authority::Team(_) => self.unconsenting(request).collect(),
            Authority::Platform | Authority::Unclear(..) => Vec::new(),
        }
    }

    /// Returns the consents that a right rests on, if it was judged as [`Reach::Consented`]: of several consents to the
    /// same names, the one that holds longest. The right ends with the first of those returned.
    pub fn consents_to(&self, request: &Request<'_>) -> Vec<Consented<'w>> {
        let degree = Degree::of(request.resource, request.operation);
        let Some(names) = Names::of(request.resource) else { return Vec::new() };
        let platform = self.ownership.platform();
        let of_names = |owner, name, open| {
            let asked =
                Asked { names, name, open, team: request.team, degree, today: self.today, stage: self.view.stage };
            self.ownership.consents.longest(owner, &asked, platform)
        };
        let of_topic = |name: &str| {
            let staged = self.view.topics.get(name).filter(|_| names == Names::Topics)?;
            degree.met_by_topic(request.team, staged.access, self.today).then(|| Consented::by_topic(staged))
        };
        // Of two that hold equally long, the topic's own comes last and is taken.
        let longest = |owner, name| {
            of_names(owner, name, false).into_iter().chain(of_topic(name)).max_by_key(Consented::holds_until)
        };
        if !request.open {
            return longest(self.owner_of(names, request.name), request.name).into_iter().collect();
        }
        let owner = self.ownership.owner(names, request.name);
        of_names(owner, request.name, true).into_iter().collect()
    }

    /// Returns the owner of a name: for a declared topic, its team.
    fn owner_of(&self, names: Names, name: &str) -> Option<&'w str> {
        let declared = match names {
            Names::Topics if !self.ownership.strays.is_empty() => self.ownership.strays.get(name).copied(),
            _ => None,
        };
        match declared {
            Some(topic) => Some(topic.metadata.team.as_str()),
            None => self.ownership.owner(names, name),
        }
    }

    fn name(&self, names: Names, request: &Request<'_>, degree: Degree) -> Result<Reach, Refusal<'w>> {
        let owner = self.owner_of(names, request.name);
        if owner.unwrap_or(self.ownership.platform()) == request.team {
            return Ok(Reach::Own);
        }
        let staged = if names == Names::Topics { self.view.topics.get(request.name) } else { None };
        if staged.is_some_and(|topic| degree.met_by_topic(request.team, topic.access, self.today))
            || self.consents(owner, names, request.name, false, request, degree)
        {
            return Ok(Reach::Consented);
        }
        let had = staged.is_some_and(|topic| degree.met_by_topic(request.team, topic.access, None))
            || self.had_consent(owner, names, request, degree);
        let why = match owner {
            _ if had => Why::Ended,
            Some(owner) => Why::Owned(owner),
            None => Why::Nobody,
        };
        Err(Refusal { why, degree })
    }

    fn beginning(&self, names: Names, request: &Request<'_>, degree: Degree) -> Result<Reach, Refusal<'w>> {
        let owner = self.ownership.owner(names, request.name);
        let own = match owner {
            Some(owner) => owner == request.team,
            // The platform team owns the names that no team owns, but not those of the teams.
            None => {
                request.team == self.ownership.platform() && self.ownership.spaces.below(names, request.name).is_empty()
            }
        };
        // The consent of the platform team covers everything below; that of an owner only the owner's names.
        if !own && self.consents(None, names, request.name, true, request, degree) {
            return Ok(Reach::Consented);
        }
        if own {
            return Ok(Reach::Own);
        }
        if owner.is_some() && self.consents(owner, names, request.name, true, request, degree) {
            return Ok(Reach::Consented);
        }
        let why = match owner {
            _ if self.had_consent(owner, names, request, degree) => Why::Ended,
            Some(owner) => Why::Owned(owner),
            None => match self.ownership.spaces.below(names, request.name) {
                teams if teams.is_empty() => Why::Nobody,
                teams => Why::Beyond(teams),
            },
        };
        Err(Refusal { why, degree })
    }

    fn consents(
        &self,
        owner: Option<&str>,
        names: Names,
        name: &str,
        open: bool,
        request: &Request<'_>,
        degree: Degree,
    ) -> bool {
        let stage = self.view.stage;
        let asked = Asked { names, name, open, team: request.team, degree, today: self.today, stage };
        self.ownership.consents.cover(owner, &asked)
    }

    /// Returns `true` if a consent that has ended covered the request.
    fn had_consent(&self, owner: Option<&str>, names: Names, request: &Request<'_>, degree: Degree) -> bool {
        let (name, open, stage) = (request.name, request.open, self.view.stage);
        let asked = Asked { names, name, open, team: request.team, degree, today: None, stage };
        self.today.is_some() && self.ownership.consents.cover(owner, &asked)
    }

    /// Returns the topics of the stage below a beginning that lie in the name space of one team and belong to another
    /// one, which neither asks nor consents.
    fn unconsenting(&self, request: &Request<'_>) -> impl Iterator<Item = &'w Topic> {
        let is_concerned = request.open && request.resource == Resource::Topic;
        let strays = Some(&self.ownership.strays).filter(|strays| is_concerned && !strays.is_empty());
        let degree = Degree::of(request.resource, request.operation);
        let owner = strays.and_then(|_| self.ownership.owner(Names::Topics, request.name));
        let owner = owner.unwrap_or(self.ownership.platform());
        let below = strays.map(|strays| strays.range::<str, _>((Bound::Included(request.name), Bound::Unbounded)));
        below
            .into_iter()
            .flatten()
            .take_while(move |(name, _)| name.starts_with(request.name))
            .map(|(_, topic)| *topic)
            .filter(move |topic| topic.metadata.team != owner && topic.metadata.team != request.team)
            .filter(move |topic| {
                let name = topic.metadata.name.as_str();
                let staged = self.view.topics.get(name).filter(|staged| staged.ensure != Ensure::Absent);
                staged.is_some_and(|staged| {
                    let by_owner = Some(topic.metadata.team.as_str());
                    !degree.met_by_topic(request.team, staged.access, self.today)
                        && !self.consents(by_owner, Names::Topics, name, false, request, degree)
                        && !self.consents(None, Names::Topics, request.name, true, request, degree)
                })
            })
    }

    /// Returns the topics of other teams that a right to all topics with a beginning reaches, in this stage; by name.
    /// There may be as many as the workspace has, so callers ask once for each team and beginning.
    pub fn topics_below(&self, team: &str, beginning: &str) -> impl Iterator<Item = &'w Topic> {
        let below = self.view.topics.range(beginning..).take_while(move |(name, _)| name.starts_with(beginning));
        below.map(|(_, topic)| topic.entity).filter(move |topic| topic.metadata.team != team)
    }

    /// Returns the name of a team as the workspace holds it.
    fn name_of(&self, team: &str) -> &'w str {
        let known = self.ownership.workspace.teams.get_key_value(team);
        known.map_or(self.ownership.platform(), |(name, _)| name.as_str())
    }
}

/// Returns the reach of a right on the cluster or on delegation tokens.
///
/// Alter on the cluster changes ACL bindings and credentials of users, AlterConfigs the log-ins of listeners,
/// ClusterAction acts as a broker. A delegation token acts as its owner, and whoever may describe a token can use it
/// (KIP-48, KIP-373).
pub fn of_cluster(resource: Resource, operation: Operation, permission: Permission) -> Reach {
    match (resource, operation) {
        (Resource::Cluster, Operation::IdempotentWrite) => Reach::Own,
        // A denial takes rights from the team's own account.
        _ if permission == Permission::Deny => Reach::PlatformWide,
        (Resource::Cluster, Operation::Describe | Operation::DescribeConfigs | Operation::Create) => {
            Reach::PlatformWide
        }
        _ => Reach::Escalation,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: &str = "
apiVersion: weir/v1
kind: Workspace
metadata: {name: shop}
spec:
  clusters: {a: {sandbox: {path: .weir/a}}, b: {sandbox: {path: .weir/b}}}
  stages: [{name: dev, cluster: a}, {name: prod, cluster: b}]
  ownership: {platform: platform}
---
{apiVersion: weir/v1, kind: Team, metadata: {name: platform}}
---
{apiVersion: weir/v1, kind: Team, metadata: {name: toll}}
---
{apiVersion: weir/v1, kind: Team, metadata: {name: cards}}
---
apiVersion: weir/v1
kind: Topic
metadata: {name: toll.special.v1, team: cards}
spec: {stages: {prod: }, notIn: {dev: not yet}}
---
apiVersion: weir/v1
kind: Topic
metadata: {name: toll.old.v1, team: cards}
spec: {ensure: absent}
---
apiVersion: weir/v1
kind: Topic
metadata: {name: toll.agreed.v1, team: cards}
spec: {access: {producers: [toll]}}
";

    #[test]
    fn a_topic_of_another_team_leaves_the_rights_of_a_name_space_alone() {
        let workspace = weir_model::load([("weir.yaml", FILES)]).workspace.unwrap();
        let ownership = Ownership::of(&workspace).unwrap();
        let judged = |stage: &str, authority| {
            let view = workspace.stage(stage).unwrap();
            let judge = Judge::new(&ownership, &view, None);
            let (resource, operation, permission) = (Resource::Topic, Operation::Write, Permission::Allow);
            let request = Request {
                team: "toll",
                authority,
                resource,
                name: "toll.",
                open: true,
                operation,
                permission,
                until: None,
            };
            let conflicts: Vec<&str> =
                judge.conflicts(&request).into_iter().map(|topic| topic.metadata.name.as_str()).collect();
            (judge.judge(&request).unwrap(), conflicts)
        };
        assert_eq!(judged("dev", Authority::Team("toll")), (Reach::Own, vec![]));
        assert_eq!(judged("prod", Authority::Team("toll")), (Reach::Own, vec!["toll.special.v1"]));
        assert_eq!(judged("dev", Authority::Platform), (Reach::Own, vec![]));
        assert_eq!(judged("prod", Authority::Platform), (Reach::PlatformWide, vec![]));
    }
}
