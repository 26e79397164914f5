use weir_findings::{RulePage, Severity};
use weir_model::settings;

use crate::{
    Rule,
    context::{Context, on_confluent},
    out::Out,
};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "setting-read-only",
        severity: Severity::Error,
        waivable: None,
        title: "settings that Confluent Cloud lets its customers edit",
        what: "Topics in a stage on Confluent Cloud have only settings that Confluent Cloud lets its customers edit.",
        why: "Confluent Cloud refuses other settings when the topic is created or changed.",
        bad: "config: {flush.ms: 1s}",
        good: "config: {}",
        remedy: "If other stages need the setting, write it in their part of `stages`, or remove it in this stage: \
                 `stages: {prod: {config: {flush.ms: null}}}`.",
    },
    check,
};

fn check(cx: &Context<'_>, out: &mut Out) {
    for view in cx.stages.iter().filter(|view| on_confluent(view)) {
        for topic in view.topics.values() {
            for (name, setting) in topic.config.iter() {
                // An edit that resets a setting cannot be refused: weir does not send it if the topic does not set the
                // setting.
                if setting.value.is_default() || settings::lookup(name).is_none_or(|s| s.confluent_editable) {
                    continue;
                }
                let at = cx.topic(view, topic, &setting.layer, &["config", name]);
                let message = format!("Confluent Cloud does not allow `{name}` to be set");
                let help = format!("remove it, or reset it in this stage: `stages: {{{}: {{config: {{{name}: null}}}}}}`", view.stage.name);
                out.push_in(view.index, out.error(at, message).help(help));
            }
        }
    }
}
