use weir_rdkafka_admin::rdkafka::types::RDKafkaErrorCode;
use weir_rdkafka_admin::{
    AclBinding, AclFilter, AclOperation, Admin, PatternFilter, PatternType, Permission, ResourceType,
};

use weir_testkit::Broker;

use crate::{admin, client, code, eventually, nobody, options, unique};

fn acl(principal: &str, name: &str) -> AclBinding {
    AclBinding {
        resource_type: ResourceType::Topic,
        name: name.into(),
        pattern: PatternType::Literal,
        principal: format!("User:{principal}"),
        host: "*".into(),
        operation: AclOperation::Read,
        permission: Permission::Allow,
    }
}

fn of(principal: &str) -> AclFilter {
    AclFilter { principal: Some(format!("User:{principal}")), ..AclFilter::any() }
}

async fn seen(admin: &Admin, principal: &str) -> Vec<AclBinding> {
    let mut acls = admin.describe_acls(&of(principal), &options()).await.unwrap();
    acls.sort();
    acls
}

#[tokio::test]
async fn every_kind_of_acl_is_read_back_unchanged() {
    let (_, admin) = admin!();
    let user = unique("acl");
    let mut made = vec![
        acl(&user, "a.b_c-d"),
        acl(&user, "*"),
        AclBinding { pattern: PatternType::Prefixed, ..acl(&user, "a.") },
        AclBinding { permission: Permission::Deny, host: "10.0.0.1".into(), ..acl(&user, "a.b_c-d") },
        AclBinding { resource_type: ResourceType::Group, ..acl(&user, "g ö") },
        AclBinding { resource_type: ResourceType::TransactionalId, operation: AclOperation::Write, ..acl(&user, "tx") },
        AclBinding {
            resource_type: ResourceType::Cluster,
            operation: AclOperation::IdempotentWrite,
            ..acl(&user, "kafka-cluster")
        },
    ];
    for operation in [
        AclOperation::All,
        AclOperation::Write,
        AclOperation::Create,
        AclOperation::Delete,
        AclOperation::Alter,
        AclOperation::Describe,
        AclOperation::DescribeConfigs,
        AclOperation::AlterConfigs,
    ] {
        made.push(AclBinding { operation, ..acl(&user, "ops") });
    }
    made.sort();
    assert!(admin.create_acls(&made, &options()).await.unwrap().iter().all(Result::is_ok));
    assert!(admin.create_acls(&made, &options()).await.unwrap().iter().all(Result::is_ok), "again is a success");
    eventually("all are seen", async || seen(&admin, &user).await == made).await;
}

#[tokio::test]
async fn an_exact_filter_deletes_exactly_one_acl() {
    let (_, admin) = admin!();
    let user = unique("acl");
    let keep = [
        AclBinding { pattern: PatternType::Prefixed, ..acl(&user, "a") },
        AclBinding { host: "10.0.0.1".into(), ..acl(&user, "a") },
        AclBinding { permission: Permission::Deny, ..acl(&user, "a") },
        AclBinding { resource_type: ResourceType::Group, ..acl(&user, "a") },
        AclBinding { operation: AclOperation::All, ..acl(&user, "a") },
        acl(&user, "*"),
    ];
    let gone = acl(&user, "a");
    let mut all = keep.to_vec();
    all.push(gone.clone());
    admin.create_acls(&all, &options()).await.unwrap();
    eventually("all are seen", async || seen(&admin, &user).await.len() == all.len()).await;

    let missing = AclFilter::exactly(&acl(&user, "never")).unwrap();
    let filters = [AclFilter::exactly(&gone).unwrap(), missing];
    let answers = admin.delete_acls(&filters, &options()).await.unwrap();
    let first = answers[0].as_ref().unwrap();
    assert_eq!(first.iter().map(|d| (&d.acl, d.result.clone())).collect::<Vec<_>>(), [(&gone, Ok(()))]);
    assert_eq!(answers[1], Ok(vec![]), "matching nothing is a success");
    let mut keep = keep.to_vec();
    keep.sort();
    eventually("only the others are left", async || seen(&admin, &user).await == keep).await;
}

#[tokio::test]
async fn filters_match_by_pattern() {
    let (_, admin) = admin!();
    let (user, name) = (unique("acl"), unique("pattern"));
    let made = [acl(&user, &name), AclBinding { pattern: PatternType::Prefixed, ..acl(&user, &name[..4]) }];
    admin.create_acls(&made, &options()).await.unwrap();
    eventually("both are seen", async || seen(&admin, &user).await.len() == 2).await;
    for (pattern, count) in
        [(PatternFilter::Any, 1), (PatternFilter::Literal, 1), (PatternFilter::Prefixed, 0), (PatternFilter::Match, 2)]
    {
        let filter = AclFilter { name: Some(name.clone()), pattern, ..of(&user) };
        assert_eq!(admin.describe_acls(&filter, &options()).await.unwrap().len(), count, "{pattern:?}");
    }
    let any_operation = AclFilter { operation: Some(AclOperation::All), ..of(&user) };
    assert_eq!(admin.describe_acls(&any_operation, &options()).await.unwrap(), [], "All is an operation, not any");
}

#[tokio::test]
async fn one_wrong_acl_of_a_batch_fails_alone() {
    let (_, admin) = admin!();
    let user = unique("acl");
    let wrong = AclBinding { resource_type: ResourceType::Cluster, ..acl(&user, "another-cluster") };
    let nobody = AclBinding { principal: "no-type".into(), ..acl(&user, "b") };
    let results = admin.create_acls(&[acl(&user, "a"), wrong, nobody, acl(&user, "c")], &options()).await.unwrap();
    assert_eq!(results[0], Ok(()));
    assert_eq!(code(&results[1]), Some(RDKafkaErrorCode::InvalidRequest), "{results:?}");
    assert!(results[1].as_ref().unwrap_err().message.contains("kafka-cluster"), "{results:?}");
    assert!(results[2].is_err(), "{results:?}");
    assert_eq!(results[3], Ok(()));
    eventually("the right ones are seen", async || seen(&admin, &user).await == [acl(&user, "a"), acl(&user, "c")])
        .await;
}

#[tokio::test]
async fn thousands_of_acls_in_one_request() {
    let (_, admin) = admin!();
    let user = unique("acl");
    let made: Vec<_> = (0..2_000).map(|i| acl(&user, &format!("t{i:05}"))).collect();
    let results = admin.create_acls(&made, &options()).await.unwrap();
    assert_eq!((results.len(), results.iter().filter(|r| r.is_ok()).count()), (2_000, 2_000));
    eventually("all are seen", async || seen(&admin, &user).await == made).await;

    let filters: Vec<_> = made.iter().filter_map(AclFilter::exactly).collect();
    let answers = admin.delete_acls(&filters, &options()).await.unwrap();
    let wrong = answers.iter().zip(&made).find(|(a, m)| !a.as_ref().is_ok_and(|a| a.len() == 1 && a[0].acl == **m));
    assert_eq!(wrong, None);
    eventually("all are gone", async || seen(&admin, &user).await.is_empty()).await;
}

#[tokio::test]
async fn beyond_the_brokers_limit_every_acl_is_refused() {
    let (_, admin) = admin!();
    let user = unique("acl");
    let made: Vec<_> = (0..10_001).map(|i| acl(&user, &format!("t{i:05}"))).collect();
    let failed = match admin.create_acls(&made, &options()).await {
        Ok(results) => results.iter().all(Result::is_err),
        Err(_) => true,
    };
    assert!(failed);
}

#[tokio::test]
async fn a_refusal_to_describe_is_not_an_empty_answer() {
    let (broker, admin) = admin!();
    let (user, nobody) = nobody(broker, &admin).await;
    admin.create_acls(&[acl(&user, "a")], &options()).await.unwrap();
    eventually("the super user sees it", async || seen(&admin, &user).await.len() == 1).await;

    let refused = nobody.describe_acls(&of(&user), &options()).await.unwrap_err();
    assert_eq!(refused.code(), Some(RDKafkaErrorCode::ClusterAuthorizationFailed));
    assert_eq!(admin.describe_acls(&of("never-seen"), &options()).await.unwrap(), [], "nothing is an answer as well");

    let describe = AclBinding {
        resource_type: ResourceType::Cluster,
        operation: AclOperation::Describe,
        ..acl(&user, "kafka-cluster")
    };
    admin.create_acls(&[describe], &options()).await.unwrap();
    eventually("the right to describe is enough", async || {
        nobody.describe_acls(&of("never-seen"), &options()).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn a_client_without_rights_gets_an_error_for_each_acl() {
    let (broker, admin) = admin!();
    let (user, nobody) = nobody(broker, &admin).await;
    let refused = Some(RDKafkaErrorCode::ClusterAuthorizationFailed);
    match nobody.create_acls(&[acl(&user, "a"), acl(&user, "b")], &options()).await {
        Ok(results) => assert!(results.iter().all(|r| code(r) == refused), "{results:?}"),
        Err(error) => assert_eq!(error.code(), refused),
    }
    match nobody.delete_acls(&[of(&user), of("x")], &options()).await {
        Ok(results) => assert!(results.iter().all(|r| code(r) == refused), "{results:?}"),
        Err(error) => assert_eq!(error.code(), refused),
    }
}

/// Names of usual length fill a stack of 8 MiB at about 60,000 ACLs.
#[tokio::test]
async fn an_answer_can_hold_thousands_of_long_names() {
    let Some(broker) = Broker::start(&["--set", "controller.quorum.append.linger.ms=0"]) else { return };
    let admin = client(broker.admin_client());
    let name = |i| format!("t{i:05}.{}", "a-name-that-is-as-long-as-people-write-them".repeat(2));
    let made: Vec<_> = (0..70_000).map(|i| acl("application", &name(i))).collect();
    for batch in made.chunks(5_000) {
        assert!(admin.create_acls(batch, &options()).await.unwrap().iter().all(Result::is_ok));
    }
    eventually("all are seen", async || seen(&admin, "application").await == made).await;
}
