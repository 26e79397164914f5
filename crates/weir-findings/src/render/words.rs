//! Messages as every format prints them: of a length that can be read, and harmless.

use std::borrow::Cow;

use super::inert;
use crate::Related;

/// A word longer than this is cut in its middle: somebody wrote a book where a name belongs.
const LONGEST_WORD: usize = 200;

/// As much is left of a longer text.
const LONGEST: usize = 1200;

/// The first `most` of a finding's other places, and how many more there are.
pub(super) fn some<P>(related: &[Related<P>], most: usize) -> (&[Related<P>], usize) {
    related.split_at_checked(most).map_or((related, 0), |(some, more)| (some, more.len()))
}

/// `and 3990 more places`
pub(super) fn more_places(more: usize) -> String {
    format!("and {more} more {}", if more == 1 { "place" } else { "places" })
}

/// `text` with what is too long cut.
pub(super) fn brief(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST_WORD {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(LONGEST);
    for word in text.split_inclusive([' ', '\n']) {
        out.push_str(&cut(word, LONGEST_WORD));
    }
    Cow::Owned(cut(&out, LONGEST).into_owned())
}

/// `text` as one line that commands nobody.
pub(super) fn line(text: &str) -> String {
    inert(&brief(text)).into_owned()
}

/// `text`, or its beginning and its end when it has more than `most` characters.
fn cut(text: &str, most: usize) -> Cow<'_, str> {
    let count = if text.len() <= most { 0 } else { text.chars().count() };
    if count <= most {
        return Cow::Borrowed(text);
    }
    let head: String = text.chars().take(most * 3 / 4).collect();
    let tail: String = text.chars().skip(count - most / 8).collect();
    Cow::Owned(format!("{head}…{tail}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_long_is_cut_and_what_is_not_stays() {
        let fine = "there is no field `partitons`";
        assert!(matches!(brief(fine), Cow::Borrowed(_)));
        let long = format!("there is no field `{}ü`, write `partitions`", "x".repeat(100_000));
        let said = brief(&long);
        assert!(said.len() < 300 && said.ends_with("xü`, write `partitions`"), "{said}");
        assert!(said.starts_with("there is no field `xxx"), "{said}");
        let words = "word ".repeat(100_000);
        assert!(brief(&words).len() <= LONGEST);
    }
}
