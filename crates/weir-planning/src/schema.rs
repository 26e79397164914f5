//! JSON Schemas of the artefacts.

use schemars::{Schema, schema_for};

use crate::{Desired, Drift, Observed, Plan};

/// Each artefact's schema with the name of its file.
pub fn artefacts() -> Vec<(&'static str, Schema)> {
    vec![
        ("desired.schema.json", schema_for!(Desired)),
        ("drift.schema.json", schema_for!(Drift)),
        ("observed.schema.json", schema_for!(Observed)),
        ("plan.schema.json", schema_for!(Plan)),
    ]
}
