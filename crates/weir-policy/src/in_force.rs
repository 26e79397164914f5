//! Waivers in force, for the head of a plan.

use jiff::Timestamp;
use weir_model::{Date, EntityRef, Kind, Loaded, WaiverSpec};
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
        AuthorityItem {
            kind: AuthorityKind::Waiver,
            team: None,
            message: format!("a comment in line {line} waives rule {}", comment.rule),
            object: comment.rule,
            until: Some(comment.until),
            entity: None,
            file: Some(loaded.sources.file(comment.at.file).path().to_owned()),
            step: None,
        }
    });
    documents.chain(comments).collect()
}
