//! Tests of the binaries as people and pipelines call them.

mod agents;
mod cases;
mod codes;
mod drift;
mod formats;
mod help;
mod import;
mod import_stages;
mod init;
mod kafka;
mod output;
mod policies;
mod process;
mod quickstart;
mod rules;
mod signatures;
mod usage;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;

/// A copy of `fixtures/quickstart`, and the transcript of the commands that ran in it.
struct World {
    dir: TempDir,
    transcript: String,
}

impl World {
    fn empty() -> Self {
        Self { dir: tempfile::tempdir().expect("a folder"), transcript: String::new() }
    }

    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let fixture = repository().join("fixtures/quickstart");
        for entry in fs::read_dir(fixture).expect("the fixture") {
            let entry = entry.expect("a file");
            if entry.file_type().is_ok_and(|kind| kind.is_file()) {
                fs::copy(entry.path(), dir.path().join(entry.file_name())).expect("copied");
            }
        }
        Self { dir, transcript: String::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|err| panic!("{name}: {err}"))
    }

    fn edit(&mut self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "{name} does not contain `{from}`:\n{text}");
        fs::write(self.path(name), text.replacen(from, to, 1)).expect("written");
        self.transcript.push_str(&format!("~ {name}: `{from}` becomes `{to}`\n\n"));
    }

    fn command(&self, line: &str) -> Command {
        let mut words = line.split(' ');
        let mut command = Command::new(pipeline::binary(words.next().expect("a command")));
        command.args(words).current_dir(self.dir.path()).env_clear();
        command
    }

    /// Runs a command line in the workspace. In the transcript, `$` marks the command.
    fn run(&mut self, line: &str) -> i32 {
        let command = self.command(line);
        self.finish(line, command)
    }

    fn run_with(&mut self, line: &str, faults: &str) -> i32 {
        let mut command = self.command(line);
        command.env("WEIR_SANDBOX_FAULTS", faults);
        self.finish(&format!("{line}   # {faults}"), command)
    }

    fn finish(&mut self, line: &str, mut command: Command) -> i32 {
        let output = command.output().expect("it runs");
        let code = output.status.code().unwrap_or(-1);
        let Output { stdout, stderr, .. } = output;
        let stdout = String::from_utf8(stdout).expect("UTF-8");
        let stderr = String::from_utf8(stderr).expect("UTF-8");
        self.transcript.push_str(&format!("$ {line}\n{stdout}"));
        for line in stderr.lines() {
            self.transcript.push_str(&format!("! {line}\n"));
        }
        self.transcript.push_str(&format!("[{code}]\n\n"));
        code
    }

    fn said(&self) -> String {
        pipeline::scrub(&self.transcript, &BTreeMap::from([(self.dir.path(), "DIR")]))
    }
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the test lies in the repository")
}
