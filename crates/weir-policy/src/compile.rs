//! Compiles policies, from their YAML to a form that can be applied to entities.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use weir_cel::{Environment, Expression, Problem, Scope, Type, Variables, pattern};
use weir_findings::{Finding, Severity, closest};
use weir_model::{
    Date, EntityRef, Kind, LabelLimit, Match, PolicyKind, PolicySeverity, PolicySpec, PolicyValidation, Requires,
    Route, StageLimits, Workspace,
};

use crate::{
    dialect::DIALECT,
    limits::{self, Limits},
    naming::Names,
    path, rules, shape, starter,
};

/// The organisation's rules of a workspace, compiled: its own policies, and the policies that it chose from the
/// starter pack.
#[derive(Debug)]
pub struct Policies {
    pub(crate) env: Environment,
    pub(crate) all: Vec<Compiled>,
    /// Names of policies that exist but are invalid: a waiver that names one of them is not reported.
    pub(crate) broken: BTreeSet<String>,
}

/// The largest number of policies that a workspace may declare.
const MOST_POLICIES: usize = 500;

/// A policy, compiled.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) name: String,
    pub(crate) spec: PolicySpec,
    /// The place of the policy.
    pub(crate) base: Base,
    pub(crate) naming: Option<Names>,
    pub(crate) labels: Vec<(String, Words)>,
    /// The limits of each stage, in promotion order.
    pub(crate) limits: Vec<Limits>,
    pub(crate) validations: Vec<Validation>,
}

/// The accepted values of a label.
#[derive(Debug)]
pub(crate) struct Words {
    pub(crate) allowed: Vec<String>,
    pub(crate) pattern: Option<(String, regex::Regex)>,
}

/// A validation, compiled for each kind of its policy.
#[derive(Debug)]
pub(crate) struct Validation {
    pub(crate) by_kind: BTreeMap<PolicyKind, (Expression, Option<Expression>)>,
    pub(crate) path: Option<Vec<String>>,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
    pub(crate) severity: Option<PolicySeverity>,
    /// The index of the validation in the policy.
    pub(crate) index: usize,
}

/// The place of a policy: an entity of its own, or `weir.yaml` for a policy of the starter pack.
#[derive(Clone, Debug)]
pub(crate) struct Base {
    entity: EntityRef,
    prefix: Vec<String>,
}

impl Base {
    fn policy(name: &str) -> Self {
        Self { entity: EntityRef::new(Kind::Policy, name), prefix: vec!["spec".to_owned()] }
    }

    fn starter(workspace: &Workspace, name: &str) -> Self {
        let entity = EntityRef::new(Kind::Workspace, &workspace.settings.metadata.name);
        Self { entity, prefix: ["spec", "policies", "starter", name].map(str::to_owned).to_vec() }
    }

    pub(crate) fn route<S: Into<String>>(&self, path: impl IntoIterator<Item = S>) -> Route {
        Route::value(self.entity.clone(), self.prefix.iter().cloned().chain(path.into_iter().map(Into::into)))
    }
}

impl Policies {
    /// Compiles the policies of a workspace. Each mistake in a policy is a finding, and a policy with mistakes is
    /// left out.
    pub fn compile(workspace: &Workspace) -> (Self, Vec<Finding<Route>>) {
        Self::compile_with(workspace, &BTreeSet::new())
    }

    /// Does the work of [`Policies::compile`] for a workspace in which some entities could not be read.
    pub(crate) fn compile_with(workspace: &Workspace, malformed: &BTreeSet<EntityRef>) -> (Self, Vec<Finding<Route>>) {
        let mut findings = Vec::new();
        let mut chosen = Vec::new();
        for (name, policy) in &workspace.policies {
            if let Some(problem) = wrong_name(name) {
                findings.push(invalid(Route::name(policy.entity_ref()), problem));
            }
            if chosen.len() == MOST_POLICIES {
                let problem = Problem::new(format!("the workspace has more than {MOST_POLICIES} policies"));
                let at = Route::name(policy.entity_ref());
                findings.push(invalid(at, problem.help("put several validations into one policy")));
                break;
            }
            chosen.push((name.clone(), policy.spec.clone(), Base::policy(name)));
        }
        for (name, picked) in starter::chosen(workspace) {
            let base = Base::starter(workspace, &name);
            match picked {
                Ok(_) if workspace.policies.contains_key(&name) => {
                    let problem = Problem::new(format!("the starter pack has a policy `{name}` too"));
                    let at = Route::name(EntityRef::new(Kind::Policy, &name));
                    findings.push(invalid(at, problem.help("give this one another name, or leave the other one out")));
                }
                Ok(spec) => chosen.push((name, spec, base)),
                Err(problem) => findings.push(invalid(base.route::<&str>([]), problem)),
            }
        }
        let env = match Environment::new(&DIALECT) {
            Ok(env) => env,
            // Cannot happen, as a test shows; reported all the same, since no policy would be applied.
            Err(problem) => {
                let at = Route::name(EntityRef::new(Kind::Workspace, &workspace.settings.metadata.name));
                findings.push(invalid(at, problem));
                return (Self { env: Environment::empty(), all: Vec::new(), broken: BTreeSet::new() }, findings);
            }
        };
        let stages: Vec<&str> = workspace.settings.spec.stages.iter().map(|stage| stage.name.as_str()).collect();
        let unread = malformed.iter().filter(|entity| entity.kind == Kind::Team).map(|entity| entity.name.clone());
        let teams: BTreeSet<String> = workspace.teams.keys().cloned().chain(unread).collect();
        let mut all = Vec::new();
        let mut broken = BTreeSet::new();
        for (name, spec, base) in chosen {
            let mut compiler = Compiler { base: &base, stages: &stages, teams: Some(&teams), findings: Vec::new() };
            let compiled = compiler.policy(&name, spec);
            if compiler.findings.is_empty() {
                all.push(compiled);
            } else {
                broken.insert(name);
                findings.append(&mut compiler.findings);
            }
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        (Self { env, all, broken }, findings)
    }

    /// Returns `true` if the workspace has no policy.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Returns the names of all policies, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|policy| policy.name.as_str())
    }
}

fn invalid(at: Route, problem: Problem) -> Finding<Route> {
    let at = Route { within: problem.at, ..at };
    Finding { help: problem.help, ..Finding::error(rules::POLICY_INVALID, at, problem.message) }
}

/// Names of policies must be valid ids of rules.
fn wrong_name(name: &str) -> Option<Problem> {
    let kebab = name
        .split('-')
        .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
    if !kebab {
        return Some(
            Problem::new(format!("`{name}` cannot name a policy"))
                .help("use lower case letters, digits and dashes: `topic-retention`"),
        );
    }
    None
}

/// The problem of an unknown name, with the closest known name or a list as help.
pub(crate) fn unknown<'k, K: Iterator<Item = &'k str>>(
    one: &str,
    many: &str,
    name: &str,
    known: impl Fn() -> K,
) -> Option<Problem> {
    if known().any(|other| other == name) {
        return None;
    }
    let problem = Problem::new(format!("there is no {one} `{name}`"));
    Some(match closest(name, known()) {
        Some(meant) => problem.help(format!("did you mean `{meant}`?")),
        None => {
            // Ten names can still be read at a glance.
            let names: Vec<&str> = known().take(10).collect();
            let more = if known().count() > names.len() { ", …" } else { "" };
            problem.help(format!("the {many} are {}{more}", names.join(", ")))
        }
    })
}

struct Compiler<'c> {
    base: &'c Base,
    stages: &'c [&'c str],
    /// `None` if the teams are not known.
    teams: Option<&'c BTreeSet<String>>,
    findings: Vec<Finding<Route>>,
}

impl Compiler<'_> {
    fn wrong<S: Into<String>>(&mut self, path: impl IntoIterator<Item = S>, problem: Problem) {
        self.findings.push(invalid(self.base.route(path), problem));
    }

    fn policy(&mut self, name: &str, spec: PolicySpec) -> Compiled {
        let kinds = &spec.matches.kinds;
        let plans = kinds.contains(&PolicyKind::Plan);
        if kinds.is_empty() {
            let problem = Problem::new("the policy names no kind of entity");
            self.wrong(["match", "kinds"], problem.help("write `match: {kinds: [Topic]}`"));
        } else if plans && kinds.len() > 1 {
            let problem = Problem::new("a policy is either about entities or about plans");
            self.wrong(["match", "kinds"], problem.help("write two policies"));
        }
        self.stages(&spec);
        self.patterns(&spec.matches);
        let topics = kinds.contains(&PolicyKind::Topic);
        let limited = !spec.settings.is_empty()
            || spec.partitions.is_some()
            || spec.replication_factor.is_some()
            || !spec.stages.is_empty();
        if limited && !topics {
            let field = if spec.settings.is_empty() { "match" } else { "settings" };
            self.wrong([field], Problem::new("only topics have settings, partitions and replicas"));
        }
        if plans && (limited || spec.naming.is_some() || spec.requires.is_some()) {
            self.wrong(["match", "kinds"], Problem::new("steps of plans have `validations` only"));
        }
        let Requires { description, labels } = spec.requires.clone().unwrap_or_default();
        let required = description.is_some_and(|least| least > 0) || !labels.is_empty();
        if spec.requires.is_some() && !required {
            let problem = Problem::new("`requires` asks for nothing");
            self.wrong(["requires"], problem.help("write `description: 10`, or `labels: {costCenter: }`"));
        }
        for (stage, _) in spec.stages.iter().filter(|(_, limits)| **limits == StageLimits::default()) {
            let problem = Problem::new(format!("stage `{stage}` has no limit of its own"));
            self.wrong(["stages", stage], problem.help("write `settings`, `partitions` or `replicationFactor`"));
        }
        if !limited && spec.naming.is_none() && spec.requires.is_none() && spec.validations.is_empty() {
            let problem = Problem::new("the policy asks for nothing");
            let help = "write `naming`, `requires`, `settings`, `partitions`, `replicationFactor` or `validations`";
            self.wrong::<&str>([], problem.help(help));
        }
        self.ranges(&spec);
        let naming = spec.naming.as_ref().and_then(|naming| match Names::new(naming) {
            Ok(names) => Some(names),
            Err((place, problem)) => {
                self.wrong(["naming"].into_iter().chain(place), problem);
                None
            }
        });
        let labels = self.labels(&spec);
        let limits = if limited && topics { self.limits(&spec) } else { Vec::new() };
        let validations = self.validations(&spec);
        Compiled { name: name.to_owned(), spec, base: self.base.clone(), naming, labels, limits, validations }
    }

    /// Checks that the patterns for names and teams can match.
    fn patterns(&mut self, matches: &Match) {
        for (field, patterns) in [("names", &matches.names), ("teams", &matches.teams)] {
            for (at, text) in patterns.iter().enumerate() {
                let place = ["match", field, &at.to_string()];
                let start = text.strip_suffix('*').unwrap_or(text);
                if start.is_empty() {
                    let problem = Problem::new("a pattern is a name, or a beginning of names followed by `*`");
                    self.wrong(place, problem.help("leave it out to mean all"));
                } else if start.contains('*') {
                    let problem = Problem::new(format!("`{text}` matches no name: `*` may stand only at the end"));
                    let plain = start.split('*').next().unwrap_or_default();
                    self.wrong(
                        place,
                        if plain.is_empty() { problem } else { problem.help(format!("write `{plain}*`")) },
                    );
                } else if let Some(teams) = self.teams.filter(|_| field == "teams" && start == text)
                    && let Some(problem) = unknown("team", "teams", text, || teams.iter().map(String::as_str))
                {
                    self.wrong(place, problem);
                }
            }
        }
    }

    /// Checks that all named stages exist.
    fn stages(&mut self, spec: &PolicySpec) {
        let Match { stages, .. } = &spec.matches;
        let mut named: Vec<(Vec<String>, &str)> = Vec::new();
        let list = |path: &[&str], index: usize| -> Vec<String> {
            path.iter().map(|part| (*part).to_owned()).chain([index.to_string()]).collect()
        };
        named.extend(stages.iter().enumerate().map(|(i, stage)| (list(&["match", "stages"], i), stage.as_str())));
        if let Some(enforce) = &spec.enforce {
            let each = enforce.stages.iter().enumerate();
            named.extend(each.map(|(i, stage)| (list(&["enforce", "stages"], i), stage.as_str())));
            let from = enforce.from_stage.as_deref();
            named.extend(from.map(|stage| (vec!["enforce".to_owned(), "fromStage".to_owned()], stage)));
        }
        named.extend(spec.stages.keys().map(|stage| (vec!["stages".to_owned(), stage.clone()], stage.as_str())));
        for (path, stage) in named {
            if let Some(problem) = unknown("stage", "stages", stage, || self.stages.iter().copied()) {
                self.wrong(path, problem);
            }
        }
    }

    fn ranges(&mut self, spec: &PolicySpec) {
        let own = [("partitions", spec.partitions), ("replicationFactor", spec.replication_factor)];
        let own = own.into_iter().map(|(field, range)| (vec![field.to_owned()], range));
        let staged = spec.stages.iter().flat_map(|(stage, limits)| {
            let place = |field: &str| vec!["stages".to_owned(), stage.clone(), field.to_owned()];
            [(place("partitions"), limits.partitions), (place("replicationFactor"), limits.replication_factor)]
        });
        for (place, range) in own.chain(staged) {
            let Some(range) = range else { continue };
            match (range.min, range.max) {
                (None, None) => self
                    .wrong(place, Problem::new("the range has neither `min` nor `max`").help("write `min` or `max`")),
                (Some(min), Some(max)) if min > max => {
                    self.wrong(place, Problem::new(format!("no number is at least {min} and at most {max}")));
                }
                _ => {}
            }
        }
    }

    fn labels(&mut self, spec: &PolicySpec) -> Vec<(String, Words)> {
        let none = LabelLimit::default();
        let mut labels = Vec::new();
        for (label, limit) in spec.requires.iter().flat_map(|requires| &requires.labels) {
            let LabelLimit { pattern: text, allowed } = limit.as_ref().unwrap_or(&none);
            let compiled = match text.as_ref().map(|text| (text.clone(), pattern(text, true))) {
                None => None,
                Some((text, Ok(compiled))) => Some((text, compiled)),
                Some((_, Err(problem))) => {
                    self.wrong(["requires", "labels", label, "pattern"], problem);
                    continue;
                }
            };
            labels.push((label.clone(), Words { allowed: allowed.clone(), pattern: compiled }));
        }
        labels
    }

    fn limits(&mut self, spec: &PolicySpec) -> Vec<Limits> {
        // A mistake that affects every stage is reported once.
        if let Err((place, problem)) = limits::compile(spec, None) {
            self.wrong(place, problem);
            return Vec::new();
        }
        let mut all = Vec::with_capacity(self.stages.len());
        for stage in self.stages {
            match limits::compile(spec, Some(stage)) {
                Ok(limits) => all.push(limits),
                Err((place, problem)) => self.wrong(place, problem),
            }
        }
        all
    }

    fn validations(&mut self, spec: &PolicySpec) -> Vec<Validation> {
        let kinds: BTreeSet<PolicyKind> = spec.matches.kinds.iter().copied().collect();
        let mut scopes = BTreeMap::new();
        for kind in kinds {
            let globals = shape::globals(kind).into_iter().map(|(name, shape)| (name, Type::Record(shape)));
            let scope = Scope::new(&DIALECT, globals);
            let mut variables = Variables::default();
            for (index, variable) in spec.variables.iter().enumerate() {
                if let Err(problem) = variables.add(&variable.name, &variable.expression, &scope) {
                    self.wrong(["variables", &index.to_string(), "expression"], problem);
                    return Vec::new();
                }
            }
            scopes.insert(kind, (scope, variables));
        }
        let mut validations = Vec::new();
        for (index, validation) in spec.validations.iter().enumerate() {
            let mut by_kind = BTreeMap::new();
            for (kind, (scope, variables)) in &scopes {
                if let Some(compiled) = self.validation(index, validation, scope, variables, *kind, scopes.len() > 1) {
                    by_kind.insert(*kind, compiled);
                }
            }
            let path = validation.path.as_ref().and_then(|text| {
                let place = ["validations", &index.to_string(), "path"];
                let mut found = None;
                for (scope, _) in scopes.values() {
                    let of = scope.get("entity").cloned();
                    let Some(of) = of else {
                        self.wrong(place, Problem::new("steps of plans have no paths").help("leave it out"));
                        return None;
                    };
                    match path::parse(text, &of) {
                        Ok(path) => found = Some(path),
                        Err(problem) => {
                            self.wrong(place, problem);
                            return None;
                        }
                    }
                }
                found
            });
            let text = validation.expression.split_whitespace().collect::<Vec<_>>().join(" ");
            validations.push(Validation {
                by_kind,
                path,
                message: validation.message.clone().unwrap_or_else(|| format!("`{text}` does not hold")),
                help: validation.help.clone().or_else(|| spec.help.clone()),
                severity: validation.severity,
                index,
            });
        }
        validations
    }

    fn validation(
        &mut self,
        index: usize,
        validation: &PolicyValidation,
        scope: &Scope,
        variables: &Variables,
        kind: PolicyKind,
        several: bool,
    ) -> Option<(Expression, Option<Expression>)> {
        let index = index.to_string();
        let tell = |problem: Problem| {
            let message = if several { format!("for a {kind}: {}", problem.message) } else { problem.message.clone() };
            Problem { message, ..problem }
        };
        if validation.message.is_some() && validation.message_expression.is_some() {
            let problem = Problem::new("there are two messages").help("write `message` or `messageExpression`");
            self.wrong(["validations", &index, "message"], problem);
        }
        let expression = Expression::giving(&Type::Bool, &validation.expression, scope, variables);
        let message = validation.message_expression.as_ref();
        let message = message.map(|text| Expression::giving(&Type::Text, text, scope, variables)).transpose();
        match (expression, message) {
            (Ok(expression), Ok(message)) => return Some((expression, message)),
            (Err(problem), _) => self.wrong(["validations", &index, "expression"], tell(problem)),
            (_, Err(problem)) => self.wrong(["validations", &index, "messageExpression"], tell(problem)),
        }
        None
    }
}

impl Compiled {
    /// Compiles a policy that a plan carries.
    pub(crate) fn carried(name: &str, spec: PolicySpec) -> Result<Self, Vec<Finding<Route>>> {
        let base = Base::policy(name);
        let mut compiler = Compiler { base: &base, stages: &[], teams: None, findings: Vec::new() };
        let compiled = compiler.policy(name, spec);
        if compiler.findings.is_empty() { Ok(compiled) } else { Err(compiler.findings) }
    }

    /// Returns `true` if the policy is about entities of this kind.
    pub(crate) fn is_about(&self, kind: PolicyKind) -> bool {
        self.spec.matches.kinds.contains(&kind)
    }

    /// Returns `true` if the policy applies in this stage.
    pub(crate) fn is_in(&self, stage: &str) -> bool {
        let stages = &self.spec.matches.stages;
        stages.is_empty() || stages.iter().any(|other| other == stage)
    }

    /// Returns `true` if the policy is about entities with this name, team and labels.
    pub(crate) fn takes(&self, name: &str, team: &str, labels: &BTreeMap<String, String>) -> bool {
        let Match { kinds: _, teams, stages: _, labels: wanted, names } = &self.spec.matches;
        let fits = |patterns: &[String], text: &str| {
            patterns.is_empty()
                || patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
                    Some(start) => text.starts_with(start),
                    None => pattern == text,
                })
        };
        fits(teams, team)
            && fits(names, name)
            && wanted.iter().all(|(label, value)| labels.get(label).is_some_and(|found| value == "*" || value == found))
    }

    /// Returns the severity of a violation in the stage of this index, on this day.
    pub(crate) fn severity(
        &self,
        own: Option<PolicySeverity>,
        stage: Option<usize>,
        stages: &[&str],
        now: Timestamp,
    ) -> Severity {
        match own.or(self.spec.severity).unwrap_or_default() {
            PolicySeverity::Info => Severity::Info,
            PolicySeverity::Warning => Severity::Warning,
            PolicySeverity::Error => match self.enforced(stage, stages, now) {
                (true, true) => Severity::Error,
                _ => Severity::Warning,
            },
        }
    }

    /// Returns from which day or stage on a violation is an error, if it is only a warning here and today.
    pub(crate) fn later(
        &self,
        own: Option<PolicySeverity>,
        stage: Option<usize>,
        stages: &[&str],
        now: Timestamp,
    ) -> Option<String> {
        let enforce = self.spec.enforce.as_ref()?;
        let (begun, here) = self.enforced(stage, stages, now);
        if own.or(self.spec.severity).unwrap_or_default() != PolicySeverity::Error || begun && here {
            return None;
        }
        let mut when = Vec::new();
        when.extend(enforce.from.filter(|_| !begun).map(|from| format!("from {from} on")));
        when.extend((!here && !enforce.stages.is_empty()).then(|| format!("in {}", enforce.stages.join(", "))));
        when.extend(enforce.from_stage.as_ref().filter(|_| !here).map(|stage| format!("from stage {stage} on")));
        Some(format!("an error {}", when.join(", ")))
    }

    /// Returns whether errors are enforced on this day, and in the stage of this index.
    fn enforced(&self, stage: Option<usize>, stages: &[&str], now: Timestamp) -> (bool, bool) {
        let Some(enforce) = &self.spec.enforce else { return (true, true) };
        let today = Date::of(now);
        let begun = enforce.from.is_none_or(|from| from <= today);
        let place = |name: &str| stages.iter().position(|other| *other == name);
        let here = stage.is_none_or(|at| {
            let named = enforce.stages.is_empty() || enforce.stages.iter().any(|name| place(name) == Some(at));
            let from = enforce.from_stage.as_deref().and_then(place);
            named && from.is_none_or(|from| from <= at)
        });
        (begun, here)
    }
}
