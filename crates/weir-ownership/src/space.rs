//! Name spaces: the beginnings of names that a team owns.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::FixedState;
use weir_model::{NameSpaces, Prefix, Resource, Workspace};

/// The names that name spaces are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Names {
    /// Of topics.
    Topics,
    /// Of consumer groups.
    Groups,
    /// Of transactional ids.
    TransactionalIds,
    /// Of service accounts.
    ServiceAccounts,
}

impl Names {
    /// All sorts of names.
    pub const ALL: [Names; 4] = [Names::Topics, Names::Groups, Names::TransactionalIds, Names::ServiceAccounts];

    /// Returns the name of the field in `names`, `adopt` and consents.
    pub fn field(self) -> &'static str {
        match self {
            Names::Topics => "topics",
            Names::Groups => "groups",
            Names::TransactionalIds => "transactionalIds",
            Names::ServiceAccounts => "serviceAccounts",
        }
    }

    /// Returns the sort of names that a resource has; `None` for the cluster and for delegation tokens.
    pub fn of(resource: Resource) -> Option<Self> {
        match resource {
            Resource::Topic => Some(Names::Topics),
            Resource::Group => Some(Names::Groups),
            Resource::TransactionalId => Some(Names::TransactionalIds),
            Resource::Cluster | Resource::DelegationToken => None,
        }
    }

    /// Returns one such object, as a sentence has it.
    pub fn noun(self) -> &'static str {
        match self {
            Names::Topics => "topic",
            Names::Groups => "consumer group",
            Names::TransactionalIds => "transactional id",
            Names::ServiceAccounts => "service account",
        }
    }

    /// Returns the beginnings as written; `None` if the list is left out.
    pub fn written(self, spaces: &NameSpaces) -> Option<&[String]> {
        match self {
            Names::Topics => spaces.topics.as_deref(),
            Names::Groups => spaces.groups.as_deref(),
            Names::TransactionalIds => spaces.transactional_ids.as_deref(),
            Names::ServiceAccounts => spaces.service_accounts.as_deref(),
        }
    }

    fn default(self) -> &'static [&'static str] {
        match self {
            Names::Topics => &["{team}."],
            Names::Groups | Names::TransactionalIds => &["{team}.", "{team}-"],
            Names::ServiceAccounts => &["{team}-"],
        }
    }

    /// Returns the prefix that a stage puts before such names; it is empty where there is none.
    pub fn prefix(self, prefix: &Prefix) -> &str {
        match self {
            Names::Topics => prefix.topic.as_deref(),
            Names::Groups => prefix.group.as_deref(),
            Names::TransactionalIds => prefix.transactional_id.as_deref(),
            Names::ServiceAccounts => prefix.service_account.as_deref(),
        }
        .unwrap_or_default()
    }

    /// Returns the beginning of a name as it is compared. Topics whose names differ only in `.` and `_` exclude each
    /// other, since Kafka's metrics cannot tell them apart (Kafka: `Topic.hasCollision`); groups, transactional ids and
    /// principals have no such rule.
    pub fn folded(self, beginning: &str) -> String {
        if self == Names::Topics { beginning.replace('_', ".") } else { beginning.to_owned() }
    }
}

/// Returns the beginnings of names that a team owns, as written in its `Team` or in the templates of the workspace.
pub fn resolved(workspace: &Workspace, names: Names, team: &str) -> Vec<String> {
    let own = workspace.teams.get(team).and_then(|team| names.written(&team.spec.names));
    let templates = workspace.settings.spec.ownership.as_ref().and_then(|spec| names.written(&spec.teams.names));
    match own.or(templates) {
        Some(written) => written.iter().map(|text| text.replace("{team}", team)).collect(),
        None => names.default().iter().map(|text| text.replace("{team}", team)).collect(),
    }
}

/// Returns `true` if a name can lie in both name spaces, or if topics of the two can exclude each other.
pub fn overlap(names: Names, a: &str, b: &str) -> bool {
    let (a, b) = (names.folded(a), names.folded(b));
    a.starts_with(&b) || b.starts_with(&a)
}

/// Returns a name, and `true` if the text is a beginning of names followed by `*`.
pub fn split_pattern(text: &str) -> (&str, bool) {
    text.strip_suffix('*').map_or((text, false), |beginning| (beginning, true))
}

/// The name spaces of all teams.
#[derive(Debug, Default)]
pub(crate) struct Spaces<'w> {
    by_sort: [Sort<'w>; 4],
    by_team: BTreeMap<&'w str, [Vec<String>; 4]>,
}

/// The name spaces of one sort of names. None begins another.
#[derive(Debug, Default)]
struct Sort<'w> {
    /// The beginnings with their teams, sorted.
    sorted: Vec<(String, &'w str)>,
    /// The team of each beginning.
    teams: HashMap<String, &'w str, FixedState>,
    /// The last bytes of the beginnings: nearly always one or two separators.
    ends: Vec<u8>,
}

impl<'w> Spaces<'w> {
    pub(crate) fn of(workspace: &'w Workspace) -> Self {
        let mut spaces = Self::default();
        for names in Names::ALL {
            let mut sorted: Vec<(String, &'w str)> = Vec::new();
            for team in workspace.teams.keys() {
                for beginning in resolved(workspace, names, team).into_iter().filter(|text| !text.is_empty()) {
                    spaces.by_team.entry(team).or_default()[names as usize].push(beginning.clone());
                    sorted.push((beginning, team));
                }
            }
            sorted.sort();
            // A beginning inside another one adds nothing. If the two are of different teams, that is an error which
            // validation reports; until it is mended, the shorter one holds.
            sorted.dedup_by(|later, earlier| later.0.starts_with(&earlier.0));
            let mut ends: Vec<u8> = sorted.iter().filter_map(|(beginning, _)| beginning.bytes().last()).collect();
            ends.sort_unstable();
            ends.dedup();
            let teams = sorted.iter().cloned().collect();
            spaces.by_sort[names as usize] = Sort { sorted, teams, ends };
        }
        spaces
    }

    pub(crate) fn owner(&self, names: Names, name: &str) -> Option<&'w str> {
        let Sort { teams, ends, .. } = &self.by_sort[names as usize];
        let beginnings = name.bytes().enumerate().filter(|(_, byte)| ends.contains(byte));
        beginnings.filter_map(|(at, _)| name.get(..=at)).find_map(|beginning| teams.get(beginning).copied())
    }

    pub(crate) fn of_team(&self, names: Names, team: &str) -> impl Iterator<Item = &str> {
        self.by_team.get(team).into_iter().flat_map(move |all| &all[names as usize]).map(String::as_str)
    }

    /// Returns the teams with name spaces below a beginning of names.
    pub(crate) fn below(&self, names: Names, beginning: &str) -> Vec<&'w str> {
        let sorted = &self.by_sort[names as usize].sorted;
        let from = sorted.partition_point(|(space, _)| space.as_str() < beginning);
        let mut teams: Vec<&str> = sorted[from..]
            .iter()
            .take_while(|(space, _)| space.starts_with(beginning))
            .map(|(_, team)| *team)
            .collect();
        teams.sort_unstable();
        teams.dedup();
        teams
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_of_a_name_has_a_name_space_that_begins_it() {
        let file = "
apiVersion: weir/v1
kind: Workspace
metadata: {name: shop}
spec:
  clusters: {a: {sandbox: {path: .weir/a}}}
  stages: [{name: dev, cluster: a}]
  ownership: {platform: platform}
---
{apiVersion: weir/v1, kind: Team, metadata: {name: toll}}
---
{apiVersion: weir/v1, kind: Team, metadata: {name: cards}, spec: {names: {topics: [cards.eu., cards-, maße]}}}
";
        let workspace = weir_model::load([("weir.yaml", file)]).workspace.unwrap();
        let spaces = Spaces::of(&workspace);
        for (name, owner) in [
            ("toll.passages", Some("toll")),
            ("toll.", Some("toll")),
            ("toll", None),
            ("toll-gates", None),
            ("cards.eu.status", Some("cards")),
            ("cards.us.status", None),
            ("cards-status.toll.x", Some("cards")),
            ("maße.x", Some("cards")),
            ("mae", None),
            ("ß", None),
            ("", None),
        ] {
            assert_eq!(spaces.owner(Names::Topics, name), owner, "{name}");
        }
    }
}
