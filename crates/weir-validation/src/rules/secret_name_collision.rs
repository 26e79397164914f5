use std::collections::BTreeMap;

use weir_findings::{RulePage, Severity};
use weir_model::{ApiKey, Ensure, Route, SecretPart, secret_name};

use crate::{Rule, context::Context, out::Out};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "secret-name-collision",
        severity: Severity::Error,
        waivable: None,
        title: "one secret for each API key",
        what: "No two API keys have the same secret name in the same key vault. The name is `kafka-<account>-<slot>` \
               (without the slot `default`), in lower case, with `-` for every character that Key Vault does not \
               accept; projections append `-properties`, `-key` or `-secret`.",
        why: "The second key would overwrite the first, and one of the two applications could no longer log in.",
        bad: "# two accounts of one team\nmetadata: {name: toll.billing, team: toll}\n---\nmetadata: {name: toll-billing, team: toll}",
        good: "metadata: {name: toll.billing, team: toll}\n---\nmetadata: {name: toll-invoices, team: toll}",
        remedy: "Rename the account or the slot, or give each stage a vault or a service account prefix of its own.",
    },
    check,
};

fn check(cx: &Context<'_>, out: &mut Out) {
    let mut taken = BTreeMap::new();
    for view in &cx.stages {
        for account in view.accounts.values().filter(|a| a.ensure == Ensure::Present && !a.api_keys.is_empty()) {
            let Some(vault) = account.vault.as_deref() else { continue };
            let mut keys: Vec<(&str, Option<SecretPart>)> = Vec::new();
            for key in account.api_keys {
                keys.push((&key.slot, None));
                keys.extend(key.parts().map(|part| (key.slot.as_str(), Some(part))));
            }
            // The rule `slot-name` reports a repeated slot.
            keys.sort_unstable();
            keys.dedup();
            for (slot, part) in keys {
                let secret =
                    part.map_or_else(|| secret_name(&account.name, slot), |part| part.secret_name(&account.name, slot));
                let Some((stage, other, other_slot, other_part)) =
                    taken.insert((vault, secret.clone()), (view, account, slot, part))
                else {
                    continue;
                };
                let (name, other_name) = (&account.entity.metadata.name, &other.entity.metadata.name);
                let same = name == other_name;
                let (message, help) = if stage.index == view.index {
                    let message = format!(
                        "the keys {} and {} would share a secret",
                        key(other_name, other_slot, other_part),
                        key(name, slot, part)
                    );
                    (message, "rename one of the accounts or slots".to_owned())
                } else {
                    let (a, b) = (&stage.stage.name, &view.stage.name);
                    let message = format!(
                        "the keys {} in stage `{a}` and {} in stage `{b}` would share a secret",
                        key(other_name, other_slot, other_part),
                        key(name, slot, part)
                    );
                    (message, format!("give stages `{a}` and `{b}` different vaults, or one of them a service account prefix"))
                };
                let mut finding = out
                    .error(Route::name(account.entity.entity_ref()), message)
                    .label(format!("secret `{secret}` of {vault}"))
                    .help(help);
                if !same {
                    finding = finding.related(Route::name(other.entity.entity_ref()), "the other account");
                }
                out.push_in(stage.index, finding.clone());
                out.push_in(view.index, finding);
            }
        }
    }
}

fn key(account: &str, slot: &str, part: Option<SecretPart>) -> String {
    let slot = (slot != ApiKey::DEFAULT_SLOT).then(|| format!("slot `{slot}`"));
    let about: Vec<String> = slot.into_iter().chain(part.map(|part| format!("projection `{part}`"))).collect();
    if about.is_empty() { format!("`{account}`") } else { format!("`{account}` ({})", about.join(", ")) }
}
