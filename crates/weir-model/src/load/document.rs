//! One document as an entity.

use std::ops::Range;

use serde::de::DeserializeOwned;
use weir_findings::{Edit, FileId, Finding, Fix, RuleId, Span, closest, unmistakable};

use super::{
    Placed, Read,
    alternatives::{Alternatives, check_of},
    typed,
};
use crate::{
    API_VERSION, EntityRef, Kind, Origin,
    entity::*,
    kind::kinds,
    rules,
    yaml::{Document, NodeId, Shape, Tape, Trust, listed},
};

const FIELDS: [&str; 4] = ["apiVersion", "kind", "metadata", "spec"];

pub(super) struct DocumentReader<'r, 'a> {
    pub(super) file: FileId,
    pub(super) document: u32,
    pub(super) tape: &'r mut Tape<'a>,
    pub(super) read: &'r mut Read,
    /// The number of findings before this document.
    pub(super) before: usize,
}

macro_rules! read_kinds {
    ($($kind:ident {
        about: $about:literal,
        entity: $entity:ident,
        metadata: $metadata:ident,
        spec: $required:ident $spec:ident,
        field: $field:ident,
        planned: $planned:ident,
        alternatives: [$($check:ident)?],
        $($_:tt)*
    })*) => {
        impl DocumentReader<'_, '_> {
            fn of_kind(&mut self, kind: Kind) {
                match kind {
                    $(Kind::$kind => {
                        let entity = self.typed::<$metadata, $spec>(left_out!($required $spec), check_of!($($check)?));
                        self.read.$field.extend(entity);
                    })*
                }
            }
        }
    };
}

macro_rules! left_out {
    (required $spec:ident) => {
        None
    };
    (optional $spec:ident) => {
        Some($spec::default)
    };
}

kinds!(read_kinds);

impl DocumentReader<'_, '_> {
    /// Takes the document in, as an entity or as findings.
    pub(super) fn read(mut self, outcome: Document) {
        let kind = match outcome {
            // The part that could be read is enough to know that the entity is declared.
            Document::Broken => self.kind_written(),
            Document::Read => self.entity(),
        };
        if self.read.findings.len() > self.before
            && let (Some(kind), Some(name)) = (kind, self.text(&["metadata", "name"]))
        {
            let name = name.to_owned();
            self.read.malformed.insert(EntityRef::new(kind, name));
        }
    }

    fn entity(&mut self) -> Option<Kind> {
        let root = self.tape.nodes.first()?;
        if root.is_null() {
            return None;
        }
        if root.shape != Shape::Mapping {
            let range = root.start..root.end;
            self.error(
                rules::WRONG_TYPE,
                range,
                "expected an entity, a mapping with `apiVersion`, `kind`, `metadata` and `spec`",
            );
            return None;
        }
        let kind = self.kind();
        self.api_version();
        self.unknown_fields();
        self.of_kind(kind?);
        kind
    }

    fn kind_written(&self) -> Option<Kind> {
        let text = self.text(&["kind"])?;
        text.parse().ok()
    }

    fn kind(&mut self) -> Option<Kind> {
        let names = || Kind::ALL.into_iter().map(Kind::as_str);
        let Some((key, value)) = self.tape.entry(Tape::ROOT, "kind") else {
            let place = self.tape.root_name();
            let finding = self.error(rules::MISSING_FIELD, place, "`kind` is missing");
            finding.help = Some(format!("the kinds are {}", listed(names())));
            return None;
        };
        if let Some(kind) = self.kind_written() {
            return Some(kind);
        }
        let node = self.tape.node(value);
        if node.trust == Trust::Anything {
            return None;
        }
        let (range, message) = if node.is_scalar() && !node.is_null() {
            (node.start..node.end, format!("there is no kind `{}`", node.text))
        } else {
            (self.tape.name_of(Some(key), value), "expected the name of a kind".to_owned())
        };
        let help = match closest(&node.text, names()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("the kinds are {}", listed(names())),
        };
        let fix = unmistakable(&node.text, names()).filter(|_| node.is_scalar());
        let finding = self.error(rules::UNKNOWN_KIND, range, message);
        finding.help = Some(help);
        finding.fix = fix.map(|name| write(finding.at, name));
        None
    }

    fn api_version(&mut self) {
        let help = || Some(format!("write `apiVersion: {API_VERSION}`"));
        let Some((key, value)) = self.tape.entry(Tape::ROOT, "apiVersion") else {
            let place = self.tape.entry(Tape::ROOT, "kind").map(|(key, value)| self.tape.name_of(Some(key), value));
            let place = place.unwrap_or_else(|| self.tape.root_name());
            self.error(rules::API_VERSION, place, "`apiVersion` is missing").help = help();
            return;
        };
        let node = self.tape.node(value);
        if node.text != API_VERSION && node.trust == Trust::AsWritten {
            let (range, message) = if node.is_scalar() && !node.is_null() {
                (node.start..node.end, format!("there is no version `{}`", node.text))
            } else {
                (self.tape.name_of(Some(key), value), "expected the version of the format".to_owned())
            };
            // Another number is another version.
            let number = |text: &str| text.trim_end_matches(|c: char| c.is_ascii_digit()).len();
            let same_number = node.text.get(number(&node.text)..) == API_VERSION.get(number(API_VERSION)..);
            let fix = unmistakable(&node.text, [API_VERSION]).filter(|_| node.is_scalar() && same_number);
            let finding = self.error(rules::API_VERSION, range, message);
            finding.help = help();
            finding.fix = fix.map(|name| write(finding.at, name));
        }
    }

    fn unknown_fields(&mut self) {
        let unknown: Vec<NodeId> = self
            .tape
            .entries(Tape::ROOT)
            .map(|(key, _)| key)
            .filter(|key| !FIELDS.contains(&&*self.tape.node(*key).text))
            .collect();
        for key in unknown {
            let node = self.tape.node(key);
            let help = typed::field_help(&node.text, &FIELDS);
            let fix = typed::field_meant(self.tape, key, &FIELDS);
            let (range, message) = (node.start..node.end, format!("there is no field `{}`", node.text));
            let finding = self.error(rules::UNKNOWN_FIELD, range, message);
            finding.help = Some(help);
            finding.fix = fix.map(|name| write(finding.at, name));
        }
    }

    /// Returns the entity, if nothing in the document is wrong. `left_out` makes the spec that stands for none; without
    /// it, a spec is required.
    fn typed<M, S>(
        &mut self,
        left_out: Option<fn() -> S>,
        check: impl Fn(NodeId, &mut Alternatives<'_, '_>),
    ) -> Option<Placed<Entity<M, S>>>
    where
        M: DeserializeOwned,
        S: DeserializeOwned,
    {
        let metadata = match self.tape.entry(Tape::ROOT, "metadata") {
            Some((_, value)) => typed::read::<M>(self.tape, value, self.file, &mut self.read.findings),
            None => {
                let place = self.tape.root_name();
                self.error(rules::MISSING_FIELD, place, "`metadata` is missing");
                None
            }
        };
        let spec = match self.tape.entry(Tape::ROOT, "spec") {
            Some((_, value)) if left_out.is_none() || !self.tape.node(value).is_null() => {
                let spec = typed::read::<S>(self.tape, value, self.file, &mut self.read.findings);
                check(value, &mut Alternatives { tape: self.tape, file: self.file, findings: &mut self.read.findings });
                spec
            }
            None if left_out.is_none() => {
                let place = self.tape.root_name();
                self.error(rules::MISSING_FIELD, place, "`spec` is missing");
                None
            }
            _ => left_out.map(|make| make()),
        };
        if self.read.findings.len() > self.before {
            return None;
        }
        let name = self.tape.root_name();
        let origin = Origin { file: self.file, document: self.document };
        Some((
            Entity { metadata: metadata?, spec: spec?, origin },
            Span { file: self.file, start: name.start, end: name.end },
        ))
    }

    fn error(&mut self, rule: RuleId, at: Range<u32>, message: impl Into<String>) -> &mut Finding {
        let at = Span { file: self.file, start: at.start, end: at.end };
        self.read.findings.push(Finding::error(rule, at, message));
        let last = self.read.findings.len() - 1;
        &mut self.read.findings[last]
    }

    /// The text of the scalar at `path`, null being none.
    fn text(&self, path: &[&str]) -> Option<&str> {
        let mut at = Tape::ROOT;
        self.tape.nodes.first()?;
        for step in path {
            at = self.tape.entry(at, step)?.1;
        }
        let node = self.tape.node(at);
        (node.is_scalar() && !node.is_null()).then_some(&*node.text)
    }
}

/// The fix that writes `name` in place of what is there.
fn write(at: Span, name: &str) -> Fix {
    Fix { title: format!("write `{name}`"), edits: vec![Edit { at, text: name.to_owned() }] }
}
