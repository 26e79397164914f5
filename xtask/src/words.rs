//! Counts the openings of doc comments and prose that make a reader guess the noun: "What …", "How …".
//!
//! `CONTRIBUTING.md` says why; the counts may only fall. A doc comment is counted line by line, prose
//! by its headings, list items, table cells and sentences. Code, in blocks and between backticks, is not read, save for
//! the help texts in `docs/cli.md`.

use std::{fs, process::Command};

use anyhow::{Context, Result, bail};

use crate::command::{line, root};

/// Openings that name no noun at all.
const RIDDLES: [&str; 6] = ["What", "Who", "Whom", "Whose", "Those", "So many"];

/// Openings of a question, for which there is mostly a plainer noun: number, time, place, reason.
const QUESTIONS: [&str; 5] = ["Whether", "How", "Where", "When", "Why"];

/// The largest number of openings allowed of each sort. Lower a number as soon as the count is lower; never raise one.
const CEILINGS: [(Text, Opening, usize); 4] = [
    (Text::DocComments, Opening::Riddle, 0),
    (Text::DocComments, Opening::Question, 0),
    (Text::Prose, Opening::Riddle, 0),
    (Text::Prose, Opening::Question, 6),
];

/// The page that shows the help texts, in code blocks.
const HELP_PAGE: &str = "docs/cli.md";

/// The two sorts of text that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    DocComments,
    Prose,
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

/// The files of the repository, from its root: tracked ones, and new ones that git does not ignore.
fn files() -> Result<Vec<String>> {
    let mut command = Command::new("git");
    command.current_dir(root()).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let output = command.output().with_context(|| format!("cannot start {}", line(&command)))?;
    if !output.status.success() {
        bail!("`{}` failed: {}", line(&command), String::from_utf8_lossy(&output.stderr).trim());
    }
    let names = String::from_utf8(output.stdout).context("a file name is not UTF-8")?;
    let exists = |name: &&str| root().join(name).is_file();
    Ok(names.split('\0').filter(|name| !name.is_empty()).filter(exists).map(str::to_owned).collect())
}

/// Returns `true` for the pages that people read: those at the root, in `docs/`, and each crate's own.
fn is_prose(file: &str) -> bool {
    file.ends_with(".md") && (!file.contains('/') || file.starts_with("docs/") || file.ends_with("/README.md"))
}

/// The doc-comment lines with a counted opening.
fn doc_comments(file: &str, text: &str) -> Vec<Hit> {
    let mut hits = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let shown = line.trim();
        let Some(comment) = shown.strip_prefix("///").or_else(|| shown.strip_prefix("//!")) else { continue };
        if let Some(opening) = comment.starts_with(' ').then(|| Opening::of(comment.trim_start())).flatten() {
            let shown = shown.to_owned();
            hits.push(Hit { file: file.to_owned(), line: at + 1, text: Text::DocComments, opening, shown });
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
        if in_code && file != HELP_PAGE {
            continue;
        }
        hits.extend(openings(&without_code(shown)).into_iter().map(|opening| Hit {
            file: file.to_owned(),
            line: at + 1,
            text: Text::Prose,
            opening,
            shown: shown.to_owned(),
        }));
    }
    hits
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
    fn a_doc_comment_is_counted_by_the_first_word_of_its_lines() {
        let text =
            "//! What it is.\n    /// How many\n/// Whatever\n// What\n/// The what\n///What\n//// What\n/// So many\n";
        let hits = doc_comments("lib.rs", text);
        assert_eq!(found(&hits), [(1, Opening::Riddle), (2, Opening::Question), (8, Opening::Riddle)]);
        assert_eq!(hits[1].shown, "/// How many");
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
        let page = "Text.\n```text\nWhat it is\n```\n  --plan  Where it is\n";
        assert_eq!(found(&prose("docs/guide.md", page)), [(5, Opening::Question)]);
        assert_eq!(found(&prose(HELP_PAGE, page)), [(3, Opening::Riddle), (5, Opening::Question)]);
    }

    #[test]
    fn prose_is_what_people_read() {
        let prose = ["README.md", "docs/guide.md", "crates/weir-model/README.md"];
        assert!(prose.iter().all(|file| is_prose(file)));
        assert!(!is_prose("crates/weir-validation/tests/cases/x.md"));
    }
}
