//! Texts that are too long to show, shortened in the middle.

use std::borrow::Cow;

/// Returns the text with at most `most` characters of it. The number of characters left out stands in their place.
pub(super) fn cut(text: &str, most: usize) -> Cow<'_, str> {
    // Most texts are short in bytes too.
    if text.len() <= most {
        return text.into();
    }
    let length = text.chars().count();
    if length <= most {
        return text.into();
    }
    let tail = most / 4;
    let at = |index: usize| text.char_indices().nth(index).map_or(text.len(), |(at, _)| at);
    let (head, rest) = (at(most - tail), at(length - tail));
    format!("{}… ({} characters left out) …{}", &text[..head], length - most, &text[rest..]).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_exact() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("abcdefghij", 8), "abcdef… (2 characters left out) …ij");
        assert_eq!(cut("äbcdefghiü", 8), "äbcdef… (2 characters left out) …iü");
    }
}
