//! The objects on the clusters, by stage and logical name.

use std::collections::{BTreeMap, BTreeSet};

use weir_model::StageView;
use weir_planning::{Acl, KeyMarker, Observed, ObservedAccount, ObservedTopic, Principal};

use crate::{Import, ImportError, Left, LeftKind, names::Names, team::is_name};

/// A stage that is imported.
pub(crate) struct SeenStage<'a> {
    pub(crate) names: Names<'a>,
    /// The entities that the workspace declares in it already.
    pub(crate) declared: StageView<'a>,
    /// Its place in the promotion order.
    pub(crate) index: usize,
    pub(crate) observed: &'a Observed,
}

impl<'a> SeenStage<'a> {
    pub(crate) fn name(&self) -> &'a str {
        &self.names.stage.name
    }
}

/// A topic that no file declares.
pub(crate) struct SeenTopic<'a> {
    pub(crate) team: String,
    /// The observed state, by the index of the stage.
    pub(crate) stages: BTreeMap<usize, &'a ObservedTopic>,
}

/// A service account that no file declares.
pub(crate) struct SeenAccount<'a> {
    pub(crate) team: String,
    /// The observed state, by the index of the stage.
    pub(crate) stages: BTreeMap<usize, AccountThere<'a>>,
}

/// A service account in a stage.
pub(crate) struct AccountThere<'a> {
    pub(crate) account: &'a ObservedAccount,
    pub(crate) acls: &'a BTreeSet<Acl>,
    /// Slots of keys that carry the mark of this stage.
    pub(crate) slots: BTreeSet<String>,
}

/// The objects to import.
pub(crate) struct Seen<'a> {
    /// In promotion order.
    pub(crate) stages: Vec<SeenStage<'a>>,
    pub(crate) topics: BTreeMap<&'a str, SeenTopic<'a>>,
    pub(crate) accounts: BTreeMap<&'a str, SeenAccount<'a>>,
    /// The objects that stay outside of the files.
    pub(crate) left: Vec<Left>,
}

/// The reason for objects that no team can own.
const NO_NAME: &str = "files take no such name";

static NO_ACLS: BTreeSet<Acl> = BTreeSet::new();

impl<'a> Seen<'a> {
    pub(crate) fn new(import: &'a Import<'_>) -> Result<Self, ImportError> {
        let workspace = import.workspace;
        let mut stages = Vec::new();
        for (name, observed) in &import.stages {
            let declared = workspace.stage(name)?;
            let names = Names::new(workspace, declared.stage);
            stages.push(SeenStage { names, index: declared.index, declared, observed });
        }
        stages.sort_by_key(|stage| stage.index);
        stages.dedup_by_key(|stage| stage.index);
        let mut seen =
            Self { stages: Vec::new(), topics: BTreeMap::new(), accounts: BTreeMap::new(), left: Vec::new() };
        let mut homeless = BTreeSet::new();
        let mut clusters = BTreeSet::new();
        for stage in &stages {
            let first = clusters.insert(stage.names.stage.cluster.as_str());
            seen.topics_of(import, stage, first, &mut homeless);
            seen.accounts_of(import, stage, first, &mut homeless);
            if first {
                seen.principals_of(stage);
            }
        }
        seen.stages = stages;
        if homeless.is_empty() { Ok(seen) } else { Err(ImportError::NoTeam { names: homeless.into_iter().collect() }) }
    }

    pub(crate) fn stage(&self, index: usize) -> Option<&SeenStage<'a>> {
        self.stages.iter().find(|stage| stage.index == index)
    }

    fn leave(&mut self, kind: LeftKind, stage: &SeenStage<'_>, object: &str, why: impl Into<String>) {
        self.left.push(Left::new(kind, stage.name(), object, why));
    }

    fn topics_of(&mut self, import: &Import<'_>, stage: &SeenStage<'a>, first: bool, homeless: &mut BTreeSet<String>) {
        for (physical, topic) in stage.observed.topics.iter().filter(|(name, _)| !name.starts_with('_')) {
            let Some(logical) = stage.names.topic(physical) else {
                if first && !stage.names.is_claimed_topic(physical) {
                    self.leave(LeftKind::Topic, stage, physical, "it has the prefix of no stage");
                }
                continue;
            };
            match known(&import.workspace.topics, stage.declared.topics.contains_key(logical), logical) {
                Known::Here => {}
                Known::Elsewhere => {
                    let why = format!("Topic/{logical} is declared already, though not for this stage");
                    self.leave(LeftKind::Topic, stage, physical, why);
                }
                Known::No if logical.is_empty() => {
                    self.leave(LeftKind::Topic, stage, physical, "it is called like the stage's prefix");
                }
                Known::No => match import.teams.of_topic(logical) {
                    Some(team) => {
                        let seen = self.topics.entry(logical);
                        let seen = seen.or_insert_with(|| SeenTopic { team, stages: BTreeMap::new() });
                        seen.stages.insert(stage.index, topic);
                    }
                    None if !is_name(logical) || logical.starts_with('_') => {
                        self.leave(LeftKind::Topic, stage, physical, NO_NAME);
                    }
                    None => {
                        homeless.insert(format!("Topic/{logical}"));
                    }
                },
            }
        }
    }

    fn accounts_of(
        &mut self,
        import: &Import<'_>,
        stage: &SeenStage<'a>,
        first: bool,
        homeless: &mut BTreeSet<String>,
    ) {
        let mut keys = BTreeMap::<&str, Vec<_>>::new();
        for (id, key) in &stage.observed.keys {
            keys.entry(key.account.as_str()).or_default().push((id, key));
        }
        for (physical, account) in &stage.observed.accounts {
            let acls = stage.observed.acls.get(&Principal::of_account(physical)).unwrap_or(&NO_ACLS);
            let leave = |why: String| Left {
                bindings: acls.iter().map(ToString::to_string).collect(),
                ..Left::new(LeftKind::Account, stage.name(), physical, why)
            };
            let Some(logical) = stage.names.account(physical) else {
                if first && !stage.names.is_claimed_account(physical) {
                    self.left.push(leave("it has the prefix of no stage".to_owned()));
                }
                continue;
            };
            match known(&import.workspace.service_accounts, stage.declared.accounts.contains_key(logical), logical) {
                Known::Here => continue,
                Known::Elsewhere => {
                    let why = format!("ServiceAccount/{logical} is declared already, though not for this stage");
                    self.left.push(leave(why));
                    continue;
                }
                Known::No if logical.is_empty() => {
                    self.left.push(leave("it is called like the stage's prefix".to_owned()));
                    continue;
                }
                Known::No => {}
            }
            let Some(team) = import.teams.of_account(logical) else {
                if !is_name(logical) {
                    self.left.push(leave(NO_NAME.to_owned()));
                    continue;
                }
                homeless.insert(format!("ServiceAccount/{logical}"));
                continue;
            };
            let mut slots = BTreeSet::new();
            for (id, key) in keys.get(physical.as_str()).into_iter().flatten() {
                match key.marker.as_deref().and_then(|marker| marker.parse::<KeyMarker>().ok()) {
                    Some(marker)
                        if marker.maker.stage == stage.name()
                            && marker.maker.workspace == import.workspace.settings.metadata.name =>
                    {
                        slots.insert(marker.slot);
                    }
                    _ => {
                        let why = format!("the API key `{id}` stays as it is, since nobody can read its secret again");
                        self.leave(LeftKind::Key, stage, physical, why);
                    }
                }
            }
            let seen = self.accounts.entry(logical);
            let seen = seen.or_insert_with(|| SeenAccount { team, stages: BTreeMap::new() });
            seen.stages.insert(stage.index, AccountThere { account, acls, slots });
        }
    }

    /// Notes the bindings of principals that are no account of the cluster: certificates, `User:*`, deleted accounts.
    fn principals_of(&mut self, stage: &SeenStage<'_>) {
        let accounts = &stage.observed.accounts;
        for (principal, acls) in &stage.observed.acls {
            let is_account = principal.user().is_some_and(|name| accounts.contains_key(name));
            if !is_account && !acls.is_empty() {
                self.left.push(Left {
                    bindings: acls.iter().map(ToString::to_string).collect(),
                    ..Left::new(LeftKind::Principal, stage.name(), principal, "the cluster has no such service account")
                });
            }
        }
    }
}

enum Known {
    No,
    Here,
    Elsewhere,
}

fn known<E>(all: &BTreeMap<String, E>, is_here: bool, logical: &str) -> Known {
    match (all.contains_key(logical), is_here) {
        (false, _) => Known::No,
        (true, true) => Known::Here,
        (true, false) => Known::Elsewhere,
    }
}
