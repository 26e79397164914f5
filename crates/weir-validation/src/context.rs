//! Input of the rules: the workspace, and each of its stages resolved once.

use std::collections::{BTreeMap, BTreeSet};

use weir_model::{
    AccessControlList, ByName, Date, Ensure, EntityRef, Grant, Kind, Layer, PatternType, Permission, ProviderRef,
    Resource, Route, Rule, ServiceAccount, SettingValue, StageView, StagedAccess, StagedTopic, Team, Topic, Workspace,
};
use weir_ownership::Ownership;

/// A workspace and its stages.
pub(crate) struct Context<'w> {
    pub(crate) workspace: &'w Workspace,
    /// The stages in promotion order. If several stages have the same name, only the first is here.
    pub(crate) stages: Vec<StageView<'w>>,
    /// Indexes of the workspace's teams, topics and service accounts, for rules with many look-ups by name.
    pub(crate) teams: ByName<'w, &'w Team>,
    pub(crate) topics: ByName<'w, &'w Topic>,
    pub(crate) accounts: ByName<'w, &'w ServiceAccount>,
    /// The ownership of paths and names; `None` if `weir.yaml` does not declare it.
    pub(crate) ownership: Option<Ownership<'w>>,
    /// The day; `None` if nothing is to be taken as ended.
    pub(crate) today: Option<Date>,
    /// Entities that are written in the files but could not be read.
    malformed: &'w BTreeSet<EntityRef>,
}

impl<'w> Context<'w> {
    pub(crate) fn new(workspace: &'w Workspace, malformed: &'w BTreeSet<EntityRef>, today: Option<Date>) -> Self {
        let mut stages = workspace.stages();
        let mut seen = BTreeSet::new();
        stages.retain(|view| seen.insert(view.stage.name.as_str()));
        Self {
            workspace,
            stages,
            teams: ByName::filtered(&workspace.teams, Some),
            topics: ByName::filtered(&workspace.topics, Some),
            accounts: ByName::filtered(&workspace.service_accounts, Some),
            ownership: Ownership::of(workspace),
            today,
            malformed,
        }
    }

    /// Returns the name of stage number `index` in `weir.yaml`.
    pub(crate) fn stage_name(&self, index: usize) -> &'w str {
        &self.workspace.settings.spec.stages[index].name
    }

    /// Returns `true` if a stage of this name exists.
    pub(crate) fn has_stage(&self, name: &str) -> bool {
        self.stages.iter().any(|view| view.stage.name == name)
    }

    /// Returns a place in `weir.yaml`, below `spec`.
    pub(crate) fn settings<S: Into<String>>(&self, path: impl IntoIterator<Item = S>) -> Route {
        below(self.settings_ref(), &[], path)
    }

    /// Returns the reference of the workspace entity, which is in `weir.yaml`.
    pub(crate) fn settings_ref(&self) -> EntityRef {
        EntityRef::new(Kind::Workspace, &self.workspace.settings.metadata.name)
    }

    /// Returns a place in the declaration of a stage.
    pub(crate) fn stage<S: Into<String>>(&self, index: usize, path: impl IntoIterator<Item = S>) -> Route {
        below(self.settings_ref(), &["stages", &index.to_string()], path)
    }

    /// Returns the place where a topic's resolved value was written.
    pub(crate) fn topic(&self, view: &StageView<'_>, topic: &StagedTopic<'_>, layer: &Layer, path: &[&str]) -> Route {
        match layer {
            Layer::Profile(name) => below(self.settings_ref(), &["profiles", name], path.iter().copied()),
            Layer::Entity => below(topic.entity.entity_ref(), &[], path.iter().copied()),
            Layer::Stage => below(topic.entity.entity_ref(), &["stages", &view.stage.name], path.iter().copied()),
        }
    }
}

/// Returns a place below `spec` and `parent`.
fn below<S: Into<String>>(entity: EntityRef, parent: &[&str], path: impl IntoIterator<Item = S>) -> Route {
    let path = ["spec"].iter().chain(parent).map(|part| (*part).to_owned()).chain(path.into_iter().map(Into::into));
    Route::value(entity, path)
}

/// Returns a place below an entity's `spec`.
pub(crate) fn spec<S: Into<String>>(entity: EntityRef, path: impl IntoIterator<Item = S>) -> Route {
    below(entity, &[], path)
}

/// Returns a place below a team's `spec`.
pub(crate) fn team<S: Into<String>>(team: &Team, path: impl IntoIterator<Item = S>) -> Route {
    below(EntityRef::new(Kind::Team, &team.metadata.name), &[], path)
}

/// Returns the place of item `index` of `list` (`allow` or `rules`) in an access control list.
pub(crate) fn access(view: &StageView<'_>, access: &StagedAccess<'_>, list: &str, index: usize, field: &str) -> Route {
    let from_stage = if list == "allow" { access.allow_from_stage } else { access.rules_from_stage };
    let index = index.to_string();
    let mut path: Vec<&str> = if from_stage { vec!["stages", &view.stage.name] } else { Vec::new() };
    path.extend([list, &index]);
    path.extend((!field.is_empty()).then_some(field));
    below(access.entity.entity_ref(), &[], path)
}

/// Returns the grants and raw rules as written in an access control list: first the entity's own, then those of its
/// stages.
pub(crate) fn written(acl: &AccessControlList) -> impl Iterator<Item = Written<'_>> {
    let own = Written { stage: None, allow: &acl.spec.allow, rules: &acl.spec.rules };
    let overlays = acl.spec.stages.iter().flatten().filter_map(|(stage, overlay)| {
        let overlay = overlay.as_ref()?;
        Some(Written {
            stage: Some(stage),
            allow: set(&overlay.allow).map_or(&[], Vec::as_slice),
            rules: set(&overlay.rules).map_or(&[], Vec::as_slice),
        })
    });
    std::iter::once(own).chain(overlays)
}

/// One level of an access control list: the entity's own lists, or those of one stage.
pub(crate) struct Written<'a> {
    pub(crate) stage: Option<&'a str>,
    pub(crate) allow: &'a [Grant],
    pub(crate) rules: &'a [Rule],
}

impl Written<'_> {
    /// Returns a place in item `index` of `list` (`allow` or `rules`).
    pub(crate) fn route(&self, acl: &AccessControlList, list: &str, index: usize, field: &str) -> Route {
        let index = index.to_string();
        let mut path: Vec<&str> = self.stage.map(|stage| vec!["stages", stage]).unwrap_or_default();
        path.extend([list, &index]);
        path.extend((!field.is_empty()).then_some(field));
        below(acl.entity_ref(), &[], path)
    }
}

/// Returns the value that a patch sets.
pub(crate) fn set<T>(patch: &weir_model::Patch<T>) -> Option<&T> {
    match patch {
        weir_model::Patch::Set(value) => Some(value),
        weir_model::Patch::Keep | weir_model::Patch::Remove => None,
    }
}

/// Returns `true` unless the entity has `ensure: absent`, which means that it must not be on the cluster.
pub(crate) fn exists(ensure: Ensure) -> bool {
    ensure != Ensure::Absent
}

/// Returns `true` if the stage's cluster is on Confluent Cloud.
pub(crate) fn on_confluent(view: &StageView<'_>) -> bool {
    matches!(view.provider(), Some(ProviderRef::ConfluentCloud(_)))
}

/// A place where a part of a topic can be written.
#[derive(Clone, Copy)]
pub(crate) enum Place<'a> {
    /// A profile, by name.
    Profile(&'a str),
    /// The topic's `spec`.
    Topic(&'a Topic),
    /// The topic's `spec.stages.<stage>`.
    Overlay(&'a Topic, &'a str),
}

impl Place<'_> {
    /// Returns the route of a field at this place.
    pub(crate) fn route(self, cx: &Context<'_>, path: &[&str]) -> Route {
        match self {
            Place::Profile(name) => below(cx.settings_ref(), &["profiles", name], path.iter().copied()),
            Place::Topic(topic) => below(topic.entity_ref(), &[], path.iter().copied()),
            Place::Overlay(topic, stage) => below(topic.entity_ref(), &["stages", stage], path.iter().copied()),
        }
    }

    /// Returns the route of a setting's name.
    pub(crate) fn setting_key(self, cx: &Context<'_>, setting: &str) -> Route {
        Route { key: true, ..self.route(cx, &["config", setting]) }
    }
}

impl<'w> Context<'w> {
    /// Calls `f` for every topic setting as written: in profiles, topics and overlays.
    pub(crate) fn settings_written(&self, mut f: impl FnMut(Place<'w>, &'w str, &'w SettingValue)) {
        for (name, profile) in &self.workspace.settings.spec.profiles {
            profile.config.iter().for_each(|(setting, value)| f(Place::Profile(name), setting, value));
        }
        for topic in self.workspace.topics.values() {
            topic.spec.config.iter().for_each(|(setting, value)| f(Place::Topic(topic), setting, value));
            for (stage, overlay) in overlays(&topic.spec.stages) {
                for (setting, patch) in &overlay.config {
                    if let Some(value) = set(patch) {
                        f(Place::Overlay(topic, stage), setting, value);
                    }
                }
            }
        }
    }
}

/// Returns the overlays of an entity that are not empty.
pub(crate) fn overlays<O>(stages: &Option<BTreeMap<String, Option<O>>>) -> impl Iterator<Item = (&str, &O)> {
    stages.iter().flatten().filter_map(|(stage, overlay)| Some((stage.as_str(), overlay.as_ref()?)))
}

impl<'w> Context<'w> {
    /// Returns `true` if an entity of this name is written but could not be read. A reference to such an entity is not
    /// at fault.
    pub(crate) fn is_malformed(&self, kind: Kind, name: &str) -> bool {
        !self.malformed.is_empty() && self.malformed.contains(&EntityRef::new(kind, name))
    }
}

/// Returns the names of topics in raw rules that allow something on one topic by its whole name, each with the rule's
/// index.
pub(crate) fn literal_topics(rules: &[Rule]) -> impl Iterator<Item = (usize, &str)> {
    rules.iter().enumerate().filter_map(|(i, rule)| {
        let name = rule.name.as_deref().filter(|name| !name.is_empty() && !name.contains('*'))?;
        let literal = rule.resource == Resource::Topic && rule.pattern == PatternType::Literal;
        (literal && rule.permission == Permission::Allow).then_some((i, name))
    })
}
