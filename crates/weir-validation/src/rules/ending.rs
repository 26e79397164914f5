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

const TWO_WEEKS: i64 = 14;

fn check(cx: &Context<'_>, out: &mut Out) {
    let Some(today) = cx.today else { return };
    let settings = cx.workspace.settings.spec.ownership.as_ref();
    let days = settings.map_or(TWO_WEEKS, |spec| i64::try_from(spec.warn_before.millis / 86_400_000).unwrap_or(i64::MAX));
    let mut judge = |what: &str, until: Option<Date>, at: &dyn Fn() -> Route| {
        let Some(until) = until else { return };
        let left = days_between(today, until);
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
    for (i, consent) in settings.iter().flat_map(|spec| &spec.consents).enumerate() {
        judge("consent", consent.until, &|| cx.settings(["ownership", "consents", &i.to_string(), "until"]));
    }
}

/// Returns the number of days from `today` to `until`; negative for a day that has passed.
fn days_between(today: Date, until: Date) -> i64 {
    today.0.until(until.0).map_or(i64::MAX, |span| i64::from(span.get_days()))
}
