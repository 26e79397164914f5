//! Requests and answers of every operation are judged, for success and for refusal.

use std::collections::BTreeSet;

use serde_json::json;
use weir_fake_confluent::{Answer, Effect, Fault, Operation};
use weir_testkit::openapi::Specs;

use super::{Subject, ask, judge};

/// Calls every operation once, as a client would, and deletes all created objects.
fn all(cloud: &Subject) {
    let account = cloud.account("a");
    let account_path = format!("/iam/v2/service-accounts/{account}");
    let key_path = format!("/iam/v2/api-keys/{}", cloud.key(&account, Some("lkc-a1")).text("/id"));
    for path in [
        "/iam/v2/service-accounts?display_name=a&page_size=100",
        &account_path,
        "/iam/v2/api-keys?spec.resource=lkc-a1&page_size=100",
        &key_path,
        "/org/v2/environments",
        "/org/v2/environments/env-x1",
        "/cmk/v2/clusters?environment=env-x1",
        "/cmk/v2/clusters/lkc-a1?environment=env-x1",
        "/service-quota/v1/applied-quotas?scope=ORGANIZATION",
        "/service-quota/v1/applied-quotas/kafka.max_api_keys.per_cluster?kafka_cluster=lkc-a1",
    ] {
        assert_eq!(cloud.get(path).status, 200, "{path}");
    }
    let of_cluster = cloud.create_key(&account, Some("lkc-a1"), "");
    let topics = ask(cloud, Some(&of_cluster), "GET", "/kafka/v3/clusters/lkc-a1/topics", None).unwrap();
    assert_eq!(topics.status, 200);
    let changes = [(&account_path, json!({"description": "d"})), (&key_path, json!({"spec": {"description": "d"}}))];
    for (path, change) in changes {
        assert_eq!(cloud.ask("PATCH", path, Some(change)).status, 200);
    }
    for path in [&key_path, &account_path] {
        assert_eq!(cloud.ask("DELETE", path, None).status, 204);
    }
}

#[test]
fn all_successful_answers_conform_to_the_specification() {
    let cloud = Subject::new();
    all(&cloud);
    for operation in Operation::ALL {
        assert_eq!(cloud.count(operation), 1, "{operation:?}");
    }
    // The log has no request without a key, and no request that was not handled.
    assert!(cloud.log().iter().all(|exchange| exchange.key.is_some() && exchange.handled));
}

#[test]
fn all_refusals_conform_to_the_specification() {
    let cloud = Subject::new();
    // An unknown key is refused with 401, in the specified form.
    let stranger = cloud.create_key("u-1", None, "");
    cloud.delete_key(&stranger.id);
    let paths = ["/iam/v2/service-accounts", "/iam/v2/api-keys", "/org/v2/environments"];
    for path in paths {
        for key in [None, Some(&stranger)] {
            let refused = ask(&cloud, key, "GET", path, None).unwrap();
            assert_eq!(refused.status, 401);
            assert!(refused.body.pointer("/errors/0/code").is_none() && refused.header("www-authenticate").is_some());
        }
    }
}

#[test]
fn the_judge_reports_violations() {
    let Some(specs) = Specs::confluent() else { return };
    let mut cloud = Subject::new();
    cloud.meant = &[""];
    // An answer without a required property, an unknown parameter, and a property that only the service sets.
    cloud.fault(Fault::on("GET", "/iam/v2/api-keys").then(Effect::Answer(Answer::json(200, &json!({"data": []})))));
    cloud.get("/iam/v2/api-keys");
    cloud.get("/iam/v2/service-accounts?name=a");
    cloud.ask("POST", "/iam/v2/service-accounts", Some(json!({"display_name": "b", "id": "sa-1"})));
    let found: BTreeSet<bool> = cloud.log().iter().map(|exchange| judge(&specs, exchange).is_empty()).collect();
    assert_eq!(found, [false].into());
}
