//! `weir`: all programs as subcommands, and `weir up`, which runs all stages.

use std::ffi::OsString;

use super::{deploy, entity, external, init, plan, up, validate};
use crate::Exit;

const EXAMPLES: &str = "\
Examples:
  weir init kafka                                 a workspace to begin with
  weir up --stage dev                             check, plan, ask, deploy
  weir up --stage dev --yes                       without asking
  weir validate                                   the same as weir-validate

Every program called weir-NAME, beside this one or on PATH, is also `weir NAME`.";

/// Keeps an organisation's Kafka as its files in git describe it.
#[derive(clap::Parser, Debug)]
#[command(name = "weir", version, after_help = EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    Validate(validate::Args),
    Plan(plan::Args),
    Deploy(deploy::Args),
    Entity(entity::Args),
    Up(up::Args),
    Init(init::Args),
    #[command(external_subcommand)]
    External(Vec<OsString>),
}

/// Runs the command.
///
/// # Errors
/// The errors of the command that is run.
pub fn run(args: Args) -> anyhow::Result<Exit> {
    match args.command {
        Command::Validate(args) => validate::run(args),
        Command::Plan(args) => plan::run(args),
        Command::Deploy(args) => deploy::run(args),
        Command::Entity(args) => entity::run(args),
        Command::Up(args) => up::run(args),
        Command::Init(args) => init::run(&args),
        Command::External(line) => external::run(&line),
    }
}
