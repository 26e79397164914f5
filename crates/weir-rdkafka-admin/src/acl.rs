use std::ffi::{CString, c_int};

use rdkafka::bindings::*;
use rdkafka::client::ClientContext;

use crate::admin::{Admin, Op};
use crate::error::{Error, ItemError};
use crate::ffi;
use crate::native::{Owned, REASON_SIZE, Reason, Ref, array, c_string, getters, refused};
use crate::options::Options;

/// Type of an ACL's resource.
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
    /// A type that librdkafka cannot name (delegation tokens, users): possible in answers, refused in requests.
    Unknown,
}

/// Interpretation of the name of an ACL's resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PatternType {
    /// Exactly this name; `*` is every name.
    Literal,
    /// Every name that begins with this text.
    Prefixed,
    /// A value that librdkafka cannot name: possible in answers, refused in requests.
    Unknown,
}

/// Operation that an ACL allows or denies.
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
    /// Operations between brokers.
    ClusterAction,
    /// Describe configs.
    DescribeConfigs,
    /// Alter configs.
    AlterConfigs,
    /// Write with an idempotent producer.
    IdempotentWrite,
    /// An operation that librdkafka cannot name (on tokens and users, two-phase commit): possible in answers, refused
    /// in requests.
    Unknown,
}

/// Effect of an ACL: it allows or denies. A denied operation stays denied, whatever other ACLs allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Permission {
    /// Denied.
    Deny,
    /// Allowed.
    Allow,
    /// A value that librdkafka cannot name: possible in answers, refused in requests.
    Unknown,
}

/// One ACL binding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AclBinding {
    /// Type of the resource.
    pub resource_type: ResourceType,
    /// Name of the resource, or the beginning of the name.
    pub name: String,
    /// Interpretation of the name.
    pub pattern: PatternType,
    /// Principal: `User:name`, or `User:*`.
    pub principal: String,
    /// Address of the client, or `*`.
    pub host: String,
    /// Operation.
    pub operation: AclOperation,
    /// Effect: allow or deny.
    pub permission: Permission,
}

/// Pattern types that a filter matches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PatternFilter {
    /// Literal and prefixed ACLs with the filter's name.
    #[default]
    Any,
    /// All ACLs that apply to the filter's name: literal ACLs of this name or `*`, and prefixed ACLs with a beginning
    /// of this name.
    Match,
    /// Literal ACLs with the filter's name.
    Literal,
    /// Prefixed ACLs with the filter's name.
    Prefixed,
}

/// A filter for ACLs. `None` matches everything, as does the default filter.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AclFilter {
    /// Type of the resource.
    pub resource_type: Option<ResourceType>,
    /// Name in the ACL.
    pub name: Option<String>,
    /// Pattern types to match.
    pub pattern: PatternFilter,
    /// Principal in the ACL.
    pub principal: Option<String>,
    /// Host in the ACL.
    pub host: Option<String>,
    /// Operation in the ACL. `All` matches only the operation `All`.
    pub operation: Option<AclOperation>,
    /// Effect: allow or deny.
    pub permission: Option<Permission>,
}

impl AclFilter {
    /// Returns a filter that matches every ACL.
    pub fn any() -> Self {
        Self::default()
    }

    /// Returns a filter that matches exactly this ACL, or `None` if librdkafka cannot name the ACL's pattern type.
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
    /// Result of the deletion.
    pub result: Result<(), ItemError>,
}

impl<C: ClientContext + 'static> Admin<C> {
    /// Creates ACLs (`rd_kafka_CreateAcls`). Creating an existing ACL succeeds.
    ///
    /// The results are in the order of `acls`. Apache Kafka accepts at most 10,000 in a request.
    ///
    /// # Errors
    ///
    /// [`Error::Item`] for an ACL with an `Unknown` part or a NUL character; [`Error::Request`].
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

    /// Returns the ACLs that match a filter (`rd_kafka_DescribeAcls`).
    ///
    /// librdkafka (2.12.1) drops the error of a broker's answer to this request, so a refusal looks like "no ACLs".
    /// After an empty answer, this call therefore asks for the operations that this client may do on the cluster, and
    /// fails if `Describe` is not among them. For a broker without an authorizer the result is still an empty list.
    ///
    /// # Limits
    ///
    /// librdkafka keeps all names of an answer on the stack of one of its threads. The client gives that thread 512 MiB
    /// with glibc on 64 bits; elsewhere the stack is 8 MiB or less, which about 60,000 ACLs fill. In addition, an
    /// answer may name at most 100,000 different resources, with at most 100,000 ACLs each. librdkafka takes a larger
    /// answer for malformed, loses that error (`rd_kafka_DescribeAclsResponse_parse` returns another variable), and
    /// ends the process by `rd_assert(rko_result)`. This crate cannot prevent that; on clusters that may have more
    /// ACLs, ask by resource type and pattern, or by principal.
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
    /// The results are in the order of `filters`, each with the ACLs that the filter matched. Matching nothing
    /// succeeds. An ACL that several filters match is in each of their results. Apache Kafka compares every filter with
    /// every ACL, so a thousand exact filters are slow on a cluster with many ACLs; one filter that matches the same
    /// ACLs is far cheaper.
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

/// Defines conversions between an enum of this crate, librdkafka's enum and its number.
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
    fn a_binding_is_unchanged_after_conversion_to_librdkafka_and_back() {
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
    fn unknown_values_are_refused() {
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
