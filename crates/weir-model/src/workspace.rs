use std::collections::BTreeMap;

use crate::{AccessControlList, EntityRef, Kind, Origin, Policy, ServiceAccount, Team, Topic, Waiver, WorkspaceEntity};

/// All entities of a workspace, by kind and logical name.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// The entity of kind `Workspace`: stages, clusters, profiles, defaults.
    pub settings: WorkspaceEntity,
    /// Teams.
    pub teams: BTreeMap<String, Team>,
    /// Topics.
    pub topics: BTreeMap<String, Topic>,
    /// Service accounts.
    pub service_accounts: BTreeMap<String, ServiceAccount>,
    /// Access control lists.
    pub access_control_lists: BTreeMap<String, AccessControlList>,
    /// Policies.
    pub policies: BTreeMap<String, Policy>,
    /// Exceptions from rules.
    pub waivers: BTreeMap<String, Waiver>,
}

impl Workspace {
    /// All entities, by kind and name.
    pub fn entities(&self) -> impl Iterator<Item = EntityRef> {
        let named = |kind: Kind, name: &String| EntityRef::new(kind, name);
        std::iter::once(named(Kind::Workspace, &self.settings.metadata.name))
            .chain(self.teams.keys().map(move |name| named(Kind::Team, name)))
            .chain(self.topics.keys().map(move |name| named(Kind::Topic, name)))
            .chain(self.service_accounts.keys().map(move |name| named(Kind::ServiceAccount, name)))
            .chain(self.access_control_lists.keys().map(move |name| named(Kind::AccessControlList, name)))
            .chain(self.policies.keys().map(move |name| named(Kind::Policy, name)))
            .chain(self.waivers.keys().map(move |name| named(Kind::Waiver, name)))
    }

    /// Where an entity was read from.
    pub fn origin(&self, entity: &EntityRef) -> Option<Origin> {
        let name = &entity.name;
        match entity.kind {
            Kind::Workspace => Some(self.settings.origin),
            Kind::Team => self.teams.get(name).map(|e| e.origin),
            Kind::Topic => self.topics.get(name).map(|e| e.origin),
            Kind::ServiceAccount => self.service_accounts.get(name).map(|e| e.origin),
            Kind::AccessControlList => self.access_control_lists.get(name).map(|e| e.origin),
            Kind::Policy => self.policies.get(name).map(|e| e.origin),
            Kind::Waiver => self.waivers.get(name).map(|e| e.origin),
        }
    }
}
