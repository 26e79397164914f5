use weir_findings::{RulePage, Severity};
use weir_model::Grant;

use crate::{
    Rule,
    context::{Context, written},
    out::Out,
};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "grant-shape",
        severity: Severity::Error,
        waivable: None,
        title: "a grant has one purpose",
        what: "A grant is either `produce`, optionally with `transactionalId`, or `consume`, optionally with `group`. \
               Only a consumer that assigns its partitions itself and commits no offsets needs no `group`.",
        why: "A `group` beside `produce` would grant nothing, and mislead the reader.",
        bad: "allow:\n  - {produce: toll.transactions.v1, group: toll-billing}",
        good: "allow:\n  - {produce: toll.transactions.v1}\n  - {consume: toll.transactions.v1, group: toll-billing}",
        remedy: "",
    },
    check,
};

fn check(cx: &Context<'_>, out: &mut Out) {
    for acl in cx.workspace.access_control_lists.values() {
        for level in written(acl) {
            for (i, grant) in level.allow.iter().enumerate() {
                let at = |field| level.route(acl, "allow", i, field);
                let Grant { produce, transactional_id, consume, group, until: _ } = grant;
                let (message, field, help) = match (produce, consume) {
                    (Some(_), Some(_)) => {
                        ("a grant is either `produce` or `consume`", "consume", "write two grants")
                    }
                    (None, None) => ("a grant names `produce` or `consume`", "", "write one of them, or remove the grant"),
                    (Some(_), None) if group.is_some() => {
                        ("`group` has no effect beside `produce`", "group", "move it to a grant with `consume`")
                    }
                    (None, Some(_)) if transactional_id.is_some() => (
                        "`transactionalId` has no effect beside `consume`",
                        "transactionalId",
                        "move it to a grant with `produce`",
                    ),
                    _ => continue,
                };
                out.push(out.error(at(field), message).help(help));
            }
        }
    }
}
