use weir_findings::{RulePage, Severity};
use weir_model::Route;

use crate::{Rule, context::Context, out::Out};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "service-account-name",
        severity: Severity::Error,
        waivable: None,
        title: "service account names of at most 64 characters",
        what: "With the stage's prefix, the name of a service account has at most 64 characters.",
        why: "Confluent Cloud refuses longer names. The limit holds everywhere, so that an account can move to \
              Confluent Cloud.",
        bad: "metadata: {name: toll-transactions-and-corrections-settlement-exporter-nightly, team: toll}",
        good: "metadata: {name: toll-settlement-exporter, team: toll}",
        remedy: "",
    },
    check,
};

/// Confluent Cloud's limit for the name of a service account, in characters.
const MAX_LENGTH: usize = 64;

fn check(cx: &Context<'_>, out: &mut Out) {
    for view in &cx.stages {
        for account in view.accounts.values() {
            let length = account.name.chars().count();
            if length > MAX_LENGTH {
                let message = format!("`{}` has {length} characters, {} too many", account.name, length - MAX_LENGTH);
                let at = Route::name(account.entity.entity_ref());
                out.push_in(view.index, out.error(at, message).help("use at most 64 characters, prefix included"));
            }
        }
    }
}
