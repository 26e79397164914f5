//! The CODEOWNERS file of the repository that holds a workspace.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use weir_findings::{FileId, Finding, RuleId, RulePage, Severity, Span};
use weir_model::Loaded;
use weir_ownership::{Authority, Ownership};

use crate::git;

const CODEOWNERS: &str = "codeowners";

pub(crate) const RULE_PAGE: RulePage = RulePage {
    id: CODEOWNERS,
    severity: Severity::Warning,
    waivable: Some(Severity::Warning),
    title: "CODEOWNERS says what weir.yaml says",
    what: "If the repository has a file CODEOWNERS, and `weir.yaml` has `ownership`, then the owners of each file are the \
           `reviewers` of the team whose path it is in. This is checked for the files there are, and for new ones.",
    why: "weir ties every right to the path of a file. The forge decides who may change a path, so both must agree.",
    bad: "",
    good: "",
    remedy: "Run `weir entity codeowners --out .github/CODEOWNERS`. There is no example: the rule compares two files.",
};

/// The places where GitHub looks for the file, in this order.
const PLACES: [&str; 3] = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"];

/// Returns the root of the repository of `dir`, and the folder of `dir` in it, with `/`; empty for the root. Without a
/// repository, `dir` is the root.
pub fn place_in_repository(dir: &Path) -> (PathBuf, String) {
    let dir = fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
    let root = git::root(&dir).unwrap_or(&dir);
    let inside = dir.strip_prefix(root).unwrap_or(Path::new(""));
    let names: Vec<_> = inside.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    (root.to_owned(), names.join("/"))
}

/// Returns the path of the committed CODEOWNERS file from the root of the repository, and its text.
pub fn committed_codeowners(root: &Path) -> Option<(&'static str, String)> {
    PLACES.into_iter().find_map(|place| Some((place, fs::read_to_string(root.join(place)).ok()?)))
}

/// One line of the file: its pattern and its owners.
struct Line<'t> {
    matcher: Gitignore,
    owners: BTreeSet<&'t str>,
    start: usize,
    end: usize,
}

fn lines(text: &str) -> Vec<Line<'_>> {
    let mut all = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let said = line.split(" #").next().unwrap_or(line).trim();
        if !said.is_empty() && !said.starts_with('#') {
            let mut words = said.split_whitespace();
            let mut builder = GitignoreBuilder::new("");
            let pattern = builder.add_line(None, words.next().unwrap_or_default());
            // A line that cannot be read owns nothing.
            if let Some(matcher) = pattern.ok().and_then(|pattern| pattern.build().ok()) {
                all.push(Line { matcher, owners: words.collect(), start, end: start + line.trim_end().len() });
            }
        }
        start += line.len();
    }
    all
}

/// Returns the last line that matches the path.
fn owner<'l, 't>(lines: &'l [Line<'t>], path: &str) -> Option<&'l Line<'t>> {
    lines.iter().rev().find(|line| line.matcher.matched_path_or_any_parents(path, false).is_ignore())
}

/// Adds a warning for each line of a committed CODEOWNERS file that contradicts the workspace.
pub(crate) fn check(dir: &Path, loaded: &mut Loaded) {
    let (root, folder) = place_in_repository(dir);
    let Some((place, text)) = committed_codeowners(&root) else { return };
    let Some(workspace) = loaded.workspace.as_ref() else { return };
    let Some(ownership) = Ownership::of(workspace) else { return };
    // Without reviewers, nothing can be compared.
    let Ok(wanted) = ownership.codeowners(&folder) else { return };
    let (wanted, found) = (lines(&wanted), lines(&text));
    let inside = |path: &str| if folder.is_empty() { path.to_owned() } else { format!("{folder}/{path}") };
    let new = ["weir.yaml", ".weirignore", "new.yaml"].map(str::to_owned);
    let mut paths: BTreeSet<String> = new.into_iter().chain(workspace.paths.iter().cloned()).collect();
    paths.extend(ownership.examples());
    let mut told = BTreeSet::new();
    let mut wrong = Vec::new();
    for path in paths {
        let path_in_repository = inside(&path);
        let expected = owner(&wanted, &path_in_repository).map(|line| line.owners.clone()).unwrap_or_default();
        let actual = owner(&found, &path_in_repository);
        let owners = actual.map(|line| line.owners.clone()).unwrap_or_default();
        let at = actual.map_or((0, 0), |line| (line.start, line.end));
        if owners == expected || !told.insert((expected.clone(), at)) {
            continue;
        }
        let listed = |owners: &BTreeSet<&str>| match owners.is_empty() {
            true => "nobody".to_owned(),
            false => owners.iter().map(|owner| format!("`{owner}`")).collect::<Vec<_>>().join(", "),
        };
        let team = match ownership.authority(&path) {
            Authority::Team(team) => team,
            Authority::Platform | Authority::Unclear(..) => ownership.platform(),
        };
        let message = format!(
            "`{path_in_repository}` belongs to team `{team}` ({}), but is reviewed by {}",
            listed(&expected),
            listed(&owners)
        );
        wrong.push((at, message));
    }
    if wrong.is_empty() {
        return;
    }
    let file: FileId = loaded.sources.add(place, text.clone());
    for ((start, end), message) in wrong {
        let finding = Finding::warning(RuleId::new(CODEOWNERS), Span::new(file, start..end), message)
            .help(format!("write the file again: weir entity codeowners --out {place}"));
        loaded.findings.push(finding);
    }
}
