//! The log of requests and answers.

use std::fmt;

use serde_json::Value;

use super::answer::Answer;

/// A request and its answer, without secrets: secrets of created keys and of logins read `****`.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The requested operation; `None` if there is no such operation.
    pub operation: Option<Operation>,
    /// `GET`, `POST` …
    pub method: String,
    /// The path, without the query: `/iam/v2/api-keys`.
    pub path: String,
    /// The query's parameters, decoded, in order.
    pub query: Vec<(String, String)>,
    /// The id of the API key that the client used.
    pub key: Option<String>,
    /// The headers, with lower-case names, without `authorization`.
    pub headers: Vec<(String, String)>,
    /// The body, if it is JSON.
    pub body: Option<Value>,
    /// `true` if the request was handled; some faults prevent it.
    pub handled: bool,
    /// The answer; `None` if the connection was closed instead.
    pub answer: Option<Answer>,
}

/// An operation of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Operation {
    ListAccounts,
    CreateAccount,
    ReadAccount,
    UpdateAccount,
    DeleteAccount,
    ListKeys,
    CreateKey,
    ReadKey,
    UpdateKey,
    DeleteKey,
    ListEnvironments,
    ReadEnvironment,
    ListClusters,
    ReadCluster,
    ListQuotas,
    ReadQuota,
    /// `GET /kafka/v3/clusters/{id}/topics`, the only operation of Kafka's REST API here: tools test keys with it.
    ListTopics,
}

impl Operation {
    /// All operations.
    pub const ALL: [Self; 17] = [
        Self::ListAccounts,
        Self::CreateAccount,
        Self::ReadAccount,
        Self::UpdateAccount,
        Self::DeleteAccount,
        Self::ListKeys,
        Self::CreateKey,
        Self::ReadKey,
        Self::UpdateKey,
        Self::DeleteKey,
        Self::ListEnvironments,
        Self::ReadEnvironment,
        Self::ListClusters,
        Self::ReadCluster,
        Self::ListQuotas,
        Self::ReadQuota,
        Self::ListTopics,
    ];

    /// Returns the operation for a method and a path, and the id within the path.
    pub(super) fn of<'a>(method: &str, path: &'a str) -> Option<(Self, &'a str)> {
        if let Some(rest) = path.strip_prefix("/kafka/v3/clusters/") {
            let cluster = rest.strip_suffix("/topics").filter(|id| !id.contains('/'))?;
            return (method == "GET").then_some((Self::ListTopics, cluster));
        }
        let (collection, id) = match path.match_indices('/').nth(3) {
            Some((at, _)) => (&path[..at], Some(&path[at + 1..])),
            None => (path, None),
        };
        if id.is_some_and(|id| id.is_empty() || id.contains('/')) {
            return None;
        }
        let operation = match (collection, method, id.is_some()) {
            ("/iam/v2/service-accounts", "GET", false) => Self::ListAccounts,
            ("/iam/v2/service-accounts", "POST", false) => Self::CreateAccount,
            ("/iam/v2/service-accounts", "GET", true) => Self::ReadAccount,
            ("/iam/v2/service-accounts", "PATCH", true) => Self::UpdateAccount,
            ("/iam/v2/service-accounts", "DELETE", true) => Self::DeleteAccount,
            ("/iam/v2/api-keys", "GET", false) => Self::ListKeys,
            ("/iam/v2/api-keys", "POST", false) => Self::CreateKey,
            ("/iam/v2/api-keys", "GET", true) => Self::ReadKey,
            ("/iam/v2/api-keys", "PATCH", true) => Self::UpdateKey,
            ("/iam/v2/api-keys", "DELETE", true) => Self::DeleteKey,
            ("/org/v2/environments", "GET", false) => Self::ListEnvironments,
            ("/org/v2/environments", "GET", true) => Self::ReadEnvironment,
            ("/cmk/v2/clusters", "GET", false) => Self::ListClusters,
            ("/cmk/v2/clusters", "GET", true) => Self::ReadCluster,
            ("/service-quota/v1/applied-quotas", "GET", false) => Self::ListQuotas,
            ("/service-quota/v1/applied-quotas", "GET", true) => Self::ReadQuota,
            _ => return None,
        };
        Some((operation, id.unwrap_or_default()))
    }
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)?;
        for (number, (name, value)) in self.query.iter().enumerate() {
            write!(f, "{}{name}={value}", if number == 0 { '?' } else { '&' })?;
        }
        match &self.answer {
            Some(answer) => write!(f, " → {}", answer.status)?,
            None => write!(f, " → cut")?,
        }
        if self.handled { Ok(()) } else { write!(f, " (not handled)") }
    }
}
