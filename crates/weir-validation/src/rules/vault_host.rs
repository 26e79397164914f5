use weir_findings::{RulePage, Severity};
use weir_model::{CredentialRef, ProviderRef, VaultAddress};

use super::vault_url::{Vault, vaults};
use crate::{Rule, context::Context, out::Out};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "vault-host",
        severity: Severity::Error,
        waivable: None,
        title: "key vaults on known hosts",
        what: "The key vaults of stages that are no sandbox, and the vaults with weir's own credentials, are on hosts that \
               `ownership.vaultHosts` in `weir.yaml` lists. `azure` stands for the vaults of all of Azure's clouds, and is the \
               default; other entries are a host, or `*.` and the end of hosts, each also with `:port`.",
        why: "weir sends the token of its login to the host of a vault. A host of an attacker could read all other vaults \
              with it.",
        bad: "vaults: {prod: \"https://kv-toll.example\"}",
        good: "vaults: {prod: \"https://kv-toll-prod.vault.azure.net\"}",
        remedy: "Use a vault of Azure, or list the host in `weir.yaml`.",
    },
    check,
};

const HELP: &str = "write `https://<name>.vault.azure.net`, or list the host below `ownership.vaultHosts` in `weir.yaml`";

fn check(cx: &Context<'_>, out: &mut Out) {
    let settings = &cx.workspace.settings.spec;
    let hosts = match settings.vault_hosts() {
        Ok(hosts) => hosts,
        Err(index) => {
            let entry = settings.ownership.as_ref().map_or("", |ownership| &ownership.vault_hosts[index]);
            let at = cx.settings(["ownership", "vaultHosts", &index.to_string()]);
            let help = "write `azure`, a host such as `vault.example.com`, or `*.example.com`";
            out.push(out.error(at, format!("`{entry}` is not a host")).help(help));
            return;
        }
    };
    // With a folder in place of vaults, and in a sandbox, weir sends nothing.
    let folder = settings.secrets.as_ref().is_some_and(|secrets| secrets.folder.is_some());
    for Vault { view, url, at, .. } in vaults(cx) {
        if folder || matches!(view.provider(), Some(ProviderRef::Sandbox(_))) {
            continue;
        }
        // The rule `vault-url` reports what is no address.
        if let Ok(address) = VaultAddress::parse(&url)
            && !hosts.allow(&address)
        {
            let message = format!("the vault {address} is on a host that `weir.yaml` does not list");
            out.push_in(view.index, out.error(at, message).help(HELP));
        }
    }
    for (name, cluster) in &settings.clusters {
        let found: Vec<(&[&str], Option<&CredentialRef>)> = match cluster.provider() {
            Some(ProviderRef::ConfluentCloud(cloud)) => {
                let brokers = cloud.kafka.as_ref().and_then(|kafka| kafka.credentials.as_ref());
                vec![(&["confluentCloud"], cloud.credentials.as_ref()), (&["confluentCloud", "kafka"], brokers)]
            }
            Some(ProviderRef::ApacheKafka(kafka)) => vec![(&["apacheKafka"], kafka.credentials.as_ref())],
            Some(ProviderRef::Sandbox(_)) | None => Vec::new(),
        };
        for (path, credentials) in found {
            // The rule `cluster-shape` reports what is no address of a secret.
            if let Some(url) = credentials.and_then(|credentials| credentials.key_vault.as_deref())
                && let Some((vault, _)) = url.split_once("/secrets/")
                && let Ok(address) = VaultAddress::parse(vault)
                && !hosts.allow(&address)
            {
                let path = ["clusters", name].into_iter().chain(path.iter().copied()).chain(["credentials", "keyVault"]);
                let message = format!("the vault {address} is on a host that `weir.yaml` does not list");
                out.push(out.error(cx.settings(path), message).help(HELP));
            }
        }
    }
}
