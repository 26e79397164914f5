//! Translates between Kafka's ACL bindings and the plan's.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;
use weir_model::{Operation, PatternType, Permission, Resource};
use weir_planning::{Acl, Principal};
use weir_ports::PortError;
use weir_rdkafka_admin as rd;
use weir_rdkafka_admin::{AclBinding, AclFilter, PatternFilter};

use crate::Kafka;

/// Bindings by principal.
pub(crate) type Bindings = BTreeMap<Principal, BTreeSet<Acl>>;

/// Adds a binding; ignores bindings that librdkafka has no name for.
pub(crate) fn add(bindings: &mut Bindings, binding: &AclBinding) {
    if let Some(acl) = acl(binding) {
        bindings.entry(binding.principal.as_str().into()).or_default().insert(acl);
    }
}

/// The parts in which all bindings are listed, because librdkafka ends the process if one answer names more than
/// 100,000 resources. Prefixed bindings on other resources are few.
const PARTS: [(rd::ResourceType, PatternFilter); 5] = [
    (rd::ResourceType::Topic, PatternFilter::Literal),
    (rd::ResourceType::Topic, PatternFilter::Prefixed),
    (rd::ResourceType::Group, PatternFilter::Any),
    (rd::ResourceType::TransactionalId, PatternFilter::Any),
    (rd::ResourceType::Cluster, PatternFilter::Any),
];

/// Lists the bindings of a principal in one request, or all bindings in several simultaneous ones. Bindings on
/// resources that librdkafka has no name for are left out.
pub(crate) async fn list(kafka: &Kafka, principal: Option<&str>) -> Result<Vec<AclBinding>, PortError> {
    const WHAT: &str = "cannot list ACLs (needs Describe on the cluster)";
    let options = kafka.request_options();
    let ask = async |filter: AclFilter| kafka.read(WHAT, kafka.admin.describe_acls(&filter, &options)).await;
    if let Some(principal) = principal {
        return ask(AclFilter { principal: Some(principal.to_owned()), ..AclFilter::any() }).await;
    }
    let parts = PARTS.map(|(resource_type, pattern)| {
        ask(AclFilter { resource_type: Some(resource_type), pattern, ..AclFilter::any() })
    });
    Ok(try_join_all(parts).await?.concat())
}

/// Returns the binding of a principal; `None` for delegation tokens, which librdkafka has no name for.
pub(crate) fn binding(principal: &str, acl: &Acl) -> Option<AclBinding> {
    let Acl { resource, pattern, name, operation, permission, host } = acl;
    Some(AclBinding {
        resource_type: match resource {
            Resource::Topic => rd::ResourceType::Topic,
            Resource::Group => rd::ResourceType::Group,
            Resource::Cluster => rd::ResourceType::Cluster,
            Resource::TransactionalId => rd::ResourceType::TransactionalId,
            Resource::DelegationToken => return None,
        },
        name: name.to_string(),
        pattern: match pattern {
            PatternType::Literal => rd::PatternType::Literal,
            PatternType::Prefixed => rd::PatternType::Prefixed,
        },
        principal: principal.to_owned(),
        host: host.to_string(),
        operation: match operation {
            Operation::All => rd::AclOperation::All,
            Operation::Read => rd::AclOperation::Read,
            Operation::Write => rd::AclOperation::Write,
            Operation::Create => rd::AclOperation::Create,
            Operation::Delete => rd::AclOperation::Delete,
            Operation::Alter => rd::AclOperation::Alter,
            Operation::Describe => rd::AclOperation::Describe,
            Operation::ClusterAction => rd::AclOperation::ClusterAction,
            Operation::DescribeConfigs => rd::AclOperation::DescribeConfigs,
            Operation::AlterConfigs => rd::AclOperation::AlterConfigs,
            Operation::IdempotentWrite => rd::AclOperation::IdempotentWrite,
            Operation::CreateTokens | Operation::DescribeTokens => return None,
        },
        permission: match permission {
            Permission::Allow => rd::Permission::Allow,
            Permission::Deny => rd::Permission::Deny,
        },
    })
}

/// Returns a binding without its principal; `None` for a resource that librdkafka has no name for.
pub(crate) fn acl(binding: &AclBinding) -> Option<Acl> {
    Some(Acl {
        resource: match binding.resource_type {
            rd::ResourceType::Topic => Resource::Topic,
            rd::ResourceType::Group => Resource::Group,
            rd::ResourceType::Cluster => Resource::Cluster,
            rd::ResourceType::TransactionalId => Resource::TransactionalId,
            _ => return None,
        },
        pattern: match binding.pattern {
            rd::PatternType::Literal => PatternType::Literal,
            rd::PatternType::Prefixed => PatternType::Prefixed,
            _ => return None,
        },
        name: binding.name.as_str().into(),
        operation: match binding.operation {
            rd::AclOperation::All => Operation::All,
            rd::AclOperation::Read => Operation::Read,
            rd::AclOperation::Write => Operation::Write,
            rd::AclOperation::Create => Operation::Create,
            rd::AclOperation::Delete => Operation::Delete,
            rd::AclOperation::Alter => Operation::Alter,
            rd::AclOperation::Describe => Operation::Describe,
            rd::AclOperation::ClusterAction => Operation::ClusterAction,
            rd::AclOperation::DescribeConfigs => Operation::DescribeConfigs,
            rd::AclOperation::AlterConfigs => Operation::AlterConfigs,
            rd::AclOperation::IdempotentWrite => Operation::IdempotentWrite,
            _ => return None,
        },
        permission: match binding.permission {
            rd::Permission::Allow => Permission::Allow,
            rd::Permission::Deny => Permission::Deny,
            _ => return None,
        },
        host: binding.host.as_str().into(),
    })
}

/// Returns `true` if an operation implies the right to describe a resource (Kafka: `AclAuthorizer`, implied
/// operations).
pub(crate) fn implies_describe(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::All
            | Operation::Describe
            | Operation::Read
            | Operation::Write
            | Operation::Delete
            | Operation::Alter
    )
}

#[cfg(test)]
mod tests {
    use weir_planning::Host;

    use super::*;

    #[test]
    fn a_binding_survives_both_translations() {
        use Operation::{
            All, Alter, AlterConfigs, ClusterAction, Create, Delete, Describe, DescribeConfigs, IdempotentWrite, Read,
            Write,
        };
        for operation in [
            All,
            Alter,
            AlterConfigs,
            ClusterAction,
            Create,
            Delete,
            Describe,
            DescribeConfigs,
            IdempotentWrite,
            Read,
            Write,
        ] {
            for resource in [Resource::Topic, Resource::Group, Resource::Cluster, Resource::TransactionalId] {
                let one = Acl {
                    resource,
                    pattern: PatternType::Prefixed,
                    name: "a.".into(),
                    operation,
                    permission: Permission::Deny,
                    host: Host::Address("10.0.0.1".into()),
                };
                let other = Acl {
                    pattern: PatternType::Literal,
                    permission: Permission::Allow,
                    host: Host::Any,
                    ..one.clone()
                };
                for given in [one, other] {
                    assert_eq!(acl(&binding("User:a", &given).unwrap()), Some(given));
                }
            }
        }
    }
}
