/// Characters without a picture of their own, and characters that change the direction or the meaning of their neighbours:
/// Unicode's `Default_Ignorable_Code_Point`, its general category `Cf`, and the separators of lines and paragraphs.
/// Unicode 16; sorted.
const INVISIBLE: [(char, char); 26] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{600}', '\u{605}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{6dd}', '\u{6dd}'),
    ('\u{70f}', '\u{70f}'),
    ('\u{890}', '\u{891}'),
    ('\u{8e2}', '\u{8e2}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{110bd}', '\u{110bd}'),
    ('\u{110cd}', '\u{110cd}'),
    ('\u{13430}', '\u{1343f}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// Returns `true` for a character that readers cannot see, or that makes them see something else.
///
/// ```
/// use weir_findings::render::is_invisible;
/// assert!(is_invisible('\u{200b}') && is_invisible('\u{61c}') && is_invisible('\u{e0041}'));
/// assert!(!is_invisible('a') && !is_invisible(' ') && !is_invisible('ü'));
/// ```
pub fn is_invisible(c: char) -> bool {
    // All of ASCII is left of the table.
    let at = INVISIBLE.partition_point(|(_, last)| *last < c);
    INVISIBLE.get(at).is_some_and(|(first, _)| *first <= c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(INVISIBLE.windows(2).all(|pair| pair[0].1 < pair[1].0));
        assert!(INVISIBLE.iter().all(|(first, last)| first <= last));
    }

    /// The general category of another library, in the tests alone.
    #[test]
    fn every_format_character_is_in_the_table() {
        use unicode_general_category::{GeneralCategory, get_general_category};
        for c in '\0'..=char::MAX {
            if get_general_category(c) == GeneralCategory::Format {
                assert!(is_invisible(c), "{}", c.escape_unicode());
            }
        }
    }
}
