use weir_findings::{RulePage, Severity};
use weir_model::Route;

use crate::{
    Rule,
    context::{Context, written},
    out::Out,
};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "empty-acl",
        severity: Severity::Warning,
        waivable: Some(Severity::Warning),
        title: "lists with content",
        what: "An `AccessControlList` has at least one grant or raw rule in at least one stage.",
        why: "An empty list grants nothing. Usually its grants are under a wrong key, or in another file.",
        bad: "spec: {serviceAccount: toll-billing, allow: []}",
        good: "spec:\n  serviceAccount: toll-billing\n  allow: [{produce: toll.transactions.v1}]",
        remedy: "To take all rights from an account, remove the list: weir deletes ACL bindings that no list asks for.",
    },
    check,
};

fn check(cx: &Context<'_>, out: &mut Out) {
    for acl in cx.workspace.access_control_lists.values() {
        let mut levels = written(acl);
        if levels.all(|level| level.allow.is_empty() && level.rules.is_empty()) {
            let message = format!("`{}` grants nothing", acl.metadata.name);
            let help = "write grants under `allow`, or remove the list";
            out.push(out.warning(Route::name(acl.entity_ref()), message).help(help));
        }
    }
}
