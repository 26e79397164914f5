use std::collections::BTreeMap;

use weir_findings::{RulePage, Severity};
use weir_model::Route;

use crate::{
    Rule,
    context::Context,
    out::Out,
};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "name-collision",
        severity: Severity::Error,
        waivable: None,
        title: "topic names that Kafka can distinguish",
        what: "No two topics of one cluster differ only in `.` and `_`. weir compares the physical names of all \
               stages that share the cluster, including tombstones.",
        why: "Kafka's metrics write `.` as `_`, so the broker refuses the second of two such topics.",
        bad: "# beside a topic `toll.transactions.v1`\nmetadata: {name: toll.transactions_v1, team: toll}",
        good: "metadata: {name: toll.corrections.v1, team: toll}",
        remedy: "Rename one of them. If one is a tombstone, deploy the deletion first, then remove its file.",
    },
    check,
};

fn check(cx: &Context<'_>, out: &mut Out) {
    let mut seen = BTreeMap::new();
    for view in &cx.stages {
        let Some(cluster) = view.cluster.and_then(weir_model::Cluster::identity) else { continue };
        for topic in view.topics.values() {
            // Two names collide only if at least one of them has a `_`. The other names need no second copy in memory.
            if !topic.name.contains('_') {
                continue;
            }
            seen.entry((cluster, topic.name.replace('_', "."))).or_insert_with(Vec::new).push((view.index, topic));
        }
    }
    if seen.is_empty() {
        return;
    }
    // A name without `_` is its own mapped form.
    let mut dotted = Vec::new();
    for view in &cx.stages {
        let Some(cluster) = view.cluster.and_then(weir_model::Cluster::identity) else { continue };
        dotted.extend(view.topics.values().filter(|t| !t.name.contains('_')).map(|t| (cluster, view.index, t)));
    }
    for (cluster, stage, topic) in dotted {
        if let Some(group) = seen.get_mut(&(cluster, topic.name.to_string())) {
            group.push((stage, topic));
        }
    }
    for group in seen.values_mut() {
        group.sort_by(|a, b| (a.0, &a.1.name).cmp(&(b.0, &b.1.name)));
        let (first_stage, first) = &group[0];
        for (stage, topic) in group.iter().skip(1).filter(|(_, topic)| topic.name != first.name) {
            // Within one stage both names have the same prefix. The message leaves the prefix out, so that all stages
            // share one finding.
            let (a, b) = if stage == first_stage {
                (&*topic.entity.metadata.name, &*first.entity.metadata.name)
            } else {
                (&*topic.name, &*first.name)
            };
            let message = format!("`{a}` and `{b}` have the same name in Kafka's metrics");
            let finding = out
                .error(Route::name(topic.entity.entity_ref()), message)
                .help("rename one of them so that they differ in more than `.` and `_`")
                .related(Route::name(first.entity.entity_ref()), "the other topic");
            out.push_in(*stage, finding);
        }
    }
}
