//! A plan in the making.

use weir_findings::{Finding, RuleId};
use weir_model::{EntityRef, Kind, Route};

use crate::{Change, Desired, Digest, Observed, Plane, Provider, ReportItem, ReportKind, Risk, Step, StepId};

/// Whom a step is done for.
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

/// What the parts of the planner add to.
pub(super) struct Draft<'a> {
    pub(super) desired: &'a Desired,
    pub(super) observed: &'a Observed,
    pub(super) steps: Vec<Step>,
    pub(super) findings: Vec<Finding<Route>>,
    pub(super) report: Vec<ReportItem>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(desired: &'a Desired, observed: &'a Observed) -> Self {
        Self { desired, observed, steps: Vec::new(), findings: Vec::new(), report: Vec::new() }
    }

    /// Takes over what another part of the planner found.
    pub(super) fn append(&mut self, other: Self) {
        let Self { desired: _, observed: _, steps, findings, report } = other;
        self.steps.extend(steps);
        self.findings.extend(findings);
        self.report.extend(report);
    }

    pub(super) fn step(&mut self, change: Change, owner: Owner<'_>, risk: Risk, meaning: Vec<String>) {
        self.steps.push(Step {
            id: change.id(),
            plane: plane(self.desired.provider, &change),
            entity: owner.entity.map(|(kind, name)| format!("{kind}/{name}")),
            team: owner.team.map(str::to_owned),
            risk,
            meaning,
            // Filled in when the steps are put in order.
            fingerprint: Digest(String::new()),
            after: Vec::new(),
            change,
        });
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

fn plane(provider: Provider, change: &Change) -> Plane {
    match change {
        Change::CreateAccount { .. }
        | Change::UpdateAccount { .. }
        | Change::CreateKey { .. }
        | Change::DeleteKey { .. }
        | Change::DeleteAccount { .. } => match provider {
            Provider::ConfluentCloud | Provider::Sandbox => Plane::Control,
            // Accounts of plain Kafka are SCRAM users, which the brokers keep.
            Provider::ApacheKafka => Plane::Data,
        },
        Change::CreateTopic { .. }
        | Change::AddPartitions { .. }
        | Change::ChangeReplicationFactor { .. }
        | Change::AlterConfig { .. }
        | Change::CreateAcl { .. }
        | Change::DeleteAcl { .. }
        | Change::DeleteTopic { .. } => Plane::Data,
    }
}

impl Change {
    /// The name of the step that makes this change. Free text comes last, so two names never meet.
    pub(crate) fn id(&self) -> StepId {
        StepId(match self {
            Change::CreateAccount { account, description: _ } => format!("create-account {account}"),
            Change::UpdateAccount { account, from: _, to: _ } => format!("update-account {account}"),
            Change::CreateTopic { topic, partitions: _, replication_factor: _, config: _ } => {
                format!("create-topic {topic}")
            }
            Change::AddPartitions { topic, from: _, to: _ } => format!("add-partitions {topic}"),
            Change::ChangeReplicationFactor { topic, from: _, to: _ } => format!("change-replication-factor {topic}"),
            Change::AlterConfig { topic, settings: _ } => format!("alter-config {topic}"),
            Change::CreateAcl { principal, acl } => format!("create-acl {principal} {acl}"),
            Change::CreateKey { account, slot, secret: _, tags: _, replaces: _, projections: _ } => {
                format!("create-key {account}/{slot}")
            }
            Change::DeleteAcl { principal, acl } => format!("delete-acl {principal} {acl}"),
            Change::DeleteTopic { topic } => format!("delete-topic {topic}"),
            Change::DeleteKey { account, slot: _, key, secret: _, delete_secret: _, projections: _ } => {
                format!("delete-key {account}/{key}")
            }
            Change::DeleteAccount { account } => format!("delete-account {account}"),
        })
    }
}
