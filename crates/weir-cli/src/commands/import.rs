//! From live clusters to files.

use std::path::{Component, Path, PathBuf};

use jiff::Timestamp;
use weir_findings::render::inert;
use weir_import::{ImportError, Imported, TeamRule, TeamRuleError, adopting, summary};
use weir_pipeline::{ImportFailure, OpenError};

use crate::{
    Exit, Stop, Terminal, WorkspaceFlag, block_on, checked::read_and_check, findings::print_findings,
    new_files as files, print, rewrite, say,
};

/// Writes the topics, service accounts and rights of live clusters as files, one for each team
///
/// Objects that files declare already are left alone, so a cluster can be imported in parts. The files are checked
/// before they are written: they are valid, and a plan of the imported stages has no steps for them. Objects that files
/// cannot describe become `ensure: unmanaged` or are left out, which is reported on stderr. Nothing is changed on the
/// clusters.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// A stage to import: the names with its prefixes; may be repeated: each entity then holds the differences
    #[arg(long = "stage", value_name = "STAGE", required = true)]
    stages: Vec<String>,
    /// The folder for the files; no file in it is overwritten
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// A regular expression whose group `team`, or else its first group, finds the team in a name without its prefix
    /// [default: the part before the first `.`, in names of accounts also `-`]
    #[arg(long, value_name = "REGEX")]
    team_by: Option<String>,
    /// The team of names without a team
    #[arg(long, value_name = "TEAM")]
    default_team: Option<String>,
    #[command(flatten)]
    workspace: WorkspaceFlag,
    #[command(flatten)]
    terminal: Terminal,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    args.terminal.apply();
    let teams = TeamRule::new(args.team_by.as_deref(), args.default_team.as_deref()).map_err(|err| {
        let flag = if matches!(err, TeamRuleError::Fallback(_)) { "--default-team" } else { "--team-by" };
        Stop::usage(format!("{flag}: {err}"))
    })?;
    files::is_folder(&args.out)?;
    let dir = args.workspace.find()?;
    let checked = read_and_check(&dir, None, Timestamp::now(), args.terminal)?;
    let imported = block_on(checked.import(&args.stages, &teams, schema(&dir, &args.out)))?;
    let imported = match imported {
        Ok(imported) => imported,
        Err(ImportFailure::Malformed) => {
            print_findings(&checked.findings, &checked.loaded.sources, false);
            return Ok(Exit::Refused);
        }
        Err(failure) => return Err(explained(failure)),
    };
    if !imported.findings.is_empty() {
        say(&summary(&imported));
        return Err(unresolved(&imported).into());
    }
    if imported.files.is_empty() {
        say(&summary(&imported));
        return Ok(Exit::Fine);
    }
    files::none_exists(&args.out, imported.files.keys())?;
    files::write(&args.out, &imported.files)?;
    print(&imported.files.keys().map(|name| format!("{}\n", args.out.join(name).display())).collect::<String>());
    say(&summary(&imported));
    if !imported.adopt.is_empty() {
        match adopting(&checked.loaded, &imported.adopt) {
            Some((file, text)) => {
                let before = checked.loaded.sources.file(file);
                rewrite(&[(dir.join(before.path()), before.text(), &text)])?;
                say(&format!("the list is in `{}` now; look at each name\n", before.path()));
            }
            None => say(
                "write the list yourself: weir.yaml has objects of these stages already, or `ownership` in braces\n",
            ),
        }
    }
    if !absolute(&args.out).starts_with(absolute(&dir)) {
        let (out, dir) = (args.out.display(), dir.display());
        say(&format!("\nnote: `{out}` is not in the workspace `{dir}`; move the files there\n"));
    }
    Ok(Exit::Fine)
}

/// Returns the failure with its exit code, and advice where there is some.
fn explained(failure: ImportFailure) -> anyhow::Error {
    match failure {
        ImportFailure::Stage(_) => Stop::usage(failure.to_string()).into(),
        ImportFailure::Open(OpenError::Unsupported { .. }) => Stop::new(Exit::Outside, failure.to_string()).into(),
        ImportFailure::Import(ImportError::NoTeam { .. }) => Stop::refused(failure.to_string())
            .help("name the team of all other objects: --default-team TEAM; or find teams in names: --team-by REGEX")
            .into(),
        ImportFailure::Unreadable(_) => {
            Stop::new(Exit::Bug, format!("{failure}; nothing was written")).help("please report it").into()
        }
        failure => failure.into(),
    }
}

fn unresolved(imported: &Imported) -> Stop {
    let told: Vec<String> = imported
        .findings
        .iter()
        .map(|(stage, finding)| {
            let help = finding.help.as_deref().map(|help| format!("; {help}")).unwrap_or_default();
            format!("{} ({}, stage {stage}{help})", inert(&finding.message), finding.rule)
        })
        .collect();
    let (first, more) = (&told[0], told.len() - 1);
    let others = if more == 0 { String::new() } else { format!("; and {more} more") };
    Stop::refused(format!("the files would be wrong, so nothing was written: {first}{others}"))
        .help("correct weir.yaml or the entity, or find other teams in names: --team-by REGEX")
}

/// Returns the path from the files to the schema of all kinds, if the repository has it.
fn schema(dir: &Path, out: &Path) -> Option<String> {
    const FILE: &str = "schemas/weir.schema.json";
    let (dir, out) = (absolute(dir), absolute(out));
    let mut found = None;
    for above in dir.ancestors() {
        if above.join(FILE).is_file() {
            found = Some(above.join(FILE));
            break;
        }
        // Folders above the repository do not belong to it.
        if above.join(".git").exists() {
            break;
        }
    }
    let found = found?;
    let shared = found.components().zip(out.components()).take_while(|(a, b)| a == b).count();
    let up = out.components().skip(shared).map(|_| "..".to_owned());
    let down = found.components().skip(shared).map(|part| part.as_os_str().to_string_lossy().into_owned());
    Some(up.chain(down).collect::<Vec<_>>().join("/"))
}

/// Returns the path from the root, without `.` and `..`.
fn absolute(path: &Path) -> PathBuf {
    let mut whole = PathBuf::new();
    for part in std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).components() {
        match part {
            Component::ParentDir => {
                whole.pop();
            }
            Component::CurDir => {}
            part => whole.push(part),
        }
    }
    whole
}
