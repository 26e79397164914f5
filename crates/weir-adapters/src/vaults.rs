//! From `secrets` in `weir.yaml` to vaults.

use std::sync::Arc;

use weir_model::Secrets;
#[cfg(feature = "azure")]
use weir_model::{KeyVault, VaultLogin};
use weir_ports::SecretSink;
#[cfg(feature = "azure")]
use weir_ports::{PortError, SecretString};
use weir_sandbox::{Faults, Vaults};

use crate::{OpenError, source::Source};

/// Opens the vaults that the workspace names, for clusters without vaults of their own.
pub(crate) fn open(
    cluster: &str,
    secrets: Option<&Secrets>,
    source: &Source<'_>,
) -> Result<Arc<dyn SecretSink>, OpenError> {
    let port = |source| OpenError::Port { cluster: cluster.to_owned(), source };
    match secrets {
        Some(Secrets { folder: Some(folder), .. }) => {
            let vaults = Vaults::open(source.dir.join(&folder.path), Faults::from_env()?).map_err(port)?;
            Ok(Arc::new(vaults))
        }
        #[cfg(feature = "azure")]
        Some(Secrets { key_vault: Some(login), .. }) => Ok(Arc::new(key_vaults(source, login).map_err(port)?)),
        #[cfg(not(feature = "azure"))]
        Some(Secrets { key_vault: Some(_), .. }) => Err(OpenError::NoKeyVaults),
        _ => Err(OpenError::NoVaults { cluster: cluster.to_owned() }),
    }
}

/// Makes a client of Azure Key Vaults with the workspace's login.
#[cfg(feature = "azure")]
pub(crate) fn key_vaults(source: &Source<'_>, login: &KeyVault) -> Result<weir_secrets::KeyVaults, PortError> {
    weir_secrets::KeyVaults::open(options(source, login)?)
}

#[cfg(feature = "azure")]
fn options(source: &Source<'_>, login: &KeyVault) -> Result<weir_secrets::Options, PortError> {
    use weir_secrets::{Login, Options};

    let Source { env, dir, patience, key_vault: _, hosts } = source;
    let hosts = hosts.clone().map_err(PortError::refused)?;
    let KeyVault { login, tenant, client, service_connection, env: variable, ca } = login;
    let lacks = |what: &str| PortError::refused(format!("the login `{}` needs `{what}`", login.as_str()));
    let needed = |value: &Option<String>, what| value.clone().ok_or_else(|| lacks(what));
    let token = |name: &str| {
        env(name).filter(|value| !value.is_empty()).map(SecretString::from).ok_or_else(|| {
            PortError::refused(format!(
                "the environment variable {name} is not set; the login `{}` needs it",
                login.as_str()
            ))
        })
    };
    let login = match login {
        VaultLogin::WorkloadIdentity => {
            Login::WorkloadIdentity { tenant: tenant.clone(), client: client.clone(), token_file: None }
        }
        VaultLogin::AzurePipelines => Login::AzurePipelines {
            tenant: needed(tenant, "tenant")?,
            client: needed(client, "client")?,
            service_connection: needed(service_connection, "serviceConnection")?,
            access_token: token(variable.as_deref().unwrap_or("SYSTEM_ACCESSTOKEN"))?,
        },
        VaultLogin::ManagedIdentity => Login::ManagedIdentity { client: client.clone() },
        VaultLogin::AzureCli => Login::AzureCli { tenant: tenant.clone() },
        VaultLogin::Token => Login::Token(token(variable.as_deref().ok_or_else(|| lacks("env"))?)?),
    };
    let usual = Options::new(login);
    Ok(Options {
        ca: ca.as_ref().map(|ca| dir.join(ca)),
        hosts,
        timeout: usual.timeout.min(*patience),
        patience: *patience,
        rights: *patience,
        ..usual
    })
}

#[cfg(all(test, feature = "azure"))]
mod tests {
    use std::{path::Path, time::Duration};

    use weir_model::VaultHosts;

    use super::*;

    #[test]
    fn the_longest_wait_reaches_the_vaults() {
        let login = KeyVault {
            login: VaultLogin::AzureCli,
            tenant: None,
            client: None,
            service_connection: None,
            env: None,
            ca: None,
        };
        for seconds in [7, 300] {
            let wait = Duration::from_secs(seconds);
            let hosts = Ok(VaultHosts::parse(&["vault.internal"]).unwrap());
            let source =
                Source { env: &|_| None, key_vault: None, hosts: hosts.clone(), dir: Path::new("."), patience: wait };
            let options = options(&source, &login).unwrap();
            assert_eq!((options.patience, options.rights, Ok(options.hosts)), (wait, wait, hosts));
            assert!(options.timeout <= wait);
        }
    }
}
