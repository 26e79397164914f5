use std::{
    io::{self, Write as _},
    path::Path,
    process::{Command, Stdio},
};

/// Returns the git commit of the entities under `dir`, with the ending `-dirty` if a YAML file or a `.weirignore`
/// differs from that commit.
///
/// `None` without git, a repository or a commit.
pub fn commit(dir: &Path) -> Option<String> {
    let head = git(dir, &["rev-parse", "--verify", "--quiet", "HEAD"])?;
    // Other files may differ: a plan in the folder must not change the digest of the next plan.
    let changed = git(dir, &["status", "--porcelain", "--", "*.yaml", "*.yml", ".weirignore", "*/.weirignore"])?;
    let dirty = if changed.trim().is_empty() { "" } else { "-dirty" };
    Some(format!("{}{dirty}", head.trim()))
}

/// Returns the YAML files of the workspace in `dir` at the git revision `revision`: path and content.
///
/// # Errors
/// The error of git.
pub(crate) fn files_at(dir: &Path, revision: &str) -> io::Result<Vec<(String, Vec<u8>)>> {
    // A revision must not be taken for an option.
    let commit = format!("{revision}^{{commit}}");
    let commit = ask(dir, &["rev-parse", "--verify", "--quiet", "--end-of-options", &commit], None)
        .map_err(|_| io::Error::new(io::ErrorKind::NotFound, format!("there is no git revision `{revision}`")))?;
    let commit = String::from_utf8_lossy(&commit).trim().to_owned();
    let names = ask(dir, &["ls-tree", "-r", "-z", "--name-only", &commit], None)?;
    let names: Vec<String> = names
        .split(|byte| *byte == 0)
        .filter_map(|name| String::from_utf8(name.to_vec()).ok())
        .filter(|name| {
            let name = name.to_ascii_lowercase();
            name.ends_with(".yaml") || name.ends_with(".yml")
        })
        .collect();
    let objects: String = names.iter().map(|name| format!("{commit}:./{name}\n")).collect();
    let contents = ask(dir, &["cat-file", "--batch"], Some(objects.into_bytes()))?;
    let mut rest = contents.as_slice();
    names.into_iter().map(|name| Ok((name, next_object(&mut rest)?))).collect()
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

/// Runs git with `input` on its standard input, and returns its output.
fn ask(dir: &Path, args: &[&str], input: Option<Vec<u8>>) -> io::Result<Vec<u8>> {
    let mut child = Command::new("git")
        .arg("-C")
        .arg(dir)
        .args(args)
        .env("GIT_OPTIONAL_LOCKS", "0")
        .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    // A thread writes the input: git answers while it reads.
    let writer = child.stdin.take().zip(input).map(|(mut to, input)| std::thread::spawn(move || to.write_all(&input)));
    let output = child.wait_with_output()?;
    if let Some(writer) = writer {
        let _ = writer.join();
    }
    if !output.status.success() {
        return Err(io::Error::other(format!("`git {}` failed", args.join(" "))));
    }
    Ok(output.stdout)
}

fn git(dir: &Path, args: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(dir)
        .args(args)
        // Reading must not wait for, or write, the index.
        .env("GIT_OPTIONAL_LOCKS", "0")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
