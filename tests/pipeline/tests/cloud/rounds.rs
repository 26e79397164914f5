//! Rounds of faults. Calls fail, get lost or come late, and processes die; the next runs must end in the state that the
//! first was to reach.
//!
//! Most killed runs are dropped within this process; some are binaries that get SIGKILL. `WEIR_ROUNDS` sets the number
//! of rounds and `WEIR_SEED` the seed; `WEIR_ROUNDS_REPORT` names a file for the figures.

use std::{
    collections::BTreeMap,
    env, fs,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use pipeline::Random;
use serde_json::{Value, json};
use weir_fake_confluent::{Answer, Effect, Fault};
use weir_planning::ReportKind;
use weir_ports::Clock as _;

use crate::{
    judge::judge,
    process::{self, Workspace},
    readers::assert_settled,
    run::{Death, End, Moment, Ran, Runner},
    scene::{Patience, Scene, remember},
    wishes,
};

/// Number of rounds in a test run; 200 and more by hand, see docs/conformance.md.
const ROUNDS: u64 = 36;
/// One round in this number kills a process.
const PROCESS: u64 = 6;
/// Maximum number of runs after the fault is removed, the last one with nothing to do.
const RUNS: usize = 4;

/// The fault in a round.
#[derive(Debug)]
enum Trouble {
    /// Some calls of the control plane fail.
    Cloud,
    /// Some calls of a vault fail.
    Vault,
    /// The process dies when the control plane has carried out a call and not yet answered.
    KilledAtCloud,
    /// The process dies at a call of a vault.
    KilledAtVault,
    /// A weir-deploy gets SIGKILL, when the control plane has carried out a call or at any time.
    KilledProcess,
    /// The answer to a write of the control plane gets lost, and all later calls are denied.
    DeniedByCloud,
    /// The same at a vault.
    DeniedByVault,
    /// Random calls of all services fail.
    Storm,
    /// From some call on, no service answers.
    Gone,
    /// New objects become visible late.
    Late,
}

impl Trouble {
    fn of(round: u64, random: &mut Random) -> Self {
        if round % PROCESS == PROCESS - 1 {
            return Self::KilledProcess;
        }
        match random.below(20) {
            0..4 => Self::Cloud,
            4..7 => Self::Vault,
            7..10 => Self::KilledAtCloud,
            10..12 => Self::KilledAtVault,
            12 | 13 => Self::DeniedByCloud,
            14 | 15 => Self::DeniedByVault,
            16 | 17 => Self::Storm,
            18 => Self::Gone,
            _ => Self::Late,
        }
    }
}

#[derive(Debug, Default)]
struct Figures {
    rounds: BTreeMap<String, u64>,
    /// Ends of disturbed runs.
    disturbed: BTreeMap<End, u64>,
    /// Last journal entries of processes that got SIGKILL.
    processes: BTreeMap<String, u64>,
    /// Numbers of runs needed afterwards.
    runs: BTreeMap<usize, u64>,
    /// Spoilt calls by kind.
    hits: BTreeMap<String, u64>,
    steps: usize,
    exchanges: usize,
    /// Number of calls of the vaults so far.
    vault_calls: BTreeMap<&'static str, usize>,
    /// Time spent, by activity.
    spent: BTreeMap<&'static str, Duration>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_any_fault_each_key_is_in_one_secret_and_works() {
    let number = |name: &str, default| env::var(name).map_or(default, |text| text.parse().unwrap());
    let (rounds, seed) = (number("WEIR_ROUNDS", ROUNDS), number("WEIR_SEED", 1));
    let Some(scene) = Scene::start(seed) else { return };
    let (mut figures, mut times) = (Figures::default(), Vec::new());
    prepare(&scene).await;
    let beyond = tokio::task::block_in_place(|| scene.beyond("dev"));
    let folder = Workspace::of(&scene);
    let begun = Instant::now();
    for round in 0..rounds {
        let since = Instant::now();
        let said = play(&scene, &folder, round, &mut Random::new(seed, round), &mut figures).await;
        let spent = Instant::now();
        tokio::task::block_in_place(|| {
            assert_eq!(scene.beyond("dev"), beyond, "round {round} touched foreign objects");
        });
        *figures.spent.entry("beyond").or_default() += spent.elapsed();
        let spent = Instant::now();
        let log = scene.cloud.log();
        figures.exchanges += judge(&log);
        *figures.spent.entry("judge").or_default() += spent.elapsed();
        let spent = Instant::now();
        let canaries = scene.canaries.lock().unwrap();
        for text in [said, format!("{log:?}")] {
            assert_eq!(canaries.first_in(&text), None, "round {round} printed a secret");
        }
        drop(canaries);
        *figures.spent.entry("canaries").or_default() += spent.elapsed();
        scene.cloud.clear_log();
        times.push(since.elapsed());
    }
    finish(&scene, seed, rounds).await;
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    let known = scene.canaries.lock().unwrap().known();
    let summary = format!(
        "{rounds} rounds in {:.1?}, median {median:.2?}; {known} secrets looked for; {figures:#?}",
        begun.elapsed()
    );
    let disturbed: u64 = figures.disturbed.iter().filter(|(end, _)| **end > End::Complete).map(|(_, n)| n).sum();
    assert!(rounds < 20 || disturbed >= rounds / 3, "too few rounds were disturbed: {summary}");
    if let Some(file) = env::var_os("WEIR_ROUNDS_REPORT") {
        fs::write(file, summary + "\n").unwrap();
    }
}

/// Creates foreign objects: another stage, and accounts, keys and secrets of other people.
async fn prepare(scene: &Scene) {
    let mut random = Random::new(7, 7);
    let desired = scene.desired(&wishes::entities(&mut random, scene.now()), "test");
    assert_eq!(Runner::new(scene).run(&desired).await.end, End::Complete);
    let other = scene.cloud.create_account("grafana", "somebody else's");
    scene.cloud.create_key(&other, Some(scene.cloud.cluster()), "by hand");
    scene.cloud.create_key(&other, None, "weir/cps/dev/default/0000");
    for vault in ["kv-toll-dev", "kv-cards-dev"] {
        scene.vaults.put(vault, "grafana-token", "whatever", json!({"owner": "grafana"}));
    }
    scene.cloud.clear_log();
}

/// Checks that there is one key for each declared slot when all overlaps have ended.
async fn finish(scene: &Scene, seed: u64, rounds: u64) {
    let desired = scene.desired(&wishes::entities(&mut Random::new(seed, rounds), scene.now()), "dev");
    for days in [0, 8] {
        scene.advance(Duration::from_hours(24 * days));
        for run in 0.. {
            let ran = Runner::new(scene).run(&desired).await;
            if ran.end == End::Empty {
                break;
            }
            assert!(ran.end == End::Complete && run < RUNS, "{:?}: {}", ran.end, tail(&ran.said));
        }
    }
    tokio::task::block_in_place(|| assert_settled(scene, &desired, &|| "at the end".to_owned()));
    let slots: usize = desired.accounts.values().map(|account| account.keys.len()).sum();
    let ours = scene.cloud.accounts().into_iter().filter(|account| account.display_name.starts_with("dev-"));
    let ours: Vec<String> = ours.map(|account| account.id).collect();
    let keys: Vec<_> = scene.cloud.keys().into_iter().filter(|key| ours.contains(&key.owner)).collect();
    // A rotation that came due in these days has begun another overlap.
    let report = Runner::new(scene).run(&desired).await.plan.unwrap().report;
    let retiring = report.items.iter().filter(|item| item.kind == ReportKind::RetiringKey).count();
    assert_eq!(keys.len() - retiring, slots, "{keys:#?}\n{report:#?}");
}

async fn play(scene: &Scene, folder: &Workspace, round: u64, random: &mut Random, figures: &mut Figures) -> String {
    scene.advance(Duration::from_hours(24 * random.below(40)));
    let text = wishes::entities(random, scene.now());
    let desired = scene.desired(&text, "dev");
    let trouble = Trouble::of(round, random);
    let spent = Instant::now();
    let ran = if matches!(trouble, Trouble::KilledProcess) {
        let killed = tokio::task::block_in_place(|| process::killed(scene, folder, &text, random));
        *figures.processes.entry(killed.stopped_after).or_default() += 1;
        Ran { end: killed.end, plan: None, receipt: None, said: killed.said, calls: Default::default() }
    } else {
        disturb(scene, &trouble, random).run(&desired).await
    };
    *figures.spent.entry("disturbed").or_default() += spent.elapsed();
    scene.mend();
    scene.cloud.configure(|behaviour| *behaviour = weir_fake_confluent::Behaviour::default());
    scene.cloud.watch(remember(scene));
    *figures.rounds.entry(format!("{trouble:?}")).or_default() += 1;
    *figures.disturbed.entry(ran.end).or_default() += 1;
    count(scene, figures);
    let spent = Instant::now();
    let mut said = ran.said;
    let mut ends = vec![ran.end];
    loop {
        let Ran { end, said: more, receipt, plan, .. } = Runner::new(scene).run(&desired).await;
        ends.push(end);
        figures.steps += receipt.map_or(0, |receipt| receipt.steps.len());
        said.push_str(&more);
        if end == End::Empty {
            break;
        }
        let told = || plan.as_ref().map(|plan| weir_planning::render::text(plan, false)).unwrap_or_default();
        let fine = end == End::Complete && ends.len() <= RUNS;
        assert!(fine, "round {round}, {trouble:?}: {ends:?}\n{}\n{}", told(), tail(&more));
    }
    *figures.spent.entry("runs after").or_default() += spent.elapsed();
    *figures.runs.entry(ends.len() - 1).or_default() += 1;
    let spent = Instant::now();
    let log = scene.cloud.log();
    let why = || {
        let log: Vec<String> = log.iter().map(ToString::to_string).collect();
        format!("round {round}, {trouble:?}: {ends:?}\n{text}\n{}", log.join("\n"))
    };
    tokio::task::block_in_place(|| assert_settled(scene, &desired, &why));
    *figures.spent.entry("settled").or_default() += spent.elapsed();
    said
}

/// Arranges the fault of a round.
fn disturb<'a>(scene: &'a Scene, trouble: &Trouble, random: &mut Random) -> Runner<'a> {
    let mut runner = Runner { patience: Patience::SHORT, ..Runner::new(scene) };
    match trouble {
        Trouble::Cloud => {
            let (method, path) = random.pick(&[
                ("POST", "/iam/v2/api-keys"),
                ("POST", "/iam/v2/api-keys"),
                ("DELETE", "/iam/v2/api-keys"),
                ("GET", "/iam/v2/api-keys"),
                ("POST", "/iam/v2/service-accounts"),
                ("DELETE", "/iam/v2/service-accounts"),
                ("PATCH", "/iam/v2/service-accounts"),
                ("GET", "/iam/v2/service-accounts"),
                ("GET", "/cmk/v2/clusters"),
                ("GET", "/service-quota"),
            ]);
            let first = u32::try_from(1 + random.below(4)).unwrap();
            let last = first + u32::try_from(random.pick(&[0, 0, 1, 50])).unwrap();
            scene.cloud.fault(Fault::on(method, path).between(first, last).then(effect(random)));
        }
        Trouble::Vault => {
            let vault = random.pick(&["kv-toll-dev", "kv-cards-dev"]);
            let (method, path) = random.pick(&[
                ("PUT", "/secrets/"),
                ("PUT", "/secrets/"),
                ("PATCH", "/secrets/"),
                ("DELETE", "/secrets/"),
                ("POST", "/recover"),
                ("GET", "/versions"),
                ("GET", "/secrets$"),
                ("GET", "/deletedsecrets"),
            ]);
            let times = random.pick(&[1, 1, 2, 50]);
            let mut fault = json!({"method": method, "path": path, "skip": random.below(4), "times": times});
            spoil(&mut fault, random);
            scene.vaults.fault(vault, fault);
        }
        Trouble::KilledAtCloud => {
            let writes = random.below(2) == 0;
            let at = 1 + random.below(if writes { 8 } else { 40 });
            let (seen, death) = (Mutex::new(0), runner.death.clone());
            let remembers = remember(scene);
            scene.cloud.watch(move |exchange| {
                remembers(exchange);
                if !writes || exchange.method != "GET" {
                    let mut seen = seen.lock().unwrap();
                    *seen += 1;
                    if *seen == at {
                        death.strike();
                    }
                }
            });
        }
        Trouble::KilledAtVault => {
            let moment = match random.below(4) {
                0 => Moment::Before,
                1 => Moment::After,
                _ => Moment::During(random.below(12)),
            };
            runner.death = Arc::new(Death::at(u32::try_from(1 + random.below(30)).unwrap(), moment));
        }
        Trouble::KilledProcess => {}
        Trouble::DeniedByCloud => {
            let (method, path) = random.pick(&[
                ("POST", "/iam/v2/api-keys"),
                ("POST", "/iam/v2/api-keys"),
                ("POST", "/iam/v2/service-accounts"),
                ("PATCH", "/iam/v2/service-accounts"),
                ("DELETE", "/iam/v2/"),
            ]);
            let nth = u32::try_from(1 + random.below(4)).unwrap();
            let lost = random.pick(&[0, 1]);
            let lost =
                if lost == 0 { Effect::CutAfter } else { Effect::AppliedBut(Answer::html(504, "Gateway Timeout")) };
            scene.cloud.fault(Fault::on(method, path).nth(nth).then(lost));
            let denial = denial(random);
            if random.once_in(2) {
                // Later calls of the same kind as the lost one are denied.
                scene.cloud.fault(Fault::on(method, path).between(nth, u32::MAX).then(denial));
            } else {
                // All later calls are denied.
                let (cloud, remembers) = (Arc::downgrade(&scene.cloud), remember(scene));
                let denied = Mutex::new(false);
                scene.cloud.watch(move |exchange| {
                    remembers(exchange);
                    let lost = exchange.handled && exchange.answer.as_ref().is_none_or(|answer| answer.status == 504);
                    let mut denied = denied.lock().unwrap();
                    if lost
                        && !*denied
                        && let Some(cloud) = cloud.upgrade()
                    {
                        *denied = true;
                        cloud.fault(Fault::on("*", "/").then(denial.clone()));
                    }
                });
            }
        }
        Trouble::DeniedByVault => {
            let vault = random.pick(&["kv-toll-dev", "kv-cards-dev"]);
            let (method, path) = random.pick(&[
                ("PUT", "/secrets/"),
                ("PUT", "/secrets/"),
                ("PUT", "/secrets/"),
                ("PATCH", "/secrets/"),
                ("DELETE", "/secrets/"),
                ("POST", "/recover"),
            ]);
            // The first call of a vault may be the preflight, which no vault carries out.
            let skip = random.below(5);
            let mut lost = json!({"method": method, "path": path, "skip": skip, "times": 1, "applied": true});
            let how = if random.once_in(2) { json!({"cut": true}) } else { json!({"status": 504}) };
            lost.as_object_mut().unwrap().extend(how.as_object().unwrap().clone());
            let status = random.pick(&[401, 403]);
            let denied = json!({"method": method, "path": path, "skip": skip, "times": 100_000, "status": status, "code": "Forbidden"});
            scene.vaults.fault(vault, lost);
            scene.vaults.fault(vault, denied);
        }
        Trouble::Storm => {
            for _ in 0..6 {
                scene.cloud.fault(Fault::on("*", "/").with_probability(0.04).then(effect(random)));
            }
            for vault in ["kv-toll-dev", "kv-cards-dev"] {
                for _ in 0..4 {
                    let mut fault = json!({"skip": random.below(20), "times": 1});
                    spoil(&mut fault, random);
                    scene.vaults.fault(vault, fault);
                }
            }
        }
        Trouble::Gone => {
            let first = u32::try_from(8 + random.below(30)).unwrap();
            let effect = random.pick(&[0, 1]);
            let effect = if effect == 0 { Effect::CutBefore } else { Effect::CutAfter };
            scene.cloud.fault(Fault::on("*", "/").between(first, u32::MAX).then(effect));
            for vault in ["kv-toll-dev", "kv-cards-dev"] {
                let fault =
                    json!({"skip": random.below(30), "times": 100_000, "cut": true, "applied": random.once_in(2)});
                scene.vaults.fault(vault, fault);
            }
        }
        Trouble::Late => scene.cloud.configure(|behaviour| {
            behaviour.readable_after = Duration::from_millis(200);
            behaviour.listed_after = Duration::from_millis(random.pick(&[0, 100]));
            behaviour.deleted_after = Duration::from_millis(random.pick(&[0, 100]));
            behaviour.key_ready_after = Duration::from_millis(300);
            behaviour.topics_deleted_after = Duration::from_millis(random.pick(&[0, 300, 3_000]));
            behaviour.created_with_zeros = true;
        }),
    }
    runner
}

fn effect(random: &mut Random) -> Effect {
    let busy = || Answer::error(429, "too_many_requests", "Too Many Requests", "Rate limit exceeded");
    match random.below(12) {
        0 => Effect::Answer(Answer::error(500, "internal_error", "Internal Error", "Oops, something went wrong")),
        1 => Effect::Answer(busy()),
        2 => Effect::Answer(busy().header("retry-after", 1)),
        3 => Effect::Answer(Answer::html(503, "Service Unavailable")),
        4 => Effect::AppliedBut(Answer::html(504, "Gateway Timeout")),
        5 => Effect::CutBefore,
        6 => Effect::CutAfter,
        7 => Effect::CutInside,
        8..11 => denial(random),
        _ => Effect::Delay(Patience::SHORT.one * 2),
    }
}

/// Returns a denial: the call is not carried out, and a retry will not help.
fn denial(random: &mut Random) -> Effect {
    let full = "Your quota for API Keys Per Kafka Cluster is currently limited to 1";
    Effect::Answer(match random.below(4) {
        0 => Answer::error(401, "unauthorized", "Authentication Required", "Valid credentials must be provided"),
        1 => Answer::error(402, "quota_exceeded", "Quota Exceeded", full),
        2 => Answer::html(403, "Forbidden"),
        _ => Answer::error(403, "forbidden_access", "Forbidden Access", "Forbidden access"),
    })
}

fn spoil(fault: &mut Value, random: &mut Random) {
    let how = match random.below(10) {
        0 => json!({"status": 500}),
        1 => json!({"status": 429, "code": "Throttled"}),
        2 => json!({"status": 429, "code": "Throttled", "retryAfter": 1}),
        3 => json!({"status": 503, "html": "<html>Service Unavailable</html>"}),
        4 => json!({"status": 504, "applied": true}),
        5 => json!({"cut": true}),
        6 => json!({"cut": true, "applied": true}),
        7 => json!({"status": 401, "code": "Unauthorized"}),
        8 => {
            json!({"status": 403, "code": "Forbidden", "inner": random.pick(&["ForbiddenByRbac", "ForbiddenByFirewall"])})
        }
        _ => json!({"delay": Patience::SHORT.one.as_secs_f64() * 2.0, "cut": true, "applied": random.once_in(2)}),
    };
    fault.as_object_mut().unwrap().extend(how.as_object().unwrap().clone());
}

/// Counts the calls that were spoilt since the last count.
fn count(scene: &Scene, figures: &mut Figures) {
    for exchange in scene.cloud.log() {
        let how = match (&exchange.answer, exchange.handled) {
            (None, true) => "cut after".to_owned(),
            (None, false) => "cut before".to_owned(),
            (Some(answer), true) if answer.status >= 500 => format!("{} after", answer.status),
            // Among handled calls, 403 is also the service's answer about a deleted object.
            (Some(answer), handled) if answer.status >= 429 || !handled => answer.status.to_string(),
            _ => continue,
        };
        let what = exchange.operation.map_or_else(String::new, |operation| format!("{operation:?}"));
        *figures.hits.entry(format!("{what} {how}")).or_default() += 1;
    }
    for vault in ["kv-toll-dev", "kv-cards-dev"] {
        let calls = scene.vaults.calls(vault);
        let before = figures.vault_calls.insert(vault, calls.len()).unwrap_or_default();
        for call in calls.into_iter().skip(before) {
            if call.status == 0 || call.status >= 429 || matches!(call.status, 401 | 403) {
                let what = if call.path.ends_with("/versions") { "versions" } else { "" };
                *figures.hits.entry(format!("vault {} {what} {}", call.method, call.status)).or_default() += 1;
            }
        }
    }
}

/// Returns the end of a text.
fn tail(text: &str) -> &str {
    let from = text.len().saturating_sub(6_000);
    &text[text.ceil_char_boundary(from)..]
}
