//! The CODEOWNERS file of the repository that holds a workspace.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use weir_findings::{FileId, Finding, RuleId, RulePage, Severity, Span};
use weir_model::{EntityRef, Kind, Loaded, Route, Workspace};
use weir_ownership::{Ownership, Protected};

use crate::git;

const CODEOWNERS: &str = "codeowners";

pub(crate) const RULE_PAGE: RulePage = RulePage {
    id: CODEOWNERS,
    severity: Severity::Warning,
    waivable: Some(Severity::Warning),
    title: "CODEOWNERS says what weir.yaml says",
    what: "If the repository has a file CODEOWNERS, and `weir.yaml` has `ownership`, then the owners of each file are the \
           `reviewers` of the team whose path it is in. This is checked for the files there are, for new ones, for the \
           pipelines and for CODEOWNERS itself. The file is an ordinary file of at most 1 MiB, and each team has \
           `reviewers`.",
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

/// Largest size of a file CODEOWNERS, in bytes. GitHub's own limit is 3 MB; a generated file has a line for each team.
const LARGEST_FILE: u64 = 1 << 20;

/// Returns the path of the committed CODEOWNERS file from the root of the repository, and its text or the reason why it
/// cannot be read.
pub fn committed_codeowners(root: &Path) -> Option<(&'static str, io::Result<String>)> {
    let place = PLACES.into_iter().find(|place| {
        // GitHub does not look behind a link in the place of a folder.
        let path = root.join(place);
        let in_folder = path.parent().is_some_and(|folder| folder == root || !folder.is_symlink());
        in_folder && path.symlink_metadata().is_ok()
    })?;
    Some((place, read_codeowners(&root.join(place))))
}

/// Returns the text of a file CODEOWNERS.
///
/// # Errors
/// If the file is a link, is no ordinary file, is larger than 1 MiB or cannot be read.
pub fn read_codeowners(path: &Path) -> io::Result<String> {
    let meta = path.symlink_metadata()?;
    if meta.is_symlink() {
        // The link could lead to any file, and findings would show its lines.
        return Err(io::Error::other("it is a symbolic link"));
    }
    if !meta.is_file() {
        return Err(io::Error::other("it is not an ordinary file"));
    }
    let mut text = String::new();
    match File::open(path)?.take(LARGEST_FILE + 1).read_to_string(&mut text)? {
        size if size as u64 > LARGEST_FILE => Err(io::Error::other("it is larger than 1 MiB")),
        _ => Ok(text),
    }
}

/// A line of a file CODEOWNERS: a pattern of paths, and their reviewers.
struct Line<'t> {
    pattern: &'t str,
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
            let (pattern, owners) = said.split_at(end_of_pattern(said));
            let owners = owners.split_whitespace().collect();
            all.push(Line { pattern, owners, start, end: start + line.trim_end().len() });
        }
        start += line.len();
    }
    all
}

/// Returns the place of the first blank without a `\` before it.
fn end_of_pattern(line: &str) -> usize {
    let blank = |(at, c): &(usize, char)| c.is_whitespace() && !line[..*at].ends_with('\\');
    line.char_indices().find(blank).map_or(line.len(), |(at, _)| at)
}

/// Patterns of CODEOWNERS in their order. All are asked at once, since files can have thousands of lines.
struct Patterns {
    all: Gitignore,
    /// The number of the last pattern with a text.
    numbers: BTreeMap<String, usize>,
}

impl Patterns {
    /// Returns `None` if there are more patterns than can be compared. A pattern that GitHub does not understand matches
    /// nothing.
    fn new<'t>(patterns: impl Iterator<Item = &'t str>) -> Option<Self> {
        let mut builder = GitignoreBuilder::new("");
        let mut numbers = BTreeMap::new();
        for (number, pattern) in patterns.enumerate() {
            if pattern.starts_with('!') || pattern.contains('[') {
                continue;
            }
            for text in [Some(pattern.to_owned()), below(pattern)].into_iter().flatten() {
                if builder.add_line(None, &text).is_ok() {
                    numbers.insert(text, number);
                }
            }
        }
        Some(Self { all: builder.build().ok()?, numbers })
    }

    /// Returns the number of the last pattern that matches the path of a file.
    fn last(&self, path: &str) -> Option<usize> {
        let found = self.all.matched(path, false);
        self.numbers.get(found.inner()?.original()).copied()
    }
}

/// Returns the pattern of everything in the folders that a pattern matches. `docs/*` is about files only.
fn below(pattern: &str) -> Option<String> {
    if pattern.ends_with('*') {
        return None;
    }
    let folder = pattern.trim_end_matches('/');
    let anywhere = if folder.contains('/') { "" } else { "**/" };
    Some(format!("{anywhere}{folder}/**"))
}

/// Returns paths that a pattern matches, for the comparison: a pattern for all folders is tried in `folders`.
fn samples(pattern: &str, folders: &[&str]) -> Vec<String> {
    let any = pattern.trim_start_matches("**/");
    let body = any.trim_end_matches('/');
    let mut name = body.trim_start_matches('/').replace("\\ ", " ").replace("**", "any").replace('*', "any");
    if any.ends_with('/') {
        name.push_str("/new.yaml");
    }
    let in_all_folders = any.len() < pattern.len() || !body.contains('/');
    let folders = if in_all_folders { folders } else { &[""] };
    folders.iter().map(|folder| format!("{folder}{name}")).collect()
}

/// Adds a warning for each line of a committed CODEOWNERS file that contradicts the workspace.
pub(crate) fn check(dir: &Path, loaded: &mut Loaded) {
    let Some(workspace) = loaded.workspace.as_ref() else { return };
    let Some(ownership) = Ownership::of(workspace) else { return };
    let (root, folder) = place_in_repository(dir);
    let Some((place, read)) = committed_codeowners(&root) else { return };
    let mut wrong = Vec::new();
    let text = match read {
        Ok(text) => {
            contradictions(&ownership, workspace, &folder, (place, &text), &mut wrong);
            text
        }
        Err(err) => {
            let message = format!("`{place}` cannot be compared with weir.yaml: {err}");
            wrong.push(((0, 0), message));
            String::new()
        }
    };
    let mut findings = Vec::new();
    for team in ownership.protected(&folder).into_iter().filter(|team| team.reviewers.is_empty()) {
        let at = loaded.locate(&Route::name(EntityRef::new(Kind::Team, team.team)));
        let message =
            format!("team `{}` has no `reviewers`, so weir cannot compare its paths with `{place}`", team.team);
        let help = "write `reviewers: [\"@organisation/team\"]` under `spec`";
        findings.push(Finding::warning(RuleId::new(CODEOWNERS), at, message).help(help));
    }
    if !wrong.is_empty() {
        let file: FileId = loaded.sources.add(place, text);
        findings.extend(wrong.into_iter().map(|((start, end), message)| {
            Finding::warning(RuleId::new(CODEOWNERS), Span::new(file, start..end), message)
                .help(format!("write the file again: weir entity codeowners --out {place}"))
        }));
    }
    loaded.findings.append(&mut findings);
}

/// Adds the lines of a file CODEOWNERS that contradict the workspace, each with its bytes. The comparison needs paths: those
/// of the workspace, new ones in each place that matters, and one for each line of the file.
fn contradictions(
    ownership: &Ownership<'_>,
    workspace: &Workspace,
    folder: &str,
    (place, text): (&str, &str),
    wrong: &mut Vec<((usize, usize), String)>,
) {
    let protected = ownership.protected(folder);
    let wanted: Vec<(&Protected<'_>, String)> =
        protected.iter().flat_map(|team| team.paths.iter().map(move |path| (team, path.replace(' ', "\\ ")))).collect();
    let found = lines(text);
    let wanted_patterns = Patterns::new(wanted.iter().map(|(_, pattern)| pattern.as_str()));
    let found_patterns = Patterns::new(found.iter().map(|line| line.pattern));
    let (Some(wanted_patterns), Some(found_patterns)) = (wanted_patterns, found_patterns) else {
        let message = format!("`{place}` cannot be compared with weir.yaml: it has too many patterns");
        return wrong.push(((0, 0), message));
    };

    let inside = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    let in_workspace = ["weir.yaml", ".weirignore", "new.yaml", "policy-tests/new.yaml"].map(str::to_owned);
    let in_workspace = in_workspace.into_iter().chain(workspace.paths.iter().cloned()).chain(ownership.examples());
    let folders = ["", &inside, ".github/workflows/"];
    let mut paths: BTreeSet<String> = in_workspace.map(|path| format!("{inside}{path}")).collect();
    paths.extend(
        [place, ".github/workflows/new.yaml", ".azuredevops/new.yaml", "azure-pipelines.yml"].map(str::to_owned),
    );
    paths.extend(found.iter().flat_map(|line| samples(line.pattern, &folders)));

    let listed = |owners: &BTreeSet<&str>| match owners.is_empty() {
        true => "nobody".to_owned(),
        false => owners.iter().map(|owner| format!("`{owner}`")).collect::<Vec<_>>().join(", "),
    };
    let mut told = BTreeSet::new();
    for path in paths {
        // A path beside the workspace is no concern of weir's, and a team without reviewers has a warning of its own.
        let team = wanted_patterns.last(&path).and_then(|number| wanted.get(number)).map(|(team, _)| team);
        let Some(team) = team.filter(|team| !team.reviewers.is_empty()) else { continue };
        let expected: BTreeSet<&str> = team.reviewers.iter().map(String::as_str).collect();
        let line = found_patterns.last(&path).and_then(|number| found.get(number));
        let owners = line.map(|line| line.owners.clone()).unwrap_or_default();
        let at = line.map_or((0, 0), |line| (line.start, line.end));
        if owners == expected || !told.insert((team.team, at)) {
            continue;
        }
        let (needed, given) = (listed(&expected), listed(&owners));
        let message = format!("`{path}` belongs to team `{}` ({needed}), but is reviewed by {given}", team.team);
        wrong.push((at, message));
    }
}
