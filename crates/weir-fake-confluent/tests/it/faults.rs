//! Faults and limits.

use std::{
    io,
    time::{Duration, Instant},
};

use serde_json::json;
use weir_fake_confluent::{Answer, Effect, FakeConfluent, Fault, Operation, RateHeaders, RateLimit};

use super::{Heard, Subject};

const PATH: &str = "/iam/v2/service-accounts";

fn create(cloud: &Subject, name: &str) -> io::Result<Heard> {
    cloud.try_ask("POST", PATH, Some(json!({"display_name": name})))
}

#[test]
fn some_effects_apply_the_request_and_some_do_not() {
    let mut cloud = Subject::new();
    cloud.meant = &["504 is not foreseen", "503 is not foreseen"];
    let effects = [
        (Effect::Answer(Answer::html(503, "Service Unavailable")), Some(503), false),
        (Effect::AppliedBut(Answer::html(504, "Gateway Timeout")), Some(504), true),
        (Effect::CutBefore, None, false),
        (Effect::CutAfter, None, true),
        (Effect::CutInside, None, true),
        (Effect::Delay(Duration::from_millis(1)), Some(201), true),
    ];
    for (number, (effect, status, applied)) in effects.into_iter().enumerate() {
        cloud.clear_faults();
        cloud.clear_log();
        cloud.fault(Fault::on("POST", "/iam/").nth(1).then(effect.clone()));
        let heard = create(&cloud, &format!("a-{number}")).ok().map(|heard| heard.status);
        assert_eq!(heard, status, "{effect:?}");
        let log = &cloud.log()[0];
        assert_eq!((log.answer.as_ref().map(|answer| answer.status), log.handled), (status, applied), "{log}");
        let there = cloud.accounts().iter().any(|account| account.display_name == format!("a-{number}"));
        assert_eq!(there, applied, "{effect:?}");
        assert_eq!(create(&cloud, &format!("b-{number}")).unwrap().status, 201, "only the first is struck");
    }
}

#[test]
fn a_fault_strikes_only_matching_requests() {
    let mut cloud = Subject::new();
    cloud.meant = &["418 is not foreseen"];
    let teapot = || Effect::Answer(Answer::json(418, &json!({"errors": []})));
    let struck = |cloud: &FakeConfluent, subject: &Subject, rule: Fault| -> String {
        cloud.clear_faults();
        cloud.fault(rule.then(teapot()));
        let one = |_| if subject.get(PATH).status == 418 { 'x' } else { '.' };
        (0..5).map(one).collect()
    };
    assert_eq!(struck(&cloud, &cloud, Fault::on("GET", PATH)), "xxxxx");
    assert_eq!(struck(&cloud, &cloud, Fault::on("*", "/")), "xxxxx");
    assert_eq!(struck(&cloud, &cloud, Fault::on("POST", PATH)), ".....");
    assert_eq!(struck(&cloud, &cloud, Fault::on("GET", "/iam/v2/api-keys")), ".....");
    assert_eq!(struck(&cloud, &cloud, Fault::on("GET", PATH).nth(3)), "..x..");
    assert_eq!(struck(&cloud, &cloud, Fault::on("GET", PATH).first(2)), "xx...");
    assert_eq!(struck(&cloud, &cloud, Fault::on("GET", PATH).between(2, 4)), ".xxx.");
    assert_eq!(struck(&cloud, &cloud, Fault::on("GET", PATH).with_probability(0.0)), ".....");
    assert_eq!(struck(&cloud, &cloud, Fault::on("GET", PATH).with_probability(1.0)), "xxxxx");
}

#[test]
fn the_same_seed_gives_the_same_faults() {
    let run = || {
        let cloud = Subject { cloud: FakeConfluent::builder().seed(7).start(), meant: &["the status"] };
        cloud.fault(Fault::on("*", "/").with_probability(0.5).then(Effect::Answer(Answer::empty(599))));
        let statuses: Vec<u16> = (0..20).map(|n| create(&cloud, &format!("a-{n}")).unwrap().status).collect();
        let ids: Vec<String> = cloud.accounts().into_iter().map(|account| account.id).collect();
        (statuses, ids)
    };
    let (statuses, ids) = run();
    assert!(statuses.contains(&599) && statuses.contains(&201), "{statuses:?}");
    assert_eq!((statuses, ids), run());
}

#[test]
fn answers_can_be_delayed() {
    let cloud = Subject::new();
    cloud.configure(|behaviour| behaviour.latency = Duration::from_millis(30));
    cloud.fault(Fault::on("GET", "/").then(Effect::Delay(Duration::from_millis(30))));
    let begun = Instant::now();
    assert_eq!(cloud.get(PATH).status, 200);
    assert!(begun.elapsed() >= Duration::from_millis(60), "{:?}", begun.elapsed());
}

#[test]
fn too_many_requests_are_refused_until_the_window_ends() {
    let cloud = Subject::new();
    let limit = |requests, headers| {
        cloud.advance(Duration::from_secs(60));
        let limit = RateLimit { requests, window: Duration::from_secs(60), headers };
        cloud.configure(|behaviour| behaviour.rate_limit = Some(limit));
    };
    limit(2, RateHeaders::All);
    let left = |heard: &Heard| heard.header("x-ratelimit-remaining").map(ToOwned::to_owned);
    assert_eq!(left(&cloud.get(PATH)).unwrap(), "1");
    let last = cloud.get(PATH);
    assert_eq!((last.status, left(&last).unwrap().as_str()), (200, "0"));
    assert_eq!(last.header("retry-after"), None);
    let refused = cloud.get(PATH);
    assert_eq!((refused.status, refused.header("x-ratelimit-limit")), (429, Some("2")));
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert_eq!(refused.header("x-ratelimit-reset").unwrap(), wait.to_string());
    assert!((1..=60).contains(&wait));
    cloud.advance(Duration::from_secs(wait));
    assert_eq!(cloud.get(PATH).status, 200);

    limit(0, RateHeaders::RetryAfter);
    let refused = cloud.get(PATH);
    assert!(refused.header("retry-after").is_some() && left(&refused).is_none());
    limit(0, RateHeaders::None);
    let refused = cloud.get(PATH);
    assert_eq!((refused.status, refused.header("retry-after")), (429, None));
    let refused = cloud.get("/kafka/v3/clusters/lkc-a1/topics");
    assert!(refused.text.starts_with("<html>") && refused.status == 429, "{refused:?}");
    assert_eq!(cloud.count(Operation::ListTopics), 1);
}

#[test]
fn an_unknown_path_answers_404() {
    let mut cloud = Subject::new();
    cloud.meant = &["there is no operation"];
    assert_eq!(cloud.get("/iam/v2/users").status, 404);
    assert_eq!(cloud.ask("PUT", PATH, None).status, 404);
    assert_eq!(cloud.log()[0].operation, None);
    assert_eq!(cloud.log()[0].to_string(), "GET /iam/v2/users → 404");
}

#[test]
fn a_fake_stops_when_it_is_dropped() {
    let cloud = Subject::new();
    let url = cloud.url();
    cloud.get(PATH);
    drop(cloud);
    let address = url.strip_prefix("http://").unwrap().to_owned();
    let deadline = Instant::now() + Duration::from_secs(5);
    while std::net::TcpStream::connect(&address).is_ok() {
        assert!(Instant::now() < deadline, "it still listens");
        std::thread::sleep(Duration::from_millis(10));
    }
}
