//! API keys: `/iam/v2/api-keys`.

use serde_json::{Value, json};

use super::{
    Gone,
    accounts::text,
    answer::Answer,
    call::{Call, page},
    state::{self, ApiKey, Organization},
};

/// The longest name or description, in characters.
const TEXT: usize = 255;
/// The resource of Cloud API keys in requests of some clients.
const CLOUD: &str = "cloud";

impl Organization {
    /// Returns a key in the form of a read, without its secret.
    fn key_json(&self, key: &ApiKey, base: &str) -> Value {
        let ApiKey { id, display_name, description, owner, cluster, created, updated, deleted, secret: _ } = key;
        let organization = &self.id;
        let (kind, collection, crn) = match owner.starts_with("sa-") {
            true => ("ServiceAccount", "service-accounts", "service-account"),
            false => ("User", "users", "user"),
        };
        let mut value = json!({
            "api_version": "iam/v2",
            "kind": "ApiKey",
            "id": id,
            "metadata": {
                "self": format!("{base}/iam/v2/api-keys/{id}"),
                "resource_name": format!("crn://confluent.cloud/organization={organization}/{crn}={owner}/api-key={id}"),
                "created_at": created.to_string(),
                "updated_at": updated.to_string(),
            },
            "spec": {
                "display_name": display_name,
                "description": description,
                "owner": {
                    "api_version": "iam/v2",
                    "kind": kind,
                    "id": owner,
                    "related": format!("{base}/iam/v2/{collection}/{owner}"),
                    "resource_name": format!("crn://confluent.cloud/organization={organization}/{crn}={owner}"),
                },
            },
        });
        if let Some(at) = deleted {
            value["metadata"]["deleted_at"] = json!(at.to_string());
        }
        if let Some(cluster) = cluster.as_deref().and_then(|id| self.clusters.get(id)) {
            let mut reference = self.cluster_reference(cluster, base);
            reference["api_version"] = json!("cmk/v2");
            reference["kind"] = json!("Cluster");
            value["spec"]["resource"] = reference.clone();
            value["spec"]["resources"] = json!([reference]);
        }
        value
    }

    fn key(&self, id: &str) -> Result<&ApiKey, Answer> {
        let gone = || match self.behaviour.deleted_key {
            Gone::Forbidden => Answer::forbidden(),
            Gone::NotFound => Answer::not_found(),
        };
        match self.keys.get(id) {
            Some(key) if !self.is_gone(key.deleted) => {
                if self.is_readable(key.created) {
                    Ok(key)
                } else {
                    Err(Answer::not_found())
                }
            }
            // A key that never existed gets the same answer as a deleted key.
            _ => Err(gone()),
        }
    }
}

pub(super) fn list(org: &Organization, call: &Call<'_>) -> Result<Answer, Answer> {
    let (owner, resource) = (call.parameter("spec.owner"), call.parameter("spec.resource"));
    let shown = org.live_keys().filter(|key| {
        org.is_listed(key.created)
            && owner.is_none_or(|owner| key.owner == owner)
            && resource.is_none_or(|resource| key.cluster.as_deref().unwrap_or(CLOUD) == resource)
    });
    let items: Vec<Value> = shown.map(|key| org.key_json(key, call.base)).collect();
    page(org, call, "iam/v2", "ApiKeyList", 100, &items)
}

pub(super) fn create(org: &mut Organization, call: &Call<'_>) -> Result<Answer, Answer> {
    let body = call.object()?;
    let name = text(body, "/spec/display_name", TEXT)?.unwrap_or_default();
    let description = text(body, "/spec/description", TEXT)?.unwrap_or_default();
    let owner = text(body, "/spec/owner/id", TEXT)?
        .ok_or_else(|| Answer::invalid("/spec/owner", "The property '/spec/owner' is required"))?;
    let cluster = text(body, "/spec/resource/id", TEXT)?.filter(|id| *id != CLOUD);
    if !org.owner_exists(owner) {
        return Err(Answer::error(400, "invalid_owner", "Invalid Owner", &format!("The owner '{owner}' is unknown")));
    }
    if let Some(unknown) = cluster.filter(|id| !org.clusters.contains_key(*id)) {
        let detail = format!("The resource '{unknown}' is unknown");
        return Err(Answer::error(400, "invalid_resource", "Invalid Resource", &detail));
    }
    let like = |key: &&ApiKey| key.cluster.is_some() == cluster.is_some();
    let (of_all, of_owner) = match cluster {
        Some(_) => (state::CLUSTER_KEYS, state::CLUSTER_KEYS_OF_ACCOUNT),
        None => (state::CLOUD_KEYS, state::CLOUD_KEYS_OF_ACCOUNT),
    };
    org.within(of_all, org.live_keys().filter(|key| key.cluster.as_deref() == cluster).count())?;
    org.within(of_owner, org.live_keys().filter(like).filter(|key| key.owner == owner).count())?;
    let key = org.add_key(owner, cluster, name, description);
    let mut value = org.key_json(&key, call.base);
    // Only this answer contains the secret.
    value["spec"]["secret"] = json!(key.secret);
    let answer = Answer::json(org.behaviour.key_created, &value);
    Ok(answer.header("location", format!("{}/iam/v2/api-keys/{}", call.base, key.id)))
}

pub(super) fn read(org: &Organization, call: &Call<'_>) -> Result<Answer, Answer> {
    Ok(Answer::json(200, &org.key_json(org.key(call.id)?, call.base)))
}

pub(super) fn update(org: &mut Organization, call: &Call<'_>) -> Result<Answer, Answer> {
    org.key(call.id)?;
    let body = call.object()?;
    let name = text(body, "/spec/display_name", TEXT)?;
    let description = text(body, "/spec/description", TEXT)?;
    let now = org.now();
    if let Some(key) = org.keys.get_mut(call.id) {
        key.updated = now;
        key.display_name = name.map_or_else(|| key.display_name.clone(), ToOwned::to_owned);
        key.description = description.map_or_else(|| key.description.clone(), ToOwned::to_owned);
    }
    read(org, call)
}

pub(super) fn delete(org: &mut Organization, call: &Call<'_>) -> Result<Answer, Answer> {
    org.key(call.id)?;
    org.remove_key(call.id);
    Ok(Answer::empty(204))
}
