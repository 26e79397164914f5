//! `weir-plan`: compares the desired state of a stage with its cluster and writes the steps between as a plan.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use weir_planning::Observed;

use super::{drift, observe, show_plan};
use crate::{
    DeployedFlag, Exit, OutFile, SignFlag, Stop, Terminal, WorkspaceFlag,
    checked::read_and_check,
    findings::{FindingsFiles, FindingsTarget, findings_target},
    instant,
    plans::{PlanFormat, look, make, print_plan},
    read_argument, say,
};

const EXAMPLES: &str = "\
Examples:
  weir-plan --stage dev                           the steps, for people
  weir-plan --stage dev --out plan.json           also for weir-deploy
  weir-plan --stage prod --format markdown        for a pull request
  weir-plan --stage prod --out plan.json --findings azure=- --findings junit=plan.xml
                                                  annotations and test results, beside the plan
  weir-plan --stage prod --out plan.json --hold-team toll
                                                  everything but the changes of team toll
  weir-plan --stage dev --detailed-exitcode       exit 3 when there are changes
  weir-plan observe --stage prod --out prod.json  the state of the cluster, where it can be reached
  weir-plan --stage prod --observed prod.json     plan anywhere else, without a network
  weir-plan show plan.json --format markdown      a plan from a file
  weir-plan drift --stage prod                    exit 3 when the cluster differs from the files

weir waits a minute for clusters and vaults that do not answer, or the number of seconds in WEIR_PATIENCE.

Exit codes:
  0  done (there may be changes)
  1  errors in the files that stop every plan
  2  wrong command line
  3  there are changes (with --detailed-exitcode, and drift)
  6  the cluster cannot be read, or no vault
  7  planned, but for objects in trouble or teams held back, which the plan leaves alone";

/// Plans the steps that bring a stage's cluster to the state that the files describe.
///
/// The files are checked first. Errors about the workspace as a whole stop every plan. An error about one entity, an error in
/// a team's path, or a vault that cannot be read, blocks that entity, that team, or these keys, and the rest is planned.
/// Then the cluster and the vaults are read and compared.
/// Nothing is changed: weir-deploy carries out a plan. The same files and the same state give the same plan.
#[derive(clap::Parser, Debug)]
#[command(
    name = "weir-plan",
    version,
    after_long_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    plan: Flags,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    Observe(observe::Args),
    Show(show_plan::Args),
    Drift(drift::Args),
}

/// Runs the command.
///
/// # Errors
/// If the files or the cluster cannot be read, or the output cannot be written.
pub fn run(args: Args) -> anyhow::Result<Exit> {
    match args.command {
        None => plan(&args.plan),
        Some(Command::Observe(args)) => observe::run(&args),
        Some(Command::Show(args)) => show_plan::run(&args),
        Some(Command::Drift(args)) => drift::run(&args),
    }
}

#[derive(clap::Args, Debug)]
struct Flags {
    /// The stage to plan
    #[arg(long, value_name = "STAGE", required = true)]
    stage: Option<String>,
    #[command(flatten)]
    workspace: WorkspaceFlag,
    /// Read the observed state from this file instead of the cluster
    #[arg(long, value_name = "FILE")]
    observed: Option<PathBuf>,
    #[command(flatten)]
    deployed: DeployedFlag,
    /// Plan for this time: it decides which API keys are due, and which rights have ended [default: now]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    now: Option<Timestamp>,
    /// Hold this team back: the plan leaves all its objects alone and shows it as blocked; may be repeated
    #[arg(long, value_name = "TEAM")]
    hold_team: Vec<String>,
    /// Write the plan to this file, for weir-deploy
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    sign: SignFlag,
    /// Also write the findings to a file, in a format of weir-validate; may be repeated
    #[arg(long, value_name = "FORMAT=FILE", value_parser = findings_target)]
    findings: Vec<FindingsTarget>,
    /// The format of the plan on stdout
    #[arg(long, value_enum, default_value_t)]
    format: PlanFormat,
    /// Exit with 3 when there are changes
    #[arg(long)]
    detailed_exitcode: bool,
    #[command(flatten)]
    terminal: Terminal,
}

fn plan(args: &Flags) -> anyhow::Result<Exit> {
    args.terminal.apply();
    let dir = args.workspace.find()?;
    let out = args.out.as_deref().map(OutFile::prepare).transpose()?;
    let files = FindingsFiles::prepare(&args.findings)?;
    let stage = args.stage.as_deref().unwrap_or_default();
    let now = args.now.unwrap_or_else(Timestamp::now);
    let checked = read_and_check(&dir, Some(stage), now, args.terminal)?;
    let held = &args.hold_team;
    let mut made = make(checked, stage, args.deployed.revision(), held, |accepted, desired| match &args.observed {
        None => look(accepted, desired, args.terminal),
        Some(path) => read_observed(path),
    })?;
    made.sign(&args.sign, stage)?;
    files.write(&made.findings, &made.checked.loaded, &dir)?;
    let Some(plan) = made.print(args.format) else {
        return Ok(Exit::Refused);
    };
    // With `--out -` the plan file goes to stdout.
    if !out.as_ref().is_some_and(OutFile::is_stdout) {
        print_plan(plan, &made.warnings(), args.format);
    }
    if let Some(out) = out {
        out.write_json(&plan.to_json())?;
        if args.now.is_some_and(|now| now > Timestamp::now()) {
            say(
                "warning: the plan is made for a later time; weir-deploy refuses it until its steps are due by its own clock\n",
            );
        }
    }
    Ok(if !plan.blocked.is_empty() {
        Exit::Blocked
    } else if args.detailed_exitcode && !plan.is_empty() {
        Exit::Changes
    } else {
        Exit::Fine
    })
}

/// Reads an observed state that `weir-plan observe` wrote.
fn read_observed(path: &Path) -> anyhow::Result<Observed> {
    let text = read_argument(path)?;
    let shown = path.display();
    let observed = Observed::from_json(&text).map_err(|why| {
        Stop::usage(format!("`{shown}` is not an observed state: {why}"))
            .help("write one with: weir-plan observe --stage STAGE --out FILE")
    })?;
    Ok(observed)
}
