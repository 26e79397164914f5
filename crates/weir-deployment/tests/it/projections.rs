//! API keys in several shapes: whatever happens, whoever reads any of them holds a key that works.

use std::collections::{BTreeMap, BTreeSet};

use weir_deployment::{MemoryJournal, Outcome, Receipt, StepOutcome, Verdict, render};
use weir_model::SecretPart;
use weir_planning::{Desired, DesiredKey, ObservedSecret, Plan, SecretRef};
use weir_ports::{ErrorKind, ExposeSecret as _, PortError, SecretSink, SecretString};
use weir_sandbox::{Faults, Sandbox};

use crate::scene::{
    DAY, account, bold, copy, desired, key, month, observe, open, open_with, plan, run, run_on, secret,
};

fn slot(rotate_every: Option<u64>, overlap: u64) -> DesiredKey {
    let at = |part: SecretPart| SecretRef { name: part.secret_name("dev-a", "default"), ..secret("dev-a", "default") };
    let projections = SecretPart::ALL.into_iter().map(|part| (part, at(part))).collect();
    DesiredKey { overlap, projections, ..key("dev-a", "default", rotate_every) }
}

fn with(key: DesiredKey) -> Desired {
    let mut desired = desired();
    let mut account = account("dev-a", &[], &[]);
    account.keys.insert("default".into(), key);
    desired.accounts.insert("dev-a".into(), account);
    desired
}

/// The credentials that an application reads from one shape.
fn read(sandbox: &Sandbox, at: &SecretRef) -> Option<String> {
    Some(sandbox.vaults().read_secret(at).unwrap()?.expose_secret().to_owned())
}

fn quoted<'a>(text: &'a str, name: &str) -> &'a str {
    text.split_once(&format!("{name}=\"")).unwrap().1.split_once('"').unwrap().0
}

/// Credentials that readers took from the vault, with the time: each works for the overlap after the next run.
#[derive(Default)]
struct Readers(BTreeSet<(String, String)>);

impl Readers {
    /// Reads every shape that is there. A pair that is being written may be of two keys; whoever compares the tags sees
    /// that, and waits.
    async fn read(&mut self, sandbox: &Sandbox, desired: &Desired) {
        let key = &desired.accounts["dev-a"].keys["default"];
        if let Some(json) = read(sandbox, &key.secret) {
            let fields: BTreeMap<String, String> = serde_json::from_str(&json).unwrap();
            self.0.insert((fields["api_key"].clone(), fields["api_secret"].clone()));
        }
        let part = |part| key.projections.get(&part).and_then(|at| read(sandbox, at));
        if let Some(text) = part(SecretPart::Properties) {
            self.0.insert((quoted(&text, "username").to_owned(), quoted(&text, "password").to_owned()));
        }
        let pair = [SecretPart::Key, SecretPart::Secret].map(|part| &key.projections[&part]);
        let seen = sandbox.inspect(&pair.into_iter().cloned().collect()).await.unwrap();
        let ids: BTreeSet<_> = seen.values().filter_map(ObservedSecret::hands_out).collect();
        if let (Some(id), Some(secret), 1) = (part(SecretPart::Key), part(SecretPart::Secret), ids.len()) {
            self.0.insert((id, secret));
        }
        let keys = observe(sandbox, desired).await.keys;
        assert!(ids.iter().all(|id| keys.contains_key(*id)), "{ids:?} of {keys:?}");
    }

    fn assert_let_in(&self, sandbox: &Sandbox, when: &str) {
        for (id, secret) in &self.0 {
            assert!(sandbox.login(id, &SecretString::from(secret.clone())), "{when}: {id} lets nobody in");
        }
    }
}

/// Carries out a plan with readers before and after it; none of them is locked out.
async fn run_read(
    plan: &Plan,
    at: &Sandbox,
    sound: &Sandbox,
    desired: &Desired,
    readers: &mut Readers,
    when: &str,
) -> Receipt {
    readers.read(sound, desired).await;
    let receipt = run(plan, at).await;
    readers.read(sound, desired).await;
    readers.assert_let_in(sound, when);
    receipt
}

/// Planned and deployed until nothing is left, with months between: no key but the one in every shape.
async fn assert_heals(folder: &std::path::Path, desired: &Desired, from: u8, when: &str) {
    for number in from..from + 3 {
        let sandbox = open(folder, month(number), "");
        let plan = plan(&sandbox, desired, month(number)).await;
        let receipt = run_read(&plan, &sandbox, &sandbox, desired, &mut Readers::default(), when).await;
        assert_eq!(receipt.verdict(), Verdict::Fine, "{when}: {}", render::text(&receipt));
    }
    let sandbox = open(folder, month(from + 2), "");
    let again = plan(&sandbox, desired, month(from + 2)).await;
    assert!(again.is_empty(), "{when}: {:?}", again.steps);
    let seen = observe(&sandbox, desired).await;
    assert_eq!(seen.keys.len(), 1, "{when}: {:?}", seen.keys);
    let id = seen.keys.keys().next().unwrap();
    assert!(seen.secrets.len() == 4 && seen.secrets.values().all(|s| s.hands_out() == Some(id)), "{when}");
}

/// A key made in January, in all shapes, that is due in March.
async fn start(folder: &std::path::Path) -> Desired {
    let desired = with(slot(Some(30 * DAY), 7 * DAY));
    let sandbox = open(folder, month(1), "");
    let receipt = run(&plan(&sandbox, &desired, month(1)).await, &sandbox).await;
    assert_eq!(receipt.outcome, Outcome::Complete, "{}", render::text(&receipt));
    let mut readers = Readers::default();
    readers.read(&sandbox, &desired).await;
    assert_eq!(readers.0.len(), 1, "every shape holds the same key");
    readers.assert_let_in(&sandbox, "at first");
    desired
}

#[tokio::test(start_paused = true)]
async fn a_rotation_that_is_killed_anywhere_leaves_no_reader_without_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let desired = start(folder.path()).await;
    let rested = with(slot(None, 7 * DAY));
    let counted = tempfile::tempdir().unwrap();
    copy(folder.path(), counted.path());
    let faults = Faults::default();
    let sandbox = open_with(counted.path(), month(3), &faults);
    run(&plan(&sandbox, &desired, month(3)).await, &sandbox).await;
    let points = faults.points();
    assert!(points >= 10, "{points}");
    for at in 1..=points {
        for fault in [format!("crash@{at}"), format!("lost@{at}"), format!("fail@{at},lag=2")] {
            let copied = tempfile::tempdir().unwrap();
            copy(folder.path(), copied.path());
            let sandbox = open(copied.path(), month(3), &fault);
            let sound = open(copied.path(), month(3), "");
            let mut readers = Readers::default();
            let plan = plan(&sandbox, &desired, month(3)).await;
            run_read(&plan, &sandbox, &sound, &desired, &mut readers, &fault).await;
            if at % 2 == 0 {
                // Nobody looks after it until long after the overlap.
                assert_heals(copied.path(), &rested, 4, &fault).await;
                continue;
            }
            // The same plan goes on, is killed twice more, and goes on.
            for deep in [at, 1 + at / 2] {
                let again = open(copied.path(), month(3), &format!("crash@{deep}"));
                run_read(&plan, &again, &sound, &desired, &mut readers, &fault).await;
            }
            let receipt = run_read(&plan, &sound, &sound, &desired, &mut readers, &fault).await;
            assert_eq!(receipt.verdict(), Verdict::Fine, "{fault}: {}", render::text(&receipt));
            assert_heals(copied.path(), &rested, 3, &fault).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn readers_hold_a_working_key_all_the_year() {
    let folder = tempfile::tempdir().unwrap();
    let desired = start(folder.path()).await;
    for number in 2..=12 {
        let sandbox = open(folder.path(), month(number), "");
        let plan = plan(&sandbox, &desired, month(number)).await;
        let receipt =
            run_read(&plan, &sandbox, &sandbox, &desired, &mut Readers::default(), &format!("month {number}")).await;
        assert_eq!(receipt.verdict(), Verdict::Fine, "{}", render::text(&receipt));
        assert!(observe(&sandbox, &desired).await.keys.len() <= 2, "month {number}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_emergency_leaves_only_the_new_key() {
    let folder = tempfile::tempdir().unwrap();
    start(folder.path()).await;
    let emergency = DesiredKey { rotated_after: Some(month(2)), emergency: true, ..slot(None, 7 * DAY) };
    let desired = with(emergency);
    let sandbox = open(folder.path(), month(3), "");
    let plan_of_day = plan(&sandbox, &desired, month(3)).await;
    let steps: Vec<_> = plan_of_day.steps.iter().map(|step| step.id.0.split(' ').next().unwrap()).collect();
    assert_eq!(steps, ["create-key", "delete-key"]);
    let receipt = run(&plan_of_day, &sandbox).await;
    assert_eq!(receipt.outcome, Outcome::Complete);
    assert_eq!(observe(&sandbox, &desired).await.keys.len(), 1);
    for at in desired.accounts["dev-a"].keys["default"].secrets() {
        let versions: Vec<_> = sandbox.vaults().secret_versions(at).unwrap().iter().map(|v| v.enabled).collect();
        assert_eq!(versions, [false, true], "{at}");
    }
    assert!(plan(&sandbox, &desired, month(3)).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_goes_takes_every_shape_along() {
    let folder = tempfile::tempdir().unwrap();
    let before = start(folder.path()).await;
    let mut desired = before.clone();
    desired.accounts.get_mut("dev-a").unwrap().keys.clear();
    let sandbox = open(folder.path(), month(1), "");
    let receipt = run(&plan(&sandbox, &desired, month(1)).await, &sandbox).await;
    assert_eq!(receipt.outcome, Outcome::Complete);
    for at in before.accounts["dev-a"].keys["default"].secrets() {
        assert_eq!(read(&sandbox, at), None, "{at}");
    }
    assert!(plan(&sandbox, &desired, month(1)).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn two_runs_at_once_end_with_one_key_in_every_shape() {
    for lag in ["", "lag=2"] {
        let folder = tempfile::tempdir().unwrap();
        let desired = start(folder.path()).await;
        let (one, two) = (open(folder.path(), month(3), lag), open(folder.path(), month(3), lag));
        let plan = plan(&one, &desired, month(3)).await;
        let (first, second) = futures::join!(run(&plan, &one), run(&plan, &two));
        for receipt in [first, second] {
            assert_eq!(receipt.verdict(), Verdict::Fine, "{}", render::text(&receipt));
        }
        assert_heals(folder.path(), &with(slot(None, 7 * DAY)), 3, lag).await;
    }
}

/// Vaults that do not take one of the shapes.
struct Picky<'a>(&'a Sandbox);

#[async_trait::async_trait]
impl SecretSink for Picky<'_> {
    async fn inspect(&self, at: &BTreeSet<SecretRef>) -> Result<BTreeMap<SecretRef, ObservedSecret>, PortError> {
        self.0.inspect(at).await
    }

    async fn list(&self, vault: &str) -> Result<BTreeMap<SecretRef, ObservedSecret>, PortError> {
        self.0.list(vault).await
    }

    async fn preflight(&self, at: &SecretRef) -> Result<(), PortError> {
        self.0.preflight(at).await
    }

    async fn store(
        &self,
        at: &SecretRef,
        value: &SecretString,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), PortError> {
        if at.name.ends_with("-key") {
            return Err(PortError::new(ErrorKind::Denied, "not here"));
        }
        self.0.store(at, value, tags).await
    }

    async fn disable(&self, at: &SecretRef, key: &str) -> Result<(), PortError> {
        self.0.disable(at, key).await
    }

    async fn delete(&self, at: &SecretRef) -> Result<(), PortError> {
        self.0.delete(at).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_shape_that_cannot_be_written_keeps_the_key_that_readers_have() {
    let folder = tempfile::tempdir().unwrap();
    let desired = start(folder.path()).await;
    let sandbox = open(folder.path(), month(3), "");
    let plan = plan(&sandbox, &desired, month(3)).await;
    let vaults = Picky(&sandbox);
    let receipt = run_on(&plan, &sandbox, &vaults, &bold(), &mut MemoryJournal::default()).await.unwrap();
    let step = &receipt.steps[0];
    assert_eq!(step.outcome, StepOutcome::Failed);
    let detail = step.detail.as_ref().unwrap();
    assert!(detail.contains("could not be stored") && detail.contains("Run again"), "{detail}");
    let mut readers = Readers::default();
    readers.read(&sandbox, &desired).await;
    readers.assert_let_in(&sandbox, "half written");
    assert_eq!(observe(&sandbox, &desired).await.keys.len(), 2);
    let receipt = run_read(&plan, &sandbox, &sandbox, &desired, &mut readers, "written anew").await;
    assert_eq!(receipt.outcome, Outcome::Complete, "{}", render::text(&receipt));
    assert_heals(folder.path(), &with(slot(None, 7 * DAY)), 3, "after the refusal").await;
}
