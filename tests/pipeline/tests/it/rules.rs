//! Tests of `docs/rules.md`, the pages of all rules.

use std::collections::BTreeSet;

/// Returns the expected text of `docs/rules.md`.
fn expected() -> String {
    let mut text = String::from(
        "# Rules\n\nThis page lists the rules for files, and for plans against a live cluster. It is generated from weir's \
         source. An error stops the pipeline, a warning does not.\n\n\
         | rule | severity | about |\n|---|---|---|\n",
    );
    let pages = weir_pipeline::rule_pages();
    for page in &pages {
        text.push_str(&format!("| [{0}](#{0}) | {1} | {2} |\n", page.id, page.severity, page.title));
    }
    for page in &pages {
        text.push('\n');
        text.push_str(&page.markdown());
    }
    text
}

#[test]
fn the_published_pages_match_the_rules() {
    weir_testkit::expect(crate::repository().join("docs/rules.md"), &expected());
}

/// Each page shows a wrong example, the right one, and the way to waive a finding for a limited time.
#[test]
fn every_page_has_an_example_and_says_how_to_silence_it() {
    for page in weir_pipeline::rule_pages() {
        let has_example = !page.bad.is_empty() && !page.good.is_empty();
        assert!(has_example || page.remedy.contains("There is no example: "), "{}", page.id);
        assert!(page.markdown().contains("\n*To silence it:* "), "{}", page.id);
    }
}

#[test]
fn rule_ids_are_unique() {
    let ids: Vec<_> = weir_pipeline::rule_pages().iter().map(|page| page.id).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
}

#[test]
fn the_policies_page_matches_the_checker() {
    weir_testkit::expect(crate::repository().join("docs/policies.md"), &weir_policy::reference());
}
