//! Wrong situations. Each must end soon, with one clear sentence and the right exit code, and without printing a
//! secret.

mod ours;
pub(crate) mod place;
mod reach;
mod refusals;
mod rights;

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use self::place::Place;
use crate::scene::Scene;

/// Time within which every case must end.
const PATIENCE: Duration = Duration::from_secs(20);
/// Number of cases that run at the same time, because most of them wait.
const AT_ONCE: usize = 6;

/// A wrong situation.
pub(crate) struct Case {
    /// Name of the situation.
    name: &'static str,
    /// Expected exit code.
    exit: i32,
    /// Creates the situation in a workspace without errors.
    set_up: fn(&mut Place<'_>),
    /// The command to run.
    line: &'static str,
}

/// Plans the stage.
const PLAN: &str = "weir-plan --stage dev";
/// Carries out `plan.json`.
const DEPLOY: &str = "weir-deploy plan.json";

#[test]
fn each_wrong_situation_ends_in_one_clear_sentence() {
    let Some(scene) = Scene::start(&[]) else { return };
    let cases: Vec<&Case> = [reach::CASES, rights::CASES, refusals::CASES, ours::CASES].into_iter().flatten().collect();
    assert!(cases.len() >= 50, "only {} wrong situations", cases.len());
    let told: Vec<Mutex<String>> = cases.iter().map(|_| Mutex::default()).collect();
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    let Some(case) = cases.get(number) else { break };
                    *told[number].lock().unwrap() = case.meet(&scene, number);
                }
            });
        }
    });
    let told: Vec<String> = told.into_iter().map(|text| text.into_inner().unwrap()).collect();
    insta::assert_snapshot!(told.join("\n"));
}

impl Case {
    /// Runs the case. Returns its output, without the parts that differ from run to run.
    fn meet(&self, scene: &Scene, number: usize) -> String {
        let mut place = Place::new(scene, number);
        (self.set_up)(&mut place);
        let ended = place.run(self.line);
        let text = place.scrub(&format!("## {}\n{}", self.name, place::transcript(self.line, &ended)));
        assert_eq!(ended.code, Some(self.exit), "{text}");
        assert!(ended.took < PATIENCE, "took {:?}: {text}", ended.took);
        let errors = ended.stderr.lines().filter(|line| line.starts_with("error")).count();
        // A step that failed or was not begun has a reason.
        let steps = ended.stdout.lines().filter(|line| line.starts_with("! ") || line.starts_with(". ")).count();
        assert!(errors == 1 || (errors == 0 && steps > 0), "not one sentence: {text}");
        place.check_silence(&ended, &text);
        text
    }
}
