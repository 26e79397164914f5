use std::{collections::BTreeSet, fmt::Write as _, ops::Range};

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Patch, Renderer, Snippet};

use super::{
    inert,
    inert::inert_rendered,
    words::{line, more_places, some},
};
use crate::{Finding, Fix, Severity, SourceFile, Sources, Span, count};

/// Layout options of [`text`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// `true` to colour the output with ANSI escapes.
    pub color: bool,
    /// Width of the output in columns. Longer source lines are cut to the relevant part.
    pub width: usize,
}

impl Default for Style {
    /// No colour and 120 columns, for logs and files.
    fn default() -> Self {
        Self { color: false, width: 120 }
    }
}

/// Length in bytes above which a source line is named but not shown.
const LONGEST_LINE: usize = 4096;

/// Distance in lines up to which two places of one file are shown in one snippet.
const NEAR: usize = 12;

/// Maximum of related places that are shown for one finding; the rest are only counted.
const MOST_RELATED: usize = 10;

/// Renders findings as the Rust compiler does (source, caret, help), with an empty line between them.
pub fn text(findings: &[Finding], sources: &Sources, style: Style) -> String {
    let renderer = if style.color { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.term_width(style.width.max(40));
    let mut out = String::new();
    for finding in findings {
        // A fix is shown inside its line: the two can form a command that neither holds.
        let _ = writeln!(out, "{}\n", inert_rendered(renderer.render(&groups(finding, sources))));
    }
    out.pop();
    out
}

/// Returns a summary such as `2 errors, 1 warning in 3 files`, or `no findings`.
pub fn summary(findings: &[Finding]) -> String {
    let mut parts = Vec::new();
    for (severity, noun) in [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Info, "remark")] {
        match findings.iter().filter(|f| f.severity == severity).count() {
            0 => {}
            number => parts.push(count(number, noun)),
        }
    }
    if parts.is_empty() {
        return "no findings".to_owned();
    }
    let files = findings.iter().map(|f| f.at.file).collect::<BTreeSet<_>>().len();
    format!("{} in {}", parts.join(", "), count(files, "file"))
}

/// A place to show, with its label. `primary` marks the finding's own place.
struct Mark<'f> {
    at: Span,
    label: Option<&'f str>,
    primary: bool,
    lines: (usize, usize),
}

/// Returns the parts of a finding: the problem, then the fix if it can be shown.
fn groups<'f>(finding: &'f Finding, sources: &'f Sources) -> Vec<Group<'f>> {
    let change =
        finding.fix.as_ref().and_then(|fix| change(fix, finding.help.as_deref().unwrap_or(&fix.title), sources));
    let mut group = group(finding, sources);
    if let Some(note) = &finding.note {
        group = group.element(Level::NOTE.message(line(note)));
    }
    if let Some(help) = finding.help.as_ref().filter(|_| change.is_none()) {
        group = group.element(Level::HELP.message(line(help)));
    }
    std::iter::once(group).chain(change).collect()
}

fn group<'f>(finding: &'f Finding, sources: &'f Sources) -> Group<'f> {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Info => Level::INFO,
    };
    let mut group =
        level.primary_title(line(&finding.message)).id(inert(finding.rule.as_str())).elements(Vec::<Origin<'_>>::new());

    let mut marks = vec![mark(sources, finding.at, finding.label.as_deref(), true)];
    let (related, more) = some(&finding.related, MOST_RELATED);
    marks.extend(related.iter().map(|r| mark(sources, r.at, Some(&r.message), false)));
    while !marks.is_empty() {
        // The first mark opens a window; marks near it in the same file join it.
        let first = marks.remove(0);
        let (mut from, mut to) = first.lines;
        let mut shown = vec![first];
        marks = marks.into_iter().fold(Vec::new(), |mut later, mark| {
            let near = mark.at.file == shown[0].at.file && mark.lines.0 <= to + NEAR && from <= mark.lines.1 + NEAR;
            if near {
                (from, to) = (from.min(mark.lines.0), to.max(mark.lines.1));
                shown.push(mark);
            } else {
                later.push(mark);
            }
            later
        });
        group = window(group, sources, &shown, from, to);
    }
    if more > 0 {
        group = group.element(Level::NOTE.message(more_places(more)));
    }
    group
}

/// Returns the lines after the fix. A fix of very long lines or of several files is not shown.
fn change<'f>(fix: &'f Fix, title: &str, sources: &'f Sources) -> Option<Group<'f>> {
    let file = fix.edits.first()?.at.file;
    let (from, to) =
        fix.edits.iter().fold((u32::MAX, 0), |(from, to), edit| (from.min(edit.at.start), to.max(edit.at.end)));
    if fix.edits.iter().any(|edit| edit.at.file != file) {
        return None;
    }
    let file = sources.file(file);
    let from = file.position(from as usize).line;
    let to = file.position(to as usize).line;
    let range = file.lines(from, to);
    if file.text()[range.clone()].lines().any(|line| line.len() > LONGEST_LINE) {
        return None;
    }
    let shown = Shown::of(file, range);
    let patches: Vec<_> =
        fix.edits.iter().map(|edit| Patch::new(shown.moved(edit.at.range()), inert(&edit.text))).collect();
    let snippet = Snippet::source(shown.text).line_start(from).path(inert(file.path())).patches(patches);
    Some(Level::HELP.secondary_title(line(title)).element(snippet))
}

fn mark<'f>(sources: &Sources, at: Span, label: Option<&'f str>, primary: bool) -> Mark<'f> {
    let line = sources.position(at).line;
    Mark { at, label, primary, lines: (line, line) }
}

/// Shows lines `from` to `to` with the marks in them.
fn window<'f>(mut group: Group<'f>, sources: &'f Sources, marks: &[Mark<'f>], from: usize, to: usize) -> Group<'f> {
    let file = sources.file(marks[0].at.file);
    let range = file.lines(from, to);
    let source = &file.text()[range.clone()];
    if source.lines().any(|line| line.len() > LONGEST_LINE) {
        for mark in marks {
            let position = sources.position(mark.at);
            group = group.element(Origin::path(inert(file.path())).line(position.line).char_column(position.column));
            if let Some(label) = mark.label {
                group = group.element(Level::NOTE.message(line(label)));
            }
        }
        return group;
    }
    let shown = Shown::of(file, range.clone());
    let annotations: Vec<_> = marks
        .iter()
        .map(|mark| {
            let kind = if mark.primary { AnnotationKind::Primary } else { AnnotationKind::Context };
            kind.span(shown.moved(visible(file, mark.at))).label(mark.label.map(line))
        })
        .collect();
    group.element(Snippet::source(shown.text).line_start(from).path(inert(file.path())).annotations(annotations))
}

/// Lines of a file as they may be shown: without secrets, and harmless except for their line breaks.
struct Shown<'f> {
    file: &'f SourceFile,
    range: Range<usize>,
    text: String,
}

impl<'f> Shown<'f> {
    fn of(file: &'f SourceFile, range: Range<usize>) -> Self {
        let source = file.shown(range.clone());
        let mut text = String::with_capacity(source.len());
        for line in source.split_inclusive('\n') {
            let body = line.strip_suffix("\r\n").or_else(|| line.strip_suffix('\n')).unwrap_or(line);
            text.push_str(&inert(body));
            text.push_str(&line[body.len()..]);
        }
        Self { file, range, text }
    }

    /// Returns the range in `text` for a range of the file's bytes. A replaced character can have another length in
    /// bytes, so the mapping counts characters.
    fn moved(&self, at: Range<usize>) -> Range<usize> {
        let one = |offset: usize| {
            let mut offset = offset.clamp(self.range.start, self.range.end);
            while !self.file.text().is_char_boundary(offset) {
                offset -= 1;
            }
            let characters = self.file.text()[self.range.start..offset].chars().count();
            self.text.char_indices().nth(characters).map_or(self.text.len(), |(offset, _)| offset)
        };
        let start = one(at.start);
        start..one(at.end).max(start)
    }
}

/// Returns the part of `at` on its first line.
fn visible(file: &SourceFile, at: Span) -> Range<usize> {
    let line = file.position(at.start as usize).line;
    let line = file.lines(line, line);
    let start = (at.start as usize).clamp(line.start, line.end);
    start..(at.end as usize).clamp(start, line.end)
}
