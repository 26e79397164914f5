use std::collections::BTreeMap;

use weir_findings::{RulePage, Severity};
use weir_model::{Ensure, EntityRef, Patch, Route};

use crate::{
    Rule,
    context::{Context, exists, spec},
    out::Out,
};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "stage-order",
        severity: Severity::Error,
        waivable: Some(Severity::Warning),
        title: "entities of a later stage are in every earlier stage",
        what: "A topic or service account of a stage is in every earlier stage too, unless `notIn` gives a reason. A \
               tombstone counts as missing, so delete from the last stage to the first. `notIn` needs a reason, and \
               must not name a stage that the entity is in, so list the entity's own `stages` as well. An entity that \
               is in no stage is a warning.",
        why: "An entity that skips a stage was never tested there. If it is deleted in an earlier stage first, \
              problems of the later stage can no longer be reproduced.",
        bad: "spec:\n  stages: {prod: }",
        good: "spec:\n  stages: {dev: , test: , preprod: , prod: }\n# or\nspec:\n  notIn: {dev: fed by a partner who has no \
               development system}\n  stages: {test: , preprod: , prod: }",
        remedy: "",
    },
    check,
};

fn check(cx: &Context<'_>, out: &mut Out) {
    for topic in cx.workspace.topics.values() {
        let s = &topic.spec;
        order(cx, out, || topic.entity_ref(), s.ensure, &s.not_in, s.stages.as_ref(), |o| &o.ensure);
    }
    for account in cx.workspace.service_accounts.values() {
        let s = &account.spec;
        order(cx, out, || account.entity_ref(), s.ensure, &s.not_in, s.stages.as_ref(), |o| &o.ensure);
    }
}

fn order<O>(
    cx: &Context<'_>,
    out: &mut Out,
    entity: impl Fn() -> EntityRef,
    ensure: Ensure,
    not_in: &BTreeMap<String, String>,
    stages: Option<&BTreeMap<String, Option<O>>>,
    patch: impl Fn(&O) -> &Patch<Ensure>,
) {
    if stages.is_none() && not_in.is_empty() {
        return;
    }
    let name = entity().name;
    let present: Vec<Option<Ensure>> = cx
        .stages
        .iter()
        .map(|view| match stages {
            None => Some(ensure),
            Some(stages) => stages.get(&view.stage.name).map(|overlay| match overlay.as_ref().map(&patch) {
                None | Some(Patch::Keep) => ensure,
                Some(Patch::Remove) => Ensure::Present,
                Some(Patch::Set(ensure)) => *ensure,
            }),
        })
        .collect();
    let here = |ensure: &Option<Ensure>| ensure.is_some_and(exists);

    // Indexes of earlier stages without the entity, by the first later stage that has it.
    let mut missing: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (i, view) in cx.stages.iter().enumerate() {
        let stage = &view.stage.name;
        if let Some(reason) = not_in.get(stage) {
            let at = || spec(entity(), ["notIn", stage]);
            if here(&present[i]) {
                let message = format!("`{name}` is in stage `{stage}`, but `notIn` excludes it");
                let help = format!("remove `{stage}` from `notIn` or from `stages`");
                let help = if stages.is_none() { format!("list its stages under `stages`, or remove `{stage}` here") } else { help };
                out.push_in(view.index, out.error(Route { key: true, ..at() }, message).help(help));
            } else if reason.trim().is_empty() {
                let message = format!("the reason why `{name}` is not in stage `{stage}` is empty");
                out.push_in(view.index, out.error(at(), message).help("write the reason, in a sentence"));
            }
            continue;
        }
        let Some(later) = (i + 1..present.len()).find(|later| here(&present[*later])) else { continue };
        if here(&present[i]) {
            continue;
        }
        if present[i].is_none() {
            missing.entry(later).or_default().push(i);
            continue;
        }
        let later_name = &cx.stages[later].stage.name;
        let at = spec(entity(), ["stages", stage, "ensure"]);
        let message = format!("`{name}` has `ensure: absent` in stage `{stage}`, but exists in the later stage `{later_name}`");
        let help = format!("delete it in the last stage first, or give a reason under `notIn: {{{stage}: …}}`");
        let finding = out.error(at, message).help(help);
        out.push_in(view.index, finding.clone());
        out.push_in(cx.stages[later].index, finding);
    }
    for (later, earlier) in missing {
        let later_name = &cx.stages[later].stage.name;
        let names: Vec<String> = earlier.iter().map(|i| format!("`{}`", cx.stages[*i].stage.name)).collect();
        let at = Route { key: true, ..spec(entity(), ["stages", later_name]) };
        let message = format!("`{name}` is in stage `{later_name}`, but not in the earlier {}", names.join(" and "));
        let help = "add the earlier stages under `stages`, or give a reason under `notIn: {<stage>: <reason>}`";
        let finding = out.error(at, message).help(help);
        for stage in earlier.into_iter().chain([later]) {
            out.push_in(cx.stages[stage].index, finding.clone());
        }
    }
    if present.iter().all(Option::is_none) && !present.is_empty() {
        let message = format!("`{name}` is in no stage");
        let at = spec(entity(), ["stages"]);
        out.push(out.warning(at, message).help("name its stages, or leave `stages` out for all of them"));
    }
}
