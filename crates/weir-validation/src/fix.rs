//! Makes fixes: applies the changes of text that solve findings, several at once, and verifies them by reading the
//! workspace again.

mod removal;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
};

use weir_findings::{FileId, Finding, Fix, Sources, Span};
use weir_model::{Loaded, Origin};

/// Maximum number of rounds. A round applies fixes that do not overlap; a workspace that needs more rounds shows a
/// mistake in a rule.
const ROUNDS: usize = 10;

/// Maximum number of times the workspace is read again. Reading a large workspace takes seconds. Fixes left after
/// that are not made.
const TRIES: usize = 100;

/// A file that the fixes change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Path of the file, as in [`Sources`].
    pub path: String,
    /// Text of the file before the fixes.
    pub before: String,
    /// Text of the file after the fixes.
    pub after: String,
}

/// Result of [`fix`].
#[derive(Debug)]
pub struct Fixed {
    /// The files that change, sorted by path.
    pub files: Vec<Changed>,
    /// Number of findings that were solved.
    pub fixed: usize,
    /// Number of fixes that were not made, because they would change more than intended.
    pub refused: usize,
    /// The workspace after the fixes.
    pub loaded: Loaded,
    /// The findings that remain after the fixes.
    pub findings: Vec<Finding>,
}

/// Makes the fixes of all findings that have one. Nothing is written to disk. The files are those of `loaded.sources`,
/// without the `unread` ones, whose bytes are not text.
///
/// Each fix is verified by reading the workspace and running `judge` again: its finding must be gone, every other
/// entity must be unchanged, and no new finding may appear. There is one exception: a fix of form may uncover findings
/// that could not be made before, about the meaning of the entity or the rest of its form. A fix that fails this check
/// is not made. Calling `fix` again changes nothing more.
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
/// let fixed = weir_validation::fix(loaded, &Default::default(), |loaded| weir_validation::validate(loaded, None, None).unwrap());
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
    let (mut fixed, mut refused, mut tries, mut rounds) = (0, BTreeSet::new(), 0, 0);
    // `true` if a fix was made since the first of the refusals: the refused fixes may have become possible.
    let mut outdated = false;
    'rounds: while rounds < ROUNDS {
        let mut batch = now.fixes(&refused);
        if batch.is_empty() && outdated {
            refused.clear();
            outdated = false;
            batch = now.fixes(&refused);
        }
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
                    rounds += 1;
                    outdated = !refused.is_empty();
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

/// Rules of form whose findings may appear in a document after a fix of its form: findings inside a field that had a
/// wrong name, or in an entity whose kind was unknown. Two entities of one name, or two equal keys, are not in the
/// list: the fix itself would have made them.
const UNCOVERED: [&str; 6] = ["api-version", "missing-field", "one-of", "unknown-field", "unknown-value", "wrong-type"];

/// Identity of a finding, independent of its position: path, rule and message.
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

    /// Returns the key of the finding and its document. Another document can have an equal finding with a fix of its
    /// own.
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

    /// Returns the findings with a fix that was not refused, without those whose edits overlap with the edits of an
    /// earlier one.
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

    /// Returns the workspace after these fixes; `None` if the fixes change more than intended.
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

    /// Returns `true` if the `fixed` findings are gone and no new finding appeared that should have been there before.
    fn lacks(&self, before: &State, fixed: &[&Finding], touched: &BTreeSet<Origin>) -> bool {
        let mut allowed = before.keys();
        for finding in fixed {
            if let Some(count) = allowed.get_mut(&before.key(finding)) {
                *count -= 1;
            }
        }
        let form = |rule: &str| weir_model::rule_pages().iter().any(|page| page.id == rule);
        // An entity with a fault of form could not be judged before.
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

    /// Returns the number of findings with this key in the `touched` documents of the workspace `before`.
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

/// Returns `true` if every entity outside the `touched` documents is unchanged. The comparison is limited to files with
/// touched documents; the others were not edited.
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
    // Without a workspace before the fix there is nothing to compare.
    before.workspace.is_none() || of(before) == of(after)
}

/// Converts edits that remove an item of a list: the item's dash or comma is removed with it. If that is not possible
/// without touching anything else, the finding loses its fix. [`validate`](crate::validate) already does this; findings
/// that were located in another way need it before they are shown.
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
