use weir_findings::{RulePage, Severity};
use weir_model::{Date, Route};

use crate::{
    Rule,
    context::{Context, overlays, set, spec, written},
    out::Out,
};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "ending",
        severity: Severity::Warning,
        waivable: Some(Severity::Warning),
        title: "rights and consents that are about to end",
        what: "A grant, a raw rule or a consent with `until` ends within 14 days, or within `ownership.warnBefore`, or \
               has ended.",
        why: "An application stops working on the day after, with the first plan.",
        bad: "# on 2027-01-20\nallow:\n  - {consume: cards.status.v1, group: toll-billing, until: 2027-01-31}",
        good: "# on 2027-01-20\nallow:\n  - {consume: cards.status.v1, group: toll-billing, until: 2027-06-30}",
        remedy: "",
    },
    check,
};

fn check(cx: &Context<'_>, out: &mut Out) {
    let Some(today) = cx.today else { return };
    let settings = &cx.workspace.settings.spec;
    let days = settings.warn_before().days();
    let mut judge = |what: &str, until: Option<Date>, at: &dyn Fn() -> Route| {
        let Some(until) = until else { return };
        let left = today.days_until(until);
        if left > days {
            return;
        }
        let message = match left {
            ..0 => format!("the {what} ended: its last day was {until}"),
            0 => format!("the {what} ends today"),
            1 => format!("the {what} ends tomorrow"),
            left => format!("the {what} ends in {left} days, on {until}"),
        };
        let finding = out.warning(at(), message).help("remove it, or agree on a later day");
        out.push(finding);
    };
    for acl in cx.workspace.access_control_lists.values() {
        for level in written(acl) {
            for (i, grant) in level.allow.iter().enumerate() {
                judge("grant", grant.until, &|| level.route(acl, "allow", i, "until"));
            }
            for (i, rule) in level.rules.iter().enumerate() {
                judge("rule", rule.until, &|| level.route(acl, "rules", i, "until"));
            }
        }
    }
    for topic in cx.workspace.topics.values() {
        judge("consent", topic.spec.access.until, &|| spec(topic.entity_ref(), ["access", "until"]));
        for (stage, overlay) in overlays(&topic.spec.stages) {
            let until = set(&overlay.access).and_then(|access| access.until);
            judge("consent", until, &|| spec(topic.entity_ref(), ["stages", stage, "access", "until"]));
        }
    }
    for consent in cx.workspace.consents.values() {
        judge("consent", consent.spec.until, &|| spec(consent.entity_ref(), ["until"]));
    }
    for (i, consent) in settings.ownership.iter().flat_map(|spec| &spec.consents).enumerate() {
        judge("consent", consent.until, &|| cx.settings(["ownership", "consents", &i.to_string(), "until"]));
    }
}
