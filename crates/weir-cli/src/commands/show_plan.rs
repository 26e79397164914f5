use std::path::{Path, PathBuf};

use weir_planning::Plan;

use crate::{
    Exit, Stop, Terminal,
    plans::{PlanFormat, print_plan},
    read_argument,
};

/// Shows a plan from a file
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The plan; - is stdin
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
    /// The format on stdout
    #[arg(long, value_enum, default_value_t)]
    format: PlanFormat,
    #[command(flatten)]
    terminal: Terminal,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    args.terminal.apply();
    print_plan(&read_plan(&args.plan)?, &[], args.format);
    Ok(Exit::Fine)
}

/// Reads a plan and checks its digest.
///
/// # Errors
/// If the plan cannot be read, or was changed after the planner wrote it.
pub(super) fn read_plan(path: &Path) -> anyhow::Result<Plan> {
    let text = read_argument(path)?;
    Plan::from_json(&text)
        .map_err(|err| anyhow::Error::new(err).context(Stop::refused(format!("`{}` cannot be used", path.display()))))
}
