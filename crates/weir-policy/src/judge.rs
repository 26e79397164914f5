//! Collects the findings of all rules, and applies waivers to them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use weir_cel::Problem;
use weir_findings::{FileId, Finding, RuleId, Severity, Span, closest, plural};
use weir_model::{Date, EntityRef, Kind, Loaded, PolicyKind, Route, WaiverSpec, Workspace};

use crate::{
    Policies,
    check::{Found, Violation, Whom, find},
    comment,
    compile::unknown,
    item::concerned,
    rules,
};

/// The inputs of [`judge`] beside the workspace.
#[derive(Clone, Debug)]
pub struct Judging<'j> {
    /// The time: decides which policies are enforced, and which waivers have expired.
    pub now: Timestamp,
    /// The only stage to judge; `None`: all stages. Unused waivers are reported only for all stages.
    pub stage: Option<&'j str>,
    /// The ids of all rules that are not policies, to recognise the rule that a waiver names.
    pub rules: &'j BTreeSet<&'j str>,
}

/// The result of [`judge`].
#[derive(Debug, Default)]
pub struct Judged {
    /// All findings that are not waived, with places, sorted.
    pub findings: Vec<Finding>,
    /// The waived findings, as information, sorted.
    pub waived: Vec<Finding>,
}

/// Collects the findings of reading (in `loaded`), of validation (`found`) and of policies, and separates the waived
/// ones.
///
/// Malformed files, errors of weir's own rules, and policies with `waivable: false` cannot be waived.
pub fn judge(loaded: &Loaded, found: Vec<Finding<Route>>, judging: &Judging<'_>) -> Judged {
    let mut findings = loaded.findings.clone();
    let mut waived = Vec::new();
    if let Some(workspace) = &loaded.workspace {
        let (policies, mut all) = Policies::compile_with(workspace, &loaded.malformed);
        for policy in workspace.policies.values().filter(|policy| judging.rules.contains(policy.metadata.name.as_str()))
        {
            let message = format!("weir has a rule `{}` of its own", policy.metadata.name);
            all.push(
                Finding::error(rules::POLICY_INVALID, Route::name(policy.entity_ref()), message)
                    .help("choose another name"),
            );
        }
        all.extend(found);
        let stages = &workspace.settings.spec.stages;
        let only = judging.stage.and_then(|name| stages.iter().position(|stage| stage.name == name));
        let Found { broken, findings: failed } = find(&policies, workspace, only, judging.now);
        all.extend(failed);
        let mut waivers = Waivers::read(loaded, workspace, &policies, judging);
        for violation in broken {
            waivers.split(loaded, workspace, violation, &mut findings, &mut waived);
        }
        for finding in all {
            waivers.take(loaded, finding, &mut findings, &mut waived);
        }
        waivers.finish(loaded, judging.stage.is_none(), &mut findings);
    } else {
        findings.extend(found.into_iter().map(|finding| finding.locate(|route| loaded.locate(&route))));
    }
    for found in [&mut findings, &mut waived] {
        weir_findings::conceal(found, &loaded.sources);
        weir_findings::sort(found, &loaded.sources);
    }
    Judged { findings, waived }
}

/// A waiver, written as an entity or as a comment.
struct Waiver<'w> {
    rule: String,
    at: Place<'w>,
    scope: Scope,
    stages: &'w [String],
    until: Date,
    /// The kind of findings that the rule allows to waive.
    allowed: Allowed,
    used: bool,
}

#[derive(Clone, Copy)]
enum Place<'w> {
    Entity(&'w str),
    Comment(Span),
}

enum Scope {
    Entity(EntityRef),
    /// A range of bytes in a file.
    Bytes(Span),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Allowed {
    /// All findings of a policy.
    Yes,
    /// Findings of a policy over the steps of plans: only a plan shows whether the waiver is needed.
    InPlans,
    /// Warnings of one of weir's own rules, but not its errors.
    UnlessError,
}

struct Waivers<'w> {
    all: Vec<Waiver<'w>>,
    /// The waivers of a rule, by number: those in a file's comments, and under `None` those in documents.
    by_rule: BTreeMap<String, BTreeMap<Option<FileId>, Vec<usize>>>,
    findings: Vec<Finding>,
    /// Number of days before the end of a waiver in which weir warns.
    warn_before: i64,
}

impl<'w> Waivers<'w> {
    fn read(loaded: &Loaded, workspace: &'w Workspace, policies: &Policies, judging: &Judging<'_>) -> Self {
        let warn_before = workspace.settings.spec.warn_before().days();
        let mut waivers = Self { all: Vec::new(), by_rule: BTreeMap::new(), findings: Vec::new(), warn_before };
        let today = Date::of(judging.now);
        for (name, waiver) in &workspace.waivers {
            let WaiverSpec { rule, entity, stages, reason, owner, until } = &waiver.spec;
            let place = |path: &[&str]| {
                let path = ["spec"].iter().chain(path).copied();
                loaded.locate(&Route::value(EntityRef::new(Kind::Waiver, name), path))
            };
            let locate = |field: &str| place(&[field]);
            let Some(allowed) = waivers.allowed(rule, locate("rule"), policies, judging) else { continue };
            if let Some(field) = [("reason", reason), ("owner", owner)].iter().find(|(_, text)| text.trim().is_empty())
            {
                waivers.wrong(locate(field.0), Problem::new(format!("the waiver has no {}", field.0)));
                continue;
            }
            if let Some(problem) = unknown_owner(loaded, workspace, owner) {
                waivers.wrong(locate("owner"), problem);
                continue;
            }
            if allowed == Allowed::UnlessError && !stages.is_empty() {
                let problem =
                    Problem::new(format!("`{rule}` is one of weir's own rules, which do not judge stage by stage"));
                waivers.wrong(locate("stages"), problem.help("leave `stages` out"));
                continue;
            }
            let unknown =
                stages.iter().enumerate().find_map(|(at, stage)| Some((at, unknown_stage(workspace, stage)?)));
            if let Some((at, problem)) = unknown {
                waivers.wrong(place(&["stages", &at.to_string()]), problem);
                continue;
            }
            let entity = match entity.parse() {
                Ok(entity) if exists(loaded, &entity) => entity,
                parsed => {
                    // A team may delete its entity at any time, and the waiver is in a file of the platform team.
                    let finding = if parsed.is_ok() { Finding::warning } else { Finding::error };
                    let message = format!("there is no entity `{entity}`");
                    let finding = finding(rules::WAIVER_INVALID, locate("entity"), message);
                    waivers.findings.push(finding.help("write its kind and name: `Topic/toll.passages.v1`"));
                    continue;
                }
            };
            if waivers.over(*until, today, locate("until")) {
                continue;
            }
            let scope = Scope::Entity(entity);
            waivers.all.push(Waiver {
                rule: rule.clone(),
                at: Place::Entity(name),
                scope,
                stages,
                until: *until,
                allowed,
                used: false,
            });
        }
        let (comments, wrong) = comment::all(loaded);
        for (at, problem) in wrong {
            waivers.wrong(at, problem);
        }
        for comment in comments {
            let Some(allowed) = waivers.allowed(&comment.rule, comment.at, policies, judging) else { continue };
            if waivers.over(comment.until, today, comment.at) {
                continue;
            }
            if allowed == Allowed::InPlans && !comment.entity(loaded).is_some_and(|entity| entity.kind.is_planned()) {
                let problem =
                    Problem::new(format!("`{}` judges steps of plans, but this place asks for no step", comment.rule));
                let nouns: Vec<String> =
                    Kind::ALL.into_iter().filter(|kind| kind.is_planned()).map(Kind::noun).collect();
                let help = format!("write it into a document of one of these kinds: {}", nouns.join(", "));
                waivers.wrong(comment.at, problem.help(help));
                continue;
            }
            waivers.all.push(Waiver {
                rule: comment.rule,
                at: Place::Comment(comment.at),
                scope: Scope::Bytes(Span::new(comment.at.file, comment.covers)),
                stages: &[],
                until: comment.until,
                allowed,
                used: false,
            });
        }
        for (number, waiver) in waivers.all.iter().enumerate() {
            let file = match &waiver.scope {
                Scope::Entity(_) => None,
                Scope::Bytes(bytes) => Some(bytes.file),
            };
            waivers.by_rule.entry(waiver.rule.clone()).or_default().entry(file).or_default().push(number);
        }
        waivers
    }

    /// Returns the numbers of a rule's waivers that may concern places in these files.
    fn concerning(&self, rule: &str, files: BTreeSet<FileId>) -> Vec<usize> {
        let Some(by_file) = self.by_rule.get(rule) else { return Vec::new() };
        let scopes = std::iter::once(None).chain(files.into_iter().map(Some));
        scopes.filter_map(|scope| by_file.get(&scope)).flatten().copied().collect()
    }

    fn wrong(&mut self, at: Span, problem: Problem) {
        self.findings
            .push(Finding { help: problem.help, ..Finding::error(rules::WAIVER_INVALID, at, problem.message) });
    }

    /// Returns the findings that a waiver of the rule covers. Adds a finding and returns `None` if there is no such
    /// rule, or if the rule cannot be waived.
    fn allowed(&mut self, rule: &str, at: Span, policies: &Policies, judging: &Judging<'_>) -> Option<Allowed> {
        if policies.broken.contains(rule) {
            return None;
        }
        if let Some(policy) = policies.all.iter().find(|policy| policy.name == rule) {
            if policy.spec.waivable.unwrap_or(true) {
                return Some(if policy.is_about(PolicyKind::Plan) { Allowed::InPlans } else { Allowed::Yes });
            }
            self.refuse(rule, at, "its policy sets `waivable: false`");
            return None;
        }
        if rules::rule_pages().iter().chain(weir_model::rule_pages()).any(|page| page.id == rule) {
            self.refuse(rule, at, "it reports malformed files, or mistakes in policies and waivers");
            return None;
        }
        if judging.rules.contains(rule) {
            return Some(Allowed::UnlessError);
        }
        let problem = Problem::new(format!("there is no rule `{rule}`"));
        let names = policies.names().chain(judging.rules.iter().copied());
        let problem = match closest(rule, names) {
            Some(meant) => problem.help(format!("did you mean `{meant}`?")),
            None => problem.help("find the rule's name in brackets after `error` or `warning`"),
        };
        self.wrong(at, problem);
        None
    }

    fn refuse(&mut self, rule: &str, at: Span, why: &str) {
        let message = format!("`{rule}` cannot be waived: {why}");
        self.findings.push(
            Finding::error(rules::WAIVER_REFUSED, at, message).help("correct the mistake that the finding reports"),
        );
    }

    fn over(&mut self, until: Date, today: Date, at: Span) -> bool {
        let over = until < today;
        let left = today.days_until(until);
        if !over && left <= self.warn_before {
            let message = match left {
                0 => "the waiver ends today".to_owned(),
                _ => format!("the waiver ends in {left} {}, on {until}", plural(left, "day")),
            };
            let finding = Finding::warning(rules::WAIVER_ENDING, at, message);
            self.findings.push(finding.help("correct what it silences, or decide again and write a later day"));
        }
        if over {
            let message = format!("the waiver expired: its last day was {until}");
            let finding = Finding::warning(rules::WAIVER_EXPIRED, at, message);
            self.findings.push(finding.help("delete it, or decide again and write a later day"));
        }
        over
    }

    /// Divides a violation, by entity and stage, into the part that counts and the part that is waived.
    fn split(
        &mut self,
        loaded: &Loaded,
        workspace: &Workspace,
        violation: Violation,
        counted: &mut Vec<Finding>,
        waived: &mut Vec<Finding>,
    ) {
        let locate = |violation: &Violation| violation.finding(workspace).locate(|route| loaded.locate(&route));
        if !self.by_rule.contains_key(&violation.policy) {
            counted.push(locate(&violation));
            return;
        }
        let place = loaded.locate(&violation.at);
        let shared = violation.is_shared();
        let stages = &workspace.settings.spec.stages;
        let mut left = violation.clone();
        let mut files = BTreeSet::from([place.file]);
        if shared {
            files.extend(violation.whom.iter().map(|whom| loaded.locate(&Route::name(whom.entity.clone())).file));
        }
        for number in self.concerning(&violation.policy, files) {
            let waiver = &mut self.all[number];
            let covers = |entity: &EntityRef| match &waiver.scope {
                Scope::Entity(waived) => waived == entity || *waived == violation.at.entity,
                Scope::Bytes(bytes) => {
                    holds(bytes, place) || shared && holds(bytes, loaded.locate(&Route::name(entity.clone())))
                }
            };
            let names = |at: Option<usize>| {
                let name = at.and_then(|at| stages.get(at)).map(|stage| &stage.name);
                waiver.stages.is_empty() || name.is_some_and(|name| waiver.stages.contains(name))
            };
            let matches = |whom: &Whom| names(whom.stage) && covers(&whom.entity);
            if !violation.whom.iter().any(matches) {
                continue;
            }
            let (taken, rest): (Vec<_>, Vec<_>) = left.whom.iter().cloned().partition(matches);
            waiver.used = true;
            left.whom = rest;
            if !taken.is_empty() {
                waived.push(waiver.silence(loaded, locate(&Violation { whom: taken, ..violation.clone() })));
            }
        }
        if !left.whom.is_empty() {
            counted.push(locate(&left));
        }
    }

    /// Sorts any other finding into the findings that count or the waived ones.
    fn take(
        &mut self,
        loaded: &Loaded,
        finding: Finding<Route>,
        counted: &mut Vec<Finding>,
        waived: &mut Vec<Finding>,
    ) {
        if !self.by_rule.contains_key(finding.rule.as_str()) {
            counted.push(finding.locate(|route| loaded.locate(&route)));
            return;
        }
        let concerned: Vec<EntityRef> = concerned(&finding).cloned().collect();
        let shared = concerned.len() > 1;
        let located = finding.clone().locate(|route| loaded.locate(&route));
        // A finding at a place that several entities share is waived only if it is waived for each of them.
        let mut left: Vec<&EntityRef> =
            if shared { concerned.iter().skip(1).collect() } else { concerned.iter().collect() };
        let mut taken = None;
        let places = std::iter::once(located.at).chain(located.related.iter().map(|related| related.at));
        for number in self.concerning(finding.rule.as_str(), places.map(|at| at.file).collect()) {
            let waiver = &mut self.all[number];
            let matched = match &waiver.scope {
                Scope::Entity(entity) => concerned.contains(entity),
                Scope::Bytes(bytes) => {
                    let related = located.related.iter().map(|related| related.at);
                    std::iter::once(located.at).chain(related).any(|at| holds(bytes, at))
                }
            };
            if !matched {
                continue;
            }
            if waiver.allowed == Allowed::UnlessError && finding.severity == Severity::Error {
                let at = waiver.span(loaded);
                waiver.used = true;
                let message = format!("`{}` cannot be waived: it is an error of one of weir's own rules", finding.rule);
                let refused = Finding::error(rules::WAIVER_REFUSED, at, message)
                    .help("correct the mistake that the finding reports");
                self.findings.push(refused);
                continue;
            }
            waiver.used = true;
            match &waiver.scope {
                Scope::Entity(entity) if shared && concerned[0] != *entity => left.retain(|other| *other != entity),
                Scope::Bytes(bytes) if shared => {
                    let covers = |entity: &EntityRef| holds(bytes, loaded.locate(&Route::name(entity.clone())));
                    left.retain(|entity| !holds(bytes, located.at) && !covers(entity));
                }
                _ => left.clear(),
            }
            taken = Some(waiver.silence(loaded, located.clone()));
        }
        match taken {
            Some(silenced) if left.is_empty() => waived.push(silenced),
            taken => {
                let keep: BTreeSet<Span> = left.iter().map(|e| loaded.locate(&Route::name((*e).clone()))).collect();
                let mut located = located;
                if shared && taken.is_some() {
                    located.related.retain(|related| keep.contains(&related.at));
                }
                counted.push(located);
            }
        }
    }

    fn finish(mut self, loaded: &Loaded, whole: bool, findings: &mut Vec<Finding>) {
        for waiver in self.all.iter().filter(|waiver| whole && !waiver.used && waiver.allowed != Allowed::InPlans) {
            let message = format!("nothing breaks `{}` here: the waiver is not needed", waiver.rule);
            let rule: RuleId = rules::WAIVER_UNUSED;
            self.findings.push(Finding::warning(rule, waiver.span(loaded), message).help("delete it"));
        }
        findings.append(&mut self.findings);
    }
}

impl Waiver<'_> {
    /// Turns a waived finding into information.
    fn silence(&self, loaded: &Loaded, finding: Finding) -> Finding {
        Finding {
            severity: Severity::Info,
            message: format!("{} (waived until {})", finding.message, self.until),
            ..finding.related(self.span(loaded), "waived here")
        }
    }

    fn span(&self, loaded: &Loaded) -> Span {
        match self.at {
            Place::Comment(at) => at,
            Place::Entity(name) => loaded.locate(&Route::value(EntityRef::new(Kind::Waiver, name), ["spec", "rule"])),
        }
    }
}

/// Returns `true` if the place begins within these bytes.
fn holds(bytes: &Span, at: Span) -> bool {
    at.file == bytes.file && bytes.start <= at.start && at.start < bytes.end.max(bytes.start + 1)
}

fn unknown_stage(workspace: &Workspace, stage: &str) -> Option<Problem> {
    let names = || workspace.settings.spec.stages.iter().map(|stage| stage.name.as_str());
    unknown("stage", "stages", stage, names)
}

fn unknown_owner(loaded: &Loaded, workspace: &Workspace, owner: &str) -> Option<Problem> {
    if loaded.malformed.contains(&EntityRef::new(Kind::Team, owner)) {
        return None;
    }
    unknown("team", "teams", owner, || workspace.teams.keys().map(String::as_str))
}

fn exists(loaded: &Loaded, entity: &EntityRef) -> bool {
    loaded.malformed.contains(entity) || loaded.workspace.as_ref().is_some_and(|w| w.origin(entity).is_some())
}
