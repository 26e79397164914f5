use std::collections::BTreeMap;

mod governed;

use weir_findings::{RulePage, Severity};
use weir_model::{Operation, PatternType, Permission, Resource, Route, StageView, StagedTopic, TopicAccess};
use weir_ownership::{Degree, split_pattern};

use crate::{
    Rule,
    context::{Context, access, exists, spec},
    out::Out,
};

pub(super) const RULE: Rule = Rule {
    page: RulePage {
        id: "sharing-consent",
        severity: Severity::Error,
        waivable: Some(Severity::Warning),
        title: "access to another team's names needs its consent",
        what: "A grant or raw rule on another team's topic needs an entry in that topic's `access`: `consumers` for \
               Read, `producers` for Write, `observers` or one of these for Describe and DescribeConfigs, \
               `administrators` for all of these and for Create, Delete, Alter, AlterConfigs and All. With `ownership` \
               in `weir.yaml`, consumer groups and transactional ids need consent too, rules that deny need the same \
               consent, a beginning of names needs a `Consent` to that beginning or a shorter one, and names that no \
               team owns are the platform team's. A beginning in a team's own name space covers topics there that the \
               platform team declares for another team: they need consent in their own `access`, and the finding is at \
               the topic. Without `ownership`, a pattern needs the consent of every topic that \
               it matches, in every stage, and a rule that denies needs no consent.",
        why: "The team that owns a topic is responsible for its data and must know its users. Without this rule, any \
              team could give itself a right to any topic.",
        bad: "# Topic/cards.status.v1 of team cards has no `access`\nallow:\n  - {consume: cards.status.v1, group: toll-billing}",
        good: "# in Topic/cards.status.v1, agreed by team cards\nspec:\n  access: {consumers: [toll]}",
        remedy: "Ask the owning team; its review of the change to its own file is the consent. To take a consent back \
                 without a change to the other team's file, write `until:` with the last day: the right goes with the \
                 next plan after it.",
    },
    check,
};

/// The topics of a stage, sorted by name, each with the end of the run of topics of the same team. With it, a pattern
/// over a team's own names is answered in one step, however many topics match.
struct Owners<'c, 'w> {
    topics: Vec<(&'w str, &'c StagedTopic<'w>)>,
    run_end: Vec<usize>,
    /// Cache of answers: the first topic that refuses, by question. The same pattern is asked for many times.
    asked: BTreeMap<(&'w str, String, Degree), Option<usize>>,
}

impl<'c, 'w> Owners<'c, 'w> {
    fn new(view: &'c StageView<'w>) -> Self {
        let topics: Vec<_> =
            view.topics.iter().filter(|(_, topic)| exists(topic.ensure)).map(|(name, topic)| (*name, topic)).collect();
        let team = |i: usize| -> &str { &topics[i].1.entity.metadata.team };
        let mut run_end = vec![topics.len(); topics.len()];
        for i in (1..topics.len()).rev() {
            run_end[i - 1] = if team(i - 1) == team(i) { run_end[i] } else { i };
        }
        Self { topics, run_end, asked: BTreeMap::new() }
    }

    /// Returns the first topic whose name begins with `beginning` and whose owner does not consent.
    fn refusing(&mut self, team: &'w str, beginning: &str, degree: Degree) -> Option<&'c StagedTopic<'w>> {
        let key = (team, beginning.to_owned(), degree);
        let found = match self.asked.get(&key) {
            Some(found) => *found,
            None => {
                let found = self.search(team, beginning, degree);
                self.asked.insert(key, found);
                found
            }
        };
        found.map(|i| self.topics[i].1)
    }

    fn search(&self, team: &str, beginning: &str, degree: Degree) -> Option<usize> {
        let mut i = self.topics.partition_point(|(name, _)| *name < beginning);
        while let Some((name, topic)) = self.topics.get(i).filter(|(name, _)| name.starts_with(beginning)) {
            if topic.entity.metadata.team == team {
                i = self.run_end[i];
            } else if degree.met_by_topic(team, topic.access, None) {
                i += 1;
            } else {
                debug_assert!(name.starts_with(beginning));
                return Some(i);
            }
        }
        None
    }
}

fn check(cx: &Context<'_>, out: &mut Out) {
    if let Some(ownership) = &cx.ownership {
        return governed::check(cx, out, ownership);
    }
    for view in &cx.stages {
        stage(cx, out, view);
    }
}

fn stage<'w>(cx: &Context<'w>, out: &mut Out, view: &StageView<'w>) {
    // Built on demand, because only patterns need it.
    let mut owners = None;
    for list in view.access.values() {
        // The account's team decides, whatever team the list claims.
        let Some(account) = cx.accounts.get(&list.entity.spec.service_account) else { continue };
        let team = account.metadata.team.as_str();
        for (i, grant) in list.allow.iter().enumerate() {
            for (field, name, operation) in
                [("produce", &grant.produce, Operation::Write), ("consume", &grant.consume, Operation::Read)]
            {
                let Some(name) = name.as_deref() else { continue };
                let (name, open) = split_pattern(name);
                if let Some(topic) = refusing(&mut owners, view, team, name, open, Degree::of(Resource::Topic, operation)) {
                    report(out, view, (team, name, open), topic, operation, access(view, list, "allow", i, field));
                }
            }
        }
        for (i, rule) in list.rules.iter().enumerate() {
            if rule.resource != Resource::Topic || rule.permission != Permission::Allow {
                continue;
            }
            let Some(name) = rule.name.as_deref() else { continue };
            let all = rule.pattern == PatternType::Literal && name == "*";
            let (name, open) = if all { ("", true) } else { (name, rule.pattern == PatternType::Prefixed) };
            for operation in &rule.operations {
                if let Some(topic) = refusing(&mut owners, view, team, name, open, Degree::of(Resource::Topic, *operation)) {
                    report(out, view, (team, name, open), topic, *operation, access(view, list, "rules", i, "name"));
                }
            }
        }
    }
}

fn refusing<'c, 'w>(
    owners: &mut Option<Owners<'c, 'w>>,
    view: &'c StageView<'w>,
    team: &'w str,
    name: &str,
    open: bool,
    degree: Degree,
) -> Option<&'c StagedTopic<'w>> {
    if open {
        return owners.get_or_insert_with(|| Owners::new(view)).refusing(team, name, degree);
    }
    let topic = view.topics.get(name).filter(|topic| exists(topic.ensure))?;
    (topic.entity.metadata.team != team && !degree.met_by_topic(team, topic.access, None)).then_some(topic)
}

fn report(
    out: &mut Out,
    view: &StageView<'_>,
    (team, name, open): (&str, &str, bool),
    topic: &StagedTopic<'_>,
    operation: Operation,
    at: Route,
) {
    let owner = &topic.entity.metadata.team;
    let reached = &topic.entity.metadata.name;
    let topic_of = if open { format!("`{name}*` matches `{reached}` of") } else { format!("`{reached}` belongs to") };
    let field = match Degree::of(Resource::Topic, operation) {
        Degree::Consumer | Degree::Observer => Some("consumers"),
        Degree::Producer => Some("producers"),
        Degree::Administrator => None,
    };
    let entity = || topic.entity.entity_ref();
    let finding = match field {
        Some(field) => out
            .error(at, format!("{topic_of} team `{owner}`, which does not let team `{team}` {}", verb(operation)))
            .help(format!("ask team `{owner}` to add `access: {{{field}: [{team}]}}` to `{}`", entity()))
            .related(consent(view, topic, field), "the owner's list"),
        None => out
            .error(at, format!("{topic_of} team `{owner}`, which does not let team `{team}` administer it (`{operation:?}`)"))
            .help(if open {
                format!("write a longer beginning that matches only your own topics, or ask team `{owner}` to name `{team}` under `access.administrators`")
            } else {
                format!("remove the operation, or ask team `{owner}` to name `{team}` under `access.administrators`")
            })
            .related(Route::name(entity()), "the topic"),
    };
    out.push_in(view.index, finding);
}

/// Returns the place where the owner's consent is written, or would be.
fn consent(view: &StageView<'_>, topic: &StagedTopic<'_>, field: &str) -> Route {
    let entity = topic.entity;
    if std::ptr::eq(topic.access, &entity.spec.access) {
        if topic.access == &TopicAccess::default() {
            return Route::name(entity.entity_ref());
        }
        return spec(entity.entity_ref(), ["access", field]);
    }
    spec(entity.entity_ref(), ["stages", &view.stage.name, "access", field])
}

fn verb(operation: Operation) -> &'static str {
    match operation {
        Operation::Read => "read it",
        Operation::Write => "write to it",
        _ => "see it",
    }
}
