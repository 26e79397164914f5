use weir_findings::{RulePage, Severity};

use crate::{Rule, context::Context, out::Out};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "owned-scope",
        severity: Severity::Warning,
        waivable: Some(Severity::Warning),
        title: "owned patterns begin with the stage's prefix",
        what: "A stage with `prune: true` has `owns`. In a stage with a prefix, the patterns under `owns` begin with \
               that prefix.",
        why: "Without `owns`, `prune` has no effect. A pattern without the prefix matches names of other stages, and \
              `prune` would delete them.",
        bad: "- name: dev\n  cluster: nonprod\n  prefix: {topic: \"dev.\"}\n  owns: {topics: [\"d*\"]}",
        good: "- name: dev\n  cluster: nonprod\n  prefix: {topic: \"dev.\"}\n  owns: {topics: [\"dev.*\"]}",
        remedy: "",
    },
    check,
};

fn check(cx: &Context<'_>, out: &mut Out) {
    for (i, stage) in cx.workspace.settings.spec.stages.iter().enumerate() {
        let owns = stage.owns.as_ref();
        if stage.prune && owns.is_none_or(|owns| owns.topics.is_empty() && owns.service_accounts.is_empty()) {
            let message = format!("stage `{}` has `prune: true` but owns no names, so weir never prunes anything", stage.name);
            out.push(out.warning(cx.stage(i, ["prune"]), message).help("write `owns`, or remove `prune`"));
        }
        let Some(owns) = owns else { continue };
        for (field, patterns, prefix) in [
            ("topics", &owns.topics, &stage.prefix.topic),
            ("serviceAccounts", &owns.service_accounts, &stage.prefix.service_account),
        ] {
            let Some(prefix) = prefix.as_deref().filter(|prefix| !prefix.is_empty()) else { continue };
            for (j, pattern) in patterns.iter().enumerate() {
                let body = pattern.strip_suffix('*').unwrap_or(pattern);
                if !body.is_empty() && !body.starts_with(prefix) {
                    let at = cx.stage(i, ["owns", field, &j.to_string()]);
                    let message = format!("`{pattern}` matches names without the stage's prefix `{prefix}`");
                    out.push(out.warning(at, message).help(format!("write `{prefix}*`, or a longer beginning")));
                }
            }
        }
    }
}
