use std::net::IpAddr;

use weir_findings::{Finding, RulePage, Severity};
use weir_model::{Operation, PatternType, Resource, Route, Rule as RawRule};

use crate::{
    Rule,
    context::{Context, access, on_confluent, written},
    out::Out,
};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "rule-shape",
        severity: Severity::Error,
        waivable: Some(Severity::Warning),
        title: "raw rules that Kafka accepts",
        what: "A raw rule names a resource (the cluster needs no name, and has no pattern) and at least one operation \
               of that resource, each once. `host` is an IP address or `*`. On Confluent Cloud, `host` is `*`, and \
               there are no rules on delegation tokens.",
        why: "The broker refuses an operation that does not apply to the resource. A host name would never match, \
              since brokers compare addresses.",
        bad: "rules:\n  - {resource: group, name: toll-billing, operations: [Write]}",
        good: "rules:\n  - {resource: group, name: toll-billing, operations: [Read]}",
        remedy: "",
    },
    check,
};

/// Returns the operations on a resource, without `All` (Kafka 4: `AclEntry.supportedOperations`).
fn operations(resource: Resource) -> &'static [Operation] {
    use Operation::*;
    match resource {
        Resource::Topic => &[Read, Write, Create, Describe, Delete, Alter, DescribeConfigs, AlterConfigs],
        Resource::Group => &[Read, Describe, Delete, DescribeConfigs, AlterConfigs],
        Resource::Cluster => &[Create, ClusterAction, DescribeConfigs, AlterConfigs, IdempotentWrite, Alter, Describe],
        Resource::TransactionalId => &[Describe, Write],
        Resource::DelegationToken => &[Describe],
    }
}

fn check(cx: &Context<'_>, out: &mut Out) {
    for acl in cx.workspace.access_control_lists.values() {
        for level in written(acl) {
            for (i, rule) in level.rules.iter().enumerate() {
                for finding in shape(out, rule, |field| level.route(acl, "rules", i, field)) {
                    out.push(finding);
                }
            }
        }
    }
    for view in cx.stages.iter().filter(|view| on_confluent(view)) {
        for list in view.access.values() {
            for (i, rule) in list.rules.iter().enumerate() {
                let at = |field| access(view, list, "rules", i, field);
                if let Some(host) = rule.host.as_deref().filter(|host| *host != "*") {
                    let message = format!("Confluent Cloud accepts only the host `*`, not `{host}`");
                    out.push_in(view.index, out.error(at("host"), message).help("leave `host` out"));
                }
                if rule.resource == Resource::DelegationToken {
                    let message = "Confluent Cloud has no delegation tokens";
                    out.push_in(view.index, out.error(at("resource"), message).help("remove the rule"));
                }
            }
        }
    }
}

fn shape(out: &Out, rule: &RawRule, at: impl Fn(&str) -> Route) -> Vec<Finding<Route>> {
    let mut found = Vec::new();
    let resource = rule.resource.as_str();
    if rule.resource == Resource::Cluster {
        if let Some(name) = rule.name.as_deref().filter(|name| *name != "kafka-cluster") {
            let message = format!("a rule for the cluster takes no name, found `{name}`");
            found.push(out.error(at("name"), message).help("leave `name` out"));
        }
        if rule.pattern == PatternType::Prefixed {
            found.push(out.error(at("pattern"), "`pattern: prefixed` does not apply to the cluster").help("leave `pattern` out"));
        }
    } else if rule.name.is_none() {
        let help = format!("write the {resource}'s name, or its beginning with `pattern: prefixed`");
        found.push(out.error(at(""), format!("the rule names no {resource}")).help(help));
    }
    if rule.operations.is_empty() {
        found.push(out.error(at("operations"), "the rule names no operation").help("write one, or remove the rule"));
    }
    let legal = operations(rule.resource);
    for (i, operation) in rule.operations.iter().enumerate() {
        let at = || {
            let mut route = at("operations");
            route.path.push(i.to_string());
            route
        };
        if *operation != Operation::All && !legal.contains(operation) {
            let names: Vec<_> = legal.iter().map(|operation| format!("{operation:?}")).collect();
            let message = format!("`{operation:?}` is not an operation on a {resource}");
            found.push(out.error(at(), message).help(format!("the operations on a {resource} are {} and All", names.join(", "))));
        } else if rule.operations[..i].contains(operation) {
            found.push(out.warning(at(), format!("`{operation:?}` is listed twice")).help("remove one"));
        }
    }
    if rule.operations.len() > 1 && rule.operations.contains(&Operation::All) {
        found.push(out.warning(at("operations"), "`All` already includes the other operations").help("write only the operations that are needed"));
    }
    if let Some(host) = rule.host.as_deref().filter(|host| *host != "*" && host.parse::<IpAddr>().is_err()) {
        let message = format!("`{}` is not an IP address", host.escape_debug());
        found.push(out.error(at("host"), message).help("write one address, or leave `host` out for any"));
    }
    found
}
