//! Text from outside, made harmless.

use weir_findings::{render::is_invisible, without_secrets};

/// One line of text that does nothing to a terminal or a pipeline agent: no control characters, none that change
/// the direction of writing, no secrets in addresses, no `##` (agents take `##vso[…]` and `##[…]` on a line for commands), no `::` that it
/// begins with (GitHub's runner takes `::error::` for a command, however far it is indented).
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut last = ' ';
    for c in without_secrets(text).chars() {
        match c {
            ':' if last == ':' && out.trim_start() == ":" => out.push_str(" :"),
            '\n' | '\r' | '\t' => out.push(' '),
            c if c.is_control() || is_invisible(c) => out.extend(c.escape_unicode()),
            '#' if last == '#' => out.push_str(" #"),
            c => out.push(c),
        }
        last = c;
    }
    out
}

/// Plain text as markdown that shows just that text. Text between backticks is code, where it is harmless even
/// if markdown does not take it for code.
pub(super) fn escaped(text: &str) -> String {
    let text = plain(text);
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, behind)) = rest.split_once('`') {
        entities(before, &mut out);
        match behind.split_once('`') {
            // Two backticks in a row would begin another kind of code.
            Some((code, next)) if is_tame(code) && !out.ends_with('`') && !next.starts_with('`') => {
                out.extend(["`", code, "`"]);
                rest = next;
            }
            _ => {
                entities("`", &mut out);
                rest = behind;
            }
        }
    }
    entities(rest, &mut out);
    out
}

/// Returns `true` if the text has no meaning to markdown and HTML and notifies no one, in code or out of it.
fn is_tame(text: &str) -> bool {
    let tame = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/' | ':' | ',' | '=' | ' ');
    !text.trim().is_empty() && text.chars().all(tame)
}

fn entities(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' | '<' | '>' | '`' | '|' | '@' | '#' | '*' | '_' | '[' | ']' | '\\' | '~' => {
                out.push_str(&format!("&#{};", u32::from(c)));
            }
            c => out.push(c),
        }
    }
}

/// Plain text inside a fence, which only backticks could end.
pub(super) fn fenced(text: &str) -> String {
    plain(text).replace('`', "'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_steers_anything() {
        assert_eq!(plain("a\u{1b}[31mb\nc\u{202e}d"), "a\\u{1b}[31mb c\\u{202e}d");
        assert_eq!(plain("\n ::error::a::b"), "  : :error::a::b");
        assert_eq!(plain("##vso[task.setvariable]###"), "# #vso[task.setvariable]# # #");
        assert_eq!(escaped("<b>@all|`#1`"), "&#60;b&#62;&#64;all&#124;&#96;&#35;1&#96;");
        for (text, markdown) in [
            ("key `a.b-c` is `1`, `2`", "key `a.b-c` is `1`, `2`"),
            ("a_b `a_b` a*", "a&#95;b `a_b` a&#42;"),
            ("`<img>` `@all` `a|b`", "&#96;&#60;img&#62;&#96; &#96;&#64;all&#96; &#96;a&#124;b&#96;"),
            ("``", "&#96;&#96;"),
            ("`` `a``b` `", "&#96;&#96; &#96;a&#96;`b` &#96;"),
            ("a`b`c`<x>", "a`b`c&#96;&#60;x&#62;"),
        ] {
            assert_eq!(escaped(text), markdown, "{text}");
        }
        assert_eq!(fenced("```\n</details>"), "''' </details>");
    }
}
