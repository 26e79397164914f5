use jiff::Timestamp;
use weir_cli::{Exit, Terminal, WorkspaceFlag, clap, instant, print, style};
use weir_planning::{Drift, render};

use crate::{
    PlanFormat,
    make::compare,
    output::{print_made, print_plan},
};

/// Tells whether the cluster is as the files say: exit 0 when it is, 3 when it is not
///
/// Tells what differs, not what to do about it: that is the plan's. With `--deployed`, changes made by hand are told
/// apart from what git asks for since, and from API keys that are due; only the first are drift.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The stage to compare
    #[arg(long, value_name = "STAGE")]
    stage: String,
    #[command(flatten)]
    workspace: WorkspaceFlag,
    /// The git revision that was deployed last, as its plan names it
    #[arg(long, value_name = "REVISION")]
    deployed: Option<String>,
    /// Compare as if it were this time: decides which API keys are due [default: now]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    now: Option<Timestamp>,
    /// How to print the differences
    #[arg(long, value_enum, default_value_t)]
    format: PlanFormat,
    #[command(flatten)]
    terminal: Terminal,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    args.terminal.apply();
    let dir = args.workspace.find()?;
    let compared = compare(&dir, &args.stage, args.deployed.as_deref(), args.now, args.terminal)?;
    let Some(plan) = print_made(&compared.made, args.format) else {
        return Ok(Exit::Refused);
    };
    let drift = match &compared.deployed {
        Some((deployed, timeless)) => Drift::since(plan, deployed, timeless),
        None => Drift::of(plan),
    };
    match args.format {
        PlanFormat::Text => print(&render::drift(&drift, style(false).color)),
        PlanFormat::Json => print(&(serde_json::to_string_pretty(&drift)? + "\n")),
        PlanFormat::Markdown => print_plan(plan, PlanFormat::Markdown),
    }
    Ok(if drift.is_drift() { Exit::Changes } else { Exit::Fine })
}
