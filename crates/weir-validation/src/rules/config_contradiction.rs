use weir_findings::{RulePage, Severity};
use weir_model::{Layer, SettingValue, StageView, StagedTopic, settings::{self, KafkaValue}};

use crate::{Rule, context::Context, out::Out};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "config-contradiction",
        severity: Severity::Error,
        waivable: Some(Severity::Warning),
        title: "settings that do not contradict each other",
        what: "Errors: `min.compaction.lag.ms` above `max.compaction.lag.ms`; `local.retention.ms` above \
               `retention.ms`; `local.retention.bytes` above `retention.bytes`; tiered storage of a compacted topic. \
               Warnings: a setting of the topic itself that its cleanup policy ignores; `max.message.bytes` above \
               `segment.bytes`; `retention.bytes` below `segment.bytes`.",
        why: "The broker refuses the errors. It accepts the warnings, but they have no effect or an unintended one.",
        bad: "config: {cleanup.policy: compact, retention.ms: 7d}",
        good: "config: {cleanup.policy: [compact, delete], retention.ms: 7d}",
        remedy: "",
    },
    check,
};

/// Pairs of settings of which the first must not exceed the second.
const ORDERED: [(&str, &str, Severity); 5] = [
    ("min.compaction.lag.ms", "max.compaction.lag.ms", Severity::Error),
    ("local.retention.ms", "retention.ms", Severity::Error),
    ("local.retention.bytes", "retention.bytes", Severity::Error),
    ("max.message.bytes", "segment.bytes", Severity::Warning),
    ("segment.bytes", "retention.bytes", Severity::Warning),
];

const RETENTION: [&str; 2] = ["retention.ms", "retention.bytes"];
const COMPACTION: [&str; 4] =
    ["min.compaction.lag.ms", "max.compaction.lag.ms", "delete.retention.ms", "min.cleanable.dirty.ratio"];

fn check(cx: &Context<'_>, out: &mut Out) {
    for view in &cx.stages {
        for topic in view.topics.values().filter(|topic| topic.config.len() > 1) {
            for (low, high, severity) in ORDERED {
                ordered(cx, out, view, topic, (low, high, severity));
            }
            policy(cx, out, view, topic);
        }
    }
}

/// Returns a setting's value as Kafka would print it, if the topic sets it and the value is valid.
fn own(topic: &StagedTopic<'_>, name: &str) -> Option<KafkaValue> {
    let setting = topic.config.get(name).filter(|setting| !setting.value.is_default())?;
    settings::canonical(name, setting.value).ok()
}

fn ordered(
    cx: &Context<'_>,
    out: &mut Out,
    view: &StageView<'_>,
    topic: &StagedTopic<'_>,
    (low, high, severity): (&str, &str, Severity),
) {
    let (Some(a), Some(b)) = (topic.config.get(low), topic.config.get(high)) else { return };
    let (Some(low_text), Some(high_text)) = (own(topic, low), own(topic, high)) else { return };
    // Negative values have a meaning of their own: -1 is "no limit", -2 "the value of the other setting".
    let number = |value: &KafkaValue| value.number().filter(|number| *number >= 0);
    let local = low.starts_with("local.");
    let exceeds = match (number(&low_text), number(&high_text)) {
        (Some(low), Some(high)) => low > high,
        (None, Some(_)) => local && low_text == "-1",
        _ => false,
    };
    if !exceeds {
        return;
    }
    // The later layer caused the contradiction, so the finding points there.
    let (name, other, by) = if a.layer >= b.layer { (low, high, &a.layer) } else { (high, low, &b.layer) };
    let at = cx.topic(view, topic, by, &["config", name]);
    let message = format!(
        "`{low}` ({}) is more than `{high}` ({})",
        low_text.human_readable(low),
        high_text.human_readable(high)
    );
    let mut finding = out.error(at, message);
    finding.severity = severity;
    let layer = &topic.config[other].layer;
    let finding = finding
        .help(format!("write `{low}: {}` or less", high_text.human_readable(high)))
        .related(cx.topic(view, topic, layer, &["config", other]), "the other setting");
    out.push_in(view.index, finding);
}

fn policy(cx: &Context<'_>, out: &mut Out, view: &StageView<'_>, topic: &StagedTopic<'_>) {
    let Some(written) = topic.config.get("cleanup.policy") else { return };
    let holds = |word: &str| match written.value {
        SettingValue::Scalar(text) => text.split(',').any(|policy| policy.trim() == word),
        SettingValue::List(policies) => policies.iter().any(|policy| policy.trim() == word),
    };
    let (compacts, deletes) = (holds("compact"), holds("delete"));
    // The rule `setting-value` reports an invalid policy.
    let is_policy = || own(topic, "cleanup.policy").is_some();
    if compacts && own(topic, "remote.storage.enable").is_some_and(|tiered| tiered == "true") && is_policy() {
        let at = cx.topic(view, topic, &topic.config["remote.storage.enable"].layer, &["config", "remote.storage.enable"]);
        let finding = out
            .error(at, "a compacted topic cannot have tiered storage")
            .help("write `remote.storage.enable: false`, or `cleanup.policy: delete`")
            .related(cx.topic(view, topic, &written.layer, &["config", "cleanup.policy"]), "the policy");
        out.push_in(view.index, finding);
    }
    let ignored: &[&str] = match (compacts, deletes) {
        (true, false) => &RETENTION,
        (false, true) => &COMPACTION,
        _ => return,
    };
    for name in ignored {
        // A profile sets values for many topics; a value need not fit each of them.
        let Some(setting) = topic.config.get(name).filter(|s| s.layer >= Layer::Entity && !s.value.is_default()) else {
            continue;
        };
        let Some(policy) = own(topic, "cleanup.policy") else { return };
        let at = cx.topic(view, topic, &setting.layer, &["config", name]);
        let message = format!("`{name}` has no effect on a topic with `cleanup.policy: {policy}`");
        let finding = out.warning(at, message).help("remove it, or write `cleanup.policy: [compact, delete]`");
        out.push_in(view.index, finding);
    }
}
