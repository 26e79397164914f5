//! Every rule has a page, and cases that show it at work.

use std::{collections::BTreeSet, fs, path::Path};

#[test]
#[expect(clippy::disallowed_methods, reason = "the expected findings are files")]
fn every_rule_has_a_page_and_both_kinds_of_case() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut ids = BTreeSet::new();
    let (mut warned, mut waivable) = (BTreeSet::new(), BTreeSet::new());
    for rule in weir_validation::rules() {
        let page = &rule.page;
        assert!(ids.insert(page.id.to_owned()), "two rules `{}`", page.id);
        for (what, text) in [("what", page.what), ("why", page.why), ("bad", page.bad), ("good", page.good)] {
            assert!(!text.trim().is_empty(), "the page of `{}` does not say {what}", page.id);
        }
        let names: Vec<String> = fs::read_dir(cases.join(page.id))
            .unwrap_or_else(|_| panic!("`{}` has no folder of cases", page.id))
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.join("case.yaml").is_file())
            .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        if page.waivable.is_some() {
            waivable.insert(page.id.to_owned());
        }
        for name in &names {
            let findings = fs::read_to_string(cases.join(page.id).join(name).join("findings.txt")).unwrap_or_default();
            let id = |line: &str| Some(line.strip_prefix("warning[")?.split_once(']')?.0.to_owned());
            warned.extend(findings.lines().filter_map(id));
        }
        for kind in ["pass", "fail"] {
            assert!(names.iter().any(|name| name.starts_with(kind)), "`{}` has no case `{kind}…`", page.id);
        }
    }
    assert_eq!(warned, waivable, "a rule's warnings can be waived, and its page says so");
    for folder in fs::read_dir(cases).unwrap() {
        let name = folder.unwrap().file_name().to_string_lossy().into_owned();
        assert!(ids.contains(&name), "cases of an unknown rule `{name}`");
    }
}
