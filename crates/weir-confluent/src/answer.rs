//! What the control plane answers, read leniently: only what is used must be there.

use jiff::Timestamp;
use reqwest::Url;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use weir_planning::KeyMarker;

/// A page of a list. Without `data` it is no list; an empty one must not be made up.
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
    /// The token of the next page: `next` is a whole URL of which only that counts. Absent, `null` and empty are the
    /// end.
    ///
    /// # Errors
    /// If there is a next page and no way to name it.
    pub(crate) fn next(&self) -> Result<Option<String>, &'static str> {
        let Some(next) = self.metadata.next.as_deref().filter(|next| !next.is_empty()) else { return Ok(None) };
        let base = Url::parse("https://localhost").map_err(|_| "no base")?;
        let url = base.join(next).map_err(|_| "`metadata.next` is no address")?;
        let token = url.query_pairs().find(|(name, _)| name == "page_token").map(|(_, token)| token.into_owned());
        token.filter(|token| !token.is_empty()).map(Some).ok_or("`metadata.next` has no `page_token`")
    }
}

/// `null` counts as left out.
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

    /// Whether it is for a cluster; absent if it does not tell.
    pub(crate) fn is_for(&self, cluster: &str) -> Option<bool> {
        let mut resources = self.spec.resource.iter().chain(&self.spec.resources).peekable();
        resources.peek()?;
        Some(resources.any(|resource| resource.id == cluster))
    }

    /// Our mark: in the name, or where it is too long for that, in the description.
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

/// A new API key, the one time that its secret is told.
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
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) kafka_bootstrap_endpoint: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct ClusterStatus {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) phase: String,
}

/// A quota as it applies, and how much of it is used.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Quota {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) applied_limit: Option<i64>,
    #[serde(default)]
    pub(crate) usage: Option<i64>,
}

/// Reads an answer. What it holds is not told: it may be a secret.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|e| {
        let what = match e.classify() {
            serde_json::error::Category::Data => "lacks what must be there",
            _ => "is no JSON",
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
    fn what_is_no_list_is_not_empty() {
        for wrong in [r#"{}"#, r#"{"data": null}"#, r#"{"errors": []}"#, r#"{"data": [{"id": "sa-1"}]}"#, "<html>", ""]
        {
            assert!(read::<Page<Account>>(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn keys_tell_what_they_are_for() {
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

    #[test]
    fn a_mark_is_found_where_it_fits() {
        let key = |name: &str, description: &str| {
            let spec = serde_json::json!({"owner": {"id": "sa-1"}, "display_name": name, "description": description});
            read::<Key>(serde_json::json!({"id": "K", "spec": spec}).to_string().as_bytes()).unwrap().marker()
        };
        assert!(key("weir/dev/default/0123", "").is_some());
        assert!(key("weir", "weir/dev/default/0123").is_some());
        assert!(key("by hand", "weirdo").is_none());
    }

    #[test]
    fn what_cannot_be_read_is_not_told() {
        let told = |body: &str| read::<NewKey>(body.as_bytes()).err().unwrap();
        let said = [
            told(r#"{"id": 7, "spec": {"secret": "s3cret"}}"#),
            told(r#"{"id": "K", "spec": {"secret": "s3cret}}"#),
            told(r#"{"id": "K", "spec": {"secret": ["s3cret"]}}"#),
        ];
        assert!(!said.join(" ").contains("s3cret"), "{said:?}");
    }
}
