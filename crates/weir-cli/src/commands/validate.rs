//! `weir-validate`: checks the files of a workspace, shows what they resolve to, writes the schemas for editors.

use jiff::Timestamp;
use weir_findings::count;
use weir_model::{Kind, Loaded};
use weir_pipeline::Checked;

use super::{explain, schema, show, test};
use crate::{
    Exit, Terminal, WorkspaceFlag,
    checked::read_and_check,
    findings::{FindingsFiles, FindingsFormat, FindingsTarget, findings_target, print_findings},
    fix, instant, print,
    terminal::print_commands,
};

const EXAMPLES: &str = "\
Examples:
  weir-validate                               check everything
  weir-validate --stage dev --format json     the findings of one stage, for programs
  weir-validate --out sarif=weir.sarif --out junit=weir.xml --out github=-
                                              one run for the log, code scanning, tests, annotations
  weir-validate --diff                        the changes that --fix would make
  weir-validate show Topic/orders.v1 --stage prod
                                              its values, and the origin of each
  weir-validate explain sharing-consent       a rule with its reason and examples
  weir-validate test                          the workspace's own cases for its policies
  weir-validate schema --out schemas          JSON Schemas for editors

Exit codes:
  0  no errors (there may be warnings)
  1  errors
  2  wrong command line
  4  a file changed while --fix ran; nothing was written
  6  the files cannot be read";

/// Checks the files of a workspace.
///
/// Reads every YAML file under the folder that holds weir.yaml and reports all mistakes: form, allowed values,
/// references, order of stages, sharing, and the organisation's own policies. Needs no network, and changes files only
/// with --fix.
#[derive(clap::Parser, Debug)]
#[command(name = "weir-validate", version, after_long_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    check: Flags,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    Show(show::Args),
    Explain(explain::Args),
    Schema(schema::Args),
    Test(test::Args),
}

/// Runs the command.
///
/// # Errors
/// If the files cannot be read, or a stage, a rule or an entity is not there.
pub fn run(args: Args) -> anyhow::Result<Exit> {
    match args.command {
        None => check(&args.check),
        Some(Command::Show(args)) => show::run(&args),
        Some(Command::Explain(args)) => explain::run(&args),
        Some(Command::Schema(args)) => schema::run(&args),
        Some(Command::Test(args)) => test::run(&args),
    }
}

#[derive(clap::Args, Debug)]
struct Flags {
    #[command(flatten)]
    workspace: WorkspaceFlag,
    /// Leave out findings that concern other stages only
    #[arg(long, value_name = "STAGE")]
    stage: Option<String>,
    /// Check for this time: it decides which policies are enforced, and which waivers are over [default: now]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    now: Option<Timestamp>,
    /// Show waived findings as well, as information
    #[arg(long)]
    show_waived: bool,
    /// The format of the findings on stdout
    #[arg(long, value_enum, default_value_t)]
    format: FindingsFormat,
    /// Also write the findings to a file, in any format; may be repeated
    #[arg(long, value_name = "FORMAT=FILE", value_parser = findings_target)]
    out: Vec<FindingsTarget>,
    /// Fix mistakes that have one possible meaning, in the files; comments and order stay
    #[arg(long)]
    fix: bool,
    /// Show the changes of --fix as a diff, and write nothing
    #[arg(long, conflicts_with_all = ["format", "out"])]
    diff: bool,
    /// Exit with 0 even if there are errors
    #[arg(long)]
    exit_zero: bool,
    #[command(flatten)]
    terminal: Terminal,
}

fn check(args: &Flags) -> anyhow::Result<Exit> {
    args.terminal.apply();
    let dir = args.workspace.find()?;
    let files = FindingsFiles::prepare(&args.out)?;
    let stage = args.stage.as_deref();
    let now = args.now.unwrap_or_else(Timestamp::now);
    let mut checked = read_and_check(&dir, stage, now, args.terminal)?;
    if args.diff {
        // The exit code is about the files as they are.
        let exit = exit(args, &checked);
        fix::diff(&checked.fix());
        return Ok(exit);
    }
    if args.fix {
        fix::write(&dir, &checked.fix())?;
        checked = read_and_check(&dir, stage, now, args.terminal)?;
    }
    if args.show_waived {
        checked.findings.append(&mut checked.waived);
        weir_findings::sort(&mut checked.findings, &checked.loaded.sources);
    }
    files.write(&checked.findings, &checked.loaded, &dir)?;
    match args.format {
        FindingsFormat::Text if checked.findings.is_empty() => {
            print(&format!("no findings: {}\n", inventory(&checked.loaded)));
        }
        FindingsFormat::Text => print_findings(&checked.findings, &checked.loaded.sources, true),
        // Annotations are commands to an agent; every renderer makes the text of files harmless.
        other => print_commands(&other.render(&checked.findings, &checked.loaded, &dir)),
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
        let number = workspace.names(kind).len();
        // Not every workspace has policies and waivers.
        if number > 0 || kind == Kind::Team || kind.is_planned() {
            parts.push(count(number, &kind.noun()));
        }
    }
    format!("{} in {}", parts.join(", "), count(files, "file"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inventory_counts_every_kind() {
        let files = "
apiVersion: weir/v1
kind: Workspace
metadata: {name: shop}
spec:
  clusters: {local: {sandbox: {path: .weir}}}
  stages: [{name: dev, cluster: local}]
---
apiVersion: weir/v1
kind: Team
metadata: {name: toll}
---
apiVersion: weir/v1
kind: Waiver
metadata: {name: ledger}
spec: {rule: topic-retention, entity: Topic/x, reason: Tax law, owner: toll, until: 2099-12-31}
";
        let counted = |text: &str| inventory(&weir_model::load([("weir.yaml", text)]));
        let nothing = "0 topics, 0 service accounts, 0 access control lists";
        assert_eq!(counted(files), format!("1 stage, 1 team, {nothing}, 1 waiver in 1 file"));
        let (without, _) = files.rsplit_once("---").unwrap();
        assert_eq!(counted(without), format!("1 stage, 1 team, {nothing} in 1 file"));
        assert_eq!(counted(""), "1 file");
    }
}
