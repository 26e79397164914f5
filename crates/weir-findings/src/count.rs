//! Numbers with their nouns: `1 finding`, `3 findings`.

use std::{borrow::Cow, fmt::Display};

/// Returns a sentence as a part of another one: without its full stop, and with a small letter at the beginning.
///
/// ```
/// assert_eq!(weir_findings::clause("The plan deletes 3 topics."), "the plan deletes 3 topics");
/// ```
pub fn clause(sentence: &str) -> String {
    let mut clause = sentence.trim_end_matches('.').to_owned();
    if let Some(first) = clause.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    clause
}

/// Returns the number with its noun.
///
/// ```
/// use weir_findings::count;
///
/// assert_eq!(count(1, "finding"), "1 finding");
/// assert_eq!(count(3, "API key"), "3 API keys");
/// assert_eq!(count(0, "policy"), "0 policies");
/// ```
pub fn count<N: Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    let text = number.to_string();
    format!("{text} {}", plural(number, noun))
}

/// Returns the noun as it stands behind the number.
///
/// ```
/// assert_eq!(weir_findings::plural(2, "stage"), "stages");
/// ```
pub fn plural<N: PartialEq + From<u8>>(number: N, noun: &str) -> Cow<'_, str> {
    if number == N::from(1) {
        return Cow::Borrowed(noun);
    }
    let vowel = |stem: &str| stem.ends_with(['a', 'e', 'i', 'o', 'u']);
    match noun.strip_suffix('y') {
        Some(stem) if !vowel(stem) => Cow::Owned(format!("{stem}ies")),
        _ => Cow::Owned(format!("{noun}s")),
    }
}
