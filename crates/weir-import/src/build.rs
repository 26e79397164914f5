//! Entities for all imported objects.

use std::collections::{BTreeMap, BTreeSet};

use weir_model::{
    AccessControlList, AccessControlListOverlay, AccessControlListSpec, ApiKey, Ensure, EntityRef, Kind, Metadata,
    OwnedMetadata, Patch, PatternType, Permission, Resource, ServiceAccount, ServiceAccountOverlay, ServiceAccountSpec,
    StageView, Team, TeamSpec, Workspace,
};

use crate::{
    Left, LeftKind,
    access::{Folded, Topics, fold},
    built::{Built, ORIGIN, placed},
    consent,
    demotions::Demotions,
    layers::{Base, layers},
    seen::{Seen, SeenAccount},
    topics::{self, TopicNotes},
};

/// The topics that grants of a stage may name.
struct InStage<'s> {
    seen: &'s Seen<'s>,
    demotions: &'s Demotions,
    declared: &'s StageView<'s>,
    index: usize,
}

impl InStage<'_> {
    fn is_left(&self, name: &str) -> bool {
        self.demotions.topics.contains_key(name)
    }
}

impl Topics for InStage<'_> {
    fn is_declared(&self, name: &str) -> bool {
        let declared = self.declared.topics.get(name).is_some_and(|topic| topic.ensure != Ensure::Absent);
        declared || (self.seen.topics.contains_key(name) && !self.is_left(name))
    }

    fn begins(&self, beginning: &str) -> bool {
        let declared = self.declared.topics.range(beginning..).take_while(|(name, _)| name.starts_with(beginning));
        let seen = self.seen.topics.range(beginning..).take_while(|(name, _)| name.starts_with(beginning));
        declared.into_iter().any(|(_, topic)| topic.ensure != Ensure::Absent)
            || seen.into_iter().any(|(name, topic)| topic.stages.contains_key(&self.index) && !self.is_left(name))
    }
}

/// Makes the entities, without the parts in `demotions`.
pub(crate) fn build(workspace: &Workspace, seen: &Seen<'_>, demotions: &Demotions) -> Built {
    let mut built = Built::default();
    let mut dangling = BTreeMap::<String, BTreeSet<usize>>::new();
    for (name, account) in &seen.accounts {
        if let Some(why) = demotions.accounts.get(*name) {
            for (index, there) in &account.stages {
                let Some(stage) = seen.stage(*index) else { continue };
                built.left.push(Left {
                    bindings: there.acls.iter().map(ToString::to_string).collect(),
                    ..Left::new(LeftKind::Account, stage.name(), &stage.names.stage.account_name(name), why)
                });
            }
            continue;
        }
        let (folded, unmanaged) = fold_all(seen, demotions, name, account, &mut built);
        for (index, folded) in &folded {
            for topic in literal_topics(folded) {
                if seen.topics.get(topic).is_some_and(|seen| !seen.stages.contains_key(index)) {
                    dangling.entry(topic.to_owned()).or_default().insert(*index);
                }
            }
        }
        let entity = service_account(workspace, seen, name, account, &unmanaged, demotions, &mut built);
        if let Some(list) = access_list(workspace, name, account, folded, !unmanaged.is_empty()) {
            built.lists.insert(list.metadata.name.clone(), list);
        }
        built.accounts.insert(entity.metadata.name.clone(), entity);
    }
    build_topics(workspace, seen, demotions, &dangling, &mut built);
    let teams =
        built.topics.values().map(|t| &t.metadata.team).chain(built.accounts.values().map(|a| &a.metadata.team));
    let teams: BTreeSet<String> = teams.filter(|team| !workspace.teams.contains_key(*team)).cloned().collect();
    for name in teams {
        let metadata = Metadata { name: name.clone(), description: None, labels: BTreeMap::new() };
        built.teams.insert(name, Team { metadata, spec: TeamSpec::default(), origin: ORIGIN });
    }
    consent::add(workspace, &mut built);
    built
}

fn build_topics(
    workspace: &Workspace,
    seen: &Seen<'_>,
    demotions: &Demotions,
    dangling: &BTreeMap<String, BTreeSet<usize>>,
    built: &mut Built,
) {
    let nothing = BTreeSet::new();
    for (name, topic) in &seen.topics {
        let object = |index: &usize| seen.stage(*index).map(|s| (s.name(), s.names.stage.topic_name(name)));
        if let Some(why) = demotions.topics.get(*name) {
            for (stage, object) in topic.stages.keys().filter_map(object) {
                built.left.push(Left::new(LeftKind::Topic, stage, &object, why));
            }
            continue;
        }
        let mut unmanaged: BTreeMap<usize, String> = demotions.unmanaged(Kind::Topic, name);
        unmanaged.retain(|index, _| topic.stages.contains_key(index));
        for (index, topic) in &topic.stages {
            if topic.mirror {
                unmanaged.insert(*index, "a cluster link fills it".to_owned());
            }
        }
        for index in dangling.get(*name).unwrap_or(&BTreeSet::new()) {
            unmanaged.insert(*index, "it is not there, though somebody has rights on it".to_owned());
        }
        let left_out = demotions.settings.get(*name);
        let settings: BTreeSet<String> = left_out.map(|left| left.keys().cloned().collect()).unwrap_or_default();
        let indices: BTreeSet<usize> = unmanaged.keys().copied().collect();
        let notes = TopicNotes { left_out: &settings, unmanaged: &indices };
        for index in topics::contradicting(topic, &notes) {
            unmanaged.insert(index, "its `cleanup.policy` is another than in its last stage".to_owned());
        }
        let entity = EntityRef::new(Kind::Topic, *name);
        for (index, why) in &unmanaged {
            if let Some((stage, object)) = object(index) {
                built.unmanaged((LeftKind::UnmanagedTopic, entity.clone()), stage, &object, why, Vec::new());
            }
        }
        for (setting, why) in left_out.unwrap_or(&BTreeMap::new()) {
            for (index, there) in topic.stages.iter().filter(|(index, _)| !unmanaged.contains_key(index)) {
                if let (Some(value), Some((stage, object))) = (there.config.get(setting), object(index)) {
                    let why = format!("its `{setting}` stays `{value}` without being declared: {why}");
                    built.left.push(Left::new(LeftKind::Setting, stage, &object, why));
                }
            }
        }
        let indices: BTreeSet<usize> = unmanaged.keys().copied().collect();
        let notes = TopicNotes { left_out: left_out.map_or(&nothing, |_| &settings), unmanaged: &indices };
        built.topics.insert((*name).to_owned(), topics::topic(workspace, seen, name, topic, &notes));
    }
}

/// Returns the account's rights by stage, and the stages in which no file can ask for them.
fn fold_all(
    seen: &Seen<'_>,
    demotions: &Demotions,
    name: &str,
    account: &SeenAccount<'_>,
    built: &mut Built,
) -> (BTreeMap<usize, Folded>, BTreeSet<usize>) {
    let mut unmanaged = demotions.unmanaged(Kind::ServiceAccount, name);
    unmanaged.retain(|index, _| account.stages.contains_key(index));
    let mut folded = BTreeMap::new();
    for (index, there) in account.stages.iter() {
        let Some(stage) = seen.stage(*index).filter(|_| !unmanaged.contains_key(index)) else { continue };
        let topics = InStage { seen, demotions, declared: &stage.declared, index: *index };
        match fold(&stage.names, there.acls, &topics) {
            Ok(rights) => {
                folded.insert(*index, rights);
            }
            Err(why) => {
                unmanaged.insert(*index, why);
            }
        }
    }
    for (index, why) in &unmanaged {
        if let (Some(stage), Some(there)) = (seen.stage(*index), account.stages.get(index)) {
            let entity = EntityRef::new(Kind::ServiceAccount, name);
            let bindings = there.acls.iter().map(ToString::to_string).collect();
            let object = stage.names.stage.account_name(name);
            built.unmanaged((LeftKind::UnmanagedAccount, entity), stage.name(), &object, why, bindings);
        }
    }
    (folded, unmanaged.into_keys().collect())
}

/// Returns the topics that the rights need to be valid.
fn literal_topics(folded: &Folded) -> impl Iterator<Item = &str> {
    let granted = folded.allow.iter().flat_map(|grant| [&grant.produce, &grant.consume]).flatten();
    let ruled = folded.rules.iter().filter(|rule| {
        let literal = rule.resource == Resource::Topic && rule.pattern == PatternType::Literal;
        literal && rule.permission == Permission::Allow
    });
    granted.chain(ruled.filter_map(|rule| rule.name.as_ref())).map(String::as_str).filter(|name| !name.contains('*'))
}

fn service_account(
    workspace: &Workspace,
    seen: &Seen<'_>,
    name: &str,
    account: &SeenAccount<'_>,
    unmanaged: &BTreeSet<usize>,
    demotions: &Demotions,
    built: &mut Built,
) -> ServiceAccount {
    let managed = || account.stages.iter().filter(|(index, _)| !unmanaged.contains(*index));
    let mut spec = ServiceAccountSpec::default();
    let mut overlays = BTreeMap::<usize, ServiceAccountOverlay>::new();
    if managed().next().is_none() {
        spec.ensure = Ensure::Unmanaged;
    } else {
        for index in unmanaged {
            overlays.entry(*index).or_default().ensure = Patch::Set(Ensure::Unmanaged);
        }
        let keys = |slots: &BTreeSet<String>| -> Option<Vec<ApiKey>> {
            (!slots.is_empty()).then(|| slots.iter().map(ApiKey::named).collect())
        };
        let values: Vec<_> = managed().map(|(index, there)| (*index, keys(&there.slots))).collect();
        let split = layers(&values, None);
        if let Base::Value(keys) = split.base {
            spec.api_keys = keys;
        }
        for (index, patch) in split.overlays {
            overlays.entry(index).or_default().api_keys = patch;
        }
    }
    let described: BTreeSet<&str> = managed().map(|(_, there)| there.account.description.as_str()).collect();
    let mut description = match described.iter().next() {
        Some(one) if described.len() == 1 => Some((*one).to_owned()).filter(|text| !text.is_empty()),
        _ => None,
    };
    let refused = demotions.descriptions.get(name);
    if refused.is_some() || described.len() > 1 {
        description = None;
        let why = refused.cloned().unwrap_or_else(|| "stages describe it differently".to_owned());
        for stage in managed().filter_map(|(index, _)| seen.stage(*index)) {
            let object = stage.names.stage.account_name(name);
            let why = format!("its description stays without being declared: {why}");
            built.left.push(Left::new(LeftKind::Description, stage.name(), &object, why));
        }
    }
    let present: BTreeSet<usize> = account.stages.keys().copied().collect();
    (spec.stages, spec.not_in) = placed(workspace, seen, &present, overlays);
    let metadata =
        OwnedMetadata { name: name.to_owned(), team: account.team.clone(), description, labels: BTreeMap::new() };
    ServiceAccount { metadata, spec, origin: ORIGIN }
}

fn access_list(
    workspace: &Workspace,
    name: &str,
    account: &SeenAccount<'_>,
    folded: BTreeMap<usize, Folded>,
    partly: bool,
) -> Option<AccessControlList> {
    let folded: BTreeMap<usize, Folded> =
        folded.into_iter().filter(|(_, rights)| *rights != Folded::default()).collect();
    if folded.is_empty() {
        return None;
    }
    let grants: Vec<_> = folded.iter().map(|(i, rights)| (*i, some(&rights.allow))).collect();
    let rules: Vec<_> = folded.iter().map(|(i, rights)| (*i, some(&rights.rules))).collect();
    let (grants, rules) = (layers(&grants, None), layers(&rules, None));
    let mut spec = AccessControlListSpec { service_account: name.to_owned(), ..AccessControlListSpec::default() };
    let mut overlays = BTreeMap::<usize, AccessControlListOverlay>::new();
    if let Base::Value(grants) = grants.base {
        spec.allow = grants;
    }
    if let Base::Value(rules) = rules.base {
        spec.rules = rules;
    }
    for (index, patch) in grants.overlays {
        overlays.entry(index).or_default().allow = patch;
    }
    for (index, patch) in rules.overlays {
        overlays.entry(index).or_default().rules = patch;
    }
    let everywhere = !partly && account.stages.keys().all(|index| folded.contains_key(index));
    if !(everywhere && overlays.is_empty()) {
        let stages = &workspace.settings.spec.stages;
        spec.stages = Some(folded.keys().map(|i| (stages[*i].name.clone(), overlays.remove(i))).collect());
    }
    let taken = |name: &String| workspace.access_control_lists.contains_key(name);
    let names = std::iter::once(name.to_owned()).chain((2..).map(|i| format!("{name}-{i}")));
    let metadata = OwnedMetadata {
        name: names.into_iter().find(|name| !taken(name)).unwrap_or_default(),
        team: account.team.clone(),
        description: None,
        labels: BTreeMap::new(),
    };
    Some(AccessControlList { metadata, spec, origin: ORIGIN })
}

fn some<T: Clone>(list: &[T]) -> Option<Vec<T>> {
    (!list.is_empty()).then(|| list.to_vec())
}
