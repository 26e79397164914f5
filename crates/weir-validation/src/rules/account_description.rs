use weir_findings::{RulePage, Severity};
use weir_model::Route;

use crate::{Rule, context::Context, out::Out};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "account-description",
        severity: Severity::Error,
        waivable: None,
        title: "descriptions that the cluster accepts",
        what: "The description of a service account is one line of at most 128 characters.",
        why: "Confluent Cloud stores the description with the account, and refuses longer ones.",
        bad: "metadata:\n  name: toll-billing\n  team: toll\n  description: |\n    Billing.\n    Reads transactions.",
        good: "metadata: {name: toll-billing, team: toll, description: Billing; reads transactions}",
        remedy: "Write longer explanations in a comment, or in `labels`.",
    },
    check,
};

/// Confluent Cloud's limit for the description of a service account, in characters.
const MAX_LENGTH: usize = 128;

fn check(cx: &Context<'_>, out: &mut Out) {
    for account in cx.workspace.service_accounts.values() {
        let Some(description) = account.metadata.description.as_deref() else { continue };
        let length = description.chars().count();
        let at = || Route::value(account.entity_ref(), ["metadata", "description"]);
        if length > MAX_LENGTH {
            let message = format!("the description has {length} characters");
            out.push(out.error(at(), message).help("use at most 128 characters"));
        } else if description.trim().chars().any(char::is_control) {
            out.push(out.error(at(), "the description has several lines or control characters").help("write one line"));
        }
    }
}
