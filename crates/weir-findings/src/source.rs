use std::{ops::Range, sync::OnceLock};

use crate::conceal;

/// Identifies one file of a [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// A place: a range of bytes in one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// Byte offset of the start.
    pub start: u32,
    /// Byte offset of the end, exclusive.
    pub end: u32,
}

impl Span {
    /// Makes a span over `range` of `file`.
    pub fn new(file: FileId, range: Range<usize>) -> Self {
        Self { file, start: range.start as u32, end: range.end as u32 }
    }

    /// Returns the span's range of bytes.
    pub fn range(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A line and a column, both counted from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// Path and text of a file.
#[derive(Debug)]
pub struct SourceFile {
    path: String,
    text: String,
    line_starts: OnceLock<Vec<u32>>,
    secrets: OnceLock<Vec<Range<usize>>>,
}

impl SourceFile {
    /// Returns the path as people see it: relative to the workspace, with `/`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns line and column of the byte `offset`. An offset beyond the end counts as the end.
    pub fn position(&self, offset: usize) -> Position {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let starts = self.line_starts();
        let line = starts.partition_point(|start| *start as usize <= offset);
        let start = starts[line - 1] as usize;
        Position { line, column: self.text[start..offset].chars().count() + 1 }
    }

    /// Returns the byte range of lines `first` to `last` (from 1), without the final line break. For lines beyond the
    /// end of the file the range is empty and at the end.
    pub(crate) fn lines(&self, first: usize, last: usize) -> Range<usize> {
        let starts = self.line_starts();
        let start = starts.get(first.saturating_sub(1)).map_or(self.text.len(), |start| *start as usize);
        let end = starts.get(last).map_or(self.text.len(), |next| *next as usize - 1).max(start);
        let cr = usize::from(self.text[start..end].ends_with('\r') && end < self.text.len());
        start..end - cr
    }

    /// Returns the ranges that look like a secret, in order.
    fn secrets(&self) -> &[Range<usize>] {
        self.secrets.get_or_init(|| conceal::secrets(&self.text))
    }

    /// Returns each secret that overlaps or touches `at`, and its part inside `at`.
    pub(crate) fn secrets_at(&self, at: Range<usize>) -> impl Iterator<Item = &str> {
        let touching = self.secrets().iter().filter(move |secret| secret.start <= at.end && at.start < secret.end);
        touching.flat_map(move |secret| {
            let common = secret.start.max(at.start)..secret.end.min(at.end);
            [self.text.get(secret.clone()), self.text.get(common)].into_iter().flatten()
        })
    }

    /// Returns the text of `range` with each character of a secret replaced by `*`. Line breaks stay.
    pub fn shown(&self, range: Range<usize>) -> String {
        let secrets = self.secrets();
        let mut next = secrets.partition_point(|secret| secret.end <= range.start);
        let mut out = String::with_capacity(range.len());
        for (at, c) in self.text[range.clone()].char_indices().map(|(at, c)| (at + range.start, c)) {
            while secrets.get(next).is_some_and(|secret| secret.end <= at) {
                next += 1;
            }
            let hidden = secrets.get(next).is_some_and(|secret| secret.contains(&at)) && !matches!(c, '\n' | '\r');
            out.push(if hidden { '*' } else { c });
        }
        out
    }

    fn line_starts(&self) -> &[u32] {
        self.line_starts.get_or_init(|| {
            std::iter::once(0)
                .chain(self.text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i as u32 + 1))
                .collect()
        })
    }
}

/// The files that findings point into.
#[derive(Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
}

impl Sources {
    /// Adds a file and returns its id. Spans cannot point into a file of more than 4 GiB.
    pub fn add(&mut self, path: impl Into<String>, text: impl Into<String>) -> FileId {
        let id = FileId(self.files.len() as u32);
        self.files.push(SourceFile {
            path: path.into(),
            text: text.into(),
            line_starts: OnceLock::new(),
            secrets: OnceLock::new(),
        });
        id
    }

    /// Returns the file with this id.
    ///
    /// # Panics
    /// If another `Sources` made `id`.
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.0 as usize]
    }

    /// Iterates over all files with their ids, in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        self.files.iter().enumerate().map(|(i, file)| (FileId(i as u32), file))
    }

    /// Returns the start of a span as line and column.
    pub fn position(&self, span: Span) -> Position {
        self.file(span.file).position(span.start as usize)
    }
}
