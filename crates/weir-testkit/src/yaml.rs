//! Reads YAML as JSON, for tests that judge by schemas. The parser below is the one that weir uses, `granit-parser`; weir's
//! own reader above it is not involved.

use granit_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Number, Value};

/// Returns the documents of `text`, with the numbers, booleans and null of YAML 1.2.
///
/// # Panics
/// If the text is not plain YAML, which a test's own input always is.
pub fn yaml(text: &str) -> Vec<Value> {
    parse(text).expect("YAML")
}

/// Does the work of [`yaml`], for files that are not part of a test.
pub(crate) fn parse(text: &str) -> Result<Vec<Value>, String> {
    let (mut documents, mut open) = (Vec::new(), Vec::new());
    for event in Parser::new_from_str(text) {
        match event.map_err(|e| e.to_string())?.0 {
            Event::SequenceStart(..) => open.push(Open::Items(Vec::new())),
            Event::MappingStart(..) => open.push(Open::Entries(Map::new(), None)),
            Event::SequenceEnd | Event::MappingEnd => {
                let value = match open.pop() {
                    Some(Open::Items(items)) => Value::Array(items),
                    Some(Open::Entries(entries, _)) => Value::Object(entries),
                    None => Value::Null,
                };
                add(value, &mut open, &mut documents);
            }
            Event::Scalar(text, ScalarStyle::Plain, ..) => add(plain(&text), &mut open, &mut documents),
            Event::Scalar(text, ..) => add(Value::String(text.into_owned()), &mut open, &mut documents),
            Event::Alias(..) => return Err("aliases are not understood".to_owned()),
            _ => {}
        }
    }
    Ok(documents)
}

enum Open {
    Items(Vec<Value>),
    Entries(Map<String, Value>, Option<String>),
}

fn add(value: Value, open: &mut [Open], documents: &mut Vec<Value>) {
    match open.last_mut() {
        Some(Open::Items(items)) => items.push(value),
        Some(Open::Entries(entries, key)) => match key.take() {
            Some(key) => {
                entries.insert(key, value);
            }
            None => *key = Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned)),
        },
        None => documents.push(value),
    }
}

fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => match (text.parse::<i64>(), text.parse::<f64>().ok().and_then(Number::from_f64)) {
            (Ok(number), _) => number.into(),
            (_, Some(number)) if text.starts_with(|c: char| c.is_ascii_digit() || c == '-') => number.into(),
            _ => Value::String(text.to_owned()),
        },
    }
}
