//! Failures of a vault's answers, and their meaning.
//!
//! An error keeps only checked texts of an answer. It keeps neither Azure's Debug output, which contains whole
//! answers, nor any part of a request that a proxy may have echoed.

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
use weir_retry::{GivenUp, Repeatable};

/// The reason why a request failed, as far as the caller's reaction depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The secret does not exist.
    Missing,
    /// The caller's role does not allow the request.
    Role,
    /// The vault's firewall shuts out the caller's network.
    Firewall,
    /// The secret or version is disabled.
    Disabled,
    /// The vault refuses the login, or there is none.
    Login,
    /// Too many requests.
    Throttled,
    /// The name is taken by a secret that can be recovered.
    Deleted,
    /// The secret is being deleted, recovered or written by another client, which takes a while.
    Busy,
    /// The vault refuses the request itself.
    Refused,
    /// The vault was not reached: the request had no effect.
    NotReached,
    /// No answer came, or none that shows the effect of the request.
    Lost,
}

/// A request that failed.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) why: Why,
    /// A fragment for people, without any secret.
    pub(crate) text: String,
    /// Time that the vault or the token endpoint asked to wait.
    wait: Option<Duration>,
}

impl Failure {
    pub(crate) fn new(why: Why, text: impl Into<String>) -> Self {
        Self { why, text: text.into(), wait: None }
    }

    /// Adds the time that the answer asks to wait.
    fn asking_to_wait(self, answer: Option<&RawResponse>) -> Self {
        Self { wait: answer.and_then(come_back), ..self }
    }

    /// Hides the text if it repeats a part of `secret`: some proxies answer with the request that they got.
    pub(crate) fn without(mut self, secret: &SecretString) -> Self {
        const PART: usize = 8;
        let letters: Vec<char> = self.text.chars().collect();
        let part = |part: &[char]| secret.expose_secret().contains(&part.iter().collect::<String>());
        if letters.windows(PART).any(part) {
            "its answer repeats a part of the secret and is not shown".clone_into(&mut self.text);
        }
        self
    }

    /// Makes the error of a call that tried to do `what`: "look at the secret …".
    pub(crate) fn into_port(self, what: &str) -> PortError {
        let kind = match self.why {
            Why::Role | Why::Firewall | Why::Login => ErrorKind::Denied,
            Why::Throttled | Why::Busy => ErrorKind::Retry,
            Why::Missing | Why::Disabled | Why::Deleted | Why::Refused => ErrorKind::Refused,
            Why::NotReached | Why::Lost => ErrorKind::Unavailable,
        };
        PortError::new(kind, format!("cannot {what}: {}", self.text))
    }
}

impl Repeatable for Failure {
    /// Only for requests that may safely be repeated.
    fn may_repeat(&self) -> bool {
        matches!(self.why, Why::Throttled | Why::NotReached | Why::Lost | Why::Busy)
    }

    fn retry_after(&self) -> Option<Duration> {
        self.wait
    }

    fn given_up(mut self, why: GivenUp) -> Self {
        if matches!(why, GivenUp::AskedToWait { .. }) {
            let _ = write!(self.text, "; {why}");
        }
        self
    }
}

impl From<azure_core::Error> for Failure {
    fn from(error: azure_core::Error) -> Self {
        match error.kind() {
            AzureKind::HttpResponse { status, raw_response, .. } => answered(*status, raw_response.as_deref()),
            AzureKind::Connection => Self::new(Why::NotReached, format!("it cannot be reached: {}", chain(&error))),
            AzureKind::Io => Self::new(Why::Lost, format!("no answer came: {}", chain(&error))),
            AzureKind::Credential => no_token(&error),
            // The error's text may contain parts of the answer.
            AzureKind::DataConversion => Self::new(Why::Lost, "it answers something else than a Key Vault does"),
            _ => Self::new(Why::Refused, chain(&error)),
        }
    }
}

/// Makes the failure for a missing token. Its cause decides whether a retry may succeed.
fn no_token(error: &azure_core::Error) -> Failure {
    let failure = |why| Failure::new(why, format!("no token was got to log in: {}", chain(error)));
    let mut below = std::error::Error::source(error);
    while let Some(cause) = below {
        match cause.downcast_ref::<azure_core::Error>().map(azure_core::Error::kind) {
            Some(AzureKind::Connection | AzureKind::Io) => return failure(Why::NotReached),
            Some(AzureKind::HttpResponse { status, raw_response, .. })
                if matches!(u16::from(*status), 408 | 429 | 500..=599) =>
            {
                return failure(Why::NotReached).asking_to_wait(raw_response.as_deref());
            }
            _ => {}
        }
        below = cause.source();
    }
    failure(Why::Login)
}

fn answered(status: StatusCode, answer: Option<&RawResponse>) -> Failure {
    let error = answer.and_then(|answer| json::from_json::<_, KeyVaultError>(answer.body()).ok()?.error);
    let inner = error.as_ref().and_then(innermost).unwrap_or_default();
    let said = error.as_ref().and_then(|error| error.message.as_deref()).map(tidy).unwrap_or_default();
    let code = error.as_ref().and_then(|error| error.code.clone()).filter(|code| is_code(code)).unwrap_or_default();
    let (why, mut text) = match (u16::from(status), inner.as_str()) {
        (401, _) => (Why::Login, format!("the vault does not take the token of the login: {said}")),
        (403, "ForbiddenByFirewall") => (
            Why::Firewall,
            format!(
                "the vault's firewall shuts this machine out, and no role changes that: {said}; use an agent inside the \
                     vault's network, or let its address in"
            ),
        ),
        (403, "SecretDisabled") => (Why::Disabled, "the secret is disabled".to_owned()),
        (403, _) => (Why::Role, format!("the login's role in the vault does not allow it: {said}")),
        (404, _) => (Why::Missing, "there is no such secret".to_owned()),
        (409, "ObjectIsDeletedButRecoverable") => {
            (Why::Deleted, "the name is taken by a deleted secret that can be recovered".to_owned())
        }
        (409, "ObjectIsBeingRecovered") => (Why::Busy, "the secret is still being recovered".to_owned()),
        (409, "ObjectIsBeingDeleted") => (Why::Busy, "the secret is still being deleted".to_owned()),
        (409, _) => (Why::Busy, "somebody else is changing the secret".to_owned()),
        (429, _) => (Why::Throttled, "the vault gets too many requests".to_owned()),
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
    Failure::new(why, text).asking_to_wait(answer)
}

fn innermost(error: &KeyVaultErrorError) -> Option<String> {
    error
        .inner_error
        .as_ref()
        .and_then(|inner| innermost(inner).or_else(|| inner.code.clone().filter(|code| is_code(code))))
}

/// Returns `true` if a text can be one of Azure's error codes: `ObjectIsBeingRecovered`.
fn is_code(text: &str) -> bool {
    text.len() <= 48 && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// Returns the time that an answer asks to wait: in seconds, or in milliseconds in Microsoft's own headers.
fn come_back(answer: &RawResponse) -> Option<Duration> {
    const MILLISECONDS: [HeaderName; 2] =
        [HeaderName::from_static("retry-after-ms"), HeaderName::from_static("x-ms-retry-after-ms")];
    let number = |name: &HeaderName| answer.headers().get_optional_str(name)?.trim().parse::<u64>().ok();
    let milliseconds = MILLISECONDS.iter().find_map(number).map(Duration::from_millis);
    milliseconds.or_else(|| number(&RETRY_AFTER).map(Duration::from_secs))
}

/// Puts a vault's sentence on one line, and shortens it. Only sentences of 401 and 403 are shown: they name the
/// caller, the action and the address, and the vault writes them before it reads the request's body.
fn tidy(message: &str) -> String {
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(400).collect()
}

/// Joins an error and its causes on one line, without causes that only repeat the text before them.
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

#[cfg(test)]
mod tests {
    use azure_core::http::headers::Headers;

    use super::*;

    /// weir repeats what Azure's client for tokens does not: that client makes each request once.
    #[test]
    fn a_busy_token_endpoint_may_be_asked_again() {
        for (status, may_repeat, kind) in [
            (StatusCode::ServiceUnavailable, true, ErrorKind::Unavailable),
            (StatusCode::TooManyRequests, true, ErrorKind::Unavailable),
            (StatusCode::BadRequest, false, ErrorKind::Denied),
        ] {
            let mut headers = Headers::new();
            headers.insert(RETRY_AFTER, "20");
            let answer = Some(Box::new(RawResponse::from_bytes(status, headers, "")));
            let answer = AzureKind::HttpResponse { status, error_code: None, raw_response: answer };
            let cause = azure_core::Error::with_message(answer, "AADSTS0");
            let failure = Failure::from(azure_core::Error::with_error(AzureKind::Credential, cause, "no token"));
            let wait = may_repeat.then_some(Duration::from_secs(20));
            assert_eq!(failure.retry_after(), wait, "{status}");
            assert_eq!((failure.may_repeat(), failure.into_port("log in").kind), (may_repeat, kind), "{status}");
        }
    }
}
