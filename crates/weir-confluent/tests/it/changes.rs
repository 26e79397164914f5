//! Changes whose answers are lost, refused or ambiguous.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use weir_planning::{Change, KeyMarker, ObservedAccount, ObservedTopic};
use weir_ports::{Cluster as _, ErrorKind, ExposeSecret as _, PortError};

use crate::{
    CANARY, cloud,
    script::{Answer, Host, json as says},
};

/// A host that chooses answers by the beginning of a request's first line; the last answer of a kind is repeated.
pub(crate) struct Router {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<(String, String)>>>,
}

impl Router {
    pub(crate) async fn new(routes: Vec<(&'static str, Vec<Answer>)>) -> Self {
        let asked: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
        let (log, given) = (asked.clone(), Mutex::new(BTreeMap::<&str, usize>::new()));
        let url = Host::routed(move |request| {
            log.lock().unwrap().push((request.line.clone(), request.body.clone()));
            let Some((route, answers)) = routes.iter().find(|(route, _)| request.line.starts_with(route)) else {
                return Answer::Say(418, "", String::new());
            };
            let mut given = given.lock().unwrap();
            let count = given.entry(route).or_default();
            *count += 1;
            answers[(*count).min(answers.len()) - 1].clone()
        })
        .await;
        Self { url, asked }
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|(line, _)| line.clone()).collect()
    }

    fn count(&self, beginning: &str) -> usize {
        self.lines().iter().filter(|line| line.starts_with(beginning)).count()
    }

    fn body(&self, beginning: &str) -> Value {
        let asked = self.asked.lock().unwrap();
        let (_, body) = asked.iter().find(|(line, _)| line.starts_with(beginning)).unwrap();
        serde_json::from_str(body).unwrap()
    }
}

const ACCOUNTS: &str = "GET /iam/v2/service-accounts?";
const KEYS: &str = "GET /iam/v2/api-keys?";
const POST_ACCOUNT: &str = "POST /iam/v2/service-accounts";
const POST_KEY: &str = "POST /iam/v2/api-keys";

fn list(data: Value) -> Answer {
    says(200, json!({"data": data, "metadata": {}}))
}

fn failed(status: u16, code: &str, detail: &str) -> Answer {
    says(status, json!({"errors": [{"id": "r-1", "status": status.to_string(), "code": code, "detail": detail}]}))
}

fn account(description: &str) -> Value {
    json!({"id": "sa-1", "display_name": "dev-a", "description": description})
}

fn cluster() -> (&'static str, Vec<Answer>) {
    let spec = json!({"kafka_bootstrap_endpoint": "SASL_SSL://pkc-1.example:9092"});
    ("GET /cmk/", vec![says(200, json!({"id": "lkc-a1", "spec": spec}))])
}

fn create() -> Change {
    Change::CreateAccount { account: "dev-a".to_owned(), description: "ours".to_owned(), maker: crate::maker() }
}

fn delete() -> Change {
    Change::delete_account("dev-a", &ObservedAccount::default())
}

async fn applied(change: Change, routes: Vec<(&'static str, Vec<Answer>)>) -> (Result<(), PortError>, Router) {
    let host = Router::new(routes).await;
    let answer = cloud(&host.url).apply(&[&change]).await.remove(0);
    (answer, host)
}

#[tokio::test]
async fn an_account_is_created_once() {
    let (answer, host) = applied(create(), vec![(POST_ACCOUNT, vec![says(201, account("ours"))])]).await;
    answer.unwrap();
    assert_eq!(host.lines(), [POST_ACCOUNT]);
    assert_eq!(host.body(POST_ACCOUNT), json!({"display_name": "dev-a", "description": "ours (weir: acme/dev)"}));
}

#[tokio::test]
async fn an_account_may_have_an_owner() {
    let host = Router::new(vec![(POST_ACCOUNT, vec![says(201, account("ours"))])]).await;
    let control = weir_confluent::Control { assigned_owner: Some("pool-1".to_owned()), ..crate::control(&host.url) };
    crate::cloud_with(control).apply(&[&create()]).await.remove(0).unwrap();
    assert_eq!(host.lines(), ["POST /iam/v2/service-accounts?assigned_resource_owner=pool-1"]);
}

#[tokio::test]
async fn a_lost_answer_or_a_taken_name_is_looked_up() {
    let answers = [
        Answer::HangUp,
        Answer::Silence,
        Answer::BreakOff(201),
        failed(504, "timeout", ""),
        failed(500, "internal", ""),
        failed(409, "resource_already_exists", ""),
        failed(400, "bad_request", "Service name is already in use"),
        says(201, json!({"kind": "ServiceAccount"})),
    ];
    for answer in answers {
        for (found, ok) in [
            (json!([account("ours (weir: acme/dev)")]), true),
            (json!([account("theirs")]), false),
            (json!([account("theirs (weir: other/dev)")]), false),
        ] {
            let routes = vec![(POST_ACCOUNT, vec![answer.clone()]), (ACCOUNTS, vec![list(found)])];
            let (outcome, host) = applied(create(), routes).await;
            assert_eq!(host.count(POST_ACCOUNT), 1, "{answer:?} was sent again");
            assert_eq!(host.lines()[1], "GET /iam/v2/service-accounts?display_name=dev-a&page_size=100");
            match outcome {
                Ok(()) => assert!(ok, "{answer:?}"),
                Err(e) => {
                    assert!(!ok && e.kind == ErrorKind::Refused && e.message.contains("theirs"), "{answer:?}: {e}")
                }
            }
        }
    }
}

#[tokio::test]
async fn a_description_cannot_forge_a_mark() {
    let routes = vec![(ACCOUNTS, vec![list(json!([account("by hand")]))])];
    let to = "x (weir: acme/dev)".to_owned();
    let change = Change::UpdateAccount { account: "dev-a".to_owned(), from: "by hand".to_owned(), to };
    let (answer, host) = applied(change, routes).await;
    insta::assert_snapshot!(answer.unwrap_err(), @"");
    assert_eq!(host.lines().len(), 1);
}

#[tokio::test]
async fn a_lost_creation_stays_open_if_the_account_is_not_found() {
    for (answer, kind) in [(Answer::HangUp, ErrorKind::Ambiguous), (failed(409, "conflict", ""), ErrorKind::Refused)] {
        let routes = vec![(POST_ACCOUNT, vec![answer]), (ACCOUNTS, vec![list(json!([]))])];
        assert_eq!(applied(create(), routes).await.0.unwrap_err().kind, kind);
    }
}

#[tokio::test]
async fn a_refusal_says_why() {
    let detail = "Service accounts are currently limited to 1000";
    let (answer, host) = applied(create(), vec![(POST_ACCOUNT, vec![failed(402, "quota_exceeded", detail)])]).await;
    let error = answer.unwrap_err();
    assert_eq!((error.kind, host.lines().len()), (ErrorKind::Refused, 1));
    insta::assert_snapshot!(error, @"POST /iam/v2/service-accounts is answered with 402: Service accounts are currently limited to 1000 [quota_exceeded] (request r-1)");
}

#[tokio::test]
async fn a_throttled_call_is_repeated() {
    let away = Answer::Say(429, "Retry-After: 0\r\n", String::new());
    let (answer, host) = applied(create(), vec![(POST_ACCOUNT, vec![away, says(201, account("ours"))])]).await;
    answer.unwrap();
    assert_eq!(host.count(POST_ACCOUNT), 2);
}

#[tokio::test]
async fn invalid_changes_are_not_sent() {
    let host = Router::new(vec![]).await;
    let cloud = cloud(&host.url);
    for (name, description) in [("", "x"), ("*", "x"), ("a\nb", "x"), (&"x".repeat(65), "x"), ("a", &"x".repeat(129))] {
        let change = Change::CreateAccount {
            account: name.to_owned(),
            description: description.to_owned(),
            maker: crate::maker(),
        };
        assert_eq!(cloud.apply(&[&change]).await.remove(0).unwrap_err().kind, ErrorKind::Refused);
    }
    assert!(host.lines().is_empty());
}

#[tokio::test]
async fn an_account_is_deleted_if_the_list_lacks_it() {
    let there = || list(json!([account("ours")]));
    let absent = || list(json!([]));
    // Status of the deletion, the list afterwards, and the resulting error.
    for (status, after, kind) in [
        (204, absent(), None),
        (403, absent(), None),
        (404, absent(), None),
        (403, there(), Some(ErrorKind::Denied)),
        (404, there(), Some(ErrorKind::Retry)),
        (403, failed(403, "forbidden", ""), Some(ErrorKind::Denied)),
        (409, there(), Some(ErrorKind::Refused)),
    ] {
        let routes = vec![
            (ACCOUNTS, vec![there(), after.clone()]),
            ("DELETE /iam/v2/service-accounts/sa-1", vec![failed(status, "x", "no")]),
        ];
        let (answer, _) = applied(delete(), routes).await;
        assert_eq!(answer.err().map(|e| e.kind), kind, "{status} and {after:?}");
    }
    let (answer, host) = applied(delete(), vec![(ACCOUNTS, vec![absent()])]).await;
    assert!(answer.is_ok() && host.lines().len() == 1);
    let (answer, _) = applied(delete(), vec![(ACCOUNTS, vec![failed(403, "forbidden", "")])]).await;
    assert_eq!(answer.unwrap_err().kind, ErrorKind::Denied, "not allowed to see is not absent");
}

#[tokio::test]
async fn an_account_with_another_name_is_never_taken() {
    // A host that ignores the filter.
    let other = json!([{"id": "sa-9", "display_name": "dev-ab", "description": "ours"}]);
    let routes = vec![(ACCOUNTS, vec![list(other)]), ("DELETE ", vec![says(204, json!(null))])];
    let (answer, host) = applied(delete(), routes).await;
    assert!(answer.is_ok() && host.count("DELETE") == 0);
}

#[tokio::test]
async fn each_change_is_answered_in_its_place() {
    let host = Router::new(vec![
        (POST_ACCOUNT, vec![says(201, account("ours")), failed(402, "quota_exceeded", "full")]),
        (ACCOUNTS, vec![list(json!([account("ours")]))]),
        ("PATCH /iam/v2/service-accounts/sa-1", vec![says(200, account("new"))]),
    ])
    .await;
    let describe =
        |name: &str| Change::UpdateAccount { account: name.to_owned(), from: "ours".to_owned(), to: "new".to_owned() };
    let long = Change::CreateAccount { account: "x".repeat(65), description: String::new(), maker: crate::maker() };
    let topic = Change::delete_topic("t", &ObservedTopic::default());
    let changes = [&long, &describe("dev-a"), &topic, &describe("absent"), &create()];
    let kinds: Vec<Option<ErrorKind>> =
        cloud(&host.url).apply(&changes).await.into_iter().map(|answer| answer.err().map(|e| e.kind)).collect();
    use ErrorKind::{Refused, Unavailable};
    assert_eq!(kinds, [Some(Refused), None, Some(Unavailable), Some(Refused), None]);
    assert_eq!(host.body("PATCH"), json!({"description": "new"}));
}

fn marker() -> KeyMarker {
    KeyMarker { maker: crate::maker(), slot: "default".to_owned(), intent: "0123456789abcdef".to_owned() }
}

fn new_key() -> Value {
    json!({"id": "KEY1", "spec": {"secret": CANARY, "owner": {"id": "sa-1"}}})
}

async fn created(answers: Vec<Answer>) -> (Result<weir_ports::CreatedKey, PortError>, Router) {
    let host =
        Router::new(vec![cluster(), (ACCOUNTS, vec![list(json!([account("ours")]))]), (POST_KEY, answers)]).await;
    let key = cloud(&host.url).create_key("dev-a", &marker()).await;
    let told = format!("{key:?} {}", key.as_ref().err().map(ToString::to_string).unwrap_or_default());
    assert!(!told.contains(CANARY), "{told}");
    (key, host)
}

#[tokio::test]
async fn a_created_key_has_all_settings_of_a_client() {
    for status in [200, 201, 202] {
        let (key, host) = created(vec![says(status, new_key())]).await;
        let key = key.unwrap();
        assert_eq!((key.id.as_str(), key.secret.expose_secret()), ("KEY1", CANARY));
        let connection: Vec<String> = key.connection.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(
            connection,
            [
                "bootstrap.servers=pkc-1.example:9092",
                "sasl.mechanism=PLAIN",
                "sasl.username=KEY1",
                "security.protocol=SASL_SSL"
            ]
        );
        let spec = host.body(POST_KEY)["spec"].clone();
        assert_eq!((&spec["owner"]["id"], &spec["resource"]["id"]), (&json!("sa-1"), &json!("lkc-a1")));
        assert_eq!(spec["display_name"], json!("weir/acme/dev/default/0123456789abcdef"));
    }
}

#[tokio::test]
async fn a_key_is_never_created_twice() {
    use ErrorKind::{Ambiguous, Denied, Refused, Retry};
    for (answer, kind) in [
        (Answer::HangUp, Ambiguous),
        (Answer::Silence, Ambiguous),
        (Answer::BreakOff(202), Ambiguous),
        (failed(504, "timeout", ""), Ambiguous),
        (failed(500, "internal", ""), Ambiguous),
        (Answer::Say(503, "Retry-After: 1\r\n", String::new()), Ambiguous),
        (Answer::Say(202, "", "<html>".to_owned()), Ambiguous),
        (says(202, json!({"id": "KEY1", "spec": {"owner": {"id": "sa-1"}}})), Ambiguous),
        (says(202, json!({"id": "KEY1", "spec": {"secret": ""}})), Ambiguous),
        (failed(402, "quota_exceeded", "limited to 100"), Refused),
        (failed(409, "conflict", ""), Refused),
        (failed(422, "invalid", ""), Refused),
        (failed(401, "unauthorized", ""), Denied),
        (failed(403, "forbidden", ""), Denied),
        // The account is very new.
        (failed(404, "not_found", ""), Retry),
    ] {
        let (key, host) = created(vec![answer.clone()]).await;
        assert_eq!(key.unwrap_err().kind, kind, "{answer:?}");
        assert_eq!(host.count(POST_KEY), 1, "{answer:?}");
    }
}

#[tokio::test]
async fn a_key_for_a_missing_account_is_refused() {
    let host = Router::new(vec![cluster(), (ACCOUNTS, vec![list(json!([]))])]).await;
    let error = cloud(&host.url).create_key("dev-a", &marker()).await.unwrap_err();
    assert!(error.kind == ErrorKind::Refused && host.count(POST_KEY) == 0, "{error}");
}

#[tokio::test]
async fn an_unsent_call_has_no_effect() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let control = weir_confluent::Control {
        patience: std::time::Duration::from_secs(1),
        ..crate::control(&format!("http://{port}"))
    };
    let error = crate::cloud_with(control).apply(&[&create()]).await.remove(0).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Retry, "{error}");
}

fn key(owner: &str, resource: &str) -> Value {
    json!({"id": "KEY1", "spec": {"owner": {"id": owner}, "resource": {"id": resource}}})
}

#[tokio::test]
async fn only_the_accounts_own_key_is_deleted() {
    use ErrorKind::{Denied, Refused, Retry};
    let there = || list(json!([key("sa-1", "lkc-a1")]));
    let absent = || list(json!([]));
    let seen = || says(200, key("sa-1", "lkc-a1"));
    let untold = || json!({"id": "KEY1", "spec": {"owner": {"id": "sa-1"}, "resource": null}});
    let forbidden = || failed(403, "forbidden_access", "no");
    // The key before, the deletion's answer, the list afterwards, the resulting error, and the number of deletions
    // sent.
    let table: Vec<(Answer, Answer, Answer, Option<ErrorKind>, usize)> = vec![
        (seen(), Answer::Say(204, "", String::new()), absent(), None, 1),
        (seen(), forbidden(), absent(), None, 1),
        (seen(), forbidden(), there(), Some(Denied), 1),
        (seen(), failed(400, "x", "Unknown API key KEY1"), absent(), None, 1),
        (forbidden(), seen(), absent(), None, 0),
        (forbidden(), seen(), there(), Some(Denied), 0),
        (forbidden(), seen(), forbidden(), Some(Denied), 0),
        (failed(404, "not_found", ""), seen(), absent(), None, 0),
        (failed(404, "not_found", ""), seen(), there(), Some(Retry), 0),
        (failed(401, "unauthorized", ""), seen(), absent(), Some(Denied), 0),
        (says(200, key("sa-2", "lkc-a1")), seen(), there(), Some(Refused), 0),
        (says(200, key("sa-1", "lkc-b2")), seen(), there(), Some(Refused), 0),
        // A key without a resource may be a Cloud API key.
        (says(200, untold()), seen(), there(), None, 1),
        (says(200, untold()), seen(), absent(), Some(Refused), 0),
    ];
    for (number, (get, delete, after, kind, sent)) in table.into_iter().enumerate() {
        let host = Router::new(vec![
            (ACCOUNTS, vec![list(json!([account("ours")]))]),
            (KEYS, vec![after]),
            ("GET /iam/v2/api-keys/KEY1", vec![get]),
            ("DELETE /iam/v2/api-keys/KEY1", vec![delete]),
        ])
        .await;
        let answer = cloud(&host.url).delete_key("dev-a", "KEY1").await;
        assert_eq!(answer.err().map(|e| e.kind), kind, "row {number}: {:?}", host.lines());
        assert_eq!(host.count("DELETE"), sent, "row {number}");
    }
}

#[tokio::test]
async fn a_new_key_is_not_taken_for_deleted() {
    // At first, neither the list nor the deletion knows the key.
    let host = Router::new(vec![
        cluster(),
        (ACCOUNTS, vec![list(json!([account("ours")]))]),
        (KEYS, vec![list(json!([]))]),
        (POST_KEY, vec![says(202, new_key())]),
        ("DELETE /iam/v2/api-keys/KEY1", vec![failed(404, "not_found", ""), Answer::Say(204, "", String::new())]),
    ])
    .await;
    let cloud = cloud(&host.url);
    cloud.create_key("dev-a", &marker()).await.unwrap();
    cloud.delete_key("dev-a", "KEY1").await.unwrap();
    assert_eq!((host.count("DELETE"), host.count("GET /iam/v2/api-keys")), (2, 0));
}

/// The wait for a new key to be known is part of the deletion, with one deadline.
#[tokio::test]
async fn the_deletion_of_an_unknown_key_ends_at_the_deadline() {
    let host = Router::new(vec![
        cluster(),
        (ACCOUNTS, vec![list(json!([account("ours")]))]),
        (KEYS, vec![list(json!([key("sa-1", "lkc-a1")]))]),
        (POST_KEY, vec![says(202, new_key())]),
        ("DELETE /iam/v2/api-keys/KEY1", vec![failed(404, "not_found", "")]),
    ])
    .await;
    let patience = std::time::Duration::from_secs(1);
    let cloud = crate::cloud_with(weir_confluent::Control { patience, ..crate::control(&host.url) });
    cloud.create_key("dev-a", &marker()).await.unwrap();
    cloud.delete_key("dev-a", "KEY1").await.unwrap_err();
    // After 250, 750 and 1000 ms at the latest.
    assert!(host.count("DELETE") <= 4, "{:?}", host.lines());
}

#[tokio::test]
async fn weirs_own_key_is_never_deleted() {
    let host = Router::new(vec![]).await;
    let error = cloud(&host.url).delete_key("dev-a", "CLOUD").await.unwrap_err();
    assert!(error.kind == ErrorKind::Refused && host.lines().is_empty(), "{error}");
}
