//! From live clusters to files.

use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
};

use anyhow::Context;
use jiff::Timestamp;
use weir_findings::{Severity, render::inert};
use weir_import::{Import, ImportError, Imported, TeamRule, TeamRuleError, import_stages, secrets_needed, summary};
use weir_model::Workspace;
use weir_pipeline::{Checked, Live, OpenError, observe_everything, open};
use weir_planning::Observed;

use crate::{
    Exit, Stop, Terminal, WorkspaceFlag, block_on, checked::read_and_check, findings::print_findings,
    new_files as files, print, say,
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
    let Some(workspace) = well_formed(&checked) else {
        print_findings(&checked.findings, &checked.loaded.sources, false);
        return Ok(Exit::Refused);
    };
    for stage in &args.stages {
        workspace.stage(stage).map_err(|err| Stop::usage(err.to_string()))?;
    }

    let mut observed = observe(&dir, workspace, &args.stages)?;
    let needed = secrets_needed(&request(workspace, &observed, &teams, None)).map_err(homeless)?;
    for (stage, secrets) in needed.into_iter().filter(|(_, secrets)| !secrets.is_empty()) {
        if let Some((live, observed)) = observed.get_mut(&stage) {
            observed.secrets = block_on(live.vaults.inspect(&secrets))?
                .with_context(|| format!("failed to read the vaults of stage `{stage}`"))?;
        }
    }
    let imported = import_stages(&request(workspace, &observed, &teams, schema(&dir, &args.out))).map_err(homeless)?;
    if !imported.findings.is_empty() {
        say(&summary(&imported));
        return Err(unresolved(&imported).into());
    }
    if imported.files.is_empty() {
        say(&summary(&imported));
        return Ok(Exit::Fine);
    }
    readable(&checked, &imported)?;
    files::none_exists(&args.out, imported.files.keys())?;
    files::write(&args.out, &imported.files)?;
    print(&imported.files.keys().map(|name| format!("{}\n", args.out.join(name).display())).collect::<String>());
    say(&summary(&imported));
    if !absolute(&args.out).starts_with(absolute(&dir)) {
        let (out, dir) = (args.out.display(), dir.display());
        say(&format!("\nnote: `{out}` is not in the workspace `{dir}`; move the files there\n"));
    }
    Ok(Exit::Fine)
}

/// Returns the entities, unless a file has errors: its entities would be imported a second time.
fn well_formed(checked: &Checked) -> Option<&Workspace> {
    let wrong = checked.loaded.findings.iter().any(|finding| finding.severity == Severity::Error);
    checked.loaded.workspace.as_ref().filter(|_| !wrong)
}

/// Observes the clusters, by stage. Stages that share a cluster see the same state.
fn observe(dir: &Path, workspace: &Workspace, stages: &[String]) -> anyhow::Result<BTreeMap<String, (Live, Observed)>> {
    let mut clusters = BTreeMap::<String, (Live, Observed)>::new();
    let mut observed = BTreeMap::new();
    for name in stages {
        let cluster = workspace.stage(name)?.stage.cluster.clone();
        let there = match clusters.get(&cluster) {
            Some(there) => there.clone(),
            None => {
                let live = block_on(open(dir, workspace, name))?.map_err(|err| match err {
                    OpenError::Unsupported { .. } => anyhow::Error::from(Stop::new(Exit::Outside, err.to_string())),
                    err => err.into(),
                })?;
                let all = block_on(observe_everything(&live))?
                    .with_context(|| format!("failed to observe the cluster of stage `{name}`"))?;
                clusters.entry(cluster).or_insert((live, all)).clone()
            }
        };
        observed.insert(name.clone(), there);
    }
    Ok(observed)
}

fn request<'a>(
    workspace: &'a Workspace,
    observed: &'a BTreeMap<String, (Live, Observed)>,
    teams: &'a TeamRule,
    schema: Option<String>,
) -> Import<'a> {
    let stages = observed.iter().map(|(stage, (_, observed))| (stage.clone(), observed)).collect();
    Import { workspace, stages, teams, now: Timestamp::now(), schema }
}

fn homeless(err: ImportError) -> anyhow::Error {
    match err {
        ImportError::NoTeam { .. } => Stop::refused(err.to_string())
            .help("name the team of all other objects: --default-team TEAM; or find teams in names: --team-by REGEX")
            .into(),
        err => err.into(),
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

/// Checks that weir can read the new files; if not, that is a bug in weir.
fn readable(checked: &Checked, imported: &Imported) -> anyhow::Result<()> {
    let before = checked.loaded.sources.iter().map(|(_, file)| (file.path().to_owned(), file.text().to_owned()));
    let new = imported.files.iter().map(|(name, text)| (format!("\u{0}import/{name}"), text.clone()));
    let loaded = weir_model::load(before.chain(new));
    match loaded.findings.iter().find(|finding| finding.severity == Severity::Error) {
        None => Ok(()),
        Some(finding) => {
            let what = format!("weir could not read its own files, so nothing was written: {}", finding.message);
            Err(Stop::new(Exit::Bug, what).help("please report it").into())
        }
    }
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
