use weir_rdkafka_admin::AclOperation;

use crate::{admin, nobody, options};

#[tokio::test]
async fn a_cluster_description_has_id_brokers_and_rights() {
    let (broker, admin) = admin!();
    let cluster = admin.describe_cluster(&options()).await.unwrap();
    assert_eq!(cluster.cluster_id.as_deref(), Some("AAAAAAAAAAAAAAAAAAAAAQ"));
    assert_eq!(cluster.nodes.len(), 1);
    assert_eq!(cluster.controller.as_ref(), Some(&cluster.nodes[0]));
    let node = &cluster.nodes[0];
    assert_eq!((node.id, format!("{}:{}", node.host, node.port)), (1, broker.bootstrap().to_owned()));
    for operation in [AclOperation::Alter, AclOperation::Describe, AclOperation::Create] {
        assert!(cluster.authorized_operations.contains(&operation), "{cluster:?}");
    }
    let (_, nobody) = nobody(broker, &admin).await;
    assert_eq!(nobody.describe_cluster(&options()).await.unwrap().authorized_operations, []);
}
