//! Logins to Azure.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use azure_core::{
    cloud::{CloudConfiguration, CustomConfiguration},
    credentials::{AccessToken, Secret, TokenCredential, TokenRequestOptions},
    http::{ClientOptions, RetryOptions},
    time::OffsetDateTime,
};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, AzurePipelinesCredential, AzurePipelinesCredentialOptions,
    ClientAssertionCredentialOptions, ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
    WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};
use weir_ports::{ExposeSecret as _, PortError, SecretString};

use crate::{Options, failure::chain, http::Http};

/// The identity of the client, and its proof.
#[derive(Clone)]
pub enum Login {
    /// A pod or a job with a federated token in a file. `None` fields come from `AZURE_TENANT_ID`, `AZURE_CLIENT_ID`
    /// and `AZURE_FEDERATED_TOKEN_FILE`.
    WorkloadIdentity {
        /// The directory's id.
        tenant: Option<String>,
        /// The application's id.
        client: Option<String>,
        /// The file with the federated token.
        token_file: Option<PathBuf>,
    },
    /// A job of Azure Pipelines, through a service connection with workload identity federation. Needs the variable
    /// `SYSTEM_OIDCREQUESTURI`, which the agent sets.
    AzurePipelines {
        /// The directory's id.
        tenant: String,
        /// The application's id.
        client: String,
        /// The service connection's id.
        service_connection: String,
        /// The job's `System.AccessToken`.
        access_token: SecretString,
    },
    /// The identity of the machine or the app service.
    ManagedIdentity {
        /// The client id of a user-assigned identity. `None`: the system-assigned identity.
        client: Option<String>,
    },
    /// The user who is logged in with `az`.
    AzureCli {
        /// The directory's id. `None`: the current directory of `az`.
        tenant: Option<String>,
    },
    /// An access token for `https://vault.azure.net` from elsewhere. weir does not renew it.
    Token(SecretString),
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WorkloadIdentity { .. } => "WorkloadIdentity",
            Self::AzurePipelines { .. } => "AzurePipelines",
            Self::ManagedIdentity { .. } => "ManagedIdentity",
            Self::AzureCli { .. } => "AzureCli",
            Self::Token(_) => "Token",
        })
    }
}

/// Makes the source of tokens for `options.login`.
pub(crate) fn credential(options: &Options, http: &Http) -> Result<Arc<dyn TokenCredential>, PortError> {
    let assertion = || -> Result<_, PortError> {
        let authority = options.authority.clone().or_else(|| std::env::var("AZURE_AUTHORITY_HOST").ok());
        let client_options = ClientOptions {
            transport: Some(http.transport(authority.as_deref())?),
            cloud: authority.as_deref().map(cloud),
            // The calls to the vault are repeated, and with them the requests for a token.
            retry: RetryOptions::none(),
            ..ClientOptions::default()
        };
        Ok(ClientAssertionCredentialOptions { client_options })
    };
    let made: azure_core::Result<Arc<dyn TokenCredential>> = match &options.login {
        Login::WorkloadIdentity { tenant, client, token_file } => {
            let options = WorkloadIdentityCredentialOptions {
                credential_options: assertion()?,
                client_id: client.clone(),
                tenant_id: tenant.clone(),
                token_file_path: token_file.clone(),
            };
            WorkloadIdentityCredential::new(Some(options)).map(|made| made as _)
        }
        Login::AzurePipelines { tenant, client, service_connection, access_token } => {
            let options = AzurePipelinesCredentialOptions { credential_options: assertion()? };
            let token = Secret::new(access_token.expose_secret().to_owned());
            AzurePipelinesCredential::new(tenant.clone(), client.clone(), service_connection, token, Some(options))
                .map(|made| made as _)
        }
        Login::ManagedIdentity { client } => {
            let options = ManagedIdentityCredentialOptions {
                user_assigned_id: client.clone().map(UserAssignedId::ClientId),
                client_options: ClientOptions {
                    transport: Some(http.transport(None)?),
                    // A machine's own endpoint overrides this with Microsoft's pauses.
                    retry: RetryOptions::none(),
                    ..ClientOptions::default()
                },
            };
            ManagedIdentityCredential::new(Some(options)).map(|made| made as _)
        }
        Login::AzureCli { tenant } => {
            let options =
                AzureCliCredentialOptions { tenant_id: tenant.clone(), ..AzureCliCredentialOptions::default() };
            AzureCliCredential::new(Some(options)).map(|made| Arc::new(Kept::new(made)) as _)
        }
        Login::Token(token) => Ok(Arc::new(ReadyMade(token.clone())) as _),
    };
    made.map_err(|error| {
        let login = &options.login;
        PortError::refused(format!("the login {login:?} is not complete: {}", chain(&error)))
    })
}

fn cloud(authority: &str) -> Arc<CloudConfiguration> {
    let mut custom = CustomConfiguration::default();
    custom.authority_host = authority.trim_end_matches('/').to_owned();
    Arc::new(CloudConfiguration::Custom(custom))
}

/// Shares a token between all vaults, because `az` takes a second for each token.
#[derive(Debug)]
struct Kept {
    from: Arc<dyn TokenCredential>,
    token: tokio::sync::Mutex<Option<AccessToken>>,
}

impl Kept {
    fn new(from: Arc<dyn TokenCredential>) -> Self {
        Self { from, token: tokio::sync::Mutex::default() }
    }
}

#[async_trait]
impl TokenCredential for Kept {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let mut kept = self.token.lock().await;
        let soon = OffsetDateTime::now_utc() + Duration::from_secs(300);
        if let Some(token) = kept.as_ref().filter(|token| token.expires_on > soon) {
            return Ok(token.clone());
        }
        Ok(kept.insert(self.from.get_token(scopes, options).await?).clone())
    }
}

/// A source that returns the given token.
struct ReadyMade(SecretString);

impl fmt::Debug for ReadyMade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReadyMade")
    }
}

#[async_trait]
impl TokenCredential for ReadyMade {
    async fn get_token(&self, _: &[&str], _: Option<TokenRequestOptions<'_>>) -> azure_core::Result<AccessToken> {
        // The token's expiry is unknown; the vault refuses an expired token.
        let soon = OffsetDateTime::now_utc() + Duration::from_secs(3_600);
        Ok(AccessToken::new(Secret::new(self.0.expose_secret().to_owned()), soon))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_has_no_token() {
        let pipelines = Login::AzurePipelines {
            tenant: "t".into(),
            client: "c".into(),
            service_connection: "s".into(),
            access_token: "canary".into(),
        };
        for login in [Login::Token("canary".into()), pipelines] {
            assert!(!format!("{:?}", Options::new(login)).contains("canary"));
        }
    }
}
