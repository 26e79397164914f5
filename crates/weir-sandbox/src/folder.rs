//! A folder whose files are replaced whole or not at all, under a lock that works between processes.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    time::SystemTime,
};

use weir_ports::{ErrorKind, PortError};

/// The lock file, held by each process while it reads or writes. It contains the revision.
const LOCK: &str = ".lock";
/// The file that keeps the whole folder out of git.
const IGNORE: &str = ".gitignore";
/// The prefix of temporary files. A process that holds the lock for writing finds only files that killed processes
/// left.
const TEMPORARY: &str = ".new-";

pub(crate) struct Folder {
    path: PathBuf,
}

/// The right to read, or to read and write. It ends when dropped.
pub(crate) struct Lock {
    file: File,
    /// A number that changes before each write, so that a process notices when its remembered state is out of date.
    pub(crate) revision: u64,
}

/// Distinguishes contents of a file as well as a file system can, to notice edits by hand, which do not change the
/// revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
}

impl Folder {
    /// Opens the folder, and creates it if it is missing.
    pub(crate) fn make(path: &Path) -> Result<Self, PortError> {
        private_dir(path, false).map_err(|e| unavailable(path, "make", e))?;
        let path = path.canonicalize().map_err(|e| unavailable(path, "open", e))?;
        Ok(Self { path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps the folder out of git, because it contains secrets.
    pub(crate) fn keep_out_of_git(&self) -> Result<(), PortError> {
        let ignore = self.path.join(IGNORE);
        if ignore.exists() {
            return Ok(());
        }
        fs::write(&ignore, "*\n").map_err(|e| unavailable(&ignore, "write", e))
    }

    /// Waits until no other process writes, then locks for reading.
    pub(crate) fn lock_shared(&self) -> Result<Lock, PortError> {
        self.lock(File::lock_shared)
    }

    /// Waits for all other processes, then locks for reading and writing.
    pub(crate) fn lock_exclusive(&self) -> Result<Lock, PortError> {
        self.lock(File::lock)
    }

    fn lock(&self, how: fn(&File) -> io::Result<()>) -> Result<Lock, PortError> {
        let path = self.path.join(LOCK);
        let locked = || {
            let mut file =
                private_file(OpenOptions::new().read(true).write(true).create(true).truncate(false)).open(&path)?;
            how(&file)?;
            let mut text = String::new();
            file.read_to_string(&mut text)?;
            // A revision that a killed process left half-written is harmless: the next writer replaces it.
            Ok(Lock { file, revision: text.trim().parse().unwrap_or(0) })
        };
        locked().map_err(|e| unavailable(&path, "lock", e))
    }

    /// Removes files that killed processes left. Needs the lock for writing.
    pub(crate) fn tidy(&self, _: &Lock) -> Result<(), PortError> {
        let vaults = match fs::read_dir(self.path.join("vaults")) {
            Ok(entries) => entries.filter_map(Result::ok).map(|entry| entry.path()).collect(),
            Err(_) => Vec::new(),
        };
        for dir in vaults.iter().filter(|path| path.is_dir()).chain([&self.path]) {
            let entries = fs::read_dir(dir).map_err(|e| unavailable(dir, "read", e))?;
            for entry in entries.filter_map(Result::ok) {
                if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
                    fs::remove_file(entry.path()).map_err(|e| unavailable(&entry.path(), "remove", e))?;
                }
            }
        }
        Ok(())
    }

    /// Returns the names of all entries but the lock and `.gitignore`.
    pub(crate) fn names(&self) -> Result<Vec<String>, PortError> {
        let names = names_of(&self.path).map_err(|e| unavailable(&self.path, "read", e))?;
        Ok(names.filter(|name| name != LOCK && name != IGNORE).collect())
    }

    /// Returns the names of the entries of a folder in this folder; none if there is no such folder.
    pub(crate) fn names_in(&self, folder: &str) -> Result<Vec<String>, PortError> {
        let path = self.path.join(folder);
        match names_of(&path) {
            Ok(names) => Ok(names.collect()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(e) => Err(unavailable(&path, "read", e)),
        }
    }

    /// Returns a file's content; `None` if the file is missing.
    pub(crate) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, PortError> {
        let path = self.path.join(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(unavailable(&path, "read", e)),
        }
    }

    /// Returns a file's stamp; `None` if the file is missing.
    pub(crate) fn stamp(&self, name: &str) -> Option<Stamp> {
        let metadata = fs::metadata(self.path.join(name)).ok()?;
        Some(Stamp { length: metadata.len(), modified: metadata.modified().ok() })
    }

    /// Replaces a file, readable only by its owner. Creates the file's folder if needed. Needs the lock for writing.
    ///
    /// # Errors
    /// `Unavailable` if nothing was written, `Ambiguous` if the file may have been replaced.
    pub(crate) fn write(&self, lock: &mut Lock, name: &str, bytes: &[u8]) -> Result<(), PortError> {
        let path = self.path.join(name);
        let dir = path.parent().unwrap_or(&self.path);
        let file_name = path.file_name().unwrap_or_default().to_string_lossy();
        let temporary = dir.join(format!("{TEMPORARY}{file_name}"));
        let mut prepare = || {
            if dir != self.path {
                private_dir(dir, true)?;
            }
            lock.next_revision()?;
            let mut file = private_file(OpenOptions::new().write(true).create(true).truncate(true)).open(&temporary)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        prepare().map_err(|e| unavailable(&path, "write", e))?;
        let replace = || {
            fs::rename(&temporary, &path)?;
            sync_dir(dir)
        };
        replace()
            .map_err(|e| PortError::ambiguous(format!("cannot be sure that {} was written", path.display())).because(e))
    }
}

impl Lock {
    fn next_revision(&mut self) -> io::Result<()> {
        self.revision = self.revision.wrapping_add(1);
        self.file.seek(SeekFrom::Start(0))?;
        // The width is fixed, so that the new text covers the old one.
        self.file.write_all(format!("{:020}\n", self.revision).as_bytes())
    }
}

fn names_of(folder: &Path) -> io::Result<impl Iterator<Item = String>> {
    let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    Ok(fs::read_dir(folder)?.filter_map(Result::ok).map(name))
}

fn unavailable(path: &Path, verb: &str, error: io::Error) -> PortError {
    let kind = if error.kind() == io::ErrorKind::PermissionDenied { ErrorKind::Denied } else { ErrorKind::Unavailable };
    PortError::new(kind, format!("cannot {verb} {}", path.display())).because(error)
}

/// Creates a folder and its parents; with `private`, only the owner may enter it.
#[cfg(unix)]
fn private_dir(path: &Path, private: bool) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    if private {
        builder.mode(0o700);
    }
    if path.is_dir() {
        return Ok(());
    }
    builder.create(path)?;
    match path.parent() {
        // Without this, a crash could remove the new folder together with its files.
        Some(parent) if private => sync_dir(parent),
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
fn private_dir(path: &Path, _private: bool) -> io::Result<()> {
    fs::create_dir_all(path)
}

#[cfg(unix)]
fn private_file(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(0o600)
}

#[cfg(not(unix))]
fn private_file(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

#[cfg(unix)]
fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(not(unix))]
fn sync_dir(_path: &Path) -> io::Result<()> {
    Ok(())
}
