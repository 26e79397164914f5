//! A recognised request, its query, and the pages of a list.

use serde_json::{Value, json};

use super::{LastPage, Operation, TotalSize, answer::Answer, state::Organization};

/// A recognised request.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) operation: Operation,
    pub(super) path: &'a str,
    /// The id in the path.
    pub(super) id: &'a str,
    pub(super) query: &'a [(String, String)],
    pub(super) body: Option<&'a Value>,
    /// The API key of the client, and its secret.
    pub(super) login: Option<(&'a str, &'a str)>,
    /// The broker that the data plane's load balancer chose.
    pub(super) broker: u32,
    /// `http://host:port`
    pub(super) base: &'a str,
}

impl<'a> Call<'a> {
    pub(super) fn parameter(&self, name: &str) -> Option<&'a str> {
        self.query.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// Returns the body, which is required for every operation that takes one.
    pub(super) fn object(&self) -> Result<&'a Value, Answer> {
        self.body.filter(|body| body.is_object()).ok_or_else(|| {
            Answer::error(400, "malformed_request", "Malformed Request", "The body is not a JSON object")
        })
    }
}

/// Returns the requested page of `items`. A token encodes the index of the page's first item; clients must not rely
/// on that.
pub(super) fn page(
    org: &Organization,
    call: &Call<'_>,
    version: &str,
    kind: &str,
    largest: usize,
    items: &[Value],
) -> Result<Answer, Answer> {
    let size = match call.parameter("page_size") {
        None => 10,
        Some(text) => text.parse().ok().filter(|size| (1..=largest).contains(size)).ok_or_else(|| {
            Answer::invalid_parameter("page_size", &format!("'{text}' is not a number between 1 and {largest}"))
        })?,
    };
    let size = org.behaviour.page_limit.map_or(size, |limit| size.min(limit)).max(1);
    let first = match call.parameter("page_token") {
        None => 0,
        Some(token) => from_token(token)
            .filter(|first| *first <= items.len())
            .ok_or_else(|| Answer::invalid_parameter("page_token", "The page token is invalid"))?,
    };
    let end = items.len().min(first + size);
    let link = |first: usize| {
        let others = call.query.iter().filter(|(name, _)| name != "page_token");
        let mut link = format!("{}{}?", call.base, call.path);
        for (name, value) in others {
            link.push_str(&format!("{}={}&", encode(name), encode(value)));
        }
        link + "page_token=" + &token(first)
    };
    let mut metadata = json!({"first": format!("{}{}", call.base, call.path)});
    match org.behaviour.total_size {
        TotalSize::ThisPage => metadata["total_size"] = json!(end - first),
        TotalSize::All => metadata["total_size"] = json!(items.len()),
        TotalSize::Absent => {}
    }
    if end < items.len() {
        metadata["next"] = json!(link(end));
    } else {
        match org.behaviour.last_page {
            LastPage::Absent => {}
            LastPage::Null => metadata["next"] = Value::Null,
            LastPage::Empty => metadata["next"] = json!(""),
            LastPage::NoMetadata => metadata = json!({}),
            LastPage::Repeats => metadata["next"] = json!(link(first)),
        }
    }
    let list = json!({"api_version": version, "kind": kind, "metadata": metadata, "data": items[first..end]});
    Ok(Answer::json(200, &list))
}

fn token(first: usize) -> String {
    // The token looks opaque, and needs no escapes.
    format!("UvmDWOB1{:x}", first ^ 0x5a5a)
}

fn from_token(token: &str) -> Option<usize> {
    Some(usize::from_str_radix(token.strip_prefix("UvmDWOB1")?, 16).ok()? ^ 0x5a5a)
}

/// Decodes the parameters of a query.
pub(super) fn parameters(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect()
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, tail @ ..] = rest {
        rest = tail;
        let hex = (*byte == b'%').then(|| tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok())).flatten();
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(decoded) => {
                bytes.push(decoded);
                rest = &tail[2..];
            }
            None => bytes.push(if *byte == b'+' { b' ' } else { *byte }),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn encode(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    text.bytes().map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded_as_they_were_encoded() {
        let text = "a+b c/ü=&%";
        assert_eq!(
            parameters(&format!("x={}&&y", encode(text))),
            [("x".to_owned(), text.to_owned()), ("y".to_owned(), String::new())]
        );
        assert_eq!(decode("a+b%2Bc%zz%"), "a b+c%zz%");
    }
}
