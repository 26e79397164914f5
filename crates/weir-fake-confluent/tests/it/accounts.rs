//! Service accounts, quotas, clusters.

use std::time::Duration;

use serde_json::json;
use weir_fake_confluent::{ClusterKind, Gone, Operation, Phase};

use super::Subject;

const PATH: &str = "/iam/v2/service-accounts";

#[test]
fn an_account_is_created_changed_and_deleted() {
    let cloud = Subject::new();
    let created = cloud.ask("POST", PATH, Some(json!({"display_name": "dev-orders", "description": "Orders"})));
    assert_eq!(created.status, 201);
    let id = created.text("/id");
    assert!(id.starts_with("sa-") && id.len() == 9, "{id}");
    assert!(created.header("location").unwrap().ends_with(&format!("{PATH}/{id}")));
    assert!(created.header("x-request-id").is_some());

    let path = format!("{PATH}/{id}");
    assert_eq!(cloud.get(&path).text("/description"), "Orders");
    let changed = cloud.ask("PATCH", &path, Some(json!({"description": "Orders and more"})));
    assert_eq!((changed.status, changed.text("/display_name").as_str()), (200, "dev-orders"));
    assert_eq!(cloud.get(&format!("{PATH}?display_name=dev-orders")).each("/description"), ["Orders and more"]);
    assert_eq!(cloud.get(&format!("{PATH}?display_name=dev")).each("/id"), [""; 0], "the filter is exact");
    assert_eq!(cloud.ask("DELETE", &path, None).status, 204);
    assert_eq!(cloud.get(&path).status, 404);
    assert_eq!(cloud.ask("DELETE", &path, None).status, 404);
    cloud.configure(|behaviour| behaviour.deleted_account = Gone::Forbidden);
    assert_eq!(cloud.get(&path).status, 403);
    assert_eq!(cloud.get(PATH).each("/id"), [""; 0]);
    assert_eq!(cloud.count(Operation::ReadAccount), 3);
    assert_eq!(cloud.accounts(), []);
}

#[test]
fn a_taken_name_is_refused_with_the_location_of_its_account() {
    let cloud = Subject::new();
    let (a, b) = (cloud.account("a"), cloud.account("b"));
    for (method, path, body) in [
        ("POST", PATH.to_owned(), json!({"display_name": "a"})),
        ("PATCH", format!("{PATH}/{b}"), json!({"display_name": "a"})),
    ] {
        let refused = cloud.ask(method, &path, Some(body));
        assert_eq!(refused.status, 409);
        assert_eq!(refused.text("/errors/0/detail"), "Service name is already in use");
        assert!(refused.header("location").unwrap().ends_with(&format!("{PATH}/{a}")));
    }
    assert_eq!(cloud.ask("PATCH", &format!("{PATH}/{a}"), Some(json!({"display_name": "a"}))).status, 200);
}

#[test]
fn an_account_may_be_given_an_owner() {
    let cloud = Subject::new();
    let create = |name: &str, query: &str| {
        cloud.ask("POST", &format!("/iam/v2/service-accounts{query}"), Some(json!({"display_name": name}))).status
    };
    assert_eq!(create("a", "?assigned_resource_owner=sa-deploy1"), 201);
    assert_eq!(create("b", ""), 201);
    assert_eq!(create("c", "?assigned_resource_owner=somebody"), 400);
    let mut owners: Vec<_> =
        cloud.accounts().into_iter().map(|account| (account.display_name, account.owner)).collect();
    owners.sort();
    assert_eq!(owners, [("a".to_owned(), Some("sa-deploy1".to_owned())), ("b".to_owned(), None)]);
}

#[test]
fn names_have_64_characters_and_descriptions_128() {
    let cloud = Subject::new();
    let create = |name: String, description: String| {
        cloud.ask("POST", PATH, Some(json!({"display_name": name, "description": description})))
    };
    assert_eq!(create("é".repeat(64), "d".repeat(128)).status, 201);
    assert_eq!(create("n".repeat(65), String::new()).text("/errors/0/source/pointer"), "/display_name");
    assert_eq!(create("n".into(), "d".repeat(129)).text("/errors/0/source/pointer"), "/description");
    assert_eq!(create(String::new(), String::new()).status, 422);
    assert_eq!(cloud.ask("POST", PATH, Some(json!({}))).status, 422);
    assert_eq!(cloud.ask("POST", PATH, Some(json!({"display_name": 7}))).status, 422);
    assert_eq!(cloud.ask("POST", PATH, None).status, 400);
}

#[test]
fn new_accounts_appear_later_and_deleted_accounts_disappear_later() {
    let cloud = Subject::new();
    cloud.configure(|behaviour| {
        behaviour.readable_after = Duration::from_secs(5);
        behaviour.listed_after = Duration::from_secs(10);
        behaviour.deleted_after = Duration::from_secs(60);
    });
    let id = cloud.account("a");
    let path = format!("{PATH}/{id}");
    let seen = || (cloud.get(&path).status, cloud.get(PATH).each("/id").len());
    assert_eq!(seen(), (404, 0));
    cloud.advance(Duration::from_secs(5));
    assert_eq!(seen(), (200, 0));
    cloud.advance(Duration::from_secs(5));
    assert_eq!(seen(), (200, 1));
    assert_eq!(cloud.ask("DELETE", &path, None).status, 204);
    assert_eq!(seen(), (200, 1));
    assert!(cloud.get(&path).body.pointer("/metadata/deleted_at").is_some());
    assert_eq!(cloud.ask("POST", PATH, Some(json!({"display_name": "a"}))).status, 409, "its name is still taken");
    cloud.advance(Duration::from_secs(60));
    assert_eq!(seen(), (404, 0));
    cloud.account("a");
}

#[test]
fn quotas_are_reported_and_enforced() {
    let cloud = Subject::new();
    cloud.limit("iam.max_service_accounts.per_org", 2);
    cloud.account("a");
    let quota = || cloud.get("/service-quota/v1/applied-quotas?scope=organization&id=iam.max_service_accounts.per_org");
    let told = |name: &str| quota().body["data"][0][name].clone();
    assert_eq!((told("default_limit"), told("applied_limit"), told("usage")), (json!(1000), json!(2), json!(1)));
    cloud.account("b");
    let refused = cloud.ask("POST", PATH, Some(json!({"display_name": "c"})));
    assert_eq!((refused.status, refused.text("/errors/0/code").as_str()), (402, "quota_exceeded"));
    assert!(refused.text("/errors/0/detail").ends_with("is currently limited to 2"));
    assert_eq!(told("usage"), json!(2));

    let of_clusters = cloud.get("/service-quota/v1/applied-quotas?scope=KAFKA_CLUSTER&kafka_cluster=lkc-a1");
    assert_eq!(of_clusters.each("/kafka_cluster/id"), ["lkc-a1"]);
    assert_eq!(cloud.get("/service-quota/v1/applied-quotas?scope=service_account").each("/id").len(), 2);
    assert_eq!(cloud.get("/service-quota/v1/applied-quotas/iam.max_kafka_clusters.per_org").body["usage"], 1);
    assert_eq!(cloud.get("/service-quota/v1/applied-quotas").status, 400, "the scope is required");
    assert_eq!(cloud.get("/service-quota/v1/applied-quotas?scope=galaxy").status, 400);
}

#[test]
fn only_provisioned_clusters_report_their_endpoints() {
    let cloud = Subject::new();
    cloud.add_cluster("env-x2", "lkc-c3", ClusterKind::Dedicated);
    let seen = cloud.get("/cmk/v2/clusters/lkc-a1?environment=env-x1");
    assert_eq!(seen.text("/spec/config/kind"), "Standard");
    assert!(seen.text("/spec/kafka_bootstrap_endpoint").starts_with("SASL_SSL://"));
    assert_eq!(cloud.get("/cmk/v2/clusters/lkc-a1?environment=env-x2").status, 404);
    assert_eq!(cloud.get("/cmk/v2/clusters/lkc-a1").status, 400, "the environment is required");
    cloud.set_phase("lkc-c3", Phase::Provisioning);
    let listed = cloud.get("/cmk/v2/clusters?environment=env-x2");
    assert_eq!(listed.each("/status/phase"), ["PROVISIONING"]);
    assert!(listed.body.pointer("/data/0/spec/kafka_bootstrap_endpoint").is_none());
    assert!(listed.body.pointer("/data/0/spec/endpoints").is_none());
    cloud.set_phase("lkc-c3", Phase::Provisioned);
    cloud.set_units("lkc-c3", 4);
    cloud.add_endpoint("lkc-c3", "ap1pni123", "lkc-c3-ap1.example:9092");
    let seen = cloud.get("/cmk/v2/clusters/lkc-c3?environment=env-x2");
    assert_eq!(seen.body["status"]["cku"], 4);
    assert_eq!(seen.text("/spec/endpoints/PUBLIC/connection_type"), "PUBLIC");
    assert_eq!(seen.text("/spec/endpoints/ap1pni123/kafka_bootstrap_endpoint"), "lkc-c3-ap1.example:9092");
    assert_eq!(cloud.get("/org/v2/environments").each("/id"), ["env-x1", "env-x2"]);
    assert_eq!(cloud.get("/org/v2/environments/env-x2").text("/id"), "env-x2");
    assert_eq!(cloud.get("/org/v2/environments/env-x3").status, 404);
}
