//! Accounts, bindings and keys that this stage made and that no file asks for any more. They are reported in every
//! plan until they are gone.

use std::collections::BTreeSet;

use weir_findings::count;
use weir_model::Ensure;

use super::{
    draft::Draft,
    key_index::{self, Keys, marker},
};
use crate::{Change, Object, ObservedAccount, Principal, ReportKind};

/// Most bindings that an item of the report lists.
const MOST: usize = 20;

/// The reasons for which the files do not ask for an account.
pub(super) const UNMANAGED: &str = "the files leave the service account alone (`ensure: unmanaged`), and weir made it";
pub(super) const UNDECLARED: &str =
    "no file declares the service account, and weir made it; declare it with `ensure: absent` to have it deleted";

/// Reports an account that this stage made, with the rights and keys that it keeps.
pub(super) fn account(draft: &mut Draft<'_>, keys: &Keys<'_>, name: &str, there: Option<&ObservedAccount>, why: &str) {
    if there.and_then(|there| there.maker.as_ref()) != Some(&draft.desired.maker()) {
        return;
    }
    let acls = draft.observed.acls.get(&Principal::of_account(name));
    let number = acls.map_or(0, BTreeSet::len);
    let listed: Vec<String> = acls.into_iter().flatten().take(MOST).map(|acl| format!("`{acl}`")).collect();
    let more = match number.saturating_sub(MOST) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let rights = match number {
        0 => "no ACL binding".to_owned(),
        _ => format!("{} ({}{more})", count(number, "ACL binding"), listed.join(", ")),
    };
    let keys = match keys.of(name).len() {
        0 => "no API key".to_owned(),
        number => count(number, "API key"),
    };
    draft.report(ReportKind::LeftBehind, name, format!("{why}; it keeps {rights} and {keys}"));
}

/// Reports the keys that this stage made for slots that the files do not manage, and for slots that are stored in
/// another vault by now.
pub(super) fn keys(draft: &mut Draft<'_>, keys: &Keys<'_>) {
    let desired = draft.desired;
    let maker = desired.maker();
    let deleted: BTreeSet<&str> = draft
        .steps
        .iter()
        .filter_map(|step| match (&step.change, step.change.about().object) {
            (Change::DeleteKey { .. }, Object::Key { key, .. }) => Some(key),
            _ => None,
        })
        .collect();
    let mut items = Vec::new();
    for (name, id, key) in keys.all() {
        let Some(mark) = marker(key).filter(|mark| mark.maker == maker && !deleted.contains(id)) else { continue };
        let place = key_index::place(desired, name, &mark);
        let account = desired.accounts.get(name).filter(|account| account.ensure == Ensure::Present);
        let why = match account.and_then(|account| account.keys.get(&mark.slot)) {
            Some(wanted) if place.as_ref().is_none_or(|place| *place == wanted.secret) => continue,
            Some(_) => "the slot is stored in another vault by now",
            None => "no file asks for it",
        };
        let place = place.map_or_else(
            || "the vault with its secret is not known".to_owned(),
            |place| format!("its secret is `{place}`"),
        );
        items.push((format!("{name}/{}", mark.slot), format!("the API key `{id}` still logs in, and {why}; {place}")));
    }
    for (object, message) in items {
        draft.report(ReportKind::LeftBehind, object, message);
    }
}
