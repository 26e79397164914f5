//! Runs of the binaries that are killed by SIGKILL.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use pipeline::Random;
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    run::End,
    scene::{Scene, remember},
};

/// Time within which every run must end.
const PATIENCE: Duration = Duration::from_secs(120);

/// A workspace's folder, which also holds the output of the runs.
pub(crate) struct Workspace(TempDir);

impl Workspace {
    pub(crate) fn of(scene: &Scene) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        fs::write(folder.at("weir.yaml"), scene.settings()).unwrap();
        fs::copy(scene.vaults.ca(), folder.at("vaults.pem")).unwrap();
        folder
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.at(name)).unwrap_or_default()
    }

    /// Starts a binary. Its output goes to files, so that it never waits for a reader.
    fn spawn(&self, scene: &Scene, line: &str) -> Child {
        let mut words = line.split(' ');
        let mut command = Command::new(pipeline::binary(words.next().unwrap()));
        command.args(words).current_dir(self.0.path()).env_clear().envs(scene.environment());
        let file = |name: &str| File::create(self.at(name)).unwrap();
        command.stdin(Stdio::null()).stdout(file("stdout")).stderr(file("stderr")).spawn().unwrap()
    }

    /// Runs a binary until it ends and adds its output to `said`. Returns the exit code.
    fn run(&self, scene: &Scene, line: &str, said: &mut String) -> i32 {
        let begun = Instant::now();
        let code = self.spawn(scene, line).wait().unwrap().code();
        self.tell(line, said);
        assert!(begun.elapsed() < PATIENCE, "{line} took {:?}: {said}", begun.elapsed());
        code.unwrap()
    }

    /// Plans a stage without changes. Returns the text that is printed beside the plan.
    pub(crate) fn plan(&self, scene: &Scene, entities: &str, flags: &str) -> String {
        fs::write(self.at("entities.yaml"), entities).unwrap();
        let mut said = String::new();
        let line = format!("weir-plan --stage dev --detailed-exitcode {flags}");
        assert_eq!(self.run(scene, &line, &mut said), 0, "{said}");
        self.read("stderr")
    }

    fn tell(&self, line: &str, said: &mut String) {
        said.push_str(&format!("$ {line}\n{}{}\n", self.read("stdout"), self.read("stderr")));
    }
}

/// Outcome of a killed run, and of the later runs of the same plan.
pub(crate) struct Killed {
    pub(crate) end: End,
    /// Event of the last line in the killed run's journal.
    pub(crate) stopped_after: String,
    pub(crate) said: String,
}

/// Plans, deploys, kills the deployment, and runs the same plan again, which must continue.
pub(crate) fn killed(scene: &Scene, folder: &Workspace, entities: &str, random: &mut Random) -> Killed {
    fs::write(folder.at("entities.yaml"), entities).unwrap();
    let mut said = String::new();
    // The deployment has the machine's clock, so the plan has it too.
    assert_eq!(folder.run(scene, "weir-plan --stage dev --out plan.json", &mut said), 0, "{said}");
    let plan: Value = serde_json::from_str(&folder.read("plan.json")).unwrap();
    if plan["steps"].as_array().unwrap().is_empty() {
        return Killed { end: End::Empty, stopped_after: "nothing to do".to_owned(), said };
    }
    let deploy = format!(
        "weir-deploy plan.json --max-risk data-loss --beyond-threshold --digest {} --journal journal.jsonl",
        plan["digest"].as_str().unwrap()
    );
    let _ = fs::remove_file(folder.at("journal.jsonl"));
    let code = strike(scene, folder, &deploy, random);
    folder.tell(&deploy, &mut said);
    let journal = folder.read("journal.jsonl");
    said.push_str(&journal);
    let last = journal.lines().last().map(|line| serde_json::from_str::<Value>(line).ok());
    let stopped_after = match last {
        _ if code.is_some() => "not killed".to_owned(),
        None => "nothing".to_owned(),
        Some(line) => {
            line.and_then(|line| Some(line["event"].as_str()?.to_owned())).unwrap_or("half a line".to_owned())
        }
    };
    assert!(matches!(code, None | Some(0)), "{code:?}: {said}");
    scene.cloud.watch(remember(scene));
    let again = folder.run(scene, &deploy, &mut said);
    assert_eq!(again, 0, "the same plan does not continue: {said}\n{}", folder.read("plan.json"));
    said.push_str(&folder.read("journal.jsonl"));
    Killed { end: if code.is_none() { End::Killed } else { End::Complete }, stopped_after, said }
}

/// Kills the process at a random call of the control plane, when the call is done and before its answer is sent; or at
/// a random time. Returns the exit code of a run that ended before.
fn strike(scene: &Scene, folder: &Workspace, line: &str, random: &mut Random) -> Option<i32> {
    let child: Arc<(Mutex<Option<Child>>, Condvar)> = Arc::default();
    if random.below(3) > 0 {
        let writes = random.below(3) > 0;
        let at = 1 + random.below(if writes { 8 } else { 40 });
        let (victim, remembers, seen) = (child.clone(), remember(scene), Mutex::new(0));
        scene.cloud.watch(move |exchange| {
            remembers(exchange);
            if writes && exchange.method == "GET" {
                return;
            }
            let mut seen = seen.lock().unwrap();
            *seen += 1;
            if *seen == at {
                let (slot, started) = &*victim;
                let mut slot = started.wait_while(slot.lock().unwrap(), |child| child.is_none()).unwrap();
                kill(slot.as_mut().unwrap());
            }
        });
        *child.0.lock().unwrap() = Some(folder.spawn(scene, line));
        child.1.notify_all();
    } else {
        *child.0.lock().unwrap() = Some(folder.spawn(scene, line));
        thread::sleep(Duration::from_millis(random.below(900)));
        kill(child.0.lock().unwrap().as_mut().unwrap());
    }
    let begun = Instant::now();
    loop {
        if let Some(status) = child.0.lock().unwrap().as_mut().unwrap().try_wait().unwrap() {
            return status.code();
        }
        assert!(begun.elapsed() < PATIENCE, "{line} does not end: {}", folder.read("stderr"));
        thread::sleep(Duration::from_millis(5));
    }
}

/// Kills the process and returns when it has ended.
fn kill(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}
