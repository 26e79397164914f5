//! A plan never takes rights from the principal that carries it out.

use weir_model::{EntityRef, Kind, Permission, Route};

use super::draft::{Draft, workspace_route};
use crate::{Change, Plane, Risk, blocks::SELF_LOCKOUT};

pub(super) fn check(draft: &mut Draft<'_>) {
    let (desired, observed) = (draft.desired, draft.observed);
    let cluster = &observed.cluster;
    let super_user = cluster.deployer_is_super_user;
    let mut found = Vec::new();
    for step in &draft.steps {
        let (account, what) = match &step.change {
            Change::DeleteAcl { principal, acl } if step.risk >= Risk::Revoke && !super_user => {
                (principal.user().unwrap_or_default(), format!("delete its binding `{acl}`"))
            }
            Change::CreateAcl { principal, acl } if acl.permission == Permission::Deny && !super_user => {
                (principal.user().unwrap_or_default(), format!("add the binding `{acl}`"))
            }
            Change::DeleteKey { account, key, .. } => (account.as_str(), format!("delete its API key `{key}`")),
            Change::DeleteAccount { account, .. } => (account.as_str(), "delete it".to_owned()),
            // Other changes leave the principal its account, its keys and its rights.
            Change::DeleteAcl { .. }
            | Change::CreateAcl { .. }
            | Change::AdoptAccount { .. }
            | Change::CreateAccount { .. }
            | Change::UpdateAccount { .. }
            | Change::CreateTopic { .. }
            | Change::AddPartitions { .. }
            | Change::ChangeReplicationFactor { .. }
            | Change::AlterConfig { .. }
            | Change::CreateKey { .. }
            | Change::DeleteTopic { .. } => continue,
        };
        // Rights at the brokers matter to the principal that acts there; an account and its keys to both.
        let control = cluster.control.iter().filter(|_| step.plane == Plane::Control);
        if let Some(own) = cluster.deployer.iter().chain(control).find(|own| observed.is(account, own)) {
            let at = match desired.accounts.get(account) {
                Some(declared) => Route::name(EntityRef::new(Kind::ServiceAccount, &*declared.entity)),
                None => workspace_route(desired),
            };
            found.push((at, format!("weir deploys as `{own}`, and the plan would {what}")));
        }
    }
    for (at, message) in found {
        draft.error(SELF_LOCKOUT, at, message, "have another principal do it, or take the account out of the files");
    }
}
