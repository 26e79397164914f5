//! `weir-entity codeowners`: the forge's own protection, from the workspace.

use std::{fs, path::PathBuf};

use jiff::Timestamp;
use weir_findings::{plural, render::inert};
use weir_ownership::{NoReviewers, Ownership};
use weir_pipeline::{committed_codeowners, place_in_repository};

use crate::{Exit, OutFile, Stop, Terminal, WorkspaceFlag, checked::read_and_check, print, print_json, say};

/// Writes who must review changes to which path, for GitHub (CODEOWNERS) or Azure Repos (branch policies)
///
/// The paths come from `ownership` in weir.yaml, the reviewers from each `Team`: `reviewers`, or for Azure Repos the
/// groups under `members`. The page docs/governance.md says how to set up the forge.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The forge
    #[arg(long, value_name = "FORGE", default_value = "github")]
    format: Forge,
    /// The file to write [default: stdout]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write nothing; refuse if the file differs. Without --out, the CODEOWNERS file of the repository
    #[arg(long)]
    check: bool,
    /// The id of the repository, for Azure Repos
    #[arg(long, value_name = "ID", required_if_eq("format", "azure"))]
    repository: Option<String>,
    /// The protected branch, for Azure Repos
    #[arg(long, value_name = "NAME", default_value = "main")]
    branch: String,
    #[command(flatten)]
    workspace: WorkspaceFlag,
    #[command(flatten)]
    terminal: Terminal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Forge {
    Github,
    Azure,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    args.terminal.apply();
    let dir = args.workspace.find()?;
    let checked = read_and_check(&dir, None, Timestamp::now(), args.terminal)?;
    // Mistakes elsewhere do not matter here.
    let workspace = checked
        .loaded
        .workspace
        .as_ref()
        .ok_or_else(|| Stop::refused("weir.yaml cannot be read").help("weir validate shows the mistakes"))?;
    let ownership = Ownership::of(workspace).ok_or_else(|| {
        Stop::refused("weir.yaml does not say which paths belong to which team")
            .help("write `ownership: {platform: TEAM}` under `spec`")
    })?;
    let (root, folder) = place_in_repository(&dir);
    let text = match args.format {
        Forge::Github => ownership.codeowners(&folder).map_err(without_reviewers)?,
        Forge::Azure => {
            let repository = args.repository.as_deref().unwrap_or_default();
            let policies = ownership.branch_policies(&folder, repository, &args.branch).map_err(without_reviewers)?;
            format!("{}\n", serde_json::to_string_pretty(&policies)?)
        }
    };
    if args.check {
        let there = match (&args.out, args.format) {
            (Some(path), _) => Some((path.display().to_string(), fs::read_to_string(path).unwrap_or_default())),
            (None, Forge::Github) => committed_codeowners(&root).map(|(place, text)| (place.to_owned(), text)),
            (None, Forge::Azure) => {
                return Err(Stop::usage("--check needs the file to compare with: --out FILE").into());
            }
        };
        let Some((path, there)) = there else {
            return Err(Stop::refused("the repository has no CODEOWNERS file")
                .help("write it: weir entity codeowners --out .github/CODEOWNERS")
                .into());
        };
        if there != text {
            let lines = text.lines().filter(|line| !there.lines().any(|other| other == *line)).count();
            let message =
                format!("`{}` differs from weir.yaml: {lines} {} missing", inert(&path), plural(lines, "line"));
            return Err(Stop::refused(message).help("write it again, without --check").into());
        }
        return Ok(Exit::Fine);
    }
    match &args.out {
        Some(path) => {
            if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                fs::create_dir_all(parent)?;
            }
            OutFile::prepare(path)?.write(&text)?;
            say(&format!("wrote {}\n", path.display()));
        }
        None if args.format == Forge::Azure => print_json(&text),
        None => print(&text),
    }
    Ok(Exit::Fine)
}

fn without_reviewers(NoReviewers { teams }: NoReviewers) -> Stop {
    let names: Vec<String> = teams.iter().map(|team| format!("`{team}`")).collect();
    Stop::refused(format!("{} {} no reviewers", plural(teams.len(), "team"), names.join(", ")))
        .help("write `reviewers: [\"@organisation/team\"]` under `spec` of each `Team`")
}
