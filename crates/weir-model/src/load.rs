//! From files to entities.

mod alternatives;
mod document;
mod typed;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use rayon::prelude::*;
use weir_findings::{FileId, Finding, RuleId, SourceFile, Sources, Span};

use self::document::DocumentReader;
use crate::{
    EntityRef, Kind, Origin, Route, Workspace,
    entity::*,
    kind::kinds,
    rules,
    yaml::{Reader, Shape, Tape},
};

/// The entities of a workspace, and the findings about their form.
#[derive(Debug)]
pub struct Loaded {
    /// The entities that are well formed. Absent when there is no well-formed `Workspace`.
    pub workspace: Option<Workspace>,
    /// The entities that are declared but not well formed, each with a finding. They are not in `workspace`; a
    /// reference to one of them leads somewhere.
    pub malformed: BTreeSet<EntityRef>,
    /// The files, by path.
    pub sources: Sources,
    /// The findings about the form of the files, sorted.
    pub findings: Vec<Finding>,
    /// Files that were read again to locate something in them.
    reread: Mutex<BTreeMap<FileId, Arc<Documents>>>,
}

/// The documents of a file.
#[derive(Debug, Default)]
struct Documents {
    tapes: Vec<Tape<'static>>,
    /// The first byte of each document that has content, with the number of the document; sorted.
    begins: Vec<(u32, u32)>,
}

impl Documents {
    fn get(&self, index: u32) -> Option<&Tape<'static>> {
        self.tapes.get(index as usize)
    }

    /// Returns the number of the document around a byte; `None` in front of the first one.
    fn at(&self, offset: u32) -> Option<u32> {
        let next = self.begins.partition_point(|(start, _)| *start <= offset);
        self.begins.get(next.checked_sub(1)?).map(|(_, index)| *index)
    }
}

impl Loaded {
    /// Returns the place of a route: the longest part of it that exists in the file. The place of a missing value is
    /// the key above it. The place of an entity outside the workspace is the beginning of the workspace.
    ///
    /// The first call for a file reads it again; loading keeps no places.
    pub fn locate(&self, route: &Route) -> Span {
        let file = FileId(0);
        let Some(origin) = self.workspace.as_ref().and_then(|w| w.origin(&route.entity)) else {
            return Span { file, start: 0, end: 0 };
        };
        let documents = self.documents(origin.file);
        let range = documents.get(origin.document).map_or(0..0, |tape| {
            let part =
                route.within.and_then(|part| tape.part(&route.path, self.sources.file(origin.file).text(), part));
            part.unwrap_or_else(|| tape.locate(&route.path, route.key))
        });
        Span { file: origin.file, start: range.start, end: range.end }
    }

    /// Returns the place of a route in `stage`: in the stage's overlay, if the value is written there.
    pub fn locate_in_stage(&self, route: &Route, stage: &str) -> Span {
        let overlay = route.path.strip_prefix(&["spec".to_owned()]).map(|rest| Route {
            path: ["spec", "stages", stage].into_iter().map(str::to_owned).chain(rest.iter().cloned()).collect(),
            ..route.clone()
        });
        let written = |overlay: &Route| {
            let origin = self.workspace.as_ref().and_then(|w| w.origin(&overlay.entity));
            origin
                .is_some_and(|at| self.documents(at.file).get(at.document).is_some_and(|tape| tape.has(&overlay.path)))
        };
        self.locate(overlay.filter(written).as_ref().unwrap_or(route))
    }

    /// Returns the lines of an entity, with its file.
    pub fn extent(&self, entity: &EntityRef) -> Option<Span> {
        let origin = self.workspace.as_ref()?.origin(entity)?;
        let documents = self.documents(origin.file);
        let root = documents.get(origin.document)?.nodes.first()?;
        Some(Span { file: origin.file, start: root.start, end: root.end })
    }

    /// Returns the files with blanks in place of the entities of other kinds, and without comments for weir. Places
    /// stay as they are.
    pub fn files_with(&self, kinds: &[Kind]) -> Vec<(String, String)> {
        let Some(workspace) = &self.workspace else { return Vec::new() };
        let mut texts: Vec<(String, Vec<u8>)> =
            self.sources.iter().map(|(_, file)| (file.path().to_owned(), file.text().as_bytes().to_vec())).collect();
        for entity in workspace.entities().filter(|entity| !kinds.contains(&entity.kind)) {
            let Some(Span { file, start, end }) = self.extent(&entity) else { continue };
            let covered =
                texts.get_mut(file.0 as usize).and_then(|(_, text)| text.get_mut(start as usize..end as usize));
            covered.into_iter().flatten().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
        }
        let text = |bytes| String::from_utf8(bytes).unwrap_or_default().replace("# weir:", "#      ");
        texts.into_iter().map(|(path, bytes)| (path, text(bytes))).collect()
    }

    /// Returns the index of the document around the byte `offset` of a file, from 0; `None` in front of the first one.
    pub fn document_at(&self, file: FileId, offset: u32) -> Option<u32> {
        self.documents(file).at(offset)
    }

    /// Returns `true` if the byte `offset` of a file is inside of a text: a block of lines, or between quotes. There, a
    /// `#` begins no comment.
    pub fn is_text_at(&self, file: FileId, offset: u32) -> bool {
        let text = self.sources.file(file).text();
        let documents = self.documents(file);
        let Some(tape) = documents.at(offset).and_then(|index| documents.get(index)) else { return false };
        // Nodes are in the order of their beginnings, and nothing begins inside of a text.
        let next = tape.nodes.partition_point(|node| node.start <= offset);
        let Some(node) = next.checked_sub(1).and_then(|last| tape.nodes.get(last)) else { return false };
        let before = text.get(node.start as usize..offset as usize).unwrap_or_default();
        // A comment may follow what opens a block.
        let opens_block = before.starts_with(['|', '>']) && !before.contains('\n');
        node.shape == Shape::Quoted && offset < node.end && !opens_block
    }

    fn documents(&self, file: FileId) -> Arc<Documents> {
        // A thread that panics while it holds the lock leaves nothing half done.
        let mut reread = self.reread.lock().unwrap_or_else(PoisonError::into_inner);
        let read = || {
            let mut reader = Reader::new(file, self.sources.file(file).text());
            let mut documents = Documents::default();
            let mut tape = Tape::default();
            for index in 0.. {
                if reader.next(&mut tape, &mut Vec::new()).is_none() {
                    break;
                }
                documents.begins.extend(tape.nodes.first().map(|root| (root.start, index)));
                documents.tapes.push(std::mem::take(&mut tape).into_owned());
            }
            Arc::new(documents)
        };
        reread.entry(file).or_insert_with(read).clone()
    }
}

/// Reads all files of a workspace, given as path (relative, with `/`) and text, in any order.
///
/// All findings about the form of the files are reported at once, each at its place. The meaning of the files is not
/// judged here. The outcome does not depend on the order of files.
///
/// ```
/// let loaded = weir_model::load([
///     ("weir.yaml", "
/// apiVersion: weir/v1
/// kind: Workspace
/// metadata: {name: cps}
/// spec:
///   clusters: {local: {sandbox: {path: .weir/local}}}
///   stages: [{name: dev, cluster: local}]
/// "),
///     ("teams/toll.yaml", "
/// apiVersion: weir/v1
/// kind: Topic
/// metadata: {name: toll.transactions.v1, team: toll}
/// spec: {partitons: 6}
/// "),
/// ]);
/// let finding = &loaded.findings[0];
/// assert_eq!(finding.message, "there is no field `partitons`");
/// assert_eq!(finding.help.as_deref(), Some("did you mean `partitions`?"));
/// assert_eq!(loaded.sources.position(finding.at).line, 5);
/// ```
pub fn load<P: Into<String>, T: Into<String>>(files: impl IntoIterator<Item = (P, T)>) -> Loaded {
    load_where(files, |_| true)
}

/// A well-formed document, before entities with the same name are compared.
#[derive(Clone, Copy, Debug)]
pub struct Declared<'a> {
    /// The path of the file.
    pub path: &'a str,
    /// The kind of the entity.
    pub kind: Kind,
    /// The name of the entity.
    pub name: &'a str,
    /// The team that the document says the entity belongs to; `None` for kinds without one.
    pub team: Option<&'a str>,
    /// The place it was read from.
    pub origin: Origin,
}

/// Reads all files of a workspace as [`load`], without the documents that `keep` refuses. A refused document has no effect:
/// it declares nothing, and is no duplicate of another one.
pub fn load_where<P: Into<String>, T: Into<String>>(
    files: impl IntoIterator<Item = (P, T)>,
    keep: impl Fn(Declared<'_>) -> bool + Sync,
) -> Loaded {
    let mut files: Vec<(String, String)> = files.into_iter().map(|(p, t)| (p.into(), t.into())).collect();
    files.sort();
    let mut sources = Sources::default();
    for (path, text) in files {
        sources.add(path, text);
    }
    let read: Vec<Read> = {
        let files: Vec<(FileId, &SourceFile)> = sources.iter().collect();
        files.par_iter().map(|(id, file)| read_file(*id, file, &keep)).collect()
    };
    let mut all = Read::default();
    for file in read {
        all.append(file);
    }
    let (workspace, malformed, mut findings) = all.into_workspace(&mut sources);
    weir_findings::conceal(&mut findings, &sources);
    weir_findings::sort(&mut findings, &sources);
    Loaded { workspace, malformed, sources, findings, reread: Mutex::default() }
}

/// Reads one document that is no entity, as a typed value, with the same strictness as entities.
///
/// # Errors
/// The first finding, with its line.
pub fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    let mut sources = Sources::default();
    let file = sources.add("", text);
    let mut findings = Vec::new();
    let mut tape = Tape::default();
    let outcome = Reader::new(file, text).next(&mut tape, &mut findings);
    let mut value = None;
    if matches!(outcome, Some(crate::yaml::Document::Read)) && !tape.nodes.is_empty() {
        value = typed::read::<T>(&mut tape, Tape::ROOT, file, &mut findings);
    }
    match (findings.first(), value) {
        (None, Some(value)) => Ok(value),
        (None, None) => Err("there is nothing in it".to_owned()),
        (Some(finding), _) => Err(format!("line {}: {}", sources.position(finding.at).line, finding.message)),
    }
}

/// An entity, and the place of its name.
type Placed<E> = (E, Span);

macro_rules! define_read {
    (
        Workspace { $($_settings:tt)* }
        $($kind:ident {
            about: $about:literal,
            entity: $entity:ident,
            metadata: $metadata:ident,
            spec: $required:ident $spec:ident,
            field: $field:ident,
            $($_:tt)*
        })*
    ) => {
        /// The entities and findings of one file, or of all.
        #[derive(Debug, Default)]
        struct Read {
            settings: Vec<Placed<WorkspaceEntity>>,
            $($field: Vec<Placed<$entity>>,)*
            malformed: BTreeSet<EntityRef>,
            findings: Vec<Finding>,
        }

        impl Read {
            /// Removes the documents that `keep` refuses.
            fn retain(&mut self, path: &str, keep: &impl Fn(Declared<'_>) -> bool) {
                self.settings.retain(|(entity, _)| keep(declared(path, entity)));
                $(self.$field.retain(|(entity, _)| keep(declared(path, entity)));)*
            }

            fn append(&mut self, other: Read) {
                let Read { settings, $($field,)* malformed, findings } = other;
                self.settings.extend(settings);
                $(self.$field.extend($field);)*
                self.malformed.extend(malformed);
                self.findings.extend(findings);
            }

            /// Returns the workspace, if there is one, the malformed entities, and the findings.
            fn into_workspace(
                self,
                sources: &mut Sources,
            ) -> (Option<Workspace>, BTreeSet<EntityRef>, Vec<Finding>) {
                let Read { settings, $($field,)* malformed, mut findings } = self;
                $(let mut $field = Index::new($field);)*
                rayon::scope(|scope| {
                    $(scope.spawn(|_| $field.sort());)*
                });
                $(findings.append(&mut $field.findings);)*
                let settings = the_workspace(settings, &malformed, sources, &mut findings);
                let workspace = settings.map(|settings| Workspace {
                    settings,
                    paths: sources.iter().map(|(_, file)| file.path().to_owned()).collect(),
                    $($field: $field.named,)*
                });
                (workspace, malformed, findings)
            }
        }
    };
}

kinds!(define_read);

fn declared<'a, M: Named, S: Spec>(path: &'a str, entity: &'a Entity<M, S>) -> Declared<'a> {
    let (name, team) = (entity.metadata.name(), entity.metadata.team());
    Declared { path, kind: S::KIND, name, team, origin: entity.origin }
}

fn read_file(file: FileId, source: &SourceFile, keep: &impl Fn(Declared<'_>) -> bool) -> Read {
    let mut read = Read::default();
    let mut reader = Reader::new(file, source.text());
    let mut tape = Tape::default();
    for document in 0.. {
        let before = read.findings.len();
        let Some(outcome) = reader.next(&mut tape, &mut read.findings) else { break };
        DocumentReader { file, document, tape: &mut tape, read: &mut read, before }.read(outcome);
    }
    read.retain(source.path(), keep);
    read
}

/// The entities of one kind: as read, then by name.
struct Index<M, S> {
    read: Vec<Placed<Entity<M, S>>>,
    named: BTreeMap<String, Entity<M, S>>,
    findings: Vec<Finding>,
}

impl<M: Named, S: Spec> Index<M, S> {
    fn new(read: Vec<Placed<Entity<M, S>>>) -> Self {
        Self { read, named: BTreeMap::new(), findings: Vec::new() }
    }

    /// Keeps the entities by name; of those with the same name the first, by path and place.
    fn sort(&mut self) {
        let read = std::mem::take(&mut self.read);
        // An entity is large: places are sorted, and each entity is moved once.
        let mut order: Vec<usize> = (0..read.len()).collect();
        order.sort_by(|a, b| read[*a].0.metadata.name().cmp(read[*b].0.metadata.name()));
        let mut read: Vec<Option<Placed<Entity<M, S>>>> = read.into_iter().map(Some).collect();
        let mut named: Vec<(String, Entity<M, S>)> = Vec::with_capacity(read.len());
        let mut last = Span { file: FileId(0), start: 0, end: 0 };
        for (entity, at) in order.into_iter().filter_map(|place| read[place].take()) {
            let name = entity.metadata.name();
            if named.last().is_some_and(|(before, _)| before == name) {
                let message = format!("the {} `{name}` is declared twice", S::KIND);
                self.findings.push(duplicate(rules::DUPLICATE_ENTITY, at, last, message));
                continue;
            }
            last = at;
            named.push((name.to_owned(), entity));
        }
        self.named = named.into_iter().collect();
    }
}

fn duplicate(rule: RuleId, at: Span, first: Span, message: String) -> Finding {
    Finding::error(rule, at, message).help("keep one of them").related(first, "the first one")
}

/// Returns the settings of the workspace: those in `weir.yaml` at the root, or else the first ones by path and place.
fn the_workspace(
    mut workspaces: Vec<Placed<WorkspaceEntity>>,
    malformed: &BTreeSet<EntityRef>,
    sources: &mut Sources,
    findings: &mut Vec<Finding>,
) -> Option<WorkspaceEntity> {
    const FILE: &str = "weir.yaml";
    workspaces.sort_by_key(|(_, at)| sources.file(at.file).path() != FILE);
    let mut workspaces = workspaces.into_iter();
    let Some((settings, first)) = workspaces.next() else {
        if !malformed.iter().any(|entity| entity.kind == Kind::Workspace) {
            let known = sources.iter().find(|(_, file)| file.path() == FILE).map(|(id, _)| id);
            let file = known.unwrap_or_else(|| sources.add(FILE, ""));
            findings.push(
                Finding::error(
                    rules::WORKSPACE_MISSING,
                    Span { file, start: 0, end: 0 },
                    "there is no document of kind `Workspace`",
                )
                .help("`weir.yaml` at the root names the clusters and stages"),
            );
        }
        return None;
    };
    for (_, at) in workspaces {
        findings.push(duplicate(
            rules::WORKSPACE_DUPLICATE,
            at,
            first,
            "there is more than one document of kind `Workspace`".to_owned(),
        ));
    }
    Some(settings)
}
