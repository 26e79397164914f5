use weir_findings::{RulePage, Severity};
use weir_model::{EntityRef, Kind, Origin, ProviderRef, Route, StageView};
use weir_ownership::{Authority, OF_TEAMS, Ownership};

use crate::{Rule, context::Context, out::Out};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "path-authority",
        severity: Severity::Error,
        waivable: Some(Severity::Warning),
        title: "a file in a team's path speaks for that team only",
        what: "`ownership` in `weir.yaml` says which paths belong to which team. A document in a team's path is of kind \
               `Topic`, `ServiceAccount`, `AccessControlList` or `Consent`, and `metadata.team` is that team. All other \
               documents are in paths of the platform team. Without `ownership`, a stage that is not on a sandbox gives \
               a warning.",
        why: "The forge decides who may change a path. If a document could say by itself which team it belongs to, any \
              team could give itself the rights of any other.",
        bad: "# teams/toll/kafka.yaml\nkind: ServiceAccount\nmetadata: {name: cards-ledger, team: cards}",
        good: "# teams/toll/kafka.yaml\nkind: ServiceAccount\nmetadata: {name: toll-billing, team: toll}",
        remedy: "",
    },
    check,
};

fn check(cx: &Context<'_>, out: &mut Out) {
    let Some(ownership) = &cx.ownership else { return undeclared(cx, out) };
    let workspace = cx.workspace;
    // A team owns each of these entities.
    for entity in workspace.topics.values() {
        owned(ownership, out, entity.origin, || entity.entity_ref(), &entity.metadata.team);
    }
    for entity in workspace.service_accounts.values() {
        owned(ownership, out, entity.origin, || entity.entity_ref(), &entity.metadata.team);
    }
    for entity in workspace.access_control_lists.values() {
        owned(ownership, out, entity.origin, || entity.entity_ref(), &entity.metadata.team);
    }
    for entity in workspace.consents.values() {
        owned(ownership, out, entity.origin, || entity.entity_ref(), &entity.metadata.team);
    }
    for kind in Kind::ALL.into_iter().filter(|kind| !OF_TEAMS.contains(kind)) {
        for name in workspace.names(kind) {
            let entity = EntityRef::new(kind, name);
            let Some(origin) = workspace.origin(&entity) else { continue };
            match ownership.authority_over(origin) {
                Authority::Platform => {}
                Authority::Team(team) => {
                    let message = format!("a file of team `{team}` cannot hold a document of kind `{kind}`");
                    let platform = ownership.platform();
                    let help = format!("put it outside the paths of teams; team `{platform}` decides about it");
                    out.push(out.error(Route::value(entity, ["kind"]), message).help(help));
                }
                Authority::Unclear(a, b) => unclear(out, Route::value(entity, ["kind"]), a, b),
            }
        }
    }
}

fn owned(ownership: &Ownership<'_>, out: &mut Out, origin: Origin, entity: impl Fn() -> EntityRef, claimed: &str) {
    match ownership.authority_over(origin) {
        Authority::Platform => {}
        Authority::Team(team) if team == claimed => {}
        Authority::Team(team) => {
            let message = format!("this file belongs to team `{team}`, so the document cannot belong to team `{claimed}`");
            let help = format!("write `team: {team}`, or move the document to a file of team `{claimed}`");
            out.push(out.error(Route::value(entity(), ["metadata", "team"]), message).help(help));
        }
        Authority::Unclear(a, b) => unclear(out, Route::value(entity(), ["metadata", "team"]), a, b),
    }
}

fn unclear(out: &mut Out, at: Route, a: &str, b: &str) {
    let finding = if a == b {
        out.error(at, format!("the path of this file differs from a path of team `{a}` only in upper and lower case"))
            .help("write the path as `ownership` in weir.yaml does")
    } else {
        out.error(at, format!("the path of this file is one of team `{a}` and one of team `{b}`"))
            .help("move the file, or make `ownership.teams.paths` in weir.yaml clearer")
    };
    out.push(finding);
}

/// Warns if `weir.yaml` does not say which paths belong to which team, although stages are not on a sandbox.
fn undeclared(cx: &Context<'_>, out: &mut Out) {
    let on_sandbox = |view: &StageView<'_>| matches!(view.provider(), Some(ProviderRef::Sandbox(_)) | None);
    for view in cx.stages.iter().filter(|view| !on_sandbox(view)) {
        let message = "weir.yaml does not say which paths belong to which team, so every file may use the rights of \
                       every team";
        let finding = out
            .warning(Route::name(cx.settings_ref()), message)
            .help("write `ownership: {platform: TEAM}` under `spec`; docs/governance.md explains it");
        out.push_in(view.index, finding);
    }
}
