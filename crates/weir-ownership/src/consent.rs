//! Consents of owners.

use std::collections::BTreeMap;

use weir_model::{ConsentSpec, Date, Operation, Resource, Stage, TopicAccess};

use crate::{Authority, Names, Ownership};

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

    pub(crate) fn met_by_topic(self, team: &str, access: &TopicAccess, today: Option<Date>) -> bool {
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

/// The consents of a workspace, by sort of names.
#[derive(Debug, Default)]
pub(crate) struct Consents<'w> {
    by_name: [BTreeMap<&'w str, Vec<Given<'w>>>; 4],
}

#[derive(Clone, Copy, Debug)]
struct Given<'w> {
    /// The team that consents; `None` for the platform team.
    by: Option<&'w str>,
    /// `true` for a beginning of names.
    open: bool,
    spec: &'w ConsentSpec,
}

impl<'w> Consents<'w> {
    pub(crate) fn of(ownership: &Ownership<'w>) -> Self {
        let mut all = Self::default();
        for spec in &ownership.spec.consents {
            all.add(None, spec);
        }
        for consent in ownership.workspace.consents.values() {
            match ownership.authority_over(consent.origin) {
                Authority::Platform => all.add(None, &consent.spec),
                Authority::Team(team) if team == consent.metadata.team => all.add(Some(team), &consent.spec),
                // Validation refuses the document.
                Authority::Team(_) | Authority::Unclear(..) => {}
            }
        }
        all
    }

    fn add(&mut self, by: Option<&'w str>, spec: &'w ConsentSpec) {
        let ConsentSpec { topics, groups, transactional_ids, .. } = spec;
        for (names, written) in
            [(Names::Topics, topics), (Names::Groups, groups), (Names::TransactionalIds, transactional_ids)]
        {
            for text in written {
                let (name, open) = text.strip_suffix('*').map_or((text.as_str(), false), |body| (body, true));
                self.by_name[names as usize].entry(name).or_default().push(Given { by, open, spec });
            }
        }
    }

    /// Returns `true` if the platform team, or `owner`, consents to the use of a name, or of all names that begin with
    /// it.
    pub(crate) fn cover(&self, owner: Option<&str>, asked: &Asked<'_>) -> bool {
        let by_name = &self.by_name[asked.names as usize];
        if by_name.is_empty() {
            return false;
        }
        (0..=asked.name.len()).filter_map(|end| asked.name.get(..end)).any(|beginning| {
            let whole = beginning.len() == asked.name.len();
            by_name.get(beginning).into_iter().flatten().any(|given| {
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
