//! The entities of one stage, with profiles, overlays and prefixes applied.
//!
//! Layers, from the lowest: profile, the entity's `spec`, the entity's `spec.stages.<stage>`. Scalars and lists replace,
//! `config` merges by key, and `null` in an overlay removes the values of all lower layers, the profile's included.

mod by_name;

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use rayon::prelude::*;

use thiserror::Error;

pub use self::by_name::ByName;

use crate::{
    AccessControlList, ApiKey, Cluster, Ensure, Grant, Patch, Profile, ProviderRef, Rule, ServiceAccount, SettingValue,
    Stage, Topic, TopicAccess, TopicOverlay, Workspace, vault_spelling,
};

/// The stage asked for is not in `weir.yaml`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no stage `{asked}`; the stages are {}", .known.join(", "))]
pub struct UnknownStage {
    /// The name that was asked for.
    pub asked: String,
    /// The stages there are, in promotion order.
    pub known: Vec<String>,
}

/// The layer that a resolved value comes from. Later ones win.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer<'w> {
    /// A profile of that name.
    Profile(&'w str),
    /// The entity's `spec`.
    Entity,
    /// The entity's `spec.stages.<stage>`.
    Stage,
}

/// A resolved setting and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResolvedSetting<'w> {
    /// As written.
    pub value: &'w SettingValue,
    /// The layer.
    pub layer: Layer<'w>,
}

/// A workspace as one stage sees it.
#[derive(Clone, Debug)]
pub struct StageView<'w> {
    /// The workspace.
    pub workspace: &'w Workspace,
    /// The stage.
    pub stage: &'w Stage,
    /// Its place in the promotion order, from 0.
    pub index: usize,
    /// Its cluster; absent when the stage names a cluster that is not declared.
    pub cluster: Option<&'w Cluster>,
    /// Topics of the stage, by logical name.
    pub topics: ByName<'w, StagedTopic<'w>>,
    /// Service accounts of the stage, by logical name.
    pub accounts: ByName<'w, StagedAccount<'w>>,
    /// Access control lists of the stage, by logical name. A list is in the stages of its service account.
    pub access: ByName<'w, StagedAccess<'w>>,
}

impl<'w> StageView<'w> {
    /// Returns the provider of the stage's cluster.
    pub fn provider(&self) -> Option<ProviderRef<'w>> {
        self.cluster.and_then(Cluster::provider)
    }
}

/// A topic in a stage.
#[derive(Clone, Debug)]
pub struct StagedTopic<'w> {
    /// The entity.
    pub entity: &'w Topic,
    /// Physical name.
    pub name: Cow<'w, str>,
    /// The desired existence.
    pub ensure: Ensure,
    /// The profile in force, declared or not.
    pub profile: Option<&'w str>,
    /// Number of partitions and where that comes from; absent: the cluster's default.
    pub partitions: Option<(u32, Layer<'w>)>,
    /// Replicas of each partition and where that comes from; absent: the cluster's default.
    pub replication_factor: Option<(u16, Layer<'w>)>,
    /// Settings by name; shared by the stages that do not differ.
    pub config: Arc<ByName<'w, ResolvedSetting<'w>>>,
    /// The other teams that may use the topic.
    pub access: &'w TopicAccess,
}

/// A service account in a stage.
#[derive(Clone, Debug)]
pub struct StagedAccount<'w> {
    /// The entity.
    pub entity: &'w ServiceAccount,
    /// Physical name.
    pub name: Cow<'w, str>,
    /// The desired existence.
    pub ensure: Ensure,
    /// Its API keys.
    pub api_keys: &'w [ApiKey],
    /// The owning team's key vault, templates filled in; absent if neither team, stage nor workspace has one.
    pub vault: Option<String>,
    /// The owning team's namespace, templates filled in; absent if neither team, stage nor workspace has one.
    pub namespace: Option<String>,
}

/// An access control list in a stage.
#[derive(Clone, Debug)]
pub struct StagedAccess<'w> {
    /// The entity.
    pub entity: &'w AccessControlList,
    /// The grants, as written.
    pub allow: &'w [Grant],
    /// Raw rules, as written.
    pub rules: &'w [Rule],
    /// `true` if `allow` comes from the stage overlay.
    pub allow_from_stage: bool,
    /// `true` if `rules` comes from the stage overlay.
    pub rules_from_stage: bool,
}

static NO_ACCESS: TopicAccess = TopicAccess {
    observers: Vec::new(),
    consumers: Vec::new(),
    producers: Vec::new(),
    administrators: Vec::new(),
    until: None,
};

impl Workspace {
    /// The workspace as the stage of that name sees it.
    ///
    /// References that lead nowhere (a cluster, a profile, a team) are carried along, not refused: that is validation's
    /// task. An access control list whose account is not in the stage is left out.
    ///
    /// # Errors
    /// If `weir.yaml` has no such stage.
    pub fn stage(&self, name: &str) -> Result<StageView<'_>, UnknownStage> {
        let stages = &self.settings.spec.stages;
        match stages.iter().position(|stage| stage.name == name) {
            Some(index) => Ok(self.view(index, &stages[index], &[])),
            None => Err(UnknownStage {
                asked: name.to_owned(),
                known: stages.iter().map(|stage| stage.name.clone()).collect(),
            }),
        }
    }

    /// The workspace as each of its stages sees it, in promotion order; on all processors.
    pub fn stages(&self) -> Vec<StageView<'_>> {
        let topics: Vec<&Topic> = self.topics.values().collect();
        let shared: Vec<_> = topics.par_iter().map(|topic| Arc::new(self.settings_of(topic, None))).collect();
        let stages = self.settings.spec.stages.par_iter().enumerate();
        stages.map(|(index, stage)| self.view(index, stage, &shared)).collect()
    }

    /// The settings of a topic, with what an overlay says.
    fn settings_of<'w>(
        &'w self,
        entity: &'w Topic,
        overlay: Option<&'w TopicOverlay>,
    ) -> ByName<'w, ResolvedSetting<'w>> {
        layered_config(
            self.profile_of(entity, overlay).and_then(|(name, profile)| Some((name, profile?))),
            entity,
            overlay,
        )
    }

    /// The profile in force: its name, and what it is if it is declared.
    fn profile_of<'w>(
        &'w self,
        entity: &'w Topic,
        overlay: Option<&'w TopicOverlay>,
    ) -> Option<(&'w str, Option<&'w Profile>)> {
        let named = entity.spec.profile.as_ref().or(self.settings.spec.defaults.profile.as_ref());
        let name = match overlay.map(|o| &o.profile) {
            None | Some(Patch::Keep) => named,
            Some(Patch::Remove) => None,
            Some(Patch::Set(name)) => Some(name),
        }?;
        Some((name, self.settings.spec.profiles.get(name)))
    }

    /// `shared` holds the settings of each topic without any overlay, in order; or nothing.
    fn view<'w>(
        &'w self,
        index: usize,
        stage: &'w Stage,
        shared: &[Arc<ByName<'w, ResolvedSetting<'w>>>],
    ) -> StageView<'w> {
        let accounts = ByName::filtered(&self.service_accounts, |entity| self.stage_account(stage, entity));
        let access = ByName::filtered(&self.access_control_lists, |entity| {
            accounts.contains_key(&entity.spec.service_account).then(|| stage_access(stage, entity))?
        });
        let mut shared = shared.iter();
        let topics = ByName::filtered(&self.topics, |entity| self.stage_topic(stage, entity, shared.next()));
        let cluster = self.settings.spec.clusters.get(&stage.cluster);
        StageView { workspace: self, stage, index, cluster, topics, accounts, access }
    }

    fn stage_topic<'w>(
        &'w self,
        stage: &'w Stage,
        entity: &'w Topic,
        shared: Option<&Arc<ByName<'w, ResolvedSetting<'w>>>>,
    ) -> Option<StagedTopic<'w>> {
        let spec = &entity.spec;
        let overlay = overlay(spec.stages.as_ref(), stage)?;
        let named = self.profile_of(entity, overlay);
        let profile = named.and_then(|(name, profile)| Some((name, profile?)));
        let alike = overlay.is_none_or(|overlay| overlay.config.is_empty() && overlay.profile.is_keep());
        let config = match shared.filter(|_| alike) {
            Some(shared) => Arc::clone(shared),
            None => Arc::new(self.settings_of(entity, overlay)),
        };

        let partitions = layered(
            profile.and_then(|(name, p)| Some((p.partitions?, name))),
            spec.partitions,
            overlay.map(|o| &o.partitions),
        );
        let replication_factor = layered(
            profile.and_then(|(name, p)| Some((p.replication_factor?, name))),
            spec.replication_factor,
            overlay.map(|o| &o.replication_factor),
        );
        Some(StagedTopic {
            entity,
            name: prefixed(&stage.prefix.topic, &entity.metadata.name),
            ensure: overlay.map_or(spec.ensure, |o| replace(&spec.ensure, &o.ensure, &Ensure::Present).to_owned()),
            profile: named.map(|(name, _)| name),
            partitions,
            replication_factor,
            config,
            access: overlay.map_or(&spec.access, |o| replace(&spec.access, &o.access, &NO_ACCESS)),
        })
    }

    /// Returns the key vault of a team in a stage, templates filled in, in the one spelling of [`vault_spelling`]; `None` if
    /// neither team, stage nor workspace has one.
    pub fn vault(&self, stage: &Stage, team: &str) -> Option<String> {
        let of_team = self.teams.get(team).and_then(|team| team.spec.vaults.get(&stage.name));
        let vault = of_team.or(stage.vault.as_ref()).or(self.settings.spec.defaults.vault.as_ref());
        Some(vault_spelling(&vault?.replace("{team}", team).replace("{stage}", &stage.name)))
    }

    fn stage_account<'w>(&'w self, stage: &'w Stage, entity: &'w ServiceAccount) -> Option<StagedAccount<'w>> {
        let spec = &entity.spec;
        let overlay = overlay(spec.stages.as_ref(), stage)?;
        let team_name = entity.metadata.team.as_str();
        let team = self.teams.get(team_name);
        let defaults = &self.settings.spec.defaults;
        let fill = |text: &String| text.replace("{team}", team_name).replace("{stage}", &stage.name);
        let namespace = team
            .and_then(|team| team.spec.namespaces.get(&stage.name))
            .or(stage.namespace.as_ref())
            .or(defaults.namespace.as_ref());
        Some(StagedAccount {
            entity,
            name: prefixed(&stage.prefix.service_account, &entity.metadata.name),
            ensure: overlay.map_or(spec.ensure, |o| replace(&spec.ensure, &o.ensure, &Ensure::Present).to_owned()),
            api_keys: overlay.map_or(&spec.api_keys, |o| replace_list(&spec.api_keys, &o.api_keys)),
            vault: self.vault(stage, team_name),
            namespace: namespace.map(fill),
        })
    }
}

impl Stage {
    /// The physical name of a topic.
    pub fn topic_name(&self, logical: &str) -> String {
        prefixed(&self.prefix.topic, logical).into_owned()
    }

    /// The physical name of a service account.
    pub fn account_name(&self, logical: &str) -> String {
        prefixed(&self.prefix.service_account, logical).into_owned()
    }

    /// The physical transactional id.
    pub fn transactional_id(&self, logical: &str) -> String {
        prefixed(&self.prefix.transactional_id, logical).into_owned()
    }
}

fn prefixed<'w>(prefix: &Option<String>, logical: &'w str) -> Cow<'w, str> {
    match prefix.as_deref().unwrap_or_default() {
        "" => Cow::Borrowed(logical),
        prefix => Cow::Owned([prefix, logical].concat()),
    }
}

/// The presence of an entity in a stage, with the differences there.
fn overlay<'w, O>(stages: Option<&'w BTreeMap<String, Option<O>>>, stage: &Stage) -> Option<Option<&'w O>> {
    match stages {
        None => Some(None),
        Some(stages) => stages.get(&stage.name).map(Option::as_ref),
    }
}

fn stage_access<'w>(stage: &Stage, entity: &'w AccessControlList) -> Option<StagedAccess<'w>> {
    let spec = &entity.spec;
    let overlay = overlay(spec.stages.as_ref(), stage)?;
    Some(StagedAccess {
        entity,
        allow: overlay.map_or(&spec.allow, |o| replace_list(&spec.allow, &o.allow)),
        rules: overlay.map_or(&spec.rules, |o| replace_list(&spec.rules, &o.rules)),
        allow_from_stage: overlay.is_some_and(|o| !o.allow.is_keep()),
        rules_from_stage: overlay.is_some_and(|o| !o.rules.is_keep()),
    })
}

fn replace<'w, T>(below: &'w T, patch: &'w Patch<T>, nothing: &'w T) -> &'w T {
    match patch {
        Patch::Keep => below,
        Patch::Remove => nothing,
        Patch::Set(value) => value,
    }
}

fn replace_list<'w, T>(below: &'w [T], patch: &'w Patch<Vec<T>>) -> &'w [T] {
    match patch {
        Patch::Keep => below,
        Patch::Remove => &[],
        Patch::Set(list) => list,
    }
}

fn layered<'w, T: Copy>(
    profile: Option<(T, &'w str)>,
    entity: Option<T>,
    overlay: Option<&Patch<T>>,
) -> Option<(T, Layer<'w>)> {
    match overlay {
        Some(Patch::Remove) => None,
        Some(Patch::Set(value)) => Some((*value, Layer::Stage)),
        None | Some(Patch::Keep) => entity
            .map(|value| (value, Layer::Entity))
            .or_else(|| profile.map(|(value, name)| (value, Layer::Profile(name)))),
    }
}

fn layered_config<'w>(
    profile: Option<(&'w str, &'w Profile)>,
    entity: &'w Topic,
    overlay: Option<&'w TopicOverlay>,
) -> ByName<'w, ResolvedSetting<'w>> {
    let room = profile.map_or(0, |(_, profile)| profile.config.len()) + entity.spec.config.len();
    let mut config = ByName::with_capacity(room + overlay.map_or(0, |overlay| overlay.config.len()));
    if let Some((name, profile)) = profile {
        for (key, value) in &profile.config {
            config.insert(key, ResolvedSetting { value, layer: Layer::Profile(name) });
        }
    }
    for (key, value) in &entity.spec.config {
        config.insert(key, ResolvedSetting { value, layer: Layer::Entity });
    }
    for (key, patch) in overlay.into_iter().flat_map(|overlay| &overlay.config) {
        match patch {
            Patch::Keep => {}
            Patch::Remove => config.remove(key),
            Patch::Set(value) => config.insert(key, ResolvedSetting { value, layer: Layer::Stage }),
        }
    }
    config
}
