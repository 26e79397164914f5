//! From text to [`Tape`]s, one document at a time.

use std::borrow::Cow;

use granit_parser::{Event, Options, Parser, ScalarStyle, Span as YamlSpan, StrInput, options};
use weir_findings::{FileId, Finding, Span};

use super::tape::{Node, NodeId, Shape, Tape, Trust};
use crate::rules;

/// Largest depth of a document, in containers. weir's own kinds need fewer than ten; deeper input is a mistake or an
/// attack.
const MAX_DEPTH: usize = 64;

/// Reads the documents of one file.
pub(crate) struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    file: FileId,
    text: &'a str,
    open: Vec<Open>,
    last_error: Option<usize>,
}

/// A container whose end has not been seen.
struct Open {
    node: NodeId,
    children: u32,
    mapping: bool,
}

impl Open {
    fn expects_key(&self) -> bool {
        self.mapping && self.children.is_multiple_of(2)
    }
}

/// The outcome of reading one document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Document {
    /// The tape holds the document.
    Read,
    /// The structure of the document is unknown; a finding says why.
    Broken,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(file: FileId, text: &'a str) -> Self {
        let options: Options =
            options! { emit_comments: false, emit_anchor_events: true, emit_unresolved_aliases: true };
        let parser = Parser::new_from_str_with_options(text, options);
        Self { parser, file, text, open: Vec::new(), last_error: None }
    }

    /// Reads the next document into `tape`; `None` behind the last.
    pub(crate) fn next(&mut self, tape: &mut Tape<'a>, findings: &mut Vec<Finding>) -> Option<Document> {
        tape.clear();
        self.open.clear();
        let mut last_end = 0;
        loop {
            let (event, span) = match self.parser.next_event()? {
                Ok(event) => event,
                Err(error) => {
                    let offset = error.marker().byte_offset().unwrap_or(self.text.len());
                    // The parser resumes behind an error; if it does not, the file ends here.
                    if self.last_error.replace(offset) == Some(offset) {
                        return None;
                    }
                    findings.push(syntax(self.char_at(offset), &error.info()));
                    return Some(self.give_up(tape, last_end));
                }
            };
            match event {
                Event::StreamEnd => return None,
                Event::DocumentEnd => return Some(Document::Read),
                Event::Scalar(text, style, _, tag) => {
                    if tag.is_some() {
                        findings.push(self.tag(span));
                    }
                    let (start, mut end) = range(span);
                    let shape = match style {
                        ScalarStyle::Plain => Shape::Plain,
                        _ => Shape::Quoted,
                    };
                    if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
                        let written = self.text.get(start as usize..end as usize).unwrap_or_default();
                        end = start + written.trim_end().len() as u32;
                    }
                    if end > start {
                        last_end = end;
                    }
                    let trust = self.scalar_trust(&text, shape, Span { file: self.file, start, end }, findings);
                    self.child();
                    let next = tape.nodes.len() as NodeId + 1;
                    tape.nodes.push(Node { text, start, end, next, shape, trust });
                }
                Event::SequenceStart(..) | Event::MappingStart(..) if self.open.len() == MAX_DEPTH => {
                    let (start, end) = range(span);
                    findings.push(Finding::error(
                        rules::YAML_FEATURE,
                        Span { file: self.file, start, end },
                        format!("nested deeper than {MAX_DEPTH} levels"),
                    ));
                    return Some(self.give_up(tape, last_end));
                }
                Event::SequenceStart(_, _, tag) => self.open(tape, Shape::Sequence, span, tag.is_some(), findings),
                Event::MappingStart(_, _, tag) => self.open(tape, Shape::Mapping, span, tag.is_some(), findings),
                Event::SequenceEnd | Event::MappingEnd => {
                    let (start, end) = range(span);
                    if end > start {
                        last_end = end;
                    }
                    self.close(tape, last_end, findings);
                }
                Event::Anchor(_, name) => findings.push(self.feature(
                    span,
                    format!("the anchor `&{name}` is not allowed"),
                    "write the value at each place; put settings that many topics share into a profile",
                )),
                Event::Alias(_) | Event::UnresolvedAlias(_) => {
                    let (start, end) = range(span);
                    last_end = end;
                    let name = self.text.get(start as usize..end as usize).unwrap_or("*");
                    findings.push(self.feature(
                        span,
                        format!("the alias `{name}` is not allowed"),
                        "write the value at each place; put settings that many topics share into a profile",
                    ));
                    let trust =
                        if self.open.last().is_some_and(Open::expects_key) { Trust::Skip } else { Trust::Anything };
                    self.child();
                    let next = tape.nodes.len() as NodeId + 1;
                    tape.nodes.push(Node { text: Cow::Borrowed(""), start, end, next, shape: Shape::Plain, trust });
                }
                _ => {}
            }
        }
    }

    fn open(&mut self, tape: &mut Tape<'a>, shape: Shape, span: YamlSpan, tagged: bool, findings: &mut Vec<Finding>) {
        if tagged {
            findings.push(self.tag(span));
        }
        let (start, end) = range(span);
        let node = tape.nodes.len() as NodeId;
        let trust = if self.open.last().is_some_and(Open::expects_key) { Trust::Skip } else { Trust::AsWritten };
        self.child();
        tape.nodes.push(Node { text: Cow::Borrowed(""), start, end, next: node, shape, trust });
        self.open.push(Open { node, children: 0, mapping: shape == Shape::Mapping });
    }

    fn close(&mut self, tape: &mut Tape<'a>, last_end: u32, findings: &mut Vec<Finding>) {
        let Some(Open { node, children, mapping }) = self.open.pop() else { return };
        let next = tape.nodes.len() as NodeId;
        let closed = &mut tape.nodes[node as usize];
        closed.next = next;
        closed.end = closed.start.max(last_end);
        if closed.trust == Trust::Skip {
            findings.push(Finding::error(
                rules::YAML_FEATURE,
                tape.span(self.file, node),
                "a key must be text, not a list or a mapping",
            ));
        }
        if mapping {
            duplicate_keys(tape, node, children / 2, self.file, findings);
        }
    }

    /// Counts a child of the innermost open container.
    fn child(&mut self) {
        if let Some(open) = self.open.last_mut() {
            open.children += 1;
        }
    }

    fn scalar_trust(&self, text: &str, shape: Shape, span: Span, findings: &mut Vec<Finding>) -> Trust {
        if shape != Shape::Plain || !self.open.last().is_some_and(Open::expects_key) {
            return Trust::AsWritten;
        }
        match text {
            "<<" => findings.push(
                Finding::error(rules::YAML_FEATURE, span, "the merge key `<<` is not allowed")
                    .help("write the fields at each place; put settings that many topics share into a profile"),
            ),
            "" | "~" | "null" | "Null" | "NULL" => {
                findings.push(Finding::error(rules::YAML_FEATURE, span, "a key must be text, not null"));
            }
            _ => return Trust::AsWritten,
        }
        Trust::Skip
    }

    fn tag(&self, span: YamlSpan) -> Finding {
        let span = span.tag_span().unwrap_or(span);
        let tag = span.slice(self.text).unwrap_or("!");
        self.feature(span, format!("the tag `{tag}` is not allowed"), "remove it; the field decides the value's type")
    }

    fn feature(&self, span: YamlSpan, message: String, help: &str) -> Finding {
        let (start, end) = range(span);
        Finding::error(rules::YAML_FEATURE, Span { file: self.file, start, end }, message).help(help)
    }

    /// Leaves a document in the middle; the tape keeps the part that was read.
    fn give_up(&mut self, tape: &mut Tape<'a>, last_end: u32) -> Document {
        let next = tape.nodes.len() as NodeId;
        for open in self.open.drain(..) {
            let node = &mut tape.nodes[open.node as usize];
            node.next = next;
            node.end = node.start.max(last_end);
        }
        // An error on the way is the next document's: `next` meets it again and reports it.
        let _ = self.parser.proceed_next_document();
        Document::Broken
    }

    /// The character at `offset`; the last one for an offset at or behind the end.
    fn char_at(&self, offset: usize) -> Span {
        let mut start = offset.min(self.text.len());
        while !self.text.is_char_boundary(start) {
            start -= 1;
        }
        let end = self.text[start..].chars().next().map_or(start, |c| start + c.len_utf8());
        Span::new(self.file, start..end)
    }
}

fn syntax(at: Span, message: &str) -> Finding {
    let finding = Finding::error(rules::YAML_SYNTAX, at, message);
    if message.contains("tab") { finding.help("indent with spaces") } else { finding }
}

fn range(span: YamlSpan) -> (u32, u32) {
    span.byte_range().map_or((0, 0), |range| (range.start as u32, range.end as u32))
}

/// Reports every key that a mapping has twice.
fn duplicate_keys(tape: &mut Tape<'_>, mapping: NodeId, entries: u32, file: FileId, findings: &mut Vec<Finding>) {
    /// Largest number of keys for which comparing all pairs is faster than sorting.
    const FEW: u32 = 12;
    let mut again: Vec<(NodeId, NodeId)> = Vec::new();
    if entries <= FEW {
        let mut seen = [0; FEW as usize];
        for (count, (key, _)) in tape.entries(mapping).enumerate() {
            let text = &tape.node(key).text;
            if let Some(first) = seen[..count].iter().find(|seen| tape.node(**seen).text == *text) {
                again.push((*first, key));
            }
            seen[count] = key;
        }
    } else {
        let mut keys: Vec<NodeId> = tape.entries(mapping).map(|(key, _)| key).collect();
        keys.sort_by(|a, b| tape.node(*a).text.cmp(&tape.node(*b).text));
        for same in keys.chunk_by(|a, b| tape.node(*a).text == tape.node(*b).text) {
            again.extend(same[1..].iter().map(|key| (same[0], *key)));
        }
    }
    for (first, key) in again {
        findings.push(
            Finding::error(
                rules::DUPLICATE_KEY,
                tape.span(file, key),
                format!("the key `{}` is here twice", tape.node(key).text),
            )
            .help("keep one of them")
            .related(tape.span(file, first), "the first one"),
        );
        tape.nodes[key as usize].trust = Trust::Skip;
    }
}
