//! Secrets stay in memory and in the vault.

use jiff::Timestamp;
use serde_json::json;
use weir_planning::ObservedSecret;
use weir_ports::{ErrorKind, SecretString};
use weir_secrets::{CREDENTIALS, Content, Options};

use crate::scene::{Scene, options, ours, possible};

const CANARY: &str = "canary-5f3d\"\\ü";

/// Returns all forms in which an error is printed.
fn printed(error: &weir_ports::PortError) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text += &format!(" {cause} {cause:?}");
        next = cause.source();
    }
    text
}

/// Some proxies answer with the request that they got.
#[tokio::test(flavor = "multi_thread")]
async fn no_answer_gets_a_secret_into_an_error() {
    if !possible() {
        return;
    }
    let echo = json!({"error": {"code": CANARY, "message": CANARY}}).to_string();
    for (status, said) in [(400, CANARY), (403, CANARY), (403, &echo), (409, &echo), (413, &echo), (502, &echo)] {
        let options = Options { patience: std::time::Duration::from_millis(50), ..options("deployer") };
        let scene = Scene::with(options);
        scene.server.fault(&scene.name, json!({"method": "PUT", "times": 100, "status": status, "html": said}));
        let error = scene.store("a", CANARY, "K1").await.unwrap_err();
        assert!(!printed(&error).contains("canary"), "{status}: {}", printed(&error));
        assert!(!format!("{:?}", scene.vaults).contains("canary"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_gets_into_an_error() {
    if !possible() {
        return;
    }
    let login = weir_secrets::Login::Token(SecretString::from("canary.token.x"));
    let scene = Scene::with(Options { login, ..options("deployer") });
    let error = scene.store("a", "one", "K1").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied, "{error}");
    assert!(!printed(&error).contains("canary"), "{}", printed(&error));
    assert!(!format!("{:?}", scene.vaults).contains("canary"));
}

/// Storing, inspecting and retiring never read a value.
#[tokio::test(flavor = "multi_thread")]
async fn values_are_never_asked_for() {
    if !possible() {
        return;
    }
    let scene = Scene::with(options("officer"));
    scene.store("a", CANARY, "K1").await.unwrap();
    scene.inspect("a").await.unwrap();
    weir_ports::SecretSink::delete(&scene.vaults, &scene.at("a")).await.unwrap();
    scene.store("a", CANARY, "K2").await.unwrap();
    weir_ports::SecretSink::disable(&scene.vaults, &scene.at("a"), "K1").await.unwrap();
    for call in scene.server.calls(&scene.name) {
        assert!(
            call.method != "GET" || call.path.ends_with("/versions") || !call.path.starts_with("/secrets/"),
            "{call:?}"
        );
    }
}

/// The metadata that consumers see beside the value.
#[tokio::test(flavor = "multi_thread")]
async fn content_type_and_expiry() {
    if !possible() {
        return;
    }
    let scene = Scene::new();
    scene.store("a", "one", "K1").await.unwrap();
    let expires: Timestamp = "2031-02-03T04:05:06Z".parse().unwrap();
    let content = Content { kind: "text/plain".to_owned(), expires: Some(expires) };
    scene.vaults.store_as(&scene.at("a"), &"two".into(), &ours("K2"), &content).await.unwrap();
    let versions = scene.server.versions(&scene.name, "a");
    assert_eq!((versions[0].content_type.as_deref(), versions[0].expires), (Some(CREDENTIALS), None));
    assert_eq!(
        (versions[1].content_type.as_deref(), versions[1].expires),
        (Some("text/plain"), Some(expires.as_second()))
    );
    // Disabling changes nothing else.
    weir_ports::SecretSink::disable(&scene.vaults, &scene.at("a"), "K2").await.unwrap();
    let disabled = scene.server.versions(&scene.name, "a").pop().unwrap();
    assert_eq!((disabled.enabled, disabled.expires, disabled.tags), (false, Some(expires.as_second()), ours("K2")));
}

/// A slot that rotates: its tags decide the version's expiry, so that Azure can send reminders.
#[tokio::test(flavor = "multi_thread")]
async fn the_expiry_is_what_tags_say() {
    if !possible() {
        return;
    }
    let scene = Scene::new();
    let mut tags = ours("K1");
    tags.insert(ObservedSecret::TAG_KEY_CREATED.to_owned(), "2031-02-03T04:05:06Z".to_owned());
    tags.insert(ObservedSecret::TAG_EXPIRES_AFTER.to_owned(), "97d".to_owned());
    for projection in [None, Some("key")] {
        tags.extend(projection.map(|part| (ObservedSecret::TAG_PROJECTION.to_owned(), part.to_owned())));
        weir_ports::SecretSink::store(&scene.vaults, &scene.at("a"), &"one".into(), &tags).await.unwrap();
        let newest = scene.server.versions(&scene.name, "a").pop().unwrap();
        let due: Timestamp = "2031-05-11T04:05:06Z".parse().unwrap();
        assert_eq!(newest.expires, Some(due.as_second()), "{projection:?}");
        assert_eq!(newest.tags, tags);
    }
    // If the cluster does not report a key's time of creation, there is no expiry.
    tags.remove(ObservedSecret::TAG_KEY_CREATED);
    weir_ports::SecretSink::store(&scene.vaults, &scene.at("a"), &"two".into(), &tags).await.unwrap();
    assert_eq!(scene.server.versions(&scene.name, "a").pop().unwrap().expires, None);
}
