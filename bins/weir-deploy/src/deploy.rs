use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context;
use weir_adapters::{Reach, open_planes, patience};
use weir_cli::{Exit, Format, OutFile, Stop, Terminal, block_on, print, read_argument, say};
use weir_deployment::{DeployError, FileJournal, Options, Pauses, Ports, Receipt, StepReceipt, Verdict, render};
use weir_findings::{
    Severity,
    render::{inert, inert_json},
};
use weir_model::Workspace;
use weir_planning::{Change, Plan, Plane, Provider, Step, desired};
use weir_policy::{check_plan, policies_in};
use weir_ports::{Clock, SystemClock};

use crate::{Consent, Output, Planes};

/// How a plan is to be carried out.
#[derive(Clone, Debug)]
pub struct Request {
    /// How far it may go.
    pub consent: Consent,
    /// What the run leaves behind.
    pub output: Output,
    /// Which part of the plan is carried out.
    pub planes: Planes,
    /// How the receipt is printed.
    pub format: Format,
    /// How much to say.
    pub terminal: Terminal,
}

/// Carries out `plan` on the cluster that `workspace`, read from `dir`, names; prints and writes the receipt.
///
/// # Errors
/// When the plan is refused, or nothing can be reached. What fails on the way is in the receipt and in the exit code.
pub fn deploy(dir: &Path, workspace: &Workspace, plan: &Plan, request: Request) -> anyhow::Result<Exit> {
    let Request { consent, output, planes, format, terminal } = request;
    let out = output.receipt.as_deref().map(OutFile::prepare).transpose()?;
    let Planes { reached, after, wait_ready } = planes;
    let after: Vec<Receipt> = after.iter().map(|path| read_receipt(path)).collect::<Result<_, _>>()?;
    let reach = Reach { planes: reached.0, accounts: accounts(&after) };
    let checked = belongs(plan, workspace)
        .map_err(Refusal::from)
        .and_then(|()| keeps_policies(plan, workspace))
        .and_then(|()| knows_accounts(plan, &reach).map_err(Refusal::from));
    if let Err(refusal) = checked {
        return refuse(plan, refusal, out, format);
    }
    let live = open_planes(dir, workspace, &plan.stage, &reach)?;
    let mut journal = FileJournal::open(&journal_path(dir, plan, output.journal)?)?;
    let (patience, usual) = (patience().map_err(|err| Stop::usage(err.to_string()))?, Options::default());
    let options = Options {
        approved: consent.digest,
        beyond_threshold: consent.beyond_threshold,
        max_risk: consent.max_risk,
        wanted: Some(desired(&workspace.stage(&plan.stage)?)),
        planes: reach.planes,
        after,
        wait_ready: wait_ready.map(|time| Pauses {
            first: Duration::from_secs(2),
            longest: Duration::from_secs(30),
            deadline: Duration::from_millis(time.millis),
        }),
        retry: Pauses { deadline: patience, ..usual.retry },
        read_back: Pauses { deadline: patience, ..usual.read_back },
        ..usual
    };
    let bar = Bar(weir_cli::Progress::new(plan.steps.len()));
    let ports = Ports {
        cluster: live.cluster.as_ref(),
        vaults: live.vaults.as_ref(),
        clock: &SystemClock,
        journal: &mut journal,
        progress: &bar,
    };
    let ended = block_on(weir_deployment::deploy(plan, ports, &options))?;
    drop(bar);
    let asked = live.cluster.asked();
    if terminal.verbose && !asked.is_empty() {
        say(&format!("{asked}\n"));
    }
    let receipt = match ended {
        Ok(receipt) => receipt,
        Err(DeployError::Refused(why)) => return refuse(plan, Stop::refused(why.to_string()).into(), out, format),
        Err(err) => return Err(err.into()),
    };
    leave(&receipt, out, format)?;
    Ok(exit(receipt.verdict()))
}

/// Why a plan is not carried out: as the run ends, and in full for the receipt.
struct Refusal {
    stop: Stop,
    reason: String,
}

impl From<Stop> for Refusal {
    fn from(stop: Stop) -> Self {
        Self { reason: stop.to_string(), stop }
    }
}

/// A refused plan leaves a receipt too: that nothing was done is worth knowing.
fn refuse(plan: &Plan, refusal: Refusal, out: Option<OutFile>, format: Format) -> anyhow::Result<Exit> {
    let Refusal { stop, reason } = refusal;
    leave(&Receipt::refused(plan, reason, SystemClock.now()), out, format)?;
    Err(stop.into())
}

/// Prints and writes the receipt. Why a plan is refused is told as an error.
fn leave(receipt: &Receipt, out: Option<OutFile>, format: Format) -> anyhow::Result<()> {
    let json = receipt.to_json();
    match (&out, format) {
        // With `--receipt -` the receipt itself is what goes to stdout.
        (Some(out), _) if out.is_stdout() => {}
        (_, Format::Json) => print(&inert_json(json.clone())),
        (_, Format::Text) if receipt.verdict() == Verdict::Refused => {}
        (_, Format::Text) => print(&render::text(receipt)),
    }
    out.map_or(Ok(()), |out| out.write(&json))
}

/// Reads a receipt of an earlier run.
fn read_receipt(path: &Path) -> anyhow::Result<Receipt> {
    let text = read_argument(path)?;
    Receipt::from_json(&text)
        .map_err(|err| anyhow::Error::new(err).context(Stop::refused(format!("`{}` cannot be used", path.display()))))
}

/// The cluster's own ids of accounts, as receipts tell them; the last is right.
fn accounts(receipts: &[Receipt]) -> BTreeMap<String, String> {
    receipts.iter().flat_map(|receipt| receipt.accounts.clone()).collect()
}

/// Brokers of Confluent Cloud know accounts by id alone, and only the control plane knows which is whose.
fn knows_accounts(plan: &Plan, reach: &Reach) -> Result<(), Stop> {
    if plan.provider != Provider::ConfluentCloud || reach.planes.contains(&Plane::Control) {
        return Ok(());
    }
    let made = plan.steps.iter().filter_map(|step| match &step.change {
        // Its bindings wait for a receipt anyway.
        Change::CreateAccount { account, .. } => Some(account.as_str()),
        _ => None,
    });
    let made: BTreeSet<&str> = made.collect();
    let bound = plan.steps.iter().filter(|step| reach.planes.contains(&step.plane));
    let mut bound = bound.filter_map(|step| step.change.about().object.account());
    match bound.find(|name| !made.contains(name) && !reach.accounts.contains_key(*name)) {
        None => Ok(()),
        Some(name) => Err(Stop::refused(format!("the brokers know `{name}` by an id that nobody tells here"))
            .help("run the plan on the control plane first, and pass its receipt: --after RECEIPT")),
    }
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

/// A plan is deployed with the workspace it was made from.
fn belongs(plan: &Plan, workspace: &Workspace) -> Result<(), Stop> {
    let name = &workspace.settings.metadata.name;
    if *name != plan.workspace {
        return Err(Stop::refused(format!(
            "the plan is of workspace `{}`, this is workspace `{name}`",
            plan.workspace
        ))
        .help("name the folder of its workspace: --workspace DIR"));
    }
    let stage = workspace.settings.spec.stages.iter().find(|stage| stage.name == plan.stage);
    match stage {
        Some(stage) if stage.cluster == plan.cluster => Ok(()),
        Some(stage) => Err(Stop::refused(format!(
            "the plan is for cluster `{}`, stage `{}` is now on `{}`; plan again",
            plan.cluster, stage.name, stage.cluster
        ))),
        None => Err(Stop::refused(format!("the plan is of stage `{}`, which weir.yaml does not have", plan.stage))),
    }
}

/// A plan is deployed under the policies it was made under, which are those of the workspace, at the time it is deployed.
fn keeps_policies(plan: &Plan, workspace: &Workspace) -> Result<(), Refusal> {
    let texts = plan.policies.as_ref().map(|policies| policies.policies.clone()).unwrap_or_default();
    if texts != policies_in(workspace, &plan.stage) {
        let stop = Stop::refused("the plan was made under other policies than the workspace has");
        return Err(stop.help("plan again").into());
    }
    let (errors, others): (Vec<_>, Vec<_>) =
        check_plan(plan, SystemClock.now()).into_iter().partition(|finding| finding.severity == Severity::Error);
    let told = if errors.len() > 1 { errors.as_slice() } else { &[] };
    for finding in others.iter().chain(told) {
        say(&format!("{}[{}]: {}\n", finding.severity, inert(finding.rule.as_str()), inert(&finding.message)));
        for (what, words) in [("note", &finding.note), ("help", &finding.help)] {
            words.iter().for_each(|words| say(&format!("  = {what}: {}\n", inert(words))));
        }
    }
    match errors.as_slice() {
        [] => Ok(()),
        [one] => {
            let stop = Stop::refused(format!("the plan breaks the policy `{}`: {}", one.rule, one.message));
            Err(one.help.iter().fold(stop, |stop, help| stop.help(help.clone())).into())
        }
        several => {
            let each: Vec<String> =
                several.iter().map(|finding| format!("`{}`: {}", finding.rule, finding.message)).collect();
            let stop = Stop::refused(format!("the plan breaks policies {} times, see above", each.len()));
            Err(Refusal { stop, reason: format!("the plan breaks policies: {}", each.join("; ")) })
        }
    }
}

/// Where the run is written down.
fn journal_path(dir: &Path, plan: &Plan, asked: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    if let Some(path) = asked {
        return Ok(path);
    }
    let own = dir.join(".weir");
    let folder = own.join("journal");
    fs::create_dir_all(&folder).with_context(|| format!("the folder `{}` cannot be made", folder.display()))?;
    let ignore = own.join(".gitignore");
    if !ignore.exists() {
        // What runs leave behind is no part of the workspace.
        fs::write(&ignore, "*\n").with_context(|| format!("`{}` cannot be written", ignore.display()))?;
    }
    let digest: String = plan.digest.0.trim_start_matches("sha256:").chars().take(12).collect();
    Ok(folder.join(format!("{digest}.jsonl")))
}

/// Shows a run on the terminal.
struct Bar(weir_cli::Progress);

impl weir_deployment::Progress for Bar {
    fn started(&self, step: &Step) {
        self.0.now(step.id.0.as_str());
    }

    fn finished(&self, _: &Step, _: &StepReceipt) {
        self.0.done();
    }
}
