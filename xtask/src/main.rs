//! The tasks of this repository beside editing it. CI runs `cargo xtask check`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people at a terminal")]

mod adding_a_kind;
mod check;
mod command;
mod deny;
mod features;
mod kafka_settings;
mod layers;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod signposts;
mod spelling;
mod test;
mod tool;
mod words;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

use crate::command::cargo;

/// Checks, expected files, generated workspaces, benches.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Runs the checks of CI up to the first that fails
    Check {
        /// Leaves out what takes minutes: brokers, key vaults, all features, documentation, licences
        #[arg(long)]
        quick: bool,
    },
    /// Adds a kind of entity to a copy of the repository, by nothing but docs/adding-a-kind.md, and tries it
    AddingAKind,
    /// Checks that each crate depends only on crates that its layer may know
    Layers,
    /// Counts doc comments and sentences that open with `What`, `Who`, `How`, …; the counts may only fall
    Words {
        /// Prints file, line and text of each
        #[arg(long)]
        list: bool,
    },
    /// Checks the spelling of all files
    Spelling,
    /// Checks everything that ships with no features, the default ones, each alone and all, and runs the README's builds
    Features,
    /// Checks licences, banned packages and sources of all dependencies
    Deny,
    /// Checks all dependencies against the RustSec database, if that can be reached
    Advisories,
    /// Rewrites the expected files of the tests that need no broker and no vault; the diff is the review
    Bless {
        /// Of these crates only
        #[arg(long, short, value_name = "CRATE")]
        package: Vec<String>,
        /// Of all tests: takes ten minutes
        #[arg(long, conflicts_with = "package")]
        all: bool,
    },
    /// Rewrites the list of Kafka's topic settings from the Kafka in xtask/kafka-settings/pom.xml
    KafkaSettings,
    /// Writes a large workspace, always the same for the same numbers
    GenWorkspace(Passed),
    /// Measures load, validation and plan on large workspaces; with --kafka, plan and deploy on a real broker
    Bench(Passed),
}

/// Flags of the bench program, which reads them itself.
#[derive(Args)]
#[command(disable_help_flag = true)]
struct Passed {
    /// `--help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "FLAGS")]
    flags: Vec<String>,
}

fn main() -> ExitCode {
    match run(Cli::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("error: {err:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    match task {
        Task::Check { quick } => check::run(quick),
        Task::AddingAKind => adding_a_kind::run(),
        Task::Layers => layers::run(),
        Task::Words { list } => words::run(list),
        Task::Spelling => spelling::run(),
        Task::Features => features::run(),
        Task::Deny => deny::run(),
        Task::Advisories => deny::advisories(),
        Task::KafkaSettings => kafka_settings::run(),
        Task::Bless { package, all } => test::bless(&package, all),
        Task::GenWorkspace(Passed { flags }) => bench_program("gen-workspace", &flags, false),
        Task::Bench(Passed { mut flags }) => match flags.iter().position(|flag| flag == "--kafka") {
            Some(at) => {
                flags.remove(at);
                bench_kafka(&flags)
            }
            None => bench_program("bench", &flags, false),
        },
    }
}

/// Runs the bench program in the caller's folder: paths in its flags are the caller's. Built for release, or
/// measuring would mean nothing; without Kafka unless it is needed, which spares the caller a C compiler.
fn bench_program(subcommand: &str, flags: &[String], kafka: bool) -> Result<()> {
    let manifest = command::root().join("Cargo.toml");
    let mut run = cargo();
    run.args(["run", "--quiet", "--release", "--package", "weir-bench", "--manifest-path"]);
    run.arg(manifest);
    if kafka {
        run.args(["--features", "kafka"]);
    }
    run.args(["--", subcommand]).args(flags);
    run.current_dir(std::env::current_dir()?);
    command::run(&mut run)
}

/// Builds the binaries to measure, beside which the bench program then lies.
fn bench_kafka(flags: &[String]) -> Result<()> {
    let mut build = cargo();
    build.args(["build", "--quiet", "--release", "--package", "weir-plan", "--package", "weir-deploy"]);
    command::run(build.args(["--features", command::kafka_features()]))?;
    bench_program("bench-kafka", flags, true)
}
