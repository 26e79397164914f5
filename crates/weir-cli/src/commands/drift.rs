use jiff::Timestamp;
use weir_planning::{Drift, render};

use crate::{
    Exit, Terminal, WorkspaceFlag,
    checked::read_and_check,
    instant,
    plans::{PlanFormat, look, make, not_there},
    print, print_json, style,
};

/// Shows the differences between the cluster and the files: exit 0 without any, 3 with drift, 7 if something could not be compared
///
/// A plan has the steps; this command shows the differences alone. With `--deployed`, it separates changes made by hand
/// from changes that git asks for since, and from API keys that are due; only changes made by hand are drift.
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
    /// The format on stdout
    #[arg(long, value_enum, default_value_t)]
    format: PlanFormat,
    #[command(flatten)]
    terminal: Terminal,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    args.terminal.apply();
    let dir = args.workspace.find()?;
    let now = args.now.unwrap_or_else(Timestamp::now);
    let checked = read_and_check(&dir, Some(&args.stage), now, args.terminal)?;
    let mut deployed = None;
    let made = make(checked, &args.stage, None, &[], |accepted, desired| {
        let revision = args.deployed.as_deref();
        let before = revision.map(|revision| accepted.deployed_at(&args.stage, revision)).transpose();
        let before = before.map_err(not_there)?;
        let observed = look(accepted, desired, args.terminal)?;
        if let Some(before) = before {
            // The names at that revision may be others, and must be observed as well.
            let there = look(accepted, before.desired(), args.terminal)?;
            deployed = Some((before, there));
        }
        Ok(observed)
    })?;
    let Some(plan) = made.print(args.format) else {
        return Ok(Exit::Refused);
    };
    let drift = match &deployed {
        Some((deployed, there)) => deployed.drift(plan, there, now),
        None => Drift::of(plan),
    };
    match args.format {
        PlanFormat::Text => print(&render::drift(&drift, style(false).color)),
        PlanFormat::Json => print_json(serde_json::to_string_pretty(&drift)? + "\n"),
        PlanFormat::Markdown => print(&render::drift_markdown(&drift)),
    }
    Ok(match drift.is_drift() {
        true => Exit::Changes,
        false if drift.blocked.is_empty() => Exit::Fine,
        false => Exit::Blocked,
    })
}
