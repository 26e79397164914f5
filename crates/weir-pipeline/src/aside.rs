//! Documents in teams' paths that speak beyond their team. weir sets them aside: they declare nothing, for their own team
//! and for all others.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use weir_findings::{FileId, Finding};
use weir_model::{Declared, EntityRef, Kind, Loaded, Origin, load_where};
use weir_ownership::{Authority, Ownership};

/// The file that says which paths belong to which team.
const SETTINGS: &str = "weir.yaml";

/// The rules that report such documents.
const RULES: [&str; 4] = ["duplicate-entity", "name-space", "path-authority", "workspace-duplicate"];

/// The rules about two documents of which one counts.
pub(crate) const DUPLICATES: [&str; 2] = ["duplicate-entity", "workspace-duplicate"];

/// The documents that are set aside, with the team whose path each is in.
pub(crate) type Aside = BTreeMap<Origin, (String, EntityRef)>;

/// Returns the ownership of paths and names, if the files say it in a place that can be believed.
pub(crate) fn ownership(loaded: &Loaded) -> Option<Ownership<'_>> {
    claimed(loaded).filter(|ownership| ownership.authority(SETTINGS) == Authority::Platform)
}

/// Returns the ownership that `weir.yaml` describes, with the teams that any file claims.
fn claimed(loaded: &Loaded) -> Option<Ownership<'_>> {
    let workspace = loaded.workspace.as_ref()?;
    let is_root = workspace.path(workspace.settings.origin) == Some(SETTINGS);
    Ownership::of(workspace).filter(|_| is_root)
}

/// Returns the document around the beginning of a finding, or of a place that it names.
pub(crate) fn documents(loaded: &Loaded, finding: &Finding) -> impl Iterator<Item = Origin> {
    let places = std::iter::once(finding.at).chain(finding.related.iter().map(|related| related.at));
    // A comment for weir may stand in front of the first document.
    places.map(|at| Origin { file: at.file, document: loaded.document_at(at.file, at.start).unwrap_or_default() })
}

/// The files do not make clear which teams there are.
#[derive(Debug)]
pub(crate) struct Unclear;

/// Returns the workspace without the documents that speak beyond their team, and these documents; `None` if there are none.
///
/// Only files of the platform team decide which teams there are and which names they own. These are `weir.yaml` and the files
/// whose paths have not the form of a team's path, whatever teams there are: they are read first.
pub(crate) fn set_aside(loaded: &Loaded, findings: &[Finding]) -> Result<Option<(Loaded, Aside)>, Unclear> {
    if !findings.iter().any(|finding| RULES.contains(&finding.rule.as_str())) {
        return Ok(None);
    }
    let Some(claimed) = claimed(loaded) else { return Ok(None) };
    let files = loaded.workspace.as_ref().map_or(0, |workspace| workspace.paths.len());
    let read = |keep: &(dyn Fn(Declared<'_>) -> bool + Sync)| {
        let texts = loaded.sources.iter().take(files).map(|(_, file)| (file.path(), file.text()));
        load_where(texts, keep)
    };
    let of_platform = read(&|declared| declared.path == SETTINGS || !claimed.may_be_of_team(declared.path));
    let ownership = self::ownership(&of_platform).ok_or(Unclear)?;
    let platform = of_platform.workspace.as_ref().ok_or(Unclear)?;
    let aside = Mutex::new(Aside::new());
    // A team that only such a path declares would decide whose the paths of that form are.
    let is_unclear = AtomicBool::new(false);
    let mut rest = read(&|declared| {
        let Authority::Team(team) = ownership.authority_over(declared.origin) else {
            if declared.kind == Kind::Team && !platform.teams.contains_key(declared.name) {
                is_unclear.store(true, Ordering::Relaxed);
            }
            return true;
        };
        let entity = EntityRef::new(declared.kind, declared.name);
        let admitted = ownership.admits(declared) && platform.origin(&entity).is_none();
        if !admitted {
            let mut aside = aside.lock().unwrap_or_else(PoisonError::into_inner);
            aside.insert(declared.origin, (team.to_owned(), entity));
        }
        admitted
    });
    if is_unclear.into_inner() {
        return Err(Unclear);
    }
    let aside = aside.into_inner().unwrap_or_else(PoisonError::into_inner);
    if aside.is_empty() {
        return Ok(None);
    }
    // A reference to such an entity leads somewhere, as one to an entity that cannot be read.
    let known = |entity: &EntityRef| rest.workspace.as_ref().is_some_and(|all| all.origin(entity).is_some());
    let lost: Vec<EntityRef> =
        aside.values().map(|(_, entity)| entity.clone()).filter(|entity| !known(entity)).collect();
    rest.malformed.extend(lost);
    for (_, file) in loaded.sources.iter().skip(files) {
        rest.sources.add(file.path(), file.text());
    }
    let is_later = |at: FileId| at.0 as usize >= files;
    rest.findings.extend(loaded.findings.iter().filter(|finding| is_later(finding.at.file)).cloned());
    weir_findings::sort(&mut rest.findings, &rest.sources);
    Ok(Some((rest, aside)))
}
