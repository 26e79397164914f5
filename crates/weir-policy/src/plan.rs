//! Policies over the steps of a plan.
//!
//! [`plan_policies`] writes the policies into the plan, so that its digest covers them. [`check_plan`] applies them
//! to the plan itself: when weir makes the plan, and again when weir carries it out, with the time of that moment.

use std::collections::BTreeMap;

use jiff::Timestamp;
use weir_cel::{Environment, Fact, Failure, Globals, Problem, Record};
use weir_findings::{Finding, RuleId, Severity};
use weir_model::{
    Date, EntityRef, Kind, Loaded, PolicyKind, PolicySeverity, PolicySpec, ResolvedSetting, Route, SettingValue,
    Workspace, settings::KafkaValue,
};
use weir_planning::{About, Change, Object, Plan, PlanPolicies, PlanWaiver, Plane, Step, StepId};

use crate::{
    Policies,
    check::{all_too_much, budget, budget_together, too_much},
    comment,
    compile::Compiled,
    dialect::DIALECT,
    facts, rules,
};

/// Returns the policies over plans that apply in a stage, by name.
pub fn policies_in(workspace: &Workspace, stage: &str) -> BTreeMap<String, String> {
    let (compiled, _) = Policies::compile(workspace);
    let stages: Vec<&str> = workspace.settings.spec.stages.iter().map(|stage| stage.name.as_str()).collect();
    let Some(here) = stages.iter().position(|other| *other == stage) else { return BTreeMap::new() };
    let about = compiled.all.iter().filter(|policy| policy.is_about(PolicyKind::Plan) && policy.is_in(stage));
    about.filter_map(|policy| Some((policy.name.clone(), reduced(policy, here, &stages)?))).collect()
}

/// Returns the policies of a workspace over the steps of `plan`, to be written into it with their waivers; `None` if
/// there are no such policies.
pub fn plan_policies(loaded: &Loaded, plan: &Plan) -> Option<PlanPolicies> {
    let workspace = loaded.workspace.as_ref()?;
    let policies = policies_in(workspace, &plan.stage);
    if policies.is_empty() {
        return None;
    }
    let entities = plan.steps.iter().filter_map(|step| step.entity.as_ref());
    let labels = entities.filter_map(|entity| Some((entity.clone(), workspace.labels(entity)?.clone()))).collect();
    let waived = workspace.waivers.values().map(|waiver| &waiver.spec).filter(|waiver| {
        policies.contains_key(&waiver.rule)
            && (waiver.stages.is_empty() || waiver.stages.contains(&plan.stage))
            && !waiver.reason.trim().is_empty()
    });
    let mut waivers: Vec<PlanWaiver> = waived
        .filter_map(|waiver| {
            let entity = waiver.entity.parse().ok()?;
            Some(PlanWaiver { rule: waiver.rule.clone(), entity, until: waiver.until.to_string() })
        })
        .collect();
    // A step has no line of its own, so a comment covers all steps of the entity around it.
    let (comments, _) = comment::all(loaded);
    waivers.extend(comments.into_iter().filter(|comment| policies.contains_key(&comment.rule)).filter_map(|comment| {
        let entity = comment.entity(loaded)?;
        Some(PlanWaiver { entity, until: comment.until.to_string(), rule: comment.rule })
    }));
    waivers.sort();
    waivers.dedup();
    Some(PlanPolicies { policies, labels, waivers })
}

/// Returns a policy as it applies in one stage, as JSON without any mention of stages.
fn reduced(policy: &Compiled, here: usize, stages: &[&str]) -> Option<String> {
    let mut spec = policy.spec.clone();
    spec.matches.stages.clear();
    if let Some(mut enforce) = spec.enforce.take() {
        let at = |name: &str| stages.iter().position(|stage| *stage == name);
        let named = enforce.stages.is_empty() || enforce.stages.iter().any(|name| at(name) == Some(here));
        let from = enforce.from_stage.as_deref().and_then(at);
        if named && from.is_none_or(|from| from <= here) {
            (enforce.stages, enforce.from_stage) = (Vec::new(), None);
            spec.enforce = Some(enforce);
        } else {
            let milder = |severity: Option<PolicySeverity>| match severity {
                Some(PolicySeverity::Info) => PolicySeverity::Info,
                _ => PolicySeverity::Warning,
            };
            spec.severity = Some(milder(spec.severity));
            for validation in &mut spec.validations {
                validation.severity = validation.severity.map(|severity| milder(Some(severity)));
            }
        }
    }
    serde_json::to_string(&spec).ok()
}

/// Returns all violations in a plan of the policies written into it, at the time `now`.
pub fn check_plan(plan: &Plan, now: Timestamp) -> Vec<Finding<Route>> {
    judge_plan(plan, now).into_iter().map(|(finding, _)| finding).collect()
}

/// A finding, with the step that breaks a policy; without a step, the policy itself cannot be used.
type Judgement = (Finding<Route>, Option<StepId>);

/// Returns all violations in a plan of the policies written into it, at the time `now`, each with the step that breaks a
/// policy; without a step, the policy itself cannot be used.
pub fn judge_plan(plan: &Plan, now: Timestamp) -> Vec<(Finding<Route>, Option<StepId>)> {
    let Some(carried) = &plan.policies else { return Vec::new() };
    let mut findings = Vec::new();
    let env = match Environment::new(&DIALECT) {
        Ok(env) => env,
        Err(problem) => return vec![(unusable(plan, "", problem), None)],
    };
    let mut policies = Vec::new();
    for (name, text) in &carried.policies {
        match serde_json::from_str::<PolicySpec>(text) {
            Err(err) => {
                findings.push((unusable(plan, name, Problem::new(format!("it cannot be read: {err}"))), None));
            }
            Ok(spec) => match Compiled::carried(name, spec) {
                Ok(policy) => policies.push(policy),
                Err(wrong) => findings.extend(wrong.into_iter().map(|finding| (finding, None))),
            },
        }
    }
    let plan_facts = Record::new(vec![
        ("stage", Fact::text(&plan.stage)),
        ("cluster", Fact::text(&plan.cluster)),
        ("workspace", Fact::text(&plan.workspace)),
        ("steps", Fact::int(plan.steps.len() as i64)),
        ("approvalRequired", Fact::bool(plan.approval_required)),
    ]);
    let now_facts = facts::now(now);
    // Each team has a budget of its own: it cannot spend what the steps of others need.
    let mut by_team = BTreeMap::<&str, Vec<&Step>>::new();
    for step in &plan.steps {
        by_team.entry(step.team.as_deref().unwrap_or_default()).or_default().push(step);
    }
    for (team, steps) in by_team {
        let what = match team {
            "" => "the steps of no team".to_owned(),
            team => format!("the steps of team `{team}`"),
        };
        let of_team = OfTeam { plan, carried, policies: &policies, env: &env, now, what };
        findings.extend(of_team.judge(&steps, &plan_facts, &now_facts));
    }
    findings
        .sort_by(|(a, step), (b, other)| (&a.at, &a.rule, &a.message, step).cmp(&(&b.at, &b.rule, &b.message, other)));
    findings.dedup();
    findings
}

/// The steps of one team, to be judged.
struct OfTeam<'p> {
    plan: &'p Plan,
    carried: &'p PlanPolicies,
    policies: &'p [Compiled],
    env: &'p Environment,
    now: Timestamp,
    /// The steps, in words.
    what: String,
}

impl OfTeam<'_> {
    fn judge(&self, steps: &[&Step], plan_facts: &Record<'_>, now_facts: &Record<'_>) -> Vec<Judgement> {
        let Self { plan, carried, policies, env, now, what } = self;
        let now = *now;
        let none = BTreeMap::new();
        let mut spent = vec![0; policies.len()];
        let budget = budget(steps.len());
        // Findings are kept per policy: for a policy that costs too much, only that is reported.
        let mut given: Vec<Vec<Judgement>> = vec![Vec::new(); policies.len()];
        let labels = |step: &Step| step.entity.as_ref().and_then(|entity| carried.labels.get(entity)).unwrap_or(&none);
        let takes = |policy: &Compiled, step: &Step| {
            let logical = step.entity.as_ref().map_or("", |entity| entity.name.as_str());
            policy.takes(logical, step.team.as_deref().unwrap_or_default(), labels(step))
                && !waived(carried, policy, step, now)
        };
        for step in steps {
            let step_facts = step_facts(step, labels(step));
            let named = [("step", &step_facts), ("plan", plan_facts), ("now", now_facts)];
            let mut globals = Globals::new(&named);
            if spent.iter().map(|spent| (*spent).min(budget)).sum::<u64>() > budget_together(budget) {
                let refused = |step: &&Step| (all_too_much(place(plan, step), what), Some(step.id.clone()));
                return steps.iter().map(refused).collect();
            }
            for ((policy, spent), given) in policies.iter().zip(&mut spent).zip(&mut given) {
                if *spent > budget || !takes(policy, step) {
                    continue;
                }
                for validation in &policy.validations {
                    let Some((expression, message)) = validation.by_kind.get(&PolicyKind::Plan) else { continue };
                    let severity = policy.severity(validation.severity, None, &[], now);
                    let text = match expression.holds(env, &mut globals, spent) {
                        Ok(true) => continue,
                        Ok(false) => match message.as_ref().map(|m| m.text(env, &mut globals, spent)) {
                            Some(Ok(text)) => text,
                            _ => format!("`{}`: {}", step.id, validation.message),
                        },
                        Err(failure) => {
                            let finding = failed(policy, step, validation.index, severity, failure);
                            given.push((finding, Some(step.id.clone())));
                            continue;
                        }
                    };
                    let rule = RuleId::from(policy.name.clone());
                    let finding = Finding::error(rule, place(plan, step), text);
                    let later = policy.later(validation.severity, None, &[], now);
                    let help: Vec<String> = validation.help.iter().cloned().chain(later).collect();
                    let help = (!help.is_empty()).then(|| help.join("; "));
                    let finding = Finding { severity, help, note: policy.spec.why.clone(), ..finding };
                    given.push((finding, Some(step.id.clone())));
                }
            }
        }
        let mut findings = Vec::new();
        for ((policy, spent), given) in policies.iter().zip(spent).zip(given) {
            if spent > budget {
                // Nobody knows whether the policy allows them.
                let refused = steps.iter().filter(|step| takes(policy, step));
                findings.extend(refused.map(|step| (too_much(policy, what), Some(step.id.clone()))));
            } else {
                findings.extend(given);
            }
        }
        findings
    }
}

fn failed(policy: &Compiled, step: &Step, index: usize, severity: Severity, failure: Failure) -> Finding<Route> {
    let (rule, problem) = match failure {
        Failure::Spent => (rules::POLICY_COST, Problem::new("the evaluation costs too much")),
        Failure::Other(problem) => (rules::POLICY_FAILED, problem),
    };
    let at = policy.base.route(["validations", &index.to_string(), "expression"]);
    let message = format!("for `{}`: {}", step.id, problem.message);
    Finding { severity: severity.max(Severity::Warning), help: problem.help, ..Finding::error(rule, at, message) }
}

fn unusable(plan: &Plan, name: &str, problem: Problem) -> Finding<Route> {
    let at = Route::name(EntityRef::new(Kind::Workspace, &plan.workspace));
    let message = format!("the policy `{name}` in the plan cannot be used: {}", problem.message);
    Finding::error(rules::POLICY_INVALID, at, message).help("plan again")
}

fn waived(carried: &PlanPolicies, policy: &Compiled, step: &Step, now: Timestamp) -> bool {
    let today = Date::of(now).to_string();
    policy.spec.waivable.unwrap_or(true)
        && carried.waivers.iter().any(|waiver| {
            waiver.rule == policy.name && Some(&waiver.entity) == step.entity.as_ref() && today <= waiver.until
        })
}

fn place(plan: &Plan, step: &Step) -> Route {
    let entity = step.entity.clone();
    Route::name(entity.unwrap_or_else(|| EntityRef::new(Kind::Workspace, &plan.workspace)))
}

fn step_facts<'p>(step: &'p Step, labels: &'p BTreeMap<String, String>) -> Record<'p> {
    let (mut before, mut after) = (Vec::new(), Vec::new());
    match &step.change {
        Change::AdoptAccount { account: _, from, maker } => {
            before.extend(from.as_ref().map(|from| ("maker", Fact::owned(from.to_string()))));
            after.push(("maker", Fact::owned(maker.to_string())));
        }
        Change::CreateAccount { account: _, description, maker: _ } => {
            after.push(("description", Fact::text(description)))
        }
        Change::UpdateAccount { account: _, from, to } => {
            before.push(("description", Fact::text(from)));
            after.push(("description", Fact::text(to)));
        }
        Change::CreateTopic { topic: _, partitions, replication_factor, config } => {
            after.extend(partitions.map(|partitions| ("partitions", Fact::int(partitions))));
            after.extend(replication_factor.map(|replicas| ("replicationFactor", Fact::int(replicas))));
            after.extend(config.iter().filter_map(|(name, value)| Some((name.as_str(), typed(name, value)?))));
        }
        Change::AddPartitions { topic: _, from, to } => {
            before.push(("partitions", Fact::int(*from)));
            after.push(("partitions", Fact::int(*to)));
        }
        Change::ChangeReplicationFactor { topic: _, from, to } => {
            before.push(("replicationFactor", Fact::int(*from)));
            after.push(("replicationFactor", Fact::int(*to)));
        }
        Change::AlterConfig { topic: _, settings } => {
            for (name, change) in settings {
                let fact = |value: &'p Option<KafkaValue>| Some((name.as_str(), typed(name, value.as_ref()?)?));
                before.extend(fact(&change.from));
                after.extend(fact(&change.to));
            }
        }
        Change::DeleteTopic { topic: _, partitions, replication_factor, config } => {
            before.push(("partitions", Fact::int(*partitions)));
            before.push(("replicationFactor", Fact::int(*replication_factor)));
            before.extend(config.iter().filter_map(|(name, value)| Some((name.as_str(), typed(name, value)?))));
        }
        Change::DeleteAccount { account: _, description } => before.push(("description", Fact::text(description))),
        // Policies see no values of these.
        Change::CreateAcl { .. } | Change::CreateKey { .. } | Change::DeleteAcl { .. } | Change::DeleteKey { .. } => {}
    }
    let About { action, object, .. } = step.change.about();
    let object = match object {
        Object::Topic(topic) => ("topic", topic),
        Object::Account(account) | Object::Key { account, .. } => ("account", account),
        Object::Acl { principal, .. } => ("principal", &**principal),
    };
    let labels = labels.iter().map(|(name, value)| (name.as_str(), Fact::text(value))).collect();
    let mut fields = vec![
        ("id", Fact::text(&step.id.0)),
        ("action", Fact::text(action)),
        ("risk", Fact::owned(step.risk.to_string())),
        ("plane", Fact::text(if step.plane == Plane::Control { "control" } else { "data" })),
        ("labels", Fact::Record(Record::new(labels))),
        ("before", Fact::Record(Record::new(before))),
        ("after", Fact::Record(Record::new(after))),
    ];
    fields.push((object.0, Fact::text(object.1)));
    fields.extend(step.entity.as_ref().map(|entity| ("entity", Fact::owned(entity.to_string()))));
    fields.extend(step.team.as_deref().map(|team| ("team", Fact::text(team))));
    Record::new(fields)
}

/// Returns a setting in Kafka's spelling as a typed value for expressions.
fn typed(name: &str, value: &KafkaValue) -> Option<Fact<'static>> {
    let value = SettingValue::Scalar(value.to_string());
    let resolved = ResolvedSetting { value: &value, layer: weir_model::Layer::Entity };
    Some(match facts::setting(name, &resolved).ok()?? {
        Fact::Text(text) => Fact::owned(text.into_inner()),
        Fact::Int(number) => Fact::Int(number),
        Fact::Double(number) => Fact::Double(number),
        Fact::Bool(value) => Fact::Bool(value),
        // A list of words becomes a list of texts.
        _ => Fact::list(value.to_string().split(',').map(|word| Fact::owned(word.trim().to_owned()))),
    })
}
