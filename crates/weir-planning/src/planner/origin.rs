//! Taking over objects that exist already.

use weir_model::Ensure;

use super::draft::{Draft, Owner};

const RULE: &str = "adoption";

/// The right of a stage to change an object that its files declare.
pub(super) enum Standing {
    /// The object is new, or this stage made it; or nobody said who may take over what.
    Own,
    /// A platform file lets the stage take over the object. The text says what is known of its origin.
    Adopted(String),
    /// The object stays as it is. The text says what is known of its origin.
    Foreign(String),
}

/// Judges a declared account.
pub(super) fn account(draft: &Draft<'_>, name: &str) -> Standing {
    match draft.desired.foreign_account(name, draft.observed) {
        None => Standing::Own,
        Some(origin) if draft.desired.adopt.owns_account(name) => Standing::Adopted(origin),
        Some(origin) => Standing::Foreign(origin),
    }
}

/// Judges a declared topic that exists.
pub(super) fn topic(draft: &Draft<'_>, name: &str) -> Standing {
    match draft.desired.foreign_topic(name) {
        None => Standing::Own,
        Some(origin) if draft.desired.adopt.owns_topic(name) => Standing::Adopted(origin),
        Some(_) if draft.desired.may_take_over_topic(name) => Standing::Own,
        Some(origin) => Standing::Foreign(origin),
    }
}

/// Reports a declared account that no stage takes over. Returns `true` if there is one.
pub(super) fn is_protected(draft: &mut Draft<'_>, name: &str, owner: Owner<'_>) -> bool {
    let Some(why) = draft.desired.protected_account(name, draft.observed) else { return false };
    let at = owner.route(draft.desired, &["metadata", "name"]);
    let message = format!("weir never takes over the account `{name}`: {why}");
    draft.error(RULE, at, message, "take it out of the files, or write `ensure: unmanaged`");
    true
}

/// Reports a declared object that stays as it is. `what` is its noun, `field` its list in `adopt`.
pub(super) fn refuse(
    draft: &mut Draft<'_>,
    (what, field): (&str, &str),
    name: &str,
    ensure: Ensure,
    origin: &str,
    owner: Owner<'_>,
) {
    let (end, other) = match ensure {
        Ensure::Absent => (", so weir does not delete it", "take it out of the files"),
        Ensure::Present | Ensure::Unmanaged => ("", "choose another name"),
    };
    let stage = &draft.desired.stage;
    let help = format!(
        "{other}; or have the platform team write `adopt: {{{stage}: {{{field}: [\"{name}\"]}}}}` below `ownership` in weir.yaml"
    );
    let at = owner.route(draft.desired, &["metadata", "name"]);
    draft.error(RULE, at, format!("the {what} `{name}` {origin}{end}"), help);
}
