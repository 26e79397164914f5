//! Runs git on the repository of a workspace, and nothing that the repository brings.
//!
//! A repository's configuration can name programs: hooks, filters, a file-system monitor, commands for remotes. A list of
//! settings to switch off would never be complete, so git does not see the repository's configuration at all: it runs on a
//! temporary git folder with a configuration of weir's, which borrows the repository's refs, objects and index.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

/// The settings of a repository that git needs to read its files correctly. None of them names a program.
const KEPT: &str = "^(core\\.(filemode|symlinks|ignorecase|precomposeunicode|trustctime|checkstat|autocrlf|eol)\
                    |extensions\\.(objectformat|refstorage))$";

/// The parts of a repository that the temporary git folder borrows.
const BORROWED: [&str; 5] = ["refs", "packed-refs", "reftable", "shallow", "logs"];

/// The repository of a workspace, as git sees it.
pub(crate) struct Repository {
    /// The folder in which git is run.
    dir: PathBuf,
    /// The folder that holds `.git`.
    root: PathBuf,
    /// The repository's own git folder; in a linked worktree, the worktree's.
    own: PathBuf,
    /// The folder that holds the objects.
    common: PathBuf,
    /// The temporary git folder.
    safe: TempDir,
}

impl Repository {
    /// Finds the repository of `dir`: the nearest folder at or above it that holds `.git`. A bare repository is not taken
    /// for one, since a commit can hold its files; git refuses to commit a path called `.git`.
    ///
    /// # Errors
    /// If there is no repository, or no temporary folder.
    pub(crate) fn of(dir: &Path) -> io::Result<Self> {
        let dir = fs::canonicalize(dir)?;
        let none = || io::Error::new(io::ErrorKind::NotFound, "the folder is in no git repository");
        let root = root(&dir).ok_or_else(none)?.to_owned();
        let mut own = root.join(".git");
        if own.is_file() {
            let text = fs::read_to_string(&own)?;
            own = root.join(text.strip_prefix("gitdir:").ok_or_else(none)?.trim());
        }
        let common = match fs::read_to_string(own.join("commondir")) {
            Ok(path) => own.join(path.trim()),
            Err(_) => own.clone(),
        };
        let safe = TempDir::new()?;
        let found = Self { dir, root, own, common, safe };
        found.borrow()?;
        Ok(found)
    }

    /// Fills the temporary git folder.
    fn borrow(&self) -> io::Result<()> {
        let safe = self.safe.path();
        fs::write(safe.join("HEAD"), fs::read(self.own.join("HEAD"))?)?;
        for name in BORROWED {
            let part = self.common.join(name);
            if part.exists() {
                link(&part, &safe.join(name))?;
            }
        }
        for entry in fs::read_dir(&self.own)?.filter_map(Result::ok) {
            // A part of a split index.
            if entry.file_name().to_string_lossy().starts_with("sharedindex.") {
                link(&entry.path(), &safe.join(entry.file_name()))?;
            }
        }
        let mut config = String::from("[core]\n\trepositoryformatversion = 1\n\tbare = false\n");
        let file = self.common.join("config").into_os_string().into_string().unwrap_or_default();
        let kept = self.run(&["config", "--file", &file, "--no-includes", "-z", "--get-regexp", KEPT], None);
        for setting in kept.unwrap_or_default().split(|byte| *byte == 0) {
            let setting = String::from_utf8_lossy(setting);
            // A setting without a value is `true`.
            let (name, value) = setting.split_once('\n').unwrap_or((&setting, "true"));
            if let Some((section, name)) = name.split_once('.')
                && value.bytes().all(|byte| byte.is_ascii_alphanumeric())
            {
                config.push_str(&format!("[{section}]\n\t{name} = {value}\n"));
            }
        }
        fs::write(safe.join("config"), config)
    }

    /// Runs git with `input` on its standard input, and returns its output.
    ///
    /// # Errors
    /// If git cannot be run, or ends with an error.
    pub(crate) fn run(&self, args: &[&str], input: Option<Vec<u8>>) -> io::Result<Vec<u8>> {
        let mut child = self
            .command(args)
            .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        // A thread writes the input: git answers while it reads.
        let writer =
            child.stdin.take().zip(input).map(|(mut to, input)| std::thread::spawn(move || to.write_all(&input)));
        let output = child.wait_with_output()?;
        if let Some(writer) = writer {
            let _ = writer.join();
        }
        if !output.status.success() {
            return Err(io::Error::other(format!("`git {}` failed", args.join(" "))));
        }
        Ok(output.stdout)
    }

    fn command(&self, args: &[&str]) -> Command {
        let safe = self.safe.path();
        let mut git = weir_process::command("git", &[]);
        git.arg("--no-pager").args(args).current_dir(&self.dir);
        git.env("GIT_DIR", safe).env("GIT_WORK_TREE", &self.root);
        git.env("GIT_OBJECT_DIRECTORY", self.common.join("objects")).env("GIT_INDEX_FILE", self.own.join("index"));
        // No configuration of the machine or the user; older versions of git know the last way only.
        git.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_ATTR_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        git.env("HOME", safe).env("XDG_CONFIG_HOME", safe);
        // Reading must not wait for, or write, the index; an object that is not there must not be fetched.
        git.env("GIT_OPTIONAL_LOCKS", "0").env("GIT_NO_LAZY_FETCH", "1").env("GIT_ALLOW_PROTOCOL", "");
        git.env("GIT_TERMINAL_PROMPT", "0");
        git
    }
}

/// Returns the folder that holds `.git`: the nearest at or above `dir`, which is absolute.
pub(crate) fn root(dir: &Path) -> Option<&Path> {
    dir.ancestors().find(|folder| folder.join(".git").exists())
}

#[cfg(unix)]
fn link(target: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(not(unix))]
fn link(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "weir reads git repositories on Unix only"))
}
