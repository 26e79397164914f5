use weir_findings::{RulePage, Severity};
use weir_model::Route;

use crate::{
    Rule,
    context::{self, Context},
    out::Out,
};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "unknown-placeholder",
        severity: Severity::Error,
        waivable: None,
        title: "known placeholders",
        what: "Templates of vaults and namespaces have no braces except in `{team}` and `{stage}`.",
        why: "Any other placeholder would stay in the address unchanged.",
        bad: "defaults: {vault: \"https://kv-{tema}-{stage}.vault.azure.net\"}",
        good: "defaults: {vault: \"https://kv-{team}-{stage}.vault.azure.net\"}",
        remedy: "",
    },
    check,
};

fn check(cx: &Context<'_>, out: &mut Out) {
    let mut template = |text: Option<&String>, at: &dyn Fn() -> Route| {
        let Some(text) = text else { return };
        let rest = text.replace("{team}", "").replace("{stage}", "");
        let Some(start) = rest.find(['{', '}']) else { return };
        let end = rest[start..].find('}').map_or(rest.len(), |end| start + end + 1);
        let message = format!("`{}` is not a placeholder", &rest[start..end]);
        out.push(out.error(at(), message).help("the placeholders are `{team}` and `{stage}`"));
    };
    let settings = &cx.workspace.settings.spec;
    template(settings.defaults.vault.as_ref(), &|| cx.settings(["defaults", "vault"]));
    template(settings.defaults.namespace.as_ref(), &|| cx.settings(["defaults", "namespace"]));
    for (i, stage) in settings.stages.iter().enumerate() {
        template(stage.vault.as_ref(), &|| cx.stage(i, ["vault"]));
        template(stage.namespace.as_ref(), &|| cx.stage(i, ["namespace"]));
    }
    for team in cx.workspace.teams.values() {
        for (field, map) in [("vaults", &team.spec.vaults), ("namespaces", &team.spec.namespaces)] {
            for (stage, text) in map {
                template(Some(text), &|| context::team(team, [field, stage]));
            }
        }
    }
}
