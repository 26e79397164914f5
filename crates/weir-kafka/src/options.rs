//! Options for the connection to a cluster.

use std::{fmt, path::PathBuf, time::Duration};

use weir_model::{SaslMechanism, SecurityProtocol};
use weir_ports::{ExposeSecret as _, PortError, SecretString};
use weir_rdkafka_admin::rdkafka::ClientConfig;

use crate::Dialect;

/// Options for the connection to a cluster.
#[derive(Clone, Debug)]
pub struct Options {
    /// `host:port`, several separated by commas.
    pub bootstrap: String,
    /// The id that the cluster must have. `None`: any.
    pub cluster_id: Option<String>,
    /// The security protocol: with or without encryption, with or without a login.
    pub protocol: SecurityProtocol,
    /// The login, for the protocols with SASL.
    pub login: Option<Login>,
    /// The trusted certificates, as a PEM file. `None`: the system's certificates.
    pub ca: Option<PathBuf>,
    /// Time limit of a request: finding the broker, connecting, logging in, the work itself.
    pub timeout: Duration,
    /// The smallest number of hash iterations for a new credential's password; brokers accept 4,096 to 16,384. weir's
    /// passwords have 256 random bits, so more iterations only cost time.
    pub iterations: u16,
    /// The cluster's differences from Apache's brokers.
    pub dialect: Dialect,
}

/// A login.
#[derive(Clone)]
pub struct Login {
    /// The SASL mechanism.
    pub mechanism: SaslMechanism,
    /// The user. For OAUTHBEARER, the principal's name at the brokers; empty: the token's `sub`.
    pub username: String,
    /// The password; empty for OAUTHBEARER.
    pub password: SecretString,
    /// The file that holds a token, for OAUTHBEARER. It is read again before the token expires.
    pub tokens: Option<PathBuf>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mechanism, username, password: _, tokens } = self;
        f.debug_struct("Login")
            .field("mechanism", mechanism)
            .field("username", username)
            .field("tokens", tokens)
            .finish_non_exhaustive()
    }
}

impl Options {
    /// Makes options for a cluster at `bootstrap`: encrypted, without a login, any id.
    pub fn new(bootstrap: impl Into<String>) -> Self {
        Self {
            bootstrap: bootstrap.into(),
            cluster_id: None,
            protocol: SecurityProtocol::Ssl,
            login: None,
            ca: None,
            timeout: Duration::from_secs(60),
            iterations: 4_096,
            dialect: Dialect::default(),
        }
    }

    /// Refuses contradictory options.
    pub(crate) fn check(&self) -> Result<(), PortError> {
        let protocol = self.protocol;
        let wrong = match &self.login {
            None if protocol.is_sasl() => format!("{protocol} needs credentials; say where they come from, or use SSL"),
            Some(_) if !protocol.is_sasl() => {
                format!("there are credentials, but {protocol} has no login; use SASL_SSL")
            }
            Some(login) if login.mechanism == SaslMechanism::OauthBearer && login.tokens.is_none() => {
                "OAUTHBEARER needs a file with a token".to_owned()
            }
            Some(login) if login.mechanism != SaslMechanism::OauthBearer && login.tokens.is_some() => {
                format!("a token means OAUTHBEARER, not {}", login.mechanism)
            }
            Some(login) if login.tokens.is_none() && login.username.is_empty() => "the user name is empty".to_owned(),
            Some(login) if login.tokens.is_none() && login.password.expose_secret().is_empty() => {
                "the password is empty".to_owned()
            }
            _ if self.ca.is_some() && !protocol.is_tls() => {
                format!("there is a CA file, but {protocol} is not encrypted; use {}", protocol.encrypted())
            }
            _ if !(4_096..=MOST_ITERATIONS).contains(&self.iterations) => {
                format!("{} iterations are not between 4096 and {MOST_ITERATIONS}", self.iterations)
            }
            _ => return Ok(()),
        };
        Err(PortError::refused(wrong))
    }

    /// Returns the client's settings, by librdkafka's names.
    pub(crate) fn config(&self) -> ClientConfig {
        let mut config = self.base();
        if let Some(Login { mechanism, username, password, tokens }) = &self.login {
            config.set("sasl.mechanism", mechanism.as_str());
            // librdkafka asks for tokens when it needs them: see `Tokens`.
            if tokens.is_none() {
                config.set("sasl.username", username).set("sasl.password", password.expose_secret());
            }
        }
        config
    }

    /// Returns the settings of a client that logs in as a service account.
    pub(crate) fn account_config(&self, account: &str, password: &SecretString) -> ClientConfig {
        let mut config = self.base();
        config
            .set("sasl.mechanism", SaslMechanism::ScramSha512.as_str())
            .set("sasl.username", account)
            .set("sasl.password", password.expose_secret())
            .set("reconnect.backoff.max.ms", "500");
        config
    }

    fn base(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.bootstrap)
            .set("client.id", "weir")
            .set("security.protocol", self.protocol.as_str())
            .set("socket.timeout.ms", self.timeout.as_millis().clamp(1_000, 300_000).to_string())
            .set("socket.nagle.disable", "true")
            // A server that accepts the connection and never answers is not a broker, or hangs.
            .set("socket.connection.setup.timeout.ms", "10000")
            // A restarting broker is back before this.
            .set("reconnect.backoff.max.ms", "2000")
            // The answer with 100,000 topics is one message.
            .set("receive.message.max.bytes", "1000000000");
        if let Some(ca) = &self.ca {
            config.set("ssl.ca.location", ca.to_string_lossy());
        }
        config
    }
}

/// The broker's largest number of iterations, less the range from which a new credential's number is drawn.
const MOST_ITERATIONS: u16 = 16_384 - SPREAD;

/// Size of the range from which a new credential's number of iterations is drawn.
pub(crate) const SPREAD: u16 = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    fn login(mechanism: SaslMechanism) -> Option<Login> {
        Some(Login { mechanism, username: "weir".into(), password: "s3cret".into(), tokens: None })
    }

    #[test]
    fn contradictory_options_are_refused() {
        let with = |protocol, login: Option<Login>, ca: Option<&str>| {
            let options = Options { protocol, login, ca: ca.map(Into::into), ..Options::new("b:9092") };
            options.check().map_err(|e| e.message)
        };
        use SaslMechanism::{OauthBearer, ScramSha512};
        use SecurityProtocol::{Plaintext, SaslPlaintext, SaslSsl, Ssl};
        let mut tokens = login(ScramSha512);
        if let Some(login) = &mut tokens {
            login.tokens = Some("token".into());
        }
        let said = [
            with(SaslSsl, login(ScramSha512), Some("ca.pem")),
            with(SaslSsl, None, None),
            with(Ssl, login(ScramSha512), None),
            with(SaslPlaintext, login(ScramSha512), Some("ca.pem")),
            with(Plaintext, None, Some("ca.pem")),
            with(SaslSsl, login(OauthBearer), None),
            with(SaslSsl, tokens, None),
        ]
        .map(|answer| answer.err().unwrap_or_else(|| "fine".to_owned()));
        insta::assert_snapshot!(said.join("\n"), @r"
        fine
        SASL_SSL needs credentials; say where they come from, or use SSL
        there are credentials, but SSL has no login; use SASL_SSL
        there is a CA file, but SASL_PLAINTEXT is not encrypted; use SASL_SSL
        there is a CA file, but PLAINTEXT is not encrypted; use SSL
        OAUTHBEARER needs a file with a token
        a token means OAUTHBEARER, not SCRAM-SHA-512
        ");
    }

    #[test]
    fn a_login_is_never_printed() {
        let options = Options { login: login(SaslMechanism::Plain), ..Options::new("b:9092") };
        assert!(!format!("{options:?}").contains("s3cret"));
        assert!(!format!("{:?}", options.config()).contains("s3cret"));
    }

    #[test]
    fn a_password_that_the_client_refuses_is_not_printed() {
        let mut login = login(SaslMechanism::Plain);
        if let Some(login) = &mut login {
            login.password = "s3cret\0".into();
        }
        let options = Options { protocol: SecurityProtocol::SaslPlaintext, login, ..Options::new("b:9092") };
        let error = crate::Kafka::new(options).unwrap_err();
        assert!(!error.copy_for_item().message.contains("s3cret"), "{error}");
    }
}
