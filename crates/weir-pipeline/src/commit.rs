use std::{io, path::Path};

use crate::git::Repository;

/// Returns the git commit of the entities under `dir`, with the ending `-dirty` if a YAML file or a `.weirignore`
/// differs from that commit.
///
/// `None` without git, a repository or a commit.
pub fn commit(dir: &Path) -> Option<String> {
    let repository = Repository::of(dir).ok()?;
    let head = repository.run(&["rev-parse", "--verify", "--quiet", "HEAD"], None).ok()?;
    // Git would run itself in a submodule, with the submodule's configuration.
    let mut status = vec!["status", "--porcelain", "--ignore-submodules=all", "--"];
    // Other files may differ: a plan in the folder must not change the digest of the next plan.
    status.extend(["*.yaml", "*.yml", ".weirignore", "*/.weirignore"]);
    let dirty = if repository.run(&status, None).ok()?.is_empty() { "" } else { "-dirty" };
    Some(format!("{}{dirty}", String::from_utf8_lossy(&head).trim()))
}

/// Returns the YAML files and the `.weirignore` of the workspace in `dir` at the git revision `revision`: path and content.
///
/// # Errors
/// The error of git.
pub(crate) fn files_at(dir: &Path, revision: &str) -> io::Result<Vec<(String, Vec<u8>)>> {
    let repository = Repository::of(dir)?;
    // A revision must not be taken for an option.
    let commit = format!("{revision}^{{commit}}");
    let commit = repository
        .run(&["rev-parse", "--verify", "--quiet", "--end-of-options", &commit], None)
        .map_err(|_| io::Error::new(io::ErrorKind::NotFound, format!("there is no git revision `{revision}`")))?;
    let commit = String::from_utf8_lossy(&commit).trim().to_owned();
    let tree = repository.run(&["ls-tree", "-r", "-z", &commit], None)?;
    let files: Vec<(String, String)> = tree.split(|byte| *byte == 0).filter_map(file).collect();
    // By id: a path could hold a new line, and with it the question for another object.
    let ids: String = files.iter().map(|(id, _)| format!("{id}\n")).collect();
    let contents = repository.run(&["cat-file", "--batch"], Some(ids.into_bytes()))?;
    let mut rest = contents.as_slice();
    files.into_iter().map(|(_, name)| Ok((name, next_object(&mut rest)?))).collect()
}

/// Returns id and path of a file for weir from a line `<mode> <kind> <id>\t<path>` of `git ls-tree`; `None` for links and
/// submodules.
fn file(line: &[u8]) -> Option<(String, String)> {
    let line = std::str::from_utf8(line).ok()?;
    let (object, path) = line.split_once('\t')?;
    let id = object.strip_prefix("100644 blob ").or_else(|| object.strip_prefix("100755 blob "))?;
    let name = path.to_ascii_lowercase();
    let is_ours = name.ends_with(".yaml") || name.ends_with(".yml") || name == ".weirignore";
    is_ours.then(|| (id.to_owned(), path.to_owned()))
}

/// Takes the next object from the output of `git cat-file --batch`: a line `<id> <kind> <size>`, the content, a new line.
fn next_object(rest: &mut &[u8]) -> io::Result<Vec<u8>> {
    let broken = || io::Error::new(io::ErrorKind::InvalidData, "the answer of git cannot be read");
    let end = rest.iter().position(|byte| *byte == b'\n').ok_or_else(broken)?;
    let line = String::from_utf8_lossy(&rest[..end]).into_owned();
    let size: usize = line.rsplit(' ').next().and_then(|size| size.parse().ok()).ok_or_else(broken)?;
    let content = rest.get(end + 1..end + 1 + size).ok_or_else(broken)?.to_vec();
    *rest = rest.get(end + 2 + size..).unwrap_or_default();
    Ok(content)
}
