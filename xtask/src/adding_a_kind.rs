//! The proof that `docs/adding-a-kind.md` says all that a new kind needs: a copy of the repository, changed by nothing but
//! the page, loads, validates and describes the page's kind.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    command::{cargo, root, run as run_command},
    tool,
};

const PAGE: &str = "docs/adding-a-kind.md";

/// Largest number of files that the page may change. A longer page means that the table of kinds is not good enough.
const MOST_FILES: usize = 7;

/// Files of a tree by path.
type Files = BTreeMap<String, Vec<u8>>;

pub(crate) fn run() -> Result<()> {
    let folder = tool::cache("adding-a-kind")?;
    fs::create_dir_all(&folder)?;
    // One at a time: all clones on this machine share the folder.
    let lock = fs::File::create(folder.join("lock"))?;
    lock.lock()?;

    let page = fs::read_to_string(root().join(PAGE))?;
    let changes = changes(&page)?;
    ensure!(changes.len() <= MOST_FILES, "{PAGE} changes {} files; at most {MOST_FILES} are allowed", changes.len());
    let mut files = tracked()?;
    for change in &changes {
        change.apply(&mut files).with_context(|| format!("{PAGE} does not fit {}", change.path))?;
    }
    let tree = Tree { tree: folder.join("tree"), target: folder.join("target") };
    tree.write(&files)?;

    // Expected files are blessed, as the page says. `weir-model` tests every kind of the table.
    let mut tests = tree.cargo(&["test", "--quiet", "--package", "weir-model", "--package", "weir-validation"]);
    run_command(tests.args(["--test", "it", "--test", "cases"]).env("WEIR_BLESS", "1").env("INSTA_UPDATE", "always"))?;
    run_command(&mut tree.cargo(&["build", "--quiet", "--package", "weir-validate"]))?;

    tree.expect_in("schemas/contact.schema.json", "A person or a group that answers questions.")?;
    tree.expect_in("schemas/weir.schema.json", "\"const\": \"Contact\"")?;
    tree.expect_in("docs/guide.md", "| `Contact` | A person or a group that answers questions. |")?;
    tree.expect_in("crates/weir-validation/tests/cases/contact-address/fail/findings.txt", "error[contact-address]")?;

    let validate = |spec: &str| tree.validate(&format!("kind: Contact\nmetadata: {{name: duty}}\nspec: {spec}\n"));
    let good = validate("{address: duty@example.com}")?;
    ensure!(good.contains("1 contact in 1 file"), "a contact is not counted:\n{good}");
    for (spec, finding) in [
        ("{address: duty}", "contact-address"),
        ("{addressee: duty@example.com}", "did you mean `address`?"),
        ("{urgent: true}", "`address` is missing"),
    ] {
        let found = validate(spec)?;
        ensure!(found.contains(finding), "`{spec}` gets no finding with `{finding}`:\n{found}");
    }
    let list = tree.validate("kind: Something\nmetadata: {name: a}\n")?;
    ensure!(list.contains("`Contact`"), "the list of kinds lacks the new one:\n{list}");
    println!("a kind takes {} files", changes.len());
    Ok(())
}

/// The files that git tracks, as they are on the disk.
fn tracked() -> Result<Files> {
    let out = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output().context("cannot start git")?;
    ensure!(out.status.success(), "`git ls-files` failed");
    let mut files = Files::new();
    for path in String::from_utf8(out.stdout)?.split('\0').filter(|path| !path.is_empty()) {
        // A file that was deleted and not committed yet is not there.
        if let Ok(bytes) = fs::read(root().join(path)) {
            files.insert(path.to_owned(), bytes);
        }
    }
    Ok(files)
}

/// The copy of the repository, and the folder it is built in.
struct Tree {
    tree: PathBuf,
    target: PathBuf,
}

impl Tree {
    /// Makes the tree hold these files alone. Files that do not change keep their time, so that little is built again.
    fn write(&self, files: &Files) -> Result<()> {
        fs::create_dir_all(&self.tree)?;
        remove_others(&self.tree, &self.tree, files)?;
        for (path, bytes) in files {
            let path = self.tree.join(path);
            if fs::read(&path).ok().as_ref() != Some(bytes) {
                fs::create_dir_all(path.parent().unwrap_or(&self.tree))?;
                fs::write(path, bytes)?;
            }
        }
        Ok(())
    }

    fn cargo(&self, args: &[&str]) -> Command {
        let mut cargo = cargo();
        cargo.args(args).current_dir(&self.tree).env("CARGO_TARGET_DIR", &self.target);
        cargo.env("CARGO_PROFILE_DEV_DEBUG", "0");
        cargo
    }

    fn expect_in(&self, path: &str, text: &str) -> Result<()> {
        let found = fs::read_to_string(self.tree.join(path)).with_context(|| format!("{path} was not written"))?;
        ensure!(found.contains(text), "{path} does not hold `{text}`");
        Ok(())
    }

    /// Validates a workspace with one more document, and returns all that is printed.
    fn validate(&self, document: &str) -> Result<String> {
        let workspace = self.target.join("workspace");
        fs::create_dir_all(&workspace)?;
        let settings = "apiVersion: weir/v1\nkind: Workspace\nmetadata: {name: city}\nspec:\n  \
                        clusters: {local: {sandbox: {path: .weir}}}\n  stages: [{name: dev, cluster: local}]\n";
        fs::write(workspace.join("weir.yaml"), format!("{settings}---\napiVersion: weir/v1\n{document}"))?;
        let program = self.target.join("debug").join(format!("weir-validate{}", std::env::consts::EXE_SUFFIX));
        let out = Command::new(program).current_dir(&workspace).env("NO_COLOR", "1").output()?;
        Ok(String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr))
    }
}

/// Removes files below `folder` that the tree does not hold.
fn remove_others(tree: &Path, folder: &Path, files: &Files) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            remove_others(tree, &path, files)?;
        } else if !files.contains_key(&path.strip_prefix(tree)?.to_string_lossy().replace('\\', "/")) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// A block of the page: a path, and places of that file with their new text.
#[derive(Debug, PartialEq)]
struct Change {
    path: String,
    /// The text before and after, for each place.
    hunks: Vec<(String, String)>,
}

/// Reads all blocks ```` ```diff ```` of the page. Places are separated by a line `@@`.
fn changes(page: &str) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    for block in page.split("```diff\n").skip(1) {
        let (block, _) = block.split_once("\n```").context("a block does not end")?;
        let (first, body) = block.split_once('\n').context("a block is empty")?;
        let path = first.strip_prefix("+++ ").with_context(|| format!("`{first}` names no file"))?;
        let mut hunks = vec![(String::new(), String::new())];
        for line in body.lines() {
            let (before, after) = hunks.last_mut().context("no place")?;
            let line = if line.is_empty() { " " } else { line };
            match line.split_at(1) {
                ("+", text) => *after += &format!("{text}\n"),
                ("-", text) => *before += &format!("{text}\n"),
                (" ", text) => [before, after].into_iter().for_each(|side| *side += &format!("{text}\n")),
                _ if line == "@@" => hunks.push((String::new(), String::new())),
                _ => bail!("`{line}` is no line of a diff"),
            }
        }
        changes.push(Change { path: path.to_owned(), hunks });
    }
    Ok(changes)
}

impl Change {
    /// Makes the change. The text before must stand in the file exactly once; an empty one makes a new file.
    fn apply(&self, files: &mut Files) -> Result<()> {
        for (before, after) in &self.hunks {
            if before.is_empty() {
                ensure!(!files.contains_key(&self.path), "the file is there already");
                files.insert(self.path.clone(), after.clone().into_bytes());
                continue;
            }
            let text = files.get(&self.path).context("there is no such file")?;
            let text = String::from_utf8(text.clone())?;
            ensure!(text.matches(before.as_str()).count() == 1, "this is not there exactly once:\n{before}");
            files.insert(self.path.clone(), text.replace(before.as_str(), after).into_bytes());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_applied() {
        let page = "a\n```diff\n+++ b\n x\n+y\n@@\n-z\n+w\n```\n```diff\n+++ c\n+new\n```\n";
        let changes = changes(page).unwrap();
        let mut files = Files::from([("b".to_owned(), b"x\nz\n".to_vec())]);
        changes.iter().for_each(|change| change.apply(&mut files).unwrap());
        let text = |path: &str| String::from_utf8(files[path].clone()).unwrap();
        assert_eq!([text("b"), text("c")], ["x\ny\nw\n", "new\n"]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(changes("```diff\n+++ b\n?\n```\n").is_err());
        assert!(changes("```diff\nb\n```\n").is_err());
        let change = Change { path: "b".to_owned(), hunks: vec![("x\n".to_owned(), "y\n".to_owned())] };
        assert!(change.apply(&mut Files::new()).is_err());
        assert!(change.apply(&mut Files::from([("b".to_owned(), b"x\nx\n".to_vec())])).is_err());
    }

    #[test]
    fn the_page_fits_the_repository() {
        let page = fs::read_to_string(root().join(PAGE)).unwrap();
        let changes = changes(&page).unwrap();
        assert!((1..=MOST_FILES).contains(&changes.len()));
        let mut files = tracked().unwrap();
        changes.iter().for_each(|change| change.apply(&mut files).unwrap());
    }
}
