//! The signposts of `CONTRIBUTING.md`, `ARCHITECTURE.md` and `SECURITY.md` lead somewhere.

use std::{collections::BTreeSet, fs, path::Path};

use crate::command::root;

/// Pages whose paths and symbols must exist.
const PAGES: [&str; 4] = ["CONTRIBUTING.md", "ARCHITECTURE.md", "SECURITY.md", "docs/adding-a-kind.md"];

/// Returns the text between backticks outside of code blocks.
fn code(page: &str) -> Vec<&str> {
    let prose = page.split("```").step_by(2);
    prose.flat_map(|part| part.lines()).flat_map(|line| line.split('`').skip(1).step_by(2)).collect()
}

/// Returns the text in parentheses after `](`, without the anchor, if it is a path.
fn links(page: &str) -> Vec<&str> {
    let targets = page.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets
        .filter_map(|target| target.split('#').next())
        .filter(|path| !path.is_empty() && !path.contains("://"))
        .collect()
}

/// Returns the pairs of "`symbol` in `path`".
fn placed(page: &str) -> Vec<(&str, &str)> {
    let parts: Vec<&str> = page.split('`').collect();
    let pairs = parts.windows(3).filter(|three| three[1].split_whitespace().eq(["in"]));
    pairs.map(|three| (three[0], three[2])).filter(|(_, path)| path.ends_with(".rs") && is_path(path)).collect()
}

/// Returns `true` for a path from the root of the repository.
fn is_path(code: &str) -> bool {
    let first = code.split('/').next().unwrap_or_default();
    ["crates", "bins", "tests", "xtask", "docs", "fuzz", "tools", "benches", "schemas", "fixtures"].contains(&first)
        && code.contains('/')
        && !code.contains(['*', ' '])
}

/// Returns the identifiers of a symbol such as `judge_one`, `Risk`, `TIME_UNITS` or `Step::check`; none for other code.
fn identifiers(code: &str) -> Vec<&str> {
    let code = code.split('<').next().unwrap_or_default().trim_end_matches("()");
    let parts: Vec<&str> = code.split("::").collect();
    let named = |part: &&str| part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let symbol = code.contains("::") || code.contains('_') || code.starts_with(|c: char| c.is_ascii_uppercase());
    if symbol && parts.iter().all(named) { parts } else { Vec::new() }
}

/// Adds the identifiers of all Rust files below `folder`.
fn words(folder: &Path, into: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            words(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap_or_default();
            let found = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
            into.extend(found.map(str::to_owned));
        }
    }
}

#[test]
fn paths_and_symbols_of_the_pages_exist() {
    let root = root();
    let mut known = BTreeSet::new();
    for folder in ["crates", "bins", "tests", "xtask", "benches", "fuzz"] {
        words(&root.join(folder), &mut known);
    }
    let mut missing = Vec::new();
    for page in PAGES {
        let text = fs::read_to_string(root.join(page)).unwrap();
        let beside = Path::new(page).parent().unwrap_or(Path::new(""));
        let links = links(&text).into_iter().map(|path| beside.join(path));
        for path in links.chain(code(&text).into_iter().filter(|code| is_path(code)).map(Path::new).map(Path::to_owned))
        {
            if !root.join(&path).exists() {
                missing.push(format!("{page}: there is no file or folder `{}`", path.display()));
            }
        }
        for (symbol, path) in placed(&text) {
            let file = fs::read_to_string(root.join(path)).unwrap_or_default();
            if identifiers(symbol).iter().any(|part| !file.contains(part)) {
                missing.push(format!("{page}: `{path}` has no `{symbol}`"));
            }
        }
        for symbol in code(&text).into_iter().filter(|code| !is_path(code)) {
            if identifiers(symbol).iter().any(|part| !known.contains(*part)) {
                missing.push(format!("{page}: there is no symbol `{symbol}`"));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn wrong_signposts_are_found() {
    assert_eq!(code("a `b/c` d\n```\n`x`\n```\n`E::f`"), ["b/c", "E::f"]);
    assert_eq!(placed("`F` in\n `xtask/a.rs`, `G` of `xtask/b.rs`"), [("F", "xtask/a.rs")]);
    assert_eq!(links("[a](b.md#c) [d](#e) [f](https://example.org)"), ["b.md"]);
    assert!(is_path("crates/x/src/lib.rs") && !is_path("bins/*") && !is_path("cargo test"));
    assert_eq!(identifiers("Step::check"), ["Step", "check"]);
    assert_eq!(identifiers("Finding<P>"), ["Finding"]);
    assert_eq!(identifiers("judge_one"), ["judge_one"]);
    assert_eq!(identifiers("cargo xtask check"), Vec::<&str>::new());
}
