//! All that CI checks, in the order in which mistakes are cheapest to find.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use crate::{
    adding_a_kind,
    command::{cargo, cargo_workspace, has_openssl, in_ci, root, run as run_command},
    deny, layers, spelling, test, words,
};

type Step = (&'static str, fn() -> Result<()>);

const STEPS: [Step; 10] = [
    ("fmt", fmt),
    ("layers", layers::run),
    ("words", || words::run(false)),
    ("spelling", spelling::run),
    ("clippy", clippy),
    ("test", test::run),
    ("kind", adding_a_kind::run),
    ("leaks", leaks),
    ("doc", doc),
    ("deny", deny::run),
];

/// Runs all steps up to the first that fails.
pub(crate) fn run() -> Result<()> {
    let mut took: Vec<(&str, Duration)> = Vec::new();
    for (name, step) in STEPS {
        println!("\n── {name} ──");
        let start = Instant::now();
        let outcome = step();
        took.push((name, start.elapsed()));
        if let Err(err) = outcome {
            summary(&took);
            let left: Vec<&str> = STEPS.iter().skip(took.len()).map(|(name, _)| *name).collect();
            let left = if left.is_empty() { String::new() } else { format!(" (not run: {})", left.join(", ")) };
            return Err(err).context(format!("step `{name}` failed{left}"));
        }
    }
    summary(&took);
    println!("all {} steps passed", STEPS.len());
    Ok(())
}

fn summary(took: &[(&str, Duration)]) {
    println!("\n── summary ──");
    for (name, time) in took {
        println!("{name:<8}{:>8.1} s", time.as_secs_f64());
    }
}

fn fmt() -> Result<()> {
    run_command(cargo().args(["fmt", "--all", "--check"])).context("`cargo fmt --all` puts it right")
}

fn clippy() -> Result<()> {
    run_command(cargo_workspace("clippy").args(["--all-targets", "--", "-D", "warnings"]))
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
