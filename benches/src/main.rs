//! Writes large workspaces, and measures what loading, validating and planning them takes.
//!
//! Every number comes from a process of its own ([`once`]), so that a peak of memory belongs to one measurement.
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

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Writes a large workspace, always the same for the same numbers
    #[command(name = "gen-workspace")]
    Generate {
        #[command(flatten)]
        shape: ShapeFlags,
        /// The folder to write to; made if it is not there, refused if something lies in it
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Measures load, validation and plan on large workspaces
    #[command(name = "bench")]
    Measure {
        /// Numbers of topics; each with as many grants
        #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "1000,10000,100000")]
        topics: Vec<usize>,
        /// Also measures the largest number of topics with that many grants, once. 0 leaves it out
        #[arg(long, value_name = "N", default_value_t = 1_000_000)]
        acls_once: usize,
        /// Measurements of which the median is taken
        #[arg(long, value_name = "N", default_value_t = 5)]
        runs: usize,
    },
    /// Measures planning and deploying on a real Kafka broker, whole processes: `cargo xtask bench --kafka`
    #[cfg(feature = "kafka")]
    #[command(name = "bench-kafka")]
    Kafka {
        /// Numbers of topics; deploying is measured with the first
        #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "1000,10000")]
        topics: Vec<usize>,
        /// ACLs
        #[arg(long, value_name = "N", default_value_t = 10_000)]
        acls: usize,
        /// Measurements, of which the shortest and the median are shown
        #[arg(long, value_name = "N", default_value_t = 5)]
        runs: usize,
    },
    /// One process of those that are measured beside weir's
    #[cfg(feature = "kafka")]
    #[command(hide = true)]
    KafkaOnce {
        work: kafka::Work,
        #[command(flatten)]
        scale: kafka::Scale,
    },
    /// One measurement; prints it as JSON
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
