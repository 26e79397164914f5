use weir_findings::{RulePage, Severity};
use weir_model::{SettingValue, settings};

use crate::{
    Rule,
    context::{Context, on_confluent},
    out::Out,
};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "min-insync-replicas",
        severity: Severity::Error,
        waivable: Some(Severity::Warning),
        title: "`min.insync.replicas` fits the replication factor",
        what: "`min.insync.replicas` is at most the replication factor; on Confluent Cloud it is 1 or 2. If it equals \
               a replication factor above 1, that is a warning.",
        why: "With a larger value, no producer with `acks=all` can write. With an equal value, no producer can write \
              during the restart of a single broker.",
        bad: "spec: {replicationFactor: 3, config: {min.insync.replicas: 4}}",
        good: "spec: {replicationFactor: 3, config: {min.insync.replicas: 2}}",
        remedy: "",
    },
    check,
};

const SETTING: &str = "min.insync.replicas";

fn check(cx: &Context<'_>, out: &mut Out) {
    for view in &cx.stages {
        let confluent = on_confluent(view);
        for topic in view.topics.values() {
            let Some(setting) = topic.config.get(SETTING) else { continue };
            let Some(min) = number(setting.value) else { continue };
            let at = || cx.topic(view, topic, &setting.layer, &["config", SETTING]);
            if confluent && min > 2 {
                let message = format!("Confluent Cloud takes 1 or 2 for `{SETTING}`, not {min}");
                out.push_in(view.index, out.error(at(), message).help("write 2"));
                continue;
            }
            let Some((factor, layer)) = &topic.replication_factor else { continue };
            if min < *factor || (min == *factor && min == 1) {
                continue;
            }
            let message = format!("`{SETTING}` is {min}, the replication factor {factor}");
            let fewer = factor.saturating_sub(1).max(1);
            let replication = || cx.topic(view, topic, layer, &["replicationFactor"]);
            // The later layer caused the contradiction, so the finding points there.
            let (at, other, what) = if layer > &setting.layer {
                (replication(), at(), "the required in-sync replicas")
            } else {
                (at(), replication(), "the replication factor")
            };
            let finding = if min > *factor {
                out.error(at, format!("{message}: no producer with `acks=all` could write"))
            } else {
                out.warning(at, format!("{message}: no producer with `acks=all` can write while a broker restarts"))
            };
            let help = format!("write `{SETTING}: {fewer}`, or a replication factor of at least {}", min + 1);
            out.push_in(view.index, finding.help(help).related(other, what));
        }
    }
}

/// Returns the number, if the setting accepts it.
fn number(value: &SettingValue) -> Option<u16> {
    let plain = match value {
        SettingValue::Scalar(text) => text.parse().ok().filter(|number| *number > 0),
        SettingValue::List(_) => None,
    };
    plain.or_else(|| u16::try_from(settings::canonical(SETTING, value).ok()?.number()?).ok())
}
