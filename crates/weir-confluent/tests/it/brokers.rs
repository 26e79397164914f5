//! The data plane in Confluent's dialect: the fake's front before a real broker.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use weir_confluent::{ConfluentCloud, Data};
use weir_fake_confluent::{Operation as Call, Tls};
use weir_model::{Operation, PatternType, Permission, Resource, settings};
use weir_planning::{Acl, Change, Host, KeyMarker, NamePattern, Observed, ObservedTopic, Principal, SettingChange};
use weir_ports::{Cluster as _, ErrorKind, PortError, Query};
use weir_retry::Pauses;

use crate::conforms::{Scene, broker};

/// Returns a name that no other test uses, since all tests share a broker.
fn unique(prefix: &str) -> String {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("{prefix}{}-", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn pattern(prefix: &str) -> NamePattern {
    NamePattern::try_from(format!("{prefix}*")).unwrap()
}

/// Returns a query for all objects whose names begin with `prefix`.
fn all(prefix: &str) -> Query {
    let mut query = Query::default();
    query.topics.patterns.push(pattern(prefix));
    query.accounts.patterns.push(pattern(prefix));
    query
}

fn acl(topic: &str) -> Acl {
    Acl {
        resource: Resource::Topic,
        pattern: PatternType::Literal,
        name: topic.into(),
        operation: Operation::Read,
        permission: Permission::Allow,
        host: Host::Any,
    }
}

fn account(name: &str) -> Change {
    Change::CreateAccount { account: name.to_owned(), description: "x".to_owned(), maker: crate::maker() }
}

fn grant(name: &str, acl: Acl) -> Change {
    Change::CreateAcl { principal: Principal::of_account(name), acl }
}

fn topic(name: &str, config: &[(&str, &str)]) -> Change {
    let config = settings::observed(config.iter().copied());
    Change::CreateTopic { topic: name.to_owned(), partitions: Some(1), replication_factor: None, config }
}

async fn done(cloud: &ConfluentCloud, changes: &[Change]) {
    for (answer, change) in cloud.apply(&changes.iter().collect::<Vec<_>>()).await.into_iter().zip(changes) {
        answer.unwrap_or_else(|e| panic!("{change:?}: {e}"));
    }
}

async fn refused(cloud: &ConfluentCloud, change: &Change) -> PortError {
    cloud.apply(&[change]).await.remove(0).unwrap_err()
}

/// Observes until `seen` holds, since reads lag behind writes.
async fn until(cloud: &ConfluentCloud, query: &Query, seen: impl Fn(&Observed) -> bool) -> Observed {
    for _ in 0..200 {
        let observed = cloud.observe(query).await.unwrap();
        if seen(&observed) {
            return observed;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("never seen: {:?}", cloud.observe(query).await);
}

/// An account with bindings, observed with and without `UserV2:*`.
#[tokio::test(flavor = "multi_thread")]
async fn principals_are_known_by_name_however_brokers_list_them() {
    let Some(broker) = broker() else { return };
    let scene = Scene::new(broker, Tls::Off);
    let prefix = unique("names-");
    let names = ["a", "b"].map(|name| format!("{prefix}{name}"));
    let cloud = scene.both(Tls::Off);
    done(&cloud, &names.clone().map(|name| account(&name))).await;
    done(&cloud, &names.clone().map(|name| grant(&name, acl(&name)))).await;
    let gone = scene.fake.create_account(&format!("{prefix}gone"), "");
    let reader = scene.both(Tls::Off);
    done(&reader, &[grant(&format!("{prefix}gone"), acl("x"))]).await;
    scene.fake.delete_account(&gone);

    let expected: BTreeMap<Principal, BTreeSet<Acl>> =
        names.iter().map(|name| (Principal::of_account(name), BTreeSet::from([acl(name)]))).collect();
    for user_v2 in [true, false] {
        for integer_principals in [true, false] {
            scene.fake.configure(|behaviour| {
                behaviour.user_v2 = user_v2;
                behaviour.integer_principals = integer_principals;
            });
            // A client remembers whether `UserV2:*` works, so each round needs a new one.
            let cloud = scene.both(Tls::Off);
            let observed = until(&cloud, &all(&prefix), |o| o.acls.len() >= 2).await;
            assert_eq!(observed.acls, expected, "{user_v2} {integer_principals}");
            let mut one = Query::default();
            one.accounts.names.insert(names[0].clone());
            let observed = cloud.observe(&one).await.unwrap();
            assert_eq!(observed.acls.keys().collect::<Vec<_>>(), [&Principal::of_account(&names[0])]);
        }
    }
    // A query for all accounts, as import makes it: principals of deleted accounts are shown by id.
    scene.fake.configure(|behaviour| behaviour.user_v2 = true);
    let mut everything = Query::default();
    everything.accounts.everything = true;
    let observed = scene.both(Tls::Off).observe(&everything).await.unwrap();
    assert!(observed.acls.contains_key(&Principal::of_account(&gone)), "{:?}", observed.acls.keys());
    // Bindings remain after their account is deleted.
    done(
        &cloud,
        &names.clone().map(|name| Change::DeleteAcl { principal: Principal::of_account(&name), acl: acl(&name) }),
    )
    .await;
    until(&cloud, &everything, |o| !o.acls.contains_key(&Principal::of_account(&names[0]))).await;
    assert!(cloud.observe(&everything).await.unwrap().acls.contains_key(&Principal::of_account(&gone)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deployer_is_known_by_name() {
    let Some(broker) = broker() else { return };
    let scene = Scene::new(broker, Tls::Off);
    let facts = scene.both(Tls::Off).observe(&Query::default()).await.unwrap().cluster;
    assert_eq!((facts.deployer.as_deref(), facts.deployer_is_super_user), (Some("User:weir-deployer"), true));
    assert_eq!((facts.id.as_str(), facts.brokers, facts.default_partitions), ("lkc-a1", 3, 6));
    for (setting, read_only) in [("confluent.topic.type", true), ("compression.type", true), ("retention.ms", false)] {
        assert_eq!(facts.read_only_settings.contains(setting), read_only, "{setting}");
    }
    // The key is another cluster's, or cannot be looked up.
    scene.fake.add_cluster("env-x1", "lkc-b2", weir_fake_confluent::ClusterKind::Standard);
    let other = scene.fake.create_key(&scene.deployer, Some("lkc-b2"), "");
    let open = |key| scene.open(Some(scene.control(scene.fake.cloud_key())), Some(scene.data(key, Tls::Off)));
    assert!(open(&other).observe(&Query::default()).await.is_err());
    scene.fake.delete_key(&scene.key.id);
    assert_eq!(open(&scene.key).observe(&Query::default()).await.unwrap_err().kind, ErrorKind::Denied);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_data_plane_alone_uses_the_given_ids() {
    let Some(broker) = broker() else { return };
    let scene = Scene::new(broker, Tls::On);
    let prefix = unique("data-");
    let name = format!("{prefix}a");
    let id = scene.fake.create_account(&name, "x");
    let bootstrap = Some(scene.fake.bootstrap(scene.fake.cluster()));
    let ids = [(name.clone(), id), ("weir-deployer".to_owned(), scene.deployer.clone())];
    let data = Data {
        bootstrap,
        account_ids: ids.into(),
        deployer: Some("weir-deployer".to_owned()),
        ..scene.data(&scene.key, Tls::On)
    };
    let cloud = scene.open(None, Some(data));
    done(&cloud, &[topic(&name, &[]), grant(&name, acl(&name))]).await;
    let observed = until(&cloud, &all(&prefix), |o| o.acls.len() == 1 && o.topics.len() == 1).await;
    assert_eq!(observed.acls.keys().collect::<Vec<_>>(), [&Principal::of_account(&name)]);
    assert!(observed.topics[&name].config.is_empty() && observed.topics[&name].replication_factor == 3);
    assert_eq!(observed.cluster.deployer.as_deref(), Some("User:weir-deployer"));
    let mut query = Query::default();
    query.accounts.names.insert(format!("{prefix}untold"));
    assert_eq!(cloud.observe(&query).await.unwrap_err().kind, ErrorKind::Unavailable);
    for change in [
        grant(&format!("{prefix}untold"), acl("x")),
        Change::DeleteAcl { principal: Principal::of_account(format!("{prefix}untold")), acl: acl("x") },
    ] {
        assert_eq!(refused(&cloud, &change).await.kind, ErrorKind::Unavailable);
    }
    assert!(scene.fake.log().is_empty(), "the control plane was asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_and_settings_of_confluent_are_ignored() {
    let Some(broker) = broker() else { return };
    let scene = Scene::new(broker, Tls::Off);
    let cloud = scene.both(Tls::Off);
    let internal = "pksqlc-a1-processing-log";
    let made = broker.tool("topics", &["--create", "--if-not-exists", "--topic", internal]);
    assert!(made.status.success(), "{made:?}");
    let mut query = all("pksqlc-");
    query.topics.names.insert(internal.to_owned());
    let observed = until(&cloud, &query, |o| o.other_topics.contains(internal)).await;
    assert!(observed.topics.is_empty());
    query.topics.everything = true;
    assert!(cloud.observe(&query).await.unwrap().topics.contains_key(internal));
    for change in [
        Change::delete_topic(internal, &ObservedTopic::default()),
        Change::AddPartitions { topic: internal.to_owned(), from: 6, to: 7 },
        topic("_schemas", &[]),
    ] {
        assert_eq!(refused(&cloud, &change).await.kind, ErrorKind::Refused);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unsupported_changes_are_refused_with_a_reason() {
    let Some(broker) = broker() else { return };
    let scene = Scene::new(broker, Tls::Off);
    let cloud = scene.both(Tls::Off);
    let one = Change::CreateTopic {
        topic: "t".to_owned(),
        partitions: Some(1),
        replication_factor: Some(1),
        config: BTreeMap::new(),
    };
    let here = grant("weir-deployer", Acl { host: "10.0.0.1".into(), ..acl("t") });
    let said =
        [refused(&cloud, &one).await, refused(&cloud, &here).await, refused(&cloud, &grant("absent", acl("t"))).await];
    assert!(said.iter().all(|error| error.kind == ErrorKind::Refused));
    insta::assert_snapshot!(said.map(|error| error.message).join("\n"), @r"
    the topic `t` asks for replication factor 1; on Confluent Cloud it is always 3
    a binding of User:weir-deployer is for clients at 10.0.0.1; Confluent Cloud takes bindings for any address only
    there is no service account `absent`
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_policies_are_reached_in_two_steps() {
    let Some(broker) = broker() else { return };
    let scene = Scene::new(broker, Tls::Off);
    let cloud = scene.both(Tls::Off);
    let prefix = unique("policy-");
    let names = ["a", "b"].map(|name| format!("{prefix}{name}"));
    done(&cloud, &[topic(&names[0], &[]), topic(&names[1], &[("cleanup.policy", "delete")])]).await;
    until(&cloud, &all(&prefix), |o| o.topics.len() == 2).await;
    let alter = |topic: &String, from: Option<&str>| Change::AlterConfig {
        topic: topic.clone(),
        settings: [("cleanup.policy", from, "compact,delete"), ("retention.ms", None, "86400000")]
            .map(|(name, from, to)| (name.to_owned(), SettingChange::new(name, from, Some(to))))
            .into(),
    };
    done(&cloud, &[alter(&names[0], None), alter(&names[1], Some("delete"))]).await;
    let expected = settings::observed([("cleanup.policy", "compact,delete"), ("retention.ms", "86400000")]);
    until(&cloud, &all(&prefix), |o| o.topics.values().all(|topic| topic.config == expected)).await;
    assert_eq!(refused(&cloud, &alter(&format!("{prefix}absent"), None)).await.kind, ErrorKind::Refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_waited_for_and_asked_for_again() {
    let Some(broker) = broker() else { return };
    let scene = Scene::new(broker, Tls::Off);
    let cloud = scene.both(Tls::Off);
    scene.fake.configure(|behaviour| {
        behaviour.key_ready_after = Duration::from_secs(3);
        behaviour.key_ready_spread = Duration::from_millis(500);
    });
    let marker = KeyMarker { maker: crate::maker(), slot: "default".to_owned(), intent: "0".to_owned() };
    let key = cloud.create_key("weir-deployer", &marker).await.unwrap();
    assert!(!cloud.key_ready(&key).await.unwrap());
    let mut looks = Pauses::new(Duration::from_secs(1), Duration::from_secs(1), Duration::from_secs(30)).begin();
    while !cloud.key_ready(&key).await.unwrap() {
        assert!(looks.wait().await, "the key is never let in");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_calls_is_constant_or_grows_by_page() {
    let Some(broker) = broker() else { return };
    let scene = Scene::new(broker, Tls::Off);
    let prefix = unique("many-");
    let cloud = scene.both(Tls::Off);
    let names: Vec<String> = (0..200).map(|number| format!("{prefix}{number:03}")).collect();
    for name in &names {
        scene.fake.create_account(name, "x");
    }
    let grants: Vec<Change> =
        names.iter().flat_map(|name| (0..5).map(move |n| grant(name, acl(&format!("{name}{n}"))))).collect();
    done(&cloud, &grants).await;
    assert_eq!(scene.fake.count(Call::ListAccounts), 3, "201 accounts are three pages");
    until(&cloud, &all(&prefix), |o| o.acls.values().map(BTreeSet::len).sum::<usize>() == 1_000).await;
    let (fresh, before) = (scene.both(Tls::Off), scene.fake.log().len());
    let observed = fresh.observe(&all(&prefix)).await.unwrap();
    assert_eq!((observed.accounts.len(), observed.acls.len()), (200, 200));
    // Cluster, deployer's key and account, the control plane's key, three pages of accounts, one page of keys, quotas twice.
    assert_eq!(scene.fake.log().len() - before, 10);
    assert!(fresh.broker_requests() <= 5, "{}", fresh.broker_requests());
}

#[tokio::test]
async fn an_untrusted_host_gets_no_credentials() {
    let Some(broker) = broker() else { return };
    let scene = Scene::new(broker, Tls::On);
    // The host speaks TLS with a certificate that the system does not trust.
    let api = format!("https://{}", scene.fake.bootstrap(scene.fake.cluster()));
    let control = weir_confluent::Control { api, ..scene.control(scene.fake.cloud_key()) };
    let cloud = scene.open(Some(control), None);
    let error = cloud.observe(&Query::default()).await.unwrap_err();
    assert!(error.kind == ErrorKind::Unavailable && error.message.contains("certificate"), "{error}");
    assert_eq!(cloud.requests()["getCmkV2Cluster"], 1);
}

/// The usage of partitions and bindings is observed at the brokers; the limits come from documents or from `takes`.
#[tokio::test(flavor = "multi_thread")]
async fn limits_depend_on_the_clusters_type() {
    let Some(broker) = broker() else { return };
    let scene = Scene::new(broker, Tls::Off);
    let name = unique("limits-");
    let cloud = scene.both(Tls::Off);
    done(&cloud, &[account(&name), topic(&name, &[])]).await;
    done(&cloud, &[grant(&name, acl(&name))]).await;
    // Other tests add objects to the shared broker.
    let one = || {
        let mut query = Query::default();
        query.accounts.names.insert(name.clone());
        query
    };
    for query in [all(&name), one()] {
        let limits = scene.both(Tls::Off).observe(&query).await.unwrap().cluster.limits;
        let documented = limits.documented.unwrap();
        assert_eq!(documented.kind, "Standard");
        let ((partitions, used), (acls, bound)) = (documented.partitions.unwrap(), documented.acls.unwrap());
        assert_eq!((partitions, acls, limits.partitions, limits.acls), (4_096, 1_000, None, None));
        assert!(used >= 1 && bound >= 1, "{used}, {bound}");
    }
    let mut control = scene.control(scene.fake.cloud_key());
    control.takes = weir_confluent::Takes { partitions: Some(9_000), acls: Some(4_000) };
    let told = scene.open(Some(control), Some(scene.data(&scene.key, Tls::Off)));
    let limits = told.observe(&one()).await.unwrap().cluster.limits;
    assert_eq!((limits.partitions.unwrap().0, limits.acls.unwrap().0, limits.documented), (9_000, 4_000, None));
}

/// A deletion is answered before the topic disappears, and a creation with zeros: only the observed state counts.
#[tokio::test(flavor = "multi_thread")]
async fn the_observed_state_counts_not_the_answer() {
    let Some(broker) = broker() else { return };
    let scene = Scene::new(broker, Tls::Off);
    let name = unique("later-");
    let cloud = scene.both(Tls::Off);
    scene.fake.configure(|behaviour| {
        behaviour.created_with_zeros = true;
        behaviour.topics_deleted_after = Duration::from_secs(60);
    });
    done(&cloud, &[topic(&name, &[])]).await;
    let observed = until(&cloud, &all(&name), |o| o.topics.contains_key(&name)).await;
    assert_eq!((observed.topics[&name].partitions, observed.topics[&name].replication_factor), (1, 3));
    let delete = Change::delete_topic(&name, &ObservedTopic::default());
    for _ in 0..2 {
        done(&cloud, std::slice::from_ref(&delete)).await;
        assert!(cloud.observe(&all(&name)).await.unwrap().topics.contains_key(&name));
    }
    scene.fake.advance(Duration::from_secs(60));
    until(&cloud, &all(&name), |o| !o.topics.contains_key(&name)).await;
}

/// Changes beyond a limit are refused with a reason.
#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_limits_of_a_cluster() {
    let Some(broker) = broker() else { return };
    let scene = Scene::new(broker, Tls::Off);
    let name = unique("beyond-");
    let cloud = scene.both(Tls::Off);
    done(&cloud, &[account(&name)]).await;
    scene.fake.configure(|behaviour| {
        behaviour.partition_limit = Some(0);
        behaviour.acl_limit = Some(0);
    });
    let error = refused(&cloud, &topic(&name, &[])).await;
    assert!(error.kind == ErrorKind::Refused && error.message.contains("exceed 0 total partitions"), "{error}");
    assert_eq!(refused(&cloud, &grant(&name, acl(&name))).await.kind, ErrorKind::Refused);
}
