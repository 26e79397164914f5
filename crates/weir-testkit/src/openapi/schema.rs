//! Translates OpenAPI 3.0 schemas to JSON Schema (draft 4), without references, and with each object in one piece.

use serde_json::{Map, Value, json};

/// The deepest nesting of a schema; a schema that refers to itself is not supported.
const DEPTH: usize = 40;

/// Follows the reference, if `value` is one.
pub(super) fn resolve<'a>(root: &'a Value, value: &'a Value) -> Result<&'a Value, String> {
    match value.get("$ref").and_then(Value::as_str) {
        None => Ok(value),
        Some(to) => {
            let found = to.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
            resolve(root, found.ok_or_else(|| format!("`{to}` leads nowhere"))?)
        }
    }
}

/// Returns a schema without references and `allOf`.
pub(super) fn flat(root: &Value, schema: &Value) -> Result<Value, String> {
    let mut flat = flatten(root, schema, DEPTH)?;
    admit_null(&mut flat);
    Ok(flat)
}

fn flatten(root: &Value, schema: &Value, depth: usize) -> Result<Value, String> {
    let depth = depth.checked_sub(1).ok_or("a schema refers to itself")?;
    let Value::Object(schema) = resolve(root, schema)? else { return Ok(json!({})) };
    let mut whole = Map::new();
    for (name, value) in schema {
        let flattened = match name.as_str() {
            "example" | "description" | "discriminator" | "allOf" => continue,
            "properties" => {
                let properties = value.as_object().into_iter().flatten();
                let flattened = properties.map(|(name, value)| Ok((name.clone(), flatten(root, value, depth)?)));
                Value::Object(flattened.collect::<Result<_, String>>()?)
            }
            "oneOf" | "anyOf" => {
                let each = value.as_array().into_iter().flatten().map(|value| flatten(root, value, depth));
                Value::Array(each.collect::<Result<_, String>>()?)
            }
            "items" | "additionalProperties" if value.is_object() => flatten(root, value, depth)?,
            _ => value.clone(),
        };
        whole.insert(name.clone(), flattened);
    }
    for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        if let Value::Object(part) = flatten(root, part, depth)? {
            merge(&mut whole, part);
        }
    }
    Ok(Value::Object(whole))
}

/// Merges the constraints of two schemas.
fn merge(whole: &mut Map<String, Value>, part: Map<String, Value>) {
    for (name, value) in part {
        match (whole.get_mut(&name), value) {
            (Some(Value::Object(old)), Value::Object(new)) => merge(old, new),
            (Some(Value::Array(old)), Value::Array(new)) if name == "required" => {
                old.extend(new);
                old.sort_by_key(Value::to_string);
                old.dedup();
            }
            (_, value) => drop(whole.insert(name, value)),
        }
    }
}

/// Translates `nullable` to a type.
fn admit_null(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(admit_null),
        Value::Object(entries) => {
            if entries.remove("nullable") == Some(json!(true))
                && let Some(kind) = entries.get("type").cloned()
            {
                entries.insert("type".to_owned(), json!([kind, "null"]));
            }
            entries.values_mut().for_each(admit_null);
        }
        _ => {}
    }
}

/// Returns the schema of a request: no unknown properties, and no properties that only the service sets.
pub(super) fn sent(mut schema: Value) -> Value {
    close(&mut schema);
    schema
}

fn close(schema: &mut Value) {
    let Value::Object(entries) = schema else { return };
    for name in ["oneOf", "anyOf"] {
        entries.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten().for_each(close);
    }
    for name in ["items", "additionalProperties"] {
        if let Some(inner) = entries.get_mut(name) {
            close(inner);
        }
    }
    let Some(Value::Object(properties)) = entries.get_mut("properties") else { return };
    properties.retain(|_, property| property["readOnly"] != true);
    properties.values_mut().for_each(close);
    let known: Vec<String> = properties.keys().cloned().collect();
    entries.entry("additionalProperties").or_insert(json!(false));
    if let Some(Value::Array(required)) = entries.get_mut("required") {
        required.retain(|name| known.iter().any(|known| name == known));
        // Draft 4 forbids an empty `required`.
        if required.is_empty() {
            entries.remove("required");
        }
    }
}
