//! Routes to bytes.

use weir_model::{EntityRef, Kind, Route};

const TOPIC: &str = "---
# the first document is empty
---
apiVersion: weir/v1
kind: Topic
metadata:
  name: \"toll.ä\"
  team: toll
spec:
  config:
    retention.ms: 7d
    cleanup.policy: [compact, delete]
  access:
    producers:
      - cards
      - gates
  stages:
    dev:
    test: {partitions: 6}
";

fn place(route: Route) -> String {
    let workspace = "{apiVersion: weir/v1, kind: Workspace, metadata: {name: w}, spec: {clusters: {}, stages: []}}";
    let loaded = weir_model::load([("b.yaml", TOPIC), ("a.yaml", workspace)]);
    assert_eq!(loaded.findings, []);
    let span = loaded.locate(&route);
    assert_eq!(loaded.locate(&route), span, "asking twice gives the same");
    let file = loaded.sources.file(span.file);
    let line = loaded.sources.position(span).line;
    format!("{}:{line} {:?}", file.path(), &file.text()[span.range()])
}

fn topic() -> EntityRef {
    EntityRef::new(Kind::Topic, "toll.ä")
}

#[test]
fn routes_lead_to_the_longest_part_that_is_there() {
    let value = |path: &[&str]| place(Route::value(topic(), path.iter().copied()));
    let key = |path: &[&str]| place(Route::key(topic(), path.iter().copied()));
    assert_eq!(place(Route::name(topic())), r#"b.yaml:7 "\"toll.ä\"""#);
    assert_eq!(value(&["spec", "config", "retention.ms"]), r#"b.yaml:11 "7d""#);
    assert_eq!(key(&["spec", "config", "retention.ms"]), r#"b.yaml:11 "retention.ms""#);
    assert_eq!(value(&["spec", "config", "cleanup.policy"]), r#"b.yaml:12 "[compact, delete]""#);
    assert_eq!(value(&["spec", "config", "cleanup.policy", "1"]), r#"b.yaml:12 "delete""#);
    assert_eq!(value(&["spec", "access", "producers", "1"]), r#"b.yaml:16 "gates""#);
    assert_eq!(value(&["spec", "access", "producers"]), r#"b.yaml:15 "- cards\n      - gates""#);
    assert_eq!(value(&["spec", "access", "producers", "2"]), r#"b.yaml:14 "producers""#);
    assert_eq!(value(&["spec", "stages", "dev"]), r#"b.yaml:18 "dev""#);
    assert_eq!(value(&["spec", "stages", "dev", "partitions"]), r#"b.yaml:18 "dev""#);
    assert_eq!(value(&["spec", "stages", "test", "config", "x"]), r#"b.yaml:19 "test""#);
    assert_eq!(value(&["spec", "partitions"]), r#"b.yaml:9 "spec""#);
    assert_eq!(value(&["nothing", "of", "this"]), r#"b.yaml:7 "\"toll.ä\"""#);
    assert_eq!(value(&[]), r#"b.yaml:7 "\"toll.ä\"""#);
    assert_eq!(place(Route::value(EntityRef::new(Kind::Workspace, "w"), ["spec", "stages"])), r#"a.yaml:1 "[]""#);
    assert_eq!(place(Route::name(EntityRef::new(Kind::Team, "nobody"))), r#"a.yaml:1 """#);
}

/// A finding for each of many entries takes no quadratic time.
#[test]
fn places_in_large_documents_are_found_at_once() {
    const MANY: usize = 100_000;
    let settings: String = (0..MANY).rev().map(|n| format!("    s{n}: 1\n")).collect();
    let list: String = (0..MANY).map(|n| format!("    - t{n}\n")).collect();
    let text = format!(
        "apiVersion: weir/v1\nkind: Topic\nmetadata: {{name: t, team: toll}}\nspec:\n  config:\n{settings}  access:\n   consumers:\n{list}"
    );
    let workspace = "{apiVersion: weir/v1, kind: Workspace, metadata: {name: w}, spec: {clusters: {}, stages: []}}";
    let loaded = weir_model::load([("b.yaml", text.as_str()), ("a.yaml", workspace)]);
    let topic = EntityRef::new(Kind::Topic, "t");
    for n in 0..MANY {
        let (key, item) = (format!("s{n}"), n.to_string());
        let span = loaded.locate(&Route::key(topic.clone(), ["spec", "config", &key]));
        assert_eq!(text[span.range()], key);
        let span = loaded.locate(&Route::value(topic.clone(), ["spec", "access", "consumers", &item]));
        assert_eq!(text[span.range()], format!("t{n}"));
    }
}
