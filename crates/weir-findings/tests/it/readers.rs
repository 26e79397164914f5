//! Readers of annotations and reports, as agents and tools implement them.

pub(crate) use weir_testkit::agents::{azure, github};

/// A test case of a JUnit report.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) path: String,
    pub(crate) failure: Option<(String, String)>,
    pub(crate) output: Option<String>,
}

/// Returns the cases of a report, and the number of failures that the report claims.
pub(crate) fn junit(text: &str) -> (Vec<Case>, usize) {
    let document = roxmltree::Document::parse(text).unwrap_or_else(|err| panic!("{err} in:\n{text}"));
    let suite = document.descendants().find(|node| node.has_tag_name("testsuite")).expect("a suite");
    let number = |name| suite.attribute(name).and_then(|text| text.parse::<usize>().ok()).expect("a number");
    let child = |case: roxmltree::Node<'_, '_>, name: &str| -> Option<(String, String)> {
        let node = case.children().find(|node| node.has_tag_name(name))?;
        Some((node.attribute("message").unwrap_or_default().to_owned(), node.text().unwrap_or_default().to_owned()))
    };
    let cases: Vec<Case> = suite
        .children()
        .filter(|node| node.has_tag_name("testcase"))
        .map(|case| Case {
            path: [case.attribute("classname"), case.attribute("name")].map(Option::unwrap_or_default).join("/"),
            failure: child(case, "failure"),
            output: child(case, "system-out").map(|(_, text)| text),
        })
        .collect();
    assert_eq!(number("tests"), cases.len());
    (cases, number("failures"))
}
