//! Environments and clusters, and the one operation of Kafka's REST API.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    answer::Answer,
    call::{Call, page},
    state::{ClusterKind, KafkaCluster, Organization, Phase},
};

impl Organization {
    pub(super) fn environments(&self) -> BTreeSet<&str> {
        self.clusters.values().map(|cluster| cluster.environment.as_str()).collect()
    }

    /// Returns the reference to a cluster in other objects.
    pub(super) fn cluster_reference(&self, cluster: &KafkaCluster, base: &str) -> Value {
        let KafkaCluster { id, environment, .. } = cluster;
        json!({
            "id": id,
            "environment": environment,
            "related": format!("{base}/cmk/v2/clusters/{id}"),
            "resource_name": self.cluster_crn(cluster),
        })
    }

    fn cluster_crn(&self, cluster: &KafkaCluster) -> String {
        let KafkaCluster { id, environment, .. } = cluster;
        format!("crn://confluent.cloud/organization={}/environment={environment}/cloud-cluster={id}", self.id)
    }

    fn cluster_json(&self, cluster: &KafkaCluster, base: &str) -> Value {
        let KafkaCluster { id, environment, kind, phase, bootstrap, private, units, security, ports: _, admins: _ } =
            cluster;
        let config = match kind {
            ClusterKind::Dedicated => json!({"kind": "Dedicated", "cku": units}),
            kind => json!({"kind": format!("{kind:?}")}),
        };
        let mut status = json!({"phase": format!("{phase:?}").to_uppercase()});
        if *kind == ClusterKind::Dedicated {
            status["cku"] = json!(units);
        }
        let mut spec = json!({
            "display_name": format!("cluster {id}"),
            "availability": "MULTI_ZONE",
            "cloud": "AZURE",
            "region": "westeurope",
            "config": config,
            "environment": {
                "id": environment,
                "related": format!("{base}/org/v2/environments/{environment}"),
                "resource_name":
                    format!("crn://confluent.cloud/organization={}/environment={environment}", self.id),
            },
        });
        if *phase == Phase::Provisioned {
            spec["http_endpoint"] = json!(base);
            spec["kafka_bootstrap_endpoint"] = json!(format!("{security}://{bootstrap}"));
            // The service omits the protocol, which is always SASL_SSL. Without TLS, the fake names the protocol.
            let at = |address: &str| match *security {
                "SASL_SSL" => address.to_owned(),
                other => format!("{other}://{address}"),
            };
            let endpoint = |address: &str, kind: &str| json!({"kafka_bootstrap_endpoint": at(address), "http_endpoint": base, "connection_type": kind});
            spec["endpoints"] = json!({"PUBLIC": endpoint(bootstrap, "PUBLIC")});
            for (id, address) in private {
                spec["endpoints"][id] = endpoint(address, "PRIVATE_LINK");
            }
        }
        json!({
            "api_version": "cmk/v2",
            "kind": "Cluster",
            "id": id,
            "metadata": {
                "self": format!("{base}/cmk/v2/clusters/{id}"),
                "resource_name": self.cluster_crn(cluster),
                "created_at": "2024-01-01T00:00:00Z",
                "updated_at": "2024-01-01T00:00:00Z",
            },
            "spec": spec,
            "status": status,
        })
    }

    fn environment_json(&self, id: &str, base: &str) -> Value {
        json!({
            "api_version": "org/v2",
            "kind": "Environment",
            "id": id,
            "metadata": {
                "self": format!("{base}/org/v2/environments/{id}"),
                "resource_name": format!("crn://confluent.cloud/organization={}/environment={id}", self.id),
                "created_at": "2024-01-01T00:00:00Z",
                "updated_at": "2024-01-01T00:00:00Z",
            },
            "display_name": format!("environment {id}"),
            "stream_governance_config": {"package": "ESSENTIALS"},
        })
    }
}

fn environment<'a>(call: &Call<'a>) -> Result<&'a str, Answer> {
    call.parameter("environment")
        .ok_or_else(|| Answer::invalid_parameter("environment", "The parameter 'environment' is required"))
}

pub(super) fn list(org: &Organization, call: &Call<'_>) -> Result<Answer, Answer> {
    let environment = environment(call)?;
    let clusters = org.clusters.values().filter(|cluster| cluster.environment == environment);
    let items: Vec<Value> = clusters.map(|cluster| org.cluster_json(cluster, call.base)).collect();
    page(org, call, "cmk/v2", "ClusterList", 100, &items)
}

pub(super) fn read(org: &Organization, call: &Call<'_>) -> Result<Answer, Answer> {
    let environment = environment(call)?;
    let cluster = org.clusters.get(call.id).filter(|cluster| cluster.environment == environment);
    Ok(Answer::json(200, &org.cluster_json(cluster.ok_or_else(Answer::not_found)?, call.base)))
}

pub(super) fn list_environments(org: &Organization, call: &Call<'_>) -> Result<Answer, Answer> {
    let items: Vec<Value> = org.environments().into_iter().map(|id| org.environment_json(id, call.base)).collect();
    page(org, call, "org/v2", "EnvironmentList", 100, &items)
}

pub(super) fn read_environment(org: &Organization, call: &Call<'_>) -> Result<Answer, Answer> {
    if !org.environments().contains(call.id) {
        return Err(Answer::not_found());
    }
    Ok(Answer::json(200, &org.environment_json(call.id, call.base)))
}

/// Answers the request of Kafka's REST API with which tools test a key; the list of topics is always empty. A load
/// balancer passes each request to the next broker, and each broker accepts a new key at its own time.
pub(super) fn list_topics(org: &Organization, call: &Call<'_>) -> Result<Answer, Answer> {
    let known = call.login.and_then(|(id, secret)| org.authenticate(id, secret));
    // A cluster accepts only its own keys.
    let admitted = known.filter(|key| key.cluster.as_deref() == Some(call.id) && org.broker_knows(key, call.broker));
    if admitted.is_none() {
        return Err(Answer::html(401, "Unauthorized"));
    }
    let itself = format!("{}{}", call.base, call.path);
    let list = json!({"kind": "KafkaTopicList", "metadata": {"self": itself, "next": null}, "data": []});
    Ok(Answer::json(200, &list))
}
