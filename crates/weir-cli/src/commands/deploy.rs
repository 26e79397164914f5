//! `weir-deploy`: carries out a plan, and nothing else.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use weir_deployment::{DeployError, FileJournal, Options, Pauses, Receipt, StepReceipt, Verdict, render};
use weir_findings::{
    Finding, Severity,
    render::{inert, inert_json},
};
use weir_model::{Duration, Route, Workspace};
use weir_pipeline::{Refused, admit, journal_path, patience, read};
use weir_planning::{Digest, Plan, Plane, Risk, Step};
use weir_ports::{Clock, SystemClock};

use super::show_plan::read_plan;
use crate::{
    Exit, OutFile, Progress, Stop, Terminal, WorkspaceFlag, block_on, plans::say_requests, print, read_argument, say,
};

const EXAMPLES: &str = "\
Examples:
  weir-deploy plan.json                           nothing worse than taking rights away
  weir-deploy plan.json --digest sha256:1f0c...   the plan that was approved, no other
  weir-deploy plan.json --max-risk destroy        deletions too, unless records are lost
  weir-deploy plan.json --receipt receipt.json    write down what was really done

Two agents in two networks, one plan:
  weir-deploy plan.json --plane control --receipt 1.json                 accounts and keys, into the vaults
  weir-deploy plan.json --plane data --after 1.json --receipt 2.json     topics and ACLs, inside the network
  weir-deploy plan.json --plane control --after 2.json                   what is taken away last: keys, accounts

Risks, from the least: additive, change, revoke, destroy, data-loss.

A run that was interrupted, or ended with 5, is taken up by the same command.

What does not answer is waited for a minute, or the number of seconds in WEIR_PATIENCE.

Exit codes:
  0  done, or nothing to do
  1  the plan is refused: not approved, too risky, beyond the threshold, changed, for another cluster
  2  the command line is wrong
  4  the cluster is no longer as it was when the plan was made: plan again
  5  partly done: run again
  6  the cluster, a vault or the journal failed before anything was done";

/// Carries out a plan that weir-plan wrote: that plan, and nothing else.
///
/// Before each step its object is read again: already as wanted, it is left; as it was planned for, it is changed;
/// anything else stops the run. New API keys go straight into the team's vault and are shown nowhere.
#[derive(clap::Parser, Debug)]
#[command(name = "weir-deploy", version, after_long_help = EXAMPLES)]
pub struct Args {
    /// The plan; - is stdin
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
    #[command(flatten)]
    workspace: WorkspaceFlag,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    planes: Planes,
    /// How to print the receipt to stdout
    #[arg(long, value_enum, default_value_t)]
    format: ReceiptFormat,
    #[command(flatten)]
    terminal: Terminal,
}

/// The format of a receipt on stdout.
#[derive(clap::ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ReceiptFormat {
    /// For people
    #[default]
    Text,
    /// For a pull request, or the summary of a pipeline
    Markdown,
    /// For programs, with a `format` field that says which and in what version
    Json,
}

/// How far a run may go.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct Consent {
    /// The digest of the plan that was approved; any other plan is refused
    #[arg(long, value_name = "DIGEST", value_parser = digest)]
    pub(super) digest: Option<Digest>,
    /// The highest risk a step may have: additive, change, revoke, destroy or data-loss
    #[arg(long, value_name = "RISK", default_value_t = Risk::Revoke)]
    pub(super) max_risk: Risk,
    /// Carry out a plan that changes more than the stage's threshold; needs the plan's digest as well
    #[arg(long)]
    pub(super) beyond_threshold: bool,
}

/// Which part of a plan is carried out.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct Planes {
    /// Reach only this plane, and carry out its steps: control (accounts, keys, vaults), data (the brokers), or all
    #[arg(long = "plane", value_name = "PLANE", value_parser = planes, default_value = "all")]
    pub(super) reached: Reached,
    /// A receipt of a run of this plan on another plane: what it did counts as done; may be repeated
    #[arg(long, value_name = "RECEIPT")]
    pub(super) after: Vec<PathBuf>,
    /// Wait so long, as in 20m, until new keys log in, before keys they replace are deleted
    #[arg(long, value_name = "TIME")]
    pub(super) wait_ready: Option<Duration>,
}

/// The planes that are reached from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reached(BTreeSet<Plane>);

impl Default for Planes {
    /// All planes, and no waiting.
    fn default() -> Self {
        Self { reached: Reached(Plane::ALL.into()), after: Vec::new(), wait_ready: None }
    }
}

/// What a run leaves behind.
#[derive(clap::Args, Clone, Debug, Default)]
pub(super) struct Output {
    /// Write the receipt to this file
    #[arg(long, value_name = "FILE")]
    pub(super) receipt: Option<PathBuf>,
    /// Write down each step in this file before it is done [default: .weir/journal/DIGEST.jsonl in the workspace]
    #[arg(long, value_name = "FILE")]
    pub(super) journal: Option<PathBuf>,
}

fn digest(text: &str) -> Result<Digest, String> {
    let hex = text.strip_prefix("sha256:").unwrap_or_default();
    if hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        Ok(Digest(text.to_owned()))
    } else {
        Err("expected a plan's digest: `sha256:` and 64 hex digits, as weir-plan prints it".to_owned())
    }
}

fn planes(text: &str) -> Result<Reached, String> {
    let planes = match Plane::ALL.into_iter().find(|plane| plane.as_str() == text) {
        Some(plane) => [plane].into(),
        None if text == "all" => Plane::ALL.into(),
        None => return Err("the planes are control, data and all".to_owned()),
    };
    Ok(Reached(planes))
}

/// Whether both name the same file.
fn is_same(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// Runs it.
///
/// # Errors
/// When the plan cannot be used, or nothing can be reached.
pub fn run(args: Args) -> anyhow::Result<Exit> {
    let Args { plan, workspace, consent, output, planes, format, terminal } = args;
    terminal.apply();
    for (flag, file) in [("--receipt", &output.receipt), ("--journal", &output.journal)] {
        if file.as_ref().is_some_and(|file| is_same(file, &plan)) {
            return Err(Stop::usage(format!("{flag} would overwrite the plan")).help("name another file").into());
        }
    }
    let plan = read_plan(&plan)?;
    let dir = workspace.find()?;
    let read = read(&dir)?;
    let workspace = read.loaded.workspace.as_ref().ok_or_else(|| {
        Stop::refused(format!("the workspace in `{}` cannot be used", dir.display())).help("see weir-validate")
    })?;
    deploy(&dir, workspace, &plan, Request { consent, output, planes, format, terminal })
}

/// How a plan is to be carried out.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// How far it may go.
    pub(super) consent: Consent,
    /// What the run leaves behind.
    pub(super) output: Output,
    /// Which part of the plan is carried out.
    pub(super) planes: Planes,
    /// How the receipt is printed.
    pub(super) format: ReceiptFormat,
    /// How much to say.
    pub(super) terminal: Terminal,
}

/// Carries out `plan` on the cluster that `workspace`, read from `dir`, names; prints and writes the receipt.
pub(super) fn deploy(dir: &Path, workspace: &Workspace, plan: &Plan, request: Request) -> anyhow::Result<Exit> {
    let Request { consent, output, planes, format, terminal } = request;
    let out = output.receipt.as_deref().map(OutFile::prepare).transpose()?;
    let options = options(consent, planes)?;
    let admitted = match admit(dir, workspace, plan, options, SystemClock.now()) {
        Ok(admitted) => admitted,
        Err(refused) => {
            let reason = refused.to_string();
            return refuse(plan, reason, stop(&refused), out, format);
        }
    };
    say_findings(&admitted.findings);
    let bar = Bar(Progress::new(plan.steps.len()));
    let ended = block_on(async {
        let live = admitted.open().await?;
        let mut journal = FileJournal::open(&output.journal.map_or_else(|| journal_path(dir, plan), Ok)?)?;
        let ended = admitted.deploy(&live, &mut journal, &SystemClock, &bar).await;
        drop(bar);
        say_requests(&live, terminal);
        anyhow::Ok(ended)
    })??;
    let receipt = match ended {
        Ok(receipt) => receipt,
        Err(DeployError::Refused(why)) => {
            let reason = why.to_string();
            return refuse(plan, reason.clone(), Stop::refused(reason), out, format);
        }
        Err(err) => return Err(err.into()),
    };
    leave(&receipt, out, format)?;
    Ok(exit(receipt.verdict()))
}

fn options(consent: Consent, planes: Planes) -> anyhow::Result<Options> {
    let Consent { digest, max_risk, beyond_threshold } = consent;
    let Planes { reached, after, wait_ready } = planes;
    let patience = patience().map_err(|err| Stop::usage(err.to_string()))?;
    let usual = Options::default();
    Ok(Options {
        approved: digest,
        beyond_threshold,
        max_risk,
        planes: reached.0,
        after: after.iter().map(|path| read_receipt(path)).collect::<Result<_, _>>()?,
        wait_ready: wait_ready.map(|time| Pauses {
            first: std::time::Duration::from_secs(2),
            longest: std::time::Duration::from_secs(30),
            deadline: std::time::Duration::from_millis(time.millis),
        }),
        retry: Pauses { deadline: patience, ..usual.retry },
        read_back: Pauses { deadline: patience, ..usual.read_back },
        ..usual
    })
}

/// How the run ends when a plan is refused.
fn stop(refused: &Refused) -> Stop {
    let errors: Vec<_> = refused.errors().collect();
    let stop = if errors.len() > 1 {
        say_findings(refused.findings());
        Stop::refused(format!("the plan breaks policies {} times, see above", errors.len()))
    } else {
        say_findings(refused.findings().iter().filter(|finding| finding.severity != Severity::Error));
        Stop::refused(refused.to_string())
    };
    match refused {
        Refused::OtherWorkspace { .. } => stop.help("name the folder of its workspace: --workspace DIR"),
        Refused::OtherPolicies => stop.help("plan again"),
        Refused::UnknownAccount { .. } => {
            stop.help("run the plan on the control plane first, and pass its receipt: --after RECEIPT")
        }
        _ => match errors.as_slice() {
            [one] => one.help.iter().fold(stop, |stop, help| stop.help(help.clone())),
            _ => stop,
        },
    }
}

/// Says the findings of policies over plans, those that are no errors first.
fn say_findings<'f>(findings: impl IntoIterator<Item = &'f Finding<Route>>) {
    let (errors, others): (Vec<_>, Vec<_>) =
        findings.into_iter().partition(|finding| finding.severity == Severity::Error);
    for finding in others.iter().chain(&errors) {
        say(&format!("{}[{}]: {}\n", finding.severity, inert(finding.rule.as_str()), inert(&finding.message)));
        for (what, words) in [("note", &finding.note), ("help", &finding.help)] {
            words.iter().for_each(|words| say(&format!("  = {what}: {}\n", inert(words))));
        }
    }
}

/// A refused plan leaves a receipt too: that nothing was done is worth knowing.
fn refuse(
    plan: &Plan,
    reason: String,
    stop: Stop,
    out: Option<OutFile>,
    format: ReceiptFormat,
) -> anyhow::Result<Exit> {
    leave(&Receipt::refused(plan, reason, SystemClock.now()), out, format)?;
    Err(stop.into())
}

/// Prints and writes the receipt. Why a plan is refused is told as an error.
fn leave(receipt: &Receipt, out: Option<OutFile>, format: ReceiptFormat) -> anyhow::Result<()> {
    let json = receipt.to_json();
    match (&out, format) {
        // With `--receipt -` the receipt itself is what goes to stdout.
        (Some(out), _) if out.is_stdout() => {}
        (_, ReceiptFormat::Json) => print(&inert_json(json.clone())),
        (_, ReceiptFormat::Markdown) => print(&render::markdown(receipt)),
        (_, ReceiptFormat::Text) if receipt.verdict() == Verdict::Refused => {}
        (_, ReceiptFormat::Text) => print(&render::text(receipt)),
    }
    out.map_or(Ok(()), |out| out.write(&json))
}

/// Reads a receipt of an earlier run.
fn read_receipt(path: &Path) -> anyhow::Result<Receipt> {
    let text = read_argument(path)?;
    Receipt::from_json(&text)
        .map_err(|err| anyhow::Error::new(err).context(Stop::refused(format!("`{}` cannot be used", path.display()))))
}

fn exit(verdict: Verdict) -> Exit {
    match verdict {
        Verdict::Fine => Exit::Fine,
        Verdict::Refused => Exit::Refused,
        Verdict::Stale => Exit::Stale,
        Verdict::PartlyDeployed => Exit::Partial,
        Verdict::RemoteFailed => Exit::Outside,
    }
}

/// Shows a run on the terminal.
struct Bar(Progress);

impl weir_deployment::Progress for Bar {
    fn started(&self, step: &Step) {
        self.0.now(step.id.0.as_str());
    }

    fn finished(&self, _: &Step, _: &StepReceipt) {
        self.0.done();
    }
}
