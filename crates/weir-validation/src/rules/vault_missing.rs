use weir_findings::{RulePage, Severity};
use weir_model::Ensure;

use crate::{
    Rule,
    context::{Context, spec},
    out::Out,
};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "vault-missing",
        severity: Severity::Error,
        waivable: None,
        title: "a key vault for every API key",
        what: "A service account with API keys belongs to a team that has a key vault in each of the account's stages: \
               under the team's `vaults`, or by the template `vault` of the stage or of the workspace's defaults.",
        why: "The cluster shows a key's secret only once. Without a vault it would be lost.",
        bad: "kind: Team\nspec:\n  vaults: {dev: \"https://kv-toll-dev.vault.azure.net\"}   # and nothing for prod",
        good: "kind: Team\nspec:\n  vaults:\n    dev: https://kv-toll-dev.vault.azure.net\n    prod: https://kv-toll-prod.vault.azure.net",
        remedy: "",
    },
    check,
};

fn check(cx: &Context<'_>, out: &mut Out) {
    for view in &cx.stages {
        for account in view.accounts.values() {
            let team = &account.entity.metadata.team;
            if account.ensure != Ensure::Present
                || account.api_keys.is_empty()
                || account.vault.is_some()
                || !cx.teams.contains_key(team)
            {
                continue;
            }
            let message = format!("team `{team}` has no key vault for the API keys of `{}`", account.entity.metadata.name);
            let help = format!("write `vaults: {{{}: \"https://…\"}}` in `Team/{team}`, or a `vault` template in `weir.yaml`", view.stage.name);
            let at = spec(account.entity.entity_ref(), ["apiKeys"]);
            out.push_in(view.index, out.error(at, message).help(help));
        }
    }
}
