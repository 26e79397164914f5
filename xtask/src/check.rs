//! The checks of CI, cheapest first.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use crate::{
    adding_a_kind,
    command::{cargo, cargo_workspace, has_openssl, in_ci, root, run as run_command},
    deny, features, layers, spelling, test, words,
};

/// A step: its name, and `true` if the quick check has it.
type Step = (&'static str, bool, fn(quick: bool) -> Result<()>);

const STEPS: [Step; 12] = [
    ("fmt", true, |_| fmt()),
    ("layers", true, |_| layers::run()),
    ("words", true, |_| words::run(false)),
    ("spelling", true, |_| spelling::run()),
    ("clippy", true, clippy),
    ("test", true, test::run),
    ("features", false, |_| features::run()),
    ("kind", false, |_| adding_a_kind::run()),
    ("leaks", false, |_| leaks()),
    ("doc", false, |_| doc()),
    ("deny", false, |_| deny::run()),
    ("advisories", false, |_| deny::advisories()),
];

/// Runs all steps up to the first that fails. The quick check leaves out the slow steps, and within the others
/// everything that needs a broker or a key vault.
pub(crate) fn run(quick: bool) -> Result<()> {
    let steps: Vec<&Step> = STEPS.iter().filter(|(_, is_quick, _)| *is_quick || !quick).collect();
    let mut took: Vec<(&str, Duration)> = Vec::new();
    for (name, _, step) in &steps {
        println!("\n── {name} ──");
        let start = Instant::now();
        let outcome = step(quick);
        took.push((name, start.elapsed()));
        if let Err(err) = outcome {
            summary(&took);
            let left: Vec<&str> = steps.iter().skip(took.len()).map(|(name, ..)| *name).collect();
            let left = if left.is_empty() { String::new() } else { format!(" (not run: {})", left.join(", ")) };
            return Err(err).context(format!("step `{name}` failed{left}"));
        }
    }
    summary(&took);
    println!("all {} steps passed", steps.len());
    Ok(())
}

fn summary(took: &[(&str, Duration)]) {
    println!("\n── summary ──");
    for (name, time) in took {
        println!("{name:<12}{:>8.1} s", time.as_secs_f64());
    }
}

fn fmt() -> Result<()> {
    run_command(cargo().args(["fmt", "--all", "--check"])).context("`cargo fmt --all` puts it right")
}

fn clippy(quick: bool) -> Result<()> {
    let mut command = if quick { cargo() } else { cargo_workspace("clippy") };
    // At the root, cargo takes the default members.
    command.args(if quick { ["clippy", "--lib"].as_slice() } else { &["--all-targets"] });
    run_command(command.args(["--", "-D", "warnings"]))
}

/// The only unsafe code under valgrind, as far as that takes a minute or two.
fn leaks() -> Result<()> {
    if !has_valgrind() {
        ensure!(!in_ci(), "valgrind is not installed (Debian: apt-get install valgrind)");
        println!("skipped: valgrind is not installed (Debian: apt-get install valgrind)");
        return Ok(());
    }
    let mut check = Command::new(root().join("crates/weir-rdkafka-admin/leak-check"));
    check.arg("--quick");
    if !has_openssl() {
        check.env("LEAK_CHECK_FEATURES", "ssl-vendored");
    }
    run_command(&mut check)
}

fn has_valgrind() -> bool {
    let asked = Command::new("valgrind").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}

/// Documentation builds without a warning. Its examples are run by the tests.
fn doc() -> Result<()> {
    run_command(cargo_workspace("doc").env("RUSTDOCFLAGS", "-D warnings").arg("--no-deps"))
}
