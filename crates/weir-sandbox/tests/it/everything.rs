//! The observation of a whole cluster, as import needs it.

use weir_model::{Operation, PatternType, Permission, Resource};
use weir_planning::{Acl, Change, Host};
use weir_ports::{Cluster, Query, Selection};

use crate::scene::{account, open, topic};

#[tokio::test]
async fn everything_includes_internal_topics_and_foreign_principals() {
    let dir = tempfile::tempdir().unwrap();
    let sandbox = open(dir.path());
    let acl = Acl {
        resource: Resource::Topic,
        pattern: PatternType::Literal,
        name: "a".into(),
        operation: Operation::Read,
        permission: Permission::Allow,
        host: Host::Any,
    };
    let grants = ["User:CN=app", "User:*"].map(|p| Change::CreateAcl { principal: p.into(), acl: acl.clone() });
    for change in [topic("a"), topic("_schemas"), account("app")].iter().chain(&grants) {
        sandbox.apply(&[change]).await.remove(0).unwrap();
    }
    let everything = || Selection { everything: true, ..Selection::default() };
    let observed = sandbox.observe(&Query { topics: everything(), accounts: everything() }).await.unwrap();
    assert!(observed.topics.keys().eq(["_schemas", "a"]) && observed.other_topics.is_empty(), "{observed:?}");
    assert!(observed.accounts.keys().eq(["app"]), "{observed:?}");
    assert!(observed.acls.keys().map(|principal| &**principal).eq(["User:*", "User:CN=app"]), "{observed:?}");
}
