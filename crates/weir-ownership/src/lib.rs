//! Which team has authority over a path, owns a name, and may reach another team's names.
//!
//! The forge decides who may merge a change to a path. [`Ownership`] ties everything else to the path, and believes no
//! document about itself:
//!
//! - [`Ownership::authority`] tells the team that may change a file;
//! - [`Ownership::owner`] tells the team that owns a name, by the name spaces of the teams;
//! - [`Judge::judge`] tells how far a grant or a raw rule reaches: into the team's own names, into names with their
//!   owner's consent, or beyond.
//!
//! ```
//! use weir_ownership::{Authority, Names, Ownership};
//!
//! let loaded = weir_model::load([("weir.yaml", "
//! apiVersion: weir/v1
//! kind: Workspace
//! metadata: {name: example}
//! spec:
//!   clusters: {local: {sandbox: {path: .weir/local}}}
//!   stages: [{name: dev, cluster: local}]
//!   ownership: {platform: platform}
//! ---
//! {apiVersion: weir/v1, kind: Team, metadata: {name: toll}}
//! ---
//! {apiVersion: weir/v1, kind: Team, metadata: {name: platform}}
//! ")]);
//! let workspace = loaded.workspace.unwrap();
//! let ownership = Ownership::of(&workspace).unwrap();
//! assert_eq!(ownership.authority("teams/toll/kafka.yaml"), Authority::Team("toll"));
//! assert_eq!(ownership.authority("weir.yaml"), Authority::Platform);
//! assert_eq!(ownership.owner(Names::Topics, "toll.passages.v1"), Some("toll"));
//! assert_eq!(ownership.owner(Names::Topics, "toll-gates.v1"), None);
//! ```

mod consent;
mod forge;
mod judge;
mod path;
mod space;

use std::collections::BTreeMap;

use weir_model::{Declared, Kind, Origin, OwnershipSpec, Topic, Workspace};

use self::{consent::Consents, space::Spaces};
pub use self::{
    consent::{Consented, Degree},
    forge::{NoReviewers, Protected},
    judge::{Judge, Reach, Refusal, Request, Why, is_reserved, of_cluster},
    path::{Authority, InvalidTemplate, Template},
    space::{Names, overlap, resolved, split_pattern},
};

/// The ownership of paths and names in a workspace.
#[derive(Debug)]
pub struct Ownership<'w> {
    workspace: &'w Workspace,
    spec: &'w OwnershipSpec,
    templates: Vec<Template>,
    /// The authority over each file of the workspace, by the file's number.
    files: Vec<Authority<'w>>,
    spaces: Spaces<'w>,
    consents: Consents<'w>,
    /// The topics whose team is not the owner of their name space: files of the platform team say so. By name.
    strays: BTreeMap<&'w str, &'w Topic>,
}

impl<'w> Ownership<'w> {
    /// Returns the ownership that `weir.yaml` declares; `None` if it has no section `ownership`.
    ///
    /// Parts that validation refuses (an invalid template, name spaces that overlap) are left out.
    pub fn of(workspace: &'w Workspace) -> Option<Self> {
        let spec = workspace.settings.spec.ownership.as_ref()?;
        let templates: Vec<Template> = spec.teams.paths.iter().filter_map(|text| Template::parse(text).ok()).collect();
        let spaces = Spaces::of(workspace);
        let mut ownership = Self {
            workspace,
            spec,
            templates,
            files: Vec::new(),
            spaces,
            consents: Consents::default(),
            strays: BTreeMap::new(),
        };
        ownership.files = workspace.paths.iter().map(|path| ownership.authority(path)).collect();
        ownership.consents = Consents::of(&ownership);
        ownership.strays = workspace
            .topics
            .iter()
            .filter(|(name, topic)| ownership.owner(Names::Topics, name) != Some(topic.metadata.team.as_str()))
            .map(|(name, topic)| (name.as_str(), topic))
            .collect();
        Some(ownership)
    }

    /// Returns the name of the platform team.
    pub fn platform(&self) -> &'w str {
        &self.spec.platform
    }

    /// Returns `true` if a path has the form of a team's path, whatever teams there are. Paths of the platform team's own
    /// name have not.
    pub fn may_be_of_team(&self, path: &str) -> bool {
        let mut names = self.templates.iter().filter_map(|template| template.captures(path, true));
        names.any(|name| name != self.platform())
    }

    /// Returns the team that may change the file at `path`, which is relative to the workspace, with `/`.
    pub fn authority(&self, path: &str) -> Authority<'w> {
        path::authority(&self.templates, path, &self.workspace.teams, self.platform())
    }

    /// Returns the authority over the file that an entity was read from. An entity that was not read from a file is the
    /// platform team's: the program that made it decides.
    pub fn authority_over(&self, origin: Origin) -> Authority<'w> {
        self.files.get(origin.file.0 as usize).copied().unwrap_or(Authority::Platform)
    }

    /// Returns the team that owns the logical name; `None` if it lies in no team's name space.
    pub fn owner(&self, names: Names, name: &str) -> Option<&'w str> {
        self.spaces.owner(names, name)
    }

    /// Returns the beginnings of names that a team owns.
    pub fn spaces(&self, names: Names, team: &str) -> impl Iterator<Item = &str> {
        self.spaces.of_team(names, team)
    }

    /// Returns `true` if the name lies in a name space of the team, or if the team is the platform team and the name
    /// lies in no other team's.
    pub fn owns(&self, team: &str, names: Names, name: &str) -> bool {
        self.owner(names, name).unwrap_or(self.platform()) == team
    }
}

/// The kinds of documents that a team may write in its own path.
pub const OF_TEAMS: [Kind; 4] = [Kind::Topic, Kind::ServiceAccount, Kind::AccessControlList, Kind::Consent];

impl Ownership<'_> {
    /// Returns the sorts of names that the name of an entity of this kind may be one of. The names of access control lists
    /// and consents are not on the cluster, but one name can be used only once.
    pub fn sorts(kind: Kind) -> &'static [Names] {
        match kind {
            Kind::Topic => &[Names::Topics],
            Kind::ServiceAccount => &[Names::ServiceAccounts],
            Kind::AccessControlList | Kind::Consent => &Names::ALL,
            // No team may declare these.
            _ => &[],
        }
    }

    /// Returns `true` if the path of a document has authority over the entity: the kind, the team and the name are right for
    /// the team whose path it is.
    pub fn admits(&self, declared: Declared<'_>) -> bool {
        let Declared { path: _, kind, name, team: claimed, origin } = declared;
        match self.authority_over(origin) {
            Authority::Team(team) => {
                OF_TEAMS.contains(&kind)
                    && claimed == Some(team)
                    && Self::sorts(kind).iter().any(|names| self.owner(*names, name) == Some(team))
            }
            // The rule `path-authority` reports unclear paths, and they stop every plan.
            Authority::Platform | Authority::Unclear(..) => true,
        }
    }
}

/// The example of the README, compiled with the examples of this documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
