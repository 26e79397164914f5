//! Harmful and wrong edits. Each folder of `harmful/` starts from `harmful/base`, carries out the steps of its
//! `case.toml`, and expects the transcript in `expected.txt`. `cargo xtask bless` rewrites the transcripts.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde::Deserialize;
use weir_ports::Cluster as _;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    about: String,
    /// The incident elsewhere that this case prevents here.
    #[serde(default)]
    lesson: Option<String>,
    r#do: Vec<Do>,
}

/// One step of a case; the field that is set names its kind.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Do {
    /// Deploy this stage from the current files, approved and at any risk.
    deploy: Option<String>,
    /// Replace `from` by `to`, once, in this file.
    edit: Option<String>,
    from: String,
    to: String,
    /// Append `text` to this file.
    append: Option<String>,
    /// Write `text` to this file.
    write: Option<String>,
    text: String,
    /// Remove this file.
    remove: Option<String>,
    /// Apply `change` (JSON of a plan's change) to the sandbox in this folder, as a manual edit.
    live: Option<String>,
    change: String,
    /// Set the facts of `topic` in the sandbox in this folder to `is` (JSON of topic facts).
    facts: Option<String>,
    topic: String,
    is: String,
    /// Store a foreign secret in the sandbox in this folder.
    secret: Option<String>,
    /// Soft-delete a secret of the sandbox in this folder.
    delete_secret: Option<String>,
    vault: String,
    name: String,
    /// Run this command line, with `faults` in the sandbox, and expect `exit`; `quiet` omits its output.
    run: Option<String>,
    quiet: bool,
    faults: Option<String>,
    exit: i32,
}

struct World {
    dir: tempfile::TempDir,
    transcript: String,
}

impl World {
    fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join(file)
    }

    fn sandbox(&self, folder: &str) -> weir_sandbox::Sandbox {
        let name = folder.rsplit('/').next().unwrap_or_default();
        let options = weir_sandbox::Options { cluster_id: Some(format!("sandbox-{name}")), ..Default::default() };
        weir_sandbox::Sandbox::open(self.path(folder), options).unwrap()
    }

    fn change_file(&self, file: &str, change: impl FnOnce(String) -> String) {
        let path = self.path(file);
        let text = fs::read_to_string(&path).unwrap_or_default();
        fs::write(&path, change(text)).unwrap();
    }

    /// Runs a command line in the workspace and appends its output to the transcript.
    fn run(&mut self, line: &str, faults: Option<&str>, exit: i32, quiet: bool) {
        let (code, out, err) = self.spawn(line, faults);
        writeln!(self.transcript, "$ {line}{}", faults.map(|f| format!("   # with {f}")).unwrap_or_default()).unwrap();
        for text in if quiet { Vec::new() } else { vec![&out, &err] } {
            self.transcript.push_str(text);
            if !text.is_empty() && !text.ends_with('\n') {
                self.transcript.push('\n');
            }
        }
        writeln!(self.transcript, "[exit {code}]\n").unwrap();
        assert_eq!(code, exit, "`{line}` ended with an unexpected code:\n{}{out}{err}", self.transcript);
    }

    fn spawn(&self, line: &str, faults: Option<&str>) -> (i32, String, String) {
        let mut words = line.split(' ');
        let mut command = Command::new(pipeline::binary(words.next().unwrap()));
        command.args(words).current_dir(self.dir.path()).env_clear().env("NO_COLOR", "1");
        if let Some(faults) = faults {
            // A short patience, so that permanent failures are not retried for a minute.
            command.env("WEIR_SANDBOX_FAULTS", faults).env("WEIR_PATIENCE", "3");
        }
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
    }

    fn act(&mut self, todo: Do) {
        if let Some(stage) = todo.deploy {
            let (code, _, err) = self.spawn(&format!("weir-plan --stage {stage} --out .plan.json"), None);
            assert_eq!(code, 0, "the stage could not be planned: {err}");
            let plan: serde_json::Value =
                serde_json::from_str(&fs::read_to_string(self.path(".plan.json")).unwrap()).unwrap();
            let digest = plan["digest"].as_str().unwrap();
            let line = format!("weir-deploy .plan.json --digest {digest} --max-risk data-loss --beyond-threshold");
            let (code, _, err) = self.spawn(&line, None);
            assert_eq!(code, 0, "the stage could not be deployed: {err}");
            fs::remove_file(self.path(".plan.json")).unwrap();
        } else if let Some(file) = todo.edit {
            self.change_file(&file, |text| {
                assert!(text.contains(&todo.from), "{file} does not contain:\n{}", todo.from);
                text.replacen(&todo.from, &todo.to, 1)
            });
        } else if let Some(file) = todo.append {
            self.change_file(&file, |text| text + &todo.text);
        } else if let Some(file) = todo.write {
            self.change_file(&file, |_| todo.text);
        } else if let Some(file) = todo.remove {
            fs::remove_file(self.path(&file)).unwrap();
        } else if let Some(folder) = todo.live {
            let change: weir_planning::Change = serde_json::from_str(&todo.change).unwrap();
            let sandbox = self.sandbox(&folder);
            for result in pipeline::block_on(sandbox.apply(&[&change])) {
                result.unwrap();
            }
        } else if let Some(folder) = todo.facts {
            let facts = serde_json::from_str(&todo.is).unwrap();
            self.sandbox(&folder).set_facts(&todo.topic, facts).unwrap();
        } else if let Some(folder) = todo.secret {
            let at = weir_planning::SecretRef { vault: todo.vault, name: todo.name };
            let value = weir_ports::SecretString::from("somebody else's");
            self.sandbox(&folder).vaults().put_secret(&at, &value, &BTreeMap::new()).unwrap();
        } else if let Some(folder) = todo.delete_secret {
            let at = weir_planning::SecretRef { vault: todo.vault, name: todo.name };
            self.sandbox(&folder).vaults().remove_secret(&at).unwrap();
        } else if let Some(line) = todo.run {
            self.run(&line, todo.faults.as_deref(), todo.exit, todo.quiet);
        } else {
            panic!("a step without a known field");
        }
    }
}

fn harmful(path: &Path) -> datatest_stable::Result<()> {
    let case: Case = toml::from_str(&fs::read_to_string(path)?)?;
    assert!(!case.about.is_empty(), "`about` is empty");
    assert!(case.lesson.as_deref() != Some(""), "`lesson` is empty");
    let folder = path.parent().ok_or("a case lies in a folder")?;

    let dir = tempfile::tempdir()?;
    for entry in fs::read_dir(folder.parent().ok_or("beside its base")?.join("base"))? {
        let entry = entry?;
        fs::copy(entry.path(), dir.path().join(entry.file_name()))?;
    }
    let mut world = World { dir, transcript: String::new() };
    for todo in case.r#do {
        world.act(todo);
    }

    let transcript = pipeline::scrub(&world.transcript, &BTreeMap::from([(world.dir.path(), "DIR")]));
    weir_testkit::expect(folder.join("expected.txt"), &transcript);
    Ok(())
}

datatest_stable::harness! {
    { test = harmful, root = "harmful", pattern = r"case\.toml$" },
}
