//! Loading does not depend on the order of files and documents.

use proptest::{collection::vec, prelude::*, sample::select};

const DOCUMENTS: [&str; 8] = [
    "apiVersion: weir/v1\nkind: Workspace\nmetadata: {name: cps}\nspec:\n  clusters: {c: {sandbox: {path: x}}}\n  stages: [{name: dev, cluster: c}]\n",
    "apiVersion: weir/v1\nkind: Team\nmetadata: {name: toll}\nspec: {members: [{group: g}]}\n",
    "apiVersion: weir/v1\nkind: Topic\nmetadata:\n  name: toll.a\n  team: toll\n  labels: {ratio: 1.10}\nspec:\n  partitions: 6\n  config:\n    retention.ms: 7d\n    cleanup.policy: [compact]\n  stages: {dev: {config: {retention.ms: null}}}\n",
    "apiVersion: weir/v1\nkind: Topic\nmetadata: {name: toll.b, team: toll, description: \"a \\u00e4 \\\"b\\\"\"}\nspec: {ensure: absent}\n",
    "apiVersion: weir/v1\nkind: Topic\nmetadata: {nam: toll.c, team: toll}\nspec: {partitons: 6}\n",
    "apiVersion: weir/v1\nkind: ServiceAccount\nmetadata: {name: billing, team: toll}\nspec: {apiKeys: [{rotateEvery: 90d}]}\n",
    "apiVersion: weir/v1\nkind: AccessControlList\nmetadata: {name: billing, team: toll}\nspec:\n  serviceAccount: billing\n  allow:\n  - {consume: toll.a, group: g}\n",
    "# nothing\n",
];

/// The loaded entities and findings, without their places.
fn content(files: Vec<(String, String)>) -> String {
    let loaded = weir_model::load(files);
    let mut findings: Vec<String> =
        loaded.findings.iter().map(|f| format!("{} {} {:?}", f.rule, f.message, f.help)).collect();
    findings.sort();
    let workspace = loaded.workspace.as_ref().unwrap();
    let view: Vec<String> = workspace
        .stages()
        .iter()
        .map(|view| {
            let topics: Vec<_> =
                view.topics.values().map(|t| (&t.name, &t.partitions, &t.config, &t.entity.metadata)).collect();
            let accounts: Vec<_> = view.accounts.values().map(|a| (&a.name, a.api_keys)).collect();
            let access: Vec<_> = view.access.iter().map(|(name, a)| (name, a.allow, a.rules)).collect();
            format!("{topics:?} {accounts:?} {access:?}")
        })
        .collect();
    format!("{findings:#?} {view:#?} {:?} {:?}", workspace.teams.keys(), loaded.malformed)
}

fn files_of(order: &[usize], cuts: &[bool], names: &[u8]) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = Vec::new();
    for (position, document) in order.iter().enumerate() {
        if files.is_empty() || cuts[position] {
            files.push((format!("{}-{position}.yaml", names[position]), String::new()));
        }
        let (_, text) = files.last_mut().unwrap();
        text.push_str("---\n");
        text.push_str(DOCUMENTS[*document]);
    }
    files
}

proptest! {
    #[test]
    fn order_does_not_matter(
        order in Just((0..DOCUMENTS.len()).collect::<Vec<_>>()).prop_shuffle(),
        cuts in vec(any::<bool>(), DOCUMENTS.len()),
        names in vec(any::<u8>(), DOCUMENTS.len()),
    ) {
        let straight: Vec<usize> = (0..DOCUMENTS.len()).collect();
        let expected = content(files_of(&straight, &[false; 8], &[0; 8]));
        prop_assert_eq!(content(files_of(&order, &cuts, &names)), expected);
    }

    #[test]
    fn files_in_any_order_give_the_same_findings(
        order in Just((0..DOCUMENTS.len()).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let file = |i: usize| (format!("{i}.yaml"), DOCUMENTS[i].to_owned());
        let expected = weir_model::load((0..DOCUMENTS.len()).map(file));
        let loaded = weir_model::load(order.into_iter().map(file));
        prop_assert_eq!(loaded.findings, expected.findings);
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        check(&text);
    }

    #[test]
    fn no_soup_of_yaml_makes_it_panic(words in vec(select(vec![
        "a", "kind", "spec", "Topic", ":", " ", "\n", "  ", "- ", "? ", "[", "]", "{", "}", ",", "&a", "*a", "!t", "!!str ", "<<", "---\n", "...\n",
        "'", "\"", "|\n", ">-\n", "#", "\t", "%YAML 1.2\n", "~", "\\u00", "ä", "\u{feff}", "\r\n", "0", "true", "metadata", "name",
        "apiVersion: weir/v1\nkind: AccessControlList\n", "allow", "rules",
    ]), 0..60)) {
        check(&words.concat());
    }

    #[test]
    fn no_mutation_makes_it_panic(
        document in 0..DOCUMENTS.len(),
        edits in vec((any::<prop::sample::Index>(), 0..3u8, "[a-zA-Z:{}\\[\\],&*!|>'\"#\n \t~-]{0,3}"), 1..6),
    ) {
        let mut text: Vec<char> = DOCUMENTS[document].chars().collect();
        for (at, length, with) in edits {
            let at = at.index(text.len() + 1);
            let end = (at + usize::from(length)).min(text.len());
            text.splice(at..end, with.chars());
        }
        check(&text.into_iter().collect::<String>());
    }
}

/// Loading does not panic, and every place is inside its file.
fn check(text: &str) {
    let loaded = weir_model::load([("a.yaml", text), ("weir.yaml", DOCUMENTS[0])]);
    for finding in &loaded.findings {
        for at in std::iter::once(finding.at).chain(finding.related.iter().map(|r| r.at)) {
            let file = loaded.sources.file(at.file);
            assert!(file.text().get(at.range()).is_some(), "{finding:?} is outside of {:?}", file.text());
        }
        assert!(!finding.message.is_empty());
    }
    let Some(workspace) = &loaded.workspace else { return };
    for view in workspace.stages() {
        for topic in view.topics.values() {
            let entity = topic.entity.entity_ref();
            loaded.locate(&weir_model::Route::value(entity, ["spec", "config", "retention.ms"]));
        }
    }
}
