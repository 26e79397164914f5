//! `weir-deploy`: carries out a plan, and nothing else.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use weir_deployment::{DeployError, FileJournal, Options, Pauses, Receipt, StepReceipt, Verdict, render};
use weir_findings::{Finding, Severity, render::inert};
use weir_model::{Duration, Route};
use weir_pipeline::{Accepted, Refused, Signer, belongs, journal_path, read};
use weir_planning::{Digest, Plan, Plane, Risk, Step};
use weir_ports::{Clock, SystemClock};

use super::show_plan::read_plan;
use crate::{
    Exit, OutFile, Progress, SignFlag, Stop, Terminal, WorkspaceFlag, block_on, checked::unknown_stage,
    findings::print_findings, plans::say_requests, print, print_json, read_argument, say,
};

const EXAMPLES: &str = "\
Examples:
  weir-deploy plan.json                           deletes rights at most
  weir-deploy plan.json --digest sha256:1f0c...   only the approved plan
  weir-deploy plan.json --max-risk destroy        deletions too, unless records would be lost
  weir-deploy plan.json --receipt receipt.json    also write the receipt to a file

Two agents in two networks, one plan:
  weir-deploy plan.json --digest … --plane control --receipt 1.json              accounts and keys, into the vaults
  weir-deploy plan.json --digest … --plane data --after 1.json --receipt 2.json  topics and ACLs, inside the network
  weir-deploy plan.json --digest … --plane control --after 2.json                deletions that come last: keys, accounts

After an interruption, or exit code 5, the same command continues the run.

weir waits a minute for clusters and vaults that do not answer, or the number of seconds in WEIR_PATIENCE.

Exit codes:
  0  done, or nothing to do
  1  the plan is refused: not approved, too risky, beyond the threshold, changed, for another cluster
  2  wrong command line
  4  the cluster or the files have changed since the plan was made: plan again
  5  partly done: run again
  6  the cluster, a vault or the journal failed before anything was done
  7  done, but for objects in trouble: plan again when they are well";

/// Carries out a plan that weir-plan wrote: that plan, and nothing else.
///
/// weir-deploy checks the files and makes the plan again: it carries out only steps that both plans have, so the files
/// decide, and the plan only selects. A step about an object in trouble (an entity with errors, a vault that cannot be
/// read) is left alone. Before each step weir-deploy reads its object again: an object in the wanted state is left alone, an object in the
/// planned state is changed, any other state stops the steps of its team. New API keys go straight into the team's vault and
/// are not shown.
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
    #[command(flatten)]
    sign: SignFlag,
    /// The format of the receipt on stdout
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
    /// For programs: JSON, with its format and version in the field `format`
    Json,
}

/// The limits of a run.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct Consent {
    /// The digest of the plan that was approved; any other plan is refused
    #[arg(long, value_name = "DIGEST", value_parser = digest)]
    pub(super) digest: Option<Digest>,
    /// The highest risk a step may have; the values are in the order of severity
    #[arg(long, value_name = "RISK", default_value_t = Risk::Revoke, value_parser = risk())]
    pub(super) max_risk: Risk,
    /// Carry out a plan that changes more than the stage's threshold; needs the plan's digest as well
    #[arg(long)]
    pub(super) beyond_threshold: bool,
}

/// The part of a plan that is carried out.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct Planes {
    /// Carry out the steps of this plane only: control (accounts, keys, vaults), data (the brokers), or all
    #[arg(long = "plane", value_name = "PLANE", value_parser = planes, default_value = "all")]
    pub(super) reached: Reached,
    /// A receipt of this plan on another plane: its steps count as done; may be repeated
    #[arg(long, value_name = "RECEIPT")]
    pub(super) after: Vec<PathBuf>,
    /// Wait up to this time, as in 20m, for new keys to log in, before the keys they replace are deleted
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

/// The files of a run.
#[derive(clap::Args, Clone, Debug, Default)]
pub(super) struct Output {
    /// Write the receipt to this file
    #[arg(long, value_name = "FILE")]
    pub(super) receipt: Option<PathBuf>,
    /// Record each step in this file before it is done [default: .weir/journal/DIGEST.jsonl in the workspace]
    #[arg(long, value_name = "FILE")]
    pub(super) journal: Option<PathBuf>,
}

/// Reads a risk; the help lists all of them.
fn risk() -> impl TypedValueParser<Value = Risk> {
    PossibleValuesParser::new(Risk::ALL.map(Risk::as_str)).try_map(|text| text.parse())
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

/// Returns `true` if both paths name the same file.
fn is_same(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// Runs the command.
///
/// # Errors
/// If the plan cannot be used, or the cluster cannot be reached.
pub fn run(args: Args) -> anyhow::Result<Exit> {
    let Args { plan, workspace, consent, output, planes, sign, format, terminal } = args;
    terminal.apply();
    for (flag, file) in [("--receipt", &output.receipt), ("--journal", &output.journal)] {
        if file.as_ref().is_some_and(|file| is_same(file, &plan)) {
            return Err(Stop::usage(format!("{flag} would overwrite the plan")).help("name another file").into());
        }
    }
    let plan = read_plan(&plan)?;
    let dir = workspace.find()?;
    let read = read(&dir)?;
    let workspace = read.loaded.workspace.as_ref().ok_or_else(|| unusable(&dir))?;
    let request = Request { consent, output, planes, format, terminal };
    if let Err(refused) = belongs(&plan, workspace) {
        let out = request.output.receipt.as_deref().map(OutFile::prepare).transpose()?;
        return refuse(&plan, refused.to_string(), stop(&refused), out, format);
    }
    let checked = read.check(Some(&plan.stage), SystemClock.now()).map_err(unknown_stage)?;
    let errors: Vec<Finding> = checked.errors().cloned().collect();
    if !errors.is_empty() {
        print_findings(&errors, &checked.loaded.sources, false);
    }
    let accepted = checked.accept().map_err(|_| unusable(&dir))?;
    // Before anything is done: a run whose receipt cannot be signed does not begin.
    let signer = sign.signer(accepted, &plan.stage)?;
    deploy(accepted, &plan, signer, request)
}

fn unusable(dir: &Path) -> Stop {
    Stop::refused(format!("the workspace in `{}` cannot be used", dir.display())).help("weir-validate shows its errors")
}

/// A request to carry out a plan.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// The limits of the run.
    pub(super) consent: Consent,
    /// The files of the run.
    pub(super) output: Output,
    /// The part of the plan that is carried out.
    pub(super) planes: Planes,
    /// The format of the receipt on stdout.
    pub(super) format: ReceiptFormat,
    /// The flags for messages.
    pub(super) terminal: Terminal,
}

/// Carries out `plan` on the cluster that the workspace names; prints and writes the receipt, signed by `signer`.
pub(super) fn deploy(
    accepted: Accepted<'_>,
    plan: &Plan,
    signer: Option<Signer>,
    request: Request,
) -> anyhow::Result<Exit> {
    let Request { consent, output, planes, format, terminal } = request;
    let out = output.receipt.as_deref().map(OutFile::prepare).transpose()?;
    let options = options(consent, planes)?;
    let admitted = match accepted.admit(plan, options) {
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
        let mut journal = FileJournal::open(&output.journal.map_or_else(|| journal_path(accepted.dir(), plan), Ok)?)?;
        let ended = admitted.deploy(&live, &mut journal, &SystemClock, &bar).await;
        drop(bar);
        say_requests(&live, terminal);
        anyhow::Ok(ended)
    })??;
    let mut receipt = match ended {
        Ok(receipt) => receipt,
        Err(DeployError::Refused(why)) => {
            let reason = why.to_string();
            return refuse(plan, reason.clone(), Stop::refused(reason), out, format);
        }
        Err(err) => return Err(err.into()),
    };
    if let Some(signer) = signer {
        signer.sign_receipt(&mut receipt);
    }
    leave(&receipt, out, format)?;
    Ok(exit(receipt.verdict()))
}

fn options(consent: Consent, planes: Planes) -> anyhow::Result<Options> {
    let Consent { digest, max_risk, beyond_threshold } = consent;
    let Planes { reached, after, wait_ready } = planes;
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
        ..Options::default()
    })
}

/// Prints the findings of a refused plan, and returns the error of the run.
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
        Refused::UnapprovedIds => stop.help("name the plan that was approved: --digest DIGEST"),
        Refused::Unsigned { .. } => {
            stop.help("sign plans with `weir-plan --sign KEY`, and receipts with `weir-deploy --sign KEY`")
        }
        Refused::UnknownAccount { .. } => {
            stop.help("run the plan on the control plane first, and pass its receipt: --after RECEIPT")
        }
        _ => match errors.as_slice() {
            [one] => one.help.iter().fold(stop, |stop, help| stop.help(help.clone())),
            _ => stop,
        },
    }
}

/// Prints the findings of policies over plans, warnings first.
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

/// Writes the receipt of a refused plan, which says that nothing was done.
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

/// Prints and writes the receipt. As text, a refusal is printed as an error instead.
fn leave(receipt: &Receipt, out: Option<OutFile>, format: ReceiptFormat) -> anyhow::Result<()> {
    let json = receipt.to_json();
    match (&out, format) {
        // With `--receipt -` the receipt file goes to stdout.
        (Some(out), _) if out.is_stdout() => {}
        (_, ReceiptFormat::Json) => print_json(json.clone()),
        (_, ReceiptFormat::Markdown) => print(&render::markdown(receipt)),
        (_, ReceiptFormat::Text) if receipt.verdict() == Verdict::Refused => {}
        (_, ReceiptFormat::Text) => print(&render::text(receipt)),
    }
    out.map_or(Ok(()), |out| out.write_json(&json))
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
        Verdict::Blocked => Exit::Blocked,
    }
}

/// Shows a run on the terminal.
struct Bar(Progress);

impl weir_deployment::Progress for Bar {
    fn started(&self, step: &Step) {
        self.0.now(&step.id.0);
    }

    fn finished(&self, _: &Step, _: &StepReceipt) {
        self.0.done();
    }
}
