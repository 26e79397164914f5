//! Counts the openings of doc comments and prose that make a reader guess the noun: `What …`, `How …`.
//!
//! `CONTRIBUTING.md` says why; the counts may only fall. Doc comments, and the descriptions in JSON Schemas, are counted by
//! their sentences; prose by its headings, list items, table cells and sentences. Code, in blocks and between backticks,
//! is not read, save for the help texts in `docs/cli.md`.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::command::{files, root};

/// Openings that name no noun at all.
const RIDDLES: [&str; 6] = ["What", "Who", "Whom", "Whose", "Those", "So many"];

/// Openings of a question, for which there is mostly a plainer noun: number, time, place, reason.
const QUESTIONS: [&str; 5] = ["Whether", "How", "Where", "When", "Why"];

/// The largest number of openings allowed of each sort. Lower a number as soon as the count is lower; never raise one.
const CEILINGS: [(Text, Opening, usize); 5] = [
    (Text::DocComments, Opening::Riddle, 0),
    (Text::DocComments, Opening::Question, 0),
    (Text::Prose, Opening::Riddle, 0),
    (Text::Prose, Opening::Question, 6),
    // The only one of schemas: Kafka's own descriptions of its settings hold questions.
    (Text::Schemas, Opening::Riddle, 0),
];

/// The page that shows the help texts, in code blocks.
const HELP_PAGE: &str = "docs/cli.md";

/// The sorts of text that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    DocComments,
    Prose,
    Schemas,
}

/// The two sorts of openings that are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opening {
    Riddle,
    Question,
}

/// A place with a counted opening.
#[derive(Debug, PartialEq, Eq)]
struct Hit {
    file: String,
    /// Counted from 1.
    line: usize,
    text: Text,
    opening: Opening,
    /// The line as it stands, without the spaces around it.
    shown: String,
}

impl Text {
    fn name(self) -> &'static str {
        match self {
            Text::DocComments => "doc comments",
            Text::Prose => "prose and help",
            Text::Schemas => "schemas",
        }
    }
}

impl Opening {
    fn name(self) -> String {
        self.words().join("/")
    }

    fn words(self) -> &'static [&'static str] {
        match self {
            Opening::Riddle => &RIDDLES,
            Opening::Question => &QUESTIONS,
        }
    }

    /// The opening of `text`, if it is a counted one.
    fn of(text: &str) -> Option<Self> {
        [Opening::Riddle, Opening::Question]
            .into_iter()
            .find(|opening| opening.words().iter().any(|word| opens(text, word, |a, b| a == b)))
    }

    /// As [`Opening::of`], with small letters too.
    fn of_any_case(text: &str) -> Option<Self> {
        [Opening::Riddle, Opening::Question]
            .into_iter()
            .find(|opening| opening.words().iter().any(|word| opens(text, word, str::eq_ignore_ascii_case)))
    }
}

/// Reads all texts of the repository and compares the counts with their ceilings.
///
/// # Errors
/// If a count is above its ceiling.
pub(crate) fn run(list: bool) -> Result<()> {
    let mut hits = Vec::new();
    for file in files()? {
        let text = || fs::read_to_string(root().join(&file)).with_context(|| format!("cannot read {file}"));
        if file.ends_with(".rs") {
            hits.extend(doc_comments(&file, &text()?));
        } else if is_prose(&file) {
            hits.extend(prose(&file, &text()?));
        } else if file.starts_with("schemas/") {
            hits.extend(descriptions(&file, &text()?));
        }
    }
    if list {
        for Hit { file, line, shown, .. } in &hits {
            println!("{file}:{line}: {shown}");
        }
    }
    let mut above = Vec::new();
    for (text, opening, ceiling) in CEILINGS {
        let count = hits.iter().filter(|hit| hit.text == text && hit.opening == opening).count();
        println!("{}: {count} open with {} (at most {ceiling})", text.name(), opening.name());
        if count > ceiling {
            above.push(format!("{} {} open with {}, {ceiling} are allowed", count, text.name(), opening.name()));
        }
    }
    if !above.is_empty() {
        bail!("{}; `cargo xtask words --list` shows where", above.join("; "));
    }
    Ok(())
}

/// Returns `true` for the pages that people read: those at the root, in `docs/`, and each crate's own.
fn is_prose(file: &str) -> bool {
    file.ends_with(".md") && (!file.contains('/') || file.starts_with("docs/") || file.ends_with("/README.md"))
}

/// The openings in sentences of doc comments. Code blocks of doc comments are not read.
fn doc_comments(file: &str, text: &str) -> Vec<Hit> {
    let mut hits = Vec::new();
    let mut in_code = false;
    for (at, line) in text.lines().enumerate() {
        let shown = line.trim();
        let Some(comment) = shown.strip_prefix("///").or_else(|| shown.strip_prefix("//!")) else {
            in_code = false;
            continue;
        };
        if comment.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code && comment.starts_with(' ') {
            hits.extend(hits_of(file, at, Text::DocComments, shown, sentences(&without_code(comment))));
        }
    }
    hits
}

/// The headings, list items, table cells and sentences of a Markdown page with a counted opening.
fn prose(file: &str, text: &str) -> Vec<Hit> {
    let mut hits = Vec::new();
    let mut in_code = false;
    for (at, line) in text.lines().enumerate() {
        let shown = line.trim();
        if shown.starts_with("```") {
            in_code = !in_code;
            continue;
        }
        let found = match (in_code, shown.rsplit_once("  ")) {
            (true, _) if file != HELP_PAGE => continue,
            // The text beside a flag, a command or an example.
            (true, Some((_, beside))) => block(&without_code(beside)),
            _ => openings(&without_code(shown)),
        };
        hits.extend(hits_of(file, at, Text::Prose, shown, found));
    }
    hits
}

/// The riddles in sentences of a JSON Schema's descriptions.
fn descriptions(file: &str, text: &str) -> Vec<Hit> {
    let mut hits = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let shown = line.trim();
        let Some(description) = shown.strip_prefix(r#""description": ""#) else { continue };
        let mut found = sentences(&without_code(&description.replace(r"\n", "\n")));
        found.retain(|opening| *opening == Opening::Riddle);
        hits.extend(hits_of(file, at, Text::Schemas, shown, found));
    }
    hits
}

/// Makes a hit of each opening that was found in line `at`, counted from 0.
fn hits_of(file: &str, at: usize, text: Text, shown: &str, found: Vec<Opening>) -> impl Iterator<Item = Hit> {
    let (file, shown) = (file.to_owned(), shown.to_owned());
    found.into_iter().map(move |opening| Hit { file: file.clone(), line: at + 1, text, opening, shown: shown.clone() })
}

/// The counted openings in one line of Markdown.
fn openings(line: &str) -> Vec<Opening> {
    if let Some(row) = line.strip_prefix('|') {
        return row.split('|').flat_map(block).collect();
    }
    let item = line.trim_start_matches(['#', '>', '-', '*', ' ']);
    let item = item.trim_start_matches(|letter: char| letter.is_ascii_digit()).trim_start_matches(". ");
    // Of a line that only goes on, the first word opens nothing unless it has a capital.
    if item.len() == line.len() { sentences(line) } else { block(item) }
}

/// The counted openings of a text that begins something: its first word counts in small letters too.
fn block(text: &str) -> Vec<Opening> {
    let text = text.trim_start_matches(|letter: char| !letter.is_alphanumeric());
    let mut found = sentences(text);
    if text.starts_with(char::is_lowercase) {
        found.extend(Opening::of_any_case(text));
    }
    found
}

/// The counted openings with a capital, wherever they stand: English has capitals only where a sentence begins.
fn sentences(text: &str) -> Vec<Opening> {
    let begins = |at: usize| !text[..at].ends_with(|letter: char| letter.is_alphanumeric() || "_-'/".contains(letter));
    text.char_indices()
        .filter(|(at, letter)| letter.is_uppercase() && begins(*at))
        .filter_map(|(at, _)| Opening::of(&text[at..]))
        .collect()
}

/// Compares the beginning of `text` with `word`, by whole words.
fn opens(text: &str, word: &str, same: impl Fn(&str, &str) -> bool) -> bool {
    let Some((start, rest)) = text.split_at_checked(word.len()) else { return false };
    same(start, word) && !rest.starts_with(|letter: char| letter.is_alphanumeric() || letter == '_')
}

/// The line with an `x` in place of each span of code.
fn without_code(line: &str) -> String {
    line.split('`').enumerate().map(|(at, part)| if at % 2 == 0 { part } else { "x" }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Line and opening of each hit.
    fn found(hits: &[Hit]) -> Vec<(usize, Opening)> {
        hits.iter().map(|hit| (hit.line, hit.opening)).collect()
    }

    #[test]
    fn a_doc_comment_is_counted_by_its_sentences() {
        let text = "//! What it is.\n    /// How many\n/// Whatever\n// What\n/// The what\n///What\n//// What\n/// So many\
                    \n/// One. Where `What. What` is. Who then?\n";
        let hits = doc_comments("lib.rs", text);
        let riddle = |line| (line, Opening::Riddle);
        assert_eq!(found(&hits), [riddle(1), (2, Opening::Question), riddle(8), (9, Opening::Question), riddle(9)]);
        assert_eq!(hits[1].shown, "/// How many");
    }

    #[test]
    fn code_blocks_of_doc_comments_are_not_read() {
        let text = "/// ```\n/// // What it is.\n/// ```\n/// What\n/// ```\nfn f() {}\n/// Who\n";
        assert_eq!(found(&doc_comments("lib.rs", text)), [(4, Opening::Riddle), (7, Opening::Riddle)]);
    }

    #[test]
    fn riddles_in_descriptions_of_schemas_are_counted() {
        let text = r#"
            "description": {"type": "string"},
            "description": "What it is.",
            "title": "What",
            "description": "Whether it is `What`.\n\nWho then?"
        "#;
        let hits = descriptions("schemas/topic.schema.json", text);
        assert_eq!(found(&hits), [(3, Opening::Riddle), (5, Opening::Riddle)]);
    }

    #[test]
    fn headings_items_cells_and_sentences_are_counted() {
        for (line, openings) in [
            ("# How it works", vec![Opening::Question]),
            ("- what it is", vec![Opening::Riddle]),
            ("12. Where it is", vec![Opening::Question]),
            ("> **Who may**", vec![Opening::Riddle]),
            ("| what | a topic | When |", vec![Opening::Riddle, Opening::Question]),
            ("It ends. What then? How so", vec![Opening::Riddle, Opening::Question]),
            ("**Those** are", vec![Opening::Riddle]),
            ("so what it says is what, and how", vec![]),
            ("what goes on from the line above", vec![]),
            ("`What` is a word", vec![]),
            ("Whoever, Howard and some_What", vec![]),
        ] {
            assert_eq!(self::openings(&without_code(line)), openings, "{line}");
        }
    }

    #[test]
    fn code_blocks_are_read_in_the_help_page_alone() {
        let page = "Text.\n```text\nWhat it is\n  weir-plan --out p  what it does\n  --plan  a plan\n    what goes on\n\
                    ```\n  --plan  Where it is\n";
        assert_eq!(found(&prose("docs/guide.md", page)), [(8, Opening::Question)]);
        assert_eq!(
            found(&prose(HELP_PAGE, page)),
            [(3, Opening::Riddle), (4, Opening::Riddle), (8, Opening::Question)]
        );
    }

    #[test]
    fn prose_is_what_people_read() {
        let prose = ["README.md", "docs/guide.md", "crates/weir-model/README.md"];
        assert!(prose.iter().all(|file| is_prose(file)));
        assert!(!is_prose("crates/weir-validation/tests/cases/x.md"));
    }
}
