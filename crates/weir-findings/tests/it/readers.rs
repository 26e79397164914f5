//! What agents and tools read out of annotations and reports, written after their own sources and not after ours.

use std::collections::BTreeMap;

/// A command that an agent found in a line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) name: String,
    pub(crate) properties: BTreeMap<String, String>,
    pub(crate) message: String,
}

/// GitHub's runner, `src/Runner.Common/ActionCommand.cs`: `::name key=value,key=value::message` at the beginning of a
/// line, else `##[name key=value;]message` anywhere in it.
pub(crate) fn github(line: &str) -> Option<Command> {
    let line = line.trim_start();
    if let Some(rest) = line.strip_prefix("::")
        && let Some((info, message)) = rest.split_once("::")
    {
        let (name, properties) = info.split_once(' ').unwrap_or((info, ""));
        let unescape = |text: &str| text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%");
        let property = |text: &str| {
            let text = text.replace("%0D", "\r").replace("%0A", "\n").replace("%3A", ":").replace("%2C", ",");
            text.replace("%25", "%")
        };
        let properties = properties
            .trim()
            .split(',')
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, value)| (key.to_owned(), property(value)))
            .collect();
        return Some(Command { name: name.to_owned(), properties, message: unescape(message) });
    }
    let rest = &line[line.find("##[")? + 3..];
    let (name, message) = rest.split_once(']')?;
    Some(Command { name: name.to_owned(), properties: BTreeMap::new(), message: message.to_owned() })
}

/// The agent of Azure Pipelines, `src/Microsoft.VisualStudio.Services.Agent/Command.cs`: `##vso[area.event …]message`
/// anywhere in a line, in any case.
pub(crate) fn azure(line: &str) -> Option<Command> {
    let at = line.to_ascii_lowercase().find("##vso[")?;
    let (info, message) = line[at + 6..].split_once(']')?;
    let unescape = |text: &str| {
        let text = text.replace("%3B", ";").replace("%0D", "\r").replace("%0A", "\n").replace("%5D", "]");
        text.replace("%AZP25", "%")
    };
    let (name, properties) = info.split_once(' ').unwrap_or((info, ""));
    let properties = properties
        .split(';')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (key.to_owned(), unescape(value)))
        .collect();
    Some(Command { name: name.to_owned(), properties, message: unescape(message) })
}

/// A test case of a JUnit report.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) path: String,
    pub(crate) failure: Option<(String, String)>,
    pub(crate) output: Option<String>,
}

/// The cases of a report, and the number of failures it claims.
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
