//! What to write instead of a name that leads nowhere.

use std::{collections::BTreeMap, ops::Bound};

/// How many names are compared at most: a workspace full of wrong names must not take minutes.
const MOST: usize = 500;

/// Help for an unknown `what`: the closest name, or the names there are, when few.
pub(crate) fn instead<'k>(wrong: &str, what: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    let names: Vec<&str> = known.into_iter().take(MOST).collect();
    if let Some(name) = weir_findings::closest(wrong, names.iter().copied()) {
        return format!("did you mean `{name}`?");
    }
    match names.len() {
        0 => format!("no {what} is declared"),
        1..=8 => format!("declared: {}", names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
        _ => format!("write the name of a {what} that is declared"),
    }
}

/// The names of `known` that stand around `name` in sorted order, where slips of the pen are found.
pub(crate) fn around<'k, V>(name: &str, known: &'k BTreeMap<String, V>) -> impl Iterator<Item = &'k str> {
    let after = known.range::<str, _>((Bound::Included(name), Bound::Unbounded)).take(MOST / 2);
    let before = known.range::<str, _>((Bound::Unbounded, Bound::Excluded(name))).rev().take(MOST / 2);
    after.chain(before).map(|(name, _)| name.as_str())
}

/// As [`instead`] for maps of any size: looks around where `wrong` would stand, where names share its beginning.
pub(crate) fn instead_in<V>(wrong: &str, what: &str, known: &BTreeMap<String, V>) -> String {
    instead(wrong, what, around(wrong, known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_name_or_the_few_there_are() {
        assert_eq!(instead("tol", "team", ["cards", "toll"]), "did you mean `toll`?");
        assert_eq!(instead("x-y-z", "team", ["cards", "toll"]), "declared: `cards`, `toll`");
        assert_eq!(instead("x", "team", []), "no team is declared");
    }
}
