//! Fixes: the changes of text that put findings right, made together and judged by reading again.

mod removal;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
};

use weir_findings::{FileId, Finding, Fix, Sources, Span};
use weir_model::{Loaded, Origin};

/// A round takes what does not overlap; more rounds than this are a mistake in a rule.
const ROUNDS: usize = 10;

/// Reading the workspace again takes time; after that many times what is left stays as it is.
const TRIES: usize = 100;

/// A file that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Its path, as in [`Sources`].
    pub path: String,
    /// Its text as it was read.
    pub before: String,
    /// Its text with the fixes.
    pub after: String,
}

/// A workspace with its fixes.
#[derive(Debug)]
pub struct Fixed {
    /// The files that change, by path.
    pub files: Vec<Changed>,
    /// How many findings were put right.
    pub fixed: usize,
    /// How many fixes were left undone, since they would change more than they say.
    pub refused: usize,
    /// The workspace with the fixes.
    pub loaded: Loaded,
    /// What is wrong with it still.
    pub findings: Vec<Finding>,
}

/// Makes the fixes of all findings that have one. Nothing is written; the files are those of `loaded.sources` but for
/// `unread` ones, which are no text.
///
/// What a fix does is verified by reading and judging everything again. The finding has to be gone, every other entity
/// has to be what it was, and no finding may come up; but for findings about what could not be judged before, because
/// its form was wrong: what the entity means, and what else is wrong with its form. A fix that fails this is left undone. Fixing again changes nothing more.
///
/// ```
/// let loaded = weir_model::load([
///     ("weir.yaml", "
/// apiVersion: weir/v1
/// kind: Workspace
/// metadata: {name: example}
/// spec:
///   clusters: {local: {sandbox: {path: .weir/local}}}
///   stages: [{name: dev, cluster: local}]
/// "),
///     ("team.yaml", "
/// apiVersion: weir/v1
/// kind: Taem   # a slip of the pen
/// metadata: {name: toll}
/// "),
/// ]);
/// let fixed = weir_validation::fix(loaded, &Default::default(), weir_validation::validate);
/// assert_eq!(fixed.files[0].after, fixed.files[0].before.replace("Taem", "Team"));
/// ```
pub fn fix(loaded: Loaded, unread: &BTreeSet<FileId>, judge: impl Fn(&Loaded) -> Vec<Finding>) -> Fixed {
    let texts = |sources: &Sources| -> Vec<(String, String)> {
        let read = sources.iter().filter(|(id, _)| !unread.contains(id));
        read.map(|(_, file)| (file.path().to_owned(), file.text().to_owned())).collect()
    };
    let before: BTreeMap<String, String> = texts(&loaded.sources).into_iter().collect();
    let findings = judge(&loaded);
    let mut now = State { loaded, findings };
    let (mut fixed, mut refused, mut tries) = (0, BTreeSet::new(), 0);
    'rounds: for _ in 0..ROUNDS {
        let mut batch = now.fixes(&refused);
        while !batch.is_empty() {
            if tries == TRIES {
                break 'rounds;
            }
            tries += 1;
            let next = now.with(&batch, texts(&now.loaded.sources), &judge);
            match next {
                Some(next) => {
                    fixed += batch.len();
                    now = next;
                    continue 'rounds;
                }
                None if batch.len() == 1 => {
                    refused.extend(batch.iter().map(|finding| now.place(finding)));
                    continue 'rounds;
                }
                None => batch.truncate(batch.len() / 2),
            }
        }
        break;
    }
    let after = texts(&now.loaded.sources);
    let files = after
        .into_iter()
        .filter_map(|(path, after)| {
            let before = before.get(&path).filter(|before| **before != after)?.clone();
            Some(Changed { path, before, after })
        })
        .collect();
    let refused = now.findings.iter().filter(|finding| finding.fix.is_some()).count();
    Fixed { files, fixed, refused, loaded: now.loaded, findings: now.findings }
}

/// What may come up in a document when something of its form is put right: what is in a field that had a wrong name, in
/// a kind that there was none of. Two entities of one name, or two keys, are what a fix itself would make.
const UNCOVERED: [&str; 6] = ["api-version", "missing-field", "one-of", "unknown-field", "unknown-value", "wrong-type"];

/// What tells a finding from others, wherever it moves: path, rule, message.
type Key = (String, String, String);

struct State {
    loaded: Loaded,
    findings: Vec<Finding>,
}

impl State {
    fn key(&self, finding: &Finding) -> Key {
        let path = self.loaded.sources.file(finding.at.file).path();
        (path.to_owned(), finding.rule.to_string(), finding.message.clone())
    }

    /// The same with the document: what another one says alike has a fix of its own.
    fn place(&self, finding: &Finding) -> (Key, Option<u32>) {
        (self.key(finding), self.loaded.document_at(finding.at.file, finding.at.start))
    }

    fn keys(&self) -> BTreeMap<Key, usize> {
        let mut keys = BTreeMap::new();
        for finding in &self.findings {
            *keys.entry(self.key(finding)).or_default() += 1;
        }
        keys
    }

    /// The findings with a fix that was not refused, without those whose edits meet others'.
    fn fixes(&self, refused: &BTreeSet<(Key, Option<u32>)>) -> Vec<&Finding> {
        let mut taken: Vec<Span> = Vec::new();
        let mut fixes = Vec::new();
        for finding in &self.findings {
            let Some(fix) = finding.fix.as_ref().filter(|_| !refused.contains(&self.place(finding))) else { continue };
            let meets = |at: Span| {
                taken.iter().any(|other| other.file == at.file && at.start <= other.end && other.start <= at.end)
            };
            if !fix.edits.iter().any(|edit| meets(edit.at)) {
                taken.extend(fix.edits.iter().map(|edit| edit.at));
                fixes.push(finding);
            }
        }
        fixes
    }

    /// What becomes of the workspace with these fixes; `None` when they do something else than they say.
    fn with(
        &self,
        fixes: &[&Finding],
        mut texts: Vec<(String, String)>,
        judge: &impl Fn(&Loaded) -> Vec<Finding>,
    ) -> Option<State> {
        let mut edits: Vec<_> =
            fixes.iter().filter_map(|finding| finding.fix.as_ref()).flat_map(|fix| &fix.edits).collect();
        edits.sort_by_key(|edit| edit.at);
        let index: BTreeMap<String, usize> = texts.iter().enumerate().map(|(i, (path, _))| (path.clone(), i)).collect();
        for edit in edits.iter().rev() {
            let text = &mut texts[*index.get(self.loaded.sources.file(edit.at.file).path())?].1;
            text.get(edit.at.range())?;
            text.replace_range(edit.at.range(), &edit.text);
        }
        let touched: BTreeSet<Origin> = edits
            .iter()
            .filter_map(|edit| {
                let document = self.loaded.document_at(edit.at.file, edit.at.start)?;
                Some(Origin { file: edit.at.file, document })
            })
            .collect();
        let loaded = weir_model::load(texts);
        let findings = judge(&loaded);
        let next = State { loaded, findings };
        (next.lacks(self, fixes, &touched) && same_entities(&self.loaded, &next.loaded, &touched)).then_some(next)
    }

    /// Whether the findings that were fixed are gone, and no other one came up that should have been there before.
    fn lacks(&self, before: &State, fixed: &[&Finding], touched: &BTreeSet<Origin>) -> bool {
        let mut allowed = before.keys();
        for finding in fixed {
            if let Some(count) = allowed.get_mut(&before.key(finding)) {
                *count -= 1;
            }
        }
        let form = |rule: &str| weir_model::rule_pages().iter().any(|page| page.id == rule);
        // An entity whose form was wrong can be judged only now.
        let uncovered = fixed.iter().any(|finding| form(finding.rule.as_str()));
        let fixed: BTreeSet<Key> = fixed.iter().map(|finding| before.key(finding)).collect();
        self.keys().into_iter().all(|(key, count)| {
            let more = count.saturating_sub(allowed.get(&key).copied().unwrap_or_default());
            let may_come_up = || {
                !form(&key.1) || UNCOVERED.contains(&key.1.as_str()) && self.number_in(touched, before, &key) >= more
            };
            more == 0 || uncovered && !fixed.contains(&key) && may_come_up()
        })
    }

    /// How many findings of that key are in the `touched` documents of the workspace `before`.
    fn number_in(&self, touched: &BTreeSet<Origin>, before: &State, key: &Key) -> usize {
        let path = |loaded: &Loaded, file: FileId| loaded.sources.file(file).path().to_owned();
        let touched: BTreeSet<(String, u32)> =
            touched.iter().map(|origin| (path(&before.loaded, origin.file), origin.document)).collect();
        let is_in = |finding: &&Finding| {
            let document = self.loaded.document_at(finding.at.file, finding.at.start);
            document.is_some_and(|document| touched.contains(&(path(&self.loaded, finding.at.file), document)))
        };
        self.findings.iter().filter(|finding| self.key(finding) == *key).filter(is_in).count()
    }
}

/// Whether every entity outside the `touched` documents is what it was. Only files with such documents are compared:
/// the others were not changed.
fn same_entities(before: &Loaded, after: &Loaded, touched: &BTreeSet<Origin>) -> bool {
    let files: BTreeSet<FileId> = touched.iter().map(|origin| origin.file).collect();
    let of = |loaded: &Loaded| {
        let mut entities = BTreeMap::new();
        let mut add = |origin: Origin, entity: &dyn Debug| {
            if files.contains(&origin.file) && !touched.contains(&origin) {
                entities.insert(origin, format!("{entity:?}"));
            }
        };
        if let Some(workspace) = &loaded.workspace {
            add(workspace.settings.origin, &workspace.settings);
            workspace.teams.values().for_each(|e| add(e.origin, e));
            workspace.topics.values().for_each(|e| add(e.origin, e));
            workspace.service_accounts.values().for_each(|e| add(e.origin, e));
            workspace.access_control_lists.values().for_each(|e| add(e.origin, e));
            workspace.policies.values().for_each(|e| add(e.origin, e));
            workspace.waivers.values().for_each(|e| add(e.origin, e));
        }
        entities
    };
    // Without a workspace there were no entities to compare with.
    before.workspace.is_none() || of(before) == of(after)
}

/// Makes the edits of findings ones of text: what removes an item takes its dash or comma along. A fix for which that
/// cannot be done without touching anything else is dropped. [`validate`](crate::validate) has done it; findings that
/// were located otherwise need it before they are shown.
pub fn settle(findings: &mut [Finding], sources: &Sources) {
    for finding in findings {
        let Some(Fix { edits, .. }) = &mut finding.fix else { continue };
        let settled = edits.iter_mut().filter(|edit| edit.text.is_empty()).all(|edit| {
            let text = sources.file(edit.at.file).text();
            let item = removal::of_item(text, edit.at.range());
            item.map(|range| edit.at = Span::new(edit.at.file, range)).is_some()
        });
        if !settled {
            finding.fix = None;
        }
    }
}
