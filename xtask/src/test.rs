//! The tests of all crates.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::command::{cargo, cargo_workspace, in_ci, line, run as run_command};

/// The numbers of tests by outcome, over all test programs.
#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    programs: u32,
    passed: u32,
    failed: u32,
    ignored: u32,
}

impl Count {
    /// Adds a test program's closing line: `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
    fn add(&mut self, line: &str) {
        let Some((_, numbers)) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". ")) else {
            return;
        };
        self.programs += 1;
        for part in numbers.split("; ") {
            let Some((number, what)) = part.split_once(' ') else { continue };
            let number: u32 = number.parse().unwrap_or(0);
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }
}

/// Runs all tests, doc-tests too, and counts them. The quick check runs the tests of the default members and of this
/// program, which reads the pages of the repository; it leaves out doc-tests.
///
/// # Errors
/// If a test fails; in CI also if one is ignored, because no person would notice.
pub(crate) fn run(quick: bool) -> Result<()> {
    let commands = if quick {
        let mut own = cargo();
        own.args(["test", "--package", env!("CARGO_PKG_NAME")]);
        vec![default_members(), own]
    } else {
        vec![cargo_workspace("test")]
    };
    let mut count = Count::default();
    let mut failed = Vec::new();
    for mut command in commands {
        command.arg("--no-fail-fast");
        command.env("INSTA_UPDATE", "no").env_remove("WEIR_BLESS").stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {}", line(&command)))?;
        if let Some(stdout) = child.stdout.take() {
            for text in BufReader::new(stdout).lines() {
                let text = text.context("cannot read what the tests print")?;
                println!("{text}");
                count.add(&text);
            }
        }
        let status = child.wait()?;
        if !status.success() {
            failed.push(format!("`{}`, {status}", line(&command)));
        }
    }
    let Count { programs, passed, failed: failures, ignored } = count;
    println!("\ntests: {passed} passed, {failures} failed, {ignored} ignored, in {programs} programs");
    if !failed.is_empty() {
        bail!("{failures} tests failed ({})", failed.join("; "));
    }
    if ignored > 0 && in_ci() {
        bail!("{ignored} tests are ignored; a test that cannot run here has to fail under CI=true");
    }
    Ok(())
}

/// The tests of the default members: those without brokers and vaults, which cargo takes at the root.
fn default_members() -> Command {
    let mut command = cargo();
    command.args(["test", "--lib", "--tests"]);
    command
}

/// The package that drives the programs.
const PIPELINE: &str = "pipeline";

/// Its test programs that need no broker.
const QUICK_PROGRAMS: [&str; 3] = ["it", "readme", "harmful"];

fn quick_programs() -> Command {
    let mut programs = cargo();
    programs.args(["test", "--package", PIPELINE]);
    programs.args(QUICK_PROGRAMS.iter().flat_map(|program| ["--test", program]));
    programs
}

/// Runs the tests with permission to rewrite expected files: those without brokers and vaults, or `all`, or those of
/// some `packages`.
///
/// # Errors
/// If a test fails for another reason than an expected file.
pub(crate) fn bless(packages: &[String], all: bool) -> Result<()> {
    let mut commands = Vec::new();
    if all {
        commands.push(cargo_workspace("test"));
    } else if !packages.is_empty() {
        let (pipeline, others): (Vec<&String>, Vec<&String>) = packages.iter().partition(|name| *name == PIPELINE);
        if !others.is_empty() {
            let mut tests = cargo();
            tests.args(["test", "--lib", "--tests"]);
            tests.args(others.iter().flat_map(|name| ["--package", name.as_str()]));
            commands.push(tests);
        }
        commands.extend(pipeline.first().map(|_| quick_programs()));
    } else {
        // The default members first: they write the schemas, which `weir init` copies.
        commands.extend([default_members(), quick_programs()]);
    }
    for command in &mut commands {
        command.arg("--no-fail-fast").env("WEIR_BLESS", "1").env("INSTA_UPDATE", "always");
        run_command(command)?;
    }
    println!("expected files are rewritten; `git diff` shows what changed");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::command::root;

    /// The crates whose tests need brokers, vaults, or a C compiler for librdkafka.
    const SLOW: [&str; 5] =
        ["weir-confluent", "weir-fake-confluent", "weir-kafka", "weir-rdkafka-admin", "weir-secrets"];

    #[test]
    fn default_members_are_all_crates_with_quick_tests() {
        let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
        let (_, list) = manifest.split_once("default-members = [").unwrap();
        let (list, _) = list.split_once(']').unwrap();
        let members = list.split('"').filter(|name| name.contains('/'));
        let members: BTreeSet<String> = members.map(str::to_owned).collect();
        let crates = std::fs::read_dir(root().join("crates")).unwrap();
        let crates = crates.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let quick = crates.filter(|name| !SLOW.contains(&name.as_str())).map(|name| format!("crates/{name}"));
        assert_eq!(members, quick.chain(["bins/weir".to_owned()]).collect());
    }

    #[test]
    fn closing_lines_are_counted() {
        let mut count = Count::default();
        count.add("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s");
        count.add("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s");
        count.add("test layers::known ... ok");
        assert_eq!(count, Count { programs: 2, passed: 15, failed: 2, ignored: 1 });
    }
}
