//! Two agents in two networks carry out one plan.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicU32, Ordering},
};

use proptest::prelude::*;
use weir_deployment::{DeployError, MemoryJournal, Options, Outcome, Receipt, Refusal, StepOutcome, Verdict, render};
use weir_planning::{Change, KeyMarker, Observed, ObservedSecret, Phase, Plan, Plane, SecretRef, TopicFacts};
use weir_ports::{Cluster, CreatedKey, ErrorKind, PortError, Query, SecretSink, SecretString};
use weir_sandbox::Sandbox;

use crate::{
    faults::any_desired,
    scene::{after, assert_settled, bold, deployed, month, observe, open, plan, run_on},
};

/// A sandbox of which one plane cannot be reached; counts the calls that try.
struct Only<'a> {
    sandbox: &'a Sandbox,
    plane: Plane,
    refused: AtomicU32,
}

impl<'a> Only<'a> {
    fn new(sandbox: &'a Sandbox, plane: Plane) -> Self {
        Self { sandbox, plane, refused: AtomicU32::new(0) }
    }

    fn needs(&self, plane: Plane) -> Result<(), PortError> {
        if plane == self.plane {
            return Ok(());
        }
        self.refused.fetch_add(1, Ordering::SeqCst);
        Err(PortError::new(ErrorKind::Unavailable, format!("the {plane} plane is not reached from here")))
    }
}

fn plane_of(change: &Change) -> Plane {
    match change {
        Change::AdoptAccount { .. }
        | Change::CreateAccount { .. }
        | Change::UpdateAccount { .. }
        | Change::DeleteAccount { .. } => Plane::Control,
        _ => Plane::Data,
    }
}

#[async_trait::async_trait]
impl Cluster for Only<'_> {
    async fn observe(&self, query: &Query) -> Result<Observed, PortError> {
        if !query.topics.is_empty() {
            self.needs(Plane::Data)?;
        }
        let mut seen = self.sandbox.observe(query).await?;
        match self.plane {
            Plane::Control => seen.acls.clear(),
            Plane::Data => {
                seen.accounts.clear();
                seen.keys.clear();
            }
        }
        Ok(seen)
    }

    async fn topic_facts(&self, topics: &BTreeSet<String>) -> Result<BTreeMap<String, TopicFacts>, PortError> {
        self.needs(Plane::Data)?;
        self.sandbox.topic_facts(topics).await
    }

    async fn apply(&self, changes: &[&Change]) -> Vec<Result<(), PortError>> {
        match changes.iter().find_map(|change| self.needs(plane_of(change)).err()) {
            Some(_) => changes.iter().map(|change| self.needs(plane_of(change))).collect(),
            None => self.sandbox.apply(changes).await,
        }
    }

    async fn create_key(&self, account: &str, marker: &KeyMarker) -> Result<CreatedKey, PortError> {
        self.needs(Plane::Control)?;
        self.sandbox.create_key(account, marker).await
    }

    async fn delete_key(&self, account: &str, key: &str) -> Result<(), PortError> {
        self.needs(Plane::Control)?;
        self.sandbox.delete_key(account, key).await
    }
}

#[async_trait::async_trait]
impl SecretSink for Only<'_> {
    async fn inspect(&self, at: &BTreeSet<SecretRef>) -> Result<BTreeMap<SecretRef, ObservedSecret>, PortError> {
        self.needs(Plane::Control)?;
        self.sandbox.inspect(at).await
    }

    async fn list(&self, vault: &str) -> Result<BTreeMap<SecretRef, ObservedSecret>, PortError> {
        self.needs(Plane::Control)?;
        self.sandbox.list(vault).await
    }

    async fn preflight(&self, at: &SecretRef) -> Result<(), PortError> {
        self.needs(Plane::Control)?;
        self.sandbox.preflight(at).await
    }

    async fn store(
        &self,
        at: &SecretRef,
        value: &SecretString,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), PortError> {
        self.needs(Plane::Control)?;
        self.sandbox.store(at, value, tags).await
    }

    async fn disable(&self, at: &SecretRef, key: &str) -> Result<(), PortError> {
        self.needs(Plane::Control)?;
        self.sandbox.disable(at, key).await
    }

    async fn delete(&self, at: &SecretRef) -> Result<(), PortError> {
        self.needs(Plane::Control)?;
        self.sandbox.delete(at).await
    }
}

async fn run_at(plane: Plane, plan: &Plan, sandbox: &Sandbox, after: &[&Receipt]) -> Result<Receipt, DeployError> {
    let only = Only::new(sandbox, plane);
    let after = after.iter().map(|receipt| Receipt::from_json(&receipt.to_json()).unwrap()).collect();
    let options = Options { planes: [plane].into(), after, ..bold() };
    let receipt = run_on(plan, &only, &only, &options, &mut MemoryJournal::default()).await;
    assert_eq!(only.refused.load(Ordering::SeqCst), 0, "calls to the other plane");
    receipt
}

#[tokio::test(start_paused = true)]
async fn receipts_carry_a_plan_through_two_networks() {
    let folder = tempfile::tempdir().unwrap();
    drop(deployed(folder.path()).await);
    let sandbox = open(folder.path(), month(3), "");
    let plan = plan(&sandbox, &after(), month(3)).await;
    let first = run_at(Plane::Control, &plan, &sandbox, &[]).await.unwrap();
    let second = run_at(Plane::Data, &plan, &sandbox, &[&first]).await.unwrap();
    let third = run_at(Plane::Control, &plan, &sandbox, &[&second]).await.unwrap();
    let outcomes = [&first, &second, &third].map(|receipt| receipt.outcome);
    assert_eq!(outcomes, [Outcome::OtherPlane, Outcome::OtherPlane, Outcome::Complete], "{}", render::text(&third));
    for receipt in [&first, &second, &third] {
        for (step, done) in plan.steps.iter().zip(&receipt.steps).filter(|(s, _)| !receipt.planes.contains(&s.plane)) {
            assert!(matches!(done.outcome, StepOutcome::OtherPlane | StepOutcome::Already), "{}: {done:?}", step.id);
        }
    }
    // Nobody loses an account or a key before the brokers took away its rights.
    for (step, done) in plan.steps.iter().zip(&first.steps).filter(|(s, _)| s.change.about().phase >= Phase::AclDeletes)
    {
        assert_eq!(done.outcome, StepOutcome::OtherPlane, "{}", step.id);
    }
    let seen = observe(&sandbox, &after()).await.accounts;
    for name in ["dev-biller", "dev-new", "dev-reader"] {
        for receipt in [&first, &second, &third] {
            assert_eq!(receipt.accounts.get(name), seen.get(name).map(|account| &account.id), "{name}");
        }
    }
    assert!(third.steps.iter().all(|step| step.verified));
    assert_settled(&sandbox, &after(), month(3)).await;
    insta::assert_snapshot!(second.steps[0].detail.as_ref().unwrap(), @"done on the control plane by the run that ended at 2026-09-01T08:00:00Z");
}

#[tokio::test(start_paused = true)]
async fn without_a_receipt_nothing_is_taken_for_done() {
    let folder = tempfile::tempdir().unwrap();
    drop(deployed(folder.path()).await);
    let sandbox = open(folder.path(), month(3), "");
    let plan = plan(&sandbox, &after(), month(3)).await;
    run_at(Plane::Control, &plan, &sandbox, &[]).await.unwrap();
    let receipt = run_at(Plane::Data, &plan, &sandbox, &[]).await.unwrap();
    assert_eq!(receipt.outcome, Outcome::OtherPlane);
    let outcome = |id: &str| receipt.steps.iter().find(|step| step.id.0.starts_with(id)).map(|step| step.outcome);
    assert_eq!(outcome("create-topic dev.new"), Some(StepOutcome::Created));
    assert_eq!(outcome("create-acl User:dev-new"), Some(StepOutcome::OtherPlane));
    assert_eq!(outcome("delete-topic dev.gone"), Some(StepOutcome::OtherPlane));
}

#[tokio::test(start_paused = true)]
async fn a_step_that_failed_on_another_plane_holds_back_its_dependents() {
    let folder = tempfile::tempdir().unwrap();
    drop(deployed(folder.path()).await);
    let sandbox = open(folder.path(), month(3), "deny@store");
    let plan = plan(&sandbox, &after(), month(3)).await;
    let first = run_at(Plane::Control, &plan, &sandbox, &[]).await.unwrap();
    assert_eq!(first.verdict(), Verdict::PartlyDeployed);
    let second = run_at(Plane::Data, &plan, &sandbox, &[&first]).await.unwrap();
    for (step, done) in
        plan.steps.iter().zip(&second.steps).filter(|(s, _)| s.change.about().phase >= Phase::AclDeletes)
    {
        assert_eq!(done.outcome, StepOutcome::OtherPlane, "{} takes something away", step.id);
    }
    let sandbox = open(folder.path(), month(3), "");
    let first = run_at(Plane::Control, &plan, &sandbox, &[&second]).await.unwrap();
    let second = run_at(Plane::Data, &plan, &sandbox, &[&first]).await.unwrap();
    let third = run_at(Plane::Control, &plan, &sandbox, &[&second]).await.unwrap();
    assert_eq!(third.outcome, Outcome::Complete, "{}", render::text(&third));
    assert_settled(&sandbox, &after(), month(3)).await;
}

#[tokio::test(start_paused = true)]
async fn receipts_of_something_else_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(deployed(folder.path()).await);
    let sandbox = open(folder.path(), month(3), "");
    let plan = plan(&sandbox, &after(), month(3)).await;
    let receipt = run_at(Plane::Control, &plan, &sandbox, &[]).await.unwrap();
    let mut said = Vec::new();
    let mut stage = receipt.clone();
    stage.stage = "prod".into();
    let mut other = receipt.clone();
    other.plan.0 = "sha256:00".into();
    let mut nowhere = receipt.clone();
    nowhere.planes.clear();
    for (plane, receipt) in
        [(Plane::Data, &stage), (Plane::Data, &other), (Plane::Control, &receipt), (Plane::Data, &nowhere)]
    {
        match run_at(plane, &plan, &sandbox, &[receipt]).await {
            Err(DeployError::Refused(why @ (Refusal::OtherReceipt { .. } | Refusal::SamePlane { .. }))) => {
                said.push(why.to_string().replace(&plan.digest.0, "DIGEST"));
            }
            other => panic!("{other:?}"),
        }
    }
    insta::assert_snapshot!(said.join("\n"), @r"
    the receipt is of stage `prod`, not of `dev`; pass the receipt of a run of this very plan
    the receipt is of plan `sha256:00`, not of `DIGEST`; pass the receipt of a run of this very plan
    the receipt is of a run on the control plane, which this run reaches itself; pass the receipt of a run on another plane
    the receipt is of a run that was refused; pass the receipt of a run on another plane
    ");
    let json = receipt.to_json();
    assert_eq!(Receipt::from_json(&json).unwrap(), receipt);
    let newer = json.replace("weir.receipt/v1", "weir.receipt/v9");
    insta::assert_snapshot!(Receipt::from_json(&newer).unwrap_err(), @"the receipt's format is `weir.receipt/v9`, this version reads `weir.receipt/v1`");
    assert!(Receipt::from_json("{}").is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is asked for: control, data and control again leave nothing to do, in whichever order one begins.
    #[test]
    fn any_plan_ends_after_runs_on_both_planes(
        stages in prop::collection::vec(any_desired(), 2..4),
        data_first in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let sandbox = open(folder.path(), month(1), "");
            for desired in stages {
                let observed = observe(&sandbox, &desired).await;
                let options = weir_planning::PlanOptions { now: month(1), commit: None };
                let made = weir_planning::plan(&desired, &observed, &options).accept();
                let Some(plan) = made.ok().filter(|plan| plan.blocked.is_empty()) else { continue };
                let mut before: Option<Receipt> = None;
                let mut planes = vec![Plane::Control, Plane::Data, Plane::Control];
                if data_first {
                    planes.insert(0, Plane::Data);
                }
                for plane in planes {
                    let after: Vec<&Receipt> = before.iter().collect();
                    let receipt = run_at(plane, &plan, &sandbox, &after).await.unwrap();
                    assert_eq!(receipt.verdict(), Verdict::Fine, "{}", render::text(&receipt));
                    before = Some(receipt);
                }
                let last = before.unwrap().outcome;
                assert!(matches!(last, Outcome::Complete | Outcome::NothingToDo), "{last:?}");
                assert_settled(&sandbox, &desired, month(1)).await;
            }
        });
    }
}
