//! JSON Schemas of the artefacts.

use schemars::{Schema, schema_for};
use serde_json::Value;

use crate::{Change, Desired, Drift, Observed, Plan};

/// Each artefact's schema with the name of its file.
pub fn artefacts() -> Vec<(&'static str, Schema)> {
    vec![
        ("desired.schema.json", schema_for!(Desired)),
        ("drift.schema.json", schema_for!(Drift)),
        ("observed.schema.json", schema_for!(Observed)),
        ("plan.schema.json", schema_for!(Plan)),
    ]
}

/// The actions of all changes, as plans write them.
pub fn actions() -> Vec<String> {
    let schema = schema_for!(Change);
    let changes = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    let action = |change: &Value| change.pointer("/properties/action/const")?.as_str().map(str::to_owned);
    changes.filter_map(action).collect()
}
