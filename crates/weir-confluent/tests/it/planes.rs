//! One plane without the other.

use std::collections::{BTreeMap, BTreeSet};

use weir_confluent::{ConfluentCloud, Data, Options};
use weir_planning::{Change, KeyMarker, NamePattern, ObservedAccount, ObservedTopic};
use weir_ports::{Cluster as _, ErrorKind, Query};

use crate::{cloud, key};

#[tokio::test]
async fn the_control_plane_alone_reports_no_topics() {
    let cloud = cloud("http://127.0.0.1:1");
    let mut query = Query::default();
    query.topics.patterns.push(NamePattern::try_from("dev.*".to_owned()).unwrap());
    let error = cloud.observe(&query).await.unwrap_err();
    insta::assert_snapshot!(error, @"the data plane of lkc-a1 is not open in this run: topics and ACLs are out of reach");
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert_eq!(cloud.topic_facts(&BTreeSet::new()).await.unwrap_err().kind, ErrorKind::Unavailable);
    let change = Change::delete_topic("dev.a", &ObservedTopic::default());
    assert_eq!(cloud.apply(&[&change]).await.remove(0).unwrap_err().kind, ErrorKind::Unavailable);
}

#[tokio::test]
async fn the_data_plane_alone_reports_no_accounts() {
    let data = Data { bootstrap: Some("SASL_PLAINTEXT://127.0.0.1:1".to_owned()), ..Data::new(key("KEY")) };
    let cloud = ConfluentCloud::new(Options { cluster: "lkc-a1".to_owned(), control: None, data: Some(data) }).unwrap();
    let change = Change::delete_account("dev-a", &ObservedAccount::default());
    let error = cloud.apply(&[&change]).await.remove(0).unwrap_err();
    insta::assert_snapshot!(error, @"the control plane of lkc-a1 is not open in this run: service accounts and API keys are out of reach");
    let marker = KeyMarker { maker: crate::maker(), slot: "a".to_owned(), intent: "0".to_owned() };
    for kind in [
        cloud.create_key("dev-a", &marker).await.unwrap_err().kind,
        cloud.delete_key("dev-a", "K").await.unwrap_err().kind,
    ] {
        assert_eq!(kind, ErrorKind::Unavailable);
    }
    assert!(cloud.requests().is_empty());
}

#[test]
fn unencrypted_addresses_are_refused() {
    let data = |bootstrap: &str| Data { bootstrap: Some(bootstrap.to_owned()), ..Data::new(key("KEY")) };
    let new = |data| ConfluentCloud::new(Options { cluster: "lkc-a1".to_owned(), control: None, data: Some(data) });
    assert_eq!(new(data("SASL_PLAINTEXT://pkc-1:9092")).unwrap_err().kind, ErrorKind::Refused);
    let told = Data { account_ids: BTreeMap::new(), ..data("pkc-1:9092") };
    assert!(new(told).is_ok());
}
