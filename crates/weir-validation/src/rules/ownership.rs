use std::collections::BTreeSet;

use weir_findings::{RulePage, Severity};
use weir_model::{ConsentSpec, EntityRef, Kind, NameSpaces, ProviderRef, Route, StageView};
use weir_ownership::{Names, Template, overlap, resolved};

use crate::{
    Rule,
    context::{self, Context, spec},
    out::Out,
};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "ownership",
        severity: Severity::Error,
        waivable: None,
        title: "paths and names that belong to one team each",
        what: "Under `ownership`, `platform` is a declared team, paths have one `{team}` as the name of a folder or as \
               `{team}.yaml`, and name spaces end with `.`, `-` or `_`. Name spaces of two teams do not overlap, with \
               the prefixes of the stages either; `.` and `_` in topics count as the same character. `adopt` and \
               consents name something: `*` alone is allowed only in consents of the platform team.",
        why: "If two teams owned one name, each could use the rights of the other. Without a separator, the name space \
              `toll` would reach into `toll-gates`.",
        bad: "kind: Team\nmetadata: {name: toll}\nspec: {names: {topics: [toll]}}",
        good: "kind: Team\nmetadata: {name: toll}\nspec: {names: {topics: [\"toll.\"]}}",
        remedy: "",
    },
    check,
};

fn check(cx: &Context<'_>, out: &mut Out) {
    for consent in cx.workspace.consents.values() {
        consent_says_something(out, &consent.spec, |path| spec(consent.entity_ref(), path.iter().copied()));
    }
    let Some(settings) = &cx.workspace.settings.spec.ownership else { return };
    if !cx.teams.contains_key(settings.platform.as_str()) && !cx.is_malformed(Kind::Team, &settings.platform) {
        let message = format!("there is no team `{}`", settings.platform);
        let at = cx.settings(["ownership", "platform"]);
        out.push(out.error(at, message).help("declare the platform team with `kind: Team`"));
    }
    for (i, text) in settings.teams.paths.iter().enumerate() {
        if let Err(wrong) = Template::parse(text) {
            let at = cx.settings(["ownership", "teams", "paths", &i.to_string()]);
            out.push(out.error(at, wrong.to_string()).help("write a path such as `teams/{team}/**`"));
        }
    }
    separators(out, &settings.teams.names, |path| {
        cx.settings(["ownership", "teams", "names"].iter().chain(path).copied())
    });
    for team in cx.workspace.teams.values() {
        separators(out, &team.spec.names, |path| context::team(team, ["names"].iter().chain(path).copied()));
    }
    for (stage, adopt) in &settings.adopt {
        if !cx.has_stage(stage) {
            let at = Route { key: true, ..cx.settings(["ownership", "adopt", stage]) };
            out.push(out.error(at, format!("there is no stage `{stage}`")).help("name one of the stages"));
        }
        for (field, patterns) in [("topics", &adopt.topics), ("serviceAccounts", &adopt.service_accounts)] {
            for (i, pattern) in patterns.iter().enumerate() {
                let body = pattern.strip_suffix('*').unwrap_or(pattern);
                if body.is_empty() || body.contains('*') {
                    let at = cx.settings(["ownership", "adopt", stage, field, &i.to_string()]);
                    let message = format!("`{pattern}` is neither a name nor a beginning of names followed by `*`");
                    out.push(out.error(at, message).help("name what weir may take over: `legacy-billing`, `legacy.*`"));
                }
            }
        }
    }
    for (i, consent) in settings.consents.iter().enumerate() {
        let i = i.to_string();
        consent_says_something(out, consent, |path| {
            cx.settings(["ownership", "consents", &i].iter().chain(path).copied())
        });
    }
    for names in Names::ALL {
        spaces(cx, out, names);
    }
}

fn separators(out: &mut Out, spaces: &NameSpaces, at: impl Fn(&[&str]) -> Route) {
    for names in Names::ALL {
        for (i, text) in names.written(spaces).into_iter().flatten().enumerate() {
            let rest = text.replace("{team}", "");
            let wrong = if text.is_empty() {
                Some("an empty name space would be every name".to_owned())
            } else if !text.ends_with(['.', '-', '_']) || rest.is_empty() {
                Some(format!("the name space `{text}` does not end with a separator"))
            } else if rest.contains(['*', '{', '}']) {
                Some(format!("the name space `{text}` is no beginning of names"))
            } else {
                None
            };
            if let Some(message) = wrong {
                let help = "write the beginning of names with `.`, `-` or `_` at its end: `toll.`";
                out.push(out.error(at(&[names.field(), &i.to_string()]), message).help(help));
            }
        }
    }
}

fn consent_says_something(out: &mut Out, consent: &ConsentSpec, at: impl Fn(&[&str]) -> Route) {
    let ConsentSpec { topics, groups, transactional_ids, observers, consumers, producers, administrators, .. } = consent;
    if topics.is_empty() && groups.is_empty() && transactional_ids.is_empty() {
        let help = "write `topics`, `groups` or `transactionalIds`";
        out.push(out.error(at(&[]), "the consent names nothing that other teams may use").help(help));
    }
    if [observers, consumers, producers, administrators].iter().all(|teams| teams.is_empty()) {
        let help = "write `observers`, `consumers`, `producers` or `administrators`";
        out.push(out.error(at(&[]), "the consent names no team").help(help));
    }
    for (field, written) in [("topics", topics), ("groups", groups), ("transactionalIds", transactional_ids)] {
        for (i, text) in written.iter().enumerate() {
            let body = text.strip_suffix('*').unwrap_or(text);
            if text.is_empty() || body.contains('*') {
                let message = format!("`{text}` is neither a name nor a beginning of names followed by `*`");
                out.push(out.error(at(&[field, &i.to_string()]), message).help("write `toll.events.*`, for example"));
            }
        }
    }
}

/// A beginning of names of a team, in one stage or, without a prefix, in all.
struct Space<'w> {
    beginning: String,
    team: &'w str,
    stage: Option<usize>,
}

/// Reports name spaces of different teams that overlap.
fn spaces(cx: &Context<'_>, out: &mut Out, names: Names) {
    let mut told = BTreeSet::new();
    let logical: Vec<Space<'_>> = of_teams(cx, names, "", None).collect();
    overlaps(cx, out, names, logical, &mut told);
    for realm in realms(cx, names) {
        let physical = realm.iter().flat_map(|view| {
            of_teams(cx, names, names.prefix(&view.stage.prefix), Some(view.index))
        });
        overlaps(cx, out, names, physical.collect(), &mut told);
    }
}

fn of_teams<'w>(
    cx: &Context<'w>,
    names: Names,
    prefix: &str,
    stage: Option<usize>,
) -> impl Iterator<Item = Space<'w>> {
    cx.workspace.teams.keys().flat_map(move |team| {
        let beginnings = resolved(cx.workspace, names, team).into_iter().filter(|text| !text.is_empty());
        beginnings.map(move |text| Space { beginning: format!("{prefix}{text}"), team, stage })
    })
}

/// Returns the stages whose names are in one place, if there are several: those on one cluster, and for service accounts
/// all on Confluent Cloud, where accounts belong to the organisation.
fn realms<'c, 'w>(cx: &'c Context<'w>, names: Names) -> Vec<Vec<&'c StageView<'w>>> {
    let mut realms: Vec<Vec<&StageView<'_>>> = Vec::new();
    fn cluster<'v>(view: &'v StageView<'_>) -> Option<(&'v str, &'v str)> {
        view.cluster.and_then(weir_model::Cluster::identity)
    }
    let same = |a: &StageView<'_>, b: &StageView<'_>| {
        let cloud = |view: &StageView<'_>| matches!(view.provider(), Some(ProviderRef::ConfluentCloud(_)));
        cluster(a).is_some() && cluster(a) == cluster(b) || names == Names::ServiceAccounts && cloud(a) && cloud(b)
    };
    for view in &cx.stages {
        match realms.iter_mut().find(|realm| realm.iter().any(|other| same(other, view))) {
            Some(realm) => realm.push(view),
            None => realms.push(vec![view]),
        }
    }
    realms.retain(|realm| realm.len() > 1);
    realms
}

fn overlaps<'w>(
    cx: &Context<'w>,
    out: &mut Out,
    names: Names,
    mut spaces: Vec<Space<'w>>,
    told: &mut BTreeSet<(&'w str, &'w str)>,
) {
    spaces.sort_by_cached_key(|space| (names.folded(&space.beginning), space.team, space.stage));
    let mut root: Option<&Space<'_>> = None;
    for space in &spaces {
        let Some(outer) = root.filter(|outer| overlap(names, &outer.beginning, &space.beginning)) else {
            root = Some(space);
            continue;
        };
        let pair = (outer.team.min(space.team), outer.team.max(space.team));
        if outer.team == space.team || !told.insert(pair) {
            continue;
        }
        let stage = |space: &Space<'_>| space.stage.map_or(String::new(), |i| format!(" in stage `{}`", cx.stage_name(i)));
        let message = format!(
            "the {}s of team `{}` begin with `{}`{}, those of team `{}` with `{}`{}",
            names.noun(),
            space.team,
            space.beginning,
            stage(space),
            outer.team,
            outer.beginning,
            stage(outer),
        );
        let help = format!("give one of the teams another name space: `names: {{{}: […]}}`", names.field());
        let at = |team: &str| Route::value(EntityRef::new(Kind::Team, team), ["spec", "names", names.field()]);
        out.push(out.error(at(space.team), message).help(help).related(at(outer.team), "the other team"));
    }
}
