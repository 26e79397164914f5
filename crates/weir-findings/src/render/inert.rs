use std::borrow::Cow;

use super::is_invisible;
use crate::without_secrets;

/// Makes text from outside harmless for a terminal and for a build agent's log. Control characters and bidirectional
/// overrides are replaced by visible stand-ins; `##vso[` and `##[` no longer begin a command.
///
/// Each character becomes exactly one character, so columns stay right. Tabs stay; line breaks become `␊`.
pub fn inert(text: &str) -> Cow<'_, str> {
    if !text.contains("##") && !text.chars().any(|c| c != '\t' && stand_in(c).is_some()) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(replaced(text, stand_in))
}

/// Makes rendered text harmless for a build agent's log, where parts that are harmless each may have become a command
/// side by side. Colours and line breaks stay.
pub(super) fn inert_rendered(text: String) -> String {
    if text.contains("##") { replaced(&text, |_| None) } else { text }
}

fn replaced(text: &str, stand_in: fn(char) -> Option<char>) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c == '#' && begins_command(out.ends_with('#'), rest.as_str()) {
            out.push('＃');
        } else {
            out.push(stand_in(c).unwrap_or(c));
        }
    }
    out
}

/// Makes text harmless that leaves the program as it is: colours and line breaks stay, every line is made harmless with
/// [`inert_line`], and secrets in addresses are replaced by stars. Text that was not harmless loses its colours.
///
/// This is the last guard, for parts that each were harmless, and for text that no renderer has seen. It is not for JSON,
/// whose meaning it could change: [`inert_json`].
pub fn guarded(text: &str) -> Cow<'_, str> {
    let plain = without_colours(text);
    let mut tame = String::with_capacity(plain.len());
    for line in without_secrets(&plain).split_inclusive('\n') {
        let content = line.strip_suffix('\n');
        tame.push_str(&inert_line(content.unwrap_or(line)));
        tame.push_str(if content.is_some() { "\n" } else { "" });
    }
    if tame == plain { Cow::Borrowed(text) } else { Cow::Owned(tame) }
}

/// Returns `text` without the control sequences that choose colours. Others stay, since they are not weir's.
fn without_colours(text: &str) -> Cow<'_, str> {
    let mut parts = text.split("\x1b[");
    let first = parts.next().unwrap_or_default();
    if first.len() == text.len() {
        return Cow::Borrowed(text);
    }
    let mut out = first.to_owned();
    for part in parts {
        let behind = part.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        if let Some(behind) = behind.strip_prefix('m') {
            out.push_str(behind);
        } else {
            out.push_str("\x1b[");
            out.push_str(part);
        }
    }
    Cow::Owned(out)
}

/// Makes a line harmless as [`inert`] does. In addition the line does not begin with `::`, which is a command to
/// GitHub's runner even if it is indented.
pub fn inert_line(line: &str) -> Cow<'_, str> {
    let tame = inert(line);
    let content = tame.trim_start();
    if !content.starts_with("::") {
        return tame;
    }
    let indent = tame.len() - content.len();
    Cow::Owned(format!("{}：{}", &tame[..indent], &tame[indent + 1..]))
}

/// Makes each line of `text` harmless with [`inert_line`]. The last line gets a line break too.
pub fn inert_lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for line in text.lines() {
        out.push_str(&inert_line(line));
        out.push('\n');
    }
    out
}

/// Makes JSON text harmless without changing its meaning: characters that [`inert`] would replace are written as `\u….`
pub fn inert_json(json: String) -> String {
    let harmful = |c: char| c != '\n' && stand_in(c).is_some();
    if !json.contains("##") && !json.chars().any(harmful) {
        return json;
    }
    let mut out = String::with_capacity(json.len() + 16);
    let mut before = false;
    let mut rest = json.chars();
    while let Some(c) = rest.next() {
        if harmful(c) || c == '#' && begins_command(before, rest.as_str()) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
        before = c == '#';
    }
    out
}

/// Returns `true` if a `#` followed by `rest` begins a command in the log of an Azure agent. `behind_another`: the
/// character before it is also `#`.
fn begins_command(behind_another: bool, rest: &str) -> bool {
    let vso = rest.as_bytes().get(..4).is_some_and(|word| word.eq_ignore_ascii_case(b"vso["));
    behind_another && (rest.starts_with('[') || vso)
}

fn stand_in(c: char) -> Option<char> {
    match c {
        '\t' => None,
        // Unicode has a picture for each of the first 32 control characters, in the same order.
        '\0'..='\x1f' => char::from_u32(0x2400 + c as u32),
        '\x7f' => Some('␡'),
        '\u{80}'..='\u{9f}' => Some('\u{fffd}'),
        '\u{2028}' | '\u{2029}' => Some('␊'),
        c if is_invisible(c) => Some('\u{fffd}'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inert_text_commands_neither_terminal_nor_agent() {
        let wild =
            "a\x1b[31mred\x07 ##vso[task.setvariable] ##VSO[x] ##[error] ###[group] \r\n \u{9b}2J \u{202e}x\t#1 ##";
        let tame = inert(wild);
        assert_eq!(
            tame,
            "a␛[31mred␇ #＃vso[task.setvariable] #＃VSO[x] #＃[error] ##＃[group] ␍␊ \u{fffd}2J \u{fffd}x\t#1 ##"
        );
        assert_eq!(tame.chars().count(), wild.chars().count());
        assert!(matches!(inert("käse # 1"), Cow::Borrowed(_)));
    }

    #[test]
    fn no_line_begins_a_command() {
        let wild = "a\n::error::b\n \t ::set-output name=x::y\r\n\r::error::z\n##[error]\nfine: ::x";
        let tame = inert_lines(wild);
        assert_eq!(tame, "a\n：:error::b\n \t ：:set-output name=x::y\n␍::error::z\n#＃[error]\nfine: ::x\n");
        assert!(matches!(inert_line("fine"), Cow::Borrowed(_)));
    }

    #[test]
    fn the_last_guard_keeps_colours_of_harmless_text_only() {
        let fine = "\x1b[1;31merror\x1b[0m: x\n  ##: y\n\n";
        assert!(matches!(guarded(fine), Cow::Borrowed(_)));
        // The terminal's library removes colours where they are not wanted: the rest must be harmless.
        let wild = "a\x1b[2J\n\x1b[1m::error::b\x1b[0m\n#\x1b[0m#[error]c\r\n https://u:pw@h/?sig=x";
        assert_eq!(guarded(wild), "a␛[2J\n：:error::b\n#＃[error]c␍\n https://u:***@h/?sig=***");
    }

    #[test]
    fn json_keeps_its_meaning() {
        let value = serde_json::json!({"m": "##vso[x]\u{9b}\u{202e}\u{feff}ü\\##[y]"});
        let text = inert_json(value.to_string());
        assert_eq!(text, r##"{"m":"#\u0023vso[x]\u009b\u202e\ufeffü\\#\u0023[y]"}"##);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
