//! Checks a workspace against its policies.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicU64, Ordering},
};

use jiff::Timestamp;
use rayon::prelude::*;
use weir_cel::{Failure, Globals, Problem, Record};
use weir_findings::{Finding, Related, RuleId, Severity};
use weir_model::{EntityRef, PolicyKind, PolicySeverity, Route, StageView, Workspace};

use crate::{
    Policies,
    compile::{Compiled, Validation},
    facts,
    item::Item,
    rules,
};

/// The budget of a policy for the entities of one team, in operations, whatever their number.
const POLICY_BUDGET: u64 = 10_000_000;
/// The operations added to the budget for each entity and stage, or for each step of a plan.
const BUDGET_EACH: u64 = 100;

/// The number of budgets that all policies together may spend.
const TOGETHER: u64 = 20;

/// Returns all violations of policies in a workspace, sorted by place. With `only`, returns the violations in the
/// stage of that index.
///
/// An entity is judged in each of its stages, as resolved for the stage; a violation that is the same in several
/// stages is reported once. An entity that is `absent` or `unmanaged` is not judged.
pub fn check(policies: &Policies, workspace: &Workspace, only: Option<usize>, now: Timestamp) -> Vec<Finding<Route>> {
    let Found { broken, mut findings } = find(policies, workspace, only, now);
    findings.extend(broken.iter().map(|violation| violation.finding(workspace)));
    findings.sort_by(|a, b| (&a.at, &a.rule, &a.message).cmp(&(&b.at, &b.rule, &b.message)));
    findings
}

/// The violations of policies, and the findings about the policies themselves.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) broken: Vec<Violation>,
    /// Findings about policies that failed, or cost too much.
    pub(crate) findings: Vec<Finding<Route>>,
}

/// Does the work of [`check`], and keeps the details that waivers need.
pub(crate) fn find(policies: &Policies, workspace: &Workspace, only: Option<usize>, now: Timestamp) -> Found {
    let about_entities = policies.all.iter().filter(|policy| !policy.is_about(PolicyKind::Plan));
    let policies_used: Vec<&Compiled> = about_entities.collect();
    if policies_used.is_empty() {
        return Found::default();
    }
    let run = Run::new(policies, &policies_used, workspace, now);
    let mut hits = Vec::new();
    let stages = &workspace.settings.spec.stages;
    for (index, stage) in stages.iter().enumerate().filter(|(index, _)| only.is_none_or(|only| only == *index)) {
        // Only the first of several stages with the same name can be looked up.
        let Some(view) = workspace.stage(&stage.name).ok().filter(|view| view.index == index) else { continue };
        hits.extend(run.stage(&view));
    }
    hits.extend(run.teams());
    run.finish(hits)
}

/// A violation of a policy, reported once for all stages and for all entities that share the place.
#[derive(Clone)]
pub(crate) struct Violation {
    /// The policy's name.
    pub(crate) policy: String,
    pub(crate) at: Route,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
    /// The reason that the policy gives.
    pub(crate) why: Option<String>,
    pub(crate) whom: Vec<Whom>,
}

/// An entity that a violation is about, in one stage.
#[derive(Clone)]
pub(crate) struct Whom {
    pub(crate) entity: EntityRef,
    /// The stage's index; `None` for a team.
    pub(crate) stage: Option<usize>,
    severity: Severity,
    /// The date and stage from which the violation is an error, if it is only a warning today.
    later: Option<String>,
}

impl Violation {
    pub(crate) fn finding(&self, workspace: &Workspace) -> Finding<Route> {
        let severity = self.whom.iter().map(|whom| whom.severity).max().unwrap_or(Severity::Error);
        let rule = RuleId::from(self.policy.clone());
        let later = self.whom.iter().find_map(|whom| whom.later.as_deref()).filter(|_| severity != Severity::Error);
        let help: Vec<&str> = self.help.as_deref().into_iter().chain(later).collect();
        let entities: BTreeSet<&EntityRef> = self.whom.iter().map(|whom| &whom.entity).collect();
        // All entities are named, because a waiver may cover any of them. Printers shorten long lists.
        let related = entities.into_iter().filter(|entity| **entity != self.at.entity).map(|entity| Related {
            at: Route::name(entity.clone()),
            message: "applies to this entity too".to_owned(),
        });
        Finding {
            severity,
            label: self.staged(workspace),
            help: (!help.is_empty()).then(|| help.join("; ")),
            note: self.why.clone(),
            related: related.collect(),
            ..Finding::error(rule, self.at.clone(), self.message.clone())
        }
    }

    /// Returns `true` if the place of the violation lies outside an affected entity, in a profile for example.
    pub(crate) fn is_shared(&self) -> bool {
        self.whom.iter().any(|whom| whom.entity != self.at.entity)
    }

    /// Names the affected stages, unless all stages are affected.
    fn staged(&self, workspace: &Workspace) -> Option<String> {
        let stages: BTreeSet<usize> = self.whom.iter().filter_map(|whom| whom.stage).collect();
        let all = &workspace.settings.spec.stages;
        if stages.is_empty() || stages.len() == all.len() {
            return None;
        }
        let names: Vec<&str> = stages.iter().filter_map(|at| Some(all.get(*at)?.name.as_str())).collect();
        Some(format!("in {}", names.join(", ")))
    }
}

/// One violation in one stage.
struct Hit {
    policy: usize,
    entity: EntityRef,
    at: Route,
    severity: Severity,
    later: Option<String>,
    problem: Problem,
    /// The stage's index; `None` for a team.
    stage: Option<usize>,
    /// The index of the team that owns the entity.
    team: usize,
    kind: HitKind,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum HitKind {
    Broken,
    /// The validation of this index, or the name ([`NAMING`]), could not be evaluated.
    Failed(usize),
}

/// Stands in for a validation's index if the name could not be judged.
const NAMING: usize = usize::MAX;

struct Run<'r> {
    env: &'r Policies,
    policies: &'r [&'r Compiled],
    workspace: &'r Workspace,
    now: Timestamp,
    stages: Vec<&'r str>,
    teams: BTreeMap<&'r str, Record<'r>>,
    workspace_facts: Record<'r>,
    now_facts: Record<'static>,
    owners: Owners<'r>,
    /// The operations that each policy has spent, by owner.
    spent: Vec<Vec<AtomicU64>>,
}

/// The teams that own entities, each with the budget of a policy for its entities: a team cannot spend what others need.
struct Owners<'r> {
    /// The index of each team.
    index: BTreeMap<&'r str, usize>,
    budgets: Vec<u64>,
}

impl<'r> Owners<'r> {
    fn of(workspace: &'r Workspace) -> Self {
        let stages = workspace.settings.spec.stages.len();
        let topics = workspace.topics.values().map(|topic| &topic.metadata);
        let accounts = workspace.service_accounts.values().map(|account| &account.metadata);
        let lists = workspace.access_control_lists.values().map(|list| &list.metadata);
        let mut judged: BTreeMap<&str, usize> = workspace.teams.keys().map(|team| (team.as_str(), 1)).collect();
        for metadata in topics.chain(accounts).chain(lists) {
            *judged.entry(&metadata.team).or_default() += stages;
        }
        let budgets = judged.values().map(|judged| budget(*judged)).collect();
        Self { index: judged.into_keys().enumerate().map(|(index, team)| (team, index)).collect(), budgets }
    }
}

impl<'r> Run<'r> {
    fn new(env: &'r Policies, policies: &'r [&'r Compiled], workspace: &'r Workspace, now: Timestamp) -> Self {
        let stages: Vec<&str> = workspace.settings.spec.stages.iter().map(|stage| stage.name.as_str()).collect();
        let owners = Owners::of(workspace);
        let none = || owners.budgets.iter().map(|_| AtomicU64::new(0)).collect();
        Self {
            env,
            policies,
            workspace,
            now,
            teams: workspace.teams.iter().map(|(name, team)| (name.as_str(), facts::team(team))).collect(),
            workspace_facts: facts::workspace(workspace),
            now_facts: facts::now(now),
            spent: policies.iter().map(|_| none()).collect(),
            owners,
            stages,
        }
    }

    fn stage(&self, view: &StageView<'r>) -> Vec<Hit> {
        let stage = facts::stage(view);
        let mut hits = Vec::new();
        let about = |kind| self.about(kind, Some(&view.stage.name));
        let judge = |policies: &[(usize, &'r Compiled)], item: Item<'_, 'r>| {
            let mut found = Vec::new();
            self.judge(policies, item, Some((view, &stage)), &mut found);
            found
        };
        let policies = about(PolicyKind::Topic);
        if !policies.is_empty() {
            let topics: Vec<_> = view.topics.values().collect();
            hits.par_extend(topics.par_iter().flat_map_iter(|topic| judge(&policies, Item::Topic(topic))));
        }
        let policies = about(PolicyKind::ServiceAccount);
        if !policies.is_empty() {
            let accounts: Vec<_> = view.accounts.values().collect();
            hits.par_extend(accounts.par_iter().flat_map_iter(|account| judge(&policies, Item::Account(account))));
        }
        let policies = about(PolicyKind::AccessControlList);
        if !policies.is_empty() {
            let lists: Vec<_> = view.access.values().collect();
            hits.par_extend(lists.par_iter().flat_map_iter(|list| judge(&policies, Item::Access(list))));
        }
        hits
    }

    fn teams(&self) -> Vec<Hit> {
        let policies = self.about(PolicyKind::Team, None);
        let mut hits = Vec::new();
        for team in self.workspace.teams.values().take_while(|_| !policies.is_empty()) {
            self.judge(&policies, Item::Team(team), None, &mut hits);
        }
        hits
    }

    /// Returns the policies about a kind in a stage.
    fn about(&self, kind: PolicyKind, stage: Option<&str>) -> Vec<(usize, &'r Compiled)> {
        let policies = self.policies.iter().copied().enumerate();
        policies.filter(|(_, p)| p.is_about(kind) && stage.is_none_or(|stage| p.is_in(stage))).collect()
    }

    fn judge(
        &self,
        policies: &[(usize, &'r Compiled)],
        item: Item<'_, 'r>,
        stage: Option<(&StageView<'r>, &Record<'r>)>,
        hits: &mut Vec<Hit>,
    ) {
        if !item.counts() {
            return;
        }
        let mut facts = None;
        // Every team that owns an entity has an index.
        let team = self.owners.index.get(item.team()).copied().unwrap_or_default();
        for (index, policy) in policies {
            if !policy.takes(item.name(), item.team(), item.labels()) {
                continue;
            }
            let judged = Judged { run: self, policy, index: *index, team, item, view: stage.map(|(view, _)| view) };
            judged.short_forms(hits);
            if policy.validations.is_empty() {
                continue;
            }
            // Facts are made once for all policies, and only if a policy asks for them.
            let facts = facts.get_or_insert_with(|| item.facts());
            let Some(facts) = facts else { continue };
            judged.validations(facts, stage.map(|(_, stage)| stage), hits);
        }
    }

    /// Returns `true` if all policies together have spent too much for the entities of a team. The answer at the end does not
    /// depend on the order of the work: what a policy spends beyond its own budget does not count.
    fn is_too_much(&self, team: usize) -> bool {
        let budget = self.owners.budgets[team];
        let spent = self.spent.iter().map(|spent| spent[team].load(Ordering::Relaxed).min(budget));
        // Few policies cannot.
        self.policies.len() as u64 > TOGETHER && spent.sum::<u64>() > budget_together(budget)
    }

    /// Merges equal violations into one report each.
    fn finish(&self, mut hits: Vec<Hit>) -> Found {
        let mut findings = Vec::new();
        let over =
            |policy: usize, team: usize| self.spent[policy][team].load(Ordering::Relaxed) > self.owners.budgets[team];
        let too_much_together: Vec<bool> = (0..self.owners.budgets.len()).map(|team| self.is_too_much(team)).collect();
        for (name, team) in &self.owners.index {
            let about = |finding: Finding<Route>| match self.workspace.teams.get(*name) {
                Some(team) => finding.related(Route::name(team.entity_ref()), "for this team"),
                None => finding,
            };
            if too_much_together[*team] {
                let at = Route::name(self.workspace.settings.entity_ref());
                findings.push(about(all_too_much(at, &format!("the entities of team `{name}`"))));
                continue;
            }
            for (_, policy) in self.policies.iter().enumerate().filter(|(policy, _)| over(*policy, *team)) {
                findings.push(about(too_much(policy, &format!("the entities of team `{name}`"))));
            }
        }
        hits.retain(|hit| !too_much_together[hit.team] && !over(hit.policy, hit.team));
        let (broken, failed): (Vec<_>, Vec<_>) = hits.into_iter().partition(|hit| hit.kind == HitKind::Broken);
        findings.extend(self.failed(failed));
        Found { broken: self.broken(broken), findings }
    }

    /// Returns one finding for each validation that failed, placed at the expression, with all entities for which it failed.
    fn failed(&self, hits: Vec<Hit>) -> Vec<Finding<Route>> {
        let mut by_validation: BTreeMap<(usize, HitKind), Vec<Hit>> = BTreeMap::new();
        for hit in hits {
            by_validation.entry((hit.policy, hit.kind)).or_default().push(hit);
        }
        let told = by_validation.into_values().filter_map(|hits| {
            let severity = hits.iter().map(|hit| hit.severity).max()?.max(Severity::Warning);
            let count = hits.len();
            let entities: BTreeSet<EntityRef> = hits.iter().map(|hit| hit.entity.clone()).collect();
            let first = hits.into_iter().min_by(|a, b| (&a.entity, a.stage).cmp(&(&b.entity, b.stage)))?;
            let stage = first.stage.map(|at| format!(" in stage `{}`", self.stages[at])).unwrap_or_default();
            let more = match count {
                1 => String::new(),
                2 => ", and once more".to_owned(),
                _ => format!(", and {} times more", count - 1),
            };
            let rule = if first.problem.message == SPENT { rules::POLICY_COST } else { rules::POLICY_FAILED };
            let message = format!("for {}{stage}: {}{more}", first.entity, first.problem.message);
            let related = entities
                .into_iter()
                .map(|entity| Related { at: Route::name(entity), message: "for this entity".to_owned() });
            let finding = Finding::error(rule, first.at, message);
            Some(Finding { severity, help: first.problem.help, related: related.collect(), ..finding })
        });
        told.collect()
    }

    fn broken(&self, hits: Vec<Hit>) -> Vec<Violation> {
        // Equal violations in several stages are merged, and so are violations of several entities at one shared
        // place.
        type Key = (usize, Route, String);
        let mut alike: BTreeMap<Key, (Option<String>, Vec<Whom>)> = BTreeMap::new();
        for Hit { policy, entity, at, severity, later, problem, stage, team: _, kind: _ } in hits {
            let Problem { message, help, word: _, at: _ } = problem;
            let found = alike.entry((policy, at, message)).or_insert_with(|| (help, Vec::new()));
            found.1.push(Whom { entity, stage, severity, later });
        }
        let violation = |((policy, at, message), (help, whom)): (Key, _)| Violation {
            policy: self.policies[policy].name.clone(),
            at,
            message,
            help,
            why: self.policies[policy].spec.why.clone(),
            whom,
        };
        alike.into_iter().map(violation).collect()
    }
}

/// The message for an evaluation that cost too much.
const SPENT: &str = "the evaluation costs too much";
/// The advice for a pattern of names that costs too much.
const FEWER_PARTS: &str = "use fewer parts, or parts that can end at only one place";
/// The advice for an expression that costs too much.
const CHEAPER: &str = "loop over fewer items, or use `in` instead of a loop";

/// Returns the budget of a policy for this number of entities or steps of a team.
pub(crate) fn budget(judged: usize) -> u64 {
    POLICY_BUDGET + judged as u64 * BUDGET_EACH
}

/// Returns the number of operations that all policies together may spend.
pub(crate) fn budget_together(budget: u64) -> u64 {
    TOGETHER * budget
}

/// Makes the finding about policies that spent too much together. `what` names the entities or steps.
pub(crate) fn all_too_much(at: Route, what: &str) -> Finding<Route> {
    let message = format!("the policies together cost too much for {what}");
    Finding::error(rules::POLICY_COST, at, message).help("write fewer or cheaper policies")
}

/// Makes the finding about a policy that spent more than its budget. `what` names the entities or steps.
pub(crate) fn too_much(policy: &Compiled, what: &str) -> Finding<Route> {
    let message = format!("the policy costs too much for {what}: `{}` was stopped", policy.name);
    Finding::error(rules::POLICY_COST, policy.base.route(["validations"]), message).help(CHEAPER)
}

/// One policy applied to one entity.
struct Judged<'j, 'b, 'r> {
    run: &'j Run<'r>,
    policy: &'j Compiled,
    index: usize,
    /// The index of the team that owns the entity.
    team: usize,
    item: Item<'b, 'r>,
    view: Option<&'j StageView<'r>>,
}

impl<'j, 'r> Judged<'j, '_, 'r> {
    fn hit(&self, path: &[String], problem: Problem, own: Option<PolicySeverity>) -> Hit {
        let stage = self.view.map(|view| view.index);
        let at = self.item.written(self.view, path);
        let problem = Problem { help: problem.help.or_else(|| self.policy.spec.help.clone()), ..problem };
        Hit {
            policy: self.index,
            entity: self.item.entity_ref(),
            at,
            severity: self.policy.severity(own, stage, &self.run.stages, self.run.now),
            later: self.policy.later(own, stage, &self.run.stages, self.run.now),
            problem,
            stage,
            team: self.team,
            kind: HitKind::Broken,
        }
    }

    /// Checks names, metadata and limits.
    fn short_forms(&self, hits: &mut Vec<Hit>) {
        let Self { policy, item, .. } = self;
        let place = |path: &[&str]| path.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>();
        if let Some(names) = policy.naming.as_ref().filter(|_| self.has_budget()) {
            let mut spent = 0;
            match names.check(item.name(), item.team(), item.labels(), &mut spent) {
                Ok(None) => {}
                Ok(Some(problem)) => hits.push(self.hit(&place(&["metadata", "name"]), problem, None)),
                Err(failure) => hits.push(self.failed(&["naming", "pattern"], NAMING, None, failure)),
            }
            // Small amounts are not added to the shared counter, because all cores would wait for it.
            if spent > BUDGET_EACH {
                self.run.spent[self.index][self.team].fetch_add(spent, Ordering::Relaxed);
            }
        }
        if let Some(least) = policy.spec.requires.as_ref().and_then(|requires| requires.description) {
            let found = item.description().map_or(0, |text| text.trim().chars().count());
            if found < least as usize {
                let message = match found {
                    0 => format!("the {} has no description", item.kind()),
                    _ => format!("a description of {found} characters says too little"),
                };
                let problem =
                    Problem::new(message).help(format!("describe its purpose in at least {least} characters"));
                hits.push(self.hit(&place(&["metadata", "description"]), problem, None));
            }
        }
        for (label, words) in &policy.labels {
            let path = place(&["metadata", "labels", label]);
            let wanted = || {
                let words: Vec<_> = words.allowed.iter().map(|word| format!("`{word}`")).collect();
                (!words.is_empty()).then(|| format!("write one of {}", words.join(", ")))
            };
            let matching = || words.pattern.as_ref().map(|(text, _)| format!("write a value that matches `{text}`"));
            let wrong = match item.labels().get(label) {
                None => Some(Problem::new(format!("the {} has no label `{label}`", item.kind()))),
                Some(value) if value.trim().is_empty() => Some(Problem::new(format!("the label `{label}` is empty"))),
                Some(value) => {
                    let listed = words.allowed.is_empty() || words.allowed.contains(value);
                    let matched = words.pattern.as_ref().is_none_or(|(_, pattern)| pattern.is_match(value));
                    (!listed || !matched).then(|| Problem::new(format!("the label `{label}` must not be `{value}`")))
                }
            };
            if let Some(problem) = wrong {
                let help = wanted().or_else(matching);
                hits.push(self.hit(&path, Problem { help, ..problem }, None));
            }
        }
        if let (Item::Topic(topic), Some(view)) = (item, self.view)
            && let Some(limits) = policy.limits.get(view.index).filter(|limits| !limits.is_empty())
        {
            limits.check(topic, |(path, problem)| hits.push(self.hit(&path, problem, None)));
        }
    }

    fn validations(&self, facts: &Record<'r>, stage: Option<&Record<'r>>, hits: &mut Vec<Hit>) {
        let run = self.run;
        if !self.has_budget() {
            return;
        }
        let unknown;
        let team = match run.teams.get(self.item.team()) {
            Some(team) => team,
            None => {
                unknown = facts::unknown_team(self.item.team());
                &unknown
            }
        };
        let named = [
            ("entity", facts),
            ("stage", stage.unwrap_or(facts)),
            ("team", team),
            ("workspace", &run.workspace_facts),
            ("now", &run.now_facts),
        ];
        let mut globals = Globals::new(&named);
        let mut spent = 0;
        for validation in &self.policy.validations {
            let Some((expression, message)) = validation.by_kind.get(&self.item.kind()) else { continue };
            let held = expression.holds(&run.env.env, &mut globals, &mut spent);
            match held {
                Ok(true) => {}
                Ok(false) => {
                    let message = match message.as_ref().map(|m| m.text(&run.env.env, &mut globals, &mut spent)) {
                        Some(Ok(message)) => message,
                        Some(Err(failure)) => {
                            hits.push(self.failed_validation(validation, "messageExpression", failure));
                            validation.message.clone()
                        }
                        None => validation.message.clone(),
                    };
                    let problem = Problem { help: validation.help.clone(), ..Problem::new(message) };
                    let name = ["metadata".to_owned(), "name".to_owned()];
                    let path = validation.path.as_deref().unwrap_or(&name);
                    hits.push(self.hit(path, problem, validation.severity));
                }
                Err(failure) => hits.push(self.failed_validation(validation, "expression", failure)),
            }
        }
        if spent > 0 {
            run.spent[self.index][self.team].fetch_add(spent, Ordering::Relaxed);
        }
    }

    /// Returns `true` while the policy, and all policies together, have budget left for the team.
    fn has_budget(&self) -> bool {
        let budget = self.run.owners.budgets[self.team];
        self.run.spent[self.index][self.team].load(Ordering::Relaxed) <= budget && !self.run.is_too_much(self.team)
    }

    fn failed_validation(&self, validation: &Validation, field: &str, failure: Failure) -> Hit {
        let index = validation.index;
        self.failed(&["validations", &index.to_string(), field], index, validation.severity, failure)
    }

    fn failed(&self, place: &[&str], index: usize, own: Option<PolicySeverity>, failure: Failure) -> Hit {
        let problem = match failure {
            Failure::Spent => Problem::new(SPENT).help(if index == NAMING { FEWER_PARTS } else { CHEAPER }),
            Failure::Other(problem) => problem,
        };
        let at = self.policy.base.route(place.iter().copied());
        Hit { at, kind: HitKind::Failed(index), ..self.hit(&[], problem, own) }
    }
}
