use std::collections::BTreeMap;

use weir_findings::{RulePage, Severity};
use weir_model::{Ensure, EntityRef, Kind, Route};

use crate::{Rule, context::Context, out::Out};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "vault-shared",
        severity: Severity::Warning,
        waivable: Some(Severity::Warning),
        title: "a vault for every team",
        what: "The API keys of two teams' service accounts are not stored in the same key vault.",
        why: "An identity that may read a vault can read all of its secrets: one team could log in as the other, and \
              no `AccessControlList` would show it.",
        bad: "defaults:\n  vault: https://kv-kafka-{stage}.vault.azure.net",
        good: "defaults:\n  vault: https://kv-{team}-{stage}.vault.azure.net",
        remedy: "Use `{team}` in the template, or name each team's own vault under its `vaults`.",
    },
    check,
};

fn check(cx: &Context<'_>, out: &mut Out) {
    for view in &cx.stages {
        let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
        let mut found: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
        for account in view.accounts.values().filter(|a| a.ensure == Ensure::Present && !a.api_keys.is_empty()) {
            let team = account.entity.metadata.team.as_str();
            let Some(vault) = account.vault.as_deref() else { continue };
            let owner = *owners.entry(vault).or_insert(team);
            if owner != team {
                found.entry(team).or_insert((vault, owner));
            }
        }
        for (team, (vault, owner)) in found {
            if !cx.teams.contains_key(team) {
                continue;
            }
            let message = format!("the API keys of teams `{owner}` and `{team}` are stored in the same vault, {vault}");
            let at = |team| Route::name(EntityRef::new(Kind::Team, team));
            let finding = out.warning(at(team), message).help("give each team a vault of its own");
            out.push_in(view.index, finding.related(at(owner), "the other team"));
        }
    }
}
