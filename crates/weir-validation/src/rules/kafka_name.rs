use weir_findings::{RulePage, Severity};
use weir_model::{EntityRef, Kind, Resource, Route};

use crate::{Rule, context, context::Context, out::Out};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "kafka-name",
        severity: Severity::Error,
        waivable: None,
        title: "names that Kafka accepts",
        what: "Topic names consist of letters, digits, `.`, `_` and `-`, are neither `.` nor `..`, and have at most \
               249 characters with the stage's prefix. Prefixes and the names of teams, service accounts, access \
               control lists, stages, clusters and profiles consist of the same characters. Consumer groups and \
               transactional ids have no blanks or control characters, and at most 249 characters.",
        why: "The broker refuses an illegal name only when the topic is created, long after the review.",
        bad: "metadata: {name: \"toll transactions/v1\", team: toll}",
        good: "metadata: {name: toll.transactions.v1, team: toll}",
        remedy: "",
    },
    check,
};

/// Kafka's limit for a topic's name, in characters: the name and a partition number become the name of a folder
/// (`Topic.MAX_NAME_LENGTH`).
const MAX_LENGTH: usize = 249;

const LETTERS: &str = "use only letters, digits, `.`, `_` and `-`";

fn legal(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

/// Returns the fault of a name and the advice; `None` for a valid name.
pub(super) fn fault(name: &str) -> Option<(String, &'static str)> {
    if name.is_empty() {
        return Some(("is empty".to_owned(), "write a name"));
    }
    if name == "." || name == ".." {
        return Some((format!("is `{name}`, which Kafka would take for a folder"), "write a name"));
    }
    if let Some(c) = name.chars().find(|c| !legal(*c)) {
        return Some((format!("`{}` contains `{}`", name.escape_debug(), c.escape_debug()), LETTERS));
    }
    (name.len() > MAX_LENGTH).then(|| (format!("has {} characters", name.len()), "use at most 249 characters"))
}

fn check(cx: &Context<'_>, out: &mut Out) {
    let workspace = cx.workspace;
    let mut name = |what: &str, name: &str, at: &dyn Fn() -> Route| {
        if let Some((fault, help)) = fault(name) {
            out.push(out.error(at(), format!("the {what} name {fault}")).help(help));
        }
    };
    let settings = &workspace.settings.spec;
    name("workspace", &workspace.settings.metadata.name, &|| Route::name(cx.settings_ref()));
    for (i, stage) in settings.stages.iter().enumerate() {
        name("stage", &stage.name, &|| cx.stage(i, ["name"]));
    }
    for cluster in settings.clusters.keys() {
        name("cluster", cluster, &|| Route { key: true, ..cx.settings(["clusters", cluster]) });
    }
    for profile in settings.profiles.keys() {
        name("profile", profile, &|| Route { key: true, ..cx.settings(["profiles", profile]) });
    }
    for team in workspace.teams.keys() {
        name("team", team, &|| Route::name(EntityRef::new(Kind::Team, team)));
    }
    for topic in workspace.topics.keys() {
        name("topic", topic, &|| Route::name(EntityRef::new(Kind::Topic, topic)));
    }
    for account in workspace.service_accounts.keys() {
        name("service account", account, &|| Route::name(EntityRef::new(Kind::ServiceAccount, account)));
    }
    for acl in workspace.access_control_lists.keys() {
        name("access control list", acl, &|| Route::name(EntityRef::new(Kind::AccessControlList, acl)));
    }
    prefixes(cx, out);
    physical(cx, out);
    clients(cx, out);
}

fn prefixes(cx: &Context<'_>, out: &mut Out) {
    for (i, stage) in cx.workspace.settings.spec.stages.iter().enumerate() {
        let prefix = &stage.prefix;
        for (field, value) in [
            ("topic", &prefix.topic),
            ("group", &prefix.group),
            ("transactionalId", &prefix.transactional_id),
            ("serviceAccount", &prefix.service_account),
        ] {
            if let Some(c) = value.iter().flat_map(|text| text.chars()).find(|c| !legal(*c)) {
                let message = format!("the prefix `{}` contains `{}`", value.as_deref().unwrap_or_default(), c.escape_debug());
                out.push(out.error(cx.stage(i, ["prefix", field]), message).help(LETTERS));
            }
        }
    }
}

fn physical(cx: &Context<'_>, out: &mut Out) {
    for view in &cx.stages {
        for (logical, topic) in &view.topics {
            if topic.name.len() > MAX_LENGTH && logical.len() <= MAX_LENGTH {
                let message = format!("with its prefix the topic name has {} characters", topic.name.len());
                let at = Route::name(topic.entity.entity_ref());
                out.push_in(view.index, out.error(at, message).help("use at most 249 characters, prefix included"));
            }
        }
    }
}

fn clients(cx: &Context<'_>, out: &mut Out) {
    for acl in cx.workspace.access_control_lists.values() {
        for written in context::written(acl) {
            for (i, grant) in written.allow.iter().enumerate() {
                for (field, what, name) in [
                    ("group", "consumer group", &grant.group),
                    ("transactionalId", "transactional id", &grant.transactional_id),
                ] {
                    let Some(name) = name else { continue };
                    let fault = if name.chars().any(|c| c.is_whitespace() || c.is_control()) {
                        format!("the {what} `{}` contains white space or a control character", name.escape_debug())
                    } else if name.len() > MAX_LENGTH {
                        format!("the {what} has {} characters", name.len())
                    } else {
                        continue;
                    };
                    let at = written.route(acl, "allow", i, field);
                    out.push(out.error(at, fault).help("use at most 249 characters, without white space"));
                }
            }
            for (i, rule) in written.rules.iter().enumerate() {
                let about = matches!(rule.resource, Resource::Group | Resource::TransactionalId);
                let Some(name) = rule.name.as_deref().filter(|_| about) else { continue };
                if let Some(c) = name.chars().find(|c| c.is_control()) {
                    let fault = format!("the name `{}` contains `{}`", name.escape_debug(), c.escape_debug());
                    let at = written.route(acl, "rules", i, "name");
                    out.push(out.error(at, fault).help("use visible characters"));
                }
            }
        }
    }
}
