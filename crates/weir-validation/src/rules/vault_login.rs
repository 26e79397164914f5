use weir_findings::{RulePage, Severity};
use weir_model::{KeyVault, VaultLogin};

use crate::{Rule, context::Context, out::Out};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "vault-login",
        severity: Severity::Error,
        waivable: None,
        title: "a complete login to key vaults",
        what: "`secrets.keyVault` has the fields that its `login` needs, and no others: `azurePipelines` needs \
               `tenant`, `client` and `serviceConnection`; `token` needs `env`. `env` names an environment variable. \
               A `folder` has a path.",
        why: "An incomplete login fails only when weir stores the first key.",
        bad: "secrets: {keyVault: {login: azurePipelines}}",
        good: "secrets: {keyVault: {login: azurePipelines, tenant: <id>, client: <id>, serviceConnection: <id>}}",
        remedy: "",
    },
    check,
};

fn check(cx: &Context<'_>, out: &mut Out) {
    let Some(secrets) = &cx.workspace.settings.spec.secrets else { return };
    if secrets.folder.as_ref().is_some_and(|folder| folder.path.trim().is_empty()) {
        let at = cx.settings(["secrets", "folder", "path"]);
        out.push(out.error(at, "the folder's path is empty").help("write a folder, as in `.weir/vaults`"));
    }
    let Some(vault) = &secrets.key_vault else { return };
    let KeyVault { login, tenant, client, service_connection, env, ca: _ } = vault;
    let (needs, takes): (&[&str], &[&str]) = match login {
        VaultLogin::WorkloadIdentity => (&[], &["tenant", "client"]),
        VaultLogin::AzurePipelines => (&["tenant", "client", "serviceConnection"], &["env"]),
        VaultLogin::ManagedIdentity => (&[], &["client"]),
        VaultLogin::AzureCli => (&[], &["tenant"]),
        VaultLogin::Token => (&["env"], &[]),
    };
    let name = login.as_str();
    for (field, value) in
        [("tenant", tenant), ("client", client), ("serviceConnection", service_connection), ("env", env)]
    {
        let at = |field| cx.settings(["secrets", "keyVault", field]);
        match value.as_deref().map(str::trim) {
            None if needs.contains(&field) => {
                let message = format!("`{name}` needs `{field}`");
                out.push(out.error(at("login"), message).help(format!("write `{field}` beside it")));
            }
            Some("") => out.push(out.error(at(field), format!("`{field}` is empty")).help("leave it out, or fill it in")),
            Some(_) if !needs.contains(&field) && !takes.contains(&field) => {
                let message = format!("`{name}` takes no `{field}`");
                out.push(out.error(at(field), message).help("leave it out, or choose the login method that uses it"));
            }
            Some(variable) if field == "env" && !is_variable(variable) => {
                let message = format!("`{variable}` is not the name of an environment variable");
                out.push(out.error(at(field), message).help("write the variable's name, never the token itself"));
            }
            _ => {}
        }
    }
}

fn is_variable(name: &str) -> bool {
    name.len() <= 128
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
