//! YAML in the style of the documentation: short maps on one line, quotes where a reader could take a text for another
//! type.

use std::fmt::Write as _;

/// Largest length of a line, in characters, as in the documentation.
const WIDTH: usize = 110;

/// A value to be written.
pub(super) enum Node {
    /// A scalar, quotes included.
    Scalar(String),
    /// `null`.
    Null,
    /// A key with nothing behind it.
    Nothing,
    /// On one line if it fits.
    List(Vec<Node>),
    /// A line for each item.
    Lines(Vec<Node>),
    /// On one line if it fits.
    Map(Vec<(String, Node)>),
    /// A line for each key.
    Block(Vec<(String, Node)>),
}

impl Node {
    /// Returns a text: quoted where a reader could take it for another type.
    pub(super) fn text(text: &str) -> Self {
        let digits = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+'));
        Node::Scalar(if is_plain(text) && !digits { text.to_owned() } else { quoted(text) })
    }

    /// Returns a setting's value: numbers and units without quotes.
    pub(super) fn value(text: &str) -> Self {
        let sign = text.strip_prefix('-').unwrap_or(text);
        let number = sign.starts_with(|c: char| c.is_ascii_digit());
        let whole = number && sign.chars().all(|c| c.is_ascii_alphanumeric() || c == '.');
        let boolean = matches!(text, "true" | "false");
        if whole || boolean { Node::Scalar(text.to_owned()) } else { Self::text(text) }
    }

    pub(super) fn number(number: impl Into<u32>) -> Self {
        Node::Scalar(number.into().to_string())
    }

    /// Returns the value on one line, if that is possible.
    fn line(&self) -> Option<String> {
        Some(match self {
            Node::Scalar(text) => text.clone(),
            Node::Null => "null".to_owned(),
            Node::Nothing => String::new(),
            Node::List(items) => {
                let items: Option<Vec<String>> = items.iter().map(Node::line).collect();
                format!("[{}]", items?.join(", "))
            }
            Node::Map(fields) => {
                let fields: Option<Vec<String>> =
                    fields.iter().map(|(key, value)| Some(format!("{}: {}", scalar(key), value.line()?))).collect();
                format!("{{{}}}", fields?.join(", "))
            }
            Node::Lines(_) | Node::Block(_) => return None,
        })
    }
}

/// Writes a map with a line for each key, `indent` deep.
pub(super) fn block(fields: &[(String, Node)], indent: usize, out: &mut String) {
    for (key, value) in fields {
        let _ = write!(out, "{:indent$}{}:", "", scalar(key));
        let room = WIDTH.saturating_sub(indent + key.len() + 2);
        match (value, value.line().filter(|line| line.len() <= room)) {
            (Node::Nothing, _) => out.push('\n'),
            (_, Some(line)) => {
                let _ = writeln!(out, " {line}");
            }
            (Node::Map(fields) | Node::Block(fields), None) => {
                out.push('\n');
                block(fields, indent + 2, out);
            }
            (Node::List(items) | Node::Lines(items), None) => {
                out.push('\n');
                for item in items {
                    self::item(item, indent + 2, out);
                }
            }
            (Node::Scalar(text), None) => {
                let _ = writeln!(out, " {text}");
            }
            (Node::Null, None) => out.push_str(" null\n"),
        }
    }
}

fn item(item: &Node, indent: usize, out: &mut String) {
    match item.line().filter(|line| indent + 2 + line.len() <= WIDTH) {
        Some(line) => {
            let _ = writeln!(out, "{:indent$}- {line}", "");
        }
        None => {
            let mut text = String::new();
            match item {
                Node::Map(fields) | Node::Block(fields) => block(fields, indent + 2, &mut text),
                other => {
                    let _ = writeln!(text, "{:1$}{2}", "", indent + 2, other.line().unwrap_or_default());
                }
            }
            // The dash takes the place of the first line's indent.
            let _ = write!(out, "{:indent$}- {}", "", text.trim_start_matches(' '));
        }
    }
}

fn scalar(text: &str) -> String {
    match Node::text(text) {
        Node::Scalar(text) => text,
        _ => quoted(text),
    }
}

/// Returns `true` if the text, without quotes, is read as itself inside brackets too.
fn is_plain(text: &str) -> bool {
    let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '/' | '*' | ' ' | '(' | ')');
    let first = |c: char| c.is_alphabetic() || matches!(c, '_' | '/' | '.' | '-') || c.is_ascii_digit();
    let lower = text.to_ascii_lowercase();
    text.starts_with(first)
        && text.chars().all(|c| word(c) && (c.is_ascii() || c.is_alphabetic()))
        && !text.ends_with(' ')
        && !matches!(lower.as_str(), "null" | "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n")
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            ' '..='~' => out.push(c),
            c if c.is_alphabetic() => out.push(c),
            c if (c as u32) < 0x100 => {
                let _ = write!(out, "\\x{:02x}", c as u32);
            }
            c if (c as u32) < 0x1_0000 => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => {
                let _ = write!(out, "\\U{:08x}", c as u32);
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_where_they_could_be_something_else() {
        let shown = |text: &str| Node::text(text).line().unwrap();
        for plain in ["toll.transactions.v1", "toll.*", "Reads it (nightly)", "_x", "/a", "größe"] {
            assert_eq!(shown(plain), plain);
        }
        for (text, written) in [
            ("", r#""""#),
            ("*", r#""*""#),
            ("007", r#""007""#),
            ("1.5", r#""1.5""#),
            ("No", r#""No""#),
            ("a: b", r#""a: b""#),
            ("a #b", r#""a #b""#),
            ("a ", r#""a ""#),
            ("a\"\\\n\u{7f}\u{2028}\u{1f600}", r#""a\"\\\n\x7f\u2028\U0001f600""#),
        ] {
            assert_eq!(shown(text), written);
        }
        let value = |text: &str| Node::value(text).line().unwrap();
        assert_eq!(["7d", "-1", "0.3", "true", "zstd"].map(value), ["7d", "-1", "0.3", "true", "zstd"]);
        assert_eq!(["0:1,1:2", "no", ""].map(value), [r#""0:1,1:2""#, r#""no""#, r#""""#]);
    }

    #[test]
    fn what_does_not_fit_on_a_line_gets_several() {
        let long = || Node::text(&"x".repeat(60));
        let mut out = String::new();
        let map = |n: usize| Node::Map((0..n).map(|i| (format!("k{i}"), long())).collect());
        block(&[("a".to_owned(), map(1)), ("b".to_owned(), Node::Lines(vec![map(1), map(2)]))], 0, &mut out);
        insta::assert_snapshot!(out.replace(&"x".repeat(60), "X"), @r"
        a: {k0: X}
        b:
          - {k0: X}
          - k0: X
            k1: X
        ");
    }
}
