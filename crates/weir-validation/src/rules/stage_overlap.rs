use std::collections::BTreeMap;

use weir_findings::{RulePage, Severity};
use weir_model::{ProviderRef, Route, Stage, StageView};

use crate::{
    Rule,
    context::Context,
    out::Out,
};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "stage-overlap",
        severity: Severity::Error,
        waivable: Some(Severity::Warning),
        title: "stages manage different names",
        what: "Stages that share a cluster have different prefixes for topics and service accounts. Their prefixes for \
               consumer groups and transactional ids differ as well: equal ones are an error in a workspace with \
               `ownership`, otherwise a warning. No prefix begins with that of another stage, \
               nor is it left out beside others: the names of one stage would reach into the other. No physical name is declared twice, and no \
               owned pattern overlaps with a pattern or a declared name of another stage. Service accounts of \
               Confluent Cloud belong to the organization, not to a cluster: the same physical name in stages on \
               different clusters is an error inside one environment, otherwise a warning.",
        why: "If two stages manage one object, each undoes the changes of the other, and one may delete the object \
              while the other needs it. A consent that holds in one stage would reach the consumer groups of the other.",
        bad: "stages:\n  - {name: dev, cluster: nonprod}\n  - {name: test, cluster: nonprod}",
        good: "stages:\n  - {name: dev, cluster: nonprod, prefix: {topic: \"dev.\", group: \"dev.\", \
               transactionalId: \"dev.\", serviceAccount: \"dev-\"}}\n  - {name: test, cluster: nonprod, \
               prefix: {topic: \"test.\", group: \"test.\", transactionalId: \"test.\", serviceAccount: \"test-\"}}",
        remedy: "",
    },
    check,
};

fn check(cx: &Context<'_>, out: &mut Out) {
    for (i, later) in cx.stages.iter().enumerate() {
        for earlier in &cx.stages[..i] {
            let (Some(a), Some(b)) = (earlier.cluster, later.cluster) else { continue };
            if a.identity().is_some() && a.identity() == b.identity() {
                let distinct = prefixes(cx, out, earlier, later);
                patterns(cx, out, earlier, later);
                if distinct.topics {
                    same_topics(out, earlier, later);
                }
                if distinct.accounts {
                    same_accounts(out, earlier, later, true);
                }
            } else if let (Some(ProviderRef::ConfluentCloud(a)), Some(ProviderRef::ConfluentCloud(b))) =
                (a.provider(), b.provider())
            {
                same_accounts(out, earlier, later, a.environment == b.environment);
            }
        }
    }
}

/// The prefixes that keep two stages apart. Without such a prefix, single names need no findings of their own.
struct Distinct {
    topics: bool,
    accounts: bool,
}

fn prefixes(cx: &Context<'_>, out: &mut Out, earlier: &StageView<'_>, later: &StageView<'_>) -> Distinct {
    let (a, b) = (&earlier.stage.prefix, &later.stage.prefix);
    let mut differ = |field: &str, what: &str, warn: bool, a: &Option<String>, b: &Option<String>| {
        let (other, prefix) = (a.as_deref().unwrap_or_default(), b.as_deref().unwrap_or_default());
        let (first, second) = (&earlier.stage.name, &later.stage.name);
        if other != prefix {
            if other.starts_with(prefix) || prefix.starts_with(other) {
                let message = match (other, prefix) {
                    ("", _) | (_, "") => {
                        let (with, without) = if other.is_empty() { (second, first) } else { (first, second) };
                        format!(
                            "stages `{first}` and `{second}` share a cluster, and stage `{without}` has no prefix for \
                             its {what}, so its names reach those of stage `{with}`"
                        )
                    }
                    _ => format!(
                        "stages `{first}` and `{second}` share a cluster, and one of the prefixes `{other}` and \
                         `{prefix}` for {what} begins with the other"
                    ),
                };
                let finding = out
                    .error(cx.stage(later.index, ["prefix", field]), message)
                    .help("give each stage a prefix with which no other begins")
                    .related(cx.stage(earlier.index, ["prefix", field]), "the other stage");
                out.push_in(later.index, finding.clone());
                out.push_in(earlier.index, finding);
            }
            return true;
        }
        let message = if prefix.is_empty() {
            format!("stages `{first}` and `{second}` share a cluster, and neither has a prefix for its {what}")
        } else {
            format!("stages `{first}` and `{second}` share a cluster and the prefix `{prefix}` for {what}")
        };
        let sign = if field == "serviceAccount" { '-' } else { '.' };
        let at = cx.stage(later.index, ["prefix", field]);
        let mut finding = if warn { out.warning(at, message) } else { out.error(at, message) };
        let help = match prefix {
            // One prefix alone would not keep the names without a prefix apart.
            "" => format!(
                "write `prefix: {{{field}: \"{first}{sign}\"}}` in stage `{first}` and `prefix: {{{field}: \
                 \"{second}{sign}\"}}` in stage `{second}`, or give one of them a cluster of its own"
            ),
            _ => format!("write `prefix: {{{field}: \"{second}{sign}\"}}`, or give the stage a cluster of its own"),
        };
        finding = finding
            .help(help)
            .related(cx.stage(earlier.index, ["name"]), "the other stage");
        out.push_in(later.index, finding.clone());
        out.push_in(earlier.index, finding);
        false
    };
    // Consents may hold in single stages, so the names of stages must be distinct.
    let warn = cx.ownership.is_none();
    differ("group", "consumer groups", warn, &a.group, &b.group);
    differ("transactionalId", "transactional ids", warn, &a.transactional_id, &b.transactional_id);
    Distinct {
        topics: differ("topic", "topics", false, &a.topic, &b.topic),
        accounts: differ("serviceAccount", "service accounts", false, &a.service_account, &b.service_account),
    }
}

fn same_topics(out: &mut Out, earlier: &StageView<'_>, later: &StageView<'_>) {
    // Behind one prefix, the order of logical names is the order of physical names, so a look-up needs no map of its
    // own.
    let prefix = earlier.stage.prefix.topic.as_deref().unwrap_or_default();
    for topic in later.topics.values() {
        let Some(other) = topic.name.strip_prefix(prefix).and_then(|logical| earlier.topics.get(logical)) else {
            continue;
        };
        let message = format!("`{}` is declared by stages `{}` and `{}`", topic.name, earlier.stage.name, later.stage.name);
        let finding = out
            .error(Route::name(topic.entity.entity_ref()), message)
            .help("rename one of the topics, or leave it out of one of the stages")
            .related(Route::name(other.entity.entity_ref()), "the other topic");
        out.push_in(later.index, finding.clone());
        out.push_in(earlier.index, finding);
    }
}

fn same_accounts(out: &mut Out, earlier: &StageView<'_>, later: &StageView<'_>, certain: bool) {
    let prefix = earlier.stage.prefix.service_account.as_deref().unwrap_or_default();
    let mut first: BTreeMap<bool, _> = BTreeMap::new();
    for account in later.accounts.values() {
        let Some(other) = account.name.strip_prefix(prefix).and_then(|logical| earlier.accounts.get(logical)) else {
            continue;
        };
        let same_entity = account.entity.metadata.name == other.entity.metadata.name;
        let entry = first.entry(same_entity).or_insert((account, other, 0_usize));
        entry.2 += 1;
    }
    for (same_entity, (account, other, count)) in first {
        let (a, b) = (&earlier.stage.name, &later.stage.name);
        let message = match count {
            1 => format!("service account `{}` is the same account in stages `{a}` and `{b}`", account.name),
            _ => format!("service account `{}` and {} more are the same accounts in stages `{a}` and `{b}`", account.name, count - 1),
        };
        let at = Route::name(account.entity.entity_ref());
        let mut finding = if certain { out.error(at, message) } else { out.warning(at, message) };
        finding = finding.help(format!(
            "give stage `{b}` a prefix of its own: `prefix: {{serviceAccount: \"{b}-\"}}`{}",
            if certain { "" } else { ", unless the two clusters belong to different organisations" }
        ));
        if !same_entity {
            finding = finding.related(Route::name(other.entity.entity_ref()), "the other service account");
        }
        out.push_in(later.index, finding.clone());
        out.push_in(earlier.index, finding);
    }
}

fn patterns(cx: &Context<'_>, out: &mut Out, earlier: &StageView<'_>, later: &StageView<'_>) {
    type Get = fn(&Stage) -> &[String];
    let kinds: [(&str, Get); 2] = [
        ("topics", |stage| stage.owns.as_ref().map_or(&[], |owns| &owns.topics)),
        ("serviceAccounts", |stage| stage.owns.as_ref().map_or(&[], |owns| &owns.service_accounts)),
    ];
    for (field, get) in kinds {
        for (i, a) in get(later.stage).iter().enumerate() {
            for (j, b) in get(earlier.stage).iter().enumerate().filter(|(_, b)| overlap(a, b)) {
                let message = format!("`{a}` of stage `{}` overlaps with `{b}` of stage `{}`", later.stage.name, earlier.stage.name);
                let finding = out
                    .error(cx.stage(later.index, ["owns", field, &i.to_string()]), message)
                    .help("stages on one cluster must own different names")
                    .related(cx.stage(earlier.index, ["owns", field, &j.to_string()]), "the other pattern");
                out.push_in(later.index, finding.clone());
                out.push_in(earlier.index, finding);
            }
        }
        for (owner, other) in [(earlier, later), (later, earlier)] {
            for (i, pattern) in get(owner.stage).iter().enumerate() {
                let Some((name, at)) = first_match(other, field, pattern) else { continue };
                let message = format!("`{pattern}` of stage `{}` matches `{name}` of stage `{}`", owner.stage.name, other.stage.name);
                let finding = out
                    .error(cx.stage(owner.index, ["owns", field, &i.to_string()]), message)
                    .help("own only names that begin with the stage's own prefix")
                    .related(at, "declared here");
                out.push_in(owner.index, finding.clone());
                out.push_in(other.index, finding);
            }
        }
    }
}

/// Returns a declared physical name that matches `pattern`, in one look-up.
fn first_match(view: &StageView<'_>, field: &str, pattern: &str) -> Option<(String, Route)> {
    let prefix = match field {
        "topics" => &view.stage.prefix.topic,
        _ => &view.stage.prefix.service_account,
    };
    let prefix = prefix.as_deref().unwrap_or_default();
    let (body, open) = pattern.strip_suffix('*').map_or((pattern, false), |body| (body, true));
    if body.is_empty() {
        return None;
    }
    // The part of the pattern that concerns the logical name; empty if the pattern ends inside the prefix.
    let logical = match body.strip_prefix(prefix) {
        Some(logical) => logical,
        None if open && prefix.starts_with(body) => "",
        None => return None,
    };
    let fits = |name: &str| if open { name.starts_with(logical) } else { name == logical };
    match field {
        "topics" => {
            let (name, topic) = view.topics.range(logical..).next()?;
            fits(name).then(|| (topic.name.to_string(), Route::name(topic.entity.entity_ref())))
        }
        _ => {
            let (name, account) = view.accounts.range(logical..).next()?;
            fits(name).then(|| (account.name.to_string(), Route::name(account.entity.entity_ref())))
        }
    }
}

/// Returns `true` if some name matches both patterns.
fn overlap(a: &str, b: &str) -> bool {
    match (a.strip_suffix('*'), b.strip_suffix('*')) {
        (Some(a), Some(b)) => a.starts_with(b) || b.starts_with(a),
        (Some(beginning), None) => b.starts_with(beginning),
        (None, Some(beginning)) => a.starts_with(beginning),
        (None, None) => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_overlap() {
        for (a, b, expected) in [
            ("dev.*", "dev.toll.*", true),
            ("dev.*", "dev.x", true),
            ("dev.*", "dev", false),
            ("dev.*", "test.*", false),
            ("a", "a", true),
            ("a", "b", false),
        ] {
            assert_eq!((overlap(a, b), overlap(b, a)), (expected, expected), "{a} {b}");
        }
    }
}
