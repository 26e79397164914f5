//! A year of rotations, one day at a time. Every reader of a vault, at any instant and in any form, must get a working
//! key, and every key must work until the overlap after it was read has ended; also if runs are killed.

use std::{
    collections::BTreeMap,
    env,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use pipeline::Random;
use weir_ports::{Clock as _, ExposeSecret as _};
use weir_secrets::{KeyVaults, Login, Options};

use crate::{
    judge::judge,
    readers::{Readers, assert_settled},
    run::{Death, End, Moment, Runner, Watcher},
    scene::{Patience, Scene, remember},
};

const DAYS: u64 = 365;
/// Day on which a key is found to be leaked.
const EMERGENCY: u64 = 200;

fn entities(rotated_after: Option<&str>) -> String {
    let emergency = rotated_after.map(|day| format!(", rotatedAfter: {day}, emergency: true")).unwrap_or_default();
    let account = |name: &str, team: &str, slots: &str| {
        format!(
            "---\napiVersion: weir/v1\nkind: ServiceAccount\nmetadata: {{name: {name}, team: {team}, description: x}}\n\
             spec: {{apiKeys: [{slots}]}}\n"
        )
    };
    [
        account("a0", "toll", &format!("{{slot: default, rotateEvery: 30d, overlap: 7d{emergency}}}")),
        account(
            "a1",
            "cards",
            "{slot: default, rotateEvery: 60d, overlap: 2d}, {slot: batch, rotateEvery: 20d, overlap: 5d}",
        ),
        account("a2", "toll", "{slot: default, rotateEvery: 45d, overlap: 0d}"),
        account("a3", "cards", "{slot: default, rotateEvery: 50d, overlap: 14d, projections: [properties, pair]}"),
    ]
    .concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_always_hold_a_working_key() {
    let days = env::var("WEIR_DAYS").map_or(DAYS, |text| text.parse().unwrap());
    let Some(scene) = Scene::start(5) else { return };
    let scene = Arc::new(scene);
    let mut desired = scene.desired(&entities(None), "dev");
    assert_eq!(Runner::new(&scene).run(&desired).await.end, End::Complete);
    let readers = Arc::new(Readers::of(scene.clone(), &desired));
    let watcher: Watcher = {
        let readers = readers.clone();
        Arc::new(move |what: &str| tokio::task::block_in_place(|| readers.check(what)))
    };
    let (stop, over_tls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let reading = tokio::spawn(read_on(scene.clone(), desired.clone(), stop.clone(), over_tls.clone()));
    let clients = Some((Arc::new(scene.open_cloud(Patience::LONG)), Arc::new(scene.open_vaults(Patience::LONG))));
    let mut random = Random::new(3, 3);
    let (mut killed, mut issued) = (0, 0);
    for day in 1..=days {
        scene.advance(Duration::from_hours(24));
        if day == EMERGENCY {
            let today = scene.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
            desired = scene.desired(&entities(Some(&today)), "dev");
            scene.advance(Duration::from_secs(5));
        }
        // Without an overlap, only applications that read again at once keep working.
        readers.tell((day == EMERGENCY).then_some("dev-a0/default"));
        // Some runs are killed; the next run is on the same day.
        let mut runner = Runner { watcher: Some(watcher.clone()), clients: clients.clone(), ..Runner::new(&scene) };
        let mut at = u64::MAX;
        match random.below(4) {
            0 => at = 1 + random.below(4),
            1 => {
                let moment = [Moment::Before, Moment::During(random.below(10)), Moment::After];
                runner.death = Arc::new(Death::at(u32::try_from(2 + random.below(8)).unwrap(), random.pick(&moment)));
            }
            _ => {}
        }
        watch(&scene, &readers, Some((runner.death.clone(), AtomicU64::new(at))));
        let ran = runner.run(&desired).await;
        killed += u64::from(ran.end == End::Killed);
        issued += ran.receipt.map_or(0, |receipt| receipt.counts.created);
        watch(&scene, &readers, None);
        if ran.end == End::Empty {
            continue;
        }
        for run in 0.. {
            let runner = Runner { watcher: Some(watcher.clone()), clients: clients.clone(), ..Runner::new(&scene) };
            let ran = runner.run(&desired).await;
            if ran.end == End::Empty {
                break;
            }
            issued += ran.receipt.map_or(0, |receipt| receipt.counts.created);
            assert!(ran.end == End::Complete && run < 3, "day {day}: {:?}\n{}", ran.end, ran.said);
        }
        tokio::task::block_in_place(|| {
            assert_settled(&scene, &desired, &|| format!("day {day}"));
            assert_expiry(&scene, &desired);
        });
        readers.checks();
    }
    judge(&scene.cloud.log());
    stop.store(true, Ordering::Relaxed);
    reading.await.unwrap();
    let (checks, over_tls) = (readers.checks(), over_tls.load(Ordering::Relaxed));
    let summary = format!(
        "{days} days: {killed} runs killed, {issued} keys replaced, {checks} slots read between calls, {over_tls} reads over TLS"
    );
    assert!(days < DAYS || (checks > 1_000 && killed > 10 && issued > 20 && over_tls > 50), "{summary}");
    if let Some(file) = env::var_os("WEIR_ROUNDS_REPORT") {
        std::fs::write(std::path::Path::new(&file).with_extension("rotation"), summary + "\n").unwrap();
    }
}

/// Asserts that each secret of a rotating slot expires when its key should be deleted, so that Azure can remind of it.
fn assert_expiry(scene: &Scene, desired: &weir_planning::Desired) {
    let made: BTreeMap<String, Timestamp> = scene.cloud.keys().into_iter().map(|key| (key.id, key.created)).collect();
    for key in desired.accounts.values().flat_map(|account| account.keys.values()) {
        let every = key.rotate_every.expect("all slots rotate");
        let after = SignedDuration::from_millis(i64::try_from(every + key.overlap).unwrap());
        for at in key.secrets() {
            let due = made[&scene.tagged(at).unwrap()] + after;
            let newest = scene.vaults.versions(&scene.vault_of(at), &at.name).pop().unwrap();
            assert_eq!(newest.expires, Some(due.as_second()), "{at}");
        }
    }
}

/// Reads after every call that changes something, and kills a run at one of these calls.
fn watch(scene: &Arc<Scene>, readers: &Arc<Readers>, kill: Option<(Arc<Death>, AtomicU64)>) {
    let (readers, remembers, order) = (readers.clone(), remember(scene), Mutex::new(()));
    scene.cloud.watch(move |exchange| {
        remembers(exchange);
        if exchange.method == "GET" {
            return;
        }
        let _one_by_one = order.lock().unwrap();
        readers.check(&exchange.to_string());
        if let Some((death, at)) = &kill
            && at.fetch_sub(1, Ordering::SeqCst) == 1
        {
            death.strike();
        }
    });
}

/// Reads the vaults as applications do, over TLS and with the right to read, as fast as they answer.
async fn read_on(scene: Arc<Scene>, desired: weir_planning::Desired, stop: Arc<AtomicBool>, reads: Arc<AtomicU64>) {
    let Patience { one, all, pause } = Patience::LONG;
    let login = Login::Token(scene.vaults.token("officer").into());
    let hosts = weir_model::VaultHosts::parse(&["*.localhost"]).unwrap();
    let ca = Some(scene.vaults.ca());
    let options = Options { hosts, ca, timeout: one, patience: all, pause, ..Options::new(login) };
    let vaults = KeyVaults::open(options).unwrap();
    // Without an overlap, a key may stop working right after it was read.
    let keys = desired.accounts.values().flat_map(|account| account.keys.values()).filter(|key| key.overlap > 0);
    let places: Vec<String> = keys.map(|key| format!("{}/secrets/{}", key.secret.vault, key.secret.name)).collect();
    while !stop.load(Ordering::Relaxed) {
        for place in &places {
            let value = vaults.read(place).await.unwrap();
            let value: serde_json::Value = serde_json::from_str(value.expose_secret()).unwrap();
            let (id, secret) = (value["api_key"].as_str().unwrap(), value["api_secret"].as_str().unwrap());
            assert!(scene.owner(id, secret).is_some(), "{place} handed out {id}, which does not work");
            reads.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
    }
}
