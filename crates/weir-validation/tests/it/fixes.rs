//! Properties of the fixes of any file.

use std::collections::BTreeSet;

use proptest::prelude::*;
use weir_findings::{Finding, RuleId, Span};
use weir_model::{Loaded, load};
use weir_validation::{Fixed, fix};

const BASE: &str = include_str!("../base/weir.yaml");

fn validate(loaded: &Loaded) -> Vec<Finding> {
    weir_validation::validate(loaded, None, None).expect("all stages")
}

/// Generates a line of a topic, right or wrong, with a comment behind it and one above it.
fn lines() -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec![
        "partitions: 6",
        "partitons: 6",
        "partitions: \"6\"",
        "Partitions: '0'",
        "replicationFactor: 3.0",
        "replication_factor: 3",
        "access: {consumers: toll}",
        "acess: {consumers: [toll], producers: [nobody]}",
        "config: {retention.sm: 7d, compression.type: GZIP, nonsense: 1}",
        "confg: {segment.byte: 7 days, password: hunter2}",
        "stages: {dev: {partitons: 3}, prod: }",
        "\"ensure\": Absent",
        "profil: standard",
    ]);
    let line = (line, "[ a-z#:'\"{}\\[\\]-]{0,12}")
        .prop_map(|(line, comment)| format!("  # above {comment}\n  {line}   # behind {comment}\n"));
    prop::collection::vec(line, 0..6).prop_map(|lines| lines.concat())
}

fn documents() -> impl Strategy<Value = String> {
    let head = prop::sample::select(vec!["Topic", "Topci", "topic"]);
    let version = prop::sample::select(vec!["weir/v1", "wier/v1", "weir/v2"]);
    let document = (version, head, 0..3, lines()).prop_map(|(version, kind, name, lines)| {
        format!("apiVersion: {version} # one\nkind: {kind}\nmetadata: {{name: toll.t{name}.v1, team: toll}}\nspec: # it\n{lines}")
    });
    let acl = prop::collection::vec((0..3, prop::bool::ANY), 0..5).prop_map(|grants| {
        let mut text = "apiVersion: weir/v1\nkind: AccessControlList\nmetadata: {name: toll-x, team: toll}\nspec:\n  serviceAccount: toll-x\n  allow:\n".to_owned();
        for (topic, comment) in grants {
            text.push_str(&format!("    # for {topic}\n    - produce: toll.t{topic}.v1{}\n", if comment { " # why" } else { "" }));
        }
        text
    });
    let document = prop_oneof![3 => document, 1 => acl];
    (prop::collection::vec(document, 1..4), prop::bool::ANY).prop_map(|(documents, crlf)| {
        let text = documents.join("---\n");
        if crlf { text.replace('\n', "\r\n") } else { text }
    })
}

fn read(text: &str) -> Loaded {
    load([("case.yaml", text), ("weir.yaml", BASE)])
}

fn comments(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.split_once('#')).map(|(_, comment)| comment).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn fixing_twice_changes_nothing_and_comments_stay(text in documents()) {
        let fixed = fix(read(&text), &Default::default(), validate);
        let after = fixed.files.first().map_or(text.clone(), |file| file.after.clone());
        prop_assert_eq!(comments(&text), comments(&after), "{}", after);
        prop_assert_eq!(text.matches("\r\n").count() > 0, after.matches("\r\n").count() > 0);
        let again = fix(read(&after), &Default::default(), validate);
        prop_assert_eq!((again.files.len(), again.fixed), (0, 0), "{}", after);
        prop_assert_eq!(fixed.files.is_empty(), fixed.fixed == 0);

        // Well-formed entities are still there, under the same name.
        let (was, is) = (read(&text), read(&after));
        let names = |loaded: &Loaded| -> Vec<String> {
            loaded.workspace.iter().flat_map(|workspace| workspace.topics.keys().cloned()).collect()
        };
        prop_assert!(names(&was).iter().all(|name| names(&is).contains(name)), "{}", after);
        // A finding of form is solved or stays; a new one appears only if another one covered it.
        prop_assert!(is.findings.len() + fixed.fixed >= was.findings.len());
        let wrong = |loaded: &Loaded| -> BTreeSet<Option<u32>> {
            loaded.findings.iter().map(|f| loaded.document_at(f.at.file, f.at.start)).collect()
        };
        prop_assert!(wrong(&is).is_subset(&wrong(&was)), "{}", after);
    }
}

/// A fix that was refused is tried again once another fix was made: here, one of three names for the same field.
#[test]
fn a_fix_that_was_refused_is_tried_again_after_others() {
    let text = "apiVersion: weir/v1 # one\nkind: Topic\nmetadata: {name: toll.t0.v1, team: toll}\nspec: # it\n  # above \n  \
                partitons: 6   # behind \n  # above \n  partitons: 6   # behind \n  # above \n  stages: {dev: {partitons: \
                3}, prod: }   # behind \n  # above \n  Partitions: '0'   # behind \n";
    let fixed = fix(read(text), &Default::default(), validate);
    let after = fixed.files[0].after.clone();
    let again = fix(read(&after), &Default::default(), validate);
    assert_eq!((again.files.len(), again.fixed), (0, 0), "{after}");
}

const TWO: &str = "apiVersion: weir/v1\nkind: Team\nmetadata: {name: cards}\n---\napiVersion: weir/v1\nkind: Team\nmetadata: {name: blue}\n";

/// Fixes [`TWO`] with a judge that reports `word` wherever it occurs, with a fix that writes `instead`.
fn made(word: &'static str, instead: &'static str, also: impl Fn(&str) -> Vec<(&'static str, usize)>) -> Fixed {
    fix(read(TWO), &Default::default(), move |loaded: &Loaded| {
        let (file, text) = loaded.sources.iter().find(|(_, file)| file.path() == "case.yaml").expect("the case");
        let text = text.text();
        let mut findings = loaded.findings.clone();
        if let Some(start) = text.find(word) {
            let at = Span::new(file, start..start + word.len());
            findings.push(Finding::error(RuleId::new("made-up"), at, "wrong").fix("write", at, instead));
        }
        for (message, at) in also(text) {
            findings.push(Finding::warning(RuleId::new("other"), Span::new(file, at..at), message));
        }
        findings
    })
}

#[test]
fn a_fix_with_side_effects_is_refused() {
    let none = |_: &str| Vec::new();
    let fine = made("cards", "maps", none);
    assert_eq!((fine.fixed, fine.refused, fine.files.len()), (1, 0, 1));

    // The finding remains after the fix.
    let still = made("cards", "cards2", none);
    assert_eq!((still.fixed, still.refused, still.files.len()), (0, 1, 0));
    // The document number of another entity changes: the second document becomes the third.
    let shifts = made(
        "metadata: {name: cards}",
        "metadata: {name: x}\n---\napiVersion: weir/v1\nkind: Team\nmetadata: {name: y}",
        none,
    );
    assert_eq!((shifts.fixed, shifts.refused), (0, 1));
    // Another entity disappears.
    let swallows = made("cards}\n---\napiVersion: weir/v1\nkind: Team\nmetadata: {name: blue}", "x}", none);
    assert_eq!((swallows.fixed, swallows.refused), (0, 1));
    // A new finding appears, about form or about meaning.
    let form = made("cards", "x, nonsense: 1", none);
    assert_eq!((form.fixed, form.refused), (0, 1));
    let meaning = made("cards", "maps", |text| text.contains("maps").then_some(("new", 0)).into_iter().collect());
    assert_eq!((meaning.fixed, meaning.refused), (0, 1));
    // A finding that could not be made before may appear after a fix of form.
    let text = TWO.replace("kind: Team\nmetadata: {name: blue}", "kind: Topci\nmetadata: {name: blue.v1, team: none}");
    let uncovers = fix(read(&text), &Default::default(), validate);
    assert_eq!((uncovers.fixed, uncovers.refused, uncovers.findings.is_empty()), (1, 0, false));
    // Other findings about the form of the same document may appear as well; a second entity of one name may not.
    let text =
        TWO.replace("kind: Team\nmetadata: {name: blue}", "kind: Taem\nmetadata: {name: blue, lables: {}, x: 1}");
    let form = fix(read(&text), &Default::default(), validate);
    assert_eq!((form.fixed, form.refused), (2, 0));
    let left = form.loaded.findings.iter().filter(|finding| finding.rule.as_str() == "unknown-field");
    assert_eq!(left.map(|finding| finding.message.as_str()).collect::<Vec<_>>(), ["there is no field `x`"]);
    let text = TWO.replace("kind: Team\nmetadata: {name: blue}", "kind: Taem\nmetadata: {name: cards}");
    let twice = fix(read(&text), &Default::default(), validate);
    assert_eq!((twice.fixed, twice.refused), (0, 1));
    // A finding that was there before may stay, wherever it is now.
    let old = made("cards", "maps", |text| vec![("old", text.find("blue").expect("it is there"))]);
    assert_eq!((old.fixed, old.refused, old.findings.len()), (1, 0, 1));
}

/// Two findings at one place result in one edit.
#[test]
fn overlapping_fixes_are_not_made_at_once() {
    let fixed = fix(read(TWO), &Default::default(), |loaded: &Loaded| {
        let (file, text) = loaded.sources.iter().find(|(_, file)| file.path() == "case.yaml").expect("the case");
        let at = text.text().find("cards").map(|start| Span::new(file, start..start + 5));
        let found =
            |at| ["a", "b"].map(|message| Finding::error(RuleId::new("x"), at, message).fix("write", at, "maps99"));
        at.map(found).into_iter().flatten().collect()
    });
    assert_eq!(fixed.files[0].after, TWO.replace("cards", "maps99"));
}

/// One bad fix does not prevent the other fixes.
#[test]
fn good_fixes_are_made_beside_bad_ones() {
    let text: String = (0..20)
        .map(|i| {
            let field = if i == 7 { "segment.byte: 7 days" } else { "retention.sm: 7d" };
            format!("---\napiVersion: weir/v1\nkind: Topic\nmetadata: {{name: toll.t{i}.v1, team: toll}}\nspec: {{config: {{{field}}}}}\n")
        })
        .collect();
    let fixed = fix(read(&text), &Default::default(), validate);
    assert_eq!((fixed.fixed, fixed.refused), (19, 1));
    assert_eq!(fixed.files[0].after, text.replace("retention.sm", "retention.ms"));
}

/// Two documents have the same fault. If the fix of one is refused, the fix of the other is still made.
#[test]
fn a_refused_fix_does_not_prevent_the_same_fix_in_another_document() {
    let topic = |spec: &str| {
        format!("apiVersion: weir/v1\nkind: Topic\nmetadata: {{name: toll.t0.v1, team: toll}}\nspec:\n{spec}")
    };
    let twice = topic("  partitons: 6\n  partitons: 6\n  Partitions: '0'\n");
    let text = format!("{twice}---\n{}", topic("  partitons: 6\n"));
    let fixed = fix(read(&text), &Default::default(), validate);
    let again = fix(read(&fixed.files[0].after), &Default::default(), validate);
    assert_eq!((again.files.len(), again.fixed), (0, 0), "{}", fixed.files[0].after);
}
