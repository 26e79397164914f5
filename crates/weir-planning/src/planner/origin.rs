//! The origin of objects that exist already: weir takes over only those that a platform file names.

use std::collections::BTreeSet;

use weir_findings::count;
use weir_model::Ensure;

use super::draft::{Draft, Owner};
use crate::{Acl, DesiredTopic, Maker, ObservedAccount, Principal};

const RULE: &str = "adoption";

/// The right of a stage to change an object that its files declare.
pub(super) enum Standing {
    /// The object is new, or this stage made it; or nobody said who may take over what.
    Own,
    /// A platform file lets the stage take over the object. The text says what is known of its origin.
    Adopted(String),
    /// The object stays as it is.
    Foreign,
}

/// Returns the reason for which no stage ever manages the principal of this name.
pub(super) fn protected(draft: &Draft<'_>, name: &str) -> Option<String> {
    let (cluster, there) = (&draft.observed.cluster, draft.observed.accounts.get(name));
    // The cluster may name its accounts by their ids.
    let id = there.map(|there| there.id.as_str()).filter(|id| !id.is_empty());
    let is = |principal: &Principal| [Some(name), id].into_iter().flatten().any(|n| principal.user() == Some(n));
    if name == "*" {
        return Some("it stands for every principal".to_owned());
    }
    if Principal::of_account(name) == Principal::from(Principal::ANONYMOUS) {
        return Some("it stands for clients that do not log in".to_owned());
    }
    // An account that this stage made stays its own: the rule `self-lockout` guards it.
    let made_here = there.is_some_and(|there| there.maker.as_ref() == Some(&draft.desired.maker()));
    if cluster.deployer.as_ref().is_some_and(is) && !made_here {
        return Some("weir deploys as this account".to_owned());
    }
    cluster.super_users.iter().any(is).then(|| "it is a super user of the cluster".to_owned())
}

/// Judges a declared account. A foreign one has a finding.
pub(super) fn account(
    draft: &mut Draft<'_>,
    name: &str,
    ensure: Ensure,
    owner: Owner<'_>,
    there: Option<&ObservedAccount>,
    acls: &BTreeSet<Acl>,
) -> Standing {
    let desired = draft.desired;
    let at = || owner.route(desired, &["metadata", "name"]);
    if let Some(why) = protected(draft, name) {
        let message = format!("weir never manages the account `{name}`: {why}");
        let help = "take it out of the files, or write `ensure: unmanaged`";
        draft.error(RULE, at(), message, help);
        return Standing::Foreign;
    }
    let Some(origin) = foreign_account(draft, there, acls) else { return Standing::Own };
    if desired.adopt.owns_account(name) {
        return Standing::Adopted(origin);
    }
    let (end, help) = consequence(draft, ensure, name, "serviceAccounts");
    draft.error(RULE, at(), format!("the service account `{name}` {origin}{end}"), help);
    Standing::Foreign
}

/// Returns the origin of an account that this stage did not make; `None` if it made the account, if there is no
/// account, or if the workspace does not say who may change what. An account that another workspace made is foreign
/// everywhere.
pub(super) fn foreign_account(
    draft: &Draft<'_>,
    there: Option<&ObservedAccount>,
    acls: &BTreeSet<Acl>,
) -> Option<String> {
    let (governed, own) = (draft.desired.governed, draft.desired.maker());
    match there {
        Some(ObservedAccount { maker, .. })
            if !governed && maker.as_ref().is_none_or(|maker| maker.workspace == own.workspace) =>
        {
            None
        }
        None if !governed => None,
        Some(ObservedAccount { maker: Some(maker), .. }) if *maker == own => None,
        Some(ObservedAccount { maker: Some(Maker { workspace, stage }), .. }) => {
            Some(format!("exists already; stage `{stage}` of the workspace `{workspace}` made it"))
        }
        Some(ObservedAccount { maker: None, .. }) => Some("exists already; not made by weir".to_owned()),
        // A principal that logs in without an account of the cluster, such as one with a certificate.
        None if !acls.is_empty() => {
            let number = count(acls.len(), "ACL binding");
            Some(format!("exists already as a principal with {number}; not made by weir"))
        }
        None => None,
    }
}

/// Judges a declared topic that exists. A foreign one has a finding.
pub(super) fn topic(draft: &mut Draft<'_>, name: &str, topic: &DesiredTopic, owner: Owner<'_>) -> Standing {
    const ORIGIN: &str = "exists already, outside the name space of its team";
    let desired = draft.desired;
    if !desired.governed || topic.own_name {
        return Standing::Own;
    }
    if desired.adopt.owns_topic(name) {
        return Standing::Adopted(ORIGIN.to_owned());
    }
    let (end, help) = consequence(draft, topic.ensure, name, "topics");
    let message = format!("the topic `{name}` {ORIGIN} (`{}`){end}", topic.team);
    draft.error(RULE, owner.route(desired, &["metadata", "name"]), message, help);
    Standing::Foreign
}

/// Returns the end of the message about a foreign object, and the advice.
fn consequence(draft: &Draft<'_>, ensure: Ensure, name: &str, kind: &str) -> (&'static str, String) {
    let (end, other) = match ensure {
        Ensure::Absent => (", so weir does not delete it", "take it out of the files"),
        Ensure::Present | Ensure::Unmanaged => ("", "choose another name"),
    };
    let stage = &draft.desired.stage;
    let help = format!(
        "{other}; or have the platform team write `adopt: {{{stage}: {{{kind}: [\"{name}\"]}}}}` below `ownership` in weir.yaml"
    );
    (end, help)
}
