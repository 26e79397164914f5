use std::{collections::BTreeSet, path::Path};

use jiff::Timestamp;
use weir_adapters::{ReadWorkspace, read_workspace};
use weir_cli::{Exit, Stop, Terminal, WorkspaceFlag, clap, instant, print, say, style};
use weir_findings::{FileId, Finding, Severity, Sources, count, render};
use weir_model::{Kind, Loaded, UnknownStage, Workspace};
use weir_policy::{Judged, Judging, judge};

use crate::{
    fix,
    formats::{FindingsFiles, FindingsFormat, FindingsTarget, findings_target},
};

#[derive(clap::Args, Debug)]
pub(crate) struct Flags {
    #[command(flatten)]
    workspace: WorkspaceFlag,
    /// Leave out what concerns other stages only
    #[arg(long, value_name = "STAGE")]
    stage: Option<String>,
    /// Judge as if it were this time: decides what policies enforce, and which waivers are over [default: now]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    now: Option<Timestamp>,
    /// Show what is waived as well, as information
    #[arg(long)]
    show_waived: bool,
    /// How to print the findings
    #[arg(long, value_enum, default_value_t)]
    format: FindingsFormat,
    /// Also write them to a file, in whatever format; may be given several times
    #[arg(long, value_name = "FORMAT=FILE", value_parser = findings_target)]
    out: Vec<FindingsTarget>,
    /// Put right what can only be meant one way, in the files; comments and order stay
    #[arg(long)]
    fix: bool,
    /// Show what --fix would change, as a diff, and write nothing
    #[arg(long, conflicts_with_all = ["format", "out"])]
    diff: bool,
    /// End with 0 even if there are errors
    #[arg(long)]
    exit_zero: bool,
    #[command(flatten)]
    terminal: Terminal,
}

/// A workspace that was read and checked.
#[derive(Debug)]
pub struct Checked {
    /// What was read.
    pub loaded: Loaded,
    /// Everything that is wrong with it: form, meaning, the organisation's policies; sorted.
    pub findings: Vec<Finding>,
    /// What is waived, as information, sorted.
    pub waived: Vec<Finding>,
    /// Files that could not be read as text.
    pub(crate) unread: BTreeSet<FileId>,
}

impl Checked {
    /// Whether the pipeline must stop.
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// The entities, when nothing is wrong with them.
    pub fn workspace(&self) -> Option<&Workspace> {
        self.loaded.workspace.as_ref().filter(|_| !self.has_errors())
    }
}

/// Reads the workspace in `dir` and checks it now, as far as it concerns `stage` when one is given.
///
/// # Errors
/// When the folder cannot be read, or there is no such stage.
pub fn check(dir: &Path, stage: Option<&str>, terminal: Terminal) -> anyhow::Result<Checked> {
    check_at(dir, stage, Timestamp::now(), terminal)
}

/// As [`check`], as if it were the time `now`.
///
/// # Errors
/// As [`check`].
pub fn check_at(dir: &Path, stage: Option<&str>, now: Timestamp, terminal: Terminal) -> anyhow::Result<Checked> {
    let read = read_workspace(dir)?;
    if terminal.verbose {
        let files = read.loaded.sources.iter().count();
        say(&format!("read {files} files in {}\n", dir.display()));
        for path in &read.skipped {
            say(&format!("left out {}: no document of weir's\n", render::inert(path)));
        }
    }
    let ReadWorkspace { loaded, unread, .. } = read;
    let Judged { findings, waived } = judge_loaded(&loaded, stage, now).map_err(unknown_stage)?;
    Ok(Checked { loaded, findings, waived, unread })
}

/// Form, meaning and policies of what was read.
///
/// # Errors
/// When the workspace could be read and has no such stage.
pub(crate) fn judge_loaded(loaded: &Loaded, stage: Option<&str>, now: Timestamp) -> Result<Judged, UnknownStage> {
    let found = weir_validation::check_loaded(loaded, stage)?;
    let rules: BTreeSet<&str> = crate::rule_pages().iter().map(|page| page.id).collect();
    let mut judged = judge(loaded, found, &Judging { now, stage, rules: &rules });
    weir_validation::settle(&mut judged.findings, &loaded.sources);
    Ok(judged)
}

pub(crate) fn unknown_stage(err: UnknownStage) -> Stop {
    let UnknownStage { asked, known } = err;
    Stop::usage(format!("there is no stage `{asked}`")).help(format!("the stages are {}", known.join(", ")))
}

/// Prints findings with their count: as data to stdout, or beside other data to stderr.
pub fn print_findings(findings: &[Finding], sources: &Sources, as_data: bool) {
    let text = render::text(findings, sources, style(!as_data));
    let text = format!("{text}\n{}\n", render::summary(findings));
    if as_data { print(&text) } else { say(&text) }
}

pub(crate) fn run(args: &Flags) -> anyhow::Result<Exit> {
    args.terminal.apply();
    let dir = args.workspace.find()?;
    let files = FindingsFiles::prepare(&args.out)?;
    let stage = args.stage.as_deref();
    let now = args.now.unwrap_or_else(Timestamp::now);
    let mut checked = check_at(&dir, stage, now, args.terminal)?;
    if args.diff {
        // The exit code is about the files as they are.
        let exit = exit(args, &checked);
        fix::diff(&fix::fixed(checked, stage, now));
        return Ok(exit);
    }
    if args.fix {
        let fixed = fix::fixed(checked, stage, now);
        fix::write(&dir, &fixed)?;
        checked = check_at(&dir, stage, now, args.terminal)?;
    }
    if args.show_waived {
        checked.findings.append(&mut checked.waived);
        weir_findings::sort(&mut checked.findings, &checked.loaded.sources);
    }
    files.write(&checked, &dir)?;
    match args.format {
        FindingsFormat::Text if checked.findings.is_empty() => {
            print(&format!("no findings: {}\n", inventory(&checked.loaded)));
        }
        FindingsFormat::Text => print_findings(&checked.findings, &checked.loaded.sources, true),
        other => print(&other.render(&checked, &dir)),
    }
    Ok(exit(args, &checked))
}

fn exit(args: &Flags, checked: &Checked) -> Exit {
    if checked.has_errors() && !args.exit_zero { Exit::Refused } else { Exit::Fine }
}

/// `1 stage, 2 teams, 5 topics, 3 service accounts, 3 access control lists in 4 files`
fn inventory(loaded: &Loaded) -> String {
    let files = loaded.sources.iter().count();
    let Some(workspace) = &loaded.workspace else {
        return count(files, "file");
    };
    let mut parts = vec![count(workspace.settings.spec.stages.len(), "stage")];
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Workspace) {
        match workspace.names(kind).len() {
            0 => {}
            number => parts.push(count(number, &kind.noun())),
        }
    }
    format!("{} in {}", parts.join(", "), count(files, "file"))
}
