//! Faults in requests: each call succeeds in the end, or reports what is unknown.

use std::{future::Future, pin::Pin, time::Duration};

use futures::future::join_all;
use serde_json::{Value, json};
use weir_planning::SecretState;
use weir_ports::{ErrorKind, PortError, SecretSink as _};
use weir_secrets::Options;

use crate::scene::{Scene, options, possible};

type Ending<'a> = Pin<Box<dyn Future<Output = Result<(), PortError>> + Send + 'a>>;

/// A call, the state that it needs, and the state that it must leave.
struct Case {
    name: &'static str,
    before: fn(&Scene),
    call: for<'a> fn(&'a Scene) -> Ending<'a>,
    after: fn(&Scene) -> Result<(), String>,
}

fn put(s: &Scene, value: &str, key: &str) {
    s.server.put(&s.name, "a", value, json!({"managed-by": "weir", "api-key-id": key}));
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, left: T, right: T) -> Result<(), String> {
    if left == right { Ok(()) } else { Err(format!("{what}: {left:?} is not {right:?}")) }
}

const CASES: &[Case] = &[
    Case {
        name: "inspect",
        before: |s| put(s, "one", "K1"),
        call: |s| {
            Box::pin(async move {
                let found = s.inspect("a").await?.expect("it is there");
                assert_eq!((found.state, found.key_id()), (SecretState::Present, Some("K1")));
                assert!(s.inspect("absent").await?.is_none());
                Ok(())
            })
        },
        after: |s| same("versions", s.values("a"), vec!["one".to_owned()]),
    },
    Case {
        name: "preflight",
        before: |s| put(s, "one", "K1"),
        call: |s| Box::pin(async move { s.vaults.preflight(&s.at("a")).await }),
        after: |s| same("versions", s.values("a"), vec!["one".to_owned()]),
    },
    Case {
        name: "store a new secret",
        before: |_| {},
        call: |s| Box::pin(s.store("a", "one", "K1")),
        after: |s| same("versions", s.values("a"), vec!["one".to_owned()]),
    },
    Case {
        name: "store a newer version",
        before: |s| put(s, "one", "K1"),
        call: |s| Box::pin(s.store("a", "two", "K2")),
        after: |s| same("versions", s.values("a"), vec!["one".to_owned(), "two".to_owned()]),
    },
    Case {
        name: "store over a deleted secret",
        before: |s| {
            put(s, "one", "K1");
            s.server.remove(&s.name, "a");
        },
        call: |s| Box::pin(s.store("a", "two", "K2")),
        after: |s| {
            same("what is read", s.server.read(&s.name, "a"), Some("two".to_owned()))?;
            same("versions", s.values("a"), vec!["one".to_owned(), "two".to_owned()])
        },
    },
    Case {
        name: "disable",
        before: |s| {
            put(s, "one", "K1");
            put(s, "one again", "K1");
            put(s, "two", "K2");
        },
        call: |s| Box::pin(async move { s.vaults.disable(&s.at("a"), "K1").await }),
        after: |s| {
            let enabled: Vec<_> = s.server.versions(&s.name, "a").iter().map(|version| version.enabled).collect();
            same("enabled", enabled, vec![false, false, true])
        },
    },
    Case {
        name: "delete",
        before: |s| put(s, "one", "K1"),
        call: |s| Box::pin(async move { s.vaults.delete(&s.at("a")).await }),
        after: |s| same("what is read", s.server.read(&s.name, "a"), None),
    },
];

/// Returns faults that end a moment later.
fn passing() -> Vec<Value> {
    vec![
        json!({"cut": true}),
        json!({"cut": true, "applied": true}),
        json!({"status": 429}),
        json!({"status": 429, "retryAfter": 0}),
        json!({"status": 500}),
        json!({"status": 503, "applied": true}),
        json!({"status": 504, "applied": true, "html": "<html>Gateway Timeout</html>"}),
        json!({"status": 409, "code": "Conflict", "inner": "ObjectIsBeingRecovered"}),
    ]
}

/// Every request of every call suffers every fault: nothing is lost or done twice.
#[tokio::test(flavor = "multi_thread")]
async fn each_request_in_each_way() {
    if !possible() {
        return;
    }
    let wrong: Vec<_> = join_all(CASES.iter().map(each_request)).await.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{} go wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Returns the failures of a case. All runs use one vault, which is emptied each time.
async fn each_request(case: &Case) -> Vec<String> {
    let undisturbed = Scene::new();
    (case.before)(&undisturbed);
    (case.call)(&undisturbed).await.unwrap_or_else(|e| panic!("{}: {e}", case.name));
    let requests = undisturbed.server.calls(&undisturbed.name).len();
    assert!(requests > 0, "{} asks nothing", case.name);
    let mut wrong = Vec::new();
    for request in 0..requests {
        for mut fault in passing() {
            // Twice in a row: the answer is lost, or the retry after it.
            for times in 1..=if fault["cut"] == true { 2 } else { 1 } {
                let scene = Scene::named(undisturbed.name.clone(), options("deployer"));
                scene.server.reset(&scene.name);
                (case.before)(&scene);
                fault["skip"] = request.into();
                fault["times"] = times.into();
                scene.server.fault(&scene.name, fault.clone());
                let ended = (case.call)(&scene).await.map_err(|e| e.to_string());
                if let Err(why) = ended.and_then(|()| (case.after)(&scene)) {
                    wrong.push(format!("{}, request {request}, {fault}: {why}", case.name));
                }
            }
        }
    }
    wrong
}

fn hasty() -> Options {
    Options { patience: Duration::from_millis(200), ..options("deployer") }
}

/// Lasting faults: the kind of error of each call.
#[tokio::test(flavor = "multi_thread")]
async fn faults_that_last() {
    if !possible() {
        return;
    }
    let firewall = json!({"status": 403, "code": "Forbidden", "inner": "ForbiddenByFirewall"});
    let role = json!({"status": 403, "code": "Forbidden", "inner": "ForbiddenByRbac"});
    let lasting = [
        ("GET", json!({"status": 429, "retryAfter": 30}), ErrorKind::Retry, "too many requests"),
        ("GET", json!({"status": 503}), ErrorKind::Unavailable, "503"),
        ("GET", json!({"cut": true}), ErrorKind::Unavailable, "no answer came"),
        ("GET", firewall.clone(), ErrorKind::Denied, "firewall shuts this machine out"),
        ("GET", role.clone(), ErrorKind::Denied, "role in the vault does not allow it"),
        ("PUT", json!({"status": 429, "retryAfter": 30}), ErrorKind::Retry, "too many requests"),
        ("PUT", json!({"status": 503}), ErrorKind::Ambiguous, "503"),
        ("PUT", json!({"cut": true}), ErrorKind::Ambiguous, "no answer came"),
        ("PUT", json!({"status": 400, "code": "BadParameter"}), ErrorKind::Refused, "BadParameter"),
        ("PUT", json!({"status": 409, "inner": "ObjectIsBeingRecovered"}), ErrorKind::Retry, "being recovered"),
        ("PUT", firewall, ErrorKind::Denied, "firewall shuts this machine out"),
        ("PUT", role, ErrorKind::Denied, "role in the vault does not allow it"),
    ];
    for (method, mut fault, kind, says) in lasting {
        let scene = Scene::with(hasty());
        fault["method"] = method.into();
        fault["times"] = 1_000.into();
        scene.server.fault(&scene.name, fault.clone());
        let error = scene.store("a", "one", "K1").await.unwrap_err();
        assert_eq!(error.kind, kind, "{fault}: {error}");
        assert!(error.to_string().contains(says), "{fault}: {error}");
        assert!(scene.values("a").is_empty());
    }
}

/// Lasting faults while secrets are retired: disabling twice does no harm, a deletion may have taken effect.
#[tokio::test(flavor = "multi_thread")]
async fn retiring_with_faults_that_last() {
    if !possible() {
        return;
    }
    for (method, fault, kind) in [
        ("DELETE", json!({"cut": true}), ErrorKind::Ambiguous),
        ("DELETE", json!({"status": 500}), ErrorKind::Ambiguous),
        ("DELETE", json!({"status": 429, "retryAfter": 30}), ErrorKind::Retry),
        ("DELETE", json!({"status": 403}), ErrorKind::Denied),
        ("PATCH", json!({"cut": true}), ErrorKind::Unavailable),
        ("PATCH", json!({"status": 429, "retryAfter": 30}), ErrorKind::Retry),
        ("PATCH", json!({"status": 403}), ErrorKind::Denied),
    ] {
        let scene = Scene::with(hasty());
        put(&scene, "one", "K1");
        let mut lasting = fault.clone();
        lasting["method"] = method.into();
        lasting["times"] = 1_000.into();
        scene.server.fault(&scene.name, lasting);
        let at = scene.at("a");
        let ended =
            if method == "DELETE" { scene.vaults.delete(&at).await } else { scene.vaults.disable(&at, "K1").await };
        let error = ended.unwrap_err();
        assert_eq!(error.kind, kind, "{method} {fault}: {error}");
    }
}

/// A value that was stored but never shows: it may be there, so the key must not be deleted.
#[tokio::test(flavor = "multi_thread")]
async fn stored_and_never_seen_again() {
    if !possible() {
        return;
    }
    let scene = Scene::with(hasty());
    scene.server.fault(&scene.name, json!({"method": "PUT", "cut": true, "applied": true}));
    scene.server.fault(&scene.name, json!({"method": "GET", "skip": 3, "times": 1_000, "status": 403}));
    let error = scene.store("a", "one", "K1").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Ambiguous, "{error}");
    assert_eq!(scene.values("a"), ["one"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_vault_says_when_to_come_back() {
    if !possible() {
        return;
    }
    for status in [429, 503] {
        let scene = Scene::new();
        scene.server.fault(&scene.name, json!({"method": "PUT", "status": status, "retryAfter": 1}));
        let began = std::time::Instant::now();
        scene.store("a", "one", "K1").await.unwrap();
        assert!(began.elapsed() >= Duration::from_secs(1), "{status}: it came back after {:?}", began.elapsed());
        assert_eq!(scene.count("PUT", status), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_vault_is_unavailable() {
    if !possible() {
        return;
    }
    let scene = Scene::with(hasty());
    let mut at = scene.at("a");
    // No process listens on this port.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    at.vault = format!("https://kv.localhost:{free}");
    let error = scene.vaults.preflight(&at).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains("cannot be reached"), "{error}");
}

/// A certificate of an unknown authority is refused.
#[tokio::test(flavor = "multi_thread")]
async fn an_untrusted_certificate_is_refused() {
    if !possible() {
        return;
    }
    let scene = Scene::with(Options { ca: None, ..hasty() });
    let error = scene.store("a", "one", "K1").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
    assert!(scene.values("a").is_empty());
}

/// A vault that stays busy: each call ends, is repeated until then, and says so to its caller.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_to_a_busy_vault_ends_at_the_deadline() {
    if !possible() {
        return;
    }
    for status in [429, 503] {
        for case in CASES.iter().filter(|case| case.name != "store a new secret") {
            // Time for a second try, also on a busy machine.
            let scene = Scene::with(Options { patience: Duration::from_secs(1), ..options("deployer") });
            (case.before)(&scene);
            scene.server.fault(&scene.name, json!({"status": status, "times": 1_000_000}));
            let error = (case.call)(&scene).await.unwrap_err();
            assert!(error.exhausted && !error.may_repeat(), "{}, {status}: {error:?}", case.name);
            let tried = scene.server.calls(&scene.name).iter().filter(|call| call.status == status).count();
            assert!(tried > 1, "{}, {status}: {tried}", case.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_beyond_the_deadline_is_not_begun() {
    if !possible() {
        return;
    }
    for case in CASES.iter().filter(|case| case.name != "store a new secret") {
        let scene = Scene::with(options("deployer"));
        (case.before)(&scene);
        scene.server.fault(&scene.name, json!({"status": 429, "retryAfter": 30, "times": 1_000_000}));
        let error = (case.call)(&scene).await.unwrap_err();
        assert!(error.exhausted && error.kind == ErrorKind::Retry, "{}: {error:?}", case.name);
        assert!(error.message.contains("it asks to wait for 30 s, and "), "{}: {error}", case.name);
        assert_eq!(
            scene.server.calls(&scene.name).iter().filter(|call| call.status == 429).count(),
            1,
            "{}",
            case.name
        );
    }
}
