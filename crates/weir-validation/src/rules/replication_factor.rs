use weir_findings::{RulePage, Severity};
use weir_model::{Layer, ProviderRef, StageView};

use crate::{
    Rule,
    context::{Context, on_confluent},
    out::Out,
};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "replication-factor",
        severity: Severity::Error,
        waivable: Some(Severity::Warning),
        title: "a replication factor that the cluster supports",
        what: "The replication factor is at least 1; on Confluent Cloud it is 3 or missing; on a sandbox it is at \
               most the number of brokers. On Apache Kafka, a single replica is a warning.",
        why: "The cluster would refuse to create the topic. With a single replica, the loss of one disk loses data.",
        bad: "# in a stage on Confluent Cloud\nspec: {replicationFactor: 2}",
        good: "spec: {replicationFactor: 3}",
        remedy: "",
    },
    check,
};

/// Number of brokers that a sandbox simulates if `weir.yaml` does not set one.
const SANDBOX_BROKERS: u16 = 3;

fn check(cx: &Context<'_>, out: &mut Out) {
    for view in &cx.stages {
        for topic in view.topics.values() {
            let Some((factor, layer)) = &topic.replication_factor else { continue };
            let at = |layer: &Layer| cx.topic(view, topic, layer, &["replicationFactor"]);
            if let Some((message, help)) = refused(view, *factor) {
                out.push_in(view.index, out.error(at(layer), message).help(help));
            } else if *factor == 1 && matches!(view.provider(), Some(ProviderRef::ApacheKafka(_))) {
                let message = "with a single replica, the loss of one disk is the loss of the data";
                out.push_in(view.index, out.warning(at(layer), message).help("write 3"));
            }
        }
    }
}

fn refused(view: &StageView<'_>, factor: u16) -> Option<(String, String)> {
    if factor == 0 {
        return Some(("a topic needs at least one replica, found 0".to_owned(), "write 3, or leave it out".to_owned()));
    }
    if factor > i16::MAX.unsigned_abs() {
        return Some((format!("{factor} replicas are more than Kafka can count"), "write 3, or leave it out".to_owned()));
    }
    if on_confluent(view) && factor != 3 {
        let message = format!("Confluent Cloud keeps 3 replicas of every topic, not {factor}");
        return Some((message, "write 3, or leave it out".to_owned()));
    }
    let Some(ProviderRef::Sandbox(sandbox)) = view.provider() else { return None };
    let brokers = sandbox.brokers.unwrap_or(SANDBOX_BROKERS);
    (factor > brokers).then(|| {
        (
            format!("{factor} replicas need as many brokers; the sandbox `{}` has {brokers}", view.stage.cluster),
            format!("write at most {brokers}, or give the sandbox more `brokers`"),
        )
    })
}
