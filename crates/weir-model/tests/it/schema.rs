//! The committed schemas are those that the types give.

#![expect(clippy::disallowed_methods, reason = "the schemas are committed files")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use weir_model::{
    Kind, SettingValue, schema,
    settings::{self, SettingKind},
};
use weir_testkit::{expect, yaml};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../schemas")
}

#[test]
fn the_committed_schemas_are_up_to_date() {
    for (name, schema) in weir_model::schema::all() {
        let text = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
        expect(folder().join(&name), &text);
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn references<'v>(value: &'v serde_json::Value, found: &mut Vec<&'v str>) {
        match value {
            serde_json::Value::Object(map) => {
                found.extend(map.get("$ref").and_then(|r| r.as_str()));
                map.values().for_each(|value| references(value, found));
            }
            serde_json::Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    for (name, schema) in weir_model::schema::all() {
        let mut found = Vec::new();
        references(&schema, &mut found);
        assert!(!found.is_empty());
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(schema.pointer(pointer).is_some(), "{name}: {reference} leads nowhere");
        }
    }
}

fn any_kind() -> jsonschema::Validator {
    let (_, schema) = schema::all().pop().unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

/// The schemas accept every file that the reader accepts. `expect.yaml` in cases of policies is not such a file.
#[test]
fn the_fixtures_are_what_the_schemas_say() {
    fn check(folder: &Path, validator: &jsonschema::Validator, seen: &mut usize) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                check(&path, validator, seen);
            } else if path.extension().is_some_and(|extension| extension == "yaml") && !path.ends_with("expect.yaml") {
                for document in yaml(&fs::read_to_string(&path).unwrap()) {
                    let errors: Vec<_> = validator.iter_errors(&document).map(|err| err.to_string()).collect();
                    assert!(errors.is_empty(), "{}: {document:#}\n{errors:#?}", path.display());
                    *seen += 1;
                }
            }
        }
    }
    let mut seen = 0;
    check(&folder().join("../fixtures"), &any_kind(), &mut seen);
    assert!(seen > 100, "{seen} documents");
}

#[test]
fn what_is_wrong_is_underlined_in_an_editor() {
    let validator = any_kind();
    let topic =
        |spec: &str| format!("apiVersion: weir/v1\nkind: Topic\nmetadata: {{name: a.b, team: t}}\nspec: {spec}\n");
    for right in ["", "{partitions: 6, config: {retention.ms: 7d, cleanup.policy: [compact], some.new.setting: 1}}"] {
        assert!(validator.is_valid(&yaml(&topic(right))[0]), "{right}");
    }
    for wrong in [
        "{partitons: 6}",
        "{partitions: \"6\"}",
        "{ensure: gone}",
        "{config: {retention.ms: 7 days}}",
        "{config: {retention.ms: -2}}",
        "{config: {cleanup.policy: [compacted]}}",
        "{config: {compression.type: gzipp}}",
        "{config: {preallocate: yes}}",
        "{config: {min.insync.replicas: 0}}",
        "{config: {min.cleanable.dirty.ratio: 1.5}}",
        "{access: {consumers: cards}}",
        "{stages: {dev: {config: {segment.bytes: big}}}}",
    ] {
        assert!(!validator.is_valid(&yaml(&topic(wrong))[0]), "{wrong} passes");
    }
    for wrong in [
        "kind: Topic\nmetadata: {name: a, team: t}",
        "apiVersion: weir/v2\nkind: Team\nmetadata: {name: a}",
        "apiVersion: weir/v1\nkind: Teams\nmetadata: {name: a}",
        "apiVersion: weir/v1\nkind: Topic\nmetadata: {name: a}",
        "apiVersion: weir/v1\nkind: AccessControlList\nmetadata: {name: a, team: t}\nspec: {}",
        "apiVersion: weir/v1\nkind: ServiceAccount\nmetadata: {name: a, team: t}\nspec: {apiKeys: [batch]}",
    ] {
        assert!(!validator.is_valid(&yaml(wrong)[0]), "{wrong} passes");
    }
}

/// Every setting has its meaning, its default and values to choose from or to imitate; all of them are right.
#[test]
fn settings_are_described_whole() {
    let schema = schema::of(Kind::Topic);
    for setting in settings::all() {
        let of = &schema["definitions"]["Config"]["properties"][setting.name];
        assert!(of["description"].as_str().is_some_and(|text| text.len() > 40), "{}", setting.name);
        let validator = jsonschema::validator_for(of).unwrap();
        let default = of.get("default");
        assert_eq!(default.is_some(), !setting.default.is_empty(), "{}", setting.name);
        let examples = of.get("examples").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        assert!(!examples.is_empty(), "{} has no example", setting.name);
        for value in default.into_iter().chain(examples).chain([&json!("default")]) {
            assert!(validator.is_valid(value), "{}: {value}", setting.name);
        }
        if let SettingKind::Word(words) | SettingKind::Words(words) = &setting.kind {
            for word in words {
                assert!(validator.is_valid(&json!(word)), "{}: {word}", setting.name);
            }
            assert_eq!(validator.is_valid(&json!("no such word")), words.is_empty(), "{}", setting.name);
        }
        // What the reader takes, the schema takes.
        for text in
            ["0", "1", "-1", "-2", "2", "1048576", "unlimited", "7d", "1GiB", "true", "0.5", "gzip", "compact,delete"]
        {
            let taken = settings::canonical(setting.name, &SettingValue::Scalar(text.to_owned())).is_ok();
            assert!(!taken || validator.is_valid(&yaml(text)[0]), "{}: {text}", setting.name);
        }
    }
    let validator = any_kind();
    for kind in Kind::ALL {
        let of = schema::of(kind);
        let examples = of["examples"].as_array().unwrap();
        assert!(!examples.is_empty(), "{kind} has no example");
        for example in examples {
            assert!(validator.is_valid(example), "{example:#}");
        }
    }
}

/// For a field that takes any text, an editor shows a valid example.
#[test]
fn free_text_has_an_example() {
    fn is_free(of: &Value) -> bool {
        let words = of["enum"].is_array() || of["const"].is_string() || of["pattern"].is_string();
        let is = |name: &str| of["type"] == name || of["type"].as_array().is_some_and(|all| all.contains(&json!(name)));
        let inside = |name: &str| of[name].is_object() && is_free(&of[name]);
        !words && (is("string") || is("array") && inside("items") || is("object") && inside("additionalProperties"))
    }
    let (_, whole) = schema::all().pop().unwrap();
    let mut number = 0;
    for (name, definition) in whole["definitions"].as_object().unwrap() {
        for (field, of) in definition["properties"].as_object().into_iter().flatten() {
            let examples = of["examples"].as_array().map(Vec::as_slice).unwrap_or_default();
            assert!(!is_free(of) || !examples.is_empty(), "{name}.{field} has no example");
            let mut one = of.clone();
            one["definitions"] = whole["definitions"].clone();
            let validator = jsonschema::validator_for(&one).unwrap();
            for example in examples {
                assert!(validator.is_valid(example), "{name}.{field}: {example}");
                number += 1;
            }
        }
    }
    assert!(number > 150, "{number}");
}

/// The names of settings are there to choose from in policies as well.
#[test]
fn policies_know_the_settings() {
    let schema = schema::of(Kind::Policy);
    for definition in ["PolicySpec", "StageLimits"] {
        let settings = &schema["definitions"][definition]["properties"]["settings"];
        assert!(settings.to_string().contains("#/definitions/SettingLimits"), "{settings}");
    }
    for setting in settings::all() {
        let of = &schema["definitions"]["SettingLimits"]["properties"][setting.name];
        assert_eq!(of["description"], *setting.documentation, "{}", setting.name);
    }
    let policy = |limit: &str| {
        format!(
            "apiVersion: weir/v1\nkind: Policy\nmetadata: {{name: a}}\n\
             spec: {{match: {{kinds: [Topic]}}, settings: {{retention.ms: {limit}}}}}\n"
        )
    };
    let validator = any_kind();
    assert!(validator.is_valid(&yaml(&policy("{max: 7d}"))[0]));
    assert!(!validator.is_valid(&yaml(&policy("{maximum: 7d}"))[0]));
}
