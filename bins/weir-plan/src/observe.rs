use std::path::PathBuf;

use weir_cli::{Exit, OutFile, Terminal, WorkspaceFlag, clap, say};
use weir_planning::desired;
use weir_validate_cli::{check, print_findings};

use crate::make::look;

/// Writes down what the cluster and the vaults hold of a stage
///
/// The file holds no secret. With it, weir-plan --observed FILE plans where the cluster cannot be reached.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The stage to observe
    #[arg(long, value_name = "STAGE")]
    stage: String,
    #[command(flatten)]
    workspace: WorkspaceFlag,
    /// The file to write; - is stdout
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    terminal: Terminal,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    args.terminal.apply();
    let dir = args.workspace.find()?;
    let out = OutFile::prepare(&args.out)?;
    let checked = check(&dir, Some(&args.stage), args.terminal)?;
    let Some(workspace) = checked.workspace() else {
        print_findings(&checked.findings, &checked.loaded.sources, false);
        return Ok(Exit::Refused);
    };
    let wanted = desired(&workspace.stage(&args.stage)?);
    let mut observed = look(&dir, workspace, &args.stage, &wanted, args.terminal)?;
    observed.stage = Some(args.stage.clone());
    out.write(&format!("{}\n", serde_json::to_string_pretty(&observed)?))?;
    say(&format!(
        "observed {} topics, {} service accounts, {} API keys of cluster {}\n",
        observed.topics.len(),
        observed.accounts.len(),
        observed.keys.len(),
        observed.cluster.id,
    ));
    Ok(Exit::Fine)
}
