use std::ffi::{CString, c_int};

use rdkafka::bindings::*;
use rdkafka::client::ClientContext;

use crate::admin::{Admin, Op};
use crate::error::{Error, ItemError};
use crate::ffi;
use crate::native::{Owned, REASON_SIZE, Reason, Ref, array, c_string, getters, refused};
use crate::options::Options;

/// What an ACL is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ResourceType {
    /// A topic.
    Topic,
    /// A consumer group.
    Group,
    /// The cluster; its name is `kafka-cluster`.
    Cluster,
    /// A transactional id.
    TransactionalId,
    /// Something librdkafka cannot name (delegation tokens, users): found in answers, refused in requests.
    Unknown,
}

/// How the name of an ACL's resource is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PatternType {
    /// This very name; `*` is every name.
    Literal,
    /// Every name that begins so.
    Prefixed,
    /// Something librdkafka cannot name: found in answers, refused in requests.
    Unknown,
}

/// What an ACL allows or denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum AclOperation {
    /// Every operation.
    All,
    /// Read.
    Read,
    /// Write.
    Write,
    /// Create.
    Create,
    /// Delete.
    Delete,
    /// Alter.
    Alter,
    /// Describe.
    Describe,
    /// What brokers do among each other.
    ClusterAction,
    /// Describe configs.
    DescribeConfigs,
    /// Alter configs.
    AlterConfigs,
    /// Write with an idempotent producer.
    IdempotentWrite,
    /// Something librdkafka cannot name (on tokens and users, two-phase commit): found in answers, refused in
    /// requests.
    Unknown,
}

/// Whether an ACL allows or denies. What is denied is not allowed by any other ACL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Permission {
    /// Denied.
    Deny,
    /// Allowed.
    Allow,
    /// Something librdkafka cannot name: found in answers, refused in requests.
    Unknown,
}

/// One ACL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AclBinding {
    /// What it is about.
    pub resource_type: ResourceType,
    /// The resource's name, or how it begins.
    pub name: String,
    /// How the name is meant.
    pub pattern: PatternType,
    /// Who: `User:name`, or `User:*`.
    pub principal: String,
    /// The address the client comes from, or `*`.
    pub host: String,
    /// What.
    pub operation: AclOperation,
    /// Allowed or denied.
    pub permission: Permission,
}

/// Which patterns a filter matches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PatternFilter {
    /// Literal and prefixed ones that have the filter's name.
    #[default]
    Any,
    /// All that apply to the filter's name: literal ones of that name and of `*`, prefixed ones it begins with.
    Match,
    /// Literal ones of the filter's name.
    Literal,
    /// Prefixed ones of the filter's name.
    Prefixed,
}

/// Which ACLs are meant. `None` matches everything, as does the default filter.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AclFilter {
    /// What they are about.
    pub resource_type: Option<ResourceType>,
    /// The name in the ACL.
    pub name: Option<String>,
    /// How names are compared.
    pub pattern: PatternFilter,
    /// The principal in the ACL.
    pub principal: Option<String>,
    /// The host in the ACL.
    pub host: Option<String>,
    /// The operation in the ACL; `All` is that operation, not any.
    pub operation: Option<AclOperation>,
    /// Allowed or denied.
    pub permission: Option<Permission>,
}

impl AclFilter {
    /// Matches every ACL.
    pub fn any() -> Self {
        Self::default()
    }

    /// Matches this ACL and no other. `None` for one with a pattern type librdkafka cannot name.
    pub fn exactly(acl: &AclBinding) -> Option<Self> {
        let pattern = match acl.pattern {
            PatternType::Literal => PatternFilter::Literal,
            PatternType::Prefixed => PatternFilter::Prefixed,
            PatternType::Unknown => return None,
        };
        Some(Self {
            resource_type: Some(acl.resource_type),
            name: Some(acl.name.clone()),
            pattern,
            principal: Some(acl.principal.clone()),
            host: Some(acl.host.clone()),
            operation: Some(acl.operation),
            permission: Some(acl.permission),
        })
    }
}

/// An ACL that matched a filter of [`Admin::delete_acls`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedAcl {
    /// The ACL.
    pub acl: AclBinding,
    /// Whether it was deleted.
    pub result: Result<(), ItemError>,
}

impl<C: ClientContext + 'static> Admin<C> {
    /// Creates ACLs (`rd_kafka_CreateAcls`). Creating one that exists is a success.
    ///
    /// Answers for each in the order given. Apache Kafka takes at most 10,000 in a request.
    ///
    /// # Errors
    ///
    /// [`Error::Item`] for one with an `Unknown` part or a NUL character; [`Error::Request`].
    pub async fn create_acls(
        &self,
        acls: &[AclBinding],
        options: &Options,
    ) -> Result<Vec<Result<(), ItemError>>, Error> {
        if acls.is_empty() {
            return Ok(Vec::new());
        }
        let reply = {
            let mut natives = acls.iter().enumerate().map(binding).collect::<Result<Vec<_>, _>>()?;
            let op = Op::new(rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_CREATEACLS, RD_KAFKA_EVENT_CREATEACLS_RESULT);
            self.request(
                op,
                options,
                // SAFETY: everything is alive, the ACLs are copied.
                |to| unsafe {
                    rd_kafka_CreateAcls(to.client, array(&mut natives), natives.len(), to.options, to.queue);
                },
                |event| Ok(event.created_acls().map(|acl| acl.error().map_or(Ok(()), Ref::check)).collect()),
            )?
        };
        reply.get().await
    }

    /// The ACLs that match a filter (`rd_kafka_DescribeAcls`).
    ///
    /// librdkafka (2.12.1) drops the error of a broker's answer to this request, so that a refusal looks like "no
    /// ACLs". An empty answer is therefore followed by a question for what this client may do with the cluster, and is
    /// an error if `Describe` is not among it. A broker without an authorizer answers with nothing, as before.
    ///
    /// # Limits
    ///
    /// librdkafka keeps all names of an answer on the stack of a thread of its own, which the client gives room for
    /// (512 MiB with glibc on 64 bits; elsewhere 8 MiB or less, which some 60,000 ACLs fill). And an answer may name at
    /// most 100,000 different resources and hold 100,000 ACLs for each: beyond that librdkafka takes the answer for
    /// broken, loses that error (`rd_kafka_DescribeAclsResponse_parse` returns another variable), and ends the process
    /// by `rd_assert(rko_result)`. Nothing can be done from outside; ask by resource type and pattern, or by principal,
    /// on clusters that may have more.
    ///
    /// # Errors
    ///
    /// [`Error::Item`] for a filter with an `Unknown` part or a NUL character; [`Error::Request`].
    pub async fn describe_acls(&self, filter: &AclFilter, options: &Options) -> Result<Vec<AclBinding>, Error> {
        let reply = {
            let native = acl_filter((0, filter))?;
            let op = Op::new(rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBEACLS, RD_KAFKA_EVENT_DESCRIBEACLS_RESULT);
            self.request(
                op,
                options,
                // SAFETY: everything is alive, the filter is copied.
                |to| unsafe { rd_kafka_DescribeAcls(to.client, native.as_ptr(), to.options, to.queue) },
                |event| Ok(event.described_acls().map(Ref::<rd_kafka_AclBinding_t>::read).collect::<Vec<_>>()),
            )?
        };
        let acls = reply.get().await?;
        if acls.is_empty() {
            let allowed = self.describe_cluster(options).await?.authorized_operations;
            if !allowed.iter().any(|op| matches!(op, AclOperation::Describe | AclOperation::All)) {
                const CLUSTER_AUTHORIZATION_FAILED: i32 = 31;
                return Err(Error::Request { error: ItemError::new(CLUSTER_AUTHORIZATION_FAILED, None), cause: None });
            }
        }
        Ok(acls)
    }

    /// Deletes the ACLs that match filters (`rd_kafka_DeleteAcls`).
    ///
    /// Answers for each filter in the order given, with what it matched. Matching nothing is a success. An ACL that
    /// several filters match is in the answer to each. Apache Kafka compares every filter with every ACL it has, so a
    /// thousand exact filters are slow on a cluster with many: one filter that matches the same is far cheaper.
    ///
    /// # Errors
    ///
    /// [`Error::Item`] for a filter with an `Unknown` part or a NUL character; [`Error::Request`].
    pub async fn delete_acls(
        &self,
        filters: &[AclFilter],
        options: &Options,
    ) -> Result<Vec<Result<Vec<DeletedAcl>, ItemError>>, Error> {
        if filters.is_empty() {
            return Ok(Vec::new());
        }
        let reply = {
            let mut natives = filters.iter().enumerate().map(acl_filter).collect::<Result<Vec<_>, _>>()?;
            let op = Op::new(rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DELETEACLS, RD_KAFKA_EVENT_DELETEACLS_RESULT);
            self.request(
                op,
                options,
                // SAFETY: everything is alive, the filters are copied.
                |to| unsafe {
                    rd_kafka_DeleteAcls(to.client, array(&mut natives), natives.len(), to.options, to.queue);
                },
                |event| Ok(event.deleted_acls().map(deleted).collect()),
            )?
        };
        reply.get().await
    }
}

fn deleted(answer: Ref<'_, rd_kafka_DeleteAcls_result_response_t>) -> Result<Vec<DeletedAcl>, ItemError> {
    answer.error().map_or(Ok(()), Ref::check)?;
    let acls = answer.matching();
    Ok(acls.map(|acl| DeletedAcl { acl: acl.read(), result: acl.error().map_or(Ok(()), Ref::check) }).collect())
}

getters! {
    rd_kafka_event_t {
        list created_acls: rd_kafka_acl_result_t = rd_kafka_CreateAcls_result_acls;
        list described_acls: rd_kafka_AclBinding_t = rd_kafka_DescribeAcls_result_acls;
        list deleted_acls: rd_kafka_DeleteAcls_result_response_t = rd_kafka_DeleteAcls_result_responses;
    }
}

getters! {
    rd_kafka_acl_result_t {
        object error: rd_kafka_error_t = rd_kafka_acl_result_error;
    }
}

getters! {
    rd_kafka_DeleteAcls_result_response_t {
        object error: rd_kafka_error_t = rd_kafka_DeleteAcls_result_response_error;
        list matching: rd_kafka_AclBinding_t = rd_kafka_DeleteAcls_result_response_matching_acls;
    }
}

getters! {
    rd_kafka_AclBinding_t {
        number resource_type: c_int = ffi::rd_kafka_AclBinding_restype;
        text name = rd_kafka_AclBinding_name;
        number pattern: c_int = ffi::rd_kafka_AclBinding_resource_pattern_type;
        text principal = rd_kafka_AclBinding_principal;
        text host = rd_kafka_AclBinding_host;
        number operation: c_int = ffi::rd_kafka_AclBinding_operation;
        number permission: c_int = ffi::rd_kafka_AclBinding_permission_type;
        object error: rd_kafka_error_t = rd_kafka_AclBinding_error;
    }
}

impl Ref<'_, rd_kafka_AclBinding_t> {
    fn read(self) -> AclBinding {
        AclBinding {
            resource_type: ResourceType::from_number(self.resource_type()),
            name: self.name().unwrap_or_default(),
            pattern: PatternType::from_number(self.pattern()),
            principal: self.principal().unwrap_or_default(),
            host: self.host().unwrap_or_default(),
            operation: AclOperation::from_number(self.operation()),
            permission: Permission::from_number(self.permission()),
        }
    }
}

fn binding((index, acl): (usize, &AclBinding)) -> Result<Owned<rd_kafka_AclBinding_t>, Error> {
    let name = c_string(index, "name", &acl.name)?;
    let principal = c_string(index, "principal", &acl.principal)?;
    let host = c_string(index, "host", &acl.host)?;
    let mut reason = Reason::new();
    // SAFETY: the strings are copied, the buffer has the size given, the new object is ours.
    let native = unsafe {
        Owned::new(rd_kafka_AclBinding_new(
            acl.resource_type.native(),
            name.as_ptr(),
            acl.pattern.native(),
            principal.as_ptr(),
            host.as_ptr(),
            acl.operation.native(),
            acl.permission.native(),
            reason.as_mut_ptr(),
            REASON_SIZE,
        ))
    };
    native.ok_or_else(|| refused(index, &reason.or("not an ACL")))
}

fn acl_filter((index, filter): (usize, &AclFilter)) -> Result<Owned<rd_kafka_AclBinding_t>, Error> {
    let c_string = |what, value: &Option<String>| value.as_ref().map(|v| c_string(index, what, v)).transpose();
    let pointer = |value: &Option<CString>| value.as_ref().map_or(std::ptr::null(), |v| v.as_ptr());
    let name = c_string("name", &filter.name)?;
    let principal = c_string("principal", &filter.principal)?;
    let host = c_string("host", &filter.host)?;
    let resource_type =
        filter.resource_type.map_or(rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_ANY, ResourceType::native);
    let operation = filter.operation.map_or(rd_kafka_AclOperation_t::RD_KAFKA_ACL_OPERATION_ANY, AclOperation::native);
    let permission =
        filter.permission.map_or(rd_kafka_AclPermissionType_t::RD_KAFKA_ACL_PERMISSION_TYPE_ANY, Permission::native);
    let pattern = match filter.pattern {
        PatternFilter::Any => rd_kafka_ResourcePatternType_t::RD_KAFKA_RESOURCE_PATTERN_ANY,
        PatternFilter::Match => rd_kafka_ResourcePatternType_t::RD_KAFKA_RESOURCE_PATTERN_MATCH,
        PatternFilter::Literal => rd_kafka_ResourcePatternType_t::RD_KAFKA_RESOURCE_PATTERN_LITERAL,
        PatternFilter::Prefixed => rd_kafka_ResourcePatternType_t::RD_KAFKA_RESOURCE_PATTERN_PREFIXED,
    };
    let mut reason = Reason::new();
    // SAFETY: the strings are null or copied, the buffer has the size given, the new object is ours.
    let native = unsafe {
        Owned::new(rd_kafka_AclBindingFilter_new(
            resource_type,
            pointer(&name),
            pattern,
            pointer(&principal),
            pointer(&host),
            operation,
            permission,
            reason.as_mut_ptr(),
            REASON_SIZE,
        ))
    };
    native.ok_or_else(|| refused(index, &reason.or("not a filter")))
}

/// Conversions between an enum of ours, librdkafka's and its number.
macro_rules! numbers {
    ($ours:ident, $native:ident { $($variant:ident = $constant:ident,)+ }) => {
        impl $ours {
            fn native(self) -> $native {
                match self { $(Self::$variant => $native::$constant,)+ }
            }

            pub(crate) fn from_number(number: c_int) -> Self {
                $(if number == $native::$constant as c_int {
                    return Self::$variant;
                })+
                Self::Unknown
            }
        }
    };
}

numbers! { ResourceType, rd_kafka_ResourceType_t {
    Topic = RD_KAFKA_RESOURCE_TOPIC,
    Group = RD_KAFKA_RESOURCE_GROUP,
    Cluster = RD_KAFKA_RESOURCE_BROKER,
    TransactionalId = RD_KAFKA_RESOURCE_TRANSACTIONAL_ID,
    Unknown = RD_KAFKA_RESOURCE_UNKNOWN,
}}

numbers! { PatternType, rd_kafka_ResourcePatternType_t {
    Literal = RD_KAFKA_RESOURCE_PATTERN_LITERAL,
    Prefixed = RD_KAFKA_RESOURCE_PATTERN_PREFIXED,
    Unknown = RD_KAFKA_RESOURCE_PATTERN_UNKNOWN,
}}

numbers! { AclOperation, rd_kafka_AclOperation_t {
    All = RD_KAFKA_ACL_OPERATION_ALL,
    Read = RD_KAFKA_ACL_OPERATION_READ,
    Write = RD_KAFKA_ACL_OPERATION_WRITE,
    Create = RD_KAFKA_ACL_OPERATION_CREATE,
    Delete = RD_KAFKA_ACL_OPERATION_DELETE,
    Alter = RD_KAFKA_ACL_OPERATION_ALTER,
    Describe = RD_KAFKA_ACL_OPERATION_DESCRIBE,
    ClusterAction = RD_KAFKA_ACL_OPERATION_CLUSTER_ACTION,
    DescribeConfigs = RD_KAFKA_ACL_OPERATION_DESCRIBE_CONFIGS,
    AlterConfigs = RD_KAFKA_ACL_OPERATION_ALTER_CONFIGS,
    IdempotentWrite = RD_KAFKA_ACL_OPERATION_IDEMPOTENT_WRITE,
    Unknown = RD_KAFKA_ACL_OPERATION_UNKNOWN,
}}

numbers! { Permission, rd_kafka_AclPermissionType_t {
    Deny = RD_KAFKA_ACL_PERMISSION_TYPE_DENY,
    Allow = RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW,
    Unknown = RD_KAFKA_ACL_PERMISSION_TYPE_UNKNOWN,
}}

#[cfg(test)]
mod tests {
    use super::*;

    fn acl() -> AclBinding {
        AclBinding {
            resource_type: ResourceType::TransactionalId,
            name: "ö.".into(),
            pattern: PatternType::Prefixed,
            principal: "User:a".into(),
            host: "10.0.0.1".into(),
            operation: AclOperation::IdempotentWrite,
            permission: Permission::Deny,
        }
    }

    #[test]
    fn a_binding_survives_the_way_through_librdkafka() {
        assert_eq!(binding((0, &acl())).unwrap().view().read(), acl());
    }

    #[test]
    fn an_exact_filter_holds_every_part() {
        assert_eq!(acl_filter((0, &AclFilter::exactly(&acl()).unwrap())).unwrap().view().read(), acl());
        assert_eq!(AclFilter::exactly(&AclBinding { pattern: PatternType::Unknown, ..acl() }), None);
    }

    #[test]
    fn the_empty_filter_matches_everything() {
        let native = acl_filter((0, &AclFilter::any())).unwrap();
        let view = native.view();
        assert_eq!((view.name(), view.principal(), view.host()), (None, None, None));
        assert_eq!((view.resource_type(), view.pattern(), view.operation(), view.permission()), (1, 1, 1, 1));
    }

    #[test]
    fn what_librdkafka_cannot_name_is_refused() {
        let refused = |acl: AclBinding| binding((7, &acl)).unwrap_err().to_string();
        assert_eq!(
            refused(AclBinding { resource_type: ResourceType::Unknown, ..acl() }),
            "item 7: Invalid resource type"
        );
        assert_eq!(
            refused(AclBinding { pattern: PatternType::Unknown, ..acl() }),
            "item 7: Invalid resource pattern type"
        );
        assert_eq!(refused(AclBinding { operation: AclOperation::Unknown, ..acl() }), "item 7: Invalid operation");
        assert_eq!(refused(AclBinding { permission: Permission::Unknown, ..acl() }), "item 7: Invalid permission type");
        assert_eq!(
            refused(AclBinding { host: "a\0".into(), ..acl() }),
            r#"item 7: the host "a\0" holds a NUL character"#
        );
    }

    #[test]
    fn numbers_of_a_newer_broker_are_unknown() {
        for number in [-1, 0, 1, 13, 99] {
            assert_eq!(AclOperation::from_number(number), AclOperation::Unknown, "{number}");
        }
        assert_eq!(ResourceType::from_number(7), ResourceType::Unknown);
        assert_eq!(Permission::from_number(4), Permission::Unknown);
        assert_eq!(PatternType::from_number(1), PatternType::Unknown);
    }
}
