use weir_findings::{RulePage, Severity};

use crate::{Rule, context::Context, out::Out};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "threshold",
        severity: Severity::Error,
        waivable: Some(Severity::Warning),
        title: "thresholds that can have an effect",
        what: "A stage's `threshold.percent` is at most 100. A value of 100 is a warning, because only a plan that \
               touches everything reaches it.",
        why: "The threshold stops a plan that would delete or change far more than its author intended. An \
              unreachable threshold stops nothing.",
        bad: "threshold: {percent: 150}",
        good: "threshold: {percent: 30}",
        remedy: "For a single large change, keep the threshold and deploy with `--beyond-threshold`.",
    },
    check,
};

fn check(cx: &Context<'_>, out: &mut Out) {
    for (i, stage) in cx.workspace.settings.spec.stages.iter().enumerate() {
        let percent = stage.threshold.percent;
        let at = || cx.stage(i, ["threshold", "percent"]);
        if percent > 100 {
            out.push(out.error(at(), format!("no plan can reach a threshold of {percent} %")).help("write 30, or another share up to 100"));
        } else if percent == 100 {
            let message = "a threshold of 100 % stops hardly any plan";
            out.push(out.warning(at(), message).help("write 30, and deploy large changes with `--beyond-threshold`"));
        }
    }
}
