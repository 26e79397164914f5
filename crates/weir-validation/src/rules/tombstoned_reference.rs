use weir_findings::{RulePage, Severity};
use weir_model::{AccessControlList, Ensure, Route, StageView, StagedAccess};

use crate::{
    Rule,
    context::{Context, access, exists, literal_topics, spec},
    out::Out,
};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "tombstoned-reference",
        severity: Severity::Error,
        waivable: Some(Severity::Warning),
        title: "rights only on existing topics",
        what: "The topic of a grant or an allowing raw rule is in the stage and is not a tombstone. An \
               `AccessControlList` with a deleted or unmanaged service account, or with a difference for a stage that \
               its account is not in, is a warning.",
        why: "Without the topic, the application fails at its first read. If somebody creates the topic again later, \
              forgotten rights apply to it.",
        bad: "# cards.status.v1 says `ensure: absent`\nallow:\n  - {consume: cards.status.v1, group: toll-billing}",
        good: "allow:\n  - {consume: cards.status.v2, group: toll-billing}",
        remedy: "Remove the grant before the topic, or together with it. If the topic is missing from one stage only, \
                 replace the list in that stage: `stages: {prod: {allow: […]}}`.",
    },
    check,
};

fn check(cx: &Context<'_>, out: &mut Out) {
    for view in &cx.stages {
        for list in view.access.values() {
            for (i, grant) in list.allow.iter().enumerate() {
                for (field, name) in [("produce", &grant.produce), ("consume", &grant.consume)] {
                    if let Some(name) = name {
                        topic(cx, out, view, list, name, || access(view, list, "allow", i, field));
                    }
                }
            }
            for (i, name) in literal_topics(list.rules) {
                topic(cx, out, view, list, name, || access(view, list, "rules", i, "name"));
            }
        }
    }
    for acl in cx.workspace.access_control_lists.values() {
        account(cx, out, acl);
    }
}

fn topic(
    cx: &Context<'_>,
    out: &mut Out,
    view: &StageView<'_>,
    list: &StagedAccess<'_>,
    name: &str,
    at: impl FnOnce() -> Route,
) {
    let staged = view.topics.get(name);
    if staged.is_some_and(|topic| exists(topic.ensure)) {
        return;
    }
    // Deleting the account also deletes its rights.
    if !view.accounts.get(list.entity.spec.service_account.as_str()).is_some_and(|a| exists(a.ensure)) {
        return;
    }
    // The rule `unknown-reference` reports a topic that is not declared.
    let Some(entity) = cx.topics.get(name) else { return };
    let stage = &view.stage.name;
    let (message, help) = match staged {
        Some(_) => (
            format!("topic `{name}` has `ensure: absent`"),
            "remove the right before the topic, or together with it".to_owned(),
        ),
        None => (
            format!("topic `{name}` is not in stage `{stage}`"),
            format!("write a list without it under `stages: {{{stage}: …}}`, or add `{stage}` to the topic's `stages`"),
        ),
    };
    let finding = out
        .error(at(), message)
        .help(help)
        .related(Route::name(entity.entity_ref()), "the topic");
    out.push_in(view.index, finding);
}

fn account(cx: &Context<'_>, out: &mut Out, acl: &AccessControlList) {
    let name = acl.spec.service_account.as_str();
    if !cx.accounts.contains_key(name) {
        return;
    }
    let staged = |view: &StageView<'_>| view.accounts.get(name).map(|account| account.ensure);
    if !cx.stages.is_empty() && !cx.stages.iter().filter_map(staged).any(exists) {
        let message = format!("service account `{name}` is in no stage, or has `ensure: absent` in all of its stages");
        let at = spec(acl.entity_ref(), ["serviceAccount"]);
        out.push(out.warning(at, message).help("remove the access control list"));
        return;
    }
    if cx.stages.iter().filter_map(staged).all(|ensure| ensure == Ensure::Unmanaged) && !cx.stages.is_empty() {
        let message = format!("service account `{name}` is unmanaged, so the list gives it no rights");
        let at = spec(acl.entity_ref(), ["serviceAccount"]);
        out.push(out.warning(at, message).help("remove the access control list, or manage the account"));
        return;
    }
    for stage in acl.spec.stages.iter().flat_map(|stages| stages.keys()) {
        let Some(view) = cx.stages.iter().find(|view| view.stage.name == *stage) else { continue };
        if staged(view).is_none() {
            let message = format!("service account `{name}` is not in stage `{stage}`, so these rights have no effect");
            let at = Route { key: true, ..spec(acl.entity_ref(), ["stages", stage]) };
            out.push_in(view.index, out.warning(at, message).help(format!("remove `{stage}`")));
        }
    }
}
