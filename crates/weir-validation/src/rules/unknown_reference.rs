use weir_findings::{RulePage, Severity};
use weir_model::{ConsentSpec, Kind, Route, StageView, TopicAccess};

use crate::{
    Rule,
    context::{self, Context, access, exists, overlays, set, spec},
    out::Out,
    suggest::{around, instead, instead_in},
};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "unknown-reference",
        severity: Severity::Error,
        waivable: Some(Severity::Warning),
        title: "references have a target",
        what: "Every named team, service account, profile, cluster and stage, and every topic of a grant, is \
               declared. A grant on a pattern that matches no declared topic, and a raw rule on an undeclared topic, \
               are warnings.",
        why: "A misspelt name would silently have no effect: no right, no consent, no difference in a stage.",
        bad: "allow:\n  - {consume: card.status.v1, group: toll-billing}",
        good: "allow:\n  - {consume: cards.status.v1, group: toll-billing}",
        remedy: "Declare a topic that is managed elsewhere with `ensure: unmanaged`: weir then knows it and never \
                 touches it.",
    },
    check,
};

fn check(cx: &Context<'_>, out: &mut Out) {
    settings(cx, out);
    teams(cx, out);
    topics(cx, out);
    accounts(cx, out);
    grants(cx, out);
    consents(cx, out);
}

fn consents(cx: &Context<'_>, out: &mut Out) {
    let mut check = |consent: &ConsentSpec, at: &dyn Fn(&[&str]) -> Route| {
        let ConsentSpec { observers, consumers, producers, administrators, stages, .. } = consent;
        for (field, teams, everybody) in [
            ("observers", observers, true),
            ("consumers", consumers, true),
            ("producers", producers, true),
            ("administrators", administrators, false),
        ] {
            for (i, name) in teams.iter().enumerate().filter(|(_, name)| !(everybody && *name == "*")) {
                team(cx, out, name, || at(&[field, &i.to_string()]));
            }
        }
        for (i, name) in stages.iter().enumerate() {
            stage(cx, out, name, || at(&["stages", &i.to_string()]));
        }
    };
    for consent in cx.workspace.consents.values() {
        check(&consent.spec, &|path| spec(consent.entity_ref(), path.iter().copied()));
    }
    for (i, consent) in cx.workspace.settings.spec.ownership.iter().flat_map(|spec| &spec.consents).enumerate() {
        let i = i.to_string();
        check(consent, &|path| cx.settings(["ownership", "consents", &i].iter().chain(path).copied()));
    }
    for consent in cx.workspace.consents.values() {
        team(cx, out, &consent.metadata.team, || Route::value(consent.entity_ref(), ["metadata", "team"]));
    }
}

fn stage(cx: &Context<'_>, out: &mut Out, name: &str, at: impl FnOnce() -> Route) {
    if !cx.has_stage(name) {
        let help = instead(name, "stage", cx.stages.iter().map(|view| view.stage.name.as_str()));
        out.push(out.error(Route { key: true, ..at() }, format!("there is no stage `{name}`")).help(help));
    }
}

fn team(cx: &Context<'_>, out: &mut Out, name: &str, at: impl FnOnce() -> Route) {
    if !cx.teams.contains_key(name) && !cx.is_malformed(Kind::Team, name) {
        let help = instead_in(name, "team", &cx.workspace.teams);
        out.push(out.error(at(), format!("there is no team `{name}`")).help(help));
    }
}

fn profile(cx: &Context<'_>, out: &mut Out, name: &str, at: impl FnOnce() -> Route) {
    let profiles = &cx.workspace.settings.spec.profiles;
    if !profiles.contains_key(name) {
        let help = instead_in(name, "profile", profiles);
        out.push(out.error(at(), format!("there is no profile `{name}`")).help(help));
    }
}

fn settings(cx: &Context<'_>, out: &mut Out) {
    let settings = &cx.workspace.settings.spec;
    for (i, stage) in settings.stages.iter().enumerate() {
        if !settings.clusters.contains_key(&stage.cluster) {
            let help = instead_in(&stage.cluster, "cluster", &settings.clusters);
            let message = format!("there is no cluster `{}`", stage.cluster);
            out.push(out.error(cx.stage(i, ["cluster"]), message).help(help));
        }
    }
    if let Some(name) = &settings.defaults.profile {
        profile(cx, out, name, || cx.settings(["defaults", "profile"]));
    }
}

fn teams(cx: &Context<'_>, out: &mut Out) {
    for team in cx.workspace.teams.values() {
        for (field, stages) in [("vaults", &team.spec.vaults), ("namespaces", &team.spec.namespaces)] {
            stages.keys().for_each(|name| stage(cx, out, name, || context::team(team, [field, name])));
        }
    }
}

fn topics(cx: &Context<'_>, out: &mut Out) {
    for topic in cx.workspace.topics.values() {
        let entity = || topic.entity_ref();
        team(cx, out, &topic.metadata.team, || Route::value(entity(), ["metadata", "team"]));
        if let Some(name) = &topic.spec.profile {
            profile(cx, out, name, || spec(entity(), ["profile"]));
        }
        topic.spec.not_in.keys().for_each(|name| stage(cx, out, name, || spec(entity(), ["notIn", name])));
        let mut shared = |list: &TopicAccess, path: &[&str]| {
            // `*` is not accepted for administrators: there it is reported as an unknown team.
            for (field, teams, everybody) in [
                ("observers", &list.observers, true),
                ("consumers", &list.consumers, true),
                ("producers", &list.producers, true),
                ("administrators", &list.administrators, false),
            ] {
                for (i, name) in teams.iter().enumerate().filter(|(_, name)| !(everybody && *name == "*")) {
                    let i = i.to_string();
                    team(cx, out, name, || spec(entity(), path.iter().copied().chain(["access", field, &i])));
                }
            }
        };
        shared(&topic.spec.access, &[]);
        for (name, overlay) in overlays(&topic.spec.stages) {
            if let Some(list) = set(&overlay.access) {
                shared(list, &["stages", name]);
            }
        }
        for (name, overlay) in topic.spec.stages.iter().flatten() {
            stage(cx, out, name, || spec(entity(), ["stages", name]));
            if let Some(used) = overlay.as_ref().and_then(|overlay| set(&overlay.profile)) {
                profile(cx, out, used, || spec(entity(), ["stages", name, "profile"]));
            }
        }
    }
}

fn accounts(cx: &Context<'_>, out: &mut Out) {
    for account in cx.workspace.service_accounts.values() {
        let entity = || account.entity_ref();
        team(cx, out, &account.metadata.team, || Route::value(entity(), ["metadata", "team"]));
        account.spec.not_in.keys().for_each(|name| stage(cx, out, name, || spec(entity(), ["notIn", name])));
        for name in account.spec.stages.iter().flat_map(|stages| stages.keys()) {
            stage(cx, out, name, || spec(entity(), ["stages", name]));
        }
    }
    for acl in cx.workspace.access_control_lists.values() {
        let entity = || acl.entity_ref();
        team(cx, out, &acl.metadata.team, || Route::value(entity(), ["metadata", "team"]));
        let name = &acl.spec.service_account;
        let accounts = &cx.workspace.service_accounts;
        if !cx.accounts.contains_key(name) && !cx.is_malformed(Kind::ServiceAccount, name) {
            let help = instead_in(name, "service account", accounts);
            let message = format!("there is no service account `{name}`");
            out.push(out.error(spec(entity(), ["serviceAccount"]), message).help(help));
        }
        for name in acl.spec.stages.iter().flat_map(|stages| stages.keys()) {
            stage(cx, out, name, || spec(entity(), ["stages", name]));
        }
    }
}

fn grants(cx: &Context<'_>, out: &mut Out) {
    for acl in cx.workspace.access_control_lists.values() {
        for written in context::written(acl) {
            for (i, grant) in written.allow.iter().enumerate() {
                for (field, name) in [("produce", &grant.produce), ("consume", &grant.consume)] {
                    // Patterns depend on the stage and are checked below, per stage. The rule `empty-pattern` reports
                    // malformed patterns.
                    let Some(name) = name.as_deref().filter(|name| !name.is_empty() && !name.contains('*')) else {
                        continue;
                    };
                    if cx.topics.contains_key(name) || cx.is_malformed(Kind::Topic, name) {
                        continue;
                    }
                    let help = match weir_findings::closest(name, around(name, &cx.workspace.topics)) {
                        Some(meant) => format!("did you mean `{meant}`?"),
                        None => "declare the topic, with `ensure: unmanaged` if others manage it".to_owned(),
                    };
                    let at = written.route(acl, "allow", i, field);
                    out.push(out.error(at, format!("there is no topic `{name}`")).help(help));
                }
            }
            for (i, name) in context::literal_topics(written.rules) {
                if !cx.topics.contains_key(name) && !cx.is_malformed(Kind::Topic, name) {
                    let at = written.route(acl, "rules", i, "name");
                    let help = "declare the topic, with `ensure: unmanaged` if others manage it";
                    out.push(out.warning(at, format!("there is no topic `{name}`")).help(help));
                }
            }
        }
    }
    cx.stages.iter().for_each(|view| patterns(view, out));
}

fn patterns(view: &StageView<'_>, out: &mut Out) {
    for list in view.access.values() {
        for (i, grant) in list.allow.iter().enumerate() {
            for (field, name) in [("produce", &grant.produce), ("consume", &grant.consume)] {
                let Some(body) = name.as_deref().and_then(|name| name.strip_suffix('*')) else { continue };
                // The rule `empty-pattern` reports `*` alone.
                if body.is_empty() || body.contains('*') {
                    continue;
                }
                let mut matching = view.topics.range(body..).take_while(|(name, _)| name.starts_with(body));
                if !matching.any(|(_, topic)| exists(topic.ensure)) {
                    let message = format!("`{body}*` matches no topic");
                    let at = access(view, list, "allow", i, field);
                    out.push_in(view.index, out.warning(at, message).help("remove the grant, or correct its beginning"));
                }
            }
        }
    }
}
