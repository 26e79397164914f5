//! Writes large workspaces, and measures the time and memory to load, validate and plan them.
//!
//! Every measurement runs in its own process ([`once`]), so that its peak of memory belongs to it alone.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people at a terminal")]

#[cfg(feature = "kafka")]
mod kafka;
mod once;
mod policies;
mod state;
mod table;
mod written;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use weir_testkit::generate::Shape;

use crate::once::Work;

/// The allocator of weir's programs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Writes a large workspace; the same numbers give the same files
    #[command(name = "gen-workspace")]
    Generate {
        #[command(flatten)]
        shape: ShapeFlags,
        /// The folder to write to; created if missing, refused if not empty
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Measures load, validation and plan on large workspaces
    #[command(name = "bench")]
    Measure {
        /// Numbers of topics; there are as many grants
        #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "1000,10000,100000")]
        topics: Vec<usize>,
        /// Also measures the largest number of topics with this many grants, once; 0 skips this
        #[arg(long, value_name = "N", default_value_t = 1_000_000)]
        acls_once: usize,
        /// Measurements per number of topics; the median is shown
        #[arg(long, value_name = "N", default_value_t = 5)]
        runs: usize,
    },
    /// Measures planning and deploying on a real Kafka broker, whole processes: `cargo xtask bench --kafka`
    #[cfg(feature = "kafka")]
    #[command(name = "bench-kafka")]
    Kafka {
        /// Numbers of topics; deployment is measured with the first
        #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "1000,10000")]
        topics: Vec<usize>,
        /// ACLs
        #[arg(long, value_name = "N", default_value_t = 10_000)]
        acls: usize,
        /// Measurements per number of topics; the shortest and the median are shown
        #[arg(long, value_name = "N", default_value_t = 5)]
        runs: usize,
    },
    /// One process that is measured for comparison with weir
    #[cfg(feature = "kafka")]
    #[command(hide = true)]
    KafkaOnce {
        work: kafka::Work,
        #[command(flatten)]
        scale: kafka::Scale,
    },
    /// One measurement, printed as JSON
    #[command(hide = true)]
    Once { work: Work, dir: PathBuf },
}

#[derive(Args)]
struct ShapeFlags {
    /// Topics
    #[arg(long, value_name = "N")]
    topics: usize,
    /// Teams [default: one for 50 topics]
    #[arg(long, value_name = "N")]
    teams: Option<usize>,
    /// Service accounts [default: one for 10 topics]
    #[arg(long, value_name = "N")]
    accounts: Option<usize>,
    /// Grants in access control lists [default: one for each topic]
    #[arg(long, value_name = "N")]
    acls: Option<usize>,
    /// Stages: dev, test, preprod, prod
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=4))]
    stages: u8,
    /// Another seed gives other settings for the same names
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

impl From<ShapeFlags> for Shape {
    fn from(flags: ShapeFlags) -> Self {
        let usual = Shape::of_topics(flags.topics);
        Self {
            topics: flags.topics,
            teams: flags.teams.unwrap_or(usual.teams),
            accounts: flags.accounts.unwrap_or(usual.accounts),
            acls: flags.acls.unwrap_or(usual.acls),
            stages: usize::from(flags.stages),
            seed: flags.seed,
        }
    }
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
        Task::Generate { shape, out } => {
            let files = written::write(&shape.into(), &out)?;
            eprintln!("wrote {files} files to {}", out.display());
            Ok(())
        }
        Task::Measure { topics, acls_once, runs } => table::measure(&topics, acls_once, runs.max(1)),
        #[cfg(feature = "kafka")]
        Task::Kafka { topics, acls, runs } => kafka::measure(&topics, acls, runs.max(1)),
        #[cfg(feature = "kafka")]
        Task::KafkaOnce { work, scale } => kafka::once(work, scale),
        Task::Once { work, dir } => {
            println!("{}", serde_json::to_string(&once::measure(work, &dir)?)?);
            Ok(())
        }
    }
}
