use std::collections::BTreeMap;

use weir_findings::{RulePage, Severity};

use crate::{Rule, context::Context, out::Out};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "stage-list",
        severity: Severity::Error,
        waivable: None,
        title: "stages with different names",
        what: "A workspace has at least one stage. No two stages have the same name.",
        why: "Without a stage there is nothing to plan. Two stages of one name would be ambiguous.",
        bad: "stages: []",
        good: "stages:\n  - {name: dev, cluster: nonprod}",
        remedy: "",
    },
    check,
};

fn check(cx: &Context<'_>, out: &mut Out) {
    let stages = &cx.workspace.settings.spec.stages;
    if stages.is_empty() {
        let finding = out.error(cx.settings(["stages"]), "there is no stage");
        out.push(finding.help("write at least one: `- {name: dev, cluster: …}`"));
    }
    let mut first = BTreeMap::new();
    for (i, stage) in stages.iter().enumerate() {
        let earlier = *first.entry(stage.name.as_str()).or_insert(i);
        if earlier != i {
            let finding = out
                .error(cx.stage(i, ["name"]), format!("there are two stages `{}`", stage.name))
                .help("rename one of them")
                .related(cx.stage(earlier, ["name"]), "the other one");
            out.push(finding);
        }
    }
}
