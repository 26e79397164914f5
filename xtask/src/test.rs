//! The tests of all crates.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use anyhow::{Context, Result, bail};

use crate::command::{cargo_workspace, in_ci, line, run as run_command};

/// How many tests did what, over all test programs.
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

/// Runs all tests, doc-tests too, and counts them.
///
/// # Errors
/// When a test fails; in CI also when one is ignored, since nobody would notice.
pub(crate) fn run() -> Result<()> {
    let mut command = cargo_workspace("test");
    command.arg("--no-fail-fast");
    command.env("INSTA_UPDATE", "no").env_remove("WEIR_BLESS").stdout(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("cannot start {}", line(&command)))?;
    let mut count = Count::default();
    if let Some(stdout) = child.stdout.take() {
        for text in BufReader::new(stdout).lines() {
            let text = text.context("cannot read what the tests print")?;
            println!("{text}");
            count.add(&text);
        }
    }
    let status = child.wait()?;
    let Count { programs, passed, failed, ignored } = count;
    println!("\ntests: {passed} passed, {failed} failed, {ignored} ignored, in {programs} programs");
    if !status.success() {
        bail!("{failed} tests failed (`{}`, {status})", line(&command));
    }
    if ignored > 0 && in_ci() {
        bail!("{ignored} tests are ignored; a test that cannot run here has to fail under CI=true");
    }
    Ok(())
}

/// Runs all tests with leave to rewrite what they expect.
pub(crate) fn bless() -> Result<()> {
    let mut command = cargo_workspace("test");
    command.arg("--no-fail-fast").env("WEIR_BLESS", "1").env("INSTA_UPDATE", "always");
    run_command(&mut command)?;
    println!("expected files are rewritten; `git diff` shows what changed");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_counted() {
        let mut count = Count::default();
        count.add("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s");
        count.add("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s");
        count.add("test layers::known ... ok");
        assert_eq!(count, Count { programs: 2, passed: 15, failed: 2, ignored: 1 });
    }
}
