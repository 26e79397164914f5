use std::collections::BTreeSet;

use weir_findings::{RulePage, Severity};
use weir_model::{Ensure, EntityRef, Kind, Route};

use crate::{Rule, context::Context, out::Out};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "namespace-missing",
        severity: Severity::Warning,
        waivable: Some(Severity::Warning),
        title: "a namespace for every team with accounts",
        what: "A team that has service accounts in a stage has a Kubernetes namespace there: under its `namespaces`, or by \
               the template `namespace` of the stage or of the workspace's defaults.",
        why: "Pods of a team start in its namespace.",
        bad: "kind: Team\nspec: {}",
        good: "kind: Team\nspec:\n  namespaces: {dev: toll-dev, prod: toll-prod}",
        remedy: "",
    },
    check,
};

fn check(cx: &Context<'_>, out: &mut Out) {
    for view in &cx.stages {
        let without: BTreeSet<&str> = view
            .accounts
            .values()
            .filter(|account| account.ensure == Ensure::Present && account.namespace.is_none())
            .map(|account| account.entity.metadata.team.as_str())
            .filter(|team| cx.teams.contains_key(team))
            .collect();
        for team in without {
            let at = Route::name(EntityRef::new(Kind::Team, team));
            let help = "write the namespace under `namespaces`, or a `namespace` template in `weir.yaml`";
            let message = format!("team `{team}` has service accounts but no namespace");
            out.push_in(view.index, out.warning(at, message).help(help));
        }
    }
}
