//! `weir-entity codeowners`: the forge's own protection, from the workspace.

use std::{collections::BTreeSet, fs, path::PathBuf};

use anyhow::Context as _;
use jiff::Timestamp;
use weir_findings::{count, plural, render::inert};
use weir_ownership::{NoReviewers, Ownership};
use weir_pipeline::{committed_codeowners, place_in_repository, read_codeowners};

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
    if !checked.is_clear() {
        return Err(Stop::refused("the files do not make clear which teams there are")
            .help("declare teams in weir.yaml, or in a file whose path has not the form of a team's path")
            .into());
    }
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
            (Some(path), _) if path.symlink_metadata().is_ok() => {
                Some((path.display().to_string(), read_codeowners(path)))
            }
            (Some(path), _) => {
                let message = format!("there is no file `{}`", inert(&path.display().to_string()));
                return Err(Stop::refused(message).help("write it, without --check").into());
            }
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
        let there = there.with_context(|| format!("cannot read `{}`", inert(&path)))?;
        if there != text {
            let message = format!("`{}` differs from weir.yaml: {}", inert(&path), difference(&there, &text));
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

/// Returns the number of lines that a file lacks and has too many, as words.
fn difference(there: &str, wanted: &str) -> String {
    let beyond = |text: &str, other: &str| {
        let known: BTreeSet<&str> = other.lines().collect();
        text.lines().filter(|line| !known.contains(line)).count()
    };
    let said = |number: usize, what: &str| {
        let verb = if number == 1 { "is" } else { "are" };
        format!("{} {verb} {what}", count(number, "line"))
    };
    match (beyond(wanted, there), beyond(there, wanted)) {
        (0, 0) => "its lines have another order or number".to_owned(),
        (missing, 0) => said(missing, "missing"),
        (0, surplus) => said(surplus, "too many"),
        (missing, surplus) => format!("{} and {}", said(missing, "missing"), said(surplus, "too many")),
    }
}

fn without_reviewers(NoReviewers { teams }: NoReviewers) -> Stop {
    let names = teams.iter().map(|team| format!("`{team}`")).collect::<Vec<_>>().join(", ");
    let verb = if teams.len() == 1 { "has" } else { "have" };
    Stop::refused(format!("{} {names} {verb} no reviewers", plural(teams.len(), "team")))
        .help("write `reviewers: [\"@organisation/team\"]` under `spec` of each `Team`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_told_in_a_sentence() {
        for (there, said) in [
            ("a\n", "1 line is missing"),
            ("", "2 lines are missing"),
            ("a\nb\nc\n", "1 line is too many"),
            ("a\nc\nd\n", "1 line is missing and 2 lines are too many"),
            ("b\na\n", "its lines have another order or number"),
        ] {
            assert_eq!(difference(there, "a\nb\n"), said, "{there}");
        }
        let said = |teams: &[&str]| {
            let teams = teams.iter().map(|team| (*team).to_owned()).collect();
            format!("{}", anyhow::Error::from(without_reviewers(NoReviewers { teams })))
        };
        assert_eq!(said(&["cards"]), "team `cards` has no reviewers");
        assert_eq!(said(&["cards", "toll"]), "teams `cards`, `toll` have no reviewers");
    }
}
