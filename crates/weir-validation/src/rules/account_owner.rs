use weir_findings::{RulePage, Severity};
use weir_model::Route;

use crate::{Rule, context::Context, out::Out};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "account-owner",
        severity: Severity::Error,
        waivable: None,
        title: "rights only for service accounts of the same team",
        what: "An `AccessControlList` belongs to the same team as its service account.",
        why: "Otherwise a team could change the rights of another team's application without a review by that team.",
        bad: "# Service account toll-billing belongs to team toll\nmetadata: {name: toll-billing, team: cards}\n\
              spec: {serviceAccount: toll-billing}",
        good: "metadata: {name: toll-billing, team: toll}\nspec: {serviceAccount: toll-billing}",
        remedy: "",
    },
    check,
};

fn check(cx: &Context<'_>, out: &mut Out) {
    for acl in cx.workspace.access_control_lists.values() {
        let Some(account) = cx.accounts.get(&acl.spec.service_account) else { continue };
        let (team, owner) = (&acl.metadata.team, &account.metadata.team);
        if team != owner {
            let message = format!("service account `{}` belongs to team `{owner}`, not `{team}`", account.metadata.name);
            let finding = out
                .error(Route::value(acl.entity_ref(), ["metadata", "team"]), message)
                .help(format!("write `team: {owner}`, or name a service account of team `{team}`"))
                .related(Route::value(account.entity_ref(), ["metadata", "team"]), "the account's team");
            out.push(finding);
        }
    }
}
