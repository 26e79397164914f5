//! What answers of a vault mean.
//!
//! An error keeps nothing of the answer but texts that were looked at: neither Debug output of Azure's errors, which
//! has whole answers, nor what a proxy may have echoed of a request.

use std::{fmt::Write as _, time::Duration};

use azure_core::{
    error::ErrorKind as AzureKind,
    http::{
        RawResponse, StatusCode,
        headers::{HeaderName, RETRY_AFTER},
    },
    json,
};
use azure_security_keyvault_secrets::models::{KeyVaultError, KeyVaultErrorError};
use weir_ports::{ErrorKind, ExposeSecret as _, PortError, SecretString};

/// Why a request failed, as far as something different is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// There is no such thing.
    Missing,
    /// The caller's role does not allow it.
    Role,
    /// The caller's network is shut out.
    Firewall,
    /// What is asked for is disabled.
    Disabled,
    /// The vault does not take the log-in, or there is none.
    Login,
    /// Too many requests; when to come back.
    Throttled(Option<Duration>),
    /// The name is taken by a secret that can be recovered.
    Deleted,
    /// Something is going on with the secret that takes a while: a deletion, a recovery, another writer.
    Busy,
    /// The vault does not take this.
    Refused,
    /// The vault was not reached: nothing was done.
    NotReached,
    /// No answer, or none that says what was done.
    Lost,
}

/// A request that failed.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) why: Why,
    /// A fragment for people. Holds no secret.
    pub(crate) text: String,
}

impl Failure {
    /// Whether it may be different in a moment, when what was asked changes nothing by being done twice.
    pub(crate) fn passes(&self) -> bool {
        matches!(self.why, Why::Throttled(_) | Why::NotReached | Why::Lost | Why::Busy)
    }

    /// The same, unless its text repeats a part of `secret`: some proxies answer with what they were sent.
    pub(crate) fn without(mut self, secret: &SecretString) -> Self {
        const PART: usize = 8;
        let letters: Vec<char> = self.text.chars().collect();
        let part = |part: &[char]| secret.expose_secret().contains(&part.iter().collect::<String>());
        if letters.windows(PART).any(part) {
            "its answer repeats a part of the secret and is not shown".clone_into(&mut self.text);
        }
        self
    }

    /// The error of a call that tried to do `what`: "look at the secret …".
    pub(crate) fn into_port(self, what: &str) -> PortError {
        let kind = match self.why {
            Why::Role | Why::Firewall | Why::Login => ErrorKind::Denied,
            Why::Throttled(_) | Why::Busy => ErrorKind::Retry,
            Why::Missing | Why::Disabled | Why::Deleted | Why::Refused => ErrorKind::Refused,
            Why::NotReached | Why::Lost => ErrorKind::Unavailable,
        };
        PortError::new(kind, format!("cannot {what}: {}", self.text))
    }
}

impl From<azure_core::Error> for Failure {
    fn from(error: azure_core::Error) -> Self {
        match error.kind() {
            AzureKind::HttpResponse { status, raw_response, .. } => answered(*status, raw_response.as_deref()),
            AzureKind::Connection => {
                Self { why: Why::NotReached, text: format!("it cannot be reached: {}", chain(&error)) }
            }
            AzureKind::Io => Self { why: Why::Lost, text: format!("no answer came: {}", chain(&error)) },
            AzureKind::Credential => no_token(&error),
            // Its text may have parts of the answer.
            AzureKind::DataConversion => {
                Self { why: Why::Lost, text: "it answers something else than a Key Vault does".to_owned() }
            }
            _ => Self { why: Why::Refused, text: chain(&error) },
        }
    }
}

/// No token was got. Whether that may pass depends on what lies below.
fn no_token(error: &azure_core::Error) -> Failure {
    let mut below = std::error::Error::source(error);
    while let Some(cause) = below {
        let kind = cause.downcast_ref::<azure_core::Error>().map(azure_core::Error::kind);
        if matches!(kind, Some(AzureKind::Connection | AzureKind::Io)) {
            return Failure { why: Why::NotReached, text: format!("no token was got to log in: {}", chain(error)) };
        }
        below = cause.source();
    }
    Failure { why: Why::Login, text: format!("no token was got to log in: {}", chain(error)) }
}

fn answered(status: StatusCode, answer: Option<&RawResponse>) -> Failure {
    let error = answer.and_then(|answer| json::from_json::<_, KeyVaultError>(answer.body()).ok()?.error);
    let inner = error.as_ref().and_then(innermost).unwrap_or_default();
    let said = error.as_ref().and_then(|error| error.message.as_deref()).map(tidy).unwrap_or_default();
    let code = error.as_ref().and_then(|error| error.code.clone()).filter(|code| is_code(code)).unwrap_or_default();
    let (why, mut text) = match (u16::from(status), inner.as_str()) {
        (401, _) => (Why::Login, format!("the vault does not take the token of the log-in: {said}")),
        (403, "ForbiddenByFirewall") => (
            Why::Firewall,
            format!(
                "the vault's firewall shuts this machine out, whatever its role: {said}; use an agent inside the \
                     vault's network, or let its address in"
            ),
        ),
        (403, "SecretDisabled") => (Why::Disabled, "the secret is disabled".to_owned()),
        (403, _) => (Why::Role, format!("the log-in's role in the vault does not allow it: {said}")),
        (404, _) => (Why::Missing, "there is no such secret".to_owned()),
        (409, "ObjectIsDeletedButRecoverable") => {
            (Why::Deleted, "the name is taken by a deleted secret that can be recovered".to_owned())
        }
        (409, "ObjectIsBeingRecovered") => (Why::Busy, "the secret is still being recovered".to_owned()),
        (409, "ObjectIsBeingDeleted") => (Why::Busy, "the secret is still being deleted".to_owned()),
        (409, _) => (Why::Busy, "somebody else is changing the secret".to_owned()),
        (429, _) => (Why::Throttled(answer.and_then(come_back)), "the vault gets too many requests".to_owned()),
        (status @ 400..=499, _) => (Why::Refused, format!("the vault answers {status} {code}")),
        (status, _) => (Why::Lost, format!("the vault answers {status} {code}")),
    };
    if !inner.is_empty() && !matches!(why, Why::Firewall | Why::Disabled) {
        let _ = write!(text, " ({inner})");
    }
    if let Some(id) =
        answer.and_then(|answer| answer.headers().get_optional_str(&HeaderName::from_static("x-ms-request-id")))
    {
        let _ = write!(text, " [request {id:.40}]");
    }
    Failure { why, text }
}

fn innermost(error: &KeyVaultErrorError) -> Option<String> {
    error
        .inner_error
        .as_ref()
        .and_then(|inner| innermost(inner).or_else(|| inner.code.clone().filter(|code| is_code(code))))
}

/// Whether a text can be a code of Azure's: `ObjectIsBeingRecovered`.
fn is_code(text: &str) -> bool {
    text.len() <= 48 && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// When a throttled client may come back: seconds, or milliseconds in Microsoft's own headers.
fn come_back(answer: &RawResponse) -> Option<Duration> {
    const MILLISECONDS: [HeaderName; 2] =
        [HeaderName::from_static("retry-after-ms"), HeaderName::from_static("x-ms-retry-after-ms")];
    let number = |name: &HeaderName| answer.headers().get_optional_str(name)?.trim().parse::<u64>().ok();
    let milliseconds = MILLISECONDS.iter().find_map(number).map(Duration::from_millis);
    milliseconds.or_else(|| number(&RETRY_AFTER).map(Duration::from_secs))
}

/// A vault's sentence on one line, cut where it gets long. Only those of 401 and 403 are shown: they name the caller,
/// the action and the address, and are made before a request's body is looked at.
fn tidy(message: &str) -> String {
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(400).collect()
}

/// An error with its causes on one line; what says no more than the text before it is left out.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let more = cause.to_string();
        if !text.contains(&more) {
            let _ = write!(text, ": {more}");
        }
        next = cause.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
