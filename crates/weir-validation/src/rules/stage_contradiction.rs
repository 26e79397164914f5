use std::sync::Arc;

use weir_findings::{RulePage, Severity};
use weir_model::{Ensure, Layer, Route, StageView, StagedTopic, Topic, settings::{self, KafkaValue}};

use crate::{
    Rule,
    context::Context,
    out::Out,
};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "stage-contradiction",
        severity: Severity::Error,
        waivable: Some(Severity::Warning),
        title: "stages that do not contradict each other",
        what: "A topic's `cleanup.policy` is the same in all stages that manage it. Fewer partitions, or a smaller \
               `max.message.bytes`, than in the previous stage are warnings.",
        why: "A topic that is compacted in one stage and not in the next behaves differently, so the earlier stage \
              does not test it. A later stage with fewer partitions or a smaller limit fails under load, or with \
              records, that the earlier stage accepted.",
        bad: "config: {cleanup.policy: delete}\nstages:\n  dev:\n  prod: {config: {cleanup.policy: compact}}",
        good: "config: {cleanup.policy: compact}\nstages:\n  dev:\n  prod: {config: {retention.ms: 30d}}",
        remedy: "",
    },
    check,
};

fn check(cx: &Context<'_>, out: &mut Out) {
    // Only an overlay can make a topic differ between stages.
    for topic in cx.workspace.topics.values().filter(|topic| topic.spec.stages.is_some()) {
        compare(cx, out, topic);
    }
}

fn compare(cx: &Context<'_>, out: &mut Out, topic: &Topic) {
    let name = topic.metadata.name.as_str();
    let mut before: Option<(&StageView<'_>, &StagedTopic<'_>)> = None;
    for view in &cx.stages {
        // Only managed topics are compared: an unmanaged topic keeps its state, whatever its file says.
        let Some(later) = view.topics.get(name).filter(|topic| topic.ensure == Ensure::Present) else { continue };
        if let Some((earlier_view, earlier)) = before {
            partitions(cx, out, (earlier_view, earlier), (view, later));
            // Most topics have the same settings in all stages.
            if !Arc::ptr_eq(&earlier.config, &later.config) {
                policies(cx, out, (earlier_view, earlier), (view, later));
                largest_message(cx, out, (earlier_view, earlier), (view, later));
            }
        }
        before = Some((view, later));
    }
}

type InStage<'c, 'w> = (&'c StageView<'w>, &'c StagedTopic<'w>);

/// Returns a setting's value in Kafka's spelling, if the topic sets it and the value is valid.
fn own(topic: &StagedTopic<'_>, name: &str) -> Option<KafkaValue> {
    let setting = topic.config.get(name).filter(|setting| !setting.value.is_default())?;
    settings::canonical(name, setting.value).ok()
}

fn policies(cx: &Context<'_>, out: &mut Out, (earlier_view, earlier): InStage<'_, '_>, (view, later): InStage<'_, '_>) {
    const SETTING: &str = "cleanup.policy";
    let policy = |topic: &StagedTopic<'_>| match topic.config.get(SETTING) {
        // Kafka's default. An organisation that changes the default for a whole cluster writes it in a profile.
        None => Some(KafkaValue::observed(SETTING, "delete")),
        Some(setting) if setting.value.is_default() => Some(KafkaValue::observed(SETTING, "delete")),
        Some(setting) => settings::canonical(SETTING, setting.value).ok(),
    };
    let (Some(a), Some(b)) = (policy(earlier), policy(later)) else { return };
    if a == b {
        return;
    }
    let place = |view: &StageView<'_>, topic: &StagedTopic<'_>| {
        let layer = topic.config.get(SETTING).map_or(Layer::Stage, |setting| setting.layer);
        cx.topic(view, topic, &layer, &["config", SETTING])
    };
    let message = format!("`{SETTING}` is `{b}` in stage `{}`, but `{a}` in the earlier stage `{}`", view.stage.name, earlier_view.stage.name);
    let (at, before) = (place(view, later), place(earlier_view, earlier));
    let of_profiles = [&at, &before].iter().all(|place| place.entity != later.entity.entity_ref());
    let mut finding = out
        .error(at, message)
        .help("write one policy for all stages, under `spec.config`")
        .related(before, format!("`{a}` comes from here"));
    if of_profiles {
        finding = finding.related(Route::name(later.entity.entity_ref()), "the topic that has both profiles");
    }
    out.push_in(view.index, finding.clone());
    out.push_in(earlier_view.index, finding);
}

fn partitions(cx: &Context<'_>, out: &mut Out, (earlier_view, earlier): InStage<'_, '_>, (view, later): InStage<'_, '_>) {
    let (stage, before) = (&view.stage.name, &earlier_view.stage.name);
    if let (Some((a, _)), Some((b, layer))) = (&earlier.partitions, &later.partitions)
        && b < a
    {
        let at = cx.topic(view, later, layer, &["partitions"]);
        let message = format!("the topic has {b} partitions in stage `{stage}`, but {a} in the earlier stage `{before}`");
        out.push_in(view.index, out.warning(at, message).help(format!("write {a} or more, or fewer in `{before}`")));
    }
}

fn largest_message(
    cx: &Context<'_>,
    out: &mut Out,
    (earlier_view, earlier): InStage<'_, '_>,
    (view, later): InStage<'_, '_>,
) {
    let (stage, before) = (&view.stage.name, &earlier_view.stage.name);
    const SETTING: &str = "max.message.bytes";
    if let (Some(a), Some(b)) = (own(earlier, SETTING), own(later, SETTING))
        && b.number() < a.number()
    {
        let at = cx.topic(view, later, &later.config[SETTING].layer, &["config", SETTING]);
        let (a, b) = (a.human_readable(SETTING), b.human_readable(SETTING));
        let message = format!("`{SETTING}` is {b} in stage `{stage}`, but {a} in the earlier stage `{before}`");
        out.push_in(view.index, out.warning(at, message).help(format!("write {a} or more, or less in `{before}`")));
    }
}
