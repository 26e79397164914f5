use weir_findings::{RulePage, Severity};
use weir_model::{EntityRef, Kind, ProviderRef, Route, StageView, VaultAddress, VaultAddressFault};

use crate::{
    Rule,
    context::{self, Context},
    out::Out,
};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "vault-url",
        severity: Severity::Error,
        waivable: None,
        title: "addresses of key vaults",
        what: "The address of a key vault is `https://<host>`, without a path. The name of an Azure Key Vault has 3 \
               to 24 letters, digits and single hyphens, begins with a letter and does not end in a hyphen. weir \
               checks the result of a template for each team and stage. Stages on a sandbox may name a folder \
               instead.",
        why: "Secrets must travel encrypted, and a vault with an impossible name fails only when weir stores the \
              first key.",
        bad: "vaults: {prod: \"https://kv-toll-transactions-and-billing.vault.azure.net\"}   # 32 characters",
        good: "vaults: {prod: \"https://kv-toll-prod.vault.azure.net\"}",
        remedy: "",
    },
    check,
};

fn check(cx: &Context<'_>, out: &mut Out) {
    for Vault { view, template, url, at, team, of_team } in vaults(cx) {
        match fault(&url) {
            Some(Fault::Address(fault)) => {
                let finding = out.error(at, format!("`{template}` {fault}"));
                out.push_in(view.index, finding.help("write `https://<name>.vault.azure.net`"));
            }
            Some(Fault::Name(fault)) => {
                let mut finding = out.error(at.clone(), format!("`{url}` {fault}"));
                if url != *template && !of_team {
                    // The template fits other teams. This team must write its own address or change its name.
                    finding.at = Route::name(EntityRef::new(Kind::Team, team));
                    finding = finding.related(at, "the template");
                }
                let help = "use 3 to 24 letters, digits and single hyphens, a letter first, no hyphen last";
                out.push_in(view.index, finding.help(help));
            }
            None => {}
        }
    }
}

/// The address of a team's vault in a stage.
pub(super) struct Vault<'c> {
    pub(super) view: &'c StageView<'c>,
    /// The text in the file.
    pub(super) template: &'c str,
    /// The text with the team and the stage filled in.
    pub(super) url: String,
    /// The place of the template.
    pub(super) at: Route,
    pub(super) team: &'c str,
    /// `true` if the template is in the team's own document.
    of_team: bool,
}

/// Returns the addresses of all teams' vaults in all stages; folders of sandboxes are left out.
pub(super) fn vaults<'c>(cx: &'c Context<'_>) -> Vec<Vault<'c>> {
    let settings = &cx.workspace.settings.spec;
    let mut found = Vec::new();
    for view in &cx.stages {
        let stage = &view.stage.name;
        let sandbox = matches!(view.provider(), Some(ProviderRef::Sandbox(_)));
        for (name, team) in &cx.workspace.teams {
            // The rule `kafka-name` reports an invalid team name; its vault's name would only repeat the fault.
            if super::kafka_name::fault(name).is_some() {
                continue;
            }
            let of_team = team.spec.vaults.get(stage);
            let (template, at) = if let Some(url) = of_team {
                (url, context::team(team, ["vaults", stage]))
            } else if let Some(url) = &view.stage.vault {
                (url, cx.stage(view.index, ["vault"]))
            } else if let Some(url) = &settings.defaults.vault {
                (url, cx.settings(["defaults", "vault"]))
            } else {
                continue;
            };
            let url = template.replace("{team}", name).replace("{stage}", stage);
            // The rule `unknown-placeholder` reports braces that remain.
            if url.contains(['{', '}']) || (sandbox && !url.is_empty() && !url.contains("://")) {
                continue;
            }
            found.push(Vault { view, template, url, at, team: name, of_team: of_team.is_some() });
        }
    }
    found
}

/// A fault in an address.
#[derive(Debug, PartialEq, Eq)]
enum Fault {
    /// The form of the address, which is the same for every team.
    Address(VaultAddressFault),
    /// The name of the vault in the address.
    Name(String),
}

fn fault(url: &str) -> Option<Fault> {
    let address = match VaultAddress::parse(url) {
        Ok(address) => address,
        Err(fault) => return Some(Fault::Address(fault)),
    };
    let (name, _) = address.azure()?;
    let wrong = if !(3..=24).contains(&name.len()) {
        format!("names a vault with {} characters", name.len())
    } else if let Some(c) = name.chars().find(|c| !c.is_ascii_alphanumeric() && *c != '-') {
        format!("names a vault with `{c}` in it")
    } else if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || name.ends_with('-') || name.contains("--") {
        "names a vault that Azure does not accept".to_owned()
    } else {
        return None;
    };
    Some(Fault::Name(wrong))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for right in
            ["https://kv-toll-dev.vault.azure.net", "https://kv1.vault.azure.net/", "https://localhost:8443", "https://KV1.vault.azure.net"]
        {
            assert_eq!(fault(right), None, "{right}");
        }
        for wrong in [
            "", "http://kv1.vault.azure.net", "https://", "https://a b", "https://u:p@kv1.vault.azure.net",
            "https://kv1.vault.azure.net/secrets/x", "https://kv.vault.azure.net", "https://1kv.vault.azure.net",
            "https://kv--1.vault.azure.net", "https://kv1-.vault.azure.net", "https://kv_1.vault.azure.net",
        ] {
            assert!(fault(wrong).is_some(), "{wrong}");
        }
    }
}
