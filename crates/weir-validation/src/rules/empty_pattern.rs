use weir_findings::{RulePage, Severity};
use weir_model::{PatternType, Permission, Prefix, Resource};

use crate::{
    Rule,
    context::{Context, access, written},
    out::Out,
};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "empty-pattern",
        severity: Severity::Error,
        waivable: None,
        title: "no pattern that matches everything by accident",
        what: "No prefix, owned pattern, or name in a grant or raw rule is empty. `*` is allowed only at the end of a \
               name; in raw rules only alone (use `pattern: prefixed` instead). A pattern under `owns` is never `*` \
               alone. In a stage without a prefix, no grant is on `*`, since `*` would mean every name of the \
               cluster. A raw rule with a `reason` may be on `*`, or use `*` as a letter of a name. In a workspace with \
               `ownership`, `*` needs the consent of the platform team instead.",
        why: "An empty prefix matches every name. Such mistakes have deleted whole clusters, and have opened them to \
              everybody.",
        bad: "owns: {topics: [\"*\"]}",
        good: "owns: {topics: [\"dev.*\"]}",
        remedy: "",
    },
    check,
};

const OMIT: &str = "write a value, or leave the field out";

fn check(cx: &Context<'_>, out: &mut Out) {
    for (i, stage) in cx.workspace.settings.spec.stages.iter().enumerate() {
        let Prefix { topic, group, transactional_id, service_account } = &stage.prefix;
        for (field, value) in [
            ("topic", topic),
            ("group", group),
            ("transactionalId", transactional_id),
            ("serviceAccount", service_account),
        ] {
            if value.as_deref() == Some("") {
                out.push(out.error(cx.stage(i, ["prefix", field]), "the prefix is empty").help(OMIT));
            }
        }
        let Some(owns) = &stage.owns else { continue };
        for (field, patterns) in [("topics", &owns.topics), ("serviceAccounts", &owns.service_accounts)] {
            for (j, pattern) in patterns.iter().enumerate() {
                let at = || cx.stage(i, ["owns", field, &j.to_string()]);
                let body = pattern.strip_suffix('*').unwrap_or(pattern);
                if body.is_empty() {
                    let message = format!("the pattern `{pattern}` would match every name");
                    out.push(out.error(at(), message).help("write the beginning of the names, as in `dev.*`"));
                } else if body.contains('*') {
                    let message = format!("the pattern `{pattern}` has a `*` before its end");
                    out.push(out.error(at(), message).help("write the beginning of the names, then `*`"));
                }
            }
        }
    }
    as_written(cx, out);
    everything(cx, out);
}

/// Returns `true` if the rule gives a reason. Rules with a reason come from clusters that are older than the files.
fn reasoned(rule: &weir_model::Rule) -> bool {
    rule.reason.as_deref().is_some_and(|reason| !reason.trim().is_empty())
}

fn as_written(cx: &Context<'_>, out: &mut Out) {
    for acl in cx.workspace.access_control_lists.values() {
        for level in written(acl) {
            for (i, grant) in level.allow.iter().enumerate() {
                for (field, name) in [
                    ("produce", &grant.produce),
                    ("consume", &grant.consume),
                    ("group", &grant.group),
                    ("transactionalId", &grant.transactional_id),
                ] {
                    let Some(name) = name else { continue };
                    let at = || level.route(acl, "allow", i, field);
                    if name.is_empty() {
                        out.push(out.error(at(), format!("`{field}` is empty")).help(OMIT));
                    } else if name.strip_suffix('*').unwrap_or(name).contains('*') {
                        let message = format!("`{name}` has a `*` before its end");
                        out.push(out.error(at(), message).help("write the beginning of the names, then `*`"));
                    }
                }
            }
            for (i, rule) in level.rules.iter().enumerate() {
                let Some(name) = rule.name.as_deref() else { continue };
                let at = || level.route(acl, "rules", i, "name");
                if name.is_empty() {
                    out.push(out.error(at(), "the name is empty").help("write the name, or its beginning"));
                } else if name.contains('*') && (name != "*" || rule.pattern == PatternType::Prefixed) && !reasoned(rule) {
                    let message = format!("Kafka would take the `*` in `{name}` literally");
                    let help = match name.strip_suffix('*').filter(|body| !body.is_empty() && !body.contains('*')) {
                        Some(body) => format!("write `name: {body}` with `pattern: prefixed`"),
                        None => "write the name, or its beginning with `pattern: prefixed`".to_owned(),
                    };
                    out.push(out.error(at(), message).help(help));
                }
            }
        }
    }
}

/// Reports rights on `*` in stages without a prefix, which would reach beyond the stage.
fn everything(cx: &Context<'_>, out: &mut Out) {
    // With `ownership`, `*` needs the consent of the platform team: the rule `sharing-consent`.
    if cx.ownership.is_some() {
        return;
    }
    for view in &cx.stages {
        let Prefix { topic, group, transactional_id, service_account: _ } = &view.stage.prefix;
        let open = |prefix: &Option<String>| prefix.as_deref().unwrap_or_default().is_empty();
        let (topics, groups, ids) = (open(topic), open(group), open(transactional_id));
        if !(topics || groups || ids) {
            continue;
        }
        for list in view.access.values() {
            for (i, grant) in list.allow.iter().enumerate() {
                for (field, what, name, open) in [
                    ("produce", "topic", &grant.produce, topics),
                    ("consume", "topic", &grant.consume, topics),
                    ("group", "consumer group", &grant.group, groups),
                    ("transactionalId", "transactional id", &grant.transactional_id, ids),
                ] {
                    if open && name.as_deref() == Some("*") {
                        let at = access(view, list, "allow", i, field);
                        let message = format!("`*` means every {what} of the cluster, because the stage sets no prefix for them");
                        out.push_in(view.index, out.error(at, message).help("write the beginning of the names, as in `toll.*`"));
                    }
                }
            }
            for (i, rule) in list.rules.iter().enumerate() {
                let open = match rule.resource {
                    Resource::Topic => topics,
                    Resource::Group => groups,
                    Resource::TransactionalId => ids,
                    Resource::Cluster | Resource::DelegationToken => false,
                };
                let all = rule.pattern == PatternType::Literal && rule.name.as_deref() == Some("*");
                if open && all && rule.permission == Permission::Allow && !reasoned(rule) {
                    let at = access(view, list, "rules", i, "name");
                    let message = "`*` means every name of the cluster, because the stage sets no prefix for them";
                    let help = "write the beginning of the names with `pattern: prefixed`, or state under `reason` why the account needs all names";
                    out.push_in(view.index, out.error(at, message).help(help));
                }
            }
        }
    }
}
