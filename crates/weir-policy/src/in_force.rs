//! Waivers in force, for the head of a plan.

use jiff::Timestamp;
use weir_model::{Date, EntityRef, Kind, Loaded, WaiverSpec, Workspace};
use weir_planning::{AuthorityItem, AuthorityKind};

use crate::comment;

/// Returns the waivers that are in force in a stage at the time `now`: documents and comments.
pub fn waivers_in_force(loaded: &Loaded, stage: &str, now: Timestamp) -> Vec<AuthorityItem> {
    let Some(workspace) = &loaded.workspace else { return Vec::new() };
    let today = Date::of(now);
    let documents = workspace.waivers.iter().filter_map(|(name, waiver)| {
        let WaiverSpec { rule, entity, stages, reason, owner, until } = &waiver.spec;
        let holds = *until >= today && (stages.is_empty() || stages.iter().any(|other| other == stage));
        holds.then(|| AuthorityItem {
            kind: AuthorityKind::Waiver,
            team: Some(owner.clone()),
            object: rule.clone(),
            message: format!("rule {rule} is waived for {entity}: {reason}"),
            until: Some(*until),
            entity: Some(EntityRef::new(Kind::Waiver, name)),
            file: workspace.path(waiver.origin).map(str::to_owned),
            step: None,
        })
    });
    let (comments, _) = comment::all(loaded);
    let comments = comments.into_iter().filter(|comment| comment.until >= today).map(|comment| {
        let line = loaded.sources.position(comment.at).line;
        let entity = comment.entity(loaded);
        AuthorityItem {
            kind: AuthorityKind::Waiver,
            team: entity.as_ref().and_then(|entity| team_of(workspace, entity)),
            message: format!("a comment in line {line} waives rule {}: {}", comment.rule, comment.reason),
            object: comment.rule,
            until: Some(comment.until),
            entity,
            file: Some(loaded.sources.file(comment.at.file).path().to_owned()),
            step: None,
        }
    });
    documents.chain(comments).collect()
}

/// Returns the team of an entity; `None` for one that belongs to no team.
fn team_of(workspace: &Workspace, entity: &EntityRef) -> Option<String> {
    let name = entity.name.as_str();
    let metadata = match entity.kind {
        Kind::Topic => &workspace.topics.get(name)?.metadata,
        Kind::ServiceAccount => &workspace.service_accounts.get(name)?.metadata,
        Kind::AccessControlList => &workspace.access_control_lists.get(name)?.metadata,
        Kind::Consent => &workspace.consents.get(name)?.metadata,
        Kind::Team => return Some(name.to_owned()),
        _ => return None,
    };
    Some(metadata.team.clone())
}
