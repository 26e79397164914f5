//! ACL bindings, with Confluent Cloud's names for principals.
//!
//! The broker stores `User:sa-…`. A client that lists all bindings gets `User:100001` instead, an integer id that no
//! other interface knows, unless the filter's principal is `UserV2:*`. Filters accept `User:sa-…`, `UserV2:sa-…` and
//! `User:100001` for the same service account, and answers use the form of the filter.

use kafka_protocol::{
    ResponseError,
    messages::{
        CreateAclsRequest, CreateAclsResponse, DeleteAclsRequest, DeleteAclsResponse, DescribeAclsRequest,
        DescribeAclsResponse, create_acls_response::AclCreationResult,
    },
    protocol::StrBytes,
};

use super::super::state::Organization;

/// The form of service accounts' names in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// `User:sa-…`
    Id,
    /// `User:100001`
    Integer,
}

/// Bindings that are refused before the broker sees them: their positions and the reasons.
pub(super) type Refused = Vec<(usize, &'static str)>;

impl Organization {
    /// Returns a filter's principal in the broker's form, and the form for the answer.
    fn filter(&self, principal: Option<&StrBytes>) -> (Option<StrBytes>, Style) {
        let all = if self.behaviour.integer_principals { Style::Integer } else { Style::Id };
        let Some(text) = principal.map(StrBytes::as_str) else { return (None, all) };
        if let Some(name) = text.strip_prefix("UserV2:").filter(|_| self.behaviour.user_v2) {
            let principal = (name != "*").then(|| format!("User:{name}").into());
            return (principal, Style::Id);
        }
        match self.by_integer_principal(text) {
            Some(id) => (Some(format!("User:{id}").into()), Style::Integer),
            None => (principal.cloned(), Style::Id),
        }
    }

    /// `User:100001` → `sa-…`
    fn by_integer_principal(&self, principal: &str) -> Option<&str> {
        let integer: u32 = principal.strip_prefix("User:")?.parse().ok()?;
        self.accounts.values().find(|account| account.integer_id == integer).map(|account| account.id.as_str())
    }

    fn name(&self, principal: &mut StrBytes, style: Style) {
        let id = principal.as_str().strip_prefix("User:");
        if let Some(integer) = id.and_then(|id| self.integer_id(id)).filter(|_| style == Style::Integer) {
            *principal = format!("User:{integer}").into();
        }
    }

    pub(super) fn describe(&self, request: &mut DescribeAclsRequest) -> Style {
        let (principal, style) = self.filter(request.principal_filter.as_ref());
        request.principal_filter = principal;
        style
    }

    pub(super) fn described(&self, answer: &mut DescribeAclsResponse, style: Style) {
        for acl in answer.resources.iter_mut().flat_map(|resource| &mut resource.acls) {
            self.name(&mut acl.principal, style);
        }
    }

    pub(super) fn delete(&self, request: &mut DeleteAclsRequest) -> Vec<Style> {
        let filters = request.filters.iter_mut();
        filters
            .map(|filter| {
                let (principal, style) = self.filter(filter.principal_filter.as_ref());
                filter.principal_filter = principal;
                style
            })
            .collect()
    }

    pub(super) fn deleted(&self, answer: &mut DeleteAclsResponse, styles: &[Style]) {
        for (result, style) in answer.filter_results.iter_mut().zip(styles) {
            for acl in &mut result.matching_acls {
                self.name(&mut acl.principal, *style);
            }
        }
    }

    /// Removes bindings that the service refuses. `room` is the number of bindings that may still be created.
    pub(super) fn create(&self, request: &mut CreateAclsRequest, mut room: usize) -> Refused {
        let mut refused = Vec::new();
        let mut place = 0;
        request.creations.retain_mut(|creation| {
            if let Some(id) = self.by_integer_principal(&creation.principal) {
                creation.principal = format!("User:{id}").into();
            }
            let why = if creation.host.as_str() != "*" {
                Some("The host must be *")
            } else if creation.principal.starts_with("UserV2:") {
                Some("UserV2 is for filters")
            } else if room == 0 {
                Some("The cluster has as many ACLs as it may have")
            } else {
                room -= 1;
                None
            };
            refused.extend(why.map(|why| (place, why)));
            place += 1;
            why.is_none()
        });
        refused
    }
}

pub(super) fn created(answer: &mut CreateAclsResponse, refused: Refused) {
    for (place, why) in refused {
        let result = AclCreationResult::default()
            .with_error_code(ResponseError::InvalidRequest.code())
            .with_error_message(Some(StrBytes::from_static_str(why)));
        answer.results.insert(place.min(answer.results.len()), result);
    }
}
