use weir_findings::{RulePage, Severity};
use weir_model::{Operation, Permission, Resource};
use weir_ownership::{Authority, Ownership};

use crate::{
    Rule,
    context::{Context, written},
    out::Out,
};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "cluster-rights",
        severity: Severity::Error,
        waivable: None,
        title: "no right over the topics of all teams",
        what: "Raw rules on the cluster allow Describe, DescribeConfigs and IdempotentWrite only. In a workspace with \
               `ownership`, a team's file may ask for IdempotentWrite only, and for nothing on delegation tokens; a file \
               of the platform team may ask for every right.",
        why: "Alter on the cluster is the right to change every ACL binding, Create the right to create topics of any \
              name, ClusterAction the right to act as a broker, and whoever may describe a delegation token can use it. \
              An account with one of these rights needs no consent of any team.",
        bad: "rules:\n  - {resource: cluster, operations: [Alter]}",
        good: "rules:\n  - {resource: cluster, operations: [Describe]}",
        remedy: "Create accounts that administer the cluster outside these files. To let an application create its \
                 own topics, write a rule on the topics: `{resource: topic, name: toll., pattern: prefixed, \
                 operations: [Create]}`.",
    },
    check,
};

const HARMLESS: [Operation; 3] = [Operation::Describe, Operation::DescribeConfigs, Operation::IdempotentWrite];

fn check(cx: &Context<'_>, out: &mut Out) {
    if let Some(ownership) = &cx.ownership {
        return governed(cx, out, ownership);
    }
    for acl in cx.workspace.access_control_lists.values() {
        for level in written(acl) {
            for (i, rule) in level.rules.iter().enumerate() {
                if rule.resource != Resource::Cluster || rule.permission != Permission::Allow {
                    continue;
                }
                for (j, operation) in rule.operations.iter().enumerate().filter(|(_, op)| !HARMLESS.contains(op)) {
                    let mut at = level.route(acl, "rules", i, "operations");
                    at.path.push(j.to_string());
                    let message = format!("`{operation:?}` on the cluster affects the topics of every team");
                    out.push(out.error(at, message).help("remove it; a rule on your own topics may be enough"));
                }
            }
        }
    }
}

/// The rights of teams, in a workspace with `ownership`.
fn governed(cx: &Context<'_>, out: &mut Out, ownership: &Ownership<'_>) {
    for acl in cx.workspace.access_control_lists.values() {
        if ownership.authority_over(acl.origin) == Authority::Platform {
            continue;
        }
        for level in written(acl) {
            for (i, rule) in level.rules.iter().enumerate() {
                let (what, fine): (_, &[Operation]) = match rule.resource {
                    Resource::Cluster => ("the cluster", &[Operation::IdempotentWrite]),
                    Resource::DelegationToken => ("delegation tokens", &[]),
                    Resource::Topic | Resource::Group | Resource::TransactionalId => continue,
                };
                for (j, operation) in rule.operations.iter().enumerate().filter(|(_, op)| !fine.contains(op)) {
                    let mut at = level.route(acl, "rules", i, "operations");
                    at.path.push(j.to_string());
                    let message = format!("`{operation:?}` on {what} affects every team");
                    let help = format!("remove it, or ask team `{}` for a list in one of its own files", ownership.platform());
                    out.push(out.error(at, message).help(help));
                }
            }
        }
    }
}
