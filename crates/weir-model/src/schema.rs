//! The JSON Schema of every kind, for editors and for programs that write files.
//!
//! Generated from the types, so that it cannot say anything else than the reader. Draft 7, which is what the editors'
//! YAML servers know best. Topic settings are described one by one; others are let pass here, since `weir-validation`
//! has the better words for them.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema};
use serde_json::{Map, Value, json};

use crate::{
    API_VERSION, Duration, Kind, SettingValue, Size,
    entity::*,
    kind::kinds,
    settings::{self, Bounds, Setting, SettingKind, UNLIMITED},
};

const DRAFT: &str = "http://json-schema.org/draft-07/schema#";

/// The schema of documents of one kind.
///
/// ```
/// let schema = weir_model::schema::of(weir_model::Kind::Topic);
/// assert_eq!(schema["properties"]["kind"]["const"], "Topic");
/// ```
pub fn of(kind: Kind) -> Value {
    let mut generator = SchemaSettings::draft07().into_generator();
    let document = document(kind, &mut generator);
    whole(kind.as_str(), document, generator.take_definitions(true))
}

/// All schemas with their file names: one for each kind, and `weir.schema.json` for documents of any kind.
pub fn all() -> Vec<(String, Value)> {
    let mut files: Vec<(String, Value)> = Kind::ALL.into_iter().map(|kind| (file_name(kind), of(kind))).collect();
    let mut generator = SchemaSettings::draft07().into_generator();
    let alternatives: Vec<Value> = Kind::ALL.into_iter().map(|kind| document(kind, &mut generator).into()).collect();
    let mut any = Map::new();
    any.insert("oneOf".to_owned(), alternatives.into());
    files.push(("weir.schema.json".to_owned(), whole("Any kind", any, generator.take_definitions(true))));
    files
}

/// Returns `topic.schema.json`, `access-control-list.schema.json`, ….
fn file_name(kind: Kind) -> String {
    kind.words('-') + ".schema.json"
}

fn whole(title: &str, body: Map<String, Value>, definitions: Map<String, Value>) -> Value {
    let mut schema = Map::new();
    schema.insert("$schema".to_owned(), DRAFT.into());
    schema.insert("title".to_owned(), format!("weir: {title}").into());
    schema.extend(body);
    schema.insert("definitions".to_owned(), definitions.into());
    schema.into()
}

macro_rules! define_documents {
    ($($kind:ident {
        about: $about:literal,
        entity: $entity:ident,
        metadata: $metadata:ident,
        spec: $required:ident $spec:ident,
        field: $field:ident,
        planned: $planned:ident,
        alternatives: $alternatives:tt,
        example: [$example_metadata:tt, $example_spec:tt],
    })*) => {
        /// Returns the schemas of a kind's metadata and spec, and an example of each.
        fn parts(kind: Kind, generator: &mut SchemaGenerator) -> ([Schema; 2], [Value; 2]) {
            match kind {
                $(Kind::$kind => (
                    [generator.subschema_for::<$metadata>(), generator.subschema_for::<$spec>()],
                    [json!($example_metadata), json!($example_spec)],
                ),)*
            }
        }
    };
}

kinds!(define_documents);

fn document(kind: Kind, generator: &mut SchemaGenerator) -> Map<String, Value> {
    let ([metadata, spec], [example_metadata, example_spec]) = parts(kind, generator);
    let mut required = vec!["apiVersion", "kind", "metadata"];
    if kind.requires_spec() {
        required.push("spec");
    }
    let spec = if kind.requires_spec() { spec.to_value() } else { json!({"anyOf": [spec, {"type": "null"}]}) };
    let example = json!({"apiVersion": API_VERSION, "kind": kind, "metadata": example_metadata, "spec": example_spec});
    let body = json!({
        "description": kind.about(),
        "type": "object",
        "additionalProperties": false,
        "required": required,
        "examples": [example],
        "properties": {
            "apiVersion": {"const": API_VERSION, "description": "The version of the format."},
            "kind": {"const": kind, "description": "The kind of the entity."},
            "metadata": metadata,
            "spec": spec,
        },
    });
    match body {
        Value::Object(body) => body,
        _ => Map::new(),
    }
}

/// The schema of `config`: settings by name.
pub(crate) struct Config;

/// The schema of `config` in an overlay, where null removes a setting.
pub(crate) struct ConfigOverlay;

/// The schema of a policy's `settings`: limits by the names of settings.
pub(crate) struct SettingLimits;

/// The schema of labels. A value that looks like a number is taken as text.
pub(crate) struct Labels;

impl JsonSchema for Config {
    fn schema_name() -> Cow<'static, str> {
        "Config".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let any = generator.subschema_for::<crate::SettingValue>();
        let properties: Map<String, Value> =
            settings::all().iter().map(|setting| (setting.name.to_owned(), of_setting(setting))).collect();
        json_schema!({
            "type": "object",
            "description": "Topic settings. `default` gives a setting back to the cluster.",
            "properties": properties,
            "additionalProperties": any,
        })
    }
}

impl JsonSchema for ConfigOverlay {
    fn schema_name() -> Cow<'static, str> {
        "ConfigOverlay".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let any = generator.subschema_for::<crate::SettingValue>();
        // Only names what is in `Config`, so that nothing is described twice.
        let config = generator.subschema_for::<Config>();
        let config = config.get("$ref").and_then(Value::as_str).unwrap_or("#").to_owned();
        let property = |setting: &Setting| {
            let reference = format!("{config}/properties/{}", setting.name);
            (setting.name.to_owned(), json!({"anyOf": [{"$ref": reference}, {"type": "null"}]}))
        };
        let properties: Map<String, Value> = settings::all().iter().map(property).collect();
        json_schema!({
            "type": "object",
            "description": "Topic settings, merged by key. `null` removes the setting.",
            "properties": properties,
            "additionalProperties": {"anyOf": [any, {"type": "null"}]},
        })
    }
}

impl JsonSchema for SettingLimits {
    fn schema_name() -> Cow<'static, str> {
        "SettingLimits".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let limit = generator.subschema_for::<crate::SettingLimit>();
        let property = |setting: &Setting| {
            // Beside a reference nothing else counts.
            (setting.name.to_owned(), json!({"description": setting.documentation, "allOf": [limit]}))
        };
        let properties: Map<String, Value> = settings::all().iter().map(property).collect();
        json_schema!({
            "type": "object",
            "description": "Limits of topic settings, by name.",
            "properties": properties,
            "additionalProperties": limit,
        })
    }
}

impl JsonSchema for Labels {
    fn schema_name() -> Cow<'static, str> {
        "Labels".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "additionalProperties": {"type": ["string", "number", "boolean"]},
            "examples": [{"costCenter": "4711", "dataClass": "internal"}],
        })
    }
}

fn of_setting(setting: &Setting) -> Value {
    let default = setting.human_readable(setting.default);
    let description =
        format!("{}\n\nDefault: {}", setting.documentation, if default.is_empty() { "none" } else { &default });
    let default_word = crate::SettingValue::DEFAULT;
    let one_of_words =
        |words: &[&str]| -> Vec<String> { words.iter().copied().chain([default_word]).map(str::to_owned).collect() };
    let number = |bounds: &Bounds| {
        let mut number = json!({"type": "integer", "minimum": bounds.also.unwrap_or(*bounds.range.start())});
        if *bounds.range.end() != i64::MAX {
            number["maximum"] = (*bounds.range.end()).into();
        }
        number
    };
    let quantity = |bounds: &Bounds, units: &str| {
        let unlimited = if bounds.unlimited.is_some() { format!("|{UNLIMITED}") } else { String::new() };
        let pattern = format!("^(-?[0-9]+|[0-9]+ *({units}){unlimited}|{default_word})$");
        json!([{"type": "string", "pattern": pattern}, number(bounds)])
    };
    let values = match &setting.kind {
        SettingKind::Time(bounds) => quantity(bounds, &Duration::units()),
        SettingKind::Size(bounds) => quantity(bounds, &Size::units()),
        SettingKind::Integer(bounds) => {
            let unlimited = if bounds.unlimited.is_some() { format!("|{UNLIMITED}") } else { String::new() };
            let pattern = format!("^(-?[0-9]+{unlimited}|{default_word})$");
            json!([number(bounds), {"type": "string", "pattern": pattern}])
        }
        SettingKind::Ratio => json!([
            {"type": "number", "minimum": 0, "maximum": 1},
            {"type": "string", "pattern": format!("^([0-9.]+|{default_word})$")},
        ]),
        SettingKind::Boolean => json!([{"type": "boolean"}, {"enum": one_of_words(&["true", "false"])}]),
        // A number is taken as the text it is.
        SettingKind::Word(words) if words.is_empty() => json!([{"type": ["string", "number", "boolean"]}]),
        SettingKind::Word(words) => json!([{"enum": one_of_words(words)}]),
        SettingKind::Words(words) if words.is_empty() => {
            json!([{"type": "array", "items": {"type": "string"}}, {"type": ["string", "number", "boolean"]}])
        }
        SettingKind::Words(words) => json!([
            {"type": "array", "items": {"enum": words}, "uniqueItems": true},
            {"enum": one_of_words(words)},
            {"type": "string", "pattern": ","},
        ]),
    };
    let mut schema = json!({"description": description, "anyOf": values});
    if let Some(default) = default_of(setting) {
        schema["default"] = default;
    }
    schema["examples"] = examples_of(setting).into();
    schema
}

/// Values to imitate: of each kind a few, as far as the setting takes them.
fn examples_of(setting: &Setting) -> Vec<Value> {
    let some = |texts: &[&str]| -> Vec<Value> {
        let takes = |text: &&&str| setting.canonical(&SettingValue::Scalar((**text).to_owned())).is_ok();
        texts.iter().filter(takes).map(|text| json!(text)).collect()
    };
    match &setting.kind {
        SettingKind::Time(_) => some(&["1h", "7d"]),
        SettingKind::Size(_) => some(&["64MiB", "1GiB"]),
        SettingKind::Integer(bounds) => [2, 6].into_iter().filter(|n| bounds.take(*n)).map(Value::from).collect(),
        SettingKind::Ratio => vec![json!(0.1), json!(0.5)],
        SettingKind::Boolean => vec![json!(true), json!(false)],
        SettingKind::Word(words) if words.is_empty() => vec![json!(setting.default)],
        SettingKind::Word(words) => words.iter().map(|word| json!(word)).collect(),
        // Replicas that are throttled, the only lists of any text.
        SettingKind::Words(words) if words.is_empty() => vec![json!(["0:1", "1:2"]), json!("*")],
        SettingKind::Words(words) => words.iter().map(|word| json!([word])).chain([json!(words)]).collect(),
    }
}

/// The default of Apache Kafka as people would write it; none where it is nothing.
fn default_of(setting: &Setting) -> Option<Value> {
    let text = setting.human_readable(setting.default);
    Some(match &setting.kind {
        _ if text.is_empty() => return None,
        SettingKind::Integer(_) | SettingKind::Ratio | SettingKind::Boolean => {
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        }
        SettingKind::Words(_) => text.split(',').collect(),
        SettingKind::Time(_) | SettingKind::Size(_) | SettingKind::Word(_) => Value::String(text),
    })
}
