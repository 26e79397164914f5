//! ACL bindings.

use weir_model::{Operation, PatternType, Resource};
use weir_planning::{Acl, Host, Principal};
use weir_ports::PortError;

use super::room;
use crate::{state::ACLS, transaction::Transaction};

pub(crate) fn create(on: &mut Transaction<'_>, principal: &Principal, acl: &Acl) -> Result<(), PortError> {
    check(principal, acl)?;
    let state = on.state();
    if state.acls.get(principal).is_some_and(|acls| acls.contains(acl)) {
        return Ok(());
    }
    if let Some(limit) = state.cluster.limits.acls {
        room("ACL bindings", state.acls.values().map(|acls| acls.len() as u64).sum::<u64>() + 1, Some(limit))?;
    }
    on.edit(ACLS).acls.entry(principal.clone()).or_default().insert(acl.clone());
    Ok(())
}

pub(crate) fn delete(on: &mut Transaction<'_>, principal: &Principal, acl: &Acl) {
    if !on.state().acls.get(principal).is_some_and(|acls| acls.contains(acl)) {
        return;
    }
    let acls = &mut on.edit(ACLS).acls;
    if let Some(of_principal) = acls.get_mut(principal) {
        of_principal.remove(acl);
        if of_principal.is_empty() {
            acls.remove(principal);
        }
    }
}

fn check(principal: &Principal, acl: &Acl) -> Result<(), PortError> {
    let Acl { resource, pattern, name, operation, permission: _, host } = acl;
    if principal.user().is_none_or(str::is_empty) {
        return Err(PortError::refused(format!("`{principal}` is not a principal; it must be `User:` and a name")));
    }
    if name.is_empty() {
        return Err(PortError::refused("the ACL's resource name is empty"));
    }
    if matches!(host, Host::Address(address) if address.is_empty()) {
        return Err(PortError::refused("the ACL's host is empty; any host is `*`"));
    }
    if *resource == Resource::Cluster && (&**name != Acl::CLUSTER_NAME || *pattern != PatternType::Literal) {
        return Err(PortError::refused(format!(
            "the only resource name of the cluster is `{}`, literally; not `{name}`",
            Acl::CLUSTER_NAME
        )));
    }
    if !operations(*resource).contains(operation) && *operation != Operation::All {
        return Err(PortError::refused(format!("the operation {operation:?} does not apply to {resource:?}")));
    }
    Ok(())
}

/// Returns the operations that apply to a resource. Apache Kafka checks this list only in its command line
/// (`AclEntry.supportedOperations`), and accepts any operation in the protocol; such a binding is still a mistake.
fn operations(resource: Resource) -> &'static [Operation] {
    use Operation::{
        Alter, AlterConfigs, ClusterAction, Create, Delete, Describe, DescribeConfigs, IdempotentWrite, Read, Write,
    };
    match resource {
        Resource::Topic => &[Read, Write, Create, Describe, Delete, Alter, DescribeConfigs, AlterConfigs],
        Resource::Group => &[Read, Describe, Delete, DescribeConfigs, AlterConfigs],
        Resource::Cluster => &[Create, ClusterAction, DescribeConfigs, AlterConfigs, IdempotentWrite, Alter, Describe],
        Resource::TransactionalId => &[Describe, Write],
        Resource::DelegationToken => &[Describe],
    }
}
