//! weir's own credentials: from the environment, or from a key vault.

use weir_model::CredentialRef;
use weir_ports::{PortError, SecretString};

use crate::source::Source;

/// The names of the two halves of a login: the endings of environment variables, and the fields of a secret.
pub(crate) struct Halves {
    env: [&'static str; 2],
    json: [&'static str; 2],
}

/// A user and a password.
pub(crate) const USER: Halves = Halves { env: ["USERNAME", "PASSWORD"], json: ["username", "password"] };

/// An API key and its secret.
#[cfg(feature = "confluent")]
pub(crate) const KEY: Halves = Halves { env: ["API_KEY", "API_SECRET"], json: ["api_key", "api_secret"] };

impl Source<'_> {
    /// Returns the user and the password, or the API key and its secret. No error holds any of them.
    pub(crate) async fn read(&self, at: &CredentialRef, halves: &Halves) -> Result<(String, SecretString), PortError> {
        if let Some(url) = &at.key_vault {
            return self.read_vault(url, halves).await;
        }
        let Some(name) = &at.env else {
            return Err(PortError::refused("`credentials` is empty; write `credentials: {env: NAME}`"));
        };
        let read = |part: &str| {
            let variable = format!("{name}_{part}");
            (self.env)(&variable).filter(|value| !value.is_empty()).ok_or_else(|| {
                PortError::refused(format!(
                    "the environment variable {variable} is not set; `credentials: {{env: {name}}}` needs it"
                ))
            })
        };
        let [user, password] = halves.env;
        Ok((read(user)?, read(password)?.into()))
    }

    #[cfg(not(feature = "azure"))]
    async fn read_vault(&self, url: &str, halves: &Halves) -> Result<(String, SecretString), PortError> {
        let _ = (self.key_vault, self.dir, halves.json);
        Err(PortError::refused(format!(
            "this build of weir cannot read {url}; build it with `--features azure`, or write `credentials: {{env: NAME}}`"
        )))
    }

    #[cfg(feature = "azure")]
    async fn read_vault(&self, url: &str, halves: &Halves) -> Result<(String, SecretString), PortError> {
        parse(&self.secret(url).await?, halves).ok_or_else(|| {
            PortError::refused(format!("{url} is not a JSON object with `{}` and `{}`", halves.json[0], halves.json[1]))
        })
    }

    /// Returns the value of a secret.
    #[cfg(feature = "azure")]
    pub(crate) async fn secret(&self, url: &str) -> Result<SecretString, PortError> {
        let Some(login) = self.key_vault else {
            return Err(PortError::refused(format!(
                "there is no login for key vaults, which {url} needs; write `secrets: {{keyVault: {{login: …}}}}` below `spec`"
            )));
        };
        crate::vaults::key_vaults(self, login)?.read(url).await
    }
}

/// The halves of a login in a JSON object; the fields of an API key, as weir writes them, are read as well.
#[cfg(feature = "azure")]
fn parse(value: &SecretString, halves: &Halves) -> Option<(String, SecretString)> {
    use weir_ports::ExposeSecret as _;
    // serde's error is dropped: it may quote a part of the text.
    let fields: std::collections::BTreeMap<String, String> = serde_json::from_str(value.expose_secret()).ok()?;
    let pair = |names: [&str; 2]| {
        let [user, password] = names.map(|name| fields.get(name).filter(|value| !value.is_empty()).cloned());
        Some((user?, password?.into()))
    };
    pair(halves.json).or_else(|| pair(["api_key", "api_secret"]))
}

#[cfg(all(test, feature = "azure"))]
mod tests {
    use weir_ports::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_secret_holds_both_halves() {
        let parse = |text: &str| parse(&text.to_owned().into(), &USER);
        let (user, password) = parse(r#"{"username": "weir", "password": "s3cret", "note": "x"}"#).unwrap();
        assert_eq!((user.as_str(), password.expose_secret()), ("weir", "s3cret"));
        assert!(parse(r#"{"api_key": "K", "api_secret": "s", "bootstrap.servers": "b:1"}"#).is_some());
        for wrong in ["s3cret", "{}", r#"{"username": "weir"}"#, r#"{"username": "weir", "password": ""}"#] {
            assert!(parse(wrong).is_none(), "{wrong}");
        }
    }
}
