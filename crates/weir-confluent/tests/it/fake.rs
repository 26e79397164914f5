//! The control plane against the fake Confluent Cloud, which keeps state and can be told to fail.

use std::{collections::BTreeSet, sync::LazyLock, time::Duration};

use weir_confluent::{ApiKey, ConfluentCloud, Control, Options};
use weir_fake_confluent::{
    Answer, Effect, FakeConfluent, Fault, Gone, LastPage, Operation, RateHeaders, RateLimit, TotalSize,
};
use weir_planning::{Change, KeyMarker, NamePattern, Observed, ObservedAccount, Principal};
use weir_ports::{Cluster as _, ErrorKind, ExposeSecret as _, PortError, Query};
use weir_testkit::openapi::Specs;

/// Returns a client of a fake with the control plane alone.
fn cloud(fake: &FakeConfluent) -> ConfluentCloud {
    cloud_with(fake, |_| {})
}

fn cloud_with(fake: &FakeConfluent, change: impl FnOnce(&mut Control)) -> ConfluentCloud {
    let key = ApiKey { id: fake.cloud_key().id.clone(), secret: fake.cloud_key().secret.clone().into() };
    let mut control = Control { api: fake.url(), ..Control::new(fake.environment(), key) };
    change(&mut control);
    ConfluentCloud::new(Options { cluster: fake.cluster().to_owned(), control: Some(control), data: None }).unwrap()
}

/// Judges all requests to the fake by the specification.
#[track_caller]
pub(crate) fn judge(fake: &FakeConfluent) {
    static SPECS: LazyLock<Option<Specs>> = LazyLock::new(Specs::confluent);
    let Some(specs) = SPECS.as_ref() else { return };
    for asked in fake.log() {
        let wrong = specs.judge_request(&asked.method, &asked.path, &asked.query, asked.body.as_ref());
        assert!(wrong.is_empty(), "{asked}: {wrong:?}");
    }
}

fn dev() -> Query {
    let mut query = Query::default();
    query.accounts.patterns.push(NamePattern::try_from("dev-*".to_owned()).unwrap());
    query
}

fn named(names: &[&str]) -> Query {
    let mut query = Query::default();
    query.accounts.names.extend(names.iter().map(|name| (*name).to_owned()));
    query
}

fn create(name: &str) -> Change {
    Change::CreateAccount {
        account: name.to_owned(),
        description: format!("what {name} is for"),
        maker: crate::maker(),
    }
}

fn marker(number: u64) -> KeyMarker {
    KeyMarker { maker: crate::maker(), slot: "default".to_owned(), intent: format!("{number:024x}") }
}

#[tokio::test]
async fn accounts_and_keys_are_created_changed_and_deleted() {
    let fake = FakeConfluent::start();
    let cloud = cloud(&fake);
    assert!(cloud.apply(&[&create("dev-a"), &create("dev-b"), &create("test-a")]).await.iter().all(Result::is_ok));
    let key = cloud.create_key("dev-a", &marker(1)).await.unwrap();
    let observed = cloud.observe(&dev()).await.unwrap();
    assert_eq!(observed.accounts.keys().collect::<Vec<_>>(), ["dev-a", "dev-b"]);
    assert_eq!(observed.accounts["dev-a"].description, "what dev-a is for");
    let seen = &observed.keys[&key.id];
    assert_eq!((seen.account.as_str(), seen.slot.as_deref()), ("dev-a", Some("default")));
    assert!(seen.marker == Some(marker(1).to_string()) && seen.created.is_some());
    let limits = &observed.cluster.limits;
    assert_eq!((limits.accounts, limits.keys), (Some((1000, 3)), Some((2000, 1))));
    assert!(fake.keys().iter().any(|made| made.id == key.id && made.secret == key.secret.expose_secret()));

    let describe = Change::UpdateAccount { account: "dev-a".to_owned(), from: String::new(), to: "new".to_owned() };
    cloud.apply(&[&describe]).await.remove(0).unwrap();
    assert_eq!(cloud.observe(&named(&["dev-a"])).await.unwrap().accounts["dev-a"].description, "new");
    cloud.delete_key("dev-a", &key.id).await.unwrap();
    cloud.delete_key("dev-a", &key.id).await.unwrap();
    let delete = Change::delete_account("dev-a", &ObservedAccount::default());
    cloud.apply(&[&delete]).await.remove(0).unwrap();
    cloud.apply(&[&delete]).await.remove(0).unwrap();
    let rest = cloud.observe(&dev()).await.unwrap();
    assert!(rest.accounts.keys().eq(["dev-b"]) && rest.keys.is_empty());
    judge(&fake);
}

#[tokio::test]
async fn new_accounts_get_the_assigned_owner() {
    let fake = FakeConfluent::start();
    let cloud = cloud_with(&fake, |control| control.assigned_owner = Some("sa-deploy1".to_owned()));
    cloud.apply(&[&create("dev-a")]).await.remove(0).unwrap();
    assert_eq!(fake.accounts()[0].owner.as_deref(), Some("sa-deploy1"));
    judge(&fake);
}

#[tokio::test]
async fn new_keys_name_the_chosen_endpoint() {
    let fake = FakeConfluent::start();
    fake.create_account("dev-a", "");
    let public = fake.bootstrap(fake.cluster());
    fake.add_endpoint(fake.cluster(), "ap1pni123", "lkc-a1-ap1.example:9092");
    let keys = [None, Some("ap1pni123"), Some("PUBLIC"), Some("ap2")].map(async |endpoint| {
        let cloud = cloud_with(&fake, |control| control.endpoint = endpoint.map(str::to_owned));
        let key = cloud.create_key("dev-a", &marker(1)).await;
        key.map(|key| key.connection["bootstrap.servers"].clone()).map_err(|error| error.message)
    });
    let [none, private, chosen, unknown] = futures::future::join_all(keys).await.try_into().unwrap();
    assert_eq!((private.unwrap(), chosen.unwrap()), ("lkc-a1-ap1.example:9092".to_owned(), public));
    insta::assert_snapshot!(
        [none.unwrap_err(), unknown.unwrap_err()].join("\n"),
        @r"
    lkc-a1 has several endpoints: `PUBLIC`, `ap1pni123` (PRIVATE_LINK); name one: `kafka: {endpoint: …}`
    lkc-a1 has no endpoint `ap2`; it has `PUBLIC`, `ap1pni123` (PRIVATE_LINK)
    "
    );
    // A failure comes before the key is created.
    assert_eq!(fake.keys().iter().filter(|key| key.cluster.is_some()).count(), 2);
    let cloud = cloud_with(&fake, |control| control.bootstrap = Some("pkc-1.example:9092".to_owned()));
    let key = cloud.create_key("dev-a", &marker(2)).await.unwrap();
    assert_eq!(key.connection["bootstrap.servers"], "pkc-1.example:9092");
    judge(&fake);
}

#[tokio::test]
async fn a_list_takes_one_call_for_each_page() {
    let fake = FakeConfluent::start();
    fake.limit("kafka.max_api_keys.per_cluster", 3_000);
    let cluster = fake.cluster().to_owned();
    for number in 0..1_000 {
        let id = fake.create_account(&format!("dev-{number:04}"), "x");
        for slot in 0..2 {
            fake.create_key(&id, Some(&cluster), &marker(number * 2 + slot).to_string());
        }
    }
    let cloud = cloud(&fake);
    let observed = cloud.observe(&dev()).await.unwrap();
    assert_eq!((observed.accounts.len(), observed.keys.len()), (1_000, 2_000));
    let calls = cloud.requests();
    assert_eq!(calls["listIamV2ServiceAccounts"], 10);
    assert_eq!(calls["listIamV2ApiKeys"], 20);
    assert_eq!(calls["getIamV2ApiKey"], 1);
    assert_eq!(observed.cluster.control, Some(Principal::of_account(&fake.cloud_key().owner)));
    assert_eq!(calls.values().sum::<u64>(), 34, "{calls:?}");
    fake.clear_log();
    let observed = cloud.observe(&named(&["dev-0007", "dev-0999", "absent"])).await.unwrap();
    assert_eq!((observed.accounts.len(), observed.keys.len()), (2, 4));
    assert_eq!((fake.count(Operation::ListAccounts), fake.count(Operation::ListKeys), fake.log().len()), (1, 2, 3));
    // An account that was observed before is not looked up again.
    fake.clear_log();
    cloud.create_key("dev-0500", &marker(9_999)).await.unwrap();
    assert_eq!(fake.log().len(), 1);
    judge(&fake);
}

#[tokio::test]
async fn every_form_of_a_last_page_ends_a_list() {
    let fake = FakeConfluent::start();
    for number in 0..7 {
        fake.create_account(&format!("dev-{number}"), "x");
    }
    for last_page in [LastPage::Absent, LastPage::Null, LastPage::Empty, LastPage::NoMetadata, LastPage::Repeats] {
        for total_size in [TotalSize::ThisPage, TotalSize::Absent] {
            fake.configure(|behaviour| {
                behaviour.last_page = last_page;
                behaviour.total_size = total_size;
                behaviour.page_limit = Some(3);
            });
            match cloud(&fake).observe(&dev()).await {
                Ok(observed) => assert_eq!((observed.accounts.len(), last_page == LastPage::Repeats), (7, false)),
                Err(e) => assert!(last_page == LastPage::Repeats && e.kind == ErrorKind::Unavailable, "{e}"),
            }
        }
    }
    judge(&fake);
}

#[tokio::test]
async fn the_clients_keep_the_rate_limit() {
    for (headers, most) in [(RateHeaders::All, 16), (RateHeaders::RetryAfter, 30), (RateHeaders::None, 100)] {
        let fake = FakeConfluent::start();
        let limit = RateLimit { requests: 5, window: Duration::from_secs(1), headers };
        fake.configure(|behaviour| behaviour.rate_limit = Some(limit));
        let changes: Vec<Change> = (0..12).map(|number| create(&format!("dev-{number}"))).collect();
        let answers = cloud(&fake).apply(&changes.iter().collect::<Vec<_>>()).await;
        assert!(answers.iter().all(Result::is_ok), "{headers:?}: {answers:?}");
        let log = fake.log();
        assert!(log.len() <= most, "{headers:?}: {} calls for 12", log.len());
        let created = log.iter().filter(|asked| asked.answer.as_ref().is_some_and(|answer| answer.status == 201));
        assert_eq!(created.count(), 12);
    }
}

#[tokio::test]
async fn own_objects_are_known_before_lists_show_them() {
    let fake = FakeConfluent::start();
    fake.configure(|behaviour| {
        behaviour.listed_after = Duration::from_millis(700);
        behaviour.readable_after = Duration::from_millis(700);
    });
    let cloud = cloud(&fake);
    cloud.apply(&[&create("dev-a")]).await.remove(0).unwrap();
    let key = cloud.create_key("dev-a", &marker(1)).await.unwrap();
    cloud.delete_key("dev-a", &key.id).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(cloud.observe(&dev()).await.unwrap().keys.is_empty());
    assert_eq!(fake.keys().len(), 1, "only the Cloud API key is left");
}

#[tokio::test]
async fn a_deleted_object_may_be_answered_with_403() {
    for gone in [Gone::Forbidden, Gone::NotFound] {
        let fake = FakeConfluent::start();
        fake.configure(|behaviour| {
            behaviour.deleted_key = gone;
            behaviour.deleted_account = gone;
        });
        let id = fake.create_account("dev-a", "x");
        let key = fake.create_key(&id, Some(fake.cluster()), "by hand");
        let cloud = cloud(&fake);
        assert!(cloud.observe(&dev()).await.unwrap().keys[&key.id].marker.is_none());
        fake.delete_key(&key.id);
        cloud.delete_key("dev-a", &key.id).await.unwrap();
        fake.delete_account(&id);
        cloud.delete_key("dev-a", &key.id).await.unwrap();
        let answer = cloud.create_key("dev-a", &marker(1)).await;
        assert!(answer.is_err(), "{gone:?}: a key for an account that is gone");
    }
}

#[tokio::test]
async fn foreign_keys_are_left_alone() {
    let fake = FakeConfluent::start();
    let (a, b) = (fake.create_account("dev-a", "x"), fake.create_account("dev-b", "x"));
    fake.add_cluster("env-x1", "lkc-b2", weir_fake_confluent::ClusterKind::Standard);
    let (other, elsewhere) = (fake.create_key(&b, Some(fake.cluster()), ""), fake.create_key(&a, Some("lkc-b2"), ""));
    let cloud = cloud(&fake);
    for key in [&other, &elsewhere] {
        assert_eq!(cloud.delete_key("dev-a", &key.id).await.unwrap_err().kind, ErrorKind::Refused);
    }
    assert_eq!(fake.count(Operation::DeleteKey), 0);
    let observed = cloud.observe(&named(&["dev-a"])).await.unwrap();
    assert!(observed.keys.is_empty(), "keys of another cluster are shown");
}

#[tokio::test]
async fn creations_beyond_the_quota_are_refused() {
    let fake = FakeConfluent::start();
    fake.limit("iam.max_service_accounts.per_org", 2);
    fake.limit("iam.max_cluster_api_keys.per_service_account", 1);
    let cloud = cloud(&fake);
    let (a, b, c) = (create("dev-a"), create("dev-b"), create("dev-c"));
    assert!(cloud.apply(&[&a, &b]).await.iter().all(Result::is_ok));
    let error = cloud.apply(&[&c]).await.remove(0).unwrap_err();
    assert!(error.kind == ErrorKind::Refused && error.message.contains("currently limited to 2"), "{error}");
    assert_eq!(cloud.observe(&dev()).await.unwrap().cluster.limits.accounts, Some((2, 2)));
    cloud.create_key("dev-a", &marker(1)).await.unwrap();
    let error = cloud.create_key("dev-a", &marker(2)).await.unwrap_err();
    assert!(error.kind == ErrorKind::Refused && error.message.contains("currently limited to 1"), "{error}");
}

#[tokio::test]
async fn without_the_right_to_see_quotas_a_plan_has_no_limits() {
    let fake = FakeConfluent::start();
    let forbidden = Answer::error(403, "forbidden_access", "Forbidden", "no");
    fake.fault(Fault::on("GET", "/service-quota/").then(Effect::Answer(forbidden)));
    assert_eq!(cloud(&fake).observe(&dev()).await.unwrap().cluster.limits, weir_planning::Limits::default());
}

/// Creates a key as weir-deployment does: after a lost answer, it looks for the mark.
async fn insist_on_key(cloud: &ConfluentCloud, account: &str, marker: &KeyMarker) -> Result<String, PortError> {
    let mark = Some(marker.to_string());
    for _ in 0..50 {
        match cloud.create_key(account, marker).await {
            Ok(key) => return Ok(key.id),
            Err(e) if e.kind == ErrorKind::Ambiguous => {
                let observed = insist(|| cloud.observe_one(account)).await?;
                for (id, _) in observed.keys.iter().filter(|(_, key)| key.marker == mark) {
                    insist(|| async { cloud.delete_key(account, id).await }).await?;
                }
            }
            Err(e) if e.kind == ErrorKind::Retry => {}
            Err(e) => return Err(e),
        }
    }
    Err(PortError::new(ErrorKind::Unavailable, "gave up"))
}

async fn insist<T, F: Future<Output = Result<T, PortError>>>(mut call: impl FnMut() -> F) -> Result<T, PortError> {
    loop {
        match call().await {
            Err(e) if matches!(e.kind, ErrorKind::Retry | ErrorKind::Ambiguous) => {}
            answer => return answer,
        }
    }
}

trait ObserveOne {
    fn observe_one(&self, account: &str) -> impl Future<Output = Result<Observed, PortError>>;
}

impl ObserveOne for ConfluentCloud {
    async fn observe_one(&self, account: &str) -> Result<Observed, PortError> {
        self.observe(&named(&[account])).await
    }
}

#[tokio::test]
async fn faults_leave_no_duplicates_and_no_orphans() {
    for seed in 0..4 {
        let fake = FakeConfluent::builder().seed(seed).start();
        let effects = [
            Effect::CutBefore,
            Effect::CutAfter,
            Effect::CutInside,
            Effect::AppliedBut(Answer::html(504, "Gateway Timeout")),
            Effect::Answer(Answer::html(503, "Service Unavailable")),
        ];
        for effect in effects {
            fake.fault(Fault::on("*", "/iam/v2/").with_probability(0.05).then(effect));
        }
        let cloud = cloud(&fake);
        let names: Vec<String> = (0..6).map(|number| format!("dev-{number}")).collect();
        for name in &names {
            let create = create(name);
            insist(|| async { cloud.apply(&[&create]).await.remove(0) }).await.unwrap();
        }
        let mut made = BTreeSet::new();
        for (number, name) in names.iter().enumerate() {
            made.insert(insist_on_key(&cloud, name, &marker(number as u64)).await.unwrap());
        }
        fake.clear_faults();
        let observed = cloud.observe(&dev()).await.unwrap();
        assert_eq!(observed.accounts.keys().collect::<Vec<_>>(), names.iter().collect::<Vec<_>>(), "seed {seed}");
        assert_eq!(observed.keys.keys().cloned().collect::<BTreeSet<_>>(), made, "seed {seed}");
        judge(&fake);
    }
}
