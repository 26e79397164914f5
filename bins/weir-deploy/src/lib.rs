//! `weir-deploy`: carries out a plan, and nothing else.

mod deploy;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use weir_adapters::read_workspace;
use weir_cli::{Exit, Format, Stop, Terminal, WorkspaceFlag, clap};
use weir_model::Duration;
use weir_plan_cli::read_plan;
use weir_planning::{Digest, Plane, Risk};

pub use crate::deploy::{Request, deploy};

const EXAMPLES: &str = "\
Examples:
  weir-deploy plan.json                           nothing worse than taking rights away
  weir-deploy plan.json --digest sha256:1f0c...   the plan that was approved, no other
  weir-deploy plan.json --max-risk destroy        deletions too, unless records are lost
  weir-deploy plan.json --receipt receipt.json    write down what was really done

Two agents in two networks, one plan:
  weir-deploy plan.json --plane control --receipt 1.json                 accounts and keys, into the vaults
  weir-deploy plan.json --plane data --after 1.json --receipt 2.json     topics and ACLs, inside the network
  weir-deploy plan.json --plane control --after 2.json                   what is taken away last: keys, accounts

Risks, from the least: additive, change, revoke, destroy, data-loss.

A run that was interrupted, or ended with 5, is taken up by the same command.

What does not answer is waited for a minute, or the number of seconds in WEIR_PATIENCE.

Exit codes:
  0  done, or nothing to do
  1  the plan is refused: not approved, too risky, beyond the threshold, changed, for another cluster
  2  the command line is wrong
  4  the cluster is no longer as it was when the plan was made: plan again
  5  partly done: run again
  6  the cluster, a vault or the journal failed before anything was done";

/// Carries out a plan that weir-plan wrote: that plan, and nothing else.
///
/// Before each step its object is read again: already as wanted, it is left; as it was planned for, it is changed;
/// anything else stops the run. New API keys go straight into the team's vault and are shown nowhere.
#[derive(clap::Parser, Debug)]
#[command(name = "weir-deploy", version, after_long_help = EXAMPLES)]
pub struct Args {
    /// The plan; - is stdin
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
    #[command(flatten)]
    workspace: WorkspaceFlag,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    planes: Planes,
    /// How to print the receipt to stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    terminal: Terminal,
}

/// How far a run may go.
#[derive(clap::Args, Clone, Debug)]
pub struct Consent {
    /// The digest of the plan that was approved; any other plan is refused
    #[arg(long, value_name = "DIGEST", value_parser = digest)]
    pub digest: Option<Digest>,
    /// The highest risk a step may have: additive, change, revoke, destroy or data-loss
    #[arg(long, value_name = "RISK", default_value_t = Risk::Revoke)]
    pub max_risk: Risk,
    /// Carry out a plan that changes more than the stage's threshold; needs the plan's digest as well
    #[arg(long)]
    pub beyond_threshold: bool,
}

/// Which part of a plan is carried out.
#[derive(clap::Args, Clone, Debug)]
pub struct Planes {
    /// Reach only this plane, and carry out its steps: control (accounts, keys, vaults), data (the brokers), or all
    #[arg(long = "plane", value_name = "PLANE", value_parser = planes, default_value = "all")]
    pub reached: Reached,
    /// A receipt of a run of this plan on another plane: what it did counts as done; may be repeated
    #[arg(long, value_name = "RECEIPT")]
    pub after: Vec<PathBuf>,
    /// Wait so long, as in 20m, until new keys log in, before keys they replace are deleted
    #[arg(long, value_name = "TIME")]
    pub wait_ready: Option<Duration>,
}

/// The planes that are reached from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached(pub BTreeSet<Plane>);

impl Default for Planes {
    /// All planes, and no waiting.
    fn default() -> Self {
        Self { reached: Reached(Plane::ALL.into()), after: Vec::new(), wait_ready: None }
    }
}

/// What a run leaves behind.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct Output {
    /// Write the receipt to this file
    #[arg(long, value_name = "FILE")]
    pub receipt: Option<PathBuf>,
    /// Write down each step in this file before it is done [default: .weir/journal/DIGEST.jsonl in the workspace]
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,
}

fn digest(text: &str) -> Result<Digest, String> {
    let hex = text.strip_prefix("sha256:").unwrap_or_default();
    if hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        Ok(Digest(text.to_owned()))
    } else {
        Err("expected a plan's digest: `sha256:` and 64 hex digits, as weir-plan prints it".to_owned())
    }
}

fn planes(text: &str) -> Result<Reached, String> {
    let planes = match Plane::ALL.into_iter().find(|plane| plane.as_str() == text) {
        Some(plane) => [plane].into(),
        None if text == "all" => Plane::ALL.into(),
        None => return Err("the planes are control, data and all".to_owned()),
    };
    Ok(Reached(planes))
}

/// Whether both name the same file.
fn is_same(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// Runs it.
///
/// # Errors
/// When the plan cannot be used, or nothing can be reached.
pub fn run(args: Args) -> anyhow::Result<Exit> {
    let Args { plan, workspace, consent, output, planes, format, terminal } = args;
    terminal.apply();
    for (flag, file) in [("--receipt", &output.receipt), ("--journal", &output.journal)] {
        if file.as_ref().is_some_and(|file| is_same(file, &plan)) {
            return Err(Stop::usage(format!("{flag} would overwrite the plan")).help("name another file").into());
        }
    }
    let plan = read_plan(&plan)?;
    let dir = workspace.find()?;
    let read = read_workspace(&dir)?;
    let workspace = read.loaded.workspace.as_ref().ok_or_else(|| {
        Stop::refused(format!("the workspace in `{}` cannot be used", dir.display())).help("see weir-validate")
    })?;
    deploy(&dir, workspace, &plan, Request { consent, output, planes, format, terminal })
}
