use weir_rdkafka_admin::rdkafka::types::RDKafkaErrorCode;
use weir_rdkafka_admin::{ScramAlteration, ScramCredential, ScramMechanism};

use crate::{admin, client, code, eventually, nobody, options, unique};

fn upsert<'a>(user: &'a str, password: &'a [u8], iterations: i32, salt: Option<&'a [u8]>) -> ScramAlteration<'a> {
    ScramAlteration::Upsert { user, mechanism: ScramMechanism::Sha512, iterations, password, salt }
}

#[tokio::test]
async fn a_credential_is_created_used_replaced_and_deleted() {
    let (broker, admin) = admin!();
    let user = unique("scram");
    let made = [
        upsert(&user, "pass wörd".as_bytes(), 4096, Some(b"sixteen bytes...")),
        ScramAlteration::Upsert {
            user: &user,
            mechanism: ScramMechanism::Sha256,
            iterations: 8192,
            password: b"other",
            salt: None,
        },
    ];
    let twice = admin.alter_scram_credentials(&made, &options()).await.unwrap();
    assert!(twice.iter().all(|r| code(r) == Some(RDKafkaErrorCode::DuplicateResource)), "{twice:?}");
    for alteration in made {
        assert_eq!(admin.alter_scram_credentials(&[alteration], &options()).await.unwrap(), [Ok(())]);
    }
    let expected = [
        ScramCredential { mechanism: ScramMechanism::Sha256, iterations: 8192 },
        ScramCredential { mechanism: ScramMechanism::Sha512, iterations: 4096 },
    ];
    eventually("both are seen", async || {
        let all = admin.describe_scram_credentials(Some(&[&user]), &options()).await.unwrap();
        let Ok(mut found) = all[&user].clone() else { return false };
        found.sort();
        found == expected
    })
    .await;
    let everybody = admin.describe_scram_credentials(None, &options()).await.unwrap();
    assert!(everybody.contains_key(&user) && everybody.contains_key("admin"), "{everybody:?}");

    client(broker.client(&user, "pass wörd")).describe_cluster(&options()).await.unwrap();

    admin.alter_scram_credentials(&[upsert(&user, b"new", 4096, None)], &options()).await.unwrap();
    eventually("the new password works", async || {
        client(broker.client(&user, "new")).describe_cluster(&options()).await.is_ok()
    })
    .await;

    let delete = |mechanism| ScramAlteration::Delete { user: &user, mechanism };
    for mechanism in [ScramMechanism::Sha512, ScramMechanism::Sha256] {
        let deleted = admin.alter_scram_credentials(&[delete(mechanism)], &options()).await.unwrap();
        assert_eq!(deleted, [Ok(())]);
    }
    eventually("the user is gone", async || {
        let all = admin.describe_scram_credentials(Some(&[&user]), &options()).await.unwrap();
        code(&all[&user]) == Some(RDKafkaErrorCode::ResourceNotFound)
    })
    .await;
}

#[tokio::test]
async fn one_wrong_user_of_a_batch_fails_alone() {
    let (_, admin) = admin!();
    let (good, weak, missing) = (unique("scram"), unique("scram"), unique("scram"));
    let alterations = [
        ScramAlteration::Delete { user: &missing, mechanism: ScramMechanism::Sha512 },
        upsert(&good, b"p", 4096, None),
        upsert(&weak, b"p", 10, None),
    ];
    let results = admin.alter_scram_credentials(&alterations, &options()).await.unwrap();
    assert_eq!(code(&results[0]), Some(RDKafkaErrorCode::ResourceNotFound), "{results:?}");
    assert_eq!(results[1], Ok(()));
    assert_eq!(code(&results[2]), Some(RDKafkaErrorCode::UnacceptableCredential), "{results:?}");
    assert!(!results[2].as_ref().unwrap_err().message.is_empty());
}

#[tokio::test]
async fn an_empty_list_of_users_does_not_mean_all_users() {
    let (_, admin) = admin!();
    assert!(admin.describe_scram_credentials(Some(&[]), &options()).await.unwrap().is_empty());
    let twice = admin.describe_scram_credentials(Some(&["a", "a"]), &options()).await.unwrap_err();
    assert_eq!(twice.code(), Some(RDKafkaErrorCode::InvalidArgument));
    assert_eq!(twice.to_string(), "Duplicate users aren't allowed in the same request");
}

/// Without `broken_error`, librdkafka would free a pointer into its stack here.
#[tokio::test]
async fn a_refusal_to_describe_does_not_end_the_process() {
    let (broker, admin) = admin!();
    let (_, nobody) = nobody(broker, &admin).await;
    for users in [None, Some(["admin"].as_slice())] {
        let refused = nobody.describe_scram_credentials(users, &options()).await.unwrap_err();
        assert_eq!(refused.code(), Some(RDKafkaErrorCode::ClusterAuthorizationFailed));
        assert_eq!(refused.to_string(), "Broker: Cluster authorization failed");
    }
    let options = options();
    for wait in [0, 1, 2, 5] {
        let abandoned = nobody.describe_scram_credentials(None, &options);
        let _ = tokio::time::timeout(std::time::Duration::from_millis(wait), abandoned).await;
    }
    drop(nobody);
}

#[tokio::test]
async fn a_client_without_rights_gets_an_error() {
    let (broker, admin) = admin!();
    let (_, nobody) = nobody(broker, &admin).await;
    let refused = Some(RDKafkaErrorCode::ClusterAuthorizationFailed);
    match nobody.alter_scram_credentials(&[upsert("x", b"p", 4096, None)], &options()).await {
        Ok(results) => assert_eq!(code(&results[0]), refused),
        Err(error) => assert_eq!(error.code(), refused),
    }
}

#[tokio::test]
async fn hundreds_of_users_in_one_request() {
    let (_, admin) = admin!();
    let prefix = unique("scram");
    let users: Vec<_> = (0..200).map(|i| format!("{prefix}.{i:03}")).collect();
    let made: Vec<_> = users.iter().map(|user| upsert(user, b"p", 4096, None)).collect();
    assert!(admin.alter_scram_credentials(&made, &options()).await.unwrap().iter().all(Result::is_ok));
    let names: Vec<_> = users.iter().map(String::as_str).collect();
    eventually("all are seen", async || {
        let found = admin.describe_scram_credentials(Some(&names), &options()).await.unwrap();
        found.len() == 200 && found.values().all(Result::is_ok)
    })
    .await;
}
