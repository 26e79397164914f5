//! The journal: each action of a run, written down before the next one.
//!
//! A journal is for audit, and for naming in a receipt the steps that an earlier run had begun. No action depends
//! on it: the state is read again from the cluster and the vaults.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use weir_planning::{Digest, StepId};

/// A line of a journal. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    /// Time of the entry.
    pub at: Timestamp,
    /// The plan's digest.
    pub plan: Digest,
    /// The step; absent for the run as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    /// The event.
    pub event: Event,
    /// Key id, reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// The event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Event {
    /// The run began.
    RunStarted,
    /// The run ended; the detail says how.
    RunFinished,
    /// A step is about to be carried out.
    Started,
    /// An API key was created; the detail is its id.
    KeyCreated,
    /// An API key was deleted; the detail is its id.
    KeyDeleted,
    /// The system says that the step is done.
    Applied,
    /// The step was seen to be done.
    Verified,
    /// The step was done before.
    Already,
    /// The step failed.
    Failed,
    /// The step's object is neither as planned nor as wanted.
    Stale,
    /// The step was not started.
    Skipped,
    /// The step was not seen to be done within the deadline.
    Unconfirmed,
}

/// The place in which a run writes down its actions.
pub trait Journal: Send {
    /// Returns the entries of earlier runs, the oldest first.
    fn earlier(&self) -> &[Entry];

    /// Writes `entries`; when it returns they survive a loss of power.
    ///
    /// # Errors
    /// If the entries could not be written. The run starts nothing further then.
    fn append(&mut self, entries: &[Entry]) -> io::Result<()>;
}

/// A journal in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryJournal {
    /// The entries of earlier runs.
    pub earlier: Vec<Entry>,
    /// The entries of this run.
    pub entries: Vec<Entry>,
}

impl Journal for MemoryJournal {
    fn earlier(&self) -> &[Entry] {
        &self.earlier
    }

    fn append(&mut self, entries: &[Entry]) -> io::Result<()> {
        self.entries.extend_from_slice(entries);
        Ok(())
    }
}

/// A journal in a file of JSON lines that only its owner may read. Locked as long as it is open.
#[derive(Debug)]
pub struct FileJournal {
    file: File,
    earlier: Vec<Entry>,
}

/// A journal that cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum JournalError {
    /// Another deployment writes it.
    #[error("the journal {} is in use by another deployment; wait until it has ended", .0.display())]
    InUse(PathBuf),
    /// The file holds something else.
    #[error("{} is not a journal of weir: line {line} is not one of its entries; name another file", path.display())]
    NotAJournal {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// The disk says no.
    #[error("cannot use the journal {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
}

impl FileJournal {
    /// Opens the journal at `path`, making it when there is none.
    ///
    /// # Errors
    /// If another deployment has the file open, if it is not a journal, or if the disk fails.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let io = |source| JournalError::Io { path: path.to_owned(), source };
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(io)?;
        if !file.metadata().map_err(io)?.is_file() {
            return Err(io(io::Error::new(io::ErrorKind::InvalidInput, "it is no ordinary file")));
        }
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(JournalError::InUse(path.to_owned())),
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(io)?;
        let (earlier, whole) =
            parse(&text).map_err(|line| JournalError::NotAJournal { path: path.to_owned(), line })?;
        if whole < text.len() {
            file.set_len(whole as u64).map_err(io)?;
            file.seek(io::SeekFrom::End(0)).map_err(io)?;
        }
        // The name of a new file is only safe with its folder.
        #[cfg(unix)]
        File::open(path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")))
            .and_then(|folder| folder.sync_all())
            .map_err(io)?;
        Ok(Self { file, earlier })
    }
}

impl Journal for FileJournal {
    fn earlier(&self) -> &[Entry] {
        &self.earlier
    }

    fn append(&mut self, entries: &[Entry]) -> io::Result<()> {
        let mut lines = Vec::new();
        for entry in entries {
            serde_json::to_writer(&mut lines, entry)?;
            lines.push(b'\n');
        }
        self.file.write_all(&lines)?;
        self.file.sync_data()
    }
}

/// The entries of the journal at `path`. A last line that was cut off by a crash is left out.
///
/// # Errors
/// If there is no such file, or it is not a journal.
pub fn read(path: &Path) -> Result<Vec<Entry>, JournalError> {
    let text = std::fs::read(path).map_err(|source| JournalError::Io { path: path.to_owned(), source })?;
    parse(&text).map(|(entries, _)| entries).map_err(|line| JournalError::NotAJournal { path: path.to_owned(), line })
}

/// The entries, and how many bytes hold whole ones; or the first line that is none.
fn parse(text: &[u8]) -> Result<(Vec<Entry>, usize), usize> {
    const BEGINNING: &[u8] = br#"{"at":""#;
    let mut entries = Vec::new();
    let mut whole = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let number = entries.len() + 1;
        if !line.ends_with(b"\n") {
            // Cut off by a crash, or a foreign file: only text that begins as an entry may be dropped.
            let beginning = &line[..line.len().min(BEGINNING.len())];
            return if BEGINNING.starts_with(beginning) { Ok((entries, whole)) } else { Err(number) };
        }
        entries.push(serde_json::from_slice(line).map_err(|_| number)?);
        whole += line.len();
    }
    Ok((entries, whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(event: Event) -> Entry {
        Entry {
            at: "2026-01-02T03:04:05Z".parse().unwrap(),
            plan: Digest("sha256:00".into()),
            step: Some(StepId("create-topic a".into())),
            event,
            detail: None,
        }
    }

    #[test]
    fn a_line_is_short_and_stable() {
        let line = serde_json::to_string(&entry(Event::KeyCreated)).unwrap();
        insta::assert_snapshot!(line, @r#"{"at":"2026-01-02T03:04:05Z","plan":"sha256:00","step":"create-topic a","event":"key-created"}"#);
        assert_eq!(serde_json::from_str::<Entry>(&line).unwrap(), entry(Event::KeyCreated));
    }

    #[test]
    fn a_torn_last_line_is_dropped_at_every_length() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        FileJournal::open(&path).unwrap().append(&[entry(Event::Started), entry(Event::Applied)]).unwrap();
        let text = std::fs::read(&path).unwrap();
        let first = text.iter().position(|b| *b == b'\n').unwrap() + 1;
        for cut in first..text.len() {
            std::fs::write(&path, &text[..cut]).unwrap();
            assert_eq!(read(&path).unwrap(), [entry(Event::Started)], "cut at {cut}");
            let mut journal = FileJournal::open(&path).unwrap();
            assert_eq!(journal.earlier(), [entry(Event::Started)]);
            journal.append(&[entry(Event::Failed)]).unwrap();
            assert_eq!(read(&path).unwrap(), [entry(Event::Started), entry(Event::Failed)], "cut at {cut}");
        }
    }

    #[test]
    fn another_file_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes");
        for (text, line) in [("hello", 1), ("hello\n", 1), ("{\"a\": 1}", 1)] {
            std::fs::write(&path, text).unwrap();
            let error = FileJournal::open(&path).unwrap_err();
            assert!(matches!(error, JournalError::NotAJournal { line: at, .. } if at == line), "{error}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn one_writer_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let journal = FileJournal::open(&path).unwrap();
        assert!(matches!(FileJournal::open(&path), Err(JournalError::InUse(_))));
        drop(journal);
        FileJournal::open(&path).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        FileJournal::open(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
