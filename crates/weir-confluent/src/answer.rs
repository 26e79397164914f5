//! Answers of the control plane, read leniently: only the fields that weir uses must be present.

use std::collections::BTreeMap;

use jiff::Timestamp;
use reqwest::Url;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use weir_planning::KeyMarker;

/// A page of a list. An answer without `data` is an error, because it must not be mistaken for an empty list.
#[derive(Deserialize)]
pub(crate) struct Page<T> {
    pub(crate) data: Vec<T>,
    #[serde(default, deserialize_with = "or_default")]
    metadata: PageMetadata,
}

#[derive(Default, Deserialize)]
struct PageMetadata {
    #[serde(default)]
    next: Option<String>,
}

impl<T> Page<T> {
    /// Returns the token of the next page, which is the only part of the URL in `next` that counts. A `next` that is
    /// missing, `null` or empty marks the end.
    ///
    /// # Errors
    /// If there is a next page without a token.
    pub(crate) fn next(&self) -> Result<Option<String>, &'static str> {
        let Some(next) = self.metadata.next.as_deref().filter(|next| !next.is_empty()) else { return Ok(None) };
        let base = Url::parse("https://localhost").map_err(|_| "no base")?;
        let url = base.join(next).map_err(|_| "`metadata.next` is not an address")?;
        let token = url.query_pairs().find(|(name, _)| name == "page_token").map(|(_, token)| token.into_owned());
        token.filter(|token| !token.is_empty()).map(Some).ok_or("`metadata.next` has no `page_token`")
    }
}

/// Reads a field, and takes `null` for a missing one.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A service account.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) display_name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) description: String,
}

/// An API key.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Key {
    pub(crate) id: String,
    #[serde(default, deserialize_with = "or_default")]
    metadata: KeyMetadata,
    spec: KeySpec,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct KeyMetadata {
    #[serde(default)]
    created_at: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
struct KeySpec {
    #[serde(default, deserialize_with = "or_default")]
    display_name: String,
    #[serde(default, deserialize_with = "or_default")]
    description: String,
    owner: Reference,
    #[serde(default)]
    resource: Option<Reference>,
    #[serde(default, deserialize_with = "or_default")]
    resources: Vec<Reference>,
}

#[derive(Clone, Debug, Deserialize)]
struct Reference {
    id: String,
}

impl Key {
    pub(crate) fn owner(&self) -> &str {
        &self.spec.owner.id
    }

    /// Returns `true` if the key is for the cluster; `None` if the key names no resource.
    pub(crate) fn is_for(&self, cluster: &str) -> Option<bool> {
        let mut resources = self.spec.resource.iter().chain(&self.spec.resources).peekable();
        resources.peek()?;
        Some(resources.any(|resource| resource.id == cluster))
    }

    /// Returns weir's mark from the key's name, or from the description if the mark is too long for a name.
    pub(crate) fn marker(&self) -> Option<KeyMarker> {
        let KeySpec { display_name, description, .. } = &self.spec;
        display_name.parse().or_else(|_| description.parse()).ok()
    }

    pub(crate) fn created(&self) -> Option<Timestamp> {
        self.metadata.created()
    }
}

impl KeyMetadata {
    pub(crate) fn created(&self) -> Option<Timestamp> {
        self.created_at.as_deref()?.parse().ok()
    }
}

/// A new API key with its secret, which only this answer contains.
#[derive(Deserialize)]
pub(crate) struct NewKey {
    pub(crate) id: String,
    pub(crate) spec: NewKeySpec,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) metadata: KeyMetadata,
}

#[derive(Deserialize)]
pub(crate) struct NewKeySpec {
    pub(crate) secret: SecretString,
}

/// A Kafka cluster.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct KafkaCluster {
    pub(crate) id: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) spec: ClusterSpec,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) status: ClusterStatus,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct ClusterSpec {
    /// The only endpoint of clusters that have no `endpoints`.
    #[serde(default, deserialize_with = "or_default")]
    kafka_bootstrap_endpoint: String,
    /// Endpoints by the ids of their access points.
    #[serde(default, deserialize_with = "or_default")]
    endpoints: BTreeMap<String, Endpoint>,
    #[serde(default, deserialize_with = "or_default")]
    config: ClusterConfig,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Endpoint {
    #[serde(default, deserialize_with = "or_default")]
    kafka_bootstrap_endpoint: String,
    #[serde(default, deserialize_with = "or_default")]
    connection_type: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct ClusterConfig {
    #[serde(default, deserialize_with = "or_default")]
    kind: String,
    #[serde(default)]
    cku: Option<u64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct ClusterStatus {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) phase: String,
    /// The current units of capacity of a dedicated cluster.
    #[serde(default)]
    cku: Option<u64>,
}

impl KafkaCluster {
    /// The cluster's type: `Basic`, `Standard`, `Enterprise`, `Dedicated`, `Freight`; empty if the answer lacks it.
    pub(crate) fn kind(&self) -> &str {
        &self.spec.config.kind
    }

    /// Returns the units of capacity of a dedicated cluster.
    pub(crate) fn units(&self) -> Option<u64> {
        self.status.cku.or(self.spec.config.cku)
    }

    /// Returns the brokers' address: at the access point with this id, or at the only access point.
    ///
    /// # Errors
    /// Returns a sentence if the cluster has no endpoint, if it has no endpoint with this id, or if it has several
    /// and none is chosen.
    pub(crate) fn bootstrap(&self, chosen: Option<&str>) -> Result<&str, String> {
        let ClusterSpec { kafka_bootstrap_endpoint: only, endpoints, config: _ } = &self.spec;
        let usable: BTreeMap<&str, &Endpoint> = endpoints
            .iter()
            .filter(|(_, endpoint)| !endpoint.kafka_bootstrap_endpoint.is_empty())
            .map(|(id, endpoint)| (id.as_str(), endpoint))
            .collect();
        let told = || {
            let each = usable.iter().map(|(id, endpoint)| match endpoint.connection_type.as_str() {
                kind if kind.is_empty() || kind == *id => format!("`{id}`"),
                kind => format!("`{id}` ({kind})"),
            });
            each.collect::<Vec<_>>().join(", ")
        };
        match (chosen, usable.first_key_value()) {
            (Some(id), _) => match usable.get(id) {
                Some(endpoint) => Ok(&endpoint.kafka_bootstrap_endpoint),
                None if usable.is_empty() => Err(format!("{} reports no endpoints, so there is no `{id}`", self.id)),
                None => Err(format!("{} has no endpoint `{id}`; it has {}", self.id, told())),
            },
            (None, Some((_, first)))
                if usable.values().all(|other| other.kafka_bootstrap_endpoint == first.kafka_bootstrap_endpoint) =>
            {
                Ok(&first.kafka_bootstrap_endpoint)
            }
            (None, Some(_)) => {
                Err(format!("{} has several endpoints: {}; name one: `kafka: {{endpoint: …}}`", self.id, told()))
            }
            (None, None) if only.is_empty() => {
                Err(format!("Confluent Cloud reports no address for the brokers of {}: name `bootstrap`", self.id))
            }
            (None, None) => Ok(only),
        }
    }

    /// Returns the reason why the cluster is not ready; `None` if it is.
    pub(crate) fn not_ready(&self) -> Option<String> {
        let why = match self.status.phase.as_str() {
            "" | "PROVISIONED" => return None,
            "PROVISIONING" => "it is still being created (PROVISIONING); run again when it is ready".to_owned(),
            "FAILED" => "its creation failed for good (FAILED); delete it, and create another".to_owned(),
            other => format!("it is in the phase {other}"),
        };
        Some(format!("{} is not ready: {why}", self.id))
    }
}

/// An applied quota, and its usage.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Quota {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) applied_limit: Option<i64>,
    #[serde(default)]
    pub(crate) usage: Option<i64>,
}

/// Reads an answer. The error does not quote the answer, which may contain a secret.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|e| {
        let what = match e.classify() {
            serde_json::error::Category::Data => "lacks a required field",
            _ => "is not JSON",
        };
        format!("the answer {what} (line {}, column {})", e.line(), e.column())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(metadata: &str) -> Result<Option<String>, &'static str> {
        read::<Page<Account>>(format!(r#"{{"data": [], "metadata": {metadata}}}"#).as_bytes()).unwrap().next()
    }

    #[test]
    fn a_list_ends_in_several_ways() {
        for end in ["{}", "null", r#"{"next": null}"#, r#"{"next": ""}"#] {
            assert_eq!(next(end), Ok(None), "{end}");
        }
        assert_eq!(read::<Page<Account>>(br#"{"data": []}"#).unwrap().next(), Ok(None));
        let token = |next: &str| Ok(Some(next.to_owned()));
        assert_eq!(next(r#"{"next": "https://x/iam?page_size=9&page_token=a%2Fb", "total_size": 1}"#), token("a/b"));
        assert_eq!(next(r#"{"next": "/iam/v2/api-keys?page_token=c"}"#), token("c"));
        assert!(next(r#"{"next": "https://x/iam?page_size=9"}"#).is_err());
        assert!(next(r#"{"next": "https://x/iam?page_token="}"#).is_err());
    }

    #[test]
    fn an_answer_without_data_is_not_an_empty_list() {
        for wrong in [r#"{}"#, r#"{"data": null}"#, r#"{"errors": []}"#, r#"{"data": [{"id": "sa-1"}]}"#, "<html>", ""]
        {
            assert!(read::<Page<Account>>(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_key_names_the_cluster_it_is_for() {
        let key = |spec: &str| read::<Key>(format!(r#"{{"id": "K", "spec": {spec}}}"#).as_bytes()).unwrap();
        for (resource, expected) in [
            (r#""resource": {"id": "lkc-1"}"#, Some(true)),
            (r#""resources": [{"id": "lkc-2"}, {"id": "lkc-1"}]"#, Some(true)),
            (r#""resource": {"id": "cloud"}"#, Some(false)),
            (r#""resource": null, "resources": null"#, None),
        ] {
            assert_eq!(key(&format!(r#"{{"owner": {{"id": "sa-1"}}, {resource}}}"#)).is_for("lkc-1"), expected);
        }
    }

    fn cluster(spec: &str, status: &str) -> KafkaCluster {
        read(format!(r#"{{"id": "lkc-1", "spec": {spec}, "status": {status}}}"#).as_bytes()).unwrap()
    }

    #[test]
    fn one_of_several_endpoints_must_be_chosen() {
        let at = |address: &str, kind: &str| {
            format!(r#"{{"kafka_bootstrap_endpoint": "{address}", "http_endpoint": "x", "connection_type": "{kind}"}}"#)
        };
        let (public, private) = (at("pkc-1:9092", "PUBLIC"), at("lkc-1-ap1:9092", "PRIVATE_LINK"));
        let old = r#""kafka_bootstrap_endpoint": "SASL_SSL://pkc-0:9092""#;
        let two = format!(r#"{{{old}, "endpoints": {{"PUBLIC": {public}, "ap1": {private}}}}}"#);
        let one = format!(r#"{{{old}, "endpoints": {{"ap1": {private}}}}}"#);
        let same = format!(r#"{{"endpoints": {{"PUBLIC": {public}, "ap1": {public}}}}}"#);
        let none = format!("{{{old}, \"endpoints\": null}}");
        let said = [
            (two.as_str(), None),
            (&two, Some("ap1")),
            (&two, Some("PUBLIC")),
            (&two, Some("ap2")),
            (&one, None),
            (&same, None),
            (&none, None),
            (&none, Some("ap1")),
            ("{}", None),
        ]
        .map(|(spec, chosen)| match cluster(spec, "{}").bootstrap(chosen) {
            Ok(address) => address.to_owned(),
            Err(why) => format!("error: {why}"),
        });
        insta::assert_snapshot!(said.join("\n"), @r"
        error: lkc-1 has several endpoints: `PUBLIC`, `ap1` (PRIVATE_LINK); name one: `kafka: {endpoint: …}`
        lkc-1-ap1:9092
        pkc-1:9092
        error: lkc-1 has no endpoint `ap2`; it has `PUBLIC`, `ap1` (PRIVATE_LINK)
        lkc-1-ap1:9092
        pkc-1:9092
        SASL_SSL://pkc-0:9092
        error: lkc-1 reports no endpoints, so there is no `ap1`
        error: Confluent Cloud reports no address for the brokers of lkc-1: name `bootstrap`
        ");
    }

    #[test]
    fn a_cluster_reports_its_type_and_phase() {
        let dedicated =
            cluster(r#"{"config": {"kind": "Dedicated", "cku": 2}}"#, r#"{"phase": "PROVISIONED", "cku": 4}"#);
        assert_eq!((dedicated.kind(), dedicated.units(), dedicated.not_ready()), ("Dedicated", Some(4), None));
        let silent = cluster("null", "null");
        assert_eq!((silent.kind(), silent.units(), silent.not_ready()), ("", None, None));
        let said = ["PROVISIONING", "FAILED", "DELETING"]
            .map(|phase| cluster("{}", &format!(r#"{{"phase": "{phase}"}}"#)).not_ready().unwrap());
        insta::assert_snapshot!(said.join("\n"), @r"
        lkc-1 is not ready: it is still being created (PROVISIONING); run again when it is ready
        lkc-1 is not ready: its creation failed for good (FAILED); delete it, and create another
        lkc-1 is not ready: it is in the phase DELETING
        ");
    }

    #[test]
    fn a_mark_is_read_from_the_name_or_the_description() {
        let key = |name: &str, description: &str| {
            let spec = serde_json::json!({"owner": {"id": "sa-1"}, "display_name": name, "description": description});
            read::<Key>(serde_json::json!({"id": "K", "spec": spec}).to_string().as_bytes()).unwrap().marker()
        };
        assert!(key("weir/acme/dev/default/0123", "").is_some());
        assert!(key("weir", "weir/acme/dev/default/0123").is_some());
        assert!(key("by hand", "weirdo").is_none());
    }

    #[test]
    fn an_unreadable_answer_is_not_quoted() {
        let told = |body: &str| read::<NewKey>(body.as_bytes()).err().unwrap();
        let said = [
            told(r#"{"id": 7, "spec": {"secret": "s3cret"}}"#),
            told(r#"{"id": "K", "spec": {"secret": "s3cret}}"#),
            told(r#"{"id": "K", "spec": {"secret": ["s3cret"]}}"#),
        ];
        assert!(!said.join(" ").contains("s3cret"), "{said:?}");
    }
}
