//! Clusters of stages, and the places of secrets.

use schemars::JsonSchema;
use serde::Deserialize;

/// The systems behind the addresses of key vaults.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct Secrets {
    /// Azure Key Vaults, at their addresses.
    #[serde(default)]
    pub key_vault: Option<KeyVault>,
    /// A folder in place of all vaults, for tests and for machines that are trusted with the secrets.
    #[serde(default)]
    pub folder: Option<SecretsFolder>,
}

/// The login of weir to Azure Key Vaults. Ids of tenants and applications are no secrets; secrets stay in variables.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyVault {
    /// The source of weir's identity.
    pub login: VaultLogin,
    /// The directory (tenant) id. Needed with `azurePipelines`; `workloadIdentity` takes it from AZURE_TENANT_ID
    /// otherwise, `azureCli` from the person who is logged in.
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
    /// A PEM file with the certificates to trust, relative to the workspace. Default: the system's certificates.
    #[serde(default)]
    #[schemars(extend("examples" = ["certificates/ca.pem"]))]
    pub ca: Option<String>,
}

/// The source of weir's identity at Azure Key Vaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum VaultLogin {
    /// The token that Kubernetes, or another federated platform, puts into a file: AZURE_FEDERATED_TOKEN_FILE.
    WorkloadIdentity,
    /// A service connection of Azure DevOps with workload identity federation.
    AzurePipelines,
    /// The identity of the machine or the container that weir runs on.
    ManagedIdentity,
    /// The person who is logged in with `az login`.
    AzureCli,
    /// A ready-made access token in an environment variable.
    Token,
}

weir_findings::words!(VaultLogin {
    WorkloadIdentity => "workloadIdentity",
    AzurePipelines => "azurePipelines",
    ManagedIdentity => "managedIdentity",
    AzureCli => "azureCli",
    Token => "token",
});

/// A folder that takes the place of key vaults.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretsFolder {
    /// The folder, relative to the workspace.
    #[schemars(extend("examples" = [".weir/vault"]))]
    pub path: String,
}

/// The cluster of a stage. Exactly one of the fields.
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

    /// Returns provider and id of the cluster, independent of its name in `weir.yaml`; `None` for an empty id. The id of
    /// a sandbox is its folder.
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
    /// The source of the Cloud API key, for accounts and keys: with `env: CONFLUENT_CLOUD`, its id is in
    /// CONFLUENT_CLOUD_API_KEY and its secret in CONFLUENT_CLOUD_API_SECRET. In a key vault it is a JSON object with
    /// `api_key` and `api_secret`.
    #[serde(default)]
    pub credentials: Option<CredentialRef>,
    /// The connection to the brokers, for topics and ACLs.
    #[serde(default)]
    pub kafka: Option<ConfluentKafka>,
    /// The id of the owner of service accounts that weir creates: `sa-…`, `u-…`, `pool-…` or `group-…`.
    /// With an owner, the Cloud API key's account needs rights on its own accounts alone. Default: no owner.
    #[serde(default)]
    #[schemars(extend("examples" = ["sa-a1b2c3"]))]
    pub assigned_owner: Option<String>,
    /// Limits of the cluster that replace those of Confluent's documents: weir refuses a plan beyond them.
    #[serde(default)]
    pub limits: Option<ConfluentLimits>,
    /// The address of the control plane. Default: `https://api.confluent.cloud`. Plain http only to this machine, in
    /// tests.
    #[serde(default)]
    #[schemars(extend("examples" = ["https://api.confluent.cloud"]))]
    pub api: Option<String>,
}

/// The connection to the brokers of a cluster on Confluent Cloud.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConfluentKafka {
    /// The source of the cluster's API key that weir itself logs in with; written like the Cloud API key.
    #[serde(default)]
    pub credentials: Option<CredentialRef>,
    /// `host:port`, several separated by commas. Default: the address from the control plane; needed where only the
    /// brokers are reached.
    #[serde(default)]
    #[schemars(extend("examples" = ["pkc-a1b2c.westeurope.azure.confluent.cloud:9092"]))]
    pub bootstrap: Option<String>,
    /// The cluster's endpoint, by the id of its access point: `PUBLIC`, `PRIVATE_LINK`, `ap1pni123`. Needed
    /// where there are several; instead of `bootstrap`.
    #[serde(default)]
    #[schemars(extend("examples" = ["PRIVATE_LINK"]))]
    pub endpoint: Option<String>,
    /// A PEM file with the certificates to trust, relative to the workspace. Default: the system's certificates.
    #[serde(default)]
    #[schemars(extend("examples" = ["certificates/ca.pem"]))]
    pub ca: Option<String>,
}

/// Limits of a cluster on Confluent Cloud.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConfluentLimits {
    /// Partitions of all topics together, before replication. Default: the number in Confluent's documents for the type
    /// of cluster; a plan beyond that number has a warning.
    #[serde(default)]
    pub partitions: Option<u64>,
    /// ACL bindings. Default: the number in Confluent's documents, as for partitions.
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
    /// The source of the login: with `env: ONPREM`, the user is in ONPREM_USERNAME and the password in
    /// ONPREM_PASSWORD.
    #[serde(default)]
    pub credentials: Option<CredentialRef>,
    /// The security of connections. Default: encrypted, and with SCRAM-SHA-512 if there are credentials.
    #[serde(default)]
    pub security: KafkaSecurity,
    /// The users in `super.users` of the brokers, which brokers show to no client. weir never takes them over.
    #[serde(default)]
    #[schemars(extend("examples" = [["admin"]]))]
    pub super_users: Vec<String>,
}

/// The security of connections to Apache Kafka brokers.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KafkaSecurity {
    /// Default: SASL_SSL with credentials, SSL without.
    #[serde(default)]
    pub protocol: Option<SecurityProtocol>,
    /// The mechanism of the login, for the protocols with SASL. Default: SCRAM-SHA-512.
    #[serde(default)]
    pub mechanism: Option<SaslMechanism>,
    /// A PEM file with the certificates to trust, relative to the workspace. Default: the system's certificates.
    #[serde(default)]
    #[schemars(extend("examples" = ["certificates/ca.pem"]))]
    pub ca: Option<String>,
    /// The place of the tokens for OAUTHBEARER, instead of `credentials`.
    #[serde(default)]
    pub tokens: Option<TokenSource>,
}

/// Tokens for OAUTHBEARER, which another program fetches and renews: the platform, an agent, a pipeline's step.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenSource {
    /// The file that holds the token, relative to the workspace. It is read again before the token expires.
    #[schemars(extend("examples" = ["/var/run/secrets/kafka/token"]))]
    pub file: String,
    /// The name by which the brokers know the bearer of the token. Default: the token's `sub`.
    #[serde(default)]
    #[schemars(extend("examples" = ["weir"]))]
    pub principal: Option<String>,
}

/// Kafka's `security.protocol`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum SecurityProtocol {
    /// Neither encryption nor login: for tests.
    #[serde(rename = "PLAINTEXT")]
    Plaintext,
    /// Encryption, no login.
    #[serde(rename = "SSL")]
    Ssl,
    /// Login, no encryption: for tests, and inside a network that is trusted.
    #[serde(rename = "SASL_PLAINTEXT")]
    SaslPlaintext,
    /// Encryption and login.
    #[serde(rename = "SASL_SSL")]
    SaslSsl,
}

weir_findings::words!(SecurityProtocol {
    Plaintext => "PLAINTEXT",
    Ssl => "SSL",
    SaslPlaintext => "SASL_PLAINTEXT",
    SaslSsl => "SASL_SSL",
});

impl SecurityProtocol {
    /// Returns `true` if clients log in.
    pub fn is_sasl(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }

    /// Returns `true` if connections are encrypted.
    pub fn is_tls(self) -> bool {
        matches!(self, Self::Ssl | Self::SaslSsl)
    }

    /// Returns the same protocol with encryption.
    #[must_use]
    pub fn encrypted(self) -> Self {
        if self.is_sasl() { Self::SaslSsl } else { Self::Ssl }
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

weir_findings::words!(SaslMechanism {
    Plain => "PLAIN",
    ScramSha256 => "SCRAM-SHA-256",
    ScramSha512 => "SCRAM-SHA-512",
    OauthBearer => "OAUTHBEARER",
});

/// A cluster in a folder.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sandbox {
    /// The folder, relative to the workspace.
    #[schemars(extend("examples" = [".weir/local"]))]
    pub path: String,
    /// The cluster id that the sandbox gets when it is made. weir refuses any other id later.
    #[serde(default)]
    #[schemars(extend("examples" = ["sandbox-local"]))]
    pub cluster_id: Option<String>,
    /// The number of brokers of the sandbox, which is the highest replication factor. Default 3.
    #[serde(default)]
    pub brokers: Option<u16>,
}

/// The source of a secret. Never the secret itself. Exactly one of the fields.
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
