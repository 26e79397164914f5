//! Quotas and their usage.

use serde_json::{Value, json};

use super::{
    answer::Answer,
    call::{Call, page},
    state::{ACCOUNTS, CLOUD_KEYS, CLUSTER_KEYS, Organization, Quota, Scope},
};

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
