//! `weir-entity`: makes the files that a workspace consists of.

use super::import;
use crate::Exit;

const EXAMPLES: &str = "\
Examples:
  weir-entity import --stage prod --out teams     what prod's cluster holds, a file for each team
  weir-entity import --stage dev --stage prod --out teams
                                                  one entity for both, with what differs
  weir-entity import --stage prod --out teams --team-by '^app-([a-z]+)' --default-team platform
                                                  names that do not begin with their team

Exit codes:
  0  done
  1  errors in the files, or something that cannot be imported as it is
  2  the command line is wrong
  6  a cluster or a vault cannot be read, or the files cannot be written";

/// Makes the files that a workspace consists of.
#[derive(clap::Parser, Debug)]
#[command(name = "weir-entity", version, after_help = EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    Import(import::Args),
}

/// Runs it.
///
/// # Errors
/// When a cluster cannot be read, or the files cannot be written.
pub fn run(args: Args) -> anyhow::Result<Exit> {
    match args.command {
        Command::Import(args) => import::run(&args),
    }
}
