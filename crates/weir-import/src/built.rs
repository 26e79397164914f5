//! The entities that an import makes, on the way to their files.

use std::collections::{BTreeMap, BTreeSet};

use weir_findings::FileId;
use weir_model::{AccessControlList, EntityRef, Origin, ServiceAccount, Team, Topic, Workspace};

use crate::{Left, LeftKind, seen::Seen};

/// The origin of imported entities, which have no file yet.
pub(crate) const ORIGIN: Origin = Origin { file: FileId(0), document: 0 };

/// The entities that are new.
#[derive(Default)]
pub(crate) struct Built {
    pub(crate) teams: BTreeMap<String, Team>,
    pub(crate) topics: BTreeMap<String, Topic>,
    pub(crate) accounts: BTreeMap<String, ServiceAccount>,
    pub(crate) lists: BTreeMap<String, AccessControlList>,
    /// Remarks for readers of the file, by entity.
    pub(crate) remarks: BTreeMap<EntityRef, BTreeSet<String>>,
    pub(crate) left: Vec<Left>,
}

impl Built {
    /// Returns the workspace with the new entities.
    pub(crate) fn over(&self, workspace: &Workspace) -> Workspace {
        let mut all = workspace.clone();
        all.teams.extend(self.teams.clone());
        all.topics.extend(self.topics.clone());
        all.service_accounts.extend(self.accounts.clone());
        all.access_control_lists.extend(self.lists.clone());
        all
    }

    pub(crate) fn unmanaged(
        &mut self,
        kind: (LeftKind, EntityRef),
        stage: &str,
        object: &str,
        why: &str,
        bindings: Vec<String>,
    ) {
        let (left, entity) = kind;
        self.remarks.entry(entity).or_default().insert(format!("Not managed in {stage}: {why}."));
        self.left.push(Left { bindings, ..Left::new(left, stage, object, why) });
    }
}

/// The field `stages` of an entity.
type Stages<O> = Option<BTreeMap<String, Option<O>>>;

/// The stages of an entity with the differences there, and the reasons why it is missing in earlier stages.
pub(crate) fn placed<O>(
    workspace: &Workspace,
    seen: &Seen<'_>,
    present: &BTreeSet<usize>,
    mut overlays: BTreeMap<usize, O>,
) -> (Stages<O>, BTreeMap<String, String>) {
    let stages = &workspace.settings.spec.stages;
    let last = present.last().copied().unwrap_or_default();
    let missing = (0..last).filter(|index| !present.contains(index));
    let not_in = missing.map(|index| {
        let why = match seen.stage(index) {
            Some(_) => "not there when the cluster was imported",
            None => "not looked at when the other stages were imported",
        };
        (stages[index].name.clone(), why.to_owned())
    });
    let not_in = not_in.collect();
    if present.len() == stages.len() && overlays.is_empty() {
        return (None, not_in);
    }
    (Some(present.iter().map(|index| (stages[*index].name.clone(), overlays.remove(index))).collect()), not_in)
}
