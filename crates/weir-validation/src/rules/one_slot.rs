use weir_findings::{RulePage, Severity};
use weir_model::{Ensure, ProviderRef};

use crate::{
    Rule,
    context::{Context, spec},
    out::Out,
};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "one-slot",
        severity: Severity::Error,
        waivable: None,
        title: "one API key for each account on Apache Kafka",
        what: "In a stage on a cluster of Apache Kafka brokers, a service account has one slot at most.",
        why: "On Apache Kafka a service account is a SCRAM user, and its API key is the user's password. A second key \
              would replace the first.",
        bad: "apiKeys: [{slot: default}, {slot: batch}]",
        good: "apiKeys: [{slot: default}]",
        remedy: "Give the second application a service account of its own.",
    },
    check,
};

fn check(cx: &Context<'_>, out: &mut Out) {
    for view in &cx.stages {
        if !matches!(view.provider(), Some(ProviderRef::ApacheKafka(_))) {
            continue;
        }
        for account in view.accounts.values().filter(|account| account.ensure == Ensure::Present) {
            let [first, second, ..] = account.api_keys else { continue };
            let message = format!(
                "`{}` has the slots `{}` and `{}`, but a SCRAM user has only one password",
                account.entity.metadata.name, first.slot, second.slot
            );
            let at = spec(account.entity.entity_ref(), ["apiKeys"]);
            out.push_in(
                view.index,
                out.error(at, message).help("keep one slot, and give the other application a service account of its own"),
            );
        }
    }
}
