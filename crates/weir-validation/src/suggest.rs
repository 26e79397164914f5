//! Suggestions for a name that does not exist.

use std::{collections::BTreeMap, ops::Bound};

/// Maximum number of names to compare, so that a workspace full of wrong names does not take minutes.
const MOST: usize = 500;

/// Returns help for an unknown `what`: the closest name, or all declared names if there are at most 8.
pub(crate) fn instead<'k>(wrong: &str, what: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    let names: Vec<&str> = known.into_iter().take(MOST).collect();
    if let Some(name) = weir_findings::closest(wrong, names.iter().copied()) {
        return format!("did you mean `{name}`?");
    }
    match names.len() {
        0 => format!("no {what} is declared"),
        1..=8 => format!("declared: {}", names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
        _ => format!("write the name of a declared {what}"),
    }
}

/// Returns the names of `known` that are next to `name` in sorted order. Typing errors are usually found there.
pub(crate) fn around<'k, V>(name: &str, known: &'k BTreeMap<String, V>) -> impl Iterator<Item = &'k str> {
    let after = known.range::<str, _>((Bound::Included(name), Bound::Unbounded)).take(MOST / 2);
    let before = known.range::<str, _>((Bound::Unbounded, Bound::Excluded(name))).rev().take(MOST / 2);
    after.chain(before).map(|(name, _)| name.as_str())
}

/// Returns the same help as [`instead`], for maps of any size: compares only the names around `wrong` in sorted order,
/// which share its beginning.
pub(crate) fn instead_in<V>(wrong: &str, what: &str, known: &BTreeMap<String, V>) -> String {
    instead(wrong, what, around(wrong, known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_is_a_close_name_or_a_short_list() {
        assert_eq!(instead("tol", "team", ["cards", "toll"]), "did you mean `toll`?");
        assert_eq!(instead("x-y-z", "team", ["cards", "toll"]), "declared: `cards`, `toll`");
        assert_eq!(instead("x", "team", []), "no team is declared");
    }
}
