//! Many secrets, many writers.

use std::collections::BTreeSet;

use futures::future::join_all;
use serde_json::json;
use weir_planning::SecretState;
use weir_ports::{ErrorKind, SecretSink as _};
use weir_secrets::Options;

use crate::scene::{Scene, options, possible};

#[tokio::test(flavor = "multi_thread")]
async fn inspecting_many_lists_pages() {
    if !possible() {
        return;
    }
    let scene = Scene::new();
    let name = |number| format!("secret-{number:03}");
    for number in 0..120 {
        let tags = json!({"managed-by": "weir", "api-key-id": format!("K{number}")});
        scene.server.put(&scene.name, &name(number), "value", tags);
        if number >= 60 {
            scene.server.remove(&scene.name, &name(number));
        }
    }
    let asked: BTreeSet<_> = (0..130).map(|number| scene.at(&name(number).to_uppercase())).collect();
    let found = scene.vaults.inspect(&asked).await.unwrap();
    assert_eq!(found.len(), 120);
    assert_eq!(found[&scene.at("SECRET-007")].key_id(), Some("K7"));
    assert_eq!(found.values().filter(|found| found.state == SecretState::Deleted).count(), 60);
    // Sixty live secrets and sixty deleted ones, 25 to a page.
    assert_eq!(scene.server.calls(&scene.name).len(), 6);
    let listed = scene.vaults.list(&scene.at("a").vault).await.unwrap();
    assert_eq!(listed[&scene.at("secret-007")].key_id(), Some("K7"));
    assert_eq!((listed.len(), scene.server.calls(&scene.name).len()), (120, 12));
}

/// A single secret is looked up without listing the vault.
#[tokio::test(flavor = "multi_thread")]
async fn inspecting_one_asks_for_one() {
    if !possible() {
        return;
    }
    let scene = Scene::new();
    scene.server.put(&scene.name, "a", "value", json!({}));
    scene.inspect("a").await.unwrap();
    let calls: Vec<_> = scene.server.calls(&scene.name).into_iter().map(|call| call.path).collect();
    assert_eq!(calls, ["/secrets/a/versions"]);
}

/// The requests of a store: look up the name, store, read back.
#[tokio::test(flavor = "multi_thread")]
async fn requests_of_a_store() {
    if !possible() {
        return;
    }
    let scene = Scene::new();
    let asked = |scene: &Scene| -> Vec<String> {
        scene.server.calls(&scene.name).into_iter().map(|call| format!("{} {}", call.method, call.path)).collect()
    };
    scene.store("a", "one", "K1").await.unwrap();
    // A login without the right to read values must list the deleted secrets.
    let first = [
        "GET /secrets/a/versions",
        "GET /deletedsecrets/a",
        "GET /deletedsecrets",
        "PUT /secrets/a",
        "GET /secrets/a/versions",
    ];
    assert_eq!(asked(&scene), first);
    scene.store("b", "one", "K1").await.unwrap();
    let second = ["GET /secrets/b/versions", "GET /deletedsecrets", "PUT /secrets/b", "GET /secrets/b/versions"];
    assert_eq!(asked(&scene)[first.len()..], second);
}

#[tokio::test(flavor = "multi_thread")]
async fn simultaneous_requests_are_limited() {
    if !possible() {
        return;
    }
    let scene = Scene::with(Options { at_once: 3, ..options("deployer") });
    scene.server.fault(&scene.name, json!({"times": 1_000, "delay": 0.01}));
    let names: Vec<_> = (0..20).map(|number| format!("s{number}")).collect();
    for stored in join_all(names.iter().map(|name| scene.store(name, "value", "K1"))).await {
        stored.unwrap();
    }
    assert_eq!(scene.server.at_once(&scene.name), 3);
}

/// Writers of one process take turns: none is refused, and all versions are stored.
#[tokio::test(flavor = "multi_thread")]
async fn writers_of_one_name_take_turns() {
    if !possible() {
        return;
    }
    let scene = Scene::new();
    scene.server.fault(&scene.name, json!({"times": 1_000, "delay": 0.005}));
    let keys: Vec<_> = (0..5).map(|number| format!("K{number}")).collect();
    for stored in join_all(keys.iter().map(|key| scene.store("a", key, key))).await {
        stored.unwrap();
    }
    let mut values = scene.values("a");
    values.sort();
    assert_eq!(values, keys);
    assert_eq!(scene.server.at_once(&scene.name), 1);
}

/// Writers of two processes, one of which first finds a deleted secret: both versions are stored.
#[tokio::test(flavor = "multi_thread")]
async fn two_programs_write_at_once() {
    if !possible() {
        return;
    }
    for round in 0..10 {
        let (one, mut two) = (Scene::new(), Scene::new());
        two.name.clone_from(&one.name);
        if round % 2 == 0 {
            one.store("a", "zero", "K0").await.unwrap();
            one.server.remove(&one.name, "a");
            one.server.settings(&one.name, json!({"recoverDelay": 0.05, "recoverSettles": 0.05}));
        }
        let (first, second) = tokio::join!(one.store("a", "one", "K1"), two.store("a", "two", "K2"));
        first.unwrap();
        second.unwrap();
        let mut values = one.values("a");
        values.retain(|value| value != "zero");
        values.sort();
        assert_eq!(values, ["one", "two"]);
    }
}

/// A replaced key is recognised by its tags alone, even if both versions are from the same second.
#[tokio::test(flavor = "multi_thread")]
async fn versions_of_one_second() {
    if !possible() {
        return;
    }
    let scene = Scene::new();
    for number in 0..30 {
        scene.store("a", "value", &format!("K{number}")).await.unwrap();
        let found = scene.inspect("a").await.unwrap().unwrap();
        assert_eq!(found.key_id(), Some(format!("K{number}").as_str()));
    }
}

/// A person stores a version between two requests of weir: the person's version is noticed.
#[tokio::test(flavor = "multi_thread")]
async fn changed_between_two_answers() {
    if !possible() {
        return;
    }
    let scene = Scene::new();
    let within = || jiff::Timestamp::now().subsec_nanosecond();
    while within() > 500_000_000 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    for key in ["K1", "K2"] {
        scene.server.put(&scene.name, "a", "ours", json!({"managed-by": "weir", "api-key-id": key}));
    }
    scene.server.fault(&scene.name, json!({"path": "^/secrets$", "delay": 0.6}));
    let by_hand = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        scene.server.put(&scene.name, "a", "theirs", json!({}));
    };
    let (stored, ()) = tokio::join!(scene.store("a", "new", "K3"), by_hand);
    let error = stored.unwrap_err();
    // The person's version may be of the same second; then the list decides again.
    assert_eq!(error.kind, ErrorKind::Refused, "{error}");
    assert_eq!(scene.values("a"), ["ours", "ours", "theirs"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_that_limits_sets() {
    if !possible() {
        return;
    }
    let scene = Scene::with(Options { patience: std::time::Duration::from_secs(30), ..options("deployer") });
    scene.server.settings(&scene.name, json!({"setsPer10s": 3}));
    let names = ["a", "b", "c", "d", "e"];
    for stored in join_all(names.iter().map(|name| scene.store(name, name, "K1"))).await {
        stored.unwrap();
    }
    for name in names {
        assert_eq!(scene.values(name), [name]);
    }
    assert!(scene.count("PUT", 429) > 0);
}

/// A secret that the login may not see is not taken for absent.
#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_secret_is_not_taken_for_absent() {
    if !possible() {
        return;
    }
    let scene = Scene::with(options("stranger"));
    scene.server.put(&scene.name, "a", "value", json!({}));
    for names in [1, 30] {
        let asked = (0..names).map(|number| scene.at(&format!("s{number}"))).collect();
        let error = scene.vaults.inspect(&asked).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Denied, "{error}");
        assert!(error.to_string().contains("readMetadata"), "{error}");
    }
    let error = scene.vaults.list(&scene.at("a").vault).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied, "{error}");
    scene.server.settings(&scene.name, json!({"firewall": true}));
    let error = scene.inspect("a").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied, "{error}");
    assert!(error.to_string().contains("firewall") && error.to_string().contains("127.0.0.1"), "{error}");
}

/// An observation fails if one of its requests is refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_partly_denied_observation_is_an_error() {
    if !possible() {
        return;
    }
    for (path, names) in [("/versions$", 1), ("/deletedsecrets$", 1), ("/secrets$", 30), ("/deletedsecrets$", 30)] {
        let scene = Scene::new();
        scene.server.fault(&scene.name, json!({"path": path, "times": 100, "status": 403}));
        let asked = (0..names).map(|number| scene.at(&format!("s{number}"))).collect();
        let ended = scene.vaults.inspect(&asked).await;
        assert_eq!(ended.unwrap_err().kind, ErrorKind::Denied, "{path}");
    }
}
