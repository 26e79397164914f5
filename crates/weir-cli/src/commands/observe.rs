use std::path::PathBuf;

use jiff::Timestamp;

use crate::{
    Exit, OutFile, Terminal, WorkspaceFlag, checked::read_and_check, findings::print_findings, plans::look, say,
};

/// Writes the state of a stage's cluster and vaults to a file
///
/// The file holds no secret. weir-plan --observed FILE reads it, where the cluster cannot be reached.
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
    let checked = read_and_check(&dir, Some(&args.stage), Timestamp::now(), args.terminal)?;
    let Ok(accepted) = checked.accept() else {
        print_findings(&checked.findings, &checked.loaded.sources, false);
        return Ok(Exit::Refused);
    };
    let mut observed = look(accepted, &accepted.desired(&args.stage)?, args.terminal)?;
    observed.stage = Some(args.stage.clone());
    out.write_json(&format!("{}\n", serde_json::to_string_pretty(&observed)?))?;
    say(&format!(
        "observed {} topics, {} service accounts, {} API keys of cluster {}\n",
        observed.topics.len(),
        observed.accounts.len(),
        observed.keys.len(),
        observed.cluster.id,
    ));
    Ok(Exit::Fine)
}
