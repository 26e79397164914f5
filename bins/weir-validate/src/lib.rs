//! `weir-validate`: checks the files of a workspace, shows what they resolve to, writes the schemas for editors.

mod check;
mod explain;
mod fix;
mod formats;
mod schema;
mod show;
mod test;

use weir_cli::{Exit, clap};

pub use crate::{
    check::{Checked, check, check_at, print_findings},
    explain::{rule_pages, rules_schema},
    formats::{FindingsFiles, FindingsTarget, findings_target},
    show::shown_schema,
    test::policy_tests_schema,
};

const EXAMPLES: &str = "\
Examples:
  weir-validate                               check everything
  weir-validate --stage dev --format json     what concerns one stage, for programs
  weir-validate --out sarif=weir.sarif --out junit=weir.xml --out github=-
                                              one run for the log, code scanning, tests, annotations
  weir-validate --diff                        what --fix would change
  weir-validate show Topic/orders.v1 --stage prod
                                              what it comes to, and where each value is from
  weir-validate explain sharing-consent       what a rule wants, with examples
  weir-validate test                          the workspace's own cases for its policies
  weir-validate schema --out schemas          JSON Schemas for editors

Exit codes:
  0  no errors (there may be warnings)
  1  errors
  2  the command line is wrong
  4  a file changed while --fix was at work; nothing was written
  6  the files cannot be read";

/// Checks the files of a workspace.
///
/// Reads every YAML file under the folder that holds weir.yaml and reports everything that is wrong: form, allowed
/// values, references, order of stages, sharing, and the organisation's own policies. Needs no network, and changes
/// nothing unless --fix says so.
#[derive(clap::Parser, Debug)]
#[command(name = "weir-validate", version, after_long_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    check: check::Flags,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    Show(show::Args),
    Explain(explain::Args),
    Schema(schema::Args),
    Test(test::Args),
}

/// Runs it.
///
/// # Errors
/// When the files cannot be read, or what is asked for is not there.
pub fn run(args: Args) -> anyhow::Result<Exit> {
    match args.command {
        None => check::run(&args.check),
        Some(Command::Show(args)) => show::run(&args),
        Some(Command::Explain(args)) => explain::run(&args),
        Some(Command::Schema(args)) => schema::run(&args),
        Some(Command::Test(args)) => test::run(&args),
    }
}
