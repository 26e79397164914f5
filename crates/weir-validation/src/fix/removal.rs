//! Finds the text to remove together with an item of a list.

use std::ops::Range;

/// Returns the bytes to remove so that only the item at `item` disappears; the item is not the first of its list. In
/// block style these are its lines, between brackets the text from the comma before it. Returns `None` if a comment
/// would be removed too, or if the list has another layout.
pub(super) fn of_item(text: &str, item: Range<usize>) -> Option<Range<usize>> {
    let (before, inside, behind) = (text.get(..item.start)?, text.get(item.clone())?, text.get(item.end..)?);
    // The `#` may be no comment, but then leaving the item is still safe.
    if inside.is_empty() || inside.contains('#') {
        return None;
    }
    // A list on one line is long: nothing looks at all of it for each of its items.
    let indent = |text: &str| text.trim_end_matches([' ', '\t']).len();
    let line = before[..indent(before)].strip_suffix('-').map(indent);
    if let Some(line) = line.filter(|at| *at == 0 || before[..*at].ends_with('\n')) {
        let rest = behind.find('\n').map_or(behind, |at| &behind[..=at]);
        return rest.trim().is_empty().then_some(line..item.end + rest.len());
    }
    let comma = before.trim_end().strip_suffix(',')?.len();
    Some(comma..item.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without(text: &str, item: &str) -> Option<String> {
        let start = text.rfind(item).unwrap();
        let range = of_item(text, start..start + item.len())?;
        Some([&text[..range.start], &text[range.end..]].concat())
    }

    #[test]
    fn only_the_item_is_removed() {
        let block = "a:\n  - x: 1 # one\n  # two\n  - x: 2\n    y: 3\n  # end\n";
        assert_eq!(without(block, "x: 2\n    y: 3").unwrap(), "a:\n  - x: 1 # one\n  # two\n  # end\n");
        assert_eq!(without("a: [x, y , z]", "y").unwrap(), "a: [x , z]");
        assert_eq!(without("- {x: 1}\r\n- {x: 1}\r\n- c\r\n", "{x: 1}").unwrap(), "- {x: 1}\r\n- c\r\n");
        assert_eq!(without("- x\n- x", "x").unwrap(), "- x\n");
        for (text, item) in [
            ("- x\n- y # why\n", "y"),
            ("- x\n- y:\n    # why\n    z: 1\n", "y:\n    # why\n    z: 1"),
            ("- x\n-\n  y\n", "y"),
            ("- x\n- - y\n", "y"),
            ("a: [x]", "x"),
            ("a: [x, # why\n y]", "y"),
        ] {
            assert_eq!(without(text, item), None, "{text}");
        }
    }
}
