//! The facts about changes.

use std::collections::BTreeSet;

use weir_planning::{Change, Phase, Verb};

use crate::sample::every_change;

#[test]
fn the_sample_has_every_change() {
    let schema = serde_json::to_value(schemars::schema_for!(Change)).unwrap();
    let variants = schema["oneOf"].as_array().unwrap().iter();
    let known: BTreeSet<&str> = variants.map(|one| one["properties"]["action"]["const"].as_str().unwrap()).collect();
    let sample = every_change();
    assert_eq!(sample.iter().map(|change| change.about().action).collect::<BTreeSet<_>>(), known);
    assert_eq!(sample.len(), known.len());
}

#[test]
fn the_action_is_the_name_in_json() {
    for change in every_change() {
        let json = serde_json::to_value(&change).unwrap();
        assert_eq!(json["action"], change.about().action, "{change:?}");
    }
}

#[test]
fn the_action_begins_with_the_verb() {
    for change in every_change() {
        let about = change.about();
        let verb = match about.action.split_once('-').unwrap().0 {
            "create" => Verb::Create,
            "adopt" | "update" | "add" | "change" | "alter" => Verb::Update,
            "delete" => Verb::Delete,
            other => panic!("{other} is no verb"),
        };
        assert_eq!(about.verb, verb, "{change:?}");
        assert_eq!(about.phase >= Phase::AclDeletes, verb == Verb::Delete, "{change:?}");
    }
}
