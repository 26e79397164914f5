//! Failures of calls, and the reaction that each one needs.

use std::{fmt, time::Duration};

use serde::Deserialize;
use serde_json::Value;
use weir_ports::{ErrorKind, PortError};
use weir_retry::{GivenUp, Repeatable};

use crate::{Request, budget::spread};

/// The longest part of an error's text that is shown, in bytes.
const SHOWN: usize = 300;

/// The progress of a call before it failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The call was not sent: the host does not accept the connection.
    NotSent,
    /// The call was not sent, and a retry is useless: the host is not trusted, or the request is invalid.
    Hopeless,
    /// The call was sent, but no answer came.
    Lost,
    /// The call was answered with this status.
    Status(u16),
    /// The call was answered with a success that cannot be read.
    Unreadable,
}

/// A call that failed.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) trouble: Trouble,
    /// `true` if the call may be repeated although it may have taken effect.
    repeatable: bool,
    reads: bool,
    /// The method and address of the call.
    what: String,
    /// The explanation, in the words of its source.
    pub(crate) detail: String,
    request_id: Option<String>,
    /// Time that the host asked to wait.
    wait: Option<Duration>,
    /// `true` if the call was repeated until its time was up.
    exhausted: bool,
}

impl Failure {
    pub(crate) fn new(request: &Request, trouble: Trouble, detail: impl Into<String>) -> Self {
        Self {
            trouble,
            repeatable: request.is_repeatable(),
            reads: request.method == crate::Method::Get,
            what: request.to_string(),
            detail: detail.into(),
            request_id: None,
            wait: None,
            exhausted: false,
        }
    }

    pub(crate) fn with_request_id(mut self, id: Option<String>) -> Self {
        self.request_id = self.request_id.or(id);
        self
    }

    pub(crate) fn asking_to_wait(self, wait: Option<Duration>) -> Self {
        Self { wait, ..self }
    }

    /// Makes the failure for an answer that is not a success.
    pub(crate) fn answered(request: &Request, status: u16, request_id: Option<String>, body: &[u8]) -> Self {
        let (detail, id) = told(body);
        Self::new(request, Trouble::Status(status), detail).with_request_id(request_id).with_request_id(id)
    }

    pub(crate) fn status(&self) -> Option<u16> {
        match self.trouble {
            Trouble::Status(status) => Some(status),
            _ => None,
        }
    }

    /// Returns `true` if repeating the call may help and does no harm. A call that was refused with 429 had no
    /// effect.
    pub(crate) fn may_repeat(&self) -> bool {
        match self.trouble {
            Trouble::NotSent | Trouble::Status(429) => true,
            Trouble::Lost | Trouble::Status(408 | 500 | 502..=599) => self.repeatable,
            Trouble::Hopeless | Trouble::Unreadable | Trouble::Status(_) => false,
        }
    }

    /// Returns the error for an object that a list shows. If it is not found all the same, the object is very new or
    /// just deleted, so a later try can succeed.
    pub(crate) fn although_listed(self) -> PortError {
        let kind = if self.status() == Some(404) { ErrorKind::Retry } else { self.kind() };
        PortError { kind, ..self.into() }
    }

    /// Returns the kind of error for the caller. `Denied` leaves open whether an object exists: Confluent answers 403
    /// for deleted objects.
    pub(crate) fn kind(&self) -> ErrorKind {
        let unknown = if self.reads { ErrorKind::Retry } else { ErrorKind::Ambiguous };
        match self.trouble {
            Trouble::NotSent | Trouble::Status(429) => ErrorKind::Retry,
            Trouble::Hopeless => ErrorKind::Unavailable,
            Trouble::Lost | Trouble::Status(408 | 500 | 502..=599) => unknown,
            Trouble::Unreadable if !self.reads => ErrorKind::Ambiguous,
            Trouble::Unreadable | Trouble::Status(..=399 | 501 | 600..) => ErrorKind::Unavailable,
            Trouble::Status(401 | 403 | 407) => ErrorKind::Denied,
            Trouble::Status(_) => ErrorKind::Refused,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { trouble, what, detail, request_id, .. } = self;
        match trouble {
            Trouble::Status(status) => write!(f, "{what} is answered with {status}")?,
            Trouble::NotSent | Trouble::Hopeless => write!(f, "{what} cannot be sent")?,
            Trouble::Lost => write!(f, "{what} was sent and not answered")?,
            Trouble::Unreadable => write!(f, "{what} is answered with something that cannot be read")?,
        }
        if !detail.is_empty() {
            write!(f, ": {detail}")?;
        }
        match request_id {
            Some(id) => write!(f, " (request {id})"),
            None => Ok(()),
        }
    }
}

impl From<Failure> for PortError {
    fn from(failure: Failure) -> Self {
        Self { exhausted: failure.exhausted, ..Self::new(failure.kind(), failure.to_string()) }
    }
}

/// A call of which one try is lost ends with the failure of its last try: only calls that have the same effect when
/// they are made twice are repeated after a lost try.
impl Repeatable for Failure {
    fn may_repeat(&self) -> bool {
        Failure::may_repeat(self)
    }

    fn retry_after(&self) -> Option<Duration> {
        self.wait.map(spread)
    }

    fn given_up(mut self, why: GivenUp) -> Self {
        if matches!(why, GivenUp::AskedToWait { .. }) {
            let sentence = if self.detail.is_empty() { why.to_string() } else { format!("{}; {why}", self.detail) };
            self.detail = sentence;
        }
        Self { exhausted: true, ..self }
    }
}

/// The two forms of error bodies, depending on the host: `errors` with `detail`, and `error_code` with `message`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    errors: Vec<Entry>,
    error_code: Option<Value>,
    message: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    id: Option<String>,
    code: Option<String>,
    title: Option<String>,
    detail: Option<String>,
}

/// Returns the explanation in an error, and the request's id if the error has one. Proxies and gateways answer with
/// HTML.
fn told(body: &[u8]) -> (String, Option<String>) {
    if let Ok(body) = serde_json::from_slice::<Body>(body) {
        if let Some(Entry { id, code, title, detail }) = body.errors.into_iter().next() {
            let text = detail.or(title).unwrap_or_default();
            return (shown(&with_code(code, text)), id.map(|id| shown(&id)));
        }
        let code = body.error_code.map(|code| code.as_str().map_or_else(|| code.to_string(), str::to_owned));
        return (shown(&with_code(code, body.message.unwrap_or_default())), None);
    }
    let text = String::from_utf8_lossy(body);
    // `to_ascii_lowercase` keeps byte positions, so a position found here is valid in the text.
    let lower = text.to_ascii_lowercase();
    let title = lower.find("<title>").and_then(|start| {
        let start = start + "<title>".len();
        Some(&text[start..start + lower[start..].find("</title>")?])
    });
    match title {
        Some(title) => (shown(title), None),
        None if lower.trim_start().starts_with('<') => (String::new(), None),
        None => (shown(&text), None),
    }
}

fn with_code(code: Option<String>, text: String) -> String {
    match code {
        Some(code) if text.is_empty() => code,
        Some(code) if !code.is_empty() => format!("{text} [{code}]"),
        _ => text,
    }
}

/// Puts foreign text on one line, shortened and without control characters.
fn shown(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> Request {
        Request::list_accounts(None)
    }

    fn create() -> Request {
        Request::create_account("a", "x", None)
    }

    #[test]
    fn errors_of_every_shape_are_read() {
        let said = |body: &str| Failure::answered(&list(), 403, None, body.as_bytes()).to_string();
        insta::assert_snapshot!(
            [
                said(r#"{"errors": [{"id": "r1", "status": "403", "code": "forbidden_access", "title": "Forbidden", "detail": "no access"}]}"#),
                said(r#"{"errors": [{"status": "401", "detail": "invalid API key"}]}"#),
                said(r#"{"errors": [{"title": "Forbidden", "code": null}]}"#),
                said(r#"{"errors": []}"#),
                said(r#"{"error_code": 40301, "message": "unauthorized"}"#),
                said("<html><head>\n<META><TITLE>Error 403\nForbidden</TITLE></head><body>long</body></html>"),
                said("<html><body>no title</body></html>"),
                said("upstream\tconnect \u{1b}[31merror"),
                said(""),
            ]
            .join("\n"),
            @r"
        GET /iam/v2/service-accounts is answered with 403: no access [forbidden_access] (request r1)
        GET /iam/v2/service-accounts is answered with 403: invalid API key
        GET /iam/v2/service-accounts is answered with 403: Forbidden
        GET /iam/v2/service-accounts is answered with 403
        GET /iam/v2/service-accounts is answered with 403: unauthorized [40301]
        GET /iam/v2/service-accounts is answered with 403: Error 403 Forbidden
        GET /iam/v2/service-accounts is answered with 403
        GET /iam/v2/service-accounts is answered with 403: upstream connect [31merror
        GET /iam/v2/service-accounts is answered with 403
        "
        );
        assert!(said(&"ä".repeat(10_000)).chars().count() < 400);
    }

    #[test]
    fn the_header_names_the_request() {
        let failure = Failure::answered(&list(), 500, Some("header".to_owned()), br#"{"errors": [{"id": "body"}]}"#);
        assert!(failure.to_string().ends_with("(request header)"), "{failure}");
    }

    #[test]
    fn the_kind_of_error_fits_the_failure() {
        use ErrorKind::{Ambiguous, Denied, Refused, Retry, Unavailable};
        let table = [
            (Trouble::NotSent, Retry, Retry),
            (Trouble::Hopeless, Unavailable, Unavailable),
            (Trouble::Lost, Retry, Ambiguous),
            (Trouble::Unreadable, Unavailable, Ambiguous),
            (Trouble::Status(302), Unavailable, Unavailable),
            (Trouble::Status(400), Refused, Refused),
            (Trouble::Status(401), Denied, Denied),
            (Trouble::Status(402), Refused, Refused),
            (Trouble::Status(403), Denied, Denied),
            (Trouble::Status(404), Refused, Refused),
            (Trouble::Status(408), Retry, Ambiguous),
            (Trouble::Status(409), Refused, Refused),
            (Trouble::Status(422), Refused, Refused),
            (Trouble::Status(429), Retry, Retry),
            (Trouble::Status(500), Retry, Ambiguous),
            (Trouble::Status(501), Unavailable, Unavailable),
            (Trouble::Status(503), Retry, Ambiguous),
            (Trouble::Status(504), Retry, Ambiguous),
        ];
        for (trouble, reading, creating) in table {
            let kind = |request: &Request| Failure::new(request, trouble.clone(), "").kind();
            assert_eq!((kind(&list()), kind(&create())), (reading, creating), "{trouble:?}");
            // A call that may have taken effect is not repeated.
            let again = Failure::new(&create(), trouble.clone(), "").may_repeat();
            assert!(!again || creating == Retry, "{trouble:?}");
        }
    }
}
