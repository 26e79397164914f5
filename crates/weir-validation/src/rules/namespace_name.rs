use weir_findings::{RulePage, Severity};
use weir_model::{EntityRef, Kind, Route};

use crate::{
    Rule,
    context::{self, Context},
    out::Out,
};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "namespace-name",
        severity: Severity::Error,
        waivable: None,
        title: "names of namespaces that Kubernetes accepts",
        what: "The name of a namespace has 1 to 63 lower-case letters, digits and hyphens, with a letter or digit at \
               both ends. weir checks the result of a template for each team and stage.",
        why: "Kubernetes refuses other names, at a time when a developer waits for a pod.",
        bad: "namespaces: {dev: Toll_Dev}",
        good: "namespaces: {dev: toll-dev}",
        remedy: "",
    },
    check,
};

fn check(cx: &Context<'_>, out: &mut Out) {
    let settings = &cx.workspace.settings.spec;
    for view in &cx.stages {
        let stage = &view.stage.name;
        for (name, team) in &cx.workspace.teams {
            // The rule `kafka-name` reports an invalid team name; its namespace would only repeat the fault.
            if super::kafka_name::fault(name).is_some() {
                continue;
            }
            let (template, at) = if let Some(namespace) = team.spec.namespaces.get(stage) {
                (namespace, context::team(team, ["namespaces", stage]))
            } else if let Some(namespace) = &view.stage.namespace {
                (namespace, cx.stage(view.index, ["namespace"]))
            } else if let Some(namespace) = &settings.defaults.namespace {
                (namespace, cx.settings(["defaults", "namespace"]))
            } else {
                continue;
            };
            let namespace = template.replace("{team}", name).replace("{stage}", stage);
            // The rule `unknown-placeholder` reports braces that remain.
            if !namespace.contains(['{', '}']) && !legal(&namespace) {
                let mut finding = out.error(at.clone(), format!("`{namespace}` is not a valid namespace name"));
                if namespace != *template && !team.spec.namespaces.contains_key(stage) {
                    // The template fits other teams. This team must write its own namespace or change its name.
                    finding.at = Route::name(EntityRef::new(Kind::Team, name));
                    finding = finding.related(at, "the template");
                }
                let finding = finding
                    .help("use 1 to 63 lower-case letters, digits and hyphens, no hyphen at either end");
                out.push_in(view.index, finding);
            }
        }
    }
}

fn legal(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
}
