//! `weir-plan`: compares the desired state of a stage with its cluster and writes the steps between as a plan.

mod drift;
mod make;
mod observe;
mod output;
mod plan;
mod show;

use weir_cli::{Exit, clap};

pub use crate::{
    make::{Made, Observation, make},
    output::{PlanFormat, print_plan},
    show::read_plan,
};

const EXAMPLES: &str = "\
Examples:
  weir-plan --stage dev                           what would be done, for people
  weir-plan --stage dev --out plan.json           also for weir-deploy
  weir-plan --stage prod --format markdown        for a pull request
  weir-plan --stage prod --out plan.json --findings azure=- --findings junit=plan.xml
                                                  annotations and test results, beside the plan
  weir-plan --stage dev --detailed-exitcode       exit 3 when there is something to do
  weir-plan observe --stage prod --out prod.json  what the cluster holds, where it is reached
  weir-plan --stage prod --observed prod.json     plan anywhere else, without a network
  weir-plan show plan.json --format markdown      a plan that was written before
  weir-plan drift --stage prod                    exit 3 when the cluster is otherwise

Exit codes:
  0  done (there may be changes)
  1  errors in the files, or something that the cluster would refuse
  2  the command line is wrong
  3  there are changes (with --detailed-exitcode, and drift)
  6  the cluster or a vault cannot be read";

/// Plans the steps that make a stage's cluster what the files say.
///
/// The files are checked first; with errors there is no plan. Then the cluster and the vaults are read and compared.
/// Nothing is changed: carrying out a plan is weir-deploy's. The same files and the same state give the same plan.
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
    plan: plan::Flags,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    Observe(observe::Args),
    Show(show::Args),
    Drift(drift::Args),
}

/// Runs it.
///
/// # Errors
/// When the files or the cluster cannot be read, or the output cannot be written.
pub fn run(args: Args) -> anyhow::Result<Exit> {
    match args.command {
        None => plan::run(&args.plan),
        Some(Command::Observe(args)) => observe::run(&args),
        Some(Command::Show(args)) => show::run(&args),
        Some(Command::Drift(args)) => drift::run(&args),
    }
}
