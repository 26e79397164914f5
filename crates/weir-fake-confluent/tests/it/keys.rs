//! API keys.

use std::time::Duration;

use serde_json::{Value, json};
use weir_fake_confluent::{ClusterKind, Gone};

use super::{Subject, ask};

const PATH: &str = "/iam/v2/api-keys";

#[test]
fn only_the_creation_answers_with_the_secret() {
    let cloud = Subject::new();
    let owner = cloud.account("a");
    let created = cloud.key(&owner, Some("lkc-a1"));
    assert_eq!(created.status, 202);
    let (id, secret) = (created.text("/id"), created.text("/spec/secret"));
    assert_eq!((id.len(), secret.len()), (16, 64));
    let path = format!("{PATH}/{id}");
    let read = cloud.get(&path);
    assert_eq!((read.text("/spec/owner/id"), read.body.pointer("/spec/secret")), (owner.clone(), None));
    assert!(!cloud.get(PATH).text.contains(&secret));
    let changed = cloud.ask("PATCH", &path, Some(json!({"spec": {"display_name": "other"}})));
    assert_eq!(changed.text("/spec/display_name"), "other");
    let log = format!("{:?}", cloud.log());
    assert!(log.contains("****") && !log.contains(&secret) && !log.contains(&cloud.cloud_key().secret));
    assert!(!format!("{:?}", cloud.cloud).contains(&secret));
    assert_eq!(cloud.keys().iter().find(|key| key.id == id).unwrap().secret, secret);
    cloud.configure(|behaviour| behaviour.key_created = 201);
    assert_eq!(cloud.key(&owner, None).status, 201);
}

#[test]
fn a_deleted_key_is_forbidden_rather_than_absent() {
    let cloud = Subject::new();
    let owner = cloud.account("a");
    let path = format!("{PATH}/{}", cloud.key(&owner, Some("lkc-a1")).text("/id"));
    assert_eq!(cloud.ask("DELETE", &path, None).status, 204);
    let read = cloud.get(&path);
    assert_eq!((read.status, read.text("/errors/0/code").as_str()), (403, "forbidden_access"));
    assert_eq!(cloud.ask("DELETE", &path, None).status, 403);
    assert_eq!(cloud.get(&format!("{PATH}/NEVERWAS")).status, 403);
    assert_eq!(cloud.get(&format!("{PATH}?spec.owner={owner}")).each("/id"), [""; 0]);
    cloud.configure(|behaviour| behaviour.deleted_key = Gone::NotFound);
    assert_eq!(cloud.get(&path).status, 404);
}

#[test]
fn keys_are_listed_by_owner_and_by_resource() {
    let cloud = Subject::new();
    let (a, b) = (cloud.account("a"), cloud.account("b"));
    cloud.add_cluster("env-x1", "lkc-b2", ClusterKind::Basic);
    for (owner, resource) in [(&a, Some("lkc-a1")), (&a, Some("lkc-b2")), (&b, Some("lkc-a1")), (&b, None)] {
        assert_eq!(cloud.key(owner, resource).status, 202);
    }
    let count = |query: &str| cloud.get(&format!("{PATH}?{query}")).each("/id").len();
    assert_eq!(count(&format!("spec.owner={a}")), 2);
    assert_eq!(count("spec.resource=lkc-a1"), 2);
    assert_eq!(count(&format!("spec.owner={b}&spec.resource=lkc-a1")), 1);
    assert_eq!(count("spec.resource=cloud"), 2, "one is the administrator's own");
    // Deleting the account also deletes its keys.
    assert_eq!(cloud.ask("DELETE", &format!("/iam/v2/service-accounts/{a}"), None).status, 204);
    assert_eq!(count("spec.resource=lkc-a1"), 1);
}

#[test]
fn keys_without_owner_without_resource_or_beyond_the_quota_are_refused() {
    let cloud = Subject::new();
    let owner = cloud.account("a");
    assert_eq!(cloud.key("sa-000000", Some("lkc-a1")).status, 400);
    assert_eq!(cloud.key(&owner, Some("lkc-00000")).status, 400);
    assert_eq!(cloud.ask("POST", PATH, Some(json!({"spec": {}}))).text("/errors/0/source/pointer"), "/spec/owner");
    cloud.limit("kafka.max_api_keys.per_cluster", 1);
    assert_eq!(cloud.key(&owner, Some("lkc-a1")).status, 202);
    assert_eq!(cloud.key(&owner, Some("lkc-a1")).status, 402);
    cloud.limit("iam.max_cloud_api_keys.per_service_account", 0);
    assert_eq!(cloud.key(&owner, None).status, 402);
}

#[test]
fn brokers_accept_a_new_key_one_after_the_other() {
    let cloud = Subject::new();
    cloud.configure(|behaviour| {
        behaviour.key_ready_after = Duration::from_secs(60);
        behaviour.key_ready_spread = Duration::from_secs(10);
    });
    let owner = cloud.account("a");
    let id = cloud.key(&owner, Some("lkc-a1")).text("/id");
    let key = cloud.keys().into_iter().find(|key| key.id == id).unwrap();
    let probe = |count: usize| -> Vec<u16> {
        let one = |_| ask(&cloud, Some(&key), "GET", "/kafka/v3/clusters/lkc-a1/topics", None).unwrap().status;
        (0..count).map(one).collect()
    };
    let refused = ask(&cloud, Some(&key), "GET", "/kafka/v3/clusters/lkc-a1/topics", None).unwrap();
    assert_eq!((refused.status, &refused.body), (401, &Value::Null));
    assert!(refused.text.starts_with("<html>"), "{}", refused.text);
    probe(2);
    cloud.advance(Duration::from_secs(60));
    assert_eq!(probe(6), [200, 401, 401, 200, 401, 401]);
    cloud.advance(Duration::from_secs(10));
    assert_eq!(probe(3), [200, 200, 401]);
    cloud.advance(Duration::from_secs(10));
    assert_eq!(probe(3), [200; 3]);
    cloud.add_cluster("env-x1", "lkc-b2", ClusterKind::Basic);
    let elsewhere = ask(&cloud, Some(&key), "GET", "/kafka/v3/clusters/lkc-b2/topics", None).unwrap();
    assert_eq!(elsewhere.status, 401, "a key is for one cluster");
    probe(2);
    cloud.delete_key(&id);
    assert_eq!(probe(3), [401; 3]);
}

#[test]
fn the_control_plane_accepts_only_cloud_keys() {
    let cloud = Subject::new();
    cloud.configure(|behaviour| behaviour.cloud_key_ready_after = Duration::from_secs(10));
    let owner = cloud.account("a");
    let of_cluster = cloud.create_key(&owner, Some("lkc-a1"), "");
    let of_cloud = cloud.create_key(&owner, None, "");
    let mut forged = cloud.cloud_key().clone();
    forged.secret.push('x');
    let status = |key| ask(&cloud, key, "GET", PATH, None).unwrap().status;
    assert_eq!(status(Some(&of_cluster)), 401);
    assert_eq!(status(Some(&forged)), 401);
    assert_eq!(status(None), 401);
    assert_eq!(status(Some(&of_cloud)), 401);
    cloud.advance(Duration::from_secs(10));
    assert_eq!(status(Some(&of_cloud)), 200);
    cloud.delete_account(&owner);
    assert_eq!(status(Some(&of_cloud)), 401);
}
