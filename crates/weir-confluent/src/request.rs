//! Calls of the control plane as values: built here, sent elsewhere, and inspected by tests.
//!
//! Paths, parameters and bodies are those of Confluent's OpenAPI files: `iam/v2` service accounts and API keys, `cmk/v2`
//! clusters, `service-quota/v1` applied quotas.

use std::fmt::{self, Write as _};

use serde_json::{Value, json};
use weir_planning::KeyMarker;

/// The largest page of service accounts and API keys in the specification.
const PAGE: u32 = 100;
/// The largest page of quotas in the specification.
const QUOTA_PAGE: u32 = 200;
/// The longest name of an account or a key, in characters.
pub(crate) const NAME: usize = 64;

/// The method of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads a resource or a list.
    Get,
    /// Creates a resource: the only method that must not be repeated blindly.
    Post,
    /// Changes a resource, to absolute values.
    Patch,
    /// Deletes a resource.
    Delete,
}

impl Method {
    /// The method's name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }
}

/// A call. It never holds a secret.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The call's `operationId` in the specification.
    pub operation: &'static str,
    /// The method.
    pub method: Method,
    /// The path from the root: `/iam/v2/service-accounts/sa-1`.
    pub path: String,
    /// Parameters, not yet encoded; a name may occur more than once.
    pub query: Vec<(&'static str, String)>,
    /// The JSON body.
    pub body: Option<Value>,
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method.name(), self.path)
    }
}

impl Request {
    fn new(operation: &'static str, method: Method, path: String) -> Self {
        Self { operation, method, path, query: Vec::new(), body: None }
    }

    fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    fn sending(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// Returns the same list from another page on.
    #[must_use]
    pub fn page(&self, token: Option<&str>) -> Self {
        match token {
            Some(token) => self.clone().with("page_token", token),
            None => self.clone(),
        }
    }

    /// Returns `true` if the call may be repeated although it may have taken effect.
    pub fn is_repeatable(&self) -> bool {
        self.method != Method::Post
    }

    /// Lists service accounts of the organization: the ones with these names, or all.
    pub fn list_accounts(names: Option<&[&str]>) -> Self {
        let mut list = Self::new("listIamV2ServiceAccounts", Method::Get, "/iam/v2/service-accounts".to_owned());
        for name in names.unwrap_or_default() {
            list = list.with("display_name", name);
        }
        list.with("page_size", PAGE)
    }

    /// Reads a service account.
    pub fn get_account(id: &str) -> Self {
        let path = format!("/iam/v2/service-accounts/{}", Segment(id));
        Self::new("getIamV2ServiceAccount", Method::Get, path)
    }

    /// Creates a service account, with an optional owner.
    pub fn create_account(name: &str, description: &str, owner: Option<&str>) -> Self {
        let create = Self::new("createIamV2ServiceAccount", Method::Post, "/iam/v2/service-accounts".to_owned())
            .sending(json!({"display_name": name, "description": description}));
        match owner {
            Some(owner) => create.with("assigned_resource_owner", owner),
            None => create,
        }
    }

    /// Changes the description of a service account.
    pub fn update_account(id: &str, description: &str) -> Self {
        let path = format!("/iam/v2/service-accounts/{}", Segment(id));
        Self::new("updateIamV2ServiceAccount", Method::Patch, path).sending(json!({"description": description}))
    }

    /// Deletes a service account.
    pub fn delete_account(id: &str) -> Self {
        let path = format!("/iam/v2/service-accounts/{}", Segment(id));
        Self::new("deleteIamV2ServiceAccount", Method::Delete, path)
    }

    /// Lists API keys of a cluster: an owner's, or all.
    pub fn list_keys(cluster: &str, owner: Option<&str>) -> Self {
        let list = Self::new("listIamV2ApiKeys", Method::Get, "/iam/v2/api-keys".to_owned());
        let list = match owner {
            Some(owner) => list.with("spec.owner", owner),
            None => list,
        };
        list.with("spec.resource", cluster).with("page_size", PAGE)
    }

    /// Reads an API key.
    pub fn get_key(id: &str) -> Self {
        Self::new("getIamV2ApiKey", Method::Get, format!("/iam/v2/api-keys/{}", Segment(id)))
    }

    /// Creates an API key of a cluster with a mark. The mark is in the name and the description, or only in the
    /// description if it is too long for a name.
    pub fn create_key(cluster: &str, owner: &str, marker: &KeyMarker) -> Self {
        let mark = marker.to_string();
        let name = if mark.chars().count() <= NAME { mark.as_str() } else { "weir" };
        Self::new("createIamV2ApiKey", Method::Post, "/iam/v2/api-keys".to_owned()).sending(json!({"spec": {
            "display_name": name,
            "description": mark,
            "owner": {"id": owner},
            "resource": {"id": cluster},
        }}))
    }

    /// Deletes an API key.
    pub fn delete_key(id: &str) -> Self {
        Self::new("deleteIamV2ApiKey", Method::Delete, format!("/iam/v2/api-keys/{}", Segment(id)))
    }

    /// Reads a Kafka cluster.
    pub fn get_cluster(cluster: &str, environment: &str) -> Self {
        let path = format!("/cmk/v2/clusters/{}", Segment(cluster));
        Self::new("getCmkV2Cluster", Method::Get, path).with("environment", environment)
    }

    /// Lists the quotas of the organization.
    pub fn list_organization_quotas() -> Self {
        Self::quotas().with("scope", "organization").with("page_size", QUOTA_PAGE)
    }

    /// Lists the quotas of a Kafka cluster.
    pub fn list_cluster_quotas(cluster: &str, environment: &str) -> Self {
        Self::quotas()
            .with("scope", "kafka_cluster")
            .with("environment", environment)
            .with("kafka_cluster", cluster)
            .with("page_size", QUOTA_PAGE)
    }

    fn quotas() -> Self {
        let path = "/service-quota/v1/applied-quotas".to_owned();
        Self::new("listServiceQuotaV1AppliedQuotas", Method::Get, path)
    }
}

/// A segment of a path, encoded so that no id can lead to another path.
struct Segment<'a>(&'a str);

impl fmt::Display for Segment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.bytes() {
            if byte.is_ascii_alphanumeric() || b"-_".contains(&byte) {
                f.write_char(char::from(byte))?;
            } else {
                write!(f, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marker(slot: &str) -> KeyMarker {
        let maker = weir_planning::Maker { workspace: "acme".to_owned(), stage: "dev".to_owned() };
        KeyMarker { maker, slot: slot.to_owned(), intent: "0123456789abcdef01234567".to_owned() }
    }

    #[test]
    fn ids_cannot_change_the_path() {
        let path = Request::delete_account("../api-keys/A?x=1").path;
        assert_eq!(path, "/iam/v2/service-accounts/%2E%2E%2Fapi-keys%2FA%3Fx%3D1");
    }

    #[test]
    fn only_creations_are_not_repeatable() {
        let all = [
            Request::list_accounts(None),
            Request::update_account("sa-1", "x"),
            Request::delete_key("K"),
            Request::create_account("a", "x", None),
            Request::create_key("lkc-1", "sa-1", &marker("default")),
        ];
        assert_eq!(all.map(|request| request.is_repeatable()), [true, true, true, false, false]);
    }

    #[test]
    fn a_key_carries_its_mark() {
        let body = |slot: &str| Request::create_key("lkc-1", "sa-1", &marker(slot)).body.unwrap();
        insta::assert_snapshot!(body("default"), @r#"{"spec":{"description":"weir/acme/dev/default/0123456789abcdef01234567","display_name":"weir/acme/dev/default/0123456789abcdef01234567","owner":{"id":"sa-1"},"resource":{"id":"lkc-1"}}}"#);
        let long = body(&"x".repeat(40));
        assert_eq!(long["spec"]["display_name"], "weir");
        assert!(long["spec"]["description"].as_str().unwrap().parse::<KeyMarker>().is_ok());
    }

    #[test]
    fn a_further_page_is_the_same_list_with_a_token() {
        let list = Request::list_accounts(Some(&["a", "b"]));
        assert_eq!(list.page(None), list);
        let query: Vec<String> = list.page(Some("t&x")).query.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(query, ["display_name=a", "display_name=b", "page_size=100", "page_token=t&x"]);
    }
}
