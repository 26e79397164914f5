use weir_findings::{RulePage, Severity};
use weir_model::{Route, TopicAccess};

use crate::{
    Rule,
    context::{Context, overlays, set, spec},
    out::Out,
};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "access-list",
        severity: Severity::Warning,
        waivable: Some(Severity::Warning),
        title: "lists of teams without useless entries",
        what: "A topic's `access` names other teams, each once; `\"*\"` stands alone.",
        why: "An entry without effect misleads the reader: beside `\"*\"`, every team has the right already.",
        bad: "access: {consumers: [cards, \"*\"]}",
        good: "access: {consumers: [\"*\"]}",
        remedy: "",
    },
    check,
};

fn check(cx: &Context<'_>, out: &mut Out) {
    for topic in cx.workspace.topics.values() {
        let mut judge = |access: &TopicAccess, parent: &[&str]| {
            for (field, teams) in [
                ("consumers", &access.consumers),
                ("producers", &access.producers),
                ("administrators", &access.administrators),
            ] {
                list(out, &topic.metadata.team, teams, |i| {
                    spec(topic.entity_ref(), parent.iter().copied().chain(["access", field, &i.to_string()]))
                });
            }
        };
        judge(&topic.spec.access, &[]);
        for (stage, overlay) in overlays(&topic.spec.stages) {
            if let Some(access) = set(&overlay.access) {
                judge(access, &["stages", stage]);
            }
        }
    }
}

fn list(out: &mut Out, owner: &str, teams: &[String], at: impl Fn(usize) -> Route) {
    let everybody = teams.iter().any(|team| team == "*");
    for (i, team) in teams.iter().enumerate() {
        let message = if team == owner {
            format!("team `{team}` owns the topic and needs no consent of its own")
        } else if teams[..i].contains(team) {
            format!("team `{team}` is listed twice")
        } else if everybody && team != "*" {
            format!("`\"*\"` lets every team in, `{team}` included")
        } else {
            continue;
        };
        out.push(out.warning(at(i), message).help(format!("remove `{team}`")));
    }
}
