//! Message text as every format prints it: short enough to read, and harmless.

use std::borrow::Cow;

use super::inert;
use crate::{Related, plural};

/// Length in bytes above which a word is cut in its middle, in case a file has a very long text where a name belongs.
const LONGEST_WORD: usize = 200;

/// Number of characters that are kept of a longer text.
const LONGEST: usize = 1200;

/// Returns the first `most` related places, and the number of the others.
pub(super) fn some<P>(related: &[Related<P>], most: usize) -> (&[Related<P>], usize) {
    related.split_at_checked(most).map_or((related, 0), |(some, more)| (some, more.len()))
}

/// Returns words such as `and 3990 more places`.
pub(super) fn more_places(more: usize) -> String {
    format!("and {more} more {}", plural(more, "place"))
}

/// Returns `text` with its long words cut, and cut as a whole if it is too long.
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

/// Returns `text` as one harmless line.
pub(super) fn line(text: &str) -> String {
    inert(&brief(text)).into_owned()
}

/// Returns `text`, or its beginning and its end if it has more than `most` characters.
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
    fn only_long_text_is_cut() {
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
