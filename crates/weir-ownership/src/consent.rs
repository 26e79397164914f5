//! Consents of owners.

use std::{cmp::Reverse, collections::BTreeMap};

use weir_model::{ConsentSpec, Date, Kind, Operation, Origin, Resource, Stage, StagedTopic, TopicAccess};

use crate::{Authority, Names, Ownership, split_pattern};

/// The degree of a consent that a right needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Degree {
    /// To see names and settings.
    Observer,
    /// To read.
    Consumer,
    /// To write.
    Producer,
    /// To do everything else.
    Administrator,
}

impl Degree {
    /// Returns the degree that an operation on a resource needs.
    pub fn of(resource: Resource, operation: Operation) -> Self {
        match operation {
            Operation::Describe | Operation::DescribeConfigs => Degree::Observer,
            Operation::Read => Degree::Consumer,
            Operation::Write if resource != Resource::Group => Degree::Producer,
            Operation::Write
            | Operation::All
            | Operation::Create
            | Operation::Delete
            | Operation::Alter
            | Operation::AlterConfigs
            | Operation::ClusterAction
            | Operation::IdempotentWrite
            | Operation::CreateTokens
            | Operation::DescribeTokens => Degree::Administrator,
        }
    }

    /// Returns the name of the field in which a consent names teams.
    pub fn field(self) -> &'static str {
        match self {
            Degree::Observer => "observers",
            Degree::Consumer => "consumers",
            Degree::Producer => "producers",
            Degree::Administrator => "administrators",
        }
    }

    /// Returns `true` if the lists name the team for this degree. `*` is every team, but not as administrator.
    fn met(self, team: &str, [observers, consumers, producers, administrators]: [&[String]; 4]) -> bool {
        let named = |teams: &[String]| teams.iter().any(|name| name == team || name == "*");
        let used = match self {
            Degree::Observer => named(observers) || named(consumers) || named(producers),
            Degree::Consumer => named(consumers),
            Degree::Producer => named(producers),
            Degree::Administrator => false,
        };
        used || administrators.iter().any(|name| name == team)
    }

    /// Returns `true` if the consent of a topic names the team for this degree. Without a date for today, it has not ended.
    pub fn met_by_topic(self, team: &str, access: &TopicAccess, today: Option<Date>) -> bool {
        let TopicAccess { observers, consumers, producers, administrators, until } = access;
        holds(*until, today) && self.met(team, [observers, consumers, producers, administrators])
    }

    fn met_by(self, team: &str, consent: &ConsentSpec, today: Option<Date>, stage: &Stage) -> bool {
        let ConsentSpec { observers, consumers, producers, administrators, until, stages, .. } = consent;
        holds(*until, today)
            && (stages.is_empty() || stages.contains(&stage.name))
            && self.met(team, [observers, consumers, producers, administrators])
    }
}

/// Returns `true` if the last day has not passed. Without a date for today, nothing has ended.
pub(crate) fn holds(until: Option<Date>, today: Option<Date>) -> bool {
    match (until, today) {
        (Some(until), Some(today)) => today <= until,
        _ => true,
    }
}

/// Returns a value that is greater for a later last day, and greatest without one.
fn last(until: Option<Date>) -> (bool, Option<Date>) {
    (until.is_none(), until)
}

/// The consents of a workspace, by sort of names.
#[derive(Debug, Default)]
pub(crate) struct Consents<'w> {
    by_name: [BTreeMap<&'w str, Vec<Given<'w>>>; 4],
}

/// A consent that a right rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consented<'w> {
    /// The team that consents.
    pub by: &'w str,
    /// The kind of the entity that says so.
    pub kind: Kind,
    /// The logical name of the entity that says so.
    pub entity: &'w str,
    /// The place of the entity.
    pub origin: Origin,
    /// The last day of the consent.
    pub until: Option<Date>,
}

impl<'w> Consented<'w> {
    /// Returns the consent that a topic's file states.
    pub(crate) fn by_topic(topic: &StagedTopic<'w>) -> Self {
        let (metadata, origin) = (&topic.entity.metadata, topic.entity.origin);
        Self { by: &metadata.team, kind: Kind::Topic, entity: &metadata.name, origin, until: topic.access.until }
    }

    /// Returns a value that is greater for a consent that holds longer.
    pub(crate) fn holds_until(&self) -> (bool, Option<Date>) {
        last(self.until)
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Given<'w> {
    /// The team that consents; `None` for the platform team.
    by: Option<&'w str>,
    kind: Kind,
    entity: &'w str,
    origin: Origin,
    /// `true` for a beginning of names.
    open: bool,
    spec: &'w ConsentSpec,
}

impl<'w> Consents<'w> {
    pub(crate) fn of(ownership: &Ownership<'w>) -> Self {
        let mut all = Self::default();
        let settings = &ownership.workspace.settings;
        for spec in &ownership.spec.consents {
            let (kind, entity) = (Kind::Workspace, settings.metadata.name.as_str());
            all.add(Given { by: None, kind, entity, origin: settings.origin, open: false, spec });
        }
        for consent in ownership.workspace.consents.values() {
            let by = match ownership.authority_over(consent.origin) {
                Authority::Platform => None,
                Authority::Team(team) if team == consent.metadata.team => Some(team),
                // Validation refuses the document.
                Authority::Team(_) | Authority::Unclear(..) => continue,
            };
            let (kind, entity) = (Kind::Consent, consent.metadata.name.as_str());
            all.add(Given { by, kind, entity, origin: consent.origin, open: false, spec: &consent.spec });
        }
        // The first that covers a request holds longest. Of two that hold equally long, it is the later one.
        for given in all.by_name.iter_mut().flat_map(BTreeMap::values_mut) {
            given.reverse();
            given.sort_by_key(|given| Reverse(last(given.spec.until)));
        }
        all
    }

    fn add(&mut self, given: Given<'w>) {
        let ConsentSpec { topics, groups, transactional_ids, .. } = given.spec;
        for (names, written) in
            [(Names::Topics, topics), (Names::Groups, groups), (Names::TransactionalIds, transactional_ids)]
        {
            for text in written {
                let (name, open) = split_pattern(text);
                self.by_name[names as usize].entry(name).or_default().push(Given { open, ..given });
            }
        }
    }

    /// Returns `true` if the platform team, or `owner`, consents to the use of a name, or of all names that begin with
    /// it.
    pub(crate) fn cover(&self, owner: Option<&str>, asked: &Asked<'_>) -> bool {
        self.covering(owner, asked).next().is_some()
    }

    /// Returns the consent of the platform team, or of `owner`, that holds longest.
    pub(crate) fn longest(&self, owner: Option<&str>, asked: &Asked<'_>, platform: &'w str) -> Option<Consented<'w>> {
        let longest = self.covering(owner, asked).max_by_key(|given| last(given.spec.until))?;
        let Given { by, kind, entity, origin, open: _, spec } = *longest;
        Some(Consented { by: by.unwrap_or(platform), kind, entity, origin, until: spec.until })
    }

    /// Returns the consents that cover a request: for each beginning of the name, the one that holds longest.
    fn covering<'s>(&'s self, owner: Option<&'s str>, asked: &'s Asked<'s>) -> impl Iterator<Item = &'s Given<'w>> {
        let by_name = &self.by_name[asked.names as usize];
        let lengths = if by_name.is_empty() { 0..=0 } else { 0..=asked.name.len() };
        lengths.filter_map(|end| asked.name.get(..end)).filter_map(move |beginning| {
            let whole = beginning.len() == asked.name.len();
            by_name.get(beginning)?.iter().find(|given| {
                (given.open || whole && !asked.open)
                    && (given.by.is_none() || given.by == owner)
                    && asked.degree.met_by(asked.team, given.spec, asked.today, asked.stage)
            })
        })
    }
}

/// A question to the consents.
pub(crate) struct Asked<'a> {
    pub(crate) names: Names,
    pub(crate) name: &'a str,
    pub(crate) open: bool,
    pub(crate) team: &'a str,
    pub(crate) degree: Degree,
    pub(crate) today: Option<Date>,
    pub(crate) stage: &'a Stage,
}
