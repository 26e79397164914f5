//! `weir-entity`: writes files of a workspace.

use super::{codeowners, import};
use crate::Exit;

const EXAMPLES: &str = "\
Examples:
  weir-entity import --stage prod --out teams     prod's cluster as files, one for each team
  weir-entity import --stage dev --stage prod --out teams
                                                  one entity for both, with the differences
  weir-entity import --stage prod --out teams --team-by '^app-([a-z]+)' --default-team platform
                                                  for names that do not begin with their team
  weir-entity codeowners --out .github/CODEOWNERS
                                                  who must review what, for GitHub
  weir-entity codeowners --check                  refuse if the file differs from weir.yaml

weir waits a minute for clusters and vaults that do not answer, or the number of seconds in WEIR_PATIENCE.

Exit codes:
  0  done
  1  errors in the files, or an object that cannot be imported as it is
  2  wrong command line
  6  a cluster or a vault cannot be read, or the files cannot be written";

/// Writes files of a workspace.
#[derive(clap::Parser, Debug)]
#[command(name = "weir-entity", version, after_help = EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    Import(import::Args),
    Codeowners(codeowners::Args),
}

/// Runs the command.
///
/// # Errors
/// If a cluster cannot be read, or the files cannot be written.
pub fn run(args: Args) -> anyhow::Result<Exit> {
    match args.command {
        Command::Import(args) => import::run(&args),
        Command::Codeowners(args) => codeowners::run(&args),
    }
}
