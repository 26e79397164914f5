//! Where a stage's Kafka runs, and where secrets go.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

/// What stands behind the addresses of key vaults.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct Secrets {
    /// The vaults are what their addresses say: Azure Key Vaults.
    #[serde(default)]
    pub key_vault: Option<KeyVault>,
    /// A folder that plays all vaults, for tests and for machines that are trusted with the secrets.
    #[serde(default)]
    pub folder: Option<SecretsFolder>,
}

/// How weir logs in to Azure Key Vaults. Names of tenants and applications are no secrets; secrets stay in variables.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyVault {
    /// Who vouches for weir.
    pub login: VaultLogin,
    /// The directory (tenant) id. Needed with `azurePipelines`; `workloadIdentity` takes it from AZURE_TENANT_ID
    /// otherwise, `azureCli` from who is logged in.
    #[serde(default)]
    #[schemars(extend("examples" = ["11111111-1111-1111-1111-111111111111"]))]
    pub tenant: Option<String>,
    /// The application (client) id. Needed with `azurePipelines`; `workloadIdentity` takes it from AZURE_CLIENT_ID
    /// otherwise; with `managedIdentity` it names a user-assigned identity.
    #[serde(default)]
    #[schemars(extend("examples" = ["11111111-1111-1111-1111-111111111111"]))]
    pub client: Option<String>,
    /// The id of the service connection, with `azurePipelines`.
    #[serde(default)]
    #[schemars(extend("examples" = ["11111111-1111-1111-1111-111111111111"]))]
    pub service_connection: Option<String>,
    /// With `token`, the environment variable that holds the access token; with `azurePipelines`, the one that holds
    /// the job's access token. Default for the latter: SYSTEM_ACCESSTOKEN.
    #[serde(default)]
    #[schemars(extend("examples" = ["SYSTEM_ACCESSTOKEN"]))]
    pub env: Option<String>,
    /// A PEM file with the certificates of whom to trust, relative to the workspace. Default: those the system trusts.
    #[serde(default)]
    #[schemars(extend("examples" = ["certificates/ca.pem"]))]
    pub ca: Option<String>,
}

/// Who vouches for weir at Azure Key Vaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum VaultLogin {
    /// The token that Kubernetes, or another federated platform, puts into a file: AZURE_FEDERATED_TOKEN_FILE.
    WorkloadIdentity,
    /// A service connection of Azure DevOps with workload identity federation.
    AzurePipelines,
    /// The identity of the machine or the container that weir runs on.
    ManagedIdentity,
    /// Whoever is logged in with `az login`: for people.
    AzureCli,
    /// A ready-made access token in an environment variable.
    Token,
}

impl VaultLogin {
    /// The name, as written in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WorkloadIdentity => "workloadIdentity",
            Self::AzurePipelines => "azurePipelines",
            Self::ManagedIdentity => "managedIdentity",
            Self::AzureCli => "azureCli",
            Self::Token => "token",
        }
    }
}

/// A folder that plays key vaults.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretsFolder {
    /// The folder, relative to the workspace.
    #[schemars(extend("examples" = [".weir/vault"]))]
    pub path: String,
}

/// Where a stage's Kafka runs. Exactly one of the fields.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct Cluster {
    /// A cluster on Confluent Cloud.
    #[serde(default)]
    pub confluent_cloud: Option<ConfluentCloud>,
    /// A cluster of Apache Kafka brokers.
    #[serde(default)]
    pub apache_kafka: Option<ApacheKafka>,
    /// A cluster in a folder, for trying out and for tests.
    #[serde(default)]
    pub sandbox: Option<Sandbox>,
}

/// The provider of a cluster, with what `weir.yaml` says about the cluster there.
#[derive(Clone, Copy, Debug)]
pub enum ProviderRef<'c> {
    /// Confluent Cloud.
    ConfluentCloud(&'c ConfluentCloud),
    /// Brokers of Apache Kafka.
    ApacheKafka(&'c ApacheKafka),
    /// A folder.
    Sandbox(&'c Sandbox),
}

impl ProviderRef<'_> {
    /// Returns the field of `weir.yaml`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConfluentCloud(_) => "confluentCloud",
            Self::ApacheKafka(_) => "apacheKafka",
            Self::Sandbox(_) => "sandbox",
        }
    }
}

impl Cluster {
    /// Returns the provider; `None` if no field is written, which the loader refuses.
    pub fn provider(&self) -> Option<ProviderRef<'_>> {
        let Self { confluent_cloud, apache_kafka, sandbox } = self;
        (confluent_cloud.as_ref().map(ProviderRef::ConfluentCloud))
            .or(apache_kafka.as_ref().map(ProviderRef::ApacheKafka))
            .or(sandbox.as_ref().map(ProviderRef::Sandbox))
    }

    /// Returns provider and id of the cluster, whatever name `weir.yaml` gives it; `None` for an empty id. The id of a
    /// sandbox is its folder.
    pub fn identity(&self) -> Option<(&'static str, &str)> {
        let provider = self.provider()?;
        let id = match provider {
            ProviderRef::ConfluentCloud(cloud) => &cloud.cluster,
            ProviderRef::ApacheKafka(kafka) => &kafka.cluster_id,
            ProviderRef::Sandbox(sandbox) => &sandbox.path,
        };
        (!id.is_empty()).then_some((provider.as_str(), id))
    }
}

/// A cluster on Confluent Cloud.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConfluentCloud {
    /// Environment id: `env-…`.
    #[schemars(extend("examples" = ["env-a1b2c3"]))]
    pub environment: String,
    /// Cluster id: `lkc-…`. Deployment refuses any other cluster.
    #[schemars(extend("examples" = ["lkc-a1b2c3"]))]
    pub cluster: String,
    /// Where the Cloud API key comes from, for accounts and keys: with `env: CONFLUENT_CLOUD`, its id is in
    /// CONFLUENT_CLOUD_API_KEY and its secret in CONFLUENT_CLOUD_API_SECRET. In a key vault it is a JSON object with
    /// `api_key` and `api_secret`.
    #[serde(default)]
    pub credentials: Option<CredentialRef>,
    /// How the brokers are reached, for topics and ACLs.
    #[serde(default)]
    pub kafka: Option<ConfluentKafka>,
    /// The id of who becomes the owner of service accounts that weir creates: `sa-…`, `u-…`, `pool-…` or `group-…`.
    /// With it, the Cloud API key's account needs rights on its own accounts alone. Default: nobody in particular.
    #[serde(default)]
    #[schemars(extend("examples" = ["sa-a1b2c3"]))]
    pub assigned_owner: Option<String>,
    /// How much the cluster takes, where you know better than Confluent's documents: a plan beyond it is refused.
    #[serde(default)]
    pub limits: Option<ConfluentLimits>,
    /// The address of the control plane. Default: `https://api.confluent.cloud`. Plain http only to this machine, for
    /// tests.
    #[serde(default)]
    #[schemars(extend("examples" = ["https://api.confluent.cloud"]))]
    pub api: Option<String>,
}

/// How the brokers of a cluster on Confluent Cloud are reached.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConfluentKafka {
    /// Where the cluster's API key comes from, that weir itself logs in with: written as the Cloud API key is.
    #[serde(default)]
    pub credentials: Option<CredentialRef>,
    /// `host:port`, several separated by commas. Default: what the control plane says; needed where only the brokers
    /// are reached.
    #[serde(default)]
    #[schemars(extend("examples" = ["pkc-a1b2c.westeurope.azure.confluent.cloud:9092"]))]
    pub bootstrap: Option<String>,
    /// Which of the cluster's endpoints, by the id of its access point: `PUBLIC`, `PRIVATE_LINK`, `ap1pni123`. Needed
    /// where there are several; instead of `bootstrap`.
    #[serde(default)]
    #[schemars(extend("examples" = ["PRIVATE_LINK"]))]
    pub endpoint: Option<String>,
    /// A PEM file with the certificates of whom to trust, relative to the workspace. Default: those the system trusts.
    #[serde(default)]
    #[schemars(extend("examples" = ["certificates/ca.pem"]))]
    pub ca: Option<String>,
}

/// How much a cluster on Confluent Cloud takes.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConfluentLimits {
    /// Partitions of all topics together, before replication. Default: what documents say of its type; a plan beyond
    /// that has a warning.
    #[serde(default)]
    pub partitions: Option<u64>,
    /// ACL bindings. Default: as above.
    #[serde(default)]
    pub acl_bindings: Option<u64>,
}

/// A cluster of Apache Kafka brokers.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApacheKafka {
    /// `host:port`, several separated by commas.
    #[schemars(extend("examples" = ["kafka-1.example.com:9093,kafka-2.example.com:9093"]))]
    pub bootstrap: String,
    /// The cluster's id. Deployment refuses any other cluster.
    #[schemars(extend("examples" = ["MkU3OEVBNTcwNTJENDM2Qk"]))]
    pub cluster_id: String,
    /// Where the login comes from: with `env: ONPREM`, the user is in ONPREM_USERNAME and the password in
    /// ONPREM_PASSWORD.
    #[serde(default)]
    pub credentials: Option<CredentialRef>,
    /// How connections are secured. Default: encrypted, and with SCRAM-SHA-512 if there are credentials.
    #[serde(default)]
    pub security: KafkaSecurity,
}

/// How connections to Apache Kafka brokers are secured.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KafkaSecurity {
    /// Default: SASL_SSL with credentials, SSL without.
    #[serde(default)]
    pub protocol: Option<SecurityProtocol>,
    /// How to log in, for the protocols with SASL. Default: SCRAM-SHA-512.
    #[serde(default)]
    pub mechanism: Option<SaslMechanism>,
    /// A PEM file with the certificates of whom to trust, relative to the workspace. Default: those the system trusts.
    #[serde(default)]
    #[schemars(extend("examples" = ["certificates/ca.pem"]))]
    pub ca: Option<String>,
    /// Where the tokens for OAUTHBEARER are, in place of `credentials`.
    #[serde(default)]
    pub tokens: Option<TokenSource>,
}

/// Tokens for OAUTHBEARER, which something else fetches and renews: the platform, an agent, a pipeline's step.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenSource {
    /// The file that holds the token, relative to the workspace. It is read again before the token expires.
    #[schemars(extend("examples" = ["/var/run/secrets/kafka/token"]))]
    pub file: String,
    /// The name that the brokers know its bearer by. Default: the token's `sub`.
    #[serde(default)]
    #[schemars(extend("examples" = ["weir"]))]
    pub principal: Option<String>,
}

/// Kafka's `security.protocol`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum SecurityProtocol {
    /// Neither encrypted nor logged in: for tests.
    #[serde(rename = "PLAINTEXT")]
    Plaintext,
    /// Encrypted.
    #[serde(rename = "SSL")]
    Ssl,
    /// Logged in, not encrypted: for tests, and inside a network that is trusted.
    #[serde(rename = "SASL_PLAINTEXT")]
    SaslPlaintext,
    /// Encrypted and logged in.
    #[serde(rename = "SASL_SSL")]
    SaslSsl,
}

impl SecurityProtocol {
    /// Kafka's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "PLAINTEXT",
            Self::Ssl => "SSL",
            Self::SaslPlaintext => "SASL_PLAINTEXT",
            Self::SaslSsl => "SASL_SSL",
        }
    }

    /// Whether there is a log-in.
    pub fn is_sasl(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }

    /// Whether connections are encrypted.
    pub fn is_tls(self) -> bool {
        matches!(self, Self::Ssl | Self::SaslSsl)
    }

    /// The same, encrypted.
    #[must_use]
    pub fn encrypted(self) -> Self {
        if self.is_sasl() { Self::SaslSsl } else { Self::Ssl }
    }
}

impl fmt::Display for SecurityProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Kafka's `sasl.mechanism`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum SaslMechanism {
    /// The password itself is sent: with SASL_SSL only.
    #[serde(rename = "PLAIN")]
    Plain,
    /// The password is proven, not sent.
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    /// The password is proven, not sent.
    #[default]
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
    /// A token is sent.
    #[serde(rename = "OAUTHBEARER")]
    OauthBearer,
}

impl SaslMechanism {
    /// Kafka's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
            Self::OauthBearer => "OAUTHBEARER",
        }
    }
}

impl fmt::Display for SaslMechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A cluster in a folder.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sandbox {
    /// The folder, relative to the workspace.
    #[schemars(extend("examples" = [".weir/local"]))]
    pub path: String,
    /// The cluster id it is given when made, and that is expected ever after.
    #[serde(default)]
    #[schemars(extend("examples" = ["sandbox-local"]))]
    pub cluster_id: Option<String>,
    /// How many brokers it pretends to have: the highest replication factor. Default 3.
    #[serde(default)]
    pub brokers: Option<u16>,
}

/// Where a secret comes from. Never the secret itself. Exactly one of the fields.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct CredentialRef {
    /// Environment variables that begin with this name.
    #[serde(default)]
    #[schemars(extend("examples" = ["CONFLUENT_CLOUD"]))]
    pub env: Option<String>,
    /// The URL of a secret in a key vault.
    #[serde(default)]
    #[schemars(extend("examples" = ["https://platform-kafka.vault.azure.net/secrets/weir-cloud"]))]
    pub key_vault: Option<String>,
}
