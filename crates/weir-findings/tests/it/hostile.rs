//! Hostile text in a file, its name or a message. In no format does such text command a terminal, a runner or an agent;
//! every format stays readable, and the message can be read back.

use proptest::prelude::*;
use serde_json::Value;
use weir_findings::{Finding, RuleId, Severity, Sources, Span, render};

use crate::{formats::sarif_validator, plain, readers};

/// Generates text from pieces that have a meaning to some reader.
fn wild() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "##vso[task.setvariable variable=x]",
            "##VSO[",
            "##[error]",
            "#",
            "##",
            "::error::",
            "::set-output name=a::b",
            "::",
            ":",
            "%",
            "%0A",
            "%25",
            "%AZP25",
            "%3B",
            "%5D",
            ";",
            "]",
            "[",
            ",",
            "=",
            "\n",
            "\r\n",
            "\t",
            " ",
            "]]>",
            "<!--",
            "&amp;",
            "&",
            "<x>",
            "\"",
            "'",
            "`",
            "\\",
            "\u{1b}[31m",
            "\0",
            "\u{7f}",
            "\u{9b}",
            "\u{202e}",
            "\u{2028}",
            "\u{feff}",
            "\u{fffe}",
            "\u{ffff}",
            "ü",
            "日",
            "\u{1f980}",
            "a",
            "name: ",
            "password: hunter2",
            "/",
            "..",
        ])
        .prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn finding() -> impl Strategy<Value = (String, String, Finding)> {
    let severity = prop::sample::select(vec![Severity::Error, Severity::Warning, Severity::Info]);
    (wild(), wild(), wild(), wild(), prop::option::of(wild()), severity, 0..60_usize, 0..60_usize).prop_map(
        |(path, text, rule, message, help, severity, from, length)| {
            let at = Span::new(weir_findings::FileId(0), from..from + length);
            let mut finding = Finding::error(RuleId::from(rule), at, message).label("l").related(at, text.clone());
            finding.severity = severity;
            finding.help = help;
            finding.note = finding.help.clone().map(|help| format!("{path}{help}"));
            // The text of an edit may be anything; its place is one in the file.
            let end = text.len();
            let finding = finding.fix(path.clone(), Span::new(weir_findings::FileId(0), end..end), text.clone());
            (path, text, finding)
        },
    )
}

fn harmless(text: &str) -> String {
    render::inert(text).into_owned()
}

fn said(finding: &Finding) -> String {
    let note = finding.note.as_ref().map(|note| format!("\nnote: {}", harmless(note)));
    let help = finding.help.as_ref().map(|help| format!("\nhelp: {}", harmless(help)));
    harmless(&finding.message) + &note.unwrap_or_default() + &help.unwrap_or_default()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_becomes_a_command((path, text, finding) in finding()) {
        let mut sources = Sources::default();
        sources.add(path, text);
        let findings = [finding];
        for shown in [
            plain(&findings, &sources),
            render::concise(&findings, &sources),
            render::json(&findings, &sources),
            render::junit(&findings, &sources),
            render::sarif(&findings, &sources, "", &[]),
        ] {
            for line in shown.lines() {
                prop_assert_eq!(readers::azure(line), None, "{}", shown);
                prop_assert_eq!(readers::github(line), None, "{}", shown);
            }
            prop_assert!(!shown.chars().any(|c| c.is_control() && c != '\n' && c != '\t'), "{:?}", shown);
        }
    }

    #[test]
    fn annotations_are_read_back((path, text, finding) in finding()) {
        let mut sources = Sources::default();
        sources.add(path.clone(), text);
        let findings = [finding];
        let [finding] = &findings;

        let shown = render::github(&findings, &sources, "a:b/");
        prop_assert_eq!(shown.lines().count(), 1, "{}", shown);
        let command = readers::github(&shown).expect("a command");
        prop_assert!(["error", "warning", "notice"].contains(&command.name.as_str()));
        prop_assert_eq!(command.message.trim_end_matches('\n').to_owned(), said(finding));
        prop_assert_eq!(&command.properties["file"], &format!("a:b/{}", harmless(&path)));
        // The runner trims the end of the last property, which is the title.
        prop_assert!(command.properties["title"].trim() == harmless(finding.rule.as_str()).trim());
        prop_assert_eq!(readers::azure(&shown), None);

        let shown = render::azure(&findings, &sources, "a;b/");
        prop_assert_eq!(shown.lines().count(), 1, "{}", shown);
        if finding.severity == Severity::Info {
            prop_assert_eq!(readers::azure(&shown), None);
        } else {
            let command = readers::azure(&shown).expect("a command");
            prop_assert_eq!(command.name.as_str(), "task.logissue");
            prop_assert_eq!(command.message.trim_end_matches('\n').to_owned(), said(finding));
            prop_assert_eq!(&command.properties["sourcepath"], &format!("a;b/{}", harmless(&path)));
            prop_assert_eq!(&command.properties["code"], &harmless(finding.rule.as_str()));
            prop_assert_eq!(readers::azure(&command.message), None, "the agent repeats it in its log");
        }
    }

    #[test]
    fn reports_stay_readable((path, text, finding) in finding()) {
        let mut sources = Sources::default();
        sources.add(path, text);
        let findings = [finding];
        let [finding] = &findings;

        let (cases, failures) = readers::junit(&render::junit(&findings, &sources));
        prop_assert_eq!(failures, usize::from(finding.severity == Severity::Error));
        if let Some((message, _)) = &cases[0].failure {
            let expected = harmless(&finding.message).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}");
            prop_assert_eq!(message, &expected);
        }

        let sarif: Value = serde_json::from_str(&render::sarif(&findings, &sources, "", &[])).expect("JSON");
        let text = sarif["runs"][0]["results"][0]["message"]["text"].as_str().expect("text");
        prop_assert!(text.starts_with(&finding.message));
        let json: Value = serde_json::from_str(&render::json(&findings, &sources)).expect("JSON");
        prop_assert_eq!(&json["findings"][0]["message"], &Value::from(finding.message.clone()));
    }
}

#[test]
fn hostile_text_gives_valid_sarif() {
    let Some(validator) = sarif_validator() else { return };
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 60,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    runner
        .run(&finding(), |(path, text, finding)| {
            let mut sources = Sources::default();
            sources.add(path, text);
            let sarif: Value = serde_json::from_str(&render::sarif(&[finding], &sources, "", &[])).expect("JSON");
            let errors: Vec<_> = validator.iter_errors(&sarif).map(|err| err.to_string()).collect();
            prop_assert!(errors.is_empty(), "{:?}", errors);
            Ok(())
        })
        .expect("it holds");
}

/// The value of a field whose name suggests a secret is in no output, nor is its hash.
#[test]
fn secrets_are_not_repeated() {
    let mut sources = Sources::default();
    let text = "a: 1\ncredentials: {password: hunter2, env: X} # hunter2\nb: 2\n";
    let file = sources.add("weir.yaml", text.replace(" # hunter2", ""));
    let at = crate::span(&sources, file, "password");
    let finding = Finding::error(RuleId::new("unknown-field"), at, "there is no field `password`").fix("x", at, "env");
    let findings = [finding];
    let shown = plain(&findings, &sources);
    assert!(shown.contains("{password: *******, env: X}"), "{shown}");
    let print = |sources: &Sources| {
        let sarif: Value = serde_json::from_str(&render::sarif(&findings, sources, "", &[])).expect("JSON");
        sarif["runs"][0]["results"][0]["partialFingerprints"].clone()
    };
    let mut other = Sources::default();
    other.add("weir.yaml", sources.file(file).text().replace("hunter2", "letmein"));
    assert_eq!(print(&sources), print(&other));
    for shown in [
        shown,
        render::concise(&findings, &sources),
        render::json(&findings, &sources),
        render::junit(&findings, &sources),
        render::github(&findings, &sources, ""),
        render::azure(&findings, &sources, ""),
        render::sarif(&findings, &sources, "", &[]),
    ] {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

/// No line begins with a command, whatever the file's name is.
#[test]
fn paths_begin_no_command() {
    for path in [":", "::error::", " ::set-output name=a::b", ":1::"] {
        let mut sources = Sources::default();
        let file = sources.add(path, "a: 1\n");
        let finding = Finding::error(RuleId::new("r"), Span::new(file, 0..1), "::error::x");
        let line = render::concise(&[finding], &sources);
        assert_eq!(readers::github(&line), None, "{line}");
    }
}

/// A fix and the text around it begin no command together, whichever of the two ends with `#`.
#[test]
fn fixes_begin_no_command() {
    for (text, edit) in [("a ##", "[error]b"), ("a #", "#vso[x]b"), ("[error]b", "a ##"), ("#[error]b", "a #")] {
        let mut sources = Sources::default();
        let file = sources.add("a.yaml", text);
        let end = if text.ends_with('#') { text.len() } else { 0 };
        let at = Span::new(file, end..end);
        let findings = [Finding::error(RuleId::new("r"), at, "m").fix("write it", at, edit)];
        for color in [false, true] {
            let shown = render::text(&findings, &sources, render::Style { color, ..render::Style::default() });
            assert!(shown.contains('＃') || color, "{shown}");
            for line in shown.lines() {
                assert_eq!(readers::azure(line), None, "{shown}");
            }
        }
    }
}
