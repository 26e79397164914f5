//! Quotas and their usage.

use serde_json::{Value, json};

use super::{
    answer::Answer,
    routes::{Call, page},
    state::Organization,
};

/// A quota of the service.
#[derive(Clone, Debug)]
pub(super) struct Quota {
    pub(super) code: &'static str,
    scope: Scope,
    name: &'static str,
    default_limit: u32,
    pub(super) limit: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    Organization,
    Cluster,
    Account,
    User,
}

impl Scope {
    const ALL: [Self; 4] = [Self::Organization, Self::Cluster, Self::Account, Self::User];

    fn name(self) -> &'static str {
        match self {
            Self::Organization => "ORGANIZATION",
            Self::Cluster => "KAFKA_CLUSTER",
            Self::Account => "SERVICE_ACCOUNT",
            Self::User => "USER_ACCOUNT",
        }
    }
}

/// Service accounts in the organization.
pub(super) const ACCOUNTS: &str = "iam.max_service_accounts.per_org";
/// API keys of a cluster.
pub(super) const CLUSTER_KEYS: &str = "kafka.max_api_keys.per_cluster";
/// API keys of one service account for clusters.
pub(super) const CLUSTER_KEYS_OF_ACCOUNT: &str = "iam.max_cluster_api_keys.per_service_account";
/// Cloud API keys in the organization.
pub(super) const CLOUD_KEYS: &str = "iam.max_cloud_api_keys.per_org";
/// Cloud API keys of one service account.
pub(super) const CLOUD_KEYS_OF_ACCOUNT: &str = "iam.max_cloud_api_keys.per_service_account";

impl Quota {
    /// Returns the service's default quotas.
    pub(super) fn defaults() -> Vec<Self> {
        let quota = |code, scope, name, limit| Self { code, scope, name, default_limit: limit, limit };
        vec![
            quota(CLOUD_KEYS, Scope::Organization, "Cloud API Keys Per Organization", 1000),
            quota("iam.max_environments.per_org", Scope::Organization, "Environments Per Organization", 25),
            quota("iam.max_kafka_clusters.per_org", Scope::Organization, "Kafka Clusters Per Organization", 400),
            quota(ACCOUNTS, Scope::Organization, "Service Accounts Per Organization", 1000),
            quota(CLUSTER_KEYS, Scope::Cluster, "API Keys Per Kafka Cluster", 2000),
            quota(CLOUD_KEYS_OF_ACCOUNT, Scope::Account, "Cloud API Keys Per Service Account", 100),
            quota(CLUSTER_KEYS_OF_ACCOUNT, Scope::Account, "Cluster API Keys Per Service Account", 100),
            quota("iam.max_cluster_api_keys.per_user", Scope::User, "Cluster API Keys Per User", 10),
        ]
    }
}

impl Organization {
    /// Refuses another object if `used` has reached the quota.
    pub(super) fn within(&self, code: &str, used: usize) -> Result<(), Answer> {
        match self.quotas.iter().find(|quota| quota.code == code) {
            Some(quota) if used >= quota.limit as usize => Err(Answer::over_quota(quota.name, quota.limit)),
            _ => Ok(()),
        }
    }

    fn usage(&self, code: &str, cluster: &str) -> Option<usize> {
        Some(match code {
            ACCOUNTS => self.live_accounts().count(),
            CLOUD_KEYS => self.live_keys().filter(|key| key.cluster.is_none()).count(),
            CLUSTER_KEYS => self.live_keys().filter(|key| key.cluster.as_deref() == Some(cluster)).count(),
            "iam.max_environments.per_org" => self.environments().len(),
            "iam.max_kafka_clusters.per_org" => self.clusters.len(),
            // These count per account, and the service does not say for which one.
            _ => return None,
        })
    }

    fn applied(&self, quota: &Quota, cluster: Option<&str>, base: &str) -> Value {
        let Quota { code, scope, name, default_limit, limit } = quota;
        let organization = &self.id;
        let mut value = json!({
            "api_version": "service-quota/v1",
            "kind": "AppliedQuota",
            "id": code,
            "metadata": {"self": format!("{base}/service-quota/v1/applied-quotas/{code}")},
            "scope": scope.name(),
            "display_name": name,
            "default_limit": default_limit,
            "applied_limit": limit,
            "organization": {
                "id": organization,
                "related": format!("{base}/org/v2/organizations/{organization}"),
                "resource_name": format!("crn://confluent.cloud/organization={organization}"),
            },
        });
        if let Some(usage) = self.usage(code, cluster.unwrap_or_default()) {
            value["usage"] = json!(usage);
        }
        if let Some(cluster) = cluster.and_then(|id| self.clusters.get(id)).filter(|_| *scope == Scope::Cluster) {
            value["kafka_cluster"] = self.cluster_reference(cluster, base);
        }
        value
    }
}

/// `GET /service-quota/v1/applied-quotas`
pub(super) fn list(org: &Organization, call: &Call<'_>) -> Result<Answer, Answer> {
    let asked = call
        .parameter("scope")
        .ok_or_else(|| Answer::invalid_parameter("scope", "The parameter 'scope' is required"))?;
    let scope = Scope::ALL.into_iter().find(|scope| scope.name().eq_ignore_ascii_case(asked));
    if scope.is_none() && !["ENVIRONMENT", "NETWORK"].iter().any(|name| name.eq_ignore_ascii_case(asked)) {
        return Err(Answer::invalid_parameter("scope", &format!("There is no scope '{asked}'")));
    }
    let wanted = call.parameter("kafka_cluster");
    let mut items = Vec::new();
    for quota in org.quotas.iter().filter(|quota| Some(quota.scope) == scope) {
        if call.parameter("id").is_some_and(|id| id != quota.code) {
            continue;
        }
        if quota.scope == Scope::Cluster {
            let clusters = org.clusters.keys().filter(|id| wanted.is_none_or(|wanted| wanted == *id));
            items.extend(clusters.map(|id| org.applied(quota, Some(id), call.base)));
        } else {
            items.push(org.applied(quota, None, call.base));
        }
    }
    page(org, call, "service-quota/v1", "AppliedQuotaList", 200, &items)
}

/// `GET /service-quota/v1/applied-quotas/{id}`
pub(super) fn read(org: &Organization, call: &Call<'_>) -> Result<Answer, Answer> {
    let quota = org.quotas.iter().find(|quota| quota.code == call.id).ok_or_else(Answer::not_found)?;
    Ok(Answer::json(200, &org.applied(quota, call.parameter("kafka_cluster"), call.base)))
}
