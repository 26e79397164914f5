//! Logins to Azure.

use std::{
    collections::HashMap,
    ffi::OsStr,
    fmt, io,
    path::PathBuf,
    process::{Output, Stdio},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use azure_core::{
    cloud::{CloudConfiguration, CustomConfiguration},
    credentials::{AccessToken, Secret, TokenCredential, TokenRequestOptions},
    error::ErrorKind,
    http::{ClientOptions, RetryOptions},
    time::OffsetDateTime,
};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, AzurePipelinesCredential, AzurePipelinesCredentialOptions,
    ClientAssertionCredentialOptions, Executor, ManagedIdentityCredential, ManagedIdentityCredentialOptions,
    UserAssignedId, WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};
use weir_model::AZURE_VAULT_DOMAINS;
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
    /// An access token from elsewhere. weir does not renew it. A token that names no audience is one for the vaults of
    /// the public cloud.
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
            let options = AzureCliCredentialOptions {
                tenant_id: tenant.clone(),
                executor: Some(Arc::new(Clean)),
                ..AzureCliCredentialOptions::default()
            };
            AzureCliCredential::new(Some(options)).map(|made| Arc::new(Kept::new(made)) as _)
        }
        Login::Token(token) => Ok(Arc::new(ReadyMade::new(token)) as _),
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

/// Starts `az` with a clean environment: it needs none of weir's credentials.
#[derive(Debug)]
struct Clean;

/// The environment variables of `az` itself, without those for credentials.
const FOR_AZ: [&str; 3] = ["AZURE_CLOUD_NAME", "AZURE_CONFIG_DIR", "AZURE_EXTENSION_DIR"];

#[async_trait]
impl Executor for Clean {
    async fn run(&self, program: &OsStr, args: &[&OsStr]) -> io::Result<Output> {
        let also: Vec<&str> = FOR_AZ.into_iter().chain(weir_process::FOR_HTTPS).collect();
        let mut command = tokio::process::Command::from(weir_process::command(program, &also));
        command.args(args).stdin(Stdio::null()).kill_on_drop(true).output().await
    }
}

/// A source that asks for no other token than one for a vault's own scope: the answer of a server, which names the scope,
/// is not believed.
#[derive(Debug)]
pub(crate) struct OnlyFor {
    /// The source of tokens.
    pub(crate) from: Arc<dyn TokenCredential>,
    /// The domains of vaults that a token may be for.
    pub(crate) domains: Vec<&'static str>,
}

#[async_trait]
impl TokenCredential for OnlyFor {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let [scope] = scopes else { return Err(refused("the vault names no scope for tokens".to_owned())) };
        // The scope of Azure's documents, with one slash or with two.
        let domain = self.domains.iter().find(|domain| {
            let rest = scope.strip_prefix("https://").and_then(|rest| rest.strip_prefix(**domain));
            rest.is_some_and(|rest| matches!(rest, "/.default" | "//.default"))
        });
        match domain {
            Some(domain) => self.from.get_token(&[&scope_of(domain)], options).await,
            None => Err(refused(format!("the vault asks for a token for `{scope}`, which is not for its key vaults"))),
        }
    }
}

fn scope_of(domain: &str) -> String {
    format!("https://{domain}/.default")
}

fn refused(why: String) -> azure_core::Error {
    azure_core::Error::with_message(ErrorKind::Credential, why)
}

/// Shares tokens between all vaults, because `az` takes a second for each token. Each token is for one scope.
#[derive(Debug)]
struct Kept {
    from: Arc<dyn TokenCredential>,
    tokens: tokio::sync::Mutex<HashMap<Vec<String>, AccessToken>>,
}

impl Kept {
    fn new(from: Arc<dyn TokenCredential>) -> Self {
        Self { from, tokens: tokio::sync::Mutex::default() }
    }
}

#[async_trait]
impl TokenCredential for Kept {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let scope: Vec<String> = scopes.iter().copied().map(str::to_owned).collect();
        let mut kept = self.tokens.lock().await;
        let soon = OffsetDateTime::now_utc() + Duration::from_secs(300);
        if let Some(token) = kept.get(&scope).filter(|token| token.expires_on > soon) {
            return Ok(token.clone());
        }
        let token = self.from.get_token(scopes, options).await?;
        kept.insert(scope, token.clone());
        Ok(token)
    }
}

/// A source that returns the given token, for the scope of the token alone.
struct ReadyMade {
    token: SecretString,
    /// The scope, unless the token is for something else than key vaults.
    scope: Result<String, String>,
}

impl ReadyMade {
    fn new(token: &SecretString) -> Self {
        // Azure's application id of Key Vault, and a token that cannot be read, name no cloud.
        const KEY_VAULT: &str = "cfa8b339-82a2-471a-a3c9-0fc0be7a4093";
        let scope = match audience(token.expose_secret()) {
            None => Ok(scope_of(AZURE_VAULT_DOMAINS[0])),
            Some(audience) if audience == KEY_VAULT => Ok(scope_of(AZURE_VAULT_DOMAINS[0])),
            Some(audience) => {
                let host = audience.strip_prefix("https://").map(|host| host.trim_end_matches('/'));
                match AZURE_VAULT_DOMAINS.iter().find(|domain| Some(**domain) == host) {
                    Some(domain) => Ok(scope_of(domain)),
                    None => Err(format!("the given token is for `{audience}`, not for key vaults")),
                }
            }
        };
        Self { token: token.clone(), scope }
    }
}

/// Returns the audience that a token names, if it can be read.
fn audience(token: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Claims {
        aud: String,
    }
    let claims = azure_core::base64::decode_url_safe(token.split('.').nth(1)?.trim_end_matches('=')).ok()?;
    serde_json::from_slice::<Claims>(&claims).ok().map(|claims| claims.aud)
}

impl fmt::Debug for ReadyMade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReadyMade")
    }
}

#[async_trait]
impl TokenCredential for ReadyMade {
    async fn get_token(&self, scopes: &[&str], _: Option<TokenRequestOptions<'_>>) -> azure_core::Result<AccessToken> {
        let scope = self.scope.as_ref().map_err(|why| refused(why.clone()))?;
        if scopes != [scope.as_str()] {
            return Err(refused(format!("the given token is for `{scope}`, not for `{}`", scopes.join(" "))));
        }
        // The token's expiry is unknown; the vault refuses an expired token.
        let soon = OffsetDateTime::now_utc() + Duration::from_secs(3_600);
        Ok(AccessToken::new(Secret::new(self.token.expose_secret().to_owned()), soon))
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

    /// A source that counts its tokens and names their scopes in them.
    #[derive(Debug, Default)]
    struct Counting(std::sync::atomic::AtomicUsize);

    #[async_trait]
    impl TokenCredential for Counting {
        async fn get_token(
            &self,
            scopes: &[&str],
            _: Option<TokenRequestOptions<'_>>,
        ) -> azure_core::Result<AccessToken> {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let later = OffsetDateTime::now_utc() + Duration::from_secs(3_600);
            Ok(AccessToken::new(Secret::new(scopes.join(" ")), later))
        }
    }

    #[tokio::test]
    async fn a_kept_token_is_for_its_scope_alone() {
        let counting = Arc::new(Counting::default());
        let kept = Kept::new(Arc::clone(&counting) as _);
        for scope in
            ["https://vault.azure.net/.default", "https://example/.default", "https://vault.azure.net/.default"]
        {
            assert_eq!(kept.get_token(&[scope], None).await.unwrap().token.secret(), scope);
        }
        assert_eq!(counting.0.load(std::sync::atomic::Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_vault_gets_tokens_for_its_own_cloud_alone() {
        let counting = Arc::new(Counting::default());
        let of = |domains: &[&'static str]| OnlyFor { from: Arc::clone(&counting) as _, domains: domains.to_vec() };
        let public = of(&["vault.azure.net"]);
        for right in ["https://vault.azure.net/.default", "https://vault.azure.net//.default"] {
            let token = public.get_token(&[right], None).await.unwrap();
            assert_eq!(token.token.secret(), "https://vault.azure.net/.default");
        }
        assert!(of(&AZURE_VAULT_DOMAINS).get_token(&["https://vault.azure.cn/.default"], None).await.is_ok());
        let asked = counting.0.load(std::sync::atomic::Ordering::Relaxed);
        for wrong in [
            "https://vault.azure.cn/.default",
            "https://management.azure.com/.default",
            "https://vault.azure.net.evil.example/.default",
            "https://vault.azure.net",
            "vault.azure.net/.default",
            "",
        ] {
            let error = public.get_token(&[wrong], None).await.unwrap_err();
            assert!(error.to_string().contains(wrong), "{error}");
        }
        assert!(public.get_token(&[], None).await.is_err());
        assert_eq!(counting.0.load(std::sync::atomic::Ordering::Relaxed), asked, "nobody is asked for a wrong token");
    }

    #[tokio::test]
    async fn a_given_token_is_for_its_audience_alone() {
        let jwt = |audience: &str| {
            let claims = azure_core::base64::encode_url_safe(format!(r#"{{"aud":"{audience}","exp":1}}"#));
            SecretString::from(format!("e30.{claims}.c2ln"))
        };
        let (net, cn) = ("https://vault.azure.net/.default", "https://vault.azure.cn/.default");
        for (token, scope) in [
            (jwt("https://vault.azure.net"), net),
            (jwt("https://vault.azure.cn/"), cn),
            (jwt("cfa8b339-82a2-471a-a3c9-0fc0be7a4093"), net),
            (SecretString::from("opaque"), net),
        ] {
            let ready = ReadyMade::new(&token);
            for asked in [net, cn] {
                assert_eq!(ready.get_token(&[asked], None).await.is_ok(), asked == scope, "{scope}");
            }
        }
        let other = ReadyMade::new(&jwt("https://management.azure.com"));
        let error = other.get_token(&[net], None).await.unwrap_err().to_string();
        assert_eq!(error, "the given token is for `https://management.azure.com`, not for key vaults");
    }
}
