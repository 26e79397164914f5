//! A plan in the making.

use weir_findings::{Finding, RuleId};
use weir_model::{EntityRef, Kind, Route};

use crate::{Blocks, Change, Desired, Digest, Object, Observed, Plane, Provider, ReportItem, ReportKind, Risk, Step};

/// The entity and team that a step is done for.
#[derive(Clone, Copy, Default)]
pub(super) struct Owner<'a> {
    pub(super) entity: Option<(Kind, &'a str)>,
    pub(super) team: Option<&'a str>,
}

impl<'a> Owner<'a> {
    pub(super) fn new(kind: Kind, entity: &'a str, team: &'a str) -> Self {
        Self { entity: Some((kind, entity)), team: Some(team) }
    }

    /// The route to a field of the entity; of the stage's cluster when there is no entity.
    pub(super) fn route(&self, desired: &Desired, path: &[&str]) -> Route {
        match self.entity {
            Some((kind, name)) => Route::value(EntityRef::new(kind, name), path.iter().copied()),
            None => workspace_route(desired),
        }
    }
}

/// The stage's cluster in `weir.yaml`.
pub(super) fn workspace_route(desired: &Desired) -> Route {
    Route::value(EntityRef::new(Kind::Workspace, &*desired.workspace), ["spec", "clusters", &desired.cluster])
}

/// The result that the parts of the planner add to.
pub(super) struct Draft<'a> {
    pub(super) desired: &'a Desired,
    pub(super) observed: &'a Observed,
    pub(super) steps: Vec<Step>,
    pub(super) findings: Vec<Finding<Route>>,
    pub(super) report: Vec<ReportItem>,
    pub(super) blocks: Blocks,
}

impl<'a> Draft<'a> {
    pub(super) fn new(desired: &'a Desired, observed: &'a Observed) -> Self {
        Self {
            desired,
            observed,
            steps: Vec::new(),
            findings: Vec::new(),
            report: Vec::new(),
            blocks: Blocks::default(),
        }
    }

    /// Adds the results of another part of the planner.
    pub(super) fn append(&mut self, other: Self) {
        let Self { desired: _, observed: _, steps, findings, report, blocks } = other;
        self.steps.extend(steps);
        self.findings.extend(findings);
        self.report.extend(report);
        self.blocks.append(blocks);
    }

    pub(super) fn step(&mut self, change: Change, owner: Owner<'_>, risk: Risk, meaning: Vec<String>) {
        self.steps.push(Step {
            id: change.id(),
            plane: plane(self.desired.provider, change.about().object),
            entity: owner.entity.map(|(kind, name)| EntityRef::new(kind, name)),
            team: owner.team.map(str::to_owned),
            risk,
            meaning,
            // Filled in when the steps are put in order.
            fingerprint: Digest(String::new()),
            after: Vec::new(),
            change,
        });
    }

    /// Leaves alone the entities that errors are about, and everything that comes after them.
    pub(super) fn keep_out(&mut self) {
        self.blocks.findings(self.desired, &self.findings);
        self.blocks.keep_out(&mut self.steps);
    }

    pub(super) fn report(&mut self, kind: ReportKind, object: impl Into<String>, message: impl Into<String>) {
        self.report.push(ReportItem { kind, object: object.into(), message: message.into() });
    }

    pub(super) fn error(&mut self, rule: &'static str, at: Route, message: impl Into<String>, help: impl Into<String>) {
        self.findings.push(Finding::error(RuleId::new(rule), at, message).help(help));
    }

    pub(super) fn warning(
        &mut self,
        rule: &'static str,
        at: Route,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.findings.push(Finding::warning(RuleId::new(rule), at, message).help(help));
    }
}

/// Accounts of plain Kafka are SCRAM users, which the brokers keep.
fn plane(provider: Provider, object: Object<'_>) -> Plane {
    match (object, provider) {
        (Object::Account(_) | Object::Key { .. }, Provider::ConfluentCloud | Provider::Sandbox) => Plane::Control,
        (Object::Account(_) | Object::Key { .. }, Provider::ApacheKafka) => Plane::Data,
        (Object::Topic(_) | Object::Acl { .. }, _) => Plane::Data,
    }
}
