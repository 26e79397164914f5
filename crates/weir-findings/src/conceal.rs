//! Finds secrets in the text of files, so that no output repeats them.
//!
//! The search reads text, not YAML, because it has to hold for files that are not valid YAML. It hides too much rather
//! than too little.

use std::{borrow::Cow, ops::Range};

/// Substrings of field names that suggest a secret, in lower case and without punctuation.
const SECRET_WORDS: [&str; 14] = [
    "accesskey",
    "accountkey",
    "apikey",
    "connectionstring",
    "credential",
    "jaas",
    "keypass",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "sharedkey",
    "token",
];

/// Returns `true` if a field of this name is likely to hold a secret.
///
/// ```
/// assert!(weir_findings::names_secret("sasl.jaas.config") && weir_findings::names_secret("API_KEY"));
/// assert!(!weir_findings::names_secret("partitions"));
/// ```
pub fn names_secret(name: &str) -> bool {
    let folded: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    SECRET_WORDS.iter().any(|word| folded.contains(word)) || folded.ends_with("pwd") || folded == "pass"
}

/// Returns the secrets in `text`, in order: values of fields whose names suggest a secret, and passwords in addresses.
/// A mapping below such a field is judged field by field.
pub(crate) fn secrets(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut below: Option<Below> = None;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let body = line.trim_end_matches(['\n', '\r']);
        let content = body.trim_start();
        let indent = body.len() - content.len();
        below = below.filter(|below| content.is_empty() || indent > below.indent || below.in_quotes);
        match &mut below {
            Some(all) if all.everything => {
                found.push(start + indent..start + body.len());
                if all.in_quotes && content.contains(['"', '\'']) {
                    below = None;
                }
            }
            Some(_) if !content.is_empty() && colons(body).next().is_none() => {
                found.push(start + indent..start + body.len());
            }
            _ => below = line_of(body, start, &mut found).or(below),
        }
        start += line.len();
    }
    found.extend(secrets_in_addresses(text));
    found.sort_by_key(|range| range.start);
    found
}

/// Returns `text` with the secrets in its addresses replaced by stars: `https://user:***@host/path?sig=***`.
///
/// ```
/// let text = weir_findings::without_secrets("see https://user:hunter2@host/x?a=1&sig=abc");
/// assert_eq!(text, "see https://user:***@host/x?a=1&sig=***");
/// ```
pub fn without_secrets(text: &str) -> Cow<'_, str> {
    let mut secrets = secrets_in_addresses(text);
    if secrets.is_empty() {
        return Cow::Borrowed(text);
    }
    secrets.sort_by_key(|range| range.start);
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for secret in secrets.into_iter().filter(|secret| !text[secret.clone()].chars().all(|c| c == '*')) {
        if secret.start >= done {
            out.push_str(&text[done..secret.start]);
            out.push_str("***");
            done = secret.end;
        }
    }
    out.push_str(&text[done..]);
    Cow::Owned(out)
}

/// Returns the secrets in addresses, with and without a scheme: the password of a login, or all of a login without a
/// password, and the signatures and keys among the parameters of a query or fragment.
fn secrets_in_addresses(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    for word in text.split_inclusive(ends_address) {
        let body = word.trim_end_matches(ends_address);
        passwords(body, start, &mut found);
        signatures(body, start, &mut found);
        start += word.len();
    }
    found
}

/// Returns `true` for a character that no address contains.
fn ends_address(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>')
}

/// Words before the colon of a Kafka principal or of a mail address, which are not the name of a login.
const NO_LOGIN: [&str; 3] = ["User", "Group", "mailto"];

/// Adds the passwords in a word: `https://user:password@host`, `//user:password@host`, `user:password@host`.
fn passwords(word: &str, start: usize, found: &mut Vec<Range<usize>>) {
    if !word.contains('@') {
        return;
    }
    let mut begin = start;
    for (i, part) in word.split("//").enumerate() {
        let host = &part[..part.find(['/', '?', '#']).unwrap_or(part.len())];
        if let Some(end) = host.rfind('@') {
            let login = &host[..end];
            let password = match login.find(':') {
                Some(colon) if i == 0 => {
                    let name = login[..colon].rsplit(|c: char| !c.is_ascii_alphanumeric()).next();
                    name.filter(|name| !NO_LOGIN.contains(name)).map(|_| colon + 1..end)
                }
                Some(colon) => Some(colon + 1..end),
                // Without scheme and colon, this is a mail address.
                None => (i > 0).then_some(0..end),
            };
            let password = password.filter(|password| !password.is_empty());
            found.extend(password.map(|password| begin + password.start..begin + password.end));
        }
        begin += part.len() + 2;
    }
}

/// Adds the values of the parameters in a word that open an address to everybody: `?sig=…`, `&key=…`, `#access_token=…`.
fn signatures(word: &str, start: usize, found: &mut Vec<Range<usize>>) {
    let separates = |c: char| matches!(c, '?' | '&' | ';' | '#');
    let mut begin = start;
    for (i, parameter) in word.split(separates).enumerate() {
        if i > 0
            && let Some((name, value)) = parameter.split_once('=')
            && is_signature(&decoded(name))
            && !value.is_empty()
        {
            found.push(begin + name.len() + 1..begin + parameter.len());
        }
        begin += parameter.len() + 1;
    }
}

/// Returns the name of a parameter with its characters in place of `%69`. Bytes that are not ASCII name no secret.
fn decoded(name: &str) -> Cow<'_, str> {
    if !name.contains('%') {
        return Cow::Borrowed(name);
    }
    let mut parts = name.split('%');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let byte = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        text.push(byte.map_or('%', char::from));
        text.push_str(if byte.is_some() { &part[2..] } else { part });
    }
    Cow::Owned(text)
}

/// Returns `true` if a parameter of this name opens an address to everybody.
fn is_signature(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    matches!(name.as_str(), "sig" | "key" | "code") || name.ends_with("signature") || names_secret(&name)
}

/// A secret that continues on the lines below its field.
#[derive(Clone, Copy)]
struct Below {
    /// Indentation of the field; the secret ends before the next line that is indented no deeper.
    indent: usize,
    /// `true` to hide every line; `false` to hide only lines that are not a field of their own.
    everything: bool,
    /// `true` if the secret ends with a quote, whatever the indentation.
    in_quotes: bool,
}

/// Adds the secrets of one line to `found`. Returns a secret that continues below the line.
fn line_of(line: &str, start: usize, found: &mut Vec<Range<usize>>) -> Option<Below> {
    let indent = line.len() - line.trim_start().len();
    let mut done = 0;
    for colon in colons(line) {
        if colon < done || !names_secret(key_before(&line[..colon])) {
            continue;
        }
        let rest = &line[colon + 1..];
        let value = colon + 1 + rest.len() - rest.trim_start().len();
        let rest = &line[value..];
        let flow = line[..colon].contains(['{', '[']);
        let below = |everything, in_quotes| Some(Below { indent, everything, in_quotes });
        let length = match rest.chars().next() {
            None | Some('#') => return below(false, false),
            Some('|' | '>') => return below(true, false),
            Some('{') => continue,
            Some('[') => match rest.find(']') {
                Some(end) if !rest[..end].contains(':') => end,
                Some(_) => continue,
                None => rest.len(),
            },
            Some(quote @ ('"' | '\'')) => match rest[1..].rfind(quote) {
                // The last quote of the line, because the first one may be escaped.
                Some(end) => end + 2,
                None => {
                    found.push(start + value..start + line.len());
                    return below(true, true);
                }
            },
            Some(_) if flow => rest.find([',', '}', ']']).unwrap_or(rest.len()),
            Some(_) => rest.len(),
        };
        found.push(start + value..start + value + length);
        done = value + length;
    }
    None
}

/// Returns the offsets of colons that end a key: followed by white space or nothing, or preceded by a quote.
fn colons(line: &str) -> impl Iterator<Item = usize> {
    line.match_indices(':').map(|(at, _)| at).filter(|at| {
        let next = line[at + 1..].chars().next();
        next.is_none_or(char::is_whitespace) || line[..*at].ends_with(['"', '\''])
    })
}

fn key_before(text: &str) -> &str {
    let from = text.rfind(['{', '[', ',', '#']).map_or(0, |at| at + 1);
    text[from..].trim().trim_start_matches(['-', '?']).trim().trim_matches(['"', '\''])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let mut out = text.to_owned();
        for range in secrets(text).into_iter().rev() {
            out.replace_range(range, "***");
        }
        out
    }

    #[test]
    fn values_of_fields_with_secret_names_are_hidden() {
        for (text, hidden) in [
            ("a: 1\npassword: hunter2\nb: 2\n", "a: 1\npassword: ***\nb: 2\n"),
            ("credentials: {password: hunter2, env: X}", "credentials: {password: ***, env: X}"),
            ("{\"apiSecret\":\"a\\\"b\",\"x\":1}", "{\"apiSecret\":***:1}"),
            ("- client-secret: 'it''s' # note", "- client-secret: *** # note"),
            ("password: hunter2 # hunter2\r\nb: 1\r\n", "password: ***\r\nb: 1\r\n"),
            ("# password: hunter2", "# password: ***"),
            ("tokens: [a, b]\n", "tokens: ***]\n"),
            ("apiKeys: [{slot: default, rotateEvery: 90d}]\n", "apiKeys: [{slot: default, rotateEvery: 90d}]\n"),
            ("  credentials:\n    env: ONPREM\n", "  credentials:\n    env: ONPREM\n"),
            ("  credentials: hunter2\n", "  credentials: ***\n"),
            ("  apiKeys: [hunter2]\n", "  apiKeys: ***]\n"),
            ("  apiKey:\n    - hunter2\n  x: y\n", "  apiKey:\n    ***\n  x: y\n"),
            ("key_pass: |\n  one\n\n  two: x\nb: 1\n", "key_pass: |\n  ***\n***\n  ***\nb: 1\n"),
            ("pwd: \"one\n two\"\nb: 1\n", "pwd: ***\n ***\nb: 1\n"),
            ("sasl.jaas.config: a.b required password=\"x\";\n", "sasl.jaas.config: ***\n"),
            ("vault: https://weir:hunter2@kv.example/x\n", "vault: https://weir:***@kv.example/x\n"),
            (
                "{a: \"https://u:p@h\", b: https://u@h, c: \"http://h:80/@x\"}",
                "{a: \"https://u:***@h\", b: https://***@h, c: \"http://h:80/@x\"}",
            ),
            ("x: https://h/p?q=(1)&sig=a,b)c, d", "x: https://h/p?q=(1)&sig=*** d"),
            (
                "x: https://h?s%69g=a https://h#sig=b //h/p?a=1&amp;sig=c",
                "x: https://h?s%69g=*** https://h#sig=*** //h/p?a=1&amp;sig=***",
            ),
            ("x: h.example/p?code=a", "x: h.example/p?code=***"),
            ("x: https://u:p,x@h/ //u:p@h u:p,x@h", "x: https://u:***@h/ //u:***@h u:***@h"),
            (
                "x: ada@example.com User:ada@REALM (mailto:ada@example.com) 100%&a=1",
                "x: ada@example.com User:ada@REALM (mailto:ada@example.com) 100%&a=1",
            ),
            (
                "x: https://h/p?sv=1&sig=a%2Fb&se=2 https://h?X-Amz-Signature=c#d https://h?access_token=e`",
                "x: https://h/p?sv=1&sig=***&se=2 https://h?X-Amz-Signature=***#d https://h?access_token=***`",
            ),
            ("secrets: {folder: {path: .weir/vault}}\n", "secrets: {folder: {path: .weir/vault}}\n"),
        ] {
            let is = shown(text);
            assert_eq!(is, hidden, "{text}");
        }
    }
}
