//! Answers, in the shapes of the service.

use serde_json::{Value, json};

/// An HTTP answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers, with lower-case names.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Answer {
    /// Returns an answer with a JSON body.
    pub fn json(status: u16, body: &Value) -> Self {
        Self { status, headers: vec![content("application/json")], body: body.to_string() }
    }

    /// Returns an answer without a body.
    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: String::new() }
    }

    /// Returns an HTML page, the form in which gateways answer.
    pub fn html(status: u16, message: &str) -> Self {
        let body = format!(
            "<html>\n<head>\n<meta http-equiv=\"Content-Type\" content=\"text/html;charset=utf-8\"/>\n<title>Error \
             {status} {message}</title>\n</head>\n<body><h2>HTTP ERROR {status} {message}</h2></body>\n</html>\n"
        );
        Self { status, headers: vec![content("text/html;charset=utf-8")], body }
    }

    /// Returns an error of the control plane: `{"errors": [{…}]}`.
    pub fn error(status: u16, code: &str, title: &str, detail: &str) -> Self {
        let error = json!({"status": status.to_string(), "code": code, "title": title, "detail": detail});
        Self::json(status, &json!({"errors": [error]}))
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.to_string()));
        self
    }

    /// Returns the value of the header `content-type`.
    pub fn content_type(&self) -> Option<&str> {
        self.headers.iter().find(|(name, _)| name == "content-type").map(|(_, value)| value.as_str())
    }

    /// Returns the body as JSON; `Null` if it is not JSON.
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// Returns 400: a parameter is not valid.
    pub(super) fn invalid_parameter(parameter: &str, detail: &str) -> Self {
        Self::json(
            400,
            &json!({"errors": [{
                "status": "400", "code": "invalid_filter", "title": "Invalid Filter", "detail": detail,
                "source": {"parameter": parameter},
            }]}),
        )
    }

    /// Returns 422: a part of the body is not valid.
    pub(super) fn invalid(pointer: &str, detail: &str) -> Self {
        Self::json(
            422,
            &json!({"errors": [{
                "status": "422", "code": "invalid_configuration", "title": "Validation Failed", "detail": detail,
                "source": {"pointer": pointer},
            }]}),
        )
    }

    /// Returns 401 of the control plane. Its error has no `code`.
    pub(super) fn unauthenticated() -> Self {
        let error = json!({
            "status": "401", "title": "Authentication Required",
            "detail": "Valid authentication credentials must be provided",
        });
        Self::json(401, &json!({"errors": [error]}))
            .header("www-authenticate", r#"Basic error="invalid_key", error_description="The API Key is invalid""#)
    }

    pub(super) fn forbidden() -> Self {
        Self::error(403, "forbidden_access", "Forbidden Access", "Forbidden access")
    }

    pub(super) fn not_found() -> Self {
        Self::json(404, &json!({"errors": [{"status": "404", "title": "Not Found", "detail": "Not Found"}]}))
    }

    /// Returns 402: the quota is used up.
    pub(super) fn over_quota(what: &str, limit: u32) -> Self {
        let detail = format!("Your quota for {what} is currently limited to {limit}");
        Self::error(402, "quota_exceeded", "Quota Exceeded", &detail)
    }
}

fn content(kind: &str) -> (String, String) {
    ("content-type".to_owned(), kind.to_owned())
}
