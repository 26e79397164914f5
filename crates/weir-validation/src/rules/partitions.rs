use weir_findings::{RulePage, Severity};

use crate::{
    Rule,
    context::{Context, Place, overlays, set},
    out::Out,
};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "partitions",
        severity: Severity::Error,
        waivable: Some(Severity::Warning),
        title: "a reasonable number of partitions",
        what: "A topic has at least one partition and at most 10,000. More than 1,000 is a warning.",
        why: "Kafka refuses zero partitions, and more than 10,000 in one request. Partitions cost memory, files and \
              fail-over time on every broker, and Kafka cannot remove them.",
        bad: "spec: {partitions: 0}",
        good: "spec: {partitions: 6}",
        remedy: "",
    },
    check,
};

/// Number of partitions that a controller creates in one request at most
/// (`ReplicationControlManager.MAX_PARTITIONS_PER_BATCH`).
const MOST: u32 = 10_000;
/// Number of partitions above which a topic is suspicious.
const DOUBTFUL: u32 = 1_000;

fn check(cx: &Context<'_>, out: &mut Out) {
    let mut judge = |place: Place<'_>, partitions: u32| {
        let at = || place.route(cx, &["partitions"]);
        if partitions == 0 {
            out.push(out.error(at(), "a topic needs at least one partition, found 0").help("write at least 1, or leave it out"));
        } else if partitions > MOST {
            let message = format!("{partitions} partitions are more than Kafka creates in one request");
            out.push(out.error(at(), message).help("write at most 10000"));
        } else if partitions > DOUBTFUL {
            let message = format!("{partitions} partitions load every broker, and Kafka cannot remove partitions");
            out.push(out.warning(at(), message).help("start with fewer: partitions can be added later"));
        }
    };
    for (name, profile) in &cx.workspace.settings.spec.profiles {
        profile.partitions.into_iter().for_each(|n| judge(Place::Profile(name), n));
    }
    for topic in cx.workspace.topics.values() {
        topic.spec.partitions.into_iter().for_each(|n| judge(Place::Topic(topic), n));
        for (stage, overlay) in overlays(&topic.spec.stages) {
            set(&overlay.partitions).into_iter().for_each(|n| judge(Place::Overlay(topic, stage), *n));
        }
    }
}
