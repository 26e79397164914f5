//! From `apacheKafka` in `weir.yaml` to a client.

use weir_kafka::{Kafka, Login, Options, SecurityProtocol};
use weir_model::{ApacheKafka, KafkaSecurity, SaslMechanism};
use weir_ports::PortError;

use crate::{credentials::USER, source::Source};

/// Makes a client of the cluster.
pub(crate) async fn open(kafka: &ApacheKafka, source: &Source<'_>) -> Result<Kafka, PortError> {
    Kafka::new(options(kafka, source).await?)
}

/// Returns the options of a client.
async fn options(kafka: &ApacheKafka, source: &Source<'_>) -> Result<Options, PortError> {
    let ApacheKafka { bootstrap, cluster_id, credentials, security, super_users: _ } = kafka;
    let KafkaSecurity { protocol, mechanism, ca, tokens } = security;
    let default = match (credentials, tokens) {
        (None, None) => SecurityProtocol::Ssl,
        _ => SecurityProtocol::SaslSsl,
    };
    let login = match (credentials, tokens) {
        (Some(_), Some(_)) => {
            return Err(PortError::refused("there are `credentials` and `tokens`: two ways to log in"));
        }
        (None, Some(tokens)) => Some(Login {
            mechanism: mechanism.unwrap_or(SaslMechanism::OauthBearer),
            username: tokens.principal.clone().unwrap_or_default(),
            password: String::new().into(),
            tokens: Some(source.dir.join(&tokens.file)),
        }),
        (Some(credentials), None) => {
            let (username, password) = source.read(credentials, &USER).await?;
            Some(Login { mechanism: mechanism.unwrap_or_default(), username, password, tokens: None })
        }
        (None, None) if mechanism.is_some() => {
            return Err(PortError::refused(
                "`security` says how to log in, but there are no `credentials`; write `credentials: {env: NAME}`",
            ));
        }
        (None, None) => None,
    };
    let ca = ca.as_ref().map(|ca| source.dir.join(ca));
    if let Some(ca) = ca.as_ref().filter(|ca| !ca.is_file()) {
        return Err(PortError::refused(format!("the CA file {} does not exist", ca.display())));
    }
    Ok(Options {
        cluster_id: Some(cluster_id.clone()),
        protocol: protocol.unwrap_or(default),
        login,
        ca,
        timeout: source.patience,
        ..Options::new(bootstrap)
    })
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Duration};

    use weir_model::{CredentialRef, TokenSource};

    use super::*;

    async fn options_of(kafka: &ApacheKafka) -> Result<Options, PortError> {
        let patience = Duration::from_secs(7);
        options(
            kafka,
            &Source {
                env: &env,
                key_vault: None,
                hosts: Ok(weir_model::VaultHosts::default()),
                dir: Path::new("."),
                patience,
            },
        )
        .await
    }

    fn cluster() -> ApacheKafka {
        ApacheKafka {
            bootstrap: "b1:9093".to_owned(),
            cluster_id: "4L62".to_owned(),
            credentials: Some(CredentialRef { env: Some("ONPREM".to_owned()), key_vault: None }),
            security: KafkaSecurity::default(),
            super_users: Vec::new(),
        }
    }

    fn env(name: &str) -> Option<String> {
        match name {
            "ONPREM_USERNAME" => Some("weir".to_owned()),
            "ONPREM_PASSWORD" => Some("s3cret".to_owned()),
            _ => None,
        }
    }

    #[tokio::test]
    async fn credentials_mean_an_encrypted_login() {
        let options = options_of(&cluster()).await.unwrap();
        assert_eq!(options.protocol, SecurityProtocol::SaslSsl);
        assert_eq!(options.cluster_id.as_deref(), Some("4L62"));
        let login = options.login.unwrap();
        assert_eq!((login.mechanism, login.username.as_str()), (SaslMechanism::ScramSha512, "weir"));
    }

    #[tokio::test]
    async fn tokens_are_a_login_of_their_own() {
        let tokens = Some(TokenSource { file: "token".to_owned(), principal: None });
        let security = KafkaSecurity { tokens, ..KafkaSecurity::default() };
        let cluster = ApacheKafka { security, ..cluster() };
        assert!(options_of(&cluster).await.unwrap_err().message.contains("two ways to log in"));
        let options = options_of(&ApacheKafka { credentials: None, ..cluster }).await.unwrap();
        assert_eq!(options.protocol, SecurityProtocol::SaslSsl);
        let login = options.login.unwrap();
        assert_eq!((login.mechanism, login.username.as_str()), (SaslMechanism::OauthBearer, ""));
        assert_eq!(login.tokens.as_deref(), Some(Path::new("./token")));
    }

    #[tokio::test]
    async fn no_credentials_still_mean_encryption() {
        let cluster = ApacheKafka { credentials: None, ..cluster() };
        let options = options_of(&cluster).await.unwrap();
        assert!(options.protocol == SecurityProtocol::Ssl && options.login.is_none());
    }

    #[tokio::test]
    async fn errors_name_what_is_missing() {
        let wrong = async |change: fn(&mut ApacheKafka)| {
            let mut cluster = cluster();
            change(&mut cluster);
            options_of(&cluster).await.unwrap_err().message
        };
        let said = [
            wrong(|c| c.credentials = Some(CredentialRef { env: Some("OTHER".to_owned()), key_vault: None })).await,
            wrong(|c| {
                c.credentials = None;
                c.security.mechanism = Some(SaslMechanism::Plain);
            })
            .await,
            wrong(|c| c.security.ca = Some("absent.pem".to_owned())).await,
        ];
        insta::assert_snapshot!(said.join("\n"), @r"
        the environment variable OTHER_USERNAME is not set; `credentials: {env: OTHER}` needs it
        `security` says how to log in, but there are no `credentials`; write `credentials: {env: NAME}`
        the CA file ./absent.pem does not exist
        ");
    }
}
