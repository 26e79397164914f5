//! Tokens for OAUTHBEARER, read from a file that another program renews.

use std::{error::Error, fs, path::PathBuf, sync::Mutex, sync::PoisonError};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{Timestamp, ToSpan as _};
use secrecy::zeroize::Zeroizing;
use serde::Deserialize;
use weir_rdkafka_admin::rdkafka::client::{ClientContext, OAuthToken};

use crate::Login;

/// Lifetime of a token that does not state its expiry, in seconds.
const UNTOLD: i64 = 5;

/// Gives librdkafka a token on request: before each connection, and before the last token expires.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    file: Option<PathBuf>,
    /// The principal's name at the brokers, if it is not the token's subject.
    principal: Option<String>,
    /// The bearer of the last token.
    bearer: Mutex<Option<String>>,
}

/// The claims that weir needs. Only the brokers verify the token.
#[derive(Default, Deserialize)]
struct Claims {
    sub: Option<String>,
    exp: Option<f64>,
}

impl Tokens {
    pub(crate) fn new(login: Option<&Login>) -> Self {
        let Some(Login { username, tokens: Some(file), .. }) = login else { return Self::default() };
        let principal = Some(username.clone()).filter(|name| !name.is_empty());
        Self { file: Some(file.clone()), principal, bearer: Mutex::default() }
    }

    /// Returns the bearer of the last token.
    pub(crate) fn bearer(&self) -> Option<String> {
        self.bearer.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the token and its claims. No error contains any part of the token.
    fn read(&self) -> Result<OAuthToken, String> {
        let file = self.file.as_ref().ok_or("no token file is configured")?;
        let text = fs::read_to_string(file).map(Zeroizing::new);
        let text = text.map_err(|error| format!("cannot read the token in {}: {error}", file.display()))?;
        let token = text.trim();
        // librdkafka would print a part of a token with line breaks.
        if token.is_empty() || token.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(format!("{} does not hold one token and nothing else", file.display()));
        }
        let claims = claims(token);
        let expires = claims.exp.map(|seconds| (seconds * 1_000.0) as i64);
        let now = Timestamp::now();
        if expires.is_some_and(|at| at <= now.as_millisecond()) {
            return Err(format!("the token in {} has expired; another program must renew it", file.display()));
        }
        let principal = self.principal.clone().or(claims.sub).ok_or_else(|| {
            format!("the token in {} does not name its bearer; write `principal` beside `file`", file.display())
        })?;
        *self.bearer.lock().unwrap_or_else(PoisonError::into_inner) = Some(principal.clone());
        let lifetime_ms = expires.unwrap_or_else(|| (now + UNTOLD.minutes()).as_millisecond());
        Ok(OAuthToken { token: token.to_owned(), principal_name: principal, lifetime_ms })
    }
}

/// Returns the claims of a JSON Web Token; empty claims for any other token.
fn claims(token: &str) -> Claims {
    let read = || {
        let payload = token.split('.').nth(1)?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?).ok()
    };
    read().unwrap_or_default()
}

impl ClientContext for Tokens {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        Ok(self.read()?)
    }
}

#[cfg(test)]
mod tests {
    use weir_model::SaslMechanism;

    use super::*;

    fn of(file: &std::path::Path, username: &str) -> Tokens {
        Tokens::new(Some(&Login {
            mechanism: SaslMechanism::OauthBearer,
            username: username.to_owned(),
            password: "".into(),
            tokens: Some(file.to_owned()),
        }))
    }

    #[test]
    fn a_tokens_claims_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let said = |payload: &str, username: &str| {
            fs::write(&file, format!("h.{}.s\n", URL_SAFE_NO_PAD.encode(payload))).unwrap();
            let read = of(&file, username).read();
            let read = read.map(|token| format!("{} until {}", token.principal_name, token.lifetime_ms));
            read.unwrap_or_else(|error| error.replace(&file.display().to_string(), "FILE"))
        };
        let told = [
            said(r#"{"sub": "weir", "exp": 4000000000.5}"#, ""),
            said(r#"{"sub": "0a1b", "exp": 4000000000}"#, "weir"),
            said(r#"{"sub": "weir", "exp": 1000000000}"#, ""),
            said(r#"{"exp": 4000000000}"#, ""),
            said("nonsense", ""),
        ];
        insta::assert_snapshot!(told.join("\n"), @r"
        weir until 4000000000500
        weir until 4000000000000
        the token in FILE has expired; another program must renew it
        the token in FILE does not name its bearer; write `principal` beside `file`
        the token in FILE does not name its bearer; write `principal` beside `file`
        ");

        fs::write(&file, "opaque").unwrap();
        let token = of(&file, "weir").read().unwrap();
        assert!(token.token == "opaque" && token.lifetime_ms > Timestamp::now().as_millisecond());
        for wrong in ["", "s3cret s3cret", "s3cret\ns3cret"] {
            fs::write(&file, wrong).unwrap();
            let error = of(&file, "weir").read().err().unwrap();
            assert!(error.contains("does not hold one token") && !error.contains("s3cret"), "{error}");
        }
        let error = of(&folder.path().join("absent"), "weir").read().err().unwrap();
        assert!(error.contains("absent") && error.contains("cannot read"), "{error}");
    }
}
