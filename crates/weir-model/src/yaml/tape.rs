//! One YAML document as a flat list of nodes with their places.
//!
//! A container is followed by its children, a mapping's children being key, value, key, value. `next` leads past a
//! node and all below it, so no walk needs recursion and one allocation serves many documents.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

use weir_findings::{FileId, Span};

/// Index of a node in its [`Tape`].
pub(crate) type NodeId = u32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A scalar without quotes.
    Plain,
    /// A scalar with quotes, or a block scalar: always text.
    Quoted,
    Sequence,
    Mapping,
}

/// The way in which typing takes a node. It changes while the findings of one document are collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// The node counts as written.
    AsWritten,
    /// The entry of this key was found wrong: it counts as left out.
    Skip,
    /// The value was found wrong: it passes as any type, so that the values beside it can be judged.
    Anything,
}

#[derive(Clone, Debug)]
pub(crate) struct Node<'a> {
    /// A scalar's text, escapes resolved. Empty for containers.
    pub(crate) text: Cow<'a, str>,
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) next: NodeId,
    pub(crate) shape: Shape,
    pub(crate) trust: Trust,
}

impl Node<'_> {
    /// Returns `true` if this is YAML's null.
    pub(crate) fn is_null(&self) -> bool {
        self.shape == Shape::Plain && matches!(&*self.text, "" | "~" | "null" | "Null" | "NULL")
    }

    pub(crate) fn is_scalar(&self) -> bool {
        matches!(self.shape, Shape::Plain | Shape::Quoted)
    }
}

/// A document's nodes; the root is node 0.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tape<'a> {
    pub(crate) nodes: Vec<Node<'a>>,
    /// Fields found missing, by mapping: they pass as any type.
    pub(crate) missing: Vec<(NodeId, &'static str)>,
    index: Index,
}

/// The items, or the keys in the order of their texts, of large containers in which something was looked up. Without it, a
/// finding for each of many entries would take quadratic time.
#[derive(Debug, Default)]
struct Index(Mutex<BTreeMap<NodeId, Arc<[NodeId]>>>);

impl Clone for Index {
    /// An index is made again when it is needed.
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// The number of nodes below a container from which its children are indexed.
const LARGE: u32 = 64;

impl<'a> Tape<'a> {
    pub(crate) const ROOT: NodeId = 0;

    pub(crate) fn clear(&mut self) {
        self.nodes.clear();
        self.missing.clear();
        self.index = Index::default();
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node<'a> {
        &self.nodes[id as usize]
    }

    pub(crate) fn span(&self, file: FileId, id: NodeId) -> Span {
        let node = self.node(id);
        Span { file, start: node.start, end: node.end }
    }

    /// Returns the children of a container: items, or keys and values in turn.
    pub(crate) fn children(&self, id: NodeId) -> impl Iterator<Item = NodeId> {
        let Range { mut start, end } = id + 1..self.node(id).next;
        std::iter::from_fn(move || {
            let child = start;
            (child < end).then(|| {
                start = self.node(child).next;
                child
            })
        })
    }

    /// Returns the items of a sequence; nothing for any other node.
    pub(crate) fn items(&self, id: NodeId) -> impl Iterator<Item = NodeId> {
        self.children(id).take_while(move |_| self.node(id).shape == Shape::Sequence)
    }

    /// Returns the keys and values of a mapping, without skipped ones; nothing for any other node.
    pub(crate) fn entries(&self, id: NodeId) -> impl Iterator<Item = (NodeId, NodeId)> {
        self.all_entries(id).filter(|(key, _)| self.node(*key).trust != Trust::Skip)
    }

    /// Returns the keys and values of a mapping, skipped ones too.
    pub(crate) fn all_entries(&self, id: NodeId) -> impl Iterator<Item = (NodeId, NodeId)> {
        let mut children = self.children(id).take_while(move |_| self.node(id).shape == Shape::Mapping);
        std::iter::from_fn(move || Some((children.next()?, children.next()?)))
    }

    /// Returns the entry of `key` in a mapping.
    pub(crate) fn entry(&self, id: NodeId, key: &str) -> Option<(NodeId, NodeId)> {
        self.entries(id).find(|(k, _)| self.node(*k).text == key)
    }

    /// Returns the place of a `path` of keys and indices: the longest part of it that exists.
    ///
    /// The place of a value that exists is the value, unless `key` asks for its key or it is null. The place of a value
    /// that does not exist is the name of its parent.
    pub(crate) fn locate(&self, path: &[impl AsRef<str>], key: bool) -> Range<u32> {
        let mut at = Self::ROOT;
        let mut name = None;
        for (depth, step) in path.iter().enumerate() {
            let Some((found_key, value)) = self.step(at, step.as_ref()) else {
                return if depth == 0 { self.root_name() } else { self.name_of(name, at) };
            };
            (name, at) = (found_key, value);
        }
        match name {
            _ if path.is_empty() => self.root_name(),
            Some(name) if key || self.node(at).is_null() => self.range(name),
            _ => self.range(at),
        }
    }

    /// Returns `true` if all of `path` exists.
    pub(crate) fn has(&self, path: &[impl AsRef<str>]) -> bool {
        self.find(path).is_some()
    }

    fn find(&self, path: &[impl AsRef<str>]) -> Option<NodeId> {
        let root = (!self.nodes.is_empty()).then_some(Self::ROOT)?;
        path.iter().try_fold(root, |at, step| Some(self.step(at, step.as_ref())?.1))
    }

    /// Returns the place in `source` of the bytes `from` to `to` of the text at `path`, folded, quoted or indented: a
    /// character at least. `None` when there is no text, or it is written in a way that cannot be followed.
    pub(crate) fn part(&self, path: &[impl AsRef<str>], source: &str, (from, to): (u32, u32)) -> Option<Range<u32>> {
        let node = self.find(path).map(|id| self.node(id)).filter(|node| node.is_scalar())?;
        let written = source.get(node.start as usize..node.end as usize)?;
        let header = if written.starts_with(['|', '>']) { written.find('\n')? } else { 0 };
        let mut rest = written.char_indices().skip_while(|(at, _)| *at < header).peekable();
        let (mut first, mut last) = (None, header as u32);
        for (offset, wanted) in node.text.char_indices().filter(|(_, c)| !c.is_whitespace()) {
            let offset = offset as u32;
            if offset >= to && first.is_some() {
                break;
            }
            let at = loop {
                let (at, found) = rest.next()?;
                match found {
                    _ if found == wanted => break at as u32,
                    // The line break in `"a\nb"`.
                    '\\' => _ = rest.next_if(|(_, c)| matches!(c, 'n' | 't')),
                    '"' | '\'' => {}
                    _ if found.is_whitespace() => {}
                    _ => return None,
                }
            };
            if offset >= from {
                first.get_or_insert(at);
            }
            last = at + wanted.len_utf8() as u32;
        }
        Some(node.start + first.unwrap_or(last)..node.start + last)
    }

    /// Returns the entry of that key, or the item of that index.
    fn step(&self, at: NodeId, step: &str) -> Option<(Option<NodeId>, NodeId)> {
        let is_large = self.node(at).next - at > LARGE;
        match self.node(at).shape {
            Shape::Mapping if is_large => {
                let keys = self.indexed(at);
                let first = keys.partition_point(|key| *self.node(*key).text < *step);
                let mut same = keys[first..].iter().copied().take_while(|key| self.node(*key).text == step);
                let key = same.find(|key| self.node(*key).trust != Trust::Skip)?;
                Some((Some(key), self.node(key).next))
            }
            Shape::Sequence if is_large => self.indexed(at).get(step.parse::<usize>().ok()?).map(|item| (None, *item)),
            Shape::Mapping => self.entry(at, step).map(|(key, value)| (Some(key), value)),
            Shape::Sequence => self.items(at).nth(step.parse().ok()?).map(|item| (None, item)),
            Shape::Plain | Shape::Quoted => None,
        }
    }

    /// Returns the items of a sequence, or the keys of a mapping in the order of their texts, skipped ones too.
    fn indexed(&self, id: NodeId) -> Arc<[NodeId]> {
        // A thread that panics while it holds the lock leaves nothing half done.
        let mut index = self.index.0.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            if self.node(id).shape == Shape::Sequence {
                return self.items(id).collect();
            }
            let mut keys: Vec<NodeId> = self.all_entries(id).map(|(key, _)| key).collect();
            keys.sort_by(|a, b| self.node(*a).text.cmp(&self.node(*b).text).then(a.cmp(b)));
            keys.into()
        };
        Arc::clone(index.entry(id).or_insert_with(make))
    }

    /// Returns the place of a node's name: its key; for an item of a sequence its first key, or itself.
    pub(crate) fn name_of(&self, key: Option<NodeId>, node: NodeId) -> Range<u32> {
        match key {
            Some(key) => self.range(key),
            None => self.all_entries(node).next().map_or_else(|| self.range(node), |(first, _)| self.range(first)),
        }
    }

    /// Returns the place of the document's name: `metadata.name`, else `kind`, else its first key.
    pub(crate) fn root_name(&self) -> Range<u32> {
        let Some(root) = self.nodes.first() else { return 0..0 };
        let name = self
            .entry(Self::ROOT, "metadata")
            .and_then(|(_, metadata)| self.entry(metadata, "name"))
            .or_else(|| self.entry(Self::ROOT, "kind"))
            .map(|(_, value)| value)
            .filter(|value| self.node(*value).is_scalar() && !self.node(*value).is_null());
        match name.or_else(|| self.all_entries(Self::ROOT).next().map(|(key, _)| key)) {
            Some(node) => self.range(node),
            None => root.start..root.end,
        }
    }

    /// Returns the place of the name of the node `id`, at any depth: its key if it has one.
    pub(crate) fn name_of_node(&self, id: NodeId) -> Range<u32> {
        if id == Self::ROOT { self.root_name() } else { self.name_of(self.key_of(id), id) }
    }

    /// Returns the key of a mapping's value. Searches the whole document: meant for findings.
    pub(crate) fn key_of(&self, id: NodeId) -> Option<NodeId> {
        // A value's key, being a scalar, is the node right before it.
        let before = id.checked_sub(1).filter(|before| self.node(*before).is_scalar())?;
        let holds = |parent: NodeId| self.all_entries(parent).any(|(key, value)| key == before && value == id);
        (0..before).any(holds).then_some(before)
    }

    /// Returns the innermost key above a node that is a value or an item.
    pub(crate) fn key_above(&self, id: NodeId) -> Option<NodeId> {
        let over = |mapping: NodeId| {
            let mut entries = self.all_entries(mapping);
            entries.find(|(_, value)| (*value..self.node(*value).next).contains(&id)).map(|(key, _)| key)
        };
        (0..id).rev().filter(|at| self.node(*at).next > id).find_map(over)
    }

    fn range(&self, id: NodeId) -> Range<u32> {
        let node = self.node(id);
        node.start..node.end
    }

    /// Returns the same tape, independent of the text it was read from.
    pub(crate) fn into_owned(self) -> Tape<'static> {
        let nodes = self
            .nodes
            .into_iter()
            .map(|Node { text, start, end, next, shape, trust }| Node {
                text: Cow::Owned(text.into_owned()),
                start,
                end,
                next,
                shape,
                trust,
            })
            .collect();
        Tape { nodes, missing: self.missing, index: Index::default() }
    }
}
