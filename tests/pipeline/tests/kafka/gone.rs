//! A broker stops or hangs during a deployment: the run ends soon and reports the done steps, and continues when the
//! broker is back.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use crate::{
    scene::{self, Ended, Scene},
    wrong::place::{self, Place},
};

/// Seconds that weir waits for an answer.
const PATIENCE: &str = "3";
/// Limit of a run's duration: one answer that never comes, one look whether the request was carried out, and one try
/// that was under way.
const BOUND: Duration = Duration::from_secs(30);
const LINE: &str = "weir-deploy plan.json --journal journal.jsonl";

/// Deploys, and calls `happen` once the first steps are done.
fn deploy_until(place: &mut Place<'_>, happen: impl FnOnce(&Scene)) -> Ended {
    place.plan();
    place.env("WEIR_PATIENCE", PATIENCE);
    // Enough steps to interrupt the run.
    place.scene.proxy.delay(Duration::from_millis(30));
    let (begun, child) = scene::spawn(place.command(LINE));
    let journal = place.folder.at("journal.jsonl");
    while !fs::read_to_string(&journal).unwrap_or_default().contains("verified") {
        assert!(begun.elapsed() < BOUND, "nothing is done");
        thread::sleep(Duration::from_millis(2));
    }
    let since = Instant::now();
    happen(place.scene);
    let ended = Ended::of(begun, child.wait_with_output().unwrap());
    assert!(since.elapsed() < BOUND, "took {:?}: {ended:?}", since.elapsed());
    place.scene.proxy.delay(Duration::ZERO);
    ended
}

fn check(place: &Place<'_>, ended: &Ended) {
    let text = place.scrub(&place::transcript(LINE, ended));
    place.check_silence(ended, &text);
    assert_eq!(ended.code, Some(5), "{text}");
    let said = ended.stdout.lines().filter(|line| line.starts_with("! ")).count();
    assert!(said > 0 && ended.stderr.is_empty(), "{text}");
}

/// Runs the same command again, and checks that nothing is left to do.
fn goes_on(place: &Place<'_>) {
    for (line, code) in [(LINE, 0), ("weir-plan --stage dev --detailed-exitcode", 0)] {
        let ended = place.run(line);
        assert_eq!(ended.code, Some(code), "{ended:?}");
    }
}

#[test]
fn a_deployment_continues_after_its_broker_returns() {
    let Some(mut scene) = Scene::start(&[]) else { return };

    let mut hangs = Place::new(&scene, 0);
    let ended = deploy_until(&mut hangs, |scene| scene.proxy.hold(true));
    scene.proxy.hold(false);
    check(&hangs, &ended);
    goes_on(&hangs);

    // At first the broker does not answer at all.
    let mut silent = Place::new(&scene, 1);
    silent.plan();
    silent.env("WEIR_PATIENCE", PATIENCE);
    scene.proxy.hold(true);
    let ended = silent.run(LINE);
    scene.proxy.hold(false);
    let text = silent.scrub(&place::transcript(LINE, &ended));
    assert!(ended.code == Some(6) && ended.took < BOUND, "{text}");
    assert_eq!(ended.stderr.lines().count(), 1, "{text}");
    goes_on(&silent);

    let mut dies = Place::new(&scene, 2);
    let ended = deploy_until(&mut dies, |scene| scene.broker.kill());
    check(&dies, &ended);
    let folder = dies.folder;
    scene.restart();
    goes_on(&Place::again(&scene, 2, folder));
}

#[test]
fn a_deployment_waits_for_the_quota_on_changes() {
    let Some(scene) = Scene::start(&[]) else { return };
    let mut place = Place::new(&scene, 0);
    place.use_up_quota(20);
    let ended = place.run(LINE);
    assert!(ended.code == Some(0) && ended.took > Duration::from_secs(2), "{ended:?}");
    let ended = place.run("weir-plan --stage dev --detailed-exitcode");
    assert_eq!(ended.code, Some(0), "{ended:?}");
}
