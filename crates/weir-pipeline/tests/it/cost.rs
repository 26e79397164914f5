//! The cost of hostile files grows with their size, not with its square: with it, each of these would take minutes.

use weir_pipeline::read;
use weir_planning::Observed;

use crate::{
    trouble::{CARDS_FILE, SETTINGS, TOLL, TOLL_FILE, now},
    write,
};

/// Documents in one team's path, each with an error.
const DOCUMENTS: usize = 10_000;

fn documents(document: impl Fn(usize) -> String) -> String {
    (0..DOCUMENTS).map(document).collect()
}

#[test]
fn thousands_of_errors_of_one_team_are_one_entry_of_the_plan() {
    let head = |name: &str, team: &str| {
        format!("---\napiVersion: weir/v1\nkind: Topic\nmetadata: {{name: {name}, team: {team}}}\n")
    };
    for (what, text) in [
        ("documents of another team", documents(|n| head(&format!("toll.t{n}"), "toll"))),
        ("malformed documents", documents(|n| head(&format!("cards.t{n}"), "cards") + "spec: {partitons: 3}\n")),
        ("one topic, many times", documents(|_| head("cards.t", "cards"))),
    ] {
        let dir = tempfile::tempdir().expect("a folder");
        write(dir.path(), "weir.yaml", SETTINGS.as_bytes());
        write(dir.path(), CARDS_FILE, text.as_bytes());
        write(dir.path(), TOLL_FILE, TOLL.as_bytes());
        let checked = read(dir.path()).expect("read").check(Some("dev"), now()).expect("checked");
        assert!(checked.findings.len() >= DOCUMENTS - 1, "{what}");
        let workspace = checked.accept().expect("accepted");
        let desired = workspace.desired("dev").expect("a stage");
        let blocks = workspace.blocks(&desired, &Observed::default()).list();
        let of_cards: Vec<&str> = blocks
            .iter()
            .filter(|blocked| blocked.team.as_deref() == Some("cards"))
            .map(|blocked| &*blocked.object)
            .collect();
        assert_eq!(of_cards, ["all objects of the team"], "{what}");
    }
}
