use weir_findings::{RulePage, Severity};
use weir_model::settings;

use crate::{Rule, context::Context, out::Out};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "unknown-setting",
        severity: Severity::Error,
        waivable: None,
        title: "settings that Kafka knows",
        what: "Every key under `config` of topics and profiles is a topic setting of Apache Kafka or Confluent Cloud.",
        why: "The broker refuses an unknown setting, or ignores it, so that the default stays in force.",
        bad: "config: {retention: 7d}",
        good: "config: {retention.ms: 7d}",
        remedy: "",
    },
    check,
};

/// The largest number of findings with a suggestion: a suggestion compares the name with all of Kafka's.
const MOST_SUGGESTIONS: usize = 1_000;

fn check(cx: &Context<'_>, out: &mut Out) {
    let mut suggestions = 0;
    cx.settings_written(|place, name, _| {
        if settings::lookup(name).is_some() {
            return;
        }
        let mut finding = out.error(place.setting_key(cx, name), format!("there is no topic setting `{name}`"));
        if suggestions == MOST_SUGGESTIONS {
            out.push(finding);
            return;
        }
        suggestions += 1;
        finding = match weir_findings::closest(name, settings::all().iter().map(|s| s.name)) {
            Some(meant) => finding.help(format!("did you mean `{meant}`?")),
            None => finding.help("remove it, or write the name of one of Kafka's topic settings"),
        };
        if let Some(meant) = weir_findings::unmistakable(name, settings::all().iter().map(|s| s.name)) {
            finding = finding.fix(format!("write `{meant}`"), place.setting_key(cx, name), meant);
        }
        out.push(finding);
    });
}
