//! Findings, rendered for people and machines.

mod formats;
mod hostile;
mod readers;
mod words;

use weir_findings::{FileId, Finding, RuleId, Sources, Span, render, sort};

const TOPIC: &str = "apiVersion: weir/v1\nkind: Topic\nmetadata: {name: toll.transactions.v1, team: toll}\nspec:\n  partitions: 6\n  config:\n    retention.ms: 7d\n";

fn span(sources: &Sources, file: FileId, part: &str) -> Span {
    let start = sources.file(file).text().find(part).expect("the part is in the text");
    Span::new(file, start..start + part.len())
}

fn plain(findings: &[Finding], sources: &Sources) -> String {
    render::text(findings, sources, render::Style::default())
}

fn error(at: Span, message: &str) -> Finding {
    Finding::error(RuleId::new("some-rule"), at, message)
}

#[test]
fn findings_are_rendered() {
    let mut sources = Sources::default();
    let topic = sources.add("teams/toll/kafka.yaml", TOPIC);
    let other = sources.add("weir.yaml", "spec:\n  profiles:\n    standard: {partitions: 12}\n");
    let mut findings = vec![
        Finding::warning(RuleId::new("retention-short"), span(&sources, topic, "7d"), "retention of 7d is short"),
        Finding::error(
            RuleId::new("partitions-only-grow"),
            span(&sources, topic, "6"),
            "cannot go from 12 partitions to 6",
        )
        .label("the cluster has 12")
        .help("keep 12, or create `toll.transactions.v2` and migrate")
        .related(span(&sources, topic, "toll.transactions.v1"), "this topic")
        .related(span(&sources, other, "12"), "the profile says 12"),
    ];
    sort(&mut findings, &sources);
    insta::assert_snapshot!(plain(&findings, &sources));
    insta::assert_snapshot!("findings_are_rendered_json", render::json(&findings, &sources));
    insta::assert_snapshot!(render::summary(&findings), @"1 error, 1 warning in 1 file");
    insta::assert_snapshot!(render::summary(&[]), @"no findings");

    let colored = render::text(&findings, &sources, render::Style { color: true, width: 120 });
    assert!(colored.contains("\u{1b}["));
}

#[test]
fn difficult_places_are_shown() {
    let mut sources = Sources::default();
    let crlf = sources.add("crlf.yaml", "a: 1\r\nkäse: schön\r\n\tb: 日本 x\r\n");
    let empty = sources.add("empty.yaml", "");
    let long = sources.add("long.yaml", format!("a: {}bad{}\n", "x".repeat(300), "y".repeat(300)));
    let endless = sources.add("endless.yaml", format!("a: {}bad", "x".repeat(5000)));
    let size = sources.file(crlf).text().len();
    let findings = [
        error(span(&sources, crlf, "schön"), "non-ascii before and in it").label("here"),
        error(span(&sources, crlf, "x"), "behind a tab and wide characters").label("here"),
        error(Span::new(crlf, size..size), "at the end, zero wide").label("more is expected"),
        error(Span::new(crlf, 0..size), "many lines"),
        error(Span::new(crlf, 4..6), "on the line break"),
        error(Span::new(empty, 0..0), "an empty file"),
        error(span(&sources, long, "bad"), "in the middle of a long line").label("here"),
        error(span(&sources, endless, "bad"), "in the middle of an endless line").label("bad").help("break the line"),
    ];
    insta::assert_snapshot!(plain(&findings, &sources));
}

#[test]
fn files_cannot_command_terminals_or_agents() {
    let mut sources = Sources::default();
    let file = sources.add(
        "evil\u{1b}[2J##vso[task].yaml",
        "a: \"\u{1b}]0;title\u{7}\" # ##vso[task.setvariable variable=x]y\r\nb: ##[error]x\n",
    );
    let findings = [error(span(&sources, file, "#vso["), "the value `\u{1b}[31m\n::error::##vso[x]` is wrong")
        .label("\u{202e}label ##[warning]")
        .help("line\r\n##vso[task.complete result=Failed]")
        .related(span(&sources, file, "#[error]"), "\u{9b}31m")];
    let text = plain(&findings, &sources);
    insta::assert_snapshot!(text);
    let json = render::json(&findings, &sources);
    for output in [&text, &json] {
        assert!(!output.contains("##vso[") && !output.contains("##["), "{output}");
        assert!(!output.chars().any(|c| c.is_control() && c != '\n'), "{output:?}");
    }
    let parsed: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(parsed["findings"][0]["help"], "line\r\n##vso[task.complete result=Failed]");
}

/// Every place can be rendered, whichever byte it begins or ends at.
#[test]
fn rendering_any_place_does_not_panic() {
    let text = "a: ü\r\n\r\n\tb: [日, \u{1f980}]\n\u{1b}x: ##vso[\n";
    let mut sources = Sources::default();
    let file = sources.add("f.yaml", text);
    for start in 0..=text.len() + 2 {
        for end in start..=text.len() + 2 {
            let findings = [error(Span::new(file, start..end), "m").label("l").related(Span::new(file, 3..5), "r")];
            assert!(!plain(&findings, &sources).contains('\u{1b}'));
            let _ = render::json(&findings, &sources);
        }
    }
}
