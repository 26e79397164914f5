//! Options for the connection to Confluent Cloud.

use std::{collections::BTreeMap, fmt, net::IpAddr, path::PathBuf, time::Duration};

use reqwest::Url;
use weir_kafka::SecurityProtocol;
use weir_ports::{ExposeSecret as _, PortError, SecretString};

/// The connection to a Kafka cluster of Confluent Cloud: through either of its planes, or both.
#[derive(Clone, Debug)]
pub struct Options {
    /// The cluster's id, `lkc-…`; any other is refused.
    pub cluster: String,
    /// The plane for service accounts, API keys and quotas. `None`: out of reach.
    pub control: Option<Control>,
    /// The plane for topics and ACLs. `None`: out of reach.
    pub data: Option<Data>,
}

/// The control plane: Confluent's public API.
#[derive(Clone, Debug)]
pub struct Control {
    /// The environment of the cluster, `env-…`.
    pub environment: String,
    /// A Cloud API key.
    pub key: ApiKey,
    /// The address of the API. Plain HTTP is allowed only on this machine.
    pub api: String,
    /// The id of the owner of new service accounts (`sa-…`, `u-…`, `pool-…`, `group-…`): needed if weir may create
    /// accounts but manage only its own. `None`: no owner is assigned.
    pub assigned_owner: Option<String>,
    /// The access point of the brokers, if the control plane reports several: `PUBLIC`, `ap1pni123`.
    pub endpoint: Option<String>,
    /// The brokers' address for new keys, as in [`Data::bootstrap`], for when weir itself does not reach the brokers.
    /// `None`: the address that the control plane reports.
    pub bootstrap: Option<String>,
    /// Known limits on partitions and bindings of the cluster. `None` in a field: the documented limit of the
    /// cluster's type.
    pub takes: Takes,
    /// Time limit of one try.
    pub timeout: Duration,
    /// Time limit of a call, including retries, pauses, and all pages of a list.
    pub patience: Duration,
    /// The longest pause before the first retry; each further pause may be twice as long.
    pub pause: Duration,
}

impl Control {
    /// Makes the options of Confluent's public API, with default times.
    pub fn new(environment: impl Into<String>, key: ApiKey) -> Self {
        Self {
            environment: environment.into(),
            key,
            api: Self::API.to_owned(),
            assigned_owner: None,
            endpoint: None,
            bootstrap: None,
            takes: Takes::default(),
            timeout: Duration::from_secs(30),
            patience: Duration::from_secs(180),
            pause: Duration::from_millis(500),
        }
    }

    /// The address of Confluent's public API.
    pub const API: &'static str = "https://api.confluent.cloud";
}

/// Limits of a cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Takes {
    /// Partitions of all topics together, before replication.
    pub partitions: Option<u64>,
    /// ACL bindings.
    pub acls: Option<u64>,
}

/// The data plane: the cluster's brokers.
#[derive(Clone, Debug)]
pub struct Data {
    /// An API key of the cluster.
    pub key: ApiKey,
    /// The brokers' address, `host:port`. `None`: the address that the control plane reports. The prefix
    /// `SASL_PLAINTEXT://` turns encryption off, which is allowed only on this machine.
    pub bootstrap: Option<String>,
    /// The trusted certificates, as a PEM file. `None`: the system's certificates.
    pub ca: Option<PathBuf>,
    /// Time limit of a request, including retries.
    pub timeout: Duration,
    /// The ids (`sa-…`) of service accounts by name, for when the control plane is out of reach.
    pub account_ids: BTreeMap<String, String>,
    /// The name of the service account that owns the key, for when the control plane is out of reach. Must be in
    /// `account_ids`. `None`: unknown.
    pub deployer: Option<String>,
}

impl Data {
    /// Makes options for the brokers that the control plane reports, with default times.
    pub fn new(key: ApiKey) -> Self {
        Self {
            key,
            bootstrap: None,
            ca: None,
            timeout: Duration::from_secs(60),
            account_ids: BTreeMap::new(),
            deployer: None,
        }
    }
}

/// An API key.
#[derive(Clone)]
pub struct ApiKey {
    /// The key's id.
    pub id: String,
    /// The key's secret.
    pub secret: SecretString,
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl ApiKey {
    fn check(&self, what: &str) -> Result<(), PortError> {
        if self.id.is_empty() || self.secret.expose_secret().is_empty() {
            return Err(PortError::refused(format!("the {what} has an empty id or secret")));
        }
        Ok(())
    }
}

impl Options {
    /// Refuses contradictory options.
    pub(crate) fn check(&self) -> Result<(), PortError> {
        let Self { cluster, control, data } = self;
        if cluster.is_empty() {
            return Err(PortError::refused("the id of the cluster is empty"));
        }
        if let Some(control) = control {
            control.key.check("Cloud API key")?;
            if control.environment.is_empty() {
                return Err(PortError::refused("the id of the environment is empty"));
            }
        }
        if let Some(data) = data {
            data.key.check("API key of the cluster")?;
            if data.bootstrap.is_none() && control.is_none() {
                return Err(PortError::refused(
                    "without the control plane the brokers' address is unknown: name `bootstrap`",
                ));
            }
            if let Some(deployer) = data.deployer.as_ref().filter(|name| !data.account_ids.contains_key(*name)) {
                return Err(PortError::refused(format!(
                    "the id of the service account `{deployer}` is missing from the account ids"
                )));
            }
        }
        if control.is_none() && data.is_none() {
            return Err(PortError::refused("neither the control plane nor the data plane can be reached"));
        }
        Ok(())
    }
}

/// Reads the address of the API, which must be encrypted except on this machine.
pub(crate) fn api(text: &str) -> Result<Url, PortError> {
    let url = Url::parse(text).map_err(|e| PortError::refused(format!("`{text}` is no address: {e}")))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(PortError::refused("the address of the API holds credentials, which belong elsewhere"));
    }
    match (url.scheme(), url.host_str()) {
        ("https", Some(_)) => Ok(url),
        ("http", Some(host)) if is_loopback(host) => Ok(url),
        ("http", _) => Err(PortError::refused(format!("`{text}` is not encrypted; write https"))),
        _ => Err(PortError::refused(format!("`{text}` is no https address"))),
    }
}

/// Reads the brokers' address, in Confluent's form `SASL_SSL://host:port`. Unencrypted only on this machine.
pub(crate) fn bootstrap(text: &str) -> Result<(SecurityProtocol, String), PortError> {
    let (protocol, hosts) = match text.split_once("://") {
        None => (SecurityProtocol::SaslSsl, text),
        Some(("SASL_SSL", hosts)) => (SecurityProtocol::SaslSsl, hosts),
        Some(("SASL_PLAINTEXT", hosts)) => (SecurityProtocol::SaslPlaintext, hosts),
        Some((other, _)) => {
            return Err(PortError::refused(format!("brokers of Confluent Cloud speak SASL_SSL, not `{other}`")));
        }
    };
    if hosts.is_empty() {
        return Err(PortError::refused("the brokers' address is empty"));
    }
    let host = |address: &str| address.rsplit_once(':').is_some_and(|(host, _)| is_loopback(host));
    if protocol == SecurityProtocol::SaslPlaintext && !hosts.split(',').all(host) {
        return Err(PortError::refused(format!("a login at `{text}` would not be encrypted")));
    }
    Ok((protocol, hosts.to_owned()))
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_must_be_encrypted_except_on_this_machine() {
        let said = |text: &str| api(text).map_or_else(|e| e.message, |url| url.to_string());
        insta::assert_snapshot!(
            [
                "https://api.confluent.cloud",
                "http://127.0.0.1:8080",
                "http://[::1]:8080",
                "http://localhost:8080",
                "http://api.confluent.cloud",
                "http://127.0.0.1.example:80",
                "https://key:secret@api.confluent.cloud",
                "api.confluent.cloud",
                "file:///etc/passwd",
            ]
            .map(said)
            .join("\n"),
            @r"
        https://api.confluent.cloud/
        http://127.0.0.1:8080/
        http://[::1]:8080/
        http://localhost:8080/
        `http://api.confluent.cloud` is not encrypted; write https
        `http://127.0.0.1.example:80` is not encrypted; write https
        the address of the API holds credentials, which belong elsewhere
        `api.confluent.cloud` is no address: relative URL without a base
        `file:///etc/passwd` is no https address
        "
        );
    }

    #[test]
    fn brokers_must_be_encrypted_except_on_this_machine() {
        use SecurityProtocol::{SaslPlaintext, SaslSsl};
        let read = |text: &str| bootstrap(text).ok();
        let at = |protocol, hosts: &str| Some((protocol, hosts.to_owned()));
        assert_eq!(read("SASL_SSL://pkc-1.confluent.cloud:9092"), at(SaslSsl, "pkc-1.confluent.cloud:9092"));
        assert_eq!(read("pkc-1.confluent.cloud:9092"), at(SaslSsl, "pkc-1.confluent.cloud:9092"));
        assert_eq!(read("SASL_PLAINTEXT://127.0.0.1:9092"), at(SaslPlaintext, "127.0.0.1:9092"));
        for wrong in
            ["SASL_PLAINTEXT://pkc-1:9092", "SASL_PLAINTEXT://127.0.0.1:1,pkc-1:9092", "PLAINTEXT://127.0.0.1:1", ""]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_secret_is_never_printed() {
        let key = || ApiKey { id: "K".to_owned(), secret: "s3cret".into() };
        let options = Options {
            cluster: "lkc-1".to_owned(),
            control: Some(Control::new("env-1", key())),
            data: Some(Data::new(key())),
        };
        assert!(options.check().is_ok() && !format!("{options:?}").contains("s3cret"));
    }

    #[test]
    fn contradictions_are_named() {
        let key = |secret: &str| ApiKey { id: "K".to_owned(), secret: secret.into() };
        let check = |control, data| Options { cluster: "lkc-1".to_owned(), control, data }.check().unwrap_err().message;
        let unknown = Data { deployer: Some("a".to_owned()), bootstrap: Some("b:1".to_owned()), ..Data::new(key("s")) };
        insta::assert_snapshot!(
            [
                check(None, None),
                check(Some(Control::new("env-1", key(""))), None),
                check(Some(Control::new("", key("s"))), None),
                check(None, Some(Data::new(key("s")))),
                check(None, Some(unknown)),
            ]
            .join("\n"),
            @r"
        neither the control plane nor the data plane can be reached
        the Cloud API key has an empty id or secret
        the id of the environment is empty
        without the control plane the brokers' address is unknown: name `bootstrap`
        the id of the service account `a` is missing from the account ids
        "
        );
    }
}
