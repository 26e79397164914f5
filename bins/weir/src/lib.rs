//! `weir`: the other binaries by name, and all of them at once.

mod external;
mod init;
mod up;

use std::ffi::OsString;

use weir_cli::{Exit, clap};

const EXAMPLES: &str = "\
Examples:
  weir init kafka                                 a workspace to begin with
  weir up --stage dev                             check, plan, ask, deploy
  weir up --stage dev --yes                       without asking
  weir validate                                   the same as weir-validate

Every program called weir-NAME, beside this one or on PATH, is also `weir NAME`.";

/// Keeps an organisation's Kafka as git says it is.
#[derive(clap::Parser, Debug)]
#[command(name = "weir", version, after_help = EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    Validate(weir_validate_cli::Args),
    Plan(weir_plan_cli::Args),
    Deploy(weir_deploy_cli::Args),
    Entity(weir_entity_cli::Args),
    Up(up::Args),
    Init(init::Args),
    #[command(external_subcommand)]
    External(Vec<OsString>),
}

/// Runs it.
///
/// # Errors
/// Those of the command that is run.
pub fn run(args: Args) -> anyhow::Result<Exit> {
    match args.command {
        Command::Validate(args) => weir_validate_cli::run(args),
        Command::Plan(args) => weir_plan_cli::run(args),
        Command::Deploy(args) => weir_deploy_cli::run(args),
        Command::Entity(args) => weir_entity_cli::run(args),
        Command::Up(args) => up::run(args),
        Command::Init(args) => init::run(&args),
        Command::External(line) => external::run(&line),
    }
}
