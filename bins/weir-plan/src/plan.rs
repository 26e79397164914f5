use std::path::PathBuf;

use jiff::Timestamp;
use weir_cli::{Exit, OutFile, Terminal, WorkspaceFlag, clap, instant, say};
use weir_validate_cli::{FindingsFiles, FindingsTarget, findings_target};

use crate::{
    Observation, PlanFormat, make,
    output::{print_made, print_plan},
};

#[derive(clap::Args, Debug)]
pub(crate) struct Flags {
    /// The stage to plan
    #[arg(long, value_name = "STAGE", required = true)]
    stage: Option<String>,
    #[command(flatten)]
    workspace: WorkspaceFlag,
    /// Take the observed state from this file instead of asking the cluster
    #[arg(long, value_name = "FILE")]
    observed: Option<PathBuf>,
    /// Plan as if it were this time: decides which API keys are due [default: now]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    now: Option<Timestamp>,
    /// Write the plan to this file, for weir-deploy
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Also write the findings to a file, in a format of weir-validate; may be given several times
    #[arg(long, value_name = "FORMAT=FILE", value_parser = findings_target)]
    findings: Vec<FindingsTarget>,
    /// How to print the plan to stdout
    #[arg(long, value_enum, default_value_t)]
    format: PlanFormat,
    /// Exit with 3 when there is something to do
    #[arg(long)]
    detailed_exitcode: bool,
    #[command(flatten)]
    terminal: Terminal,
}

pub(crate) fn run(args: &Flags) -> anyhow::Result<Exit> {
    args.terminal.apply();
    let dir = args.workspace.find()?;
    let out = args.out.as_deref().map(OutFile::prepare).transpose()?;
    let files = FindingsFiles::prepare(&args.findings)?;
    let observation = args.observed.clone().map_or(Observation::Live, Observation::File);
    let stage = args.stage.as_deref().unwrap_or_default();
    let made = make(&dir, stage, &observation, args.now, args.terminal)?;
    files.write(&made.checked, &dir)?;
    let Some(plan) = print_made(&made, args.format) else {
        return Ok(Exit::Refused);
    };
    // With `--out -` the plan itself is what goes to stdout.
    if !out.as_ref().is_some_and(OutFile::is_stdout) {
        print_plan(plan, args.format);
    }
    if let Some(out) = out {
        out.write(&plan.to_json())?;
        if args.now.is_some_and(|now| now > Timestamp::now()) {
            // Deploying has no time of its own: whoever carries this out does it now.
            say(
                "warning: the plan is made for a later time; deployed now, it replaces and revokes API keys too early\n",
            );
        }
    }
    Ok(if args.detailed_exitcode && !plan.is_empty() { Exit::Changes } else { Exit::Fine })
}
