//! The bindings that an error in an access control list is about.

use std::collections::BTreeMap;

use weir_findings::{Finding, Span};
use weir_model::{AccessControlList, Grant, Loaded, Patch, Permission, Route, Rule, StageView};
use weir_ownership::{Authority, Request};
use weir_planning::{Acl, DesiredAccount, binding};

use crate::Accepted;

/// The rule about consents of owners.
const CONSENT: &str = "sharing-consent";

/// The rules about one name in a list, for which another team may answer: it may take back a consent or delete a topic. The
/// rest of the list goes on.
const ABOUT_NAMES: [&str; 3] = [CONSENT, "tombstoned-reference", "unknown-reference"];

/// The bindings that access control lists ask for in one stage, by the place of the name that they are for.
pub(super) struct Requests<'w> {
    loaded: &'w Loaded,
    view: Option<StageView<'w>>,
    by_list: BTreeMap<&'w str, BTreeMap<Span, Vec<Acl>>>,
}

impl<'w> Requests<'w> {
    pub(super) fn new(accepted: Accepted<'w>, stage: &str) -> Self {
        let view = accepted.workspace.stage(stage).ok();
        Self { loaded: &accepted.checked.loaded, view, by_list: BTreeMap::new() }
    }

    /// Returns the bindings of the list's account that an error is about; `None` if it may be about all of them.
    ///
    /// An error about a denial is about all of them: a grant without the denial beside it gives too much.
    pub(super) fn about(
        &mut self,
        finding: &Finding,
        list: &'w AccessControlList,
        account: &DesiredAccount,
    ) -> Option<Vec<Acl>> {
        let rule = finding.rule.as_str();
        let (loaded, view) = (self.loaded, self.view.as_ref().filter(|_| ABOUT_NAMES.contains(&rule))?);
        let by_place = self.by_list.entry(&list.metadata.name).or_insert_with(|| by_place(loaded, view, list));
        let there = by_place.get(&finding.at)?;
        if there.iter().any(|acl| acl.permission == Permission::Deny) {
            return None;
        }
        let (refused, wanted): (Vec<&Acl>, Vec<&Acl>) =
            there.iter().partition(|acl| account.withdrawn.contains_key(*acl));
        // Of the operations of a rule, some may have the consent.
        let all = if rule == CONSENT && !refused.is_empty() { refused } else { [refused, wanted].concat() };
        Some(all.into_iter().cloned().collect())
    }
}

/// Returns the bindings that a list asks for in the stage, by the place of their names. Names that the list has for other
/// stages alone have none.
fn by_place(loaded: &Loaded, view: &StageView<'_>, list: &AccessControlList) -> BTreeMap<Span, Vec<Acl>> {
    let mut places = BTreeMap::new();
    let staged = view.access.get(list.metadata.name.as_str());
    let mut add = |stage: Option<&str>, allow: &[Grant], rules: &[Rule]| {
        let counts = |from_stage: bool| match stage {
            Some(stage) => from_stage && stage == view.stage.name,
            None => !from_stage,
        };
        let mut place = |part: &str, index: usize, field: &str, acl: Option<Acl>| {
            let index = index.to_string();
            let level = stage.map(|stage| ["stages", stage]);
            let path = ["spec"].into_iter().chain(level.into_iter().flatten()).chain([part, &index, field]);
            let at = loaded.locate(&Route::value(list.entity_ref(), path));
            places.entry(at).or_insert_with(Vec::new).extend(acl);
        };
        // The account's team and the authority over the list change nothing about a binding.
        let (team, authority, prefix) = ("", Authority::Platform, &view.stage.prefix);
        let is_staged = staged.is_some_and(|staged| counts(staged.allow_from_stage));
        for (i, grant) in allow.iter().enumerate() {
            for request in Request::of_grant(team, authority, grant) {
                let acl = binding(&request, None, prefix).filter(|_| is_staged);
                place("allow", i, request.field(), acl);
            }
        }
        let is_staged = staged.is_some_and(|staged| counts(staged.rules_from_stage));
        for (i, rule) in rules.iter().enumerate() {
            for request in Request::of_rule(team, authority, rule) {
                let acl = binding(&request, rule.host.as_deref(), prefix).filter(|_| is_staged);
                place("rules", i, "name", acl);
            }
        }
    };
    add(None, &list.spec.allow, &list.spec.rules);
    for (stage, overlay) in list.spec.stages.iter().flatten() {
        let Some(overlay) = overlay else { continue };
        add(Some(stage), set(&overlay.allow), set(&overlay.rules));
    }
    places
}

fn set<T>(patch: &Patch<Vec<T>>) -> &[T] {
    match patch {
        Patch::Set(items) => items,
        Patch::Keep | Patch::Remove => &[],
    }
}
