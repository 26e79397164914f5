//! Large stages in reasonable time, whatever the build.

use std::sync::Arc;

use weir_model::{Ensure, Operation, PatternType, Permission, Resource};
use weir_planning::*;

use crate::sample::{WORKSPACE, desired_of, options};

/// One principal with many bindings, half of them replaced: quadratic work would not end.
#[test]
fn one_account_with_many_bindings_is_linear() {
    let account = "apiVersion: weir/v1\nkind: ServiceAccount\nmetadata: {name: x, team: toll}\nspec: {}\n";
    let mut desired = desired_of([WORKSPACE, account]);
    let mut observed = Observed::default();
    observed.accounts.insert("dev-x".to_owned(), ObservedAccount::default());
    let acl = |n: usize| Acl {
        resource: Resource::Topic,
        pattern: PatternType::Literal,
        name: format!("dev.team{}.t{n:06}", n % 97).into(),
        operation: Operation::Read,
        permission: Permission::Allow,
        host: Host::Any,
    };
    let list: Arc<str> = "x".into();
    let wanted = (0..20_000).map(|n| (acl(n), DesiredBinding::own([Arc::clone(&list)]))).collect();
    let declared = desired.accounts.get_mut("dev-x").unwrap();
    declared.acls = wanted;
    assert_eq!(declared.ensure, Ensure::Present);
    observed.acls.insert(Principal::of_account("dev-x"), (10_000..30_000).map(acl).collect());
    let plan = plan(&desired, &observed, &options()).plan;
    assert_eq!(plan.steps.len(), 20_000);
    assert!(plan.beyond_threshold.is_some());
    assert!(render::markdown(&plan).len() < 64_000, "a comment on a pull request holds it");
}
