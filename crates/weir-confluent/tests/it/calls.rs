//! Calls: pages, retries, deadlines, errors.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use weir_ports::{Cluster as _, ErrorKind, PortError, Query};

use crate::{
    CANARY, cloud, cloud_with, control,
    script::{Answer, Asked, Host, json as says},
};

fn cluster() -> Answer {
    let spec = json!({"kafka_bootstrap_endpoint": "SASL_SSL://pkc-1.example:9092", "config": {"kind": "Standard"}});
    says(200, json!({"id": "lkc-a1", "spec": spec, "status": {"phase": "PROVISIONED"}}))
}

fn facts() -> Query {
    Query::default()
}

fn status(status: u16) -> Answer {
    says(status, json!({"errors": [{"id": "r-7", "status": status.to_string(), "detail": "because"}]}))
}

async fn error(answers: impl IntoIterator<Item = Answer>) -> (PortError, Vec<Asked>) {
    let host = Host::new(answers).await;
    let error = cloud(&host.url).observe(&facts()).await.unwrap_err();
    let told = format!("{error:?} {error}");
    assert!(!told.contains(CANARY), "{told}");
    (error, host.asked())
}

#[tokio::test]
async fn a_call_conforms_to_the_specification() {
    let host = Host::new([cluster()]).await;
    let observed = cloud(&host.url).observe(&facts()).await.unwrap();
    assert_eq!((observed.cluster.id.as_str(), observed.cluster.brokers), ("lkc-a1", 3));
    let asked = &host.asked()[0];
    assert_eq!(asked.line, "GET /cmk/v2/clusters/lkc-a1?environment=env-x1");
    // `CLOUD:c4n4ry-s3cret`
    assert!(asked.head.contains("authorization: basic q0xpvuq6yzrunhj5lxmzy3jlda=="), "{}", asked.head);
    assert!(asked.head.contains("user-agent: weir/"), "{}", asked.head);
}

#[tokio::test]
async fn a_call_is_repeated_after_a_passing_failure() {
    let answers = [
        Answer::HangUp,
        status(500),
        Answer::Say(429, "Retry-After: 1\r\n", "<html><title>Too Many Requests</title></html>".to_owned()),
        Answer::BreakOff(200),
        Answer::Say(503, "", String::new()),
        cluster(),
    ];
    let host = Host::new(answers).await;
    let begun = Instant::now();
    let cloud = cloud(&host.url);
    cloud.observe(&facts()).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(1), "`Retry-After` was not kept: {:?}", begun.elapsed());
    assert_eq!(cloud.requests()["getCmkV2Cluster"], 6);
}

#[tokio::test]
async fn a_call_is_not_repeated_after_a_lasting_failure() {
    for (code, kind) in [
        (400, ErrorKind::Refused),
        (401, ErrorKind::Denied),
        (403, ErrorKind::Denied),
        (404, ErrorKind::Refused),
        (501, ErrorKind::Unavailable),
        (302, ErrorKind::Unavailable),
    ] {
        let (error, asked) = error([status(code)]).await;
        assert_eq!((error.kind, asked.len()), (kind, 1), "{code}: {error}");
        assert!(error.message.contains("because") && error.message.contains("r-7"), "{error}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Host::new([cluster()]).await;
    let headers: &'static str = format!("Location: {}/x\r\n", elsewhere.url).leak();
    let (error, _) = error([Answer::Say(307, headers, String::new())]).await;
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
    assert!(elsewhere.asked().is_empty(), "the credentials went elsewhere");
}

#[tokio::test]
async fn pages_of_errors_are_read() {
    let page = "<html><head><title>Error 401 Unauthorized</title></head></html>".to_owned();
    let (error, _) = error([Answer::Say(401, "X-Request-Id: r-9\r\nContent-Type: text/html\r\n", page)]).await;
    insta::assert_snapshot!(error, @"cannot see lkc-a1 in env-x1: GET /cmk/v2/clusters/lkc-a1 is answered with 401: Error 401 Unauthorized (request r-9)");
    assert_eq!(error.kind, ErrorKind::Denied);
}

#[tokio::test]
async fn an_unreadable_answer_is_an_error() {
    for body in ["", "<html></html>", "[]", "{}", r#"{"id": 7}"#] {
        let (error, asked) = error([Answer::Say(200, "", body.to_owned())]).await;
        assert_eq!((error.kind, asked.len()), (ErrorKind::Unavailable, 1), "{body}: {error}");
    }
}

/// A call whose answer is far too long counts as failed, and is repeated.
#[tokio::test]
async fn an_answer_of_20_mib_is_not_read() {
    let host = Host::new([Answer::Say(200, "", "x".repeat(20 << 20)), cluster()]).await;
    let observed = cloud(&host.url).observe(&facts()).await.unwrap();
    assert_eq!((observed.cluster.id.as_str(), host.asked().len()), ("lkc-a1", 2));
}

#[tokio::test]
async fn another_cluster_or_one_not_ready_is_refused() {
    let (error, _) = error([says(200, json!({"id": "lkc-b2"}))]).await;
    assert_eq!(error.kind, ErrorKind::WrongCluster);
    let (error, _) = self::error([says(200, json!({"id": "lkc-a1", "status": {"phase": "PROVISIONING"}}))]).await;
    assert_eq!(error.kind, ErrorKind::Unavailable);
}

#[tokio::test]
async fn an_unreachable_host_is_reported_before_the_deadline() {
    // No process listens on this port.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let cloud =
        cloud_with(weir_confluent::Control { patience: Duration::from_secs(3), ..control(&format!("http://{port}")) });
    let error = cloud.observe(&facts()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Retry, "{error}");
    assert!(cloud.requests()["getCmkV2Cluster"] > 1);
}

#[tokio::test]
async fn retries_end_at_the_deadline() {
    let host = Host::new(std::iter::repeat_n(Answer::Silence, 50)).await;
    let timeout = Duration::from_millis(300);
    let cloud = cloud_with(weir_confluent::Control { patience: Duration::from_secs(2), timeout, ..control(&host.url) });
    let error = cloud.observe(&facts()).await.unwrap_err();
    assert_eq!((error.kind, error.exhausted), (ErrorKind::Retry, true), "{error}");
    // Each silence takes 0.3 s of two seconds.
    assert!((2..=7).contains(&host.asked().len()), "{}", host.asked().len());
}

#[tokio::test]
async fn a_host_that_is_never_ready_is_repeated_by_one_level_only() {
    let url = Host::routed(|_| status(503)).await;
    let cloud = cloud_with(weir_confluent::Control {
        patience: Duration::from_secs(1),
        pause: Duration::from_millis(50),
        ..control(&url)
    });
    let error = cloud.observe(&facts()).await.unwrap_err();
    assert!(error.kind == ErrorKind::Retry && error.exhausted && !error.may_repeat(), "{error:?}");
    assert!(cloud.requests()["getCmkV2Cluster"] > 1);
}

#[tokio::test]
async fn a_pause_beyond_the_deadline_is_reported_at_once() {
    let host = Host::new([Answer::Say(429, "Retry-After: 600\r\n", String::new())]).await;
    let cloud = cloud_with(weir_confluent::Control { patience: Duration::from_secs(180), ..control(&host.url) });
    let error = cloud.observe(&facts()).await.unwrap_err();
    assert_eq!((error.kind, error.exhausted), (ErrorKind::Retry, true), "{error}");
    assert!(error.message.contains("it asks to wait for 600 s, and 1"), "{error}");
    assert!(error.message.contains("s are left; try again later, or raise WEIR_PATIENCE"), "{error}");
    assert_eq!(host.asked().len(), 1);
    // The host is not asked again before that time.
    let error = cloud.observe(&facts()).await.unwrap_err();
    assert!(error.message.contains("the host's rate is used up; it asks to wait for"), "{error}");
    assert_eq!((error.exhausted, host.asked().len()), (true, 1), "{error}");
}

#[tokio::test]
async fn clients_of_a_host_share_its_rate() {
    let left = "X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 2\r\n";
    let Answer::Say(_, _, body) = cluster() else { unreachable!() };
    let host = Host::new([Answer::Say(200, left, body), cluster()]).await;
    let (one, other) = (cloud(&host.url), cloud(&host.url));
    one.observe(&facts()).await.unwrap();
    let begun = Instant::now();
    other.observe(&facts()).await.unwrap();
    assert!(begun.elapsed() > Duration::from_millis(1_500), "{:?}", begun.elapsed());
}

fn account(number: usize) -> Value {
    json!({"id": format!("sa-{number}"), "display_name": format!("dev-{number}"), "description": "x"})
}

fn everything() -> Query {
    let mut query = Query::default();
    query.accounts.everything = true;
    query
}

/// Lists are read concurrently with the cluster, so the host chooses answers by path.
struct Lists {
    accounts: Vec<Answer>,
}

impl Lists {
    async fn observe(self) -> (Result<weir_planning::Observed, PortError>, Vec<String>) {
        let host = crate::changes::Router::new(vec![
            ("GET /cmk/", vec![cluster()]),
            ("GET /iam/v2/service-accounts", self.accounts),
            ("GET /iam/v2/api-keys", vec![says(200, json!({"data": [], "metadata": {}}))]),
            ("GET /service-quota/", vec![status(403), status(403)]),
        ])
        .await;
        let observed = cloud(&host.url).observe(&everything()).await;
        let mut lines = host.lines();
        lines.retain(|line| line.contains("service-accounts"));
        (observed, lines)
    }
}

#[tokio::test]
async fn all_pages_are_read() {
    for end in
        [json!({}), json!({"next": null}), json!({"next": ""}), json!({"next": null, "total_size": 1}), json!(null)]
    {
        let next = |token: &str| json!({"next": format!("https://api.confluent.cloud/iam/v2/service-accounts?page_token={token}"), "total_size": 1});
        let accounts = vec![
            says(200, json!({"data": [account(1)], "metadata": next("a")})),
            // An empty page is not the last page.
            says(200, json!({"data": [], "metadata": next("b")})),
            says(200, json!({"data": [account(2)], "metadata": end})),
        ];
        let (observed, lines) = Lists { accounts }.observe().await;
        let names: Vec<String> = observed.unwrap().accounts.into_keys().collect();
        assert_eq!(names, ["dev-1", "dev-2"]);
        insta::allow_duplicates! {
            insta::assert_snapshot!(lines.join("\n"), @r"
            GET /iam/v2/service-accounts?page_size=100
            GET /iam/v2/service-accounts?page_size=100&page_token=a
            GET /iam/v2/service-accounts?page_size=100&page_token=b
            ");
        }
    }
}

#[tokio::test]
async fn a_list_that_never_ends_is_an_error() {
    let page = || says(200, json!({"data": [account(1)], "metadata": {"next": "https://x/?page_token=a"}}));
    let (observed, lines) = Lists { accounts: vec![page(), page(), page(), page()] }.observe().await;
    let error = observed.unwrap_err();
    assert!(error.kind == ErrorKind::Unavailable && error.message.contains("has no end"), "{error}");
    assert_eq!(lines.len(), 2);
}

#[tokio::test]
async fn half_a_list_is_an_error() {
    let first = || says(200, json!({"data": [account(1)], "metadata": {"next": "https://x/?page_token=a"}}));
    for (second, kind) in [
        (status(403), ErrorKind::Denied),
        (says(200, json!({"metadata": {}})), ErrorKind::Unavailable),
        (says(200, json!({"data": [{"id": "sa-2"}], "metadata": {}})), ErrorKind::Unavailable),
        (says(200, json!({"data": [], "metadata": {"next": "https://x/?page=2"}})), ErrorKind::Unavailable),
    ] {
        let (observed, _) = Lists { accounts: vec![first(), second] }.observe().await;
        let error = observed.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
    }
}
