//! The table of kinds, and the page that shows it.

#![expect(clippy::disallowed_methods, reason = "the page is a committed file")]

use std::{collections::BTreeSet, fs, path::PathBuf};

use weir_model::{EntityRef, InvalidEntityRef, Kind};
use weir_testkit::expect;

#[test]
fn the_guide_lists_the_kinds() {
    const BEGIN: &str = "<!-- kinds -->\n";
    const END: &str = "<!-- end of kinds -->\n";
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let rows: String = Kind::ALL.iter().map(|kind| format!("| `{kind}` | {} |\n", kind.about())).collect();
    let table = format!("\n| kind | meaning |\n| --- | --- |\n{rows}\n");
    expect(&path, &format!("{before}{BEGIN}{table}{END}{after}"));
}

#[test]
fn kinds_are_read_as_they_are_written() {
    let names: BTreeSet<&str> = Kind::ALL.into_iter().map(Kind::as_str).collect();
    assert_eq!(names.len(), Kind::ALL.len());
    for kind in Kind::ALL {
        assert_eq!(kind.as_str().parse(), Ok(kind));
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        let entity = EntityRef::new(kind, "a/b");
        assert_eq!(entity.to_string().parse(), Ok(entity.clone()));
        let json = serde_json::to_string(&entity).unwrap();
        assert_eq!(serde_json::from_str::<EntityRef>(&json).unwrap(), entity);
        assert_eq!(EntityRef::ignoring_case(&entity.to_string().to_lowercase()), Ok(EntityRef::new(kind, "a/b")));
    }
}

#[test]
fn a_text_that_is_no_entity_is_refused_with_help() {
    for incomplete in ["", "Topic", "Topic/", "toll.prices.v1"] {
        assert_eq!(incomplete.parse::<EntityRef>(), Err(InvalidEntityRef::Incomplete), "{incomplete}");
    }
    let says = |text: &str| text.parse::<EntityRef>().unwrap_err().to_string();
    assert_eq!(says("Tpic/a"), "there is no kind `Tpic`; did you mean `Topic`?");
    assert_eq!(says("topic/a"), "there is no kind `topic`; did you mean `Topic`?");
    assert!(says("Quota/a").starts_with("there is no kind `Quota`; the kinds are Workspace, Team, "));
    let wrong = serde_json::from_str::<EntityRef>("\"a\"").unwrap_err().to_string();
    assert!(wrong.starts_with("expected a kind and a name, such as Topic/toll.transactions.v1"), "{wrong}");
}
