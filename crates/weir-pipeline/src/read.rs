//! From a folder to the files of a workspace.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use ignore::{
    DirEntry, WalkBuilder,
    gitignore::{Gitignore, GitignoreBuilder},
};
use rayon::prelude::*;
use thiserror::Error;
use weir_findings::{FileId, Finding, RuleId, RulePage, Severity, Span, render::is_invisible, sort};
use weir_model::{Kind, Loaded};

use crate::codeowners;

/// Name of the file that lists paths to leave out, in the form of `.gitignore`.
const IGNORE_FILE: &str = ".weirignore";

/// Largest size of a file, in bytes; larger files are findings.
const LARGEST_FILE: u64 = 64 << 20;

/// Hidden folders of the workspace in which weir does not look for files: those of git and of the forges, where teams
/// have nothing, and weir's own. Git's is also that of submodules, in any folder.
const UNSEARCHED: [&str; 4] = [GIT, ".azuredevops", ".github", ".weir"];
const GIT: &str = ".git";

const HIDDEN: &str = "file-hidden";
const NAME: &str = "file-name";
const NOT_UTF8: &str = "file-not-utf8";
const SYMLINK: &str = "file-symlink";
const TOO_LARGE: &str = "file-too-large";
const UNREADABLE: &str = "file-unreadable";
const IGNORE: &str = "file-weirignore";

/// The pages of the findings that reading files can give.
pub(crate) const RULE_PAGES: &[RulePage] = &[
    RulePage {
        id: HIDDEN,
        severity: Severity::Error,
        waivable: None,
        title: "A hidden file with a document for weir",
        what: "weir does not read files whose names, or the names of whose folders, begin with a dot. Such a YAML file with a \
               document for weir is an error, except in the folders `.git`, `.github`, `.azuredevops` and `.weir` of the \
               workspace.",
        why: "A hidden document looks like a deleted one, and a reader of the folder does not see it.",
        bad: "",
        good: "",
        remedy: "Rename the file or folder, or name it in `.weirignore`. There is no example: the rule is about the name of a \
                 file.",
    },
    RulePage {
        id: NAME,
        severity: Severity::Error,
        waivable: None,
        title: "A file name that cannot be shown",
        what: "The path of a file that weir reads is UTF-8, without control characters and invisible characters.",
        why: "Such a name looks like another name in findings and reviews, and no line of CODEOWNERS can name it.",
        bad: "",
        good: "",
        remedy: "Rename the file or folder, or name it in `.weirignore`. There is no example: the rule is about the name of a \
                 file.",
    },
    RulePage {
        id: NOT_UTF8,
        severity: Severity::Error,
        waivable: None,
        title: "A file that is not UTF-8",
        what: "Files are text in UTF-8. The finding is at the first invalid byte.",
        why: "In another encoding, names would silently become other names.",
        bad: "",
        good: "",
        remedy: "Save the file as UTF-8 in your editor, or name it in `.weirignore`. There is no example: the rule is about the bytes of a file.",
    },
    RulePage {
        id: SYMLINK,
        severity: Severity::Error,
        waivable: None,
        title: "A symbolic link to a YAML file or to a folder",
        what: "weir does not follow symbolic links.",
        why: "A link could lead out of the repository, and findings would show the text of that file.",
        bad: "",
        good: "",
        remedy: "Replace the link by the file or folder, or name the link in `.weirignore`. There is no example: the rule is about the type of a file.",
    },
    RulePage {
        id: TOO_LARGE,
        severity: Severity::Error,
        waivable: None,
        title: "A file too large to be read",
        what: "Files have at most 64 MiB.",
        why: "A stray file must not exhaust the memory of a build agent.",
        bad: "",
        good: "",
        remedy: "Split the file, or name it in `.weirignore`. There is no example: the rule is about the size \
                 of a file.",
    },
    RulePage {
        id: IGNORE,
        severity: Severity::Error,
        waivable: None,
        title: "A `.weirignore` below the root of the workspace, or one that is not understood",
        what: "Only the `.weirignore` beside `weir.yaml` counts. Each of its lines is a pattern in the form of `.gitignore`.",
        why: "A file that is left out looks like one that was deleted. The decision to leave files out belongs to the owner of \
              the whole workspace, not to the owner of a folder.",
        bad: "",
        good: "",
        remedy: "Move the patterns to the `.weirignore` beside `weir.yaml`. There is no example: the rule is about the place of a \
                 file.",
    },
    RulePage {
        id: UNREADABLE,
        severity: Severity::Error,
        waivable: None,
        title: "A file or folder that cannot be read",
        what: "Every YAML file and every folder of a workspace must be readable.",
        why: "If weir skipped the file silently, its topics would look undeclared.",
        bad: "",
        good: "",
        remedy: "Make it readable, or name it in `.weirignore`. There is no example: the rule is about the \
                 rights to a file.",
    },
];

/// A folder that cannot be read as a workspace at all.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The folder does not exist or may not be read.
    #[error("the workspace `{}` cannot be read", .0.display())]
    Folder(PathBuf, #[source] io::Error),
    /// Git does not have the revision.
    #[error("the workspace `{}` cannot be read at that revision", .0.display())]
    Revision(PathBuf, #[source] io::Error),
}

/// The files and entities of a folder.
#[derive(Debug)]
#[must_use]
#[non_exhaustive]
pub struct ReadWorkspace {
    /// The folder.
    pub dir: PathBuf,
    /// The entities, and the findings about their form.
    pub loaded: Loaded,
    /// The YAML files that are not for weir (a pipeline's, Kubernetes'), relative to the folder, sorted.
    pub skipped: Vec<String>,
    /// The files that could not be read as text; each has a finding.
    pub unread: BTreeSet<FileId>,
}

enum Content {
    Ours(String),
    Theirs,
    Wrong { text: String, at: usize, rule: &'static str, message: String, help: &'static str },
}

/// Reads all `*.yaml` and `*.yml` files under `dir`, with endings in upper or lower case.
///
/// Left out are hidden files and folders, of which a document for weir is a finding, paths in the `.weirignore` beside `weir.yaml`, and files without a document for weir. A document is
/// for weir if its `apiVersion` begins with `weir`, or if it has one of weir's kinds and is not evidently for
/// Kubernetes. Files that git ignores are read: a file that is left out looks like one that was deleted. Symbolic links
/// are not followed, since they could lead out of the repository; a link to a YAML file or to a folder is a finding, as
/// is a file that cannot be read.
///
/// # Errors
/// If the folder itself cannot be read.
pub fn read(dir: &Path) -> Result<ReadWorkspace, ReadError> {
    std::fs::read_dir(dir).map_err(|err| ReadError::Folder(dir.to_owned(), err))?;
    let (left_out, mut wrong) = ignore_file(dir);
    let (mut paths, mut hidden) = (Vec::new(), Vec::new());
    let mut walk = WalkBuilder::new(dir);
    // No file but that one is about the files to leave out.
    walk.standard_filters(false).filter_entry(move |entry| {
        let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
        let is_unsearched = match entry.depth() {
            1 => UNSEARCHED.iter().any(|name| entry.file_name() == *name),
            _ => entry.file_name() == GIT,
        };
        entry.depth() == 0 || !is_unsearched && !left_out.matched(entry.path(), is_folder).is_ignore()
    });
    for entry in walk.build() {
        match entry {
            Ok(entry) if is_hidden(dir, entry.path()) => hidden.extend(is_yaml(&entry).then_some(entry)),
            Ok(entry) if entry.file_name() == IGNORE_FILE => {
                if entry.depth() > 1 {
                    wrong.push((relative(dir, entry.path()), nested_ignore_file()));
                }
            }
            Ok(entry) if is_yaml(&entry) || is_folder_link(&entry) => paths.push(entry),
            Ok(_) => {}
            Err(err) if err_path(&err).is_some_and(|path| is_hidden(dir, path)) => {}
            Err(err) => wrong.push(unreadable_folder(dir, &err)),
        }
    }
    let mut contents: Vec<(String, Content)> =
        paths.into_par_iter().map(|entry| (relative(dir, entry.path()), named_content(dir, &entry))).collect();
    contents.par_extend(hidden.into_par_iter().filter_map(|entry| match content(&entry) {
        Content::Ours(_) => Some((relative(dir, entry.path()), hidden_document())),
        Content::Theirs | Content::Wrong { .. } => None,
    }));
    contents.append(&mut wrong);
    let mut read = loaded(dir, contents);
    codeowners::check(dir, &mut read.loaded);
    sort(&mut read.loaded.findings, &read.loaded.sources);
    Ok(read)
}

/// Loads the files, and reports those that could not be read as text.
fn loaded(dir: &Path, mut contents: Vec<(String, Content)>) -> ReadWorkspace {
    contents.sort_by(|a, b| a.0.cmp(&b.0));
    let (mut files, mut skipped, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
    for (path, content) in contents {
        match content {
            Content::Ours(text) => files.push((path, text)),
            Content::Theirs => skipped.push(path),
            Content::Wrong { text, at, rule, message, help } => wrong.push((path, text, at, rule, message, help)),
        }
    }
    let mut loaded = weir_model::load(files);
    let mut unread = BTreeSet::new();
    for (path, text, at, rule, message, help) in wrong {
        let file = loaded.sources.add(path, text);
        unread.insert(file);
        loaded.findings.push(Finding::error(RuleId::new(rule), Span::new(file, at..at), message).help(help));
    }
    sort(&mut loaded.findings, &loaded.sources);
    ReadWorkspace { dir: dir.to_owned(), loaded, skipped, unread }
}

/// Reads the list of files to leave out; returns what is wrong with it, too.
fn ignore_file(dir: &Path) -> (Gitignore, Vec<(String, Content)>) {
    let path = dir.join(IGNORE_FILE);
    let fault = |rule, text: &str, at, message: String, help| {
        let wrong = Content::Wrong { text: text.to_owned(), at, rule, message, help };
        (Gitignore::empty(), vec![(IGNORE_FILE.to_owned(), wrong)])
    };
    match std::fs::symlink_metadata(&path) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => return (Gitignore::empty(), Vec::new()),
        Ok(meta) if meta.is_symlink() => {
            return fault(SYMLINK, "", 0, "symbolic links are not followed".to_owned(), "put its target here");
        }
        Ok(meta) if !meta.is_file() => {
            return fault(UNREADABLE, "", 0, "this cannot be read: it is not an ordinary file".to_owned(), "remove it");
        }
        _ => {}
    }
    let mut text = String::new();
    let read = File::open(&path).and_then(|file| file.take(LARGEST_FILE).read_to_string(&mut text));
    if let Err(err) = read {
        return fault(UNREADABLE, "", 0, format!("this cannot be read: {err}"), "make it readable");
    }
    patterns(dir, &text).map_or_else(
        |at| {
            fault(IGNORE, &text, at, "this is no pattern of `.gitignore`".to_owned(), "correct it, or delete the line")
        },
        |left_out| (left_out, Vec::new()),
    )
}

/// Returns the patterns in the text of a `.weirignore`, or the place of a line that is none.
fn patterns(dir: &Path, text: &str) -> Result<Gitignore, usize> {
    let mut builder = GitignoreBuilder::new(dir);
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        builder.add_line(None, line.trim_end_matches(['\n', '\r'])).map_err(|_| at)?;
        at += line.len();
    }
    builder.build().map_err(|_| 0)
}

fn nested_ignore_file() -> Content {
    Content::Wrong {
        text: String::new(),
        at: 0,
        rule: IGNORE,
        message: "only the `.weirignore` beside `weir.yaml` counts".to_owned(),
        help: "move its lines there",
    }
}

/// Reads the workspace in `dir` as it was in the git revision `revision`.
///
/// # Errors
/// If git does not have the revision.
pub fn read_at(dir: &Path, revision: &str) -> Result<ReadWorkspace, ReadError> {
    let files = crate::commit::files_at(dir, revision).map_err(|err| ReadError::Revision(dir.to_owned(), err))?;
    let listed = files.iter().find(|(path, _)| path == IGNORE_FILE).map(|(_, bytes)| String::from_utf8_lossy(bytes));
    let left_out = patterns(Path::new(""), &listed.unwrap_or_default()).unwrap_or_else(|_| Gitignore::empty());
    let is_left_out = |path: &str| {
        path.split('/').any(|part| part.starts_with('.'))
            || left_out.matched_path_or_any_parents(path, false).is_ignore()
    };
    let files = files.into_iter().filter(|(path, _)| path != IGNORE_FILE && !is_left_out(path));
    let contents = files.map(|(path, bytes)| {
        let content = named(Some(&path), text(&path, bytes));
        (path, content)
    });
    Ok(loaded(dir, contents.collect()))
}

fn is_yaml(entry: &DirEntry) -> bool {
    let yaml = |ext: &OsStr| ext.eq_ignore_ascii_case("yaml") || ext.eq_ignore_ascii_case("yml");
    let yaml = entry.path().extension().is_some_and(yaml);
    yaml && entry.file_type().is_some_and(|kind| !kind.is_dir())
}

/// Returns `true` for a symbolic link to a folder, except for the workspace's own folder.
fn is_folder_link(entry: &DirEntry) -> bool {
    entry.depth() > 0 && entry.path_is_symlink() && entry.path().is_dir()
}

/// Returns `path` as people read it: relative to the workspace, with `/`.
fn relative(dir: &Path, path: &Path) -> String {
    let path = path.strip_prefix(dir).unwrap_or(path);
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// Returns `true` if the file, or a folder on the way to it, is hidden. The `.weirignore` is not.
fn is_hidden(dir: &Path, path: &Path) -> bool {
    let path = path.strip_prefix(dir).unwrap_or(path);
    let hidden = |name: &OsStr| name.as_encoded_bytes().starts_with(b".") && name != IGNORE_FILE;
    path.iter().any(hidden)
}

fn hidden_document() -> Content {
    Content::Wrong {
        text: String::new(),
        at: 0,
        rule: HIDDEN,
        message: "weir does not read hidden files, and this one holds a document for weir".to_owned(),
        help: "rename it so that no part of its path begins with a dot, or name it in .weirignore",
    }
}

fn err_path(err: &ignore::Error) -> Option<&Path> {
    match err {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } => err_path(err),
        _ => None,
    }
}

fn unreadable_folder(dir: &Path, err: &ignore::Error) -> (String, Content) {
    let path = err_path(err).map_or(String::from("."), |path| relative(dir, path));
    let cause = err.io_error().map_or_else(|| err.to_string(), ToString::to_string);
    (path, unreadable(&cause))
}

fn unreadable(cause: &str) -> Content {
    Content::Wrong {
        text: String::new(),
        at: 0,
        rule: UNREADABLE,
        message: format!("this cannot be read: {cause}"),
        help: "make it readable, or name it in .weirignore",
    }
}

/// Returns the content of a file whose name can be shown.
fn named_content(dir: &Path, entry: &DirEntry) -> Content {
    let path = entry.path().strip_prefix(dir).unwrap_or(entry.path());
    named(path.to_str(), content(entry))
}

/// Returns the content of a file, unless its path cannot be shown; `None` for a path that is not UTF-8.
fn named(path: Option<&str>, content: Content) -> Content {
    let is_plain = path.is_some_and(|path| !path.contains(|c: char| c.is_control() || is_invisible(c)));
    match content {
        Content::Ours(_) if !is_plain => Content::Wrong {
            text: String::new(),
            at: 0,
            rule: NAME,
            message: "the name of this file has characters that cannot be shown".to_owned(),
            help: "rename the file or folder",
        },
        content => content,
    }
}

fn content(entry: &DirEntry) -> Content {
    let wrong = |rule, message: String, help| Content::Wrong { text: String::new(), at: 0, rule, message, help };
    if entry.path_is_symlink() {
        return wrong(
            SYMLINK,
            "symbolic links are not followed".to_owned(),
            "put its target here, or name the link in .weirignore",
        );
    }
    if !entry.file_type().is_some_and(|kind| kind.is_file()) {
        return unreadable("it is not an ordinary file");
    }
    let mut bytes = Vec::new();
    match File::open(entry.path()).and_then(|file| file.take(LARGEST_FILE + 1).read_to_end(&mut bytes)) {
        Err(err) => unreadable(&err.to_string()),
        Ok(size) if size as u64 > LARGEST_FILE => wrong(
            TOO_LARGE,
            format!("the file has more than {} MiB", LARGEST_FILE >> 20),
            "spread its entities over several files, or name it in .weirignore",
        ),
        Ok(_) => text(&entry.path().to_string_lossy(), bytes),
    }
}

/// Returns the content of a file as text, if it is for weir.
fn text(path: &str, bytes: Vec<u8>) -> Content {
    match String::from_utf8(bytes) {
        Ok(text) if is_ours(&text) || Path::new(path).ends_with("weir.yaml") => Content::Ours(text),
        Ok(_) => Content::Theirs,
        Err(err) => {
            let at = err.utf8_error().valid_up_to();
            let byte = err.as_bytes()[at];
            let text = String::from_utf8_lossy(&err.as_bytes()[..at]).into_owned();
            let message = format!("the byte 0x{byte:02x} is not UTF-8");
            Content::Wrong { text, at, rule: NOT_UTF8, message, help: "save the file as UTF-8" }
        }
    }
}

/// Returns `true` if any document of `text` is for weir. It looks only at the lines that begin with `apiVersion` and
/// `kind`, so it has an answer for files with mistakes as well.
fn is_ours(text: &str) -> bool {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut head = Head::default();
    for line in text.split(['\n', '\r']).chain(["---"]) {
        let line = match line.strip_prefix("---") {
            Some(rest) => {
                if std::mem::take(&mut head).is_ours() {
                    return true;
                }
                rest
            }
            None => line,
        };
        let content = line.trim_start_matches([' ', '\t']);
        if content.is_empty() || content.starts_with(['#', '%']) {
            continue;
        }
        let indent = line.len() - content.len();
        if *head.indent.get_or_insert(indent) != indent {
            continue;
        }
        match content.split_once(':') {
            // A document in braces may have its keys anywhere.
            _ if content.starts_with('{')
                && (text.contains("weir/") || Kind::ALL.iter().any(|kind| text.contains(kind.as_str()))) =>
            {
                return true;
            }
            // So may a document that begins with a dash, a tag, an anchor or a `?`: a mistake that must be reported.
            _ if content.starts_with(['-', '!', '&', '?']) && text.contains("apiVersion") && text.contains("weir/") => {
                return true;
            }
            Some((key, value)) => match scalar(key) {
                "apiVersion" => head.version = Some(scalar(value)),
                "kind" => head.kind = Some(scalar(value)),
                _ => {}
            },
            None => {}
        }
    }
    false
}

/// The fields in the outermost lines of a document.
#[derive(Default)]
struct Head<'a> {
    indent: Option<usize>,
    version: Option<&'a str>,
    kind: Option<&'a str>,
}

impl Head<'_> {
    fn is_ours(&self) -> bool {
        match (self.version, self.kind) {
            (Some(version), _) if is_weir(version) => true,
            (Some(version), Some(kind)) => is_kind(kind) && !is_kubernetes(version, kind),
            (None, Some(kind)) => is_kind(kind),
            _ => false,
        }
    }
}

fn is_kind(name: &str) -> bool {
    name.parse::<Kind>().is_ok()
}

fn is_weir(version: &str) -> bool {
    version.to_ascii_lowercase().starts_with("weir")
}

/// Returns a key or a value without its quotes, spaces and comment.
fn scalar(text: &str) -> &str {
    let text = text.split(" #").next().unwrap_or(text);
    text.trim().trim_matches(['"', '\''])
}

/// Returns `true` for a group with a domain (`kafka.strimzi.io/v1beta2`), and for `v1` with a kind of Kubernetes' `v1`.
fn is_kubernetes(version: &str, kind: &str) -> bool {
    match version.split_once('/') {
        None => version.starts_with('v') && ["ServiceAccount", "Policy"].contains(&kind),
        Some((group, _)) => group.contains('.'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_a_file_is() {
        for ours in [
            "apiVersion: weir/v1\nkind: Topic\n",
            "# a comment\n---\n\"apiVersion\": 'weir/v1' # ours\n",
            "apiVersion: v1\nkind: ConfigMap\n---\nkind: Team\napiVersion: weir/v2\n",
            "kind: Topic\nmetadata: {name: x}\n",
            "apiVersion: wier/v1\nkind: Topic\n",
            "kind: Topic\napiVersion: wier/v1\n",
            "{apiVersion: weir/v1, kind: Topic}",
            "{\n  \"apiVersion\": \"weir/v1\"\n}",
            "\u{feff}apiVersion: weir/v1\r\nkind: Topic\r\n",
            "apiVersion: weir/v1\nkind: [Topic\n",
            "  apiVersion: weir/v1\n  kind: Topic\n",
            "# a comment\n  kind: Topic\n  metadata:\n    name: x\n",
            "--- {apiVersion: weir/v1, kind: Topic}\n",
            "--- # a comment\napiVersion: weir/v1\n",
            "%YAML 1.2\n--- !!map\napiVersion: weir/v1\n",
            "kind: Topic\rapiVersion: weir/v1\r",
            "apiVersion: v1\nkind: Topic\n",
            "- apiVersion: weir/v1\n  kind: Topic\n",
            "? apiVersion\n: weir/v1\n",
        ] {
            assert!(is_ours(ours), "{ours}");
        }
        for theirs in [
            "",
            "trigger: [main]\nsteps:\n  - script: weir-plan --stage dev\n",
            "apiVersion: v1\nkind: ServiceAccount\n",
            "kind: ServiceAccount\napiVersion: v1\n",
            "apiVersion: kafka.strimzi.io/v1beta2\nkind: KafkaTopic\n",
            "apiVersion: kafka.example.org/v1\nkind: Topic\n",
            "services:\n  a:\n    kind: Topic\n",
            "{a: 1}\n",
            "- script: weir-plan\n  kind: Topic\n",
            "a:\n  apiVersion: weir/v1\n",
            "apiVersion: v1\nkind: ConfigMap\ndata:\n  x: |\n    apiVersion: weir/v1\n",
        ] {
            assert!(!is_ours(theirs), "{theirs}");
        }
    }
}
