//! One entity as a stage sees it, of any kind.

use std::collections::BTreeMap;

use weir_cel::Record;
use weir_findings::Finding;
use weir_model::{
    Ensure, EntityRef, Kind, Layer, Patch, PolicyKind, Route, StageView, StagedAccess, StagedAccount, StagedTopic, Team,
};

use crate::facts;

/// An entity in a stage; teams belong to no stage.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Item<'b, 'w> {
    Team(&'w Team),
    Topic(&'b StagedTopic<'w>),
    Account(&'b StagedAccount<'w>),
    Access(&'b StagedAccess<'w>),
}

impl<'b, 'w> Item<'b, 'w> {
    pub(crate) fn kind(self) -> PolicyKind {
        match self {
            Item::Team(_) => PolicyKind::Team,
            Item::Topic(_) => PolicyKind::Topic,
            Item::Account(_) => PolicyKind::ServiceAccount,
            Item::Access(_) => PolicyKind::AccessControlList,
        }
    }

    pub(crate) fn entity_ref(self) -> EntityRef {
        let kind = match self {
            Item::Team(_) => Kind::Team,
            Item::Topic(_) => Kind::Topic,
            Item::Account(_) => Kind::ServiceAccount,
            Item::Access(_) => Kind::AccessControlList,
        };
        EntityRef::new(kind, self.name())
    }

    pub(crate) fn name(self) -> &'w str {
        match self {
            Item::Team(e) => &e.metadata.name,
            Item::Topic(e) => &e.entity.metadata.name,
            Item::Account(e) => &e.entity.metadata.name,
            Item::Access(e) => &e.entity.metadata.name,
        }
    }

    /// Returns the team that owns the entity; a team owns itself.
    pub(crate) fn team(self) -> &'w str {
        match self {
            Item::Team(e) => &e.metadata.name,
            Item::Topic(e) => &e.entity.metadata.team,
            Item::Account(e) => &e.entity.metadata.team,
            Item::Access(e) => &e.entity.metadata.team,
        }
    }

    pub(crate) fn labels(self) -> &'w BTreeMap<String, String> {
        match self {
            Item::Team(e) => &e.metadata.labels,
            Item::Topic(e) => &e.entity.metadata.labels,
            Item::Account(e) => &e.entity.metadata.labels,
            Item::Access(e) => &e.entity.metadata.labels,
        }
    }

    pub(crate) fn description(self) -> Option<&'w str> {
        match self {
            Item::Team(e) => e.metadata.description.as_deref(),
            Item::Topic(e) => e.entity.metadata.description.as_deref(),
            Item::Account(e) => e.entity.metadata.description.as_deref(),
            Item::Access(e) => e.entity.metadata.description.as_deref(),
        }
    }

    /// Returns `true` if the entity is judged. An entity that is `absent` or `unmanaged` does not have to comply.
    pub(crate) fn counts(self) -> bool {
        match self {
            Item::Topic(e) => e.ensure == Ensure::Present,
            Item::Account(e) => e.ensure == Ensure::Present,
            Item::Team(_) | Item::Access(_) => true,
        }
    }

    /// Makes the record that expressions see; `None` if a value in the entity is invalid, which validation reports.
    pub(crate) fn facts(self) -> Option<Record<'w>> {
        match self {
            Item::Team(e) => Some(facts::team_entity(e)),
            Item::Topic(e) => facts::topic(e),
            Item::Account(e) => Some(facts::account(e)),
            Item::Access(e) => Some(facts::access(e)),
        }
    }

    /// Returns the place where the value at `path` is written: in a profile, in the entity, or in the stage's
    /// overlay.
    pub(crate) fn written(self, view: Option<&StageView<'_>>, path: &[String]) -> Route {
        let route = |prefix: &[&str], rest: &[String]| {
            let path = prefix.iter().map(|part| (*part).to_owned()).chain(rest.iter().cloned());
            Route::value(self.entity_ref(), path)
        };
        let (Some(view), Some(("spec", rest))) = (view, path.split_first().map(|(first, rest)| (first.as_str(), rest)))
        else {
            return route(&[], path);
        };
        let field = rest.first().map(String::as_str).unwrap_or_default();
        let overlay = |written: bool| {
            if written { route(&["spec", "stages", &view.stage.name], rest) } else { route(&["spec"], rest) }
        };
        match self {
            Item::Team(_) => route(&[], path),
            Item::Topic(topic) => {
                let patch = topic.entity.spec.stages.as_ref().and_then(|stages| stages.get(&view.stage.name)?.as_ref());
                let layer = match field {
                    "partitions" => topic.partitions.map(|(_, layer)| layer),
                    "replicationFactor" => topic.replication_factor.map(|(_, layer)| layer),
                    "config" => rest.get(1).and_then(|name| topic.config.get(name)).map(|setting| setting.layer),
                    "ensure" => return overlay(patch.is_some_and(|patch| patch.ensure != Patch::Keep)),
                    "profile" => return overlay(patch.is_some_and(|patch| patch.profile != Patch::Keep)),
                    "access" => return overlay(patch.is_some_and(|patch| patch.access != Patch::Keep)),
                    _ => None,
                };
                match layer {
                    Some(Layer::Profile(profile)) => {
                        let settings = EntityRef::new(Kind::Workspace, &view.workspace.settings.metadata.name);
                        let path =
                            ["spec", "profiles", profile].map(str::to_owned).into_iter().chain(rest.iter().cloned());
                        Route::value(settings, path)
                    }
                    layer => overlay(layer == Some(Layer::Stage)),
                }
            }
            Item::Account(account) => {
                let stages = account.entity.spec.stages.as_ref();
                let patch = stages.and_then(|stages| stages.get(&view.stage.name)?.as_ref());
                overlay(match field {
                    "apiKeys" => patch.is_some_and(|patch| patch.api_keys != Patch::Keep),
                    "ensure" => patch.is_some_and(|patch| patch.ensure != Patch::Keep),
                    _ => false,
                })
            }
            Item::Access(access) => overlay(match field {
                "allow" => access.allow_from_stage,
                "rules" => access.rules_from_stage,
                _ => false,
            }),
        }
    }
}

/// Returns the entities that a finding is about: the entity at its place, and the related entities.
pub(crate) fn concerned(finding: &Finding<Route>) -> impl Iterator<Item = &EntityRef> {
    std::iter::once(&finding.at.entity).chain(finding.related.iter().map(|related| &related.at.entity))
}
